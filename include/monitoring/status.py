"""How things stand: what consumers read, what failed to publish, how the last runs ended. Reads, changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from include.monitoring import thresholds
from include.publishing import manifest as manifests
from include.publishing import recovery
from include.publishing.promotion import ATTEMPTS
from include.publishing.recovery import Stuck
from include.publishing.registry import Latest, Registry
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
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT s.source, count(*) AS runs, count(*) FILTER (WHERE r.status IN ('ok', 'skipped')) AS good "
            "FROM unnest(%(sources)s::text[]) AS s (source) CROSS JOIN LATERAL ("
            "  SELECT p.status FROM lastgood.pipeline_run p WHERE p.source = s.source AND p.ended IS NOT NULL "
            "  AND p.run_type = ANY(%(types)s) AND p.steps -> 'probe' ->> 'without_host' IS DISTINCT FROM 'true' "
            "  AND NOT EXISTS (SELECT FROM lastgood.pipeline_run again WHERE again.source = p.source "
            "    AND again.run_id = p.run_id AND again.started > p.started) "
            "  ORDER BY p.started DESC LIMIT %(runs)s) r GROUP BY s.source",
            {"sources": sorted(chosen), "types": list(SCHEDULED), "runs": runs},
        )
        return {row["source"]: Rate(row["good"], row["runs"]) for row in cursor.fetchall()}


def status(registry: Registry, now: datetime) -> dict[str, Any]:
    """Totals with the names that the earlier system's operators know, and how each source stands; JSON types only.

    `failed_publishes` are candidates that failed() lists; `success_rate_percent` is published
    versions of published and failed ones, None where there is neither; `recent_failures_24h` counts attempts.
    """
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE published_at IS NOT NULL) AS total_published, "
            "count(*) FILTER (WHERE state = 'staged') AS total_staging, "
            "count(*) FILTER (WHERE state = 'publishing') AS total_publishing FROM lastgood.dataset_version"
        )
        totals: dict[str, Any] = dict(cursor.fetchone() or {})
        cursor.execute(
            "SELECT count(*) AS n FROM lastgood.publish_attempt WHERE error IS NOT NULL AND at > %s",
            (now - timedelta(days=1),),
        )
        recent = cursor.fetchone()
        cursor.execute("SELECT DISTINCT source FROM lastgood.dataset_version")
        chosen = sorted({row["source"] for row in cursor.fetchall()} | set(sources.names()))
    stuck = _failed(registry, now)
    tried = totals["total_published"] + len(stuck)
    limits = thresholds.load()
    rates = success_rates(registry, chosen, limits.success_rate_runs)
    episodes = _open_episodes(registry)
    return {
        **totals,
        "failed_publishes": len(stuck),
        "max_attempts_exceeded": sum(each.attempts >= ATTEMPTS for each in stuck),
        "success_rate_percent": round(100 * totals["total_published"] / tried, 1) if tried else None,
        "recent_failures_24h": recent["n"] if recent else 0,
        "timestamp": now.isoformat(),
        "sources": [
            {
                "source": source,
                **_latest(registry.latest(source), now),
                "last_run": _last_run(registry, source),
                **_goal(rates.get(source), limits.success_rate_goal_percent),
                "open_episodes": [episode for episode in episodes if episode["source"] == source],
            }
            for source in chosen
        ],
        "open_episodes": episodes,
    }


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
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT run_id, run_type, started, ended, status, failed_step FROM lastgood.pipeline_run "
            "WHERE source = %s ORDER BY started DESC LIMIT 1",
            (source,),
        )
        row = cursor.fetchone()
    if row is None:
        return None
    return {**row, **{name: row[name].isoformat() if row[name] else None for name in ("started", "ended")}}


def _open_episodes(registry: Registry) -> list[dict[str, Any]]:
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT kind, source, severity, title, count, first_seen, last_seen FROM lastgood.alert "
            "WHERE recovered_at IS NULL ORDER BY first_seen, id"
        )
        return [
            {**row, **{name: row[name].isoformat() for name in ("first_seen", "last_seen")}}
            for row in cursor.fetchall()
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


def _failed(registry: Registry, now: datetime) -> list[Stuck]:
    return [each for each in recovery.stuck(registry, now) if each.tried]
