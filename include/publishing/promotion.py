"""Promotion: the act that makes a candidate latest, and its reverse, the operator's rollback.

One transaction moves latest, the version's state, the cursors and the serving tables together. Before it, the
candidate is claimed under a lease; after it, the mirror latest/SOURCE.json is written for readers of files.
A kill anywhere leaves either the old state or the new one, and the next try goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg
import tenacity
from psycopg.types.json import Jsonb

from include.publishing import manifest as manifests
from include.publishing import mirror, serving
from include.publishing.manifest import Manifest
from include.publishing.registry import Registry, insert_action, said
from include.publishing.store import Store
from include.quality import gate

LEASE_SECONDS = 900
ATTEMPTS = 3
BACKOFF_SECONDS = 2.0
log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How a promotion ended."""

    PROMOTED = "promoted"
    """The candidate is latest now."""
    ALREADY = "already published"
    """An earlier try had done it; what was left to do is done."""
    KEPT = "kept as version"
    """Its data time is older than latest's (a backfill): a version, never latest."""
    LOST = "lost the race"
    """Another candidate became latest since this one was built; its content is stale, nothing was changed."""
    BUSY = "busy"
    """Another process holds the lease on this very candidate."""


class PromotionRefused(ValueError):
    """The candidate may not be promoted: no verdict, failed checks, altered files."""


