"""What is asked of PubChem and what it replies: a run's work list, and one record for each answer that lands."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

import msgspec

State = Literal["done", "none", "failed"]
"""How an item ended: answered, answered that there is nothing, or not answered."""


class Registry(NamedTuple):
    """A collection of trials in PubChem: its node in the classification, its columns for id and date."""

    hnid: int
    id: str
    date: str


COLLECTIONS = {
    "clinicaltrials": Registry(3647573, "ctid", "updatedate"),
    "clinicaltrials_eu": Registry(3647574, "eudractnumber", "date"),
    "clinicaltrials_jp": Registry(3647575, "ctid", "date"),
}


class Unit(msgspec.Struct, frozen=True, array_like=True):
    """Something to ask: the trials of a compound in a registry."""

    cid: int
    collection: str


class Plan(msgspec.Struct, frozen=True):
    """The work list of a run. `listed`: compounds by collection, and by `all`; `ctgov`: whose names are resolved."""

    full: bool
    truncated: bool
    listed: dict[str, list[int]]
    units: list[Unit]
    ctgov: str | None


class Lookup(msgspec.Struct, frozen=True):
    """The answer to a unit: its rows as received, or why there is none."""

    cid: int
    collection: str
    state: State
    rows: list[msgspec.Raw] = []
    error: str | None = None

    @property
    def item(self) -> Unit:
        """The unit it answers."""
        return Unit(self.cid, self.collection)


class NameLookup(msgspec.Struct, frozen=True):
    """The answer to a name: its compounds in PubChem's order."""

    name: str
    state: State
    cids: list[int] = []
    error: str | None = None

    @property
    def item(self) -> str:
        """The name it answers."""
        return self.name


class Properties(msgspec.Struct, frozen=True):
    """The properties of a compound as received; `null` where there are none."""

    cid: int
    state: State
    row: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    error: str | None = None

    @property
    def item(self) -> int:
        """The compound it answers."""
        return self.cid


class Reply(Protocol):
    """What all replies have in common; `item` is what was asked for."""

    @property
    def item(self) -> Unit | str | int: ...
    @property
    def state(self) -> State: ...
    @property
    def error(self) -> str | None: ...
