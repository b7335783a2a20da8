"""All that may happen to versions, in any order, against a plain dictionary of what each must hold.

After every act readers of SQL, readers of files and the model agree; an act that is refused or fails changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg.conninfo import make_conninfo

from include.operations import decisions, recovery, retention
from include.pipeline import OpenRun
from include.publishing import manifest as manifests
from include.publishing import pointers, promotion, race, serving
from include.publishing import verdict as verdicts
from include.publishing.pointers import OlderRegistry
from include.publishing.policy import Policy
from include.publishing.promotion import Outcome, PointerBehind, PromotionFailed, PromotionRefused
from include.registry import run_log
from include.registry.registry import Registry
from include.registry.versions import UnknownVersion
from include.sources.source import Retention
from include.storage.conditional import Disk
from include.storage.store import Store
from tests import toy
from tests.toy import source as toy_source

SIGNED = {"who": "ana", "reason": "so it is"}
STEPS = tuple(toy_source.STEPS)
OVER = {"published", "held", "superseded", "rolled_back", "rejected", "failed"}
LATER = timedelta(minutes=11)
"""When recovery tries a failed promotion again."""
MUCH_LATER = timedelta(days=3)
"""When everything that may go by its age is old enough."""


@dataclass
class Made:
    """A candidate as the model knows it."""

    day: int
    base: str | None
    quality: str
    state: str = "staged"
    published: bool = False
    judged: bool = False
    accepted: bool = False
    pinned: bool = False
    attempts: int = 0

    @property
    def may_pass(self) -> bool:
        return self.judged and (self.quality == "good" or self.accepted)


@dataclass
class Begun:
    """A run as the model knows it."""

    id: str
    day: int
    quality: str
    version: str | None = None
    base: str | None = None
    next: int = 0
    """Its next step; so many as there are once it is over."""
    open: bool = True


@dataclass
class Model:
    """The plain dictionary: what there is, and what must come of each act."""

    made: dict[str, Made] = field(default_factory=dict)
    """Candidates that are registered, by version."""
    latest: str | None = None
    previous: str | None = None
    by_rollback: bool = False
    on_hold: bool = False
    left: str | None = None
    """The version that was rolled back from, where that is why it is on hold."""
    names: set[str] = field(default_factory=set)
    """Of all candidates there ever were."""
    removed: set[str] = field(default_factory=set)
    good: list[str] = field(default_factory=list)
    """Published and not rolled back, oldest first, removed ones too."""
    acts: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """Decisions: what was done to which version, and how often."""

    @property
    def day(self) -> int:
        return self.made[self.latest].day if self.latest else -1

    def promoted(self, version: str, *, claimed: bool) -> Outcome:
        """How its promotion must end, which is entered; it has passed its gate.

        One that was claimed, and stood still then, only compares latest with its base.
        """
        one = self.made[version]
        if one.published:
            return Outcome.NO_OP
        base = self.made.get(one.base) if one.base else None
        if one.day < self.day and not (base and base.day == one.day) and not claimed:
            one.state = "superseded"
            return Outcome.OUT_OF_ORDER
        if one.base != self.latest:
            one.state = "superseded"
            return Outcome.CONFLICT
        if self.on_hold and not one.accepted:
            one.state = "held"
            return Outcome.HELD
        self.on_hold, self.left = False, None
        if self.latest:
            self.made[self.latest].state = "superseded"
        one.state, one.published = "published", True
        self.previous, self.latest, self.by_rollback = self.latest, version, False
        self.good.append(version)
        return Outcome.PROMOTED

    def rolled_back(self, target: str) -> None:
        left, one = self.latest, self.made[target]
        assert left is not None
        self.made[left].state, one.state = "rolled_back", "published"
        self.good = [version for version in self.good if version not in {left, target}]
        self.good.append(target)
        # In the order in which they were published, which going back does not change.
        self.good.sort(key=self.order.index)
        if self.left == target:
            self.on_hold, self.left = False, None
        elif self.order.index(target) < self.order.index(left):
            self.on_hold, self.left = True, left
        self.latest, self.by_rollback = target, True
        self.previous = one.base if one.base in self.made else None

    order: list[str] = field(default_factory=list)
    """All that were ever published."""


class House(RuleBasedStateMachine):
    """A store and a registry of toy, and whoever does something to them."""

    postgres: str
    template: str
    folder: Path
    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self.number = next(self.numbers)
        self.store = Store.from_uri((self.folder / str(self.number)).as_uri())
        self.database, self.older = f"model_{self.number}", f"model_{self.number}_older"
        self.registry = self.fresh()
        self.model = Model()
        self.runs: list[Begun] = []
        self.saved: int | None = None
        self.asked = count()
        self.claimed: str | None = None
        """The version whose promotion stood still between its claim and its switch."""

    # --- where it happens ---

    def fresh(self) -> Registry:
        return Registry(lambda: psycopg.connect(make_conninfo(self.postgres, dbname=self.database)))

    def server(self, *statements: str) -> None:
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    @initialize()
    def begin(self) -> None:
        self.server(f"CREATE DATABASE {self.database} TEMPLATE {self.template} STRATEGY FILE_COPY")

    def teardown(self) -> None:
        self.server(
            f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)",
            f"DROP DATABASE IF EXISTS {self.older} WITH (FORCE)",
        )

    def sql(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self.registry.transaction() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    # --- a run, step by step ---

    def opened(self, run: Begun, *, opens: bool) -> OpenRun:
        return toy_source.open_run(
            self.store, self.registry, run.id, run.day, opens=opens, quality=run.quality
        )

    def step(self, run: Begun, number: int) -> bool:
        """Do one step; whether it ended well."""
        name = STEPS[number]
        try:
            opened = self.opened(run, opens=number == 0)
        except run_log.RunNotOpen:
            assert number, "a run is refused by its later steps only, where its log was lost"
            return False
        self.named(run, opened, opens=number == 0)
        try:
            done = toy_source.do(opened, name)
        except (ValueError, LookupError, OSError) as error:
            self.refused(run, opened, name, error)
            return False
        if name != "extract":
            getattr(self, f"did_{name}")(run, done)
        run.next = number + 1
        return True

    def named(self, run: Begun, opened: OpenRun, *, opens: bool) -> None:
        """A version's name is never used a second time, and a retry keeps its own."""
        version = opened.version
        if opens:
            assert opened.pins.base == self.model.latest
            assert opened.pins.watermarks == ({"day": self.model.day} if self.model.latest else {})
        if version == run.version:
            over = version in self.model.made and self.model.made[version].state in OVER
            gone = version in self.model.removed
            assert not (opens and (over or gone)), f"{version} came to an end, and its run begins again as it"
            return
        assert run.version is None or opens, f"a later step of {run.id} found another version"
        assert version not in self.model.names, f"{version} is used a second time"
        self.model.names.add(version)
        run.version, run.base = version, opened.pins.base

    def refused(self, run: Begun, opened: OpenRun, name: str, error: Exception) -> None:
        """What a step may be refused for."""
        assert run.version is not None
        one = self.model.made.get(run.version)
        moved = run.base != self.model.latest != run.version
        if name == "gate" and one and one.quality != "good" and not moved:
            self.judged(one, passed=False)
            return
        if name == "promote" and isinstance(error, race.LostRace | race.Held):
            self.enter(run.version, Outcome.HELD if isinstance(error, race.Held) else Outcome.CONFLICT)
            return
        unseen = one is None and (run.next < STEPS.index(name) or run.version in self.model.removed)
        refused = one is not None and name == "promote" and not one.may_pass
        assert moved or unseen or refused, f"{name} was refused: {error}"

    def did_build(self, run: Begun, manifest: manifests.Manifest) -> None:
        assert (manifest.version, manifest.previous) == (run.version, run.base)
        self.model.made.setdefault(manifest.version, Made(run.day, manifest.previous, run.quality))

    def did_gate(self, run: Begun, verdict: verdicts.Verdict) -> None:
        assert run.version is not None and verdict.passed and run.quality == "good"
        self.judged(self.model.made[run.version], passed=True)

    def judged(self, one: Made, *, passed: bool) -> None:
        one.judged = True
        if not one.published and one.state in {"staged", "held", "rejected", "failed"} and not one.accepted:
            one.state = "staged" if passed else "rejected"

    def did_promote(self, run: Begun, done: promotion.Promotion) -> None:
        assert run.version is not None and self.model.made[run.version].may_pass
        self.enter(run.version, done.outcome)

    def enter(self, version: str, outcome: Outcome) -> None:
        """A promotion came to an end, which must be the one that the model knows."""
        expected = self.model.promoted(version, claimed=self.claimed == version)
        assert outcome is expected, f"{version} ended as {outcome}, not as {expected}"
        if outcome is Outcome.PROMOTED:
            self.model.order.append(version)

    def go(self, run: Begun, first: int, last: int) -> None:
        """Some steps of a run, until one ends it: the last, or one that is refused."""
        run.open = True
        went = all(self.step(run, number) for number in range(first, last))
        run.open = went and last < len(STEPS)

    @rule(
        ahead=st.integers(0, 3),
        back=st.sampled_from([0, 0, 0, 0, 1, 4]),
        quality=st.sampled_from(["good", "good", "good", "good", "level", "bad"]),
        last=st.sampled_from([4, 4, 4, 4, 1, 2, 3]),
    )
    def run(self, ahead: int, back: int, quality: str, last: int) -> None:
        """A new run, of a new day or of one long ago, as far as some step."""
        day = max(self.model.day, 0) + ahead
        run = Begun(f"run-{next(self.asked)}", max(day - back, 0) if back else day, quality)
        self.runs.append(run)
        self.go(run, 0, last)

    @precondition(lambda self: any(run.open for run in self.runs))
    @rule(which=st.integers(0))
    def go_on(self, which: int) -> None:
        """A run that stood still, or whose step was killed before it began, goes on."""
        waiting = [run for run in self.runs if run.open]
        run = waiting[which % len(waiting)]
        self.go(run, run.next, len(STEPS))

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0), first=st.integers(0, 3))
    def clear(self, which: int, first: int) -> None:
        """Any run, also one whose version retention has removed, is cleared from a step."""
        run = self.runs[which % len(self.runs)]
        self.go(run, min(first, run.next), len(STEPS))

    # --- what operators decide ---

    def versions(self, which: int) -> str:
        """Any version there is or ever was."""
        names = sorted(self.model.names)
        return names[which % len(names)]

    @precondition(lambda self: self.model.names)
    @rule(which=st.integers(0), waiting=st.booleans())
    def accept(self, which: int, waiting: bool) -> None:
        rejected = sorted(name for name, one in self.model.made.items() if one.state == "rejected")
        version = rejected[which % len(rejected)] if rejected and waiting else self.versions(which)
        one = self.model.made.get(version)
        try:
            done = decisions.accept(self.store, self.registry, toy.SOURCE, version, **SIGNED)
        except (PromotionRefused, UnknownVersion, FileNotFoundError):
            fits = (
                one and one.state == "rejected" and one.quality == "level" and one.base == self.model.latest
            )
            assert not fits
            return
        assert one is not None
        one.accepted = True
        self.model.acts["accept", version] += 1
        self.enter(version, done.outcome)

    @rule(ahead=st.integers(0, 1))
    def take_a_new_level(self, ahead: int) -> None:
        """The gate refuses a run for its change rules, and somebody accepts it."""
        self.run(ahead=ahead, back=0, quality="level", last=4)
        self.accept(which=-1, waiting=True)

    @rule(which=st.integers(0), named=st.booleans())
    def roll_back(self, which: int, named: bool) -> None:
        if named and not self.model.names:
            return
        to = self.versions(which) if named else None
        target = to if named else None if self.model.by_rollback else self.model.previous
        one = self.model.made.get(target) if target else None
        try:
            done = decisions.rollback(self.store, self.registry, toy.SOURCE, to=to, **SIGNED)
        except (PromotionRefused, UnknownVersion):
            assert (
                self.model.latest is None or one is None or not one.published or target == self.model.latest
            )
            return
        assert done.latest == target and one is not None and one.published
        self.model.rolled_back(done.latest)
        self.model.acts["rollback", target] += 1

    @rule()
    def hold(self) -> None:
        try:
            decisions.put_on_hold(self.store, self.registry, toy.SOURCE, **SIGNED)
        except PromotionRefused:
            assert self.model.on_hold
            return
        assert not self.model.on_hold
        self.model.on_hold, self.model.left = True, None
        self.model.acts["hold", None] += 1

    @precondition(lambda self: self.model.on_hold)
    @rule(which=st.integers(0), named=st.booleans())
    def release(self, which: int, named: bool) -> None:
        """The hold alone ends, or a candidate is published that it held back."""
        held = sorted(name for name, one in self.model.made.items() if one.state == "held")
        version = held[which % len(held)] if held and named else None
        try:
            if version is None:
                decisions.release(self.store, self.registry, toy.SOURCE, **SIGNED)
                self.model.on_hold, self.model.left = False, None
                self.model.acts["release", None] += 1
                return
            done = decisions.release_version(self.store, self.registry, toy.SOURCE, version, **SIGNED)
        except PromotionRefused:
            assert version and self.model.made[version].base != self.model.latest
            return
        self.model.acts["release", version] += 1
        self.model.made[version].accepted = True
        self.enter(version, done.outcome)

    @precondition(lambda self: self.model.names)
    @rule(which=st.integers(0))
    def pin_or_unpin(self, which: int) -> None:
        version = self.versions(which)
        one = self.model.made.get(version)
        act = decisions.unpin if one and one.pinned else decisions.pin
        try:
            act(self.store, self.registry, toy.SOURCE, version, **SIGNED)
        except (UnknownVersion, FileNotFoundError):
            assert one is None
            return
        assert one is not None
        self.model.acts["unpin" if one.pinned else "pin", version] += 1
        one.pinned = not one.pinned

    # --- what the house does by itself ---

    @rule(keep=st.integers(2, 3))
    def retain(self, keep: int) -> None:
        plan = retention.plan(
            self.store,
            self.registry,
            toy.SOURCE,
            Retention(versions=keep, raw=timedelta(hours=1)),
            now=datetime.now(UTC) + MUCH_LATER,
        )
        retention.apply(self.store, self.registry, plan, who="ana")
        for version in plan.versions:
            one = self.model.made.pop(version)
            assert not one.pinned and version not in {self.model.latest, self.model.previous}
            assert one.state not in {"staged", "publishing"}
            self.model.removed.add(version)
            self.model.acts["retain", version] += 1
        published = [name for name in self.model.order if name in self.model.made]
        assert set(published[-keep:]) <= self.model.made.keys()

    @rule()
    def recover(self) -> None:
        due = {name for name, one in self.model.made.items() if one.state == "failed"}
        due = {name for name in due if self.model.made[name].base == self.model.latest}
        report = recovery.recover(
            self.store,
            self.registry,
            now=datetime.now(UTC) + LATER,
            specs={toy.SOURCE: toy_source.SPEC},
        )
        assert report.errors == []
        for version in report.promoted.values():
            assert version in due and self.model.made[version].may_pass
            self.enter(version, Outcome.PROMOTED)
        for version in (
            each.split("/")[1].removesuffix(": held") for each in report.tried if each.endswith(": held")
        ):
            self.enter(version, Outcome.HELD)
        for version in (each.split("/")[1] for each in report.ended):
            assert self.model.made[version].state == "staged"
            assert self.model.made[version].base != self.model.latest
            self.model.made[version].state = "superseded"
        others = any(run.open and run.version not in due for run in self.runs)
        assert report.promoted or not due or others or self.model.on_hold, (
            "what failed, and nothing stands in the way of, is published"
        )

    # --- what goes wrong ---

    @precondition(lambda self: any(one.may_pass and not one.published for one in self.model.made.values()))
    @rule(which=st.integers(0), times=st.integers(1, 3))
    def fail_to_publish(self, which: int, times: int) -> None:
        """The database fails in the middle of a promotion, so and so often."""
        passed = sorted(name for name, one in self.model.made.items() if one.may_pass and not one.published)
        version = passed[which % len(passed)]
        one = self.model.made[version]
        waits = self.model.on_hold and not one.accepted
        fits = one.base == self.model.latest and one.day >= self.model.day and not waits
        for _ in range(times):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(serving, "serve", _broken)
                try:
                    done = promotion.promote(
                        self.store, self.registry, toy.SOURCE, version, policy=Policy(), owner="a run"
                    )
                except (psycopg.OperationalError, PromotionFailed) as error:
                    assert fits
                    one.attempts += 1
                    failed = one.attempts >= promotion.ATTEMPTS
                    assert isinstance(error, PromotionFailed) == failed
                    one.state = "failed" if failed else "staged"
                else:
                    assert not fits
                    self.enter(version, done.outcome)
                    return

    @precondition(lambda self: not self.model.on_hold)
    @rule()
    def fail_to_point(self) -> None:
        """The store takes no writes just when latest has moved; recovery then lets readers of files follow."""
        run = Begun(f"run-{next(self.asked)}", self.model.day + 1, "good")
        self.runs.append(run)
        self.go(run, 0, 3)
        assert run.version is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Disk, "switch", _full)
            with pytest.raises(PointerBehind):
                toy_source.do(self.opened(run, opens=False), "promote")
        self.did_promote(run, promotion.Promotion(Outcome.PROMOTED, "", run.version, "", datetime.now(UTC)))
        assert pointers.settle(self.store, self.registry, toy.SOURCE) == [pointers.pointer_key(toy.SOURCE)]
        self.go(run, 3, 4)

    @precondition(lambda self: self.model.latest)
    @rule(act=st.sampled_from(["run", "roll back"]))
    def stand_still(self, act: str) -> None:
        """A promotion stands still between its claim and its switch, and meanwhile somebody else moves latest."""
        run = Begun(f"run-{next(self.asked)}", self.model.day + 1, "good")
        self.runs.append(run)
        self.go(run, 0, 3)
        prepare = serving.prepare

        def meanwhile(*args: Any, **kwargs: Any) -> None:
            prepare(*args, **kwargs)
            patch.undo()
            self.claimed = run.version
            here, self.registry = self.registry, self.fresh()
            if act == "run":
                self.run(ahead=2, back=0, quality="good", last=4)
            else:
                self.roll_back(which=0, named=False)
            self.registry = here

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(serving, "prepare", meanwhile)
            self.go(run, 3, 4)
        self.claimed = None

    @precondition(lambda self: self.model.latest)
    @rule(published_too=st.booleans())
    def lose_the_registry(self, published_too: bool) -> None:
        """Everything refuses until it is rebuilt; what is in the store comes back, and the log does not."""
        lost = ["lastgood", *(["published"] if published_too else [])]
        with self.registry.transaction() as cursor:
            for schema in lost:
                cursor.execute(f"DROP SCHEMA {schema} CASCADE")
        if not published_too:
            self.registry.migrate()
            self.all_refuse()
            with self.registry.transaction() as cursor:
                cursor.execute("DROP SCHEMA lastgood CASCADE")
        self.rebuild()

    @precondition(lambda self: self.model.latest)
    @rule()
    def save(self) -> None:
        """Somebody makes a dump of the database."""
        self.server(
            f"DROP DATABASE IF EXISTS {self.older}", f"CREATE DATABASE {self.older} TEMPLATE {self.database}"
        )
        self.saved = self.generation()

    @precondition(lambda self: self.saved and self.saved < self.generation())
    @rule()
    def go_back(self) -> None:
        """The database is restored from that dump. Until it is rebuilt everything refuses, and no file changes."""
        self.server(
            f"DROP DATABASE {self.database}", f"CREATE DATABASE {self.database} TEMPLATE {self.older}"
        )
        with pytest.raises(OlderRegistry):
            retention.plan(
                self.store, self.registry, toy.SOURCE, Retention(), now=datetime.now(UTC) + MUCH_LATER
            )
        self.all_refuse()
        with self.registry.transaction() as cursor:
            cursor.execute("DROP SCHEMA lastgood CASCADE")
        self.rebuild()

    def generation(self) -> int:
        pointer = pointers.read_pointer(self.store, toy.SOURCE)
        return pointer.generation if pointer else 0

    def all_refuse(self) -> None:
        """Whoever would move latest sees that the store knows more than the registry."""
        before = self.store.read_bytes(pointers.pointer_key(toy.SOURCE))
        opened = toy_source.open_run(self.store, self.registry, f"run-{next(self.asked)}", self.model.day + 1)
        with pytest.raises(OlderRegistry):
            toy_source.do(opened, STEPS[0])
        with pytest.raises(OlderRegistry):
            decisions.rollback(self.store, self.registry, toy.SOURCE, **SIGNED)
        report = recovery.recover(
            self.store, self.registry, now=datetime.now(UTC) + LATER, specs={toy.SOURCE: toy_source.SPEC}
        )
        assert report.promoted == {} and any("older than the store" in error for error in report.errors)
        assert self.store.read_bytes(pointers.pointer_key(toy.SOURCE)) == before

    def rebuild(self) -> None:
        found = decisions.rebuild_registry(self.store, self.registry, who="ana")
        assert found == {toy.SOURCE: len(self.model.made)}
        self.model.acts = Counter({("rebuild registry", None): 1})
        self.model.by_rollback, self.saved = False, None
        # What the log knew of runs is gone: they cannot go on, only begin again.
        for run in self.runs:
            run.open = False

    # --- what always holds ---

    @invariant()
    def readers_and_the_model_agree(self) -> None:
        latest, pointer = self.registry.latest(toy.SOURCE), pointers.read_pointer(self.store, toy.SOURCE)
        assert (latest and latest.version) == (pointer and pointer.version) == self.model.latest
        if latest is None or pointer is None:
            return
        assert (pointer.generation, pointer.previous) == (latest.generation, self.model.previous)
        expected = toy_source.rows(self.model.day)
        for file in (file for entry in pointer.tables for file in entry.files):
            assert self.store.sha256(file.path) == file.sha256
        assert toy_source.held(self.store, pointer.version) == expected
        assert toy.served(self.registry) == expected
        assert self.registry.watermarks(toy.SOURCE) == {"day": self.model.day}

    @invariant()
    def every_version_is_whole_and_as_the_model_knows_it(self) -> None:
        known = {row.version: row for row in self.registry.versions(toy.SOURCE)}
        assert {name: row.state for name, row in known.items()} == {
            name: one.state for name, one in self.model.made.items()
        }
        for version, one in self.model.made.items():
            assert toy_source.held(self.store, version) == toy_source.rows(one.day)
            assert (known[version].pinned_reason is not None) == one.pinned

    @invariant()
    def history_is_the_last_good_versions(self) -> None:
        assert [row["version"] for row in self.registry.history(toy.SOURCE)] == self.model.good[::-1][:30]

    @invariant()
    def each_decision_is_kept_once(self) -> None:
        rows = self.sql(
            "SELECT what, version FROM lastgood.action WHERE what IN "
            "('accept', 'hold', 'release', 'rollback', 'pin', 'unpin', 'rebuild registry') UNION ALL "
            # A version and its landing may go for different reasons, and have a row each.
            "SELECT DISTINCT what, version FROM lastgood.action WHERE what = 'retain' "
            "AND (details ->> 'version_removed')::boolean"
        )
        assert Counter((row["what"], row["version"]) for row in rows) == self.model.acts


def _broken(*_args: Any, **_kwargs: Any) -> None:
    raise psycopg.OperationalError("the disk is full")


def _full(*_args: Any, **_kwargs: Any) -> bool:
    raise OSError(28, "No space left on device")


def test_whatever_happens_readers_and_a_plain_model_agree(
    postgres: str, template_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy_source.install(monkeypatch.setattr)
    house: Callable[[], House] = type(
        "OurHouse", (House,), {"postgres": postgres, "template": template_database, "folder": tmp_path}
    )
    run_state_machine_as_test(
        house,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            database=None,
            report_multiple_bugs=False,
            # To make a failure shorter takes minutes, and 25 acts can be read.
            phases=(Phase.generate,),
        ),
    )
