"""`make ui` and `make down`: the whole Airflow on the sandbox's PostgreSQL, its address, and its end.

    python -m sandbox.ui up [--port 8080]
    python -m sandbox.ui down
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from sandbox import environment, services
from sandbox.environment import PROJECT, Environment, Report
from sandbox.errors import SetupError

READY_SECONDS = 180.0

# Each writes a log of its own, and all of them read task logs from the disk: nothing needs a log server
COMPONENTS: dict[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}


def up(
    *, project: Path = PROJECT, state: Path | None = None, port: int = environment.UI_PORT, report: Report = print
) -> Environment:
    """Start Airflow and wait until every part of it is healthy.

    Raises:
        SetupError: the port is taken, or a part did not start.
    """
    state = (state or project / ".lastgood").absolute()
    running = services.find(state, "api-server")
    if running is not None:
        port = int(running.address.rsplit(":", 1)[1])
    elif not services.port_is_free(port):
        raise SetupError(f"Port {port} is taken by another program: choose one with `make ui PORT={port + 1}`.")
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
            working_folder=state / "home",
        )
        report(f"  {name:<32} started, log {services.log_file(state, name)}")
    services.wait(state, list(COMPONENTS), lambda: _healthy(address), READY_SECONDS)
    return prepared


def _answering(address: str) -> str | None:
    return address if _health(address) else None


def _healthy(address: str) -> bool:
    """Whether every part has reported to the database within the last seconds."""
    parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
    health = _health(address)
    return all(health.get(part, {}).get("status") == "healthy" for part in parts)


def _health(address: str) -> dict[str, dict[str, str]]:
    try:
        with urlopen(f"{address}/api/v2/monitor/health", timeout=5) as answer:
            health: dict[str, dict[str, str]] = json.load(answer)
    except (URLError, HTTPException, TimeoutError, ConnectionError, ValueError):
        return {}
    return health


def main(arguments: list[str] | None = None) -> int:
    """Start or stop, and say what happened."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.ui", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start Airflow and print its address and login")
    start.add_argument("--port", type=int, default=environment.UI_PORT, help="port of the UI")
    commands.add_parser("down", help="stop all that the sandbox started")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "down":
            stopped = environment.down()
            print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")
            return 0
        print("Starting Airflow; this takes about half a minute.")
        begun = up(port=chosen.port)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    port = begun.variables["AIRFLOW__API__PORT"]
    print(f"\nAirflow     http://127.0.0.1:{port}")
    print(f"Login       {environment.UI_USER} / {begun.password}")
    print(f"Logs        {begun.state / 'logs'}")
    print("Stop        make down")
    return 0


if __name__ == "__main__":
    sys.exit(main())
