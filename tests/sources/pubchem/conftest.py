"""A run of pubchem against the sample upstream, without Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from include.registry.registry import Registry
from include.storage.store import Store
from sandbox.ctgov.server import SampleUpstream as SampleCtgov
from sandbox.pubchem.server import SampleUpstream
from tests.sources.daily import DailyRuns

SIZE, SEED = 150, 5


@pytest.fixture
def daily(store: Store, registry: Registry, light_gate: None) -> Iterator[DailyRuns]:
    """A pipeline on a sample that fits 300 studies of ctgov, none of which is published."""
    with SampleUpstream(size=SIZE, seed=SEED, compress=False) as upstream:
        yield DailyRuns("pubchem", store, registry, upstream)


@pytest.fixture
def pipeline_of(store: Store, registry: Registry, light_gate: None) -> Callable[[SampleUpstream], DailyRuns]:
    return lambda upstream: DailyRuns("pubchem", store, registry, upstream)


@pytest.fixture
def ctgov(store: Store, registry: Registry, light_gate: None) -> Iterator[DailyRuns]:
    """A pipeline on those studies."""
    with SampleCtgov(size=SIZE, seed=SEED, compress=False) as upstream:
        yield DailyRuns("ctgov", store, registry, upstream)
