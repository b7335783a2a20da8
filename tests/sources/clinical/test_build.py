"""What is built of the latest ctgov and pubchem: the joined table, the versions it names, and when it is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from include import pipeline
from include.publishing import manifest as manifests
from include.publishing import promotion
from include.publishing.manifest import Manifest
from include.publishing.promotion import Outcome, PromotionRefused
from include.sources.clinical.resolve import Missing, resolve
from include.sources.pubchem import lookup
from tests.sources.clinical.conftest import World
from tests.sources.daily import DailyRuns

TRIALS, INTERVENTIONS = "clinical_compound_trials", "intervention_compounds"
Pair = tuple[int, str]


def built(world: World, day: float = 2) -> dict[Pair, dict[str, Any]]:
    """The table of a candidate by its key."""
    rows = world.clinical.rows(world.clinical.candidate(day)[1], TRIALS)
    assert [(row["cid"], row["nct_id"]) for row in rows] == sorted((r["cid"], r["nct_id"]) for r in rows)
    return {(row["cid"], row["nct_id"]): row for row in rows}


def resolved(world: World, manifest: Manifest) -> dict[tuple[str, int, int], dict[str, Any]]:
    rows = world.clinical.rows(manifest, INTERVENTIONS)
    return {(row["nct_id"], row["ordinal"], row["part"]): row for row in rows}


# --- the samples


def true_studies(world: World) -> dict[str, dict[str, Any]]:
    """What each study that ctgov lists says of itself."""
    studies = (study["protocolSection"] for study in world.ctgov.upstream.studies())
    return {study["identificationModule"]["nctId"]: study for study in studies}


def true_links(world: World) -> set[Pair]:
    """PubChem's links with trials of ClinicalTrials.gov, by the ids that ctgov uses."""
    upstream = world.pubchem.upstream
    canonical = {
        alias: nct_id
        for nct_id, study in true_studies(world).items()
        for alias in study["identificationModule"].get("nctIdAliases", [])
    }
    listed, known = upstream.listed("clinicaltrials"), upstream.compounds().keys()
    return {
        (cid, canonical.get(trial.id, trial.id))
        for trial in upstream.trials().values()
        if trial.collection == "clinicaltrials" and listed & set(trial.cids)
        for cid in trial.cids
        if cid in known
    }


def true_resolutions(world: World) -> dict[tuple[str, int, int], Any]:
    """What the rules make of every drug by the sample's own answers; the rules have tests of their own."""
    upstream = world.pubchem.upstream
    compounds = upstream.compounds()
    linked: dict[str, set[int]] = {}
    for cid, nct_id in true_links(world):
        linked.setdefault(nct_id, set()).add(cid)
    asked = {row["name"] for row in world.input("pubchem", "names")}

    def answer(key: str) -> list[int] | Missing:
        if key not in asked:
            return Missing.NOT_ASKED
        return [cid for cid in upstream.resolve(key) if cid in compounds]

    found = {}
    for row in world.input("ctgov", "interventions"):
        wanted = row["type"] in ("DRUG", "BIOLOGICAL", "COMBINATION_PRODUCT") and not row["is_control"]
        if wanted and row["clean_name"] is not None:
            others = [] if row["part"] else row["other_names"] or []
            keys = lookup.keys(row["clean_name"], others, row["type"])
            found[row["nct_id"], row["ordinal"], row["part"]] = resolve(
                keys.primary,
                keys.others,
                answer,
                lambda cid: compounds[cid]["InChIKey"][:14],
                linked.get(row["nct_id"], set()),
            )
    return found


def day_of(struct: Mapping[str, str] | None) -> date | None:
    """A date that may be known to the month only."""
    return date.fromisoformat(f"{struct['date']}-01"[:10]) if struct else None


def test_compounds_and_studies_are_linked_as_the_samples_say(samples: World) -> None:
    links, studies = true_links(samples), true_studies(samples)
    named: dict[Pair, list[tuple[str, str]]] = {}
    clean = {
        (row["nct_id"], row["ordinal"], row["part"]): row["clean_name"]
        for row in samples.input("ctgov", "interventions")
    }
    for key, found in true_resolutions(samples).items():
        if found.cid is not None:
            named.setdefault((found.cid, key[0]), []).append((found.rule, clean[key]))
    table = built(samples)
    expected = {pair for pair in links if pair[1] in studies} | named.keys()
    assert table.keys() == expected
    for pair, row in table.items():
        by_name = named.get(pair, [])
        assert row["link"] == ("both" if by_name and pair in links else "name" if by_name else "pubchem")
        assert row["link_rules"] == (sorted({rule for rule, _ in by_name}) or None)
        assert row["link_names"] == (sorted({name for _, name in by_name}) or None)
    kinds = Counter(row["link"] for row in table.values())
    assert min(kinds[kind] for kind in ("both", "name", "pubchem")) >= 5, "the sample tests all three"


