"""Sixty days on which all is well, or mends itself: nobody hears anything. What somebody decides is told once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from include import pipeline
from include.alerting import episodes
from include.monitoring.doctor import Record
from include.operations import decisions
from include.registry import run_log
from include.registry.breaker import Breaker
from include.registry.registry import Registry
from include.storage.store import Store
from include.upstream.answers import Transient
from lastgood.notifiers import channels
from tests import toy
from tests.toy import source

pytestmark = pytest.mark.usefixtures("airflow_connections")

DAYS = 60
SIGNED: dict[str, Any] = {"who": "ana", "reason": "trial counts doubled"}
OF_DATA = {"as_of", "data_time", "interval_start", "interval_end"}
"""Times that belong to the data and stay what they are when a day passes."""


class Days:
    """A deployment, day after day: what its runs do, what Airflow calls then, and the watch."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.store, self.registry = store, registry
        self._watches = 0
        with registry.transaction() as cursor:
            cursor.execute(
                "SELECT table_name, array_agg(column_name::text) AS columns FROM information_schema.columns "
                "WHERE table_schema = 'lastgood' AND data_type = 'timestamp with time zone' "
                "AND NOT column_name = ANY(%s) GROUP BY table_name",
                (list(OF_DATA),),
            )
            self._earlier = {
                row["table_name"]: ", ".join(f"{name} = {name} - interval '1 day'" for name in row["columns"])
                for row in cursor.fetchall()
            }

    def pass_one(self) -> None:
        """Everything that happened was a day earlier: clocks of databases cannot be turned."""
        with self.registry.transaction() as cursor:
            for table, earlier in self._earlier.items():
                cursor.execute(f"UPDATE lastgood.{table} SET {earlier}")

    def watch(self) -> dict[str, int]:
        """Look once; answers how many findings there were, by kind."""
        from lastgood.operators.watch import WatchOperator

        self._watches += 1
        at = datetime.now(UTC)
        run = SimpleNamespace(
            run_id=f"watch {self._watches}",
            run_after=at,
            data_interval_start=at,
            data_interval_end=at,
            run_type="scheduled",
        )
        operator = WatchOperator(task_id="watch", dag=DAG("lastgood_watch", schedule=None))
        found = operator.execute({"dag_run": run, "ti": SimpleNamespace(try_number=1, max_tries=0)})  # type: ignore[typeddict-item]
        findings: dict[str, int] = found["findings"]
        return findings

    def run(self, day: int, *, run_type: str = "scheduled") -> None:
        """A run that does all of its steps, the first of them in the second try."""
        run_id = f"{run_type}__{day}"
        run = source.open_run(self.store, self.registry, run_id, day)
        with self.registry.transaction() as cursor:
            cursor.execute(
                "UPDATE lastgood.pipeline_run SET run_type = %s WHERE run_id = %s", (run_type, run_id)
            )
        with (
            pytest.raises(Transient),
            run_log.step(self.registry, toy.SOURCE, run.version, "extract", tried_again=lambda _: True),
        ):
            raise Transient("503")
        for step in ("extract", "build", "gate"):
            source.do(run, step)
        with run_log.step(self.registry, toy.SOURCE, run.version, "promote") as facts:
            done = pipeline.promote(run)
            facts.update(outcome=done.outcome.value, latest=done.latest)
        published = done.latest == run.version
        run_log.end(self.registry, toy.SOURCE, run.version, "held" if done.outcome.value == "held" else "ok")
        if published:
            self.called(run_id, "promoted", "promote")
        self.called(run_id, "success")

    def skip(self, day: int) -> None:
        """A run that finds nothing new."""
        run = source.open_run(self.store, self.registry, f"skipped__{day}", day)
        with run_log.step(self.registry, toy.SOURCE, run.version, "probe") as facts:
            facts.update(new=False, reason="nothing new")
        run_log.end(self.registry, toy.SOURCE, run.version, "skipped")
        self.called(f"skipped__{day}", "success")

    def refuse_a_decision(self, day: int) -> None:
        from lastgood.errors import DecisionRefused

        with pytest.raises(ValueError, match="says nothing"):
            decisions.rollback(self.store, self.registry, toy.SOURCE, who="ana", reason=" ")
        self.called(f"manual__{day}", "failure", "rollback", DecisionRefused("the reason says nothing"))

    def called(
        self, run_id: str, on: Any, step: str | None = None, error: AirflowFailException | None = None
    ) -> None:
        """What Airflow calls."""
        from lastgood.notifiers.alert import AlertNotifier

        at = datetime.now(UTC)
        run = SimpleNamespace(
            dag_id=toy.SOURCE, run_id=run_id, start_date=at, data_interval_end=at, run_after=at
        )
        context: dict[str, Any] = {"dag_run": run, "run_id": run_id}
        if step is None:
            context["reason"] = on
        else:
            context["task_instance"] = SimpleNamespace(
                dag_id=toy.SOURCE, task_id=step, try_number=1, max_tries=0, map_index=-1, log_url=None
            )
        if error is not None:
            context["exception"] = error
        AlertNotifier(on)(context)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Subjects of what went to the channels, which take everything."""
    subjects: list[str] = []

    def send(names: Any, message: Any, to: Any) -> dict[str, str | None]:
        subjects.append(message.subject)
        return dict.fromkeys(names)

    monkeypatch.setattr(channels, "send", send)
    return subjects


@pytest.fixture
def days(store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Days:
    from lastgood.operators import watch

    source.install(monkeypatch.setattr)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(total=100, free=50))
    # What the doctor finds in this machine's Airflow is another story.
    fine = Record(at=datetime.now(UTC), by="", findings=())
    monkeypatch.setattr(watch, "_doctor", lambda *_: (fine, False))
    return Days(store, registry)


def live(
    days: Days, count: int, events: Mapping[int, Callable[[int], None]], told: Callable[[], bool]
) -> list[str]:
    """Let days pass, each with its event; whatever is held is released. Answers the versions that were."""
    held: list[str] = []
    for day in range(1, count + 1):
        if day % 7 in (5, 6):
            days.skip(day)
        else:
            days.run(day)
        with days.registry.transaction() as cursor:
            cursor.execute("SELECT version FROM lastgood.dataset_version WHERE state = 'held'")
            waiting = [row["version"] for row in cursor.fetchall()]
        for version in waiting:
            held.append(version)
            decisions.release_version(days.store, days.registry, toy.SOURCE, version, **SIGNED)
        assert days.watch() == {}
        events.get(day, lambda _: None)(day)
        days.pass_one()
        assert days.watch() == {} and told(), f"day {day}"
    return held


def test_sixty_days_without_trouble_are_sixty_days_without_a_message(
    days: Days, dsn: str, sent: list[str], alert_log: Path
) -> None:
    registry = days.registry
    breaker = Breaker(lambda: psycopg.connect(dsn), "toy_api", threshold=1, open_seconds=0)

    def break_for_a_moment(_: int) -> None:
        breaker.failure("503")
        breaker.before()
        breaker.success()

    events: dict[int, Callable[[int], None]] = {
        12: lambda day: days.run(day - 5, run_type="backfill"),
        33: days.refuse_a_decision,
        40: break_for_a_moment,
        50: lambda day: days.run(day - 20, run_type="backfill"),
    }
    assert live(days, DAYS, events, lambda: sent == []) == []
    assert episodes.open_episodes(registry) == [] and not alert_log.exists()
    with registry.transaction() as cursor:
        cursor.execute(
            "SELECT status, count(*) AS n FROM lastgood.pipeline_run WHERE source = 'toy' GROUP BY status"
        )
        ended = {row["status"]: row["n"] for row in cursor.fetchall()}
    assert ended == {"ok": 46, "skipped": 16}


def test_what_somebody_decides_meanwhile_is_one_message_each_and_no_trouble(
    days: Days, sent: list[str]
) -> None:
    store, registry = days.store, days.registry
    went_back: list[str] = []

    def roll_back(_: int) -> None:
        went_back.append(decisions.rollback(store, registry, toy.SOURCE, **SIGNED).latest)

    (released,) = live(days, 12, {9: roll_back}, lambda: len(sent) <= 2)
    assert sent == [
        f"[lastgood] toy: ana rolled back to {went_back[0]}",
        f"[lastgood] toy: ana released {released}",
    ]
    assert episodes.open_episodes(registry) == []


def test_the_same_days_with_one_failure_are_one_message_and_its_end(
    days: Days, sent: list[str], alert_log: Path
) -> None:
    found = []
    for day in range(1, 6):
        if day == 3:
            days.called("scheduled__3", "failure", "extract", AirflowFailException("ContractBreak: no key"))
        else:
            days.run(day)
        found.append(days.watch())
        days.pass_one()
        found.append(days.watch())
    assert {"stale": 1} in found, "latest is older than promised before the next run"
    assert sent == [
        "[lastgood] toy.extract: the step failed",
        "[lastgood] Recovered: toy.extract: the step failed",
    ]
