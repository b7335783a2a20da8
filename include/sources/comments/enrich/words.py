"""Everyday English words, from english_words.txt beside this module."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("english_words.txt")


class EverydayWords(NamedTuple):
    """All everyday words, and those of them that other languages have as well."""

    all: frozenset[str]
    shared: frozenset[str]


@cache
def everyday_words() -> EverydayWords:
    """The words of the file, folded."""
    every: set[str] = set()
    shared: set[str] = set()
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        words = line.removeprefix("|").split()
        every.update(words)
        if line.startswith("|"):
            shared.update(words)
    return EverydayWords(frozenset(every), frozenset(shared))
