"""Fault switches: which of the requests are hit, and how often. What goes wrong is each upstream's own."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One switch; a subclass adds its kinds, and the fields that only they read.

    A request counts if its path begins with `path` and the kind can show in it. Of the requests that count
    since the switch was set, numbered from 1, those from number `first` on are hit with `probability`, until
    there were `times` hits (None: no end). Chance is seeded and the same at every run.
    """

    kind: str
    path: str = "/"
    first: Annotated[int, Meta(ge=1)] = 1
    times: Annotated[int, Meta(ge=1)] | None = 1
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0


F = TypeVar("F", bound=Switch)


@dataclass(frozen=True)
class Hit(Generic[F]):
    """A fault that strikes a request, for the `number`-th time."""

    fault: F
    number: int


class _Counter(Generic[F]):
    def __init__(self, fault: F, seed: int) -> None:
        self.fault = fault
        self.seen = 0
        self.hits = 0
        self.chance = random.Random(seed)

    def strikes(self) -> bool:
        fault = self.fault
        self.seen += 1
        if self.seen < fault.first or (fault.times is not None and self.hits >= fault.times):
            return False
        if self.chance.random() >= fault.probability:
            return False
        self.hits += 1
        return True


class Switches(Generic[F]):
    """The switches that are set, and their counters; safe for threads."""

    def __init__(self, fault: type[F], seed: int) -> None:
        self._fault = fault
        self._seed = seed
        self._counters: list[_Counter[F]] = []
        self._lock = threading.Lock()

    def set(self, faults: Sequence[F | Mapping[str, Any]]) -> None:
        """Replace all switches and start their counters again; raises msgspec.ValidationError for a bad
        one."""
        checked = [
            fault if isinstance(fault, self._fault) else msgspec.convert(fault, self._fault, strict=True)
            for fault in faults
        ]
        with self._lock:
            self._counters = [_Counter(fault, self._seed + k) for k, fault in enumerate(checked)]

    def current(self) -> list[F]:
        """The switches that are set, spent ones too."""
        with self._lock:
            return [counter.fault for counter in self._counters]

    def strike(self, shows: Callable[[F], bool]) -> dict[str, Hit[F]]:
        """Count a request in which the faults that `shows` can show, and return what hits it, by kind."""
        with self._lock:
            return {
                counter.fault.kind: Hit(counter.fault, counter.hits)
                for counter in self._counters
                if shows(counter.fault) and counter.strikes()
            }
