"""Runs a job of the imaging program on this machine, by an interpreter that has the libraries for it.

The worker has none of them, and the program's steps take gigabytes and minutes: it is a process of its own, bounded in
time, that ends with whoever started it. docs/upstreams/dsa110.md.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Protocol

import msgspec

from include.sources.dsa110.jobs import RESULT, MosaicJob, Result, TileJob, read_result

Report = Callable[[str], None]
log = logging.getLogger(__name__)
LAST_LINES = 12
LINE_CHARACTERS = 2_000
GRACE_SECONDS = 10.0
"""Between asking the program to end and ending it."""
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE")
"""Of the worker's environment. Its connections and keys are none of the program's business."""


class ImagingFailed(RuntimeError):
    """The program did not come to a result, for no fault of the data's: another try may."""


class JobTaken(ImagingFailed):
    """Another process is at this job."""


class Imager(Protocol):
    """Does jobs of the imaging program, wherever it runs."""

    def run(self, job: TileJob | MosaicJob, report: Report) -> Result:
        """Do a job to its result, going on after what an earlier try has finished of it; lines of progress go to
        `report`. Raises ImagingFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """The Python of the imaging environment on this machine."""

    python: Path
    code: Path
    """The folder in which the packages `imaging` and `include` lie."""
    longest: timedelta
    """A job that takes longer is ended."""

    def run(self, job: TileJob | MosaicJob, report: Report = log.info) -> Result:
        """See Imager.run. Job and lock lie beside the output folder. Raises JobTaken, too."""
        if not self.python.is_file():
            raise ImagingFailed(
                f"There is no {self.python}: make setup-imaging installs what images are made with."
            )
        output = Path(job.output)
        output.parent.mkdir(parents=True, exist_ok=True)
        with _alone(output) as lock:
            order = output.with_name(f"{output.name}.job.json")
            order.write_bytes(msgspec.json.format(msgspec.json.encode(job)))
            self._end_well(self._start(order, lock), job, report)
            return _result(output / RESULT, job)

    def _start(self, order: Path, lock: int) -> subprocess.Popen[str]:
        # With the process that started it, it ends too; the kernel sees to that.
        setpriv = shutil.which("setpriv")
        leash = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        return subprocess.Popen(
            [*leash, str(self.python), "-m", "imaging", str(order)],
            cwd=self.code,
            env={name: value for name, value in os.environ.items() if name in _KEPT}
            | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            # Where nothing ends it with its worker it goes on, and nobody else begins meanwhile.
            pass_fds=(lock,),
        )

    def _end_well(self, process: subprocess.Popen[str], job: TileJob | MosaicJob, report: Report) -> None:
        """Wait for the end of the program. Raises ImagingFailed for any but a good one; it is over in every case."""
        last: deque[str] = deque(maxlen=LAST_LINES)
        assert process.stdout is not None
        reader = threading.Thread(target=_pass_on, args=(process.stdout, last, report), daemon=True)
        reader.start()
        try:
            code = process.wait(self.longest.total_seconds())
        except subprocess.TimeoutExpired:
            minutes = self.longest.total_seconds() / 60
            raise ImagingFailed(
                f"{job.name} took more than {minutes:.0f} minutes and was ended. Its last words: {_shown(last)}"
            ) from None
        finally:
            _end(process)
            reader.join(GRACE_SECONDS)
        if code < 0:
            raise ImagingFailed(
                f"{job.name} was killed by {signal.Signals(-code).name}"
                f"{' (out of memory?)' if -code == signal.SIGKILL else ''}. Its last words: {_shown(last)}"
            )
        if code:
            raise ImagingFailed(f"{job.name} ended with code {code}: {_shown(last)}")


@contextmanager
def _alone(output: Path) -> Iterator[int]:
    """Nobody else does the job as long as this process, or one that it hands the lock to, has it. Raises JobTaken."""
    with output.with_name(f"{output.name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JobTaken(f"Another process is making {output}; it is left to that one.") from None
        yield handle.fileno()


def _pass_on(lines: IO[str], last: deque[str], report: Report) -> None:
    """Hand on what the program says, however long its lines are."""
    while line := lines.readline(LINE_CHARACTERS):
        if said := line.rstrip():
            last.append(said)
            report(said)


def _end(process: subprocess.Popen[str]) -> None:
    """End the program and all that it started."""
    for kind, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, None)):
        if process.poll() is not None:
            break
        os.killpg(process.pid, kind)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _shown(last: deque[str]) -> str:
    return " | ".join(last)[-LINE_CHARACTERS:] or "none"


def _result(path: Path, job: TileJob | MosaicJob) -> Result:
    try:
        found = read_result(path.read_bytes())
    except FileNotFoundError:
        raise ImagingFailed(f"{job.name} ended well, but there is no {path}") from None
    except msgspec.DecodeError as error:
        raise ImagingFailed(f"{path} cannot be read as a result: {error}") from error
    if found.name != job.name:
        raise ImagingFailed(f"{path} is the result of {found.name!r}, and not of {job.name!r}")
    return found
