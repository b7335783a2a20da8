"""Sources whose positions and fluxes are known: the model for calibration, and what images are compared with."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imaging.errors import Refused

REQUIRED = ("name", "ra_deg", "dec_deg", "flux_jy")


@dataclass(frozen=True)
class Source:
    """A point on the sky, ICRS degrees; flux density in Jy at `reference_hz`, and S ∝ ν^index."""

    name: str
    ra: float
    dec: float
    flux: float
    reference_hz: float
    index: float = 0.0

    def flux_at(self, frequency: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.asarray(self.flux * (np.asarray(frequency, float) / self.reference_hz) ** self.index)


def read(path: Path, reference_hz: float) -> tuple[Source, ...]:
    """The catalogue, brightest first; its fluxes are those at `reference_hz`.

    Raises Refused, naming line and field, for what cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise Refused(f"The catalogue {path} does not exist.") from error
    except UnicodeDecodeError as error:
        raise Refused(
            f"The catalogue {path} is not UTF-8 text: {error.reason} at byte {error.start}."
        ) from error
    rows = csv.DictReader(text.splitlines())
    missing = [name for name in REQUIRED if name not in (rows.fieldnames or ())]
    if missing:
        raise Refused(
            f"The catalogue {path} has no column {', '.join(missing)}; it needs {', '.join(REQUIRED)}."
        )
    found = [_source(path, number, row, reference_hz) for number, row in enumerate(rows, start=2)]
    if not found:
        raise Refused(f"The catalogue {path} holds no source.")
    if len({each.name for each in found}) < len(found):
        raise Refused(f"The catalogue {path} has a name twice.")
    return tuple(sorted(found, key=lambda each: (-each.flux, each.name)))


def _source(path: Path, line: int, row: dict[str, str], reference_hz: float) -> Source:
    def number(field: str, least: float, most: float) -> float:
        try:
            value = float(row[field])
        except (TypeError, ValueError) as error:
            raise Refused(
                f"The catalogue {path}, line {line}: {field} is {row[field]!r}, not a number."
            ) from error
        if not (math.isfinite(value) and least <= value <= most):
            raise Refused(
                f"The catalogue {path}, line {line}: {field} is {value}, not within {least} and {most}."
            )
        return value

    if not row["name"]:
        raise Refused(f"The catalogue {path}, line {line}: the name is empty.")
    return Source(
        name=row["name"],
        ra=number("ra_deg", -360, 360) % 360,
        dec=number("dec_deg", -90, 90),
        flux=number("flux_jy", 1e-6, 1e5),
        reference_hz=reference_hz,
        index=number("spectral_index", -5, 5) if row.get("spectral_index") else 0.0,
    )
