"""Runs of a source against its sample upstream, day by day, without Airflow."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from include import pipeline, release
from include.pipeline import OpenRun
from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest
from include.publishing.promotion import Outcome
from include.registry import run_log
from include.registry.breaker import Breaker
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store
from include.upstream.session import UpstreamSession

START = datetime(2026, 11, 17, tzinfo=UTC)
FORMS: dict[str, dict[str, Any]] = {
    "ctgov": {"full_refresh": False, "since": None, "limit": None},
    "pubchem": {"full_refresh": False, "limit": None, "names": 5000},
    "clinical": {},
    "comments": {},
    "comments_weekly": {},
    "sofascore": {
        **dict.fromkeys(("competition", "season", "from", "to", "limit")),
        "full_refresh": False,
        "tolerate_failed": 0,
    },
}
"""What a run of the source's DAG has for params when nobody asks for anything."""


def make_run(
    source: str, store: Store, registry: Registry, day: float, *, opens: bool = True, **params: Any
) -> OpenRun:
    """The run of a day as its first task opens it, which may be tried again; else as a later one finds it."""
    end = START + timedelta(days=day)
    about: dict[str, Any] = {
        "source": source,
        "run_id": f"run-{day}",
        "interval_start": end - timedelta(days=1),
        "interval_end": end,
    }
    if opens:
        pins = run_log.open_run(
            registry,
            **about,
            dag_id=source,
            env="sandbox",
            code_version=release.code_version(),
            inputs=sources.inputs(source),
            run_type="scheduled",
            data_time=end,
        )
    else:
        pins = run_log.pinned(registry, source, about["run_id"])
    return OpenRun(
        **about,
        pins=pins,
        params={**FORMS[source], **params},
        store=store,
        registry=registry,
    )


@dataclass
class DailyRuns:
    """Runs of a source; its sessions with the sample `upstream` keep no pace, and their clock skips every wait."""

    source: str
    store: Store
    registry: Registry
    upstream: Any = None
    waits: list[float] = field(default_factory=list)
    slept: float = 0.0
    attempts: int = 4
    beside: dict[str, Any] = field(default_factory=dict)
    """What the source has besides its upstream: OpenRun's inbox, keys and options."""

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
            throttle_hint=spec.throttle_hint,
            clock=lambda: time.monotonic() + self.slept,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.slept += seconds

    def run(self, day: float, **params: Any) -> OpenRun:
        """The run of a day, as its first task opens it."""
        return replace(make_run(self.source, self.store, self.registry, day, **params), **self.beside)

    def resumed(self, day: float, **params: Any) -> OpenRun:
        """The run of a day, as a task after its first one finds it."""
        run = make_run(self.source, self.store, self.registry, day, opens=False, **params)
        return replace(run, **self.beside)

    def candidate(self, day: float, **params: Any) -> tuple[OpenRun, Manifest]:
        """A run up to its sealed candidate."""
        run = self.run(day, **params)
        if not sources.spec(self.source).derived:
            pipeline.extract(run, self.session())
        return run, pipeline.build(run)

    def publish(self, day: float, **params: Any) -> Manifest:
        """A whole run that must be promoted."""
        run, manifest = self.candidate(day, **params)
        verdict = pipeline.judge(run)
        assert verdict.passed, verdict.reasons
        assert pipeline.promote(run).outcome is Outcome.PROMOTED
        run_log.end(self.registry, self.source, run.version, "ok")
        return manifest

    def rows(self, manifest: Manifest, table: str) -> list[dict[str, Any]]:
        """A table of a version."""
        entry = manifest.table(table)
        found: list[dict[str, Any]] = manifests.dataset(self.store, entry).to_table().to_pylist()
        return found
