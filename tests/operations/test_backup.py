"""A backup is proven when it is taken, and brings everything back where only the backup is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from include.operations import backup as backups
from include.operations import rebuild, verification
from include.operations.backup import Backup, Restored
from include.publishing import manifest as manifests
from include.publishing import pointers, promotion
from include.registry import dump
from include.registry.actions import insert_action
from include.registry.connection import Connect
from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy
from tests.publishing import quick

NOW = toy.START + timedelta(days=100)
NEW_SCRATCH = dump.scratch_database
HOSTILE = 'a "quoted", back\\slash\nnew line, \t tab, \\. and NULL, é 試 \u2028'


@pytest.fixture
def root(tmp_path: Path) -> Store:
    return Store.from_uri((tmp_path / "second").as_uri())


@pytest.fixture(scope="module")
def new_database(postgres: str) -> Iterator[str]:
    """A database with nothing in it, as on a new machine."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE new_machine")
    yield make_conninfo(postgres, dbname="new_machine")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE new_machine WITH (FORCE)")


@pytest.fixture
def empty(new_database: str) -> Iterator[Registry]:
    """A registry that is not even migrated."""
    yield Registry(lambda: psycopg.connect(new_database))
    with psycopg.connect(new_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS lastgood CASCADE; DROP SCHEMA IF EXISTS published CASCADE")


@pytest.fixture(autouse=True)
def same_scratch(new_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All backups are proven in one database, since making one takes its time."""

    @contextmanager
    def same(connect: Connect, now: datetime) -> Iterator[Connect]:
        yield lambda: psycopg.connect(new_database)

    monkeypatch.setattr(dump, "scratch_database", same)


@pytest.fixture
def new_scratch(same_scratch: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in earnest: a new database for each proof."""
    monkeypatch.setattr(dump, "scratch_database", NEW_SCRATCH)


def take(store: Store, registry: Registry, root: Store, day: float = 0, **options: Any) -> Backup:
    now = NOW + timedelta(days=day)
    return backups.backup(store, registry, root, now=now, code_version="test", **options)


def bring_back(root: Store, store: Store, registry: Registry, stamp: str | None = None) -> Restored:
    return backups.restore(root, store, registry, who="ana", stamp=stamp)


def act(registry: Registry, reason: str) -> None:
    with registry.transaction() as cursor:
        insert_action(cursor, who="ana", what="note", source=toy.SOURCE, version=None, reason=reason)


def contents(registry: Registry) -> dict[str, list[Any]]:
    """Every row of every table of the registry."""
    found = {}
    with registry.transaction() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'lastgood'")
        for name in [row["tablename"] for row in cursor.fetchall()]:
            cursor.execute(f"SELECT t::text AS row FROM lastgood.{name} t ORDER BY 1")
            found[name] = [row["row"] for row in cursor.fetchall()]
    return found


def scratch_databases(postgres: str) -> list[str]:
    with psycopg.connect(postgres) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'lastgood_restore%'")
        return [row[0] for row in found.fetchall()]


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_a_machine_with_only_the_backup_serves_the_last_good_version_again(
    store: Store,
    registry: Registry,
    empty: Registry,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    kind: str,
) -> None:
    root = (
        request.getfixturevalue("s3_store")
        if kind == "s3"
        else Store.from_uri((tmp_path / "second").as_uri())
    )
    quick.publish(store, registry, 3, day=1)
    act(registry, HOSTILE)
    latest = quick.publish(store, registry, {1: HOSTILE, 2: None, 3: ""}, day=2)
    made = take(store, registry, root)
    before = contents(registry)
    store.fs.rm(store.root, recursive=True)
    fresh = Store.from_uri((tmp_path / "new machine").as_uri())
    done = bring_back(root, fresh, empty)
    assert (done.stamp, done.latest) == (made.stamp, {toy.SOURCE: latest.version})
    assert toy.served(empty) == toy.read(fresh, latest) == {1: HOSTILE, 2: None, 3: ""}
    pointer = pointers.read_pointer(fresh, toy.SOURCE)
    assert pointer is not None and pointer.version == latest.version
    after = contents(empty)
    with empty.transaction() as cursor:
        cursor.execute("SELECT id, who, what FROM lastgood.action ORDER BY id DESC LIMIT 1")
        assert cursor.fetchone() == {"id": len(before["action"]) + 1, "who": "ana", "what": "restore"}
    assert after.pop("action")[:1] == before.pop("action")
    assert after == before
    following = quick.publish(fresh, empty, {1: "x", 2: "y", 3: "z"}, day=3)
    assert toy.served(empty) == toy.read(fresh, following)


@pytest.mark.usefixtures("new_scratch")
def test_of_what_was_decided_only_the_restore_itself_is_still_to_be_told(
    store: Store, registry: Registry, empty: Registry, root: Store, tmp_path: Path
) -> None:
    quick.publish(store, registry, 3, day=1)
    with registry.transaction() as cursor:
        insert_action(
            cursor, who="ana", what="hold", source=toy.SOURCE, version=None, reason="a minute before"
        )
    take(store, registry, root)
    bring_back(root, Store.from_uri((tmp_path / "new machine").as_uri()), empty)
    with empty.transaction() as cursor:
        cursor.execute("SELECT what, notified_at IS NULL AS untold FROM lastgood.action ORDER BY id")
        assert cursor.fetchall() == [{"what": "hold", "untold": False}, {"what": "restore", "untold": True}]


def test_a_backup_is_proven_elsewhere_and_leaves_no_database_behind(
    store: Store, registry: Registry, root: Store, postgres: str
) -> None:
    quick.publish(store, registry, 100, day=1)
    made = take(store, registry, root)
    assert backups.newest(root) == made and made.age(NOW + timedelta(hours=3)) == timedelta(hours=3)
    assert {table.name: table.rows for table in made.tables}["dataset_version"] == made.files == 1
    assert scratch_databases(postgres) == []
    held = backups.store_of(root)
    pointer = pointers.read_pointer(held, toy.SOURCE)
    assert pointer is not None and pointer.version == made.latest[toy.SOURCE].version
    assert len(manifests.verify(held, manifests.require(held, toy.SOURCE, pointer.version))) == 1


def test_the_second_root_alone_is_a_store_the_registry_can_be_rebuilt_from(
    store: Store, registry: Registry, root: Store, empty: Registry
) -> None:
    quick.publish(store, registry, 100, day=1)
    latest = quick.publish(store, registry, 101, day=2)
    take(store, registry, root)
    assert rebuild.rebuild(backups.store_of(root), empty).versions == {toy.SOURCE: 2}
    assert toy.served(empty) == toy.read(store, latest)


@pytest.mark.usefixtures("new_scratch")
@pytest.mark.parametrize("damage", ["altered", "cut off", "a row less"])
def test_a_dump_that_does_not_come_back_equal_counts_as_no_backup(
    store: Store,
    registry: Registry,
    root: Store,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    quick.publish(store, registry, 100, day=1)
    act(registry, "one")
    write = dump.write

    def damaged(cursor: dump.Cursor, target: Store, prefix: str) -> tuple[dump.DumpedTable, ...]:
        if damage == "a row less":
            monkeypatch.setattr(dump, "_digest", lambda *_: (2, "1"))
            made = write(cursor, target, prefix)
            monkeypatch.undo()
            return made
        made = write(cursor, target, prefix)
        key = f"{prefix}/action.csv.zst"
        data = target.read_bytes(key)
        target.write_bytes(key, data[:-9] if damage == "cut off" else data[:-1] + bytes([data[-1] ^ 1]))
        return made

    monkeypatch.setattr(dump, "write", damaged)
    with pytest.raises(dump.DamagedDump):
        take(store, registry, root)
    assert backups.newest(root) is None and scratch_databases(postgres) == []
    with pytest.raises(backups.NoBackup, match="no verified backup"):
        bring_back(root, store, registry)


def test_a_given_scratch_database_is_used_and_left_as_it_was(
    store: Store, registry: Registry, root: Store, empty: Registry, connect: Connect
) -> None:
    quick.publish(store, registry, 100, day=1)
    take(store, registry, root, scratch=empty.connect)
    with empty.transaction() as cursor:
        cursor.execute("SELECT to_regnamespace('lastgood') AS schema")
        assert cursor.fetchone() == {"schema": None}
    before = contents(registry)
    with pytest.raises(dump.NoScratch, match="must not touch"):
        take(store, registry, root, day=1, scratch=connect)
    assert contents(registry) == before


@pytest.mark.usefixtures("new_scratch")
def test_a_user_who_may_not_create_databases_is_told_what_to_grant(
    store: Store, registry: Registry, root: Store, dsn: str, postgres: str
) -> None:
    quick.publish(store, registry, 100, day=1)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS humble")
        connection.execute("CREATE ROLE humble LOGIN IN ROLE pg_read_all_data")
    try:
        humble = Registry(lambda: psycopg.connect(dsn, user="humble"))
        with pytest.raises(dump.NoScratch, match='ALTER ROLE "humble" CREATEDB'):
            take(store, humble, root)
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DROP ROLE humble")
    assert backups.newest(root) is None


@pytest.mark.usefixtures("new_scratch")
def test_what_a_killed_check_left_behind_is_dropped_a_day_later_and_no_sooner(
    store: Store, registry: Registry, root: Store, postgres: str
) -> None:
    quick.publish(store, registry, 100, day=1)
    old, young = (
        f"lastgood_restore_check_{NOW - age:%Y%m%d%H%M%S}_00000a"
        for age in (timedelta(25 / 24), timedelta(0))
    )
    other = "lastgood_restored_by_hand"
    with psycopg.connect(postgres, autocommit=True) as connection:
        for name in (old, young, other):
            connection.execute(f"CREATE DATABASE {name}")
        try:
            take(store, registry, root)
            assert set(scratch_databases(postgres)) == {young, other}
        finally:
            for name in (young, other):
                connection.execute(f"DROP DATABASE {name}")


def test_files_are_copied_once_and_go_when_no_kept_backup_needs_them(
    store: Store, registry: Registry, root: Store
) -> None:
    first = quick.publish(store, registry, 100, day=1)
    made = [take(store, registry, root)]
    made.append(take(store, registry, root, day=20))
    quick.publish(store, registry, 101, day=2)
    third = quick.publish(store, registry, 102, day=3)
    made.append(take(store, registry, root, day=40, keep=2))
    assert [one.copied_files for one in made] == [1, 0, 4], "tables and lists of changes of the newest two"
    assert [one.stamp for one in backups.backups(root)] == [made[2].stamp, made[1].stamp]
    held = backups.store_of(root)
    assert held.exists(first.files[0].path), "the second backup needs it"
    root.write_bytes("backups/20260101T000000Z/registry/action.csv.zst", b"a killed backup")
    for each, key in ((root, ".scratch/dump-1/action"), (held, ".scratch/backup-1/copy")):
        each.write_bytes(key, b"of the same")
        os.utime(each.full(key), (0, 0))
    root.write_bytes(".scratch/dump-2/action", b"of another one, just now")
    take(store, registry, root, day=41, keep=2)
    assert not held.exists(first.files[0].path) and held.exists(third.files[0].path)
    assert {key.split("/")[1] for key in root.list("backups")} == {made[2].stamp, "20260720T000000Z"}
    assert root.list(".scratch") + held.list(".scratch") == [".scratch/dump-2/action"]
    take(store, registry, root, day=42, keep=1)
    assert len(backups.backups(root)) == 3, "none younger than a week goes"


def test_an_earlier_backup_can_be_chosen(
    store: Store, registry: Registry, root: Store, empty: Registry, tmp_path: Path
) -> None:
    first = quick.publish(store, registry, 100, day=1)
    made = take(store, registry, root)
    quick.publish(store, registry, 101, day=2)
    take(store, registry, root, day=1)
    fresh = Store.from_uri((tmp_path / "fresh").as_uri())
    with pytest.raises(backups.NoBackup, match=made.stamp):
        bring_back(root, fresh, empty, stamp="20200101T000000Z")
    assert bring_back(root, fresh, empty, stamp=made.stamp).latest == {toy.SOURCE: first.version}
    assert toy.served(empty) == toy.read(fresh, first)


def test_after_a_restore_whatever_the_backup_holds_can_be_rolled_back_to_and_verifies(
    store: Store, registry: Registry, root: Store, empty: Registry, tmp_path: Path
) -> None:
    first = quick.publish(store, registry, 100, day=1)
    take(store, registry, root)
    missing, *_ = [quick.publish(store, registry, 100 + day, day=day) for day in (2, 3, 4)]
    store.delete_tree(manifests.folder(toy.SOURCE, missing.version))
    take(store, registry, root, day=1)
    fresh = Store.from_uri((tmp_path / "fresh").as_uri())
    bring_back(root, fresh, empty)
    assert verification.verify(fresh, empty).damaged == ()
    promotion.rollback(fresh, empty, toy.SOURCE, who="ana", reason="wrong", to=first.version)
    assert toy.served(empty) == toy.read(fresh, first)


def test_a_version_before_latest_that_is_lost_keeps_no_backup_from_being_taken(
    store: Store, registry: Registry, root: Store
) -> None:
    first = quick.publish(store, registry, 100, day=1)
    quick.publish(store, registry, 101, day=2)
    store.delete(first.files[0].path)
    assert take(store, registry, root).latest[toy.SOURCE].previous is None


def test_what_is_damaged_of_other_versions_is_named_and_what_the_root_has_of_it_stays(
    store: Store, registry: Registry, root: Store
) -> None:
    first, _ = (quick.publish(store, registry, 100 + day, day=day) for day in (1, 2))
    assert take(store, registry, root).damaged == ()
    third = quick.publish(store, registry, 103, day=3)
    latest = quick.publish(store, registry, 104, day=4)
    sealed, data = manifests.manifest_key(toy.SOURCE, first.version), third.files[0].path
    whole = {key: store.read_bytes(key) for key in (sealed, data)}
    for key, content in whole.items():
        store.write_bytes(key, content[:-1] + b"??")
    made = take(store, registry, root, day=1)
    assert made.latest[toy.SOURCE].version == latest.version and made.latest[toy.SOURCE].previous is None
    assert [said.split(" was altered")[0] for said in made.damaged] == [f"{store.uri}/{key}" for key in whole]
    assert backups.newest(root) == made
    assert backups.store_of(root).read_bytes(sealed) == whole[sealed]
    assert (
        backups.restore_file(root, store, sealed).path == sealed and store.read_bytes(sealed) == whole[sealed]
    )
    store.write_bytes(data, whole[data])
    healed = take(store, registry, root, day=2)
    assert healed.damaged == () and healed.latest[toy.SOURCE].previous == third.version
    store.write_bytes(data, b"?")
    held = take(store, registry, root, day=3)
    assert held.damaged == () and held.latest[toy.SOURCE].previous == third.version, "the root has it whole"


@pytest.mark.parametrize("good", [False, True])
def test_what_retention_takes_meanwhile_is_passed_over_unless_it_is_of_latest(
    store: Store, registry: Registry, root: Store, monkeypatch: pytest.MonkeyPatch, good: bool
) -> None:
    versions = [quick.publish(store, registry, 100 + day, day=day).version for day in range(3)]
    listing = backups.listing

    def and_then_gone(of: Store, prefix: str) -> Any:
        found = listing(of, prefix)
        if of is store:
            toy.lose(store, manifests.folder(toy.SOURCE, versions[-1 if good else 0]))
        return found

    monkeypatch.setattr(backups, "listing", and_then_gone)
    if good:
        with pytest.raises((FileNotFoundError, manifests.AlteredFile)):
            take(store, registry, root)
    else:
        assert take(store, registry, root).damaged == ()
    assert (backups.newest(root) is None) is good


def test_a_restore_is_refused_where_versions_are_and_where_the_store_is_newer(
    store: Store, registry: Registry, root: Store, empty: Registry
) -> None:
    quick.publish(store, registry, 100, day=1)
    with registry.transaction() as cursor:
        cursor.execute("SELECT now() - interval '1 second' AS before")
        row = cursor.fetchone()
    assert row is not None
    backups.backup(store, registry, root, now=row["before"], code_version="test")
    with pytest.raises(rebuild.RegistryInUse, match="knows 1 versions already"):
        bring_back(root, store, registry)
    newer = quick.publish(store, registry, 101, day=2)
    with pytest.raises(backups.RestoreRefused, match="rebuild-registry loses nothing"):
        bring_back(root, store, empty)
    assert rebuild.rebuild(store, empty).versions == {toy.SOURCE: 2}
    assert toy.served(empty) == toy.read(store, newer)


def test_a_restore_mends_a_store_that_is_damaged_and_a_registry_that_is_only_migrated(
    store: Store, registry: Registry, root: Store, empty: Registry
) -> None:
    latest = quick.publish(store, registry, 100, day=1)
    take(store, registry, root)
    path = latest.files[0].path
    store.write_bytes(path, b"x" * latest.files[0].bytes)
    store.delete(pointers.pointer_key(toy.SOURCE))
    empty.migrate()
    act(empty, "noted while nothing was there")
    bring_back(root, store, empty)
    manifests.verify(store, latest)
    assert toy.served(empty) == toy.read(store, latest)


def test_a_restore_that_fails_leaves_the_registry_empty_and_can_be_done_again(
    store: Store, registry: Registry, root: Store, empty: Registry, tmp_path: Path
) -> None:
    quick.publish(store, registry, 100, day=1)
    made = take(store, registry, root)
    fresh = Store.from_uri((tmp_path / "fresh").as_uri())
    key = made.tables[-1].file.path
    whole = root.read_bytes(key)
    root.write_bytes(key, whole[:-1] + b"?")
    with pytest.raises(dump.DamagedDump):
        bring_back(root, fresh, empty)
    with empty.transaction() as cursor:
        cursor.execute("SELECT to_regnamespace('lastgood') AS schema")
        assert cursor.fetchone() == {"schema": None}
    assert pointers.read_pointer(fresh, toy.SOURCE) is None, "consumers never see half a restore"
    root.write_bytes(key, whole)
    bring_back(root, fresh, empty)


def test_a_backup_of_a_registry_that_has_lost_a_source_is_refused(
    store: Store, registry: Registry, root: Store, empty: Registry
) -> None:
    quick.publish(store, registry, 100, day=1)
    made = take(store, registry, root)
    empty.migrate()
    with pytest.raises(backups.BackupRefused, match="no last good version of toy"):
        take(store, empty, root, day=1)
    assert backups.newest(root) == made


def test_backups_are_taken_one_at_a_time_and_away_from_the_store(
    store: Store, registry: Registry, root: Store
) -> None:
    quick.publish(store, registry, 100, day=1)
    with registry.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s)", (backups._BACKUP_LOCK,))
        with pytest.raises(backups.BackupRefused, match="under way"):
            take(store, registry, root)
    for inside in (store.uri, f"{store.uri}/versions"):
        with pytest.raises(backups.BackupRefused, match="within one another"):
            take(store, registry, Store.from_uri(inside))
    assert backups.newest(root) is None


class Lingering(psycopg.Connection[Any]):
    """A connection whose end the server has not noticed yet, as on a loaded machine."""

    def close(self) -> None:
        """Nothing, for now."""


@pytest.mark.parametrize("fails", [True, False])
def test_a_backup_may_be_taken_right_after_another_whether_or_not_that_failed(
    store: Store, registry: Registry, root: Store, dsn: str, *, fails: bool
) -> None:
    path = quick.publish(store, registry, 100, day=1).files[0].path
    lingering: list[Lingering] = []

    def connect() -> psycopg.Connection[Any]:
        lingering.append(Lingering.connect(dsn))
        return lingering[-1]

    good = store.read_bytes(path)
    try:
        if fails:
            store.write_bytes(path, b"?" * len(good))
            with pytest.raises(manifests.AlteredFile):
                take(store, Registry(connect), root)
            store.write_bytes(path, good)
        else:
            take(store, Registry(connect), root)
        assert take(store, registry, root, day=1)
    finally:
        for each in lingering:
            psycopg.Connection.close(each)


def test_a_damaged_file_of_latest_fails_the_backup_and_is_brought_back_from_the_one_before(
    store: Store, registry: Registry, root: Store
) -> None:
    quick.publish(store, registry, 100, day=1)
    latest = quick.publish(store, registry, 101, day=2)
    path, sealed = latest.files[0].path, manifests.manifest_key(toy.SOURCE, latest.version)
    good = store.read_bytes(path)
    store.write_bytes(path, good[:-1] + b"?")
    with pytest.raises(manifests.AlteredFile, match="was altered"):
        take(store, registry, root)
    store.write_bytes(path, good)
    take(store, registry, root)
    for key in (path, sealed):
        store.write_bytes(key, b"rubbish")
        assert backups.restore_file(root, store, key).path == key
    manifests.verify(store, manifests.require(store, toy.SOURCE, latest.version))
    for key in ("latest/toy.json", "nonsense", f"versions/toy/{latest.version}/things/part-00009.parquet"):
        with pytest.raises(backups.NoBackup, match="No backup"):
            backups.restore_file(root, store, key)
    backups.store_of(root).write_bytes(path, b"?" * len(good))
    with pytest.raises(manifests.AlteredFile, match="was altered"):
        backups.restore_file(root, store, path)
    assert store.read_bytes(path) == good, "what is damaged in the backup never takes a file's place"
