"""Stages of a job, each with an output folder that appears whole, and a record that says what it was made from."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from include.sources.dsa110.jobs import Figure, Kind, OutputFile, Stage

CODE = 1
"""Number of what the stages do; a change of it makes all of them run again."""
BYTES = 1 << 20


@dataclass
class Outcome:
    """What a stage tells beside the files that it wrote."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def figure(self, name: str, value: float | None, unit: str = "", note: str = "") -> None:
        self.figures.append(Figure(name=name, value=value, unit=unit, note=note))


class _Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    stage: Stage
    files: dict[str, int]
    """Size of each file in the stage's folder."""


class Stages:
    """Runs stages in order in the job's output folder, leaving out those that an earlier process finished.

    What a stage was made from is a hash of its own inputs and of the stage before, so that a changed file or parameter
    makes it and all that follow run again.
    """

    def __init__(self, output: Path, report: Callable[[str], None]) -> None:
        self.output = output
        self.work = output / "work"
        self._report = report
        self._before = ""
        self.done: list[Stage] = []
        self.work.mkdir(parents=True, exist_ok=True)

    def run(
        self, name: str, inputs: dict[str, Any], act: Callable[[Path], Outcome], *, keep: bool = False
    ) -> Path:
        """The folder that `act` filled, now or in an earlier process; `keep` puts it among the job's results."""
        digest = hashlib.sha256(
            msgspec.json.encode([CODE, name, self._before, inputs], order="deterministic")
        ).hexdigest()
        folder = (self.output if keep else self.work) / name
        checkpoint = self.work / f"{name}.json"
        stage = _finished(checkpoint, folder, digest)
        if stage is None:
            stage = self._act(name, digest, folder, checkpoint, act)
        self._before = digest
        self.done.append(stage)
        return folder

    def _act(
        self, name: str, digest: str, folder: Path, checkpoint: Path, act: Callable[[Path], Outcome]
    ) -> Stage:
        part = folder.with_name(f"{name}.part")
        checkpoint.unlink(missing_ok=True)
        for old in (part, folder):
            if old.exists():
                shutil.rmtree(old)
        part.mkdir(parents=True)
        begun, used = time.monotonic(), cpu_seconds()
        outcome = act(part)
        stage = Stage(
            name=name,
            seconds=round(time.monotonic() - begun, 2),
            cpu_seconds=round(cpu_seconds() - used, 2),
            inputs=digest,
            figures=tuple(outcome.figures),
            notes=tuple(outcome.notes),
        )
        files = dict(_sizes(part))
        for path in files:
            _sync(part / path)
        part.rename(folder)
        write_whole(checkpoint, msgspec.json.encode(_Checkpoint(stage=stage, files=files)))
        self._report(f"{name}: {stage.seconds:.1f} s")
        return stage

    def clear(self) -> None:
        """Remove what only stages needed, when the job is done."""
        shutil.rmtree(self.work, ignore_errors=True)


def _finished(checkpoint: Path, folder: Path, digest: str) -> Stage | None:
    try:
        known = msgspec.json.decode(checkpoint.read_bytes(), type=_Checkpoint)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    if known.stage.inputs != digest or not folder.is_dir() or dict(_sizes(folder)) != known.files:
        return None
    return known.stage


def _sizes(folder: Path) -> Iterable[tuple[str, int]]:
    """Of files; those in folders of their own (a Measurement Set) too."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.stat().st_size


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there either whole or not at all, even where the machine fails."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    _sync(part)
    part.replace(path)
    _sync(path.parent)


def cpu_seconds() -> float:
    """Of this process and of programs that it started and that have ended."""
    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in usage)


def peak_memory_mb() -> float:
    """Of this process, or of the largest program that it started."""
    return (
        max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        / 1024
    )


def identity(path: Path) -> str:
    """What tells that a file is still the same, without reading gigabytes; empty where it is not there."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return f"{found.st_size}:{found.st_mtime_ns}"


def described(output: Path, files: Iterable[tuple[str, Kind, bool]]) -> tuple[OutputFile, ...]:
    """Size and hash of result files, given as (path, kind, deterministic)."""
    return tuple(
        OutputFile(
            path=path,
            kind=kind,
            bytes=(output / path).stat().st_size,
            sha256=hash_of(output / path),
            deterministic=deterministic,
        )
        for path, kind, deterministic in files
    )


def hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BYTES):
            digest.update(block)
    return digest.hexdigest()
