"""The ways to people that connections set up: mail, webhook, Apprise. Each takes a composed message or says why not.

A channel whose connection is not defined is not set up, which is no failure. What went wrong with one that is, is
told without its address: a webhook's URL is a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from include.alerting import redact

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from include.alerting.message import Message

CONNECTIONS = {"mail": "lastgood_smtp", "webhook": "lastgood_webhook", "apprise": "lastgood_apprise"}
_LIBRARIES = {
    "mail": ("lastgood.notifiers.mail", "encodings.idna"),
    "webhook": ("include.upstream.deadline", "requests", "encodings.idna"),
    "apprise": ("apprise",),
}
"""What the senders need, imported before their threads begin. A timeout that interrupts the import of pyarrow leaves
Python's import lock with the main thread once that imports it again, and a thread that imports waits for ever."""
CONNECT_SECONDS = 4
ANSWER_SECONDS = 8
ALL_SECONDS = 12
"""For all channels together, since Airflow ends a failed task 20 seconds later, with its callbacks; the registry and
the store take up to seven of them."""


@dataclass(frozen=True, slots=True)
class Address:
    """A connection's fields, read before the threads begin.

    Airflow's own object tells the process above of every secret that is looked at. On the triggerer of 3.2 a thread
    that is not of Airflow's making mixes up the answers by that, and the triggerer dies.
    """

    conn_id: str
    host: str | None
    schema: str | None
    port: int | None
    login: str | None
    password: str | None
    extra_dejson: Mapping[str, Any]

    @classmethod
    def of(cls, connection: Connection) -> Address:
        """The fields of a connection."""
        return cls(**{name: getattr(connection, name) for name in cls.__dataclass_fields__})


Sender = Callable[[Address, "Message", Sequence[str] | None], None]


class NotDelivered(RuntimeError):
    """A channel that is set up did not take a message; the sentence names no secret."""


def log_folder() -> Path:
    """Where Airflow's logs are, and the alerts with them."""
    from airflow.configuration import conf

    return Path(conf.get("logging", "base_log_folder"))


def send(names: Sequence[str], message: Message, to: Sequence[str] | None) -> dict[str, str | None]:
    """Give a message to channels at once; None for each that took it, else why not. Leaves out what is not set up."""
    results: dict[str, str | None] = {}
    under_way: dict[str, Future[None]] = {}
    for name in names:
        try:
            address = _address(name)
        except Exception as error:  # noqa: BLE001 - no channel's fault may keep a message from the others
            results[name] = _why(error)
            continue
        if address is not None:
            for library in _LIBRARIES[name]:
                with suppress(ImportError):  # its sender says so
                    import_module(library)
            under_way[name] = _begun(_SENDERS[name], address, message, to)
    wait(under_way.values(), timeout=ALL_SECONDS)
    for name, future in under_way.items():
        if not future.done():
            results[name] = f"no end within {ALL_SECONDS} seconds"
        else:
            fault = future.exception()
            results[name] = None if fault is None else _why(fault)
    return results


def _begun(sender: Sender, address: Address, message: Message, to: Sequence[str] | None) -> Future[None]:
    """Have a thread send it. The process may end before: a server that drips its answer would hold it for hours."""
    done: Future[None] = Future()

    def work() -> None:
        try:
            sender(address, message, to)
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            done.set_exception(error)
        else:
            done.set_result(None)

    Thread(target=work, name="alert", daemon=True).start()
    return done


