"""Visibilities of one tile as plain arrays, kept in a folder between stages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

ARRAYS = ("data", "uvw", "flags")


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is small: axes, antennas, directions. Angles in degrees, ICRS; frequencies in Hz, ascending."""

    times_mjd: tuple[float, ...]
    """Middle of each integration, UTC."""
    integration_s: float
    frequencies_hz: tuple[float, ...]
    channel_width_hz: float
    block: int
    """Channels of one sub-band; frequencies are spaced evenly within a block."""
    polarisations: tuple[str, ...]
    antennas: tuple[str, ...]
    numbers: tuple[int, ...]
    positions_m: tuple[tuple[float, float, float], ...]
    """Earth-centred, relative to the telescope, as UVH5 has them."""
    telescope_m: tuple[float, float, float]
    first: tuple[int, ...]
    """Index of the first antenna of each baseline."""
    second: tuple[int, ...]
    ra_deg: float
    dec_deg: float
    """Phase centre."""
    pointing_ra_deg: tuple[float, ...]
    """Where the dishes point at each time."""
    pointing_dec_deg: tuple[float, ...]
    apparent_dec_deg: float
    """Declination of the pointing as the correlator states it."""
    absent: tuple[str, ...] = ()
    """Antennas that are off; no baseline of theirs is in the arrays."""
    dead: tuple[str, ...] = ()
    """Antennas without a signal, found in the data."""


@dataclass(frozen=True)
class Visibilities:
    """Arrays of one tile, in pyuvdata's convention: V(p,q) = Σ S·exp(+2πi ν/c (ul + vm + w(n−1)))."""

    header: Header
    data: npt.NDArray[np.complex64]
    """(time, baseline, channel, polarisation)."""
    flags: npt.NDArray[np.bool_]
    """The same shape; True is bad."""
    uvw: npt.NDArray[np.float64]
    """(time, baseline, 3), metres."""

    @property
    def frequencies(self) -> npt.NDArray[np.float64]:
        return np.asarray(self.header.frequencies_hz)

    @property
    def first(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.header.first, np.int64)

    @property
    def second(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.header.second, np.int64)

    def with_flags(self, flags: npt.NDArray[np.bool_], **header: Any) -> Visibilities:
        return replace(self, flags=flags, header=msgspec.structs.replace(self.header, **header))


def save(visibilities: Visibilities, folder: Path) -> None:
    """Write the arrays into `folder`, which exists."""
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", getattr(visibilities, name))
    save_header(visibilities.header, folder)


def save_header(header: Header, folder: Path) -> None:
    (folder / "header.json").write_bytes(msgspec.json.encode(header))


def load(folder: Path, flagged: Path | None = None) -> Visibilities:
    """Open what `save` wrote, the data mapped from the disk; header and flags from `flagged` where given."""
    small = flagged or folder
    header = msgspec.json.decode((small / "header.json").read_bytes(), type=Header)
    return Visibilities(
        header=header,
        data=np.load(folder / "data.npy", mmap_mode="r"),
        flags=np.load(small / "flags.npy"),
        uvw=np.load(folder / "uvw.npy"),
    )
