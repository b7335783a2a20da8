"""The recorded PubChem, served by an upstream of our own, arrives in the published tables with its values.

What is expected is read from the recordings here once more, with csv and json only.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from include import pipeline
from include.publishing.manifest import Manifest
from include.publishing.pointers import pointer_key
from include.sources.pubchem import extract
from include.sources.pubchem.client import Asker
from include.sources.pubchem.records import Lookup, Unit
from include.upstream.answers import BreakerOpen, ContractBreak, Transient
from tests.recordings.pubchem import replay
from tests.recordings.pubchem.conftest import Tables, World, Worlds
from tests.recordings.pubchem.replay import (
    ASPIRIN,
    HYDANTOIN,
    LOSARTAN,
    PRALSETINIB,
    Asked,
    Kind,
    PubChem,
    Reply,
)
from tests.sources.daily import START, DailyRuns

TABLES = ("compounds", "trials", "trial_compounds", "work_list", "names", "name_candidates")
COLLECTIONS = ("clinicaltrials", "clinicaltrials_eu", "clinicaltrials_jp")


def daily_in(world: World, upstream: PubChem) -> DailyRuns:
    return DailyRuns("pubchem", world.store, world.registry, upstream, attempts=8)


def tables(daily: DailyRuns, manifest: Manifest) -> Tables:
    return {name: daily.rows(manifest, name) for name in TABLES}


def links(daily: DailyRuns, manifest: Manifest, collection: str = "clinicaltrials") -> set[tuple[str, int]]:
    rows = daily.rows(manifest, "trial_compounds")
    return {(row["trial_id"], row["cid"]) for row in rows if row["collection"] == collection}


def units(daily: DailyRuns, manifest: Manifest) -> dict[tuple[int, str], dict[str, Any]]:
    return {(row["cid"], row["collection"]): row for row in daily.rows(manifest, "work_list")}


# --- What the recordings say ------------------------------------------------------------------------


def recorded_trials(folder: Path) -> dict[str, dict[str, Any]]:
    """Every recorded trial in the columns of the table, with its compounds."""

    def several(value: str | None) -> list[str] | None:
        return value.split("|") if value else None

    found = {}
    for row in json.loads((folder / "pubchem/sdq/peer_normalised_sdq_rows_6.json").read_text("utf-8")):
        found[row["id"]] = {
            "title": row["title"],
            "conditions": several(row["conditions"]),
            "interventions": row["interventions"],
            "phase": None if row["phase"] == "N/A" else row["phase"],
            "status": row["status"],
            "updated": date.fromisoformat(row["date"]),
            "disease_ids": several(row.get("diseaseids")),
            "cids": {int(cid) for cid in row["cids"].split("|")},
        }
    path = folder / "pubchem/sdq/pubchem_cid_129073603_clinicaltrials.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            day = line["Date"]
            found[line["CTID"]] = {
                "title": line["Title"],
                "conditions": several(line["Conditions"]),
                "interventions": line["Interventions"],
                "phase": line["Phase"] or None,
                "status": line["Status"],
                "updated": date(int(day[:4]), int(day[4:6]), int(day[6:])),
                "disease_ids": several(line["PubChem_Disease_ID"]),
                "cids": {int(cid) for cid in line["Linked_Compound_CID"].split("|")},
            }
    assert len(found) == 18
    return found


def true_links(pubchem: PubChem, collection: str) -> set[tuple[str, int]]:
    """The links that the rows of the server spell out."""
    found = set()
    for row in pubchem.trials[collection]:
        cids = row["cids"] if isinstance(row["cids"], list) else row["cids"].split("|")
        found |= {(row.get("eudractnumber") or row["ctid"], int(cid)) for cid in cids}
    return found


# --- What is published ------------------------------------------------------------------------------


def test_the_published_tables_hold_every_recorded_row_with_its_values(
    recordings: Path, published: World, pubchem: PubChem
) -> None:
    daily = daily_in(published, pubchem)
    manifest = daily.run(2).base
    assert manifest is not None
    assert manifest.quarantine.rows == 0

    trials = {(row["collection"], row["trial_id"]): row for row in daily.rows(manifest, "trials")}
    for trial_id, expected in recorded_trials(recordings).items():
        row = trials["clinicaltrials", trial_id]
        cids = {cid for one, cid in links(daily, manifest) if one == trial_id}
        assert {**{name: row[name] for name in expected if name != "cids"}, "cids": cids} == expected
        assert row["n_compounds"] == len(expected["cids"])
        assert row["url"] == f"https://clinicaltrials.gov/study/{trial_id}"
    for collection in COLLECTIONS:
        assert links(daily, manifest, collection) == true_links(pubchem, collection)
        assert {key[1] for key in trials if key[0] == collection} == {
            trial_id for trial_id, _ in true_links(pubchem, collection)
        }
    with_siblings = len(recorded_trials(recordings)) + 1040 + 4 + 3
    assert len(trials) == with_siblings
    japanese = trials["clinicaltrials_jp", "JPRN-UMIN000002"]
    assert (japanese["updated"], japanese["conditions"]) == (date(2016, 1, 2), ["Fever", "Pain"])
    assert (japanese["phase"], japanese["status"], japanese["interventions"]) == (None, None, None)

    compounds = {row["cid"]: row for row in daily.rows(manifest, "compounds")}
    assert list(compounds) == pubchem.listed[replay.ALL]
    assert all(row["has_trials"] for row in compounds.values())
    for node, collection in replay.COLLECTIONS.items():
        assert [cid for cid, row in compounds.items() if row[f"in_{collection}"]] == pubchem.listed[node]

    state = {key: (row["state"], row["rows"], row["declared"]) for key, row in units(daily, manifest).items()}
    claimed = set().union(*(pubchem.listed[node] for node in replay.COLLECTIONS))
    for node, collection in replay.COLLECTIONS.items():
        count: dict[int, int] = defaultdict(int)
        for _, cid in true_links(pubchem, collection):
            count[cid] += 1
        asked = set(pubchem.listed[node]) | (set(pubchem.listed[replay.ALL]) - claimed)
        assert {cid for cid, one in state if one == collection} == asked
        for cid in asked:
            expected_state = "done" if count[cid] else "none"
            assert state[cid, collection] == (expected_state, count[cid], count[cid])
    with published.registry.transaction() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT count(*) AS n FROM published.pubchem_{table}")
            assert cursor.fetchone() == {"n": len(daily.rows(manifest, table))}


def test_properties_have_the_recorded_values_whichever_name_smiles_has(
    recordings: Path, published: World, pubchem: PubChem
) -> None:
    daily = daily_in(published, pubchem)
    manifest = daily.run(2).base
    assert manifest is not None
    rows = {row["cid"]: row for row in daily.rows(manifest, "compounds")}
    document = json.loads((recordings / "pubchem/pug_rest/aspirin_properties_composed.json").read_text())
    (aspirin,) = document["PropertyTable"]["Properties"]
    names = {
        "molecular_formula": "MolecularFormula",
        "smiles": "SMILES",
        "connectivity_smiles": "ConnectivitySMILES",
        "inchi": "InChI",
        "inchikey": "InChIKey",
        "iupac_name": "IUPACName",
        "xlogp": "XLogP",
        "tpsa": "TPSA",
        "complexity": "Complexity",
        "charge": "Charge",
        "h_bond_donor_count": "HBondDonorCount",
        "h_bond_acceptor_count": "HBondAcceptorCount",
        "rotatable_bond_count": "RotatableBondCount",
        "heavy_atom_count": "HeavyAtomCount",
        "isotope_atom_count": "IsotopeAtomCount",
        "atom_stereo_count": "AtomStereoCount",
        "bond_stereo_count": "BondStereoCount",
        "covalent_unit_count": "CovalentUnitCount",
    }
    assert {name: rows[ASPIRIN][name] for name in names} == {
        name: aspirin[theirs] for name, theirs in names.items()
    }
    for name, theirs in (
        ("molecular_weight", "MolecularWeight"),
        ("exact_mass", "ExactMass"),
        ("monoisotopic_mass", "MonoisotopicMass"),
    ):
        assert rows[ASPIRIN][name] == float(aspirin[theirs])
    assert rows[ASPIRIN]["title"] is None, "the recording has none"
    for row in json.loads((recordings / "pubchem/sdq/peer_normalised_sdq_rows_6.json").read_text("utf-8")):
        published_row = rows[row["cid"]]
        assert [published_row[name] for name in ("smiles", "inchikey", "iupac_name")] == [
            row[name] for name in ("smiles", "inchikey", "iupac_name")
        ]
    # CID 6 and 51 were answered with the names before 2025, 38 with today's.
    assert rows[6]["connectivity_smiles"] and rows[38]["connectivity_smiles"]
    assert (rows[LOSARTAN]["molecular_weight"], rows[LOSARTAN]["xlogp"]) == (422.9, 4.3)
    assert (rows[LOSARTAN]["inchikey"], rows[HYDANTOIN]["smiles"]) == (None, "C1=CNC(=O)NC1=O")


def test_the_whole_list_takes_at_most_100_property_requests(
    recordings: Path, blank: World, pubchem: PubChem, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = replay.listed(recordings)
    assert len(every) == 11_851
    pubchem.listed = {replay.ALL: every, replay.CTGOV: every, replay.EU: [6], replay.JAPAN: [6]}
    pubchem.properties = {cid: replay.made_properties(recordings, cid) for cid in every}
    monkeypatch.setattr(extract, "CHUNK", len(every))
    known = {*extract.KNOWN_CIDS}
    monkeypatch.setattr(
        Asker, "trials", lambda _, u: Lookup(u.cid, u.collection, "done" if u.cid in known else "none")
    )
    daily = daily_in(blank, pubchem)
    facts = pipeline.extract(daily.run(1), daily.session())
    assert facts["properties"] == {"asked": len(every), "done": len(every), "none": 0, "failed": 0}
    assert pubchem.count("properties") <= 100 * len(every) / 12_000
    batches = [asked.about.split(",") for asked, _ in pubchem.asked if asked.kind == "properties"]
    assert sorted(int(cid) for batch in batches for cid in batch) == every


def test_pages_are_asked_with_start_until_the_declared_count_is_reached(
    blank: World, pubchem: PubChem
) -> None:
    daily = daily_in(blank, pubchem)
    pipeline.extract(daily.run(1), daily.session())
    starts = [a.query["start"] for a, _ in pubchem.asked if a.about.startswith(f"clinicaltrials {ASPIRIN} ")]
    assert starts == [1, 1001]
    assert pubchem.count("other") == 0


# --- Recorded faults, each with its consequence -----------------------------------------------------


def candidate_tables(daily: DailyRuns) -> Tables:
    return tables(daily, daily.candidate(1)[1])


def first_time(kind: Kind, reply: Reply) -> Callable[[Asked], Reply | None]:
    """The first try of every question of a kind meets a fault."""
    return lambda asked: reply if asked.kind == kind and asked.number == 0 else None


def always(reply: Reply) -> Callable[[Asked], Reply | None]:
    """Whatever is asked, this is the answer."""
    return lambda asked: reply


@pytest.mark.parametrize("retry_after", [True, False], ids=["Retry-After", "suffix alone"])
@pytest.mark.parametrize("kind", ["list", "trials", "properties"])
def test_server_busy_is_asked_again_and_slows_everybody_down(
    recordings: Path, blank: World, small: PubChem, undisturbed: Tables, kind: Kind, retry_after: bool
) -> None:
    busy = replay.as_recorded(replay.observed(recordings)[1])
    assert busy.status == 503 and "Green (13%), too many requests" in busy.headers["X-Throttling-Control"]
    refusal = busy if retry_after else busy.with_header("Retry-After", None)
    daily = daily_in(blank, small)
    after: list[float] = []

    def fault(asked: Asked) -> Reply | None:
        refused = bool(after) or asked.kind == kind
        if refused:
            after.append(daily.slept)
        return refusal if refused and len(after) == 1 else None

    small.fault = fault
    assert candidate_tables(daily) == undisturbed
    assert small.count(kind, 503) == 1
    early = [at for at in after[1:] if at < after[0] + 29]
    assert len(early) <= 6, "nobody asks within 30 s but who was on the way already"
    assert max(daily.waits) >= 29


def test_a_green_header_slows_nobody(blank: World, small: PubChem) -> None:
    daily = daily_in(blank, small)
    daily.candidate(1)
    assert small.count("trials") > 3
    assert daily.waits == []


def test_an_answer_without_hits_is_a_state_and_no_row(blank: World, small: PubChem) -> None:
    small.trials["clinicaltrials"] = []
    daily = daily_in(blank, small)
    _, manifest = daily.candidate(1)
    states = {cid: row for (cid, name), row in units(daily, manifest).items() if name == "clinicaltrials"}
    assert {row["state"] for row in states.values()} == {"none"}
    assert {row["rows"] for row in states.values()} == {0}
    assert not links(daily, manifest)


def test_a_rejected_query_is_no_absence_and_not_asked_again_as_it_was(
    recordings: Path, blank: World, small: PubChem
) -> None:
    rejected = replay.as_recorded(replay.observed(recordings)[11])
    assert rejected.status == 500 and b'"code": -4' in rejected.body
    small.fault = lambda asked: rejected if asked.kind == "trials" and "_eu" in asked.about else None
    daily = daily_in(blank, small)
    run, manifest = daily.candidate(1)
    states = units(daily, manifest)
    failed = {key for key, row in states.items() if row["state"] == "failed"}
    assert failed == {key for key in states if key[1] == "clinicaltrials_eu"}
    assert all("rejected" in states[key]["error"] or "-4" in states[key]["error"] for key in failed)
    assert daily.waits == [], "a rejected query would be rejected again"
    assert not pipeline.judge(run).passed, "a registry that cannot be asked is no registry without trials"


def test_a_rejected_projection_is_given_up(
    recordings: Path, blank: World, small: PubChem, undisturbed: Tables
) -> None:
    rejected = replay.as_recorded(replay.observed(recordings)[11])
    small.fault = lambda asked: (
        rejected if asked.kind == "trials" and isinstance(asked.query["select"], list) else None
    )
    assert candidate_tables(daily_in(blank, small)) == undisturbed


@pytest.mark.parametrize("number", [0, 8, 9], ids=["PUGREST", "PUGVIEW no data", "PUGVIEW no record"])
def test_not_found_is_absence(recordings: Path, blank: World, small: PubChem, number: int) -> None:
    entry = replay.observed(recordings)[number]
    assert entry["http"] == 404 and entry["body"]["Fault"]["Code"].endswith(".NotFound")
    small.fault = first_time("name", replay.as_recorded(entry))
    daily = daily_in(blank, small)
    assert Asker(daily.session()).name("no such name").state == "none"
    assert small.count("name") == 1 and daily.waits == []
    small.fault = first_time("properties", replay.as_recorded(entry))
    (found,) = Asker(daily.session()).properties([38])
    assert found.state == "none" and small.count("properties") == 1


def test_not_found_where_a_list_or_trials_should_be_is_no_absence(
    recordings: Path, blank: World, small: PubChem
) -> None:
    not_found = replay.as_recorded(replay.observed(recordings)[0])
    asker = Asker(daily_in(blank, small).session())
    small.fault = lambda asked: not_found
    with pytest.raises(Transient, match="no node"):
        pipeline.extract(daily_in(blank, small).run(1), asker.upstream)
    with pytest.raises(ContractBreak):
        asker.trials(Unit(6, "clinicaltrials"))


def test_the_recorded_answers_about_smiles_are_read(recordings: Path, blank: World, small: PubChem) -> None:
    asker = Asker(daily_in(blank, small).session())
    by_request = {entry["request"]: entry for entry in replay.observed(recordings) if "request" in entry}
    for spelling, column in (("IsomericSMILES", "SMILES"), ("CanonicalSMILES", "ConnectivitySMILES")):
        reply = replay.as_recorded(by_request[f"compound/cid/2244/property/{spelling}/JSON"])
        small.fault = always(reply)
        (found,) = asker.properties([ASPIRIN])
        assert json.loads(bytes(found.row)) == {"CID": 2244, column: "CC(=O)OC1=CC=CC=C1C(=O)O"}
    small.fault = lambda _: replay.as_recorded(by_request["compound/cid/1174,54454/property/SMILES/JSON"])
    states = {found.cid: found.state for found in asker.properties([54454, HYDANTOIN])}
    assert states == {54454: "none", HYDANTOIN: "done"}, "joined by CID, never by position"


def test_a_recorded_list_of_compounds_is_kept_in_its_order(
    recordings: Path, blank: World, small: PubChem
) -> None:
    small.fault = lambda _: replay.as_recorded(replay.observed(recordings)[6])
    found = Asker(daily_in(blank, small).session()).name("salbutamol")
    assert (found.state, found.cids) == ("done", [2083, 123600, 182176])


@pytest.mark.parametrize("kind", ["trials", "properties", "list"])
def test_an_answer_that_is_still_pending_is_asked_again(
    recordings: Path, blank: World, small: PubChem, undisturbed: Tables, kind: Kind
) -> None:
    pending = replay.as_recorded(replay.observed(recordings)[7])
    assert pending.status == 202
    small.fault = first_time(kind, pending)
    assert candidate_tables(daily_in(blank, small)) == undisturbed


def test_no_recorded_answer_is_without_a_test(recordings: Path) -> None:
    """Those tested here are 0, 1 and 3 to 11; 2 (losartan) is served as the properties of its compound."""
    assert len(replay.observed(recordings)) == 12


def forget_failures(daily: DailyRuns, *, half_open: bool = False) -> None:
    """Let the breaker's time be over, or close it."""
    with daily.registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.breaker SET open_until = now()" if half_open else "DELETE FROM lastgood.breaker"
        )


