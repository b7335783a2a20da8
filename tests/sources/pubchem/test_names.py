"""Names of interventions: which are looked up, when again, and what becomes of the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from include import pipeline
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.registry import watermarks
from include.registry.registry import Registry
from include.sources.ctgov import tables as ctgov_tables
from include.sources.pubchem import extract, lookup
from include.sources.pubchem.client import PUG
from include.storage.landing import Landing
from include.storage.store import Store
from include.upstream.answers import Transient
from include.version import version_id
from sandbox.pubchem.api import fault
from sandbox.pubchem.server import SampleUpstream
from sandbox.sample.server import JSON, Answer, Incoming
from tests.sources.daily import START, DailyRuns

BY_NAME = f"/{PUG}/compound/name/"
CONTROLS = {name: [cid] for name, cid in zip(extract.KNOWN_NAMES, extract.KNOWN_CIDS, strict=True)}
"""What every PubChem knows."""
UNKNOWN_CID = 99
"""A compound that the sample has no properties of."""


class Named(SampleUpstream):
    """The sample, but names stand for the compounds that a test says, and other names for none."""

    def __init__(self) -> None:
        super().__init__(size=30, seed=5, compress=False)
        self.stands_for: dict[str, Sequence[int]] = {}
        self.controls: Counter[str] = Counter()

    def respond(self, request: Incoming) -> Answer:
        answer = super().respond(request)
        name = name_in(request.path, request.params)
        missing = fault(404, "NotFound", "No CID found", "No CID found that matches the given name")
        if name is None or not (answer.status == 200 or answer.parts == missing.parts):
            return answer  # about something else, or a fault
        found = self.stands_for.get(name) or CONTROLS.get(name)
        return (
            Answer(200, JSON, [msgspec.json.encode({"IdentifierList": {"CID": found}})]) if found else missing
        )

    def asked(self) -> Counter[str]:
        """How often each name was asked for since forget(), two times in which it was not found counting as one.

        Controls do not count.
        """
        asked = [(name, r.status) for r in self.requests if (name := name_in(r.path, r.params)) is not None]
        missing = Counter(name for name, status in asked if status == 404)
        found = Counter(name for name, status in asked if status != 404)
        return found - self.controls + Counter({name: ceil(count / 2) for name, count in missing.items()})

    def forget(self) -> None:
        super().forget()
        self.controls = Counter()


def name_in(path: str, params: Mapping[str, str]) -> str | None:
    """The name that a request asks for, if it asks for one."""
    if not path.startswith(BY_NAME):
        return None
    return params.get("name") or path.removeprefix(BY_NAME).removesuffix("/cids/JSON")


@pytest.fixture
def named(store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[DailyRuns]:
    """A pipeline on a sample where every test says what names stand for."""
    is_there = extract._is_there
    with Named() as upstream:

        def counted(job: extract._Job, way: str, item: Any) -> bool:
            upstream.controls[str(item)] += job.kind == "names"
            return is_there(job, way, item)

        monkeypatch.setattr(extract, "_is_there", counted)
        yield DailyRuns("pubchem", store, registry, upstream)


def drug(name: str | None, *others: str, **values: Any) -> dict[str, Any]:
    """An intervention of ctgov; `name` is its cleaned name."""
    usual = {
        "part": 0,
        "type": "DRUG",
        "name": name or "Placebo",
        "other_names": list(others) or None,
        "is_placebo": False,
        "is_control": False,
        "clean_name": name,
        "rule": "none",
        "content_hash": "0" * 32,
    }
    return usual | values


def publish_interventions(daily: DailyRuns, *interventions: dict[str, Any], day: float = 0) -> None:
    """Make a version of ctgov latest that has these interventions and nothing else."""
    as_of = START + timedelta(days=day)
    version = version_id(as_of, "ctgov")
    rows = [
        {"nct_id": f"NCT{number:08}", "ordinal": 1, **values} for number, values in enumerate(interventions)
    ]
    tables = ctgov_tables.TABLES
    with Candidate(daily.store, "ctgov", version, tables, ctgov_tables.SCHEMA_VERSION, None) as candidate:
        for table in tables:
            mine = rows if table is ctgov_tables.INTERVENTIONS else []
            candidate.write(table.name, pa.Table.from_pylist(mine, table.schema).to_batches())
        sealed = candidate.seal(
            run_id="ctgov",
            as_of=as_of,
            created_at=as_of,
            code_version="test",
            cursors={},
            counts={},
            upstream={},
        )
    daily.registry.stage(sealed, "0" * 64)
    make_latest(daily.registry, sealed)


def make_latest(registry: Registry, manifest: Manifest) -> None:
    """What a promotion leaves to the next run, without a gate: it would cost most of the time here."""
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.latest (source, version) VALUES (%(source)s, %(version)s) "
            "ON CONFLICT (source) DO UPDATE SET version = %(version)s",
            {"source": manifest.source, "version": manifest.version},
        )
        watermarks.set_to(cursor, manifest.source, manifest.version, manifest.cursors)


def keep(daily: DailyRuns, day: float, **params: Any) -> Manifest:
    """A run whose candidate becomes latest."""
    manifest = daily.candidate(day, **params)[1]
    make_latest(daily.registry, manifest)
    return manifest


def names_of(daily: DailyRuns, manifest: Manifest) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in daily.rows(manifest, "names")}


def states(daily: DailyRuns, manifest: Manifest) -> dict[str, str]:
    return {name: row["state"] for name, row in names_of(daily, manifest).items()}


def candidates(daily: DailyRuns, manifest: Manifest) -> dict[str, list[int]]:
    """The compounds of each name, in order."""
    found: dict[str, list[int]] = {}
    rows = sorted(daily.rows(manifest, "name_candidates"), key=lambda row: (row["name"], row["position"]))
    for row in rows:
        cids = found.setdefault(row["name"], [])
        cids.append(row["cid"])
        assert row["position"] == len(cids)
    return found


def end_of(day: float) -> datetime:
    return START + timedelta(days=day)


def some_cids(upstream: SampleUpstream, count: int, listed: bool = True) -> list[int]:
    """Compounds with properties, that the classification lists or that it does not."""
    known = upstream.compounds().keys()
    chosen = sorted(known & upstream.listed() if listed else known - upstream.listed())
    assert len(chosen) >= count
    return chosen[:count]


# --- what is asked, and what comes of it


def test_names_of_a_published_ctgov_version_are_found_or_not_as_pubchem_says(
    daily: DailyRuns, ctgov: DailyRuns
) -> None:
    studies = ctgov.publish(0)
    manifest = daily.publish(1)
    upstream, names = daily.upstream, names_of(daily, manifest)
    own: set[str | None] = set()
    others: set[str] = set()
    for row in ctgov.rows(studies, "interventions"):
        if row["type"] in extract.RESOLVED_TYPES and not row["is_control"] and row["clean_name"]:
            keys = lookup.keys(row["clean_name"], row["other_names"] or [], row["type"])
            own.add(keys.primary)
            others.update(keys.others)
    own.discard(None)
    assert len(own) > 40 and own <= names.keys() <= own | others
    has_properties = upstream.compounds().keys()
    found = candidates(daily, manifest)
    for name, row in names.items():
        cids = [cid for cid in upstream.resolve(name) if cid in has_properties]
        assert found.get(name, []) == cids
        assert (row["state"], row["n_candidates"]) == ("found" if cids else "none", len(cids))
        assert (row["asked_at"], row["error"]) == (end_of(1), None)
    assert {"found", "none"} == {row["state"] for row in names.values()}
    assert manifest.upstream["ctgov"] == studies.version
    assert daily.registry.watermarks("pubchem")["ctgov"] == studies.version


def test_placebos_controls_and_other_types_are_not_asked_for(named: DailyRuns) -> None:
    publish_interventions(
        named,
        drug("Alphacil"),
        drug("Betacil", type="BIOLOGICAL"),
        drug("Gammacil", type="COMBINATION_PRODUCT"),
        drug("Deltacil", is_control=True),
        drug(None, "Etacil", is_placebo=True),
        *(drug(f"{kind.title()}acil", type=kind) for kind in ("DEVICE", "RADIATION", "DIETARY_SUPPLEMENT")),
    )
    manifest = named.candidate(1)[1]
    assert named.upstream.asked().keys() == {"alphacil", "betacil", "gammacil"}
    assert states(named, manifest) == dict.fromkeys(("alphacil", "betacil", "gammacil"), "none")


def test_candidates_stay_in_pubchems_order_each_once_and_without_cid_zero(named: DailyRuns) -> None:
    first, second, third = some_cids(named.upstream, 3)
    named.upstream.stands_for = {"alphacil": [0, third, first, third, second], "betacil": [0]}
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))
    manifest = named.publish(1)
    assert candidates(named, manifest) == {"alphacil": [third, first, second]}
    assert names_of(named, manifest)["alphacil"]["n_candidates"] == 3
    assert states(named, manifest)["betacil"] == "none", "CID 0 is no compound"


def test_compounds_of_names_that_the_classification_does_not_list_are_published_without_trials(
    named: DailyRuns,
) -> None:
    (listed,), (unlisted,) = some_cids(named.upstream, 1), some_cids(named.upstream, 1, listed=False)
    named.upstream.stands_for = {"alphacil": [listed], "betacil": [unlisted]}
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))
    manifest = named.publish(1)
    has_trials = {row["cid"]: row["has_trials"] for row in named.rows(manifest, "compounds")}
    assert (has_trials[listed], has_trials[unlisted]) == (True, False)
    units = {
        (row["cid"], row["collection"]) for row in named.rows(manifest, "work_list") if row["cid"] == unlisted
    }
    assert units == {(unlisted, "properties")}, "nobody asks for the trials of what is not listed"


def test_candidates_without_properties_are_quarantined_and_not_counted(named: DailyRuns) -> None:
    (known,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {"alphacil": [UNKNOWN_CID, known], "betacil": [UNKNOWN_CID]}
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))
    manifest = named.publish(1)
    assert candidates(named, manifest) == {"alphacil": [known]}
    names = names_of(named, manifest)
    assert (names["alphacil"]["state"], names["alphacil"]["n_candidates"]) == ("found", 1)
    assert (names["betacil"]["state"], names["betacil"]["n_candidates"]) == ("none", 0)
    assert UNKNOWN_CID not in {row["cid"] for row in named.rows(manifest, "compounds")}
    assert manifest.quarantine.file is not None
    refused = named.store.parquet(manifest.quarantine.file.path).to_table().to_pylist()
    mine = [row for row in refused if row["raw"] == "names"]
    assert [row["reason"] for row in mine] == ["unknown compound"] * 2
    for row, name in zip(mine, ("alphacil", "betacil"), strict=True):
        assert name in row["detail"] and str(UNKNOWN_CID) in row["detail"]
        assert (row["kind"], row["key"]) == ("references", f"{name} CID {UNKNOWN_CID}")
        assert msgspec.json.decode(row["content"]) == {"name": name, "cid": UNKNOWN_CID}
    assert manifest.counts["unknown_compounds"] >= 2


@pytest.mark.parametrize("name", ["abacavir/lamivudine", "poly i:c\\x"])
def test_a_name_with_a_slash_goes_by_post(named: DailyRuns, name: str) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {name: [cid]}
    publish_interventions(named, drug(name), drug("β-Alphacil #7"))
    manifest = named.candidate(1)[1]
    assert candidates(named, manifest) == {name: [cid]}
    (posted,) = [r for r in named.upstream.requests if r.path.startswith(BY_NAME) and r.method == "POST"]
    assert (posted.path, posted.params) == (f"{BY_NAME}cids/JSON", {"name": name})
    assert named.upstream.asked() == {name: 1, "beta-alphacil #7": 1}, "other signs are kept in a path"


# --- other names


def test_other_names_are_asked_only_where_the_own_name_is_not_enough(named: DailyRuns) -> None:
    one, two = some_cids(named.upstream, 1), some_cids(named.upstream, 2)
    named.upstream.stands_for = {"alphacil": one, "betacil": two, "mtx": one}
    publish_interventions(
        named,
        drug("Alphacil", "Noacil-single"),
        drug("Betacil", "Yesacil-several"),
        drug("Gammacil", "Yesacil-unknown"),
        drug("MTX", "Yesacil-short"),
        drug("Statins", "Yesacil-never"),
        drug("Deltacil", "Noacil-whole", part=1),
        drug("Etacil", "Placebo", "No cells", "Yesacil-unknown"),
    )
    named.candidate(1)
    own = {"alphacil", "betacil", "gammacil", "mtx", "deltacil", "etacil"}
    others = {"yesacil-several", "yesacil-unknown", "yesacil-short", "yesacil-never"}
    assert named.upstream.asked() == dict.fromkeys(own | others, 1)


def test_what_is_cached_decides_whether_other_names_are_asked(named: DailyRuns) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {"alphacil": [cid]}
    publish_interventions(named, drug("Alphacil"), drug("Gammacil"))
    keep(named, 1)
    publish_interventions(named, drug("Alphacil", "Betacil"), drug("Gammacil", "Deltacil"), day=1)
    named.upstream.forget()
    named.candidate(2)
    assert named.upstream.asked() == {"deltacil": 1}


# --- once


def test_nothing_is_asked_twice_across_runs(named: DailyRuns) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {"alphacil": [cid]}
    publish_interventions(named, drug("Alphacil"), drug("Betacil", "Gammacil"), drug("ALPHACIL"))
    first = keep(named, 1)
    assert named.upstream.asked() == {"alphacil": 1, "betacil": 1, "gammacil": 1}
    publish_interventions(named, drug("alphacil"), drug("Betacil", "Gammacil", "Deltacil"), day=1)
    named.upstream.forget()
    second = keep(named, 2)
    assert named.upstream.asked() == {"deltacil": 1}
    asked_at = {name: row["asked_at"] for name, row in names_of(named, second).items()}
    assert asked_at == dict.fromkeys(names_of(named, first), end_of(1)) | {"deltacil": end_of(2)}
    assert candidates(named, second) == candidates(named, first)


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("part", [1, 3])
def test_nothing_is_asked_twice_in_a_run_that_was_killed_in_between(
    named: DailyRuns, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(extract, "_Job", partial(extract._Job, chunk=4))
    publish_interventions(named, *(drug(f"Alphacil-{n}", f"Betacil-{n}") for n in range(8)))
    land, landed = Landing.write_part, 0

    def kill_after(self: Landing, kind: str, *rest: Any) -> Any:
        nonlocal landed
        done = land(self, kind, *rest)
        landed += kind == "names"
        if landed == part:
            raise Killed
        return done

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Landing, "write_part", kill_after)
        pipeline.extract(named.run(1), named.session())
    before = named.upstream.asked()
    assert len(before) == 4 * part
    manifest = named.candidate(1)[1]
    assert len(named.upstream.asked()) == 16 and set(named.upstream.asked().values()) == {1}
    assert len(names_of(named, manifest)) == 16


# --- the budget


def test_the_budget_takes_the_names_of_the_most_interventions_first(named: DailyRuns) -> None:
    thrice, twice = [drug("Alphacil")] * 3, [drug("Betacil")] * 2
    once = [drug("Deltacil", "Etacil"), drug("Gammacil")]
    publish_interventions(named, *once, *twice, *thrice)
    left = []
    order = [{"alphacil", "betacil"}, {"deltacil", "gammacil"}, {"etacil"}]
    for day, expected in enumerate(order, start=1):
        named.upstream.forget()
        manifest = keep(named, day, names=2)
        assert named.upstream.asked().keys() == expected
        left.append(named.registry.watermarks("pubchem")["names_left"])
    # An other name is wanted only once it is known that its own name is not enough.
    assert left == [2, 1, 0]
    assert len(names_of(named, manifest)) == 5


def test_own_names_come_before_other_names_within_the_budget(named: DailyRuns) -> None:
    publish_interventions(
        named, drug("Alphacil", "Zetacil"), drug("Alphacil", "Zetacil"), drug("Betacil", "Etacil")
    )
    manifest = keep(named, 1, names=3)
    assert named.upstream.asked().keys() == {"alphacil", "betacil", "zetacil"}
    assert named.registry.watermarks("pubchem")["names_left"] == 1
    assert states(named, manifest).keys() == {"alphacil", "betacil", "zetacil"}


def test_what_is_left_makes_the_next_run_worth_while_and_nothing_left_does_not(named: DailyRuns) -> None:
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))
    keep(named, 1, names=1)
    again = pipeline.probe(named.run(1.1), named.session())
    assert again.new and "names to look up" in again.reason
    keep(named, 1.1)
    assert not pipeline.probe(named.run(1.2), named.session()).new
    publish_interventions(named, drug("Gammacil"), day=1)
    assert pipeline.probe(named.run(1.3), named.session()).new, "a new version of ctgov may have new names"


def test_a_budget_of_nothing_asks_nothing_and_keeps_the_cache(named: DailyRuns) -> None:
    publish_interventions(named, drug("Alphacil"))
    first = keep(named, 1)
    publish_interventions(named, drug("Alphacil"), drug("Betacil"), day=1)
    named.upstream.forget()
    second = keep(named, 2, names=0)
    assert not named.upstream.asked()
    assert named.rows(second, "names") == named.rows(first, "names")
    assert named.registry.watermarks("pubchem")["names_left"] == 1


# --- failures


def fail(upstream: SampleUpstream, *names: str) -> None:
    upstream.faults([{"kind": "server_error", "path": f"{BY_NAME}{name}/", "times": None} for name in names])


def test_a_look_up_that_fails_is_asked_again_in_the_next_run(named: DailyRuns) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {"alphacil": [cid], "betacil": [cid]}
    fail(named.upstream, "alphacil")
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))
    first = keep(named, 1)
    row = names_of(named, first)["alphacil"]
    assert (row["state"], row["asked_at"], row["n_candidates"]) == ("failed", None, 0)
    assert "ServerError" in row["error"] or "500" in row["error"]
    assert candidates(named, first) == {"betacil": [cid]}
    named.upstream.forget()
    second = keep(named, 2)
    assert named.upstream.asked().keys() == {"alphacil"}
    assert names_of(named, second)["alphacil"]["state"] == "failed"
    named.upstream.faults([])
    third = keep(named, 3)
    row = names_of(named, third)["alphacil"]
    assert (row["state"], row["asked_at"], row["error"]) == ("found", end_of(3), None)
    assert candidates(named, third)["alphacil"] == [cid]


def test_other_names_wait_until_the_own_name_was_answered(named: DailyRuns) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {"alphacil": [cid]}
    fail(named.upstream, "alphacil")
    publish_interventions(named, drug("Alphacil", "Betacil"))
    first = keep(named, 1)
    named.upstream.faults([])
    second = keep(named, 2)
    assert states(named, first) == {"alphacil": "failed"}, "it is not known yet that it is not enough"
    assert states(named, second) == {"alphacil": "found"}


def test_a_failure_is_never_taken_for_absence(named: DailyRuns) -> None:
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))
    named.upstream.faults([{"kind": "busy_as_404", "path": f"{BY_NAME}alphacil/", "times": None}])
    manifest = named.candidate(1)[1]
    assert states(named, manifest) == {"alphacil": "failed", "betacil": "none"}


def test_more_failures_than_single_names_explain_stop_the_run(named: DailyRuns) -> None:
    publish_interventions(named, *(drug(f"Alphacil-{n:03}") for n in range(120)))
    # Every second one in a single thread, since several in a row open the breaker before they are counted.
    fail(named.upstream, *(f"alphacil-{n:03}" for n in range(0, 120, 2)))
    named.attempts = 1
    session = named.session()
    session.limits = replace(session.limits, concurrency=1)
    with pytest.raises(Transient, match=r"60 of 120 names failed, the last with: .*ServerError"):
        pipeline.extract(named.run(1), session)
    named.upstream.faults([])
    named.upstream.forget()
    manifest = named.candidate(1)[1]
    assert len(named.upstream.asked()) == 60, "what came is kept"
    assert len(names_of(named, manifest)) == 120


def test_names_that_cannot_be_asked_do_not_hold_up_the_trials(named: DailyRuns) -> None:
    named.upstream.faults([{"kind": "html", "status": 404, "path": BY_NAME, "times": None}])
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))
    manifest = named.candidate(1)[1]
    assert states(named, manifest) == {"alphacil": "failed", "betacil": "failed"}
    assert named.rows(manifest, "trials")
    assert {row["state"] for row in named.rows(manifest, "work_list")} <= {"done", "none"}


# --- after half a year


def test_answers_are_asked_for_again_after_180_days(named: DailyRuns) -> None:
    first_cid, second_cid = some_cids(named.upstream, 2)
    named.upstream.stands_for = {"alphacil": [first_cid], "gammacil": [first_cid]}
    publish_interventions(named, drug("Alphacil"), drug("Betacil"), drug("Gammacil"))
    first = keep(named, 1)
    assert states(named, first) == {"alphacil": "found", "betacil": "none", "gammacil": "found"}
    named.upstream.stands_for = {"betacil": [second_cid], "gammacil": [second_cid, first_cid]}
    named.upstream.forget()
    second = keep(named, 181)
    assert not named.upstream.asked()
    assert named.rows(second, "names") == named.rows(first, "names")
    third = keep(named, 182)
    # As a control the absent one, which was there half a year ago, may have been asked for as well.
    assert set(named.upstream.asked()) == {"alphacil", "betacil", "gammacil"}
    assert states(named, third) == {"alphacil": "none", "betacil": "found", "gammacil": "found"}
    assert {row["asked_at"] for row in names_of(named, third).values()} == {end_of(182)}
    assert candidates(named, third) == {"betacil": [second_cid], "gammacil": [second_cid, first_cid]}


def test_an_old_answer_whose_repetition_fails_stays_as_it_was(named: DailyRuns) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {"alphacil": [cid]}
    publish_interventions(named, drug("Alphacil"))
    keep(named, 1)
    fail(named.upstream, "alphacil")
    manifest = keep(named, 190)
    row = names_of(named, manifest)["alphacil"]
    assert (row["state"], row["asked_at"], row["n_candidates"]) == ("failed", end_of(1), 1)
    assert row["error"] and candidates(named, manifest) == {"alphacil": [cid]}


# --- without ctgov


def test_without_a_version_of_ctgov_no_name_is_asked_for(named: DailyRuns) -> None:
    manifest = keep(named, 1)
    assert not named.upstream.asked()
    assert named.rows(manifest, "names") == named.rows(manifest, "name_candidates") == []
    assert manifest.upstream["ctgov"] is None


def test_the_cache_outlives_the_versions_of_ctgov(named: DailyRuns) -> None:
    (cid,) = some_cids(named.upstream, 1, listed=False)
    named.upstream.stands_for = {"alphacil": [cid]}
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))
    first = keep(named, 1)
    with named.registry.transaction() as cursor:
        cursor.execute("DELETE FROM lastgood.latest WHERE source = 'ctgov'")
    named.upstream.forget()
    second = keep(named, 2)
    assert not named.upstream.asked()
    for table in ("names", "name_candidates"):
        assert named.rows(second, table) == named.rows(first, table)
    assert cid in {row["cid"] for row in named.rows(second, "compounds")}


def test_a_name_that_no_intervention_has_any_more_stays_cached(named: DailyRuns) -> None:
    publish_interventions(named, drug("Alphacil"))
    keep(named, 1)
    publish_interventions(named, drug("Betacil"), day=1)
    assert names_of(named, keep(named, 2)).keys() == {"alphacil", "betacil"}
