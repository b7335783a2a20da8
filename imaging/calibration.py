"""Bandpass and gains: solved on the calibrator's tile, kept as a folder, applied to other tiles.

A table is a folder with the marker `calibration.json` (jobs.Calibration) and three arrays:

- `bandpass.npy`: complex (polarisation, channel, antenna), mean amplitude 1 and phase 0 of the reference antenna;
- `gains.npy`: complex (interval, polarisation, antenna);
- `gain_times.npy`: MJD of the middle of each interval.

What the correlator wrote is gain(p)·conj(gain(q)) times the sky. NaN stands where there is no solution.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from imaging import model, stefcal
from imaging.catalogue import Source
from imaging.errors import Refused
from imaging.visibilities import Header, Visibilities
from include.sources.dsa110.jobs import TABLE_MARKER, Calibration, Parameters

VALID_DAYS = 1.0
"""Either side of the calibrator's transit."""
ARRAYS = ("bandpass", "gains", "gain_times")
LEAST_SNR = 3.0
"""Solutions below are dropped."""
DEAD_SHARE = 0.2
"""An antenna is dead whose gain is below this share of the median antenna's: it has noise alone."""
DEAD_CHANNELS = 0.5
"""So is one without a bandpass in more than this share of the channels that others have."""

Complex = npt.NDArray[np.complexfloating]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Solution:
    """Solutions as they are kept."""

    bandpass: Complex
    gains: Complex
    gain_times: npt.NDArray[np.float64]
    dead: tuple[str, ...]
    flagged_percent: float
    phase_scatter_deg: float
    median_snr: float
    iterations: int

    @property
    def total(self) -> Complex:
        """(polarisation, channel, antenna): bandpass times the mean gain over the tile."""
        return mean_gain(self.bandpass, self.gains)


def mean_gain(bandpass: Complex, gains: Complex) -> Complex:
    good = np.isfinite(gains)
    count = good.sum(axis=0)
    mean = np.where(good, gains, 0).sum(axis=0) / np.maximum(count, 1)
    return np.asarray(bandpass * np.where(count > 0, mean, complex(np.nan, np.nan))[:, None, :])


def chosen(header: Header, catalogue: tuple[Source, ...], parameters: Parameters) -> tuple[Source, ...]:
    """Sources bright enough through the primary beam to stand in the model, at the middle of the band."""
    return tuple(
        each
        for each in catalogue
        if model.apparent(header, each, parameters.dish_m).mean() >= parameters.model_above_jy
    )


def solve(visibilities: Visibilities, sources: tuple[Source, ...], parameters: Parameters) -> Solution:
    """Bandpass over the whole tile, then gains in intervals.

    Raises Refused where the model is empty or the reference antenna has no solution.
    """
    header = visibilities.header
    if not sources:
        raise Refused("The catalogue has no source in this tile that it could be calibrated on.")
    if parameters.reference_antenna not in header.antennas:
        raise Refused(f"The reference antenna {parameters.reference_antenna} is not in the data.")
    reference = header.antennas.index(parameters.reference_antenna)
    times, channels, antennas = len(header.times_mjd), len(header.frequencies_hz), len(header.antennas)
    first, second = visibilities.first, visibilities.second
    predicted = model.predict_all(header, visibilities.uvw, sources, parameters.dish_m, parameters.threads)
    bandpass = np.empty((2, channels, antennas), np.complex128)
    snr, iterations = [], 0
    for polarisation in range(2):
        sums = stefcal.Sums(channels, antennas)
        for time in range(times):
            sums.add(
                slice(None),
                first,
                second,
                visibilities.data[time, :, :, polarisation].T[..., None],
                predicted[time].T[..., None],
                ~visibilities.flags[time, :, :, polarisation].T[..., None],
            )
        found = stefcal.solve(sums)
        iterations = max(iterations, found.iterations)
        with np.errstate(invalid="ignore", divide="ignore"):
            weak = np.abs(found.values) < LEAST_SNR * found.errors
            snr.append(np.abs(found.values) / found.errors)
        bandpass[polarisation] = stefcal.referred(
            np.where(weak, complex(np.nan, np.nan), found.values), reference
        )
    if not np.isfinite(bandpass[:, :, reference]).any():
        raise Refused(f"The reference antenna {parameters.reference_antenna} has no solution.")
    scale = _amplitude(bandpass)
    out = _dead(bandpass, scale)
    bandpass[:, :, out] = complex(np.nan, np.nan)
    with np.errstate(invalid="ignore"):
        bandpass /= scale[:, None, :]
    gains, gain_times = _gains(visibilities, predicted, bandpass, reference, parameters.gain_intervals)
    alive = bandpass[:, :, ~out]
    seen = np.asarray(~visibilities.flags.all(axis=(0, 1))).T[:, :, None]
    missing = ~np.isfinite(alive) & seen
    return Solution(
        bandpass=bandpass,
        gains=gains,
        gain_times=gain_times,
        dead=tuple(name for name, off in zip(header.antennas, out, strict=True) if off),
        flagged_percent=100.0 * float(missing.sum()) / max(int(np.broadcast_to(seen, alive.shape).sum()), 1),
        phase_scatter_deg=_scatter(gains),
        median_snr=float(np.nanmedian(snr)),
        iterations=iterations,
    )


