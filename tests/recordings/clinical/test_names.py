# ruff: noqa: SIM905  (a list of words reads better as text)
"""How well names of interventions find compounds, measured on labelled names and on recorded studies.

PubChem's own answers to these names are not recorded. A stand-in is made of the labels: each compound among them
answers to its own name, and hostile entries answer to names that mean no compound. docs/name_resolution.md holds
the figures and says what they measure and what they do not.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from include.sources.clinical.resolve import resolve
from include.sources.ctgov import names
from include.sources.pubchem import lookup
from tests.sources.pubchem.labelled import PRECISION, ROLES, Label, documented, label, own, scores

LABELS = Path(__file__).with_name("labelled_names.tsv")
"""By the hash of type and name; substances by the hash of their key. Read and labelled without the code's output."""
ASKED_FOR = {"DRUG", "BIOLOGICAL", "COMBINATION_PRODUCT"}

GENERIC = " ".join(
    """
active, agent, agents, air, analgesia, anesthesia, antibiotic, antibiotics, app, application, arm a, bandage, boost,
capsule, care, chemotherapy, combination, combo, comparator, compound, control, conventional treatment, cream,
culture, detection, device, diet, dose, drug, drugs, exercise, experimental, food, gel, group a, group b, immune
checkpoint inhibitors, immunotherapy, infusion, injection, intervention, laser, massage, medication, method,
monitoring, music, no intervention, observation, oil, ointment, opioid, opioids, other drugs, pd-1 inhibitor,
phase ii, physical activity, plasma, product, program, protocol, radiation, radiotherapy, reference, saline, salt,
sample, sedation, serum, sham, software, standard, standard of care, standard therapy, statin, statins, steroids,
study drug, study treatment, sugar, supplement, surgery, system, tablet, technique, test, therapy, training,
treatment, treatment 1, treatment a, treatment b, treatment c, treatment d, tyrosine kinase inhibitor, usual care,
vaccine, vehicle, walking, water, yoga
""".split()
).split(", ")
"""Names for which a depositor may well have named a compound."""
LONGEST_ABBREVIATION = 4

STRUCTURE = re.compile(r"CHEM\|[^%]*\|T(?:109|114|116|196|197)\|")
"""UMLS types of substances by their structure; not T121 (plasma) and T122 (cream)."""
NO_COMPOUND = re.compile(
    r"mab$|cept$|antibod|therap|inhibitors$|tests?$|collection|protein|protocol|combination|preparations|solutions"
    r"|radiation|procedures|phase|standard|microbiota|globin",
    re.IGNORECASE,
)
"""MeSH terms of interventions that are proteins, mixtures, classes or no substances at all."""


@dataclass
class PubChem:
    """The stand-in: what it knows, and what it was asked."""

    numbers: dict[str, int] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)

    def know(self, name: str) -> int:
        """Number of a compound that answers to this name and to its spellings without spaces and hyphens."""
        cid = self.numbers.setdefault(name.casefold(), len(self.numbers) + 1)
        self.numbers[re.sub(r"[ -]", "", name.casefold())] = cid
        return cid

    def mislead(self, known: Iterable[str]) -> None:
        """Let it answer a wrong compound to each of these names, unless a compound is really called so."""
        self.wrong.update(name.casefold().strip() for name in known)

    def answer(self, key: str) -> list[int]:
        self.asked.add(key)
        if key in self.numbers:
            return [self.numbers[key]]
        return [1_000_000] if key in self.wrong else []


@dataclass
class Score:
    """What was mapped, against what the labels say."""

    expected: int = 0
    mapped: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, expected: set[int], chosen: list[int]) -> None:
        self.expected += len(expected)
        self.mapped += len(chosen)
        self.right += sum(cid in expected for cid in chosen)

    @property
    def figures(self) -> str:
        """Precision and recall, as columns of a table."""
        return f"{self.right / self.mapped:.2f} | {self.right / self.expected:.2f}"


Way = Callable[[PubChem, str, Sequence[str], str], list[int]]
"""From name, other names and type of an intervention to the compounds that it is mapped to."""


def as_published(pubchem: PubChem, name: str, other_names: Sequence[str], kind: str) -> list[int]:
    """The way of the sources: cleaned, written as a key, resolved by the rules."""
    cleaned = names.clean(name, kind).parts
    chosen = []
    for part in cleaned:
        if part.clean_name is None or part.is_control:
            continue
        primary, others = lookup.keys(part.clean_name, other_names if len(cleaned) == 1 else (), kind)
        chosen.append(resolve(primary, others, pubchem.answer, lambda _: None, set()).cid)
    return [cid for cid in chosen if cid is not None]


