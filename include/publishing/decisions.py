"""What an operator decides: accept, roll back, retry, pin. The one place for each, for the shell and for the forms.

Each keeps who, when and why in lastgood.action, and brings the other forms of latest along where it moved.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include import steps
from include.alerting.alert import HOUSE
from include.publishing import manifest as manifests
from include.publishing import mirror, promotion, rebuild, recovery
from include.publishing.promotion import Outcome, Promotion, PromotionFailed, PromotionRefused
from include.publishing.recovery import Stuck
from include.publishing.registry import Registry, UnknownVersion, insert_action, said
from include.publishing.store import Store
from include.quality import gate

PUBLISHED = {Outcome.PROMOTED, Outcome.ALREADY}
Wait = Callable[[float], None]


class NotExported(RuntimeError):
    """The decision stands and ended as `done`, but the other forms of latest could not be written."""

    def __init__(self, done: Promotion, error: Exception) -> None:
        self.done, self.why = done, f"{type(error).__name__}: {said(error)}"
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
    return _exported(
        store, registry, promotion.accept(store, registry, source, version, who=who, reason=reason)
    )


def rollback(
    store: Store, registry: Registry, source: str, *, who: str, reason: str, to: str | None = None
) -> Promotion:
    """Make an earlier version latest again, by default the one before. Raises PromotionRefused, NotExported."""
    return _exported(
        store, registry, promotion.rollback(store, registry, source, to=to, who=who, reason=reason)
    )


def retry(
    store: Store,
    registry: Registry,
    source: str,
    version: str,
    *,
    who: str,
    reason: str,
    wait: Wait = time.sleep,
) -> Promotion:
    """Publish what passed its gate and failed to be published.

    Raises PromotionRefused where there is nothing to retry or another process is at it, PromotionFailed where it
    fails again, NotExported.
    """
    row = registry.version(source, version)
    if row.published_at is not None or row.state not in {"failed", "staged", "publishing"}:
        raise PromotionRefused(
            f"{source} {version} is {row.state}; only what passed its gate and failed to be published is retried."
        )
    with registry.cursor() as cursor:
        insert_action(cursor, who=who, what="retry", source=source, version=version, reason=reason)
    # Not the name alone: two retries of the same person must not take over each other's lease.
    owner = f"retry by {who} {uuid.uuid4().hex[:8]}"
    done = promotion.promote(store, registry, source, version, owner=owner, wait=wait)
    if done.outcome is Outcome.BUSY:
        raise PromotionRefused(
            f"{source} {version} is being published by another process right now; see how that ends."
        )
    return _exported(store, registry, done)


def retry_all(
    store: Store,
    registry: Registry,
    source: str | None = None,
    *,
    who: str,
    reason: str,
    now: datetime,
    wait: Wait = time.sleep,
    report: Callable[[str], None] = lambda _: None,
) -> RetriedAll:
    """Retry all that failed to be published, of one source or of all; one failure stops no other.

    The newest of a source comes first; once it is latest, the others are outdated and left out.
    """
    results: list[Retried] = []
    published: set[str] = set()
    for one, version in retryable(store, registry, source, now=now):
        if one in published:
            continue
        report(f"publishing {one} {version}")
        try:
            done = retry(store, registry, one, version, who=who, reason=reason, wait=wait)
            ended = Retried(one, version, done.outcome.value, None)
        except NotExported as error:
            ended = Retried(one, version, error.done.outcome.value, str(error))
        except (PromotionRefused, PromotionFailed, FileNotFoundError) as error:
            ended = Retried(one, version, None, said(error))
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


def _may_be_published(store: Store, registry: Registry, each: Stuck) -> bool:
    verdict = gate.read(store, each.source, each.version)
    return verdict is not None and (
        verdict.passed or registry.version(each.source, each.version).accepted_by is not None
    )


def pin(store: Store, registry: Registry, source: str, version: str, *, who: str, reason: str) -> None:
    """Keep a version whatever retention says. Raises UnknownVersion, FileNotFoundError."""
    manifests.require(store, source, version)
    _set_pin(store, registry, source, version, reason, who=who, reason=reason)


def unpin(store: Store, registry: Registry, source: str, version: str, *, who: str, reason: str) -> None:
    """Leave a pinned version to retention again. Raises UnknownVersion, PromotionRefused where it is not pinned."""
    if registry.version(source, version).pinned_reason is None:
        raise PromotionRefused(f"{source} {version} is not pinned.")
    _set_pin(store, registry, source, version, None, who=who, reason=reason)


def rebuild_registry(store: Store, registry: Registry, *, who: str) -> dict[str, Any]:
    """Fill an empty registry from the store; returns how many versions of each source came back."""
    found: dict[str, Any] = dict(rebuild.rebuild(store, registry))
    with registry.cursor() as cursor:
        insert_action(
            cursor,
            who=who,
            what="rebuild registry",
            source=HOUSE,
            version=None,
            reason="the registry was lost",
            details=found,
        )
    return found


def _set_pin(
    store: Store, registry: Registry, source: str, version: str, pinned: str | None, *, who: str, reason: str
) -> None:
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET pinned_reason = %s WHERE source = %s AND version = %s",
            (pinned, source, version),
        )
        if not cursor.rowcount:
            raise UnknownVersion(f"{source} has no version {version!r}; see the versions of this source.")
        what = "unpin" if pinned is None else "pin"
        insert_action(cursor, who=who, what=what, source=source, version=version, reason=reason)
    mirror.write(store, registry, source, (version,))


def _exported(store: Store, registry: Registry, done: Promotion) -> Promotion:
    """Write latest in its other forms. Raises NotExported."""
    try:
        steps.export(store, registry, done.source)
    except Exception as error:
        # Whatever was wrong, latest has moved.
        raise NotExported(done, error) from error
    return done