# --- Refusals and outages ---------------------------------------------------------------------------


def refuse(share: float, refusal: Reply) -> Callable[[Asked], Reply | None]:
    """Refuses a share of the requests: the same ones in every run, whatever the order in which threads ask."""

    def fault(asked: Asked) -> Reply | None:
        digest = hashlib.sha256(f"{asked.kind} {asked.about} {asked.number}".encode()).digest()
        return refusal if digest[0] < share * 256 else None

    return fault


def test_thirty_percent_of_recorded_refusals_end_in_the_same_six_tables(
    recordings: Path, worlds: Worlds, with_studies: World, pubchem: PubChem
) -> None:
    pubchem.names = {"osimertinib": [71496458], "gefitinib": [123631, 6], "docetaxel": [148124]}
    for cid in {cid for cids in pubchem.names.values() for cid in cids}:
        pubchem.properties.setdefault(cid, replay.made_properties(recordings, cid))
    expected = candidate_tables(daily_in(worlds(with_studies), pubchem))
    assert all(expected[name] for name in TABLES)
    pubchem.forget()
    pubchem.fault = refuse(0.3, replay.as_recorded(replay.observed(recordings)[1]))
    found = candidate_tables(daily_in(worlds(with_studies), pubchem))
    refused = sum(status == 503 for _, status in pubchem.asked)
    assert refused > 0.25 * len(pubchem.asked) > 50
    for name in TABLES:
        assert found[name] == expected[name], name


