"""Pictures for people: quick looks and figures of quality. The same numbers give the same bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, Ellipse

from imaging import maps
from imaging.calibration import Solution
from imaging.quality import DETECTED, PRECISE, Field, outlier
from imaging.visibilities import Header
from include.sources.dsa110.jobs import SourceRow

STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 110,
    "svg.hashsalt": "lastgood",
}
FOUND, FAINT, WRONG = "#1f5fa8", "#9aa5b1", "#c0392b"
LONGEST = 1500
"""Pixels of a quick look along its longer side, about."""


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def quick_look(field: Field, title: str, path: Path) -> None:
    """The image in grey, from −3 to 15 times its noise, with directions, the beam, and a scale."""
    picture = field.picture
    values = 1e3 * picture.values
    noise = 1e3 * float(np.nanmedian(field.noise))
    height, width = values.shape
    step = math.ceil(max(height, width) / LONGEST)
    shown = _binned(values, step)
    wide = min(16.0, max(8.0, 5.5 * width / height))
    with plt.rc_context({**STYLE, "axes.spines.top": True, "axes.spines.right": True}):
        figure = plt.figure(figsize=(wide, 1.2 + (wide - 1.6) * height / width), layout="constrained")
        axes = figure.add_subplot(
            projection=picture.wcs.slice((slice(None, None, step), slice(None, None, step)))
        )
        axes.set_facecolor("#eef1f4")
        drawn = axes.imshow(
            shown,
            origin="lower",
            cmap="gray_r",
            vmin=-3 * noise,
            vmax=15 * noise,
            interpolation="antialiased",
        )
        axes.coords.grid(color="#3b6ea5", alpha=0.35, linewidth=0.6)
        axes.coords[0].set_axislabel("Right ascension (ICRS)")
        axes.coords[1].set_axislabel("Declination (ICRS)")
        axes.coords[0].set_major_formatter("hh:mm")
        axes.coords[1].set_major_formatter("dd:mm")
        axes.set_title(
            f"{title}, {field.frequency_hz / 1e6:.0f} MHz, Stokes I\nmedian rms {noise:.2f} mJy/beam, beam"
            f" {picture.beam.major:.0f}″ × {picture.beam.minor:.0f}″",
            loc="left",
        )
        scale = figure.colorbar(drawn, ax=axes, pad=0.01, aspect=30, extend="both")
        scale.set_label("mJy/beam")
        _draw_beam(axes, picture, step)
        _save(figure, path)


def _binned(values: Any, step: int) -> Any:
    """Means of blocks of `step` by `step` pixels, which are smaller than a beam."""
    if step == 1:
        return values
    height, width = (side // step * step for side in values.shape)
    blocks = values[:height, :width].reshape(height // step, step, width // step, step)
    return blocks.mean(axis=(1, 3))


def _draw_beam(axes: Any, picture: maps.Picture, step: int) -> None:
    pixel = picture.pixel_arcsec * step
    place = 2.2 * picture.beam.major / pixel
    axes.add_patch(
        Ellipse(
            (place, place),
            picture.beam.minor / pixel,
            picture.beam.major / pixel,
            angle=picture.beam.angle,
            facecolor=WRONG,
            edgecolor="white",
            linewidth=0.8,
            zorder=5,
        )
    )


def fluxes(rows: Sequence[SourceRow], title: str, path: Path) -> None:
    """Measured against catalogue fluxes, and their ratio against the signal to noise."""
    known = [
        row
        for row in rows
        if row.flux_jy is not None and row.snr is not None and row.flux_error_jy is not None
    ]
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
        figure.suptitle(f"{title}    fluxes at the catalogue's positions")
        for kind, colour, label in (
            ([row for row in known if _found(row) and not outlier(row)], FOUND, f"found at {DETECTED:.0f} σ"),
            ([row for row in known if not _found(row) and not outlier(row)], FAINT, "below"),
            ([row for row in known if outlier(row)], WRONG, "disagrees: more than 20 % and 3 σ"),
        ):
            if not kind:
                continue
            catalogue_mjy = np.array([1e3 * row.catalogue_flux_jy for row in kind])
            flux = np.array([1e3 * (row.flux_jy or 0) for row in kind])
            error = np.array([1e3 * (row.flux_error_jy or 0) for row in kind])
            snr = np.array([row.snr or 0 for row in kind])
            style: dict[str, Any] = {
                "fmt": "o",
                "ms": 4,
                "lw": 0.8,
                "color": colour,
                "label": f"{label} ({len(kind)})",
            }
            drawn = flux > 0
            left.errorbar(catalogue_mjy[drawn], flux[drawn], error[drawn], **style)
            drawn = snr > 1
            right.errorbar(snr[drawn], (flux / catalogue_mjy)[drawn], (error / catalogue_mjy)[drawn], **style)
        if known:
            ends = [1e3 * f(row.catalogue_flux_jy for row in known) for f in (min, max)]
            line = np.array([0.7 * ends[0], 1.4 * ends[1]])
            left.plot(line, line, color="black", linewidth=0.8)
            left.fill_between(line, 0.8 * line, 1.2 * line, color="black", alpha=0.06, linewidth=0)
        left.set(xscale="log", yscale="log", xlabel="catalogue flux (mJy)", ylabel="measured flux (mJy)")
        right.axhline(1, color="black", linewidth=0.8)
        right.axhspan(0.8, 1.2, color="black", alpha=0.06, linewidth=0)
        right.axvline(DETECTED, color=FAINT, linewidth=0.8, linestyle="--")
        right.set(xscale="log", ylim=(0, 2), xlabel="signal to noise", ylabel="measured / catalogue flux")
        ratios = [row.flux_ratio for row in known if _found(row) and row.flux_ratio is not None]
        if ratios:
            right.set_title(f"median {np.median(ratios):.3f} of {len(ratios)}", loc="right")
        left.legend(frameon=False, loc="upper left")
        _save(figure, path)


def _found(row: SourceRow) -> bool:
    return row.matched


def astrometry(rows: Sequence[SourceRow], beam: maps.Beam, title: str, path: Path) -> None:
    """Offsets from the catalogue's positions, and how they shrink with signal to noise."""
    found = [
        row
        for row in rows
        if row.matched and row.offset_ra_arcsec is not None and row.offset_dec_arcsec is not None and row.snr
    ]
    precise = [row for row in found if (row.snr or 0) >= PRECISE]
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.6), layout="constrained")
        median = np.median([row.offset_arcsec for row in precise]) if precise else float("nan")
        figure.suptitle(
            f"{title}    offsets from the catalogue: median {median:.2f}″ of {len(precise)} above {PRECISE:.0f} σ"
        )
        east = np.array([row.offset_ra_arcsec for row in precise], float)
        north = np.array([row.offset_dec_arcsec for row in precise], float)
        snr = np.array([row.snr for row in precise], float)
        if precise:
            drawn = left.scatter(east, north, c=np.log10(snr), s=22, cmap="viridis", zorder=3, vmin=1)
            scale = figure.colorbar(drawn, ax=left, pad=0.02)
            ticks = [value for value in (10, 30, 100, 300, 1000, 3000) if snr.min() <= value <= snr.max()]
            scale.set_ticks([math.log10(value) for value in ticks], labels=[str(value) for value in ticks])
            scale.set_label("signal to noise")
            left.plot(
                np.median(east), np.median(north), "+", color=WRONG, ms=14, mew=2, zorder=4, label="median"
            )
            left.legend(frameon=False)
        left.add_patch(Circle((0, 0), 2, fill=False, color=WRONG, linestyle="--", linewidth=1))
        reach = max(3.0, 1.15 * float(np.max(np.hypot(east, north), initial=0.0)))
        left.axhline(0, color="black", linewidth=0.5)
        left.axvline(0, color="black", linewidth=0.5)
        left.set(xlim=(reach, -reach), ylim=(-reach, reach), xlabel="east (″)", ylabel="north (″)")
        left.set_aspect("equal")
        if found:
            every = np.array([row.snr for row in found], float)
            right.scatter(every, [row.offset_arcsec for row in found], s=16, color=FOUND)
            line = np.geomspace(every.min(), every.max(), 50)
            right.plot(line, beam.major / (2 * line), color="black", linewidth=0.8, label="beam / (2 SNR)")
            right.plot(
                line,
                2 + 3 * beam.major / (2 * line),
                color=WRONG,
                linewidth=0.8,
                linestyle="--",
                label="limit",
            )
            right.set(xscale="log", yscale="log", xlabel="signal to noise", ylabel="offset (″)")
            right.legend(frameon=False)
        _save(figure, path)


