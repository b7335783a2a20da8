"""One tile: from sub-band files to an image that is corrected for the primary beam, and its quality."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from imaging import (
    calibration,
    catalogue,
    correction,
    flagging,
    imager,
    maps,
    measurement_set,
    plots,
    quality,
    reading,
    visibilities,
)
from imaging.errors import Refused
from imaging.stages import Outcome, Stages, described, identity, peak_memory_mb
from include.sources.dsa110.jobs import (
    SOURCES,
    TABLE_MARKER,
    Calibration,
    Figure,
    Kind,
    OutputFile,
    Parameters,
    Refusal,
    Result,
    TileJob,
)

IMAGE, QUALITY, CALIBRATION = "image", "quality", "calibration"
INFO = f"{IMAGE}/tile.json"


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """What a mosaic needs of a tile beside its images."""

    name: str
    started_mjd: float
    ended_mjd: float
    ra_deg: float
    dec_deg: float
    apparent_dec_deg: float
    frequency_hz: float
    beam: tuple[float, float, float]
    """Major and minor full width in arcsec, position angle in degrees."""
    rms_jy: float
    """Of the image before the correction for the primary beam."""
    theory_jy: float
    """What the noise of the visibilities gives with the weights that were used."""
    subtracted: tuple[str, ...]


class Tile:
    """The stages of one job, in order; each gives its folder to the next."""

    def __init__(self, job: TileJob, report: Callable[[str], None]) -> None:
        self.job = job
        self.parameters = job.parameters
        self.output = Path(job.output)
        self.stages = Stages(self.output, report)
        self.record: Calibration | None = None
        self.stage = ""

    def make(self) -> Result:
        """Run all stages; what is wrong with the data stands in the result."""
        try:
            sources = catalogue.read(Path(self.job.catalogue), self.parameters.catalogue_hz)
            # Before the minutes that the stages take
            self.stage = "check"
            table = self._table()
            if self.job.calibration == "apply" and table is not None:
                calibration.read(table)
            converted = self._run("convert", self._convert_inputs(), self._convert)
            flagged = self._run("flag", {}, lambda part: self._flag(converted, part))
            if self.job.calibration == "solve":
                self._run(
                    CALIBRATION,
                    self._solve_inputs(),
                    lambda part: self._solve(converted, flagged, sources, part),
                    keep=True,
                )
            corrected = self._run(
                "correct",
                self._correct_inputs(),
                lambda part: self._correct(converted, flagged, sources, part),
            )
            cleaned = self._run(
                "clean", self._clean_inputs(), lambda part: self._clean(converted, corrected, part)
            )
            image = self._run(
                IMAGE,
                {"floor": self.parameters.beam_floor},
                lambda part: self._image(corrected, cleaned, part),
                keep=True,
            )
            judged = self._run(QUALITY, {}, lambda part: self._judge(image, sources, part), keep=True)
        except Refused as error:
            return self._result(refused=Refusal(stage=self.stage or "job", reason=str(error)))
        return self._finished(corrected, image, judged)

    def _run(
        self, name: str, inputs: dict[str, Any], act: Callable[[Path], Outcome], *, keep: bool = False
    ) -> Path:
        self.stage = name
        return self.stages.run(name, inputs, act, keep=keep)

    # --- convert ---

    def _convert_inputs(self) -> dict[str, Any]:
        return {
            "members": [
                [each.number, each.path, identity(Path(each.path)) if each.path else ""]
                for each in self.job.members
            ],
            "positions": identity(Path(self.job.positions)) if self.job.positions else None,
            "widest": self.parameters.widest_channel_hz,
            "absent": self.parameters.absent_antennas,
        }

    def _convert(self, part: Path) -> Outcome:
        positions = Path(self.job.positions) if self.job.positions else None
        found, told = reading.read(self.job.members, self.parameters, positions)
        visibilities.save(found, part)
        np.save(part / "power.npy", told.power)
        outcome = Outcome(notes=told.notes)
        header = found.header
        outcome.figure("padded_subbands", told.padded)
        outcome.figure("antennas", len(header.antennas))
        outcome.figure("channels", len(header.frequencies_hz))
        outcome.figure("integrations", len(header.times_mjd))
        outcome.figure("declination_deg", header.apparent_dec_deg, "deg")
        outcome.figure("time_skew_s", told.time_skew_s, "s")
        outcome.figure("screened_percent", told.screened_percent, "%")
        return outcome

    # --- flag ---

    def _flag(self, converted: Path, part: Path) -> Outcome:
        found = visibilities.load(converted)
        header = found.header
        flags = flagging.interference(found.data, found.flags)
        count = len(header.antennas)
        silent = np.ones(count, bool)
        for index in range(count):
            mine = (found.first == index) | (found.second == index)
            silent[index] = bool(flags[:, mine].all()) if mine.any() else True
        out = flagging.dead(np.load(converted / "power.npy"), silent)
        share = flagging.share(flags, found.first, found.second, out)
        if share.percent == 100.0:  # noqa: PLR2004
            raise Refused("Every sample is flagged: no antenna has a signal.")
        flags |= (out[found.first] | out[found.second])[None, :, None, None]
        dead = tuple(name for name, off in zip(header.antennas, out, strict=True) if off)
        np.save(part / "flags.npy", flags)
        visibilities.save_header(msgspec.structs.replace(header, dead=dead), part)
        outcome = Outcome()
        outcome.figure("flagged_percent", share.percent, "%")
        outcome.figure("dead_antennas", len(dead))
        if dead:
            outcome.notes.append(
                f"No signal from {', '.join(dead)}: their baselines are flagged, and not counted."
            )
        return outcome

    # --- calibrate ---

    def _solve_inputs(self) -> dict[str, Any]:
        keys = ("dish_m", "reference_antenna", "catalogue_hz", "model_above_jy", "gain_intervals")
        return {"catalogue": identity(Path(self.job.catalogue)), **_of(self.parameters, keys)}

    def _solve(
        self, converted: Path, flagged: Path, sources: tuple[catalogue.Source, ...], part: Path
    ) -> Outcome:
        found = visibilities.load(converted, flagged)
        modelled = calibration.chosen(found.header, sources, self.parameters)
        solution = calibration.solve(found, modelled, self.parameters)
        plots.bandpass(solution, found.header, self.job.name, part / "bandpass.png")
        record = calibration.write(solution, found.header, self.parameters, self.job.name, part)
        outcome = Outcome()
        outcome.figure("model_sources", len(modelled))
        outcome.figure("solutions", record.solutions)
        outcome.figure("solutions_flagged_percent", solution.flagged_percent, "%")
        outcome.figure("phase_scatter_deg", solution.phase_scatter_deg, "deg")
        outcome.figure("solutions_snr_median", solution.median_snr)
        outcome.figure("iterations", solution.iterations)
        if solution.dead:
            outcome.notes.append(f"No solution for {', '.join(solution.dead)}: they have noise alone.")
        return outcome

    # --- correct ---

    def _table(self) -> Path | None:
        match self.job.calibration:
            case "solve":
                return self.output / CALIBRATION
            case "apply":
                if self.job.table is None:
                    raise Refused("No calibration table is named, and this is not the calibrator's tile.")
                return Path(self.job.table)
            case "none":
                return None

    def _correct_inputs(self) -> dict[str, Any]:
        keys = ("dish_m", "catalogue_hz", "model_above_jy", "subtract_above_jy")
        table = self._table()
        marker = table / TABLE_MARKER if table else None
        return {
            "table": str(table),
            "marker": identity(marker) if marker else None,
            "catalogue": identity(Path(self.job.catalogue)),
            **_of(self.parameters, keys),
        }

    def _correct(
        self, converted: Path, flagged: Path, sources: tuple[catalogue.Source, ...], part: Path
    ) -> Outcome:
        found = visibilities.load(converted, flagged)
        header, table, outcome = found.header, self._table(), Outcome()
        gains = None
        if table is not None:
            record, known = calibration.read(table)
            gains = calibration.fitted(record, known, header)
        else:
            outcome.notes.append("Not calibrated: fluxes and positions mean nothing.")
        result = correction.intensity(found, gains)
        modelled = calibration.chosen(header, sources, self.parameters)
        dish = self.parameters.dish_m
        if gains is not None:
            quiet = correction.silent(header, found.uvw, result, modelled, dish)
            if quiet.any():
                names = [name for name, off in zip(header.antennas, quiet, strict=True) if off]
                outcome.notes.append(
                    f"No signal from {', '.join(names)} since calibration: they are flagged."
                )
                result.flags |= (quiet[found.first] | quiet[found.second])[None, :, None]
                result.data[result.flags] = 0
        if result.flags.all():
            raise Refused("Nothing is left after calibration: every sample is flagged.")
        bright = correction.disturbing(header, modelled, self.parameters)
        names_bright = {each.name for each in bright}
        others = [each for each in modelled if each.name not in names_bright]
        taken = correction.subtract(header, found.uvw, result, bright, others, dish, self.parameters.threads)
        np.save(part / "data.npy", result.data)
        np.save(part / "flags.npy", result.flags)
        visibilities.save_header(header, part)
        kept = _Corrected(
            noise_jy=result.noise_jy,
            subtracted=tuple(
                (each.source.name, each.source.ra, each.source.dec, each.flux_jy) for each in taken
            ),
        )
        (part / "corrected.json").write_bytes(msgspec.json.encode(kept))
        outcome.figure("sample_noise_jy", result.noise_jy, "Jy")
        outcome.figure("subtracted_sources", len(taken))
        off = [abs(each.factor) for each in taken]
        outcome.figure(
            "subtracted_ratio_median", float(np.median(off)) if off else None, "", "" if off else "None."
        )
        return outcome

    # --- image ---

    def _clean_inputs(self) -> dict[str, Any]:
        keys = (
            "pixel_arcsec",
            "size",
            "taper_arcsec",
            "robust",
            "niter",
            "mgain",
            "auto_mask",
            "auto_threshold",
        )
        return _of(self.parameters, keys)

    def _clean(self, converted: Path, corrected: Path, part: Path) -> Outcome:
        header = msgspec.json.decode((corrected / "header.json").read_bytes(), type=visibilities.Header)
        found = correction.Intensity(np.load(corrected / "data.npy"), np.load(corrected / "flags.npy"), 0.0)
        data = part / "tile.ms"
        measurement_set.write(header, np.load(converted / "uvw.npy"), found, data)
        del found
        imager.clean(data, part, self.parameters)
        shutil.rmtree(data)
        return Outcome()

    def _image(self, corrected: Path, cleaned: Path, part: Path) -> Outcome:
        header = msgspec.json.decode((corrected / "header.json").read_bytes(), type=visibilities.Header)
        known = msgspec.json.decode((corrected / "corrected.json").read_bytes(), type=_Corrected)
        picture, cards = maps.read(cleaned / f"{imager.NAME}-image.fits")
        values = picture.values.copy()
        noise = maps.local_noise(values, picture.beam.major / picture.pixel_arcsec)
        rms = maps.spread(values)
        theory = known.noise_jy / float(np.sqrt(cards["WSCENVIS"]))
        _put_back(values, picture, known.subtracted)
        beam = maps.primary_beam(
            picture.wcs,
            values.shape,
            np.asarray(header.pointing_ra_deg),
            np.asarray(header.pointing_dec_deg),
            np.asarray(header.frequencies_hz),
            self.parameters.dish_m,
        )
        seen = beam >= self.parameters.beam_floor
        with np.errstate(divide="ignore"):
            flat = np.where(seen, values / beam, np.nan)
        told: dict[str, Any] = {"object": self.job.name, "equinox": 2000.0, "restfrq": _middle(header)}
        maps.write(part / "image.fits", values, picture.wcs, "Jy/beam", picture.beam, **told)
        maps.write(part / "image-pb.fits", flat, picture.wcs, "Jy/beam", picture.beam, **told)
        maps.write(part / "beam.fits", beam, picture.wcs, "", None, **told)
        maps.write(part / "rms.fits", noise, picture.wcs, "Jy/beam", None, **told)
        info = Info(
            name=self.job.name,
            started_mjd=header.times_mjd[0] - header.integration_s / 2 / reading.SECONDS,
            ended_mjd=header.times_mjd[-1] + header.integration_s / 2 / reading.SECONDS,
            ra_deg=header.ra_deg,
            dec_deg=header.dec_deg,
            apparent_dec_deg=header.apparent_dec_deg,
            frequency_hz=_middle(header),
            beam=(picture.beam.major, picture.beam.minor, picture.beam.angle),
            rms_jy=rms,
            theory_jy=theory,
            subtracted=tuple(name for name, *_ in known.subtracted),
        )
        (part / "tile.json").write_bytes(msgspec.json.format(msgspec.json.encode(info)))
        outcome = Outcome()
        outcome.figure("rms_mjy", 1e3 * rms, "mJy/beam")
        outcome.figure("theory_mjy", 1e3 * theory, "mJy/beam")
        outcome.figure("rms_over_theory", rms / theory)
        outcome.figure("dynamic_range", float(np.nanmax(values[seen])) / rms)
        outcome.figure("beam_major_arcsec", picture.beam.major, "arcsec")
        outcome.figure("beam_minor_arcsec", picture.beam.minor, "arcsec")
        outcome.figure("beam_angle_deg", picture.beam.angle, "deg")
        return outcome

    def _judge(self, image: Path, sources: tuple[catalogue.Source, ...], part: Path) -> Outcome:
        info = msgspec.json.decode((image / "tile.json").read_bytes(), type=Info)
        picture, _ = maps.read(image / "image-pb.fits")
        picture = maps.Picture(picture.values, picture.wcs, maps.Beam(*info.beam), picture.pixel_arcsec)
        beam, _ = maps.read(image / "beam.fits")
        noise, _ = maps.read(image / "rms.fits")
        with np.errstate(divide="ignore"):
            field = quality.Field(picture, noise.values / beam.values, beam.values, info.frequency_hz)
        rows = quality.measure(field, sources, info.subtracted)
        (part / SOURCES).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        plots.quick_look(field, self.job.name, part / "quicklook.png")
        return Outcome(figures=quality.figures(field, rows))

    # --- result ---

    def _result(self, **more: Any) -> Result:
        return Result(
            kind="tile",
            name=self.job.name,
            job="",
            stages=tuple(self.stages.done),
            parents=tuple(Path(each.path).name for each in self.job.members if each.path),
            peak_memory_mb=round(peak_memory_mb(), 1),
            **more,
        )

    def _finished(self, corrected: Path, image: Path, judged: Path) -> Result:
        info = msgspec.json.decode((image / "tile.json").read_bytes(), type=Info)
        table = self._table()
        record = calibration.read(table)[0] if table else None
        return self._result(
            started_mjd=info.started_mjd,
            ended_mjd=info.ended_mjd,
            ra_deg=info.ra_deg,
            dec_deg=info.dec_deg,
            figures=self._figures(record),
            files=self._files(),
            calibration=record,
        )

    def _figures(self, record: Calibration | None) -> tuple[Figure, ...]:
        """All figures of quality: those of stages that contracts judge."""
        judged = {"flag": ("flagged_percent", "dead_antennas"), IMAGE: None, QUALITY: None}
        found = [
            figure
            for stage in self.stages.done
            if stage.name in judged
            for figure in stage.figures
            if judged[stage.name] is None or figure.name in (judged[stage.name] or ())
        ]
        found.append(
            Figure(
                name="phase_scatter_deg",
                value=record.phase_scatter_deg if record else None,
                unit="deg",
                note="" if record else "Not calibrated.",
            )
        )
        return tuple(found)

    def _files(self) -> tuple[OutputFile, ...]:
        # With several threads the imager adds up in no fixed order, and last digits of images differ
        same = self.parameters.threads == 1
        kinds: list[tuple[str, Kind, bool]] = [
            (f"{IMAGE}/image.fits", "image", same),
            (f"{IMAGE}/image-pb.fits", "image", same),
            (f"{IMAGE}/beam.fits", "beam", True),
            (f"{IMAGE}/rms.fits", "rms", same),
            (INFO, "rows", same),
            (f"{QUALITY}/{SOURCES}", "rows", same),
            (f"{QUALITY}/quicklook.png", "picture", same),
        ]
        if self.job.calibration == "solve":
            kinds += [(f"{CALIBRATION}/{name}.npy", "calibration", True) for name in calibration.ARRAYS]
            kinds += [
                (f"{CALIBRATION}/{TABLE_MARKER}", "calibration", True),
                (f"{CALIBRATION}/bandpass.png", "plot", True),
            ]
        return described(self.output, kinds)


class _Corrected(msgspec.Struct, frozen=True, kw_only=True):
    noise_jy: float
    subtracted: tuple[tuple[str, float, float, float], ...]
    """Name, ra, dec, and the flux that an image has of it before the correction for the beam."""


def _of(parameters: Parameters, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(parameters, name) for name in names}


def _middle(header: visibilities.Header) -> float:
    return float(np.mean(header.frequencies_hz))


def _put_back(
    values: Any, picture: maps.Picture, subtracted: tuple[tuple[str, float, float, float], ...]
) -> None:
    """Add fitted sources as the imager would have restored them."""
    height, width = values.shape
    pixel = picture.pixel_arcsec
    reach = int(np.ceil(3 * picture.beam.major / pixel))
    for _, ra, dec, flux in subtracted:
        x, y = (float(each) for each in picture.wcs.all_world2pix(ra, dec, 0))
        if not (-reach <= x < width + reach and -reach <= y < height + reach):
            continue
        rows = np.arange(max(0, round(y) - reach), min(height, round(y) + reach + 1))
        columns = np.arange(max(0, round(x) - reach), min(width, round(x) + reach + 1))
        if not (len(rows) and len(columns)):
            continue
        shape = maps.gaussian(picture.beam, (columns[None, :] - x) * pixel, (rows[:, None] - y) * pixel)
        values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += flux * shape
