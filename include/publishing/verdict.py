"""The verdict: what the gate found of a candidate, kept beside it as gate.json and in the registry."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from include.publishing import manifest as manifests
from include.registry.locks import lock_version
from include.storage.store import Store, safe_key

if TYPE_CHECKING:
    from include.registry.registry import Registry

Outcome = Literal["PASSED", "WARN", "FAILED", "NOT_EVALUATED"]
NAMES = frozenset({"table_name", "column_name", "of_kind"})
"""Columns of the gate's figures (include/quality/figures.py, arrivals.py) that name what is ours, a table or a column,
and never a person, so a message may show them."""


class CheckOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One check: what it found, against which threshold, and up to 20 rows that made it fail."""

    table: str
    id: str
    name: str
    rule: Literal["contract", "change"]
    outcome: Outcome
    value: float | None
    threshold: str
    samples: list[dict[str, Any]] = []

    @property
    def passed(self) -> bool:
        """PASSED or WARN; everything else blocks."""
        return self.outcome in {"PASSED", "WARN"}

    @property
    def sentence(self) -> str:
        """For people: what failed and by how much."""
        if self.outcome == "NOT_EVALUATED":
            return f"{self.table}: {self.name} could not be evaluated"
        if not self.threshold and self.value is None:
            return f"{self.table}: {self.name}"
        value = "no value" if self.value is None else f"{self.value:g}"
        return f"{self.table}: {self.name} ({value}; {self.threshold})"


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the things that arrive fill a column: the share that a check of the arrivals found too low."""

    table: str
    kind: str
    column: str
    percent: float


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """gate.json: the outcome of all checks on one candidate."""

    source: str
    version: str
    previous: str | None
    checked_at: datetime
    checks: list[CheckOutcome]
    errors: list[str]
    """What kept the gate from evaluating; with any error the candidate does not pass."""
    stamps: dict[str, str]
    """A mark per table file, taken when its checksum was proven; promotion need not read the bytes again."""
    fallen: list[Level] = []
    """What arrived below the usual level; usual from the next run on if an operator accepts it."""
    accepted_levels: list[Level] = []
    """Levels that were below the usual ones and accepted with a version before this one."""

    @property
    def usual_from_now(self) -> list[Level]:
        """The accepted levels for the next run, once this version is latest: one that failed was accepted then."""
        here = [] if self.passed else self.fallen
        again = {(each.table, each.kind, each.column) for each in here}
        kept = [each for each in self.accepted_levels if (each.table, each.kind, each.column) not in again]
        return [*kept, *here]

    @property
    def passed(self) -> bool:
        """Whether the candidate may become latest."""
        return not self.errors and bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def contract_failures(self) -> list[str]:
        """What no operator may accept."""
        failed = [c.sentence for c in self.checks if not c.passed and not _overridable(c)]
        return self.errors + failed

    @property
    def change_failures(self) -> list[str]:
        """What an operator may accept with a reason."""
        return [c.sentence for c in self.checks if not c.passed and _overridable(c)]

    @property
    def acceptable(self) -> bool:
        """Whether an operator's reason is enough to promote it after all."""
        return bool(self.checks) and not self.contract_failures and bool(self.change_failures)

    @property
    def reasons(self) -> list[str]:
        """Why it did not pass; empty where it did."""
        return self.contract_failures + self.change_failures

    def count(self, *outcomes: Outcome) -> int:
        """How many checks ended so."""
        return sum(check.outcome in outcomes for check in self.checks)


def _overridable(check: CheckOutcome) -> bool:
    # A change rule that could not be evaluated says nothing about the change: nobody may wave it through.
    return check.rule == "change" and check.outcome == "FAILED"


def key_of(source: str, version: str) -> str:
    """Key of gate.json."""
    return safe_key(manifests.folder(source, version), "gate.json")


def read(store: Store, source: str, version: str) -> Verdict | None:
    """The verdict on a version, or None where its gate has not run."""
    found = read_sealed(store, source, version)
    return found[0] if found else None


def read_sealed(store: Store, source: str, version: str) -> tuple[Verdict, str] | None:
    """The verdict on a version and the SHA-256 of its gate.json, from one reading; None where its gate has not run.

    Raises ValueError naming the file where it is no verdict on this version.
    """
    key = key_of(source, version)
    try:
        data = store.read_bytes(key)
        verdict = msgspec.json.decode(data, type=Verdict)
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ValueError(f"{key} is not a verdict: {error}. Run the gate again.") from error
    if (verdict.source, verdict.version) != (source, version):
        raise ValueError(f"{key} speaks of {verdict.source} {verdict.version}; it was moved or altered.")
    return verdict, hashlib.sha256(data).hexdigest()


def keep(store: Store, registry: Registry, verdict: Verdict) -> None:
    """Keep a verdict beside its candidate as gate.json and in the registry, which has the file's SHA-256.

    Two gates of one candidate keep theirs one after the other, so the file is that of the registry. Who has lost its
    turn, since it stood still for too long, keeps nothing and raises psycopg.Error. Raises UnknownVersion.
    """
    data = msgspec.json.format(msgspec.json.encode(verdict), indent=1)
    with registry.session(), registry.transaction() as cursor:
        lock_version(cursor, verdict.source, verdict.version)

        def still_ours(_: bytes | None) -> bool:
            cursor.execute("SELECT 1")
            return True

        store.swap(key_of(verdict.source, verdict.version), data, still_ours)
        registry.record_verdict(verdict, hashlib.sha256(data).hexdigest())
