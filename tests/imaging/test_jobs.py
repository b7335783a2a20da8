"""Jobs as the worker starts them, on a small sky whose truth is known."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from include.sources.dsa110.jobs import (
    RESULT,
    SOURCES,
    TABLE_MARKER,
    MosaicJob,
    Parameters,
    Result,
    SourceRow,
    SubBand,
    TileInput,
    TileJob,
    read_result,
)
from sandbox.checks import IMAGING
from sandbox.environment import PROJECT

pytestmark = pytest.mark.imaging

SMALL = Parameters(pixel_arcsec=12, size=768, taper_arcsec=40, threads=1)


def python(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [IMAGING, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PATH": options.pop("path", os.environ["PATH"])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        **options,
    )


def start(job: TileJob | MosaicJob, **options: Any) -> subprocess.CompletedProcess[str]:
    path = Path(job.output).with_suffix(".json")
    path.write_bytes(msgspec.json.encode(job))
    return python("-m", "imaging", path, **options)


def done(job: TileJob | MosaicJob) -> Result:
    ran = start(job)
    assert ran.returncode == 0, ran.stderr
    return read_result((Path(job.output) / RESULT).read_bytes())


def rows(result: MosaicJob | TileJob) -> list[SourceRow]:
    lines = (Path(result.output) / "quality" / SOURCES).read_bytes().splitlines()
    return [msgspec.json.decode(line, type=SourceRow) for line in lines]


def figures(result: Result) -> dict[str, float | None]:
    return {each.name: each.value for each in result.figures}


@dataclass(frozen=True)
class Sky:
    """An inbox, and what is true of it."""

    inbox: Path
    truth: dict[str, Any]
    parameters: Parameters

    @property
    def catalogue(self) -> Path:
        return self.inbox.with_name(f"{self.inbox.name}-sky") / "catalogue.csv"

    @property
    def calibrator(self) -> int:
        return next(n for n, each in enumerate(self.truth["tiles"]) if each["calibrator"])

    def name(self, number: int) -> str:
        return str(self.truth["tiles"][number]["begins"])[:19]

    def tile(self, number: int, output: Path, calibration: str | None = None, **more: Any) -> TileJob:
        files = self.truth["tiles"][number]["files"]
        return msgspec.convert(
            {
                "type": "tile",
                "name": self.name(number),
                "output": str(output),
                "members": [
                    {"number": file["subband"], "path": str(self.inbox / file["name"])} for file in files
                ],
                "catalogue": str(self.catalogue),
                "calibration": calibration or ("solve" if number == self.calibrator else "apply"),
                "parameters": msgspec.to_builtins(self.parameters),
                **more,
            },
            TileJob,
        )

    def mosaic(self, output: Path, tiles: list[Path]) -> MosaicJob:
        return MosaicJob(
            name="mosaic",
            output=str(output),
            tiles=tuple(TileInput(name=tile.name, folder=str(tile)) for tile in tiles),
            catalogue=str(self.catalogue),
            parameters=self.parameters,
        )


def observed(folder: Path, parameters: Parameters, *arguments: str) -> Sky:
    ran = python("-m", "sandbox.dsa110", folder, *arguments)
    assert ran.returncode == 0, ran.stderr
    truth = json.loads((folder.with_name(f"{folder.name}-sky") / "truth.json").read_text())
    return Sky(folder, truth, parameters)


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Sky:
    size = ("--antennas", "16", "--channels", "4", "--integrations", "6", "--tiles", "2")
    return observed(tmp_path_factory.mktemp("sky") / "inbox", SMALL, *size)


@pytest.fixture(scope="module")
def made(sky: Sky, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TileJob | MosaicJob]:
    """Both tiles and their mosaic, done: the calibrator's first."""
    folder = tmp_path_factory.mktemp("made")
    solve = sky.tile(sky.calibrator, folder / "solve")
    other = sky.tile(1 - sky.calibrator, folder / "apply", table=str(folder / "solve" / "calibration"))
    ordered = [folder / "solve", folder / "apply"]
    mosaic = sky.mosaic(folder / "mosaic", ordered if sky.calibrator == 0 else ordered[::-1])
    for job in (solve, other, mosaic):
        assert done(job).refused is None
    return {"solve": solve, "apply": other, "mosaic": mosaic}


