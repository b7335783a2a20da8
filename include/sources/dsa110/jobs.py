"""What the worker hands to the imaging program, and what it gets back.

One process does one job: `python -m imaging JOB.json` makes a tile or a mosaic and writes `result.json` into the
job's output folder as the last thing. Both sides import this module, so it needs nothing but msgspec. Paths of files
that a job reads are absolute; paths of files that it made are relative to its output folder.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

RESULT = "result.json"
"""Name of the result in a job's output folder; it stands there only when the job is done."""
SOURCES = "sources.jsonl"
"""Name of the file with one SourceRow in each line."""
TABLE_MARKER = "calibration.json"
"""The file that makes a folder a calibration table."""

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:+-]{0,119}$")]
Kind = Literal["image", "beam", "rms", "weight", "picture", "plot", "rows", "calibration"]
"""Of files that a job made."""
FilePath = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are errors: a mistyped parameter must not be ignored."""


class SubBand(Strict, frozen=True, kw_only=True):
    """One member of a tile."""

    number: Annotated[int, msgspec.Meta(ge=0, le=999)]
    """NN of `_sbNN.hdf5`; sb00 has the highest frequency."""
    path: FilePath | None = None
    """Absolute path of the UVH5 file; None for a sub-band that never came."""


class Parameters(Strict, frozen=True, kw_only=True):
    """How tiles and mosaics are made. A change of any of them makes stages run again."""

    widest_channel_hz: Positive = 1e6
    """Channels are averaged while files are read, as many as divide a sub-band and stay within this; wider ones smear
    what is far from the middle."""
    pixel_arcsec: Positive = 8.0
    """Side of a pixel; 3 to 4 pixels to a beam at least, since reprojection loses flux with fewer."""
    size: Annotated[int, msgspec.Meta(ge=64, le=16384)] = 1800
    """Pixels along each side of a tile."""
    dish_m: Positive = 4.65
    """Diameter of a dish, which sets the primary beam."""
    reference_antenna: str = "DSA103"
    """Its phase is 0 in every solution."""
    absent_antennas: tuple[str, ...] = ()
    """Antennas known to be off. They are in no count, of antennas or of flagged data."""
    catalogue_hz: Positive = 1.4e9
    """Frequency at which the catalogue has its fluxes."""
    model_above_jy: Positive = 0.01
    """Catalogue sources whose flux through the primary beam is at least this are in the calibrator's model."""
    subtract_above_jy: Positive = 0.1
    """Catalogue sources whose flux through the primary beam is at least this are fitted to the visibilities and taken
    out before imaging, and put back into the image as they were fitted: their flux changes with the beam that they
    drift through and with frequency, so that cleaning would leave side lobes."""
    gain_intervals: Annotated[int, msgspec.Meta(ge=1, le=240)] = 4
    """Solutions of gains in the calibrator's tile, spread evenly over its time."""
    taper_arcsec: Positive | None = None
    """Full width of a Gaussian taper on the visibilities, for arrays whose beam is too sharp for the pixels."""
    robust: Annotated[float, msgspec.Meta(ge=-2, le=2)] = 0.5
    niter: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 30_000
    mgain: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    auto_mask: Positive = 5.0
    auto_threshold: Positive = 1.0
    beam_floor: Fraction = 0.1
    """A tile's pixels below this primary beam are blank."""
    mosaic_cut: Fraction = 0.2
    """A mosaic's pixels that no tile sees at this primary beam or better are blank."""
    threads: Annotated[int, msgspec.Meta(ge=1, le=256)] = 2
    memory_gb: Positive = 3.0
    """What the whole process may take, the imager included."""
    imaging_seconds: Positive = 1800.0
    """The imager is ended after this time."""


class TileJob(Strict, frozen=True, kw_only=True, tag="tile"):
    """Make an image of one tile: sub-bands of about 309 s."""

    name: Name
    output: FilePath
    """Absolute path of the folder that the job makes and owns."""
    members: tuple[SubBand, ...]
    catalogue: FilePath
    """CSV with name, ra_deg, dec_deg (ICRS), flux_jy and, where known, spectral_index: flux goes as frequency to it."""
    calibration: Literal["solve", "apply", "none"]
    """solve: this is the calibrator's tile, and the job makes the table `calibration/` in its output."""
    table: FilePath | None = None
    """Absolute path of a calibration table's folder, for `apply`."""
    positions: FilePath | None = None
    """CSV with name, x_m, y_m, z_m (Earth-centred): antennas in the files must stand within 5 cm of it."""
    parameters: Parameters = Parameters()


class TileInput(Strict, frozen=True, kw_only=True):
    """One tile of a mosaic."""

    name: Name
    folder: FilePath
    """Absolute path of the output folder of the tile's job."""


