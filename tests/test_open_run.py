"""No step goes by a registry that knows less than the store, nor under a name that is used up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from include import pipeline
from include.pipeline import OpenRun, check_base
from include.publishing import manifest as manifests
from include.publishing import pointers
from include.publishing.pointers import OlderRegistry
from include.registry import run_log
from include.registry.locks import lock_latest
from include.registry.registry import Registry
from include.registry.versions import RemovedVersion
from include.sources import source as sources
from include.storage.store import Store
from tests import toy
from tests.publishing import quick

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
    monkeypatch.setattr(sources, "merges", lambda _: False)
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
