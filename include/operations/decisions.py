"""What an operator decides: accept, roll back, retry, pin. The one place for each, for the shell and for the forms.

Each keeps who, when and why in lastgood.action, and brings the other forms of latest along where it moved.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from include import arguments, pipeline
from include.alerting.alert import SYSTEM
from include.formatting import moment
from include.operations import rebuild, recovery
from include.operations.recovery import StalledPromotion
from include.publishing import hold, pointers, promotion, race
from include.publishing import manifest as manifests
from include.publishing import verdict as verdicts
from include.publishing.promotion import Outcome, Promotion, PromotionFailed, PromotionRefused
from include.registry import actions, holds, transitions
from include.registry.actions import insert_action
from include.registry.connection import error_summary
from include.registry.locks import lock_latest
from include.registry.registry import Registry
from include.registry.versions import UnknownVersion, unknown
from include.sources import source as sources
from include.storage.store import Store

PUBLISHED = {Outcome.PROMOTED, Outcome.NO_OP}


class NotExported(RuntimeError):
    """The decision stands and ended as `done`, but the other forms of latest could not be written."""

    def __init__(self, done: Promotion, error: Exception) -> None:
        self.done, self.why = done, f"{type(error).__name__}: {error_summary(error)}"
        super().__init__(
            f"The decision stands: latest of {done.source} is {done.latest}. Only its other forms could not be "
            f"written ({self.why}). Do not decide again: run the DAG {done.source}, whose export writes them."
        )


@dataclass(frozen=True, slots=True)
class Retried:
    """One version of retry_all: how it ended, and why it could not be published or exported."""

    source: str
    version: str
    outcome: str | None
    """None where it could not be published."""
    error: str | None


@dataclass(frozen=True, slots=True)
class RetriedAll:
    """How all that had failed to publish ended."""

    results: tuple[Retried, ...]

    @property
    def successful(self) -> int:
        """How many are published now."""
        return sum(each.outcome in PUBLISHED for each in self.results)

    def as_dict(self) -> dict[str, Any]:
        """With the counts that monitoring asks for."""
        return {
            "total_attempted": len(self.results),
            "successful": self.successful,
            "failed": len(self.results) - self.successful,
            "results": [
                {
                    "source": each.source,
                    "version": each.version,
                    "outcome": each.outcome,
                    "error": each.error,
                }
                for each in self.results
            ],
        }


def accept(
    store: Store, registry: Registry, source: str, version: str, *, who: str, reason: str
) -> Promotion:
    """Promote a rejected version whose only failures are change rules. Raises PromotionRefused, NotExported."""
    done = promotion.accept(store, registry, source, version, who=who, reason=reason)
    return _exported(store, registry, _won(registry, done))


def rollback(
    store: Store,
    registry: Registry,
    source: str,
    *,
    who: str,
    reason: str,
    to: str | None = None,
    until: datetime | None = None,
    lets_new: bool = False,
) -> Promotion:
    """Make an earlier version latest again, by default the one before; the source is on hold from then.

    The hold ends at `until`, or when somebody releases it, or with `lets_new` for other data of the upstream. Raises
    PromotionRefused, RemovedVersion, NotExported.
    """
    arguments.check(source=source, version=to, who=who, reason=reason)
    _check_until(until, registry)
    if to is not None:
        registry.refuse_removed(source, to)
    done = promotion.rollback(
        store, registry, source, to=to, who=who, reason=reason, until=until, lets_new=lets_new
    )
    return _exported(store, registry, done)


def put_on_hold(
    store: Store, registry: Registry, source: str, *, who: str, reason: str, until: datetime | None = None
) -> None:
    """Let no candidate of a source become latest, until a time or until it is released. Raises PromotionRefused."""
    arguments.check(source=source, who=who, reason=reason)
    _check_until(until, registry)
    with registry.session():
        pointers.settle(store, registry, source)
        with registry.transaction() as cursor:
            lock_latest(cursor, source, "hold")
            if (there := holds.of(cursor, source)) is not None:
                raise PromotionRefused(f"{source} is on hold already: {there.sentence}")
            hold.set_on(cursor, source, who=who, reason=reason, until=until)
            insert_action(
                cursor,
                who=who,
                what="hold",
                source=source,
                version=None,
                reason=reason,
                details={"until": until.isoformat()} if until else {},
            )
        hold.write(store, registry, source)


def release_version(
    store: Store, registry: Registry, source: str, version: str, *, who: str, reason: str
) -> Promotion:
    """Publish a version that is held; a hold on its source ends with it. Raises PromotionRefused, NotExported."""
    done = promotion.accept(store, registry, source, version, who=who, reason=reason, act="release")
    return _exported(store, registry, _won(registry, done))


def release(store: Store, registry: Registry, source: str, *, who: str, reason: str) -> None:
    """End the hold on a source: the next run publishes what it brings. Raises PromotionRefused where there is none."""
    arguments.check(source=source, who=who, reason=reason)
    with registry.session():
        pointers.settle(store, registry, source)
        with registry.transaction() as cursor:
            lock_latest(cursor, source, "release")
            ended = hold.end(cursor, source)
            if ended is None:
                raise PromotionRefused(
                    f"{source} is not on hold. To publish a candidate that is held, name it; see the versions of this "
                    "source."
                )
            insert_action(
                cursor,
                who=who,
                what="release",
                source=source,
                version=None,
                reason=reason,
                details={"hold": ended.sentence},
            )
        hold.write(store, registry, source)


def retry(
    store: Store,
    registry: Registry,
    source: str,
    version: str,
    *,
    who: str,
    reason: str,
) -> Promotion:
    """Publish what passed its gate and failed to be published, in one attempt.

    Raises PromotionRefused where there is nothing to retry or another process is at it, PromotionFailed (or what made
    it fail, while attempts are left) where it fails again, NotExported.
    """
    arguments.check(source=source, version=version, who=who, reason=reason)
    row = registry.version(source, version)
    if row.published_at is not None or row.state not in {"failed", "staged", "publishing"}:
        raise PromotionRefused(
            f"{source} {version} is {row.state}; only what passed its gate and failed to be published is retried."
        )

    def note(cursor: promotion.Cursor) -> None:
        insert_action(cursor, who=who, what="retry", source=source, version=version, reason=reason)

    # Not the name alone: two retries of the same person must not take over each other's lease.
    owner = f"retry by {who} {uuid.uuid4().hex[:8]}"
    done = promotion.promote(
        store, registry, source, version, policy=sources.policy(source), owner=owner, note=note
    )
    return _exported(store, registry, _won(registry, done))


def retry_all(
    store: Store,
    registry: Registry,
    source: str | None = None,
    *,
    who: str,
    reason: str,
    now: datetime,
    report: Callable[[str], None] = lambda _: None,
) -> RetriedAll:
    """Retry all that failed to be published, of one source or of all; one failure stops no other.

    The newest of a source comes first; once it is latest, the others are outdated and left out.
    """
    arguments.check(source=source, who=who, reason=reason)
    results: list[Retried] = []
    published: set[str] = set()
    for one, version in retryable(store, registry, source, now=now):
        if one in published:
            continue
        report(f"publishing {one} {version}")
        try:
            done = retry(store, registry, one, version, who=who, reason=reason)
            ended = Retried(one, version, done.outcome.value, None)
        except NotExported as error:
            ended = Retried(one, version, error.done.outcome.value, str(error))
        except (PromotionFailed, psycopg.Error, OSError, ValueError, LookupError) as error:
            ended = Retried(one, version, None, error_summary(error))
        results.append(ended)
        if ended.outcome in PUBLISHED:
            published.add(one)
    return RetriedAll(tuple(results))


def retryable(
    store: Store, registry: Registry, source: str | None = None, *, now: datetime
) -> list[tuple[str, str]]:
    """What failed to be published and passed its gate: source and version, the newest of each source first.

    A candidate whose run is under way is left to it.
    """
    return [
        (each.source, each.version)
        for each in recovery.stuck(registry, now, source)
        if each.tried or _may_be_published(store, registry, each)
    ]


def _may_be_published(store: Store, registry: Registry, each: StalledPromotion) -> bool:
    try:
        verdict = verdicts.read(store, each.source, each.version)
    except OSError:
        return True  # the retry fails of the same, and its error stands among the results
    return verdict is not None and (
        verdict.passed or registry.version(each.source, each.version).accepted_by is not None
    )


def pin(store: Store, registry: Registry, source: str, version: str, *, who: str, reason: str) -> None:
    """Keep a version whatever retention says.

    Raises UnknownVersion, FileNotFoundError, PromotionRefused where it is pinned already, pointers.OlderRegistry.
    """
    arguments.check(source=source, version=version, who=who, reason=reason)
    registry.refuse_removed(source, version)
    manifests.require(store, source, version)
    _set_pin(store, registry, source, version, reason, who=who, reason=reason)


def unpin(store: Store, registry: Registry, source: str, version: str, *, who: str, reason: str) -> None:
    """Leave a pinned version to retention again. Raises UnknownVersion, PromotionRefused where it is not pinned."""
    arguments.check(source=source, version=version, who=who, reason=reason)
    _set_pin(store, registry, source, version, None, who=who, reason=reason)


def rebuild_registry(store: Store, registry: Registry, *, who: str) -> dict[str, Any]:
    """Fill an empty registry from the store; returns the versions of each source, and what is damaged."""
    arguments.check(who=who)
    done = rebuild.rebuild(store, registry)
    found: dict[str, Any] = {**done.versions, **({"damaged": list(done.damaged)} if done.damaged else {})}
    with registry.transaction() as cursor:
        insert_action(
            cursor,
            who=who,
            what="rebuild registry",
            source=SYSTEM,
            version=None,
            reason="the registry was lost",
            details=found,
        )
    return found


def _set_pin(
    store: Store, registry: Registry, source: str, version: str, pinned: str | None, *, who: str, reason: str
) -> None:
    what = "unpin" if pinned is None else "pin"
    pointers.settle(store, registry, source)
    with registry.transaction() as cursor:
        if not transitions.set_pin(cursor, source, version, pinned):
            raise _pinned_already(cursor, source, version, what)
        insert_action(cursor, who=who, what=what, source=source, version=version, reason=reason)
    pointers.write(store, registry, source, (version,))


def _pinned_already(
    cursor: promotion.Cursor, source: str, version: str, what: str
) -> PromotionRefused | UnknownVersion:
    """Why there is nothing to pin or unpin, and who did it before."""
    done = actions.last_on(cursor, what, source, version)
    if done is None:
        return unknown(cursor, source, version)
    by = f" by {done.who} at {moment(done.at)}" if done.at else ""
    if what == "pin":
        return PromotionRefused(f"{source} {version} is pinned already{by}.")
    return PromotionRefused(f"{source} {version} is not pinned{' any more' if by else ''}{by}.")


def _check_until(until: datetime | None, registry: Registry) -> None:
    """Raise PromotionRefused for a hold that would be over already."""
    if until is None:
        return
    if until.tzinfo is None:
        raise PromotionRefused(
            f"The end of the hold, {until.isoformat()}, has no time zone; write ...Z for UTC."
        )
    with registry.transaction() as cursor:
        cursor.execute("SELECT clock_timestamp() AS now")
        row = cursor.fetchone()
    assert row is not None
    if until <= row["now"]:
        raise PromotionRefused(
            f"The end of the hold, {moment(until)}, is over already; it is {moment(row['now'])}."
        )


def _won(registry: Registry, done: Promotion) -> Promotion:
    """The promotion. Raises PromotionRefused where another version was faster, or another process is at it."""
    try:
        return race.won(registry, done)
    except race.BeingPublished as error:
        raise PromotionRefused(str(error)) from error


def _exported(store: Store, registry: Registry, done: Promotion) -> Promotion:
    """Write latest in its other forms. Raises NotExported."""
    try:
        pipeline.export(store, registry, done.source)
    except Exception as error:
        # Whatever was wrong, latest has moved.
        raise NotExported(done, error) from error
    return done
