"""What is asked of the runs that are known, and what is forgotten of them: lastgood.pipeline_run.

How a run is entered, goes on and ends stands in run_log.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from include.registry import steps as notes
from include.registry.run_log import BACKFILL, REPLAY, TRIAL
from include.registry.steps import TRIED_AGAIN, Steps

Cursor = psycopg.Cursor[dict[str, Any]]
_UNDER_WAY = "p.ended IS NULL AND p.started >= %(over)s"
"""Runs (p) that nobody closed and that are not too old to be under way."""


def other_under_way(cursor: Cursor, source: str, version: str, over: datetime) -> bool:
    """Whether a run of a source is under way, which one that began before `over` is not, that makes another version."""
    cursor.execute(
        "SELECT 1 FROM lastgood.pipeline_run p WHERE p.source = %(source)s AND p.version <> %(version)s "  # noqa: S608
        f"AND {_UNDER_WAY} LIMIT 1",
        {"source": source, "version": version, "over": over},
    )
    return cursor.fetchone() is not None


def tried_from(cursor: Cursor, source: str, inputs: Mapping[str, str], over: datetime) -> bool:
    """Whether the newest run of a source stood on these inputs, or is under way: it began at `over` or later."""
    cursor.execute(
        f"SELECT p.inputs = %(inputs)s OR {_UNDER_WAY} AS tried FROM lastgood.pipeline_run p "  # noqa: S608
        "WHERE p.source = %(source)s AND p.attempt IS NOT NULL ORDER BY p.attempt DESC LIMIT 1",
        {"source": source, "inputs": Jsonb(dict(inputs)), "over": over},
    )
    row = cursor.fetchone()
    return bool(row and row["tried"])


def stood_upon(cursor: Cursor, source: str, version: str, base: str | None) -> bool:
    """Whether the run that made a version is known to have stood on this base."""
    cursor.execute(
        "SELECT base FROM lastgood.pipeline_run WHERE source = %s AND version = %s AND attempt IS NOT NULL",
        (source, version),
    )
    row = cursor.fetchone()
    return row is not None and row["base"] == base


def data_time(cursor: Cursor, source: str, version: str) -> datetime | None:
    """As of when the run was that made a version; None where the run log does not know it."""
    cursor.execute(
        "SELECT coalesce(data_time, interval_end) AS data_time FROM lastgood.pipeline_run "
        "WHERE source = %s AND version = %s",
        (source, version),
    )
    row = cursor.fetchone()
    return None if row is None else row["data_time"]


def open_versions(cursor: Cursor, source: str) -> set[str]:
    """Versions of a source whose run is not over."""
    cursor.execute("SELECT version FROM lastgood.pipeline_run WHERE source = %s AND ended IS NULL", (source,))
    return {row["version"] for row in cursor.fetchall()}


def stood_on(cursor: Cursor, source: str) -> set[str]:
    """Versions of a source that runs stand on that are not over, whether they are of this source or of others."""
    cursor.execute(
        "SELECT CASE WHEN source = %(source)s THEN base END AS base, inputs ->> %(source)s AS input "
        "FROM lastgood.pipeline_run WHERE ended IS NULL",
        {"source": source},
    )
    return {version for row in cursor.fetchall() for version in row.values() if version}


@dataclass(frozen=True, slots=True)
class Over:
    """A version whose run is over."""

    version: str
    registered: bool
    """Whether the registry has it."""
    removed: bool
    """Whether the registry had it: one that was built and is not there has been removed too."""


def over(cursor: Cursor, source: str, before: datetime, *, under_way: datetime, limit: int) -> list[Over]:
    """Versions whose run was over before a time and that nobody has looked at since.

    A run that nobody closed is over if it began before `under_way`. Retention removes the files of a version that is
    gone, and spares what newer versions reference.
    """
    cursor.execute(
        "SELECT version, v.version IS NOT NULL AS registered, v.version IS NULL AND (r.version IS NOT NULL "  # noqa: S608
        "  OR coalesce(p.steps ? 'build' AND NOT p.steps -> 'build' ? 'error', false)) AS removed "
        "FROM lastgood.pipeline_run p LEFT JOIN lastgood.dataset_version v USING (source, version) "
        "LEFT JOIN lastgood.removed_version r USING (source, version) WHERE source = %(source)s "
        "AND (p.tidied IS NULL OR p.tidied < p.ended) AND p.status IS DISTINCT FROM 'skipped' "
        f"AND coalesce(p.ended, p.started) < %(before)s AND NOT ({_UNDER_WAY}) "
        "ORDER BY version LIMIT %(limit)s",
        {"source": source, "before": before, "over": under_way, "limit": limit},
    )
    return [Over(**row) for row in cursor.fetchall()]


def note_tidied(cursor: Cursor, source: str, versions: Collection[str]) -> None:
    """Keep that somebody looked at the files of these versions."""
    cursor.execute(
        "UPDATE lastgood.pipeline_run SET tidied = now() WHERE source = %s AND version = ANY(%s)",
        (source, list(versions)),
    )


def forget(cursor: Cursor, source: str, before: datetime) -> None:
    """Remove runs of a source that began before a time."""
    cursor.execute("DELETE FROM lastgood.pipeline_run WHERE source = %s AND started < %s", (source, before))


def forget_others(cursor: Cursor, sources: Collection[str], before: datetime) -> int:
    """Remove runs of none of these sources that began before a time; returns how many rows went."""
    cursor.execute(
        "DELETE FROM lastgood.pipeline_run WHERE NOT source = ANY(%s) AND started < %s",
        (list(sources), before),
    )
    return cursor.rowcount


def left_over(cursor: Cursor, source: str, own: str) -> list[tuple[str, str | None]]:
    """Versions of other runs that were not published and came to no end, oldest first, each with its state.

    They ended before their candidate was sealed (no state), or it was `superseded` or `failed`. Replays are left out,
    and what retention removed.
    """
    cursor.execute(
        "SELECT version, v.state FROM lastgood.pipeline_run p "
        "FULL JOIN lastgood.dataset_version v USING (source, version) "
        "WHERE source = %(source)s AND version <> %(own)s AND p.run_type IS DISTINCT FROM %(replay)s "
        "AND NOT EXISTS (SELECT FROM lastgood.removed_version r "
        "  WHERE (r.source, r.version) = (%(source)s, version)) "
        "AND (v.state IS NULL AND (NOT p.steps ? 'build' OR p.steps -> 'build' ? 'error') "
        "  OR v.state IN ('superseded', 'failed') AND v.published_at IS NULL) "
        "ORDER BY coalesce(p.started, v.staged_at), version",
        {"source": source, "own": own, "replay": REPLAY},
    )
    return [(row["version"], row["state"]) for row in cursor.fetchall()]


def good_of_last(
    cursor: Cursor, sources: Collection[str], run_types: Collection[str], runs: int
) -> dict[str, tuple[int, int]]:
    """How many of the last runs of these types ended well, and how many there were; sources without any are left out.

    A run that was cleared and made again counts once, as it ended last; one without a host does not count.
    """
    cursor.execute(
        "SELECT s.source, count(*) AS runs, count(*) FILTER (WHERE r.status IN ('ok', 'skipped', 'held')) AS good "
        "FROM unnest(%(sources)s::text[]) AS s (source) CROSS JOIN LATERAL ("
        "  SELECT p.status FROM lastgood.pipeline_run p WHERE p.source = s.source AND p.ended IS NOT NULL "
        "  AND p.run_type = ANY(%(types)s) AND p.steps -> 'probe' ->> 'without_host' IS DISTINCT FROM 'true' "
        "  AND NOT EXISTS (SELECT FROM lastgood.pipeline_run again WHERE again.source = p.source "
        "    AND again.run_id = p.run_id AND again.started > p.started) "
        "  ORDER BY p.started DESC LIMIT %(runs)s) r GROUP BY s.source",
        {"sources": sorted(sources), "types": list(run_types), "runs": runs},
    )
    return {row["source"]: (row["good"], row["runs"]) for row in cursor.fetchall()}


def last_run(cursor: Cursor, source: str) -> dict[str, Any] | None:
    """Version, id, type, start, end, status and failed step of the last run of a source that was no trial."""
    cursor.execute(
        "SELECT version, run_id, run_type, started, ended, status, failed_step FROM lastgood.pipeline_run "
        "WHERE source = %s AND NOT starts_with(run_id, %s) ORDER BY started DESC LIMIT 1",
        (source, TRIAL),
    )
    return cursor.fetchone()


@dataclass(frozen=True, slots=True)
class LastRun:
    """How the last run of a source went."""

    source: str
    run_id: str
    started: datetime
    ended: datetime | None
    status: str | None
    failed_step: str | None


def last_runs(cursor: Cursor, sources: Collection[str]) -> dict[str, LastRun]:
    """The last run of each source that was no trial; sources without any are left out."""
    cursor.execute(
        "SELECT DISTINCT ON (source) source, run_id, started, ended, status, failed_step "
        "FROM lastgood.pipeline_run WHERE source = ANY(%s) AND NOT starts_with(run_id, %s) "
        "ORDER BY source, started DESC",
        (list(sources), TRIAL),
    )
    return {row["source"]: LastRun(**row) for row in cursor.fetchall()}


def first_start(cursor: Cursor) -> datetime | None:
    """When the first run began that is known; None without any."""
    cursor.execute("SELECT min(started) AS first FROM lastgood.pipeline_run")
    row = cursor.fetchone()
    return row["first"] if row else None


def last_good(cursor: Cursor, source: str) -> datetime | None:
    """When a version was last published from what the upstream had then, or latest was found current.

    A backfill or a replay is neither, whatever it published, nor a run that had no host to ask, or whose candidate did
    not become latest. The time of latest's data stands in where nothing else is known; None without a latest.
    """
    cursor.execute(
        "SELECT coalesce("
        "  greatest((SELECT p.ended FROM lastgood.pipeline_run p WHERE p.source = l.source AND p.ended IS NOT NULL "
        "      AND (p.status = 'skipped' OR (p.status = 'ok' AND p.steps -> 'promote' ->> 'latest' = p.version)) "
        "      AND NOT coalesce(p.run_type = ANY(%(neither)s), false) "
        "      AND p.steps -> 'probe' ->> 'without_host' IS DISTINCT FROM 'true' ORDER BY p.started DESC LIMIT 1), "
        "    (SELECT v.published_at FROM lastgood.dataset_version v WHERE v.source = l.source "
        "      AND v.published_at IS NOT NULL AND NOT coalesce((SELECT p.run_type FROM lastgood.pipeline_run p "
        "        WHERE (p.source, p.version) = (v.source, v.version)) = ANY(%(neither)s), false) "
        "      ORDER BY v.published_at DESC LIMIT 1)), "
        "  (SELECT v.as_of FROM lastgood.dataset_version v WHERE (v.source, v.version) = (l.source, l.version))"
        ") AS last FROM lastgood.latest l WHERE l.source = %(source)s",
        {"source": source, "neither": [BACKFILL, REPLAY]},
    )
    row = cursor.fetchone()
    return row["last"] if row else None


@dataclass(frozen=True, slots=True)
class Extracted:
    """What the extract steps of the run noted that made latest."""

    version: str
    run_id: str | None
    facts: list[dict[str, Any]] | None


def extracted(cursor: Cursor, source: str) -> Extracted | None:
    """What was noted of extracting latest; None where another version was published after it, or nothing was."""
    cursor.execute(
        "SELECT l.version, p.run_id, jsonb_path_query_array(p.steps, '$.keyvalue() ? (@.key starts with "
        '"extract").value\') AS facts FROM lastgood.latest l '
        "LEFT JOIN lastgood.pipeline_run p ON (p.source, p.version) = (l.source, l.version) "
        "WHERE l.source = %(source)s AND l.version = (SELECT v.version FROM lastgood.dataset_version v "
        "  WHERE v.source = l.source AND v.published_at IS NOT NULL ORDER BY v.published_at DESC LIMIT 1)",
        {"source": source},
    )
    row = cursor.fetchone()
    return None if row is None else Extracted(**row)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A run that is not over, and its step that came to an end last."""

    source: str
    run_id: str
    started: datetime
    steps: Steps
    step: str | None
    ended: datetime | None


