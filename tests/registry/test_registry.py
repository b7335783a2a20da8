"""The registry's schema: brought up to date once, and never touched by an older release."""

from __future__ import annotations

import contextlib
import math
import socket
import subprocess
import sys
import time
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.registry import connection, dump, locks, run_log
from include.registry.actions import insert_action
from include.registry.connection import NewerRegistry, alembic_config, connect_timeout, dial, revisions
from include.registry.locks import LatestHeld, is_moving, lock_latest
from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy
from tests.counting import counted


def test_revisions_are_told_by_the_names_of_migrations_as_alembic_tells_them() -> None:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(alembic_config())
    assert revisions() == sorted(script.revision for script in scripts.walk_revisions())
    assert revisions()[-1] == scripts.get_current_head()


def test_all_addresses_of_a_registry_share_one_time_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def resolved(host: str, *rest: Any, **more: Any) -> list[Any]:
        return (
            resolve("127.0.0.1", *rest, **more) * 3
            if host == "many.example"
            else resolve(host, *rest, **more)
        )

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.delenv("PGCONNECT_TIMEOUT", raising=False)
    assert connect_timeout(None) == connect_timeout("/run/postgresql") == 30
    assert connect_timeout("many.example") == 10 and connect_timeout("many.example,127.0.0.1", "16") == 4
    assert connect_timeout("many.example", 1) == 2, "libpq waits for no less"
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "12")
    assert connect_timeout("many.example", 0) == 4
    with socket.socket() as deaf, contextlib.ExitStack() as stack:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):  # its queue is full from then on
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(deaf.getsockname())
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError, match="timeout"):
            dial(f"postgresql://many.example:{deaf.getsockname()[1]}/db?connect_timeout=6")
    assert time.monotonic() - began < 10


