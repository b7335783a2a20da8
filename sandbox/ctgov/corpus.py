# ruff: noqa: PLR2004  (bare numbers are shares and weekdays)
"""Which studies exist at a data version, and the few facts about each that a query can ask for.

A corpus holds one row of small integers per study (dates, status, enrollment, revision; 23 bytes) and no
text: the text of study i is made from (seed, i, revision) whenever it is asked for, see `generator`. The
first data version is always 2026-11-16; every later one is the next weekday and is a pure function of (size,
seed, number of advances), so a corpus needs nothing but these three numbers to come back after a restart.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

FIRST_DATA_DATE = date(2026, 11, 16)
FIRST_POST_DATE = date(1999, 9, 20)
TYPES_ARE_ACTUAL_SINCE = date(2017, 1, 18).toordinal()
"""Posting dates before this day are ESTIMATED, as upstream."""

SENTINEL_ENROLLMENT = 99_999_999
LARGEST_ENROLLMENT = 188_814_085
MISSING = -1
"""Marks an absent date (ordinal) or enrollment in a column."""

_BLOCK = 65_536  # studies described at once, which bounds the memory that this takes
BOUND = 1_000
"""The longest list of ids in a summary."""

INTERVENTIONAL, OBSERVATIONAL, EXPANDED_ACCESS = range(3)
LISTED, UNLISTED, MERGED, REMOVED = range(4)
"""UNLISTED is a WITHHELD study that no list holds any more, while /studies/{nctId} still answers for it."""

# Overall status and its share among studies other than expanded access, in per mille (docs/upstreams/ctgov.md).
_STATUS_SHARES = {
    "COMPLETED": 541.5,
    "UNKNOWN": 160,
    "RECRUITING": 112,
    "TERMINATED": 56,
    "NOT_YET_RECRUITING": 46,
    "ACTIVE_NOT_RECRUITING": 42,
    "WITHDRAWN": 29,
    "ENROLLING_BY_INVITATION": 9,
    "SUSPENDED": 3,
    "WITHHELD": 1.5,
}
_ACCESS_STATUS_SHARES = {
    "NO_LONGER_AVAILABLE": 450,
    "AVAILABLE": 300,
    "APPROVED_FOR_MARKETING": 200,
    "TEMPORARILY_NOT_AVAILABLE": 50,
}
STATUSES = (*_STATUS_SHARES, *_ACCESS_STATUS_SHARES)
STATUS_CODE = {name: code for code, name in enumerate(STATUSES)}
WITHHELD = STATUS_CODE["WITHHELD"]
# A withheld study shows nothing that one could sort by, posting dates apart.
_HIDDEN = {"status": WITHHELD, "start": MISSING, "enrollment": MISSING}
_NEXT_STATUS = {
    "NOT_YET_RECRUITING": "RECRUITING",
    "RECRUITING": "ACTIVE_NOT_RECRUITING",
    "ENROLLING_BY_INVITATION": "ACTIVE_NOT_RECRUITING",
    "ACTIVE_NOT_RECRUITING": "COMPLETED",
    "SUSPENDED": "TERMINATED",
    "UNKNOWN": "COMPLETED",
    "AVAILABLE": "NO_LONGER_AVAILABLE",
}

Kind = Literal["new", "changed", "type_only", "merged", "removed", "withheld", "withheld_unlisted"]
"""What may happen to a study between two data versions."""

# How often it happens: (share of all studies, least number once there are 100 studies). New
# and changed follow the real registry (about 137 and 1,000 of 602,520); the floors let a small sample show
# each case.
_DAILY: dict[Kind, tuple[float, int]] = {
    "new": (0.00023, 5),
    "changed": (0.0017, 8),
    "type_only": (0.0001, 3),
    "merged": (0.000005, 1),
    "removed": (0.000005, 1),
    "withheld": (0.000003, 1),
    "withheld_unlisted": (0.000003, 1),
}

EDITS = ("enrollment", "status", "summary", "locations", "interventions")
"""A changed study has one of these changed, in turn; see `edits`."""

Column = NDArray[Any]


class Advance(msgspec.Struct, frozen=True):
    """What one call of `Corpus.advance` did, as ids against the data version before the call.

    counts: the exact number of each kind; the lists below stop at 1,000 ids.
    new: ids seen for the first time. changed: content changed and LastUpdatePostDate moved; holds the studies
    that took in a merged one. type_only: only date types went ESTIMATED to ACTUAL, LastUpdatePostDate did not
    move. derived_only: nothing changed outside derivedSection. merged: id that is now an alias -> canonical
    id. removed: 404 from now on. withheld: became WITHHELD, LastUpdatePostDate moved. withheld_unlisted:
    became WITHHELD and left every list; only /studies/{nctId} knows it.
    Every listed study that stands in none of these differs in versionHolder alone.
    """

    data_version: str
    counts: dict[str, int]
    new: list[str]
    changed: list[str]
    type_only: list[str]
    derived_only: list[str]
    merged: dict[str, str]
    removed: list[str]
    withheld: list[str]
    withheld_unlisted: list[str]


def scramble(*numbers: int) -> int:
    """Mix integers to one 64-bit integer that looks random (the SplitMix64 finalizer)."""
    x = 0
    for number in numbers:
        x = (x + number + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        x ^= x >> 31
    return x


def scramble_column(index: NDArray[np.uint64], *numbers: int) -> NDArray[np.uint64]:
    """`scramble(*numbers, i)` for every i of `index`."""
    x = index + np.uint64((scramble(*numbers) + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))


def edits(index: int, revision: int, kind: str) -> int:
    """How often the first `revision` revisions of a study changed the thing named `kind` (one of EDITS)."""
    return (revision + (index + EDITS.index(kind)) % len(EDITS)) // len(EDITS)


class Row(NamedTuple):
    """The columns of one study; dates are day ordinals, MISSING stands for an absent date or enrollment.

    status is an index in STATUSES; confirmed tells that the date types went ACTUAL (see Advance.type_only).
    """

    study_type: int
    status: int
    first_post: int
    last_update: int
    start: int
    start_month_only: bool
    enrollment: int
    revision: int
    confirmed: bool
    state: int


class Corpus:
    """The studies of one sample at its current data version.

    size: studies at the first data version, at least 1. seed: another seed, another sample. day: advances to
    replay. The facts of all studies lie in numpy arrays, one per field of Row.
    """

    def __init__(self, size: int, seed: int, day: int = 0) -> None:
        if size < 1:
            raise ValueError(f"size is {size}; a sample holds at least 1 study")
        self.size = size
        self.seed = seed
        self.day = 0
        self.data_date = FIRST_DATA_DATE
        self._slot = max(
            11, 7_000_000 // size
        )  # numbers per study: a small sample, too, has ids of all years
        self._columns: dict[str, Column] = {}
        self._merged_into: dict[int, int] = {}
        self._merged_from: dict[int, list[int]] = {}
        first, today = FIRST_POST_DATE.toordinal(), self.data_date.toordinal()
        age = (np.arange(size) + 1) / size
        self._append(_on_weekday(first + (today - first) * age**0.7))
        self._pin()
        for _ in range(day):
            self._step({})

    # --- columns

    def __len__(self) -> int:
        """Number of studies ever known; indices run from 0 to this."""
        return len(self._columns["state"])

    def column(self, name: str) -> Column:
        """One field of Row for every study ever known."""
        return self._columns[name]

    def row(self, index: int) -> Row:
        return Row._make([view[index] for view in self._views])

    def _draw(self, index: NDArray[np.uint64], stream: int) -> NDArray[np.float64]:
        return scramble_column(index, self.seed, stream) / 2.0**64

    def _append(self, first_post: Column) -> None:
        """Add one study per posting date."""
        known = len(self) if self._columns else 0
        blocks = [self._columns] if known else []
        starts = range(0, len(first_post), _BLOCK)
        blocks += [self._describe(known + start, first_post[start : start + _BLOCK]) for start in starts]
        self._columns = {name: np.concatenate([block[name] for block in blocks]) for name in Row._fields}
        self._views = [column.data for column in self._columns.values()]

    def _describe(self, first_index: int, first_post: Column) -> dict[str, Column]:
        """Columns of new studies; those of the first data version have a history, later ones none."""
        count = len(first_post)
        today = self.data_date.toordinal()
        index = np.arange(first_index, first_index + count, dtype=np.uint64)
        draw = [self._draw(index, stream) for stream in range(8)]

        study_type = np.searchsorted([0.764, 0.998], draw[0], side="right")
        status = _pick(draw[1], list(_STATUS_SHARES.values()))
        access = len(_STATUS_SHARES) + _pick(draw[1], list(_ACCESS_STATUS_SHARES.values()))
        status = np.where(study_type == EXPANDED_ACCESS, access, status)
        if self.day:
            status = np.where(draw[1] < 0.4, STATUS_CODE["RECRUITING"], STATUS_CODE["NOT_YET_RECRUITING"])
            study_type = np.minimum(study_type, OBSERVATIONAL)

        last_update = _on_weekday(first_post + (today - first_post) * np.sqrt(draw[2]))
        start = first_post + ((draw[3] - 0.6) * 900).astype(np.int64)
        oldest, newest = date(1900, 1, 1).toordinal(), date(2099, 1, 1).toordinal()
        start = np.where(draw[4] < 0.0005, oldest + (draw[3] * 29_000).astype(np.int64), start)
        start = np.where(draw[4] > 0.9995, newest - (draw[3] * 20_000).astype(np.int64), start)
        start = np.where((draw[4] > 0.5) & (draw[4] < 0.509), MISSING, start)

        enrollment = np.exp(draw[5] ** 0.8 * 7.5 + 1).astype(np.int64)
        enrollment = np.where(status == STATUS_CODE["WITHDRAWN"], 0, enrollment)
        enrollment = np.where(draw[6] < 0.0118, MISSING, enrollment)

        withheld = status == WITHHELD
        return {
            "study_type": study_type.astype(np.uint8),
            "status": status.astype(np.uint8),
            "first_post": first_post.astype(np.int32),
            "last_update": np.maximum(last_update, first_post).astype(np.int32),
            "start": np.where(withheld, MISSING, start).astype(np.int32),
            "start_month_only": draw[7] < 0.16,
            "enrollment": np.where(withheld, MISSING, enrollment).astype(np.int32),
            "revision": np.zeros(count, np.uint16),
            "confirmed": np.zeros(count, np.bool_),
            "state": np.full(count, LISTED, np.uint8),
        }

    def _pin(self) -> None:
        """Give a few fixed studies the rare values, so that every sample of 100 or more shows them all."""
        if self.size < 100:
            return
        pins: dict[int, dict[str, int]] = {
            self.size // 3: {"enrollment": SENTINEL_ENROLLMENT},
            self.size // 4: {"enrollment": LARGEST_ENROLLMENT},
            self.size // 5: {"start": date(1900, 1, 1).toordinal(), "start_month_only": 1},
            self.size // 6: {"start": date(2099, 1, 1).toordinal(), "start_month_only": 0},
            self.size // 7: {"start": MISSING},
            self.size // 8: {"enrollment": MISSING},
            self.size // 9: _HIDDEN,
            self.size // 10: {**_HIDDEN, "last_update": MISSING, "first_post": MISSING},
            self.size // 11: {
                "study_type": EXPANDED_ACCESS,
                "status": STATUS_CODE["AVAILABLE"],
                "enrollment": MISSING,
            },
        }
        for index, values in pins.items():
            self._set(index, **({"study_type": INTERVENTIONAL, "status": STATUS_CODE["COMPLETED"]} | values))

    def _set(self, index: int, **values: int) -> None:
        for name, value in values.items():
            self._columns[name][index] = value

    # --- identity

    def number(self, index: int) -> int:
        """The number in the NCT id of study `index`; grows with the index, as registration numbers do."""
        start, width = self._slot_of(index)
        return start + (index * 2_654_435_761 + self.seed * 40_503) % (width // 2)

    def nct_id(self, index: int) -> str:
        return f"NCT{self.number(index):08d}"

    def _slot_of(self, index: int) -> tuple[int, int]:
        if index < self.size:
            return 100 + index * self._slot, self._slot
        return 100 + self.size * self._slot + (index - self.size) * 11, 11

    def _registered_alias(self, index: int) -> int | None:
        """An obsolete number that the study has had from the start; 1.2 % of studies have one."""
        if (index + self.seed) % 83:
            return None
        start, width = self._slot_of(index)
        return start + width // 2 + (index * 40_503 + self.seed) % (width // 2)

    def aliases(self, index: int) -> list[str]:
        """nctIdAliases of a canonical study: obsolete numbers and the ids merged into it."""
        numbers = [self._registered_alias(index)]
        for other in self._merged_from.get(index, ()):
            numbers += [self.number(other), self._registered_alias(other)]
        return [f"NCT{number:08d}" for number in numbers if number is not None]

    def find(self, number: int) -> int | None:
        """Index of the study that answers for an NCT number, canonical or alias; None if there is none.

        Compare `number(index)` to tell an alias. A removed study answers to none of its numbers.
        """
        offset = number - 100
        split = self.size * self._slot
        index = offset // self._slot if offset < split else self.size + (offset - split) // 11
        if (
            offset < 0
            or index >= len(self)
            or number not in (self.number(index), self._registered_alias(index))
        ):
            return None
        while index in self._merged_into:
            index = self._merged_into[index]
        return None if self._columns["state"][index] == REMOVED else index

    # --- data versions

    @property
    def data_version(self) -> str:
        """dataTimestamp of /version: without zone, a few seconds after nine."""
        return f"{self.data_date.isoformat()}T09:00:{4 + scramble(self.seed, 103, self.day) % 3:02d}"

    def browse_rotation(self, index: int) -> tuple[int, int]:
        """(number of browse leaves, places by which they are rotated at this data version).

        Two of five studies come with their browse leaves in another order in every data version.
        """
        leaves = 3 + index % 3
        return leaves, self.day % leaves if (index + self.seed) % 5 < 2 else 0

    def advance(self, days: int = 1) -> Advance:
        """Go to the data version `days` weekdays later and tell what differs from the present one."""
        if days < 1:
            raise ValueError(f"days is {days}; a data version only moves forward")
        day_before = self.day
        net: dict[int, Kind] = {}
        for _ in range(days):
            self._step(net)
        return self._summary(day_before, net)

    def _step(self, net: dict[int, Kind]) -> None:
        """Advance by one data version; `net` collects the strongest thing that happened to each study."""
        self.day += 1
        self.data_date += timedelta(days=3 if self.data_date.weekday() == 4 else 1)
        today = self.data_date.toordinal()
        known = len(self)
        touched: set[int] = set()

        def amount(kind: Kind) -> int:
            share, floor = _DAILY[kind]
            return max(round(self.size * share), floor if self.size >= 100 else 0)

        def choose(
            kind: Kind, fits: Callable[[Row], bool] = lambda _: True, count: int | None = None
        ) -> list[int]:
            """Studies that are listed, not withheld, not chosen today and fit; fewer when they run out."""
            chosen: list[int] = []
            wanted = amount(kind) if count is None else count
            stream = list(_DAILY).index(kind)
            for attempt in range(200 * wanted):
                index = scramble(self.seed, self.day, stream, attempt) % known
                row = self.row(index)
                living = row.state == LISTED and row.status != WITHHELD
                if index not in touched and living and fits(row):
                    touched.add(index)
                    chosen.append(index)
                if len(chosen) == wanted:
                    break
            return chosen

        for index in choose("merged"):
            for target in choose("changed", count=1):
                self._merge(index, target)
                _note(net, index, "merged")
                _note(net, target, "changed")
        for index in choose("removed"):
            self._set(index, state=REMOVED)
            _note(net, index, "removed")
        for index in choose("withheld_unlisted"):
            self._set(index, **_HIDDEN, state=UNLISTED)
            _note(net, index, "withheld_unlisted")
        for index in choose("withheld"):
            self._set(index, **_HIDDEN, last_update=today)
            _note(net, index, "withheld")
        for index in choose("type_only", _has_estimated_types):
            self._set(index, confirmed=1)
            _note(net, index, "type_only")
        for index in choose("changed", count=max(1, amount("changed"))):
            self._edit(index, today)
            _note(net, index, "changed")
        fresh = max(1, amount("new"))
        self._append(np.full(fresh, today))
        for index in range(known, known + fresh):
            _note(net, index, "new")

    def _merge(self, index: int, target: int) -> None:
        self._set(index, state=MERGED)
        self._merged_into[index] = target
        self._merged_from.setdefault(target, []).extend([index, *self._merged_from.pop(index, [])])
        self._set(target, last_update=self.data_date.toordinal())

    def _edit(self, index: int, today: int) -> None:
        row = self.row(index)
        self._set(index, revision=row.revision + 1, last_update=today)

        def concerns(kind: str) -> bool:
            return edits(index, row.revision + 1, kind) > edits(index, row.revision, kind)

        if concerns("enrollment"):
            known = 0 <= row.enrollment < SENTINEL_ENROLLMENT
            self._set(index, enrollment=row.enrollment + 7 if known else 40)
        if concerns("status"):
            name = STATUSES[row.status]
            self._set(index, status=STATUS_CODE[_NEXT_STATUS.get(name, name)])

    def _summary(self, day_before: int, net: dict[int, Kind]) -> Advance:
        of_kind: dict[Kind, list[int]] = {kind: [] for kind in _DAILY}
        for index in sorted(net):
            # Over several days the study that took another in may itself be removed, and its aliases with it.
            lost = net[index] == "merged" and self.find(self.number(index)) is None
            of_kind["removed" if lost else net[index]].append(index)
        every: Column = np.arange(len(self))
        leaves = 3 + every % 3
        derived = (every + self.seed) % 5 < 2
        derived &= day_before % leaves != self.day % leaves
        derived &= (self._columns["state"] == LISTED) & (self._columns["status"] != WITHHELD)
        derived[list(net)] = False
        derived_only = np.flatnonzero(derived)

        def ids(indices: Iterable[int]) -> list[str]:
            return [self.nct_id(int(i)) for i in indices]

        merged = of_kind.pop("merged")
        return Advance(
            data_version=self.data_version,
            counts={kind: len(found) for kind, found in of_kind.items()}
            | {"merged": len(merged), "derived_only": len(derived_only)},
            merged={
                self.nct_id(index): self.nct_id(target)
                for index in merged[:BOUND]
                if (target := self.find(self.number(index))) is not None
            },
            derived_only=ids(derived_only[:BOUND]),
            **{kind: ids(found[:BOUND]) for kind, found in of_kind.items()},
        )


def _has_estimated_types(row: Row) -> bool:
    return row.first_post < TYPES_ARE_ACTUAL_SINCE and not row.confirmed


_WEIGHT: dict[Kind, int] = {"type_only": 0, "changed": 1, "withheld": 2, "new": 3}


def _note(net: dict[int, Kind], index: int, kind: Kind) -> None:
    """Keep the strongest of what happened to a study over several days; new and gone again is nothing."""
    before = net.get(index)
    if kind in ("merged", "removed", "withheld_unlisted"):
        if before == "new":
            del net[index]
        else:
            net[index] = kind
    elif before is None or _WEIGHT[kind] > _WEIGHT[before]:
        net[index] = kind


def _pick(draw: NDArray[np.float64], weights: list[float]) -> Column:
    """Index of the weight that each draw from [0, 1) falls on."""
    edges = np.cumsum(weights) / sum(weights)
    return np.minimum(np.searchsorted(edges, draw, side="right"), len(weights) - 1)


def _on_weekday(ordinals: Column) -> Column:
    """Move Saturdays and Sundays back to the Friday before; upstream posts on weekdays only."""
    days = ordinals.astype(np.int64)
    return days - np.maximum((days - 1) % 7 - 4, 0)
