"""Commands that only look."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from include import arguments
from include.cli import display
from include.cli.command import (
    MOST,
    Call,
    MaybeSource,
    MaybeVersion,
    Number,
    Source,
    TroubleFound,
    Version,
    command,
    quarantine,
)
from include.monitoring import doctor as doctors
from include.monitoring import heartbeat as heartbeats
from include.monitoring import status as monitoring
from include.operations import diff as differences
from include.operations import quarantine as refused
from include.operations import verification
from include.operations.diff import TableDiff
from include.publishing import pointers
from include.publishing import verdict as verdicts
from include.registry import alerts as registered
from include.registry import run_log
from include.registry.versions import UnknownVersion
from include.sources import source as sources

LOOK = "Look"
FOLLOW_SECONDS = 2.0


@command(LOOK, show=display.status)
def status(call: Call) -> dict[str, Any]:
    """How every source stands, what is open, and a verdict: exit code 1 where something is wrong."""
    found = monitoring.status(call.registry, call.now)
    last = doctors.last_record(call.store)
    wrong = [f"{each.what}: {each.says}" for each in (last.findings if last else ()) if each.level == "wrong"]
    found |= {"set_up": wrong, "set_up_at": last.at if last else None}
    if wrong:
        things = "1 thing of the set-up is" if len(wrong) == 1 else f"{len(wrong)} things of the set-up are"
        found |= {
            "well": False,
            "troubles": [*found["troubles"], f"{things} wrong (`doctor` says what to do)"],
        }
    if not found["well"]:
        raise TroubleFound(found, *found["troubles"])
    return found


@command(LOOK, show=display.runs)
def runs(
    call: Call,
    *,
    number: Number = 20,
    source: Annotated[str | None, typer.Option(metavar="SOURCE", help="Only those of one.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also Lastgood's own DAGs and Airflow's trials.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing them, until Ctrl-C.")] = False,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="The whole history, oldest first; - for stdout.")
    ] = None,
) -> list[dict[str, Any]] | None:
    """The last runs: when, how they ended, at which step they failed; or all of them as CSV."""
    # One of Lastgood's own DAGs has runs and no versions.
    if source is not None and not run_log.runs(call.registry, source, 1):
        source = call.source(source)
    if follow:
        _follow(call, source, number, everything)
        return None
    if csv is None:
        return run_log.runs(call.registry, source, number, system=everything)
    if csv == "-":
        run_log.write_csv(call.registry, sys.stdout, source, system=everything)
        return None
    target = Path(csv)
    # A reader never sees half of it.
    fresh = target.with_name(f".new-{target.name}")
    with fresh.open("w", encoding="utf-8", newline="") as out:
        run_log.write_csv(call.registry, out, source, system=everything)
    fresh.replace(target)
    return None


def _follow(call: Call, source: str | None, number: int, everything: bool) -> None:
    """Show the last runs, then each that begins, goes on or ends, until Ctrl-C."""
    told: dict[tuple[str, str], tuple[Any, ...]] = {}
    while True:
        found = run_log.runs(call.registry, source, number, system=everything)
        news = []
        for run in reversed(found):
            name = (run["source"], run["version"])
            state = (run["ended"], run["status"], tuple(run["steps"]))
            if told.get(name) != state:
                told[name] = state
                news.append(run)
        display.put(display.followed(news))
        time.sleep(FOLLOW_SECONDS)


@command(LOOK)
def latest(call: Call, source: Source) -> dict[str, Any]:
    """What consumers read now."""
    found = call.registry.latest(call.source(source))
    if found is None:
        raise UnknownVersion(f"nothing of {source} was published yet")
    return {
        **{name: getattr(found, name) for name in ("source", "version", "previous", "since", "as_of")},
        "pointer": f"{call.store.uri}/{pointers.pointer_key(source)}",
    }


@command(LOOK, show=display.versions)
def versions(call: Call, source: Source, number: Number = 20) -> list[dict[str, Any]]:
    """Versions with their states, newest first."""
    columns = ("version", "state", "as_of", "published_at", "pinned_reason", "publish_error")
    return [
        {name: getattr(row, name) for name in columns}
        for row in call.registry.versions(call.source(source), number)
    ]


@command(LOOK, show=display.history)
def history(call: Call, source: Source, number: Number = 20) -> list[dict[str, Any]]:
    """What happened to a source: what was published with which changes, and what people decided, newest first."""
    return monitoring.history(call.registry, call.source(source), number)


@command(LOOK, show=display.checks)
def checks(
    call: Call,
    source: Source,
    version: Version,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that passed, and every failing row that was kept.")
    ] = False,
) -> dict[str, Any]:
    """The checks of a version's verdict that failed or warned, with failing rows."""
    arguments.check(version=version)
    if verdicts.read(call.store, call.source(source), version) is None:
        call.registry.refuse_removed(source, version)
        raise UnknownVersion(f"{source} has no version {version!r} with a verdict")
    found = call.registry.check_results(source, version)
    passed = sum(each["outcome"] == "PASSED" for each in found)
    shown = [each for each in found if everything or each["outcome"] != "PASSED"]
    return {
        "source": source,
        "version": version,
        "passed": passed,
        "everything": everything,
        "checks": shown,
    }


