"""The run log: which version a run builds."""

from __future__ import annotations

import pytest

from include.publishing import promotion, runlog
from include.publishing.manifest import version_id
from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy

END = toy.START
RUN = "run-1-"


def begin(registry: Registry, version: str) -> None:
    runlog.start(
        registry,
        source=toy.SOURCE,
        version=version,
        dag_id=toy.SOURCE,
        run_id=RUN,
        interval_start=None,
        interval_end=END,
        env="test",
        code_version="test",
    )


def version_of(registry: Registry, *, opens: bool) -> str:
    return runlog.version_of(registry, toy.SOURCE, RUN, END, opens=opens)


def test_a_run_builds_one_version_however_often_its_steps_are_tried(registry: Registry) -> None:
    first = version_of(registry, opens=True)
    assert first == version_id(END, RUN)
    begin(registry, first)
    assert version_of(registry, opens=True) == version_of(registry, opens=False) == first


@pytest.mark.parametrize("published", [True, False])
def test_a_run_that_is_cleared_after_it_was_published_builds_another_version(
    store: Store, registry: Registry, published: bool
) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    begin(registry, manifest.version)
    if published:
        toy.judge(store, registry, manifest)
        promotion.promote(store, registry, toy.SOURCE, manifest.version, owner="test")
    again = version_of(registry, opens=True)
    assert (again == manifest.version) is not published, "a sealed candidate that may go on is gone on with"
    assert version_of(registry, opens=False) == manifest.version, (
        "what is cleared alone belongs to the old one"
    )
    if published:
        assert again == version_id(END, f"{RUN} 2")
        begin(registry, again)
        assert version_of(registry, opens=True) == version_of(registry, opens=False) == again
