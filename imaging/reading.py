"""Sub-band files of one tile, read one by one into one set of visibilities in ascending frequency.

The correlator writes UVH5 (pyuvdata memo 4) with marks of its own. Its data are stopped at hour angle 0 and the
apparent declination `phase_center_dec` at the middle of each integration, while the header says "drift", which pyuvdata
takes for data without any phase centre. So pyuvdata is told the true one, a fixed azimuth and altitude, and gives the
coordinates of both phase centres; the turn from one to the other is done here on each sub-band before its channels are
averaged, so that no more than one sub-band is in memory at full resolution.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from imaging import flagging
from imaging.beam import LIGHT
from imaging.errors import Refused
from imaging.visibilities import Header, Visibilities
from include.sources.dsa110.jobs import Parameters, SubBand

LEAST_SUBBANDS = 12
POSITION_TOLERANCE_M = 0.05
CENTRE_TOLERANCE_DEG = 1e-4
"""0.4 arcsec: all sub-bands look the same way."""
SKEW_TOLD_S = 0.1
WITH_WINDOWS = 4
"""Axes of data in older files: rows, spectral windows (one), channels, polarisations."""
JD_MJD = 2400000.5
SECONDS = 86400.0

Floats = npt.NDArray[np.float64]


@dataclass
class Found:
    """What reading tells beside the visibilities."""

    notes: list[str] = field(default_factory=list)
    power: Floats = field(default_factory=lambda: np.empty(0))
    """Median autocorrelation of each antenna; NaN where there is none."""
    screened_percent: float = 0.0
    """Of samples, flagged at full resolution."""
    time_skew_s: float = 0.0
    """Most that times of sub-bands differ."""
    padded: int = 0


@dataclass(frozen=True)
class _Geometry:
    """Of the times of a sub-band: which rows it holds, and where they look."""

    rows: npt.NDArray[np.int64]
    """(time, baseline) → row of the file, crosses only."""
    autos: npt.NDArray[np.int64]
    """(time, antenna) → row of the file, or nothing where it has no autocorrelations."""
    times_jd: Floats
    uvw: Floats
    turn_m: Floats
    """Path in metres to take off at each (time, baseline)."""


@dataclass(frozen=True)
class _Layout:
    """What all sub-bands share."""

    antennas: tuple[str, ...]
    numbers: tuple[int, ...]
    positions: Floats
    telescope: tuple[float, float, float]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    auto_antennas: npt.NDArray[np.int64]
    dec: float
    ra_deg: float
    dec_deg: float
    pointing: tuple[Floats, Floats]
    integration: float


def read(
    members: Sequence[SubBand], parameters: Parameters, positions: Path | None
) -> tuple[Visibilities, Found]:
    """One tile, phased to where it looks at its middle, channels averaged.

    Sub-bands that never came are there as flagged channels, so frequencies have no gap. Raises Refused for a file that
    cannot be read or does not fit the others; the reason names it.
    """
    _quiet_astropy()
    present = sorted((each for each in members if each.path is not None), key=lambda each: -each.number)
    _check_members(members, present)
    found = Found(padded=len(members) - len(present))
    headers = {each.number: _metadata(each) for each in present}
    blocks = _blocks(members, headers)
    begin = headers[present[0].number]
    channels = len(begin.freq_array)
    averaged = _together(channels, float(begin.channel_width[0]), parameters.widest_channel_hz)
    block = channels // averaged
    layout, geometry = _layout(begin, parameters, present[0])
    if positions is not None:
        _check_positions(layout, positions)
    shape = (len(geometry.times_jd), len(layout.first), len(members) * block, 2)
    data, flags = np.zeros(shape, np.complex64), np.ones(shape, bool)
    frequencies = np.empty(shape[2])
    screened, power = [], []
    known = {geometry.times_jd.tobytes(): geometry}
    for index, (number, centre) in enumerate(blocks):
        where = slice(index * block, (index + 1) * block)
        frequencies[where] = centre.reshape(block, averaged).mean(axis=1)
        if number not in headers:
            found.notes.append(f"Sub-band {number:02d} never came: its {block} channels are flagged.")
            continue
        member = next(each for each in present if each.number == number)
        mine = _geometry(headers[number], layout, member, known, geometry)
        skew = float(np.abs(mine.times_jd - geometry.times_jd).max()) * SECONDS
        found.time_skew_s = max(found.time_skew_s, skew)
        if skew > layout.integration / 2:
            raise Refused(f"{member.path}: its times are {skew:.1f} s from those of {present[0].path}.")
        values, bad, autos = _samples(member, headers[number], mine, layout)
        if averaged > 1:
            mask = _screen(values, bad)
            screened.append(float(mask.mean()))
            bad |= mask[:, None, :, None]
        values *= _turn(mine, headers[number].freq_array)
        data[:, :, where], flags[:, :, where] = _average(values, bad, averaged)
        power.append(autos)
    found.screened_percent = 100.0 * float(np.mean(screened)) if screened else 0.0
    found.power = np.median(power, axis=0)
    if found.time_skew_s > SKEW_TOLD_S:
        found.notes.append(f"Times of sub-bands differ by up to {found.time_skew_s:.1f} s.")
    header = Header(
        times_mjd=tuple((geometry.times_jd - JD_MJD).tolist()),
        integration_s=layout.integration,
        frequencies_hz=tuple(frequencies.tolist()),
        channel_width_hz=float(np.median(np.diff(frequencies))),
        block=block,
        polarisations=("XX", "YY"),
        antennas=layout.antennas,
        numbers=layout.numbers,
        positions_m=tuple((x, y, z) for x, y, z in layout.positions.tolist()),
        telescope_m=layout.telescope,
        first=tuple(layout.first.tolist()),
        second=tuple(layout.second.tolist()),
        ra_deg=layout.ra_deg,
        dec_deg=layout.dec_deg,
        pointing_ra_deg=tuple(layout.pointing[0].tolist()),
        pointing_dec_deg=tuple(layout.pointing[1].tolist()),
        apparent_dec_deg=math.degrees(layout.dec),
        absent=tuple(parameters.absent_antennas),
    )
    return Visibilities(header, data, flags, geometry.uvw), found


def _together(channels: int, width_hz: float, widest_hz: float) -> int:
    """How many channels are averaged into one."""
    return max(
        by for by in range(1, channels + 1) if channels % by == 0 and (by == 1 or by * width_hz <= widest_hz)
    )


def _quiet_astropy() -> None:
    """Earth orientation comes with astropy's package; nothing is fetched."""
    from astropy.utils import iers

    iers.conf.auto_download = False
    iers.conf.auto_max_age = None
    iers.conf.iers_degraded_accuracy = "warn"


