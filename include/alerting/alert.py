"""An alert: one happening, in the words a person is told. Its kind says how bad it is and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

Severity = Literal["critical", "error", "warning", "info"]
SYSTEM = "lastgood"
"""The source of an alert that is about no single source."""
SENT_FOLDER = "alerts/told"
"""Where the store keeps what was sent to people, in a folder for each day."""


class Kind(msgspec.Struct, frozen=True):
    """A kind of trouble. Its name is also the anchor of its section in docs/runbook.md."""

    name: str
    severity: Severity
    headline: str
    """What happens, after "ctgov: " or "ctgov.extract: "."""
    was: str
    """The same once it is over."""
    todo: str
    """What to do first, in one or two sentences. Where waiting is the cure, it says so."""
    news: bool = False
    """No trouble: it is told once, asks for nothing, and is never over."""
    watched: bool = False
    """Found by the watch DAG, which also sees when it is over; the others are over when a later run proves it."""
    harm: str = ""
    """Why nobody may sleep on, as the end of a sentence; empty where consumers keep reading what is good."""
    again: str = ""
    """When it is looked at again and told again, where that is not as with the other kinds."""
    daily: bool = False
    """People are reminded of it once a day at most, since it is not worse an hour later. What is wrong beside it, of a
    kind that lists several things, they hear sooner."""
    afterwards: str = "There is nothing to do."
    """What is left to do when it is over."""


def _kinds(*kinds: Kind) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds}


KINDS: dict[str, Kind] = _kinds(
    # --- what a run tells of itself ---
    Kind(
        "upstream-down",
        "error",
        "the upstream does not answer",
        "the upstream did not answer",
        "Wait: the next run goes on where this one stopped. Where it lasts for days, look at the upstream's own status "
        "page, and whether others reach it.",
    ),
    Kind(
        "upstream-refused",
        "error",
        "the upstream refuses us",
        "the upstream refused us",
        "Settle login, key or rights with the upstream, then clear the whole run. Waiting is no cure, and nobody works "
        "around a refusal.",
    ),
    Kind(
        "upstream-changed",
        "error",
        "the upstream answers in another way than agreed",
        "the upstream answered in another way than agreed",
        "Compare the answer with the upstream's documentation, mend the code and deploy it, then clear the whole run. "
        "Waiting helps only where the upstream mends it.",
    ),
    Kind(
        "task-failed",
        "error",
        "the step failed",
        "the step failed",
        "Read the last lines of its log and mend the cause, then clear the task; the run goes on where it was.",
    ),
    Kind(
        "task-killed",
        "error",
        "the step was killed or its worker was lost",
        "the step was killed or its worker was lost",
        "Look for a lack of memory or a worker that went away, then clear the task; it goes on where it was.",
    ),
    Kind(
        "run-timed-out",
        "error",
        "the run took longer than it may and was stopped",
        "the run took longer than it may and was stopped",
        "See which step was running; where the upstream is only slow, clear the run: it goes on where it was.",
    ),
    Kind(
        "run-failed",
        "error",
        "the run failed without a word of its tasks",
        "the run failed without a word of its tasks",
        "Open the run in the UI, see which task is red, read its log, clear it.",
    ),
    Kind(
        "gate-rejected",
        "error",
        "the candidate did not pass its checks",
        "a candidate did not pass its checks",
        "Look at the failing rows and mend what is wrong: nobody can accept this version.",
    ),
    Kind(
        "gate-warned",
        "warning",
        "checks warned; the version was published",
        "checks warned; the version was published",
        "Look at the rows when there is time; nothing is blocked.",
    ),
    Kind(
        "late",
        "error",
        "the run is not done in time",
        "a run was not done in time",
        "See what it is doing: a slow upstream needs patience, so wait; a task that hangs is cleared.",
    ),
    # --- what keeps runs from beginning, or people from hearing ---
    Kind(
        "import-error",
        "critical",
        "the DAG file cannot be read, so its DAG does not run",
        "the DAG file could not be read",
        "Mend the line that is named, or deploy the release before.",
        watched=True,
        harm="its DAG does not run until the file is mended.",
    ),
    Kind(
        "registry-down",
        "critical",
        "the registry does not answer",
        "the registry did not answer",
        "Bring the database back, or restore it. Runs that failed meanwhile are cleared, or the next ones do it.",
        watched=True,
        harm="who reads SQL may have to wait; files of the last good version stay readable.",
        afterwards="Clear the runs that failed meanwhile, or leave their work to the next ones.",
    ),
    Kind(
        "channel-broken",
        "error",
        "alerts do not get through this channel",
        "alerts did not get through this channel",
        "Mend the connection that the message names. What could not be told is told again by itself.",
        watched=True,
    ),
    # --- what the watch DAG finds ---
    Kind(
        "setup",
        "error",
        "the deployment is not set up as it needs to be",
        "the deployment was not set up as it needs to be",
        "Do what stands beside each; DAG lastgood_doctor looks again at once.",
        watched=True,
        again="The doctor looks again every hour, or at once when you trigger DAG lastgood_doctor; you are told again "
        "once a day, and when it is over.",
        daily=True,
    ),
    Kind(
        "stale",
        "error",
        "the last good version is older than promised",
        "the last good version was older than promised",
        "See why no run has succeeded since then, and tell consumers.",
        watched=True,
        harm="consumers read data older than promised.",
    ),
    Kind(
        "upstream-still",
        "warning",
        "runs go well, but the upstream has brought nothing new for too long",
        "runs went well, but the upstream had brought nothing new for too long",
        "Look at the upstream's own pages: either it stands still there too, then wait, or what we ask no longer finds "
        "what is new.",
        watched=True,
        daily=True,
        harm="what is new upstream may be missing from what consumers read.",
    ),
    Kind(
        "publish-failures",
        "error",
        "publishing failed again and again",
        "publishing failed again and again",
        "Wait for the recovery DAG, which tries again by itself; where the error stays, mend the database or the "
        "store.",
        watched=True,
    ),
    Kind(
        "staged-too-long",
        "warning",
        "a candidate passed its checks and is not published",
        "a candidate passed its checks and was not published",
        "Clear the promote task of its run, or retry it.",
        watched=True,
        daily=True,
    ),
    Kind(
        "held",
        "warning",
        "a version passed its checks and waits for a decision",
        "a version passed its checks and waited for a decision",
        "Look at it, then release it with a reason (DAG lastgood_release), or leave it: the next run brings another.",
        watched=True,
        daily=True,
    ),
    Kind(
        "lease-expired",
        "error",
        "a promotion stopped half way",
        "a promotion stopped half way",
        "Wait: the recovery DAG takes it over; see that it runs.",
        watched=True,
    ),
    Kind(
        "publish-given-up",
        "error",
        "a version could not be published, whoever tried",
        "a version could not be published",
        "Read the last error, mend it, then retry the version.",
        watched=True,
    ),
    Kind(
        "groups-failing",
        "error",
        "too many groups could not be formed",
        "too many groups could not be formed",
        "Look at the reasons in the quarantine; files that are missing or late are the usual cause.",
        watched=True,
    ),
    Kind(
        "success-rate",
        "error",
        "too few runs succeed",
        "too few runs succeeded",
        "Look at the last failures together: it is rarely chance.",
        watched=True,
    ),
    Kind(
        "disk-low",
        "critical",
        "the disk is nearly full",
        "the disk was nearly full",
        "Make room, or let retention remove more; nothing new can be published on a full disk.",
        watched=True,
        harm="nothing new can be published once the disk is full.",
    ),
    Kind(
        "error-rate",
        "error",
        "too many records of a run were refused or could not be had",
        "too many records of a run were refused or could not be had",
        "Look at the reasons in the quarantine and at what the upstream answered.",
        watched=True,
    ),
    Kind(
        "zero-rows",
        "error",
        "a table that had rows has none",
        "a table that had rows had none",
        "See whether the upstream means it; where it does not, roll back.",
        watched=True,
        harm="consumers read an empty table.",
    ),
    Kind(
        "backup-old",
        "error",
        "there is no verified backup that is recent enough",
        "there was no verified backup that was recent enough",
        "See why the backup DAG failed; until then a loss of the database costs more than promised.",
        watched=True,
    ),
    Kind(
        "file-damaged",
        "critical",
        "a published file is not the one that was checked",
        "a published file was not the one that was checked",
        "Restore the file from the backup, or roll back; find out who writes to the store.",
        watched=True,
        harm="who reads files may read wrong bytes; SQL has copies of its own.",
    ),
    # --- what people do ---
    Kind(
        "decision",
        "info",
        "somebody decided what consumers read",
        "somebody decided what consumers read",
        "Nothing. If you would have decided otherwise, talk to whoever did before you undo it.",
        news=True,
    ),
    # --- what the data say ---
    Kind(
        "brief",
        "info",
        "a new brief was published",
        "a new brief was published",
        "Read it; where the channel is mail, it is attached.",
        news=True,
    ),
    Kind(
        "velocity",
        "warning",
        "what people say moved fast",
        "what people said moved fast",
        "Read the comments of the last three days, and decide whether anybody has to react.",
        news=True,
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
    """A source, the id of another DAG, or SYSTEM."""
    what: str = ""
    """Which one, where a source can have several of the kind at once: the step, the table, the file."""
    at: datetime
    occurrence: str
    """Airflow may call twice about one failure: the run, and for a task its id and try."""
    cause: str
    """Why, as far as known: an error's last line, a figure and its threshold. Redacted."""
    headline: str | None = None
    """What happened, where its kind has no words for it."""
    effect: str | None = None
    """What follows from it by itself, of news."""
    severity: Severity | None = None
    """How bad it is, where it is not as bad as its kind."""
    todo: str | None = None
    """What to do first, where the cause asks for something else than its kind."""
    version: str | None = None
    """The candidate that it is about."""
    run_id: str | None = None
    step: str | None = None
    unit: str | None = None
    """Label of a mapped task."""
    units: Mapping[str, str] = {}
    """Mapped tasks of the run that failed so far, and the cause of each; `unit` is the last of them."""
    units_planned: int | None = None
    """How many the run has."""
    try_number: int | None = None
    tries: int | None = None
    """Both where it was tried again, else None."""
    checks: tuple[FailedCheck, ...] = ()
    consumers: str
    """What consumers read meanwhile, with its age."""
    fresh_until: datetime | None = None
    """Until when that is as fresh as promised; None where nothing is promised or nothing is known."""
    facts: Mapping[str, str] = {}
    """Further lines, by their heading."""
    links: Mapping[str, str] = {}
    """URLs by their words: the log of the task, the run."""
    attachments: Mapping[str, str] = {}
    """Files that go with a mail: their names, and where the store has them."""

    @property
    def of(self) -> Kind:
        """Its kind; a harmless one where it was told by a release that knew another."""
        return KINDS.get(self.kind, Kind(self.kind, "warning", self.kind, self.kind, "See the runbook."))

    @property
    def level(self) -> Severity:
        """How bad it is."""
        return self.severity or self.of.severity

    @property
    def remedy(self) -> str:
        """What to do first."""
        return self.todo or self.of.todo

    @property
    def fingerprint(self) -> str:
        """Identity of the trouble: an episode lasts while it is seen again."""
        return f"{self.kind}|{self.source}|{self.what}"

    @property
    def title(self) -> str:
        """Which one and what, in one line."""
        at = f", it is at {self.step}" if self.kind == "late" and self.step else ""
        return f"{self.where}: {self._counted or self.headline or self.of.headline}{at}"

    @property
    def past_title(self) -> str:
        """The same once it is over."""
        return f"{self.where}: {self._counted or self.of.was}"

    @property
    def where(self) -> str:
        """Which one: ctgov, or ctgov.extract; of news, whose headline tells, the source."""
        return f"{self.source}.{self.what}" if self.what and not self.of.news else self.source

    @property
    def _counted(self) -> str:
        """How many units failed, where it was more than one."""
        if len(self.units) <= 1:
            return ""
        failed = f"{len(self.units)} of {self.units_planned}" if self.units_planned else f"{len(self.units)}"
        return f"{failed} units failed" + ("" if self.kind == "task-failed" else f", {self.of.was}")
