"""Episodes: one trouble from the first time it is seen until it is over, in lastgood.alert.

Who is told about a failed run, and how often:

- The same trouble (fingerprint) is told once, then again after pauses that grow, while it is seen again; a kind that
  is `daily` once a day. What has its cause in the source's upstream is the same trouble in whatever step it is met.
- Airflow speaks about one failed run several times: the step, sometimes twice; each mapped unit; the watcher; the
  DAG. Whichever comes first is told. What comes later about the same attempt of the run is not: the run as a whole,
  and steps that were found killed, have nothing to add to a step that has spoken.
- Units of a mapped step fail one after the other. They are held back until their run is over and told together.
- Clearing a run begins another attempt of it, which `began` tells apart: what fails then is news again.

Every call is one transaction. A lock per source lets callers in different processes decide one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import psycopg

from include.alerting.alert import KINDS, Alert
from include.registry import alerts
from include.registry.registry import Registry
from include.storage.storable import storable

UPSTREAM = frozenset({"upstream-down", "upstream-refused", "upstream-changed"})
"""Kinds that have their cause in the upstream."""
FAILURES = frozenset(
    {"task-failed", "task-killed", "run-timed-out", "run-failed", "gate-rejected", *UPSTREAM}
)
"""Kinds that say that a run failed. A warning or a late run has not spoken for the failure that may follow."""
OF_RUN = frozenset({"run-timed-out", "run-failed", "late"})
"""Kinds that speak of the run as a whole; a failed watcher does too."""
WARNED = "gate-warned"
"""Over when a version is promoted without a warning."""
REJECTED = "gate-rejected"
"""Over when a version is published: the one that was refused, by an operator, or a later one."""
LATE = "late"
CONSEQUENCES = frozenset({"stale", "upstream-still", "success-rate", "error-rate"})
"""What follows from failed or late runs. While one of the source is open and told they have nothing to add: its message
says until when latest is as fresh as promised."""
WATCHER = "watcher"
RUNS = 20
"""So many runs of an episode are remembered, so that a late call about one of them is known."""
GRACE = timedelta(minutes=2)
"""What was told so recently is still on its way to the channels."""
DAY = timedelta(days=1)
REDELIVERY = timedelta(days=7)
"""What could not be delivered for so long is old news."""

Notify = Literal["first", "again", "no"]
Reason = Literal["first", "again", "recovered", "news"]


class RunSeen(msgspec.Struct, frozen=True):
    """When an alert about a run last came into an episode, and when people were last notified on its account."""

    seen: datetime
    # Kept as `told`: open episodes of earlier releases have it under that name.
    notified: datetime | None = msgspec.field(default=None, name="told")
    held: bool = False
    """Units of it failed, and people are told once it is over."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a run that ended well proves."""

    run_id: str
    began: datetime
    whole: bool = True
    """It did all of its steps; else it found nothing to do."""
    steps: frozenset[str] = frozenset()
    """Those that it did, where it is not whole; extract stands for all its units."""
    asked: bool = False
    """Its upstream answered it."""
    published: bool = True
    """Its version became latest."""

    def ends(self, episode: Episode) -> bool:
        """Whether a trouble is over by that."""
        alert = episode.alert
        if alert.kind == WARNED or alert.of.watched:
            return False
        if alert.kind == LATE:
            return self.run_id in episode.runs or episode.last_seen < self.began
        if episode.last_seen >= self.began:
            return False
        if alert.kind == REJECTED:
            return self.whole and self.published
        if self.whole:
            return True
        if alert.kind in UPSTREAM:
            return self.asked
        return alert.step in self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A trouble from `first_seen` to `recovered_at`, with its latest alert."""

    id: int
    alert: Alert
    count: int
    """How many occurrences there were; further units of one run count each."""
    first_seen: datetime
    last_seen: datetime
    notified: int
    last_notified: datetime | None
    recovered_at: datetime | None
    delivered: Mapping[str, str | None]
    """What became of the last message, by channel: None, or the error."""
    runs: Mapping[str, RunSeen]
    notify: Notify = "no"
    """What the caller of `note` has to notify people of now."""

    @property
    def held(self) -> list[str]:
        """Runs of which units failed and of which people are not told yet."""
        return [run_id for run_id, seen in self.runs.items() if seen.held]

    @property
    def reason(self) -> Reason:
        """What its last message was about."""
        if self.alert.of.news:
            return "news"
        if self.recovered_at is not None:
            return "recovered"
        return "again" if self.notified > 1 else "first"


def unkept(alert: Alert, first_seen: datetime, count: int, over: datetime | None = None) -> Episode:
    """An episode that no registry holds."""
    return Episode(
        id=0,
        alert=alert,
        count=count,
        first_seen=first_seen,
        last_seen=alert.at,
        notified=count,
        last_notified=None,
        recovered_at=over,
        delivered={},
        runs={},
    )


def note(
    registry: Registry,
    alert: Alert,
    pause: Callable[[int], timedelta],
    *,
    silenced: bool = False,
    began: datetime | None = None,
    hold: bool = False,
) -> Episode:
    """Keep an alert in its episode; `notify` of the answer says whether people are to be notified of it.

    `pause` gives how long to wait after something was told so many times. `silenced` keeps it without a word; what
    is still there when the silence has passed is told as the first. `began` is when the run of the alert began
    (dag_run.start_date): without it a run that was cleared is taken for the same attempt, and what only speaks of
    the run as a whole stays unsaid where the attempt before was told. `hold` is for a unit of a mapped step: it is kept
    with the others of its run, and nobody is notified, until `release` is called.

    An alert that adds nothing to what was told is not counted; the answer then is the episode that spoke for it.
    """
    alert = _storable(alert)
    at = alert.at if began is None else max(alert.at, began)  # the clocks of two machines may differ
    with registry.transaction() as cursor:
        alerts.lock(cursor, alert.source)
        mine, occurrence = _open(cursor, alert.fingerprint)
        others = [e for e in _about_attempt(cursor, alert, began) if mine is None or e.id != mine.id]
        if others and (_of_run(alert) or (alert.kind == "task-killed" and began is not None)):
            return next((episode for episode in others if alert.run_id in episode.held), others[0])
        spoke = [episode for episode in others if _spoke_for(episode, alert, began)]
        if hold and not spoke:
            with_others = next((e for e in others if alert.run_id in e.held), mine)
            if with_others is None:
                return _begin(cursor, alert, at, quiet=True, held=True)
            if mine is None or with_others.id != mine.id:
                # Several causes in one run are one message; it is about what came first.
                alert = msgspec.structs.replace(with_others.alert, units=alert.units, at=alert.at)
            elif occurrence == alert.occurrence:
                return mine
            notified = began is not None and _told_of(with_others, alert, began)
            return _go_on(cursor, with_others, alert, at, "no", counts=True, held=not notified)
        quiet = silenced or (alert.kind in CONSEQUENCES and _failing(cursor, alert.source))
        if mine is None:
            return spoke[0] if spoke else _begin(cursor, alert, at, quiet=quiet)
        same = occurrence == alert.occurrence
        if same and (mine.notified or quiet or spoke):
            return mine
        told_now = began is not None and _told_of(mine, alert, began)
        notify: Notify = "no"
        if not (quiet or spoke or told_now):
            notify = _due(mine, alert, at, pause)
        return _go_on(cursor, mine, alert, at, notify, counts=not same)


def note_news(registry: Registry, alert: Alert, *, silenced: bool = False) -> Episode | None:
    """Keep news, which are over at once; None where they are kept already, so that nobody tells them a second time.

    What is the same is told by the fingerprint, however often a version brings it. `notify` of the answer says whether
    people are to be notified of it: not where it is silenced.
    """
    alert = _storable(alert)
    with registry.transaction() as cursor:
        alerts.lock(cursor, alert.source)
        if alerts.is_kept(cursor, alert.fingerprint):
            return None
        episode = _begin(cursor, alert, alert.at, quiet=silenced)
        alerts.close(cursor, [episode.id])
        return episode


def release(
    registry: Registry,
    source: str,
    run_id: str,
    pause: Callable[[int], timedelta],
    *,
    at: datetime,
    silenced: bool = False,
) -> Episode | None:
    """Stop holding back what is known of a run; None where nothing is held back any more.

    `notify` of the answer says whether people are to be notified of it.
    """
    with registry.transaction() as cursor:
        alerts.lock(cursor, source)
        row = alerts.holds_run(cursor, source, run_id)
        if row is None:
            return None
        mine = _episode(row)
        alert = msgspec.structs.replace(mine.alert, run_id=run_id)
        return _go_on(
            cursor, mine, alert, at, "no" if silenced else _due(mine, alert, at, pause), counts=False
        )


def recover(registry: Registry, source: str, proof: Proof) -> list[Episode]:
    """Close what is over now that a run of `source` has ended well.

    Nothing is over while the source has a failure that is newer than the run: the next run that ends well ends both.
    Answers those that people were told of, each to one caller only.
    """
    with registry.transaction() as cursor:
        alerts.lock(cursor, source)
        open_ = _open_of(cursor, source)
        newer = any(e.alert.kind in FAILURES and e.last_seen >= proof.began for e in open_)
        over = [
            e.id
            for e in open_
            if proof.ends(e) and (not newer or (e.alert.kind == LATE and proof.run_id in e.runs))
        ]
        return _told(alerts.close(cursor, over)) if over else []


def recover_accepted(registry: Registry) -> list[Episode]:
    """Close rejections whose version was published after all, by whatever way. Answers as recover does."""
    with registry.transaction() as cursor:
        return _told(alerts.close_published(cursor, REJECTED))


def recover_absent(
    registry: Registry,
    present: Collection[str],
    kinds: Collection[str],
    *,
    observed: datetime | None = None,
) -> list[Episode]:
    """Close the episodes of `kinds` whose fingerprint is not among `present`, what the watch has just found.

    Those of kinds that only an earlier release knew are closed too.

    What was seen at or after `observed`, the moment at which it began to look, stays open. Answers those that
    people were told of, each to one caller only.
    """
    with registry.transaction() as cursor:
        closed = alerts.close_absent(cursor, kinds, known=KINDS, present=present, before=observed)
        return _told(closed)


def close(registry: Registry, fingerprint: str, *, observed: datetime | None = None) -> list[Episode]:
    """Close one trouble, unless it was seen at or after `observed`. Answers as recover does."""
    with registry.transaction() as cursor:
        return _told(alerts.close_one(cursor, fingerprint, observed))


def delivered(registry: Registry, id: int, results: Mapping[str, str | None]) -> None:  # noqa: A002
    """Keep what became of an episode's last message, by channel: None where it was taken, else the error.

    Called after each message, with the log file's result at least: a message without any result counts as lost.
    """
    with registry.transaction() as cursor:
        alerts.note_delivered(cursor, id, results)


def undelivered(registry: Registry) -> list[Episode]:
    """Episodes whose last message some channel did not take, or whose sender died, oldest first.

    `reason` says what the message was about. Messages of the last two minutes are left to whoever is sending them,
    and after seven days nobody is told any more. Nor is anybody told that something is over which is there again.
    """
    with registry.transaction() as cursor:
        found = alerts.undelivered(cursor, old=REDELIVERY, grace=GRACE, failures=FAILURES)
        return [_episode(row) for row in found]


def took_since(registry: Registry, channel: str, since: datetime) -> bool:
    """Whether a channel took any message that was sent after a moment."""
    with registry.transaction() as cursor:
        return alerts.took_since(cursor, channel, since)


def open_episodes(registry: Registry, source: str | None = None) -> list[Episode]:
    """What is not over, of one source or of all, oldest first."""
    with registry.transaction() as cursor:
        return [_episode(row) for row in alerts.of_source(cursor, source)]


def held_back(registry: Registry, longest: timedelta) -> list[tuple[Episode, str]]:
    """What is held back of a run that is over, or for `longest` without another unit that failed; and which run."""
    with registry.transaction() as cursor:
        found = alerts.held_back(cursor, longest=longest, grace=GRACE)
        return [(_episode(row), run_id) for row, run_id in found]


# --- whether something was told already ---


def _of_run(alert: Alert) -> bool:
    return alert.kind in OF_RUN or alert.step == WATCHER


def _spoke_for(episode: Episode, alert: Alert, began: datetime | None) -> bool:
    """Whether people were told of the alert's run by another episode.

    Where it is unknown when the run began, another step's message may be one of an earlier attempt; that of the
    same step or of the run as a whole is taken for this one's.
    """
    if began is None and not (_of_run(episode.alert) or episode.alert.step == alert.step):
        return False
    return _told_of(episode, alert, began)


def _told_of(episode: Episode, alert: Alert, began: datetime | None) -> bool:
    run = episode.runs.get(alert.run_id or "")
    return run is not None and run.notified is not None and (began is None or run.notified >= began)


def _about_attempt(
    cursor: psycopg.Cursor[dict[str, Any]], alert: Alert, began: datetime | None
) -> list[Episode]:
    """Failures that are known of this attempt of the alert's run, whether they are over or not."""
    if alert.run_id is None or not (alert.kind in FAILURES or _of_run(alert)):
        return []
    known = map(_episode, alerts.about_run(cursor, alert.source, FAILURES, alert.run_id))
    return [episode for episode in known if began is None or episode.runs[alert.run_id].seen >= began]


