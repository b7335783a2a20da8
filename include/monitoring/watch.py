"""What the watch DAG looks at: one rule for each kind of trouble that no run tells of itself.

A rule answers an alert for each trouble that it finds now; what it no longer finds is over. It needs the registry's
log, the store and the disks, never Airflow.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from include.alerting import redact
from include.alerting.alert import KINDS, SYSTEM, Alert
from include.formatting import moment, span
from include.monitoring import freshness, status
from include.monitoring.consumers import consumers
from include.monitoring.thresholds import Thresholds
from include.operations import backup as backups
from include.operations import recovery
from include.publishing import manifest as manifests
from include.publishing import verdict as verdicts
from include.registry import alerts, run_history, transitions, versions
from include.registry.connection import error_summary
from include.registry.locks import is_moving
from include.registry.registry import Registry
from include.registry.run_history import UnderWay
from include.registry.versions import Latest
from include.sources import source as sources
from include.sources.source import Spec
from include.storage.listing import Entry, listing
from include.storage.store import Store

ERROR_CHARACTERS = 500
STEPS = ("probe", "discover", "extract", "build", "gate", "promote", "export")
"""Of a source's run, in their order."""
RUNS = 200
"""So many of a source's newest runs are looked through."""
NAMED = 3
"""So many damaged files are named."""
log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What the rules look at, and when."""

    registry: Registry
    store: Store
    thresholds: Thresholds
    now: datetime
    backup: Store | None
    """The second root; None where backups are not set up."""
    folders: Mapping[str, Path]
    """Folders whose disks must not fill up, by a word for each; the store's own need not be among them."""
    specs: Mapping[str, Spec]

    @property
    def sources(self) -> list[str]:
        """All of the project, and those of which the registry knows versions."""
        return sorted({*self.specs, *self.registry.sources()})

    def ask(self, question: Callable[..., _T], *arguments: Any) -> _T:
        """The registry's answer to a question of one of its modules, in a transaction of its own."""
        with self.registry.transaction() as cursor:
            return question(cursor, *arguments)

    def alert(
        self,
        kind: str,
        source: str,
        cause: str,
        *,
        what: str = "",
        run_id: str | None = None,
        step: str | None = None,
    ) -> Alert:
        """A finding. Each look at the same trouble is another occurrence."""
        return Alert(
            kind=kind,
            source=source,
            what=what,
            at=self.now,
            occurrence=self.now.isoformat(),
            cause=cause,
            run_id=run_id,
            step=step,
            consumers=consumers(self.registry, source, self.now),
            fresh_until=self._fresh_until(source),
        )

    def _fresh_until(self, source: str) -> datetime | None:
        spec = self.specs.get(source)
        return None if spec is None else freshness.fresh_until(self.registry, source, spec)


Rule = Callable[[Inspection], Iterator[Alert]]


@dataclass(frozen=True, slots=True)
class Observation:
    """What the rules found, and which of them could not look."""

    alerts: list[Alert] = field(default_factory=list)
    failed_rules: dict[str, str] = field(default_factory=dict)
    """Kinds whose rule failed, and why: of those nothing is known, so none is over."""

    @property
    def seen(self) -> set[str]:
        """Kinds of which it is known whether there are any, and that are over where there is none."""
        return {kind for kind in RULES.keys() - self.failed_rules.keys() if KINDS[kind].watched}

    @property
    def found(self) -> dict[str, int]:
        """How many of each kind."""
        kinds = [alert.kind for alert in self.alerts]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def observe(
    registry: Registry,
    store: Store,
    thresholds: Thresholds,
    now: datetime,
    backup: Store | None,
    *,
    folders: Mapping[str, Path] | None = None,
    specs: Mapping[str, Spec] | None = None,
) -> Observation:
    """Apply every rule; one that fails does not stop the others and is named in the observation."""
    inspection = Inspection(
        registry=registry,
        store=store,
        thresholds=thresholds,
        now=now,
        backup=backup,
        folders=folders or {},
        specs={name: sources.spec(name) for name in sources.names()} if specs is None else specs,
    )
    observation = Observation()
    with registry.session():
        for kind, rule in RULES.items():
            try:
                observation.alerts.extend(rule(inspection))
            except Exception as error:
                # Whatever is wrong with one rule must not stop the others.
                log.exception("the rule %s could not look", kind)
                words = f"{type(error).__name__}: {error_summary(error)}"
                observation.failed_rules[kind] = redact.text(words)[:ERROR_CHARACTERS]
    return observation


