"""The run log: every run of every source with its steps and its end, in lastgood.pipeline_run.

Tasks of Airflow have no access to its metadata database, so the log is our own.
"""

from __future__ import annotations

import csv
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TextIO

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from include import release
from include.errors import NonRetryable
from include.registry import steps as notes
from include.registry.connection import error_summary
from include.registry.registry import Registry
from include.registry.steps import TRIED_AGAIN, StepNote, Steps
from include.version import version_id

Cursor = psycopg.Cursor[dict[str, Any]]
Status = Literal["ok", "fail", "partial", "skipped", "held"]


BACKFILL = "backfill"
"""The run_type of a run that a backfill asked for, in Airflow's words."""
REPLAY = "replay"
"""The run_type of a replay, whose landing is that of another run."""
_FAILED = "(SELECT key FROM jsonb_each(p.steps) WHERE value ? 'error' ORDER BY value ->> 'started' DESC, key LIMIT 1)"
"""The step of a run (p) that noted an error last."""
_CLOSE = (
    "UPDATE lastgood.pipeline_run p SET ended = %(now)s, failed_step = dead.step, "
    "status = CASE WHEN dead.step = 'discover' OR (dead.step LIKE 'extract%%' AND p.steps ? 'discover') "
    "  THEN 'partial' ELSE 'fail' END"
)
# A candidate in one of these states is as far as it gets.
_OVER = ("published", "held", "superseded", "rolled_back", "rejected", "failed")


class RunNotOpen(NonRetryable, LookupError):
    """The run log does not know a run that is under way: the registry was lost, or restored, since it began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What a run makes and what it stands on: found by its first step, the same for all that follow."""

    version: str
    data_time: datetime
    """What it brings is as of then, which is the order in which versions are published."""
    base: str | None
    """What was latest of its source; None where nothing was."""
    watermarks: Mapping[str, Any]
    """Those of base, read in the same moment."""
    inputs: Mapping[str, str]
    """What was latest of the sources it reads; none of one without any."""
    attempt: int
    """The number of this try of this step: a later one of the run, whatever its step, has a larger one."""


def open_run(
    registry: Registry,
    *,
    source: str,
    dag_id: str,
    run_id: str,
    interval_start: datetime | None,
    interval_end: datetime,
    env: str,
    code_version: str,
    inputs: Iterable[str] = (),
    run_type: str | None = None,
    began: datetime | None = None,
    data_time: datetime | None = None,
) -> Pins:
    """Enter a run, or open it again: what its first step does, in one transaction.

    A run that is opened again, since its first step is tried again or the run was cleared, goes on with its version
    while that can still become something: its candidate has not come to an end, base is still latest, and retention
    removed neither it nor an input. Else it begins again with another version, upon what is latest now, and the row
    of the earlier one is closed. The name of a version has a chance part, so none comes a second time.

    `run_type` is Airflow's: scheduled, manual, backfill, … `began` is when Airflow began the run, which is later once
    it was cleared: it counts from there then. Unknown, a run that had ended counts from now.

    `data_time` is given for what is not as of now: the end of a backfilled interval, the time of a landing that is
    replayed. Else it is this moment by the registry's clock, and never before that of base: an upstream is asked for
    what it has now, whatever interval Airflow gave the run.
    """
    values: dict[str, Any] = {
        "source": source,
        "run": run_id,
        "dag": dag_id,
        "start": interval_start,
        "end": interval_end,
        "env": env,
        "code": code_version,
        "type": run_type,
        "began": began,
    }
    with registry.transaction() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{source} {run_id}",))
        latest = _latest(cursor, source, list(inputs), data_time)
        before = _newest(cursor, source, run_id)
        if before is not None and _goes_on(before, latest["base"]):
            values["version"] = before["version"]
            pins = latest if before["attempt"] is None else before
        else:
            pins = latest
            values["version"] = version_id(pins["data_time"], f"{run_id} {secrets.token_hex(8)}")
            if before is not None:
                cursor.execute(
                    "UPDATE lastgood.pipeline_run SET ended = coalesce(ended, now()), "
                    "status = coalesce(status, 'fail') WHERE source = %s AND version = %s",
                    (source, before["version"]),
                )
        values |= {
            "data_time": pins["data_time"],
            "base": pins["base"],
            "marks": Jsonb(pins["watermarks"]),
            "inputs": Jsonb(pins["inputs"]),
            "after": before["attempt"] if before else None,
        }
        cursor.execute(
            "INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_start, interval_end, env, "  # noqa: S608
            "code_version, run_type, data_time, base, watermarks, inputs, attempt) VALUES (%(source)s, %(version)s, "
            "%(dag)s, %(run)s, %(start)s, %(end)s, %(env)s, %(code)s, %(type)s, %(data_time)s, %(base)s, %(marks)s, "
            "%(inputs)s, "
            f"greatest({_NOW}, %(after)s + 1)) "
            "ON CONFLICT (source, version) DO UPDATE SET ended = NULL, status = NULL, failed_step = NULL, "
            "data_time = excluded.data_time, base = excluded.base, watermarks = excluded.watermarks, "
            "inputs = excluded.inputs, "
            "attempt = excluded.attempt, started = greatest(pipeline_run.started, "
            "  coalesce(%(began)s, CASE WHEN pipeline_run.ended IS NOT NULL THEN now() END)) "
            "RETURNING version, data_time, base, watermarks, inputs, attempt",
            values,
        )
        row = cursor.fetchone()
        assert row is not None
        return Pins(**row)


