"""Silences that an operator sets by command, beside those of alerts.yml, which need a deployment.

Each is an action in the registry, with who and why. The newest for the same source and kind counts, so one that is over
at once ends another.
"""

from __future__ import annotations

from datetime import datetime

from include import arguments
from include.alerting import routing
from include.alerting.alert import KINDS
from include.alerting.routing import Silence
from include.registry import actions
from include.registry.actions import insert_action
from include.registry.registry import Registry

SHORTEST_REASON = 10


def add(
    registry: Registry, *, source: str, kind: str | None, until: datetime, who: str, reason: str
) -> Silence:
    """Silence the alerts of a source, or those of one kind, until a time. Raises ValueError for an unknown kind."""
    arguments.check(who=who, reason=reason)
    if kind is not None and kind not in KINDS:
        raise ValueError(f"there is no kind of alert {kind!r}; there are: {', '.join(KINDS)}")
    if len(reason.strip()) < SHORTEST_REASON:
        raise ValueError(f"the reason {reason!r} is short; say in a few words why nobody is to be told")
    with registry.transaction() as cursor:
        insert_action(
            cursor,
            who=who,
            what="silence",
            source=source,
            version=None,
            reason=reason,
            details={"kind": kind, "until": until.isoformat()},
        )
    return _silence(source, kind, until, reason)


def held(registry: Registry, now: datetime) -> list[Silence]:
    """Those that hold now."""
    with registry.transaction() as cursor:
        newest = actions.silences(cursor)
    return [_silence(s.source, s.kind, s.until, s.reason) for s in newest if now < s.until]


def _silence(source: str, kind: str | None, until: datetime, reason: str) -> Silence:
    kinds = None if kind is None else [kind]
    return routing.Silence(sources=[source], kinds=kinds, reason=reason, until=until)