def import_errors(registry: Registry, thresholds: Thresholds, now: datetime) -> set[str]:
    """Fingerprints of files that could not be read lately: the dag-processor says so again at each attempt."""
    with registry.transaction() as cursor:
        return alerts.seen_since(
            cursor, "import-error", now - timedelta(minutes=thresholds.import_error_minutes)
        )


# --- the data ---


def stale(inspection: Inspection) -> Iterator[Alert]:
    """No run has replaced latest or found it current for longer than the source promises."""
    for source, spec in inspection.specs.items():
        latest = inspection.registry.latest(source)
        if latest is None:
            continue
        promised = span(spec.fresh_within)
        if spec.follows_inputs:
            for name, version, since in freshness.waiting(inspection.registry, source, spec):
                waited = inspection.now - since
                if waited > spec.fresh_within:
                    yield inspection.alert(
                        "stale",
                        source,
                        f"Version {version} of {name} has waited for {span(waited)} to be built in; at most "
                        f"{promised} are promised.",
                    )
                    break
        else:
            last = freshness.last_good_run(inspection.registry, source)
            if last is not None and inspection.now - last > spec.fresh_within:
                yield inspection.alert(
                    "stale",
                    source,
                    f"The last run that published {source} or found nothing new ended {span(inspection.now - last)} "
                    f"ago, at {last:%Y-%m-%d %H:%M} UTC; at most {promised} are promised.",
                )


def upstream_still(inspection: Inspection) -> Iterator[Alert]:
    """Runs go well, but bring nothing new to a table for longer than its upstream ever stood still (Spec.grows).

    An upstream whose version stands still, or that answers with what it had, is found current by each run. The run that
    would bring something new may be a day away.
    """
    for source, spec in inspection.specs.items():
        if spec.grows is None:
            continue
        table, within = spec.grows
        last = inspection.ask(versions.last_grown, source, table)
        if last is not None and inspection.now - last > within:
            yield inspection.alert(
                "upstream-still",
                source,
                f"No version of {source} had new rows in {table} since {last:%Y-%m-%d %H:%M} UTC, "
                f"{span(inspection.now - last)} ago; its upstream never stood still for more than {span(within)}.",
                what=table,
            )


def zero_rows(inspection: Inspection) -> Iterator[Alert]:
    """A table of latest is empty that had rows in one of the versions published before it.

    Latest after a rollback had versions published after it, which say nothing of it, nor does one rolled back from.
    """
    rows = inspection.ask(versions.emptied, inspection.thresholds.zero_rows_versions)
    for row in rows:
        yield inspection.alert(
            "zero-rows",
            row.source,
            f"Table {row.table_name} has 0 rows in latest; version {row.version} had {row.rows}.",
            what=row.table_name,
        )


def file_damaged(inspection: Inspection) -> Iterator[Alert]:
    """A file of latest or of the version before it, which is the way back, is not the one that was checked.

    It is missing, has another size, or was written after its checks and holds other bytes. One listing per source;
    bytes are read only of files that were written within the last hour, and as long as damage is known. Bytes that rot
    without a write are found by verifying (docs/runbook.md, file-damaged).
    """
    for source in inspection.specs:
        latest = inspection.registry.latest(source)
        if latest is None:
            continue
        if damaged := list(_damaged(inspection, latest)):
            more = f" and {len(damaged) - NAMED} more" if len(damaged) > NAMED else ""
            yield inspection.alert("file-damaged", source, f"{'; '.join(damaged[:NAMED])}{more}.")


def _damaged(inspection: Inspection, latest: Latest) -> Iterator[str]:
    """A sentence for each damaged file, once where both versions need it."""
    source = latest.source
    known = inspection.ask(alerts.is_open, "file-damaged", source)
    lately = None if known else inspection.now - timedelta(hours=1)
    there, seen = listing(inspection.store, f"versions/{source}"), set[str]()
    for version, words in ((latest.version, "latest"), (latest.previous, "the version before latest")):
        if version is not None:
            for path, sentence in _altered(inspection, source, version, there, lately):
                if path not in seen:
                    seen.add(path)
                    yield f"of {words}, {version}: {sentence}"