def _check_members(members: Sequence[SubBand], present: Sequence[SubBand]) -> None:
    numbers = [each.number for each in members]
    if len(set(numbers)) < len(numbers):
        raise Refused("A sub-band stands twice among the members.")
    if len(present) < LEAST_SUBBANDS and len(members) >= LEAST_SUBBANDS:
        raise Refused(
            f"Only {len(present)} of {len(members)} sub-bands are there; {LEAST_SUBBANDS} are needed."
        )
    if not present:
        raise Refused("No sub-band is there.")


def _metadata(member: SubBand) -> Any:
    """The header of one file. Raises Refused, with the reason, where it is none."""
    from pyuvdata import UVData

    path = Path(str(member.path))
    if not path.is_file():
        raise Refused(f"{path} does not exist.")
    if path.stat().st_size == 0:
        raise Refused(f"{path} has 0 bytes.")
    try:
        # An h5py error for a file that was cut, a KeyError or ValueError of pyuvdata for one that is none of UVH5
        data = UVData.from_file(path, file_type="uvh5", read_data=False, run_check=False)
    except (OSError, KeyError, ValueError) as error:
        _only_of_the_file(error)
        raise Refused(f"{path} is no whole UVH5 file: {_first_line(error)}") from error
    if "phase_center_dec" not in data.extra_keywords:
        raise Refused(
            f"{path}: its header has no phase_center_dec, so where the telescope looked is unknown."
        )
    if list(data.polarization_array) != [-5, -6]:
        raise Refused(
            f"{path}: its polarisations are {list(data.polarization_array)}, not XX and YY (-5, -6)."
        )
    return data


