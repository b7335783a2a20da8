"""Parsing on all of the machine's cores: what the sources with large records have in common."""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

J = TypeVar("J")
R = TypeVar("R")

WORKERS_MAX = 4
IN_PROCESS_BYTES = 8 * 2**20
"""Below so many compressed bytes starting workers takes longer than parsing."""
WORKER_IDLE_SECONDS = 60
AHEAD = 2
"""So many jobs for each worker are begun before the first one's result is taken."""


def spread(parse: Callable[[J, Path], R], jobs: Sequence[J], folder: Path, size: int) -> Iterator[R]:
    """What `parse(job, folder)` returns for each job, in the order of the jobs; `size` is that of their files.

    The workers are processes of loky, which neither fork the task's threads nor import Airflow's main module again.
    """
    workers = min(len(os.sched_getaffinity(0)), len(jobs), WORKERS_MAX)
    if workers < 2 or size < IN_PROCESS_BYTES:  # noqa: PLR2004
        yield from (parse(job, folder) for job in jobs)
        return
    from loky import ProcessPoolExecutor

    with ProcessPoolExecutor(max_workers=workers, timeout=WORKER_IDLE_SECONDS) as pool:
        ahead: deque[Future[R]] = deque()
        for job in jobs:
            # What was found waits in memory until it is asked for, and may hold every record of its job.
            if len(ahead) == AHEAD * workers:
                yield ahead.popleft().result()
            ahead.append(pool.submit(parse, job, folder))
        while ahead:
            yield ahead.popleft().result()


@contextmanager
def no_cycles() -> Iterator[None]:
    """Records are trees: looking for cycles among millions of fresh containers would double the time to decode."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