def _altered(
    inspection: Inspection, source: str, version: str, there: Mapping[str, Entry], lately: datetime | None
) -> Iterator[tuple[str, str]]:
    """Each file of a version that is not what was checked, and a sentence about it."""
    manifest, verdict = (
        manifests.read(inspection.store, source, version),
        verdicts.read(inspection.store, source, version),
    )
    if manifest is None or verdict is None:
        folder = manifests.folder(source, version)
        yield folder, f"{folder} has no {'manifest' if manifest is None else 'verdict'}"
        return
    since = max(verdict.checked_at, lately) if lately else verdict.checked_at
    for file in manifest.files:
        entry = there.get(file.path)
        if entry is None:
            yield file.path, f"{file.path} is missing"
        elif entry.bytes != file.bytes:
            yield file.path, f"{file.path} has {entry.bytes} bytes instead of {file.bytes}"
        elif entry.modified > since and inspection.store.sha256(file.path) != file.sha256:
            written = f"{entry.modified:%Y-%m-%d %H:%M} UTC"
            yield file.path, f"{file.path} was written at {written} and holds other bytes"


def error_rate(inspection: Inspection) -> Iterator[Alert]:
    """Too much of latest was refused, or too many questions of the run that made it had no answer.

    A run that failed, or whose candidate was refused, has said so itself. After a rollback nothing is new about latest.
    """
    most, least = inspection.thresholds.error_rate_percent, inspection.thresholds.error_rate_least
    for source, spec in inspection.specs.items():
        row = inspection.ask(run_history.extracted, source)
        if row is None:
            continue
        counts = [_refused(inspection, source, row.version)]
        if not spec.derived:  # which asks nobody
            counts.append(_unanswered(row.run_id, row.facts or ()))
        said = [
            f"{refused} of {of} {words} ({100 * refused / of:.1f} %)"
            for refused, of, words in counts
            if of >= least and 100 * refused / of > most
        ]
        if said:
            yield inspection.alert(
                "error-rate", source, f"{'; '.join(said)}; at most {most:g} % are accepted."
            )


def _refused(inspection: Inspection, source: str, version: str) -> tuple[int, int, str]:
    """Rows in the quarantine of a version, of those that came; of all its rows where nobody counted."""
    manifest = manifests.read(inspection.store, source, version)
    if manifest is None:  # retention took it
        return 0, 0, ""
    refused = manifest.quarantine.rows
    arrived = manifest.quarantine.arrived
    counted = manifest.counts.get("received") if arrived is None else sum(arrived.values())
    of = counted or refused + sum(entry.rows for entry in manifest.tables)
    return refused, of, f"records of version {version} were refused and are in its quarantine"


_TOTALS = ("asked", "items", "matches")
"""What extract steps call the number of things they asked for, beside `failed` of them."""


def _unanswered(run_id: str | None, steps: Iterable[Mapping[str, Any]]) -> tuple[int, int, str]:
    """What the extract steps of a run counted as failed, of what they asked for.

    A step counts at the top of its facts, or for several kinds of things one level below.
    """
    failed = of = 0
    for facts in steps:
        for counts in (facts, *(value for value in facts.values() if isinstance(value, dict))):
            total = next((counts[name] for name in _TOTALS if isinstance(counts.get(name), int)), None)
            if total is not None and isinstance(counts.get("failed"), int):
                failed, of = failed + counts["failed"], of + total
    return failed, of, f"questions of run {run_id} had no answer"


# --- publishing ---


def publish_failures(inspection: Inspection) -> Iterator[Alert]:
    """Publishing a source failed too often within an hour, whatever has been published since.

    What people were told of stays until publishing succeeds: an hour without a try proves nothing.
    """
    rows = inspection.ask(
        transitions.failures, inspection.sources, inspection.now - timedelta(hours=1), inspection.now
    )
    most = inspection.thresholds.publish_failures_per_hour
    for row in rows:
        if row.n > most or (row.notified and row.failing):
            yield inspection.alert(
                "publish-failures",
                row.source,
                f"Publishing failed {row.n} times in the last hour; at most {most} are accepted. "
                f"The last said: {_said(row.error)}",
            )


