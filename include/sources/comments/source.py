"""Comments of social platforms as a source: what its DAG needs to know at parse time, and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from include.quality.tolerance import Tolerance
from include.sources.source import Built, Collected, Probe, Run, Schema, Spec
from include.upstream.limits import Limits

if TYPE_CHECKING:
    from include.publishing.candidate import Candidate
    from include.upstream.session import UpstreamSession

AUTHORS = "comments_authors"
"""The connection whose password is the key of author hashes."""


class Comments:
    """Comments on posts, from files that scrapers exported and from datasets of Apify."""

    spec = Spec(
        name="comments",
        title="Social comments",
        owner="comments-data",
        schedule="0 3 * * *",
        host="https://api.apify.com",
        small="v2/users/me",
        # Of the 200 requests a second that Apify allows a user for a dataset.
        limits=Limits(per_second=5.0, total_seconds=300.0, max_bytes=256 * 2**20),
        # Exports tell how things are now, whenever they are taken.
        merges=True,
        inbox="comments_inbox",
        keys=(AUTHORS,),
        options=("datasets", "catalogue", "classifier"),
        without_host=(
            "There is nothing to collect comments from: set the Variable comments_inbox to a folder or bucket, or the "
            "connection comments_api with datasets to read in its extra; make run SOURCES=comments shows the pipeline "
            "at work on sample data."
        ),
        # Exports are made by hand and by browser plug-ins: a damaged one is no fault of the platform's.
        tolerance=Tolerance(share=0.2, least=100),
        done_within=timedelta(hours=4),
        fresh_within=timedelta(hours=36),
        tags=("social", "files"),
    )

    def schema(self) -> Schema:
        """Its tables."""
        from include.sources.comments import tables

        return Schema(tables.TABLES, tables.SCHEMA_VERSION, tables.MIGRATIONS)

    def probe(self, run: Run, upstream: UpstreamSession) -> Probe:
        """See extract.probe."""
        from include.sources.comments import extract

        return extract.probe(run, upstream)

    def extract(self, run: Run, upstream: UpstreamSession) -> Mapping[str, Any]:
        """See extract.extract."""
        from include.sources.comments import extract

        return extract.extract(run, upstream)

    def build(self, run: Run, candidate: Candidate) -> Built:
        """See build.build."""
        from include.sources.comments import build

        return build.build(run, candidate)


SOURCE: Collected = Comments()
