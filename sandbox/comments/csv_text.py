"""CSV as the exporters write it: each has its own quotes and line ends."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

_NEEDS = re.compile('["\r\n]')


def needed(cells: Collection[str], end: str) -> str:
    """A line with quotes where they are needed."""
    line = ",".join(cells)
    if line.count(",") == len(cells) - 1 and not _NEEDS.search(line):
        return line + end
    return (
        ",".join(f'"{_doubled(cell)}"' if "," in cell or _NEEDS.search(cell) else cell for cell in cells)
        + end
    )


def quoted(cells: Iterable[str], end: str) -> str:
    """A line with quotes around every cell."""
    return ",".join(f'"{_doubled(cell)}"' for cell in cells) + end


def _doubled(cell: str) -> str:
    return cell.replace('"', '""')


def cell(value: Any) -> str:
    """A value of JSON in a cell: nothing for null, and true and false as JSON has them."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def flat(item: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """An item as a line of CSV: `user/username`, `hashtags/0`. An empty list or object has no column."""
    found: dict[str, str] = {}
    for key, value in item.items():
        name = prefix + key
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, dict):
            found |= flat(value, f"{name}/")
        elif isinstance(value, list):
            found |= flat({str(index): each for index, each in enumerate(value)}, f"{name}/")
        else:
            found[name] = cell(value)
    return found
