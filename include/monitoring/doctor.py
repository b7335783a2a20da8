"""The doctor: whether a deployment is set up as the promises need it, and what to do about what is not.

Here is what the registry and the store tell; what Airflow alone knows (connections, Variables, its options and DAGs) is
looked at in plugins/lastgood/doctor.py. Findings of both are kept in monitoring/doctor.json in the store.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import psycopg

from include import release, settings
from include.alerting import redact
from include.alerting.alert import SYSTEM, Alert
from include.formatting import span
from include.monitoring import heartbeat
from include.publishing import manifest as manifests
from include.publishing import pointers
from include.registry import run_history
from include.registry.connection import error_summary, revisions
from include.registry.registry import Registry
from include.sources.source import Spec
from include.storage.store import Store

KIND = "setup"
"""The alert that tells what is wrong."""
KEY = "monitoring/doctor.json"
AGAIN_AFTER = timedelta(days=1)
AGAIN_WHILE_WRONG = timedelta(hours=1)
CLOCK_ADVICE, CLOCK_WRONG = timedelta(seconds=5), timedelta(seconds=60)
CHARACTERS = 480
log = logging.getLogger(__name__)

Level = Literal["wrong", "advice", "unchecked", "well"]
HEADS: Mapping[Level, str] = {"wrong": "WRONG", "advice": "BETTER OTHERWISE", "unchecked": "NOT LOOKED AT"}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found. `wrong`: something promised does not work; `unchecked`: it could not be looked at."""

    level: Level
    what: str
    says: str
    remedy: str = ""
    inside: bool = False
    """Only seen from where tasks run, as the settings of the deployment are."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """doctor.json: what was found when, and by whom."""

    at: datetime
    by: str
    findings: tuple[Finding, ...]


def wrong(what: str, says: str, remedy: str) -> Finding:
    """Something promised does not work."""
    return Finding(level="wrong", what=what, says=says, remedy=remedy)


def advice(what: str, says: str, remedy: str) -> Finding:
    """Everything works, and something should be otherwise."""
    return Finding(level="advice", what=what, says=says, remedy=remedy)


def unchecked(what: str, says: str, remedy: str = "") -> Finding:
    """It could not be told."""
    return Finding(level="unchecked", what=what, says=says, remedy=remedy)


def well(what: str, says: str = "") -> Finding:
    """As it should be."""
    return Finding(level="well", what=what, says=says)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is looked at, and when. A root that cannot be opened is the sentence that says so."""

    registry: Registry
    store: Store | str
    backup: Store | str | None
    now: datetime
    specs: Mapping[str, Spec]
    scratch: bool = False
    """Whether the connection lastgood_scratch is set."""
    paused: Mapping[str, bool | None] = field(default_factory=dict)
    """DAGs of which it is known whether they are paused; None for one that is not there."""
    without_host: frozenset[str] = frozenset()
    """Sources that are not collected on purpose."""
    watching: bool = False
    """Whether the watch looks: that it runs need not be proven then."""


Check = Callable[[Inspection], Iterator[Finding]]


def examine(inspection: Inspection) -> list[Finding]:
    """Everything that registry and store tell who knows the deployment's settings."""
    found = outside(inspection)
    known = {"backup": backup_works, "environment": names}
    if _answers(found):
        known = {"sources": published, **known}
    with inspection.registry.session():
        return found + from_inside(safely(known, inspection))


def outside(inspection: Inspection) -> list[Finding]:
    """What registry and store tell anybody."""
    found = safely({"registry": registry_answers}, inspection)
    if _answers(found):
        with inspection.registry.session():
            found += safely(OF_THE_REGISTRY, inspection)
    return found + safely({"store": store_works}, inspection)


def _answers(found: Iterable[Finding]) -> bool:
    return all(each.level != "wrong" for each in found if each.what == "registry")