def _only_of_the_file(error: Exception) -> None:
    """Raise what the machine said (a permission, a disk): HDF5 gives no number to what it finds wrong in a file."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _blocks(members: Sequence[SubBand], headers: dict[int, Any]) -> list[tuple[int, Floats]]:
    """Sub-bands in ascending frequency, with their channels' frequencies in ascending order.

    Those of a sub-band that never came follow from its neighbours. Raises Refused where files stand in another order
    than their numbers, or leave gaps.
    """
    by_number = sorted((each.number for each in members), reverse=True)
    here = [number for number in by_number if number in headers]
    spans = {number: np.sort(np.asarray(headers[number].freq_array, float)) for number in here}
    lengths = {len(span) for span in spans.values()}
    if len(lengths) > 1:
        raise Refused(f"Sub-bands have different numbers of channels: {sorted(lengths)}.")
    (length,) = lengths
    width = (
        float(np.median(np.diff(spans[here[0]]))) if length > 1 else float(headers[here[0]].channel_width[0])
    )
    anchor = spans[here[0]]
    made = []
    for number in by_number:
        expected = anchor + (here[0] - number) * length * width
        actual = spans.get(number)
        if actual is not None and np.abs(actual - expected).max() > 0.05 * width:
            raise Refused(
                f"Sub-band {number:02d} begins at {actual[0] / 1e6:.3f} MHz, where {expected[0] / 1e6:.3f} MHz is its"
                f" place by its number: sub-bands are not in the order of frequency."
            )
        made.append((number, expected if actual is None else actual))
    return made


def _layout(data: Any, parameters: Parameters, member: SubBand) -> tuple[_Layout, _Geometry]:
    """Antennas, baselines and directions, from the first file."""
    names = _names(data)
    unknown = sorted(set(parameters.absent_antennas) - set(names.values()))
    if unknown:
        raise Refused(
            f"Antennas that are said to be absent are unknown to {member.path}: {', '.join(unknown)}."
        )
    absent = {number for number, name in names.items() if name in parameters.absent_antennas}
    there = sorted((set(data.ant_1_array.tolist()) | set(data.ant_2_array.tolist())) - absent)
    order = {number: index for index, number in enumerate(there)}
    table = list(data.telescope.antenna_numbers)
    positions = np.array(
        [data.telescope.antenna_positions[table.index(number)] for number in there], np.float64
    )
    times = np.unique(data.time_array)
    at_first = data.time_array == times[0]
    pairs = list(zip(data.ant_1_array[at_first].tolist(), data.ant_2_array[at_first].tolist(), strict=True))
    if len(set(pairs)) < len(pairs):
        raise Refused(f"{member.path}: a baseline stands twice at one time.")
    crosses = [(a, b) for a, b in pairs if a != b and a in order and b in order]
    dec = float(data.extra_keywords["phase_center_dec"])
    ra_deg, dec_deg, pointing = _pointing(data, dec, times)
    place = data.telescope.location
    layout = _Layout(
        antennas=tuple(names[number] for number in there),
        numbers=tuple(int(number) for number in there),
        positions=positions,
        telescope=(float(place.x.to_value("m")), float(place.y.to_value("m")), float(place.z.to_value("m"))),
        first=np.array([order[a] for a, _ in crosses]),
        second=np.array([order[b] for _, b in crosses]),
        auto_antennas=np.array([order[a] for a, b in pairs if a == b and a in order], np.int64),
        dec=dec,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        pointing=pointing,
        integration=float(np.median(data.integration_time)),
    )
    geometry = _phased(data, layout, member)
    return layout, geometry


def _names(data: Any) -> dict[int, str]:
    """DSA001… by the correlator's antenna number, whatever the file calls them."""
    names = {}
    for number, name in zip(data.telescope.antenna_numbers, data.telescope.antenna_names, strict=True):
        text = str(name).strip()
        digits = text.upper().removeprefix("DSA").lstrip("-")
        names[int(number)] = f"DSA{int(digits):03d}" if digits.isdigit() else text
    return names


