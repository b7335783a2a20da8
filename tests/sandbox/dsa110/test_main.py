"""The command line of the sample: which files appear, what is told of them, and what goes wrong when it is asked to."""

import csv
import os
import re
import shutil
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests import imaging_environment
from tests.sandbox.dsa110.making import beside, contents, make, order, truth

pytestmark = pytest.mark.imaging

NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d_sb(\d\d)\.hdf5")
TINY = ("--size", "tiny", "--integrations", "3")
PLAIN = ("--tiles=3", "--start=2026-03-01T08:00:00", "--seed=3")
FAULTS = ("missing", "few", "late", "empty", "truncated", "growing", "twin", "gap", "declination", "outlier")
WHOLE = 32_000
"""Bytes that a file of that size has at the least."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of inboxes, which no test changes: see the fixtures behind it."""
    folder = tmp_path_factory.mktemp("samples")
    faults = [f"--fault={kind}@{number}" for number, kind in enumerate(FAULTS)]
    make(
        [folder / "plain", *TINY, *PLAIN],
        [folder / "same", *TINY, *PLAIN],
        [folder / "other", *TINY, *PLAIN, "--seed=4"],
        [folder / "struck", *TINY, f"--tiles={len(FAULTS)}", *faults],
        [folder / "sound", *TINY, "--tiles=1"],
        [folder / "late", *TINY, "--tiles=1", "--fault=late@0", "--fault=growing@0"],
        [folder / "storm", *TINY, "--tiles=1", "--fault=storm@0", "--fault=gap@0"],
    )
    return folder


@pytest.fixture
def plain(samples: Path) -> Path:
    """An inbox of three sound tiles."""
    return samples / "plain"


@pytest.fixture
def struck(samples: Path) -> Path:
    """An inbox of which each tile has another fault."""
    return samples / "struck"


def tile(inbox: Path, kind: str) -> Any:
    """The truth of the tile that a fault struck."""
    return next(each for each in truth(inbox)["tiles"] if kind in each["faults"])


def sizes(inbox: Path, struck_tile: Any) -> dict[int, int]:
    """Bytes of the files of a tile that are there, by sub-band."""
    paths = {file["subband"]: inbox / file["name"] for file in struck_tile["files"]}
    return {subband: path.stat().st_size for subband, path in paths.items() if path.exists()}


def copied(inbox: Path, folder: Path) -> Path:
    """A copy of an inbox and of what is beside it, which a test may change."""
    shutil.copytree(inbox, folder / inbox.name)
    shutil.copytree(beside(inbox, "."), beside(folder / inbox.name, "."))
    return folder / inbox.name


def start(struck_tile: Any) -> float:
    return datetime.fromisoformat(struck_tile["begins"]).timestamp()


# --- what appears


def test_a_tile_is_16_files_whose_stamps_differ_by_seconds(plain: Path) -> None:
    names = sorted(path.name for path in plain.iterdir())
    assert len(names) == 48 and all(map(NAME.fullmatch, names))
    for known in truth(plain)["tiles"]:
        assert [int(NAME.fullmatch(file["name"])[1]) for file in known["files"]] == [*range(16)]  # type: ignore[index]
    stamps = {name[:19] for name in names}
    assert min(stamps).startswith("2026-03-01T08:00:0") and len(stamps) > 3


def test_the_same_seed_makes_the_same_files_and_another_one_others(samples: Path) -> None:
    one, same, other = (contents(samples / name) for name in ("plain", "same", "other"))
    assert one == same
    assert not set(one.values()) & set(other.values())
    assert truth(samples / "plain") == truth(samples / "same")


