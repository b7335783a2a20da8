"""What files of one tile must agree in."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from imaging import reading
from imaging.errors import Refused
from include.sources.dsa110.jobs import SubBand

WIDTH = 1e6


@dataclass
class Header:
    """Of what pyuvdata reads, what the order of sub-bands goes by."""

    freq_array: np.ndarray
    channel_width: np.ndarray


def header(number: int, *, off: float = 0.0, channels: int = 4) -> Header:
    top = 1.5e9 - number * 4 * WIDTH
    return Header(top - (np.arange(channels) + 0.5) * WIDTH + off, np.full(channels, WIDTH))


MEMBERS = tuple(SubBand(number=number, path=f"/sb{number:02d}") for number in range(16))


def test_subbands_come_out_in_ascending_frequency_and_missing_ones_in_their_place() -> None:
    headers = {number: header(number) for number in range(16) if number not in {0, 7}}
    found = reading._blocks(MEMBERS, headers)
    assert [number for number, _ in found] == list(range(15, -1, -1))
    frequencies = np.concatenate([span for _, span in found])
    np.testing.assert_allclose(np.diff(frequencies), WIDTH)
    np.testing.assert_allclose(frequencies[-1], 1.5e9 - WIDTH / 2)


def test_a_subband_with_another_ones_number_is_refused() -> None:
    headers = {number: header(number) for number in range(16)}
    headers[3], headers[4] = headers[4], headers[3]
    with pytest.raises(Refused, match="not in the order of frequency"):
        reading._blocks(MEMBERS, headers)


def test_a_subband_with_other_channels_is_refused() -> None:
    headers = {number: header(number) for number in range(16)} | {5: header(5, channels=2)}
    with pytest.raises(Refused, match="different numbers of channels"):
        reading._blocks(MEMBERS, headers)


@pytest.mark.parametrize(
    ("channels", "width", "together"), [(48, 244140.625, 4), (8, 1.46e6, 1), (10, 3e5, 2), (7, 3e5, 1)]
)
def test_channels_are_averaged_as_far_as_they_divide_and_stay_narrow(
    channels: int, width: float, together: int
) -> None:
    assert reading._together(channels, width, 1e6) == together


def test_averaging_leaves_out_what_is_flagged() -> None:
    values = np.arange(8, dtype=np.complex64).reshape(1, 1, 8, 1)
    bad = np.zeros((1, 1, 8, 1), bool)
    bad[0, 0, 1] = True
    bad[0, 0, 4:7] = True
    values[0, 0, 5] = np.nan
    found, flags = reading._average(values, bad, 4)
    assert found[0, 0, 0, 0] == pytest.approx((0 + 2 + 3) / 3)
    assert flags[0, 0, :, 0].tolist() == [False, True]


@pytest.mark.parametrize(("moved", "fits"), [(0.049, True), (0.051, False)])
def test_antennas_stand_within_five_centimetres_whatever_the_origin(
    tmp_path: Path, moved: float, fits: bool
) -> None:
    positions = np.random.default_rng(1).uniform(-500, 500, (6, 3))
    names = tuple(f"DSA{number:03d}" for number in range(1, 7))
    layout = reading._Layout(
        antennas=names,
        numbers=tuple(range(6)),
        positions=positions,
        telescope=(0.0, 0.0, 0.0),
        first=np.array([0]),
        second=np.array([1]),
        auto_antennas=np.array([], int),
        dec=0.0,
        ra_deg=0.0,
        dec_deg=0.0,
        pointing=(np.zeros(1), np.zeros(1)),
        integration=12.885,
    )
    listed = positions + np.array([1000.0, -2000.0, 3000.0])
    listed[4, 0] += moved
    path = tmp_path / "positions.csv"
    lines = [f"{name},{x!r},{y!r},{z!r}" for name, (x, y, z) in zip(names, listed.tolist(), strict=True)]
    path.write_text("\n".join(["name,x_m,y_m,z_m", *lines]))
    if fits:
        reading._check_positions(layout, path)
    else:
        with pytest.raises(Refused, match=r"DSA005 stands 5\.1 cm"):
            reading._check_positions(layout, path)