def test_where_there_is_nothing_to_migrate_nothing_is_loaded_for_it(registry: Registry, dsn: str) -> None:
    code = (
        "import psycopg, sys; from include.registry.registry import Registry\n"
        f"Registry(lambda: psycopg.connect({dsn!r})).migrate()\n"
        "assert not {'alembic', 'sqlalchemy', 'pyarrow', 'duckdb'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_migrating_again_changes_nothing(registry: Registry) -> None:
    assert registry.migrate() == registry.migrate()


def test_what_was_decided_before_the_others_were_told_counts_as_told(dsn: str) -> None:
    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(dsn)

    with dump.transaction(connect, keep=False) as (cursor, upgrade):
        cursor.execute("DROP SCHEMA IF EXISTS lastgood CASCADE")
        cursor.execute("CREATE SCHEMA lastgood")
        upgrade("0006")
        cursor.execute(
            "INSERT INTO lastgood.action (who, what, source, reason) VALUES ('ana', 'rollback', 'toy', 'x')"
        )
        upgrade("head")
        insert_action(cursor, who="ana", what="pin", source="toy", version=None, reason="x")
        insert_action(cursor, who="ana", what="rollback", source="toy", version=None, reason="x")
        cursor.execute("SELECT notified_at IS NULL AS untold, delivered FROM lastgood.action ORDER BY id")
        assert cursor.fetchall() == [{"untold": untold, "delivered": {}} for untold in (False, False, True)]


def test_an_older_release_says_that_the_registry_is_newer_and_changes_nothing(registry: Registry) -> None:
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.schema_version SET version_num = '9999'")
    with pytest.raises(NewerRegistry, match=r"at revision 9999, which this release does not know.*deploy"):
        registry.migrate()
    with registry.transaction() as cursor:
        cursor.execute("SELECT version_num FROM lastgood.schema_version")
        assert cursor.fetchall() == [{"version_num": "9999"}]


def test_a_migration_that_the_database_stops_says_so_in_the_databases_own_words(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection._BOUNDS, "lock_timeout", "50ms")
    impatient = Registry(lambda: psycopg.connect(dsn))
    with psycopg.connect(dsn) as other, other.transaction():
        other.execute("DROP SCHEMA IF EXISTS lastgood CASCADE")
        other.execute("SELECT pg_advisory_xact_lock(%s)", (connection._MIGRATION_LOCK,))
        other.execute("CREATE SCHEMA lastgood")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            impatient.migrate()


ODD = "NUL \0, half a pair \ud83d, Ж"
PLAIN = "NUL  , half a pair ?, Ж"


def test_whatever_an_error_or_a_row_holds_is_written_down(registry: Registry) -> None:
    with registry.connect() as connection:
        row = connection.execute(
            "SELECT %s, %s::text[], %s, %s",
            (ODD, [ODD], Jsonb({ODD: [ODD, math.nan, -math.inf]}), math.inf),
        ).fetchone()
    assert row == (PLAIN, [PLAIN], {PLAIN: [PLAIN, "nan", "-inf"]}, math.inf)


def test_a_step_that_fails_oddly_is_noted_and_ends_its_run(registry: Registry) -> None:
    with pytest.raises(ValueError, match="half a pair"), run_log.step(registry, toy.SOURCE, "v", "build"):
        raise ValueError(ODD)
    run_log.start(
        registry,
        source=toy.SOURCE,
        version="v",
        dag_id=toy.SOURCE,
        run_id=ODD,
        interval_start=None,
        interval_end=toy.START,
        env="test",
        code_version="test",
    )
    with pytest.raises(ValueError, match="half a pair"), run_log.step(registry, toy.SOURCE, "v", "build"):
        raise ValueError(ODD)
    with run_log.step(registry, toy.SOURCE, "v", "extract") as facts:
        facts.update(share=math.nan, said=[ODD])
    (run,) = run_log.runs(registry)
    assert run["steps"]["build"]["error"] == f"ValueError: {PLAIN}"
    assert (run["steps"]["extract"]["share"], run["steps"]["extract"]["said"]) == ("nan", [PLAIN])


def test_a_verdict_on_odd_rows_is_kept(store: Store, registry: Registry) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    verdict = toy.judge(store, registry, manifest)
    odd = msgspec.structs.replace(
        verdict.checks[0], outcome="FAILED", name=ODD, value=math.nan, samples=[{ODD: math.nan, "is": ODD}]
    )
    registry.record_verdict(msgspec.structs.replace(verdict, checks=[odd]), "0" * 64)
    (kept,) = registry.check_results(toy.SOURCE, manifest.version)
    assert (kept["name"], kept["samples"]) == (PLAIN, [{PLAIN: "nan", "is": PLAIN}])


def test_a_session_asks_everything_over_one_connection_and_closes_it(dsn: str) -> None:
    registry, opened = counted(dsn)
    with registry.session():
        registry.latest("toy")
        with registry.session():
            registry.versions("toy")
    registry.latest("toy")
    assert [connection.closed for connection in opened] == [True, True], "one for the session, one after it"


def test_transactions_of_a_session_are_committed_each_by_itself(dsn: str, registry: Registry) -> None:
    with pytest.raises(ZeroDivisionError), registry.session():
        with registry.transaction() as cursor:
            lock_latest(cursor, "kept", "test")
        with registry.transaction() as cursor:
            lock_latest(cursor, "lost", "test")
            raise ZeroDivisionError
    with registry.transaction() as cursor:
        cursor.execute("SELECT source FROM lastgood.latest")
        assert cursor.fetchall() == [{"source": "kept"}]


def test_a_session_whose_connection_was_cut_goes_on_with_a_new_one(dsn: str) -> None:
    registry, opened = counted(dsn)
    with registry.session():
        registry.latest("toy")
        with psycopg.connect(dsn) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (opened[0].info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            registry.latest("toy")
        assert registry.latest("toy") is None


def test_a_session_does_not_trust_a_connection_that_lay_idle(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, opened = counted(dsn)
    monkeypatch.setattr(connection, "IDLE_SECONDS", -1)
    with registry.session():
        with registry.transaction() as cursor:
            registry.latest("toy")
            cursor.execute("SELECT 1")
        assert len(opened) == 1, "one that is in a transaction is not idle"
        registry.latest("toy")
        assert [connection.closed for connection in opened] == [True, False]


@pytest.mark.parametrize(
    "bound", ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"]
)
def test_no_connection_of_ours_waits_without_end(registry: Registry, bound: str) -> None:
    with registry.transaction() as cursor:
        cursor.execute("SELECT current_setting(%s) AS value", (bound,))
        assert cursor.fetchone() != {"value": "0"}


def test_whoever_waits_for_latest_in_vain_is_told_who_holds_it(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection._BOUNDS, "lock_timeout", "200ms")
    with registry.transaction() as cursor:
        lock_latest(cursor, "toy", "promote")
        assert is_moving(registry, "toy")
        assert not is_moving(registry, "other")
        with (
            pytest.raises(
                LatestHeld, match=r"latest of toy is held by lastgood promote toy \(process \d+ of"
            ),
            registry.transaction() as second,
        ):
            lock_latest(second, "toy", "roll back")


def test_who_holds_latest_for_longer_than_a_lease_loses_it(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection._BOUNDS, "lock_timeout", "200ms")
    monkeypatch.setattr(locks, "LEASE_SECONDS", 0)
    with pytest.raises(psycopg.OperationalError), registry.transaction() as frozen:
        lock_latest(frozen, "toy", "promote")
        with registry.transaction() as second:
            assert lock_latest(second, "toy", "roll back").version is None
        frozen.execute("SELECT 1")


def test_who_stands_still_in_the_middle_of_a_copy_is_ended_by_who_only_looks(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No timeout of PostgreSQL's ends a COPY that waits for its rows, and recovery leaves what is being moved alone."""
    for name in connection._BOUNDS:
        monkeypatch.setitem(connection._BOUNDS, name, "200ms")
    with (
        pytest.raises(psycopg.OperationalError),
        registry.transaction() as frozen,
    ):
        lock_latest(frozen, "toy", "promote")
        frozen.execute("CREATE TEMPORARY TABLE things (id bigint) ON COMMIT DROP")
        with frozen.copy("COPY things FROM STDIN") as copy:
            copy.write(b"1\n")
            time.sleep(1)
            assert is_moving(registry, "toy"), "its lease is not over"
            monkeypatch.setattr(locks, "LEASE_SECONDS", 0)
            until = time.monotonic() + 10
            while is_moving(registry, "toy"):
                assert time.monotonic() < until, "it holds latest for ever"
                time.sleep(0.05)


def test_a_transaction_whose_connection_was_cut_does_not_go_on_with_another_one(dsn: str) -> None:
    registry, opened = counted(dsn)
    with pytest.raises(psycopg.OperationalError), registry.session(), registry.transaction() as cursor:
        lock_latest(cursor, "toy", "test")
        with psycopg.connect(dsn) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (opened[0].info.backend_pid,))
        with contextlib.suppress(psycopg.OperationalError):
            registry.latest("toy")
        registry.latest("toy")
    assert len(opened) == 1
