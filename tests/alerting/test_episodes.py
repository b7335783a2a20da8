"""One message for each trouble, whatever Airflow calls and in which order, until it is over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
from include.alerting.episodes import Episode, Proof
from include.registry.registry import Registry

T0 = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def hourly(_told: int) -> timedelta:
    return HOUR


def alert(kind: str = "task-failed", /, **fields: Any) -> Alert:
    """A failure of the extract step in its fourth try."""
    run_id = fields.get("run_id", "run1")
    notified: dict[str, Any] = {
        "source": "ctgov",
        "what": "extract",
        "step": "extract",
        "at": T0,
        "run_id": run_id,
        "occurrence": f"{run_id}|extract|4",
        "cause": "OSError: the disk is full",
        "consumers": "Consumers keep reading version 20261121T093223Z-41559e77.",
    }
    return Alert(kind=kind, **{**notified, **fields})


def of_run(kind: str = "run-failed", /, **fields: Any) -> Alert:
    """What the DAG says of a failed run."""
    run_id = fields.get("run_id", "run1")
    return alert(kind, **{"what": "", "step": None, "occurrence": run_id, **fields})


def of_watcher(**fields: Any) -> Alert:
    run_id = fields.get("run_id", "run1")
    return alert(**{"what": "watcher", "step": "watcher", "occurrence": f"{run_id}|watcher|1", **fields})


def stale(**fields: Any) -> Alert:
    return alert("stale", **{"what": "", "step": None, "run_id": None, "occurrence": "v1", **fields})


def ended(began: datetime, run_id: str = "run9", **more: Any) -> Proof:
    """A run that did all its steps and whose version became latest."""
    return Proof(run_id=run_id, began=began, **more)


Note = Callable[..., Episode]


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
    found = Registry(lambda: psycopg.connect(dsn))
    with found.session():
        with found.transaction() as cursor:
            cursor.execute("DELETE FROM lastgood.alert")
        yield found


@pytest.fixture
def note(registry: Registry) -> Note:
    def call(one: Alert, **options: Any) -> Episode:
        return episodes.note(registry, one, hourly, **options)

    return call


@pytest.fixture
def empty(registry: Registry) -> Callable[[], None]:
    """Forgets every alert: many small histories in one test, without a database for each."""

    def forget() -> None:
        with registry.transaction() as cursor:
            cursor.execute("DELETE FROM lastgood.alert")

    return forget


# --- one trouble ---


def test_the_first_time_is_told(note: Note, registry: Registry) -> None:
    notified = note(alert())
    assert (notified.notify, notified.count, notified.notified, notified.reason) == ("first", 1, 1, "first")
    assert notified.alert == alert()
    assert (notified.first_seen, notified.last_seen, notified.last_notified) == (T0, T0, T0)
    assert [e.id for e in episodes.open_episodes(registry)] == [notified.id]


def test_the_very_same_occurrence_is_neither_told_nor_counted(note: Note) -> None:
    first = note(alert())
    again = note(alert(at=T0 + 9 * HOUR))
    assert (again.id, again.notify, again.count, again.last_seen) == (first.id, "no", 1, T0)


def test_another_occurrence_counts_and_is_told_once_the_pause_is_over(note: Note) -> None:
    note(alert())
    early = note(alert(run_id="run2", at=T0 + HOUR - MINUTE, cause="OSError: no space left"))
    late = note(alert(run_id="run3", at=T0 + HOUR))
    assert (early.notify, early.count, early.notified) == ("no", 2, 1)
    assert early.alert.cause == "OSError: no space left"
    assert (late.notify, late.count, late.notified, late.reason) == ("again", 3, 2, "again")
    assert (late.first_seen, late.last_seen, late.last_notified) == (T0, T0 + HOUR, T0 + HOUR)


def test_the_pause_is_asked_with_how_often_it_was_told(registry: Registry) -> None:
    asked: list[int] = []

    def pause(notified: int) -> timedelta:
        asked.append(notified)
        return notified * HOUR

    tells = [
        episodes.note(registry, stale(occurrence=f"v{hour}", at=T0 + hour * HOUR), pause).notify
        for hour in range(8)
    ]
    assert tells == ["first", "again", "no", "again", "no", "no", "again", "no"]
    assert asked == [1, 2, 2, 3, 3, 3, 4]


def test_other_steps_and_other_sources_are_other_troubles(note: Note) -> None:
    notified = [
        note(alert()),
        note(alert(what="build", step="build", run_id="run2")),
        note(alert(source="other")),
    ]
    assert [e.notify for e in notified] == ["first"] * 3
    assert len({e.id for e in notified}) == 3


def test_what_the_database_cannot_hold_keeps_no_alert_back(note: Note, registry: Registry) -> None:
    odd = note(
        alert(cause="NUL \0 and \udfff", unit="\0", occurrence="\0", what="\0", facts={"n\0": "\\u0000"})
    )
    assert odd.notify == "first"
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
            note(msgspec.structs.replace(CALLS[name], at=T0 + number * MINUTE), began=began).notify
            for number, name in enumerate(order)
        ]
        assert tells.count("first") == 1 and tells.count("again") == 0, order


@pytest.mark.parametrize("first", CALLS)
def test_any_single_call_is_told(note: Note, first: str) -> None:
    assert note(CALLS[first]).notify == "first"


def test_what_comes_second_answers_with_the_episode_that_spoke_and_counts_nothing(note: Note) -> None:
    spoke = note(alert())
    silent = note(of_run(at=T0 + MINUTE))
    assert (silent.id, silent.notify, silent.count, silent.alert.kind) == (spoke.id, "no", 1, "task-failed")


def test_each_run_of_a_lasting_failure_is_one_message_at_most(note: Note) -> None:
    tells = []
    for run in range(1, 4):
        began = T0 + run * 2 * HOUR
        for number, call in enumerate((alert, alert, of_watcher, of_run)):
            at = began + number * MINUTE
            tells.append(note(call(run_id=f"run{run}", at=at), began=began).notify)
    assert tells == ["first", "no", "no", "no"] + ["again", "no", "no", "no"] * 2


def test_the_run_is_silent_too_where_its_step_was_counted_within_the_pause(note: Note) -> None:
    note(alert())
    assert note(alert(run_id="run2", at=T0 + MINUTE)).notify == "no"
    assert note(of_run(run_id="run2", at=T0 + 2 * MINUTE)).notify == "no"


def test_what_was_found_killed_is_silent_too_where_a_step_was_counted_within_the_pause(note: Note) -> None:
    note(alert(at=T0), began=T0 - HOUR)
    again = T0 + 10 * MINUTE
    began = again - MINUTE
    assert note(alert(at=again, run_id="run2"), began=began).notify == "no"
    killed = alert("task-killed", what="build", step="build", run_id="run2", at=again + MINUTE)
    assert note(killed, began=began).notify == "no"


def test_many_units_of_one_run_are_one_message_however_long_it_takes(note: Note, registry: Registry) -> None:
    units = [
        note(alert(unit=f"season {n}", occurrence=f"run1|extract|{n}|4", at=T0 + n * HOUR), began=T0)
        for n in range(5)
    ]
    assert [e.notify for e in units] == ["first", "no", "no", "no", "no"]
    assert units[-1].count == 5
    assert note(of_run(at=T0 + 9 * HOUR), began=T0).notify == "no"


def test_runs_that_fail_side_by_side_keep_their_late_calls_apart(note: Note) -> None:
    note(alert(run_id="backfill1"))
    note(alert(run_id="backfill2", at=T0 + MINUTE))
    assert note(of_run(run_id="backfill1", at=T0 + 2 * MINUTE)).notify == "no"
    assert note(of_run(run_id="backfill2", at=T0 + 2 * MINUTE)).notify == "no"
    assert note(of_run(run_id="backfill3", at=T0 + 2 * MINUTE)).notify == "first"


def test_a_late_call_about_a_run_stays_silent_after_its_episode_is_over(
    note: Note, registry: Registry
) -> None:
    note(alert())
    assert episodes.recover(registry, "ctgov", ended(T0 + MINUTE))
    assert note(of_run(at=T0 + 2 * MINUTE)).notify == "no"
    assert note(alert(at=T0 + 2 * MINUTE), began=T0 - MINUTE).notify == "no"
    assert episodes.open_episodes(registry) == []


def test_a_run_that_was_cleared_and_fails_elsewhere_is_told_again(note: Note) -> None:
    assert note(alert(), began=T0 - HOUR).notify == "first"
    assert note(of_run(), began=T0 - HOUR).notify == "no"
    cleared = T0 + 10 * MINUTE
    at = cleared + MINUTE
    assert note(of_run("run-timed-out", at=at), began=cleared).notify == "first"
    assert note(alert(what="build", step="build", at=at), began=cleared).notify == "no"
    cleared = at + MINUTE
    assert note(alert(what="gate", step="gate", at=cleared), began=cleared).notify == "first"


def test_a_worker_whose_clock_is_behind_does_not_make_two_messages(note: Note) -> None:
    began = T0 + timedelta(seconds=5)
    assert note(alert(), began=began).notify == "first"
    assert note(of_run(at=T0 + MINUTE), began=began).notify == "no"


def test_a_warning_or_a_late_run_has_not_spoken_for_a_failure(note: Note) -> None:
    assert note(alert("gate-warned", what="gate", step="gate"), began=T0).notify == "first"
    assert note(of_run("late"), began=T0).notify == "first"
    assert note(of_run("run-timed-out"), began=T0).notify == "first"


def test_a_run_that_failed_is_not_late_too(note: Note) -> None:
    note(alert())
    assert note(of_run("late", at=T0 + 8 * HOUR)).notify == "no"


# --- one cause ---


def down(**fields: Any) -> Alert:
    return alert("upstream-down", **{"what": "", "cause": "Transient: 503", **fields})


def test_an_outage_is_one_trouble_in_whatever_step_of_whatever_run_it_is_met(
    note: Note, registry: Registry
) -> None:
    first = note(down(), began=T0 - HOUR)
    probe = note(
        down(step="probe", run_id="run2", occurrence="run2|probe|4", at=T0 + MINUTE), began=T0 + MINUTE
    )
    assert (probe.id, probe.notify, probe.count) == (first.id, "no", 2)
    assert len(episodes.recover(registry, "ctgov", ended(T0 + HOUR))) == 1


@pytest.mark.parametrize("kind", sorted(episodes.CONSEQUENCES))
@pytest.mark.parametrize("cause", [down(), of_run("late")], ids=["failed", "late"])
def test_what_follows_from_a_failure_has_nothing_to_add_while_that_is_told(
    note: Note, registry: Registry, kind: str, cause: Alert
) -> None:
    rate = alert(kind, what="", step=None, run_id=None, occurrence="w1")
    note(cause)
    assert note(rate).notify == "no"
    assert note(alert(kind, what="", step=None, run_id=None, source="other")).notify == "first"
    episodes.recover(registry, "ctgov", ended(T0 + HOUR))
    assert note(msgspec.structs.replace(rate, occurrence="w2", at=T0 + HOUR)).notify == "first"


# --- units of a mapped step ---


def unit(name: str, cause: str = "Transient: 503", /, kind: str = "upstream-down", **fields: Any) -> Alert:
    run_id = fields.get("run_id", "run1")
    occurrence = f"{run_id}|extract|{name}"
    return alert(
        kind,
        **{
            "what": "",
            "unit": name,
            "units": {name: cause},
            "occurrence": occurrence,
            "cause": cause,
            **fields,
        },
    )


def test_the_units_of_a_run_are_held_back_and_told_together_with_every_name_and_cause(
    note: Note, registry: Registry
) -> None:
    began = T0 - HOUR
    for name, cause in {
        "Cup 24/25": "Transient: 503",
        "League": "Transient: 504",
        "Cup 25/26": "Transient: 503",
    }.items():
        assert note(unit(name, cause), began=began, hold=True).notify == "no"
    assert note(of_watcher(at=T0 + MINUTE), began=began).notify == "no"
    assert episodes.undelivered(registry) == []
    speaks = note(of_run(at=T0 + 2 * MINUTE), began=began)
    assert (speaks.notify, speaks.held) == ("no", ["run1"])
    notified = episodes.release(registry, "ctgov", "run1", hourly, at=T0 + 2 * MINUTE)
    assert notified is not None and (notified.notify, notified.count) == ("first", 3)
    assert notified.alert.units == {
        "Cup 24/25": "Transient: 503",
        "League": "Transient: 504",
        "Cup 25/26": "Transient: 503",
    }
    assert notified.alert.title == "ctgov: 3 units failed, the upstream did not answer"
    assert episodes.release(registry, "ctgov", "run1", hourly, at=T0 + 2 * MINUTE) is None
    assert note(of_run(at=T0 + 3 * MINUTE, occurrence="again"), began=began).notify == "no"


def test_units_that_fail_of_several_causes_are_one_message(note: Note, registry: Registry) -> None:
    began = T0 - HOUR
    note(unit("Cup"), began=began, hold=True)
    note(unit("League", "ContractBreak: no key", "upstream-changed"), began=began, hold=True)
    notified = episodes.release(registry, "ctgov", "run1", hourly, at=T0)
    assert notified is not None and notified.alert.units == {
        "Cup": "Transient: 503",
        "League": "ContractBreak: no key",
    }
    assert [e.alert.kind for e in episodes.open_episodes(registry)] == ["upstream-down"]


def test_units_of_the_next_run_do_not_name_those_of_the_one_before(note: Note, registry: Registry) -> None:
    for number in (1, 2):
        run, at = f"run{number}", T0 + number * 2 * HOUR
        note(unit(f"Cup {number}", run_id=run, at=at), began=at - MINUTE, hold=True)
        notified = episodes.release(registry, "ctgov", run, hourly, at=at)
        assert notified is not None and list(notified.alert.units) == [f"Cup {number}"]
        assert notified.notify == ("first", "again")[number - 1]


def test_units_of_a_run_that_was_cleared_and_succeeded_are_never_told(note: Note, registry: Registry) -> None:
    note(unit("Cup"), began=T0 - HOUR, hold=True)
    assert episodes.recover(registry, "ctgov", ended(T0 + MINUTE, "run1")) == []
    assert episodes.release(registry, "ctgov", "run1", hourly, at=T0 + HOUR) is None


def test_what_is_held_back_too_long_or_of_a_run_that_is_over_is_found(note: Note, registry: Registry) -> None:
    now = datetime.now(UTC)
    note(unit("Cup", at=now - HOUR), hold=True)
    note(unit("Cup", at=now, source="other"), hold=True)
    note(unit("Cup", at=now, source="third"), hold=True)
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM lastgood.pipeline_run")
        cursor.execute(
            "INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_end, started, ended, status, "
            "env, code_version) VALUES ('third', 'v', 'third', 'run1', now(), now(), %s, 'partial', '', '')",
            (now - 3 * MINUTE,),
        )
    found = episodes.held_back(registry, 30 * MINUTE)
    assert [(episode.alert.source, run) for episode, run in found] == [("ctgov", "run1"), ("third", "run1")]


# --- silences ---


def test_what_is_silenced_is_kept_and_told_as_the_first_once_the_silence_is_over(
    note: Note, registry: Registry
) -> None:
    silent = note(alert(), silenced=True)
    assert (silent.notify, silent.notified, silent.count) == ("no", 0, 1)
    assert note(of_run()).notify == "no"
    spoken = note(alert(run_id="run2", at=T0 + MINUTE))
    assert (spoken.id, spoken.notify, spoken.notified, spoken.count) == (silent.id, "first", 1, 2)


def test_what_lasts_longer_than_its_silence_is_told(note: Note) -> None:
    assert note(stale(), silenced=True).notify == "no"
    assert note(stale(at=T0 + MINUTE), silenced=True).notify == "no"
    notified = note(stale(at=T0 + HOUR))
    assert (notified.notify, notified.count) == ("first", 1)


def test_a_silence_begun_later_stops_what_would_be_told_again(note: Note) -> None:
    note(stale())
    assert note(stale(occurrence="v2", at=T0 + 2 * HOUR), silenced=True).notify == "no"
    assert note(stale(occurrence="v3", at=T0 + 3 * HOUR)).notify == "again"


# --- until it is over ---


def test_a_run_that_began_later_and_succeeded_ends_it_once(note: Note, registry: Registry) -> None:
    note(alert())
    note(alert(source="other"))
    assert episodes.recover(registry, "ctgov", ended(T0)) == []
    [over] = episodes.recover(registry, "ctgov", ended(T0 + MINUTE))
    assert over.recovered_at is not None and over.reason == "recovered" and over.alert == alert()
    assert episodes.recover(registry, "ctgov", ended(T0 + MINUTE)) == []
    assert [e.alert.source for e in episodes.open_episodes(registry)] == ["other"]
    assert note(alert(run_id="run2", at=T0 + HOUR)).notify == "first"


def test_a_late_run_is_over_when_it_succeeds_itself(note: Note, registry: Registry) -> None:
    note(of_run("late"))
    assert [e.alert.kind for e in episodes.recover(registry, "ctgov", ended(T0 - 8 * HOUR, "run1"))] == [
        "late"
    ]
    note(of_run("late"))
    assert episodes.recover(registry, "ctgov", ended(T0 - 8 * HOUR, "backfill1")) == [], (
        "another run proves nothing"
    )
    assert len(episodes.recover(registry, "ctgov", ended(T0 + MINUTE))) == 1, "a later one does"


def test_what_nobody_was_told_of_ends_without_a_word(note: Note, registry: Registry) -> None:
    note(alert(), silenced=True)
    assert episodes.recover(registry, "ctgov", ended(T0 + MINUTE)) == []
    assert episodes.open_episodes(registry) == []


def test_a_success_does_not_end_what_the_watch_finds(note: Note, registry: Registry) -> None:
    note(stale())
    assert episodes.recover(registry, "ctgov", ended(T0 + MINUTE)) == []
    assert len(episodes.open_episodes(registry, "ctgov")) == 1


@pytest.mark.parametrize(
    ("kind", "step", "proof", "over"),
    [
        ("task-failed", "extract", {"whole": False, "steps": frozenset({"probe"}), "asked": True}, False),
        ("task-failed", "probe", {"whole": False, "steps": frozenset({"probe"})}, True),
        ("task-killed", "extract", {"whole": False, "steps": frozenset({"probe"}), "asked": True}, False),
        ("run-failed", None, {"whole": False, "steps": frozenset({"probe"}), "asked": True}, False),
        ("upstream-down", "extract", {"whole": False, "steps": frozenset({"probe"}), "asked": True}, True),
        ("upstream-down", "probe", {"whole": False, "steps": frozenset({"probe"}), "asked": False}, False),
        ("gate-rejected", "gate", {"whole": False, "steps": frozenset({"probe"}), "asked": True}, False),
        ("gate-rejected", "gate", {"published": False}, False),
        ("gate-rejected", "gate", {}, True),
        ("task-failed", "extract", {"published": False}, True),
        ("upstream-changed", "extract", {"published": False}, True),
    ],
)
def test_a_run_ends_what_it_proves_to_be_over_and_a_skipped_one_proves_little(
    note: Note, registry: Registry, kind: str, step: str | None, proof: dict[str, Any], over: bool
) -> None:
    note(alert(kind, what="", step=step))
    assert len(episodes.recover(registry, "ctgov", ended(T0 + MINUTE, **proof))) == over


def test_nothing_is_over_while_a_newer_failure_is_open(note: Note, registry: Registry) -> None:
    note(alert())
    note(alert(what="build", step="build", run_id="run2", at=T0 + 2 * HOUR))
    assert episodes.recover(registry, "ctgov", ended(T0 + HOUR)) == []
    over = episodes.recover(registry, "ctgov", ended(T0 + 3 * HOUR))
    assert [e.alert.what for e in over] == ["extract", "build"]


def test_a_rejection_is_over_once_its_version_is_published_by_whatever_way(
    note: Note, registry: Registry
) -> None:
    note(alert("gate-rejected", what="", step="gate", version="v2"))
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM lastgood.dataset_version")
        cursor.execute(
            "INSERT INTO lastgood.dataset_version (source, version, as_of, state, manifest_sha256) "
            "VALUES ('ctgov', 'v2', now(), 'rejected', '0')"
        )
    assert episodes.recover_accepted(registry) == []
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.dataset_version SET state = 'superseded', published_at = now()")
    assert [e.alert.version for e in episodes.recover_accepted(registry)] == ["v2"]
    assert episodes.recover_accepted(registry) == []


def test_what_only_an_earlier_release_knew_is_closed_by_the_watch(note: Note, registry: Registry) -> None:
    old = note(alert("breaker-open", what="", step=None, run_id=None))
    assert old.alert.title == "ctgov: breaker-open"
    assert [e.alert.kind for e in episodes.recover_absent(registry, (), {"stale"})] == ["breaker-open"]


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
    assert episodes.recover(registry, "ctgov", ended(T0 + MINUTE)) == []
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
    [over] = episodes.recover(registry, "ctgov", ended(now))
    assert over.delivered == {}
    episodes.delivered(registry, one.id, {"mail": "refused"})
    assert [e.reason for e in episodes.undelivered(registry)] == ["recovered"]


def test_nobody_is_told_late_that_something_is_over_which_is_there_again(
    note: Note, registry: Registry
) -> None:
    now = datetime.now(UTC)
    one = note(alert(at=now - HOUR))
    episodes.recover(registry, "ctgov", ended(now - MINUTE))
    episodes.delivered(registry, one.id, {"log": None, "mail": "refused"})
    assert [e.reason for e in episodes.undelivered(registry)] == ["recovered"]
    again = note(alert(what="build", step="build", run_id="run2", at=now))
    episodes.delivered(registry, again.id, {"log": None, "mail": "refused"})
    assert [(e.id, e.reason) for e in episodes.undelivered(registry)] == [(again.id, "first")]


# --- at once ---


@pytest.mark.parametrize(
    "calls",
    [list(CALLS.values()), [alert(run_id=f"run{n}") for n in range(5)]],
    ids=["all about one run", "one step in several runs"],
)
def test_callers_at_the_same_moment_make_exactly_one_message(
    dsn: str, empty: Callable[[], None], calls: list[Alert]
) -> None:
    together = Barrier(len(calls))
    registry = Registry(lambda: psycopg.connect(dsn))

    def call(one: Alert) -> str:
        with registry.session():
            registry.latest("ctgov")  # each is connected before any of them goes on
            together.wait(timeout=60)
            return episodes.note(registry, one, hourly, began=T0 - HOUR).notify

    with ThreadPoolExecutor(len(calls)) as pool:
        for _ in range(10):
            empty()
            assert sorted(pool.map(call, calls)) == ["first", *["no"] * (len(calls) - 1)]


def test_two_callers_do_not_both_tell_that_it_is_over(note: Note, dsn: str) -> None:
    note(alert())
    registry = Registry(lambda: psycopg.connect(dsn))
    with ThreadPoolExecutor(4) as pool:
        over = list(pool.map(lambda _: episodes.recover(registry, "ctgov", ended(T0 + MINUTE)), range(4)))
    assert sum(map(len, over)) == 1


# --- kinds ---


@pytest.mark.parametrize("kind", ["held", "staged-too-long", "setup"])
def test_what_waits_for_a_person_is_told_again_the_next_day(note: Note, kind: str) -> None:
    hours = [0, 1, 2, 4, 8, 23, 24, 30, 48]
    looks = [
        alert(kind, what="", step=None, run_id=None, occurrence=f"look {n}", at=T0 + n * HOUR) for n in hours
    ]
    notified = [note(look).notify for look in looks]
    assert [(n, tell) for n, tell in zip(hours, notified, strict=True) if tell != "no"] == [
        (0, "first"),
        (24, "again"),
        (48, "again"),
    ]


def test_every_kind_is_an_anchor_and_says_what_happened_and_what_to_do() -> None:
    for name, kind in KINDS.items():
        assert name == kind.name and re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert kind.headline and kind.headline[0].islower() and not kind.headline.endswith(".")
        assert kind.todo and kind.todo[0].isupper() and kind.todo.endswith(".")
        assert kind.was and "is not" not in kind.was and not kind.was.endswith(".")
        assert not kind.harm or (kind.harm[0].islower() and kind.harm.endswith("."))
    assert KINDS.keys() >= episodes.FAILURES | episodes.OF_RUN | episodes.CONSEQUENCES


def test_an_open_episode_of_an_earlier_release_still_knows_that_people_were_notified() -> None:
    kept = {"seen": T0.isoformat(), "told": T0.isoformat(), "held": False}
    assert msgspec.convert(kept, episodes.RunSeen) == episodes.RunSeen(T0, T0)
    assert msgspec.to_builtins(episodes.RunSeen(T0, T0)).keys() == kept.keys()
