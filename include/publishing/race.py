"""Promotions that somebody else was in the way of, in words that tell people who it was and what to do."""

from __future__ import annotations

from include.formatting import moment
from include.publishing.promotion import Outcome, Promotion, PromotionRefused
from include.registry import actions
from include.registry.registry import Registry

_MOVED_BY = ("accept", "release", "rollback", "retry", "publish again", "replay")
"""What lastgood.action calls the acts that move latest beside a run's own promotion."""


class LostRace(PromotionRefused):
    """Another version became latest since the candidate was built, so its content is stale."""


class Held(PromotionRefused):
    """The candidate waits for an operator's release."""


class BeingPublished(RuntimeError):
    """Another process is publishing this very candidate; whoever asks again later finds how that ended."""


def won(registry: Registry, done: Promotion) -> Promotion:
    """The promotion, where nobody was in its way. Raises LostRace, BeingPublished, Held."""
    if done.outcome is Outcome.HELD:
        raise Held(done.sentence)
    if done.outcome is Outcome.CONFLICT:
        raise LostRace(_lost(registry, done))
    if done.outcome is Outcome.BUSY:
        raise BeingPublished(done.sentence)
    return done


def _lost(registry: Registry, done: Promotion) -> str:
    source, version = done.source, done.version
    upon = registry.version(source, version).previous or "nothing"
    return (
        f"{source} {version} lost the race: it was built upon {upon}, but {moved(registry, source)}. Nothing was "
        "changed, and consumers read that. The next run collects again; to have it at once, clear this run from its "
        f"first task on or trigger the DAG {source}."
    )


def moved(registry: Registry, source: str) -> str:
    """Which version is latest, who made it that, and when."""
    with registry.transaction() as cursor:
        found = actions.mover(cursor, source, _MOVED_BY)
    if found is None:
        return "there is no latest any more"
    by = f"{found.who} ({found.what})" if found.who else f"run {found.run_id or 'unknown'}"
    return f"{found.version} is latest since {moment(found.since)}, made so by {by}"