def _pointing(data: Any, dec: float, times: Floats) -> tuple[float, float, tuple[Floats, Floats]]:
    """ICRS degrees of hour angle 0 at the apparent declination: at the middle of the tile, and at each time."""
    from astropy import units
    from astropy.coordinates import ICRS, HADec, SkyCoord
    from astropy.time import Time

    every = np.append(times, (times[0] + times[-1]) / 2)
    frame = HADec(obstime=Time(every, format="jd", scale="utc"), location=data.telescope.location)
    zero = np.zeros(len(every))
    sky = SkyCoord(ha=zero * units.rad, dec=(zero + dec) * units.rad, frame=frame).transform_to(ICRS())
    ra, declination = np.asarray(sky.ra.deg, float), np.asarray(sky.dec.deg, float)
    return float(ra[-1]), float(declination[-1]), (ra[:-1], declination[:-1])


def _rows(
    data: Any, layout: _Layout, member: SubBand
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Row of the file of each (time, cross) and (time, auto), and the times."""
    times, when = np.unique(data.time_array, return_inverse=True)
    index = {number: position for position, number in enumerate(layout.numbers)}
    size = len(index) + 1
    out = size - 1  # stands for all that are absent

    def places(numbers: Any) -> npt.NDArray[np.int64]:
        return np.array([index.get(int(number), out) for number in numbers])

    key = np.full((len(times), size, size), -1)
    key[when, places(data.ant_1_array), places(data.ant_2_array)] = np.arange(len(data.time_array))
    crosses = key[:, layout.first, layout.second]
    autos = key[:, layout.auto_antennas, layout.auto_antennas]
    if (crosses < 0).any():
        raise Refused(f"{member.path}: {int((crosses < 0).sum())} baselines are missing at some time.")
    return crosses, autos, times


def _phased(data: Any, layout: _Layout, member: SubBand) -> _Geometry:
    """Coordinates towards the tile's phase centre, and the path from where the correlator stopped the fringes.

    The methods with an underscore are pyuvdata's own (3.2.8): without them it cannot be told where drifting data look.
    """
    rows, autos, times = _rows(data, layout, member)
    latitude = float(data.telescope.location.lat.rad)
    altitude = math.pi / 2 - abs(latitude - layout.dec)
    azimuth = math.pi if layout.dec < latitude else 0.0
    centre = data._add_phase_center(
        "meridian", cat_type="driftscan", cat_lon=azimuth, cat_lat=altitude, cat_frame="altaz"
    )
    data.phase_center_id_array[:] = centre
    data._clear_unused_phase_centers()
    data._set_app_coords_helper()
    data.set_uvws_from_antenna_positions(update_vis=False)
    stopped = data.uvw_array[:, 2].astype(np.float64)
    data.phase(
        lon=math.radians(layout.ra_deg), lat=math.radians(layout.dec_deg), phase_frame="icrs", cat_name="tile"
    )
    uvw = data.uvw_array.astype(np.float64)
    return _Geometry(rows, autos, times, uvw[rows], (uvw[:, 2] - stopped)[rows])


def _geometry(
    data: Any, layout: _Layout, member: SubBand, known: dict[bytes, _Geometry], reference: _Geometry
) -> _Geometry:
    """The geometry of one more file, after comparing it with the first."""
    times = np.unique(data.time_array)
    if len(times) != len(reference.times_jd):
        raise Refused(f"{member.path} has {len(times)} times, the others {len(reference.times_jd)}.")
    dec = float(data.extra_keywords["phase_center_dec"])
    if abs(math.degrees(dec - layout.dec)) > CENTRE_TOLERANCE_DEG:
        raise Refused(
            f"{member.path} looks at declination {math.degrees(dec):.4f}, the others at {math.degrees(layout.dec):.4f}."
        )
    table = list(data.telescope.antenna_numbers)
    missing = [
        name for name, number in zip(layout.antennas, layout.numbers, strict=True) if number not in table
    ]
    if missing:
        raise Refused(f"{member.path} has no antenna {', '.join(missing)}.")
    positions = np.array([data.telescope.antenna_positions[table.index(number)] for number in layout.numbers])
    _compare(positions - layout.positions, layout.antennas, str(member.path))
    if times.tobytes() not in known:
        known[times.tobytes()] = _phased(data, layout, member)
    same = known[times.tobytes()]
    rows, autos, _ = _rows(data, layout, member)
    return _Geometry(rows, autos, times, same.uvw, same.turn_m)


def _compare(away: Floats, names: Sequence[str], where: str) -> None:
    distance = np.linalg.norm(away, axis=1)
    worst = int(np.argmax(distance))
    if distance[worst] > POSITION_TOLERANCE_M:
        raise Refused(
            f"{where}: antenna {names[worst]} stands {100 * distance[worst]:.1f} cm from where it should"
            f" (at most {100 * POSITION_TOLERANCE_M:.0f} cm)."
        )


def _check_positions(layout: _Layout, path: Path) -> None:
    """Compare with a file of positions. Its origin may be another one; its axes are Earth-centred."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            known = {
                row["name"]: [float(row[axis]) for axis in ("x_m", "y_m", "z_m")]
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise Refused(
            f"{path} is no table of positions (name, x_m, y_m, z_m): {_first_line(error)}"
        ) from error
    missing = [name for name in layout.antennas if name not in known]
    if missing:
        raise Refused(f"{path} has no position of {', '.join(missing)}.")
    away = layout.positions - np.array([known[name] for name in layout.antennas])
    _compare(away - np.median(away, axis=0), layout.antennas, str(path))


def _samples(
    member: SubBand, data: Any, geometry: _Geometry, layout: _Layout
) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.bool_], Floats]:
    """Data and flags of one file in ascending frequency, (time, baseline, channel, 2), and each antenna's power."""
    order = np.argsort(np.asarray(data.freq_array, float))
    try:
        with h5py.File(str(member.path), "r") as file:
            values = _flat(file["Data/visdata"][...]).astype(np.complex64, copy=False)
            bad = _flat(file["Data/flags"][...]).astype(bool, copy=False)
            bad |= _flat(file["Data/nsamples"][...]) <= 0
    except (OSError, KeyError, ValueError) as error:
        _only_of_the_file(error)
        raise Refused(f"{member.path} is no whole UVH5 file: {_first_line(error)}") from error
    if values.shape != bad.shape or values.shape[:2] != (len(data.time_array), len(order)):
        raise Refused(
            f"{member.path}: its data have the shape {values.shape}, which its header does not say."
        )
    power = np.full(len(layout.antennas), np.nan)
    if geometry.autos.size:
        power[layout.auto_antennas] = np.median(np.abs(values[geometry.autos]), axis=(0, 2, 3))
    rows = geometry.rows
    return values[rows][:, :, order], bad[rows][:, :, order], power


