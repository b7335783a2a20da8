"""The registry's PostgreSQL, by the connection `lastgood_registry`."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.registry.connection import connect_timeout
from include.registry.registry import Registry
from include.upstream.limits import BadSetting

CONNECTION = "lastgood_registry"


class RegistryHook(PostgresHook):
    """Gives include what it asks for: a registry whose connections come from Airflow."""

    def __init__(self, postgres_conn_id: str = CONNECTION, **kwargs: Any) -> None:
        super().__init__(postgres_conn_id=postgres_conn_id, **kwargs)
        self._bounded = False

    def connect(self) -> psycopg.Connection[Any]:
        """A new connection of psycopg 3. Raises BadSetting where there is none, or the provider was set to psycopg2."""
        try:
            self._bound()
            connection = self.get_conn()
        except AirflowNotFoundException:
            raise BadSetting(
                f"The connection {CONNECTION} is not there. Set it in Airflow under Admin, Connections or with "
                f"AIRFLOW_CONN_{CONNECTION.upper()}='postgresql://user:password@host/database'."
            ) from None
        if not isinstance(connection, psycopg.Connection):
            raise BadSetting(
                f"the connection {CONNECTION} gives {type(connection).__module__}; Lastgood copies through "
                "psycopg 3: install psycopg[binary]>=3.2 and remove sqlalchemy_scheme from its extra."
            )
        return connection

    def _bound(self) -> None:
        """Have all addresses of the host share one time to connect; the hook keeps its connection's settings."""
        if not self._bounded:
            extra = self.connection.extra_dejson
            seconds = connect_timeout(self.connection.host, extra.get("connect_timeout"))
            self.connection.extra = json.dumps({**extra, "connect_timeout": seconds})
            self._bounded = True

    def registry(self) -> Registry:
        """The registry, migrated to this code's revision. Raises BadSetting and NewerRegistry."""
        registry = Registry(self.connect)
        registry.migrate()
        return registry
