"""Tiles combined into one image of the strip that drifted by, and its quality.

A tile's image before the correction for the primary beam is I·B with even noise. Weighted by B²/rms², tiles add up to
Σ(I·B)·B/rms² over ΣB²/rms²: no pixel is ever divided by a small beam and multiplied again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from imaging import catalogue, maps, plots, quality
from imaging.errors import Refused
from imaging.stages import Outcome, Stages, described, hash_of, identity, peak_memory_mb
from imaging.tile import IMAGE, Info
from include.sources.dsa110.jobs import (
    RESULT,
    SOURCES,
    MosaicJob,
    Refusal,
    Result,
    read_result,
)

MOSAIC, QUALITY = "mosaic", "quality"
COVERED = 0.5
"""A pixel is covered well whose weight is at least this share of the largest."""

Floats = npt.NDArray[np.floating]


class _Info(msgspec.Struct, frozen=True, kw_only=True):
    """What judging needs beside the images."""

    beam: tuple[float, float, float]
    frequency_hz: float
    subtracted: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """The pixels of a mosaic."""

    wcs: Any
    shape: tuple[int, int]
    pixel_arcsec: float


class Mosaic:
    """The stages of one job."""

    def __init__(self, job: MosaicJob, report: Callable[[str], None]) -> None:
        self.job = job
        self.output = Path(job.output)
        self.stages = Stages(self.output, report)
        self.stage = ""

    def make(self) -> Result:
        """Run all stages; what is wrong with the data stands in the result."""
        self.stage = "check"
        try:
            sources = catalogue.read(Path(self.job.catalogue), self.job.parameters.catalogue_hz)
            tiles = self._tiles()
            self.stage = MOSAIC
            combined = self.stages.run(
                MOSAIC, self._inputs(), lambda part: self._combine(tiles, part), keep=True
            )
            self.stage = QUALITY
            self.stages.run(
                QUALITY,
                {"catalogue": identity(Path(self.job.catalogue)), "hz": self.job.parameters.catalogue_hz},
                lambda part: self._judge(combined, sources, part),
                keep=True,
            )
        except Refused as error:
            return self._result(tiles=None, refused=Refusal(stage=self.stage, reason=str(error)))
        return self._result(tiles)

    def _tiles(self) -> list[tuple[Path, Info]]:
        """Folder and record of each tile. Raises Refused, with all names, where an image is missing or was altered."""
        if not self.job.tiles:
            raise Refused("A mosaic needs one tile at least.")
        bad, found = [], []
        for tile in self.job.tiles:
            folder = Path(tile.folder)
            why = _unfit(folder)
            if why:
                bad.append(f"{tile.name} ({why})")
            else:
                found.append(
                    (folder, msgspec.json.decode((folder / IMAGE / "tile.json").read_bytes(), type=Info))
                )
        if bad:
            raise Refused(f"{len(bad)} of {len(self.job.tiles)} tiles have no image: {', '.join(bad)}.")
        for (_, one), (_, next_one) in pairwise(found):
            if next_one.started_mjd <= one.started_mjd:
                raise Refused(f"Tiles are not in the order of time: {next_one.name} is not after {one.name}.")
        return found

    def _inputs(self) -> dict[str, Any]:
        parameters = self.job.parameters
        return {
            "tiles": [identity(Path(tile.folder) / RESULT) for tile in self.job.tiles],
            "names": [tile.name for tile in self.job.tiles],
            "floor": parameters.beam_floor,
            "cut": parameters.mosaic_cut,
            "pixel": parameters.pixel_arcsec,
        }

    def _combine(self, tiles: list[tuple[Path, Info]], part: Path) -> Outcome:
        parameters = self.job.parameters
        grid = _grid(
            [(folder, info) for folder, info in tiles], parameters.pixel_arcsec, parameters.mosaic_cut
        )
        total, weight = np.zeros(grid.shape), np.zeros(grid.shape)
        expected, best = np.zeros(grid.shape), np.zeros(grid.shape)
        for folder, info in tiles:
            where, image, beam = _onto(folder, grid)
            beam = np.where(np.isfinite(beam) & (beam >= parameters.beam_floor) & np.isfinite(image), beam, 0)
            total[where] += np.where(beam > 0, image, 0) * beam / info.rms_jy**2
            weight[where] += beam**2 / info.rms_jy**2
            expected[where] += beam**2 / info.theory_jy**2
            best[where] = np.maximum(best[where], beam)
        seen = best >= parameters.mosaic_cut
        values, formal = np.full(grid.shape, np.nan), np.full(grid.shape, np.nan)
        values[seen] = total[seen] / weight[seen]
        formal[seen] = 1 / np.sqrt(weight[seen])
        restoring = _beam([info.beam for _, info in tiles])
        # What is measured against what the weights promise is nearly flat, so that its boxes do not blur the edges
        noise = formal * maps.local_noise(values / formal, restoring.major / grid.pixel_arcsec)
        theory = np.full(grid.shape, np.nan)
        theory[seen] = 1 / np.sqrt(expected[seen])
        told: dict[str, Any] = {
            "object": self.job.name,
            "equinox": 2000.0,
            "restfrq": tiles[0][1].frequency_hz,
        }
        maps.write(part / "mosaic.fits", values, grid.wcs, "Jy/beam", restoring, **told)
        maps.write(part / "weight.fits", np.where(seen, weight, 0), grid.wcs, "beam2/Jy2", None, **told)
        maps.write(part / "rms.fits", noise, grid.wcs, "Jy/beam", None, **told)
        maps.write(part / "beam.fits", np.where(seen, best, np.nan), grid.wcs, "", None, **told)
        subtracted = sorted({name for _, info in tiles for name in info.subtracted})
        kept = _Info(
            beam=(restoring.major, restoring.minor, restoring.angle),
            frequency_hz=float(np.mean([info.frequency_hz for _, info in tiles])),
            subtracted=tuple(subtracted),
        )
        (part / "mosaic.json").write_bytes(msgspec.json.format(msgspec.json.encode(kept)))
        return _told(tiles, values, noise, theory, np.where(seen, weight, 0), restoring)

    def _judge(self, combined: Path, sources: tuple[catalogue.Source, ...], part: Path) -> Outcome:
        info = msgspec.json.decode((combined / "mosaic.json").read_bytes(), type=_Info)
        picture, _ = maps.read(combined / "mosaic.fits")
        picture = maps.Picture(picture.values, picture.wcs, maps.Beam(*info.beam), picture.pixel_arcsec)
        noise, beam = maps.read(combined / "rms.fits")[0].values, maps.read(combined / "beam.fits")[0].values
        field = quality.Field(picture, noise, beam, info.frequency_hz)
        rows = quality.measure(field, sources, info.subtracted)
        (part / SOURCES).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        plots.quick_look(field, self.job.name, part / "quicklook.png")
        plots.fluxes(rows, self.job.name, part / "fluxes.png")
        plots.astrometry(rows, picture.beam, self.job.name, part / "astrometry.png")
        plots.noise(field, self.job.name, part / "noise.png")
        return Outcome(figures=quality.figures(field, rows))

    def _result(self, tiles: list[tuple[Path, Info]] | None, refused: Refusal | None = None) -> Result:
        common: dict[str, Any] = {
            "kind": "mosaic",
            "name": self.job.name,
            "job": "",
            "stages": tuple(self.stages.done),
            "parents": tuple(tile.name for tile in self.job.tiles),
            "peak_memory_mb": round(peak_memory_mb(), 1),
        }
        if tiles is None:
            return Result(**common, refused=refused)
        ra, dec = _centre([info for _, info in tiles])
        return Result(
            **common,
            started_mjd=tiles[0][1].started_mjd,
            ended_mjd=max(info.ended_mjd for _, info in tiles),
            ra_deg=ra,
            dec_deg=dec,
            figures=tuple(figure for stage in self.stages.done for figure in stage.figures),
            files=described(
                self.output,
                [
                    (f"{MOSAIC}/mosaic.fits", "image", True),
                    (f"{MOSAIC}/weight.fits", "weight", True),
                    (f"{MOSAIC}/rms.fits", "rms", True),
                    (f"{MOSAIC}/beam.fits", "beam", True),
                    (f"{MOSAIC}/mosaic.json", "rows", True),
                    (f"{QUALITY}/{SOURCES}", "rows", True),
                    (f"{QUALITY}/quicklook.png", "picture", True),
                    (f"{QUALITY}/fluxes.png", "plot", True),
                    (f"{QUALITY}/astrometry.png", "plot", True),
                    (f"{QUALITY}/noise.png", "plot", True),
                ],
            ),
        )


def _unfit(folder: Path) -> str:
    """Why a tile cannot be in a mosaic; empty where it can."""
    try:
        result = read_result((folder / RESULT).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return f"no {RESULT}"
    except msgspec.DecodeError as error:
        return f"{RESULT} is none: {error}"
    if result.refused is not None:
        return f"refused at {result.refused.stage}"
    for file in result.files:
        if not file.path.startswith(f"{IMAGE}/"):
            continue
        path = folder / file.path
        if not path.is_file():
            return f"{file.path} is missing"
        if path.stat().st_size != file.bytes or hash_of(path) != file.sha256:
            return f"{file.path} was altered"
    return "" if (folder / IMAGE / "image.fits").is_file() else f"{IMAGE}/image.fits is missing"


def _centre(infos: list[Info]) -> tuple[float, float]:
    """The middle of tiles on the sphere, ICRS degrees."""
    ra = np.radians([info.ra_deg for info in infos])
    dec = np.radians([info.dec_deg for info in infos])
    x, y, z = np.mean([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.atan2(z, math.hypot(x, y)))


def _grid(tiles: list[tuple[Path, Info]], pixel_arcsec: float, cut: float) -> Grid:
    """Pixels around all that tiles see at `cut` of the primary beam or better."""
    from astropy.wcs import WCS

    ra, dec = _centre([info for _, info in tiles])
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---SIN", "DEC--SIN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.cdelt = [-pixel_arcsec / 3600, pixel_arcsec / 3600]
    wcs.wcs.crpix = [1.0, 1.0]
    wcs.wcs.radesys = "ICRS"
    corners = []
    for folder, _ in tiles:
        beam, _ = maps.read(folder / IMAGE / "beam.fits")
        rows, columns = np.nonzero(beam.values[::8, ::8] >= cut)
        if len(rows):
            corners.append(wcs.all_world2pix(*maps.directions(beam.wcs, 8 * columns, 8 * rows), 0))
    if not corners:
        raise Refused(f"No tile sees anything at {cut:.2f} of the primary beam.")
    x, y = (np.concatenate([corner[axis] for corner in corners]) for axis in (0, 1))
    low_x, low_y = math.floor(np.nanmin(x)) - 8, math.floor(np.nanmin(y)) - 8
    wcs.wcs.crpix = [1.0 - low_x, 1.0 - low_y]
    shape = (math.ceil(np.nanmax(y)) + 9 - low_y, math.ceil(np.nanmax(x)) + 9 - low_x)
    return Grid(wcs, shape, pixel_arcsec)


def _onto(folder: Path, grid: Grid) -> tuple[tuple[slice, slice], Floats, Floats]:
    """A tile's image and beam on the part of the grid that it covers; bicubic, since bilinear loses flux."""
    from reproject import reproject_interp

    image, _ = maps.read(folder / IMAGE / "image.fits")
    beam, _ = maps.read(folder / IMAGE / "beam.fits")
    height, width = image.values.shape
    edge_x, edge_y = np.meshgrid(np.linspace(0, width - 1, 33), np.linspace(0, height - 1, 33))
    x, y = grid.wcs.all_world2pix(*maps.directions(image.wcs, edge_x, edge_y), 0)
    low_y, high_y = max(0, math.floor(np.nanmin(y))), min(grid.shape[0], math.ceil(np.nanmax(y)) + 1)
    low_x, high_x = max(0, math.floor(np.nanmin(x))), min(grid.shape[1], math.ceil(np.nanmax(x)) + 1)
    where = (slice(low_y, high_y), slice(low_x, high_x))
    here = grid.wcs.deepcopy()
    here.wcs.crpix = [grid.wcs.wcs.crpix[0] - low_x, grid.wcs.wcs.crpix[1] - low_y]
    found = reproject_interp(
        (np.stack([image.values, beam.values]), image.wcs),
        here,
        shape_out=(high_y - low_y, high_x - low_x),
        order="bicubic",
        roundtrip_coords=False,
        return_footprint=False,
    )
    return where, found[0], found[1]