class PromotionFailed(RuntimeError):
    """All attempts failed; latest is as it was."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """The end of a promotion: outcome, what is latest now, and how each serving table was done."""

    outcome: Outcome
    source: str
    version: str
    latest: str
    as_of: datetime
    served: dict[str, str] = field(default_factory=dict)


def promote(
    store: Store,
    registry: Registry,
    source: str,
    version: str,
    *,
    owner: str,
    wait: Callable[[float], None] = time.sleep,
) -> Promotion:
    """Make a candidate latest.

    `owner` names the run (or operator) that does it: a retry of the same owner takes over its own lease at
    once, anybody else only when it has expired. Raises PromotionRefused where the candidate may not be
    promoted, PromotionFailed when three attempts with exponential back-off did not succeed.
    """
    manifest = manifests.require(store, source, version)
    _check_verdict(store, registry, manifest)
    claimed = _claim(registry, manifest, owner)
    if claimed is not None:
        mirror.write(store, registry, source, (version,))
        return claimed
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=BACKOFF_SECONDS, max=60) + tenacity.wait_random(0, 1),
        retry=tenacity.retry_if_exception_type((psycopg.Error, OSError)),
        before_sleep=lambda state: log.warning("promotion of %s %s: %s", source, version, _reason(state)),
        sleep=wait,
    )
    try:
        done = attempts(_attempt, store, registry, manifest)
    except tenacity.RetryError as error:
        cause = error.last_attempt.exception()
        assert cause is not None
        raise PromotionFailed(
            f"{source} {version} could not be published in {ATTEMPTS} attempts; the last said: {said(cause)}. "
            "Consumers read what they read before. Mend the cause and clear the promote task."
        ) from cause
    touched = (version, manifest.previous) if manifest.previous else (version,)
    mirror.write(store, registry, source, touched)
    return done


def _reason(state: tenacity.RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    assert error is not None
    return f"attempt {state.attempt_number} of {ATTEMPTS} failed: {said(error)}"


def _check_verdict(store: Store, registry: Registry, manifest: Manifest) -> None:
    """Refuse what did not pass the gate, was altered since, or is not what the registry knows."""
    row = registry.version(manifest.source, manifest.version)
    sealed = store.sha256(manifests.manifest_key(manifest.source, manifest.version))
    if sealed != row.manifest_sha256:
        raise PromotionRefused(
            f"The manifest of {manifest.source} {manifest.version} is not the one that was staged "
            f"({sealed[:12]}… instead of {row.manifest_sha256[:12]}…); it is refused. Run the DAG again."
        )
    verdict = gate.read(store, manifest.source, manifest.version)
    if verdict is None:
        raise PromotionRefused(f"{manifest.source} {manifest.version} has no verdict; run its gate first.")
    if not verdict.passed and row.accepted_by is None:
        raise PromotionRefused(
            f"{manifest.source} {manifest.version} did not pass its gate: {'; '.join(verdict.reasons)}"
        )
    try:
        manifests.verify(store, manifest, verdict.stamps)
    except manifests.AlteredFile as error:
        raise PromotionRefused(str(error)) from error


def _lock_latest(cursor: psycopg.Cursor[dict[str, Any]], source: str) -> dict[str, Any]:
    """The row everybody who moves latest must hold; made where it is missing."""
    cursor.execute("INSERT INTO lastgood.latest (source) VALUES (%s) ON CONFLICT DO NOTHING", (source,))
    cursor.execute(
        "SELECT l.version, l.previous, v.as_of FROM lastgood.latest l "
        "LEFT JOIN lastgood.dataset_version v USING (source, version) WHERE source = %s FOR UPDATE OF l",
        (source,),
    )
    row = cursor.fetchone()
    assert row is not None
    return row


def _claim(registry: Registry, manifest: Manifest, owner: str) -> Promotion | None:
    """staged → publishing under a lease; a Promotion where there is nothing left to do."""
    source, version = manifest.source, manifest.version
    with registry.cursor() as cursor:
        latest = _lock_latest(cursor, source)
        cursor.execute(
            "SELECT state, lease_owner, lease_until > now() AS leased, published_at "
            "FROM lastgood.dataset_version WHERE source = %s AND version = %s FOR UPDATE",
            (source, version),
        )
        row = cursor.fetchone()
        assert row is not None
        ended = Promotion(Outcome.ALREADY, source, version, str(latest["version"]), manifest.as_of)
        if latest["version"] == version:
            return ended
        if row["published_at"] is not None:
            return ended
        if row["state"] == "publishing" and row["leased"] and row["lease_owner"] != owner:
            return Promotion(Outcome.BUSY, source, version, str(latest["version"]), manifest.as_of)
        if latest["as_of"] is not None and manifest.as_of < latest["as_of"]:
            return _end(cursor, manifest, latest, Outcome.KEPT, f"older than latest {latest['version']}")
        if lost := _lost(cursor, manifest, latest):
            return lost
        if row["state"] == "rejected":
            raise PromotionRefused(
                f"{source} {version} is rejected; an operator may accept it with a reason."
            )
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = %s, "
            "lease_until = now() + make_interval(secs => %s) WHERE source = %s AND version = %s",
            (owner, LEASE_SECONDS, source, version),
        )
    return None


def _lost(cursor: psycopg.Cursor[Any], manifest: Manifest, latest: dict[str, Any]) -> Promotion | None:
    """Compare latest with what the candidate was built upon; a Promotion where somebody was faster."""
    if latest["version"] == manifest.previous:
        return None
    why = f"built upon {manifest.previous}, latest is {latest['version']}"
    return _end(cursor, manifest, latest, Outcome.LOST, why)


def _end(
    cursor: psycopg.Cursor[Any], manifest: Manifest, latest: dict[str, Any], outcome: Outcome, why: str
) -> Promotion:
    """The candidate stays what it is: a version that is not latest."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = 'superseded', publish_error = %s, ended_at = now(), "
        "lease_owner = NULL, lease_until = NULL WHERE source = %s AND version = %s",
        (f"{outcome.value}: {why}", manifest.source, manifest.version),
    )
    return Promotion(outcome, manifest.source, manifest.version, str(latest["version"]), manifest.as_of)


