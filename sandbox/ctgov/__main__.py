"""Command line of the sample upstream.

Serve until SIGTERM or SIGINT:       python -m sandbox.ctgov --port 0 --size 2000 --seed 7 --state FILE
Move a running one to a later day:   python -m sandbox.ctgov advance URL [--days N]
Set its fault switches ([] clears):  python -m sandbox.ctgov faults URL '[{"kind": "error", "times": 2}]'
"""

import argparse
import signal
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

from sandbox.ctgov.generator import DEFAULT_MEAN_BYTES
from sandbox.ctgov.server import CONTROL, DEFAULT_SEED, DEFAULT_SIZE, SampleUpstream, State, read_state


def _serve(options: argparse.Namespace) -> None:
    kept = State(DEFAULT_SIZE, DEFAULT_SEED, DEFAULT_MEAN_BYTES)
    if options.state is not None and options.state.exists():
        kept = read_state(options.state)
    upstream = SampleUpstream(
        size=kept.size if options.size is None else options.size,
        seed=kept.seed if options.seed is None else options.seed,
        state=options.state,
        host=options.host,
        port=options.port,
        mean_bytes=kept.mean_bytes if options.mean_bytes is None else options.mean_bytes,
        compress=not options.no_gzip,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with upstream:
        print(f"READY {upstream.url}", flush=True)
        stop.wait()


def _post(url: str, order: str, body: str) -> None:
    if not url.startswith("http://"):
        raise ValueError(f"{url} is no address of a sample upstream; it begins with http://")
    address = f"{url.rstrip('/')}{CONTROL}/{order}"
    request = urllib.request.Request(address, body.encode(), method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            print(response.read().decode())
    except urllib.error.HTTPError as error:
        raise ValueError(error.read().decode()) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.ctgov", description="Sample ClinicalTrials.gov.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes a free port")
    parser.add_argument(
        "--size", type=int, help=f"studies at the first data version (default {DEFAULT_SIZE:,})"
    )
    parser.add_argument("--seed", type=int, help=f"another seed, another sample (default {DEFAULT_SEED})")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keeps the data version over a restart")
    parser.add_argument(
        "--mean-bytes", type=int, help=f"mean size of a study (default {DEFAULT_MEAN_BYTES:,})"
    )
    parser.add_argument("--no-gzip", action="store_true", help="never compress, to measure a client")
    orders = parser.add_subparsers(dest="order")
    advance = orders.add_parser("advance", help="move a running sample to a later data version")
    advance.add_argument("url")
    advance.add_argument("--days", type=int, default=1)
    faults = orders.add_parser("faults", help="set the fault switches of a running sample")
    faults.add_argument("url")
    faults.add_argument("switches", help="JSON list, see sandbox/ctgov/faults.py")
    return parser


def main() -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args()
    try:
        if options.order == "advance":
            _post(options.url, "advance", f'{{"days": {options.days}}}')
        elif options.order == "faults":
            _post(options.url, "faults", options.switches)
        else:
            _serve(options)
    except (OSError, ValueError) as error:
        print(f"sample upstream: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
