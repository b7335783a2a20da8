"""Reading what landed: what the sources have in common, from one odd record to parsing on all of the cores."""

from __future__ import annotations

import gc
import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import fields

from include.publishing.refused import RefusedRow

if TYPE_CHECKING:
    from concurrent.futures import Future

J = TypeVar("J")
S = TypeVar("S", bound=msgspec.Struct)
R = TypeVar("R")

WORKERS_MAX = 4
IN_PROCESS_BYTES = 8 * 2**20
"""Below so many compressed bytes starting workers takes longer than parsing."""
WORKER_IDLE_SECONDS = 60
AHEAD = 2
"""So many jobs for each worker are begun before the first one's result is taken."""
_PARTIAL_DAY = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
_PRECISION = {4: "year", 7: "month", 10: "day"}


@dataclass(frozen=True, slots=True)
class RawFile:
    """A raw file to parse: a local copy, and the key it is known by in the store."""

    local: Path
    origin: str


@dataclass(slots=True)
class Report:
    """What parsing a file found, beside its rows. `received` counts records, those that were refused included."""

    received: int = 0
    refused: list[RefusedRow] = field(default_factory=list)


def lenient(raw: bytes) -> Any:
    """The record with lone surrogates, stray bytes and NaN let through; None where it is no JSON even so.

    For the key of a refused record only; its values are not to be trusted.
    """
    try:
        return json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def without_nul(value: Any) -> Any:
    """A decoded record without U+0000, which PostgreSQL and most readers cannot hold in text; it carries no meaning."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key: without_nul(item) for key, item in value.items()}
    return value


def partial_day(text: str) -> tuple[date, str]:
    """The first day of what YYYY-MM-DD, YYYY-MM or YYYY names, and how exact that is: day, month or year.

    Raises ValueError for what is no date.
    """
    if not _PARTIAL_DAY.fullmatch(text):
        raise ValueError(f"{text!r} is no date like 2026-11-20, 2026-11 or 2026")
    return date.fromisoformat(text + "-01-01"[len(text) - 4 :]), _PRECISION[len(text)]


_MAY_BE_BLANK = re.compile(rb'"(?:\s|[\x80-\xff]|\\[nrtbf]|\\u[0-9a-fA-F]{4})*"')
"""A text without an ASCII letter, digit or mark: white space has many forms beyond ASCII."""


def may_hold_blank(raw: bytes) -> bool:
    """Whether the JSON may hold a text of nothing but white space; few records do, and most need no second look."""
    return _MAY_BE_BLANK.search(raw) is not None


def without_blank(record: S) -> S:
    """A decoded record, changed in place: a text of nothing but white space says nothing, so it is absent.

    An optional text becomes None, an item of a list goes. A text that a record must have stays as it is.
    """
    for name in record.__struct_fields__:
        value = getattr(record, name)
        stated = _stated(value)
        if stated is not value and (stated is not None or name in _optional(type(record))):
            setattr(record, name, stated)
    return record


def _stated(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, list):
        return [stated for item in value if (stated := _stated(item)) is not None]
    if isinstance(value, msgspec.Struct):
        return without_blank(value)
    return value


@cache
def _optional(shape: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(each.name for each in fields(shape) if each.default is None)


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
