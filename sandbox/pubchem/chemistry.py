"""Structures of the sample's compounds: chains of a few building blocks, so that formula, weight, SMILES and
counts agree with each other. InChI, IUPAC name and the computed values only look real.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import shake_128
from typing import Any, NamedTuple

Draws = Sequence[int]
"""Random numbers below 65,536."""


def draws(*key: object) -> Draws:
    """32 random numbers below 65,536, the same for the same key."""
    return memoryview(shake_128("\x1f".join(map(str, key)).encode()).digest(64)).cast("H")


class _Block(NamedTuple):
    """A part of the chain. smiles and counts; flat: smiles without stereochemistry, where they differ."""

    smiles: str
    formula: dict[str, int]
    donors: int = 0
    acceptors: int = 0
    rotatable: int = 0
    area: float = 0.0
    name: str = ""
    flat: str = ""


_STARTS = (
    _Block("C", {"C": 1, "H": 3}, name="methyl"),
    _Block("N", {"N": 1, "H": 2}, 1, 1, area=26.0, name="amino"),
    _Block("O", {"O": 1, "H": 1}, 1, 1, area=20.2, name="hydroxy"),
    _Block("F", {"F": 1}, acceptors=1, name="fluoro"),
    _Block("Cl", {"Cl": 1}, name="chloro"),
    _Block("C1CC1", {"C": 3, "H": 5}, name="cyclopropyl"),
    _Block("FC(F)(F)", {"C": 1, "F": 3}, acceptors=3, name="trifluoromethyl"),
)
_MIDDLES = (
    _Block("C", {"C": 1, "H": 2}, rotatable=1, name="methyl"),
    _Block("CC", {"C": 2, "H": 4}, rotatable=2, name="ethyl"),
    _Block("O", {"O": 1}, acceptors=1, rotatable=1, area=9.2, name="oxy"),
    _Block("N", {"N": 1, "H": 1}, 1, 1, 1, area=12.0, name="amino"),
    _Block("C(=O)N", {"C": 1, "O": 1, "N": 1, "H": 1}, 1, 1, 1, area=29.1, name="carbamoyl"),
    _Block("C(=O)", {"C": 1, "O": 1}, 0, 1, 1, area=17.1, name="oxo"),
    _Block("C1=CC=C(C=C1)", {"C": 6, "H": 4}, rotatable=1, name="phenyl"),
    _Block("N1CCN(CC1)", {"C": 4, "H": 8, "N": 2}, acceptors=2, area=6.5, name="piperazin-1-yl"),
    _Block("C1=CN=C(C=C1)", {"C": 5, "H": 3, "N": 1}, acceptors=1, rotatable=1, area=12.9, name="pyridinyl"),
    _Block("S(=O)(=O)", {"S": 1, "O": 2}, acceptors=2, rotatable=1, area=42.5, name="sulfonyl"),
)
_CENTRE = _Block("[C@H](C)", {"C": 2, "H": 4}, rotatable=1, name="propan-2-yl", flat="C(C)")
_MIRRORED = _CENTRE._replace(smiles="[C@@H](C)")
_ENDS = (
    _Block("C(=O)O", {"C": 1, "O": 2, "H": 1}, 1, 2, area=37.3, name="ic acid"),
    _Block("C(=O)N", {"C": 1, "O": 1, "N": 1, "H": 2}, 1, 1, area=43.1, name="amide"),
    _Block("C#N", {"C": 1, "N": 1}, 0, 1, area=23.8, name="nitrile"),
    _Block("CO", {"C": 1, "O": 1, "H": 3}, 1, 1, area=20.2, name="ol"),
)
_COUNTERIONS = (
    _Block(".Cl", {"Cl": 1, "H": 1}, name=";hydrochloride"),
    _Block(".O", {"O": 1, "H": 2}, name=";hydrate"),
)
_MASSES = {  # average and monoisotopic mass in Da
    "C": (12.011, 12.0),
    "H": (1.008, 1.00782503),
    "Cl": (35.453, 34.96885268),
    "F": (18.998, 18.99840316),
    "N": (14.007, 14.00307400),
    "O": (15.999, 15.99491462),
    "S": (32.065, 31.97207117),
}
AVERAGE, MONOISOTOPIC = range(2)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

PARENT, SALT, MIRROR = range(3)
"""Variants of a structure: itself, with a counterion, and its mirror image. Their keys begin alike."""


def structure(seed: int, name: str, variant: int, number: int = 0) -> dict[str, Any]:
    """The properties that PUG REST answers about a structure, by its name there, each of them present.

    Args:
        seed: the sample's.
        name: another name, another structure; variants of one structure share it.
        variant: PARENT, SALT or MIRROR.
        number: tells further variants of one kind apart.
    """
    d = draws(seed, "structure", name)
    chain = [_STARTS[d[0] % len(_STARTS)]]
    chain += [_MIDDLES[d[2 + k] % len(_MIDDLES)] for k in range(3 + d[1] % 9)]
    chain.insert(1 + d[12] % 3, _MIRRORED if variant == MIRROR else _CENTRE)
    chain.append(_ENDS[d[13] % len(_ENDS)])
    ions = [_COUNTERIONS[(d[14] + number) % 2]] * (1 + number // 2) if variant == SALT else []
    blocks = chain + ions

    atoms: Counter[str] = Counter()
    for block in blocks:
        atoms.update(block.formula)
    formula = _hill(atoms)
    heavy = atoms.total() - atoms["H"]
    mass = f"{_mass(atoms, MONOISOTOPIC):.8f}"
    logp = (atoms["C"] + 2 * atoms["Cl"] - 2 * atoms["O"] - 2 * atoms["N"]) / 5
    name_parts = "-".join(f"{place}-{block.name}" for place, block in enumerate(chain[:-1], 1))
    return {
        "MolecularFormula": formula,
        "MolecularWeight": f"{_mass(atoms, AVERAGE):.1f}",
        "ConnectivitySMILES": "".join(block.flat or block.smiles for block in blocks),
        "SMILES": "".join(block.smiles for block in blocks),
        "InChI": f"InChI=1S/{formula}/c{'-'.join(map(str, range(1, heavy + 1)))}/h1-{heavy}H",
        "InChIKey": inchikey(seed, name, "" if variant == PARENT else f"{variant}.{number}"),
        "IUPACName": name_parts + chain[-1].name + "".join(ion.name for ion in ions),
        "XLogP": logp,
        "ExactMass": mass,
        "MonoisotopicMass": mass,
        "TPSA": round(sum(block.area for block in blocks), 1),
        "Complexity": heavy * 12 + d[15] % 97,
        "Charge": 0,
        "HBondDonorCount": sum(block.donors for block in blocks),
        "HBondAcceptorCount": sum(block.acceptors for block in blocks),
        "RotatableBondCount": sum(block.rotatable for block in blocks),
        "HeavyAtomCount": heavy,
        "IsotopeAtomCount": 0,
        "AtomStereoCount": 1,
        "DefinedAtomStereoCount": 1,
        "UndefinedAtomStereoCount": 0,
        "BondStereoCount": 0,
        "DefinedBondStereoCount": 0,
        "UndefinedBondStereoCount": 0,
        "CovalentUnitCount": 1 + len(ions),
    }


def inchikey(seed: int, name: str, variant: str) -> str:
    """A key of the right form: 14, 10 and 1 letters; the first block is the same for all variants of a
    name."""
    first, rest = draws(seed, "inchikey", name), draws(seed, "inchikey", name, variant)
    skeleton = "".join(_LETTERS[draw % 26] for draw in first[:14])
    details = "".join(_LETTERS[draw % 26] for draw in rest[:8])
    return f"{skeleton}-{details}SA-N"


def _hill(atoms: Counter[str]) -> str:
    """The formula in Hill order: carbon, hydrogen, then by the alphabet."""
    order = sorted(atoms, key=lambda symbol: (symbol != "C", symbol != "H", symbol))
    return "".join(f"{symbol}{atoms[symbol] if atoms[symbol] > 1 else ''}" for symbol in order)


def _mass(atoms: Counter[str], kind: int) -> float:
    return sum(_MASSES[symbol][kind] * count for symbol, count in atoms.items())
