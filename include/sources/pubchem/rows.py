"""Reading one row of PubChem: a trial in either of its shapes, or the properties of a compound.

Trials come with `cids` as an array or as text with pipes, with dates as 2005-06-24 or 20050624, text or number, or
to the month or year only (docs/upstreams/pubchem.md).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from include.sources.contact_details import hide_details
from include.sources.parsing import lenient, partial_day
from include.upstream.answers import one_line

MAX_CID = 2**53
_COMPACT_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})?")
_NCT = re.compile(r"NCT[0-9]{8}")
_NO_PHASE = frozenset({"", "n/a", "na", "not applicable"})
_Many = list[int | str] | str | int | None


class Refused(ValueError):
    """A row that cannot be taken over: `reason` in a word or two, `detail` for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class _Trial(msgspec.Struct):
    cids: _Many = None
    ctid: str | None = None
    eudractnumber: str | None = None
    link: str | None = None
    title: str | None = None
    conditions: list[str] | str | None = None
    interventions: list[str] | str | None = None
    phase: str | None = None
    status: str | None = None
    date: str | int | None = None
    updatedate: str | int | None = None
    diseaseids: _Many = None


class _WithCids(msgspec.Struct):
    cids: _Many = None


_decode_trial = msgspec.json.Decoder(_Trial).decode
_decode_cids = msgspec.json.Decoder(_WithCids).decode


def trial_key(row: bytes | msgspec.Raw, collection: str) -> str | None:
    """`COLLECTION NUMBER` of a trial that was refused; None where the row does not tell the number."""
    names = ("eudractnumber", "ctid") if collection == "clinicaltrials_eu" else ("ctid",)
    tree = lenient(bytes(row))
    told = [tree.get(name) for name in names] if isinstance(tree, dict) else []
    number = next((text for one in told if isinstance(one, str) and (text := _text(one))), None)
    return f"{collection} {number}" if number else None


def cids_of(row: bytes | msgspec.Raw) -> tuple[int, ...]:
    """The compounds a trial row lists, each once; none where it lists none or cannot be read."""
    try:
        return _cids(_decode_cids(row).cids)
    except (msgspec.DecodeError, Refused):
        return ()


def _cids(value: _Many) -> tuple[int, ...]:
    """The compounds of a list, each once. CID 0 stands for a substance without a compound and is none."""
    try:
        cids = dict.fromkeys(int(part) for part in _parts(value))
    except ValueError as error:
        raise Refused("bad cids", one_line(str(error), 200)) from error
    if any(not 0 <= cid < MAX_CID for cid in cids):
        raise Refused("bad cids", one_line(f"{value!r} holds a number that is no CID", 200))
    return tuple(cid for cid in cids if cid)


def _parts(value: Sequence[int | str] | int | None) -> list[str]:
    """The parts of a list, or of text with pipes between them."""
    many: Sequence[Any] = value if isinstance(value, list) else [] if value is None else str(value).split("|")
    return [text for part in many if (text := _text(str(part)))]


def _text(value: str | None) -> str | None:
    """Text without U+0000 and outer white space; None where nothing remains."""
    return (value or "").replace("\0", "").strip() or None


def _date(value: str | int | None, today: date) -> tuple[date, str] | None:
    """The first day of a date in either form, and how exact it is (day, month or year); None where there is none.

    Raises Refused for what is no date, or more than a year ahead.
    """
    text = _text(None if value is None else str(value))
    if text is None or text == "0":
        return None
    # A moment counts with its day.
    day = _COMPACT_DATE.sub(lambda found: "-".join(filter(None, found.groups())), text[:10], count=1)
    try:
        found = partial_day(day)
    except ValueError:
        found = None
    if found is None or found[0] > today + timedelta(days=366):
        raise Refused("bad date", one_line(f"{text!r} is no date like 2026-11-20, 20261120 or 2026-11", 200))
    return found


def trial(row: bytes | msgspec.Raw, collection: str, today: date) -> dict[str, Any]:
    """A trial as received in the columns of the table `trials`, with its `cids`. Raises Refused.

    `today` bounds the date of update: a year beyond it is a mistake.
    """
    try:
        found = _decode_trial(row)
    except msgspec.DecodeError as error:
        raise Refused("wrong type", str(error)) from error
    ids = (found.eudractnumber, found.ctid) if collection == "clinicaltrials_eu" else (found.ctid,)
    trial_id = next((text for one in ids if (text := _text(one))), None)
    if trial_id is None:
        raise Refused("no id", f"a row of {collection} without the trial's number")
    if collection == "clinicaltrials" and not _NCT.fullmatch(trial_id := trial_id.upper()):
        raise Refused("bad id", one_line(f"{trial_id!r} is not NCT and eight digits", 200))
    interventions = found.interventions
    if isinstance(interventions, list) or not _parts(interventions):
        interventions = "|".join(_parts(interventions))
    phase = _text(found.phase)
    updated, precision = _date(found.updatedate, today) or _date(found.date, today) or (None, None)
    return {
        "collection": collection,
        "trial_id": trial_id,
        "title": _public(found.title),
        "conditions": list(map(hide_details, _parts(found.conditions))) or None,
        "interventions": _public(interventions),
        "phase": None if phase is None or phase.lower() in _NO_PHASE else phase,
        "status": _text(found.status),
        "updated": updated,
        "updated_precision": precision,
        "disease_ids": _parts(found.diseaseids) or None,
        "url": _url(found.link, collection, trial_id),
        "cids": list(_cids(found.cids)),
    }


