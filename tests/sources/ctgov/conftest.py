"""A run of ctgov against the sample upstream, without Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from include.publishing.registry import Registry
from include.publishing.store import Store
from sandbox.ctgov.server import SampleUpstream
from tests.sources.pipeline import Pipeline


@pytest.fixture
def pipeline_of(store: Store, registry: Registry) -> Callable[[SampleUpstream], Pipeline]:
    return lambda upstream: Pipeline("ctgov", store, registry, upstream)


@pytest.fixture
def pipeline(store: Store, registry: Registry) -> Iterator[Pipeline]:
    """A pipeline on a sample of 600 studies."""
    with SampleUpstream(size=600, seed=3, mean_bytes=8_000, compress=False) as upstream:
        yield Pipeline("ctgov", store, registry, upstream)
