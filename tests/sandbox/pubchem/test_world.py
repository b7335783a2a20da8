"""What the sample knows: compounds and trials that fit the studies of the ctgov sample."""

import re
from collections import Counter

import pytest

from sandbox.ctgov.corpus import LISTED, Corpus
from sandbox.ctgov.generator import Generator, Study, substances
from sandbox.pubchem.trials import COLLECTIONS, CTGOV, EU, JAPAN
from sandbox.pubchem.vocabulary import HOSTILE, HOSTILE_NAMES, KNOWN_CIDS
from sandbox.pubchem.world import ALL, POPULAR, World

SIZE = 2_000


@pytest.fixture(scope="module")
def world() -> World:
    return World(SIZE, 7)


@pytest.fixture(scope="module")
def large() -> World:
    return World(100, 7, compounds=12_000)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus(SIZE, 7)


def links(world: World) -> list[tuple[str, str, int]]:
    return [(*key, cid) for key, trial in world.trials.items() for cid in trial.cids]


# --- it fits the ctgov sample


def test_trials_of_studies_have_the_compounds_that_the_study_tests(world: World, corpus: Corpus) -> None:
    known = {corpus.nct_id(index): index for index in range(SIZE)}
    of_studies = [trial for trial in world.trials.values() if trial.collection == CTGOV and trial.id in known]
    assert len(of_studies) > SIZE / 4
    for trial in of_studies:
        study = Study(corpus, known[trial.id], 0.0)
        tested = {cid for each in substances(study) for cid in world.compounds.family(each.name)}
        assert set(trial.cids) <= tested
        assert trial.interventions in [each["name"] for each in study.interventions]


def test_a_trial_says_what_its_study_says(world: World, corpus: Corpus) -> None:
    generator = Generator(corpus)
    compared = 0
    for index in range(0, SIZE, 11):
        trial = world.trials.get((CTGOV, corpus.nct_id(index)))
        if trial is None:
            continue
        study = generator.study(index)["protocolSection"]
        compared += 1
        assert trial.title.endswith(study["identificationModule"]["briefTitle"])
        assert (
            trial.conditions.split("|")[: len(study["conditionsModule"]["conditions"])]
            == (study["conditionsModule"]["conditions"])
        )
        assert trial.phase.upper().replace(" ", "").replace("EARLYPHASE1", "EARLY_PHASE1") == "/".join(
            study["designModule"].get("phases", [])
        ).replace("NA", "N/A")
        status = study["statusModule"]
        assert trial.status.upper().replace(",", "").replace(" ", "_").startswith(status["overallStatus"])
        assert trial.updated == corpus.row(index).last_update
    assert compared > 30


def test_most_rows_of_other_compounds_than_the_popular_one_are_of_studies(
    world: World, corpus: Corpus
) -> None:
    known = {corpus.nct_id(index) for index in range(SIZE)}
    (popular, *_) = KNOWN_CIDS[POPULAR]
    rows = [name for collection, name, cid in links(world) if collection == CTGOV and cid != popular]
    beyond = [name for name in rows if name not in known]
    assert 0 < len(beyond) < 0.1 * len(rows)


def test_studies_beyond_the_sample_stay_beyond_it(world: World) -> None:
    later = Corpus(SIZE, 7, day=250)
    known = {later.nct_id(index) for index in range(len(later))}
    assert not [name for _, name in world._without_study if name in known]


def test_names_of_the_studies_are_known_in_part_and_biologicals_hardly(world: World, corpus: Corpus) -> None:
    tested = [each for index in range(SIZE) for each in substances(Study(corpus, index, 0.0))]
    drugs = {each.name for each in tested if not each.biological and not each.is_code} - KNOWN_CIDS.keys()
    biologicals = {each.name for each in tested if each.biological}
    codes = {each.name for each in tested if each.is_code}

    def share(names: set[str]) -> float:
        return sum(bool(world.compounds.resolve(name)) for name in names) / len(names)

    assert 0.5 < share(drugs) < 0.8
    assert share(biologicals) < 0.25
    assert 0.3 < share(codes) < 0.65
    assert all(world.compounds.resolve(name) for name in KNOWN_CIDS)


