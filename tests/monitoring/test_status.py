"""Status: the totals operators know, how each source stands, and what consumers read."""

from __future__ import annotations

import json

import pytest

from include.monitoring import status
from include.monitoring.consumers import consumers
from include.registry.registry import Registry
from tests.monitoring.conftest import NOW, Past


def test_the_totals_have_the_names_of_the_earlier_system(registry: Registry, past: Past) -> None:
    past.version("toy", "v1", "superseded", hours=60)
    past.latest("toy", "v2", hours=30)
    past.version("toy", "v3", "rejected", hours=20)
    past.version(
        "toy", "v4", "failed", previous="v2", publish_attempts=3, publish_error="the disk is full", hours=3
    )
    past.version("toy", "v5", "staged", previous="v2", publish_attempts=1, publish_error="gone", hours=2)
    past.version("toy", "v6", "staged", previous="v2")
    past.version("toy", "v7", "publishing")
    for hours in (25, 3, 2):
        past.attempt("toy", "v4", "the disk is full", hours=hours)
    past.attempt("toy", "v2", None, hours=1)
    found = status.status(registry, NOW)
    assert {name: found[name] for name in found if name not in {"sources", "open_episodes"}} == {
        "well": False,
        "troubles": ["2 versions could not be published (`failed`)"],
        "total_published": 2,
        "total_staging": 2,
        "total_publishing": 1,
        "total_held": 0,
        "holds": {},
        "failed_publishes": 2,
        "max_attempts_exceeded": 1,
        "success_rate_percent": 50.0,
        "recent_failures_24h": 2,
        "timestamp": "2026-07-31T12:00:00+00:00",
    }
    assert json.loads(json.dumps(found)) == found


def test_an_empty_registry_claims_no_rate(registry: Registry) -> None:
    found = status.status(registry, NOW)
    assert (found["total_published"], found["success_rate_percent"]) == (0, None)
    ctgov = next(source for source in found["sources"] if source["source"] == "ctgov")
    assert (ctgov["latest"], ctgov["age_seconds"], ctgov["last_run"]) == (None, None, None)
    assert (ctgov["success_rate_percent"], ctgov["goal_reached"]) == (None, None)


def test_each_source_says_what_is_latest_how_the_last_run_ended_and_what_is_open(
    registry: Registry, past: Past
) -> None:
    past.latest("ctgov", "v1", hours=30)
    for hours in range(29, 0, -1):
        past.run("ctgov", "ok", hours=hours + 1)
    past.run("ctgov", "fail", hours=0.5)
    past.sql("UPDATE lastgood.pipeline_run SET failed_step = 'gate' WHERE status = 'fail'")
    past.sql(
        "INSERT INTO lastgood.alert (fingerprint, kind, source, severity, title, occurrence, first_seen, last_seen, "
        "message) VALUES ('f', 'stale', 'ctgov', 'error', 'ctgov: old', 'o', %(at)s, %(at)s, '{}')",
        at=NOW,
    )
    found = next(each for each in status.status(registry, NOW)["sources"] if each["source"] == "ctgov")
    assert (found["latest"], found["age_seconds"]) == ("v1", 30 * 3600)
    assert (found["last_run"]["status"], found["last_run"]["failed_step"]) == ("fail", "gate")
    assert (found["success_rate_percent"], found["success_rate_runs"], found["goal_reached"]) == (
        96.7,
        30,
        False,
    )
    assert [episode["kind"] for episode in found["open_episodes"]] == ["stale"]


def test_what_failed_to_publish_is_listed_until_it_is_made_good(registry: Registry, past: Past) -> None:
    past.latest("toy", "v0", hours=9)
    past.version(
        "toy", "v1", "failed", previous="v0", publish_attempts=3, publish_error="the disk is full", hours=2
    )
    past.version("toy", "v2", "superseded", previous="v0", publish_error="lost: …", published_at=None)
    assert status.failed(registry, NOW) == [
        {
            "data_id": "toy/v1",
            "data_type": "toy",
            "stage_path": "versions/toy/v1",
            "publish_attempts": 3,
            "publish_error": "the disk is full",
            "staged_at": "2026-07-31T10:00:00+00:00",
        }
    ]
    past.latest("toy", "v3", publish_attempts=2)
    assert status.failed(registry, NOW) == [], "it was built upon what is no longer latest"


def test_only_the_last_scheduled_runs_count_each_as_it_ended_last(registry: Registry, past: Past) -> None:
    past.run("toy", "fail", hours=99)  # before the last four
    past.run("toy", "ok", hours=9)
    past.run("toy", "partial", hours=8)
    past.run("toy", "fail", hours=7, run_id="cleared")
    past.run("toy", "ok", hours=6, run_id="cleared")
    past.run("toy", "skipped", hours=5, run_type="asset_triggered")
    past.run("toy", "skipped", hours=4, probe={"without_host": True})
    past.run("toy", "fail", hours=3, run_type="manual")
    past.run("toy", "fail", hours=3, run_type="backfill")
    past.run("toy", None, hours=1)
    rates = status.success_rates(registry, ["toy", "other"], 4)
    assert rates == {"toy": status.Rate(3, 4)}
    assert str(rates["toy"]) == "3 of the last 4 scheduled runs succeeded (75.0 %)"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            "toy",
            "Consumers keep reading version v1, with data as of 2026-07-30 06:00 UTC (1 day 6 hours old)",
        ),
        ("ctgov", "Nothing of ctgov was published yet."),
        ("lastgood_watch", "Consumers keep reading the last good version of every source."),
    ],
)
def test_what_consumers_read_is_a_sentence(registry: Registry, past: Past, source: str, says: str) -> None:
    past.latest("toy", "v1", hours=30)
    assert consumers(registry, source, NOW).startswith(says)