def from_inside(found: Iterable[Finding]) -> list[Finding]:
    """Findings, marked as only seen from where tasks run."""
    return [msgspec.structs.replace(each, inside=True) for each in found]


def from_outside(inspection: Inspection, last: Record | None) -> list[Finding]:
    """Registry and store as they are now, and what was seen from inside when somebody last looked there."""
    if last is None:
        says = "Connections, Variables, channels, upstreams and DAGs: nobody has looked yet."
        seen = [unchecked("deployment", says, "Trigger the DAG lastgood_doctor.")]
    else:
        seen = [each for each in last.findings if each.inside]
    return outside(inspection) + seen


def safely(checks: Mapping[str, Check], inspection: Inspection) -> list[Finding]:
    """Apply checks; one that fails is told of and stops no other."""
    found: list[Finding] = []
    for what, check in checks.items():
        try:
            # An error's words may hold what is nobody's affair.
            found += [
                msgspec.structs.replace(each, says=redact.text(each.says)) for each in check(inspection)
            ]
        except Exception as error:
            # Of any kind: the doctor is there for what nobody foresaw.
            log.exception("the check %s failed", what)
            found.append(unchecked(what, redact.text(f"{type(error).__name__}: {error_summary(error)}")))
    return found


# --- the registry ---


def registry_answers(inspection: Inspection) -> Iterator[Finding]:
    """It can be reached, is no replica, and keeps a session."""
    where = settings.by_name("lastgood_registry")
    try:
        with inspection.registry.connect() as connection:
            version, replica, backend = _row(
                connection, "SELECT current_setting('server_version'), pg_is_in_recovery(), pg_backend_pid()"
            )
            connection.commit()
            (again,) = _row(connection, "SELECT pg_backend_pid()")
    except Exception as error:  # noqa: BLE001 - also a driver that is missing, a connection that is not defined
        yield wrong(
            "registry",
            f"It does not answer: {type(error).__name__}: {error_summary(error)}",
            f"Set the connection {where.name} right ({where.variable}), or bring the database back.",
        )
        return
    if replica:
        yield wrong(
            "registry",
            "The database is a replica that takes no writes.",
            f"Let the connection {where.name} lead to the primary.",
        )
    if backend != again:
        yield wrong(
            "registry",
            "A pooler gives each transaction another session, so time limits and names of sessions are lost.",
            f"Let the connection {where.name} lead to PostgreSQL itself, or have the pooler keep sessions.",
        )
    yield well("registry", f"PostgreSQL {version}")


def revision(inspection: Inspection) -> Iterator[Finding]:
    """The schema is that of this release."""
    found, head = inspection.registry.revision(), revisions()[-1]
    if found == head:
        yield well("revision", str(found))
    elif found is None:
        yield advice(
            "revision",
            "The registry has no schema yet.",
            "The first task of any DAG makes it, or the command migrate.",
        )
    elif found > head:
        yield wrong(
            "revision",
            f"The registry is at revision {found}, which this release does not know (it goes up to {head}).",
            "Deploy a release at least as new as the one that used it last.",
        )
    else:
        yield advice(
            "revision",
            f"The registry is at revision {found}, this release needs {head}.",
            "The next task of any DAG brings it up to date, or the command migrate.",
        )


