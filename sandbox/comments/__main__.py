"""Command line of the sample upstream.

Serve until SIGTERM or SIGINT:       python -m sandbox.comments --port 0 --size 2000 --seed 7 --state FILE
Five million comments:               python -m sandbox.comments --size 5000000
Move a running one to a later day:   python -m sandbox.comments advance URL [--days N]
Set its fault switches ([] clears):  python -m sandbox.comments faults URL '[{"kind": "busy", "times": 2}]'

It begins today, which FILE keeps, and follows the clock. Files appear in the folder inbox/comments beside FILE, those
of each later day when it is moved or asked. With SANDBOX_TODAY=2026-11-17 in the environment it stays on that day until
it is moved.
"""

import sys
from functools import partial

from sandbox.comments.server import SampleUpstream, State
from sandbox.sample import command

NUMBERS = {"size": "comments before the first day, about", "seed": "another seed is another world"}

if __name__ == "__main__":
    make = partial(SampleUpstream, today=command.today)
    sys.exit(command.run("comments", "scrapes of social comments", make, State, NUMBERS, {}))