def staged_too_long(inspection: Inspection) -> Iterator[Alert]:
    """A candidate has been staged for too long."""
    rows = inspection.ask(
        versions.staged_before, inspection.now - timedelta(hours=inspection.thresholds.staged_hours)
    )
    for row in rows:
        said = f" Publishing said: {_said(row.publish_error)}" if row.publish_error else ""
        yield inspection.alert(
            "staged-too-long",
            row.source,
            f"Version {row.version} has been staged for {span(inspection.now - row.staged_at)}, "
            f"{'judged and not published' if row.judged else 'without a verdict'}; at most "
            f"{inspection.thresholds.staged_hours:g} hours are accepted.{said}",
            what=row.version,
        )


def held(inspection: Inspection) -> Iterator[Alert]:
    """A candidate that passed its checks waits for an operator; of several the newest."""
    rows = inspection.ask(versions.held)
    for row in rows:
        more = f" (so do {row.waiting - 1} older ones)" if row.waiting > 1 else ""
        yield inspection.alert(
            "held",
            row.source,
            f"Version {row.version} passed its checks and waits for {span(inspection.now - row.staged_at)}{more}. "
            f"{_said(row.publish_error).removeprefix('held: ').rstrip('.')}.",
        )


def lease_expired(inspection: Inspection) -> Iterator[Alert]:
    """A version is being published beyond its lease, and nobody is moving latest at this moment."""
    rows = inspection.ask(versions.expired, inspection.now)
    for row in rows:
        if is_moving(inspection.registry, row.source):  # a long one
            continue
        yield inspection.alert(
            "lease-expired",
            row.source,
            f"Version {row.version} is being published by {row.lease_owner}, whose lease ran out "
            f"{span(inspection.now - row.lease_until)} ago, at {row.lease_until:%Y-%m-%d %H:%M} UTC.",
            what=row.version,
        )


def publish_given_up(inspection: Inspection) -> Iterator[Alert]:
    """The recovery DAG has had all its rounds, or a version failed for good that no run has told of."""
    for each in recovery.stuck(inspection.registry, inspection.now):
        if each.given_up:
            tried = f"tried again in all {recovery.ROUNDS} rounds of recovery"
        elif each.failed and not each.notified:
            tried = (
                f"tried again in {each.rounds} of {recovery.ROUNDS} rounds of recovery; the next is to come"
            )
        else:
            continue
        yield inspection.alert(
            "publish-given-up",
            each.source,
            f"Version {each.version} was {tried}. {each.attempts} attempts failed in all. The last said: "
            f"{_said(each.error)}",
            what=each.version,
        )


# --- runs ---


def late(inspection: Inspection) -> Iterator[Alert]:
    """A run of a source is not done so long after it began, or was cleared, as its source promises.

    Nobody waits for a backfill or a replay. A source's first run collects everything there is, which may take days.
    """
    rows = inspection.ask(run_history.under_way)
    for row in rows:
        spec = inspection.specs.get(row.source)
        if spec is None or inspection.now - row.started <= spec.done_within:
            continue
        due = row.started + spec.done_within
        yield inspection.alert(
            "late",
            row.source,
            f"The run began at {moment(row.started)} and was to be done by {moment(due)}. {_progress(inspection, row)}",
            run_id=row.run_id,
            step=_under_way(spec, row),
        )


def _under_way(spec: Spec, run: UnderWay) -> str | None:
    """The step that a run is at: the one that failed last and is tried again, else the one after the last that ended.

    None where that is unknown.
    """
    if run.step is None:
        return STEPS[0]
    name = run.step.split(" ")[0]  # "extract LABEL" is a unit's
    failed = run.steps[run.step].error is not None
    discovery = run.steps.get("discover")
    planned = (discovery and discovery.units) or ()
    units = sum(key.startswith("extract ") for key in run.steps)
    if failed or (name == "extract" and units < len(planned)):
        return str(name)
    left_out = ({"discover"} if not spec.units else set()) | ({"extract"} if spec.derived else set())
    after = [step for step in STEPS[STEPS.index(name) + 1 :] if step not in left_out] if name in STEPS else []
    return after[0] if after else None


