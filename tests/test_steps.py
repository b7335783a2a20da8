"""What the steps do for every source, whatever it is."""

from __future__ import annotations

import pytest

from include import steps
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.sources import source as sources
from tests import toy


@pytest.mark.parametrize("source", sources.names())
def test_nothing_is_exported_of_a_source_that_published_nothing(
    store: Store, registry: Registry, source: str
) -> None:
    assert dict(steps.export(store, registry, source)) == {}
    assert store.list("site") == []


def test_a_source_without_other_forms_exports_nothing(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 3, day=1)
    assert dict(steps.export(store, registry, toy.SOURCE)) == {}
    assert store.list("site") == []


@pytest.mark.parametrize(("commit", "shown"), [(None, ""), ("0123456789abcdef", "+0123456789ab")])
def test_the_code_version_names_the_commit_where_the_deployment_does(
    monkeypatch: pytest.MonkeyPatch, commit: str | None, shown: str
) -> None:
    from include import __version__

    monkeypatch.delenv("LASTGOOD_COMMIT", raising=False)
    if commit:
        monkeypatch.setenv("LASTGOOD_COMMIT", commit)
    assert steps.code_version() == __version__ + shown


def test_sources_come_after_those_they_are_built_from() -> None:
    order = sources.in_order(["clinical", "pubchem", "ctgov"])
    assert order == ["ctgov", "pubchem", "clinical"]
    assert sources.in_order(["clinical"]) == ["clinical"], "inputs that are not wanted are not run"
