"""Registries that note what they are asked: the connections that were opened, and the rows that were read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from include.registry.registry import Registry


def counted(dsn: str) -> tuple[Registry, list[psycopg.Connection[Any]]]:
    """A registry, and the connections that it opened."""
    opened: list[psycopg.Connection[Any]] = []

    def connect() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(dsn))
        return opened[-1]

    return Registry(connect), opened


class _Telling(psycopg.Connection[Any]):
    """A connection whose figures are in PostgreSQL's statistics once it is closed, and not a second later."""

    def close(self) -> None:
        if not self.closed:
            self.rollback()
            self.execute("SELECT pg_stat_force_next_flush()")
            self.commit()
        super().close()


def reading(dsn: str) -> tuple[Registry, Callable[[], int]]:
    """A registry, and how many rows of its tables and entries of their indexes were read over it until now."""

    def read() -> int:
        with psycopg.connect(dsn) as connection:
            row = connection.execute(
                "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = 'lastgood') "
                "+ (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'lastgood')"
            ).fetchone()
        assert row is not None
        return int(row[0])

    return Registry(lambda: _Telling.connect(dsn)), read
