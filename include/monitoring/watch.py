"""What the watch DAG looks at: one rule for each kind of trouble that no run tells of itself.

A rule answers an alert for each trouble that it finds now; what it no longer finds is over. It needs the registry's
log, the store and the disks, never Airflow.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from include.alerting import redact
from include.alerting.alert import HOUSE, Alert
from include.alerting.words import span
from include.monitoring import status
from include.monitoring.consumers import consumers
from include.monitoring.thresholds import Thresholds
from include.publishing import backup as backups
from include.publishing import manifest as manifests
from include.publishing import recovery, replay
from include.publishing.listing import Entry, listing
from include.publishing.registry import Latest, Registry, said
from include.publishing.store import Store
from include.quality import gate
from include.sources import source as sources
from include.sources.source import Spec
from include.steps import BUILT_FROM

ERROR_CHARACTERS = 500
NAMED = 3
"""So many damaged files are named."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
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

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """The answer of the registry."""
        with self.registry.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall()

    def alert(self, kind: str, source: str, cause: str, *, what: str = "") -> Alert:
        """A finding. Each look at the same trouble is another occurrence."""
        return Alert(
            kind=kind,
            source=source,
            what=what,
            at=self.now,
            occurrence=self.now.isoformat(),
            cause=cause,
            consumers=consumers(self.registry, source, self.now),
        )


Rule = Callable[[Look], Iterator[Alert]]


@dataclass(frozen=True, slots=True)
class Observation:
    """What the rules found, and which of them could not look."""

    alerts: list[Alert] = field(default_factory=list)
    blind: dict[str, str] = field(default_factory=dict)
    """Kinds whose rule failed, and why: of those nothing is known, so none is over."""

    @property
    def seen(self) -> set[str]:
        """Kinds of which it is known whether there are any."""
        return RULES.keys() - self.blind.keys()

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
    look = Look(
        registry=registry,
        store=store,
        thresholds=thresholds,
        now=now,
        backup=backup,
        folders=folders or {},
        specs={name: sources.spec(name) for name in sources.names()} if specs is None else specs,
    )
    observation = Observation()
    for kind, rule in RULES.items():
        try:
            observation.alerts.extend(rule(look))
        except Exception as error:
            # Whatever is wrong with one rule must not blind the others.
            log.exception("the rule %s could not look", kind)
            observation.blind[kind] = redact.text(f"{type(error).__name__}: {said(error)}")[:ERROR_CHARACTERS]
    return observation


def import_errors(registry: Registry, thresholds: Thresholds, now: datetime) -> set[str]:
    """Fingerprints of files that could not be read lately: the dag-processor says so again at each attempt."""
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT fingerprint FROM lastgood.alert "
            "WHERE kind = 'import-error' AND recovered_at IS NULL AND last_seen > %s",
            (now - timedelta(minutes=thresholds.import_error_minutes),),
        )
        return {row["fingerprint"] for row in cursor.fetchall()}


# --- the data ---


def stale(look: Look) -> Iterator[Alert]:
    """No run has replaced latest or found it current for longer than the source promises."""
    for source, spec in look.specs.items():
        latest = look.registry.latest(source)
        if latest is None:
            continue
        promised = span(spec.fresh_within)
        if spec.derived:
            for name, version, waited in _waiting(look, source, spec):
                if waited > spec.fresh_within:
                    yield look.alert(
                        "stale",
                        source,
                        f"Version {version} of {name} has waited for {span(waited)} to be built in; at most "
                        f"{promised} are promised.",
                    )
                    break
        else:
            last = _last_good_run(look, source)
            if look.now - last > spec.fresh_within:
                yield look.alert(
                    "stale",
                    source,
                    f"The last run that published {source} or found nothing new ended {span(look.now - last)} "
                    f"ago, at {last:%Y-%m-%d %H:%M} UTC; at most {promised} are promised.",
                )


