"""What people are to hear of the last full week: its brief, and the velocity alerts in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pyarrow.dataset as ds

from include.publishing.manifest import Manifest
from include.sources.comments_weekly import compose, figures, tables, week
from include.sources.comments_weekly.export import POINTER, SITE, Latest, SiteBrief, decoded
from include.sources.source import News
from include.storage.reading import Reader
from include.storage.tables import Table


def news(read: Reader, manifest: Manifest, now: datetime) -> list[News]:
    """The brief of the last week that is over at `now` and its alerts, once they are exported.

    Older weeks are no news, so a backfill of them tells nobody anything.
    """
    monday = week.last_full_week(now)
    shown = _shown(read)
    if shown is None or shown.version != manifest.version:
        return []
    briefs = [brief for brief in shown.briefs if brief.week == monday]
    if not briefs:
        return []
    (brief,) = briefs
    return [_of_brief(brief), *_of_alerts(read, manifest, monday)]


def _shown(read: Reader) -> Latest | None:
    return decoded(read.read_bytes(POINTER)) if read.exists(POINTER) else None


def _of_brief(brief: SiteBrief) -> News:
    name = f"weekly-brief-{brief.week.isoformat()}.pdf"
    return News(
        kind="brief",
        what=brief.week.isoformat(),
        headline=f"the brief of {brief.period}",
        said=brief.headline,
        facts={"Week": brief.period, "Pages": str(brief.pages), "File": f"{SITE}/{brief.pdf.path}"},
        attachments={name: f"{SITE}/{brief.pdf.path}"},
    )


def _of_alerts(read: Reader, manifest: Manifest, monday: date) -> Iterator[News]:
    for row in _rows(read, manifest, tables.VELOCITY_ALERTS, monday):
        change = figures.percent(row["change_percent"])
        yield News(
            kind="velocity",
            what=f"{monday.isoformat()} {row['entity_id']}",
            headline=f"the sentiment about {row['name']} moved by {change} within {tables.VELOCITY_HOURS} hours",
            said=(
                f"From {figures.sentiment(row['earlier_sentiment'])} in {row['earlier_comments']} comments to "
                f"{figures.sentiment(row['recent_sentiment'])} in {row['recent_comments']}, until the end of "
                f"{week.words(monday)}: {row['level']}."
            ),
            severity="warning" if row["level"] == "critical" else "info",
            facts={"Week": week.words(monday), "Entity": row["entity_id"], "Level": row["level"]},
        )


def _rows(read: Reader, manifest: Manifest, table: Table, monday: date) -> list[dict[str, Any]]:
    keys = [file.path for file in manifest.table(table.name).files if file.part == monday.isoformat()]
    if not keys:
        return []
    found = read.dataset(keys, table.schema).to_table(filter=ds.field("week") == monday).to_pylist()
    return sorted(
        found, key=lambda row: (row["level"] != "critical", -abs(row["change_percent"]), row["entity_id"])
    )[: compose.ALERTS_SHOWN]