def _flat(values: Any) -> Any:
    """Without the axis of spectral windows, which older files have, and compound numbers as complex ones."""
    if values.dtype.names:
        values = values["r"].astype(np.float32) + 1j * values["i"].astype(np.float32)
    return values[:, 0] if values.ndim == WITH_WINDOWS else values


def _screen(values: npt.NDArray[np.complex64], bad: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Interference at full resolution, (time, channel): averaged with others it would spoil them."""
    found = np.zeros((values.shape[0], values.shape[2]), bool)
    for polarisation in range(values.shape[3]):
        found |= flagging.common(flagging.amplitudes(values[..., polarisation], bad[..., polarisation]))
    return found


def _turn(geometry: _Geometry, frequencies: Any) -> npt.NDArray[np.complex64]:
    """exp(−2πi ν/c Δw), (time, baseline, channel, 1): the phase is linear in frequency."""
    ascending = np.sort(np.asarray(frequencies, float))
    delay = geometry.turn_m / LIGHT
    start = np.exp(-2j * np.pi * delay * ascending[0])
    if len(ascending) == 1:
        return np.asarray(start.astype(np.complex64)[:, :, None, None])
    step = np.exp(-2j * np.pi * delay * (ascending[1] - ascending[0]))
    powers = np.empty((*delay.shape, len(ascending)), np.complex64)
    current = start
    for channel in range(len(ascending)):
        powers[..., channel] = current
        current = current * step
    return np.asarray(powers[..., None])


def _average(
    values: npt.NDArray[np.complex64], bad: npt.NDArray[np.bool_], by: int
) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.bool_]]:
    """Means of `by` channels over what is not flagged; flagged where less than half is left."""
    bad |= ~np.isfinite(values)
    values[bad] = 0
    if by == 1:
        return values, bad
    times, baselines, channels, polarisations = values.shape
    grouped = (times, baselines, channels // by, by, polarisations)
    count = by - bad.reshape(grouped).sum(axis=3, dtype=np.float32)
    total = values.reshape(grouped).sum(axis=3)
    return total / np.maximum(count, 1), count < by / 2
