"""Sites that sources export: a built page, the data of a version in a folder of its own, and a pointer to it.

Everything a reader fetches stands below one folder of the store. The assets of the page have a hash of their content
in their names, and latest.json, which names the version to read, is replaced last: whoever has the page open goes on
reading the version they began with. docs/table_page.md, docs/comments_dashboard.md.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from include.decoding import decoder
from include.storage.listing import listing
from include.storage.store import Store, safe_key

SOURCES = "SOURCES.sha256"
"""What the built page was made of; it is not served."""
KEPT_AT_LEAST = timedelta(hours=1)
"""No export takes longer, so younger data may be of one that has not shown it yet."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a site; its path is relative to latest.json."""

    path: str
    bytes: int
    sha256: str


class SiteFile(File, frozen=True, kw_only=True):
    """A file of data."""

    rows: int


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What latest.json of everything that is exported says: the version that readers get."""

    format: int
    """Of latest.json; a page asks for a reload when it meets another one."""
    version: str
    as_of: datetime
    published_at: datetime
    moves: int = 0
    """How often latest was moved until then: what an export of an earlier move writes too late is not shown."""


class Pointer(Shown, frozen=True, kw_only=True):
    """What latest.json of a site with a page says."""

    previous: str | None
    """The version that the site showed before; its data still stands there."""
    built_from: dict[str, str]
    stale_after_hours: int


class _Moves(msgspec.Struct, frozen=True):
    moves: int = 0


class _Versions(msgspec.Struct, frozen=True):
    version: str
    previous: str | None


T = TypeVar("T")
S = TypeVar("S", bound=Shown)
P = TypeVar("P", bound=Pointer)


def decoded(pointer: str, latest: bytes, shape: type[T]) -> T:
    """What the latest.json at a key says. Raises ValueError where it cannot be read."""
    try:
        return decoder(shape).decode(latest)
    except msgspec.DecodeError as error:
        raise ValueError(f"{pointer} cannot be read ({error}); remove it and export again.") from error


def show(store: Store, pointer: str, latest: S) -> S:
    """Make it what the latest.json at a key says, which is what readers see then; returns what that says.

    Where it shows a later move of latest by now nothing changes. Raises ValueError where it cannot be read.
    """

    def moves(present: bytes | None) -> int:
        return -1 if present is None else decoded(pointer, present, _Moves).moves

    data = msgspec.json.format(msgspec.json.encode(latest), indent=1)
    if store.swap(pointer, data, lambda present: moves(present) <= latest.moves):
        return latest
    return decoder(type(latest)).decode(store.read_bytes(pointer))


def sweep(
    store: Store, folder: str, group: Callable[[str], str], named: Callable[[], Collection[str | None]]
) -> None:
    """Remove the files below a folder that readers need no more, unless they may be of what is to be shown next.

    Files of one `group`, by their path below the folder, go together; `named` tells the groups to keep. It is asked
    after the listing, so what latest.json names by then is among what was listed.
    """
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    for key, entry in listing(store, folder).items():
        found[group(key.removeprefix(f"{folder}/"))][key] = entry.modified
    kept, before = named(), datetime.now(UTC) - KEPT_AT_LEAST
    for name, files in found.items():
        if name not in kept and max(files.values()) < before:
            store.delete(*files)


@dataclass(frozen=True, slots=True)
class Site:
    """The site below the key `root`, whose built page lies in the folder `page` (web/ holds the sources)."""

    store: Store
    root: str
    page: Path

    @property
    def pointer(self) -> str:
        """The key of latest.json."""
        return f"{self.root}/latest.json"

    def put_page(self, scratch: Path) -> None:
        """Copy the page, index.html last. Assets of earlier pages stay for the readers of those.

        Raises FileNotFoundError where the page was not built.
        """
        index = self.page / "index.html"
        if not index.is_file():
            raise FileNotFoundError(f"{index} does not exist: build the page (docs/table_page.md).")
        others = sorted(
            path
            for path in self.page.rglob("*")
            if path.is_file() and path not in {index, self.page / SOURCES}
        )
        for path in [*others, index]:
            local = Path(shutil.copyfile(path, scratch / path.name))
            self.store.put(local, safe_key(self.root, path.relative_to(self.page).as_posix()))

    def put(self, local: Path, version: str, name: str, rows: int) -> SiteFile:
        """Put a file into the data folder of a version."""
        path = safe_key("data", version, name)
        stored = self.store.put(local, f"{self.root}/{path}")
        return SiteFile(path=path, rows=rows, bytes=stored.bytes, sha256=stored.sha256)

    def put_hashed(self, local: Path, version: str, stem: str, rows: int) -> SiteFile:
        """The same under a name that changes with the content, so that caches may keep it for ever."""
        with local.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return self.put(local, version, f"{stem}-{digest[:12]}{local.suffix}", rows)

    def put_parquet(self, rows: pa.Table, scratch: Path, version: str, stem: str) -> SiteFile:
        """Put a table as Parquet that hyparquet reads by itself."""
        local = scratch / "part.parquet"
        pq.write_table(rows, local, compression="snappy", write_statistics=False, store_schema=False)
        return self.put_hashed(local, version, stem, rows.num_rows)

    def previous(self, version: str) -> str | None:
        """The version that the site shows, or where that is the given one already, the one before.

        Raises ValueError where the latest.json that stands there cannot be read.
        """
        if not self.store.exists(self.pointer):
            return None
        shown = self._shown()
        return shown.previous if shown.version == version else shown.version

    def show(self, latest: P) -> P:
        """Make it what latest.json says (see show), and remove data of versions that it does not name."""
        shown = show(self.store, self.pointer, latest)
        if shown is latest:

            def named() -> set[str | None]:
                present = self._shown()
                return {present.version, present.previous}

            sweep(self.store, f"{self.root}/data", lambda path: path.split("/")[0], named)
        return shown

    def _shown(self) -> _Versions:
        """Raises ValueError."""
        return decoded(self.pointer, self.store.read_bytes(self.pointer), _Versions)


def require_zone(published_at: datetime) -> None:
    """Raises ValueError where the time has no zone."""
    if published_at.tzinfo is None:
        raise ValueError(f"published_at {published_at.isoformat()} has no time zone")


def cut(batches: Iterable[pa.RecordBatch], schema: pa.Schema, first: int, others: int) -> Iterator[pa.Table]:
    """Batches as tables of `first` and then `others` rows each; at least one, which may be empty."""
    pending, wanted, number = schema.empty_table(), first, 0
    for batch in batches:
        pending = pa.concat_tables([pending, pa.Table.from_batches([batch])])
        while pending.num_rows >= wanted:
            yield pending.slice(0, wanted)
            pending, wanted, number = pending.slice(wanted), others, number + 1
    if pending.num_rows or not number:
        yield pending
