"""Which studies there are, and what an advance does to them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.ctgov.corpus import (
    LISTED,
    MISSING,
    REMOVED,
    STATUSES,
    WITHHELD,
    Corpus,
    scramble,
    scramble_column,
)

KINDS = {"new", "changed", "type_only", "derived_only", "merged", "removed", "withheld", "withheld_unlisted"}


@pytest.mark.parametrize("size", [1, 10, 137, 5_000])
def test_ids_are_unique_grow_with_the_index_and_lead_back_to_it(size: int) -> None:
    corpus = Corpus(size, 3, day=4)
    numbers = [corpus.number(index) for index in range(len(corpus))]
    assert all(a < b for a, b in pairwise(numbers))
    gone = {index for index in range(len(corpus)) if corpus.row(index).state == REMOVED}
    canonical = {index: corpus.find(number) for index, number in enumerate(numbers)}
    assert all(found is None for index, found in canonical.items() if index in gone)
    assert all(found == index for index, found in canonical.items() if corpus.row(index).state == LISTED)
    assert all(1 <= number <= 99_999_999 for number in numbers)


@given(st.integers(-5, 99_999_999))
def test_a_number_that_was_never_given_finds_nothing(number: int) -> None:
    corpus = _small()
    known = {corpus.number(i) for i in range(100)} | {
        int(a[3:]) for i in range(100) for a in corpus.aliases(i)
    }
    assert (corpus.find(number) is not None) == (number in known)


def _small(corpora: list[Corpus] = []) -> Corpus:  # noqa: B006  (made once)
    if not corpora:
        corpora.append(Corpus(100, 3))
    return corpora[0]


def test_a_column_is_scrambled_as_single_numbers_are() -> None:
    index = np.arange(50, dtype=np.uint64)
    assert scramble_column(index, 9, 2).tolist() == [scramble(9, 2, i) for i in range(50)]


def test_the_first_data_version_is_a_constant_and_weekends_are_skipped() -> None:
    corpus = Corpus(50, 1)
    versions = [corpus.data_version, *(corpus.advance().data_version for _ in range(6))]
    assert [version[:7] for version in versions] == ["2026-11"] * 7
    assert [version[8:10] for version in versions] == ["16", "17", "18", "19", "20", "23", "24"]
    assert {version[10:18] for version in versions} == {"T09:00:0"}
    assert {int(version[-1]) for version in versions} <= {4, 5, 6}


@pytest.mark.parametrize("size", [100, 2_000])
def test_a_day_brings_at_least_one_of_each_kind(size: int) -> None:
    corpus = Corpus(size, 5)
    for _ in range(5):
        advance = corpus.advance()
        assert set(advance.counts) == KINDS
        assert all(advance.counts.values())
        assert all(len(getattr(advance, kind)) == advance.counts[kind] for kind in KINDS - {"derived_only"})


@pytest.mark.parametrize("size", [1, 10, 99])
def test_a_very_small_sample_goes_on_too(size: int) -> None:
    corpus = Corpus(size, 5)
    for _ in range(30):
        assert corpus.advance().counts["new"] == 1
    assert len(corpus) == size + 30


def test_amounts_of_a_day_follow_the_registry_in_a_large_sample() -> None:
    counts = Corpus(600_000, 5).advance().counts
    assert counts["new"] == pytest.approx(137, rel=0.1)
    assert counts["changed"] == pytest.approx(1_000, rel=0.1)
    assert counts["derived_only"] == pytest.approx(0.4 * 600_000, rel=0.05)


def test_lists_of_a_summary_are_bounded_and_counts_exact() -> None:
    advance = Corpus(100_000, 5).advance()
    assert len(advance.derived_only) == 1_000 < advance.counts["derived_only"]


def test_no_study_is_named_for_two_reasons() -> None:
    corpus = Corpus(300, 5)
    for _ in range(10):
        advance = corpus.advance()
        named = [nct_id for kind in KINDS for nct_id in getattr(advance, kind)]
        assert len(named) == len(set(named))


def test_dates_are_on_weekdays_and_in_order() -> None:
    corpus = Corpus(3_000, 5, day=3)
    first, last = corpus.column("first_post"), corpus.column("last_update")
    dated = first != MISSING
    assert (first[dated] <= last[dated]).all()
    assert last.max() == corpus.data_date.toordinal()
    assert ((np.concatenate([first[dated], last[dated]]) - 1) % 7 < 5).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 400), st.integers(0, 2**40), st.integers(0, 12))
def test_a_replayed_corpus_is_the_one_that_lived_through_it(size: int, seed: int, days: int) -> None:
    lived = Corpus(size, seed)
    for _ in range(days):
        lived.advance()
    replayed = Corpus(size, seed, days)
    assert lived.data_version == replayed.data_version
    assert [lived.row(i) for i in range(len(lived))] == [replayed.row(i) for i in range(len(replayed))]
    assert [lived.aliases(i) for i in range(size)] == [replayed.aliases(i) for i in range(size)]


@settings(max_examples=15, deadline=None)
@given(st.integers(100, 400), st.integers(0, 1_000), st.integers(2, 15))
def test_the_summary_of_several_days_tells_the_net_effect(size: int, seed: int, days: int) -> None:
    corpus, single = Corpus(size, seed), Corpus(size, seed)
    before = _listed(corpus)
    advance = corpus.advance(days)
    after = _listed(corpus)
    assert set(advance.new) == after - before
    assert set(advance.merged) | set(advance.removed) | set(advance.withheld_unlisted) == before - after
    for alias, target in advance.merged.items():
        assert corpus.nct_id(corpus.find(int(alias[3:])) or 0) == target

    days_one_by_one = [single.advance() for _ in range(days)]
    touched = {nct_id for day in days_one_by_one for nct_id in day.changed}
    assert set(advance.changed) <= touched
    assert touched & after <= set(advance.changed) | set(advance.new) | set(advance.withheld)


def _listed(corpus: Corpus) -> set[str]:
    return {corpus.nct_id(i) for i in range(len(corpus)) if corpus.row(i).state == LISTED}


def test_aliases_of_a_merged_study_follow_it_to_the_last_one() -> None:
    corpus = Corpus(100, 5)
    merged: set[str] = set()
    for _ in range(60):  # long enough that studies are merged which took others in before
        merged |= set(corpus.advance().merged)
    chained = 0
    for index in range(len(corpus)):
        aliases = corpus.aliases(index)
        if corpus.row(index).state == LISTED:
            assert all(corpus.find(int(alias[3:])) == index for alias in aliases)
            chained += len(set(aliases) & merged) > 1
    assert chained


def test_moving_back_is_refused() -> None:
    with pytest.raises(ValueError, match="moves forward"):
        Corpus(10, 1).advance(0)
    with pytest.raises(ValueError, match="at least 1"):
        Corpus(0, 1)


def test_a_study_costs_a_few_bytes_and_no_text() -> None:
    corpus = Corpus(50_000, 1)
    held = sum(corpus.column(name).nbytes for name in corpus.row(0)._fields)
    assert held <= 24 * len(corpus)
    assert {corpus.column(name).dtype.kind for name in corpus.row(0)._fields} <= set("iub")


def test_statuses_have_the_registrys_shares() -> None:
    corpus = Corpus(20_000, 1)
    shares = np.bincount(corpus.column("status"), minlength=len(STATUSES)) / len(corpus)
    by_name = dict(zip(STATUSES, shares, strict=True))
    assert len(STATUSES) == 14
    assert all(share > 0 for share in shares)
    assert by_name["UNKNOWN"] == pytest.approx(0.16, abs=0.01)
    assert by_name["WITHHELD"] == pytest.approx(0.0015, abs=0.001)
    assert STATUSES[WITHHELD] == "WITHHELD"