def _last_good_run(look: Look, source: str) -> datetime:
    """When a version was last published from what the upstream had then, or latest was found current.

    A backfill or a replay is neither, whatever it published, nor a run that had no host to ask, or whose candidate did
    not become latest. The time of latest's data stands in where nothing else is known.
    """
    (row,) = look.rows(
        "SELECT coalesce("
        "  greatest((SELECT max(p.ended) FROM lastgood.pipeline_run p WHERE p.source = l.source "
        "      AND (p.status = 'skipped' OR (p.status = 'ok' AND p.steps -> 'promote' ->> 'latest' = p.version)) "
        "      AND NOT coalesce(p.run_type = ANY(%(neither)s), false) "
        "      AND p.steps -> 'probe' ->> 'without_host' IS DISTINCT FROM 'true'), "
        "    (SELECT max(v.published_at) FROM lastgood.dataset_version v WHERE v.source = l.source "
        "      AND NOT EXISTS (SELECT FROM lastgood.pipeline_run p "
        "        WHERE (p.source, p.version) = (v.source, v.version) AND p.run_type = ANY(%(neither)s)))), "
        "  (SELECT v.as_of FROM lastgood.dataset_version v WHERE (v.source, v.version) = (l.source, l.version))"
        ") AS last FROM lastgood.latest l WHERE l.source = %(source)s",
        source=source,
        neither=["backfill", replay.RUN_TYPE],
    )
    last: datetime = row["last"]
    return last


def _waiting(look: Look, source: str, spec: Spec) -> Iterator[tuple[str, str, timedelta]]:
    """Inputs whose latest version is not the one that a derived source was built from, and for how long."""
    built_from = look.registry.cursors(source).get(BUILT_FROM) or {}
    for name in spec.inputs:
        latest = look.registry.latest(name)
        if latest is not None and built_from.get(name) != latest.version:
            yield name, latest.version, look.now - latest.since


def zero_rows(look: Look) -> Iterator[Alert]:
    """A table of latest is empty that had rows in one of the last published versions."""
    rows = look.rows(
        "SELECT l.source, now.table_name, before.version, before.rows FROM lastgood.latest l "
        "JOIN lastgood.change_summary now ON (now.source, now.version) = (l.source, l.version) "
        "CROSS JOIN LATERAL (SELECT c.version, c.rows FROM ("
        "    SELECT v.version, v.published_at FROM lastgood.dataset_version v WHERE v.source = l.source "
        "    AND v.published_at IS NOT NULL ORDER BY v.published_at DESC LIMIT %(versions)s) v "
        "  JOIN lastgood.change_summary c ON (c.source, c.version, c.table_name) "
        "    = (l.source, v.version, now.table_name) "
        "  WHERE c.rows > 0 ORDER BY v.published_at DESC LIMIT 1) before "
        "WHERE now.rows = 0 ORDER BY l.source, now.table_name",
        versions=look.thresholds.zero_rows_versions,
    )
    for row in rows:
        yield look.alert(
            "zero-rows",
            row["source"],
            f"Table {row['table_name']} has 0 rows in latest; version {row['version']} had {row['rows']}.",
            what=row["table_name"],
        )


def file_damaged(look: Look) -> Iterator[Alert]:
    """A file of latest or of the version before it, which is the way back, is not the one that was checked.

    It is missing, has another size, or was written after its checks and holds other bytes. One listing per source;
    bytes are read only of files that were written within the last hour, and as long as damage is known. Bytes that rot
    without a write are found by verifying (docs/runbook.md, file-damaged).
    """
    for source in look.specs:
        latest = look.registry.latest(source)
        if latest is None:
            continue
        if damaged := list(_damaged(look, latest)):
            more = f" and {len(damaged) - NAMED} more" if len(damaged) > NAMED else ""
            yield look.alert("file-damaged", source, f"{'; '.join(damaged[:NAMED])}{more}.")