def result(job: TileJob | MosaicJob) -> Result:
    return read_result((Path(job.output) / RESULT).read_bytes())


def test_a_mosaic_shows_its_sources_where_and_as_bright_as_they_are(made: dict[str, Any], sky: Sky) -> None:
    told = figures(result(made["mosaic"]))
    beam = told["beam_major_arcsec"] or 0
    strong = [row for row in rows(made["mosaic"]) if row.catalogue_flux_jy >= 10 * (row.local_rms_jy or 1)]
    assert len(strong) >= 15
    for row in strong:
        error = row.local_rms_jy or 0
        assert (
            abs((row.flux_jy or 0) - row.catalogue_flux_jy) <= 0.05 * row.catalogue_flux_jy + 3.5 * error
        ), row
        assert row.offset_arcsec is not None
        assert row.offset_arcsec <= 2 + 3 * beam / (2 * (row.snr or 1)), row
    ratio = told["flux_ratio_median"]
    assert ratio == pytest.approx(1, abs=0.05)
    # 16 antennas have high side lobes
    assert told["rms_over_theory"] is not None
    assert 0.9 < told["rms_over_theory"] < 2


def test_the_calibrator_is_at_its_place(made: dict[str, Any], sky: Sky) -> None:
    """The other sign of the phase would shift it by a quarter of a degree."""
    (row,) = [row for row in rows(made["solve"]) if row.name == sky.truth["calibrator"]]
    assert row.matched
    assert row.offset_arcsec == pytest.approx(0, abs=0.5)
    assert row.flux_ratio == pytest.approx(1, abs=0.02)


def test_dead_antennas_are_found_and_not_counted(made: dict[str, Any], sky: Sky) -> None:
    told = figures(result(made["apply"]))
    assert told["dead_antennas"] == len(sky.truth["dead"])
    assert told["flagged_percent"] is not None
    assert told["flagged_percent"] < 10


def test_every_file_is_as_the_result_says_and_nothing_else_is_left(made: dict[str, Any]) -> None:
    import hashlib

    for job in made.values():
        folder = Path(job.output)
        listed = {file.path: file.sha256 for file in result(job).files}
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert there - {RESULT} == set(listed)
        for path, digest in listed.items():
            assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == digest


def test_a_calibration_says_what_it_is(made: dict[str, Any], sky: Sky) -> None:
    record = result(made["solve"]).calibration
    assert record is not None
    assert record == msgspec.json.decode(
        (Path(made["solve"].output) / "calibration" / TABLE_MARKER).read_bytes(), type=type(record)
    )
    assert record.valid_until_mjd - record.observed_mjd == pytest.approx(1)
    assert record.observed_mjd - record.valid_from_mjd == pytest.approx(1)
    assert record.reference_antenna == SMALL.reference_antenna
    assert 0 <= record.phase_scatter_deg < 5
    assert result(made["apply"]).calibration == record


def test_a_job_that_is_done_does_nothing_again(made: dict[str, Any]) -> None:
    def state(job: TileJob | MosaicJob) -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in sorted(Path(job.output).rglob("*"))}

    for job in made.values():
        before = state(job)
        done(job)
        assert state(job) == before


def test_the_same_inputs_give_the_same_bytes(made: dict[str, Any], tmp_path: Path) -> None:
    again = done(msgspec.structs.replace(made["apply"], output=str(tmp_path / "again")))
    assert again.files == result(made["apply"]).files


