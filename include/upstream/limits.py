"""How gently an upstream is asked: a source's defaults, and what a connection's extra says instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec

from include.errors import NonRetryable
from include.upstream.answers import one_line


class BadSetting(NonRetryable, ValueError):
    """A setting of a connection is missing or makes no sense; the message says which and what to write."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How gently a host is asked, and how much of an answer is put up with. All times in seconds."""

    per_second: float | None = 1.0  # None or 0 = no limit
    per_minute: int | None = None
    burst: int = 1
    concurrency: int = 1  # threads that may ask at once; the session does not start them
    attempts: int = 6
    timeout_seconds: tuple[float, float] = (10.0, 60.0)  # to connect; between two bytes
    total_seconds: float = 300.0  # for one answer from request to last byte
    max_bytes: int = 64 * 2**20  # of one answer, decompressed
    backoff_first: float = 1.0
    backoff_max: float = 60.0
    retry_after_max: float = 600.0

    @classmethod
    def from_extra(cls, extra: Mapping[str, Any], defaults: Limits) -> Limits:
        """The defaults with what a connection's extra says instead.

        Keys: pace (requests a second, 0 = off), per_minute, burst, concurrency, attempts, timeout (one number
        or [connect, read]), total_timeout, max_bytes, backoff_first, backoff_max, retry_after_max. Numbers
        may be text, as they are in a connection given as a URI. Raises BadSetting for any other key and for
        a bad value.
        """
        changes: dict[str, Any] = {}
        for key, value in extra.items():
            if key not in _EXTRA_KEYS:
                raise BadSetting(
                    f"extra has the unknown key `{one_line(key, 100)}`; the keys for an upstream are "
                    f"{', '.join(_EXTRA_KEYS)}."
                )
            name, wanted = _EXTRA_KEYS[key]
            both = name == "timeout_seconds" and not isinstance(value, list | tuple)
            try:
                changes[name] = msgspec.convert((value, value) if both else value, wanted, strict=False)
            except msgspec.ValidationError as error:
                raise BadSetting(f"extra has `{key}` = {one_line(repr(value), 100)}: {error}.") from None
        return replace(defaults, **changes)


_Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
_EXTRA_KEYS: dict[str, tuple[str, Any]] = {
    "pace": ("per_second", Annotated[float, msgspec.Meta(ge=0, le=10_000)]),
    "per_minute": ("per_minute", Annotated[int, msgspec.Meta(ge=0, le=600_000)]),
    "burst": ("burst", Annotated[int, msgspec.Meta(ge=1, le=1000)]),
    # requests keeps at most ten connections to a host.
    "concurrency": ("concurrency", Annotated[int, msgspec.Meta(ge=1, le=10)]),
    "attempts": ("attempts", Annotated[int, msgspec.Meta(ge=1, le=20)]),
    "timeout": ("timeout_seconds", tuple[_Seconds, _Seconds]),
    "total_timeout": ("total_seconds", _Seconds),
    "max_bytes": ("max_bytes", Annotated[int, msgspec.Meta(ge=1024, le=2**31)]),
    "backoff_first": ("backoff_first", _Seconds),
    "backoff_max": ("backoff_max", _Seconds),
    "retry_after_max": ("retry_after_max", _Seconds),
}