def _beam(beams: list[tuple[float, float, float]]) -> maps.Beam:
    """The mean of restoring beams, as ellipses: means of their second moments."""
    total = np.zeros((2, 2))
    for major, minor, angle in beams:
        turn = math.radians(angle)
        axes = np.array([[math.sin(turn), math.cos(turn)], [math.cos(turn), -math.sin(turn)]])
        total += axes.T @ np.diag([major**2, minor**2]) @ axes
    values, vectors = np.linalg.eigh(total / len(beams))
    east, north = vectors[:, 1]
    return maps.Beam(
        math.sqrt(values[1]), math.sqrt(values[0]), (math.degrees(math.atan2(east, north)) + 90) % 180 - 90
    )


def _told(
    tiles: list[tuple[Path, Info]],
    values: Floats,
    noise: Floats,
    theory: Floats,
    weight: Floats,
    beam: maps.Beam,
) -> Outcome:
    outcome = Outcome()
    usual = float(np.nanmedian(noise))
    outcome.figure("tiles", len(tiles))
    outcome.figure("rms_mjy", 1e3 * usual, "mJy/beam")
    outcome.figure("rms_best_mjy", 1e3 * float(np.nanmin(noise)), "mJy/beam")
    outcome.figure("theory_mjy", 1e3 * float(np.nanmedian(theory)), "mJy/beam")
    outcome.figure("rms_over_theory", float(np.nanmedian(noise / theory)))
    outcome.figure("dynamic_range", float(np.nanmax(values)) / usual)
    outcome.figure("beam_major_arcsec", beam.major, "arcsec")
    outcome.figure("beam_minor_arcsec", beam.minor, "arcsec")
    outcome.figure("beam_angle_deg", beam.angle, "deg")
    sizes = np.array([math.sqrt(info.beam[0] * info.beam[1]) for _, info in tiles])
    off = np.abs(sizes / np.median(sizes) - 1)
    outcome.figure("beam_deviation_percent", 100 * float(off.max()), "%")
    if off.max() > 0.2:  # noqa: PLR2004
        outcome.notes.append(
            f"The beam of {tiles[int(off.argmax())][1].name} differs most from the tiles' median."
        )
    outcome.figure("coverage_percent", 100 * float((weight >= COVERED * weight.max()).mean()), "%")
    return outcome