def seen_by_consumers(daily: DailyRuns) -> dict[str, Any]:
    """What readers of files and of SQL see, and where the next run would go on."""
    found: dict[str, Any] = {
        "pointer": daily.store.read_bytes(pointer_key("pubchem")),
        "latest": daily.registry.latest("pubchem"),
        "cursors": daily.registry.watermarks("pubchem"),
    }
    with daily.registry.transaction() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT * FROM published.pubchem_{table} ORDER BY content_hash")
            found[table] = cursor.fetchall()
    return found


def test_a_full_refresh_during_an_outage_leaves_latest_as_it_was(
    recordings: Path, published: World, pubchem: PubChem
) -> None:
    daily = daily_in(published, pubchem)
    before = seen_by_consumers(daily)
    assert before["trials"] and before["cursors"]["full_at"]
    outage = replay.as_recorded(replay.observed(recordings)[1])
    pubchem.fault = lambda asked: outage
    run = daily.run(2, full_refresh=True)
    with pytest.raises(Transient, match="ServerBusy"):
        pipeline.probe(run, daily.session())
    for _ in range(5):
        with pytest.raises((Transient, BreakerOpen), match="ServerBusy"):
            pipeline.extract(run, daily.session())
    assert seen_by_consumers(daily) == before
    forget_failures(daily)


