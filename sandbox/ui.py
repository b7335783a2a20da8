"""`make ui` and its companions: the whole Airflow on the sandbox's PostgreSQL, what to ask it, and its end.

python -m sandbox.ui up [--port 8080]
python -m sandbox.ui airflow dags list
python -m sandbox.ui lastgood runs -n 20
python -m sandbox.ui sql "SELECT 1"
python -m sandbox.ui advance [SOURCE ...]
python -m sandbox.ui down
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import requests
from requests import RequestException

from sandbox import environment, postgres, services
from sandbox.environment import PROJECT, Environment, Report
from sandbox.errors import SetupError

READY_SECONDS = 600.0
ADVANCE_SECONDS = 600.0

NEEDS_NOTHING = {"--help", "-h", "--install-completion", "--show-completion"}

# Each writes a log of its own, and all of them read task logs from the disk: nothing needs a log server
COMPONENTS: dict[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
}


def up(
    *,
    project: Path = PROJECT,
    state: Path | None = None,
    port: int = environment.UI_PORT,
    report: Report = print,
) -> Environment:
    """Start Airflow and wait until every part of it is healthy.

    Raises:
        SetupError: the port is taken, or a part did not start.
    """
    state = (state or project / ".lastgood").absolute()
    running = services.find(state, "api-server")
    if running is not None and running.address:
        port = environment.port_of(running.address)
    elif running is None and not services.port_is_free(port):
        raise SetupError(
            f"Port {port} is taken by another program: choose one with `make ui PORT={port + 1}`."
        )
    prepared = environment.prepare(project=project, state=state, ui_port=port, report=report)
    address = f"http://127.0.0.1:{port}"
    # The others ask the API server for their work, so it comes first
    checks: dict[str, Callable[[Path], str | None]] = {"api-server": lambda _: _answering(address)}
    for name, arguments in COMPONENTS.items():
        services.start(
            state,
            name,
            [sys.executable, "-m", "airflow", *arguments],
            environment=prepared.process_variables(),
            ready=checks.get(name, lambda _: ""),
            seconds=READY_SECONDS,
        )
        report(f"  {name:<32} started, log {services.log_file(state, name)}")
    services.wait(state, list(COMPONENTS), lambda: _healthy(address), READY_SECONDS)
    return prepared


def advance(
    sources: Sequence[str] | None = None, *, project: Path = PROJECT, state: Path | None = None
) -> dict[str, str]:
    """Move sample upstreams to their next data version, as if a day had passed.

    Returns:
        What each upstream answered.

    Raises:
        SetupError: an upstream does not run or refused.
    """
    state = (state or project / ".lastgood").absolute()
    answers = {}
    for source in environment.checked_sources(sources, project):
        upstream = environment.upstream(source, state)
        if upstream is None or not upstream.address:
            raise SetupError(f"The sample upstream of {source} does not run: start it with `make run`.")
        url = f"{upstream.address.rstrip('/')}/_sandbox/advance"
        try:
            with _direct() as session, session.post(url, timeout=ADVANCE_SECONDS) as answer:
                answer.raise_for_status()
                answers[source] = answer.text.strip()
        except RequestException as error:
            raise SetupError(f"The sample upstream of {source} did not advance: {error}.") from error
    return answers


def airflow(
    arguments: Sequence[str], *, project: Path = PROJECT, state: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run Airflow's own command line in the sandbox's Airflow, on this terminal.

    Raises:
        SetupError: the sandbox is down.
    """
    found = _running(arguments, project, state)
    return subprocess.run(
        [sys.executable, "-m", "airflow", *arguments], env=found.process_variables(), check=False
    )