def noise(field: Field, title: str, path: Path) -> None:
    """The map of local noise, and the pixels in units of it beside the normal distribution."""
    picture = field.picture
    local = 1e3 * field.noise
    step = max(1, round(max(local.shape) / 900))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = picture.values / field.noise
    ratio = ratio[np.isfinite(ratio)]
    edges = np.linspace(-8, 8, 129)
    counts, _ = np.histogram(ratio, edges)
    middles = (edges[1:] + edges[:-1]) / 2
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(13, 4.6), layout="constrained", gridspec_kw={"width_ratios": [1.7, 1]}
        )
        figure.suptitle(
            f"{title}    noise: median {np.nanmedian(local):.2f}, best {np.nanmin(local):.2f} mJy/beam"
        )
        top = float(np.nanpercentile(local, 95))
        degrees = np.array(local.shape[::-1]) * picture.pixel_arcsec / 3600 / 2
        drawn = left.imshow(
            local[::step, ::step],
            origin="lower",
            cmap="magma_r",
            vmin=float(np.nanmin(local)),
            vmax=top,
            extent=(degrees[0], -degrees[0], -degrees[1], degrees[1]),
        )
        left.set(xlabel="degrees east of the middle", ylabel="degrees north")
        figure.colorbar(drawn, ax=left, pad=0.02, extend="max").set_label("local rms (mJy/beam)")
        right.step(middles, np.maximum(counts, 0.5), where="mid", color=FOUND, label="pixels")
        right.plot(
            middles,
            len(ratio) * (edges[1] - edges[0]) * np.exp(-(middles**2) / 2) / math.sqrt(2 * math.pi),
            color="black",
            linewidth=0.8,
            label="normal",
        )
        right.set(yscale="log", ylim=(0.8, None), xlabel="pixel / local rms", ylabel="pixels")
        right.legend(frameon=False)
        _save(figure, path)


