"""Commands that change something. Each keeps who did it and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer

from include import arguments, pipeline
from include.alerting import silences
from include.alerting.alert import SYSTEM
from include.cli import display
from include.cli.command import (
    MOST,
    Call,
    MaybeVersion,
    Reason,
    Source,
    TroubleFound,
    Version,
    Yes,
    command,
    quarantine,
)
from include.operations import backup as backups
from include.operations import decisions, replay, retention
from include.operations import quarantine as refused
from include.publishing.promotion import Promotion, PromotionRefused
from include.registry.actions import insert_action
from include.release import code_version
from include.sources import source as sources
from include.sources.source import Retention
from include.storage.store import Store

DECIDE, REPAIR, KEEP = "Decide", "Repair", "Keep"
BACKUP_ROOT = "LASTGOOD_BACKUP_ROOT"
Until = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="The hold ends by itself then: 2026-12-01T08:00Z.", show_default=False),
]
_BACKUPS = "Root of the backups; or LASTGOOD_BACKUP_ROOT."


@command(DECIDE, show=display.promoted)
def accept(call: Call, source: Source, version: Version, reason: Reason, yes: Yes = False) -> Promotion:
    """Publish a version that only change rules refused."""
    arguments.check(version=version)
    call.confirm(yes, f"Publish {call.source(source)} {version} although its change rules failed?")
    return decisions.accept(call.store, call.registry, source, version, **call.signed(reason))


@command(DECIDE, show=display.promoted)
def rollback(
    call: Call,
    source: Source,
    reason: Reason,
    to: Annotated[str | None, typer.Option(metavar="VERSION", help="By default the one before.")] = None,
    until: Until = None,
    lets_new: Annotated[
        bool,
        typer.Option("--lets-new", help="Other data of the upstream than the bad ones may pass the hold."),
    ] = False,
    yes: Yes = False,
) -> Promotion:
    """Make an earlier version latest again, by default the one before; the source is on hold then."""
    latest, signed = call.registry.latest(call.source(source)), call.signed(reason)
    arguments.check(version=to)
    target = to if to is not None else latest.previous if latest else None
    if latest is None or target is None:
        raise PromotionRefused(f"{source} has no earlier version to go back to.")
    call.confirm(yes, f"Make {target} latest of {source} in place of {latest.version}?")
    return decisions.rollback(
        call.store, call.registry, source, to=to, until=_moment(until), lets_new=lets_new, **signed
    )


@command(DECIDE)
def hold(call: Call, source: Source, reason: Reason, until: Until = None, yes: Yes = False) -> dict[str, Any]:
    """Let nothing of a source become latest by itself, until a time or until it is released."""
    ends = _moment(until)
    call.confirm(
        yes, f"Publish nothing of {call.source(source)} {f'until {until}' if until else 'any more'}?"
    )
    decisions.put_on_hold(call.store, call.registry, source, until=ends, **call.signed(reason))
    return {"source": source, "on hold until": until or "it is released"}


@command(DECIDE, show=display.released)
def release(
    call: Call, source: Source, reason: Reason, version: MaybeVersion = None, yes: Yes = False
) -> Promotion | dict[str, Any]:
    """Publish a version that is held, or without one end the hold on its source alone."""
    arguments.check(version=version)
    if version is None:
        call.confirm(yes, f"Let the next run of {call.source(source)} publish what it brings?")
        decisions.release(call.store, call.registry, source, **call.signed(reason))
        return {"source": source, "on hold": "no longer: the next run publishes what it brings"}
    call.confirm(yes, f"Publish {call.source(source)} {version}, which is held?")
    return decisions.release_version(call.store, call.registry, source, version, **call.signed(reason))


def _moment(text: str | None) -> datetime | None:
    """The end of a hold. Raises NotUnderstood."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise arguments.NotUnderstood(f"{text!r} is no time; write 2026-12-01T08:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@command(DECIDE)
def pin(call: Call, source: Source, version: Version, reason: Reason, yes: Yes = False) -> dict[str, Any]:
    """Keep a version whatever retention says; it asks nothing."""
    arguments.check(version=version)
    decisions.pin(call.store, call.registry, call.source(source), version, **call.signed(reason))
    return {"source": source, "version": version, "pinned": reason}