def lastgood(
    arguments: Sequence[str], *, project: Path = PROJECT, state: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run an operator's command on the sandbox's store and registry, on this terminal.

    Raises:
        SetupError: the sandbox is down.
    """
    found = _running(arguments, project, state)
    where = {"LASTGOOD_ROOT": found.store_uri, "LASTGOOD_REGISTRY": found.registry_dsn}
    return subprocess.run(
        [sys.executable, "-m", "include.cli", *arguments],
        env={**found.process_variables(), **where},
        check=False,
    )


def sql(
    statement: str = "", *, project: Path = PROJECT, state: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a statement on the registry and serving database, or open a prompt where it is empty, on this terminal.

    Raises:
        SetupError: the sandbox is down.
    """
    found = _running((), project, state)
    return subprocess.run(
        [postgres.binary("psql"), found.registry_dsn, *(("--command", statement) if statement else ())],
        check=False,
    )


def _running(arguments: Sequence[str], project: Path, state: Path | None) -> Environment:
    """The sandbox, which must run unless only help is asked for. Raises SetupError where it is down."""
    found = environment.describe(project, state=state)
    asks_nothing = NEEDS_NOTHING & set(arguments) or "_LASTGOOD_COMPLETE" in os.environ
    if not asks_nothing and not postgres.is_running(found.state / "postgres"):
        raise SetupError("The sandbox is down: start it with `make run` or `make ui`.")
    return found


def _answering(address: str) -> str | None:
    return address if _health(address) else None


def _healthy(address: str) -> bool:
    """Whether every part has reported to the database within the last seconds."""
    parts = ("metadatabase", "scheduler", "dag_processor")
    health = _health(address)
    return all(health.get(part, {}).get("status") == "healthy" for part in parts)


def _health(address: str) -> dict[str, dict[str, str]]:
    try:
        with _direct() as session, session.get(f"{address}/api/v2/monitor/health", timeout=5) as answer:
            health: dict[str, dict[str, str]] = answer.json()
    except RequestException:
        return {}
    return health


def _direct() -> requests.Session:
    """A session that takes no proxy to this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


def main(arguments: list[str] | None = None) -> int:
    """Do one command and say what happened; 1 and one sentence on stderr when it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.ui", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start Airflow and print its address and login")
    starting.add_argument("--port", type=int, default=environment.UI_PORT, help="port of the UI")
    advancing = commands.add_parser("advance", help="move sample upstreams to their next data version")
    advancing.add_argument("sources", nargs="*", help="sources, every one by default")
    running = commands.add_parser("airflow", help="run Airflow's command line in the sandbox")
    running.add_argument("arguments", nargs=argparse.REMAINDER, help="as for `airflow` itself")
    deciding = commands.add_parser(
        "lastgood", help="run an operator's command in the sandbox", add_help=False
    )
    deciding.add_argument("arguments", nargs=argparse.REMAINDER, help="as for `python -m include.cli`")
    asking = commands.add_parser("sql", help="run a statement on the sandbox's database, or open a prompt")
    asking.add_argument("statement", nargs="?", default="")
    commands.add_parser("down", help="stop all that the sandbox started")
    # What begins with a dash is the other program's too, which REMAINDER alone does not see
    chosen, rest = parser.parse_known_args(arguments)
    if rest and chosen.command not in {"airflow", "lastgood"}:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        if chosen.command == "up":
            _show_login(chosen.port)
        elif chosen.command == "advance":
            for source, answer in advance(chosen.sources).items():
                print(f"{source}: {answer}")
        elif chosen.command == "airflow":
            return airflow([*rest, *chosen.arguments]).returncode
        elif chosen.command == "lastgood":
            return lastgood([*rest, *chosen.arguments]).returncode
        elif chosen.command == "sql":
            return sql(chosen.statement).returncode
        else:
            stopped = environment.down()
            print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _show_login(port: int) -> None:
    print("Starting Airflow; this takes about half a minute.")
    begun = up(port=port)
    print(f"\nAirflow     {begun.variables['AIRFLOW__API__BASE_URL']}")
    print(f"Login       {environment.UI_USER} / {begun.password}")
    print(f"Logs        {begun.state / 'logs'}")
    print("Stop        make down")
    print("\nDAGs of sources are paused at first. To start one, flip its switch in the list of DAGs, or")
    print('  make airflow ARGS="dags unpause ctgov"    from now on it runs on its schedule')
    print('  make airflow ARGS="dags trigger ctgov"    it runs at once')


if __name__ == "__main__":
    sys.exit(main())