@pytest.mark.parametrize(("kind", "answers"), [("trials", 50), ("properties", 0)])
def test_an_outage_that_begins_in_the_middle_leaves_latest_as_it_was_and_the_next_try_goes_on(
    recordings: Path,
    worlds: Worlds,
    published: World,
    pubchem: PubChem,
    kind: Kind,
    answers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extract, "CHUNK", 20)
    daily = daily_in(worlds(published), pubchem)
    before = seen_by_consumers(daily)
    outage = replay.as_recorded(replay.observed(recordings)[1])
    begun: list[Asked] = []

    def fault(asked: Asked) -> Reply | None:
        if begun or (asked.kind == kind and pubchem.count(kind) >= answers):
            begun.append(asked)
            return outage
        return None

    pubchem.fault = fault
    run = daily.run(2, full_refresh=True)
    with pytest.raises((Transient, BreakerOpen)):
        pipeline.extract(run, daily.session())
    assert seen_by_consumers(daily) == before
    answered = {asked.about for asked, status in pubchem.asked if asked.kind == "trials" and status == 200}
    assert len(answered) >= answers / 2, "what is not there is asked for twice"
    pubchem.forget()
    forget_failures(daily, half_open=True)
    manifest = daily.publish(2, full_refresh=True)
    again = {asked.about for asked, _ in pubchem.asked if asked.kind == "trials"}
    assert len(again & answered) <= 20 + 8, "what came is kept, but for what was on the way or not there"
    assert links(daily, manifest) == true_links(pubchem, "clinicaltrials")