def _amplitude(bandpass: Complex) -> npt.NDArray[np.float64]:
    """Mean amplitude over channels, (polarisation, antenna); NaN where there is no solution."""
    good = np.isfinite(bandpass)
    total = np.where(good, np.abs(bandpass), 0).sum(axis=1)
    count = good.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _dead(bandpass: Complex, amplitude: npt.NDArray[np.float64]) -> Bools:
    good: Bools = np.isfinite(bandpass)
    possible = good.any(axis=2).sum(axis=1)
    with np.errstate(invalid="ignore"):
        weak = ~(amplitude >= DEAD_SHARE * np.nanmedian(amplitude, axis=1, keepdims=True))
    sparse = good.sum(axis=1) < (1 - DEAD_CHANNELS) * possible[:, None]
    return np.asarray((weak | sparse).any(axis=0))


def _gains(
    visibilities: Visibilities,
    predicted: list[npt.NDArray[np.complex64]],
    bandpass: Complex,
    reference: int,
    intervals: int,
) -> tuple[Complex, npt.NDArray[np.float64]]:
    """Gains of each interval and polarisation: (interval, polarisation, antenna), and the intervals' middles."""
    header = visibilities.header
    first, second = visibilities.first, visibilities.second
    pieces = np.array_split(np.arange(len(header.times_mjd)), min(intervals, len(header.times_mjd)))
    gains = np.empty((len(pieces), 2, len(header.antennas)), np.complex128)
    for polarisation in range(2):
        shape = (bandpass[polarisation][:, first] * bandpass[polarisation][:, second].conj()).T
        good = np.isfinite(shape)
        shape = np.where(good, shape, 0).astype(np.complex64)
        sums = stefcal.Sums(len(pieces), len(header.antennas))
        for number, piece in enumerate(pieces):
            for time in piece:
                sums.add(
                    slice(number, number + 1),
                    first,
                    second,
                    visibilities.data[time, :, :, polarisation][None],
                    (predicted[time] * shape)[None],
                    (good & ~visibilities.flags[time, :, :, polarisation])[None],
                )
        gains[:, polarisation] = stefcal.referred(stefcal.solve(sums).values, reference)
    times = np.array([np.mean([header.times_mjd[time] for time in piece]) for piece in pieces])
    return gains, times


def _scatter(gains: Complex) -> float:
    """Circular standard deviation of phases over the intervals in degrees: the median of antennas and polarisations."""
    good = np.isfinite(gains)
    with np.errstate(invalid="ignore"):
        unit = np.where(good, gains / np.abs(gains), 0)
    count = good.sum(axis=0)
    length = np.abs(unit.sum(axis=0)) / np.maximum(count, 1)
    spread = np.degrees(np.sqrt(-2 * np.log(np.clip(length, 1e-9, 1))))
    return float(np.median(spread[count > 0])) if (count > 0).any() else 180.0


