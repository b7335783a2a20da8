"""Episodes: one trouble from the first time it is seen until it is over, in lastgood.alert.

Who is told about a failed run, and how often:

- The same trouble (fingerprint) is told once, then again after pauses that grow, while it is seen again.
- Airflow speaks about one failed run several times: the step, sometimes twice; each mapped unit; the watcher; the
  DAG. Whichever comes first is told. What comes later about the same attempt of the run is not: the run as a whole,
  and steps that were found killed, have nothing to add to a step that was heard.
- Clearing a run begins another attempt of it, which `began` tells apart: what fails then is news again.

Every call is one transaction. A lock per source lets callers in different processes decide one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from include.alerting.alert import KINDS, Alert
from include.publishing.registry import Registry

FAILURES = frozenset({"task-failed", "task-killed", "run-timed-out", "run-failed", "gate-rejected"})
"""Kinds that say that a run failed. A warning or a late run has not spoken for the failure that may follow."""
OF_RUN = frozenset({"run-timed-out", "run-failed", "late"})
"""Kinds that speak of the run as a whole; a failed watcher does too."""
OF_GATE = "gate-warned"
"""Over when a gate passes without a warning: a run that finds nothing new succeeds too, and has checked nothing."""
WATCHER = "watcher"
RUNS = 20
"""So many runs of an episode are remembered, so that a late call about one of them is known."""
GRACE = timedelta(minutes=2)
"""What was told so recently is still on its way to the channels."""
REDELIVERY = timedelta(days=7)
"""What could not be delivered for so long is old news."""

Tell = Literal["first", "again", "no"]
Reason = Literal["first", "again", "recovered"]


class Heard(msgspec.Struct, frozen=True):
    """When an episode last heard of a run, and when people were last told on its account."""

    seen: datetime
    told: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A trouble from `first_seen` to `recovered_at`, with its latest alert."""

    id: int
    alert: Alert
    count: int
    """How many occurrences there were; further units of one run count each."""
    first_seen: datetime
    last_seen: datetime
    told: int
    last_told: datetime | None
    recovered_at: datetime | None
    delivered: Mapping[str, str | None]
    """What became of the last message, by channel: None, or the error."""
    runs: Mapping[str, Heard]
    tell: Tell = "no"
    """What the caller of `note` has to tell people now."""

    @property
    def reason(self) -> Reason:
        """What its last message was about."""
        if self.recovered_at is not None:
            return "recovered"
        return "again" if self.told > 1 else "first"


_COLUMNS = "id, occurrence, count, first_seen, last_seen, told, last_told, recovered_at, message, delivered"


def note(
    registry: Registry,
    alert: Alert,
    pause: Callable[[int], timedelta],
    *,
    silenced: bool = False,
    began: datetime | None = None,
) -> Episode:
    """Keep an alert in its episode; `tell` of the answer says whether people are to be told of it.

    `pause` gives how long to wait after something was told so many times. `silenced` keeps it without a word; what
    is still there when the silence has passed is told as the first. `began` is when the run of the alert began
    (dag_run.start_date): without it a run that was cleared is taken for the same attempt, and what only speaks of
    the run as a whole stays unsaid where the attempt before was told.

    An alert that adds nothing to what was told is not counted; the answer then is the episode that spoke for it.
    """
    alert = _storable(alert)
    at = alert.at if began is None else max(alert.at, began)  # the clocks of two machines may differ
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"lastgood.alert {alert.source}",)
        )
        mine, occurrence = _open(cursor, alert.fingerprint)
        others = [e for e in _about_attempt(cursor, alert, began) if mine is None or e.id != mine.id]
        if others and (_of_run(alert) or (alert.kind == "task-killed" and began is not None)):
            return others[0]
        spoke = [episode for episode in others if _spoke_for(episode, alert, began)]
        if mine is None:
            return spoke[0] if spoke else _begin(cursor, alert, at, silenced)
        same = occurrence == alert.occurrence
        if same and (mine.told or silenced or spoke):
            return mine
        told_now = began is not None and _told_of(mine, alert, began)
        tell: Tell = "no"
        if not (silenced or spoke or told_now):
            if mine.last_told is None:
                tell = "first"
            elif at - mine.last_told >= pause(mine.told):
                tell = "again"
        return _go_on(cursor, mine, alert, at, tell, counts=not same)


