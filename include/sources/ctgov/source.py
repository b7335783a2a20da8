"""ClinicalTrials.gov as a source: what its DAG needs to know at parse time, and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from include.sources.source import Built, Collected, Probe, Run, Schema, Spec
from include.upstream.limits import Limits

if TYPE_CHECKING:
    from include.publishing.candidate import Candidate
    from include.upstream.session import UpstreamSession


class ClinicalTrials:
    """ClinicalTrials.gov, collected through its API of version 2."""

    spec = Spec(
        name="ctgov",
        title="ClinicalTrials.gov",
        owner="clinical-data",
        # New data appears Monday to Friday at about 14:00 UTC; on the other days a slice is read again.
        schedule="30 15 * * *",
        host="https://clinicaltrials.gov",
        small="api/v2/version",
        # No quota is published; robots.txt asks for one request a second.
        limits=Limits(per_second=1.0, burst=1),
        done_within=timedelta(hours=4),
        fresh_within=timedelta(hours=36),
        # More than a hundred studies are new on each working day; around holidays five days may pass without one.
        grows=("studies", timedelta(days=6)),
        tags=("clinical", "api"),
    )

    def schema(self) -> Schema:
        """Its tables."""
        from include.sources.ctgov import tables

        return Schema(tables.TABLES, tables.SCHEMA_VERSION, tables.MIGRATIONS)

    def probe(self, run: Run, upstream: UpstreamSession) -> Probe:
        """See extract.probe."""
        from include.sources.ctgov import extract

        return extract.probe(run, upstream)

    def extract(self, run: Run, upstream: UpstreamSession) -> Mapping[str, Any]:
        """See extract.extract."""
        from include.sources.ctgov import extract

        return extract.extract(run, upstream)

    def build(self, run: Run, candidate: Candidate) -> Built:
        """See build.build."""
        from include.sources.ctgov import build

        return build.build(run, candidate)


SOURCE: Collected = ClinicalTrials()
