"""An independent reading of the exports: Python's csv and json, and what the contract says of each format."""

from __future__ import annotations

import csv
import html
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.comments.exports import Export
from sandbox.comments.world import World


@dataclass(frozen=True)
class Table:
    """A CSV file: what stands above its header, the header, and its records."""

    preamble: list[str]
    header: list[str]
    records: list[dict[str, str]]


def text_of(export: Export, world: World) -> str:
    return b"".join(export.content(world)).decode(export.encoding)


def table(text: str, above: int = 0) -> Table:
    """Read CSV with so many lines above its header."""
    preamble = []
    for _ in range(above):
        line, _, text = text.partition("\n")
        preamble.append(line)
    csv.field_size_limit(2**31 - 1)
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    header = rows[0]
    records = [dict(zip(header, row, strict=False)) for row in rows[1:]]
    return Table(preamble, header, records)


def items(text: str, form: str) -> list[Any]:
    """Read JSON, or JSON in lines."""
    if form == "json":
        found: list[Any] = json.loads(text)
        return found
    return [json.loads(line) for line in text.split("\n") if line]


def moment(text: str | None) -> datetime | None:
    """A time of any of the forms but seconds; one without a zone is in UTC."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def unescaped(text: str) -> str:
    """What was written, from YouTube's textDisplay."""
    return html.unescape(text.replace("<br>", "\n"))
