"""A run of ctgov against the sample upstream, without Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from include import steps
from include.publishing.manifest import Manifest, version_id
from include.publishing.promotion import Outcome
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.sources.source import Run
from include.upstream.breaker import Breaker
from include.upstream.limits import Limits
from include.upstream.session import UpstreamSession
from sandbox.ctgov.server import SampleUpstream

START = datetime(2026, 11, 17, tzinfo=UTC)
LIMITS = Limits(per_second=None, attempts=4)


def make_run(store: Store, registry: Registry, day: int, **params: Any) -> Run:
    """The run of a day."""
    end = START + timedelta(days=day)
    return Run(
        source="ctgov",
        version=version_id(end, f"run-{day}"),
        run_id=f"run-{day}",
        interval_start=end - timedelta(days=1),
        interval_end=end,
        params={"full_refresh": False, "since": None, "limit": None, **params},
        store=store,
        registry=registry,
    )


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
        return make_run(self.store, self.registry, day, **params)

    def publish(self, day: int, **params: Any) -> Manifest:
        """A whole run that must be promoted."""
        run = self.run(day, **params)
        steps.extract(run, self.session())
        manifest = steps.build(run)
        verdict = steps.judge(run)
        assert verdict.passed, verdict.reasons
        assert steps.promote(run).outcome is Outcome.PROMOTED
        return manifest

    def rows(self, manifest: Manifest, table: str) -> list[dict[str, Any]]:
        """A table of a version."""
        files = [file.path for file in manifest.table(table).files]
        return self.store.dataset(files).to_table().to_pylist()


@pytest.fixture
def pipeline_of(store: Store, registry: Registry) -> Callable[[SampleUpstream], Pipeline]:
    return lambda upstream: Pipeline(store, registry, upstream)


@pytest.fixture
def pipeline(store: Store, registry: Registry) -> Iterator[Pipeline]:
    """A pipeline on a sample of 600 studies."""
    with SampleUpstream(size=600, seed=3, mean_bytes=8_000, compress=False) as upstream:
        yield Pipeline(store, registry, upstream)
