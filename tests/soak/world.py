"""One round's own store, registry and backups, reached alike by every process of the round."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from include.registry.registry import Registry
from include.storage.store import Store

BUCKET = "soak"


@dataclass(frozen=True)
class World:
    """Where a round happens. Opens nothing by itself, so it can be handed to a process that is forked."""

    server: str
    """Of the database."""
    database: str
    folder: Path
    s3: str | None = None
    """Endpoint of the S3 server, where the store is in a bucket."""

    @property
    def dsn(self) -> str:
        return make_conninfo(self.server, dbname=self.database)

    def registry(self) -> Registry:
        return Registry(lambda: psycopg.connect(self.dsn))

    def store(self, name: str = "store") -> Store:
        if self.s3 is None:
            return Store.from_uri((self.folder / name).as_uri())
        options: dict[str, Any] = {"key": "k", "secret": "s", "endpoint_url": self.s3}
        return Store.from_uri(f"s3://{BUCKET}/{self.folder.name}/{name}", **options)

    def create(self, template: str) -> None:
        """Make the empty database and the folder, which is for what processes say even where the store is in S3."""
        self.folder.mkdir(parents=True)
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.database} TEMPLATE {template}")

    def drop(self) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self.database} WITH (FORCE)")