def test_every_column_is_what_study_and_compound_say(samples: World) -> None:
    studies, compounds = true_studies(samples), samples.pubchem.upstream.compounds()
    held = {row["nct_id"]: row for row in samples.input("ctgov", "studies")}
    table = built(samples)
    for (cid, nct_id), row in table.items():
        study, compound = studies[nct_id], compounds[cid]
        status = study["statusModule"]
        assert row["compound_name"] == (compound.get("Title") or compound["IUPACName"]).strip()
        # Names of people in titles are taken out by ctgov, whose tests see to that.
        assert row["title"] == (held[nct_id]["brief_title"] or held[nct_id]["official_title"])
        assert row["phase"] == ("/".join(study["designModule"].get("phases", [])) or None)
        assert row["overall_status"] == status["overallStatus"]
        conditions = study["conditionsModule"]["conditions"]
        assert row["conditions"] == list(dict.fromkeys(conditions))
        interventions = study["armsInterventionsModule"]["interventions"]
        assert row["interventions"] == list(dict.fromkeys(each["name"] for each in interventions))
        assert row["start_date"] == day_of(status.get("startDateStruct"))
        assert row["completion_date"] == day_of(status.get("completionDateStruct"))
        assert row["last_update_date"] == day_of(status["lastUpdatePostDateStruct"])
        assert row["ctgov_url"] == row["source_url"] == f"https://clinicaltrials.gov/study/{nct_id}"
        assert row["pubchem_url"] == f"https://pubchem.ncbi.nlm.nih.gov/compound/{cid}"
    assert any("/" in (row["phase"] or "") for row in table.values())
    assert any(row["phase"] is None for row in table.values())
    assert any(len(row["conditions"]) > 1 for row in table.values())


def test_every_drug_has_its_candidates_and_the_rule_that_chose_or_why_none_did(samples: World) -> None:
    expected = true_resolutions(samples)
    manifest = samples.clinical.candidate(2)[1]
    rows = resolved(samples, manifest)
    assert rows.keys() == expected.keys()
    for key, found in expected.items():
        row = rows[key]
        assert (row["cid"], row["rule"], row["matched_name"]) == (found.cid, found.rule, found.matched)
        assert row["candidates"] == (list(found.candidates) or None)
    rules = Counter(found.rule for found in expected.values())
    assert {"single", "trial", "none", "refused"} <= rules.keys()
    counted = {k: v for k, v in manifest.counts.items() if k.startswith("interventions_")}
    assert counted == {f"interventions_{rule}": count for rule, count in rules.items()}


def test_links_with_studies_that_ctgov_lacks_are_left_out_and_counted(samples: World) -> None:
    links, studies = true_links(samples), true_studies(samples)
    strange = {pair for pair in links if pair[1] not in studies}
    assert strange
    manifest = samples.clinical.candidate(2)[1]
    assert manifest.counts["pubchem_links"] == len(links)
    assert manifest.counts["links_to_other_studies"] == len(strange)
    held = {row["nct_id"] for row in samples.clinical.rows(manifest, TRIALS)}
    assert held <= studies.keys()


def test_trials_that_pubchem_lists_by_a_former_id_are_linked_with_the_study_of_today(samples: World) -> None:
    aliases = {row["alias_id"]: row["nct_id"] for row in samples.input("ctgov", "aliases")}
    listed = {row["trial_id"] for row in samples.input("pubchem", "trial_compounds")}
    renamed = {aliases[trial] for trial in listed if trial in aliases}
    assert renamed, "the sample lists some by their former id"
    table = built(samples)
    linked = {nct_id for (_, nct_id), row in table.items() if row["link"] in ("both", "pubchem")}
    assert renamed <= linked
    assert not {nct_id for _, nct_id in table} & aliases.keys()


# --- a few rows


def study(number: int, **values: Any) -> dict[str, Any]:
    return {"nct_id": f"NCT{number:08}", "brief_title": f"Study {number}", **values}


def drug(number: int, ordinal: int, name: str, part: int = 0, **values: Any) -> dict[str, Any]:
    usual = {"type": "DRUG", "name": name, "clean_name": name}
    return {"nct_id": f"NCT{number:08}", "ordinal": ordinal, "part": part, **usual, **values}