def test_the_next_day_is_the_same_sky_a_sidereal_day_later(samples: Path, tmp_path: Path) -> None:
    inbox = copied(samples / "sound", tmp_path)
    before = contents(inbox)
    make([inbox, "advance"])
    first, second = truth(inbox)["tiles"]
    assert (first["day"], second["day"]) == (0, 1)
    assert start(second) - start(first) == pytest.approx(86164.09, abs=0.01)
    assert second["ra_deg"] == pytest.approx(first["ra_deg"], abs=0.005)
    assert first["calibrator"] and second["calibrator"]
    after = contents(inbox)
    assert len(after) == 32 and after.items() > before.items()


def test_a_day_that_was_not_observed_to_its_end_is_observed_again(plain: Path, tmp_path: Path) -> None:
    inbox = copied(plain, tmp_path)
    beside(inbox, "state.json").unlink()
    (whole, *_) = sorted(inbox.iterdir())
    whole.rename(whole.with_name(f"{whole.stem}_incomplete.hdf5"))
    make([inbox, *TINY, *PLAIN])
    assert contents(inbox) == contents(plain)
    assert truth(inbox) == truth(plain)


def test_the_catalogue_has_the_sources_that_the_truth_has(plain: Path) -> None:
    with beside(plain, "catalogue.csv").open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    known = truth(plain)
    assert [name for name, row in rows.items() if row["calibrator"] == "1"] == [known["calibrator"]]
    for each in known["tiles"]:
        assert len(each["sources"]) > 20, "every tile has sources"
        for source in each["sources"]:
            row = rows[source["name"]]
            assert float(row["flux_jy"]) == source["flux_jy"]
            assert (float(row["ra_deg"]), float(row["dec_deg"])) == (source["ra_deg"], source["dec_deg"])


def test_the_calibrator_is_in_the_middle_of_one_tile(plain: Path) -> None:
    known = truth(plain)
    strength = {
        each["number"]: source["beam"]
        for each in known["tiles"]
        for source in each["sources"]
        if source["name"] == known["calibrator"]
    }
    (its,) = (each["number"] for each in known["tiles"] if each["calibrator"])
    assert max(strength, key=strength.__getitem__) == its and strength[its] > 0.99


# --- what goes wrong


@pytest.mark.parametrize(("kind", "there"), [("missing", 14), ("few", 11), ("late", 13), ("gap", 16)])
def test_sub_bands_that_are_missing(struck: Path, kind: str, there: int) -> None:
    found = sizes(struck, tile(struck, kind))
    assert len(found) == there and min(found.values()) > WHOLE


def test_files_that_are_empty_cut_or_growing(struck: Path) -> None:
    for kind, share in (("empty", 0.0), ("truncated", 0.6), ("growing", 0.5)):
        known = tile(struck, kind)
        found = sizes(struck, known)
        (broken,) = (file for file in known["files"] if file["state"] != "whole")
        assert broken["state"] == kind
        assert found.pop(broken["subband"]) == int(share * broken["bytes"])
        assert len(found) == 15 and min(found.values()) > WHOLE


def test_a_file_that_grows_was_touched_just_now_and_no_other_was(struck: Path) -> None:
    (growing,) = (file["name"] for file in tile(struck, "growing")["files"] if file["state"] == "growing")
    made = beside(struck, "truth.json").stat().st_mtime
    young = {path.name for path in struck.iterdir() if path.stat().st_mtime > made - 240}
    assert young == {growing}


def test_a_twin_begins_one_second_later(struck: Path) -> None:
    elder, twin = (each for each in truth(struck)["tiles"] if "twin" in each["faults"])
    assert start(twin) - start(elder) == 1
    assert not {file["name"] for file in elder["files"]} & {file["name"] for file in twin["files"]}
    assert len(sizes(struck, elder)) == len(sizes(struck, twin)) == 16
    first, second = ((struck / each["files"][0]["name"]).read_bytes() for each in (elder, twin))
    assert first != second


def test_a_gap_delays_a_tile_and_those_behind_it(struck: Path) -> None:
    starts = [start(each) for each in truth(struck)["tiles"] if each["turn"] % 2 == 0]
    pauses = [round(later - earlier - 3 * 12.885) for earlier, later in pairwise(starts)]
    assert pauses == [420 if kind == "gap" else 0 for kind in FAULTS[1:]]