def recover(registry: Registry, source: str, *, began: datetime) -> list[Episode]:
    """Close what is over now that a run of `source` which began at `began` has succeeded.

    That is what was last seen before the run began, and any late run, but neither what the watch finds nor what the
    gate warns of. Answers those that people were told of, each to one caller only.
    """
    return _close(
        registry,
        "source = %(source)s AND NOT kind = ANY(%(others)s) AND (last_seen < %(began)s OR kind = 'late')",
        source=source,
        others=[OF_GATE, *(kind.name for kind in KINDS.values() if kind.watched)],
        began=began,
    )


def recover_absent(
    registry: Registry,
    present: Collection[str],
    kinds: Collection[str],
    *,
    observed: datetime | None = None,
) -> list[Episode]:
    """Close the episodes of `kinds` whose fingerprint is not among `present`, what the watch has just found.

    What was seen at or after `observed`, the moment at which it began to look, stays open. Answers those that
    people were told of, each to one caller only.
    """
    return _close(
        registry,
        "kind = ANY(%(kinds)s) AND NOT fingerprint = ANY(%(present)s) "
        "AND (%(observed)s::timestamptz IS NULL OR last_seen < %(observed)s)",
        kinds=list(kinds),
        present=[_clean(fingerprint) for fingerprint in present],
        observed=observed,
    )


def close(registry: Registry, fingerprint: str, *, observed: datetime | None = None) -> list[Episode]:
    """Close one trouble, unless it was seen at or after `observed`. Answers as recover does."""
    return _close(
        registry,
        "fingerprint = %(fingerprint)s AND (%(observed)s::timestamptz IS NULL OR last_seen < %(observed)s)",
        fingerprint=_clean(fingerprint),
        observed=observed,
    )


def delivered(registry: Registry, id: int, results: Mapping[str, str | None]) -> None:  # noqa: A002
    """Keep what became of an episode's last message, by channel: None where it was taken, else the error.

    Called after each telling, with the log file's result at least: a message without any result counts as lost.
    """
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.alert SET delivered = delivered || %s WHERE id = %s",
            (Jsonb(_clean(dict(results))), id),
        )


def undelivered(registry: Registry) -> list[Episode]:
    """Episodes whose last message some channel did not take, or whose teller died, oldest first.

    `reason` says what the message was about. Messages of the last two minutes are left to whoever is sending them,
    and after seven days nobody is told any more.
    """
    with registry.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM lastgood.alert "  # noqa: S608
            "WHERE told > 0 AND coalesce(recovered_at, last_told) > now() - %(old)s AND ("
            "  EXISTS (SELECT FROM jsonb_each(delivered) WHERE value <> 'null') "
            "  OR delivered = '{}' AND coalesce(recovered_at, last_told) < now() - %(grace)s) "
            "ORDER BY id",
            {"old": REDELIVERY, "grace": GRACE},
        )
        return [_episode(row) for row in cursor.fetchall()]


def open_episodes(registry: Registry, source: str | None = None) -> list[Episode]:
    """What is not over, of one source or of all, oldest first."""
    with registry.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM lastgood.alert "  # noqa: S608
            "WHERE recovered_at IS NULL AND (%(source)s::text IS NULL OR source = %(source)s) "
            "ORDER BY first_seen, id",
            {"source": source},
        )
        return [_episode(row) for row in cursor.fetchall()]


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
    heard = episode.runs.get(alert.run_id or "")
    return heard is not None and heard.told is not None and (began is None or heard.told >= began)


def _about_attempt(
    cursor: psycopg.Cursor[dict[str, Any]], alert: Alert, began: datetime | None
) -> list[Episode]:
    """Failures that are known of this attempt of the alert's run, whether they are over or not."""
    if alert.run_id is None or not (alert.kind in FAILURES or _of_run(alert)):
        return []
    cursor.execute(
        f"SELECT {_COLUMNS} FROM lastgood.alert "  # noqa: S608
        "WHERE source = %s AND kind = ANY(%s) AND message -> 'runs' ? %s ORDER BY id DESC",
        (alert.source, list(FAILURES), alert.run_id),
    )
    known = map(_episode, cursor.fetchall())
    return [episode for episode in known if began is None or episode.runs[alert.run_id].seen >= began]


# --- rows ---


