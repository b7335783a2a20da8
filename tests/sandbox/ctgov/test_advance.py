"""What a client finds after the data version moved: exactly what the summary says, and nothing else."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.ctgov.corpus import Advance, Corpus
from sandbox.ctgov.generator import Generator
from sandbox.ctgov.server import SampleUpstream

Get = Callable[..., requests.Response]
Study = dict[str, Any]


def nct_id(study: Study) -> str:
    return str(study["protocolSection"]["identificationModule"]["nctId"])


def status(study: Study) -> Study:
    return dict(study["protocolSection"]["statusModule"])


def posted(study: Study) -> str:
    """LastUpdatePostDate, empty where there is none."""
    return str(status(study).get("lastUpdatePostDateStruct", {}).get("date", ""))


class Versions:
    """All studies of a sample before and after an advance."""

    def __init__(self, size: int, days: int = 1, first_day: int = 0) -> None:
        with SampleUpstream(size=size, seed=4, mean_bytes=8_000) as upstream:
            if first_day:
                upstream.advance(first_day)
            self.old = {nct_id(s): s for s in upstream.studies()}
            self.advance: Advance = upstream.advance(days)
            self.new = {nct_id(s): s for s in upstream.studies()}
        self.day = self.advance.data_version[:10]
        self.high_water = max(map(posted, self.old.values()))


@pytest.fixture(scope="module", params=[(1_000, 1, 0), (400, 1, 6), (400, 5, 2)], ids=str)
def versions(request: pytest.FixtureRequest) -> Versions:
    return Versions(*request.param)


def stripped(study: Study, *paths: str) -> Study:
    """A copy without the values at these paths; a star stands for every key."""

    def drop(value: Any, path: list[str]) -> None:
        for key in list(value) if path[0] == "*" else [path[0]] if path[0] in value else []:
            if len(path) == 1:
                del value[key]
            elif isinstance(value[key], dict):
                drop(value[key], path[1:])

    study = copy.deepcopy(study)
    for path in paths:
        drop(study, path.split("."))
    return study


VERSION_HOLDER = "derivedSection.miscInfoModule.versionHolder"
TYPES = "protocolSection.statusModule.*.type"
DATES = (
    "protocolSection.statusModule.lastUpdatePostDateStruct",
    "protocolSection.statusModule.lastUpdateSubmitDate",
)


def test_every_study_holds_the_data_version(versions: Versions) -> None:
    holders = {s["derivedSection"]["miscInfoModule"]["versionHolder"] for s in versions.new.values()}
    assert holders == {versions.day}


def test_ids_come_and_go_as_told(versions: Versions) -> None:
    advance = versions.advance
    assert versions.new.keys() - versions.old.keys() == set(advance.new)
    gone = set(advance.removed) | set(advance.merged) | set(advance.withheld_unlisted)
    assert versions.old.keys() - versions.new.keys() == gone


def test_what_the_summary_does_not_name_differs_in_the_version_holder_alone(versions: Versions) -> None:
    advance = versions.advance
    named = {*advance.new, *advance.changed, *advance.type_only, *advance.derived_only, *advance.withheld}
    others = versions.new.keys() - named
    assert len(others) > 100
    for name in others:
        assert stripped(versions.new[name], VERSION_HOLDER) == stripped(versions.old[name], VERSION_HOLDER)


def test_changed_studies_have_new_content_and_a_new_update_date(versions: Versions) -> None:
    for name in versions.advance.changed:
        old, new = versions.old[name], versions.new[name]
        assert posted(old) < posted(new) <= versions.day
        assert stripped(old, "derivedSection", TYPES, *DATES) != stripped(
            new, "derivedSection", TYPES, *DATES
        )


def test_only_types_change_where_only_types_are_said_to(versions: Versions) -> None:
    assert versions.advance.type_only
    for name in versions.advance.type_only:
        old, new = versions.old[name], versions.new[name]
        assert old["protocolSection"] != new["protocolSection"]
        assert stripped(old, "derivedSection", TYPES) == stripped(new, "derivedSection", TYPES)
        before, after = (status(s)["studyFirstPostDateStruct"]["type"] for s in (old, new))
        assert (before, after) == ("ESTIMATED", "ACTUAL")


def test_derived_changes_leave_everything_else_alone(versions: Versions) -> None:
    names = versions.advance.derived_only
    assert len(names) == versions.advance.counts["derived_only"] > 0.2 * len(versions.old)
    for name in names:
        old, new = (stripped(v[name], VERSION_HOLDER) for v in (versions.old, versions.new))
        assert old != new
        assert stripped(old, "derivedSection") == stripped(new, "derivedSection")
        leaves = [s["derivedSection"]["conditionBrowseModule"]["browseLeaves"] for s in (old, new)]
        assert leaves[0] != leaves[1]
        assert {leaf["id"] for leaf in leaves[0]} == {leaf["id"] for leaf in leaves[1]}


def test_withheld_studies_lose_their_content(versions: Versions) -> None:
    for name in versions.advance.withheld:
        assert status(versions.new[name])["overallStatus"] == "WITHHELD"
        assert set(versions.new[name]["protocolSection"]) == {"identificationModule", "statusModule"}
        assert posted(versions.new[name]) > posted(versions.old[name])


def test_merged_studies_are_aliases_of_others_whose_update_date_moved(versions: Versions) -> None:
    assert versions.advance.merged
    for alias, name in versions.advance.merged.items():
        assert alias in versions.new[name]["protocolSection"]["identificationModule"]["nctIdAliases"]
        assert name in versions.advance.changed + versions.advance.new
        assert versions.high_water < posted(versions.new[name]) <= versions.day


def test_new_studies_were_posted_since(versions: Versions) -> None:
    for name in versions.advance.new:
        first = status(versions.new[name])["studyFirstPostDateStruct"]["date"]
        assert versions.high_water < first <= versions.day


def test_an_update_window_finds_all_that_changed(versions: Versions) -> None:
    """docs/upstreams/ctgov.md, step 2; types that changed without a date are what it cannot find."""
    found = {name for name, study in versions.new.items() if posted(study) > versions.high_water}
    assert found == {*versions.advance.new, *versions.advance.changed, *versions.advance.withheld}


def test_edits_of_a_study_take_turns() -> None:
    corpus = Corpus(100, 4)
    generator = Generator(corpus, 0)
    index = 42
    seen = set()
    for revision in range(6):
        corpus._set(index, revision=revision)
        study = generator.study(index)["protocolSection"]
        seen.add((
            study["descriptionModule"]["briefSummary"],
            len(study["contactsLocationsModule"].get("locations", [])),
            len(study["armsInterventionsModule"].get("interventions", [])),
        ))  # fmt: skip
    assert len(seen) == 4  # three kinds of five are text; the two others lie in columns


# --- over HTTP


def test_ids_that_are_gone_say_why(upstream: SampleUpstream, get_own: Get) -> None:
    advance = upstream.advance()
    for alias, name in advance.merged.items():
        response = get_own(f"/studies/{alias}")
        assert (response.status_code, response.headers["Location"]) == (301, f"/api/v2/studies/{name}")
        (study,) = get_own("/studies", filter__ids=alias).json()["studies"]
        assert nct_id(study) == name
        assert nct_id(upstream.study(alias)) == name
    for name in advance.removed:
        response = get_own(f"/studies/{name}")
        assert (response.status_code, response.text) == (404, f"NCT number {name} not found")
        assert get_own("/studies", filter__ids=name).json() == {"studies": []}
        with pytest.raises(KeyError):
            upstream.study(name)
    for name in advance.withheld_unlisted:
        assert status(get_own(f"/studies/{name}").json())["overallStatus"] == "WITHHELD"
        assert get_own("/studies", filter__ids=name).json() == {"studies": []}


def test_the_order_moves_with_the_version_so_that_an_old_token_is_worth_nothing(
    upstream: SampleUpstream, get_own: Get
) -> None:
    def names(**parameters: Any) -> list[str]:
        page = get_own("/studies", fields="NCTId", **parameters).json()
        return [nct_id(study) for study in page["studies"]]

    token = get_own("/studies", pageSize=60, fields="NCTId").json()["nextPageToken"]
    first = names(pageSize=60)
    upstream.advance()
    rest = names(pageSize=1000, pageToken=token)
    assert len(rest) == len(names(pageSize=1000)) - 60
    assert len({*first, *rest}) < len(first) + len(rest)  # some twice, so others never


def test_the_control_api_advances(upstream: SampleUpstream, session: requests.Session, get_own: Get) -> None:
    before = get_own("/version").json()["dataTimestamp"]
    summary = session.post(f"{upstream.url}/_sandbox/advance", timeout=60).json()
    assert summary["data_version"] == get_own("/version").json()["dataTimestamp"] > before
    assert len(summary["new"]) == summary["counts"]["new"] == 5
    later = session.post(f"{upstream.url}/_sandbox/advance", json={"days": 3}, timeout=60).json()
    assert later["data_version"].startswith("2026-11-20")
    state = get_own("/_sandbox/state").json()
    assert (state["day"], state["size"], state["seed"]) == (4, 120, 11)
    assert state["data_version"] == later["data_version"]
    assert state["studies"] == len(list(upstream.studies()))


@pytest.mark.parametrize("body", ['{"days": 0}', '{"days": "x"}', '{"day": 1}', "[", '{"days": -3}'])
def test_a_bad_order_to_advance_changes_nothing(
    upstream: SampleUpstream, session: requests.Session, body: str
) -> None:
    response = session.post(f"{upstream.url}/_sandbox/advance", data=body, timeout=60)
    assert response.status_code == 400 and response.text
    assert upstream.data_version.startswith("2026-11-16")


@pytest.mark.parametrize(("method", "path"), [("GET", "/advance"), ("POST", "/state"), ("GET", "/x")])
def test_other_control_requests_are_not_found(
    upstream: SampleUpstream, session: requests.Session, method: str, path: str
) -> None:
    assert session.request(method, f"{upstream.url}/_sandbox{path}", timeout=60).status_code == 404


# --- restart


def test_a_restart_serves_the_same_data_version(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state.json"
    with SampleUpstream(size=150, seed=2, state=state, mean_bytes=8_000) as upstream:
        upstream.advance()
        upstream.advance(2)
        version, studies = upstream.data_version, list(upstream.studies())
    with SampleUpstream(size=150, seed=2, state=state, mean_bytes=8_000) as upstream:
        assert upstream.data_version == version
        assert list(upstream.studies()) == studies
        assert upstream.advance().data_version > version


def test_a_state_of_another_sample_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with SampleUpstream(size=150, seed=2, state=state):
        pass
    with pytest.raises(ValueError, match="was written for size 150, seed 2"):
        SampleUpstream(size=150, seed=3, state=state)
    state.write_text("{")
    with pytest.raises(ValueError, match="is no state of the sample upstream"):
        SampleUpstream(size=150, seed=2, state=state)