def test_a_tile_of_another_declination(struck: Path) -> None:
    other = tile(struck, "declination")
    assert other["declination_deg"] == pytest.approx(17.8)
    assert other["dec_deg"] - tile(struck, "gap")["dec_deg"] == pytest.approx(1.5, abs=0.01)
    assert len(other["sources"]) > 20


def test_an_outlier_is_told_with_a_40th_of_its_flux(struck: Path) -> None:
    ((name, told),) = truth(struck)["outliers"].items()
    (source,) = (each for each in tile(struck, "outlier")["sources"] if each["name"] == name)
    assert told == pytest.approx(source["flux_jy"] / 40, abs=1e-5)
    rows = beside(struck, "catalogue.csv").read_text().splitlines()
    assert any(row.startswith(f"{name},") and f",{told:.5f}," in row for row in rows)


def test_what_came_late_and_what_grew_is_whole_in_the_end(samples: Path, tmp_path: Path) -> None:
    inbox = copied(samples / "late", tmp_path)
    assert len(contents(inbox)) == 13
    told = order([inbox, "late"], [inbox, "late"])
    assert told == [(0, "4 files came late or grew\n"), (0, "0 files came late or grew\n")]
    assert contents(inbox) == contents(samples / "sound")
    assert {file["state"] for file in truth(inbox)["tiles"][0]["files"]} == {"whole"}
    assert all(path.stat().st_mtime < time.time() - 60 for path in inbox.iterdir())


def test_a_storm_is_in_most_of_the_band(samples: Path) -> None:
    first, last, moments, flux = truth(samples / "storm")["tiles"][0]["interference"][0]
    assert (last - first + 1) / 64 == pytest.approx(0.6, abs=0.03)
    assert (moments, flux) == ([0, 1, 2], 2000.0)


def test_a_delay_takes_the_calibrator_out_of_the_middle_of_its_tile(samples: Path) -> None:
    (sound,), (late,) = (truth(samples / name)["tiles"] for name in ("sound", "storm"))
    assert sound["calibrator"] and not late["calibrator"]


# --- orders that are refused

REFUSED = {
    "--antennas=97": "97 antennas: choose 3 to 96",
    "--channels=0": "channels is 0: choose 1 or more",
    "--tiles=0": "tiles is 0",
    "--declination=89": "declination is 89.0: choose",
    "--fault=flood@1": "'flood@1' is no fault: write KIND@TILE",
    "--fault=missing": "'missing' is no fault",
    "--fault=missing@3": "missing@3 strikes no tile: there are 3 a day",
    "advance": "There is no sample in",
    "late": "There is no sample in",
}


def test_an_order_that_makes_no_sense_is_one_sentence_and_no_file(tmp_path: Path) -> None:
    told = order(*([tmp_path / "inbox", argument] for argument in REFUSED))
    for (argument, words), (code, said) in zip(REFUSED.items(), told, strict=True):
        assert code == 1 and said.startswith("sample of DSA-110: ") and words in said, argument
        assert said.count("\n") == 1, argument
    assert not list(tmp_path.glob("**/*.hdf5"))


def test_an_inbox_that_cannot_be_written_or_has_a_sample_is_one_sentence(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("a file")
    before = contents(plain)
    told = order([tmp_path / "inbox", *TINY], [plain, *TINY, "--tiles=2"])
    for (code, said), words in zip(
        told, (os.fspath(tmp_path), "has a sample: order it to advance"), strict=True
    ):
        assert code == 1 and said.startswith("sample of DSA-110: ") and words in said
        assert said.count("\n") == 1
    assert contents(plain) == before


def test_the_command_line_is_a_program_of_the_environment_for_imaging() -> None:
    done = imaging_environment.start("-m", "sandbox.dsa110", "--help")
    assert done.returncode == 0 and "--fault KIND@TILE" in done.stdout
