"""Command line of the sample upstream.

Serve until SIGTERM or SIGINT:       python -m sandbox.sofascore --port 0 --size 240 --seed 7 --state FILE
All competitions, five seasons:      python -m sandbox.sofascore --size 16400
Move a running one to a later day:   python -m sandbox.sofascore advance URL [--days N]
Set its fault switches ([] clears):  python -m sandbox.sofascore faults URL '[{"kind": "busy", "times": 2}]'

It begins today, which FILE keeps, and follows the clock: matches are played on the days on which they are to be. What
of a season is not there is never so much that the gate warns. With SANDBOX_TODAY=2026-11-17 in the environment it stays
on that day until it is moved: the dates of docs/backfill.md are those of such a sandbox.
"""

import sys
from functools import partial

from sandbox.sample import command
from sandbox.sofascore.server import SampleUpstream, State

NUMBERS = {"size": "matches in all, played or not", "seed": "another seed is another world"}


if __name__ == "__main__":
    make = partial(SampleUpstream, today=command.today, covered=True)
    sys.exit(command.run("sofascore", "SofaScore", make, State, NUMBERS, {}))
