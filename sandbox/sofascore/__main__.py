"""Command line of the sample upstream.

Serve until SIGTERM or SIGINT:       python -m sandbox.sofascore --port 0 --size 240 --seed 7 --state FILE
All competitions, five seasons:      python -m sandbox.sofascore --size 16400
Move a running one to a later day:   python -m sandbox.sofascore advance URL [--days N]
Set its fault switches ([] clears):  python -m sandbox.sofascore faults URL '[{"kind": "busy", "times": 2}]'
"""

import sys

from sandbox.sample import command
from sandbox.sofascore.server import SampleUpstream, State

NUMBERS = {"size": "matches in all, played or not", "seed": "another seed is another world"}


if __name__ == "__main__":
    sys.exit(command.run("sofascore", "SofaScore", SampleUpstream, State, NUMBERS, {}))
