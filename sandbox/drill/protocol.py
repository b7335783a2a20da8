"""The protocol of a drill: docs/drills/YYYY-MM-DD.md, for people who decide. It names no place and no person."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from include import release
from sandbox import postgres
from sandbox.drill.scenes import Scene

COLUMNS = (
    "scene",
    "what was broken",
    "noticed by",
    "recovered by",
    "seconds",
    "consumers saw",
    "lost",
    "held",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """About the drill as a whole."""

    seconds: float
    records: int


def write(folder: Path, played: Sequence[Scene], facts: Facts, now: datetime) -> Path:
    """Write the day's protocol, over an earlier one of the same day; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{now:%Y-%m-%d}.md"
    path.write_text("\n".join(lines(played, facts, now)) + "\n", encoding="utf-8")
    return path


def lines(played: Sequence[Scene], facts: Facts, now: datetime) -> Iterator[str]:
    """The protocol."""
    broken = [scene for scene in played if scene.faults]
    longest = max(played, key=lambda scene: scene.seconds)
    yield f"# Disaster drill of {now:%Y-%m-%d}"
    yield ""
    if broken:
        yield f"**{len(broken)} of {len(played)} scenes broke a guarantee**; see the end."
    else:
        yield f"**All {len(played)} scenes held every guarantee**: no consumer read a torn version, whoever was not"
        yield "hit read on, nothing that was published was lost for good, and every recovery ended where it should."
    yield f"The longest that a way to the data was closed: {longest.seconds:.1f} s ({longest.title.lower()})."
    yield ""
    yield f"- Made by `make drill` at {now:%H:%M} UTC in {facts.seconds:.0f} s, code {release.code_version()}, on"
    yield f"  ctgov's sample upstream with {facts.records} studies."
    machine = f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB, {platform.system()}"
    yield f"- {machine}, Python {platform.python_version()}, PostgreSQL {postgres.MAJOR}."
    yield "- A consumer read latest all the time, as files and in SQL, and compared every reading with what was"
    yield "  published. Seconds are those without an answer, from the last good reading to the next one; with so little"
    yield "  data most of them is the start of commands."
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for number, scene in enumerate(played, 1):
        cells = (
            f"{number}. {scene.title}",
            scene.broke,
            scene.noticed,
            scene.recovered,
            f"{scene.seconds:.1f}",
            scene.saw,
            scene.lost,
            "**no**" if scene.faults else "yes",
        )
        yield f"| {' | '.join(map(_cell, cells))} |"
    for scene in broken:
        yield ""
        yield f"## {scene.title}: broken"
        yield ""
        yield from (f"- {_cell(fault)}" for fault in scene.faults)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
