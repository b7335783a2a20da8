"""The run log: every run of every source with its steps and its end, in lastgood.pipeline_run.

Tasks of Airflow have no access to its metadata database, so the log is our own.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TextIO

from psycopg.types.json import Jsonb

from include.publishing.manifest import version_id
from include.publishing.registry import Registry, said

Status = Literal["ok", "fail", "partial", "skipped"]


# A candidate in one of these states is as far as it gets.
_OVER = {"published", "superseded", "rolled_back", "rejected", "failed"}


def version_of(registry: Registry, source: str, run_id: str, interval_end: datetime, *, opens: bool) -> str:
    """The version that a run builds.

    A run that is cleared after its candidate came to an end is made anew (`opens` is true in its first step): it
    gets another version then, since what was sealed never changes. Every later step finds that one.
    """
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT version, state FROM lastgood.pipeline_run LEFT JOIN lastgood.dataset_version "
            "USING (source, version) WHERE source = %s AND run_id = %s ORDER BY started",
            (source, run_id),
        )
        begun = cursor.fetchall()
    if not begun:
        return version_id(interval_end, run_id)
    if opens and begun[-1]["state"] in _OVER:
        return version_id(interval_end, f"{run_id} {len(begun) + 1}")
    return str(begun[-1]["version"])


def start(
    registry: Registry,
    *,
    source: str,
    version: str,
    dag_id: str,
    run_id: str,
    interval_start: datetime | None,
    interval_end: datetime,
    env: str,
    code_version: str,
    run_type: str | None = None,
    began: datetime | None = None,
) -> None:
    """Enter a run, or open it again. `run_type` is Airflow's: scheduled, manual, backfill, …

    `began` is when Airflow began the run, which is later once it was cleared: it counts from there then. Unknown, a
    run that had ended counts from now.
    """
    with registry.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_start, "
            "interval_end, env, code_version, run_type) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (source, version) DO UPDATE SET ended = NULL, status = NULL, failed_step = NULL, "
            "started = greatest(pipeline_run.started, "
            "  coalesce(%s, CASE WHEN pipeline_run.ended IS NOT NULL THEN now() END))",
            (
                source,
                version,
                dag_id,
                run_id,
                interval_start,
                interval_end,
                env,
                code_version,
                run_type,
                began,
            ),
        )


@contextmanager
def step(
    registry: Registry, source: str, version: str, name: str, *, failure: Status = "fail"
) -> Iterator[dict[str, Any]]:
    """Note when a step began and ended, its try, and the facts the caller puts into the yielded dict.

    An exception is noted as the step's failure, ends the run as `failure`, and goes on to the caller.
    """
    facts: dict[str, Any] = {}
    began = datetime.now(UTC)
    try:
        yield facts
    except BaseException as error:
        _note(registry, source, version, name, began, {"error": f"{type(error).__name__}: {said(error)}"})
        end(registry, source, version, failure, failed_step=name)
        raise
    _note(registry, source, version, name, began, facts)


def _note(
    registry: Registry, source: str, version: str, name: str, began: datetime, facts: Mapping[str, Any]
) -> None:
    ended = datetime.now(UTC)
    entry = {"started": began.isoformat(), "seconds": round((ended - began).total_seconds(), 3), **facts}
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET steps = steps || jsonb_build_object(%s::text, "
            "%s::jsonb || jsonb_build_object('tries', coalesce((steps -> %s ->> 'tries')::int, 0) + 1)), "
            "failed_step = NULLIF(failed_step, %s) WHERE source = %s AND version = %s",
            (name, Jsonb(entry), name, name, source, version),
        )


def end(
    registry: Registry, source: str, version: str, status: Status, *, failed_step: str | None = None
) -> None:
    """Close a run."""
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET ended = now(), status = %s, failed_step = %s "
            "WHERE source = %s AND version = %s",
            (status, failed_step, source, version),
        )


def end_unended(
    registry: Registry,
    dag_id: str,
    run_id: str,
    failed_step: str | None,
    *,
    interval_end: datetime | None,
    run_type: str | None = None,
    began: datetime | None = None,
) -> None:
    """Close a run that nobody closed, as failed: its task was killed, or it was stopped from outside.

    One that died before its first task wrote anything is entered, if the end of its interval is known.
    """
    from include.steps import code_version

    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET ended = now(), status = 'fail', failed_step = %s "
            "WHERE dag_id = %s AND run_id = %s AND ended IS NULL",
            (failed_step, dag_id, run_id),
        )
        if cursor.rowcount or interval_end is None:
            return
        cursor.execute(
            "INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_end, started, ended, status, "
            "failed_step, env, code_version, run_type) SELECT %(dag)s, %(version)s, %(dag)s, %(run)s, %(end)s, "
            "coalesce(%(began)s, now()), now(), 'fail', %(step)s, %(env)s, %(code)s, %(type)s "
            "WHERE NOT EXISTS (SELECT FROM lastgood.pipeline_run WHERE dag_id = %(dag)s AND run_id = %(run)s) "
            "ON CONFLICT DO NOTHING",
            {
                "dag": dag_id,
                "version": version_id(interval_end, run_id),
                "run": run_id,
                "end": interval_end,
                "began": began,
                "step": failed_step,
                "env": os.environ.get("LASTGOOD_ENV", "unnamed"),
                "code": code_version(),
                "type": run_type,
            },
        )


def end_dead(
    registry: Registry, timeouts: Mapping[str, timedelta], otherwise: timedelta, now: datetime
) -> list[str]:
    """Close runs that nobody closed although they must be over, as failed; returns them as "SOURCE RUN_ID".

    `timeouts` are the longest that a run of a source may take, `otherwise` of any other DAG. A run that was cleared
    begins anew: it counts from its latest step.
    """
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run p SET ended = %(now)s, status = 'fail' FROM ("
            "  SELECT o.source, o.version FROM lastgood.pipeline_run o "
            "  LEFT JOIN unnest(%(sources)s::text[], %(timeouts)s::interval[]) AS t (source, timeout) USING (source) "
            "  WHERE o.ended IS NULL AND greatest(o.started, ("
            "    SELECT max((value ->> 'started')::timestamptz) FROM jsonb_each(o.steps))) "
            "    < %(now)s - coalesce(t.timeout, %(otherwise)s)) dead "
            "WHERE (p.source, p.version) = (dead.source, dead.version) AND p.ended IS NULL "
            "RETURNING p.source, p.run_id",
            {
                "now": now,
                "sources": list(timeouts),
                "timeouts": list(timeouts.values()),
                "otherwise": otherwise,
            },
        )
        return sorted(f"{row['source']} {row['run_id']}" for row in cursor.fetchall())


_CHOSEN = (
    "(%(source)s::text IS NULL OR r.source = %(source)s) "
    "AND (%(house)s OR r.source = %(source)s OR r.source NOT LIKE 'lastgood\\_%%')"
)


def runs(
    registry: Registry, source: str | None = None, limit: int = 20, *, house: bool = True
) -> list[dict[str, Any]]:
    """The last runs, newest first; without `house` only those of sources, not of the house's own DAGs.

    `published` holds the rows of the version that came out, and how many are new, changed and deleted; it is None
    where nothing was published.
    """
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT r.source, r.version, dag_id, run_id, interval_start, interval_end, started, ended, steps, "  # noqa: S608
            "status, failed_step, env, code_version, run_type, CASE WHEN v.published_at IS NOT NULL THEN ("
            "  SELECT jsonb_build_object('rows', sum(rows), 'new', sum(new), 'changed', sum(changed), "
            "  'deleted', sum(deleted)) FROM lastgood.change_summary c "
            "  WHERE c.source = r.source AND c.version = r.version) END AS published "
            "FROM lastgood.pipeline_run r LEFT JOIN lastgood.dataset_version v USING (source, version) "
            f"WHERE {_CHOSEN} ORDER BY started DESC, r.version DESC LIMIT %(limit)s",
            {"source": source, "house": house, "limit": limit},
        )
        return cursor.fetchall()


CSV_COLUMNS = ("run_id", "started_utc", "ended_utc", "steps_run", "status", "failed_step", "env")


def write_csv(registry: Registry, out: TextIO, source: str | None = None, *, house: bool = True) -> int:
    """Write every run, oldest first, with the columns of the earlier pipeline_runs.csv; returns how many.

    Times are UTC to the second, steps in the order in which they began. Streamed: the history may be long.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    count = 0
    with registry.connect() as connection, connection.cursor(name="runs") as cursor:
        cursor.execute(
            "SELECT run_id, "  # noqa: S608
            "to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
            "to_char(ended AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
            "(SELECT string_agg(key, ',' ORDER BY value ->> 'started', key) FROM jsonb_each(steps)), "
            f"status, failed_step, env FROM lastgood.pipeline_run r WHERE {_CHOSEN} ORDER BY started, version",
            {"source": source, "house": house},
        )
        for row in cursor:
            writer.writerow(row)
            count += 1
    return count