def pinned(registry: Registry, source: str, run_id: str) -> Pins:
    """What a run stands on, for every step after the first. Raises RunNotOpen."""
    with registry.transaction() as cursor:
        cursor.execute(
            f"UPDATE lastgood.pipeline_run SET attempt = greatest({_NOW}, attempt + 1) "  # noqa: S608
            "WHERE (source, version) = (SELECT source, version FROM lastgood.pipeline_run WHERE source = %s "
            "  AND run_id = %s AND attempt IS NOT NULL ORDER BY attempt DESC LIMIT 1) "
            "RETURNING version, coalesce(data_time, interval_end) AS data_time, base, watermarks, inputs, attempt",
            (source, run_id),
        )
        row = cursor.fetchone()
    if row is None:
        raise RunNotOpen(
            f"The run log does not know what the run {run_id} of {source} stands on: the registry was lost or "
            "restored from a backup since the run began, or another release began it. Clear the run from its first "
            "task, so that it begins again."
        )
    return Pins(**row)


def lock_raw(cursor: psycopg.Cursor[Any], source: str) -> None:
    """Until the transaction ends nobody else begins to read raw of a source's other runs, or to remove some of it."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"raw {source}",))


def hold_raw(registry: Registry, source: str, version: str, of: Iterable[str]) -> frozenset[str]:
    """Note that a run reads raw of other versions: retention keeps it until the run has ended.

    Returns those that may be read; retention removes the raw of the others, or has. Raises RunNotOpen.
    """
    wanted = sorted(set(of) - {version})
    if not wanted:
        return frozenset()
    with registry.transaction() as cursor:
        lock_raw(cursor, source)
        cursor.execute(
            "SELECT DISTINCT a.version FROM lastgood.action a "
            "LEFT JOIN lastgood.pipeline_run p USING (source, version) WHERE a.source = %s "
            "AND a.what = 'retain' AND a.version = ANY(%s) AND a.details @> '{\"raw\": true}' "
            "AND (p.started IS NULL OR a.at > p.started)",
            (source, wanted),
        )
        held = frozenset(wanted) - {row["version"] for row in cursor.fetchall()}
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET raw_of = ARRAY(SELECT DISTINCT unnest(raw_of || %s::text[])) "
            "WHERE source = %s AND version = %s",
            (sorted(held), source, version),
        )
        if cursor.rowcount != 1:
            raise RunNotOpen(
                f"The run log does not know the run that makes {version} of {source}: the registry was lost or "
                "restored from a backup since the run began. Clear the run from its first task, so that it begins "
                "again."
            )
    return held


def raw_of(registry: Registry, source: str, version: str) -> frozenset[str]:
    """Of which other versions a run has read raw, as far as the run log knows."""
    with registry.transaction() as cursor:
        cursor.execute(
            "SELECT raw_of FROM lastgood.pipeline_run WHERE source = %s AND version = %s", (source, version)
        )
        row = cursor.fetchone()
    return frozenset(row["raw_of"] if row else ())


def raw_in_use(cursor: psycopg.Cursor[dict[str, Any]], source: str) -> frozenset[str]:
    """Versions whose raw runs that are not over write or read."""
    cursor.execute(
        "SELECT unnest(raw_of || version) AS version FROM lastgood.pipeline_run WHERE source = %s AND ended IS NULL",
        (source,),
    )
    return frozenset(row["version"] for row in cursor.fetchall())


def version_of(registry: Registry, source: str, run_id: str) -> str | None:
    """The version that a run makes; None where the run log does not know the run."""
    with registry.transaction() as cursor:
        row = _newest(cursor, source, run_id)
    return str(row["version"]) if row else None


@dataclass(frozen=True, slots=True)
class Ended:
    """A run as it ended last."""

    version: str
    started: datetime
    status: Status | None
    steps: Steps


def ended(registry: Registry, dag_id: str, run_id: str) -> Ended | None:
    """A run as it ended last; None where the run log does not know it."""
    with registry.transaction() as cursor:
        cursor.execute(
            "SELECT version, started, status, steps FROM lastgood.pipeline_run WHERE dag_id = %s AND run_id = %s "
            "ORDER BY started DESC, attempt DESC NULLS LAST LIMIT 1",
            (dag_id, run_id),
        )
        row = cursor.fetchone()
    return None if row is None else Ended(**{**row, "steps": notes.read(row["steps"])})


def failed_with(registry: Registry, dag_id: str, run_id: str) -> str | None:
    """The class of the error with which a run ended; None where it noted none."""
    run = ended(registry, dag_id, run_id)
    errors = [note.error for note in (run.steps if run else {}).values() if note.error is not None]
    return errors[-1].partition(":")[0] if errors else None


def units_planned(registry: Registry, dag_id: str, run_id: str) -> int | None:
    """How many units a run is to collect; None where it has found out none."""
    run = ended(registry, dag_id, run_id)
    found = run.steps.get("discover") if run else None
    return None if found is None or found.units is None else len(found.units)


_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""Numbers of tries count on from the clock, so that a registry that was restored gives none a second time."""


