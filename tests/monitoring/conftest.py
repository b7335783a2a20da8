"""A registry as runs would leave it, written directly: these tests are about reading it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from include.registry.registry import Registry

NOW = datetime(2026, 7, 31, 12, 0, tzinfo=UTC)


class Past:
    """What happened so far; times are hours before NOW."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._count = 0

    def sql(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        with self._registry.transaction() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def run(
        self,
        source: str,
        status: str | None = "ok",
        *,
        hours: float,
        run_type: str = "scheduled",
        run_id: str | None = None,
        version: str | None = None,
        **steps: dict[str, Any],
    ) -> None:
        """A run that ended; one without a status is still open and began then."""
        self._count += 1
        at = NOW - timedelta(hours=hours)
        self.sql(
            "INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_end, started, ended, "
            "status, steps, env, code_version, run_type) VALUES (%(source)s, %(version)s, %(source)s, %(run_id)s, "
            "%(at)s, %(at)s, %(ended)s, %(status)s, %(steps)s, 'test', 'test', %(run_type)s)",
            source=source,
            version=version or f"v{self._count}",
            run_id=run_id or f"run {self._count}",
            at=at,
            ended=at if status else None,
            status=status,
            steps=Jsonb(steps),
            run_type=run_type,
        )

    def version(
        self,
        source: str,
        version: str,
        state: str = "published",
        *,
        hours: float = 1,
        rows: dict[str, int] | None = None,
        **columns: Any,
    ) -> None:
        """A version that was staged then, and published where its state says so."""
        at = NOW - timedelta(hours=hours)
        published = at if state in {"published", "superseded"} else None
        given = {
            "source": source,
            "version": version,
            "as_of": at,
            "state": state,
            "staged_at": at,
            "published_at": published,
            "manifest_sha256": "0",
            **columns,
        }
        self.sql(
            f"INSERT INTO lastgood.dataset_version ({', '.join(given)}) "
            f"VALUES ({', '.join(f'%({name})s' for name in given)})",
            **given,
        )
        for table, count in (rows or {}).items():
            self.sql(
                "INSERT INTO lastgood.change_summary "
                "VALUES (%(source)s, %(version)s, %(table)s, %(count)s, NULL, 0, 0, 0)",
                source=source,
                version=version,
                table=table,
                count=count,
            )

    def latest(self, source: str, version: str, *, hours: float = 1, **more: Any) -> None:
        """A published version that is latest."""
        self.version(source, version, hours=hours, **more)
        self.sql(
            "INSERT INTO lastgood.latest VALUES (%(source)s, %(version)s, NULL, %(since)s) ON CONFLICT (source) "
            "DO UPDATE SET previous = latest.version, version = excluded.version, since = excluded.since",
            source=source,
            version=version,
            since=NOW - timedelta(hours=hours),
        )

    def newest_is_latest(self, source: str) -> None:
        """The candidate that was staged last is published."""
        self.sql(
            "UPDATE lastgood.dataset_version SET state = 'published', published_at = staged_at "
            "WHERE source = %(source)s",
            source=source,
        )
        self.sql(
            "INSERT INTO lastgood.latest SELECT source, version, NULL, published_at FROM lastgood.dataset_version "
            "WHERE source = %(source)s ORDER BY staged_at DESC LIMIT 1",
            source=source,
        )

    def attempt(self, source: str, version: str, error: str | None, *, hours: float) -> None:
        """An attempt to publish."""
        self.sql(
            "INSERT INTO lastgood.publish_attempt (source, version, at, error) "
            "VALUES (%(source)s, %(version)s, %(at)s, %(error)s)",
            source=source,
            version=version,
            at=NOW - timedelta(hours=hours),
            error=error,
        )


@pytest.fixture
def past(registry: Registry) -> Past:
    """The registry, ready to be told what happened."""
    return Past(registry)
