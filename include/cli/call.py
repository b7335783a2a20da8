"""What a command is given, and what it is to the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict

from include.cli import display
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.sources import source as sources


class Signed(TypedDict):
    """Who does something and why; both are kept in lastgood.action."""

    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command."""

    store: Store
    registry: Registry
    args: argparse.Namespace
    now: datetime
    report: Callable[[str], None]
    """Shows how far long work has come."""

    @property
    def source(self) -> str:
        """The source that was named. Raises LookupError where there is none of that name."""
        name: str = self.args.source
        if name not in sources.names() and not self.registry.versions(name, 1):
            raise LookupError(f"there is no source {name!r}; there are: {', '.join(sources.names())}")
        return name

    @property
    def signed(self) -> Signed:
        """Who does it and why."""
        return {"who": self.args.who, "reason": self.args.reason}


class Unwell(Exception):
    """The command was done, and its result is bad news: shown as any result, and the sentences on stderr."""

    def __init__(self, result: Any, *sentences: str) -> None:
        super().__init__(*sentences)
        self.result, self.sentences = result, sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: what it does in a line, its arguments (for argparse), and how its result looks."""

    name: str
    does: str
    act: Callable[[Call], Any]
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    show: Callable[[Any, datetime], Iterator[str]] = display.plain
    asks: Callable[[Call], str | None] | None = None
    """The question before a destructive act; None where there is nothing to do that needs one."""
    needs_registry: bool = True
