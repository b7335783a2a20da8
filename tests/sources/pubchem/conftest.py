"""A run of pubchem against the sample upstream, without Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from include.publishing.registry import Registry
from include.publishing.store import Store
from sandbox.ctgov.server import SampleUpstream as SampleCtgov
from sandbox.pubchem.server import SampleUpstream
from tests.sources.pipeline import Pipeline

SIZE, SEED = 150, 5


@pytest.fixture
def pipeline(store: Store, registry: Registry) -> Iterator[Pipeline]:
    """A pipeline on a sample that fits 300 studies of ctgov, none of which is published."""
    with SampleUpstream(size=SIZE, seed=SEED, compress=False) as upstream:
        yield Pipeline("pubchem", store, registry, upstream)


@pytest.fixture
def pipeline_of(store: Store, registry: Registry) -> Callable[[SampleUpstream], Pipeline]:
    return lambda upstream: Pipeline("pubchem", store, registry, upstream)


@pytest.fixture
def ctgov(store: Store, registry: Registry) -> Iterator[Pipeline]:
    """A pipeline on those studies."""
    with SampleCtgov(size=SIZE, seed=SEED, compress=False) as upstream:
        yield Pipeline("ctgov", store, registry, upstream)
