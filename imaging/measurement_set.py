"""Stokes I of one tile as a Measurement Set, which is what imagers read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imaging.correction import Intensity
from imaging.reading import JD_MJD
from imaging.visibilities import Header

STOKES_I = 1
"""CORR_TYPE of Stokes I, from casacore's Stokes class."""


def write(header: Header, uvw: np.ndarray, found: Intensity, path: Path) -> None:
    """Write visibilities as they are, in pyuvdata's convention; flagged samples are flagged in the set."""
    from astropy.coordinates import EarthLocation
    from casacore.tables import table
    from pyuvdata import Telescope, UVData

    times, baselines, channels = found.data.shape
    telescope = Telescope.new(
        name="DSA-110",
        location=EarthLocation.from_geocentric(*header.telescope_m, unit="m"),
        antenna_positions=np.asarray(header.positions_m),
        antenna_names=list(header.antennas),
        antenna_numbers=list(header.numbers),
        mount_type=["alt-az"] * len(header.antennas),
        instrument="DSA-110",
    )
    numbers = np.asarray(header.numbers)
    pairs = np.stack([numbers[np.asarray(header.first)], numbers[np.asarray(header.second)]], axis=1)
    data = UVData.new(
        freq_array=np.asarray(header.frequencies_hz),
        channel_width=np.full(channels, header.channel_width_hz),
        polarization_array=np.array([-5]),
        times=np.repeat(np.asarray(header.times_mjd) + JD_MJD, baselines),
        antpairs=np.tile(pairs, (times, 1)),
        do_blt_outer=False,
        integration_time=header.integration_s,
        telescope=telescope,
        phase_center_catalog={
            0: {
                "cat_name": "tile",
                "cat_type": "sidereal",
                "cat_lon": np.radians(header.ra_deg),
                "cat_lat": np.radians(header.dec_deg),
                "cat_frame": "icrs",
                "cat_epoch": 2000.0,
            }
        },
        phase_center_id_array=np.zeros(times * baselines, int),
        vis_units="Jy",
        data_array=found.data.reshape(times * baselines, channels, 1),
        flag_array=found.flags.reshape(times * baselines, channels, 1),
        nsample_array=np.ones((times * baselines, channels, 1), np.float32),
        update_telescope_from_known=False,
    )
    # The same coordinates that the data were turned to, and the model was made with
    data.uvw_array = uvw.reshape(-1, 3)
    data.write_ms(str(path), run_check=False, force_phase=False)
    # pyuvdata (3.2.8) has no way to write Stokes I: it was written as XX, and its label is put right here
    with table(f"{path}::POLARIZATION", readonly=False, ack=False) as polarisation:
        polarisation.putcell("CORR_TYPE", 0, np.array([STOKES_I], np.int32))