def _open(
    cursor: psycopg.Cursor[dict[str, Any]], fingerprint: str
) -> tuple[Episode, str] | tuple[None, None]:
    """The open episode of a trouble and its last occurrence; the watch may be about to close it."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM lastgood.alert WHERE fingerprint = %s AND recovered_at IS NULL FOR UPDATE",  # noqa: S608
        (fingerprint,),
    )
    row = cursor.fetchone()
    return (_episode(row), row["occurrence"]) if row else (None, None)


def _begin(cursor: psycopg.Cursor[dict[str, Any]], alert: Alert, at: datetime, silenced: bool) -> Episode:
    runs = {alert.run_id: Heard(at, None if silenced else at)} if alert.run_id else {}
    cursor.execute(
        "INSERT INTO lastgood.alert (fingerprint, kind, source, severity, title, occurrence, run_id, first_seen, "  # noqa: S608
        "last_seen, told, last_told, message) VALUES (%(fingerprint)s, %(kind)s, %(source)s, %(severity)s, "
        "%(title)s, %(occurrence)s, %(run_id)s, %(at)s, %(at)s, %(told)s, %(last_told)s, %(message)s) "
        f"RETURNING {_COLUMNS}",
        {
            **_texts(alert),
            "fingerprint": alert.fingerprint,
            "kind": alert.kind,
            "source": alert.source,
            "at": at,
            "told": 0 if silenced else 1,
            "last_told": None if silenced else at,
            "message": _message(alert, runs),
        },
    )
    return replace(_only(cursor), tell="no" if silenced else "first")


def _go_on(
    cursor: psycopg.Cursor[dict[str, Any]],
    mine: Episode,
    alert: Alert,
    at: datetime,
    tell: Tell,
    *,
    counts: bool,
) -> Episode:
    told = tell != "no"
    runs = dict(mine.runs)
    if alert.run_id is not None:
        before = runs.pop(alert.run_id, None)
        runs[alert.run_id] = Heard(at, at if told else before.told if before else None)
    cursor.execute(
        "UPDATE lastgood.alert SET severity = %(severity)s, title = %(title)s, occurrence = %(occurrence)s, "  # noqa: S608
        "run_id = %(run_id)s, message = %(message)s, count = count + %(counts)s, "
        "last_seen = greatest(last_seen, %(at)s), told = told + %(told)s, "
        "last_told = CASE WHEN %(told)s = 1 THEN %(at)s ELSE last_told END, "
        "delivered = CASE WHEN %(told)s = 1 THEN '{}' ELSE delivered END "
        f"WHERE id = %(id)s RETURNING {_COLUMNS}",
        {
            **_texts(alert),
            "message": _message(alert, dict(list(runs.items())[-RUNS:])),
            "counts": int(counts),
            "told": int(told),
            "at": at,
            "id": mine.id,
        },
    )
    return replace(_only(cursor), tell=tell)


def _close(registry: Registry, condition: str, **parameters: Any) -> list[Episode]:
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.alert SET recovered_at = now(), delivered = '{}' "  # noqa: S608
            f"WHERE recovered_at IS NULL AND {condition} RETURNING {_COLUMNS}",
            parameters,
        )
        closed = [_episode(row) for row in cursor.fetchall()]
    return sorted((episode for episode in closed if episode.told), key=lambda episode: episode.id)


def _texts(alert: Alert) -> dict[str, str | None]:
    return {
        "severity": alert.of.severity,
        "title": alert.title,
        "occurrence": alert.occurrence,
        "run_id": alert.run_id,
    }


def _message(alert: Alert, runs: Mapping[str, Heard]) -> Jsonb:
    return Jsonb({**msgspec.to_builtins(alert), "runs": msgspec.to_builtins(runs)})


def _only(cursor: psycopg.Cursor[dict[str, Any]]) -> Episode:
    row = cursor.fetchone()
    assert row is not None
    return _episode(row)


def _episode(row: Mapping[str, Any]) -> Episode:
    kept = {name: value for name, value in row.items() if name not in {"occurrence", "message"}}
    message = row["message"]
    return Episode(
        **kept,
        alert=msgspec.convert(message, Alert),
        runs=msgspec.convert(message["runs"], dict[str, Heard]),
    )


def _storable(alert: Alert) -> Alert:
    return msgspec.convert(_clean(msgspec.to_builtins(alert)), Alert)


def _clean(value: Any) -> Any:
    """Without what PostgreSQL's text and jsonb refuse: NUL, lone surrogates, NaN and infinity."""
    match value:
        case str():
            return value.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {_clean(name): _clean(item) for name, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case _:
            return value