def _failing(cursor: psycopg.Cursor[dict[str, Any]], source: str) -> bool:
    """Whether people were told of a failed or late run of the source, and that is not over."""
    return alerts.was_notified(cursor, source, [*FAILURES, LATE])


def _due(mine: Episode, alert: Alert, at: datetime, pause: Callable[[int], timedelta]) -> Notify:
    if mine.last_notified is None:
        return "first"
    wait = pause(mine.notified)
    if alert.of.daily:
        wait = pause(1) if alert.facts.keys() - mine.alert.facts.keys() else max(wait, DAY)
    return "again" if at - mine.last_notified >= wait else "no"


# --- rows ---


def _open_of(cursor: psycopg.Cursor[dict[str, Any]], source: str) -> list[Episode]:
    return [_episode(row) for row in alerts.lock_all_open(cursor, source)]


def _open(
    cursor: psycopg.Cursor[dict[str, Any]], fingerprint: str
) -> tuple[Episode, str] | tuple[None, None]:
    """The open episode of a trouble and its last occurrence; the watch may be about to close it."""
    row = alerts.lock_open(cursor, fingerprint)
    return (_episode(row), row.occurrence) if row else (None, None)


def _begin(
    cursor: psycopg.Cursor[dict[str, Any]], alert: Alert, at: datetime, *, quiet: bool, held: bool = False
) -> Episode:
    runs = {alert.run_id: RunSeen(at, None if quiet else at, held)} if alert.run_id else {}
    row = alerts.begin(
        cursor,
        fingerprint=alert.fingerprint,
        kind=alert.kind,
        source=alert.source,
        severity=alert.level,
        title=alert.title,
        occurrence=alert.occurrence,
        run_id=alert.run_id,
        at=at,
        notified=not quiet,
        message=_message(alert, runs),
    )
    return replace(_episode(row), notify="no" if quiet else "first")