def test_units_that_never_answer_fail_alone(blank: World, pubchem: PubChem) -> None:
    """Five of 118 units time out for ever; the other 113, and all properties, are there."""
    bad = pubchem.listed[replay.CTGOV][5:10]
    timeout = replay.answer({"Fault": {"Code": "PUGREST.Timeout", "Message": "The request timed out"}}, 504)
    pubchem.fault = lambda asked: (
        timeout
        if asked.kind == "trials" and any(asked.about.startswith(f"clinicaltrials {cid} ") for cid in bad)
        else None
    )
    daily = daily_in(blank, pubchem)
    run, manifest = daily.candidate(1)
    assert pipeline.judge(run).passed
    failed = {key for key, row in units(daily, manifest).items() if row["state"] == "failed"}
    assert failed == {(cid, "clinicaltrials") for cid in bad}


# --- Answers that are not for what was asked --------------------------------------------------------


def foreign(pubchem: PubChem, collection: str, *, own_too: bool) -> Callable[[Asked, Reply], Reply]:
    """A collection that ignores the filter: it answers with rows of other compounds, with the own ones or without."""

    def habit(asked: Asked, reply: Reply) -> Reply:
        if asked.kind != "trials" or asked.query["collection"] != collection:
            return reply
        cid = int(asked.query["where"]["ands"][0]["cid"])
        rows = [row for row in pubchem.trials[collection] if own_too or cid not in row["cids"]]
        data = {"status": {"code": 0}, "totalCount": len(rows), "collection": collection, "rows": rows}
        return replay.answer({"SDQOutputSet": [data]})

    return habit


