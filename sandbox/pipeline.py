"""Runs of a source against its sample upstream, day by day, without Airflow."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from include import steps
from include.publishing.manifest import Manifest, version_id
from include.publishing.promotion import Outcome
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.sources import source as sources
from include.sources.source import Run
from include.upstream.breaker import Breaker
from include.upstream.session import UpstreamSession

START = datetime(2026, 11, 17, tzinfo=UTC)
FORMS: dict[str, dict[str, Any]] = {
    "ctgov": {"full_refresh": False, "since": None, "limit": None},
    "pubchem": {"full_refresh": False, "limit": None, "names": 5000},
    "clinical": {},
    "sofascore": {
        **dict.fromkeys(("competition", "season", "from", "to", "limit")),
        "full_refresh": False,
        "tolerate_failed": 0,
    },
}
"""What a run of the source's DAG has for params when nobody asks for anything."""


def make_run(source: str, store: Store, registry: Registry, day: float, **params: Any) -> Run:
    """The run of a day."""
    end = START + timedelta(days=day)
    return Run(
        source=source,
        version=version_id(end, f"run-{day}"),
        run_id=f"run-{day}",
        interval_start=end - timedelta(days=1),
        interval_end=end,
        params={**FORMS[source], **params},
        store=store,
        registry=registry,
    )


@dataclass
class Pipeline:
    """Runs of a source; its sessions with the sample `upstream` keep no pace, and their clock skips every wait."""

    source: str
    store: Store
    registry: Registry
    upstream: Any = None
    waits: list[float] = field(default_factory=list)
    slept: float = 0.0
    attempts: int = 4

    def session(self) -> UpstreamSession:
        """A session with the upstream, as the source's connection would give it."""
        spec = sources.spec(self.source)
        http = requests.Session()
        http.trust_env = False
        return UpstreamSession(
            http,
            self.upstream.url,
            replace(spec.limits, per_second=None, per_minute=None, attempts=self.attempts),
            Breaker(self.registry.connect, spec.connection),
            classifier=spec.classifier,
            courtesy=spec.courtesy,
            clock=lambda: time.monotonic() + self.slept,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.slept += seconds

    def run(self, day: float, **params: Any) -> Run:
        return make_run(self.source, self.store, self.registry, day, **params)

    def candidate(self, day: float, **params: Any) -> tuple[Run, Manifest]:
        """A run up to its sealed candidate."""
        run = self.run(day, **params)
        if not sources.spec(self.source).derived:
            steps.extract(run, self.session())
        return run, steps.build(run)

    def publish(self, day: float, **params: Any) -> Manifest:
        """A whole run that must be promoted."""
        run, manifest = self.candidate(day, **params)
        verdict = steps.judge(run)
        assert verdict.passed, verdict.reasons
        assert steps.promote(run).outcome is Outcome.PROMOTED
        return manifest

    def rows(self, manifest: Manifest, table: str) -> list[dict[str, Any]]:
        """A table of a version."""
        files = [file.path for file in manifest.table(table).files]
        found: list[dict[str, Any]] = self.store.dataset(files).to_table().to_pylist()
        return found