def rights(inspection: Inspection) -> Iterator[Finding]:
    """The user may make and change what migrations make and change, and write everywhere."""
    with inspection.registry.connect() as connection:
        user, database, may_create, may_make_databases = _row(
            connection,
            "SELECT current_user, current_database(), has_database_privilege(current_database(), 'CREATE'), "
            "(SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user)",
        )
        schemas = {name for (name,) in connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname IN ('lastgood', 'published')"
        )}  # fmt: skip
        closed = [name for (name,) in connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname IN ('lastgood', 'published') "
            "AND NOT has_schema_privilege(oid, 'CREATE, USAGE')"
        )]  # fmt: skip
        others = [name for (name,) in connection.execute(
            "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('lastgood', 'published') AND c.relkind IN ('r', 'p') "
            "AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1"
        )]  # fmt: skip
    well_so_far = True
    if not may_create and {"lastgood", "published"} - schemas:
        well_so_far = False
        yield wrong(
            "rights",
            f"The user {user} may not make schemas in the database {database}.",
            f"GRANT CREATE ON DATABASE {database} TO {user};",
        )
    if closed:
        well_so_far = False
        yield wrong(
            "rights",
            f"The user {user} may not use or make tables in {' and '.join(closed)}.",
            f"GRANT USAGE, CREATE ON SCHEMA {', '.join(closed)} TO {user};",
        )
    if others:
        well_so_far = False
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        yield wrong(
            "rights",
            f"{others[0]}{more} belong to another user than {user}, who could not change them.",
            f"Connect as their owner, or make {user} a member: GRANT owner TO {user};",
        )
    if inspection.backup is not None and not inspection.scratch and not may_make_databases:
        well_so_far = False
        yield wrong(
            "rights",
            f"Backups are proven in a database of their own, which the user {user} may not make.",
            f"ALTER ROLE {user} CREATEDB; or set the connection lastgood_scratch to an empty database.",
        )
    if well_so_far:
        yield well("rights", f"user {user}")


def clock(inspection: Inspection) -> Iterator[Finding]:
    """This machine and the database agree on the time."""
    began = datetime.now(UTC)
    with inspection.registry.transaction() as cursor:
        cursor.execute("SELECT clock_timestamp() AS at")
        row = cursor.fetchone()
    assert row is not None
    ended = datetime.now(UTC)
    yield from _clocks("clock", "the database's", max(began - row["at"], row["at"] - ended, timedelta()))


def belongs(inspection: Inspection) -> Iterator[Finding]:
    """Store and registry belong together: each knows what the other says is latest."""
    if isinstance(inspection.store, str):
        return
    troubles = False
    for source in sorted({*inspection.specs, *inspection.registry.sources()}):
        latest = inspection.registry.latest(source)
        try:
            pointers.agreed(inspection.store, inspection.registry, source)
        except (pointers.OlderRegistry, pointers.UnreadablePointer) as error:
            troubles = True
            yield wrong(
                f"store and registry, {source}",
                str(error),
                "docs/runbook.md, registry-down, says how to rebuild; docs/operations.md what to set.",
            )
            continue
        if latest is not None and manifests.read(inspection.store, source, latest.version) is None:
            troubles = True
            yield wrong(
                f"store and registry, {source}",
                f"The registry says that {latest.version} is latest, and {inspection.store.uri} has no manifest of it.",
                "Set the Variable lastgood_root to this registry's store; on a disk each worker must see the same one.",
            )
    if not troubles:
        yield well("store and registry", "belong together")


def published(inspection: Inspection) -> Iterator[Finding]:
    """Each source was published once, or will be; no DAG that should run is paused."""
    runs = _last_runs(inspection)
    since = _deployed_since(inspection)
    for source, spec in inspection.specs.items():
        what, last = f"source {source}", runs.get(source)
        latest, dag = inspection.registry.latest(source), inspection.paused.get(source, False)
        never = "" if latest else " Nothing of it was ever published."
        if source in inspection.without_host:
            yield well(what, "is not collected on purpose")
        elif dag is None:
            yield wrong(
                what,
                f"Airflow has no DAG {source}.{never}",
                "See the import errors in the UI; deploy dags/ together with plugins/, include/ and soda/.",
            )
        elif dag:
            yield wrong(what, f"Its DAG is paused.{never}", f"Unpause the DAG {source}.")
        elif latest is not None:
            yield well(what, f"latest is {latest.version}")
        elif last is None and since is not None and inspection.now - since > spec.fresh_within:
            yield wrong(
                what,
                f"Nothing of it was ever published, and its DAG has not run in {span(inspection.now - since)}.",
                f"Unpause the DAG {source} and trigger it; see whether the scheduler runs.",
            )
        elif last is None:
            yield advice(
                what,
                "Nothing of it was published yet, since its DAG has not run.",
                f"Trigger the DAG {source}, or wait for its schedule.",
            )
        elif last.ended is None:
            yield well(what, f"its first run goes on since {last.started:%Y-%m-%d %H:%M} UTC")
        else:
            step = f" at {last.failed_step}" if last.failed_step else ""
            yield wrong(
                what,
                f"Nothing of it was ever published. Its last run ended {span(inspection.now - last.ended)} ago as "
                f"{last.status}{step}.",
                f"See the alert of that run and its log: {last.run_id}.",
            )


