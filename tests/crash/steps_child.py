"""Steps of a run in a process of its own, to be killed: SOURCE STEP,STEP DAY ROOT DSN URL INBOX WHERE.

WHERE names a function of ours and how many calls of it are let through before the process kills itself: the kill
is a real SIGKILL, at a place that every run of the test hits.
"""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from include.registry.registry import Registry
from include.sources.comments.source import AUTHORS
from include.storage.inbox import Inbox
from include.storage.store import Store
from sandbox.comments.connection import FIELDS
from tests.sources.daily import DailyRuns


def kill_at(where: str) -> None:
    """Let a function be called so many times, then SIGKILL this process at its next call."""
    target, _, calls = where.partition("#")
    module_name, _, path = target.partition(":")
    owner: Any = importlib.import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    original, left = getattr(owner, name), [int(calls)]

    def counted(*args: Any, **kwargs: Any) -> Any:
        # Below 0 where several threads call it at once
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return original(*args, **kwargs)

    setattr(owner, name, counted)


def cut_small(source: str, patch: Callable[[Any, str, Any], None]) -> None:
    """Make several pages, parts and batches of what would be one in so small a sample."""
    match source:
        case "ctgov":
            from include.sources.ctgov import extract as ctgov

            patch(ctgov, "PAGE_SIZE", 10)
            patch(ctgov, "PART_BYTES", 1)
        case "pubchem":
            from include.sources.pubchem import extract as pubchem

            patch(pubchem, "BATCH_CIDS", 2)
            patch(pubchem, "_Job", partial(pubchem._Job, chunk=10))
        case "sofascore":
            from include.quality import contract
            from include.sources.sofascore import competitions
            from include.sources.sofascore import extract as sofascore

            # England's league is there, its cup is not, and the world cup is the second that is.
            few = tuple(each for each in competitions.load() if each.id in {17, 19, 16})
            patch(competitions, "load", lambda: few)
            patch(sofascore, "CHUNK", 2)
            # Of thirty contracts one: how a kill hits the gate is shown by ctgov.
            path = contract.CONTRACTS / "sofascore" / "match_parts.yml"
            patch(contract, "load_all", lambda *_: {"match_parts": path})
        case "clinical":
            from include.sources.clinical import export

            patch(export, "FIRST_ROWS", 20)
            patch(export, "PART_ROWS", 20)
        case "comments" | "comments_weekly":
            from include.quality import contract

            name = {"comments": "inbox", "comments_weekly": "briefs"}[source]
            path = contract.CONTRACTS / source / f"{name}.yml"
            patch(contract, "load_all", lambda *_: {name: path})


def beside(source: str, inbox: str) -> dict[str, Any]:
    """What a source has besides its upstream (DailyRuns.beside)."""
    if source != "comments":
        return {}
    return {
        "inbox": Inbox(Store.of_folder(Path(inbox))),
        "keys": {AUTHORS: b"a key of the tests alone"},
        "options": {"catalogue": FIELDS["extra"]["catalogue"]},
    }


def do(names: str, daily: DailyRuns, day: int) -> None:
    """Do some steps of a run of a day, which `open` opens."""
    from include import pipeline

    run = daily.run(day) if names.startswith("open") else daily.resumed(day)
    acts: dict[str, Callable[[], object]] = {
        "open": lambda: None,
        "extract": lambda: pipeline.extract(run, daily.session()),
        "build": lambda: pipeline.build(run),
        "gate": lambda: pipeline.judge(run),
        "promote": lambda: pipeline.promote(run),
        "export": lambda: pipeline.export(run.store, run.registry, run.source),
    }
    for name in names.split(","):
        acts[name]()


def load() -> None:
    """Load what steps import, for the processes that are forked from this one."""
    for source in ("ctgov", "pubchem", "sofascore", "clinical", "comments", "comments_weekly"):
        cut_small(source, lambda *_: None)
        importlib.import_module(f"include.sources.{source}.build")
    for name in ("include.pipeline", "pyarrow.csv", "soda_duckdb.common.data_sources.duckdb_data_source"):
        importlib.import_module(name)


def main(source: str, names: str, day: str, root: str, dsn: str, url: str, inbox: str, where: str) -> None:
    import psycopg

    cut_small(source, setattr)
    store, registry = Store.from_uri(root), Registry(lambda: psycopg.connect(dsn))
    daily = DailyRuns(source, store, registry, SimpleNamespace(url=url), beside=beside(source, inbox))
    kill_at(where)
    do(names, daily, int(day))