def _latest(
    cursor: psycopg.Cursor[dict[str, Any]], source: str, inputs: list[str], data_time: datetime | None
) -> dict[str, Any]:
    """What is latest of a source and of its inputs, and its watermarks: one statement, so one moment."""
    cursor.execute(
        "SELECT coalesce(%(data_time)s::timestamptz, greatest(now(), (SELECT v.as_of FROM lastgood.latest l "
        "  JOIN lastgood.dataset_version v USING (source, version) WHERE source = %(source)s))) AS data_time, "
        "(SELECT version FROM lastgood.latest WHERE source = %(source)s) AS base, "
        "coalesce((SELECT jsonb_object_agg(name, value) FROM lastgood.cursor WHERE source = %(source)s), '{}') "
        "  AS watermarks, "
        "coalesce((SELECT jsonb_object_agg(source, version) FROM lastgood.latest "
        "  WHERE source = ANY(%(inputs)s) AND version IS NOT NULL), '{}') AS inputs",
        {"source": source, "inputs": inputs, "data_time": data_time},
    )
    row = cursor.fetchone()
    assert row is not None
    return row


def _newest(cursor: psycopg.Cursor[dict[str, Any]], source: str, run_id: str) -> dict[str, Any] | None:
    """The row of a run that was opened last, with the state of its candidate."""
    cursor.execute(
        "SELECT p.version, coalesce(p.data_time, p.interval_end) AS data_time, p.base, p.watermarks, p.inputs, "
        "p.attempt, p.status, p.steps, v.state, "
        "EXISTS (SELECT FROM lastgood.removed_version r WHERE (r.source, r.version) = (p.source, p.version) "
        "  OR r.version = p.inputs ->> r.source) AS removed "
        "FROM lastgood.pipeline_run p LEFT JOIN lastgood.dataset_version v USING (source, version) "
        "WHERE p.source = %s AND p.run_id = %s ORDER BY p.attempt DESC NULLS LAST, p.started DESC LIMIT 1",
        (source, run_id),
    )
    return cursor.fetchone()


