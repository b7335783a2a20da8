"""Command line of the sample upstream.

Serve until SIGTERM or SIGINT:       python -m sandbox.ctgov --port 0 --size 2000 --seed 7 --state FILE
Move a running one to a later day:   python -m sandbox.ctgov advance URL [--days N]
Set its fault switches ([] clears):  python -m sandbox.ctgov faults URL '[{"kind": "error", "times": 2}]'
"""

import sys
from typing import Any

from sandbox.ctgov.server import SampleUpstream, State
from sandbox.sample import command

NUMBERS = {
    "size": "studies at the first data version",
    "seed": "another seed, another sample",
    "mean_bytes": "mean size of a study",
}
FLAGS = {"no_gzip": "never compress, to measure a client"}


def _sample(no_gzip: bool, **options: Any) -> SampleUpstream:
    return SampleUpstream(compress=not no_gzip, **options)


if __name__ == "__main__":
    sys.exit(command.run("ctgov", "ClinicalTrials.gov", _sample, State, NUMBERS, FLAGS))