@command(LOOK, show=display.diff)
def diff(
    call: Call,
    source: Source,
    before: Annotated[str, typer.Argument(metavar="A", show_default=False)],
    after: Annotated[str, typer.Argument(metavar="B", show_default=False)],
    table: Annotated[str | None, typer.Option(metavar="T", help="Only this one.")] = None,
    limit: Annotated[int, typer.Option(min=0, max=MOST, metavar="N", help="Rows of each table.")] = 20,
) -> list[TableDiff]:
    """What two versions differ in, row by row."""
    call.source(source)
    for version in (before, after):
        call.registry.refuse_removed(source, version)
    found = []
    for each in differences.compare(call.store, source, before, after, table=table, limit=limit):
        call.report(f"{each.table} compared")
        found.append(each)
    return found


@command(LOOK, show=display.failed)
def failed(call: Call) -> list[dict[str, Any]]:
    """What failed to be published."""
    return monitoring.failed(call.registry, call.now)


@command(LOOK, show=display.alerts)
def alerts(
    call: Call,
    number: Number = 20,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is not over.")] = False,
) -> list[dict[str, Any]]:
    """What people were told of, and whether it is over, newest first."""
    with call.registry.transaction() as cursor:
        return registered.last(cursor, number, only_open=only_open)


@command(LOOK, show=display.doctor)
def doctor(call: Call) -> doctors.Record:
    """What is not set up as it needs to be, and what to do about it; exit code 1 where something is wrong.

    Registry and store are looked at now; the rest is what tasks saw when they last looked.
    """
    last = doctors.last_record(call.store)
    look = doctors.Inspection(
        registry=call.registry,
        store=call.store,
        backup=None,
        now=call.now,
        specs={name: sources.spec(name) for name in sources.names()},
    )
    found = doctors.from_outside(look, last)
    result = doctors.Record(
        at=last.at if last else call.now, by=last.by if last else "", findings=tuple(found)
    )
    if bad := sum(each.level == "wrong" for each in found):
        raise TroubleFound(result, f"{bad} of {len(found)} looks found something wrong")
    return result


@command(LOOK, show=display.heartbeat, needs_registry=False)
def heartbeat(call: Call) -> dict[str, Any]:
    """When the watch last ran; exit code 1 where it is overdue, for an outside monitor."""
    found = heartbeats.read(call.store)
    if found is None:
        raise TroubleFound(
            {"at": None}, "the watch has never run: is the scheduler up, and lastgood_watch not paused?"
        )
    result = {name: getattr(found, name) for name in found.__struct_fields__}
    if heartbeats.is_stale(found, call.now):
        raise TroubleFound(
            result, f"no heartbeat since {found.at:%Y-%m-%d %H:%M} UTC: the scheduler or the watch is down"
        )
    return result


@command(LOOK, "list", into=quarantine)
def quarantine_list(
    call: Call, source: Source, version: MaybeVersion = None, number: Number = 20
) -> list[dict[str, Any]]:
    """How many rows were refused, by version and reason."""
    call.source(source)
    if version is not None:
        arguments.check(version=version)
        call.registry.version(source, version)
    return refused.summary(call.registry, source, version, number)


@command(LOOK, "show", show=display.quarantined, into=quarantine)
def quarantine_show(
    call: Call,
    source: Source,
    version: Version,
    reason_code: Annotated[
        str | None, typer.Option(metavar="R", help="Only those refused for this reason.")
    ] = None,
    number: Number = 20,
) -> list[dict[str, Any]]:
    """The refused rows of a version."""
    arguments.check(version=version)
    return refused.show(call.store, call.source(source), version, reason=reason_code, limit=number)


@command(LOOK, show=display.verification)
def verify(
    call: Call,
    source: MaybeSource = None,
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Not only latest and the one before.")
    ] = False,
) -> dict[str, Any]:
    """Compare files with their checksums, and SQL with the files; exit code 1 names what differs."""
    found = verification.verify(
        call.store,
        call.registry,
        None if source is None else call.source(source),
        all_versions=all_versions,
        report=call.report,
    )
    result = {
        "versions": found.versions,
        "files": found.files,
        "bytes": found.bytes,
        "tables": len(found.served),
        "rows": sum(each.rows for each in found.served),
        "intact": not found.troubles,
        "damaged": found.damaged,
        "unequal": found.unequal,
    }
    if found.troubles:
        raise TroubleFound(result, *found.troubles)
    return result