def _last_runs(inspection: Inspection) -> dict[str, run_history.LastRun]:
    with inspection.registry.transaction() as cursor:
        return run_history.last_runs(cursor, inspection.specs)


def _deployed_since(inspection: Inspection) -> datetime | None:
    with inspection.registry.transaction() as cursor:
        return run_history.first_start(cursor)


def watched(inspection: Inspection) -> Iterator[Finding]:
    """The watch runs."""
    if isinstance(inspection.store, str) or inspection.watching:
        return
    last = heartbeat.read(inspection.store)
    if heartbeat.is_stale(last, inspection.now):
        yield wrong(
            "watch",
            "It has never run." if last is None else f"It has not run for {span(inspection.now - last.at)}.",
            "Unpause the DAG lastgood_watch, or wait five minutes where it is new; see whether the scheduler runs.",
        )
    else:
        yield well("watch")


# --- the store ---


def store_works(inspection: Inspection) -> Iterator[Finding]:
    """The store can be written, read, listed and cleared, and its clock is right."""
    yield from _root_works("store", "lastgood_root", inspection.store)


def backup_works(inspection: Inspection) -> Iterator[Finding]:
    """The second root works, and lies elsewhere."""
    if inspection.backup is None:
        yield advice(
            "backup",
            "No backup is taken: a lost registry costs the log of runs, alerts and actions, a lost store everything.",
            "Set the Variable lastgood_backup_root to a place that does not share the store's fate (docs/backup.md).",
        )
        return
    yield from _root_works("backup", "lastgood_backup_root", inspection.backup)
    if isinstance(inspection.backup, Store) and isinstance(inspection.store, Store):
        one, other = (f"{root.uri.rstrip('/')}/" for root in (inspection.store, inspection.backup))
        if one.startswith(other) or other.startswith(one):
            yield wrong(
                "backup",
                "The second root lies in the store or around it.",
                "Set the Variable lastgood_backup_root to a place that does not share the store's fate.",
            )


def _root_works(what: str, variable: str, store: Store | str) -> Iterator[Finding]:
    setting = settings.by_name(variable)
    if isinstance(store, str):
        yield wrong(what, store, f"Set the Variable {variable} ({setting.variable}): {setting.meaning}.")
        return
    key, doing = f"monitoring/doctor-{secrets.token_hex(8)}", "written"
    try:
        store.write_bytes(key, b"doctor")
        doing = "read"
        same = store.read_bytes(key) == b"doctor"
        at = store.modified(key)
        doing = "listed"
        same = same and key in store.list("monitoring")
        doing = "deleted"
        store.delete(key)
        same = same and not store.exists(key)
    except OSError as error:
        yield wrong(
            what,
            f"{store.uri}: a file cannot be {doing}: {type(error).__name__}: {error_summary(error)}",
            "Grant reading, writing, listing and deleting below the root (docs/security.md), or make room.",
        )
        return
    if not same:
        yield wrong(
            what,
            f"{store.uri} does not give back what was written a moment ago.",
            "Use a store that answers with what was written last: no cache and no replica before it.",
        )
        return
    yield well(what, store.uri)
    yield from _clocks(f"clock of the {what}", f"that of the {what}", abs(at - datetime.now(UTC)))


