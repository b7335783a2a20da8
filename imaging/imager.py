"""WSClean, run as a program with bounded time and memory."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
from pathlib import Path

from imaging.errors import ImagerFailed
from include.sources.dsa110.jobs import Parameters

PROGRAM = "wsclean"
NAME = "wsclean"
LAST_LINES = 12


def version() -> str:
    """As the program tells it. Raises ImagerFailed where it is not installed."""
    try:
        said = subprocess.run(
            [PROGRAM, "--version"], capture_output=True, text=True, timeout=60, check=False
        ).stdout
    except FileNotFoundError as error:
        raise ImagerFailed(
            f"The program {PROGRAM} is not installed: install Debian's package wsclean."
        ) from error
    return next(
        (line.split()[2] for line in said.splitlines() if line.startswith("WSClean version")), "unknown"
    )


def clean(data: Path, folder: Path, parameters: Parameters) -> None:
    """Image a Measurement Set: folder/wsclean-image.fits and its companions. Raises ImagerFailed."""
    if shutil.which(PROGRAM) is None:
        raise ImagerFailed(f"The program {PROGRAM} is not installed: install Debian's package wsclean.")
    # With the process that started it, it ends too; the kernel sees to that
    leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    size = str(parameters.size)
    command = [
        *leash,
        PROGRAM,
        *("-j", str(parameters.threads)),
        *("-abs-mem", f"{0.5 * parameters.memory_gb:.2f}"),
        *("-name", str(folder / NAME)),
        *("-temp-dir", str(folder)),
        *("-size", size, size, "-scale", f"{parameters.pixel_arcsec}asec"),
        *("-reorder", "-no-update-model-required", "-use-wgridder", "-wgridder-accuracy", "1e-3"),
        *("-pol", "I", "-data-column", "DATA"),
        *("-weight", "briggs", str(parameters.robust)),
        *("-niter", str(parameters.niter), "-mgain", str(parameters.mgain)),
        *("-auto-mask", str(parameters.auto_mask), "-auto-threshold", str(parameters.auto_threshold)),
        *(("-taper-gaussian", f"{parameters.taper_arcsec}asec") if parameters.taper_arcsec else ()),
        "-no-dirty",
        str(data),
    ]
    log = folder / "wsclean.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        limit = int(parameters.memory_gb * 2**30)
        try:
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (limit, limit))
            code = process.wait(timeout=parameters.imaging_seconds)
        except subprocess.TimeoutExpired as error:
            raise ImagerFailed(f"{PROGRAM} took more than {parameters.imaging_seconds:.0f} s.") from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if code != 0:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        raise ImagerFailed(f"{PROGRAM} {how}: {_last(log)}")
    if not (folder / f"{NAME}-image.fits").is_file():
        raise ImagerFailed(f"{PROGRAM} ended without an image: {_last(log)}")


def _last(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-LAST_LINES:])[-1500:] or "it said nothing"
