"""One message for each trouble, whatever Airflow calls and in which order, until it is over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import permutations
from threading import Barrier
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from include.alerting import episodes
from include.alerting.alert import KINDS, Alert
from include.alerting.episodes import Episode
from include.publishing.registry import Registry

T0 = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def hourly(_told: int) -> timedelta:
    return HOUR


def alert(kind: str = "task-failed", /, **fields: Any) -> Alert:
    """A failure of the extract step in its fourth try."""
    run_id = fields.get("run_id", "run1")
    told: dict[str, Any] = {
        "source": "ctgov",
        "what": "extract",
        "step": "extract",
        "at": T0,
        "run_id": run_id,
        "occurrence": f"{run_id}|extract|4",
        "cause": "OSError: the disk is full",
        "consumers": "Consumers keep reading version 20261121T093223Z-41559e77.",
    }
    return Alert(kind=kind, **{**told, **fields})


def of_run(kind: str = "run-failed", /, **fields: Any) -> Alert:
    """What the DAG says of a failed run."""
    run_id = fields.get("run_id", "run1")
    return alert(kind, **{"what": "", "step": None, "occurrence": run_id, **fields})


def of_watcher(**fields: Any) -> Alert:
    run_id = fields.get("run_id", "run1")
    return alert(**{"what": "watcher", "step": "watcher", "occurrence": f"{run_id}|watcher|1", **fields})


def stale(**fields: Any) -> Alert:
    return alert("stale", **{"what": "", "step": None, "run_id": None, "occurrence": "v1", **fields})


Note = Callable[..., Episode]


class _Kept:
    """A connection that stays open after its block, which saves the time of a new one for each call."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def __enter__(self) -> psycopg.Connection[Any]:
        self.transaction = self.connection.transaction()
        self.transaction.__enter__()
        return self.connection

    def __exit__(self, *raised: Any) -> bool | None:
        return self.transaction.__exit__(*raised)


