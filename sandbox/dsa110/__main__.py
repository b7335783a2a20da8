"""Command line of the sample: see the package, or --help."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from sandbox.dsa110.faults import parse
from sandbox.dsa110.inbox import Inbox
from sandbox.dsa110.world import Settings

SIZES = {"tiny": (10, 4), "small": (24, 8), "full": (96, 48)}
"""Antennas and channels of a sub-band, by name."""
START = datetime(2026, 1, 25, 22, 0, 10, tzinfo=UTC)


def main() -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args()
    try:
        faults = [parse(text) for text in options.fault]
        if options.order == "observe":
            Inbox.new(options.inbox, _settings(options), _report).observe(0, faults)
            return 0
        inbox, state = Inbox.again(options.inbox, _report)
        if options.order == "late":
            _report(f"{inbox.bring_late()} files came late or grew")
        else:
            inbox.observe(state.day + 1, faults)
    except (OSError, ValueError) as error:
        print(f"sample of DSA-110: {error}", file=sys.stderr)
        return 1
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    antennas, channels = SIZES[options.size]
    start = options.start if options.start.tzinfo else options.start.replace(tzinfo=UTC)
    return Settings(
        seed=options.seed,
        antennas=antennas if options.antennas is None else options.antennas,
        channels=channels if options.channels is None else options.channels,
        integrations=options.integrations,
        tiles=options.tiles,
        every=options.every,
        start=start.astimezone(UTC),
        declination=options.declination,
        noise=not options.quiet,
        dead=not options.quiet,
        interference=not options.quiet,
    )


def _report(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.dsa110", description="Write a drift scan as the DSA-110 would."
    )
    parser.add_argument("inbox", type=Path, metavar="INBOX", help="folder in which the files appear")
    parser.add_argument("order", nargs="?", choices=["observe", "advance", "late"], default="observe")
    parser.add_argument("--size", choices=SIZES, default="small", help="antennas and channels by name")
    parser.add_argument("--antennas", type=int, help="that are correlated, 3 to 96")
    parser.add_argument("--channels", type=int, help="of each of the 16 sub-bands, 2 and more")
    parser.add_argument("--integrations", type=int, default=24, help="of each tile (24)")
    parser.add_argument("--tiles", type=int, default=3, help="of each day (3)")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="from one tile to the next (no pause)")
    parser.add_argument("--seed", type=int, default=7, help="another one is another sky and instrument")
    parser.add_argument(
        "--start",
        type=datetime.fromisoformat,
        default=START,
        metavar="ISO",
        help=f"of the first tile, UTC ({START:%Y-%m-%dT%H:%M:%S})",
    )
    parser.add_argument("--declination", type=float, default=16.3, help="apparent, in degrees (16.3)")
    parser.add_argument("--quiet", action="store_true", help="no noise, interference or dead antennas")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND@TILE",
        help="what goes wrong with which tile of the day, from 0: see sandbox/dsa110/faults.py",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