def _goes_on(run: Mapping[str, Any], latest: str | None) -> bool:
    """Whether a run that is opened again may go on with its version."""
    if run["attempt"] is None:
        # It was entered by who found it dead. If a step has noted anything, an earlier release opened it.
        return not run["steps"] and run["state"] is None
    over = run["state"] in _OVER or run["status"] == "skipped"
    return not over and not run["removed"] and run["base"] == latest


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
    """Enter a run that builds nothing, one of Lastgood's own, or open it again; of a source it is open_run.

    `run_type` is Airflow's: scheduled, manual, backfill, … `began` is when Airflow began the run, which is later once
    it was cleared: it counts from there then. Unknown, a run that had ended counts from now.
    """
    with registry.transaction() as cursor:
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


def reopen(registry: Registry, source: str, version: str, step: str, began: datetime | None) -> None:
    """Open a run again that had ended and of which this step begins: it was cleared from here, or from an earlier one.

    That is so where the step is the one that failed, or where Airflow began the run (`began`) after it ended; while
    other units of a failed step go on, their run stays as it ended.
    """
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET ended = NULL, status = NULL, failed_step = NULL, "
            "started = greatest(started, %(began)s) WHERE source = %(source)s AND version = %(version)s "
            "AND ended IS NOT NULL AND (failed_step = %(step)s OR ended < %(began)s)",
            {"source": source, "version": version, "step": step, "began": began},
        )


@contextmanager
def step(
    registry: Registry,
    source: str,
    version: str,
    name: str,
    *,
    tried_again: Callable[[BaseException], bool] = lambda _: False,
) -> Iterator[dict[str, Any]]:
    """Note when a step began and ended, its try, and the facts the caller puts into the yielded dict.

    An exception is noted as the step's failure and goes on to the caller; the run goes on until somebody ends it.
    `tried_again` says whether the step will be tried again after such an error.
    """
    facts: dict[str, Any] = {}
    began = datetime.now(UTC)
    try:
        yield facts
    except BaseException as error:
        failed: dict[str, Any] = {"error": f"{type(error).__name__}: {error_summary(error)}"}
        if tried_again(error):
            failed[TRIED_AGAIN] = True
        _note(registry, source, version, name, began, failed)
        raise
    _note(registry, source, version, name, began, facts)


def _note(
    registry: Registry, source: str, version: str, name: str, began: datetime, facts: Mapping[str, Any]
) -> None:
    ended = datetime.now(UTC)
    if taken := sorted(notes.OWN & facts.keys()):
        raise ValueError(
            f"{name} notes {', '.join(taken)}, which the run log notes of each step: call it otherwise."
        )
    entry = {"started": began.isoformat(), "seconds": round((ended - began).total_seconds(), 3), **facts}
    # Whoever reads it must find what the names stand for.
    msgspec.convert(entry, StepNote)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET steps = steps || jsonb_build_object(%s::text, "
            "%s::jsonb || jsonb_build_object('tries', coalesce((steps -> %s ->> 'tries')::int, 0) + 1)) "
            "WHERE source = %s AND version = %s",
            (name, Jsonb(entry), name, source, version),
        )


def end(
    registry: Registry, source: str, version: str, status: Status, *, failed_step: str | None = None
) -> None:
    """Close a run. It ends once: one that had ended stays as it did, until it is opened again."""
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET ended = now(), status = %s, failed_step = %s "
            "WHERE source = %s AND version = %s AND ended IS NULL",
            (status, failed_step, source, version),
        )