@pytest.fixture(scope="module")
def dsn(postgres: str, template_database: str) -> Iterator[str]:  # type: ignore[override]
    """One database for all of these: a new one for each would take most of their time."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE episodes TEMPLATE {template_database}")
        yield make_conninfo(postgres, dbname="episodes")
        connection.execute("DROP DATABASE episodes WITH (FORCE)")


@pytest.fixture
def registry(dsn: str) -> Iterator[Registry]:
    """Without any alert, on one connection."""
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM lastgood.alert")
        connection.commit()
        yield Registry(lambda: _Kept(connection))  # type: ignore[arg-type, return-value]


@pytest.fixture
def note(registry: Registry) -> Note:
    def call(one: Alert, **options: Any) -> Episode:
        return episodes.note(registry, one, hourly, **options)

    return call


@pytest.fixture
def empty(registry: Registry) -> Callable[[], None]:
    """Forgets every alert: many small histories in one test, without a database for each."""

    def forget() -> None:
        with registry.cursor() as cursor:
            cursor.execute("DELETE FROM lastgood.alert")

    return forget


# --- one trouble ---


def test_the_first_time_is_told(note: Note, registry: Registry) -> None:
    told = note(alert())
    assert (told.tell, told.count, told.told, told.reason) == ("first", 1, 1, "first")
    assert told.alert == alert()
    assert (told.first_seen, told.last_seen, told.last_told) == (T0, T0, T0)
    assert [e.id for e in episodes.open_episodes(registry)] == [told.id]


def test_the_very_same_occurrence_is_neither_told_nor_counted(note: Note) -> None:
    first = note(alert())
    again = note(alert(at=T0 + 9 * HOUR))
    assert (again.id, again.tell, again.count, again.last_seen) == (first.id, "no", 1, T0)


def test_another_occurrence_counts_and_is_told_once_the_pause_is_over(note: Note) -> None:
    note(alert())
    early = note(alert(run_id="run2", at=T0 + HOUR - MINUTE, cause="OSError: no space left"))
    late = note(alert(run_id="run3", at=T0 + HOUR))
    assert (early.tell, early.count, early.told) == ("no", 2, 1)
    assert early.alert.cause == "OSError: no space left"
    assert (late.tell, late.count, late.told, late.reason) == ("again", 3, 2, "again")
    assert (late.first_seen, late.last_seen, late.last_told) == (T0, T0 + HOUR, T0 + HOUR)


def test_the_pause_is_asked_with_how_often_it_was_told(registry: Registry) -> None:
    asked: list[int] = []

    def pause(told: int) -> timedelta:
        asked.append(told)
        return told * HOUR

    tells = [
        episodes.note(registry, stale(occurrence=f"v{hour}", at=T0 + hour * HOUR), pause).tell
        for hour in range(8)
    ]
    assert tells == ["first", "again", "no", "again", "no", "no", "again", "no"]
    assert asked == [1, 2, 2, 3, 3, 3, 4]


def test_other_steps_and_other_sources_are_other_troubles(note: Note) -> None:
    told = [
        note(alert()),
        note(alert(what="build", step="build", run_id="run2")),
        note(alert(source="other")),
    ]
    assert [e.tell for e in told] == ["first"] * 3
    assert len({e.id for e in told}) == 3


def test_what_the_database_cannot_hold_keeps_no_alert_back(note: Note, registry: Registry) -> None:
    odd = note(
        alert(cause="NUL \0 and \udfff", unit="\0", occurrence="\0", what="\0", facts={"n\0": "\\u0000"})
    )
    assert odd.tell == "first"
    assert odd.alert.cause == "NUL   and ?" and odd.alert.facts == {"n ": "\\u0000"}
    assert episodes.open_episodes(registry)[0].alert == odd.alert


# --- one run ---

CALLS = {
    "task": alert(),
    "task, a second time": alert(),
    "killed": alert("task-killed", occurrence="run1|extract"),
    "watcher": of_watcher(),
    "DAG": of_run(),
}


@pytest.mark.parametrize("began", [T0 - HOUR, None], ids=["began is known", "began is unknown"])
def test_one_failed_run_is_told_once_in_whatever_order_it_is_called(
    note: Note, empty: Callable[[], None], began: datetime | None
) -> None:
    for order in permutations(CALLS):
        empty()
        tells = [
            note(msgspec.structs.replace(CALLS[name], at=T0 + number * MINUTE), began=began).tell
            for number, name in enumerate(order)
        ]
        assert tells.count("first") == 1 and tells.count("again") == 0, order


@pytest.mark.parametrize("first", CALLS)
def test_any_single_call_is_told(note: Note, first: str) -> None:
    assert note(CALLS[first]).tell == "first"


def test_what_comes_second_answers_with_the_episode_that_spoke_and_counts_nothing(note: Note) -> None:
    spoke = note(alert())
    silent = note(of_run(at=T0 + MINUTE))
    assert (silent.id, silent.tell, silent.count, silent.alert.kind) == (spoke.id, "no", 1, "task-failed")


def test_each_run_of_a_lasting_failure_is_one_message_at_most(note: Note) -> None:
    tells = []
    for run in range(1, 4):
        began = T0 + run * 2 * HOUR
        for number, call in enumerate((alert, alert, of_watcher, of_run)):
            at = began + number * MINUTE
            tells.append(note(call(run_id=f"run{run}", at=at), began=began).tell)
    assert tells == ["first", "no", "no", "no"] + ["again", "no", "no", "no"] * 2


def test_the_run_is_silent_too_where_its_step_was_counted_within_the_pause(note: Note) -> None:
    note(alert())
    assert note(alert(run_id="run2", at=T0 + MINUTE)).tell == "no"
    assert note(of_run(run_id="run2", at=T0 + 2 * MINUTE)).tell == "no"


def test_what_was_found_killed_is_silent_too_where_a_step_was_counted_within_the_pause(note: Note) -> None:
    note(alert(at=T0), began=T0 - HOUR)
    again = T0 + 10 * MINUTE
    began = again - MINUTE
    assert note(alert(at=again, run_id="run2"), began=began).tell == "no"
    killed = alert("task-killed", what="build", step="build", run_id="run2", at=again + MINUTE)
    assert note(killed, began=began).tell == "no"


def test_many_units_of_one_run_are_one_message_however_long_it_takes(note: Note, registry: Registry) -> None:
    units = [
        note(alert(unit=f"season {n}", occurrence=f"run1|extract|{n}|4", at=T0 + n * HOUR), began=T0)
        for n in range(5)
    ]
    assert [e.tell for e in units] == ["first", "no", "no", "no", "no"]
    assert units[-1].count == 5
    assert note(of_run(at=T0 + 9 * HOUR), began=T0).tell == "no"


def test_runs_that_fail_side_by_side_keep_their_late_calls_apart(note: Note) -> None:
    note(alert(run_id="backfill1"))
    note(alert(run_id="backfill2", at=T0 + MINUTE))
    assert note(of_run(run_id="backfill1", at=T0 + 2 * MINUTE)).tell == "no"
    assert note(of_run(run_id="backfill2", at=T0 + 2 * MINUTE)).tell == "no"
    assert note(of_run(run_id="backfill3", at=T0 + 2 * MINUTE)).tell == "first"


def test_a_late_call_about_a_run_stays_silent_after_its_episode_is_over(
    note: Note, registry: Registry
) -> None:
    note(alert())
    assert episodes.recover(registry, "ctgov", began=T0 + MINUTE)
    assert note(of_run(at=T0 + 2 * MINUTE)).tell == "no"
    assert note(alert(at=T0 + 2 * MINUTE), began=T0 - MINUTE).tell == "no"
    assert episodes.open_episodes(registry) == []


def test_a_run_that_was_cleared_and_fails_elsewhere_is_told_again(note: Note) -> None:
    assert note(alert(), began=T0 - HOUR).tell == "first"
    assert note(of_run(), began=T0 - HOUR).tell == "no"
    cleared = T0 + 10 * MINUTE
    at = cleared + MINUTE
    assert note(of_run("run-timed-out", at=at), began=cleared).tell == "first"
    assert note(alert(what="build", step="build", at=at), began=cleared).tell == "no"
    cleared = at + MINUTE
    assert note(alert(what="gate", step="gate", at=cleared), began=cleared).tell == "first"


def test_a_worker_whose_clock_is_behind_does_not_make_two_messages(note: Note) -> None:
    began = T0 + timedelta(seconds=5)
    assert note(alert(), began=began).tell == "first"
    assert note(of_run(at=T0 + MINUTE), began=began).tell == "no"


def test_a_warning_or_a_late_run_has_not_spoken_for_a_failure(note: Note) -> None:
    assert note(alert("gate-warned", what="gate", step="gate"), began=T0).tell == "first"
    assert note(of_run("late"), began=T0).tell == "first"
    assert note(of_run("run-timed-out"), began=T0).tell == "first"


def test_a_run_that_failed_is_not_late_too(note: Note) -> None:
    note(alert())
    assert note(of_run("late", at=T0 + 8 * HOUR)).tell == "no"


# --- silences ---


def test_what_is_silenced_is_kept_and_told_as_the_first_once_the_silence_is_over(
    note: Note, registry: Registry
) -> None:
    silent = note(alert(), silenced=True)
    assert (silent.tell, silent.told, silent.count) == ("no", 0, 1)
    assert note(of_run()).tell == "no"
    spoken = note(alert(run_id="run2", at=T0 + MINUTE))
    assert (spoken.id, spoken.tell, spoken.told, spoken.count) == (silent.id, "first", 1, 2)


def test_what_lasts_longer_than_its_silence_is_told(note: Note) -> None:
    assert note(stale(), silenced=True).tell == "no"
    assert note(stale(at=T0 + MINUTE), silenced=True).tell == "no"
    told = note(stale(at=T0 + HOUR))
    assert (told.tell, told.count) == ("first", 1)


def test_a_silence_begun_later_stops_what_would_be_told_again(note: Note) -> None:
    note(stale())
    assert note(stale(occurrence="v2", at=T0 + 2 * HOUR), silenced=True).tell == "no"
    assert note(stale(occurrence="v3", at=T0 + 3 * HOUR)).tell == "again"


# --- until it is over ---


def test_a_run_that_began_later_and_succeeded_ends_it_once(note: Note, registry: Registry) -> None:
    note(alert())
    note(alert(source="other"))
    assert episodes.recover(registry, "ctgov", began=T0) == []
    [over] = episodes.recover(registry, "ctgov", began=T0 + MINUTE)
    assert over.recovered_at is not None and over.reason == "recovered" and over.alert == alert()
    assert episodes.recover(registry, "ctgov", began=T0 + MINUTE) == []
    assert [e.alert.source for e in episodes.open_episodes(registry)] == ["other"]
    assert note(alert(run_id="run2", at=T0 + HOUR)).tell == "first"


def test_a_late_run_is_over_when_it_succeeds_itself(note: Note, registry: Registry) -> None:
    note(of_run("late"))
    assert [e.alert.kind for e in episodes.recover(registry, "ctgov", began=T0 - 8 * HOUR)] == ["late"]


def test_what_nobody_was_told_of_ends_without_a_word(note: Note, registry: Registry) -> None:
    note(alert(), silenced=True)
    assert episodes.recover(registry, "ctgov", began=T0 + MINUTE) == []
    assert episodes.open_episodes(registry) == []


def test_a_success_does_not_end_what_the_watch_finds(note: Note, registry: Registry) -> None:
    note(stale())
    assert episodes.recover(registry, "ctgov", began=T0 + MINUTE) == []
    assert len(episodes.open_episodes(registry, "ctgov")) == 1


def test_what_the_watch_no_longer_finds_is_over(note: Note, registry: Registry) -> None:
    note(stale())
    note(stale(source="other"))
    note(alert("disk-low", what="", run_id=None))
    over = episodes.recover_absent(registry, {stale(source="other").fingerprint}, {"stale", "zero-rows"})
    assert [e.alert.source for e in over] == ["ctgov"]
    assert {e.alert.kind for e in episodes.open_episodes(registry)} == {"stale", "disk-low"}
    assert [e.alert.source for e in episodes.recover_absent(registry, (), {"stale"})] == ["other"]


def test_one_trouble_is_closed_by_its_fingerprint_and_answered_once(note: Note, registry: Registry) -> None:
    note(stale())
    note(stale(source="other"))
    fingerprint = stale().fingerprint
    assert episodes.close(registry, fingerprint, observed=T0) == [], "it was seen since"
    assert [e.alert.source for e in episodes.close(registry, fingerprint)] == ["ctgov"]
    assert episodes.close(registry, fingerprint) == []
    assert [e.alert.source for e in episodes.open_episodes(registry)] == ["other"]


def test_a_success_does_not_end_a_warning_of_the_gate(note: Note, registry: Registry) -> None:
    note(alert("gate-warned", what="", step="gate"))
    assert episodes.recover(registry, "ctgov", began=T0 + MINUTE) == []
    assert len(episodes.open_episodes(registry, "ctgov")) == 1


def test_what_was_found_while_the_watch_was_looking_stays_open(note: Note, registry: Registry) -> None:
    note(alert("import-error", run_id=None))
    assert episodes.recover_absent(registry, (), {"import-error"}, observed=T0 - MINUTE) == []
    assert len(episodes.recover_absent(registry, (), {"import-error"}, observed=T0 + MINUTE)) == 1


# --- on its way ---


def test_a_channel_that_refused_is_remembered_until_it_takes_the_message(
    note: Note, registry: Registry
) -> None:
    one = note(alert(at=datetime.now(UTC)))
    episodes.delivered(registry, one.id, {"log": None, "mail": "SMTPException: refused\0", "webhook": None})
    [waiting] = episodes.undelivered(registry)
    assert waiting.delivered == {"log": None, "mail": "SMTPException: refused ", "webhook": None}
    assert (waiting.reason, waiting.alert.cause) == ("first", one.alert.cause)
    episodes.delivered(registry, one.id, {"mail": None})
    assert episodes.undelivered(registry) == []


def test_a_message_whose_teller_died_is_undelivered_after_a_while(note: Note, registry: Registry) -> None:
    now = datetime.now(UTC)
    note(alert(at=now))
    note(alert(source="other", at=now - episodes.GRACE - MINUTE))
    note(alert(source="third", at=now - episodes.REDELIVERY - MINUTE))
    note(alert(source="fourth", at=now - HOUR), silenced=True)
    assert [e.alert.source for e in episodes.undelivered(registry)] == ["other"]


def test_each_further_message_has_its_own_deliveries(note: Note, registry: Registry) -> None:
    now = datetime.now(UTC)
    one = note(alert(at=now - 3 * HOUR))
    episodes.delivered(registry, one.id, {"mail": None})
    assert note(alert(run_id="run2", at=now - 2 * HOUR)).delivered == {}
    assert [e.reason for e in episodes.undelivered(registry)] == ["again"]
    episodes.delivered(registry, one.id, {"mail": "refused"})
    [over] = episodes.recover(registry, "ctgov", began=now)
    assert over.delivered == {}
    episodes.delivered(registry, one.id, {"mail": "refused"})
    assert [e.reason for e in episodes.undelivered(registry)] == ["recovered"]


# --- at once ---


@pytest.mark.parametrize(
    "calls",
    [list(CALLS.values()), [alert(run_id=f"run{n}") for n in range(5)]],
    ids=["all about one run", "one step in several runs"],
)
def test_callers_at_the_same_moment_make_exactly_one_message(
    dsn: str, empty: Callable[[], None], calls: list[Alert]
) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(len(calls)) as pool:
        connections = [stack.enter_context(psycopg.connect(dsn)) for _ in calls]
        registries = [Registry(lambda c=c: _Kept(c)) for c in connections]  # type: ignore[misc]
        together = Barrier(len(calls))

        def call(registry: Registry, one: Alert) -> str:
            together.wait(timeout=30)
            return episodes.note(registry, one, hourly, began=T0 - HOUR).tell

        for _ in range(10):
            empty()
            assert sorted(pool.map(call, registries, calls)) == ["first", *["no"] * (len(calls) - 1)]


def test_two_callers_do_not_both_tell_that_it_is_over(note: Note, dsn: str) -> None:
    note(alert())
    registry = Registry(lambda: psycopg.connect(dsn))
    with ThreadPoolExecutor(4) as pool:
        over = list(pool.map(lambda _: episodes.recover(registry, "ctgov", began=T0 + MINUTE), range(4)))
    assert sum(map(len, over)) == 1


# --- kinds ---


def test_every_kind_is_an_anchor_and_says_what_happened_and_what_to_do() -> None:
    for name, kind in KINDS.items():
        assert name == kind.name and re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert kind.headline and kind.headline[0].islower() and not kind.headline.endswith(".")
        assert kind.todo and kind.todo[0].isupper() and kind.todo.endswith(".")
    assert KINDS.keys() >= episodes.FAILURES | episodes.OF_RUN