def bandpass(solution: Solution, header: Header, title: str, path: Path) -> None:
    """Amplitude and phase of every antenna's bandpass, and its gains over the tile."""
    frequency = np.asarray(header.frequencies_hz) / 1e6
    minutes = 1440 * (solution.gain_times - solution.gain_times.mean())
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(3, 2, figsize=(12, 9), layout="constrained")
        figure.suptitle(
            f"{title}    calibration: {len(header.antennas)} antennas, dead: {', '.join(solution.dead) or 'none'},"
            f" phase scatter {solution.phase_scatter_deg:.2f}°, {solution.flagged_percent:.1f} % flagged"
        )
        colours = plt.get_cmap("viridis")(np.linspace(0, 1, len(header.antennas)))
        for column, polarisation in enumerate(header.polarisations):
            top, middle, bottom = axes[:, column]
            for antenna, colour in enumerate(colours):
                band = solution.bandpass[column, :, antenna]
                gains = solution.gains[:, column, antenna]
                top.plot(frequency, np.abs(band), color=colour, linewidth=0.6)
                middle.plot(frequency, np.degrees(np.angle(band)), ".", color=colour, ms=1.5)
                bottom.plot(
                    minutes,
                    np.abs(gains) / max(float(np.nanmean(np.abs(gains))), 1e-30)
                    if np.isfinite(gains).any()
                    else np.full(len(minutes), np.nan),
                    "o-",
                    color=colour,
                    ms=2.5,
                    linewidth=0.6,
                )
            top.set(title=f"{polarisation}: bandpass", ylabel="amplitude")
            middle.set(ylim=(-185, 185), yticks=(-180, -90, 0, 90, 180), xlabel="MHz", ylabel="phase (°)")
            bottom.set(xlabel="minutes from the middle", ylabel="gain / its mean")
        _save(figure, path)
