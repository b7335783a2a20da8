"""The registry's connection, as the hook opens it."""

from __future__ import annotations

import socket
from typing import Any

import psycopg
import pytest

from lastgood.hooks.registry import RegistryHook


@pytest.mark.parametrize(("said", "each"), [("", 10), ("?connect_timeout=24", 8)])
def test_all_addresses_share_one_time_to_connect(
    monkeypatch: pytest.MonkeyPatch, said: str, each: int
) -> None:
    asked: list[dict[str, Any]] = []

    def connect(**arguments: Any) -> None:
        asked.append(arguments)
        raise psycopg.OperationalError("nobody is there")

    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_REGISTRY", f"postgresql://user:word@many.example/db{said}")
    monkeypatch.delenv("PGCONNECT_TIMEOUT", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [()] * 3)
    monkeypatch.setattr(psycopg.Connection, "connect", connect)
    hook = RegistryHook()
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError):
            hook.connect()
    assert [arguments["connect_timeout"] for arguments in asked] == [each, each]
    assert asked[0]["host"] == "many.example" and asked[0]["password"] == "word"
