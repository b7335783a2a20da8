"""Command line of the sample upstream.

Serve until SIGTERM or SIGINT:       python -m sandbox.pubchem --port 0 --size 2000 --seed 7 --state FILE
With as many compounds as PubChem:   python -m sandbox.pubchem --compounds 12000
Move a running one to a later day:   python -m sandbox.pubchem advance URL [--days N]
Set its fault switches ([] clears):  python -m sandbox.pubchem faults URL '[{"kind": "busy", "times": 2}]'
"""

import sys

from sandbox.pubchem.server import SampleUpstream, State
from sandbox.sample import command

NUMBERS = {
    "size": "studies of the ctgov sample that it fits",
    "seed": "seed of the ctgov sample",
    "compounds": "fill up to so many compounds, at about 9 trial rows each; 0 adds none",
}
FLAGS = {"quota": "refuse what exceeds 5 requests a second"}


if __name__ == "__main__":
    sys.exit(command.run("pubchem", "PubChem", SampleUpstream, State, NUMBERS, FLAGS))