def write(solution: Solution, header: Header, parameters: Parameters, tile: str, folder: Path) -> Calibration:
    """Write the table into `folder`, which exists; the marker last."""
    hashes = {}
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        np.save(path, getattr(solution, name))
        hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    middle = (header.times_mjd[0] + header.times_mjd[-1]) / 2
    record = Calibration(
        tile=tile,
        observed_mjd=middle,
        valid_from_mjd=middle - VALID_DAYS,
        valid_until_mjd=middle + VALID_DAYS,
        declination_deg=header.apparent_dec_deg,
        reference_antenna=parameters.reference_antenna,
        antennas=header.antennas,
        channels_hz=header.frequencies_hz,
        polarisations=header.polarisations,
        solutions=int(np.isfinite(solution.bandpass).sum() + np.isfinite(solution.gains).sum()),
        flagged_percent=solution.flagged_percent,
        phase_scatter_deg=solution.phase_scatter_deg,
        dead_antennas=solution.dead,
        arrays=hashes,
    )
    (folder / TABLE_MARKER).write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    return record


def read(folder: Path) -> tuple[Calibration, Complex]:
    """A table's record, and its gains (polarisation, channel, antenna). Raises Refused for what is no table."""
    marker = folder / TABLE_MARKER
    if not folder.is_dir():
        raise Refused(f"The calibration table {folder} does not exist, or is no folder.")
    if not marker.is_file():
        raise Refused(f"{folder} is no calibration table: it has no {TABLE_MARKER}.")
    try:
        record = msgspec.json.decode(marker.read_bytes(), type=Calibration)
    except msgspec.DecodeError as error:
        raise Refused(f"{folder} is no calibration table: {TABLE_MARKER}: {error}.") from error
    arrays = {}
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        if not path.is_file():
            raise Refused(f"The calibration table {folder} has no {path.name}.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != record.arrays.get(path.name):
            raise Refused(f"The calibration table {folder} was altered: {path.name} has another hash.")
        arrays[name] = np.load(path, allow_pickle=False)
    wanted = (len(record.polarisations), len(record.channels_hz), len(record.antennas))
    if arrays["bandpass"].shape != wanted or arrays["gains"].shape[1:] != wanted[::2]:
        raise Refused(
            f"The calibration table {folder} has arrays of other shapes than its {TABLE_MARKER} says."
        )
    return record, mean_gain(arrays["bandpass"], arrays["gains"])


def fitted(record: Calibration, gains: Complex, header: Header) -> Complex:
    """The table's gains for a tile's channels and antennas, (polarisation, channel, antenna); NaN where it has none.

    Raises Refused where the tile is outside of the table's validity, or has channels that the table has not.
    """
    middle = (header.times_mjd[0] + header.times_mjd[-1]) / 2
    if not record.valid_from_mjd <= middle <= record.valid_until_mjd:
        raise Refused(
            f"The calibration table of {record.tile} is valid from MJD {record.valid_from_mjd:.4f} to"
            f" {record.valid_until_mjd:.4f}; this tile is of {middle:.4f}."
        )
    known = np.asarray(record.channels_hz)
    wanted = np.asarray(header.frequencies_hz)
    place = np.abs(known[:, None] - wanted).argmin(axis=0)
    far = np.abs(known[place] - wanted) > 0.05 * header.channel_width_hz
    if far.any():
        raise Refused(
            f"The calibration table of {record.tile} has no channel at {wanted[far][0] / 1e6:.3f} MHz:"
            f" it was made with other channels or another averaging."
        )
    antennas = {name: index for index, name in enumerate(record.antennas)}
    mine = np.full((gains.shape[0], len(wanted), len(header.antennas)), complex(np.nan, np.nan))
    for index, name in enumerate(header.antennas):
        if name in antennas:
            mine[:, :, index] = gains[:, place, antennas[name]]
    if not np.isfinite(mine).any():
        raise Refused(f"The calibration table of {record.tile} has no antenna of this tile.")
    return mine