def _go_on(
    cursor: psycopg.Cursor[dict[str, Any]],
    mine: Episode,
    alert: Alert,
    at: datetime,
    notify: Notify,
    *,
    counts: bool,
    held: bool = False,
) -> Episode:
    notified = notify != "no"
    runs = dict(mine.runs)
    if alert.run_id is not None:
        before = runs.pop(alert.run_id, None)
        runs[alert.run_id] = RunSeen(at, at if notified else before.notified if before else None, held)
        if before is not None and alert.run_id == mine.alert.run_id:
            alert = msgspec.structs.replace(alert, units={**mine.alert.units, **alert.units})
    row = alerts.go_on(
        cursor,
        mine.id,
        severity=alert.level,
        title=alert.title,
        occurrence=alert.occurrence,
        run_id=alert.run_id,
        at=at,
        counts=counts,
        notified=notified,
        message=_message(alert, dict(list(runs.items())[-RUNS:])),
    )
    return replace(_episode(row), notify=notify)


def _told(closed: Iterable[alerts.Row]) -> list[Episode]:
    """Those that people were told of, oldest first."""
    return [_episode(row) for row in sorted(closed, key=lambda row: row.id) if row.notified]


def _message(alert: Alert, runs: Mapping[str, RunSeen]) -> dict[str, Any]:
    return {**msgspec.to_builtins(alert), "runs": msgspec.to_builtins(runs)}


def _episode(row: alerts.Row) -> Episode:
    return Episode(
        id=row.id,
        alert=msgspec.convert(row.message, Alert),
        count=row.count,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        notified=row.notified,
        last_notified=row.last_notified,
        recovered_at=row.recovered_at,
        delivered=row.delivered,
        runs=msgspec.convert(row.message["runs"], dict[str, RunSeen]),
    )


def _storable(alert: Alert) -> Alert:
    return msgspec.convert(storable(msgspec.to_builtins(alert)), Alert)
