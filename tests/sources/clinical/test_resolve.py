from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.clinical import resolve as module
from include.sources.clinical.resolve import Missing, Resolution, resolve

CHOSEN = {"single", "trial", "structure", "other_name"}
NOT_CHOSEN = {"none", "ambiguous", "refused", "not_asked", "failed"}

# Compounds 1 and 2 are stereoisomers; 9 is no compound that the tables know.
SKELETONS = {1: "A" * 14, 2: "A" * 14, 3: "C" * 14, 4: "D" * 14, 5: "E" * 14}

Answer = Sequence[int] | Missing


def choose(
    answers: dict[str, Answer], primary: str | None, *others: str, linked: Sequence[int] = ()
) -> Resolution:
    return resolve(primary, others, answers.__getitem__, SKELETONS.get, set(linked))


def test_a_name_of_one_compound_stands_for_it() -> None:
    assert choose({"osimertinib": [1]}, "osimertinib") == Resolution(1, "single", "osimertinib", (1,))


def test_zero_and_repeated_numbers_are_no_further_candidates() -> None:
    assert choose({"osimertinib": [0, 1, 1, -1]}, "osimertinib") == Resolution(
        1, "single", "osimertinib", (1,)
    )


def test_zero_alone_is_no_compound() -> None:
    assert choose({"osimertinib": [0]}, "osimertinib") == Resolution(None, "none", None, ())


def test_one_compound_is_enough_although_other_names_are_not_asked_yet() -> None:
    found = choose({"osimertinib": [1], "azd9291": Missing.NOT_ASKED}, "osimertinib", "azd9291")
    assert (found.cid, found.rule) == (1, "single")


def test_of_several_compounds_the_one_that_pubchem_links_with_the_trial_is_chosen() -> None:
    assert choose({"vitamin e": [1, 3, 4]}, "vitamin e", linked=[3, 5]) == Resolution(
        3, "trial", "vitamin e", (1, 3, 4)
    )


def test_several_linked_compounds_of_one_skeleton_are_one_substance() -> None:
    assert choose({"vitamin e": [2, 3, 1]}, "vitamin e", linked=[1, 2]).cid == 2


def test_several_linked_substances_are_ambiguous() -> None:
    assert choose({"vitamin e": [1, 3, 4]}, "vitamin e", linked=[1, 3]) == Resolution(
        None, "ambiguous", None, (1, 3, 4)
    )


def test_compounds_of_one_skeleton_are_one_substance_by_the_first() -> None:
    assert choose({"ketamine": [2, 1]}, "ketamine") == Resolution(2, "structure", "ketamine", (2, 1))


def test_the_trial_knows_better_than_pubchems_order() -> None:
    assert choose({"ketamine": [2, 1]}, "ketamine", linked=[1])[:2] == (1, "trial")


def test_compounds_of_unknown_structure_are_only_themselves() -> None:
    assert choose({"vitamin e": [8, 9]}, "vitamin e") == Resolution(None, "ambiguous", None, (8, 9))


def test_another_name_leaves_one_of_several_substances() -> None:
    found = choose({"vitamin e": [3, 1, 4], "brand": [5, 2]}, "vitamin e", "brand")
    assert found == Resolution(1, "other_name", "brand", (3, 1, 4, 5, 2))


def test_the_first_other_name_that_leaves_it_is_the_one_that_matched() -> None:
    assert (
        choose({"vitamin e": [3, 1], "brand": [2], "code-12": [1]}, "vitamin e", "brand", "code-12").matched
        == "brand"
    )


def test_other_names_that_leave_several_substances_are_ambiguous() -> None:
    assert (
        choose({"vitamin e": [1, 3], "brand": [1], "code-12": [3]}, "vitamin e", "brand", "code-12").rule
        == "ambiguous"
    )


@pytest.mark.parametrize(
    "answers", [{"az-1234": [], "brand": [1], "code-12": [2]}, {"brand": [1], "code-12": [2]}]
)
def test_other_names_that_agree_stand_in_for_a_name_without_compounds(answers: dict[str, Answer]) -> None:
    primary = "az-1234" if "az-1234" in answers else None
    assert choose(answers, primary, "brand", "code-12") == Resolution(1, "other_name", "brand", (1, 2))


def test_other_names_that_disagree_are_ambiguous() -> None:
    found = choose({"rc-1234": [], "brand": [1], "code-12": [3]}, "rc-1234", "brand", "code-12")
    assert found == Resolution(None, "ambiguous", None, (1, 3))


def test_the_trial_decides_between_other_names_that_disagree() -> None:
    found = choose({"rc-1234": [], "brand": [1], "code-12": [3]}, "rc-1234", "brand", "code-12", linked=[3])
    assert found[:3] == (3, "trial", "code-12")


def test_a_name_with_compounds_is_not_replaced_by_its_other_names() -> None:
    found = choose({"vitamin e": [3, 4], "brand": [1]}, "vitamin e", "brand", linked=[1])
    assert found == Resolution(None, "ambiguous", None, (3, 4, 1))


def test_noisy_other_names_alone_do_not_overrule_a_name() -> None:
    assert choose({"anlotinib": [3], "gefitinib": [1]}, "anlotinib", "gefitinib")[:2] == (3, "single")


def test_a_name_against_which_the_trial_and_the_other_names_agree_is_not_trusted() -> None:
    found = choose({"anlotinib": [3], "gefitinib": [1]}, "anlotinib", "gefitinib", linked=[2])
    assert found == Resolution(None, "ambiguous", None, (3, 1))


