"""CSV as the exporters write it: each has its own quotes and line ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_NEEDS = re.compile('[",\r\n]')


def needed(cells: Iterable[str], end: str) -> str:
    """A line with quotes where they are needed."""
    return ",".join(f'"{_doubled(cell)}"' if _NEEDS.search(cell) else cell for cell in cells) + end


def quoted(cells: Iterable[str], end: str) -> str:
    """A line with quotes around every cell."""
    return ",".join(f'"{_doubled(cell)}"' for cell in cells) + end


def _doubled(cell: str) -> str:
    return cell.replace('"', '""')


def cell(value: Any) -> str:
    """A value of JSON in a cell: nothing for null, and true and false as JSON has them."""
    match value:
        case None:
            return ""
        case True | False:
            return str(value).lower()
    return str(value)


def flat(item: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """An item as a line of CSV: `user/username`, `hashtags/0`. An empty list or object has no column."""
    found: dict[str, str] = {}
    for key, value in item.items():
        name = f"{prefix}{key}"
        match value:
            case dict():
                found |= flat(value, f"{name}/")
            case list() | tuple():
                found |= flat({str(index): each for index, each in enumerate(value)}, f"{name}/")
            case _:
                found[name] = cell(value)
    return found
