"""How things stand: what consumers read, what failed to publish, how the last runs ended. Reads, changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from include.monitoring import thresholds
from include.operations import recovery
from include.operations.recovery import StalledPromotion
from include.publishing import hold
from include.publishing import manifest as manifests
from include.publishing.promotion import ATTEMPTS
from include.registry import alerts, run_history, transitions, versions
from include.registry.registry import Registry
from include.registry.versions import Latest
from include.sources import source as sources

SCHEDULED = ("scheduled", "asset_triggered")
"""Airflow's run types that nobody asked for by hand."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of some runs ended well: published something, or found that there was nothing new."""

    good: int
    runs: int

    @property
    def percent(self) -> float:
        """Of 100. There must be a run."""
        return 100 * self.good / self.runs

    def __str__(self) -> str:
        return f"{self.good} of the last {self.runs} scheduled runs succeeded ({self.percent:.1f} %)"


def success_rates(registry: Registry, chosen: Collection[str], runs: int) -> dict[str, Rate]:
    """The rate over the last scheduled runs of each source; sources without any are left out.

    A run that was cleared and made again counts once, as it ended last; one that was not made for lack of a host is
    neither good nor bad.
    """
    with registry.transaction() as cursor:
        counted = run_history.good_of_last(cursor, chosen, SCHEDULED, runs)
    return {source: Rate(*numbers) for source, numbers in counted.items()}


def status(registry: Registry, now: datetime) -> dict[str, Any]:
    """Totals with the names that the earlier system's operators know, and how each source stands; JSON types only.

    `failed_publishes` are candidates that failed() lists; `success_rate_percent` is published
    versions of published and failed ones, None where there is neither; `recent_failures_24h` counts attempts. `well`
    is the verdict, and `troubles` say what is not: a warning is none, nor is a source that was never published.
    """
    with registry.session():
        return _status(registry, now)


def _status(registry: Registry, now: datetime) -> dict[str, Any]:
    with registry.transaction() as cursor:
        totals = versions.totals(cursor)
        recent = transitions.failures_since(cursor, now - timedelta(days=1))
    chosen = sorted({*registry.sources(), *sources.names()})
    stuck = _failed(registry, now)
    tried = totals["total_published"] + len(stuck)
    limits = thresholds.load()
    rates = success_rates(registry, chosen, limits.success_rate_runs)
    episodes = _open_episodes(registry)
    last = {source: _last_run(registry, source) for source in chosen}
    read = {source: registry.latest(source) for source in chosen}
    # A run whose version was accepted or published again afterwards is mended.
    unmended = {
        source: run
        for source, run in last.items()
        if run is not None and run["version"] != getattr(read[source], "version", None)
    }
    troubles = _troubles(unmended, episodes, len(stuck))
    return {
        "well": not troubles,
        "troubles": troubles,
        **totals,
        "failed_publishes": len(stuck),
        "max_attempts_exceeded": sum(each.attempts >= ATTEMPTS for each in stuck),
        "success_rate_percent": round(100 * totals["total_published"] / tried, 1) if tried else None,
        "recent_failures_24h": recent,
        "timestamp": now.isoformat(),
        "sources": [
            {
                "source": source,
                **_latest(read[source], now),
                "last_run": last[source],
                **_goal(rates.get(source), limits.success_rate_goal_percent),
                "open_episodes": [episode for episode in episodes if episode["source"] == source],
            }
            for source in chosen
        ],
        "open_episodes": episodes,
        "holds": {each.source: each.sentence for each in hold.all_of(registry)},
    }


def _troubles(last: Mapping[str, dict[str, Any]], episodes: list[dict[str, Any]], stuck: int) -> list[str]:
    """What is wrong now, a sentence each."""
    told = sum(episode["severity"] != "warning" for episode in episodes)
    bad = [
        f"the last run of {source} failed at {run['failed_step'] or 'an unknown step'}"
        for source, run in last.items()
        if run["status"] in {"fail", "partial"}
    ]
    return [
        *([f"{told} {'alerts are' if told > 1 else 'alert is'} open"] if told else []),
        *bad,
        *(
            [f"{stuck} {'versions' if stuck > 1 else 'version'} could not be published (`failed`)"]
            if stuck
            else []
        ),
    ]


def history(registry: Registry, source: str, limit: int) -> list[dict[str, Any]]:
    """What happened to a source, newest first: what was published, with its changes, and what people decided."""
    with registry.transaction() as cursor:
        return versions.history(cursor, source, limit)


def _goal(rate: Rate | None, goal: float) -> dict[str, Any]:
    return {
        "success_rate_percent": round(rate.percent, 1) if rate else None,
        "success_rate_runs": rate.runs if rate else 0,
        "success_rate_goal_percent": goal,
        "goal_reached": rate.percent >= goal if rate else None,
    }


def _latest(latest: Latest | None, now: datetime) -> dict[str, Any]:
    if latest is None:
        return {"latest": None, "as_of": None, "age_seconds": None}
    return {
        "latest": latest.version,
        "as_of": latest.as_of.isoformat(),
        "age_seconds": round((now - latest.as_of).total_seconds()),
    }


def _last_run(registry: Registry, source: str) -> dict[str, Any] | None:
    with registry.transaction() as cursor:
        row = run_history.last_run(cursor, source)
    if row is None:
        return None
    return {**row, **{name: row[name].isoformat() if row[name] else None for name in ("started", "ended")}}


def _open_episodes(registry: Registry) -> list[dict[str, Any]]:
    with registry.transaction() as cursor:
        return [
            {**row, **{name: row[name].isoformat() for name in ("first_seen", "last_seen")}}
            for row in alerts.open_(cursor)
        ]


def failed(registry: Registry, now: datetime) -> list[dict[str, Any]]:
    """Candidates whose publishing failed or stopped and can be made good, newest first; `data_id` is SOURCE/VERSION."""
    return [
        {
            "data_id": f"{each.source}/{each.version}",
            "data_type": each.source,
            "stage_path": manifests.folder(each.source, each.version),
            "publish_attempts": each.attempts,
            "publish_error": each.error,
            "staged_at": each.staged_at.isoformat(),
        }
        for each in sorted(_failed(registry, now), key=lambda each: each.staged_at, reverse=True)
    ]


def _failed(registry: Registry, now: datetime) -> list[StalledPromotion]:
    return [each for each in recovery.stuck(registry, now) if each.tried]
