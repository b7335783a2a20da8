"""The registry's PostgreSQL, by the connection `lastgood_registry`."""

from __future__ import annotations

from typing import Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook

from include.publishing.registry import Registry

CONNECTION = "lastgood_registry"


class RegistryHook(PostgresHook):
    """Gives include what it asks for: a registry whose connections come from Airflow."""

    def __init__(self, postgres_conn_id: str = CONNECTION, **kwargs: Any) -> None:
        super().__init__(postgres_conn_id=postgres_conn_id, **kwargs)

    def connect(self) -> psycopg.Connection[Any]:
        """A new connection of psycopg 3. Raises TypeError where the provider was set to psycopg2."""
        connection = self.get_conn()
        if not isinstance(connection, psycopg.Connection):
            raise TypeError(
                f"the connection {CONNECTION} gives {type(connection).__module__}; Lastgood copies through "
                "psycopg 3: install psycopg[binary]>=3.2 and remove sqlalchemy_scheme from its extra."
            )
        return connection

    def registry(self) -> Registry:
        """The registry, migrated to this code's revision."""
        registry = Registry(self.connect)
        registry.migrate()
        return registry
