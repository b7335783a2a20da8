"""Command line of a sample upstream: serve until SIGTERM or SIGINT, or give an order to a running one."""

import argparse
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import fields

from sandbox.sample.server import CONTROL, Sample, SampleState, read_state

Make = Callable[..., Sample[Any, Any]]
"""Makes a sample from state (the file), host, port, the numbers of its state, and its flags."""


def run(
    name: str,
    title: str,
    make: Make,
    state: type[SampleState],
    numbers: Mapping[str, str],
    flags: Mapping[str, str],
) -> int:
    """Run the command line; returns the exit code.

    Args:
        name: the source, as in `python -m sandbox.NAME`.
        title: what the sample is.
        make: the sample's class.
        state: its state; the numbers in it are options, with what the state file says or else its defaults.
        numbers: what each of the numbers means.
        flags: what each flag of the class means; it is False unless given.
    """
    options = _parser(name, title, state, numbers, flags).parse_args()
    try:
        if options.order == "advance":
            _post(options.url, "advance", f'{{"days": {options.days}}}')
        elif options.order == "faults":
            _post(options.url, "faults", options.switches)
        else:
            _serve(make, state, options, [*numbers], [*flags])
    except (OSError, ValueError) as error:
        print(f"sample upstream: {error}", file=sys.stderr)
        return 1
    return 0


def today() -> date:
    """The day of SANDBOX_TODAY, else that of the clock. Raises ValueError for one that is none."""
    fixed = os.environ.get("SANDBOX_TODAY")
    return date.fromisoformat(fixed) if fixed else datetime.now(UTC).date()


def _serve(
    make: Make, state: type[SampleState], options: argparse.Namespace, numbers: list[str], flags: list[str]
) -> None:
    file: Path | None = options.state
    kept = read_state(file, state) if file is not None and file.exists() else state()
    given = {name: getattr(options, name) for name in numbers}
    chosen = {name: getattr(kept, name) if value is None else value for name, value in given.items()}
    upstream = make(
        state=file,
        host=options.host,
        port=options.port,
        **chosen,
        **{name: getattr(options, name) for name in flags},
    )
    ended = _ended()
    with upstream:
        print(f"READY {upstream.url}", flush=True)
        os.read(ended, 1)


def _ended() -> int:
    """The reading end of a pipe that gets a byte when SIGTERM or SIGINT comes, whichever thread it comes to.

    The handler itself does nothing: it may run while its own thread holds the very lock that it would need.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # noqa: TID251 (it takes no lock)
    return reading


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


def _parser(
    name: str, title: str, state: type[SampleState], numbers: Mapping[str, str], flags: Mapping[str, str]
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m sandbox.{name}", description=f"Sample {title}.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes a free port")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keeps the data version over a restart")
    defaults = {each.name: each.default for each in fields(state)}
    for option, meaning in numbers.items():
        parser.add_argument(_dashed(option), type=int, help=f"{meaning} (default {defaults[option]:,})")
    for option, meaning in flags.items():
        parser.add_argument(_dashed(option), action="store_true", help=meaning)
    orders = parser.add_subparsers(dest="order")
    advance = orders.add_parser("advance", help="move a running sample to a later data version")
    advance.add_argument("url")
    advance.add_argument("--days", type=int, default=1)
    faults = orders.add_parser("faults", help="set the fault switches of a running sample")
    faults.add_argument("url")
    faults.add_argument("switches", help=f"JSON list, see sandbox/{name}/faults.py")
    return parser


def _dashed(name: str) -> str:
    return "--" + name.replace("_", "-")