class MosaicJob(Strict, frozen=True, kw_only=True, tag="mosaic"):
    """Combine tiles, in the order of time."""

    name: Name
    output: FilePath
    tiles: tuple[TileInput, ...]
    catalogue: FilePath
    parameters: Parameters = Parameters()


Job = TileJob | MosaicJob


class Refusal(Strict, frozen=True, kw_only=True):
    """What is wrong with the data. Another try of the same job ends the same way."""

    stage: str
    reason: str


class Figure(Strict, frozen=True, kw_only=True):
    """One measured figure; `value` is None where there is nothing to measure, and `note` says why."""

    name: str
    value: float | None
    unit: str = ""
    note: str = ""


class Stage(Strict, frozen=True, kw_only=True):
    """One stage of a job."""

    name: str
    seconds: float
    cpu_seconds: float
    """Of this process and of the programs that it started."""
    inputs: str
    """SHA-256 of what the stage was made from: files, parameters, and stages before it."""
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    """What an operator should know, in sentences: a padded sub-band, a dead antenna."""


class OutputFile(Strict, frozen=True, kw_only=True):
    """A file that the job made."""

    path: str
    """Relative to the output folder."""
    kind: Kind
    bytes: int
    sha256: str
    deterministic: bool = True
    """Whether the same inputs give the same bytes on the same machine. Images that several threads made differ in their
    last digits; a mosaic is the same for the same tiles."""


class Calibration(Strict, frozen=True, kw_only=True):
    """A calibration table, as its marker file says it (`calibration.json`)."""

    format: Literal["lastgood-calibration-1"] = "lastgood-calibration-1"
    tile: str
    observed_mjd: float
    """Middle of the calibrator's tile, UTC."""
    valid_from_mjd: float
    valid_until_mjd: float
    declination_deg: float
    reference_antenna: str
    antennas: tuple[str, ...]
    channels_hz: tuple[float, ...]
    polarisations: tuple[str, ...]
    solutions: int
    flagged_percent: float
    """Of the solutions of antennas that are neither absent nor dead."""
    phase_scatter_deg: float
    """Median over antennas of the scatter of their gains' phases over the tile."""
    dead_antennas: tuple[str, ...] = ()
    arrays: dict[str, str] = {}
    """SHA-256 of each array file, by its name."""


class Result(Strict, frozen=True, kw_only=True):
    """What a job did. `refused` is None when it is done."""

    kind: Literal["tile", "mosaic"]
    name: str
    job: str
    """SHA-256 of the job."""
    refused: Refusal | None = None
    started_mjd: float | None = None
    """First and last moment of the data, UTC."""
    ended_mjd: float | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    stages: tuple[Stage, ...] = ()
    figures: tuple[Figure, ...] = ()
    """The figures of quality that contracts judge."""
    files: tuple[OutputFile, ...] = ()
    calibration: Calibration | None = None
    """The table that was made or applied."""
    parents: tuple[str, ...] = ()
    """Of a mosaic: names of its tiles. Of a tile: names of its files."""
    peak_memory_mb: float = 0.0
    """Of this process and the imager, whichever took more."""
    versions: dict[str, str] = {}
    """Versions of the libraries and programs that made it."""


class SourceRow(Strict, frozen=True, kw_only=True):
    """One catalogue source, measured where the catalogue says that it is."""

    name: str
    ra_deg: float
    dec_deg: float
    catalogue_flux_jy: float
    """At the frequency of the image."""
    flux_jy: float | None
    """None where the image is blank."""
    flux_error_jy: float | None
    local_rms_jy: float | None
    snr: float | None
    offset_ra_arcsec: float | None
    """Eastward from the catalogue's position; None where nothing was found at 5 times the local rms."""
    offset_dec_arcsec: float | None
    offset_arcsec: float | None
    flux_ratio: float | None
    matched: bool
    """Found at 5 times the local rms within half a beam of the catalogue's position."""
    beam: float | None
    """Best primary beam of the tiles that see it, 0 to 1."""
    subtracted: bool = False
    """Its flux in at least one tile was fitted to the visibilities and put back into the image."""


_job = msgspec.json.Decoder(Job)
_result = msgspec.json.Decoder(Result)


def read_job(text: bytes) -> TileJob | MosaicJob:
    """The job in `text`. Raises msgspec.DecodeError, which names the field, for what is no job."""
    job: TileJob | MosaicJob = _job.decode(text)
    return job


def read_result(text: bytes) -> Result:
    """The result in `text`. Raises msgspec.DecodeError, which names the field, for what is no result."""
    return _result.decode(text)
