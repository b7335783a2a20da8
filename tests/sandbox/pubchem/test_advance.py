"""What a client finds after the data version moved: exactly what the summary says, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.ctgov.corpus import Corpus
from sandbox.pubchem.server import SampleUpstream
from sandbox.pubchem.trials import CTGOV
from sandbox.pubchem.world import ALL, World

KINDS = {
    "new_compounds",
    "dropped_compounds",
    "emptied_compounds",
    "new_names",
    "new_trials",
    "changed_trials",
    "deleted_trials",
}


class Versions:
    """A sample before and after an advance."""

    def __init__(self, size: int, days: int, first_day: int, compounds: int) -> None:
        sample = SampleUpstream(size=size, seed=4, compounds=compounds)
        if first_day:
            sample.advance(first_day)
        self.old_day = sample.state()["data_version"]
        self.old = {
            name: getattr(sample, name)() for name in ("listed", "trials", "names", "links", "compounds")
        }
        self.advance = sample.advance(days)
        self.new = {
            name: getattr(sample, name)() for name in ("listed", "trials", "names", "links", "compounds")
        }


@pytest.fixture(
    scope="module", params=[(1_000, 1, 0, 0), (400, 1, 6, 0), (400, 5, 2, 0), (100, 1, 0, 1_500)], ids=str
)
def versions(request: pytest.FixtureRequest) -> Versions:
    return Versions(*request.param)


def with_trials(links: set[tuple[str, str, int]]) -> set[int]:
    return {cid for _, _, cid in links}


def test_the_summary_counts_what_it_lists(versions: Versions) -> None:
    advance = versions.advance
    assert advance.counts == {kind: len(getattr(advance, kind)) for kind in KINDS}


def test_compounds_come_and_go_as_told(versions: Versions) -> None:
    advance = versions.advance
    assert versions.new["listed"] - versions.old["listed"] == set(advance.new_compounds)
    assert versions.old["listed"] - versions.new["listed"] == set(advance.dropped_compounds)


def test_trials_come_change_and_go_as_told(versions: Versions) -> None:
    old, new, advance = versions.old["trials"], versions.new["trials"], versions.advance
    assert new.keys() - old.keys() == set(advance.new_trials)
    assert old.keys() - new.keys() == set(advance.deleted_trials)
    changed = {key for key in old.keys() & new.keys() if old[key] != new[key]}
    assert changed == set(advance.changed_trials)


def test_compounds_lose_all_their_trials_as_told(versions: Versions) -> None:
    lost = with_trials(versions.old["links"]) - with_trials(versions.new["links"])
    assert lost == set(versions.advance.emptied_compounds)
    assert lost & versions.new["listed"]  # the lists keep them, so that their end can be seen


def test_names_are_found_as_told_and_none_is_forgotten(versions: Versions) -> None:
    old, new = versions.old["names"], versions.new["names"]
    found = {name for name, cids in new.items() if cids and not old.get(name)}
    assert found == set(versions.advance.new_names)
    assert all(set(new[name]) >= set(cids) for name, cids in old.items())
    assert any(old.get(name) == () for name in found)  # it was asked for before and not found


def test_compounds_keep_their_properties(versions: Versions) -> None:
    old, new = versions.old["compounds"], versions.new["compounds"]
    assert all(new[cid] == properties for cid, properties in old.items())


def test_each_kind_of_change_happens_every_day(versions: Versions) -> None:
    assert all(versions.advance.counts.values())


def test_changed_and_new_trials_are_of_the_new_days(versions: Versions) -> None:
    old, new = versions.old["trials"], versions.new["trials"]
    updated = 0
    for key in versions.advance.changed_trials:
        before, after = old[key], new[key]
        if before.updated != after.updated:
            assert before.updated < after.updated
            updated += 1
        else:
            assert set(before.cids) != set(after.cids) or before.conditions != after.conditions
    assert updated >= 3


def test_dropped_compounds_keep_their_trials(versions: Versions) -> None:
    for cid in versions.advance.dropped_compounds:
        before = {link for link in versions.old["links"] if link[2] == cid}
        kept = before & versions.new["links"]
        deleted = {(*key, cid) for key in versions.advance.deleted_trials}
        assert kept == before - deleted or cid in versions.advance.emptied_compounds


# --- with the ctgov sample


def test_data_versions_come_on_the_days_of_the_ctgov_sample() -> None:
    world, corpus = World(120, 4), Corpus(120, 4)
    for _ in range(7):
        assert world.advance().data_version == corpus.advance().data_version[:10]


def test_studies_of_the_day_are_linked_and_removed_ones_are_not() -> None:
    world, corpus = World(1_500, 4), Corpus(1_500, 4)
    linked = 0
    for _ in range(6):
        moved = corpus.advance()
        advance = world.advance()
        linked += sum((CTGOV, name) in set(advance.new_trials) for name in moved.new)
        assert not any((CTGOV, name) in world.trials for name in moved.removed)
        for name in moved.changed:
            if (CTGOV, name) in world.trials:
                index = corpus.find(int(name[3:]))
                assert index is not None
                assert world.trials[CTGOV, name].updated == corpus.row(index).last_update
    assert linked > 3


# --- any order of days leads to the same version


@pytest.mark.parametrize("compounds", [0, 400])
def test_a_data_version_is_a_function_of_the_day(compounds: int) -> None:
    at_once, step_by_step = World(150, 4, compounds, day=5), World(150, 4, compounds)
    step_by_step.advance(2)
    for _ in range(3):
        step_by_step.advance()
    assert at_once.trials == step_by_step.trials
    assert at_once.listed == step_by_step.listed
    assert at_once.compounds.names() == step_by_step.compounds.names()
    assert list(at_once.compounds) == list(step_by_step.compounds)


def test_another_seed_is_another_sample() -> None:
    assert World(100, 4).trials != World(100, 5).trials
    assert World(100, 4).trials == World(100, 4).trials


def test_the_popular_compound_and_the_lists_last() -> None:
    world = World(50, 4)
    for _ in range(40):
        world.advance()
    assert 2244 in world.listed[ALL]
    assert len(world.rows(CTGOV, [2244])) > 1_000


@pytest.mark.parametrize("days", [0, -1])
def test_a_data_version_only_moves_forward(days: int) -> None:
    with pytest.raises(ValueError, match="only moves forward"):
        World(20, 1).advance(days)


# --- over HTTP


def test_a_client_sees_the_new_data_version(upstream: SampleUpstream, ask_own: Any) -> None:
    before = {int(line) for line in ask_own.list().text.split()}
    summary = ask_own.post("/_sandbox/advance").json()
    after = {int(line) for line in ask_own.list().text.split()}
    assert sorted(after - before) == summary["new_compounds"]
    assert sorted(before - after) == summary["dropped_compounds"]
    assert summary["counts"].keys() == KINDS
    cid = summary["new_compounds"][0]
    found = [
        row for collection in ("clinicaltrials", "clinicaltrials_eu", "clinicaltrials_jp")
        for row in ask_own.trials(cid=cid, collection=collection)["rows"]
    ]  # fmt: skip
    assert found
    emptied = summary["emptied_compounds"][0]
    assert ask_own.query(collection="*", hide="*", select=None, cid=emptied).json() == {"SDQOutputSet": []}
    for name in summary["new_names"][:3]:
        assert ask_own.name(name).json()["IdentifierList"]["CID"] == list(upstream.resolve(name))
    assert ask_own.post("/_sandbox/advance", '{"days": 3}').json()["data_version"] == "2026-11-20"
    assert ask_own.get("/_sandbox/state").json()["day"] == 4


@pytest.mark.parametrize("body", ['{"days": 0}', '{"days": "x"}', '{"day": 1}', "["])
def test_a_bad_order_to_advance_changes_nothing(upstream: SampleUpstream, ask_own: Any, body: str) -> None:
    response = ask_own.post("/_sandbox/advance", body)
    assert response.status_code == 400 and response.text
    assert upstream.state()["day"] == 0


def test_other_control_requests_are_not_found(ask_own: Any) -> None:
    assert ask_own.get("/_sandbox/advance").status_code == 404
    assert ask_own.post("/_sandbox/requests").status_code == 404


# --- restart


def test_a_restart_serves_the_same_data_version(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state.json"
    first = SampleUpstream(size=150, seed=2, compounds=300, state=state)
    first.advance(2)
    second = SampleUpstream(size=150, seed=2, compounds=300, state=state)
    assert second.state()["day"] == 2
    assert (second.trials(), second.listed(), second.names()) == (
        first.trials(),
        first.listed(),
        first.names(),
    )


def test_a_state_of_another_sample_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    SampleUpstream(size=50, seed=2, state=state)
    with pytest.raises(ValueError, match="was written for size 50, seed 2, compounds 0, not for 50, 2, 90"):
        SampleUpstream(size=50, seed=2, compounds=90, state=state)
    state.write_text("{")
    with pytest.raises(ValueError, match="is no state of the sample upstream"):
        SampleUpstream(size=50, seed=2, state=state)
