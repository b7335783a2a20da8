"""The run log: every run of every source with its steps and its end, in lastgood.pipeline_run.

Tasks of Airflow have no access to its metadata database, so the log is our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from include.publishing.manifest import version_id
from include.publishing.registry import Registry

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
) -> None:
    """Enter a run, or open it again for a retry."""
    with registry.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_start, "
            "interval_end, env, code_version) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (source, version) DO UPDATE SET ended = NULL, status = NULL, failed_step = NULL",
            (source, version, dag_id, run_id, interval_start, interval_end, env, code_version),
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
        _note(registry, source, version, name, began, {"error": f"{type(error).__name__}: {error}"[:2000]})
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


def runs(registry: Registry, source: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """The last runs, newest first."""
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT source, version, dag_id, run_id, interval_start, interval_end, started, ended, steps, "
            "status, failed_step, env, code_version FROM lastgood.pipeline_run "
            "WHERE %s::text IS NULL OR source = %s ORDER BY started DESC LIMIT %s",
            (source, source, limit),
        )
        return cursor.fetchall()
