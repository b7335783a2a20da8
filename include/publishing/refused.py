"""Rows that a build refuses, on their way to the quarantine: streamed to a file, and counted beside what arrived.

A row's bytes are kept once and within a budget, so that an upstream that sends rubbish a hundred thousand times
costs neither memory nor disk; key, reason, origin and hash are kept of every row.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include.errors import NonRetryable
from include.storage.storable import text

CONTENT_BUDGET = 64 * 2**20
"""Bytes of refused rows that a version keeps; of those beyond it all but the bytes."""
CONTENT_COSTS = 512
"""What a kept row counts at least, since its hash is remembered in memory."""
STOP_AFTER, STOP_SHARE = 1_000, 0.5
"""From so many refused rows of a kind on, a build stops once more than this share of what arrived was refused."""
DETAIL_CHARACTERS = 1_000
KEY_CHARACTERS = 200

SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string()),
        pa.field("key", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("raw", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("bytes", pa.int64()),
        pa.field("content", pa.binary()),
        pa.field("left_out", pa.string()),
    ]
)
"""`key` is null where the row does not tell it. `content` is null where `left_out` says why: `same` as that of an
earlier row with this SHA-256, or beyond the `budget`. Files of older versions lack kind, key, bytes and left_out."""

_BATCH_ROWS = 1_000
_BATCH_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A record, or a part of one, that cannot be read: kept as it came, with what tells which it is."""

    kind: str
    """What it is one of, as `arrived` counts them."""
    key: str | None
    """As the record tells it; None where it tells none."""
    reason: str
    """One of a few words or short phrases, which people count by."""
    detail: str
    raw: str
    """Where it came from: a raw file, with the line where that is known."""
    content: bytes


class NearlyAllRefused(NonRetryable, ValueError):
    """So much of what arrives is refused that building on would be of no use."""


class RefusedRows:
    """The refused rows of one candidate, and how many of each kind arrived. Writes below `folder`."""

    def __init__(self, folder: Path, of: str) -> None:
        self.arrived: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self._of = of
        self._path = folder / "quarantine.parquet"
        self._writer: pq.ParquetWriter | None = None
        self._pending: list[dict[str, Any]] = []
        self._pending_bytes = 0
        self._kept: set[bytes] = set()
        self._budget = CONTENT_BUDGET

    @property
    def rows(self) -> int:
        """How many were refused."""
        return self.refused.total()

    def add(self, refused: RefusedRow) -> None:
        """Keep one row.

        Raises NearlyAllRefused once so much of its kind was refused that the upstream or the parser must have changed,
        ValueError where more of a kind is refused than arrived.
        """
        kind, content = refused.kind, refused.content
        self.refused[kind] += 1
        self.reasons[refused.reason] += 1
        if self.refused[kind] > self.arrived[kind]:
            raise ValueError(
                f"{self._of}: {self.refused[kind]} {kind} were refused and {self.arrived[kind]} are said to have "
                "arrived; its build must say what arrives (candidate.arrived) before it refuses any of it."
            )
        digest = hashlib.sha256(content)
        left_out = self._left_out(digest.digest(), len(content))
        row = {
            "kind": kind,
            "key": refused.key if refused.key is None else text(refused.key)[:KEY_CHARACTERS],
            "reason": text(refused.reason),
            "detail": text(refused.detail)[:DETAIL_CHARACTERS],
            "raw": text(refused.raw),
            "sha256": digest.hexdigest(),
            "bytes": len(content),
            "content": None if left_out else content,
            "left_out": left_out,
        }
        self._pending.append(row)
        self._pending_bytes += 0 if left_out else len(content)
        if len(self._pending) >= _BATCH_ROWS or self._pending_bytes >= _BATCH_BYTES:
            self._flush()
        self._stop_where_hopeless(kind, row)

    def file(self) -> Path | None:
        """The finished file; None where nothing was refused."""
        self._flush()
        if self._writer is None:
            return None
        self._writer.close()
        return self._path

    def _left_out(self, digest: bytes, size: int) -> str | None:
        """Why the bytes of a row are not kept; None where they are."""
        if digest in self._kept:
            return "same"
        if size > self._budget:
            return "budget"
        self._kept.add(digest)
        self._budget -= max(size, CONTENT_COSTS)
        return None

    def _flush(self) -> None:
        if not self._pending:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, SCHEMA, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._pending, SCHEMA))
        self._pending.clear()
        self._pending_bytes = 0

    def _stop_where_hopeless(self, kind: str, row: dict[str, Any]) -> None:
        refused, arrived = self.refused[kind], self.arrived[kind]
        if refused >= STOP_AFTER and refused > STOP_SHARE * arrived:
            raise NearlyAllRefused(
                f"{self._of}: {refused:,} of the {arrived:,} {kind} that arrived so far were refused "
                f"({refused / arrived:.0%}): the upstream changed its records, or our parser is wrong. Nothing was "
                f"built and latest stays. The last of them: {row['raw']}, {row['key'] or 'without a key'}, "
                f"{row['reason']}: {row['detail'][:200]}"
            )