def test_a_sibling_that_ignores_the_filter_never_reaches_a_first_version(
    blank: World, pubchem: PubChem
) -> None:
    eu = "clinicaltrials_eu"
    expected = true_links(pubchem, eu)
    pubchem.trials[eu].append({**pubchem.trials[eu][0], "eudractnumber": "2020-009999-99", "cids": [777]})
    pubchem.habit = foreign(pubchem, eu, own_too=False)
    daily = daily_in(blank, pubchem)
    run, manifest = daily.candidate(1)
    assert not links(daily, manifest, eu) - expected
    assert 777 not in {row["cid"] for row in daily.rows(manifest, "compounds")}
    assert not pipeline.judge(run).passed


@pytest.mark.parametrize("own_too", [True, False])
def test_a_sibling_that_begins_to_ignore_the_filter_changes_no_table(
    published: World, pubchem: PubChem, own_too: bool
) -> None:
    eu = "clinicaltrials_eu"
    expected = true_links(pubchem, eu)
    pubchem.trials[eu].append({**pubchem.trials[eu][0], "eudractnumber": "2020-009999-99", "cids": [777]})
    pubchem.habit = foreign(pubchem, eu, own_too=own_too)
    daily = daily_in(published, pubchem)
    _, manifest = daily.candidate(3 + own_too, full_refresh=True)
    assert links(daily, manifest, eu) == expected
    assert 777 not in {row["cid"] for row in daily.rows(manifest, "compounds")}