@contextmanager
def until_end(registry: Registry, source: str, version: str) -> Iterator[None]:
    """What stands within is all of a run that nobody tries again: it ends `ok`, or failed at the step with an error."""
    try:
        yield
    except BaseException:
        with registry.transaction() as cursor:
            cursor.execute(
                f"UPDATE lastgood.pipeline_run p SET ended = now(), status = 'fail', failed_step = {_FAILED} "  # noqa: S608
                "WHERE source = %s AND version = %s AND ended IS NULL",
                (source, version),
            )
        raise
    end(registry, source, version, "ok")


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

    Without a `failed_step` it is the one that noted an error last. What units had landed is of use to the next run, so
    a run that failed while it looked for them or extracted them is `partial`. One that died before its first task wrote
    anything is entered, if the end of its interval is known.
    """
    with registry.transaction() as cursor:
        cursor.execute(
            f"{_CLOSE} FROM (SELECT source, version, coalesce(%(step)s, {_FAILED}) AS step "  # noqa: S608
            "  FROM lastgood.pipeline_run p WHERE dag_id = %(dag)s AND run_id = %(run)s) dead "
            "WHERE (p.source, p.version) = (dead.source, dead.version) AND p.ended IS NULL",
            {"step": failed_step, "dag": dag_id, "run": run_id, "now": datetime.now(UTC)},
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
                "version": version_id(interval_end, f"{run_id} {secrets.token_hex(8)}"),
                "run": run_id,
                "end": interval_end,
                "began": began,
                "step": failed_step,
                "env": release.environment(),
                "code": release.code_version(),
                "type": run_type,
            },
        )


def end_dead(
    registry: Registry, timeouts: Mapping[str, timedelta], otherwise: timedelta, now: datetime
) -> list[str]:
    """Close runs that nobody closed although they must be over, as failed; returns them as "SOURCE RUN_ID".

    `timeouts` are the longest that a run of a source may take, `otherwise` of any other DAG. A run that was cleared
    begins again: it counts from its latest step.
    """
    with registry.transaction() as cursor:
        cursor.execute(
            f"{_CLOSE} FROM ("  # noqa: S608
            f"  SELECT p.source, p.version, {_FAILED} AS step FROM lastgood.pipeline_run p "
            "  LEFT JOIN unnest(%(sources)s::text[], %(timeouts)s::interval[]) AS t (source, timeout) USING (source) "
            "  WHERE p.ended IS NULL AND greatest(p.started, ("
            "    SELECT max((value ->> 'started')::timestamptz) FROM jsonb_each(p.steps))) "
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


TRIAL = "__airflow_temporary_run_"
"""How the id of a run begins that is a trial at Airflow's command line: `airflow tasks test`."""

_CHOSEN = (
    "(%(source)s::text IS NULL OR r.source = %(source)s) "
    "AND (%(system)s OR r.source = %(source)s OR r.source NOT LIKE 'lastgood\\_%%') "
    "AND (%(system)s OR NOT starts_with(r.run_id, %(trial)s))"
)


def runs(
    registry: Registry, source: str | None = None, limit: int = 20, *, system: bool = True
) -> list[dict[str, Any]]:
    """The last runs, newest first; without `system` only those of sources, not of Lastgood's own DAGs, and no trials.

    `published` holds the rows of the version that came out, and how many are new, changed and deleted; it is None
    where nothing was published.
    """
    with registry.transaction() as cursor:
        cursor.execute(
            "SELECT r.source, r.version, dag_id, run_id, interval_start, interval_end, started, ended, steps, "  # noqa: S608
            "status, failed_step, env, code_version, run_type, CASE WHEN v.published_at IS NOT NULL THEN ("
            "  SELECT jsonb_build_object('rows', sum(rows), 'new', sum(new), 'changed', sum(changed), "
            "  'deleted', sum(deleted)) FROM lastgood.change_summary c "
            "  WHERE c.source = r.source AND c.version = r.version) END AS published "
            "FROM lastgood.pipeline_run r LEFT JOIN lastgood.dataset_version v USING (source, version) "
            f"WHERE {_CHOSEN} ORDER BY started DESC, r.version DESC LIMIT %(limit)s",
            {"source": source, "system": system, "trial": TRIAL, "limit": limit},
        )
        return cursor.fetchall()


CSV_COLUMNS = ("run_id", "started_utc", "ended_utc", "steps_run", "status", "failed_step", "env")


def write_csv(registry: Registry, out: TextIO, source: str | None = None, *, system: bool = True) -> int:
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
            {"source": source, "system": system, "trial": TRIAL},
        )
        for row in cursor:
            writer.writerow(row)
            count += 1
    return count
