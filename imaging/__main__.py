"""Do one job: python -m imaging JOB.json

Ends with 0 when the job's output folder has its result.json, also where the data were refused: the result says so.
Ends with another code for trouble of the machine, whose last line says what; the next process goes on after the last
whole stage.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sys
import time
import warnings
from pathlib import Path

import msgspec

from include.sources.dsa110.jobs import RESULT, MosaicJob, Result, TileJob, read_job, read_result

USAGE, TROUBLE = 2, 1
LIBRARIES = ("astropy", "h5py", "matplotlib", "numpy", "pyuvdata", "python-casacore", "reproject", "scipy")


def main(arguments: list[str]) -> int:
    """Run the command line; the exit code."""
    if len(arguments) != 1:
        print("usage: python -m imaging JOB.json", file=sys.stderr)
        return USAGE
    try:
        job = read_job(Path(arguments[0]).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        print(f"{arguments[0]} is no job: {error}", file=sys.stderr)
        return USAGE
    try:
        do(job)
    except Exception as error:  # noqa: BLE001 - the last line of the log is what an operator sees
        import traceback

        traceback.print_exc()
        print(f"{job.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return TROUBLE
    return 0


def do(job: TileJob | MosaicJob) -> Result:
    """The result of a job, made now or found as an earlier process left it."""
    output = Path(job.output)
    digest = hashlib.sha256(msgspec.json.encode(job, order="deterministic")).hexdigest()
    known = _known(output, digest)
    if known is not None:
        _report(f"{job.name}: was done before")
        return known
    _bounded(job.parameters.threads)
    output.mkdir(parents=True, exist_ok=True)
    (output / RESULT).unlink(missing_ok=True)
    # Imported here, since the libraries take seconds and a finished job needs none
    from imaging import imager
    from imaging.mosaic import Mosaic
    from imaging.stages import write_whole
    from imaging.tile import Tile

    warnings.simplefilter("ignore")
    begun = time.monotonic()
    work = Tile(job, _report) if isinstance(job, TileJob) else Mosaic(job, _report)
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    if isinstance(job, TileJob):
        versions["wsclean"] = imager.version()
    result = msgspec.structs.replace(work.make(), job=digest, versions=versions)
    write_whole(output / RESULT, msgspec.json.format(msgspec.json.encode(result)))
    if result.refused is None:
        work.stages.clear()
        _report(f"{job.name}: done in {time.monotonic() - begun:.1f} s")
    else:
        _report(f"{job.name}: refused at {result.refused.stage}: {result.refused.reason}")
    return result


def _known(output: Path, digest: str) -> Result | None:
    """The result of the same job, if it is done and its files are there. What was refused is tried again."""
    try:
        found = read_result((output / RESULT).read_bytes())
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
    if found.job != digest or found.refused is not None:
        return None
    for file in found.files:
        path = output / file.path
        if not path.is_file() or path.stat().st_size != file.bytes:
            return None
    return found


def _bounded(threads: int) -> None:
    """Libraries read these when they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        os.environ[name] = str(threads)


def _report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
