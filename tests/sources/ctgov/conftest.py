"""A run of ctgov against the sample upstream, without Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from include.registry.registry import Registry
from include.storage.store import Store
from sandbox.ctgov.server import SampleUpstream
from tests.sources.daily import DailyRuns


@pytest.fixture
def pipeline_of(store: Store, registry: Registry, light_gate: None) -> Callable[[SampleUpstream], DailyRuns]:
    return lambda upstream: DailyRuns("ctgov", store, registry, upstream)


@pytest.fixture
def daily(store: Store, registry: Registry, light_gate: None) -> Iterator[DailyRuns]:
    """A pipeline on a sample of 600 studies."""
    with SampleUpstream(size=600, seed=3, mean_bytes=8_000, compress=False) as upstream:
        yield DailyRuns("ctgov", store, registry, upstream)