@command(DECIDE)
def unpin(call: Call, source: Source, version: Version, reason: Reason, yes: Yes = False) -> dict[str, Any]:
    """Leave it to retention again."""
    arguments.check(version=version)
    call.confirm(yes, f"Leave {call.source(source)} {version} to retention, which may remove it?")
    decisions.unpin(call.store, call.registry, source, version, **call.signed(reason))
    return {"source": source, "version": version, "pinned": None}


@command(DECIDE)
def silence(
    call: Call,
    source: Source,
    reason: Reason,
    hours: Annotated[
        float, typer.Option(min=0, max=24 * 31, metavar="H", show_default=False, help="How long; 0 ends it.")
    ],
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only alerts of this kind, late say.")
    ] = None,
    yes: Yes = False,
) -> dict[str, Any]:
    """Tell nobody of a source's alerts for some hours; what is still wrong then is told."""
    # One of Lastgood's own DAGs has alerts and no versions.
    named = source if source.startswith(SYSTEM) else call.source(source)
    until = call.now + timedelta(hours=hours)
    silences.add(call.registry, source=named, kind=kind, until=until, **call.signed(reason))
    return {"source": named, "kind": kind or "every kind", "silenced until": until, "reason": reason}


@command(REPAIR, show=display.promoted)
def retry(call: Call, source: Source, version: Version, reason: Reason, yes: Yes = False) -> Promotion:
    """Publish again a version that failed to be published."""
    arguments.check(version=version)
    call.confirm(yes, f"Publish {call.source(source)} {version} again?")
    return decisions.retry(call.store, call.registry, source, version, **call.signed(reason))


@command(REPAIR, "retry-all", show=display.retried)
def retry_all(call: Call, reason: Reason, yes: Yes = False) -> dict[str, Any]:
    """The same for all that failed."""
    found = decisions.retryable(call.store, call.registry, now=call.now)
    if found:
        named = ", ".join(f"{source} {version}" for source, version in found)
        call.confirm(yes, f"Publish {named}, of each source the first that succeeds?")
    done = decisions.retry_all(
        call.store, call.registry, now=call.now, report=call.report, **call.signed(reason)
    )
    result = done.as_dict()
    trouble = [each.error for each in done.results if each.outcome is not None and each.error is not None]
    if result["failed"]:
        trouble.append(f"{result['failed']} of {result['total_attempted']} could not be published")
    if trouble:
        raise TroubleFound(result, *trouble)
    return result


@command(REPAIR, "replay")
def replay_(
    call: Call, source: Source, reason: Reason, version: MaybeVersion = None, yes: Yes = False
) -> dict[str, Any]:
    """Rebuild a version from its raw landing with today's code; a derived one from its inputs."""
    call.confirm(yes, _question_of_replay(call, source, version))
    done = replay.replay(
        call.store,
        call.registry,
        source,
        version,
        now=call.now,
        report=call.report,
        **call.signed(reason),
    )
    facts = msgspec.to_builtins(done, builtin_types=(datetime,))
    return {name: value for name, value in facts.items() if name != "rows"}


@command(REPAIR, "replay", into=quarantine)
def quarantine_replay(
    call: Call, source: Source, version: Version, reason: Reason, yes: Yes = False
) -> dict[str, Any]:
    """Replay, and tell how many of the refused rows came through."""
    call.confirm(yes, _question_of_replay(call, source, version))
    done = refused.replay_version(
        call.store,
        call.registry,
        source,
        version,
        now=call.now,
        report=call.report,
        **call.signed(reason),
    )
    return {
        "source": source,
        "version": done.replay.version,
        "outcome": done.replay.outcome,
        "latest": done.replay.latest,
        "refused_before": done.refused_before,
        "came_through": done.came_through,
        "remain": done.remain,
        "refused_anew": done.refused_anew,
    }


def _question_of_replay(call: Call, source: str, version: str | None) -> str:
    arguments.check(version=version)
    origin = "the latest versions of its inputs" if version is None else f"the raw landing of {version}"
    return f"Rebuild {call.source(source)} from {origin} and publish it if it passes?"


