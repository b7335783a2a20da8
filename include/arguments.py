"""What an operator asked for, in a shell or a form: what cannot be meant is refused before anything is done.

Nothing entered is None and means the default that an act documents; a blank never does.
"""

from __future__ import annotations

import re
import unicodedata

_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_VERSION = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9._-]{1,60}")
_SUCH_A_VERSION = "one such as 20261117T000000Z-1a2b3c4d; alerts, logs and `versions` name them"
_STAMP = re.compile(r"\d{8}T\d{6}Z")
LONGEST_REASON = 1000
LONGEST_NAME = 300
_SHOWN = 60


class NotUnderstood(ValueError):
    """What was asked for is nothing that can be meant; the sentence says what is wanted."""


def check(
    *,
    source: str | None = None,
    version: str | None = None,
    who: str | None = None,
    reason: str | None = None,
    stamp: str | None = None,
) -> None:
    """Raise NotUnderstood for a source, version, person, reason or stamp of a backup that cannot be one."""
    _shaped("source", source, _SOURCE, "a source's name such as ctgov")
    _shaped("version", version, _VERSION, _SUCH_A_VERSION)
    _shaped("stamp", stamp, _STAMP, "the stamp of a backup, such as 20261117T030000Z")
    _written("name of who does it", who, LONGEST_NAME)
    _written("reason", reason, LONGEST_REASON)


def _shaped(what: str, value: str | None, shape: re.Pattern[str], wanted: str) -> None:
    if value is not None and not shape.fullmatch(value):
        raise NotUnderstood(f"The {what} {_shown(value)} is none; give {wanted}.")


def _written(what: str, value: str | None, longest: int) -> None:
    if value is None:
        return
    wanted = f"write a line of up to {longest} characters for whoever reads the log of actions"
    categories = {unicodedata.category(character) for character in value}
    if not any(category[0] in "LN" for category in categories):
        raise NotUnderstood(f"The {what} {_shown(value)} says nothing: {wanted}.")
    if categories & {"Cc", "Cs", "Zl", "Zp"}:
        raise NotUnderstood(f"The {what} {_shown(value)} has characters that cannot be printed: {wanted}.")
    if len(value) > longest:
        raise NotUnderstood(f"The {what} has {len(value)} characters: {wanted}.")


def _shown(value: str) -> str:
    """In ASCII, so that what does not print is seen."""
    return ascii(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}...")