def condition(number: int, ordinal: int, text: str) -> dict[str, Any]:
    return {"nct_id": f"NCT{number:08}", "ordinal": ordinal, "condition": text}


def compound(cid: int, title: str | None = None, **values: Any) -> dict[str, Any]:
    letters = "".join(chr(ord("A") + int(digit)) for digit in f"{cid:014}")
    url = f"https://pubchem.ncbi.nlm.nih.gov/compound/{cid}"
    return {"cid": cid, "title": title, "inchikey": f"{letters}-UHFFFAOYSA-N", "pubchem_url": url, **values}


def link(cid: int, trial_id: str, collection: str = "clinicaltrials") -> dict[str, Any]:
    return {"collection": collection, "trial_id": trial_id, "cid": cid}


def answer(name: str, *cids: int, state: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """What PubChem said of a name, as rows of names and name_candidates."""
    return {
        "names": [{"name": name, "state": state or ("found" if cids else "none"), "n_candidates": len(cids)}],
        "name_candidates": [
            {"name": name, "position": place, "cid": cid} for place, cid in enumerate(cids, start=1)
        ],
    }


def answers(*of: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {table: [row for one in of for row in one[table]] for table in ("names", "name_candidates")}


def test_a_link_by_the_former_and_by_the_present_id_is_one_row(world: World) -> None:
    world.state(
        "ctgov",
        0,
        {"studies": [study(1)], "aliases": [{"alias_id": "NCT00000009", "nct_id": "NCT00000001"}]},
    )
    world.state(
        "pubchem",
        1,
        {
            "compounds": [compound(5), compound(7)],
            "trial_compounds": [link(5, "NCT00000001"), link(5, "NCT00000009"), link(7, "NCT00000009")],
        },
    )
    manifest = world.clinical.candidate(2)[1]
    rows = world.clinical.rows(manifest, TRIALS)
    assert [(row["cid"], row["nct_id"], row["link"]) for row in rows] == [
        (5, "NCT00000001", "pubchem"),
        (7, "NCT00000001", "pubchem"),
    ]
    assert manifest.counts["pubchem_links"] == 2


def test_a_trial_of_another_registry_is_no_link(world: World) -> None:
    world.state("ctgov", 0, {"studies": [study(1)]})
    other = link(5, "NCT00000001", "clinicaltrials_eu")
    world.state("pubchem", 1, {"compounds": [compound(5)], "trial_compounds": [other]})
    assert built(world) == {}


def test_a_link_that_pubchem_withdrew_is_gone_with_the_next_version(world: World) -> None:
    world.state("ctgov", 0, {"studies": [study(1), study(2)], "interventions": [drug(1, 1, "Alphacil")]})
    compounds = [compound(5), compound(7)]
    links = [link(5, "NCT00000001"), link(7, "NCT00000001"), link(7, "NCT00000002")]
    named = answer("alphacil", 5)
    world.state("pubchem", 1, {"compounds": compounds, "trial_compounds": links, **named})
    before = built(world, 2)
    assert {pair: row["link"] for pair, row in before.items()} == {
        (5, "NCT00000001"): "both",
        (7, "NCT00000001"): "pubchem",
        (7, "NCT00000002"): "pubchem",
    }
    world.state("pubchem", 3, {"compounds": compounds, "trial_compounds": links[2:], **named})
    after = built(world, 4)
    assert {pair: row["link"] for pair, row in after.items()} == {
        (5, "NCT00000001"): "name",
        (7, "NCT00000002"): "pubchem",
    }
    assert after[7, "NCT00000002"] == before[7, "NCT00000002"]


def test_conditions_and_interventions_stand_each_once_in_the_order_of_the_study(world: World) -> None:
    world.state(
        "ctgov",
        0,
        {
            "studies": [study(1), study(2)],
            "conditions": [condition(1, n, text) for n, text in enumerate(["Pain", "Gout", "Pain"], 1)],
            "interventions": [
                drug(1, 1, "Zeta"),
                drug(1, 2, "Whole: B + A", 1, clean_name="B"),
                drug(1, 2, "Whole: B + A", 2, clean_name="A"),
                drug(1, 3, "Massage", type="PROCEDURE"),
                drug(1, 4, "Zeta"),
                drug(1, 5, "Placebo", clean_name=None, is_placebo=True, is_control=True),
            ],
        },
    )
    links = [link(5, "NCT00000001"), link(5, "NCT00000002")]
    world.state("pubchem", 1, {"compounds": [compound(5)], "trial_compounds": links})
    table = built(world)
    first, second = table[5, "NCT00000001"], table[5, "NCT00000002"]
    assert first["conditions"] == ["Pain", "Gout"]
    assert first["interventions"] == ["Zeta", "Whole: B + A", "Massage", "Placebo"]
    assert (second["conditions"], second["interventions"]) == (None, None)


@pytest.mark.parametrize(
    ("phases", "text"),
    [
        (["PHASE1", "PHASE2"], "PHASE1/PHASE2"),
        (["NA"], "NA"),
        (["EARLY_PHASE1"], "EARLY_PHASE1"),
        (None, None),
    ],
)
def test_phases_are_joined(world: World, phases: list[str] | None, text: str | None) -> None:
    world.state("ctgov", 0, {"studies": [study(1, phases=phases)]})
    world.state("pubchem", 1, {"compounds": [compound(5)], "trial_compounds": [link(5, "NCT00000001")]})
    assert built(world)[5, "NCT00000001"]["phase"] == text


def test_names_and_titles_fall_back(world: World) -> None:
    world.state(
        "ctgov", 0, {"studies": [study(1), study(2, brief_title=None, official_title="Protocol 2"), study(3)]}
    )
    world.state(
        "pubchem",
        1,
        {
            "compounds": [
                compound(5, "Aspirin", iupac_name="2-acetyloxybenzoic acid"),
                compound(6, None, iupac_name="methane"),
                compound(7),
            ],
            "trial_compounds": [link(5, "NCT00000001"), link(6, "NCT00000002"), link(7, "NCT00000003")],
        },
    )
    rows = built(world)
    assert [(row["compound_name"], row["title"]) for row in rows.values()] == [
        ("Aspirin", "Study 1"),
        ("methane", "Protocol 2"),
        (None, "Study 3"),
    ]


def test_targets_come_from_titles_keywords_names_and_other_names(world: World) -> None:
    world.state(
        "ctgov",
        0,
        {
            "studies": [
                study(1, brief_title="Drug against EGFR", official_title="Protocol of a BRAF inhibitor"),
                study(2, keywords=["HER-2/neu", "KRAS wild-type"]),
                study(3),
                study(4),
            ],
            "interventions": [
                drug(3, 1, "PD-1 antibody", type="DEVICE", other_names=["VEGF trap"]),
                drug(4, 1, "Sugar"),
            ],
        },
    )
    links = [link(5, f"NCT{number:08}") for number in (1, 2, 3, 4)]
    world.state("pubchem", 1, {"compounds": [compound(5)], "trial_compounds": links})
    table = built(world)
    assert table[5, "NCT00000001"]["targets"] == ["BRAF", "EGFR"]
    assert table[5, "NCT00000002"]["targets"] == ["HER2"]
    found = table[5, "NCT00000003"]["targets"]
    assert len(found) == 2 and found == sorted(found)
    assert table[5, "NCT00000004"]["targets"] is None


def test_names_that_resolve_to_one_compound_are_one_row_that_tells_all_of_them(world: World) -> None:
    world.state(
        "ctgov",
        0,
        {
            "studies": [study(1)],
            "interventions": [
                drug(1, 1, "Alphacil"),
                drug(1, 2, "Betacil"),
                drug(1, 3, "Alphacil"),
                drug(1, 4, "Gammacil"),
            ],
        },
    )
    world.state(
        "pubchem",
        1,
        {
            "compounds": [compound(5), compound(6)],
            "trial_compounds": [link(5, "NCT00000001")],
            **answers(answer("alphacil", 5), answer("betacil", 6, 5), answer("gammacil")),
        },
    )
    manifest = world.clinical.candidate(2)[1]
    (row,) = world.clinical.rows(manifest, TRIALS)
    assert (row["cid"], row["link"]) == (5, "both")
    assert (row["link_rules"], row["link_names"]) == (["single", "trial"], ["Alphacil", "Betacil"])
    drugs = resolved(world, manifest)
    assert drugs["NCT00000001", 2, 0]["candidates"] == [6, 5], "in PubChem's order"
    assert (drugs["NCT00000001", 4, 0]["rule"], drugs["NCT00000001", 4, 0]["candidates"]) == ("none", None)


def test_what_pubchem_was_not_asked_or_did_not_answer_is_told_from_what_it_does_not_know(
    world: World,
) -> None:
    world.state(
        "ctgov",
        0,
        {
            "studies": [study(1)],
            "interventions": [
                drug(1, n, name)
                for n, name in enumerate(["Alphacil", "Betacil", "Gammacil", "Deltacil", "Statins"], 1)
            ],
        },
    )
    failed_again = answer("deltacil", 5, state="failed")
    world.state(
        "pubchem",
        1,
        {
            "compounds": [compound(5)],
            **answers(answer("alphacil"), answer("betacil", state="failed"), failed_again),
        },
    )
    drugs = resolved(world, world.clinical.candidate(2)[1])
    assert [row["rule"] for row in drugs.values()] == ["none", "failed", "not_asked", "single", "refused"]
    assert drugs["NCT00000001", 4, 0]["cid"] == 5, "the answer from before counts"


def test_other_names_of_a_combination_are_not_those_of_its_parts(world: World) -> None:
    parts = [drug(1, 1, "A + B", n, clean_name=f"{n}-alphacil", other_names=["Betacil"]) for n in (1, 2)]
    whole = drug(1, 2, "Alphacil", other_names=["Betacil"])
    world.state("ctgov", 0, {"studies": [study(1)], "interventions": [*parts, whole]})
    said = answers(*(answer(name) for name in ("1-alphacil", "2-alphacil", "alphacil")), answer("betacil", 5))
    world.state("pubchem", 1, {"compounds": [compound(5)], **said})
    drugs = resolved(world, world.clinical.candidate(2)[1])
    assert [row["rule"] for row in drugs.values()] == ["none", "none", "other_name"]
    assert drugs["NCT00000001", 2, 0]["matched_name"] == "betacil"


# --- versions


def test_the_manifest_and_the_cursor_name_the_versions_it_was_built_from(samples: World) -> None:
    manifest = samples.clinical.publish(2)
    versions = {source: samples.latest(source).version for source in ("ctgov", "pubchem")}
    assert manifest.built_from == versions
    assert samples.registry.watermarks("clinical") == {"built_from": versions}


@pytest.mark.parametrize("given", ["nothing", "ctgov", "pubchem"])
def test_before_both_inputs_were_published_the_run_is_skipped_with_a_reason(world: World, given: str) -> None:
    if given != "nothing":
        world.state(given, 0, {})
    lacking = "pubchem" if given == "ctgov" else "ctgov"
    found = pipeline.probe(world.clinical.run(1), None)
    assert not found.new
    assert found.reason == f"Nothing of {lacking} was published yet; clinical is built from it."


def test_a_build_without_an_input_says_which_to_run(world: World) -> None:
    world.state("ctgov", 0, {})
    with pytest.raises(LookupError, match="nothing of pubchem was published yet; run its DAG first"):
        world.clinical.candidate(1)


def probe(daily: DailyRuns, day: float) -> bool:
    return pipeline.probe(daily.run(day), None).new


def test_it_is_built_again_whenever_an_input_has_another_version_and_only_then(samples: World) -> None:
    clinical = samples.clinical
    assert probe(clinical, 2)
    first = clinical.publish(2)
    assert not probe(clinical, 2.1)
    again = samples.pubchem.publish(3)
    assert probe(clinical, 3.1)
    second = clinical.publish(3.1)
    assert second.built_from == {**first.built_from, "pubchem": again.version}
    assert not probe(clinical, 3.2)

    newer = samples.ctgov.publish(4, full_refresh=True)
    assert probe(clinical, 4.1)
    assert clinical.publish(4.1).built_from == {"ctgov": newer.version, "pubchem": again.version}
    assert not probe(clinical, 4.2)

    back = promotion.rollback(samples.store, samples.registry, "ctgov", who="op", reason="wrong data")
    assert back.version == first.built_from["ctgov"]
    assert probe(clinical, 4.3), "what ctgov was rolled back from must not stay in clinical"
    last = clinical.publish(4.3)
    assert last.built_from == {"ctgov": back.version, "pubchem": again.version}
    assert not probe(clinical, 4.4)
    latest = samples.registry.latest("clinical")
    assert latest is not None and latest.version == last.version


def test_a_rejected_candidate_does_not_count_as_built(samples: World) -> None:
    clinical = samples.clinical
    clinical.publish(2)
    shrink_pubchem(samples, 3, share=0.5)
    run, _ = clinical.candidate(3.1)
    assert not pipeline.judge(run).passed
    assert probe(clinical, 3.2), "the next run tries again"


def test_building_twice_gives_the_same_bytes(samples: World) -> None:
    def files(day: float) -> dict[str, list[str]]:
        manifest = samples.clinical.candidate(day)[1]
        return {entry.name: [file.sha256 for file in entry.files] for entry in manifest.tables}

    first = files(2)
    samples.store.delete_tree(f"versions/clinical/{samples.clinical.run(2).version}")
    assert files(2) == first
    assert files(3) == first, "neither version nor time is part of the rows"


def test_equal_hashes_are_equal_rows(samples: World) -> None:
    first = samples.clinical.publish(2)
    before = samples.latest("ctgov")
    tables = {entry.name: samples.clinical.rows(before, entry.name) for entry in before.tables}
    changed = {row["nct_id"] for row in samples.clinical.rows(first, TRIALS)[::3]}
    for row in tables["studies"]:
        if row["nct_id"] in changed:
            row["overall_status"] = "SUSPENDED"
    samples.state("ctgov", 3, tables)
    second = samples.clinical.candidate(3.1)[1]
    for table, key in ((TRIALS, ("cid", "nct_id")), (INTERVENTIONS, ("nct_id", "ordinal", "part"))):
        old, new = (
            {tuple(row[name] for name in key): row for row in samples.clinical.rows(manifest, table)}
            for manifest in (first, second)
        )
        assert old.keys() == new.keys()
        for one in old:
            assert (old[one]["content_hash"] == new[one]["content_hash"]) == (old[one] == new[one])
        hashes = [row["content_hash"] for row in new.values()]
        assert len(set(hashes)) == len(hashes)
    now = samples.clinical.rows(second, TRIALS)
    was = {row["nct_id"]: row["overall_status"] for row in samples.clinical.rows(first, TRIALS)}
    touched = sum(row["nct_id"] in changed and was[row["nct_id"]] != "SUSPENDED" for row in now)
    figures = {change.table: (change.new, change.changed, change.deleted) for change in second.changes}
    assert figures == {TRIALS: (0, touched, 0), INTERVENTIONS: (0, 0, 0)}


# --- the gate


def shrink_pubchem(world: World, day: float, share: float) -> None:
    """A version of pubchem that lost a share of its links with trials and of its answers, and that nobody checked."""
    latest = world.latest("pubchem")
    tables = {entry.name: world.clinical.rows(latest, entry.name) for entry in latest.tables}
    lost = {row["cid"] for row in tables["compounds"] if row["cid"] % 100 < 100 * share}
    for table in ("trial_compounds", "name_candidates"):
        tables[table] = [row for row in tables[table] if row["cid"] not in lost]
    world.state("pubchem", day, tables)


def test_a_candidate_that_lost_more_than_two_percent_is_rejected_and_latest_stays(samples: World) -> None:
    first = samples.clinical.publish(2)
    shrink_pubchem(samples, 3, share=0.4)
    run, manifest = samples.clinical.candidate(3.1)
    rows = {change.table: (change.rows, change.previous_rows) for change in manifest.changes}
    now, before = rows[TRIALS]
    assert now is not None and before is not None and now < 0.9 * before
    verdict = pipeline.judge(run)
    assert not verdict.passed
    assert any("do not fall by more than 2 percent" in reason for reason in verdict.reasons)
    with pytest.raises(PromotionRefused, match="did not pass its gate"):
        pipeline.promote(run)
    latest = samples.registry.latest("clinical")
    assert latest is not None and latest.version == first.version
    assert samples.registry.version("clinical", manifest.version).state == "rejected"


def test_a_new_level_that_an_operator_accepts_is_promoted_and_recovers_upwards(samples: World) -> None:
    samples.clinical.publish(2)
    whole = samples.latest("pubchem")
    shrink_pubchem(samples, 3, share=0.4)
    run, manifest = samples.clinical.candidate(3.1)
    verdict = pipeline.judge(run)
    assert verdict.acceptable, verdict.reasons
    done = promotion.accept(
        samples.store, samples.registry, "clinical", manifest.version, who="op", reason="PubChem cut its list"
    )
    assert done.outcome is Outcome.PROMOTED
    tables = {entry.name: samples.clinical.rows(whole, entry.name) for entry in whole.tables}
    samples.state("pubchem", 4, tables)
    samples.clinical.publish(4.1)


def test_the_samples_pass_every_check_of_the_gate(samples: World) -> None:
    run, manifest = samples.clinical.candidate(2)
    verdict = pipeline.judge(run)
    assert [check.sentence for check in verdict.checks if check.outcome != "PASSED"] == []
    manifests.verify(samples.store, manifest)