def _address(name: str) -> Address | None:
    """Where a channel leads; None where it is not set up. Raises NotDelivered for a channel that is not there."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    if name not in CONNECTIONS:
        raise NotDelivered(f"there is no channel {name!r}; there are: {', '.join(CONNECTIONS)}")
    try:
        return Address.of(BaseHook.get_connection(CONNECTIONS[name]))
    except AirflowNotFoundException:
        return None


def is_set_up(name: str) -> bool:
    """Whether a channel has a connection; also where that cannot be told."""
    try:
        return _address(name) is not None
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is there
        return True


def _why(error: BaseException) -> str:
    if isinstance(error, NotDelivered):
        return str(error)
    return redact.text(f"{type(error).__name__}: {error}")


def to_mail(address: Address, message: Message, to: Sequence[str] | None) -> None:
    """A mail to the route's recipients, else to those in the connection's extra as `to`."""
    from lastgood.notifiers.mail import MailHook

    recipients = _recipients(address, to)
    with MailHook(address) as hook:
        hook.deliver(message.subject, message.text, message.html, recipients, message.attachments)


def _recipients(address: Address, to: Sequence[str] | None = None) -> Any:
    extra = address.extra_dejson
    recipients = list(to) if to else extra.get("to")
    for field, value in {"to": recipients, "from_email": extra.get("from_email")}.items():
        if not value:
            raise NotDelivered(f"the connection {CONNECTIONS['mail']} has no `{field}` in its extra")
    return recipients


def to_webhook(address: Address, message: Message, to: Sequence[str] | None) -> None:
    """A POST in Slack's form or in plain JSON, as the connection's extra `form` says."""
    form = _form(address)
    ask("POST", webhook_url(address), message.slack if form == "slack" else message.plain)


def _form(address: Address) -> str:
    form = address.extra_dejson.get("form", "json")
    if form not in ("slack", "json"):
        raise NotDelivered(
            f'the connection {CONNECTIONS["webhook"]} has the form {form!r}; it is "slack" or "json"'
        )
    return str(form)


def ask(method: str, url: str, body: Any = None) -> None:
    """Call a URL that is a secret. Raises NotDelivered, which names only its host, where the answer is no 2xx."""
    import requests

    from include.upstream.deadline import TimedAdapter, within

    host = urlsplit(url).hostname
    try:
        with requests.Session() as session, within(ANSWER_SECONDS):
            for scheme in ("http://", "https://"):
                session.mount(scheme, TimedAdapter())
            with session.request(
                method,
                url,
                json=body,
                auth=lambda request: request,  # else a .netrc would add a login
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
                stream=True,  # the answer's body is of no use and stays unread
            ) as answer:
                status = answer.status_code
    except (requests.RequestException, ValueError) as error:
        raise NotDelivered(f"{host}: {type(error).__name__}") from None  # its text has the whole URL
    if not requests.codes.ok <= status < requests.codes.multiple_choices:
        raise NotDelivered(f"{host} answered {status}")


def webhook_url(connection: Connection | Address) -> str:
    """Scheme, host, port and path of the connection, and its password as the last, secret part of the path.

    The host may be written with a scheme and a path; https is meant where there is no scheme. Raises NotDelivered.
    """
    host, scheme = connection.host or "", connection.schema or ""
    if "://" not in host:
        host = f"{scheme if scheme in ('http', 'https') else 'https'}://{host}"
    parts = urlsplit(host)
    secret = (connection.password or "").lstrip("/")
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in host + secret):
        raise NotDelivered(
            f"the connection {connection.conn_id} makes no URL: give a host, the secret part as password"
        )
    port = "" if parts.port or not connection.port else f":{connection.port}"
    base = f"{parts.scheme}://{parts.netloc}{port}{parts.path.rstrip('/')}"
    return f"{base}/{secret}" if secret else base


def to_apprise(address: Address, message: Message, to: Sequence[str] | None) -> None:
    """Whatever the URLs in the connection's password lead to. Apprise says False rather than why."""
    sender = _apprise(address)
    try:
        taken = sender.notify(title=message.subject, body=message.text)
    except Exception as error:  # noqa: BLE001 - of any kind, and its text may have a URL
        raise NotDelivered(f"Apprise: {type(error).__name__}") from None
    if not taken:
        raise NotDelivered("Apprise could not deliver to all of its URLs")


def _apprise(address: Address) -> Any:
    try:
        import apprise
    except ImportError:
        raise NotDelivered(
            f"the connection {CONNECTIONS['apprise']} is set, but the package apprise is not installed"
        ) from None
    sender = apprise.Apprise()
    urls = (address.password or "").split()
    for number, url in enumerate(urls, start=1):
        if not sender.add(url):
            raise NotDelivered(f"Apprise cannot read URL {number} of the connection {CONNECTIONS['apprise']}")
    if not urls:
        raise NotDelivered(f"the connection {CONNECTIONS['apprise']} has no URLs in its password")
    return sender


def prove(name: str, address: Address) -> None:
    """Whether a channel has what it needs, without sending anything. Raises NotDelivered."""
    match name:
        case "mail":
            _recipients(address)
        case "webhook":
            _form(address)
            webhook_url(address)
        case "apprise":
            _apprise(address)


_SENDERS: dict[str, Sender] = {
    "mail": to_mail,
    "webhook": to_webhook,
    "apprise": to_apprise,
}
