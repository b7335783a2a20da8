"""Commands that change something. Each keeps who did it and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from include import steps
from include.alerting.alert import HOUSE
from include.cli import display
from include.cli.call import Call, Unwell
from include.publishing import backup as backups
from include.publishing import decisions, quarantine, replay, retention
from include.publishing.promotion import Promotion, PromotionRefused
from include.publishing.registry import insert_action
from include.publishing.store import Store
from include.sources import source as sources
from include.sources.source import Retention


def accept(call: Call) -> Promotion:
    """Publish a version that only change rules refused."""
    return decisions.accept(call.store, call.registry, call.source, call.args.version, **call.signed)


def ask_accept(call: Call) -> str:
    return f"Publish {call.source} {call.args.version} although its change rules failed?"


def rollback(call: Call) -> Promotion:
    """Make an earlier version latest again."""
    return decisions.rollback(call.store, call.registry, call.source, to=call.args.to, **call.signed)


def ask_rollback(call: Call) -> str:
    latest = call.registry.latest(call.source)
    target = call.args.to or (latest.previous if latest else None)
    if latest is None or target is None:
        raise PromotionRefused(f"{call.source} has no earlier version to go back to.")
    return f"Make {target} latest of {call.source} in place of {latest.version}?"


def retry(call: Call) -> Promotion:
    """Publish again what failed to be published."""
    return decisions.retry(call.store, call.registry, call.source, call.args.version, **call.signed)


def ask_retry(call: Call) -> str:
    return f"Publish {call.source} {call.args.version} again?"


def retry_all(call: Call) -> dict[str, Any]:
    """The same for all of them."""
    done = decisions.retry_all(call.store, call.registry, now=call.now, report=call.report, **call.signed)
    result = done.as_dict()
    trouble = [each.error for each in done.results if each.outcome is not None and each.error is not None]
    if result["failed"]:
        trouble.append(f"{result['failed']} of {result['total_attempted']} could not be published")
    if trouble:
        raise Unwell(result, *trouble)
    return result


def ask_retry_all(call: Call) -> str | None:
    found = decisions.retryable(call.store, call.registry, now=call.now)
    named = ", ".join(f"{source} {version}" for source, version in found)
    return f"Publish {named}, of each source the first that succeeds?" if found else None


def pin(call: Call) -> dict[str, Any]:
    """Keep a version whatever retention says."""
    decisions.pin(call.store, call.registry, call.source, call.args.version, **call.signed)
    return {"source": call.source, "version": call.args.version, "pinned": call.args.reason}


def unpin(call: Call) -> dict[str, Any]:
    """Leave a pinned version to retention again."""
    decisions.unpin(call.store, call.registry, call.source, call.args.version, **call.signed)
    return {"source": call.source, "version": call.args.version, "pinned": None}


def ask_unpin(call: Call) -> str:
    return f"Leave {call.source} {call.args.version} to retention, which may remove it?"


def replay_(call: Call) -> dict[str, Any]:
    """Make a version anew from its raw landing."""
    done = replay.replay(
        call.store,
        call.registry,
        call.source,
        call.args.version,
        now=call.now,
        report=call.report,
        **call.signed,
    )
    return {name: value for name, value in msgspec.to_builtins(done).items() if name != "rows"}


def ask_replay(call: Call) -> str:
    origin = (
        f"the raw landing of {call.args.version}"
        if call.args.version
        else "the latest versions of its inputs"
    )
    return f"Make {call.source} anew from {origin} and publish it if it passes?"


def quarantine_replay(call: Call) -> dict[str, Any]:
    """The same, telling what became of the refused rows."""
    done = quarantine.replay_version(
        call.store,
        call.registry,
        call.source,
        call.args.version,
        now=call.now,
        report=call.report,
        **call.signed,
    )
    return {
        "version": done.replay.version,
        "outcome": done.replay.outcome,
        "latest": done.replay.latest,
        "refused_before": done.refused_before,
        "came_through": done.came_through,
        "remain": done.remain,
        "refused_anew": done.refused_anew,
    }


def backup(call: Call) -> dict[str, Any]:
    """Copy registry and manifests to a second root, proven by a restore."""
    made = backups.backup(
        call.store,
        call.registry,
        Store.from_uri(call.args.to),
        now=call.now,
        code_version=steps.code_version(),
        progress=call.report,
    )
    with call.registry.cursor() as cursor:
        insert_action(
            cursor,
            who=call.args.who,
            what="backup",
            source=HOUSE,
            version=None,
            reason="asked for in a shell",
            details={"stamp": made.stamp},
        )
    if made.damaged:
        raise Unwell(made.facts, *made.damaged)
    return made.facts


def restore(call: Call) -> Any:
    """Bring a backup back, or one damaged file from it."""
    root = Store.from_uri(call.args.origin)
    if call.args.file is not None:
        stored = backups.restore_file(root, call.store, call.args.file)
        with call.registry.cursor() as cursor:
            insert_action(
                cursor,
                who=call.args.who,
                what="restore file",
                source=HOUSE,
                version=None,
                reason="damaged or lost",
                details={"file": call.args.file},
            )
        return stored
    done = backups.restore(
        root, call.store, call.registry, who=call.args.who, stamp=call.args.stamp, progress=call.report
    )
    for source in done.latest:
        steps.export(call.store, call.registry, source)
    return done


def ask_restore(call: Call) -> str:
    if call.args.file is not None:
        return f"Replace {call.args.file} with the backup's copy?"
    chosen = call.args.stamp or "the newest backup"
    return f"Fill the registry and the store at {call.store.uri} from {chosen} at {call.args.origin}?"


def retain(call: Call) -> dict[str, Any]:
    """Remove what retention lets go."""
    plan = _plan(call)
    if not call.args.dry_run:
        retention.apply(call.store, call.registry, plan, who=call.args.who)
    return {
        "source": plan.source,
        "dry_run": call.args.dry_run,
        "versions": plan.versions,
        "files": len(plan.keys),
        "bytes": plan.bytes,
        "removals": [
            {"version": each.version, "reason": each.reason, "files": len(each.keys), "bytes": each.bytes}
            for each in plan.removals
        ],
    }


def ask_retain(call: Call) -> str | None:
    plan = _plan(call)
    if call.args.dry_run or not (plan.keys or plan.versions):
        return None
    what = f"{len(plan.versions)} versions and {len(plan.keys)} files ({display.size(plan.bytes)})"
    return f"Remove {what} of {call.source}?"


def _plan(call: Call) -> retention.Plan:
    policy = sources.spec(call.source).retention if call.source in sources.names() else Retention()
    if call.args.keep is not None:
        policy = replace(policy, versions=call.args.keep)
    if call.args.days is not None:
        policy = replace(policy, raw=timedelta(days=call.args.days))
    return retention.plan(call.store, call.registry, call.source, policy, now=call.now)


def rebuild_registry(call: Call) -> dict[str, Any]:
    """Fill an empty registry from the manifests in the store."""
    return decisions.rebuild_registry(call.store, call.registry, who=call.args.who)


def ask_rebuild_registry(call: Call) -> str:
    return f"Fill the registry and the serving tables from {call.store.uri}?"


def migrate(call: Call) -> dict[str, str]:
    """Bring the registry's schema to this code's revision."""
    revision = call.registry.migrate()
    with call.registry.cursor() as cursor:
        insert_action(
            cursor,
            who=call.args.who,
            what="migrate",
            source=HOUSE,
            version=None,
            reason="asked for in a shell",
            details={"revision": revision},
        )
    return {"revision": revision}
