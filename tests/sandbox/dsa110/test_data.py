"""The data of the sample, as pyuvdata reads them: layout, geometry, fluxes, noise, dead antennas, interference.

What reads them (looking.py) takes directions from pyuvdata, the sample from astropy: a sign or a frame that is wrong in
the sample shows as a source at a wrong place.
"""

import math
from typing import Any

import pytest

pytestmark = pytest.mark.imaging

BEAM = 28.0
"""Seconds of arc, the smaller axis of 24 antennas."""


def test_the_layout_is_the_correlators(quiet: Any) -> None:
    layout = quiet["0"]["layout"]
    assert layout["visdata"] == [24 * 300, 1, 2, 2]
    assert (layout["phase_type"], layout["lsts"], layout["uvw"]) == ("drift", False, "float32")
    assert (layout["rows"], layout["autos"], layout["flags"]) == (24 * 300, 24 * 24, 0)
    assert (layout["polarisations"], layout["seconds"], layout["stations"]) == ([-5, -6], 12.885, 117)


def test_sub_band_0_is_the_highest_and_frequencies_descend_through_all_of_them(quiet: Any) -> None:
    highest, lowest = (quiet[subband]["layout"]["frequencies"] for subband in ("0", "15"))
    assert highest == sorted(highest, reverse=True) and lowest == sorted(lowest, reverse=True)
    half_a_channel = 48 * 244140.625 / 4
    assert highest[0] + half_a_channel == pytest.approx(1498.75e6)
    assert lowest[-1] - half_a_channel == pytest.approx(1311.25e6)


@pytest.mark.parametrize("subband", ["0", "15"])
def test_stored_baselines_are_those_of_the_antennas_towards_the_meridian(quiet: Any, subband: str) -> None:
    assert quiet[subband]["uvw_error"] < 0.001, "metres"


@pytest.mark.parametrize("subband", ["0", "15"])
def test_a_source_is_where_the_catalogue_has_it_with_the_flux_that_the_beam_leaves(
    quiet: Any, subband: str
) -> None:
    seen = quiet[subband]
    assert seen["brightest"][0] == seen["calibrator"]
    for found, expected in zip(seen["peaks"], seen["expected"], strict=True):
        assert math.hypot(found["right"], found["up"]) < 1 < 0.1 * BEAM
        assert found["flux"] == pytest.approx(expected, rel=0.002)


@pytest.mark.parametrize("subband", ["0", "15"])
def test_the_other_sign_of_the_phase_shows_no_source(quiet: Any, subband: str) -> None:
    for found in quiet[subband]["peaks"]:
        assert found["mirrored"] < 0.25 * found["flux"]


@pytest.mark.parametrize("subband", ["0", "15"])
def test_nothing_is_in_the_data_but_the_sky_of_the_catalogue(quiet: Any, subband: str) -> None:
    left = [each for moment in quiet[subband]["loud"] for each in moment]
    assert max(left) < 0.004 * quiet[subband]["total"], (
        "what is left is the bending of the field by aberration"
    )


def test_noise_is_that_of_the_receivers(noisy: Any) -> None:
    _, seen = noisy
    expected = 5800 / math.sqrt(2 * 48 * 244140.625 / 2 * 12.885)
    for subband in seen.values():
        assert subband["noise"] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("subband", ["0", "15"])
def test_an_antenna_with_itself_has_the_power_of_its_receiver_and_of_the_sky(
    quiet: Any, subband: str
) -> None:
    assert 5800 < quiet[subband]["autos"] < 5830


def test_a_dead_antenna_hears_nothing_of_the_sky(noisy: Any) -> None:
    known, seen = noisy
    assert len(known["dead"]) == 1
    for subband in seen.values():
        assert subband["deaf"] < 0.05 < subband["expected"][0]


def test_interference_is_where_the_truth_says_and_nowhere_else(noisy: Any) -> None:
    known, seen = noisy
    told = {
        (channel, moment)
        for first, last, moments, _ in known["tiles"][0]["interference"]
        for channel in range(first, last + 1)
        for moment in moments
    }
    loud, faint = [], []
    for subband, found in seen.items():
        for moment, channels in enumerate(found["loud"]):
            for channel, strength in enumerate(channels):
                place = (2 * int(subband) + channel, moment)
                (loud if place in told else faint).append(strength)
    assert min(loud) > 50 and max(faint) < 1
