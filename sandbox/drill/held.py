"""A promotion that stops in the middle of its transaction until it is told to go on: a child of the drill.

`python -m sandbox.drill.held STORE REGISTRY SOURCE DAY` says `held` once it is there, goes on with the next line of
its input, and says at last how the promotion ended.
"""

from __future__ import annotations

import sys
from typing import Any

from include.publishing import serving
from include.storage.store import Store
from sandbox.daily import DailyRuns
from sandbox.drill.world import connected, finish

HELD = "held"


def main(root: str, dsn: str, source: str, day: str) -> None:
    copy = serving._copy

    def hold(*arguments: Any) -> int:
        setattr(serving, "_copy", copy)  # noqa: B010
        print(HELD, flush=True)
        sys.stdin.readline()
        return copy(*arguments)

    setattr(serving, "_copy", hold)  # noqa: B010
    done = finish(DailyRuns(source, Store.from_uri(root), connected(dsn)).run(int(day)))
    print(done.outcome.value, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
