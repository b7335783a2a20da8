"""The weekly figures of comments as a source: what its DAG needs to know at parse time, and its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.sources.source import Built, Exported, News, Run, Schema, Spec

if TYPE_CHECKING:
    from include.publishing.candidate import Candidate
    from include.publishing.manifest import Manifest
    from include.storage.reading import Reader
    from include.storage.store import Store


class CommentsWeekly:
    """What the comments of a week say, and the brief of it."""

    spec = Spec(
        name="comments_weekly",
        title="Comments by week",
        owner="comments-data",
        # After the comments of Sunday were collected, on Monday at three.
        schedule="0 9 * * 1",
        derived=True,
        inputs=("comments",),
        # Its tables hold all weeks: an older one is built into what is known now.
        merges=True,
        done_within=timedelta(hours=2),
        fresh_within=timedelta(days=8),
        tags=("social", "derived"),
    )

    def schema(self) -> Schema:
        """Its tables."""
        from include.sources.comments_weekly import tables

        return Schema(tables.TABLES, tables.SCHEMA_VERSION, tables.MIGRATIONS)

    def build(self, run: Run, candidate: Candidate) -> Built:
        """See build.build."""
        from include.sources.comments_weekly import build

        return build.build(run, candidate)

    def export(
        self, store: Store, manifest: Manifest, published_at: datetime, moves: int
    ) -> Mapping[str, Any]:
        """The briefs (export.export), then the dashboard (dashboard.export)."""
        from include.sources.comments_weekly import dashboard, export

        briefs = export.export(store, manifest, published_at, moves)
        return {**briefs, "dashboard": dashboard.export(store, manifest, published_at, moves)}

    def news(self, read: Reader, manifest: Manifest, now: datetime) -> Sequence[News]:
        """See news.news."""
        from include.sources.comments_weekly import news

        return news.news(read, manifest, now)


SOURCE: Exported = CommentsWeekly()
