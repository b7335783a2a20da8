"""Steps of a ctgov run in a process of its own, to be killed: `steps_child.py STEP,STEP DAY ROOT DSN URL WHERE`.

WHERE names a function of ours and how many calls of it are let through before the process kills itself: the kill
is a real SIGKILL, at a place that every run of the test hits.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

from include.publishing.registry import Registry


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
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return original(*args, **kwargs)

    setattr(owner, name, counted)


def main(names: str, day: int, root: str, dsn: str, url: str, where: str) -> None:
    import psycopg
    import requests

    from include import steps
    from include.publishing.store import Store
    from include.sources.ctgov import extract
    from include.upstream.breaker import Breaker
    from include.upstream.limits import Limits
    from include.upstream.session import UpstreamSession
    from tests.sources.ctgov.conftest import make_run

    extract.PAGE_SIZE, extract.PART_BYTES = 10, 1  # several pages, and a part for each
    registry = Registry(lambda: psycopg.connect(dsn))
    run = make_run(Store.from_uri(root), registry, day)
    http = requests.Session()
    http.trust_env = False
    session = UpstreamSession(http, url, Limits(per_second=None), Breaker(registry.connect, "ctgov_api"))
    if where:
        kill_at(where)
    acts = {
        "extract": lambda: steps.extract(run, session),
        "build": lambda: steps.build(run),
        "gate": lambda: steps.judge(run),
        "promote": lambda: steps.promote(run),
    }
    for name in names.split(","):
        acts[name]()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