def test_withheld_studies_are_not_linked(world: World, corpus: Corpus) -> None:
    hidden = {
        corpus.nct_id(index)
        for index in range(SIZE)
        if Study(corpus, index, 0.0).withheld or corpus.row(index).state != LISTED
    }
    assert hidden
    assert not hidden & {name for _, name in world.trials}


# --- names and compounds


def test_names_stand_for_none_one_or_several_compounds(world: World) -> None:
    counts = Counter(map(len, world.compounds.names().values()))
    assert counts[0] > 200 and counts[1] > 500 and counts[2] > 20
    assert max(counts) <= 5


def test_names_are_the_same_whatever_their_case_and_spaces(world: World) -> None:
    assert world.compounds.resolve("  vitamin   D ") == KNOWN_CIDS["Vitamin D"]
    assert world.compounds.resolve("ASPIRIN") == world.compounds.resolve("aspirin") == (2244,)
    assert world.compounds.resolve("aspirins") == ()


def test_the_first_compound_of_a_name_is_not_always_the_one_that_is_meant(world: World) -> None:
    several = {name: cids for name, cids in world.compounds.names().items() if len(cids) > 1}
    meant = [world.compounds.family(name)[0] for name in several]
    assert all(cid in cids for cid, cids in zip(meant, several.values(), strict=True))
    first = sum(cid == cids[0] for cid, cids in zip(meant, several.values(), strict=True))
    assert 0 < first < len(several)


def test_a_name_has_the_same_compounds_in_every_sample_of_a_seed(world: World) -> None:
    small = World(200, 7).compounds
    for name in small.names():
        if world.compounds.family(name):
            assert small.family(name) == world.compounds.family(name), name


def test_variants_share_the_first_block_of_their_keys(world: World) -> None:
    families = {name: world.compounds.family(name) for name in world.compounds.names()}
    checked = 0
    for cids in families.values():
        keys = [found["InChIKey"] for cid in cids if (found := world.compounds.properties(cid))]
        assert len({key[:14] for key in keys}) <= 1
        assert len(set(keys)) == len(keys)
        checked += len(keys) > 1
    assert checked > 50


def test_keys_tell_all_compounds_apart(world: World) -> None:
    keys = [found["InChIKey"] for cid in world.compounds if (found := world.compounds.properties(cid))]
    assert len(set(keys)) == len(keys) > 0.9 * len(world.compounds)


def test_some_compounds_lack_a_title_a_name_or_a_coefficient(world: World) -> None:
    found = [each for cid in world.compounds if (each := world.compounds.properties(cid))]
    for name, least, most in (("Title", 0.005, 0.05), ("IUPACName", 0.01, 0.06), ("XLogP", 0.08, 0.17)):
        assert least < sum(name not in each for each in found) / len(found) < most
    assert {each.get("Title") for each in found} >= set(HOSTILE_NAMES)


def test_some_compounds_with_trials_have_no_record(world: World) -> None:
    without = [cid for cid in world.listed[ALL] if world.compounds.properties(cid) is None]
    assert 0 < len(without) < 0.04 * len(world.listed[ALL])
    assert any(world.rows(CTGOV, [cid]) for cid in without)


# --- trials


def test_ids_have_the_form_of_their_registry(world: World) -> None:
    forms = {
        CTGOV: r"NCT\d{8}",
        EU: r"\d{4}-\d{6}-\d\d",
        JAPAN: r"jRCTs\d{9}|UMIN\d{9}|JapicCTI-\d{6}",
    }
    for collection, name in world.trials:
        assert re.fullmatch(forms[collection], name)


