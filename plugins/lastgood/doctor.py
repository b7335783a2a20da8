"""What the doctor sees through Airflow: connections, Variables, options, DAGs, channels and upstreams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

from include import release, settings
from include.monitoring.doctor import (
    Check,
    Finding,
    Inspection,
    advice,
    examine,
    from_inside,
    safely,
    unchecked,
    well,
    wrong,
)
from include.settings import Setting
from include.sources import source as sources
from include.sources.source import Spec

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.registry.registry import Registry
    from include.storage.store import Store

SYSTEM_DAGS = ("lastgood_watch", "lastgood_recovery", "lastgood_retention")
BACKUP_DAG = "lastgood_backup"
FORM_DAGS = (
    "lastgood_accept",
    "lastgood_rollback",
    "lastgood_hold",
    "lastgood_release",
    "lastgood_pin",
    "lastgood_retry",
    "lastgood_replay",
    "lastgood_verify",
    "lastgood_rebuild_registry",
    "lastgood_doctor",
)
LOCAL_EXECUTORS = ("LocalExecutor", "SequentialExecutor")
"""Their tasks run on one machine."""
CONNECT_SECONDS, READ_SECONDS, ANSWER_SECONDS = 5.0, 10.0, 15.0
HEALTH = "/api/v2/monitor/health"


def look_at_all(
    registry: Registry, context: Context, now: datetime, *, watching: bool = False, test_message: bool = False
) -> tuple[list[Finding], Store | None]:
    """Everything there is to find, and the store if it can be opened. A test message goes out only if asked for."""
    from lastgood.hooks.store import backup_root, store

    specs = {name: sources.spec(name) for name in sources.names()}
    without_host = frozenset(
        name
        for name, spec in specs.items()
        if spec.without_host is not None
        and not getattr(_connection(spec.connection), "host", None)
        and not (spec.inbox and _variable(spec.inbox))
    )
    root = _opened(store)
    inspection = Inspection(
        registry=registry,
        store=root,
        backup=_opened(backup_root),
        now=now,
        specs=specs,
        scratch=_connection("lastgood_scratch") is not None,
        paused=_paused(context, list(specs)),
        without_host=without_host,
        watching=watching,
    )
    checks: dict[str, Check] = {
        "connections": _connections,
        "upstreams": _upstreams,
        "inboxes": _inboxes,
        "channels": _channels,
        "Airflow": _options,
        "store on a disk": _shared,
        "Airflow's parts": _parts,
        "DAGs": lambda inspection: _dags(context, inspection),
    }
    if test_message:
        checks["test message"] = _test_messages
    found = examine(inspection) + from_inside(safely(checks, inspection))
    return found, None if isinstance(root, str) else root


def _opened(open_root: Any) -> Any:
    """A root, or the sentence that says why it cannot be opened."""
    try:
        return open_root()
    except Exception as error:  # noqa: BLE001 - every file system has errors of its own
        return f"{type(error).__name__}: {error}"


def _connection(name: str) -> Any:
    """A connection, or None where it is not defined."""
    from airflow.sdk import BaseHook

    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None


def _variable(name: str) -> str | None:
    """A Variable, or None where it is not set."""
    from airflow.sdk import Variable

    value: str | None = Variable.get(name, default=None)
    return value


def _set(setting: Setting) -> str:
    """How to set a connection."""
    return f"Set it in Airflow under Admin, Connections, or as {setting.variable} (docs/operations.md)."


def _connections(inspection: Inspection) -> Iterator[Finding]:
    for setting in settings.everything():
        if setting.kind == "connection" and setting.required:
            if _connection(setting.name) is None:
                yield wrong(
                    f"connection {setting.name}", f"It is not there. {setting.missing}", _set(setting)
                )
            else:
                yield well(f"connection {setting.name}")
    for name, spec in inspection.specs.items():
        for key in spec.keys if name not in inspection.without_host else ():
            if getattr(_connection(key), "password", None):
                yield well(f"connection {key}")
            else:
                setting = settings.by_name(key)
                yield wrong(f"connection {key}", f"It holds no key. {setting.missing}", _set(setting))
    deadman = settings.by_name("lastgood_deadman")
    if _connection(deadman.name) is None:
        yield advice("dead man's endpoint", f"There is none. {deadman.missing}", _set(deadman))
    else:
        yield well("dead man's endpoint")


def _upstreams(inspection: Inspection) -> Iterator[Finding]:
    """Each upstream is asked for a few bytes, once."""
    for name, spec in inspection.specs.items():
        if (
            not spec.derived
            and name not in inspection.without_host
            and _connection(spec.connection) is not None
        ):
            yield from _upstream(inspection.registry, spec)


def _upstream(registry: Registry, spec: Spec) -> Iterator[Finding]:
    from include.registry.breaker import Breaker
    from include.registry.lease import Lease, held
    from include.upstream.answers import BreakerOpen, LeaseHeld, UpstreamError
    from include.upstream.limits import BadSetting
    from lastgood.hooks.upstream import UpstreamHook

    what = f"upstream {spec.name}"
    lease = Lease(registry, spec.connection, "the doctor")
    breaker = Breaker(registry.connect, spec.connection)
    hook = UpstreamHook(
        spec.connection, spec.limits, breaker, lease, spec.classifier, spec.throttle_hint, spec.options
    )
    try:
        session = hook.session()
        session.limits = replace(
            session.limits,
            attempts=1,
            timeout_seconds=(CONNECT_SECONDS, READ_SECONDS),
            total_seconds=ANSWER_SECONDS,
        )
        if spec.small is None:
            yield unchecked(what, "Its spec names nothing small to ask it for.")
            return
        with held(lease, patience=0):
            session.get(spec.small)
    except BadSetting as error:
        yield wrong(what, str(error), _set(settings.by_name(spec.connection)))
    except LeaseHeld as busy:
        yield well(what, f"is being asked at this moment: {busy}")
    except BreakerOpen as left_alone:
        yield advice(what, str(left_alone), "Look at the upstream's own status page, or wait.")
    except UpstreamError as error:
        yield wrong(
            what,
            str(error),
            f"Look at the host in {spec.connection}, at proxy and firewall, at the upstream's own status.",
        )
    else:
        yield well(what, "answers")


def _inboxes(inspection: Inspection) -> Iterator[Finding]:
    """Each inbox that is named can be listed."""
    from lastgood.hooks.store import inbox

    for spec in inspection.specs.values():
        if spec.inbox is None or not _variable(spec.inbox):
            continue
        what, setting = f"inbox of {spec.name}", settings.by_name(spec.inbox)
        remedy = f"Set the Variable {setting.name} ({setting.variable}), or make the folder."
        found = _opened(partial(inbox, spec.inbox))
        if isinstance(found, str):
            yield wrong(what, found, remedy)
            continue
        try:
            yield well(what, f"{found.uri}: {len(found.files())} files")
        except OSError as error:
            yield wrong(what, str(error), remedy)


def _channels(inspection: Inspection) -> Iterator[Finding]:
    """At least one channel is set up, and each could send."""
    from lastgood.notifiers import channels

    there = {name: _connection(conn_id) for name, conn_id in channels.CONNECTIONS.items()}
    if not any(there.values()):
        yield wrong(
            "channels",
            "None is set up: alerts go to the log file alone, and nobody hears of anything.",
            f"Set one of the connections {', '.join(channels.CONNECTIONS.values())} (docs/operations.md).",
        )
    for name, connection in there.items():
        if connection is None:
            continue
        try:
            channels.prove(name, channels.Address.of(connection))
        except channels.NotDelivered as error:
            yield wrong(f"channel {name}", f"It cannot send: {error}.", "Mend that connection.")
        else:
            yield well(f"channel {name}")


def _test_messages(inspection: Inspection) -> Iterator[Finding]:
    """A message through each channel that is set up; who asked for it sees whether it was taken."""
    from include.alerting import message
    from lastgood.notifiers import channels

    trial = message.trial(release.environment(), inspection.now)
    for name, error in channels.send(list(channels.CONNECTIONS), trial, None).items():
        if error is None:
            yield well(f"test message by {name}", "was taken")
        else:
            yield wrong(f"test message by {name}", f"It was not taken: {error}.", "Mend that connection.")


def _options(inspection: Inspection) -> Iterator[Finding]:
    """Options of Airflow that the promises need."""
    from airflow.configuration import conf

    for setting in settings.everything():
        if setting.at_most is None:
            continue
        section, _, option = setting.name.partition(".")
        found = float(conf.get(section, option, fallback="inf"))
        if found > setting.at_most:
            yield wrong(
                f"option {option}",
                f"It is {found:g} seconds. {setting.missing}",
                f"Set {setting.variable} to {setting.at_most:g}, for every part of Airflow.",
            )
        else:
            yield well(f"option {option}", f"{found:g}")
    base = conf.get("api", "base_url", fallback="")
    if not base or urlsplit(base).hostname in {"localhost", None}:
        setting = settings.by_name("api.base_url")
        yield advice(
            "option base_url",
            setting.missing,
            f"Set {setting.variable} to the address of the UI as people reach it.",
        )
    else:
        yield well("option base_url", base)


def _shared(inspection: Inspection) -> Iterator[Finding]:
    """A store on a disk is one that every worker sees."""
    from airflow.configuration import conf

    executor = conf.get("core", "executor")
    if isinstance(inspection.store, str) or not inspection.store.local:
        return
    kinds = {each.strip().rpartition(":")[2].rpartition(".")[2] for each in executor.split(",")}
    root = Path(inspection.store.root)
    own = next(path for path in (root, *root.parents) if path.is_mount()) != Path("/")
    if kinds <= set(LOCAL_EXECUTORS) or own:
        yield well("store on a disk", f"{executor}, {'a mount' if own else 'one machine'}")
    else:
        yield wrong(
            "store on a disk",
            f"{inspection.store.uri} lies on this worker's own disk, and {executor} runs tasks on several.",
            "Set the Variable lastgood_root to s3://… or to a folder that every worker mounts.",
        )


def _parts(inspection: Inspection) -> Iterator[Finding]:
    """What Airflow says of its own parts, which needs no login."""
    import requests
    from airflow.configuration import conf

    within = conf.get("core", "execution_api_server_url", fallback="") or conf.get(
        "api", "base_url", fallback=""
    )
    url = within.rstrip("/").removesuffix("/execution") + HEALTH
    try:
        health = requests.get(url, timeout=(CONNECT_SECONDS, READ_SECONDS)).json()
        states = {part: str(health[part]["status"]) for part in ("scheduler", "dag_processor")}
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        yield unchecked("Airflow's parts", f"{HEALTH} was not answered: {type(error).__name__}.")
        return
    for part, state in states.items():
        if state == "healthy":
            yield well(part)
        else:
            yield wrong(part, f"Airflow says that it is {state}.", "Start it again; see its log.")


def _paused(context: Context, dags: list[str]) -> Mapping[str, bool | None]:
    """Whether DAGs are paused; None for one that is not there. Empty where Airflow cannot be asked."""
    ask = getattr(context.get("ti"), "get_dag", None)
    found: dict[str, bool | None] = {}
    if ask is None:
        return found
    for dag in dags:
        try:
            found[dag] = bool(ask(dag).is_paused)
        except AirflowRuntimeError:
            found[dag] = None
    return found


def _dags(context: Context, inspection: Inspection) -> Iterator[Finding]:
    """Lastgood's own DAGs are there and not paused."""
    needed = (*SYSTEM_DAGS, *([BACKUP_DAG] if inspection.backup is not None else []))
    found = _paused(context, [*needed, *FORM_DAGS])
    if not found:
        yield unchecked("DAGs", "Airflow was not asked whether they are paused.")
        return
    if gone := [dag for dag, paused in found.items() if paused is None]:
        yield wrong(
            "DAGs", f"Airflow has no {', '.join(gone)}.", "Deploy dags/operations; see the import errors."
        )
    if asleep := [dag for dag in needed if found[dag]]:
        yield wrong(
            "DAGs", f"Paused: {', '.join(asleep)}.", "Unpause them: nothing is watched or mended meanwhile."
        )
    if asleep := [dag for dag in FORM_DAGS if found[dag]]:
        yield advice(
            "DAGs", f"Paused: {', '.join(asleep)}.", "Unpause them: a form waits in vain until then."
        )
    if not any(found.values()) and None not in found.values():
        yield well("DAGs", "run")
