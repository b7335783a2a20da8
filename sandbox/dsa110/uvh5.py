"""UVH5 as the correlator writes it: an old layout of the format, see the memo "UVH5 file format" of pyuvdata.

visdata has four axes (baseline-times, 1, channels, polarisations), phase_type is drift, LSTs are missing, uvw is
float32 and frequencies descend. Antennas are named by their number as painted, from 1, and numbered from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from sandbox.dsa110.array import DISH, HEIGHT, LATITUDE, LONGITUDE, Array, Floats
from sandbox.dsa110.instrument import POLARISATIONS, SUBBAND_WIDTH, Complexes
from sandbox.dsa110.pointing import INTEGRATION, uvw

_XX_YY = (-5, -6)
# Spectra that the correlator adds up in one integration
_SAMPLES = 96


def name(moment: datetime, subband: int) -> str:
    """File name of a sub-band that was opened at a moment."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}_sb{subband:02d}.hdf5"


def write(
    path: Path,
    array: Array,
    antennas: NDArray[np.int64],
    declination: float,
    jd: Floats,
    frequency: Floats,
    visibilities: Iterator[Complexes],
    written: datetime,
) -> int:
    """Write one sub-band, an integration at a time.

    Args:
        path: the file, which must not be there.
        array: the telescope.
        antennas: indices of the stations that are correlated, ascending.
        declination: apparent, of the pointing, in radians.
        jd: middles of the integrations, shape (times).
        frequency: of the channels in Hz.
        visibilities: for each integration an array of shape (baselines, channels, polarisations); baselines are
            those of `pairs`, and each is antenna 1 conjugated times antenna 2.
        written: what the header says of when it was written.

    Returns:
        Bytes of the file.
    """
    first, second = pairs(len(antennas))
    times, baselines, channels = len(jd), len(first), len(frequency)
    rows = times * baselines
    place = uvw(array, declination)[antennas]
    shape = (rows, 1, channels, POLARISATIONS)
    # As each integration is written: HDF5 reads again what it wrote of a chunk that is written in parts
    chunks = (baselines, 1, channels, POLARISATIONS)
    with h5py.File(path, "x") as file:
        _header(file.create_group("Header"), array, declination, frequency, written)
        header = file["Header"]
        header["Nants_data"] = len(antennas)
        header["Nbls"], header["Nblts"], header["Ntimes"] = baselines, rows, times
        header["ant_1_array"] = np.tile(antennas[first], times)
        header["ant_2_array"] = np.tile(antennas[second], times)
        header["time_array"] = np.repeat(jd, baselines)
        header["integration_time"] = np.full(rows, INTEGRATION)
        header["uvw_array"] = np.tile((place[second] - place[first]).astype(np.float32), (times, 1))
        data = file.create_group("Data")
        vis = data.create_dataset("visdata", shape, np.complex64, chunks=chunks)
        flags = data.create_dataset("flags", shape, np.bool_, chunks=chunks)
        samples = data.create_dataset("nsamples", shape, np.float32, chunks=chunks)
        for number, values in enumerate(visibilities):
            here = slice(number * baselines, (number + 1) * baselines)
            vis[here, 0] = values
            flags[here] = False
            samples[here] = _SAMPLES
    return path.stat().st_size


def pairs(antennas: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of both antennas of each baseline, an antenna with itself among them."""
    return np.triu_indices(antennas)


def _header(
    header: h5py.Group, array: Array, declination: float, frequency: Floats, written: datetime
) -> None:
    stations = len(array.numbers)
    values: dict[str, object] = {
        "latitude": LATITUDE,
        "longitude": LONGITUDE,
        "altitude": HEIGHT,
        "telescope_name": np.bytes_("OVRO_MMA"),
        "instrument": np.bytes_("DSA"),
        "object_name": np.bytes_("search"),
        "history": np.bytes_(f"written by sandbox.dsa110 on {written:%Y-%m-%dT%H:%M:%S}"),
        "phase_type": np.bytes_("drift"),
        "Nants_telescope": stations,
        "antenna_diameters": np.full(stations, DISH),
        "antenna_names": array.numbers.astype("S4"),
        "antenna_numbers": np.arange(stations),
        "antenna_positions": array.terrestrial(),
        "Nfreqs": len(frequency),
        "Npols": POLARISATIONS,
        "Nspws": 1,
        "freq_array": frequency[None, :],
        "channel_width": SUBBAND_WIDTH / len(frequency),
        "spw_array": np.array([1]),
        "polarization_array": np.array(_XX_YY),
        "extra_keywords/phase_center_dec": declination,
        "extra_keywords/ha_phase_center": 0.0,
        "extra_keywords/phase_center_epoch": 2000,
        "extra_keywords/fs_table": np.bytes_("fringestopping_table.npz"),
    }
    for key, value in values.items():
        header[key] = value