def as_received(pubchem: PubChem, name: str, other_names: Sequence[str], kind: str) -> list[int]:
    """The naive way: the name as it is, else the other names, and PubChem's first answer."""
    answers = (pubchem.answer(one.casefold().strip()) for one in (name, *other_names))
    return next((answer[:1] for answer in answers if answer), [])


WAYS: dict[str, Way] = {"cleaned": as_published, "as received": as_received}


# --- Labelled names ----------------------------------------------------------------------------------


Labelled = list[dict[str, str]]


@pytest.fixture(scope="module")
def labelled(recordings: Path) -> Labelled:
    """The labelled names, each with the concept and the types that people gave it."""
    path = recordings / "ctgov" / "names" / "intervention_manual_remaps.tsv"
    if not path.is_file():
        pytest.skip(
            f"no labelled names at {path}: the figures of docs/name_resolution.md are measured on them"
        )
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == 1014
    return rows


def is_compound(row: dict[str, str]) -> bool:
    return STRUCTURE.search(row["Intervention_CAT"]) is not None


def stand_in(rows: Labelled) -> PubChem:
    """The compounds among the labels, and as hostile entries all other labels, general words and abbreviations."""
    pubchem = PubChem()
    for row in rows:
        if is_compound(row):
            pubchem.know(row["Intervention_Concept"])
        else:
            pubchem.mislead([row["Intervention_Concept"]])
    requests = [row["Intervention_request"].casefold() for row in rows]
    pubchem.mislead(GENERIC)
    pubchem.mislead(
        word for name in requests for word in re.findall(r"[\w-]+", name) if len(word) <= LONGEST_ABBREVIATION
    )
    return pubchem


def score_names(way: Way, rows: Labelled, pubchem: PubChem) -> Score:
    score = Score()
    for row in rows:
        chosen = way(pubchem, row["Intervention_request"], [], "DRUG")
        expected = {pubchem.know(row["Intervention_Concept"])} if is_compound(row) else set()
        score.add(expected, chosen)
        if not expected.issuperset(chosen):
            score.wrong.append(row["Intervention_request"])
    return score


def test_labelled_names_have_the_documented_precision_and_recall(labelled: Labelled) -> None:
    halves = {"even rows": labelled[::2], "odd rows": labelled[1::2], "all": labelled}
    for half, rows in halves.items():
        for what, way in WAYS.items():
            score = score_names(way, rows, stand_in(labelled))
            documented(
                f"| {half}, {what} | {len(rows)} | {score.expected} | {score.mapped} | {score.right} "
                f"| {score.figures} |"
            )
            if way is as_published:
                assert score.wrong == []


def test_the_documented_share_of_labelled_names_is_asked_for(labelled: Labelled) -> None:
    pubchem = stand_in(labelled)
    score_names(as_published, labelled, pubchem)
    documented(f"Distinct keys asked for: {len(pubchem.asked)}.")


# --- Recorded studies --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Study:
    interventions: tuple[tuple[str, tuple[str, ...], str], ...]
    terms: frozenset[str]
    """MeSH terms that the National Library of Medicine gave its interventions."""
    ancestors: frozenset[str]

    @property
    def compounds(self) -> set[str]:
        return {term for term in self.terms if not NO_COMPOUND.search(term)}


def _terms(study: dict[str, Any], key: str) -> frozenset[str]:
    module = study.get("derivedSection", {}).get("interventionBrowseModule", {})
    return frozenset(item["term"].casefold() for item in module.get(key, []))


def _studies(folder: Path) -> Iterator[dict[str, Any]]:
    for name in ("public_50", "nsclc_100", "NCT02513394_with_results"):
        document = json.loads((folder / "studies" / f"{name}.json").read_text(encoding="utf-8"))
        yield from document if isinstance(document, list) else document.get("studies", [document])


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _hashed(one: Label) -> Label:
    """A label of ours, written as those of the recordings are."""
    return one._replace(expected=frozenset(t if t in ROLES else digest(t) for t in one.expected))


def _with_labels(set_: str, recorded: Iterable[tuple[str, str]]) -> list[Label]:
    """The labels of a set with the names they are for."""
    rows = (line.split("\t") for line in LABELS.read_text(encoding="ascii").splitlines())
    told = {of: expected for name, of, expected in rows if name == set_}
    found = {digest(f"{kind}\t{name}"): (name, kind) for kind, name in recorded}
    assert told.keys() <= found.keys(), "a labelled name is not in the recordings"
    return [label(*found[of], expected) for of, expected in told.items()]


