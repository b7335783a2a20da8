"""The sample's stations stand where the observatory says that they stand."""

import csv
import re
from math import cos, radians, sin, sqrt
from pathlib import Path

import pytest

from tests.sandbox.dsa110.test_stations import stations

CENTRE = (37.233387, -118.283405, 1188.0)
AXIS, FLATTENING = 6378137.0, 1 / 298.257223563
"""Of the ellipsoid of WGS 84."""


def terrestrial(latitude: float, longitude: float, height: float) -> tuple[float, float, float]:
    """Metres from the middle of the Earth."""
    lat, lon, squared = radians(latitude), radians(longitude), FLATTENING * (2 - FLATTENING)
    normal = AXIS / sqrt(1 - squared * sin(lat) ** 2)
    return (
        (normal + height) * cos(lat) * cos(lon),
        (normal + height) * cos(lat) * sin(lon),
        (normal * (1 - squared) + height) * sin(lat),
    )


def test_every_station_is_within_2_cm_of_its_published_place(recordings: Path) -> None:
    lat, lon = map(radians, CENTRE[:2])
    origin, found = terrestrial(*CENTRE), stations()
    with (recordings / "dsa110" / "DSA110_Station_Coordinates.csv").open(encoding="utf-8") as file:
        rows = [row[1:5] for row in csv.reader(file) if len(row) > 4 and re.fullmatch(r"DSA-\d+", row[1])]
    assert len(rows) == 117
    for name, latitude, longitude, height in rows:
        number = int(name.removeprefix("DSA-"))
        if not height:
            assert not found[number][3], "it has no published height and is not correlated"
            continue
        x, y, z = (
            there - here
            for there, here in zip(
                terrestrial(float(latitude), float(longitude), float(height)), origin, strict=True
            )
        )
        outwards = cos(lon) * x + sin(lon) * y
        expected = (
            cos(lon) * y - sin(lon) * x,
            cos(lat) * z - sin(lat) * outwards,
            cos(lat) * outwards + sin(lat) * z,
        )
        assert found[number][:3] == pytest.approx(expected, abs=0.02)
