"""The alerts of runs, from what a callback held; tests/plugins/notifiers/test_alert.py follows them to people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from include.alerting import redact
from include.monitoring import run_alerts
from include.monitoring.run_alerts import Callback

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "row", "shown"),
    [
        (
            "match_scores",
            {"match_id": 1, "season": "2025-26", "competition": "La Liga"},
            ["2025-26", "La Liga"],
        ),
        ("teams", {"team_id": 1, "name": "Real Madrid"}, ["Real Madrid"]),
        ("players", {"player_id": 1, "name": "Jane Doe"}, []),
        ("match_scores", {"match_id": 1, "name": "Jane Doe"}, []),
        ("players", {"player_id": 1, "competition": "La Liga"}, ["La Liga"]),
        ("nowhere", {"odd": "Jane Doe"}, []),
        (
            "shots",
            {"table_name": "shots", "of_kind": "competition_id 17", "column_name": "xg", "arrived": 9},
            ["shots", "competition_id 17", "xg"],
        ),
    ],
)
def test_a_failing_row_shows_the_names_of_things_and_none_of_persons(
    table: str, row: dict[str, Any], shown: list[str]
) -> None:
    key, things = run_alerts._shown(run_alerts._tables("sofascore"), table, row)
    texts = [value for value in redact.row(row, key, things).values() if isinstance(value, str)]
    assert [text for text in texts if not text.startswith("[")] == shown


def test_what_can_be_said_of_a_callback_that_held_next_to_nothing() -> None:
    of = Callback(
        dag_id="ctgov", run_id="scheduled__1", at=NOW, ui="https://airflow.example.org", reason="failed"
    )
    said = run_alerts.minimal(of)
    assert (said.kind, said.title, said.cause) == (
        "run-failed",
        "ctgov: the run failed without a word of its tasks",
        "see the log",
    )
    assert said.links == {"Run": "https://airflow.example.org/dags/ctgov/runs/scheduled__1"}
