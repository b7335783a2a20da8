"""Decisions, in the words in which the others on call hear of them: each once, whoever took it and where.

A decision is news and no trouble: it opens no episode, and nothing ends it. People hear of the acts in
actions.DECISIONS. Whoever notifies them of one holds its row meanwhile, so two who do it at once send none twice; what
a channel did not take, the next one sends to that channel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import psycopg

from include.alerting import redact
from include.alerting.alert import Alert
from include.alerting.episodes import REDELIVERY
from include.formatting import moment
from include.registry import actions
from include.registry.actions import Untold
from include.registry.registry import Registry

KIND = "decision"
"""The alert of one."""
PATIENCE = timedelta(minutes=10)
"""So long a decision waits until what it began is over, since then its message says how it ended."""
WHO, SHOWN = 60, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Untold):
    """A row of lastgood.action, and how the versions stand that it is about."""

    @property
    def run(self) -> tuple[str, str] | None:
        """DAG and run of the form in which it was taken; None for a shell."""
        form = self.details.get("form")
        return (str(form["dag_id"]), str(form["run_id"])) if isinstance(form, dict) else None


class Claim:
    """One decision while somebody notifies people of it."""

    def __init__(self, cursor: psycopg.Cursor[dict[str, Any]], decision: Decision) -> None:
        self._cursor, self.decision = cursor, decision

    def keep(self, results: Mapping[str, str | None]) -> bool:
        """Keep what became of the message; answers whether it reached everybody, so that nobody sends it again."""
        delivered = {**self.decision.delivered, **results}
        through = bool(delivered) and all(error is None for error in delivered.values())
        actions.note_delivered(self._cursor, self.decision.id, delivered, notified=through)
        return through


@contextmanager
def claim_next(registry: Registry, without: Collection[int] = ()) -> Iterator[Claim | None]:
    """The next decision that people are to hear of, held until the block ends; None where there is none that
    nobody holds.

    Those of which nobody was notified come first, the oldest first. What is a week old is no news any more.
    """
    with registry.transaction() as cursor:
        found = actions.next_untold(cursor, without, old=REDELIVERY, patience=PATIENCE)
        yield None if found is None else Claim(cursor, Decision(**asdict(found)))


def alert_of(decision: Decision, consumers: str, links: Mapping[str, str]) -> Alert:
    """A decision as people are told of it. `consumers` says what they read now."""
    # Not redacted: on some platforms the name is a mail address.
    who = " ".join("".join(c if c.isprintable() else " " for c in decision.who).split())[:WHO]
    details = decision.details
    overridden = details.get("overridden")
    facts = {
        "In place of": str(details.get("from") or ""),
        "Made from": str(details.get("of") or ""),
        "File": str(details.get("file") or ""),
        "Failed checks": "; ".join(map(str, overridden)) if isinstance(overridden, list) else "",
    }
    return Alert(
        kind=KIND,
        source=decision.source,
        at=decision.at,
        occurrence=str(decision.id),
        cause=redact.text(decision.reason),
        headline=_headline(decision, who),
        effect=" ".join(_effect(decision)),
        todo=f"Nothing. If you would have decided otherwise, talk to {who} before you undo it.",
        version=decision.version,
        consumers=consumers,
        facts={
            "Decided by": f"{who}, in {'a form' if decision.run else 'a shell'}",
            "At": moment(decision.at),
            **{name: redact.text(value) for name, value in facts.items() if value},
        },
        links=links,
    )


def _headline(decision: Decision, who: str) -> str:
    version, before = decision.version, str(decision.details.get("from") or "")
    match decision.what:
        case "rollback" if before and version and before < version:
            return f"{who} undid a rollback, to {version}"
        case "rollback":
            return f"{who} rolled back to {version}"
        case "accept":
            return f"{who} accepted {version}"
        case "release" if version:
            return f"{who} released {version}"
        case "release":
            return f"{who} ended the hold"
        case "hold":
            return f"{who} put it on hold"
        case "retry":
            return f"{who} had {version} published again"
        case "replay":
            return f"{who} had {version} rebuilt"
        case "rebuild registry":
            return f"{who} rebuilt the registry from the store"
        case "restore":
            return f"{who} restored registry and store from a backup"
        case "restore file":
            return f"{who} brought a file back from the backup"
    return f"{who} decided: {decision.what}"


def _effect(decision: Decision) -> Iterator[str]:
    """What follows from it by itself, a sentence each."""
    published = decision.version is not None and decision.version == decision.latest
    if decision.what in {"accept", "release", "retry", "replay"} and decision.version and not published:
        if decision.state in {"staged", "publishing", "failed"}:
            said = redact.text(decision.publish_error or "", 200)
            why = f" ({' '.join(said.split())})" if said else ""
            if decision.what == "replay":
                yield f"It is not published{why}."
            else:
                yield f"It is not published yet{why}; recovery tries again by itself."
        elif decision.state in {"rejected", "held"}:
            yield f"It is {decision.state}, and not published."
        elif decision.state is None and decision.failed_step:
            yield f"It failed at {decision.failed_step}, and nothing of it is published."
        elif decision.state is None:
            yield "It is published if it passes its checks."
        else:
            yield "Another version is latest by now."
    if decision.what == "rollback" and not published:
        yield "Another version is latest by now."
    if decision.held:
        until = f"until {moment(decision.until)}" if decision.until else "until somebody releases it"
        yield (
            f"{decision.source} is on hold {until}: what the next runs bring is built and judged, and waits for "
            "a release."
        )
    elif decision.what == "release" and decision.version is None:
        yield "The next run publishes what it brings."