@command(REPAIR, "rebuild-registry", show=display.rebuilt)
def rebuild_registry(call: Call, yes: Yes = False) -> dict[str, Any]:
    """Fill an empty registry and the serving tables from the store."""
    call.confirm(yes, f"Fill the registry and the serving tables from {call.store.uri}?")
    return decisions.rebuild_registry(call.store, call.registry, who=call.who)


@command(KEEP)
def backup(
    call: Call,
    to: Annotated[str, typer.Option(metavar="URI", help=_BACKUPS, envvar=BACKUP_ROOT, show_envvar=False)],
) -> dict[str, Any]:
    """Copy registry and latest to a second root, proven by a restore."""
    made = backups.backup(
        call.store,
        call.registry,
        Store.from_uri(to),
        now=call.now,
        code_version=code_version(),
        progress=call.report,
    )
    _note(call, "backup", "asked for in a shell", stamp=made.stamp)
    if made.damaged:
        raise TroubleFound(made.facts, *made.damaged)
    return made.facts


@command(KEEP)
def restore(
    call: Call,
    origin: Annotated[
        str, typer.Option("--from", metavar="URI", help=_BACKUPS, envvar=BACKUP_ROOT, show_envvar=False)
    ],
    stamp: Annotated[
        str | None, typer.Option(metavar="STAMP", help="Which backup; by default the newest.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only this file of a published version.")
    ] = None,
    yes: Yes = False,
) -> Any:
    """Fill an empty registry and store from a backup, or bring one damaged file back."""
    arguments.check(stamp=stamp)
    root = Store.from_uri(origin)
    if file is not None:
        call.confirm(yes, f"Replace {file} with the backup's copy?")
        stored = backups.restore_file(root, call.store, file)
        _note(call, "restore file", "damaged or lost", file=file)
        return stored
    chosen = "the newest backup" if stamp is None else stamp
    call.confirm(yes, f"Fill the registry and the store at {call.store.uri} from {chosen} at {origin}?")
    done = backups.restore(root, call.store, call.registry, who=call.who, stamp=stamp, progress=call.report)
    for source in done.latest:
        pipeline.export(call.store, call.registry, source)
    return done


@command(KEEP, show=display.retained)
def retain(
    call: Call,
    source: Source,
    keep: Annotated[
        int | None,
        typer.Option(min=0, max=MOST, metavar="N", help="Published versions; by default its spec's."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=0, max=MOST, metavar="N", help="Of raw; by default its spec's.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list it.")] = False,
    yes: Yes = False,
) -> dict[str, Any]:
    """Remove what retention lets go."""
    policy = sources.spec(source).retention if call.source(source) in sources.names() else Retention()
    if keep is not None:
        policy = replace(policy, versions=keep)
    if days is not None:
        policy = replace(policy, raw=timedelta(days=days))
    plan = retention.plan(call.store, call.registry, source, policy, now=call.now)
    if not dry_run and (plan.keys or plan.versions):
        what = f"{len(plan.versions)} versions and {len(plan.keys)} files ({display.size(plan.bytes)})"
        call.confirm(yes, f"Remove {what} of {source}?")
        retention.apply(call.store, call.registry, plan, who=call.who)
    return {
        "source": plan.source,
        "dry_run": dry_run,
        "versions": plan.versions,
        "files": len(plan.keys),
        "bytes": plan.bytes,
        "removals": [
            {"version": each.version, "reason": each.reason, "files": len(each.keys), "bytes": each.bytes}
            for each in plan.removals
        ],
    }


@command(KEEP)
def migrate(call: Call) -> dict[str, str]:
    """Bring the registry's schema to this code's revision."""
    revision = call.registry.migrate()
    _note(call, "migrate", "asked for in a shell", revision=revision)
    return {"revision": revision}


def _note(call: Call, what: str, reason: str, **details: str) -> None:
    """Keep an act on the system as a whole."""
    with call.registry.transaction() as cursor:
        insert_action(
            cursor, who=call.who, what=what, source=SYSTEM, version=None, reason=reason, details=details
        )