def end_outdated(registry: Registry, source: str, over: datetime) -> list[str]:
    """End candidates that were built upon what is no longer latest and that nobody works on; returns their versions.

    They could only lose the race. A run that began before `over`, or that ended, is not under way.
    """
    with registry.cursor() as cursor:
        latest = _lock_latest(cursor, source)
        cursor.execute(
            "UPDATE lastgood.dataset_version v SET state = 'superseded', ended_at = now(), lease_owner = NULL, "
            "lease_until = NULL, publish_error = %(outcome)s || ': built upon ' || coalesce(previous, 'nothing') || "
            "  ', latest is ' || coalesce(%(latest)s::text, 'nothing') "
            "WHERE source = %(source)s AND published_at IS NULL AND previous IS DISTINCT FROM %(latest)s "
            "AND (state = 'staged' OR (state = 'publishing' AND lease_until <= now())) "
            "AND NOT EXISTS (SELECT FROM lastgood.pipeline_run p WHERE p.source = v.source "
            "  AND p.version = v.version AND p.ended IS NULL AND p.started >= %(over)s) RETURNING version",
            {"outcome": Outcome.LOST.value, "latest": latest["version"], "source": source, "over": over},
        )
        return [row["version"] for row in cursor.fetchall()]


def _attempt(store: Store, registry: Registry, manifest: Manifest) -> Promotion:
    try:
        with registry.cursor() as cursor:
            return _switch(cursor, store, manifest)
    except (psycopg.Error, OSError) as error:
        _note_failure(registry, manifest, error)
        raise


def _switch(cursor: psycopg.Cursor[dict[str, Any]], store: Store, manifest: Manifest) -> Promotion:
    """The one transaction: compare and set latest, states, cursors, serving tables."""
    source, version = manifest.source, manifest.version
    latest = _lock_latest(cursor, source)
    if latest["version"] == version:
        return Promotion(Outcome.ALREADY, source, version, version, manifest.as_of)
    if lost := _lost(cursor, manifest, latest):
        return lost
    served = serving.serve(cursor, store, manifest)
    if manifest.previous is not None:
        _set_state(cursor, source, manifest.previous, "superseded")
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = 'published', published_at = clock_timestamp(), "
        "publish_attempts = publish_attempts + 1, publish_error = NULL, ended_at = NULL, "
        "lease_owner = NULL, lease_until = NULL WHERE source = %s AND version = %s",
        (source, version),
    )
    cursor.execute(
        "UPDATE lastgood.latest SET previous = version, version = %s, since = clock_timestamp() "
        "WHERE source = %s",
        (version, source),
    )
    set_cursors(cursor, manifest)
    _note_attempt(cursor, manifest, None)
    return Promotion(Outcome.PROMOTED, source, version, version, manifest.as_of, served)


def _note_attempt(cursor: psycopg.Cursor[Any], manifest: Manifest, error: str | None) -> None:
    cursor.execute(
        "INSERT INTO lastgood.publish_attempt (source, version, error) VALUES (%s, %s, %s)",
        (manifest.source, manifest.version, error),
    )


def _set_state(cursor: psycopg.Cursor[Any], source: str, version: str, state: str) -> None:
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = %s, ended_at = now() WHERE source = %s AND version = %s",
        (state, source, version),
    )


def set_cursors(cursor: psycopg.Cursor[Any], manifest: Manifest) -> None:
    cursor.execute("DELETE FROM lastgood.cursor WHERE source = %s", (manifest.source,))
    cursor.executemany(
        "INSERT INTO lastgood.cursor (source, name, value, version) VALUES (%s, %s, %s, %s)",
        [(manifest.source, name, Jsonb(value), manifest.version) for name, value in manifest.cursors.items()],
    )


def _note_failure(registry: Registry, manifest: Manifest, error: Exception) -> None:
    """publishing → staged with one attempt more, or failed after the last; silent where the database is away."""
    message = said(error)
    try:
        with registry.cursor() as cursor:
            cursor.execute(
                "UPDATE lastgood.dataset_version SET publish_attempts = publish_attempts + 1, "
                "publish_error = %s, lease_owner = NULL, lease_until = NULL, "
                "state = CASE WHEN (publish_attempts + 1) %% %s = 0 THEN 'failed' ELSE 'staged' END "
                "WHERE source = %s AND version = %s AND published_at IS NULL",
                (message, ATTEMPTS, manifest.source, manifest.version),
            )
            _note_attempt(cursor, manifest, message)
    except psycopg.OperationalError as unreachable:
        log.warning("the failed attempt could not be noted in the registry: %s", unreachable)


