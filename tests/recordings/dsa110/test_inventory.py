"""The real arrivals of 14 dates make the tiles that the telescope's own people found."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from include.sources.dsa110 import grouping
from include.upstream.observations import Arrival


def arrivals(recordings: Path) -> Iterator[Arrival]:
    """A file for each sub-band that the inventory counts; it does not say which, so they are counted through."""
    numbers = count()
    with (recordings / "dsa110" / "inventory.csv").open(encoding="utf-8") as handle:
        for row in sorted(csv.DictReader(handle), key=lambda row: row["timestamp"]):
            begins = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
            files = int(row["n_subbands_found"])
            for _ in range(files):
                subband = next(numbers) % grouping.SUBBANDS if int(row["size_bytes"]) else 0
                yield Arrival(
                    path=f"{row['timestamp']}_sb{subband:02}.hdf5",
                    bytes=int(row["size_bytes"]) // files,
                    modified=begins,
                    begins=begins,
                    subband=subband,
                    seen=begins,
                )


def test_the_inventory_gives_its_tiles(recordings: Path) -> None:
    files = list(arrivals(recordings))
    usable = [each for each in files if each.bytes]
    assert len(files) - len(usable) == 240 + 80, "those without a byte are refused before they are grouped"
    random.Random(5).shuffle(usable)
    later = max(each.begins for each in usable) + timedelta(days=1)
    found = grouping.group(usable, later)
    states = Counter(group.state for group in found.groups)
    assert len(found.groups) == 2_422
    assert states == {"complete": 2_380, "padded": 12, "rejected": 30}
    assert found.waiting == ()