def test_hostile_text_and_links_are_among_the_trials(world: World) -> None:
    titles = [trial.title for trial in world.trials.values()]
    for text in HOSTILE:
        assert any(title.startswith(text) for title in titles), text
        assert any(text in trial.conditions for trial in world.trials.values())
    links = {trial.link for trial in world.trials.values()}
    assert "javascript:alert(1)" in links and "" in links
    plain = [link for link in links if link.startswith("https://clinicaltrials.gov/ct2/show/NCT")]
    assert len(plain) > 0.7 * len(links)


def test_phases_dates_and_disease_ids_vary(world: World) -> None:
    trials = world.trials.values()
    assert {"", "N/A", "Phase 1/Phase 2", "Early Phase 1", "Phase 3"} <= {trial.phase for trial in trials}
    assert {len(trial.disease_ids) for trial in trials} == {0, 1, 2, 3}
    assert len({trial.updated for trial in trials}) > 500
    assert all(len(set(trial.cids)) == len(trial.cids) > 0 for trial in trials)


def test_one_compound_has_more_than_a_page_of_trials_in_every_sample(world: World) -> None:
    (popular, *_) = KNOWN_CIDS[POPULAR]
    assert len(world.rows(CTGOV, [popular])) > 1_000
    assert len(World(20, 3).rows(CTGOV, [popular])) > 1_000


def test_rows_are_those_of_the_trials(world: World) -> None:
    for collection in COLLECTIONS:
        listed = Counter(cid for name, _, cid in links(world) if name == collection)
        assert all(len(world.rows(collection, [cid])) == count for cid, count in listed.items())
        assert world.rows(collection, [1]) == []
        assert len(world.rows(collection, None)) == sum(key[0] == collection for key in world.trials)
    both = world.rows(CTGOV, [2244, 4091])
    assert all({2244, 4091} <= set(trial.cids) for trial in both)


# --- the classification


def test_lists_and_trials_nearly_agree(world: World) -> None:
    for collection in COLLECTIONS:
        tested = {cid for name, _, cid in links(world) if name == collection}
        listed = world.listed[collection]
        assert listed <= world.listed[ALL]
        assert len(listed ^ tested) < 0.06 * len(listed)
    tested = {cid for _, _, cid in links(world)}
    assert world.listed[ALL] - tested  # listed without trials
    assert tested - world.listed[ALL]  # mentioned in trials alone
    assert any(cid not in tested and cid not in world.listed[ALL] for cid in world.compounds)  # names alone


@pytest.mark.parametrize("size", [10, 100])
def test_a_small_sample_has_compounds_without_trials_too(size: int) -> None:
    world = World(size, 5)
    tested = {cid for _, _, cid in links(world)}
    assert world.listed[ALL] - tested


# --- as many compounds as there are


def test_the_number_of_compounds_can_be_that_of_pubchem(large: World) -> None:
    assert 11_500 < len(large.listed[ALL]) <= 12_300
    rows = [cid for _, _, cid in links(large) if cid in large.listed[ALL]]
    assert 100_000 < len(rows) < 115_000
    assert {cid for _, _, cid in links(large)} > large.listed[ALL] - large._dropped - set(_without(large))


def _without(world: World) -> list[int]:
    return [cid for cid in world.listed[ALL] if not world._trials_of(cid)]


def test_few_compounds_have_most_of_the_rows(large: World) -> None:
    rows = Counter(cid for collection, _, cid in links(large) if collection == CTGOV)
    ordered = [count for _, count in rows.most_common()]
    assert sum(count > 1_000 for count in ordered) >= 3
    assert sum(ordered[: len(ordered) // 10]) > 0.4 * sum(ordered)
    assert ordered[len(ordered) // 2] < 6


def test_a_trial_has_from_one_to_more_than_eighteen_compounds(large: World) -> None:
    sizes = Counter(len(trial.cids) for trial in large.trials.values())
    assert max(sizes) > 18
    assert 0.5 < sizes[1] / sizes.total() < 0.75


@pytest.mark.parametrize("compounds", [-1, 50_001])
def test_an_impossible_number_of_compounds_is_refused(compounds: int) -> None:
    with pytest.raises(ValueError, match="a sample has from 0"):
        World(10, 1, compounds=compounds)
