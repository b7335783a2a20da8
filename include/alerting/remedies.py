"""What an error asks for: by its class, so that why it failed and what to do about it cannot contradict each other.

Classes are named rather than imported, since whatever tells of a failure must be light.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remedy:
    """Which kind of trouble an error makes, and what to do about it."""

    kind: str = "task-failed"
    todo: str | None = None
    """None where the kind's own words fit."""
    of_source: bool = False
    """Whether it is the same trouble in whatever step it is met."""


_DOWN = Remedy("upstream-down", of_source=True)
_SETTING = Remedy(todo="Mend the setting that the cause names, then clear the task. Waiting is no cure.")
_RAW = Remedy(
    todo="Clear the whole run from its first task: what had landed is not whole and is asked for again."
)
_REGISTRY = Remedy(
    todo="Bring the registry of the store's last promotion back (docs/backup.md), or fill it from the store: "
    "rebuild-registry. Until then no run goes on."
)
_AGAIN = Remedy(
    todo="Wait: the next run collects again, upon what is latest now. In a hurry, clear the whole run from its first "
    "task."
)
_STORE = Remedy(
    todo="Wait where the store is only away for a while: the next run goes on where this one stopped. Where the cause "
    "stays, mend the store or its connection, then clear the task."
)
_DATABASE = Remedy(
    todo="Wait where the database is only away for a while: the next run goes on where this one stopped. Where the "
    "cause stays, bring the database back, then clear the task."
)
_SPACE = Remedy(
    todo="Make room on the disk, then clear the task; it goes on where it was. Waiting is no cure."
)

BY_CLASS: dict[str, Remedy] = {
    "include.upstream.answers.Transient": _DOWN,
    "include.upstream.answers.BreakerOpen": _DOWN,
    "include.upstream.answers.Refused": Remedy("upstream-refused", of_source=True),
    "include.upstream.answers.ContractBreak": Remedy("upstream-changed", of_source=True),
    "include.upstream.limits.BadSetting": _SETTING,
    "include.quality.contract.InvalidContract": Remedy(
        todo="Mend the contract that the cause names, deploy it, then clear the task. Waiting is no cure."
    ),
    "include.pipeline.BaseMoved": _AGAIN,
    "include.publishing.race.LostRace": _AGAIN,
    "include.publishing.promotion.Overtaken": _AGAIN,
    "include.publishing.promotion.PromotionFailed": Remedy(
        todo="Wait for the recovery DAG, which publishes it again after 10, 20 and 40 minutes. Where the cause stays, "
        "mend the database or the store that it names."
    ),
    "include.publishing.promotion.PromotionRefused": Remedy(
        todo="Do what the cause says; the next run makes another candidate."
    ),
    "include.registry.versions.RemovedVersion": Remedy(
        todo="Clear the whole run from its first task: retention has removed what it stood on."
    ),
    "include.registry.run_log.RunNotOpen": Remedy(todo="Clear the whole run from its first task."),
    "include.publishing.refused.NearlyAllRefused": Remedy(
        todo="Look at the reasons in the cause. Mend the parser and deploy it, then clear the build task: what landed "
        "is read again, and nobody is asked. Waiting helps only where the upstream mends it."
    ),
    "include.publishing.manifest.AlteredFile": Remedy(
        todo="Clear the whole run from its first task; where the file is one of latest, restore it (docs/runbook.md, "
        "file-damaged). Find out who writes to the store."
    ),
    "include.publishing.pointers.OlderRegistry": _REGISTRY,
    "include.registry.connection.NewerRegistry": Remedy(
        todo="Deploy a release at least as new as the registry, then clear the task. Waiting is no cure."
    ),
    "include.storage.landing.RawAltered": _RAW,
    "include.storage.landing.RawIncomplete": _RAW,
    "include.storage.remote.StoreError": _STORE,
    "psycopg.OperationalError": _DATABASE,
    "builtins.MemoryError": Remedy(
        todo="Give the worker more memory, or run fewer tasks on it at once, then clear the task; it goes on where it "
        "was."
    ),
    "airflow.sdk.exceptions.AirflowTaskTimeout": Remedy(
        todo="See in its log where it stood. Where the upstream is only slow, clear the task: it goes on where it was."
    ),
}
"""The most special class of an error that stands here decides."""
WRAPPED = 10
"""So deep is looked: an error may be its own cause."""


def remedy(error: BaseException | None) -> Remedy:
    """What an error asks for; what wraps another one asks for what that asks for, where it says nothing itself."""
    for _ in range(WRAPPED):
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _SPACE
        for cls in type(error).__mro__:
            found = BY_CLASS.get(f"{cls.__module__}.{cls.__qualname__}")
            if found is not None:
                return found
        error = None if error is None else error.__cause__
    return Remedy()
