"""Commands that only look."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from include.cli.call import Call, Unwell
from include.monitoring import heartbeat as heartbeats
from include.monitoring import status as monitoring
from include.publishing import diff as differences
from include.publishing import mirror, quarantine, runlog, verification
from include.publishing.diff import TableDiff
from include.publishing.registry import UnknownVersion
from include.quality import gate


def status(call: Call) -> dict[str, Any]:
    """How every source stands, and what is open."""
    return monitoring.status(call.registry, call.now)


def failed(call: Call) -> list[dict[str, Any]]:
    """What failed to be published."""
    return monitoring.failed(call.registry, call.now)


def runs(call: Call) -> list[dict[str, Any]] | None:
    """The last runs; None where they were written as CSV. A DAG of the house has runs and no versions."""
    source = call.args.source
    if source is not None and not runlog.runs(call.registry, source, 1):
        source = call.source
    if call.args.csv is None:
        return runlog.runs(call.registry, source, call.args.n, house=call.args.all)
    if call.args.csv == "-":
        runlog.write_csv(call.registry, sys.stdout, source, house=call.args.all)
        return None
    target = Path(call.args.csv)
    # A reader never sees half of it.
    fresh = target.with_name(f".new-{target.name}")
    with fresh.open("w", encoding="utf-8", newline="") as out:
        runlog.write_csv(call.registry, out, source, house=call.args.all)
    fresh.replace(target)
    return None


def latest(call: Call) -> dict[str, Any]:
    """What consumers read now."""
    found = call.registry.latest(call.source)
    if found is None:
        raise UnknownVersion(f"nothing of {call.args.source} was published yet")
    return {
        **{name: getattr(found, name) for name in ("source", "version", "previous", "since", "as_of")},
        "pointer": f"{call.store.uri}/{mirror.pointer_key(call.source)}",
    }


def versions(call: Call) -> list[dict[str, Any]]:
    """Versions of a source, newest first."""
    columns = ("version", "state", "as_of", "published_at", "pinned_reason", "publish_error")
    return [
        {name: getattr(row, name) for name in columns}
        for row in call.registry.versions(call.source, call.args.n)
    ]


def checks(call: Call) -> list[dict[str, Any]]:
    """The checks of a version, failures first, with sample rows."""
    if gate.read(call.store, call.source, call.args.version) is None:
        raise UnknownVersion(f"{call.args.source} has no version {call.args.version!r} with a verdict")
    return call.registry.check_results(call.source, call.args.version)


def diff(call: Call) -> list[TableDiff]:
    """What two versions differ in."""
    args, found = call.args, []
    for each in differences.compare(
        call.store, call.source, args.before, args.after, table=args.table, limit=args.limit
    ):
        call.report(f"{each.table} compared")
        found.append(each)
    return found


def quarantine_list(call: Call) -> list[dict[str, Any]]:
    """How many rows were refused, by version and reason."""
    version = call.args.version
    if version is not None:
        call.registry.version(call.source, version)
    return quarantine.summary(call.registry, call.source, version, call.args.n)


def quarantine_show(call: Call) -> list[dict[str, Any]]:
    """Refused rows of a version."""
    return quarantine.show(
        call.store, call.source, call.args.version, reason=call.args.reason_code, limit=call.args.n
    )


def verify(call: Call) -> dict[str, Any]:
    """Read published files again and compare their checksums."""
    found = verification.verify(
        call.store,
        call.registry,
        call.source if call.args.source else None,
        all_versions=call.args.all_versions,
        report=call.report,
    )
    result = {
        "versions": found.versions,
        "files": found.files,
        "bytes": found.bytes,
        "intact": not found.damaged,
        "damaged": found.damaged,
    }
    if found.damaged:
        raise Unwell(result, *(each.sentence for each in found.damaged))
    return result


def alerts(call: Call) -> list[dict[str, Any]]:
    """Episodes, newest first."""
    with call.registry.cursor() as cursor:
        cursor.execute(
            "SELECT id, kind, source, severity, title, count, told, first_seen, last_seen, recovered_at, run_id, "
            "delivered FROM lastgood.alert WHERE recovered_at IS NULL OR NOT %s ORDER BY last_seen DESC, id DESC "
            "LIMIT %s",
            (call.args.open, call.args.n),
        )
        return cursor.fetchall()


def heartbeat(call: Call) -> dict[str, Any]:
    """When the watch last went through."""
    found = heartbeats.read(call.store)
    if found is None:
        raise Unwell({"heartbeat": None}, "the watch has never run: is the scheduler up?")
    result = {name: getattr(found, name) for name in found.__struct_fields__}
    if heartbeats.is_stale(found, call.now):
        raise Unwell(
            result, f"no heartbeat since {found.at:%Y-%m-%d %H:%M} UTC: the scheduler or the watch is down"
        )
    return result
