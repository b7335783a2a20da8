"""The store for who only reads: what a source and its build get to see of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import IO, TYPE_CHECKING, Protocol

from include.storage.store import Store

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds


class Reader(Protocol):
    """What reading takes: a whole store has it, and so has a ReadOnly one."""

    local: bool
    """Whether it is a folder of this machine."""

    def full(self, key: str) -> str:
        """The file system's own path of a key."""

    def exists(self, key: str) -> bool:
        """Whether a file stands at the key now."""

    def list(self, prefix: str) -> list[str]:
        """Keys of all files below a prefix, sorted."""

    def read_bytes(self, key: str) -> bytes:
        """The whole file. Raises FileNotFoundError."""

    def open(self, key: str) -> IO[bytes]:
        """The file for streaming reads. Raises FileNotFoundError."""

    def modified(self, key: str) -> datetime:
        """When the file was written."""

    def dataset(self, keys: Sequence[str], schema: pa.Schema) -> ds.Dataset:
        """The Parquet files at the keys as one Arrow dataset of a schema."""

    def parquet(self, key: str) -> ds.Dataset:
        """One Parquet file, with the columns that it has."""


class ReadOnly:
    """A store that nothing can be written to or deleted from."""

    def __init__(self, store: Store) -> None:
        self.local = store.local
        self.full = store.full
        self.exists = store.exists
        self.list = store.list
        self.read_bytes = store.read_bytes
        self.open = store.open
        self.modified = store.modified
        self.dataset = store.dataset
        self.parquet = store.parquet
