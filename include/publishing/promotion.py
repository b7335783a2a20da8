"""Promotion: the act that makes a candidate latest, and its reverse, the operator's rollback.

One transaction moves latest, the version's state, the cursors and the serving tables together. Before it, the
candidate is claimed under a lease, and the bytes of the pointer latest/SOURCE.json are laid down in the store; after
it, they take their place. A kill anywhere leaves either the old state or the new one, and the next try goes on from
there. Nothing is believed twice: what was looked at before the transaction is compared within it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import psycopg

from include import arguments
from include.errors import NonRetryable
from include.formatting import moment
from include.publishing import hold, pointers, serving
from include.publishing import manifest as manifests
from include.publishing import verdict as verdicts
from include.publishing.manifest import Manifest
from include.publishing.pointers import Pointer
from include.publishing.policy import Policy
from include.publishing.shape import ServingRefused
from include.publishing.verdict import Verdict
from include.registry import actions, holds, transitions, versions, watermarks
from include.registry.actions import insert_action
from include.registry.connection import LEASE_SECONDS, error_summary
from include.registry.locks import LockedLatest, lock_latest
from include.registry.registry import Registry
from include.registry.transitions import Standing
from include.registry.versions import Latest
from include.storage.store import Store

ATTEMPTS = 3
"""So many failed attempts make a version failed, whoever made them."""
Cursor = psycopg.Cursor[dict[str, Any]]
_DECIDED_BY_HAND = Policy()
"""For a candidate that an operator accepted or released: its base is latest, and nobody has to be asked any more."""
log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How a promotion ended."""

    PROMOTED = "promoted"
    """The candidate is latest now."""
    NO_OP = "already published"
    """An earlier try had done it; what was left to do is done."""
    HELD = "held"
    """It passed, and waits for an operator's release: after a rollback, on a hold, or since its source wants it."""
    OUT_OF_ORDER = "kept as version"
    """Its data time is older than latest's (a backfill): a version, never latest."""
    CONFLICT = "lost the race"
    """Another candidate became latest since this one was built; its content is stale, nothing was changed."""
    BUSY = "busy"
    """Another process holds the lease on this very candidate."""


Act = Literal["accept", "release"]
"""What an operator decides about a candidate that does not become latest by itself."""
_DECIDED: Mapping[Act, str] = {"accept": "rejected", "release": "held"}
"""The state of a candidate about which that is decided."""


class PromotionRefused(NonRetryable, ValueError):
    """The candidate may not be promoted: no verdict, failed checks, altered files."""


class PromotionFailed(NonRetryable, RuntimeError):
    """As many attempts failed as are made; latest is as it was."""


class PointerBehind(OSError):
    """Latest was moved, but the pointer in the store does not say so yet."""