def _recorded_substances(folder: Path) -> set[tuple[str, str]]:
    """Type and name of every intervention that may be a substance, in all recorded studies."""
    paths = sorted([*folder.glob("studies/*.json"), *folder.glob("pages/*.json")])
    assert paths, f"no studies in {folder}"
    return {
        (one["type"], one["name"])
        for path in paths
        for study in _all_studies(json.loads(path.read_text(encoding="utf-8")))
        for one in study["protocolSection"].get("armsInterventionsModule", {}).get("interventions", [])
        if one.get("type") in names.SUBSTANCES
    }


def _all_studies(tree: Any) -> Iterator[dict[str, Any]]:
    """Every study in a document, however deep."""
    if isinstance(tree, dict) and "protocolSection" in tree:
        yield tree
    elif isinstance(tree, dict | list):
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from _all_studies(inner)


def test_names_that_were_read_one_by_one_have_the_documented_precision_and_recall(
    recordings: Path, labelled: Labelled
) -> None:
    of_studies = _with_labels("studies", _recorded_substances(recordings / "ctgov"))
    of_remaps, of_rest = (
        _with_labels(name, (("DRUG", row["Intervention_request"]) for row in rows))
        for name, rows in (("remaps", labelled[::2]), ("rest", labelled[1::2]))
    )
    every = [*map(_hashed, own()), *of_studies, *of_remaps, *of_rest]
    assert len(every) >= 1900
    for what, labels in (
        ("recorded studies", of_studies),
        ("every other name that an earlier look-up mapped wrongly", of_remaps),
        ("the rest of these", of_rest),
        ("all", every),
    ):
        substances, roles = scores(labels, digest)
        documented(substances.line(what))
        documented(roles.line(f"{what}: placebos and controls"))
    assert substances.precision >= PRECISION
    assert roles.precision >= PRECISION


@pytest.fixture(scope="module")
def studies(recordings: Path) -> list[Study]:
    """The recorded studies, each once, with their drugs."""
    if not (recordings / "ctgov" / "studies").is_dir():
        pytest.skip(
            f"no studies in {recordings}: the figures of docs/name_resolution.md are measured on them"
        )
    found = {}
    for study in _studies(recordings / "ctgov"):
        protocol = study["protocolSection"]
        drugs = tuple(
            (one["name"], tuple(one.get("otherNames", ())), one["type"])
            for one in protocol.get("armsInterventionsModule", {}).get("interventions", [])
            if one["type"] in ASKED_FOR
        )
        found[protocol["identificationModule"]["nctId"]] = Study(
            drugs, _terms(study, "meshes"), _terms(study, "ancestors")
        )
    assert len(found) >= 150
    return list(found.values())


def score_studies(way: Way, studies: list[Study]) -> tuple[Score, int]:
    """The score against the studies' MeSH terms, and how many of the rest are spelt out in the name they come from.

    Every term that is no compound and every ancestor of a term misleads.
    """
    pubchem = PubChem()
    for study in studies:
        pubchem.mislead(study.ancestors)
        pubchem.mislead(filter(NO_COMPOUND.search, study.terms))
        for term in sorted(study.compounds):
            pubchem.know(term)
    pubchem.mislead(GENERIC)
    terms = {cid: term for term, cid in pubchem.numbers.items()}
    score, spelt_out = Score(), 0
    for study in studies:
        expected = {pubchem.know(term) for term in study.compounds}
        chosen: dict[int, str] = {}
        for name, other_names, kind in study.interventions:
            chosen |= dict.fromkeys(way(pubchem, name, other_names, kind), name)
        score.add(expected, list(chosen))
        for cid in chosen.keys() - expected:
            if cid in terms and terms[cid] in chosen[cid].casefold():
                spelt_out += 1
            else:
                score.wrong.append(chosen[cid])
    return score, spelt_out


def test_links_of_the_recorded_studies_have_the_documented_precision_and_recall(studies: list[Study]) -> None:
    for what, way in WAYS.items():
        score, spelt_out = score_studies(way, studies)
        documented(
            f"| {what} | {score.expected} | {score.mapped} | {score.right} | {spelt_out} | {score.figures} |"
        )
        if way is as_published:
            assert score.wrong == []
            assert (score.right + spelt_out) / score.mapped >= 0.98


def test_no_protein_or_class_of_the_recorded_studies_is_asked_for(studies: list[Study]) -> None:
    terms = {term for study in studies for term in study.terms if NO_COMPOUND.search(term)}
    assert len(terms) > 30
    assert {term for term in terms if lookup.key(term) is not None} <= {"insulin, globin zinc"}
