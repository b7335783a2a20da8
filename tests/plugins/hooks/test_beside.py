"""What a deployment has for a source beside its upstream: an inbox, keys, and options in the connection's extra."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.registry.breaker import Breaker
from include.upstream.limits import BadSetting, Limits
from lastgood.hooks.keys import keys
from lastgood.hooks.store import inbox
from lastgood.hooks.upstream import UpstreamHook, options


def test_an_inbox_is_where_its_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_bytes(b"x")
    monkeypatch.setenv("AIRFLOW_VAR_TOY_INBOX", tmp_path.as_uri())
    found = inbox("toy_inbox")
    assert found is not None and [file.path for file in found.files()] == ["a.csv"]


def test_without_its_variable_there_is_no_inbox_and_a_bad_one_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AIRFLOW_VAR_TOY_INBOX", raising=False)
    assert inbox("toy_inbox") is None
    monkeypatch.setenv("AIRFLOW_VAR_TOY_INBOX", "a/folder")
    with pytest.raises(BadSetting, match="toy_inbox is 'a/folder'"):
        inbox("toy_inbox")


def test_a_key_is_the_password_of_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_TOY_KEY", json.dumps({"conn_type": "generic", "password": "a long text: ä"})
    )
    monkeypatch.setenv("AIRFLOW_CONN_TOY_EMPTY", json.dumps({"conn_type": "generic"}))
    monkeypatch.delenv("AIRFLOW_CONN_TOY_NONE", raising=False)
    assert keys(["toy_key", "toy_empty", "toy_none"]) == {"toy_key": "a long text: ä".encode()}


def test_options_of_the_source_are_no_limits_and_no_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"pace": 3, "datasets": ["abc"]}
    about = {"conn_type": "http", "schema": "http", "host": "127.0.0.1", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_TOY_API", json.dumps(about))
    assert options("toy_api", ("datasets", "others")) == {"datasets": ["abc"]}
    assert options("toy_none", ("datasets",)) == {}
    breaker, lease = Breaker(lambda: None, "toy_api"), None  # type: ignore[arg-type,return-value]
    session = UpstreamHook("toy_api", Limits(), breaker, lease, options=("datasets",)).session()  # type: ignore[arg-type]
    assert session.limits.per_second == 3
    with pytest.raises(BadSetting, match="datasets"):
        UpstreamHook("toy_api", Limits(), breaker, lease).session()  # type: ignore[arg-type]
