"""What the steps do for every source, whatever it is."""

from __future__ import annotations

import pytest

from include import pipeline, release
from include.pipeline import OpenRun
from include.publishing.candidate import Candidate
from include.registry.registry import Registry
from include.registry.run_log import Pins
from include.sources import source as sources
from include.storage.store import Store
from tests import toy
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
    run = OpenRun(
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
    verdict = pipeline.judge(run)
    assert not verdict.passed and not verdict.acceptable
    (reason,) = verdict.reasons
    assert reason.startswith("things: published.toy_things.value is bigint and cannot hold string")
    assert registry.version(toy.SOURCE, manifest.version).state == "rejected"
    stored = registry.check_results(toy.SOURCE, manifest.version)
    assert (stored[0]["check_id"], stored[0]["rule"]) == ("serving/type/value", "contract")
