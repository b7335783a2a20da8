"""Which compound an intervention's name stands for (docs/name_resolution.md).

The rules of RULES are tried in order and the first that finds a compound decides. A new rule is one entry. What
all of them hold to: no compound is better than a wrong one.

Two compounds count as one substance where they share the skeleton, the first block of the InChIKey: they differ
in stereochemistry, isotopes or charge only. A salt has another skeleton than its base.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from include.sources.pubchem.lookup import is_abbreviation


class Missing(Enum):
    """Why there is no answer about a name; the values are those of `rule`."""

    NOT_ASKED = "not_asked"
    FAILED = "failed"


class Resolution(NamedTuple):
    """The outcome for one intervention, in the columns of clinical.intervention_compounds."""

    cid: int | None
    rule: str
    """The rule that chose, or why none did: none, ambiguous, refused, not_asked, failed."""
    matched: str | None
    """The key that led to the compound."""
    candidates: tuple[int, ...]
    """All compounds that the name and the other names may stand for, each once, in PubChem's order."""


class Choice(NamedTuple):
    """What a rule found."""

    cid: int
    matched: str


class Name(NamedTuple):
    """A key and the compounds that PubChem knows by it."""

    key: str
    cids: tuple[int, ...]


@dataclass(frozen=True)
class Evidence:
    """All that is known of one intervention."""

    primary: Name | None
    """None where it must not be asked."""
    others: tuple[Name, ...]
    """Those with an answer."""
    missing: tuple[Missing, ...]
    """Of the others, those without."""
    linked: Collection[int]
    skeleton: Callable[[int], str | None]

    @cached_property
    def found(self) -> tuple[Name, ...]:
        """The other names that PubChem knows."""
        return tuple(name for name in self.others if name.cids)

    @property
    def own(self) -> tuple[Name, ...]:
        """The names whose compounds may be chosen: the primary; where it has none, the others, once all are known."""
        if self.primary and self.primary.cids:
            return (self.primary,)
        return () if self.missing else self.found

    def substance(self, cid: int) -> str | int:
        """What is equal for two compounds of one substance; a compound without structure is only itself."""
        return self.skeleton(cid) or cid

    def substances(self, cids: Iterable[int]) -> frozenset[str | int]:
        """The substances of several compounds."""
        return frozenset(map(self.substance, cids))

    def is_contradicted(self, name: Name) -> bool:
        """Whether the trial's links and the other names agree with each other, but not with this name."""
        if not self.linked or not self.found:
            return False
        own, linked = self.substances(name.cids), self.substances(self.linked)
        others = self.substances(cid for other in self.found for cid in other.cids)
        return not linked.isdisjoint(others) and own.isdisjoint(linked | others)


def _single(evidence: Evidence) -> Choice | None:
    """The name stands for one compound."""
    name = evidence.primary
    if name is None or len(name.cids) != 1 or is_abbreviation(name.key) or evidence.is_contradicted(name):
        return None
    return Choice(name.cids[0], name.key)


def _trial(evidence: Evidence) -> Choice | None:
    """PubChem links just one of the substances that the name stands for with this trial."""
    linked = [(cid, name.key) for name in evidence.own for cid in name.cids if cid in evidence.linked]
    return Choice(*linked[0]) if len(evidence.substances(cid for cid, _ in linked)) == 1 else None


def _structure(evidence: Evidence) -> Choice | None:
    """The compounds that the name stands for are one substance: PubChem's first."""
    name = evidence.primary
    if name is None or is_abbreviation(name.key) or evidence.is_contradicted(name):
        return None
    return Choice(name.cids[0], name.key) if len(evidence.substances(name.cids)) == 1 else None


def _other_name(evidence: Evidence) -> Choice | None:
    """Another name leaves one of the name's substances, or the other names agree on one where it has none."""
    if evidence.missing:
        return None
    if evidence.primary and evidence.primary.cids:
        by_substance = {
            evidence.substance(cid): name.key for name in reversed(evidence.found) for cid in name.cids
        }
        shared = [cid for cid in evidence.primary.cids if evidence.substance(cid) in by_substance]
        if len(evidence.substances(shared)) != 1:
            return None
        return Choice(shared[0], by_substance[evidence.substance(shared[0])])
    names = [name for name in evidence.found if not is_abbreviation(name.key)]
    if len(evidence.substances(cid for name in names for cid in name.cids)) != 1:
        return None
    return Choice(names[0].cids[0], names[0].key)


RULES: tuple[tuple[str, Callable[[Evidence], Choice | None]], ...] = (
    ("single", _single),
    ("trial", _trial),
    ("structure", _structure),
    ("other_name", _other_name),
)


def resolve(
    primary: str | None,
    others: Sequence[str],
    candidates: Callable[[str], Sequence[int] | Missing],
    skeleton: Callable[[int], str | None],
    linked: Collection[int],
) -> Resolution:
    """Choose the compound of an intervention whose keys are `primary` and `others` (see lookup.keys).

    `candidates(key)` is PubChem's answer: its CIDs in its order, none for NotFound, or why there is no answer.
    `skeleton(cid)` is the first 14 letters of the compound's InChIKey, None where it has none or is unknown.
    `linked` are the CIDs that PubChem links with the trial; a set is fastest. Never raises of itself.
    """
    answer = None if primary is None else _answer(candidates, primary)
    answers = [_answer(candidates, other) for other in others]
    found = tuple(one for one in answers if isinstance(one, Name))
    cids = tuple(dict.fromkeys(cid for one in (answer, *found) if isinstance(one, Name) for cid in one.cids))
    if isinstance(answer, Missing):
        return Resolution(None, answer.value, None, cids)
    missing = tuple(one for one in answers if isinstance(one, Missing))
    evidence = Evidence(answer, found, missing, linked, skeleton)
    for rule, choose in RULES:
        choice = choose(evidence)
        if choice is not None:
            return Resolution(choice.cid, rule, choice.matched, cids)
    return Resolution(None, _why_none(evidence, cids), None, cids)


def _answer(candidates: Callable[[str], Sequence[int] | Missing], key: str) -> Name | Missing:
    answer = candidates(key)
    if isinstance(answer, Missing):
        return answer
    # CID 0 stands for a substance without a compound (docs/upstreams/pubchem.md).
    return Name(key, tuple(dict.fromkeys(cid for cid in answer if cid > 0)))


def _why_none(evidence: Evidence, cids: tuple[int, ...]) -> str:
    if evidence.missing:
        return max(evidence.missing, key=lambda one: one is Missing.FAILED).value
    if evidence.primary is None and not evidence.others:
        return "refused"
    if not cids:
        return "none"
    return "refused" if all(is_abbreviation(name.key) for name in evidence.own) else "ambiguous"