def test_a_killed_job_goes_on_after_its_last_whole_stage(made: dict[str, Any], tmp_path: Path) -> None:
    job = msgspec.structs.replace(made["apply"], output=str(tmp_path / "killed"))
    path = tmp_path / "killed.json"
    path.write_bytes(msgspec.json.encode(job))
    process = subprocess.Popen(
        [IMAGING, "-m", "imaging", path], cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}
    )
    work = tmp_path / "killed" / "work"
    while not (work / "correct.json").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / RESULT).exists()
    stages = {stage: (work / f"{stage}.json").read_bytes() for stage in ("convert", "flag", "correct")}
    known = [msgspec.json.decode(text)["stage"] for text in stages.values()]
    found = done(job)
    assert msgspec.json.decode(msgspec.json.encode(found.stages[:3])) == known
    assert found.files == result(made["apply"]).files


def test_a_file_that_was_cut_is_refused_by_name_and_goes_when_it_is_whole(
    made: dict[str, Any], sky: Sky, tmp_path: Path
) -> None:
    for number, content in ((3, b""), (5, None)):
        member = made["apply"].members[number]
        copy = tmp_path / Path(member.path).name
        whole = Path(member.path).read_bytes()
        copy.write_bytes(whole[: len(whole) // 2] if content is None else content)
        members = tuple(
            SubBand(number=each.number, path=str(copy)) if each == member else each
            for each in made["apply"].members
        )
        job = msgspec.structs.replace(made["apply"], output=str(tmp_path / f"cut{number}"), members=members)
        refused = done(job).refused
        assert refused is not None
        assert refused.stage == "convert"
        assert copy.name in refused.reason
    copy.write_bytes(whole)
    assert done(job).refused is None


def test_two_subbands_that_never_came_leave_flagged_channels(
    made: dict[str, Any], sky: Sky, tmp_path: Path
) -> None:
    def without(count: int) -> TileJob:
        members = tuple(
            SubBand(number=each.number) if each.number < count else each for each in made["apply"].members
        )
        return msgspec.structs.replace(
            made["apply"], output=str(tmp_path / f"without{count}"), members=members
        )

    found = done(without(2))
    assert found.refused is None
    assert any("Sub-band 01 never came" in note for stage in found.stages for note in stage.notes)
    assert figures(found)["flux_ratio_median"] == pytest.approx(1, abs=0.05)
    few = done(without(5)).refused
    assert few is not None
    assert "Only 11 of 16" in few.reason


def test_a_table_that_is_none_is_refused_with_the_reason(made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "table.dat").write_bytes(b"")
    job = msgspec.structs.replace(made["apply"], output=str(tmp_path / "out"), table=str(tmp_path / "table"))
    refused = done(job).refused
    assert refused is not None
    assert refused.stage == "check"
    assert f"no {TABLE_MARKER}" in refused.reason
    assert not (tmp_path / "out" / "image").exists()


def test_a_table_that_was_altered_or_is_of_another_day_is_refused(
    made: dict[str, Any], tmp_path: Path
) -> None:
    table = tmp_path / "table"
    shutil.copytree(Path(made["solve"].output) / "calibration", table)
    marker = json.loads((table / TABLE_MARKER).read_text())
    marker["valid_until_mjd"] = marker["valid_from_mjd"] = marker["observed_mjd"] - 1
    (table / TABLE_MARKER).write_text(json.dumps(marker))
    job = msgspec.structs.replace(made["apply"], output=str(tmp_path / "out"), table=str(table))
    refused = done(job).refused
    assert refused is not None
    assert "is valid from" in refused.reason
    (table / "gains.npy").write_bytes(b"x")
    refused = done(job).refused
    assert refused is not None
    assert "was altered" in refused.reason


def test_without_calibration_nothing_agrees(made: dict[str, Any], sky: Sky, tmp_path: Path) -> None:
    found = done(sky.tile(1 - sky.calibrator, tmp_path / "raw", "none"))
    assert found.refused is None
    told = figures(found)
    ratio = told["flux_ratio_median"]
    assert ratio is None or not 0.8 <= ratio <= 1.2
    assert (told["detections"] or 0) < 3
    assert (told["completeness_percent"] or 0) < 60


def test_a_mosaic_without_one_of_its_images_is_refused_by_name(
    made: dict[str, Any], sky: Sky, tmp_path: Path
) -> None:
    gone, cut = tmp_path / "gone", tmp_path / "cut"
    shutil.copytree(made["solve"].output, gone)
    (gone / "image" / "image.fits").unlink()
    shutil.copytree(made["apply"].output, cut)
    path = cut / "image" / "beam.fits"
    path.write_bytes(path.read_bytes()[:-1])
    tiles = [Path(made["solve"].output), gone, cut, tmp_path / "never"]
    refused = done(sky.mosaic(tmp_path / "mosaic", tiles)).refused
    assert refused is not None
    assert refused.reason.startswith("3 of 4 tiles have no image: ")
    for name in ("gone", "cut", "never"):
        assert f"{name} (" in refused.reason


def test_tiles_out_of_order_are_refused(made: dict[str, Any], sky: Sky, tmp_path: Path) -> None:
    tiles = [Path(tile.folder) for tile in made["mosaic"].tiles][::-1]
    refused = done(sky.mosaic(tmp_path / "mosaic", tiles)).refused
    assert refused is not None
    assert "not in the order of time" in refused.reason


def test_an_imager_that_is_killed_is_trouble_of_the_machine(made: dict[str, Any], tmp_path: Path) -> None:
    """And no refusal of the data: there is no result, and another try goes on."""
    program = tmp_path / "bin" / "wsclean"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ "$1" = --version ] && exec /usr/bin/wsclean --version\nkill -9 $$\n')
    program.chmod(0o755)
    job = msgspec.structs.replace(made["apply"], output=str(tmp_path / "out"))
    ran = start(job, path=f"{program.parent}:{os.environ['PATH']}")
    assert ran.returncode == 1
    assert "was killed by SIGKILL" in ran.stderr.splitlines()[-1]
    assert not (tmp_path / "out" / RESULT).exists()


def test_a_job_that_is_none_says_which_field(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text(
        '{"type": "mosaic", "name": "m", "output": "/o", "tiles": [], "catalogue": "/c", "size": 3}'
    )
    ran = python("-m", "imaging", path)
    assert ran.returncode == 2
    assert "size" in ran.stderr


@pytest.mark.imaging_long
def test_every_source_above_ten_times_the_noise_is_recovered(tmp_path: Path) -> None:
    """Issue 16: 24 antennas, 128 channels, 3 tiles, with gains, interference and a dead antenna."""
    sky = observed(tmp_path / "inbox", Parameters())
    folders = [tmp_path / sky.name(number).replace(":", "") for number in range(3)]
    table = str(folders[sky.calibrator] / "calibration")
    for number in sorted(range(3), key=lambda each: each != sky.calibrator):
        more = {} if number == sky.calibrator else {"table": table}
        assert done(sky.tile(number, folders[number], **more)).refused is None
    mosaic = sky.mosaic(tmp_path / "mosaic", folders)
    told = figures(done(mosaic))
    beam = told["beam_major_arcsec"] or 0
    strong = [row for row in rows(mosaic) if row.catalogue_flux_jy >= 10 * (row.local_rms_jy or math.inf)]
    assert len(strong) >= 90
    for row in strong:
        noise = (row.local_rms_jy or 0) / row.catalogue_flux_jy
        off = abs((row.flux_ratio or 0) - 1)
        assert row.offset_arcsec is not None
        assert off <= 0.05 + 3 * noise, row
        assert row.offset_arcsec <= 2 + 3 * beam / (2 * (row.snr or 1)), row
        if noise <= 1 / 60:
            assert off <= 0.05, row
            assert row.offset_arcsec <= 2, row
    assert told["flux_ratio_median"] == pytest.approx(1, abs=0.02)
    assert told["unmatched_peaks"] <= 3, (
        "side lobes, which flux and position of known sources are judged without"
    )
    assert (told["rms_over_theory"] or 9) < 1.5
