"""stations.csv: the array as it stands in Owens Valley."""

import csv
from itertools import pairwise
from math import hypot

from deploy.lock import PROJECT

STATIONS = PROJECT / "sandbox" / "dsa110" / "stations.csv"


def stations() -> dict[int, tuple[float, float, float, bool]]:
    """East, north and up in metres and whether it is correlated, by number."""
    lines = [line for line in STATIONS.read_text().splitlines() if not line.startswith("#")]
    return {
        int(row["station"]): (float(row["east"]), float(row["north"]), float(row["up"]), row["active"] == "1")
        for row in csv.DictReader(lines)
    }


def test_96_of_117_stations_are_correlated() -> None:
    found = stations()
    assert list(found) == list(range(1, 118))
    idle = [number for number, (*_, active) in found.items() if not active]
    assert idle == [10, 21, 22, 23, *range(52, 68), 117]


def test_the_arms_are_a_line_to_the_east_and_one_to_the_north() -> None:
    found = stations()
    steps = {round(found[b][0] - found[a][0], 1) for a, b in pairwise(range(1, 52))}
    assert min(steps) == 5.7 and {round(found[number][1], 1) for number in range(1, 52)} == {-1.3}
    steps = {round(found[b][1] - found[a][1], 1) for a, b in pairwise(range(52, 103))}
    assert steps <= {8.6, 8.7} and len({found[number][0] for number in range(52, 103)}) == 1


def test_the_outriggers_are_within_the_valley() -> None:
    found = stations()
    assert all(400 < hypot(*found[number][:2]) < 2300 for number in range(103, 118))
    assert all(-11 < up < 0 for _, _, up, _ in found.values())
