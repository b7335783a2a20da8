"""The embedded PostgreSQL: starts, is found again, survives kills, and stops."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from sandbox import postgres
from sandbox.environment import PROJECT
from sandbox.errors import SetupError


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A server's folder in a place with a space in its name; the server is stopped at the end."""
    folder = tmp_path / "my data" / "postgres"
    yield folder
    postgres.stop(folder)


def one(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def kill(pid: int) -> None:
    """Kill -9 and wait until it is gone."""
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_starts_with_both_databases_and_answers_on_its_socket_only(folder: Path) -> None:
    dsn = postgres.start(folder)
    assert one(dsn, "SELECT current_database()") == "lastgood"
    assert one(postgres.dsn(folder, "airflow"), "SELECT current_database()") == "airflow"
    assert one(dsn, "SHOW listen_addresses") == ""
    assert one(dsn, "SHOW timezone") == "UTC"
    assert one(dsn, "SELECT lower('ÄÖ')") == "äö"
    assert folder.stat().st_mode & 0o077 == 0


def test_a_second_start_finds_it_running_and_keeps_its_data(folder: Path) -> None:
    dsn = postgres.start(folder)
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    before = postmaster(folder)
    assert postgres.start(folder) == dsn
    assert postmaster(folder) == before
    assert postgres.stop(folder)
    postgres.start(folder)
    assert one(dsn, "SELECT answer FROM kept") == 42


def test_several_starts_at_once_give_one_server(folder: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        addresses = set(threads.map(lambda _: postgres.start(folder), range(3)))
    assert addresses == {postgres.dsn(folder, "lastgood")}


def test_after_a_kill_it_starts_again(folder: Path) -> None:
    dsn = postgres.start(folder)
    os.kill(postmaster(folder), signal.SIGKILL)
    postgres.start(folder)
    assert one(dsn, "SELECT 1") == 1


def test_a_pid_file_whose_pid_is_somebody_elses_by_now_is_not_believed(folder: Path) -> None:
    dsn = postgres.start(folder)
    pid_file = folder / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    kill(int(lines[0]))
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert not postgres.is_running(folder)
    postgres.start(folder)
    assert one(dsn, "SELECT 1") == 1


def test_an_unreadable_pid_file_does_not_stop_it(folder: Path) -> None:
    dsn = postgres.start(folder)
    kill(postmaster(folder))
    (folder / "data" / "postmaster.pid").write_text("")
    postgres.start(folder)
    assert one(dsn, "SELECT 1") == 1


def test_stop_ends_it_and_says_whether_it_ran(folder: Path) -> None:
    postgres.start(folder)
    pid = postmaster(folder)
    assert postgres.is_running(folder)
    assert postgres.stop(folder)
    assert not postgres.is_running(folder)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not postgres.stop(folder)


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root with setpriv can take rights away"
)
def test_root_of_a_container_who_may_not_look_at_others_processes_finds_and_stops_it(folder: Path) -> None:
    rights = "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,sys_chroot,setfcap"
    contained = ["setpriv", f"--bounding-set=-all,+{rights.replace(',', ',+')}", "--inh-caps=-all"]
    script = (
        "import sys; from pathlib import Path; from sandbox import postgres\n"
        "folder = Path(sys.argv[1])\n"
        "assert postgres.start(folder) == postgres.start(folder)\n"
        "print(postgres.is_running(folder), postgres.stop(folder), postgres.is_running(folder))"
    )
    done = subprocess.run(
        [*contained, sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "True True False\n"), done.stderr


def test_every_process_of_a_server_is_known_as_its_own(folder: Path) -> None:
    postgres.start(folder)
    server, data = psutil.Process(postmaster(folder)), folder / "data"
    strangers = {server.pid}
    deadline = time.monotonic() + 60  # one that only helps the start may end while it is looked at
    while strangers:
        assert time.monotonic() < deadline, strangers
        processes = [server, *server.children()]
        assert len(processes) > 1
        strangers = {process.pid for process in processes if not postgres._belongs_to(process, data)}
    assert not postgres._belongs_to(server, folder.parent / "other" / "data")


def test_stop_where_nothing_was_ever_started_does_nothing(tmp_path: Path) -> None:
    assert not postgres.stop(tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_a_folder_too_deep_for_a_socket_has_its_socket_in_tmp(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 100) / "postgres"
    sockets = postgres.socket_folder(folder)
    assert sockets.parent == Path("/tmp")
    try:
        assert one(postgres.start(folder), "SELECT 1") == 1
        assert sockets.stat().st_mode & 0o077 == 0
    finally:
        postgres.stop(folder)
    assert not sockets.exists()


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / ("e" * 100) / "postgres"
    sockets = postgres.socket_folder(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    sockets.symlink_to(elsewhere)
    try:
        with pytest.raises(SetupError, match="belongs to somebody else"):
            postgres.start(folder)
    finally:
        sockets.unlink()


def test_files_of_another_major_version_are_refused_with_the_way_out(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(SetupError, match=r"made by PostgreSQL 16.*make clean"):
        postgres.start(tmp_path / "postgres")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot use the folder"):
        postgres.start(tmp_path / "file" / "postgres")


def test_a_failed_start_shows_the_end_of_the_log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres._SETTINGS, "shared_buffers", "nonsense")
    with pytest.raises(
        SetupError, match=r'did not start\.(?s:.*)invalid value for parameter "shared_buffers"'
    ):
        postgres.start(folder)


@pytest.mark.parametrize("user", [0, 4711])
def test_a_user_whom_the_machine_does_not_know_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    def unknown(who: object) -> None:
        raise KeyError(f"not found: {who!r}")

    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(postgres.pwd, "getpwnam", unknown)
    monkeypatch.setattr(postgres.pwd, "getpwuid", unknown)
    with pytest.raises(SetupError, match=rf"is not root \(not found: ({user}|'nobody')\): use another user"):
        postgres.start(tmp_path / "postgres")


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("FATAL: could not write lock file: No space left on device\n")
    assert postgres._explain([log]) == f"The disk of {tmp_path} is full: make room and try again."


@pytest.mark.airflow
def test_airflows_hook_reaches_it_by_the_socket_folder_as_host(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    from airflow.providers.postgres.hooks.postgres import PostgresHook

    postgres.start(folder)
    connection = {
        "conn_type": "postgres",
        "host": str(postgres.socket_folder(folder)),
        "login": postgres.USER,
        "schema": "lastgood",
    }
    monkeypatch.setenv("AIRFLOW_CONN_EMBEDDED", json.dumps(connection))
    hook = PostgresHook(postgres_conn_id="embedded")
    with hook.get_conn() as connected:
        assert isinstance(connected, psycopg.Connection)
    with hook.get_sqlalchemy_engine().connect() as connected:
        assert connected.exec_driver_sql("SELECT current_database()").scalar() == "lastgood"