def _clocks(what: str, whose: str, apart: timedelta) -> Iterator[Finding]:
    if apart < CLOCK_ADVICE:
        yield well(what)
        return
    says = f"This machine's clock and {whose} are {apart.total_seconds():.0f} seconds apart."
    remedy = "Let both follow the time (NTP): deadlines, freshness and leases go by it."
    yield wrong(what, says, remedy) if apart > CLOCK_WRONG else advice(what, says, remedy)


# --- the environment ---


def names(inspection: Inspection) -> Iterator[Finding]:
    """The deployment has a name, and no variable is misspelt."""
    setting = settings.by_name("LASTGOOD_ENV")
    if release.environment() == release.UNNAMED:
        yield advice("environment", setting.missing, f"Set {setting.name}, to production say.")
    else:
        yield well("environment", release.environment())
    known = {each.name for each in settings.everything()}
    for name in sorted(os.environ):
        if name.startswith("LASTGOOD_") and name not in known:
            yield advice(
                "environment", f"Nothing reads {name}.", "Correct its name (docs/operations.md) or remove it."
            )


OF_THE_REGISTRY: Mapping[str, Check] = {
    "revision": revision,
    "rights": rights,
    "clock": clock,
    "store and registry": belongs,
    "watch": watched,
}
"""What can only be looked at in a registry that answers."""


def _row(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)


# --- what is made of findings ---


def is_due(last: Record | None, now: datetime) -> bool:
    """Whether to look again: daily, hourly while something is wrong."""
    if last is None:
        return True
    bad = any(finding.level == "wrong" for finding in last.findings)
    return now - last.at >= (AGAIN_WHILE_WRONG if bad else AGAIN_AFTER)


def keep(store: Store, findings: Sequence[Finding], now: datetime, by: str) -> Record:
    """Write doctor.json and return it."""
    record = Record(at=now, by=by, findings=tuple(findings))
    store.write_bytes(KEY, msgspec.json.format(msgspec.json.encode(record), indent=1))
    return record


def last_record(store: Store) -> Record | None:
    """What was found last; None where nothing was, or it cannot be read and is to be found again."""
    if not store.exists(KEY):
        return None
    try:
        return msgspec.json.decode(store.read_bytes(KEY), type=Record)
    except msgspec.DecodeError:
        return None


def alert(findings: Iterable[Finding], now: datetime) -> Alert | None:
    """One alert of all that is wrong; None where nothing is. It comes from the watch, so that one runs."""
    bad = [finding for finding in findings if finding.level == "wrong" and finding.what != "watch"]
    if not bad:
        return None
    things = "One thing is" if len(bad) == 1 else f"{len(bad)} things are"
    facts: dict[str, str] = {}
    for each in bad:
        words = redact.text(f"{each.says} {each.remedy}")[:CHARACTERS]
        facts[each.what] = f"{facts[each.what]} {words}" if each.what in facts else words
    return Alert(
        kind=KIND,
        source=SYSTEM,
        at=now,
        occurrence=now.isoformat(),
        cause=f"{things} not as the promises need it: {', '.join(facts)}.",
        consumers="Consumers keep reading the last good version of every source that has one.",
        facts=facts,
    )


def lines(findings: Sequence[Finding]) -> Iterator[tuple[Level, str]]:
    """The findings for people, each line with its level: wrong ones first, the remedy under each, good ones in one."""
    for level, head in HEADS.items():
        of_level = [finding for finding in findings if finding.level == level]
        if of_level:
            yield level, f"{head} ({len(of_level)})"
        for finding in of_level:
            yield level, f"  {finding.what}: {finding.says}"
            if finding.remedy:
                yield level, f"    → {finding.remedy}"
    good = [finding.what for finding in findings if finding.level == "well"]
    if good:
        yield "well", f"WELL ({len(good)})"
        yield "well", f"  {', '.join(dict.fromkeys(good))}"