def under_way(cursor: Cursor) -> list[UnderWay]:
    """The run of each source that goes on for longest; no backfill or replay, nor one before the first promotion."""
    cursor.execute(
        "SELECT DISTINCT ON (p.source) p.source, p.run_id, p.started, p.steps, last.step, last.ended "
        "FROM lastgood.pipeline_run p JOIN lastgood.latest l ON l.source = p.source AND l.version IS NOT NULL "
        "LEFT JOIN LATERAL (SELECT key AS step, (value ->> 'started')::timestamptz "
        "    + make_interval(secs => (value ->> 'seconds')::float) AS ended FROM jsonb_each(p.steps) "
        "  WHERE (value ->> 'started')::timestamptz >= p.started ORDER BY ended DESC, key LIMIT 1) last ON true "
        "WHERE p.ended IS NULL AND p.dag_id = p.source AND p.run_type IS DISTINCT FROM %(backfill)s "
        "ORDER BY p.source, p.started",
        {"backfill": BACKFILL},
    )
    return [UnderWay(**{**row, "steps": notes.read(row["steps"])}) for row in cursor.fetchall()]


def groups_of_a_day(
    cursor: Cursor, sources: Collection[str], runs: int, now: datetime
) -> list[tuple[str, int, int]]:
    """Groups that steps of each source counted within a day, and how many of them failed.

    It is the day until now, or until the newest run that counted any; so many runs of each source are looked through.
    """
    cursor.execute(
        "SELECT source, sum(groups)::bigint AS groups, sum(failed)::bigint AS failed FROM ("
        "  SELECT p.source, p.started, max(p.started) OVER (PARTITION BY p.source) AS newest, "
        "    (step.facts ->> 'groups')::numeric AS groups, (step.facts ->> 'groups_failed')::numeric AS failed "
        "  FROM unnest(%(sources)s::text[]) AS s (source) CROSS JOIN LATERAL ("
        "    SELECT * FROM lastgood.pipeline_run r WHERE r.source = s.source ORDER BY r.started DESC LIMIT %(runs)s) p "
        "  CROSS JOIN LATERAL jsonb_each(p.steps) AS step (name, facts) "
        "  WHERE jsonb_typeof(step.facts -> 'groups') = 'number' "
        "  AND jsonb_typeof(step.facts -> 'groups_failed') = 'number') counted "
        # A day without a run proves nothing.
        "WHERE started > CASE WHEN newest > %(now)s - interval '1 day' THEN %(now)s ELSE newest END - interval '1 day' "
        "GROUP BY source ORDER BY source",
        {"sources": list(sources), "runs": runs, "now": now},
    )
    return [(row["source"], row["groups"], row["failed"]) for row in cursor.fetchall()]


def failed_steps(cursor: Cursor, dag_id: str, run_id: str) -> set[str]:
    """Steps of a run whose last try noted its error and is not tried again, units of a mapped one each by its label."""
    cursor.execute(
        "SELECT key FROM lastgood.pipeline_run, jsonb_each(steps) "
        "WHERE dag_id = %s AND run_id = %s AND value ? 'error' AND NOT value ? %s",
        (dag_id, run_id, TRIED_AGAIN),
    )
    return {row["key"] for row in cursor.fetchall()}
