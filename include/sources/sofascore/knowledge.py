"""What is known of each match before a run asks: from the last good version, and from what landed since.

A run that ended before its candidate was sealed, or whose candidate passed its gate and lost to another one, has
landed answers that no version holds. The next run takes them over instead of asking again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from include.publishing import manifest as manifests
from include.publishing.store import Store
from include.quality import gate
from include.sources.sofascore import match_tables
from include.sources.sofascore.replies import Reply
from include.sources.source import Run
from include.upstream.landing import PROGRESS, Landing, Part

DISCOVERY = "discover"
"""Where the lists and the plan of a run land, as units land under their keys."""
MATCHES = "matches"
"""The kind of the parts that hold replies."""
TAKEN = "taken"
"""Cursor: runs that were never published and whose landings a version took over."""
REPLAY = "replay"
"""Type of the runs whose landings are references to another's."""
_reply = msgspec.json.Decoder(Reply)


@dataclass(slots=True)
class Known:
    """A match as last seen. `none`: parts that are not there; `open`: parts to be asked for again."""

    competition: int
    season: int
    season_year: int
    state: str | None
    kickoff: datetime | None
    listing: str
    checked_at: datetime
    asked: bool = False
    none: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    published_open: set[str] = field(default_factory=set)
    """Those of them that latest holds as failed or refused."""


def data_time(run: Run) -> datetime:
    """The run's data time: the end of its interval, or latest's where that is newer.

    SofaScore tells how things are now, so a run that makes an older interval anew and merges it is not older
    than what it merges into.
    """
    latest = run.registry.latest(run.source)
    return max(run.interval_end, latest.as_of) if latest else run.interval_end


def unit_prefix(source: str, version: str, key: str) -> str:
    """Where a unit of a run lands."""
    return f"raw/{source}/{version}/{key}"


def left_over(run: Run) -> list[str]:
    """Other runs of which something landed that no version holds, oldest first."""
    root = f"raw/{run.source}"
    landed = {key.split("/")[2] for key in run.store.list(root)} - {run.version}
    taken = set(run.registry.cursors(run.source).get(TAKEN, []))
    sealed = {row.version: row for row in run.registry.versions(run.source)}
    unsealed = _unsealed(run)

    def usable(version: str) -> bool:
        if version not in sealed:
            return version in unsealed and manifests.read(run.store, run.source, version) is None
        if sealed[version].state not in {"superseded", "failed"} or sealed[version].published_at is not None:
            return False
        verdict = gate.read(run.store, run.source, version)
        return verdict is not None and verdict.passed

    def began(version: str) -> datetime:
        # A backfill's version bears its old interval, so versions do not sort by age.
        return run.store.modified(run.store.key(unit_prefix(run.source, version, DISCOVERY), PROGRESS))

    usable_ones = [
        version
        for version in sorted(landed - taken)
        if usable(version) and any(replies(landing) for landing in landings(run.store, run.source, version))
    ]
    return sorted(usable_ones, key=began)


def _unsealed(run: Run) -> set[str]:
    """Versions whose run is known to have collected on its own, and not to have built.

    That a version has no row and no manifest does not tell: retention forgets those that were published, also the
    wrong ones that somebody rolled back, before their raw goes.
    """
    with run.registry.cursor() as cursor:
        cursor.execute(
            "SELECT version FROM lastgood.pipeline_run WHERE source = %s AND run_type IS DISTINCT FROM %s "
            "AND (NOT steps ? 'build' OR steps -> 'build' ? 'error')",
            (run.source, REPLAY),
        )
        return {row["version"] for row in cursor.fetchall()}


def replies(landing: Landing) -> list[Part]:
    """The parts of a landing that hold replies."""
    return [part for part in landing.progress.parts if part.kind == MATCHES]


def landings(store: Store, source: str, version: str) -> Iterator[Landing]:
    """The landings of a run's units, complete or not."""
    root = f"raw/{source}/{version}"
    below = (key.removeprefix(f"{root}/") for key in store.list(root))
    for key in sorted({key.split("/")[0] for key in below if "/" in key}):
        landing = Landing.present(store, unit_prefix(source, version, key))
        if landing is not None:
            yield landing


def load(run: Run, versions: list[str]) -> dict[int, Known]:
    """Every known match: of the last good version, and of these runs' landings."""
    known = _published(run)
    for version in versions:
        for landing in landings(run.store, run.source, version):
            for line in landing.read(MATCHES):
                _learn(known, _reply.decode(line))
    return known


def _published(run: Run) -> dict[int, Known]:
    latest = run.registry.latest(run.source)
    if latest is None:
        return {}
    manifest = manifests.require(run.store, run.source, latest.version)

    def rows(table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        files = [file.path for file in manifest.table(table).files]
        for batch in run.store.dataset(files).to_batches(columns=list(columns)):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    columns = (
        "match_id",
        "competition_id",
        "season_id",
        "season_year",
        "state",
        "kickoff_at",
        "listing_hash",
    )
    known = {
        match: Known(*described)
        for match, *described in rows(match_tables.MATCHES.name, *columns, "checked_at")
    }
    answered: dict[int, set[str]] = {}
    for match, part, state in rows(match_tables.MATCH_PARTS.name, "match_id", "part", "state"):
        if match in known:
            answered.setdefault(match, set()).update([part] if state in {"done", "none"} else [])
            if state == "none":
                known[match].none.add(part)
    for match, parts in answered.items():
        one = known[match]
        one.asked = True
        one.open = set(match_tables.PARTS) - parts if one.state in match_tables.PLAYED else set()
        one.published_open = set(one.open)
    return known


def _learn(known: dict[int, Known], reply: Reply) -> None:
    """Take a landed reply into account, unless it lacks its event and gives no rows, or something newer is known."""
    old = known.get(reply.match)
    if "event" not in reply.parts or (old is not None and old.asked and old.checked_at > reply.asked_at):
        return
    known[reply.match] = Known(
        reply.competition,
        reply.season,
        reply.season_year,
        old.state if old else None,
        old.kickoff if old else None,
        reply.listing,
        reply.asked_at,
        asked=True,
        none={*(old.none if old else ()), *reply.none} - reply.parts.keys(),
        open={*(old.open if old else ()), *reply.failed} - reply.parts.keys() - set(reply.none),
        published_open=old.published_open if old else set(),
    )
