"""Flagging, beams, noise, fluxes and weights on arrays whose truth is known."""

import math
from pathlib import Path

import numpy as np
import pytest
from astropy.wcs import WCS

from imaging import beam, calibration, catalogue, flagging, maps, mosaic, quality
from imaging.catalogue import Source
from imaging.errors import Refused

PIXEL = 8.0


def noise(rng, shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


# --- flagging ---


def test_interference_is_found_in_its_channel_and_in_its_time_and_nowhere_else() -> None:
    rng = np.random.default_rng(1)
    shape = (24, 120, 64, 2)
    data = 3 * noise(rng, shape)
    data[:, :, 20] += 30 * np.exp(2j * np.pi * rng.random((24, 120, 1)))
    data[11, :, 50] += 30 * np.exp(2j * np.pi * rng.random((120, 1)))
    found = flagging.interference(data, np.zeros(shape, bool))
    everywhere = found.all(axis=(1, 3))
    expected = np.zeros((24, 64), bool)
    expected[:, 20] = True
    expected[11, 50] = True
    assert np.array_equal(everywhere, expected)
    assert found.mean() == pytest.approx(expected.mean(), abs=1e-4)


def test_gains_and_bandpasses_are_no_interference() -> None:
    rng = np.random.default_rng(2)
    shape = (24, 120, 64, 2)
    ripple = 1 + 0.2 * np.sin(np.arange(64) / 5)
    data = noise(rng, shape) * (0.01 + rng.random((1, 120, 1, 2))) * ripple[:, None]
    assert flagging.interference(data, np.zeros(shape, bool)).mean() < 1e-4


def test_what_stood_flagged_stays_so_and_hides_nothing() -> None:
    rng = np.random.default_rng(3)
    shape = (12, 60, 32, 2)
    data = noise(rng, shape)
    flags = np.zeros(shape, bool)
    flags[:, :, :8] = True
    data[:, :, :8] = np.nan
    data[4, :, 20] += 50
    found = flagging.interference(data, flags)
    assert found[:, :, :8].all()
    assert found[4, :, 20].all()
    assert not found[:, :, 9:20].any()


def test_a_dead_antenna_is_in_no_share() -> None:
    first, second = np.triu_indices(10, 1)
    flags = np.zeros((4, 45, 8, 2), bool)
    dead = flagging.dead(np.array([1.0] * 9 + [1e-3]), np.zeros(10, bool))
    assert dead.tolist() == [False] * 9 + [True]
    flags[:, (first == 9) | (second == 9)] = True
    flags[0] = True
    assert flagging.share(flags, first, second, dead).percent == pytest.approx(25.0)
    assert flagging.share(flags, first, second, np.ones(10, bool)).percent == 100.0


# --- beam ---


def test_the_beam_is_half_where_an_airy_pattern_is() -> None:
    frequency = 1.4e9
    half = 0.5 * 1.0290 * beam.LIGHT / frequency / 4.65
    assert beam.power(0.0, frequency, 4.65) == 1.0
    assert beam.power(half, frequency, 4.65) == pytest.approx(0.5, abs=2e-3)
    assert beam.power(math.asin(1.2197 * beam.LIGHT / frequency / 4.65), frequency, 4.65) == pytest.approx(
        0, abs=1e-6
    )


def test_a_drifting_beam_is_the_mean_of_its_times() -> None:
    ra, dec, frequencies = np.array([10.0, 10.6]), np.array([16.0, 16.0]), np.array([1.4e9])
    at = [beam.power(beam.separation(10.8, 16.5, a, d), 1.4e9, 4.65) for a, d in zip(ra, dec, strict=True)]
    assert beam.mean_power(10.8, 16.5, ra, dec, frequencies, 4.65) == pytest.approx(np.mean(at), rel=1e-12)


# --- images ---


def grid(size=600, ra=338.0, dec=16.0):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---SIN", "DEC--SIN"]
    wcs.wcs.crval, wcs.wcs.crpix = [ra, dec], [size / 2, size / 2]
    wcs.wcs.cdelt = [-PIXEL / 3600, PIXEL / 3600]
    return wcs


def field(values, wcs, restoring, rms):
    picture = maps.Picture(values, wcs, restoring, PIXEL)
    return quality.Field(picture, np.full(values.shape, rms), np.ones(values.shape), 1.4e9)


def sky(sources, wcs, restoring, size=600):
    values = np.zeros((size, size))
    for ra, dec, flux in sources:
        x, y = wcs.all_world2pix(ra, dec, 0)
        dy, dx = np.indices(values.shape)
        values += flux * maps.gaussian(restoring, (dx - x) * PIXEL, (dy - y) * PIXEL)
    return values


def test_fluxes_and_offsets_are_measured() -> None:
    wcs, restoring = grid(), maps.Beam(50, 30, -70)
    true = [(338.1, 16.1, 0.5), (337.8, 15.9, 0.02), (338.3, 16.3, 0.1)]
    shifted = (338.3 + 3 / 3600 / math.cos(math.radians(16.3)), 16.3 - 2 / 3600)
    values = sky([*true[:2], (*shifted, 0.1)], wcs, restoring)
    rows = quality.measure(
        field(values, wcs, restoring, 1e-3), [Source(str(n), *each, 1.4e9) for n, each in enumerate(true)]
    )
    assert [row.matched for row in rows] == [True] * 3
    assert [row.flux_jy for row in rows[:2]] == pytest.approx([0.5, 0.02], rel=1e-3)
    assert rows[2].offset_ra_arcsec == pytest.approx(3, abs=0.02)
    assert rows[2].offset_dec_arcsec == pytest.approx(-2, abs=0.02)


def test_a_source_on_blank_pixels_or_behind_the_sky_has_no_row() -> None:
    wcs = grid()
    values = np.zeros((600, 600))
    values[:, :300] = np.nan
    sources = [
        Source("blank", 338.3, 16.0, 1.0, 1.4e9),
        Source("behind", 158.0, -16.0, 1.0, 1.4e9),
        Source("seen", 337.7, 16.0, 1.0, 1.4e9),
    ]
    rows = quality.measure(field(values, wcs, maps.Beam(50, 30, 0), 1e-3), sources)
    assert [(row.name, row.matched) for row in rows] == [("seen", False)]


def test_one_flux_that_is_wrong_shows_beside_a_good_median() -> None:
    wcs, restoring = grid(), maps.Beam(50, 30, 10)
    places = [(337.6 + 0.1 * n, 16.0 + 0.03 * n, 0.1) for n in range(8)]
    values = sky(places, wcs, restoring)
    listed = [Source(str(n), ra, dec, flux, 1.4e9) for n, (ra, dec, flux) in enumerate(places)]
    listed[3] = Source("3", *places[3][:2], 0.1 / 2697, 1.4e9)
    listed.append(Source("not there", 338.0, 15.7, 0.2, 1.4e9))
    seen = field(values, wcs, restoring, 1e-3)
    rows = quality.measure(seen, listed)
    told = {each.name: each.value for each in quality.figures(seen, rows)}
    assert told["flux_ratio_median"] == pytest.approx(1.0, abs=0.01)
    assert told["flux_ratio_outliers"] == 2
    assert {row.name for row in rows if quality.outlier(row)} == {"3", "not there"}
    assert told["completeness_percent"] == pytest.approx(100 * 7 / 8)


def test_too_few_sources_are_not_judged() -> None:
    wcs = grid()
    seen = field(np.zeros((600, 600)), wcs, maps.Beam(50, 30, 0), 1e-3)
    told = {
        each.name: each
        for each in quality.figures(seen, quality.measure(seen, [Source("a", 338, 16, 1, 1.4e9)]))
    }
    for name in ("completeness_percent", "flux_ratio_median", "astrometry_arcsec"):
        assert told[name].value is None
        assert told[name].note


def test_a_peak_that_no_catalogue_knows_is_counted() -> None:
    wcs, restoring = grid(), maps.Beam(50, 30, 0)
    values = sky([(338.1, 16.1, 0.5), (337.8, 15.9, 0.5)], wcs, restoring)
    seen = field(values, wcs, restoring, 1e-3)
    assert quality.unmatched(seen, quality.measure(seen, [Source("a", 338.1, 16.1, 0.5, 1.4e9)])) == 1


def test_noise_is_measured_beside_bright_sources_and_where_it_changes() -> None:
    rng = np.random.default_rng(4)
    values = rng.standard_normal((800, 800))
    values[:, 400:] *= 3
    values[100:110, 100:110] += 1000
    found = maps.local_noise(values, 4.0)
    assert found[100, 100] == pytest.approx(1, rel=0.05)
    assert found[400, 700] == pytest.approx(3, rel=0.05)
    assert maps.spread(values[:, :400]) == pytest.approx(1, rel=0.02)


def test_the_beam_of_a_mosaic_is_that_of_equal_tiles() -> None:
    mean = mosaic._beam([(52.0, 30.0, -68.0)] * 3)
    assert (mean.major, mean.minor, mean.angle) == pytest.approx((52, 30, -68))
    turned = mosaic._beam([(52.0, 30.0, 80.0), (52.0, 30.0, -80.0)])
    assert abs(turned.angle) == pytest.approx(90)
    assert turned.minor > 30


# --- catalogue, calibration ---


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,ra_deg\nA,1\n", "no column dec_deg, flux_jy"),
        ("name,ra_deg,dec_deg,flux_jy\n", "no source"),
        ("name,ra_deg,dec_deg,flux_jy\nA,1,x,1\n", "line 2: dec_deg is 'x'"),
        ("name,ra_deg,dec_deg,flux_jy\nA,1,2,nan\n", "line 2: flux_jy is nan"),
        ("name,ra_deg,dec_deg,flux_jy\nA,1,2,1\nA,1,3,1\n", "a name twice"),
    ],
)
def test_a_catalogue_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(text)
    with pytest.raises(Refused, match=words):
        catalogue.read(path, 1.4e9)


def test_a_folder_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not exist"):
        calibration.read(tmp_path / "nothing")
    with pytest.raises(Refused, match=r"no calibration\.json"):
        calibration.read(tmp_path)
    (tmp_path / "calibration.json").write_text('{"tile": 1}')
    with pytest.raises(Refused, match="is no calibration table"):
        calibration.read(tmp_path)
