"""An alert: one happening, in the words a person is told. Its kind says how bad it is and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

Severity = Literal["critical", "error", "warning"]
HOUSE = "lastgood"
"""The source of an alert that is about no single source."""


class Kind(msgspec.Struct, frozen=True):
    """A kind of trouble. Its name is also the anchor of its section in docs/runbook.md."""

    name: str
    severity: Severity
    headline: str
    """What happened, after "ctgov: " or "ctgov.extract: "."""
    todo: str
    """What to do first, in one or two sentences."""
    watched: bool = False
    """Found by the watch DAG, which also sees when it is over; the others are over when a later run succeeds."""
    afterwards: str = "There is nothing to do."
    """What is left to do when it is over."""


def _kinds(*kinds: Kind) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds}


KINDS: dict[str, Kind] = _kinds(
    # --- what a run tells of itself ---
    Kind(
        "task-failed",
        "error",
        "the step failed in all its tries",
        "Read the last lines of its log and mend the cause, then clear the task; the run goes on where it was.",
    ),
    Kind(
        "task-killed",
        "error",
        "the step was killed or its worker was lost",
        "Look for a lack of memory or a worker that went away, then clear the task; it goes on where it was.",
    ),
    Kind(
        "run-timed-out",
        "error",
        "the run took longer than it may and was stopped",
        "See which step was running; where the upstream is only slow, clear the run: it goes on where it was.",
    ),
    Kind(
        "run-failed",
        "error",
        "the run failed without a word of its tasks",
        "Open the run in the UI, see which task is red, read its log, clear it.",
    ),
    Kind(
        "gate-rejected",
        "error",
        "the candidate did not pass its checks",
        "Look at the failing rows. Mend what is wrong; where only change rules failed and the new level is right, "
        "accept the version with a reason (DAG lastgood_accept).",
    ),
    Kind(
        "gate-warned",
        "warning",
        "checks warned; the version was published",
        "Look at the rows when there is time; nothing is blocked.",
    ),
    Kind(
        "late",
        "error",
        "the run is not done by its deadline",
        "See what it is doing: a slow upstream needs patience, a task that hangs is cleared.",
    ),
    # --- what keeps runs from beginning, or people from hearing ---
    Kind(
        "import-error",
        "critical",
        "the DAG file cannot be read, so its DAG does not run",
        "Mend the file, or deploy the release before; the message names the line.",
        watched=True,
    ),
    Kind(
        "registry-down",
        "critical",
        "the registry does not answer",
        "Bring the database back, or restore it. Runs that failed meanwhile are cleared, or the next ones do it.",
        watched=True,
        afterwards="Clear the runs that failed meanwhile, or leave their work to the next ones.",
    ),
    Kind(
        "channel-broken",
        "error",
        "alerts do not get through this channel",
        "Mend the connection that the message names. What could not be told is told again by itself.",
        watched=True,
    ),
    # --- what the watch DAG finds ---
    Kind(
        "stale",
        "error",
        "the last good version is older than promised",
        "See why no run has succeeded since then.",
        watched=True,
    ),
    Kind(
        "publish-failures",
        "error",
        "publishing failed again and again",
        "Look at the database and the store; the recovery DAG tries again by itself.",
        watched=True,
    ),
    Kind(
        "staged-too-long",
        "warning",
        "a candidate passed its checks and was not published",
        "Clear the promote task of its run, or retry it.",
        watched=True,
    ),
    Kind(
        "lease-expired",
        "error",
        "a promotion stopped half way",
        "The recovery DAG takes it over; see that it runs.",
        watched=True,
    ),
    Kind(
        "publish-given-up",
        "error",
        "the recovery DAG has tried three times and gives up",
        "Read the last error, mend it, then retry the version.",
        watched=True,
    ),
    Kind(
        "groups-failing",
        "error",
        "too many groups could not be formed",
        "Look at the reasons in the quarantine; files that are missing or late are the usual cause.",
        watched=True,
    ),
    Kind(
        "success-rate",
        "error",
        "too few runs succeed",
        "Look at the last failures together: it is rarely chance.",
        watched=True,
    ),
    Kind(
        "breaker-open",
        "warning",
        "the upstream is left alone for a while, since it keeps failing",
        "Look at the upstream's own status page; the first call after the pause tries again by itself.",
        watched=True,
    ),
    Kind(
        "disk-low",
        "critical",
        "the disk is nearly full",
        "Make room, or let retention remove more; nothing new can be published on a full disk.",
        watched=True,
    ),
    Kind(
        "error-rate",
        "error",
        "too many records of a run were refused or could not be had",
        "Look at the reasons in the quarantine and at what the upstream answered.",
        watched=True,
    ),
    Kind(
        "zero-rows",
        "error",
        "a table that had rows has none",
        "See whether the upstream means it; where it does not, roll back.",
        watched=True,
    ),
    Kind(
        "backup-old",
        "error",
        "there is no verified backup that is recent enough",
        "See why the backup DAG failed; until then a loss of the database costs more than promised.",
        watched=True,
    ),
    Kind(
        "file-damaged",
        "critical",
        "a published file is not the one that was checked",
        "Restore the file from the backup, or roll back; find out who writes to the store.",
        watched=True,
    ),
)


class FailedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check that failed or warned, with a few of its rows as far as they may be shown (redact.row)."""

    sentence: str
    rows: tuple[Mapping[str, Any], ...] = ()


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One happening. Equal `fingerprint`: the same trouble; equal `occurrence` too: the very same happening."""

    kind: str
    source: str
    """A source, the id of another DAG, or HOUSE."""
    what: str = ""
    """Which one, where a source can have several of the kind at once: the step, the table, the file."""
    at: datetime
    occurrence: str
    """Airflow may call twice about one failure: the run, and for a task its id and try."""
    cause: str
    """Why, as far as known: an error's last line, a figure and its threshold. Redacted."""
    run_id: str | None = None
    step: str | None = None
    unit: str | None = None
    """Label of a mapped task."""
    try_number: int | None = None
    tries: int | None = None
    checks: tuple[FailedCheck, ...] = ()
    consumers: str
    """What consumers read meanwhile, with its age."""
    facts: Mapping[str, str] = {}
    """Further lines, by their heading."""
    links: Mapping[str, str] = {}
    """URLs by their words: the log of the task, the run."""

    @property
    def of(self) -> Kind:
        """Its kind."""
        return KINDS[self.kind]

    @property
    def fingerprint(self) -> str:
        """Identity of the trouble: an episode lasts while it is seen again."""
        return f"{self.kind}|{self.source}|{self.what}"

    @property
    def title(self) -> str:
        """Which one and what, in one line."""
        where = f"{self.source}.{self.what}" if self.what else self.source
        return f"{where}: {self.of.headline}"
