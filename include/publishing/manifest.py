"""The manifest: what a candidate consists of, sealed last, never changed afterwards.

No manifest, no candidate. The registry can be rebuilt from the manifests and the small records beside them
(`gate.json`, `state.json`) alone, so everything that must outlive the database stands here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from include.errors import NonRetryable
from include.storage.reading import Reader
from include.storage.store import Store, StoredFile, safe_key

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

FORMAT = 1


class AlteredFile(NonRetryable, ValueError):
    """A file differs from what the manifest says of it."""


class TableFile(StoredFile, frozen=True, kw_only=True, omit_defaults=True):
    """One Parquet file of a table. `part` names what of the table it holds, where the source divides it."""

    rows: int
    part: str | None = None


class Attachment(StoredFile, frozen=True, kw_only=True):
    """A file of a version that is no table: an image, a plot. `name` is a path of its own, the same in every version
    that holds it, by which rows of tables speak of it."""

    name: str


class ColumnEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a table; its type in the words of tables.type_name."""

    name: str
    type: str
    required: bool


class TableEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One table of a candidate; its rows are those of its files, in order of its key within each part."""

    name: str
    key: tuple[str, ...]
    rows: int
    files: tuple[TableFile, ...]
    serve: bool
    schema_version: int
    kind: tuple[str, ...] = ()
    columns: tuple[ColumnEntry, ...] = ()
    """Empty in manifests from before they held it; entry_schema knows what to do then."""
    recipe: int = 0
    """How content_hash was made (duckdb_session.RECIPE); 0 in manifests from before recipes had numbers."""
    covers: tuple[str, ...] = ()
    """Other tables whose rows are part of content_hash (tables.Table.covers)."""

    def hashed_like(self, other: TableEntry) -> bool:
        """Whether equal rows of both have an equal content_hash, so that hashes can be compared."""
        ways = [
            (each.recipe, each.covers, [(column.name, column.type) for column in each.columns])
            for each in (self, other)
        ]
        return ways[0] == ways[1] and self.recipe > 0


class TableChanges(msgspec.Struct, frozen=True, kw_only=True):
    """How a table differs from the last good version: counts, and the file that lists the keys.

    `keys` is None where there is no list: nothing changed, or there was no version before (all rows are new).
    """

    table: str
    rows: int
    previous_rows: int | None
    new: int
    changed: int
    deleted: int
    keys: StoredFile | None = None
    by_value: bool = False
    """The two versions hash rows in different ways, so values were compared: content_hash itself differs everywhere."""

    @property
    def total(self) -> int:
        """Rows that are new, changed or deleted."""
        return self.new + self.changed + self.deleted


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that were refused, by reason, and the file that keeps them."""

    rows: int = 0
    reasons: dict[str, int] = {}
    arrived: dict[str, int] | None = None
    """How many records of each kind came; None in manifests of before it was counted."""
    refused: dict[str, int] = {}
    """How many of each kind were refused."""
    file: StoredFile | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate: where its tables lie and how it came about. Paths are relative to the store's root."""

    format: int = FORMAT
    source: str
    version: str
    run_id: str
    as_of: datetime
    """End of the run's data interval: the order of versions in data time."""
    created_at: datetime
    code_version: str
    schema_version: int
    previous: str | None
    """The latest version that this candidate was built upon and compared with."""
    tables: tuple[TableEntry, ...]
    changes: tuple[TableChanges, ...]
    quarantine: Quarantine
    attachments: tuple[Attachment, ...] = ()
    """In order of their names; they are proven, kept, copied and removed with the tables."""
    cursors: dict[str, Any]
    """Where the next run goes on; written to the registry by the promotion and by nothing else."""
    counts: dict[str, int]
    """What the upstream declared, what came, what was refused: reconciled on every run."""
    upstream: dict[str, Any]
    full: bool = False
    """Every row was rebuilt, also those whose content hash did not change."""
    asked: bool = False
    """More was asked for than what a scheduled run brings, so a rise is no surprise."""
    raw: tuple[str, ...] = ()
    built_from: dict[str, str] = {}
    """Versions of other sources this one was made of; retention keeps them."""

    def table(self, name: str) -> TableEntry:
        """The entry of one table. Raises KeyError."""
        for entry in self.tables:
            if entry.name == name:
                return entry
        raise KeyError(f"version {self.version} of {self.source} has no table {name!r}")

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """All files of all tables, and the attachments."""
        return (*(file for entry in self.tables for file in entry.files), *self.attachments)

    @property
    def paths(self) -> frozenset[str]:
        """The keys of all that it names: files of tables, attachments, lists of changes, the quarantine."""
        beside = [self.quarantine.file, *(change.keys for change in self.changes)]
        return frozenset([*(file.path for file in self.files), *(file.path for file in beside if file)])


