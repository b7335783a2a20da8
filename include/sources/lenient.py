"""Reading what a strict decoder refused, to learn whose record it is."""

from __future__ import annotations

import json
from typing import Any


def lenient(raw: bytes) -> Any:
    """The record with lone surrogates, stray bytes and NaN let through; None where it is no JSON even so.

    For the key of a refused record only; its values are not to be trusted.
    """
    try:
        return json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