def test_compounds_of_one_skeleton_are_not_trusted_either_where_all_else_contradicts() -> None:
    assert choose({"ketamine": [1, 2], "brand": [3]}, "ketamine", "brand", linked=[3]).rule == "ambiguous"


@pytest.mark.parametrize("extra", [{"code-12": [3]}, {}])
def test_one_witness_keeps_the_name(extra: dict[str, Answer]) -> None:
    answers: dict[str, Answer] = {"anlotinib": [3], "gefitinib": [1], **extra}
    linked = [1] if extra else [1, 3]
    assert choose(answers, "anlotinib", "gefitinib", *extra, linked=linked)[:2] == (3, "single")


def test_an_abbreviation_alone_is_refused() -> None:
    assert choose({"prp": [1]}, "prp") == Resolution(None, "refused", None, (1,))
    assert choose({"prp": [1, 2]}, "prp").rule == "refused"


def test_an_abbreviation_counts_where_the_trial_or_another_name_bears_it_out() -> None:
    assert choose({"mtx": [1]}, "mtx", linked=[1])[:2] == (1, "trial")
    assert choose({"mtx": [1], "methotrexate": [2]}, "mtx", "methotrexate") == Resolution(
        1, "other_name", "methotrexate", (1, 2)
    )


def test_an_abbreviation_among_the_other_names_is_no_evidence() -> None:
    assert choose({"leucoplast": [], "prp": [1]}, "leucoplast", "prp") == Resolution(
        None, "refused", None, (1,)
    )
    assert choose({"leucoplast": [], "prp": [1], "brand": [3]}, "leucoplast", "prp", "brand").cid == 3


def test_names_unknown_to_pubchem_have_no_compound() -> None:
    assert choose({"rc-1234": [], "brand": []}, "rc-1234", "brand") == Resolution(None, "none", None, ())


def test_what_must_not_be_asked_is_refused() -> None:
    assert choose({}, None) == Resolution(None, "refused", None, ())


@pytest.mark.parametrize("missing", list(Missing))
def test_without_an_answer_about_the_name_nothing_is_chosen(missing: Missing) -> None:
    found = choose({"rc-1234": missing, "brand": [1]}, "rc-1234", "brand", linked=[1])
    assert found == Resolution(None, missing.value, None, (1,))


@pytest.mark.parametrize("missing", list(Missing))
@pytest.mark.parametrize("own", [[], [3, 4]])
def test_other_names_decide_only_when_all_are_answered(missing: Missing, own: list[int]) -> None:
    found = choose({"rc-1234": own, "brand": [3], "code-12": missing}, "rc-1234", "brand", "code-12")
    assert (found.cid, found.rule) == (None, missing.value)


def test_a_failed_name_is_worse_than_one_not_asked_yet() -> None:
    answers: dict[str, Answer] = {"a-100": [], "b-100": Missing.NOT_ASKED, "c-100": Missing.FAILED}
    assert choose(answers, "a-100", "b-100", "c-100").rule == "failed"


def test_a_further_rule_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def newest(evidence: module.Evidence) -> module.Choice | None:
        return module.Choice(max(evidence.own[0].cids), "newest") if evidence.own else None

    monkeypatch.setattr(module, "RULES", (*module.RULES, ("newest", newest)))
    assert choose({"vitamin e": [1, 4, 3]}, "vitamin e") == Resolution(4, "newest", "newest", (1, 4, 3))


KEYS = ["primary", "second", "third-3", "abc"]
ANSWERS = st.lists(st.integers(0, 6), max_size=4) | st.sampled_from(Missing)


@given(
    st.fixed_dictionaries(dict.fromkeys(KEYS, ANSWERS)),
    st.sampled_from([*KEYS, None]),
    st.lists(st.sampled_from(KEYS), unique=True),
    st.sets(st.integers(1, 6)),
)
def test_whatever_is_known_the_outcome_is_explained(
    answers: dict[str, Answer], primary: str | None, others: list[str], linked: set[int]
) -> None:
    found = resolve(primary, others, answers.__getitem__, SKELETONS.get, linked)
    known = [answers[name] for name in (primary, *others) if name is not None]
    assert set(found.candidates) == {cid for one in known if not isinstance(one, Missing) for cid in one} - {
        0
    }
    assert len(set(found.candidates)) == len(found.candidates)
    if found.cid is None:
        assert found.rule in NOT_CHOSEN
        assert found.matched is None
    else:
        assert found.rule in CHOSEN
        assert found.cid in found.candidates
        assert found.matched in {primary, *others}
        own = answers[primary] if primary is not None else []
        assert not isinstance(own, Missing)
        assert found.cid in own or not {cid for cid in own if cid}


@given(
    st.lists(st.integers(1, 6), max_size=4),
    st.lists(st.integers(1, 6), max_size=4),
    st.sets(st.integers(1, 6)),
)
def test_the_compound_does_not_depend_on_the_order_of_the_links(
    own: list[int], other: list[int], linked: set[int]
) -> None:
    answers = {"primary": own, "second": other}
    outcomes = {
        resolve("primary", ["second"], answers.__getitem__, SKELETONS.get, order)
        for order in (sorted(linked), sorted(linked, reverse=True))
    }
    assert len(outcomes) == 1