def entry_schema(store: Reader, entry: TableEntry) -> pa.Schema:
    """The columns of a table, as the candidate declared them.

    Of a manifest that does not say it, what all files together have: a part that was kept from before a column was
    added lacks it, so no single file is to be trusted. Raises ValueError where two files disagree about a type.
    """
    import pyarrow as pa

    from include.storage.tables import type_of

    if entry.columns:
        return pa.schema(
            [pa.field(each.name, type_of(each.type), nullable=not each.required) for each in entry.columns]
        )
    # The widest first: it has the columns in their order.
    schemas = sorted((store.parquet(file.path).schema for file in entry.files), key=len, reverse=True)
    found: dict[str, pa.Field] = {}
    for field in (field for schema in schemas for field in schema):
        known = found.setdefault(field.name, field)
        if known.type != field.type:
            raise ValueError(
                f"files of the table {entry.name} have its column {field.name} as {known.type} and as {field.type} "
                f"(the first is {entry.files[0].path}); rebuild the table by a full run."
            )
    return pa.schema(
        [
            pa.field(
                name,
                field.type,
                nullable=any(each.get_field_index(name) < 0 or each.field(name).nullable for each in schemas),
            )
            for name, field in found.items()
        ]
    )


def dataset(store: Reader, entry: TableEntry) -> ds.Dataset:
    """The rows of a table; a column that an older file lacks is null there."""
    return store.dataset([file.path for file in entry.files], entry_schema(store, entry))


def folder(source: str, version: str) -> str:
    """Key prefix of a candidate's own files."""
    return safe_key("versions", source, version)


def manifest_key(source: str, version: str) -> str:
    """Key of a candidate's manifest."""
    return safe_key(folder(source, version), "manifest.json")


def write(store: Store, manifest: Manifest) -> StoredFile:
    """Seal a candidate. Raises FileExistsError where another try has sealed one under this name."""
    key = manifest_key(manifest.source, manifest.version)
    try:
        return store.create(key, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    except FileExistsError:
        raise FileExistsError(
            f"{key} is sealed already; a candidate is never changed. Start a new run."
        ) from None


def read(store: Reader, source: str, version: str) -> Manifest | None:
    """The manifest of a version, or None where no candidate was sealed.

    Raises ValueError naming the file where it cannot be read as a manifest.
    """
    key = manifest_key(source, version)
    if not store.exists(key):
        return None
    try:
        manifest = msgspec.json.decode(store.read_bytes(key), type=Manifest)
    except msgspec.DecodeError as error:
        raise ValueError(f"{key} is not a manifest: {error}") from error
    if (manifest.source, manifest.version) != (source, version):
        raise ValueError(f"{key} speaks of {manifest.source} {manifest.version}; it was moved or altered.")
    if manifest.format != FORMAT:
        raise ValueError(f"{key} has format {manifest.format}, this code reads format {FORMAT}.")
    return manifest


def require(store: Reader, source: str, version: str) -> Manifest:
    """The manifest of a version that must exist. Raises FileNotFoundError naming it."""
    manifest = read(store, source, version)
    if manifest is None:
        raise FileNotFoundError(
            f"{manifest_key(source, version)} does not exist: the version was never sealed, or retention "
            "removed it."
        )
    return manifest


def verify(
    store: Store, manifest: Manifest, stamps: dict[str, str] | None = None, *, lists: bool = False
) -> dict[str, str]:
    """Prove that every table file and attachment holds the bytes the manifest speaks of; returns a stamp for each.

    With `lists` the lists of changes as well, which only a promotion needs.
    A file whose stamp equals the one taken at an earlier proof is not read again, so a promotion right after
    its gate costs the same for any size. Raises AlteredFile naming the file and what to do.
    """
    proven: dict[str, str] = {}
    changes = [change.keys for change in manifest.changes if change.keys] if lists else []
    for file in (*manifest.files, *changes):
        if not store.exists(file.path):
            raise AlteredFile(
                f"{file.path} is missing; {manifest.version} cannot be used. Run the DAG again."
            )
        stamp = store.stamp(file.path)
        if stamps is None or stamps.get(file.path) != stamp:
            found = store.sha256(file.path)
            if found != file.sha256:
                raise AlteredFile(
                    f"{file.path} was altered after the manifest: SHA-256 {found[:12]}… instead of "
                    f"{file.sha256[:12]}…. {manifest.version} is refused; run the DAG again."
                )
        proven[file.path] = stamp
    return proven
