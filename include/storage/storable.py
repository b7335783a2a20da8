"""What PostgreSQL, Parquet and JSON can hold of a value that came from outside.

An error's words or a failing row may hold anything an upstream sent. None of it may keep a failure from being
written down, so every connection of the registry passes its texts and its JSON through here (registry/connection.py).
"""

from __future__ import annotations

import math
from typing import Any


def storable(value: Any) -> Any:
    """The value without NUL (a space instead), lone surrogates (`?`), NaN and infinity (their names as text).

    Texts, numbers, and lists and dicts of them; tuples become lists. Anything else stays as it is.
    """
    match value:
        case str():
            return text(value)
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {storable(name): storable(item) for name, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return value


def text(value: str) -> str:
    """A text without NUL and lone surrogates."""
    return value.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
