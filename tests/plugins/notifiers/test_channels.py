"""Each channel against a real server: what it sends, when it calls that delivered, and what its errors give away."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from include.alerting.message import Message
from lastgood.notifiers import channels

SECRET = "hooksecretcanary"
MESSAGE = Message(
    subject="ctgov.extract failed",
    text="plain words – ü",
    html="<p>marked words – ü</p>",
    slack={"text": "slack words"},
    plain={"title": "json words"},
)


def send(*names: str, to: list[str] | None = None) -> dict[str, str | None]:
    return channels.send(names, MESSAGE, to)


def define(monkeypatch: pytest.MonkeyPatch, name: str, **fields: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{channels.CONNECTIONS[name].upper()}", json.dumps(fields))


def test_what_is_not_set_up_is_left_out_and_no_failure() -> None:
    assert send("mail", "webhook", "apprise") == {}


def test_a_channel_that_does_not_exist_is_named() -> None:
    assert "no channel 'pigeon'" in str(send("pigeon")["pigeon"])


def test_a_mail_has_text_and_html_and_goes_to_the_connections_people(mailbox: list[EmailMessage]) -> None:
    assert send("mail") == {"mail": None}
    (mail,) = mailbox
    assert (mail["Subject"], mail["To"], mail["From"]) == (
        "ctgov.extract failed",
        "oncall@test.example",
        "lastgood@test.example",
    )
    assert mail["Message-ID"] and mail["Date"] and mail["Auto-Submitted"] == "auto-generated"
    bodies = {part.get_content_type(): part.get_content().strip() for part in mail.iter_parts()}
    assert mail.get_content_type() == "multipart/alternative"
    assert bodies == {"text/plain": MESSAGE.text, "text/html": MESSAGE.html}


def test_a_mail_goes_to_the_routes_people_instead(mailbox: list[EmailMessage]) -> None:
    assert send("mail", to=["a@test.example", "b@test.example"]) == {"mail": None}
    assert mailbox[0]["To"] == "a@test.example, b@test.example"


def test_a_mail_server_that_is_down_is_an_error_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    define(
        monkeypatch,
        "mail",
        conn_type="smtp",
        host="127.0.0.1",
        port=port,
        login="u",
        password=SECRET,
        extra={"from_email": "a@test.example", "to": "b@test.example", "disable_ssl": True},
    )
    why = send("mail")["mail"]
    assert why is not None and "ConnectionRefusedError" in why and SECRET not in why


@pytest.mark.parametrize(
    ("extra", "field"), [({"from_email": "a@b.example"}, "to"), ({"to": "a@b.example"}, "from_email")]
)
def test_a_mail_connection_without_sender_or_recipients_says_so(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, str], field: str
) -> None:
    define(monkeypatch, "mail", conn_type="smtp", host="127.0.0.1", extra=extra)
    assert send("mail") == {"mail": f"the connection lastgood_smtp has no `{field}` in its extra"}


@pytest.mark.parametrize(("form", "body"), [("json", MESSAGE.plain), ("slack", MESSAGE.slack)])
def test_a_webhook_gets_slacks_form_or_plain_json(
    webhook: list[Any], define_webhook: Callable[..., None], form: str, body: Any
) -> None:
    define_webhook(extra={"form": form})
    assert send("webhook") == {"webhook": None}
    assert webhook == [body]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_2xx_is_a_yes_and_the_error_does_not_name_the_url(
    httpserver: HTTPServer, define_webhook: Callable[..., None], status: int
) -> None:
    define_webhook()
    httpserver.expect_request("/elsewhere").respond_with_data("ok")
    where = {"Location": httpserver.url_for("/elsewhere")}
    httpserver.expect_request(f"/services/T0CANARY/B0CANARY/{SECRET}").respond_with_data(
        SECRET, status=status, headers=where
    )
    assert send("webhook") == {"webhook": f"localhost answered {status}"}
    assert len(httpserver.log) == 1, "a redirect is not followed"


def test_a_webhook_that_is_down_is_named_by_its_host_alone(
    httpserver: HTTPServer, define_webhook: Callable[..., None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        define_webhook(port=free.getsockname()[1])
    assert send("webhook") == {"webhook": "localhost: ConnectionError"}


def test_a_webhook_of_an_unknown_form_or_without_a_host_says_so(define_webhook: Callable[..., None]) -> None:
    define_webhook(extra={"form": "teams"})
    assert "form 'teams'" in str(send("webhook")["webhook"])
    define_webhook(host="", extra={})
    why = str(send("webhook")["webhook"])
    assert "lastgood_webhook" in why and SECRET not in why


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "hooks.example/services"}, "https://hooks.example/services/s/e"),
        ({"host": "hooks.example", "schema": "http", "port": 81}, "http://hooks.example:81/s/e"),
        ({"host": "https://hooks.example:8443/a/"}, "https://hooks.example:8443/a/s/e"),
        ({"host": "hooks.example/a/b", "password": None}, "https://hooks.example/a/b"),
    ],
)
def test_the_url_is_the_connections_with_the_password_last(fields: dict[str, Any], url: str) -> None:
    connection: Any = SimpleNamespace(
        **{"conn_id": "hook", "host": "", "schema": "", "port": None, "password": "/s/e", **fields}
    )
    assert channels.webhook_url(connection) == url


def test_one_broken_channel_does_not_stop_the_others(
    mailbox: list[EmailMessage], webhook: list[Any], define_webhook: Callable[..., None]
) -> None:
    define_webhook(extra={"form": "json"}, password="wrong")
    results = send("webhook", "mail", "pigeon")
    assert results["mail"] is None and results["webhook"] and results["pigeon"]
    assert len(mailbox) == 1 and not webhook


def test_a_channel_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, webhook: list[Any]
) -> None:
    from threading import Event

    over = Event()
    monkeypatch.setattr(channels, "ALL_SECONDS", 0.1)
    monkeypatch.setitem(channels._SENDERS, "mail", lambda *_: over.wait(10))
    define(monkeypatch, "mail", conn_type="smtp", host="127.0.0.1")
    assert send("mail") == {"mail": "no end within 0.1 seconds"}
    over.set()


def test_a_webhook_that_drips_its_headers_is_left_in_time(
    monkeypatch: pytest.MonkeyPatch, define_webhook: Callable[..., None]
) -> None:
    monkeypatch.setattr(channels, "ANSWER_SECONDS", 0.3)
    with dripping(b"HTTP/1.1 200 OK\r\n" + b"X-More: x\r\n" * 1000) as port:
        define_webhook(port=port)
        began = time.monotonic()
        assert send("webhook") == {"webhook": "localhost: ReadTimeout"}
        assert time.monotonic() - began < 5


def test_a_mail_server_that_drips_its_greeting_holds_neither_the_caller_nor_the_end_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channels, "ALL_SECONDS", 0.3)
    extra = {"from_email": "a@test.example", "to": "b@test.example", "disable_ssl": True}
    with dripping(b"220-hello\r\n" * 1000) as port:
        define(monkeypatch, "mail", conn_type="smtp", host="127.0.0.1", port=port, extra=extra)
        assert send("mail") == {"mail": "no end within 0.3 seconds"}
        assert all(thread.daemon for thread in threading.enumerate() if thread.name == "alert")


@contextmanager
def dripping(answer: bytes) -> Iterator[int]:
    """A server that sends a byte every 20 ms, to each who connects; its port."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    for position in range(len(answer)):
                        connection.sendall(answer[position : position + 1])
                        if over.wait(0.02):
                            return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_no_thread_of_ours_looks_at_airflows_own_connection(
    mailbox: list[EmailMessage], webhook: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the triggerer of Airflow 3.2 that ends the triggerer: its answers get mixed up."""
    from threading import current_thread, main_thread

    from airflow.sdk.definitions import connection

    masked_by = []
    monkeypatch.setattr(
        connection, "mask_secret", lambda *_: masked_by.append(current_thread()), raising=False
    )
    monkeypatch.setattr("airflow.sdk.log.mask_secret", lambda *_: masked_by.append(current_thread()))
    assert send("mail", "webhook") == {"mail": None, "webhook": None}
    assert masked_by and set(masked_by) == {main_thread()}


def test_apprise_sends_to_its_urls_and_its_false_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/good").respond_with_data("ok")
    httpserver.expect_request("/bad").respond_with_data("no", status=500)
    base = f"json://u:{SECRET}@{httpserver.host}:{httpserver.port}"
    define(monkeypatch, "apprise", conn_type="generic", password=f"{base}/good")
    assert send("apprise") == {"apprise": None}
    assert MESSAGE.text in json.loads(httpserver.log[0][0].data)["message"]
    define(monkeypatch, "apprise", conn_type="generic", password=f"{base}/good\n{base}/bad")
    assert send("apprise") == {"apprise": "Apprise could not deliver to all of its URLs"}


@pytest.mark.parametrize(
    ("password", "why"),
    [(f"nosuch://{SECRET}", "Apprise cannot read URL 1 of the"), ("", "has no URLs in its password")],
)
def test_an_apprise_connection_that_cannot_be_read_says_so_without_the_url(
    monkeypatch: pytest.MonkeyPatch, password: str, why: str
) -> None:
    define(monkeypatch, "apprise", conn_type="generic", password=password)
    said = str(send("apprise")["apprise"])
    assert why in said and SECRET not in said


def test_without_the_package_an_apprise_connection_is_a_clear_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    define(monkeypatch, "apprise", conn_type="generic", password="json://localhost")
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert "the package apprise is not installed" in str(send("apprise")["apprise"])
