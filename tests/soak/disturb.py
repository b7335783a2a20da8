"""Processes that are killed, frozen or slowed down at their N-th operation on the store or the registry."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from include.storage import conditional
from include.storage.store import Store

PLACES: tuple[tuple[Any, str], ...] = (
    *(
        (Store, name)
        for name in ("put", "write_bytes", "create", "prepare", "swap", "delete", "read_bytes", "list")
    ),
    (conditional, "_present"),  # under the lock of a pointer's folder
    (conditional, "_sync_folder"),
    (conditional.ObjectStore, "_put"),
    (os, "link"),
    (Path, "replace"),
    (psycopg.Cursor, "execute"),
    (psycopg.Cursor, "executemany"),
    (psycopg.Copy, "write"),
    (psycopg.Copy, "write_row"),
    (psycopg.Connection, "commit"),
    (psycopg.Transaction, "__exit__"),
)
"""Before each call of one of these a process may be stopped."""


@dataclass(frozen=True)
class Disturbance:
    """What happens to a process, and when: at an operation, or (`after`) so many seconds after its beginning."""

    kind: str
    """kill, freeze or none."""
    at: int | None = None
    after: float | None = None
    slow: float = 0.0
    """How likely an operation is to be slowed down."""
    seed: int = 0

    def __str__(self) -> str:
        if self.kind == "none":
            return "undisturbed"
        where = f"at its operation {self.at}" if self.at is not None else f"after {self.after:.2f} s"
        return f"{self.kind} {where}"

    @property
    def signal(self) -> signal.Signals | None:
        """What stops the process."""
        return {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}.get(self.kind)

    def install(self) -> None:
        """Let it come over this process."""
        stop, rng, done = self.signal, random.Random(self.seed), 0

        def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*args: Any, **kwargs: Any) -> Any:
                nonlocal done
                if done == self.at and stop is not None:
                    done += 1
                    os.kill(os.getpid(), stop)
                else:
                    done += 1
                if self.slow and rng.random() < self.slow:
                    time.sleep(rng.random() * 0.1)
                return original(*args, **kwargs)

            return counted

        for owner, name in PLACES:
            setattr(owner, name, wrapped(getattr(owner, name)))