class Overtaken(RuntimeError):
    """The claim was lost while the promotion was at work: its process stood still, or the gate ran again."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """The end of a promotion: outcome, what is latest now, and how each serving table was done."""

    outcome: Outcome
    source: str
    version: str
    latest: str
    as_of: datetime
    served: dict[str, str] = field(default_factory=dict)
    why: str = ""
    """Of one that was held, kept or lost: what stood in its way."""
    hold: str = ""
    """Of a rollback: who holds the source from now on, since when and for how long; empty where nobody does."""

    @property
    def sentence(self) -> str:
        """How it ended, for the log, the run log and the alert."""
        name = f"{self.source} {self.version}"
        match self.outcome:
            case Outcome.HELD:
                return (
                    f"{name} passed its checks and is held: {self.why}. Consumers keep reading {self.latest}. "
                    "To publish it, release it with a reason (DAG lastgood_release)."
                )
            case Outcome.OUT_OF_ORDER:
                return (
                    f"{name} passed its checks and is kept as a version that is not latest, since its data are older: "
                    f"{self.why}. Consumers keep reading {self.latest}."
                )
            case Outcome.CONFLICT:
                return f"{name} lost the race: {self.why}. Consumers keep reading {self.latest}."
            case Outcome.BUSY:
                return f"{name} is being published by another process right now; see how that ends."
            case _:
                return (
                    f"{name} is {self.outcome.value}; latest of {self.source} is {self.latest}.{self._held}"
                )

    @property
    def _held(self) -> str:
        return f" {hold.told(self.source, self.hold)}" if self.hold else ""


def promote(
    store: Store,
    registry: Registry,
    source: str,
    version: str,
    *,
    policy: Policy,
    owner: str,
    note: Callable[[Cursor], None] = lambda _: None,
    wait: Callable[[float], None] = time.sleep,
) -> Promotion:
    """Make a candidate latest, in one attempt.

    `policy` is what the source says of it (sources.policy). `owner` names the run (or operator) that does it: a retry
    of the same owner takes over its own lease at once, anybody else only when it has expired. `note` writes what
    belongs to the claim, in its transaction; `wait` pauses between the tries to alter a table that somebody reads.
    Raises
    PromotionRefused where the candidate may not be promoted, pointers.OlderRegistry where the store knows more than the
    registry, and whatever made the attempt fail: it may be tried again then. The third failure, and each further
    one, raises PromotionFailed instead.
    """
    with registry.session():
        manifest = manifests.require(store, source, version)
        proven = _prove(store, registry, manifest)
        with registry.transaction() as cursor:
            claimed = _claim(cursor, store, registry, manifest, proven, policy, owner)
            if claimed is None:
                note(cursor)
        if claimed is not None:
            pointers.write(store, registry, source, (version,))
            return claimed
        return _publish(store, registry, manifest, proven, policy, owner, wait)


@dataclass(frozen=True, slots=True)
class _Proven:
    """What a promotion rests on: the manifest as it was staged, and the verdict by its checksum."""

    verdict: Verdict
    verdict_sha256: str


def _prove(store: Store, registry: Registry, manifest: Manifest) -> _Proven:
    """Refuse what is not what the registry knows, has no verdict of its own, or was altered since."""
    row = registry.version(manifest.source, manifest.version)
    name = f"{manifest.source} {manifest.version}"
    sealed = hashlib.sha256(
        store.read_bytes(manifests.manifest_key(manifest.source, manifest.version))
    ).hexdigest()
    if sealed != row.manifest_sha256:
        raise PromotionRefused(
            f"The manifest of {name} is not the one that was staged ({sealed[:12]}… instead of "
            f"{row.manifest_sha256[:12]}…); it is refused. Run the DAG again."
        )
    found = _verdict(store, manifest.source, manifest.version)
    if found is None:
        raise PromotionRefused(f"{name} has no verdict; run its gate first.")
    verdict, sha256 = found
    if sha256 != row.verdict_sha256:
        raise PromotionRefused(
            f"{verdicts.key_of(manifest.source, manifest.version)} is not the verdict that the gate of {name} gave "
            f"({sha256[:12]}… instead of {(row.verdict_sha256 or 'none')[:12]}…); it is refused. Run the gate again."
        )
    if not verdict.passed and row.accepted_verdict_sha256 != sha256:
        raise PromotionRefused(f"{name} did not pass its gate: {'; '.join(verdict.reasons)}")
    try:
        manifests.verify(store, manifest, verdict.stamps, lists=True)
    except manifests.AlteredFile as error:
        raise PromotionRefused(str(error)) from error
    return _Proven(verdict, sha256)


def _verdict(store: Store, source: str, version: str) -> tuple[Verdict, str] | None:
    """The verdict on a version, with its checksum. Raises PromotionRefused where gate.json is none."""
    try:
        return verdicts.read_sealed(store, source, version)
    except ValueError as error:
        raise PromotionRefused(str(error)) from error


# --- the claim ---


def _claim(
    cursor: Cursor,
    store: Store,
    registry: Registry,
    manifest: Manifest,
    proven: _Proven,
    policy: Policy,
    owner: str,
) -> Promotion | None:
    """staged → publishing under a lease; a Promotion where there is nothing left to do."""
    source, version = manifest.source, manifest.version
    latest = lock_latest(cursor, source, "promote")
    pointers.settle_locked(store, registry, source)
    row = _lock_version(cursor, source, version)
    ended = Promotion(Outcome.NO_OP, source, version, str(latest.version), manifest.as_of)
    if latest.version == version or row.published_at is not None:
        return ended
    if row.state == "publishing" and row.leased and row.lease_owner != owner:
        return Promotion(Outcome.BUSY, source, version, str(latest.version), manifest.as_of)
    if latest.as_of is not None and not policy.merges and _is_older(cursor, manifest, latest.as_of):
        why = f"as of {moment(manifest.as_of)}, and latest {latest.version} as of {moment(latest.as_of)}"
        return _end(cursor, manifest, latest, Outcome.OUT_OF_ORDER, why)
    if lost := _lost(cursor, manifest, latest):
        return lost
    if row.state == "rejected":
        raise PromotionRefused(f"{source} {version} is rejected; an operator may accept it with a reason.")
    _require_proven(row, manifest, proven)
    if waits := _waits(cursor, manifest, proven, policy, row):
        return _end(cursor, manifest, latest, Outcome.HELD, waits, state="held")
    transitions.claim(cursor, source, version, owner, LEASE_SECONDS)
    return None


def _lock_version(cursor: Cursor, source: str, version: str) -> Standing:
    row = transitions.lock(cursor, source, version)
    if row is None:
        raise PromotionRefused(f"{source} has no version {version}; retention removed it meanwhile.")
    return row


def _require_proven(row: Standing, manifest: Manifest, proven: _Proven) -> None:
    """The verdict is still the one that was looked at, and lets the candidate pass. Raises Overtaken."""
    accepted = row.accepted_verdict_sha256 == proven.verdict_sha256
    if row.verdict_sha256 != proven.verdict_sha256 or not (proven.verdict.passed or accepted):
        raise Overtaken(
            f"The gate of {manifest.source} {manifest.version} ran again while it was to be published; its new verdict "
            "counts. Nothing was changed; try again."
        )


def _waits(cursor: Cursor, manifest: Manifest, proven: _Proven, policy: Policy, row: Standing) -> str | None:
    """Why a candidate waits for an operator; None where it need not, or one has decided about this verdict."""
    if row.accepted_verdict_sha256 == proven.verdict_sha256:
        return None
    return hold.why_held(cursor, manifest, proven.verdict, policy.approval)


def _is_older(cursor: Cursor, manifest: Manifest, latest: datetime) -> bool:
    """Whether the candidate is of an older interval than latest, whose data time that is.

    One of a source that merges is not, nor one of exactly its base's data time: it merges into its base, so where
    another became latest meanwhile it has lost, and what it brings is missing.
    """
    if manifest.as_of >= latest:
        return False
    return versions.as_of(cursor, manifest.source, manifest.previous) != manifest.as_of


def _lost(cursor: Cursor, manifest: Manifest, latest: LockedLatest) -> Promotion | None:
    """Compare latest with what the candidate was built upon; a Promotion where somebody was faster."""
    if latest.version == manifest.previous:
        return None
    why = f"built upon {manifest.previous or 'nothing'}, and latest is {latest.version or 'nothing'}"
    return _end(cursor, manifest, latest, Outcome.CONFLICT, why)


def _end(
    cursor: Cursor,
    manifest: Manifest,
    latest: LockedLatest,
    outcome: Outcome,
    why: str,
    state: str = "superseded",
) -> Promotion:
    """The candidate stays what it is: a version that is not latest."""
    transitions.end_candidate(cursor, manifest.source, manifest.version, state, f"{outcome.value}: {why}")
    now = str(latest.version or "nothing")
    return Promotion(outcome, manifest.source, manifest.version, now, manifest.as_of, why=why)


def end_outdated(registry: Registry, source: str, over: datetime) -> list[str]:
    """End candidates that were built upon what is no longer latest and that nobody works on; returns their versions.

    They could only lose the race. A run that began before `over`, or that ended, is not under way.
    """
    with registry.transaction() as cursor:
        latest = lock_latest(cursor, source, "promote")
        return transitions.end_outdated(cursor, source, latest.version, Outcome.CONFLICT.value, over)


# --- the attempt ---


def _publish(
    store: Store,
    registry: Registry,
    manifest: Manifest,
    proven: _Proven,
    policy: Policy,
    owner: str,
    wait: Callable[[float], None] = time.sleep,
) -> Promotion:
    """One attempt of what was claimed; whatever ends it is noted, and the claim is let go."""
    source, version = manifest.source, manifest.version
    try:
        serving.prepare(registry, store, manifest, wait=wait)
        with (
            _pointing(store) as point,
            serving.naming_holders(registry, manifest),
            registry.transaction() as cursor,
        ):
            done = _switch(cursor, store, manifest, proven, policy, owner, point)
    except BaseException as error:
        failed = _note_failure(store, registry, manifest, owner, error)
        if isinstance(error, ServingRefused | manifests.AlteredFile):
            raise PromotionRefused(str(error)) from error
        if failed and isinstance(error, Exception) and not isinstance(error, PromotionRefused):
            raise PromotionFailed(
                f"{source} {version} could not be published in {failed} attempts; the last said: "
                f"{error_summary(error)}. Consumers read what they read before. Mend the cause, then clear the "
                "promote task."
            ) from error
        raise
    touched = (version, manifest.previous) if manifest.previous else (version,)
    _write_states(store, registry, source, touched)
    serving.finish(registry, store, manifest)
    return done


def _write_states(store: Store, registry: Registry, source: str, versions: tuple[str, ...]) -> None:
    """Bring the records in the store to what was done. It is done all the same where they cannot be written now."""
    try:
        pointers.write(store, registry, source, versions)
        hold.write(store, registry, source)
    except (psycopg.Error, OSError) as error:
        log.warning("the state of %s is left to the recovery: %s", ", ".join(versions), error_summary(error))


@contextmanager
def _pointing(store: Store) -> Iterator[Callable[[Pointer], None]]:
    """Lay down the pointer's bytes when they are known, within the transaction, and put them in place after it.

    So a store that takes no writes fails the transaction, and readers of SQL and of files switch together.
    """
    with contextlib.ExitStack() as stack:
        switches: list[Callable[[], object]] = []

        def point(pointer: Pointer) -> None:
            prepared = stack.enter_context(
                store.prepare(pointers.pointer_key(pointer.source), pointers.encoded(pointer))
            )
            switches.append(lambda: prepared.switch(pointers.older_than(pointer)))

        yield point
        try:
            for switch in switches:
                switch()
        except OSError as error:
            raise PointerBehind(
                "Latest was moved, and SQL readers read it; its pointer in the store could not be written, so readers "
                f"of files still read the version before: {error_summary(error)}. Recovery writes it within minutes; "
                "so does another try of this."
            ) from error


def _switch(
    cursor: Cursor,
    store: Store,
    manifest: Manifest,
    proven: _Proven,
    policy: Policy,
    owner: str,
    point: Callable[[Pointer], None],
) -> Promotion:
    """The one transaction: compare and set latest, states, cursors, serving tables."""
    source, version = manifest.source, manifest.version
    latest = lock_latest(cursor, source, "promote")
    if latest.version == version:
        return Promotion(Outcome.NO_OP, source, version, version, manifest.as_of)
    if lost := _lost(cursor, manifest, latest):
        return lost
    row = _lock_version(cursor, source, version)
    if row.state != "publishing" or row.lease_owner != owner:
        raise Overtaken(
            f"{source} {version} is {row.state} by now: this promotion stood still for longer than its lease of "
            f"{LEASE_SECONDS // 60} minutes, or its gate ran again. Nothing was changed; try again."
        )
    _require_proven(row, manifest, proven)
    if waits := _waits(cursor, manifest, proven, policy, row):
        return _end(cursor, manifest, latest, Outcome.HELD, waits, state="held")
    served = serving.serve(cursor, store, manifest)
    if manifest.previous is not None:
        transitions.end_published(cursor, source, manifest.previous, "superseded")
    transitions.mark_published(cursor, source, version)
    transitions.note_attempt(cursor, source, version, None)
    _move_latest(cursor, manifest, latest.version, point)
    # It was released, or the hold let it pass: what was held back is over.
    hold.end(cursor, source)
    return Promotion(Outcome.PROMOTED, source, version, version, manifest.as_of, served)


def _move_latest(
    cursor: Cursor, manifest: Manifest, previous: str | None, point: Callable[[Pointer], None]
) -> None:
    """Set latest with its cursors, and lay down the pointer that says so."""
    since, generation = transitions.move_latest(cursor, manifest.source, manifest.version, previous)
    watermarks.set_to(cursor, manifest.source, manifest.version, manifest.cursors)
    latest = Latest(manifest.source, manifest.version, previous, since, manifest.as_of, generation)
    point(pointers.pointer_of(latest, manifest))


def _note_failure(
    store: Store, registry: Registry, manifest: Manifest, owner: str, error: BaseException
) -> int | None:
    """publishing → staged with one attempt more, or failed after the last: returns how many there were then.

    Whose claim was lost has nothing to let go. Where the database is away, the lease runs out by itself.
    """
    message = error_summary(error) or type(error).__name__
    try:
        with registry.transaction() as cursor:
            noted = transitions.let_go(
                cursor, manifest.source, manifest.version, owner=owner, error=message, attempts=ATTEMPTS
            )
            transitions.note_attempt(cursor, manifest.source, manifest.version, message)
    except psycopg.OperationalError as unreachable:
        log.warning("the failed attempt could not be noted in the registry: %s", unreachable)
        return None
    if noted is None or noted[0] != "failed":
        return None
    _write_states(store, registry, manifest.source, (manifest.version,))
    return noted[1]


# --- what operators decide ---


def accept(
    store: Store,
    registry: Registry,
    source: str,
    version: str,
    *,
    who: str,
    reason: str,
    act: Act = "accept",
) -> Promotion:
    """An operator takes a rejected candidate whose only failures are change rules, and it is promoted.

    `act` is "release" for one that is held. A hold on the source ends with it either way. The decision holds for the
    verdict that was read, and for no other. Where it was taken before and the promotion was killed or failed, it
    stands, and the rest is done now.

    Raises PromotionRefused where a contract rule failed as well, where the candidate is not rejected (or held), and
    where somebody else decided the same; UnknownVersion.
    """
    arguments.check(source=source, version=version, who=who, reason=reason)
    owner = f"{act} by {who} {uuid.uuid4().hex[:8]}"
    with registry.session():
        pointers.settle_at_rest(store, registry, source)
        registry.version(source, version)
        manifest = manifests.require(store, source, version)
        found = _verdict(store, source, version)
        with registry.transaction() as cursor:
            latest = lock_latest(cursor, source, act)
            row = _lock_version(cursor, source, version)
            _require_acceptable(row, found, source, version, act)
            assert found is not None
            if latest.version != row.previous:
                raise PromotionRefused(
                    f"{source} {version} was compared with {row.previous}, but latest is {latest.version} by "
                    f"now. Run the DAG again and {act} that candidate."
                )
            if row.accepted_by is None:
                _set_accepted(cursor, source, version, found, act, who=who, reason=reason)
            proven = _prove(store, registry, manifest)
            claimed = _claim(cursor, store, registry, manifest, proven, _DECIDED_BY_HAND, owner)
        if claimed is not None:
            pointers.write(store, registry, source, (version,))
            return claimed
        return _publish(store, registry, manifest, proven, _DECIDED_BY_HAND, owner)


def _require_acceptable(
    row: Standing, found: tuple[Verdict, str] | None, source: str, version: str, act: Act
) -> None:
    """Raises PromotionRefused."""
    if row.accepted_by is not None and (row.published_at is not None or row.leased):
        how = "is published" if row.published_at else "is being published right now"
        raise PromotionRefused(
            f"{row.accepted_by} has decided so for {source} {version} already, and it {how}: there is nothing to "
            f"{act}."
        )
    if row.accepted_by is not None and row.state in {"staged", "publishing", "failed"}:
        return
    wanted = _DECIDED[act]
    if row.state != wanted or found is None:
        other = next((f"; {name} it" for name, state in _DECIDED.items() if state == row.state), "")
        raise PromotionRefused(
            f"{source} {version} is {row.state}, not {wanted}: there is nothing to {act}{other}."
        )
    verdict, sha256 = found
    if sha256 != row.verdict_sha256:
        raise PromotionRefused(
            f"{verdicts.key_of(source, version)} is not the verdict that the gate of {source} {version} gave; it is "
            "refused. Run the gate again."
        )
    if not verdict.passed and not verdict.acceptable:
        raise PromotionRefused(
            f"{source} {version} fails its contract and can never be accepted: {'; '.join(verdict.contract_failures)}"
        )


def _set_accepted(
    cursor: Cursor, source: str, version: str, found: tuple[Verdict, str], act: Act, *, who: str, reason: str
) -> None:
    verdict, sha256 = found
    transitions.set_accepted(cursor, source, version, who=who, reason=reason, verdict_sha256=sha256)
    insert_action(
        cursor,
        who=who,
        what=act,
        source=source,
        version=version,
        reason=reason,
        details={"overridden": verdict.change_failures, "verdict": sha256},
    )


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
    wait: Callable[[float], None] = time.sleep,
) -> Promotion:
    """Make an earlier version latest again; by default the one before.

    The version rolled back from gets state rolled_back, the cursors go back with the data, and the next run starts
    from there. It would bring the same data again, so the source is on hold from then, `until` a time or until it is
    released; `lets_new` lets a candidate pass that was made from other data of the upstream. To go to the version that
    was rolled back from undoes the rollback, and ends the hold.

    Raises PromotionRefused where there is no such version, its files are not intact, or somebody else has rolled back
    already: without a version this one would go back a step further than anybody meant.
    """
    arguments.check(source=source, version=to, who=who, reason=reason)
    with registry.session():
        # Before anything is told about versions that this registry may know nothing of.
        pointers.settle_at_rest(store, registry, source)
        latest = registry.latest(source)
        target, published_at = _rollback_target(registry, source, latest, to)
        assert latest is not None
        forward = published_at > (registry.version(source, latest.version).published_at or published_at)
        manifest = manifests.require(store, source, target)
        try:
            manifests.verify(store, manifest)
            serving.prepare(registry, store, manifest, forward=False, wait=wait)
        except (ServingRefused, manifests.AlteredFile) as error:
            raise PromotionRefused(str(error)) from error
        with (
            _pointing(store) as point,
            serving.naming_holders(registry, manifest),
            registry.transaction() as cursor,
        ):
            held = lock_latest(cursor, source, "roll back")
            pointers.settle_locked(store, registry, source)
            if (held.version, held.generation) != (latest.version, latest.generation):
                raise PromotionRefused(
                    f"latest of {source} was moved from {latest.version} to {held.version} meanwhile"
                    f"{_by_whom(cursor, source)}; look at it, and roll back again if that is still what you want."
                )
            _lock_version(cursor, source, target)
            served = serving.serve(cursor, store, manifest, forward=False)
            transitions.end_published(cursor, source, latest.version, "rolled_back")
            there = holds.of(cursor, source)
            if there is not None and there.version == target:
                hold.end(cursor, source)
            elif not forward:
                hold.set_on(
                    cursor,
                    source,
                    who=who,
                    reason=reason,
                    until=until,
                    lets_new=lets_new,
                    rolled_back=manifests.read(store, source, latest.version),
                )
            transitions.bring_back(cursor, source, target)
            there = holds.of(cursor, source)
            # What it was built upon may be gone by now; then there is nothing further back to go to.
            before = registry.versions(source, among=[manifest.previous] if manifest.previous else [])
            _move_latest(cursor, manifest, before[0].version if before else None, point)
            insert_action(
                cursor,
                who=who,
                what="rollback",
                source=source,
                version=target,
                reason=reason,
                details={"from": latest.version},
            )
        _write_states(store, registry, source, (latest.version, target))
        serving.finish(registry, store, manifest)
        return Promotion(
            Outcome.PROMOTED,
            source,
            target,
            target,
            manifest.as_of,
            served,
            hold=there.sentence if there else "",
        )


def _rollback_target(
    registry: Registry, source: str, latest: Latest | None, to: str | None
) -> tuple[str, datetime]:
    """The version to go back to, and when it was published first. Raises PromotionRefused."""
    with registry.transaction() as cursor:
        if latest is None:
            raise PromotionRefused(
                f"{source} has no earlier version to go back to: nothing was published yet."
            )
        if to is None and actions.rolled_back_to(cursor, source, latest.version):
            raise PromotionRefused(
                f"latest of {source} is {latest.version}{_by_whom(cursor, source)}. To go back further, name the "
                f"version{f' ({latest.previous} is the one before)' if latest.previous else ''}."
            )
        target = latest.previous if to is None else to
        if target is None:
            raise PromotionRefused(
                f"{source} has no earlier version to go back to: latest is {latest.version}, there is none before it."
            )
        if target == latest.version:
            raise PromotionRefused(f"latest of {source} is {target} already{_by_whom(cursor, source)}.")
        published_at = versions.published_at(cursor, source, target)
    if published_at is None:
        raise PromotionRefused(f"{source} {target} was never published; only such a version can come back.")
    return target, published_at


def _by_whom(cursor: Cursor, source: str) -> str:
    """Who moved latest by hand last, for a sentence; empty where nobody did."""
    found = actions.moved_by_hand(cursor, source)
    if found is None:
        return ""
    did = {"accept": "accepted", "release": "released"}.get(found.what, f"rolled back from {found.left} to")
    return f" ({found.who} {did} {found.version} at {found.at:%Y-%m-%d %H:%M} UTC)"