def test_one_answer_for_another_compound_is_refused_and_what_was_known_stays(
    worlds: Worlds, published: World, pubchem: PubChem
) -> None:
    stranger = {**pubchem.trials["clinicaltrials"][0], "ctid": "NCT00000001", "cids": [777]}
    wrong = {"status": {"code": 0}, "totalCount": 1, "collection": "clinicaltrials", "rows": [stranger]}
    pubchem.fault = lambda asked: (
        replay.answer({"SDQOutputSet": [wrong]}) if asked.about == f"clinicaltrials {PRALSETINIB} 1" else None
    )
    daily = daily_in(worlds(published), pubchem)
    manifest = daily.publish(2, full_refresh=True)
    assert links(daily, manifest) == true_links(pubchem, "clinicaltrials")
    row = units(daily, manifest)[PRALSETINIB, "clinicaltrials"]
    assert (row["state"], row["rows"]) == ("failed", 12)
    assert "filter is ignored" in row["error"]


# --- Rows that change between pages -----------------------------------------------------------------


def newer_row(pubchem: PubChem, number: int) -> None:
    row = {
        **pubchem.trials["clinicaltrials"][-1],
        "ctid": f"NCT8000{number:04d}",
        "title": f"Added {number}",
        "updatedate": "2026-11-01",
        "cids": [ASPIRIN],
    }
    pubchem.trials["clinicaltrials"].append(row)


def test_rows_that_change_between_pages_are_asked_again(blank: World, pubchem: PubChem) -> None:
    def fault(asked: Asked) -> Reply | None:
        if asked.about == f"clinicaltrials {ASPIRIN} 1001" and asked.number == 0:
            newer_row(pubchem, 0)
        return None

    pubchem.fault = fault
    daily = daily_in(blank, pubchem)
    _, manifest = daily.candidate(1)
    assert ("NCT80000000", ASPIRIN) in links(daily, manifest)
    assert links(daily, manifest) == true_links(pubchem, "clinicaltrials")
    assert units(daily, manifest)[ASPIRIN, "clinicaltrials"]["state"] == "done"


def test_a_row_that_moves_onto_the_next_page_is_not_counted_twice(blank: World, pubchem: PubChem) -> None:
    """One row comes and one goes: the count is the same, but the pages overlap."""

    def fault(asked: Asked) -> Reply | None:
        if asked.about == f"clinicaltrials {ASPIRIN} 1001" and asked.number == 0:
            newer_row(pubchem, 0)
            oldest = min(
                (row for row in pubchem.trials["clinicaltrials"] if row["cids"] == [ASPIRIN]),
                key=lambda row: str(row["updatedate"]),
            )
            pubchem.trials["clinicaltrials"].remove(oldest)
        return None

    pubchem.fault = fault
    daily = daily_in(blank, pubchem)
    _, manifest = daily.candidate(1)
    assert links(daily, manifest) == true_links(pubchem, "clinicaltrials")