def _public(value: str | None) -> str | None:
    """As _text, without mail addresses and phone numbers.

    Names stay: ctgov hides those of the people whom a study's record names, PubChem's rows name nobody, and words alone
    do not tell a person from a company ("Dr. Reddy's Laboratories").
    """
    text = _text(value)
    return None if text is None else hide_details(text)


def _url(link: str | None, collection: str, trial_id: str) -> str | None:
    """The trial's page: ClinicalTrials.gov's from its number (the link is a form long gone), else the link."""
    if collection == "clinicaltrials":
        return f"https://clinicaltrials.gov/study/{trial_id}"
    text = _text(link)
    return text if text and re.fullmatch(r"https://[\x21-\x7e]+", text) else None


_Number = str | int | float | None


class _Compound(msgspec.Struct, rename="pascal"):
    cid: int = msgspec.field(name="CID")
    title: str | None = None
    molecular_formula: str | None = None
    molecular_weight: _Number = None
    exact_mass: _Number = None
    monoisotopic_mass: _Number = None
    smiles: str | None = msgspec.field(default=None, name="SMILES")
    connectivity_smiles: str | None = msgspec.field(default=None, name="ConnectivitySMILES")
    isomeric_smiles: str | None = msgspec.field(default=None, name="IsomericSMILES")
    canonical_smiles: str | None = msgspec.field(default=None, name="CanonicalSMILES")
    inchi: str | None = msgspec.field(default=None, name="InChI")
    inchikey: str | None = msgspec.field(default=None, name="InChIKey")
    iupac_name: str | None = msgspec.field(default=None, name="IUPACName")
    xlogp: _Number = msgspec.field(default=None, name="XLogP")
    tpsa: _Number = msgspec.field(default=None, name="TPSA")
    complexity: _Number = None
    charge: _Number = None
    h_bond_donor_count: _Number = None
    h_bond_acceptor_count: _Number = None
    rotatable_bond_count: _Number = None
    heavy_atom_count: _Number = None
    isotope_atom_count: _Number = None
    atom_stereo_count: _Number = None
    bond_stereo_count: _Number = None
    covalent_unit_count: _Number = None


_decode_compound = msgspec.json.Decoder(_Compound, strict=False).decode
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_NUMBERS = ("molecular_weight", "exact_mass", "monoisotopic_mass", "xlogp", "tpsa", "complexity")
_COUNTS = ("charge", *(name for name in _Compound.__struct_fields__ if name.endswith("_count")))


def compound(row: bytes | msgspec.Raw) -> dict[str, Any]:
    """The properties of a compound in columns of the table `compounds`. Raises Refused."""
    try:
        found = msgspec.structs.asdict(_decode_compound(row))
    except msgspec.DecodeError as error:
        raise Refused("wrong type", str(error)) from error
    found["smiles"] = found["smiles"] or found.pop("isomeric_smiles")
    found["connectivity_smiles"] = found["connectivity_smiles"] or found.pop("canonical_smiles")
    found.pop("isomeric_smiles", None)
    found.pop("canonical_smiles", None)
    for name in _NUMBERS:
        found[name] = _number(name, found[name])
    for name in _COUNTS:
        found[name] = _count(name, found[name])
    for name, value in found.items():
        if isinstance(value, str):
            found[name] = _text(value)
    if found["inchikey"] is not None and not _INCHIKEY.fullmatch(found["inchikey"]):
        raise Refused("bad InChIKey", one_line(f"{found['inchikey']!r} of CID {found['cid']}", 200))
    return found


def _count(name: str, value: _Number) -> int | None:
    number = _number(name, value)
    if number is not None and (not number.is_integer() or abs(number) >= 2**31):
        raise Refused("bad number", one_line(f"{name} is {value!r}, not a whole number", 200))
    return None if number is None else int(number)


def _number(name: str, value: _Number) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Refused("bad number", one_line(f"{name} is {value!r}", 200))
    return number