def _progress(inspection: Inspection, run: UnderWay) -> str:
    """How far a run that is not done has come."""
    if run.step is None or run.ended is None:
        return "None of its steps has come to an end."
    error = run.steps[run.step].error
    ago = span(inspection.now - run.ended)
    if error is None:
        return f"Its last step that came to an end was {run.step}, {ago} ago."
    return f"{run.step} failed {ago} ago and is to be tried again. It said: {_said(error)}"


def groups_failing(inspection: Inspection) -> Iterator[Alert]:
    """Of the groups that a source's runs formed within a day, the last one with such runs, too many failed."""
    rows = inspection.ask(run_history.groups_of_a_day, inspection.sources, RUNS, inspection.now)
    most = inspection.thresholds.group_failures_percent
    for source, groups, failed in rows:
        if groups and 100 * failed / groups > most:
            yield inspection.alert(
                "groups-failing",
                source,
                f"{failed} of {groups} groups of a day could not be formed "
                f"({100 * failed / groups:.1f} %); at most {most:g} % are accepted.",
            )


def success_rate(inspection: Inspection) -> Iterator[Alert]:
    """Too few of the last scheduled runs of a source succeeded."""
    limits = inspection.thresholds
    rates = status.success_rates(inspection.registry, inspection.specs, limits.success_rate_runs)
    for source, rate in rates.items():
        if rate.runs >= limits.success_rate_least_runs and rate.percent < limits.success_rate_alert_percent:
            yield inspection.alert(
                "success-rate",
                source,
                f"{rate}; at least {limits.success_rate_alert_percent:g} % are expected, "
                f"{limits.success_rate_goal_percent:g} % is the goal.",
            )


# --- the system ---


def disk_low(inspection: Inspection) -> Iterator[Alert]:
    """Too little is free on a disk. Folders on the same disk make one finding."""
    folders = {
        **({"store": Path(inspection.store.root)} if inspection.store.local else {}),
        **inspection.folders,
    }
    least, seen = inspection.thresholds.disk_free_percent, set[int]()
    for word, wanted in folders.items():
        folder = next(path for path in (wanted, *wanted.parents) if path.exists())
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        disk = shutil.disk_usage(folder)
        if 100 * disk.free < least * disk.total:
            yield inspection.alert(
                "disk-low",
                SYSTEM,
                f"The disk of the {word} ({wanted}) has {disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB free "
                f"({100 * disk.free / disk.total:.0f} %); at least {least:g} % are expected.",
                what=word,
            )


def backup_old(inspection: Inspection) -> Iterator[Alert]:
    """The newest verified backup is too old, or there is none of what was published so long ago."""
    if inspection.backup is None:
        return
    most = timedelta(hours=inspection.thresholds.backup_hours)
    promised = f"at most {inspection.thresholds.backup_hours:g} hours are promised."
    newest = backups.newest(inspection.backup)
    if newest is None:
        first = inspection.ask(versions.first_published)
        if first is not None and inspection.now - first > most:
            yield inspection.alert(
                "backup-old",
                SYSTEM,
                f"There is no verified backup, and data have been published for {span(inspection.now - first)}; "
                f"{promised}",
            )
    elif newest.age(inspection.now) > most:
        yield inspection.alert(
            "backup-old",
            SYSTEM,
            f"The newest verified backup is of {newest.taken_at:%Y-%m-%d %H:%M} UTC, "
            f"{span(newest.age(inspection.now))} ago; {promised}",
        )


def _said(error: str | None) -> str:
    """An error of somebody else, for people."""
    return redact.text(error or "nothing was noted")[:ERROR_CHARACTERS]


RULES: Mapping[str, Rule] = {
    "stale": stale,
    "upstream-still": upstream_still,
    "zero-rows": zero_rows,
    "file-damaged": file_damaged,
    "error-rate": error_rate,
    "publish-failures": publish_failures,
    "staged-too-long": staged_too_long,
    "held": held,
    "lease-expired": lease_expired,
    "publish-given-up": publish_given_up,
    "late": late,
    "groups-failing": groups_failing,
    "success-rate": success_rate,
    "disk-low": disk_low,
    "backup-old": backup_old,
}
"""By the kind of what it finds."""
