"""A run of ctgov against the sample upstream, without Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from include.publishing.manifest import version_id
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.sources.source import Run
from include.upstream.breaker import Breaker
from include.upstream.limits import Limits
from include.upstream.session import UpstreamSession
from sandbox.ctgov.server import SampleUpstream

START = datetime(2026, 11, 17, tzinfo=UTC)
LIMITS = Limits(per_second=None, attempts=4)


@dataclass
class Pipeline:
    """Runs of ctgov, day by day; `session()` never sleeps."""

    store: Store
    registry: Registry
    upstream: SampleUpstream
    waits: list[float] = field(default_factory=list)

    def session(self) -> UpstreamSession:
        http = requests.Session()
        http.trust_env = False
        breaker = Breaker(self.registry.connect, "ctgov_api")
        return UpstreamSession(http, self.upstream.url, LIMITS, breaker, sleep=self.waits.append)

    def run(self, day: int, **params: Any) -> Run:
        end = START + timedelta(days=day)
        return Run(
            source="ctgov",
            version=version_id(end, f"run-{day}"),
            run_id=f"run-{day}",
            interval_start=end - timedelta(days=1),
            interval_end=end,
            params={"full_refresh": False, "since": None, "limit": None, **params},
            store=self.store,
            registry=self.registry,
        )


@pytest.fixture
def pipeline_of(store: Store, registry: Registry) -> Callable[[SampleUpstream], Pipeline]:
    return lambda upstream: Pipeline(store, registry, upstream)


@pytest.fixture
def pipeline(store: Store, registry: Registry) -> Iterator[Pipeline]:
    """A pipeline on a sample of 600 studies."""
    with SampleUpstream(size=600, seed=3, mean_bytes=8_000, compress=False) as upstream:
        yield Pipeline(store, registry, upstream)
