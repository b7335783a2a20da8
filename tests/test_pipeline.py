"""What the steps do for every source, whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from include import pipeline, release
from include.pipeline import OpenRun, check_base
from include.publishing import manifest as manifests
from include.publishing import pointers, promotion
from include.publishing import verdict as verdicts
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.publishing.pointers import OlderRegistry
from include.publishing.policy import Policy
from include.registry import run_log
from include.registry.locks import lock_latest
from include.registry.registry import Registry
from include.registry.run_log import Pins
from include.registry.versions import RemovedVersion
from include.sources import source as sources
from include.storage.store import Store
from tests import toy
from tests.publishing import quick
from tests.quality.test_gate import ARRIVALS
from tests.sources.daily import make_run


@pytest.mark.parametrize("source", sources.names())
def test_nothing_is_exported_of_a_source_that_published_nothing(
    store: Store, registry: Registry, source: str
) -> None:
    assert dict(pipeline.export(store, registry, source)) == {}
    assert store.list("site") == []


def test_a_source_without_other_forms_exports_nothing(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 3, day=1)
    assert dict(pipeline.export(store, registry, toy.SOURCE)) == {}
    assert store.list("site") == []


@pytest.mark.parametrize(("commit", "shown"), [(None, ""), ("0123456789abcdef", "+0123456789ab")])
def test_the_code_version_names_the_commit_where_the_deployment_does(
    monkeypatch: pytest.MonkeyPatch, commit: str | None, shown: str
) -> None:
    from include import __version__

    monkeypatch.delenv("LASTGOOD_COMMIT", raising=False)
    if commit:
        monkeypatch.setenv("LASTGOOD_COMMIT", commit)
    assert release.code_version() == __version__ + shown


def test_sources_come_after_those_they_are_built_from() -> None:
    order = sources.in_order(["clinical", "pubchem", "ctgov"])
    assert order == ["ctgov", "pubchem", "clinical"]
    assert sources.in_order(["clinical"]) == ["clinical"], "inputs that are not wanted are not run"


def test_a_build_that_does_not_say_what_arrived_is_refused(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        spec = sources.spec("ctgov")

        def schema(self) -> sources.Schema:
            return sources.Schema((toy.THINGS,), 1, {})

        def build(self, run: sources.Run, candidate: Candidate) -> sources.Built:
            candidate.write("things", [])
            return sources.Built(cursors={}, counts={}, upstream={})

    monkeypatch.setattr(sources, "load", lambda _: Silent())
    with pytest.raises(
        ValueError, match=r"the build of ctgov does not say what arrived \(candidate\.arrived\)"
    ):
        pipeline.build(make_run("ctgov", store, registry, 1))
    assert registry.versions("ctgov") == []


def run_of(store: Store, registry: Registry, manifest: Manifest) -> OpenRun:
    """The run that has sealed a candidate of toy."""
    return OpenRun(
        source=toy.SOURCE,
        pins=Pins(
            version=manifest.version,
            data_time=manifest.as_of,
            base=manifest.previous,
            watermarks={},
            inputs={},
            attempt=1,
        ),
        run_id="run-2",
        interval_start=None,
        interval_end=manifest.as_of,
        params={},
        store=store,
        registry=registry,
    )


def test_the_gate_hears_what_the_serving_tables_cannot_take(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.publish(store, registry, {1: "7"}, day=1)
    with registry.transaction() as cursor:
        cursor.execute("ALTER TABLE published.toy_things ALTER COLUMN value TYPE bigint USING value::bigint")
    manifest = toy.stage(store, registry, {1: "7"}, day=2)
    monkeypatch.setattr(pipeline.contract, "load_all", lambda *_: toy.CONTRACTS)
    spec = sources.spec("ctgov")
    monkeypatch.setattr(sources, "spec", lambda _: spec)
    verdict = pipeline.judge(run_of(store, registry, manifest))
    assert not verdict.passed and not verdict.acceptable
    (reason,) = verdict.reasons
    assert reason.startswith("things: published.toy_things.value is bigint and cannot hold string")
    assert registry.version(toy.SOURCE, manifest.version).state == "rejected"
    stored = registry.check_results(toy.SOURCE, manifest.version)
    assert (stored[0]["check_id"], stored[0]["rule"]) == ("serving/type/value", "contract")


def test_a_level_of_arrivals_that_was_accepted_is_usual_for_the_runs_after_it(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "things.yml"
    path.write_text(toy.CONTRACTS["things"].read_text(encoding="utf-8") + ARRIVALS, encoding="utf-8")
    monkeypatch.setattr(pipeline.contract, "load_all", lambda *_: {"things": path})
    spec = sources.spec("ctgov")
    monkeypatch.setattr(sources, "spec", lambda _: spec)
    values: dict[int, str | None] = {number: f"thing {number}" for number in range(300)}
    toy.publish(store, registry, values, day=1)
    base = toy.stage(store, registry, values | dict.fromkeys(range(300, 306)), day=2)
    assert not pipeline.judge(run_of(store, registry, base)).passed
    promotion.accept(
        store, registry, toy.SOURCE, base.version, who="ana", reason="the upstream has none any more"
    )

    nxt = toy.stage(store, registry, values | dict.fromkeys(range(300, 330)), day=3)
    assert pipeline.judge(run_of(store, registry, nxt)).passed

    toy.lose(store, verdicts.key_of(toy.SOURCE, base.version))
    store.create(verdicts.key_of(toy.SOURCE, base.version), b"damaged")
    assert not pipeline.judge(run_of(store, registry, nxt)).passed, "then it is asked for once more"


# --- what a run goes by ---

Step = Callable[[OpenRun], object]
STEPS: dict[str, Step] = {
    "probe": lambda run: pipeline.probe(run, None),
    "extract": check_base,
    "build": pipeline.build,
}


@pytest.fixture
def run(store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> OpenRun:
    """A run of toy upon its latest version."""
    spec = sources.spec("clinical")
    monkeypatch.setattr(sources, "spec", lambda _: spec)
    monkeypatch.setattr(sources, "policy", lambda _: Policy())
    quick.publish(store, registry, 100, day=6)
    return opened(store, registry)


def opened(store: Store, registry: Registry) -> OpenRun:
    """A run of toy, as its first step opens it."""
    end = toy.START + timedelta(days=7)
    pins = run_log.open_run(
        registry,
        source=toy.SOURCE,
        dag_id=toy.SOURCE,
        run_id="run",
        interval_start=None,
        interval_end=end,
        data_time=end,
        env="test",
        code_version="test",
        inputs=(),
    )
    return OpenRun(
        source=toy.SOURCE,
        pins=pins,
        run_id="run",
        interval_start=None,
        interval_end=end,
        params={},
        store=store,
        registry=registry,
    )


@pytest.mark.parametrize("step", STEPS)
def test_no_step_goes_by_a_registry_that_knows_less_than_the_store(
    run: OpenRun, registry: Registry, step: str
) -> None:
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM lastgood.latest")
        cursor.execute("DELETE FROM lastgood.dataset_version WHERE published_at IS NOT NULL")
    before = run.store.list("versions")
    with pytest.raises(OlderRegistry, match="rebuild-registry"):
        STEPS[step](run)
    assert run.store.list("versions") == before, "nothing is built that a rebuild would find"


def test_a_step_heals_a_pointer_that_cannot_be_read(run: OpenRun) -> None:
    Path(run.store.full(pointers.pointer_key(toy.SOURCE))).write_bytes(b"rubbish")
    check_base(run)
    pointer = pointers.read_pointer(run.store, toy.SOURCE)
    assert pointer is not None and pointer.version == run.pins.base


def test_a_step_does_not_wait_for_who_moves_latest(run: OpenRun, registry: Registry) -> None:
    with registry.transaction() as cursor:
        lock_latest(cursor, toy.SOURCE, "promote")
        check_base(run)


def test_a_name_that_retention_has_seen_is_not_built_again(run: OpenRun, registry: Registry) -> None:
    """Only the build of an old run is cleared; its version is gone, and later ones reference files of it."""
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.removed_version (source, version, as_of, state) VALUES (%s, %s, %s, 'superseded')",
            (toy.SOURCE, run.version, run.interval_end - timedelta(days=1)),
        )
    with pytest.raises(RemovedVersion, match=r"retention removed it on .* its name is not used again"):
        pipeline.build(run)
    assert manifests.read(run.store, toy.SOURCE, run.version) is None


@pytest.mark.parametrize(
    ("asked", "built"),
    [
        (False, {}),
        (True, {"asked": True}),
        (True, {"full": True}),
        (True, {"backfill": True}),
        (True, {"params": {"replay_of": "another"}}),
    ],
)
def test_a_run_that_was_asked_for_more_says_so(run: OpenRun, asked: bool, built: dict[str, Any]) -> None:
    of_run = {name: built[name] for name in ("backfill", "params") if name in built}
    of_build = {name: built[name] for name in ("asked", "full") if name in built}
    found = sources.Built(cursors={}, counts={}, upstream={}, **of_build)
    assert pipeline._asked(replace(run, **of_run), run.for_source(), found) is asked


def test_an_input_that_was_asked_for_more_makes_its_readers_rise(run: OpenRun, store: Store) -> None:
    seen, built = run.for_source(), sources.Built(cursors={}, counts={}, upstream={})
    assert seen.base is not None
    asked = msgspec.structs.replace(seen.base, source="ctgov", asked=True)
    assert pipeline._asked(run, replace(seen, inputs={"ctgov": asked}), built)
    known = msgspec.structs.replace(seen.base, built_from={"ctgov": asked.version})
    assert not pipeline._asked(run, replace(seen, base=known, inputs={"ctgov": asked}), built)


@pytest.mark.parametrize(("schedule", "new"), [(None, False), ("0 9 * * 1", True)])
def test_the_same_inputs_are_nothing_new_to_a_source_that_follows_them_and_one_with_a_schedule_has_its_interval(
    run: OpenRun, monkeypatch: pytest.MonkeyPatch, schedule: str | None, new: bool
) -> None:
    spec = replace(sources.spec("clinical"), schedule=schedule, inputs=("ctgov",))
    monkeypatch.setattr(sources, "spec", lambda _name: spec)
    monkeypatch.setattr(sources, "load", lambda _name: SimpleNamespace(spec=spec))
    built = replace(
        run, pins=replace(run.pins, inputs={"ctgov": "v1"}, watermarks={"built_from": {"ctgov": "v1"}})
    )
    assert pipeline.probe(built, None).new is new
    unpublished = replace(built, pins=replace(built.pins, inputs={}))
    found = pipeline.probe(unpublished, None)
    assert (found.new, found.reason) == (False, "Nothing of ctgov was published yet; toy is built from it.")