def accept(
    store: Store, registry: Registry, source: str, version: str, *, who: str, reason: str
) -> Promotion:
    """An operator takes a rejected candidate whose only failures are change rules, and it is promoted.

    Raises PromotionRefused where a contract rule failed as well, or the candidate is not rejected.
    """
    row = registry.version(source, version)
    verdict = gate.read(store, source, version)
    if row.accepted_by is not None and row.published_at is None and row.state != "superseded":
        # Accepted before, but the promotion was killed or failed: the decision stands, the rest is done now.
        return promote(store, registry, source, version, owner=f"accept by {row.accepted_by}")
    if row.state != "rejected" or verdict is None:
        raise PromotionRefused(
            f"{source} {version} is {row.state}, not rejected: there is nothing to accept."
        )
    if not verdict.acceptable:
        raise PromotionRefused(
            f"{source} {version} fails its contract and can never be accepted: {'; '.join(verdict.contract_failures)}"
        )
    latest = registry.latest(source)
    if (latest.version if latest else None) != row.previous:
        raise PromotionRefused(
            f"{source} {version} was compared with {row.previous}, but latest is "
            f"{latest.version if latest else None} by now. Run the DAG again and accept that candidate."
        )
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'staged', accepted_by = %s, accepted_reason = %s "
            "WHERE source = %s AND version = %s AND state = 'rejected'",
            (who, reason, source, version),
        )
        insert_action(
            cursor,
            who=who,
            what="accept",
            source=source,
            version=version,
            reason=reason,
            details={"overridden": verdict.change_failures},
        )
    return promote(store, registry, source, version, owner=f"accept by {who}")


def rollback(
    store: Store,
    registry: Registry,
    source: str,
    *,
    who: str,
    reason: str,
    to: str | None = None,
) -> Promotion:
    """Make an earlier version latest again; by default the one before.

    The version rolled back from gets state rolled_back, the cursors go back with the data, and the next run
    starts from there. Raises PromotionRefused where there is no such version or its files are not intact.
    """
    with registry.cursor() as cursor:
        latest = _lock_latest(cursor, source)
        target = to or latest["previous"]
        if latest["version"] is None or target is None or target == latest["version"]:
            raise PromotionRefused(
                f"{source} has no earlier version to go back to: latest is {latest['version']}, "
                f"the one before it {latest['previous']}."
            )
        cursor.execute(
            "SELECT published_at FROM lastgood.dataset_version WHERE source = %s AND version = %s",
            (source, target),
        )
        row = cursor.fetchone()
        if row is None or row["published_at"] is None:
            raise PromotionRefused(
                f"{source} {target} was never published; only such a version can come back."
            )
        manifest = manifests.require(store, source, target)
        try:
            manifests.verify(store, manifest)
        except manifests.AlteredFile as error:
            raise PromotionRefused(str(error)) from error
        served = serving.serve(cursor, store, manifest, forward=False)
        _set_state(cursor, source, latest["version"], "rolled_back")
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'published', ended_at = NULL "
            "WHERE source = %s AND version = %s",
            (source, target),
        )
        # What it was built upon may be gone by now; then there is nothing further back to go to.
        cursor.execute(
            "UPDATE lastgood.latest l SET version = %s, since = clock_timestamp(), previous = (SELECT version "
            "FROM lastgood.dataset_version v WHERE v.source = l.source AND v.version = %s) WHERE source = %s",
            (target, manifest.previous, source),
        )
        set_cursors(cursor, manifest)
        insert_action(
            cursor,
            who=who,
            what="rollback",
            source=source,
            version=target,
            reason=reason,
            details={"from": latest["version"]},
        )
    mirror.write(store, registry, source, (latest["version"], target))
    return Promotion(Outcome.PROMOTED, source, target, target, manifest.as_of, served)
