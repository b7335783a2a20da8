"""SofaScore as a source: what its DAG needs to know at parse time, and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from include.sources.source import Built, Discovered, Divided, Probe, Run, Schema, Spec
from include.upstream.limits import Limits

if TYPE_CHECKING:
    from include.publishing.candidate import Candidate
    from include.upstream.session import UpstreamSession


class SofaScore:
    """SofaScore, collected by competition and season."""

    spec = Spec(
        name="sofascore",
        title="SofaScore football matches",
        owner="football-data",
        schedule="0 5 * * *",
        small="api/v1/unique-tournament/17/seasons",
        # No terms of use are published: as gently as a season of 380 matches allows within the hour.
        limits=Limits(per_second=2.0, concurrency=2, total_seconds=120.0),
        units="competition-season",
        # It tells how things are now, so an older interval is rebuilt within what is known now.
        merges=True,
        # One season of 380 matches is 3,400 requests; a first run collects some 200 of them, one after the other.
        extract_timeout=timedelta(hours=6),
        run_timeout=timedelta(hours=48),
        without_host=(
            "Live collection of SofaScore is off, since it publishes no terms of use and has refused permission: the "
            "connection sofascore_api has no default host, only an operator who holds the rights sets one, and "
            "make run SOURCES=sofascore shows the pipeline at work on the sample upstream."
        ),
        done_within=timedelta(hours=8),
        fresh_within=timedelta(hours=36),
        tags=("football", "api"),
    )

    def schema(self) -> Schema:
        """Its tables."""
        from include.sources.sofascore import tables

        return Schema(tables.TABLES, tables.SCHEMA_VERSION, tables.MIGRATIONS)

    def probe(self, run: Run, upstream: UpstreamSession) -> Probe:
        """See extract.probe."""
        from include.sources.sofascore import extract

        return extract.probe(run, upstream)

    def discover(self, run: Run, upstream: UpstreamSession) -> Discovered:
        """See discover.discover."""
        from include.sources.sofascore import discover

        return discover.discover(run, upstream)

    def extract_unit(self, run: Run, upstream: UpstreamSession, unit: str) -> Mapping[str, Any]:
        """See extract.extract_unit."""
        from include.sources.sofascore import extract

        return extract.extract_unit(run, upstream, unit)

    def build(self, run: Run, candidate: Candidate) -> Built:
        """See build.build."""
        from include.sources.sofascore import build

        return build.build(run, candidate)


SOURCE: Divided = SofaScore()
