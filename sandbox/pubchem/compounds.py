"""Which compounds the sample knows, and which of them a name stands for.

What a name stands for is a pure function of (seed, name): the same drug has the same compounds in every sample
of a seed. Only where two would get the same number, the one that was met later gets another.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from sandbox.pubchem.chemistry import MIRROR, PARENT, SALT, draws, structure
from sandbox.pubchem.vocabulary import AMBIGUOUS, HOSTILE_NAMES, KNOWN_CIDS, SALTS

MAX_CID = 2**31 - 1
_FIRST_CID, _SPAN_OF_CIDS = 10_000, 160_000_000

# How many of 1,000 names PubChem knows
_DRUGS, _BIOLOGICALS, _CODES = 720, 70, 450
_BIOLOGICAL_ENDINGS = ("cept", "kinra", "leucel", "mab", "stim", "toxin a", "vaccine", "vec")

# How many of 1,000 compounds ...
_WITH_SALT, _WITH_MIRROR = 160, 90
_AMBIGUOUS = 500  # ... with variants have a name that stands for all of them
_MISTAKEN = 25  # ... have a name that stands for another compound too
_WITHOUT_TITLE, _WITHOUT_IUPAC, _WITHOUT_XLOGP = 20, 30, 120

# Every so many compounds one has an odd title or no record, so that a small sample shows it too
_ODD_TITLE_EVERY, _NO_RECORD_EVERY = 60, 77


class Compound(msgspec.Struct, frozen=True):
    """One compound. substance: name of its structure, which its variants share; has_record: False for a CID
    that lists and trials name while no answer has its properties."""

    cid: int
    substance: str
    variant: int
    number: int
    title: str
    has_record: bool = True


class Compounds:
    """The compounds and names of one sample. Not safe for threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._compounds: dict[int, Compound] = {}
        self._families: dict[str, list[int]] = {}  # by substance: the parent first
        self._names: dict[str, tuple[int, ...]] = {}
        self._substances: dict[str, str] = {}  # by name
        for name, cids in KNOWN_CIDS.items():
            for number, cid in enumerate(cids):
                title = f"{name} {SALTS[number - 1]}" if number else name
                self._add(Compound(cid, name, SALT if number else PARENT, max(0, number - 1), title))
            self._name(name, cids if name in AMBIGUOUS else cids[:1], name)

    def __len__(self) -> int:
        return len(self._compounds)

    def __iter__(self) -> Iterator[int]:
        return iter(self._compounds)

    def get(self, cid: int) -> Compound | None:
        """The compound of this number, if there is one."""
        return self._compounds.get(cid)

    def resolve(self, name: str) -> tuple[int, ...]:
        """The CIDs that a name stands for, in PubChem's order; none for a name that is not known."""
        return self._names.get(_folded(name), ())

    def names(self) -> dict[str, tuple[int, ...]]:
        """Every name that was ever met, folded, and its CIDs, which are none for an unknown one."""
        return self._names

    def family(self, name: str) -> list[int]:
        """The CIDs of the substance that a name means: itself first, then its salts and mirror images."""
        return self._families.get(self._substances.get(_folded(name), ""), [])

    def meet(self, name: str, *, biological: bool = False, is_code: bool = False) -> None:
        """Decide what a name stands for, when it is met for the first time."""
        folded = _folded(name)
        if folded in self._names:
            return
        share = _CODES if is_code else _DRUGS
        if biological or folded.endswith(_BIOLOGICAL_ENDINGS):
            share = _BIOLOGICALS
        if _one_of(share, self._seed, "known", folded):
            self.deposit(name)
        else:
            self._names[folded] = ()

    def alias(self, code: str, name: str) -> None:
        """Let a research code stand for what a name stands for, if both chance and the name allow."""
        if self.family(name) and _one_of(_CODES, self._seed, "alias", _folded(code)):
            cids = dict.fromkeys([*self.resolve(code), self.family(name)[0]])
            self._name(code, tuple(cids), self._substances[_folded(name)])

    def deposit(self, name: str) -> None:
        """Make a compound for a name, and its salt and mirror image if it has them."""
        parent = self._new(name, PARENT, 0, name)
        cids = [parent.cid]
        if _one_of(_WITH_MIRROR, self._seed, "mirror", name):
            cids.append(self._new(name, MIRROR, 0, f"(R)-{name}").cid)
        if _one_of(_WITH_SALT, self._seed, "salt", name):
            salt = SALTS[draws(self._seed, "which salt", name)[0] % len(SALTS)]
            cids.append(self._new(name, SALT, 0, f"{name} {salt}").cid)
        meant = cids[:1]
        if _one_of(_AMBIGUOUS, self._seed, "ambiguous", name):
            meant = cids[1:] + cids[:1]  # PubChem's first is not always the one that is meant
        elif _one_of(_MISTAKEN, self._seed, "mistaken", name):
            others = list(KNOWN_CIDS.values())
            meant = [parent.cid, others[draws(self._seed, "other", name)[0] % len(others)][0]]
        self._name(name, tuple(meant), name)

    def properties(self, cid: int) -> dict[str, Any] | None:
        """All properties that PUG REST has about a compound; None if it has no record of it."""
        compound = self._compounds.get(cid)
        if compound is None or not compound.has_record:
            return None
        found = structure(self._seed, compound.substance, compound.variant, compound.number)
        if _one_of(_WITHOUT_IUPAC, "iupac", cid):
            del found["IUPACName"]
        if _one_of(_WITHOUT_XLOGP, "xlogp", cid):
            del found["XLogP"]
        if not _one_of(_WITHOUT_TITLE, "title", cid):
            found["Title"] = compound.title
        return {"CID": cid, **found}

    def _new(self, substance: str, variant: int, number: int, title: str) -> Compound:
        first, second = draws(self._seed, "cid", substance, variant, number)[:2]
        cid = _FIRST_CID + (first * 65536 + second) % _SPAN_OF_CIDS
        while cid in self._compounds:
            cid += 1
        if variant != PARENT:
            self._name(title, (cid,), substance)
        known = len(self._compounds)
        if known % _ODD_TITLE_EVERY == 0:
            title = HOSTILE_NAMES[known // _ODD_TITLE_EVERY % len(HOSTILE_NAMES)]
        compound = Compound(cid, substance, variant, number, title, known % _NO_RECORD_EVERY != 0)
        self._add(compound)
        return compound

    def _add(self, compound: Compound) -> None:
        self._compounds[compound.cid] = compound
        self._families.setdefault(compound.substance, []).append(compound.cid)

    def _name(self, name: str, cids: tuple[int, ...], substance: str) -> None:
        self._names[_folded(name)] = cids
        self._substances[_folded(name)] = substance


def _folded(name: str) -> str:
    """Names are the same whatever their case and spaces."""
    return " ".join(name.casefold().split())


def _one_of(per_mille: int, *key: object) -> bool:
    return draws(*key)[0] % 1000 < per_mille
