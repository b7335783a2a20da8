"""What the array would measure of catalogue sources: the direct sum, exact at any distance from the phase centre."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from imaging import beam
from imaging.catalogue import Source
from imaging.visibilities import Header


def apparent(header: Header, source: Source, dish: float) -> npt.NDArray[np.float64]:
    """Flux through the primary beam in Jy, (time, channel)."""
    frequencies = np.asarray(header.frequencies_hz)
    away = beam.separation(source.ra, source.dec, header.pointing_ra_deg, header.pointing_dec_deg)
    return np.asarray(source.flux_at(frequencies) * beam.power(away[:, None], frequencies, dish))


def direction(header: Header, ra: float, dec: float) -> npt.NDArray[np.float64]:
    """l, m and n−1 of a direction, from the phase centre; ICRS degrees."""
    a, d = np.radians(ra - header.ra_deg), np.radians(dec)
    d0 = np.radians(header.dec_deg)
    return np.array(
        [
            np.cos(d) * np.sin(a),
            np.sin(d) * np.cos(d0) - np.cos(d) * np.sin(d0) * np.cos(a),
            np.sin(d) * np.sin(d0) + np.cos(d) * np.cos(d0) * np.cos(a) - 1,
        ]
    )


def fringe(header: Header, uvw: npt.NDArray[np.float64], source: Source) -> npt.NDArray[np.complex64]:
    """exp(+2πi ν/c (ul + vm + w(n−1))) of one time, (baseline, channel).

    The phase is linear in frequency, so a sub-band needs only the exponentials of its first channel, and of steps.
    """
    delay = uvw @ direction(header, source.ra, source.dec) / beam.LIGHT
    frequencies = np.asarray(header.frequencies_hz).reshape(-1, header.block)
    starts = np.exp(2j * np.pi * delay[:, None] * frequencies[:, 0])
    steps = np.exp(2j * np.pi * delay[:, None] * (frequencies[0] - frequencies[0, 0]))
    product = starts[:, :, None].astype(np.complex64) * steps[:, None, :].astype(np.complex64)
    return np.asarray(product.reshape(len(delay), -1))


def predict(
    header: Header, uvw: npt.NDArray[np.float64], time: int, sources: Sequence[Source], dish: float
) -> npt.NDArray[np.complex64]:
    """Visibilities of one polarisation at one time, (baseline, channel); `uvw` is that time's."""
    total = np.zeros((len(uvw), len(header.frequencies_hz)), np.complex64)
    for source in sources:
        wave = fringe(header, uvw, source)
        wave *= apparent(header, source, dish)[time].astype(np.float32)
        total += wave
    return total


def predict_all(
    header: Header, uvw: npt.NDArray[np.float64], sources: Sequence[Source], dish: float, threads: int
) -> list[npt.NDArray[np.complex64]]:
    """`predict` of every time, several at once: numpy lets go of the interpreter while it computes."""
    with ThreadPoolExecutor(threads) as pool:
        return list(
            pool.map(
                lambda time: predict(header, uvw[time], time, sources, dish), range(len(header.times_mjd))
            )
        )