def _damaged(look: Look, latest: Latest) -> Iterator[str]:
    """A sentence for each damaged file, once where both versions need it."""
    source = latest.source
    known = look.rows(
        "SELECT 1 FROM lastgood.alert WHERE recovered_at IS NULL AND kind = 'file-damaged' AND source = %(source)s",
        source=source,
    )
    lately = None if known else look.now - timedelta(hours=1)
    there, seen = listing(look.store, f"versions/{source}"), set[str]()
    for version, words in ((latest.version, "latest"), (latest.previous, "the version before latest")):
        if version is not None:
            for path, sentence in _altered(look, source, version, there, lately):
                if path not in seen:
                    seen.add(path)
                    yield f"of {words}, {version}: {sentence}"


def _altered(
    look: Look, source: str, version: str, there: Mapping[str, Entry], lately: datetime | None
) -> Iterator[tuple[str, str]]:
    """Each file of a version that is not what was checked, and a sentence about it."""
    manifest, verdict = manifests.read(look.store, source, version), gate.read(look.store, source, version)
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
        elif entry.modified > since and look.store.sha256(file.path) != file.sha256:
            written = f"{entry.modified:%Y-%m-%d %H:%M} UTC"
            yield file.path, f"{file.path} was written at {written} and holds other bytes"


def error_rate(look: Look) -> Iterator[Alert]:
    """Too much of the newest candidate was refused, or too many questions of the newest run had no answer."""
    most = look.thresholds.error_rate_percent
    for source in look.specs:
        said = []
        for refused, of, words in (_refused(look, source), _unanswered(look, source)):
            if of and 100 * refused / of > most:
                said.append(f"{refused} of {of} {words} ({100 * refused / of:.1f} %)")
        if said:
            yield look.alert("error-rate", source, f"{'; '.join(said)}; at most {most:g} % are accepted.")


def _refused(look: Look, source: str) -> tuple[int, int, str]:
    """Rows in the quarantine of the newest candidate, of those that came; of all its rows where nobody counted."""
    newest = look.rows(
        "SELECT version FROM lastgood.dataset_version WHERE source = %(source)s ORDER BY staged_at DESC LIMIT 1",
        source=source,
    )
    if not newest:
        return 0, 0, ""
    version = newest[0]["version"]
    manifest = manifests.read(look.store, source, version)
    if manifest is None:  # retention took it
        return 0, 0, ""
    refused = manifest.quarantine.rows
    of = manifest.counts.get("received") or refused + sum(entry.rows for entry in manifest.tables)
    return refused, of, f"records of version {version} were refused and are in its quarantine"


_TOTALS = ("asked", "items", "matches")
"""What extract steps call the number of things they asked for, beside `failed` of them."""


def _unanswered(look: Look, source: str) -> tuple[int, int, str]:
    """What the extract steps of the newest run that had any counted as failed, of what they asked for.

    A step counts at the top of its facts, or for several kinds of things one level below.
    """
    rows = look.rows(
        "SELECT run_id, jsonb_path_query_array(steps, '$.keyvalue() ? (@.key starts with \"extract\").value') AS facts "
        "FROM lastgood.pipeline_run WHERE source = %(source)s "
        "AND jsonb_path_exists(steps, '$.keyvalue() ? (@.key starts with \"extract\")') "
        "ORDER BY started DESC LIMIT 1",
        source=source,
    )
    failed = of = 0
    for facts in rows[0]["facts"] if rows else ():
        for counts in (facts, *(value for value in facts.values() if isinstance(value, dict))):
            total = next((counts[name] for name in _TOTALS if isinstance(counts.get(name), int)), None)
            if total is not None and isinstance(counts.get("failed"), int):
                failed, of = failed + counts["failed"], of + total
    return failed, of, f"questions of run {rows[0]['run_id']} had no answer" if rows else ""


# --- publishing ---


