"""`make run`: every pipeline once, on sample data, with a real Airflow and a real PostgreSQL on this machine.

The first run fetches everything. Before the second, the sample upstream moves on by one day, so that it shows
what an incremental run does; the third finds nothing new.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import requests

from include import pipeline
from include.publishing import manifest as manifests
from include.publishing import pointers
from include.publishing import verdict as verdicts
from include.registry import run_log
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store
from sandbox import dagrun, environment, services, ui
from sandbox.environment import Environment
from sandbox.errors import SetupError

POLL_SECONDS = 0.2
DONE, FAILED, SET_UP = 0, 1, 2
LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The local Airflow and what include needs of it."""

    environment: Environment
    store: Store
    registry: Registry


def main(arguments: Sequence[str] | None = None) -> int:
    """Run sources in turn. 0 when each was promoted, is held or had nothing new, 1 a failure, 2 set-up failed."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("sources", nargs="*", help="sources, every one by default")
    parser.add_argument("--size", type=int, default=environment.SAMPLE_SIZE, help="records of a new upstream")
    parser.add_argument("--conf", default="{}", help='params of the run as JSON, like {"full_refresh": true}')
    args = parser.parse_args(arguments)
    try:
        chosen = _chosen(args.sources)
        prepared = environment.prepare(
            [source for source in chosen if not sources.spec(source).derived], size=args.size
        )
    except (SetupError, OSError, psycopg.OperationalError) as error:
        print(f"The sandbox could not be set up: {error}", file=sys.stderr)
        return SET_UP
    sandbox = Sandbox(
        prepared, Store.from_uri(prepared.store_uri), Registry(lambda: psycopg.connect(prepared.registry_dsn))
    )
    if len(chosen) > 1:
        _status("Airflow starts")
        # Once, and not by each run's process
        with environment.output_to(services.log_file(prepared.state, "load")):
            dagrun.load()
        _clear()
    return max([run_source(sandbox, source, args.conf) for source in chosen])


def _chosen(wanted: Sequence[str]) -> list[str]:
    """These sources or every one, each after those it reads. Raises SetupError for one that does not exist."""
    known = sources.names()
    unknown = [source for source in wanted if source not in known]
    if unknown:
        raise SetupError(f"There is no source {unknown[0]!r}; there are: {', '.join(known)}.")
    return sources.in_order(wanted or known)


def run_source(sandbox: Sandbox, source: str, conf: str) -> int:
    """One run of one source, shown step by step; returns its exit code."""
    print(f"\n{source}")
    _advance_once(sandbox, source)
    began = time.monotonic()
    state, name = sandbox.environment.state, f"run-{source}"
    log = services.log_file(state, name)
    services.stop(state, name)  # what an earlier `make run` left when it was killed
    child = services.fork(state, name, partial(dagrun.main, source, conf))
    try:
        run = _follow(sandbox, source, psutil.Process(child.pid))
    except KeyboardInterrupt:
        print("\nStopped. The next run goes on where this one was; latest is as it was.")
        return FAILED
    finally:
        services.stop(state, name)
    seconds = time.monotonic() - began
    if run is None:
        _show(f"the run did not begin; the end of {log}:")
        print("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]))
        return FAILED
    return _show_end(sandbox, source, run, seconds, str(log))


def _advance_once(sandbox: Sandbox, source: str) -> None:
    """Move an upstream that never moved on by a day, once something was published from it."""
    upstream = environment.upstream(source, sandbox.environment.state)
    if upstream is None or sandbox.registry.latest(source) is None:
        return
    with requests.Session() as session:
        session.trust_env = False
        state = session.get(f"{upstream.address}/_sandbox/state", timeout=10).json()
    if state["day"] == 0:
        answer = json.loads(ui.advance([source])[source])
        _show(f"the sample upstream moved on by a day: {_listed(answer['counts'])}")


def _follow(sandbox: Sandbox, source: str, child: psutil.Process) -> dict[str, Any] | None:
    """Print each step as it ends, and what the running one is doing, until the run is over."""
    known = {run["version"] for run in run_log.runs(sandbox.registry, source, limit=1000)}
    printed: set[str] = set()
    began = time.monotonic()
    run: dict[str, Any] | None = None
    while True:
        over = not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
        run = next(
            (r for r in run_log.runs(sandbox.registry, source, limit=5) if r["version"] not in known), None
        )
        for name, step in (run["steps"] if run else {}).items():
            if name not in printed:
                printed.add(name)
                _clear()
                task, _, unit = name.partition(" ")
                facts = f"{unit}: {_facts(task, step)}" if unit else _facts(task, step)
                _show(f"{task:<8} {step['seconds']:6.1f} s  {facts}")
        if over:
            _clear()
            return run
        doing = "Airflow starts" if run is None else _doing(sandbox, source, run)
        _status(f"{doing} … {time.monotonic() - began:.0f} s")
        time.sleep(POLL_SECONDS)


def _doing(sandbox: Sandbox, source: str, run: dict[str, Any]) -> str:
    steps, units = run["steps"], sum(name.startswith("extract ") for name in run["steps"])
    step = next((s for s in _steps(source) if s not in steps), "ends")
    if step != "extract":
        return step
    if "discover" in steps:
        return f"extract: {units} of {len(steps['discover']['units'])}"
    progress = f"raw/{source}/{run['version']}/progress.json"
    landed = json.loads(sandbox.store.read_bytes(progress)) if sandbox.store.exists(progress) else {}
    if not landed.get("parts"):
        return step
    kind = landed["parts"][-1]["kind"]
    rows = sum(part["rows"] for part in landed["parts"] if part["kind"] == kind)
    declared = ((landed["cursor"] or {}).get(kind) or {}).get("declared")
    return f"extract: {rows}{f' of {declared}' if declared else ''} {kind}"


def _steps(source: str) -> list[str]:
    spec = sources.spec(source)
    there = {
        "probe": True,
        "discover": spec.units is not None,
        "extract": not spec.derived,
        "build": True,
        "gate": True,
        "promote": True,
        "export": sources.exports(source),
    }
    return [step for step, is_there in there.items() if is_there]


def _facts(name: str, step: dict[str, Any]) -> str:
    if "error" in step:
        return "FAILED"
    if name != "promote":
        return pipeline.words(step)
    ways = Counter(step["served"].values())
    return f"{step['outcome']}; serving tables: {', '.join(f'{n} by {way}' for way, n in ways.items()) or 'none'}"


def _show_end(sandbox: Sandbox, source: str, run: dict[str, Any], seconds: float, log: str) -> int:
    latest = sandbox.registry.latest(source)
    if run["status"] == "skipped":
        _show(
            f"nothing new: skipped after {seconds:.0f} s; latest stays {latest.version if latest else 'empty'}"
        )
        return DONE
    if run["status"] in {"ok", "held"} and (latest is None or latest.version != run["version"]):
        # It is held, or older than latest: the step itself says why that is as it should be
        _show(f"NOT promoted after {seconds:.0f} s: {run['steps']['promote']['said']}")
        return DONE
    verdict = verdicts.read(sandbox.store, source, run["version"])
    if latest is None or latest.version != run["version"]:
        step = run["failed_step"] or "run"
        error = run["steps"].get(step, {}).get("error", f"the process ended; see {log}")
        _show(f"NOT promoted after {seconds:.0f} s: {step} failed. {error}")
        for reason in verdict.reasons if verdict else ():
            _show(f"  - {reason}")
        reads = f"version {latest.version}" if latest else "nothing yet"
        _show(f"consumers read {reads}; the log is {log}")
        return FAILED
    assert verdict is not None
    manifest = manifests.require(sandbox.store, source, latest.version)
    print(f"\n  published   {latest.version}" + (f" (before: {latest.previous})" if latest.previous else ""))
    width = max(len(change.table) for change in manifest.changes) + 2
    print(f"  {'table':<{width}}{'rows':>10}{'new':>9}{'changed':>9}{'deleted':>9}")
    for change in manifest.changes:
        print(
            f"  {change.table:<{width}}{change.rows:>10}{change.new:>9}{change.changed:>9}{change.deleted:>9}"
        )
    failed = len(verdict.checks) - verdict.count("PASSED", "WARN")
    print(f"  checks      {verdict.count('PASSED')} passed, {verdict.count('WARN')} warned, {failed} failed")
    print(f"  seconds     {seconds:.1f}")
    pointer = Path(sandbox.store.full(pointers.pointer_key(source)))
    print(f"  files       {os.path.relpath(pointer, sandbox.environment.project)}")
    for table in [table for table in manifest.tables if table.serve][:1]:
        print(f'  SQL         make sql SQL="TABLE published.{source}_{table.name} LIMIT 5"')
    return DONE


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def _show(text: str) -> None:
    print(f"  {text}", flush=True)


def _status(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r  {text}\033[K", end="", flush=True)


def _clear() -> None:
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
