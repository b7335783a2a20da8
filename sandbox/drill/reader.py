"""A consumer who never stops reading: latest as files and in SQL, again and again, and notes all that it got.

What a version holds is told to it beforehand (`expect`), so it can tell a whole version from a torn one: the rows of
all tables that it got must be those of one single version.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import msgspec
import psycopg
import pyarrow as pa
from psycopg import sql

from include.publishing import manifest as manifests
from include.publishing import pointers, shape
from include.publishing.manifest import Manifest, TableEntry
from include.storage.store import Store

Way = Literal["files", "SQL"]
WAYS: tuple[Way, ...] = ("files", "SQL")
PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 60.0
_CONNECT_SECONDS = 10


class Torn(ValueError):
    """What was read is not one version, whole."""


class Damaged(ValueError):
    """A file is not the one that was published."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at latest: the version that was read whole, or what came instead."""

    at: float
    """time.monotonic() at its end."""
    way: Way
    version: str | None
    error: str | None = None
    torn: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What a consumer saw in a stretch of time, one way."""

    way: Way
    readings: int
    failed: int
    torn: int
    versions: tuple[str, ...]
    """In the order of their first sight."""
    errors: tuple[str, ...]
    outage: float
    """Seconds between the last good reading before a failed one, and the next good one; 0 where none failed."""


class Reader:
    """Reads latest of a source both ways until the end of the `with` block.

    `store` and `dsn` say where; each reading of SQL is a connection of its own and one snapshot. What versions hold
    may be taken from another reader (`knows`).
    """

    def __init__(self, store: Store, dsn: str, source: str, knows: Reader | None = None) -> None:
        self._store, self._dsn, self._source = store, dsn, source
        self._expected: dict[str, dict[str, str]] = dict(knows._expected) if knows else {}
        self._served: tuple[str, ...] = knows._served if knows else ()
        self._readings: list[Reading] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read_on, name="reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def expect(self, manifest: Manifest) -> None:
        """Tell what a version holds. Its files must be there and whole."""
        digests = {entry.name: self._digest_of(entry) for entry in manifest.tables}
        self._served = tuple(entry.name for entry in manifest.tables if entry.serve)
        self._expected[manifest.version] = digests

    def name(self, version: str) -> str:
        """A version as people count them."""
        return f"version {list(self._expected).index(version) + 1}"

    def read(self, way: Way) -> Reading:
        """Look once."""
        version, error, torn = None, None, False
        try:
            version = self._read_files() if way == "files" else self._read_sql()
        except (OSError, ValueError, pa.ArrowException, psycopg.Error) as problem:
            error, torn = _sentence(problem), isinstance(problem, Torn)
        return Reading(time.monotonic(), way, version, error, torn)

    def seen(self, way: Way, since: float, until: float | None = None) -> Seen:
        """What this way gave since a time; the last reading before it counts as the last good one."""
        until = time.monotonic() if until is None else until
        found = [one for one in list(self._readings) if one.way == way and since <= one.at <= until]
        failed = [one for one in found if one.version is None]
        return Seen(
            way=way,
            readings=len(found),
            failed=len(failed),
            torn=sum(one.torn for one in found),
            versions=_unique(one.version for one in found if one.version),
            errors=_unique(one.error for one in failed if one.error),
            outage=longest_outage(found, since),
        )

    def wait_for(self, version: str, ways: Iterable[Way] = WAYS, seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait until the version was read whole by readings that began from now on; False after the patience."""
        return self._wait(
            ways, lambda reading: reading.version == version, time.monotonic() + PAUSE_SECONDS, seconds
        )

    def wait_for_failure(self, way: Way, seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait until a reading fails."""
        return self._wait([way], lambda reading: reading.version is None, time.monotonic(), seconds)

    def _wait(
        self, ways: Iterable[Way], wanted: Callable[[Reading], bool], since: float, seconds: float
    ) -> bool:
        missing = set(ways)
        while missing and time.monotonic() < since + seconds:
            time.sleep(PAUSE_SECONDS)
            missing -= {one.way for one in list(self._readings) if one.at > since and wanted(one)}
        return not missing

    def _read_on(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            self._readings.extend([self.read(way) for way in WAYS])

    def _read_files(self) -> str:
        try:
            pointer = pointers.read_pointer(self._store, self._source)
        except msgspec.DecodeError as error:
            raise Damaged(f"latest/{self._source}.json cannot be read: {error}") from error
        if pointer is None:
            raise FileNotFoundError(f"latest/{self._source}.json is not there")
        for file in (file for entry in pointer.tables for file in entry.files):
            if self._store.sha256(file.path) != file.sha256:
                raise Damaged(f"{file.path} is not the file that was published")
        digests = {entry.name: self._digest_of(entry) for entry in pointer.tables}
        if digests != self._expected.get(pointer.version):
            raise Torn(f"the files of {pointer.version} do not hold the rows of {pointer.version}")
        return pointer.version

    def _digest_of(self, entry: TableEntry) -> str:
        rows = manifests.dataset(self._store, entry).to_table(columns=["content_hash"])
        return digest(rows["content_hash"].to_pylist())

    def _read_sql(self) -> str:
        query = "SELECT coalesce(string_agg(content_hash, ',' ORDER BY content_hash), '') FROM {}"
        with psycopg.connect(self._dsn, connect_timeout=_CONNECT_SECONDS) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            digests = {}
            for table in self._served:
                name = sql.Identifier(shape.SCHEMA, shape.table_name(self._source, table))
                row = connection.execute(sql.SQL(query).format(name)).fetchone()
                assert row is not None
                digests[table] = hashlib.md5(row[0].encode(), usedforsecurity=False).hexdigest()
        # Where versions are equal in what is served, the newest of them.
        for version, expected in reversed(self._expected.items()):
            if digests == {table: expected[table] for table in self._served}:
                return version
        raise Torn("the tables in SQL are not those of one version")


def digest(hashes: list[str]) -> str:
    return hashlib.md5(",".join(sorted(hashes)).encode(), usedforsecurity=False).hexdigest()


def longest_outage(readings: list[Reading], since: float) -> float:
    """The longest time between a good reading before failed ones and the next good one, in seconds."""
    longest, good = 0.0, since
    failing = False
    for one in readings:
        if one.version is None:
            failing = True
            continue
        if failing:
            longest = max(longest, one.at - good)
        good, failing = one.at, False
    return max(longest, readings[-1].at - good) if failing else longest


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _sentence(problem: Exception) -> str:
    """What went wrong; libpq begins with the server's address, which is nobody's business."""
    said = (str(problem).strip() or type(problem).__name__).splitlines()[0]
    return said.rpartition("failed: ")[2]