def publish_failures(look: Look) -> Iterator[Alert]:
    """Publishing a source failed too often within an hour, whatever has been published since."""
    rows = look.rows(
        "SELECT source, count(*) AS n, (array_agg(error ORDER BY at DESC))[1] AS error "
        "FROM lastgood.publish_attempt WHERE error IS NOT NULL AND at > %(since)s AND at <= %(now)s "
        "GROUP BY source HAVING count(*) > %(most)s ORDER BY source",
        since=look.now - timedelta(hours=1),
        now=look.now,
        most=look.thresholds.publish_failures_per_hour,
    )
    for row in rows:
        yield look.alert(
            "publish-failures",
            row["source"],
            f"Publishing failed {row['n']} times in the last hour; at most "
            f"{look.thresholds.publish_failures_per_hour} are accepted. The last said: {_said(row['error'])}",
        )


def staged_too_long(look: Look) -> Iterator[Alert]:
    """A candidate has been staged for too long."""
    rows = look.rows(
        "SELECT source, version, staged_at, publish_error, EXISTS (SELECT FROM lastgood.check_result c "
        "  WHERE c.source = v.source AND c.version = v.version) AS judged "
        "FROM lastgood.dataset_version v WHERE state = 'staged' AND staged_at < %(before)s ORDER BY source, staged_at",
        before=look.now - timedelta(hours=look.thresholds.staged_hours),
    )
    for row in rows:
        said = f" Publishing said: {_said(row['publish_error'])}" if row["publish_error"] else ""
        yield look.alert(
            "staged-too-long",
            row["source"],
            f"Version {row['version']} has been staged for {span(look.now - row['staged_at'])}, "
            f"{'judged and not published' if row['judged'] else 'without a verdict'}; at most "
            f"{look.thresholds.staged_hours:g} hours are accepted.{said}",
            what=row["version"],
        )


def lease_expired(look: Look) -> Iterator[Alert]:
    """A version is being published beyond its lease, and nobody is moving latest at this moment."""
    rows = look.rows(
        "SELECT source, version, lease_owner, lease_until FROM lastgood.dataset_version "
        "WHERE state = 'publishing' AND lease_until < %(now)s ORDER BY source, version",
        now=look.now,
    )
    for row in rows:
        if recovery.is_moving(look.registry, row["source"]):  # a long one
            continue
        yield look.alert(
            "lease-expired",
            row["source"],
            f"Version {row['version']} is being published by {row['lease_owner']}, whose lease ran out "
            f"{span(look.now - row['lease_until'])} ago, at {row['lease_until']:%Y-%m-%d %H:%M} UTC.",
            what=row["version"],
        )


def publish_given_up(look: Look) -> Iterator[Alert]:
    """The recovery DAG has had all its rounds."""
    for each in recovery.stuck(look.registry, look.now):
        if each.given_up:
            yield look.alert(
                "publish-given-up",
                each.source,
                f"Version {each.version} was tried again in {each.rounds} of {recovery.ROUNDS} rounds, "
                f"{each.attempts} attempts failed in all. The last said: {_said(each.error)}",
                what=each.version,
            )


# --- runs ---


def groups_failing(look: Look) -> Iterator[Alert]:
    """Of the groups that a source's runs formed within a day, too many failed."""
    rows = look.rows(
        "SELECT p.source, sum((step.facts ->> 'groups')::numeric)::bigint AS groups, "
        "sum((step.facts ->> 'groups_failed')::numeric)::bigint AS failed "
        "FROM lastgood.pipeline_run p CROSS JOIN LATERAL jsonb_each(p.steps) AS step (name, facts) "
        "WHERE p.started > %(since)s AND jsonb_typeof(step.facts -> 'groups') = 'number' "
        "AND jsonb_typeof(step.facts -> 'groups_failed') = 'number' GROUP BY p.source ORDER BY p.source",
        since=look.now - timedelta(days=1),
    )
    most = look.thresholds.group_failures_percent
    for row in rows:
        if row["groups"] and 100 * row["failed"] / row["groups"] > most:
            yield look.alert(
                "groups-failing",
                row["source"],
                f"{row['failed']} of {row['groups']} groups of the last 24 hours could not be formed "
                f"({100 * row['failed'] / row['groups']:.1f} %); at most {most:g} % are accepted.",
            )