def test_rows_that_never_hold_still_fail_and_keep_what_was_known(
    worlds: Worlds, published: World, pubchem: PubChem
) -> None:
    expected = true_links(pubchem, "clinicaltrials")

    def fault(asked: Asked) -> Reply | None:
        if asked.about == f"clinicaltrials {ASPIRIN} 1001":
            newer_row(pubchem, asked.number)
        return None

    pubchem.fault = fault
    daily = daily_in(worlds(published), pubchem)
    manifest = daily.publish(2, full_refresh=True)
    assert links(daily, manifest) == expected
    row = units(daily, manifest)[ASPIRIN, "clinicaltrials"]
    assert (row["state"], row["rows"]) == ("failed", 1040)
    assert "changed between their pages" in row["error"]


# --- Names ------------------------------------------------------------------------------------------


def test_a_name_that_is_not_found_is_remembered_with_its_date_and_a_busy_server_is_not(
    recordings: Path, worlds: Worlds, with_studies: World, pubchem: PubChem
) -> None:
    pubchem.names = {"docetaxel": [6], "gefitinib": [38, 51]}
    busy = replace(replay.as_recorded(replay.observed(recordings)[1]), status=404)
    pubchem.fault = lambda asked: busy if asked.kind == "name" and asked.about == "osimertinib" else None
    daily = daily_in(worlds(with_studies), pubchem)
    names = {row["name"]: row for row in daily.rows(daily.publish(1), "names")}
    known = {"docetaxel": 1, "gefitinib": 2}
    assert len(names) > 15 and "osimertinib" in names
    for name, row in names.items():
        if name == "osimertinib":
            assert (row["state"], row["asked_at"], row["n_candidates"]) == ("failed", None, 0)
            assert "ServerBusy" in row["error"]
        else:
            assert (row["state"], row["n_candidates"]) == (
                "found" if name in known else "none",
                known.get(name, 0),
            )
            assert (row["asked_at"] - START).days == 1
    pubchem.forget()
    next_day = {row["name"]: row for row in daily.rows(daily.publish(2), "names")}
    assert {asked.about for asked, _ in pubchem.asked if asked.kind == "name"} - known.keys() == {
        "osimertinib"
    }
    assert (next_day["osimertinib"]["state"], (next_day["osimertinib"]["asked_at"] - START).days) == (
        "none",
        2,
    )
    assert {name: row for name, row in next_day.items() if name != "osimertinib"} == {
        name: row for name, row in names.items() if name != "osimertinib"
    }
    pubchem.forget()
    daily.candidate(185)
    asked_again = {asked.about for asked, _ in pubchem.asked if asked.kind == "name"}
    assert asked_again >= set(names), "an answer of half a year ago may be wrong by now"


# --- Promotion --------------------------------------------------------------------------------------


def test_one_placeholder_row_a_compound_in_the_place_of_trials_is_not_promoted(
    published: World, pubchem: PubChem
) -> None:
    """docs/upstreams/pubchem.md: an error row for each compound once replaced 110,000 trials."""
    daily = daily_in(published, pubchem)
    before = seen_by_consumers(daily)

    def placeholder(asked: Asked, reply: Reply) -> Reply:
        if asked.kind != "trials":
            return reply
        cid = int(asked.query["where"]["ands"][0]["cid"])
        row = {"ctid": f"NCT{cid % 10**8:08d}", "cids": [cid], "title": "error", "updatedate": "", "date": ""}
        row["eudractnumber"] = f"2000-{cid % 10**6:06d}-00"
        data = {"status": {"code": 0}, "totalCount": 1, "rows": [row]}
        return replay.answer({"SDQOutputSet": [data]})

    pubchem.habit = placeholder
    run, _ = daily.candidate(5, full_refresh=True)
    assert not pipeline.judge(run).passed
    assert seen_by_consumers(daily) == before
