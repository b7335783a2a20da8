"""How well cleaning and asking agree with what a person reads in the names of interventions.

A label holds the keys of the substances that a name asks for, `placebo`, `control`, or `-` where it asks for none of
these; `?` behind one of them says that either is right. Names are mapped as if PubChem knew a compound by every name:
whatever the code lets through is mapped, and nothing is right by luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from include.sources.clinical.resolve import resolve
from include.sources.ctgov import names
from include.sources.pubchem import lookup

OWN = Path(__file__).with_name("labelled_names.tsv")
DOCUMENT = Path(__file__).parents[3] / "docs" / "name_resolution.md"
PRECISION = 0.98
"""At least: a wrong compound is worse than none."""
ROLES = frozenset({"placebo", "control"})


class Label(NamedTuple):
    """What a person reads in a name of an intervention of type `kind`."""

    name: str
    kind: str
    expected: frozenset[str]
    either: frozenset[str]


def label(name: str, kind: str, told: str) -> Label:
    tokens = set() if told == "-" else set(told.split(" | "))
    either = frozenset(token[:-1] for token in tokens if token.endswith("?"))
    return Label(name, kind, frozenset(token for token in tokens if not token.endswith("?")), either)


def own() -> Iterator[Label]:
    """Our own names, which anybody can run."""
    for line in OWN.read_text(encoding="utf-8").splitlines():
        name, told = line.split("\t")
        yield label(name, "DRUG", told)


def outcome(name: str, kind: str) -> set[str]:
    """The keys that are mapped without further evidence, and the roles of the parts."""
    found = set()
    for part in names.clean(name, kind).parts:
        if part.is_control:
            found.add("placebo" if part.is_placebo else "control")
        elif part.clean_name is not None:
            primary = lookup.keys(part.clean_name, (), kind).primary
            resolved = resolve(primary, (), lambda _: [1], lambda _: None, frozenset())
            if resolved.matched:
                found.add(resolved.matched)
    return found


@dataclass
class Score:
    """What was found, against the labels."""

    names: int = 0
    expected: int = 0
    found: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, name: str, expected: set[str], found: set[str]) -> None:
        self.names += 1
        self.expected += len(expected)
        self.found += len(found)
        self.right += len(found & expected)
        if found - expected:
            self.wrong.append(name)

    @property
    def precision(self) -> float:
        return self.right / self.found

    def line(self, what: str) -> str:
        """As a row of the document's table."""
        return (
            f"| {what} | {self.names} | {self.expected} | {self.found} | {self.right} "
            f"| {self.precision:.3f} | {self.right / self.expected:.3f} |"
        )


def scores(labels: list[Label], written: Callable[[str], str] = str) -> tuple[Score, Score]:
    """Of the substances, and of the roles; `written` is how a key is written in the labels."""
    substances, roles = Score(), Score()
    for name, kind, expected, either in labels:
        found = {token if token in ROLES else written(token) for token in outcome(name, kind)} - either
        substances.add(name, expected - ROLES, found - ROLES)
        roles.add(name, expected & ROLES, found & ROLES)
    return substances, roles


def documented(line: str) -> None:
    """The line stands in the document; where it does not, the message is the line that should."""
    assert line in DOCUMENT.read_text(encoding="utf-8").split("\n"), line
