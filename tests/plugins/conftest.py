"""Connections and Variables of the tests, as a managed Airflow would have them."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from include.publishing.store import Store

WEBHOOK_SECRET = "T0CANARY/B0CANARY/hooksecretcanary"


@pytest.fixture
def airflow_connections(monkeypatch: pytest.MonkeyPatch, dsn: str, store: Store) -> Store:
    """The registry's connection and the store's Variable, in the environment."""
    parts = conninfo_to_dict(dsn)
    registry = {
        "conn_type": "postgres",
        "host": parts["host"],
        "login": parts["user"],
        "schema": parts["dbname"],
    }
    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_REGISTRY", json.dumps(registry))
    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_ROOT", store.uri)
    return store


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EmailMessage]]:
    """The mails that a real SMTP server received; the connection lastgood_smtp leads to it."""
    from email import message_from_bytes, policy

    from aiosmtpd.controller import Controller

    received: list[Any] = []

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            received.append(message_from_bytes(envelope.content, policy=policy.default))
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # aiosmtpd cannot choose one itself
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    connection = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "extra": {
            "from_email": "lastgood@test.example",
            "to": "oncall@test.example",
            "disable_ssl": True,
            "disable_tls": True,
        },
    }
    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_SMTP", json.dumps(connection))
    yield received
    controller.stop()


@pytest.fixture
def alert_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the log file channel writes."""
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "logs"))
    return tmp_path / "logs" / "lastgood" / "alerts.jsonl"


@pytest.fixture
def define_webhook(monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> Callable[..., None]:
    """Defines the connection lastgood_webhook, which leads to the HTTP server; what is given replaces a field."""

    def define(**changed: Any) -> None:
        connection = {
            "conn_type": "http",
            "host": f"http://{httpserver.host}/services",
            "port": httpserver.port,
            "password": WEBHOOK_SECRET,
            "extra": {"form": "json"},
            **changed,
        }
        monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_WEBHOOK", json.dumps(connection))

    return define


@pytest.fixture
def webhook(httpserver: HTTPServer, define_webhook: Callable[..., None]) -> list[Any]:
    """The JSON bodies that a real HTTP server received; the connection lastgood_webhook leads to it."""
    received: list[Any] = []

    def take(request: Request) -> Response:
        received.append(request.get_json())
        return Response("ok")

    httpserver.expect_request(f"/services/{WEBHOOK_SECRET}", method="POST").respond_with_handler(take)
    define_webhook()
    return received


@pytest.fixture
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection of the registry leads nowhere."""
    connection = {"conn_type": "postgres", "host": "/nowhere", "schema": "x"}
    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_REGISTRY", json.dumps(connection))