def success_rate(look: Look) -> Iterator[Alert]:
    """Too few of the last scheduled runs of a source succeeded."""
    limits = look.thresholds
    rates = status.success_rates(look.registry, look.specs, limits.success_rate_runs)
    for source, rate in rates.items():
        if rate.runs >= limits.success_rate_least_runs and rate.percent < limits.success_rate_alert_percent:
            yield look.alert(
                "success-rate",
                source,
                f"{rate}; at least {limits.success_rate_alert_percent:g} % are expected, "
                f"{limits.success_rate_goal_percent:g} % is the goal.",
            )


def breaker_open(look: Look) -> Iterator[Alert]:
    """Calls to an upstream failed so often that it is left alone, and its pause is not over."""
    by_connection = {spec.connection: source for source, spec in look.specs.items()}
    for row in look.rows(
        "SELECT name, failures, open_until, last_error FROM lastgood.breaker "
        "WHERE state <> 'closed' AND open_until > %(now)s ORDER BY name",
        now=look.now,
    ):
        source = by_connection.get(row["name"], HOUSE)
        yield look.alert(
            "breaker-open",
            source,
            f"{row['name']} is not asked before {row['open_until']:%Y-%m-%d %H:%M} UTC, since {row['failures']} "
            f"calls in a row failed. The last said: {_said(row['last_error'])}",
            what=row["name"] if source == HOUSE else "",
        )


# --- the house ---


def disk_low(look: Look) -> Iterator[Alert]:
    """Too little is free on a disk. Folders on the same disk make one finding."""
    folders = {**({"store": Path(look.store.root)} if look.store.local else {}), **look.folders}
    least, seen = look.thresholds.disk_free_percent, set[int]()
    for word, wanted in folders.items():
        folder = next(path for path in (wanted, *wanted.parents) if path.exists())
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        disk = shutil.disk_usage(folder)
        if 100 * disk.free < least * disk.total:
            yield look.alert(
                "disk-low",
                HOUSE,
                f"The disk of the {word} ({wanted}) has {disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB free "
                f"({100 * disk.free / disk.total:.0f} %); at least {least:g} % are expected.",
                what=word,
            )


def backup_old(look: Look) -> Iterator[Alert]:
    """The newest verified backup is too old, or there is none of what was published so long ago."""
    if look.backup is None:
        return
    most = timedelta(hours=look.thresholds.backup_hours)
    promised = f"at most {look.thresholds.backup_hours:g} hours are promised."
    newest = backups.newest(look.backup)
    if newest is None:
        (row,) = look.rows("SELECT min(published_at) AS first FROM lastgood.dataset_version")
        if row["first"] is not None and look.now - row["first"] > most:
            yield look.alert(
                "backup-old",
                HOUSE,
                f"There is no verified backup, and data have been published for {span(look.now - row['first'])}; "
                f"{promised}",
            )
    elif newest.age(look.now) > most:
        yield look.alert(
            "backup-old",
            HOUSE,
            f"The newest verified backup is of {newest.taken_at:%Y-%m-%d %H:%M} UTC, "
            f"{span(newest.age(look.now))} ago; {promised}",
        )


def _said(error: str | None) -> str:
    """An error of somebody else, for people."""
    return redact.text(error or "nothing was noted")[:ERROR_CHARACTERS]


RULES: Mapping[str, Rule] = {
    "stale": stale,
    "zero-rows": zero_rows,
    "file-damaged": file_damaged,
    "error-rate": error_rate,
    "publish-failures": publish_failures,
    "staged-too-long": staged_too_long,
    "lease-expired": lease_expired,
    "publish-given-up": publish_given_up,
    "groups-failing": groups_failing,
    "success-rate": success_rate,
    "breaker-open": breaker_open,
    "disk-low": disk_low,
    "backup-old": backup_old,
}
"""By the kind of what it finds."""
