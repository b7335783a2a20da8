"""Decoders of JSON that any thread may ask for."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_making = threading.Lock()
_made: dict[tuple[Any, bool], msgspec.json.Decoder[Any]] = {}


def decoder(shape: type[T], *, strict: bool = True) -> msgspec.json.Decoder[T]:
    """The decoder of JSON into `shape`; unless `strict`, a number may come as text.

    msgspec (0.22) learns a Struct when its first decoder is made, and where two threads do that at once, the process
    ends by SIGSEGV. So one thread at a time makes them; to decode needs no lock.
    """
    with _making:
        if (shape, strict) not in _made:
            _made[shape, strict] = msgspec.json.Decoder(shape, strict=strict)
        return _made[shape, strict]
