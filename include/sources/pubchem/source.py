"""PubChem as a source: what its DAG needs to know at parse time, and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from include.sources.pubchem import response_policy
from include.sources.source import Built, Collected, Probe, Run, Schema, Spec
from include.upstream.limits import Limits

if TYPE_CHECKING:
    from include.publishing.candidate import Candidate
    from include.upstream.session import UpstreamSession


class PubChem:
    """PubChem's compounds in clinical trials, and the names of ctgov's interventions."""

    spec = Spec(
        name="pubchem",
        title="PubChem clinical trials",
        owner="clinical-data",
        schedule="0 4 * * *",
        # Names of interventions are looked up; without a version of ctgov only that part is left out.
        inputs=("ctgov",),
        host="https://pubchem.ncbi.nlm.nih.gov",
        small="rest/pug/compound/cid/2244/property/Title/JSON",
        # The published quota (docs/upstreams/pubchem.md). Four threads, since an answer takes up to a second.
        limits=Limits(per_second=5.0, per_minute=400, concurrency=4, attempts=8, total_seconds=120.0),
        classifier=response_policy.classify,
        throttle_hint=response_policy.pause,
        done_within=timedelta(hours=6),
        fresh_within=timedelta(hours=36),
        # All registries are asked for every compound within seven days, and each of them has new trials every week.
        grows=("trials", timedelta(days=15)),
        tags=("clinical", "api"),
    )

    def schema(self) -> Schema:
        """Its tables."""
        from include.sources.pubchem import tables

        return Schema(tables.TABLES, tables.SCHEMA_VERSION, tables.MIGRATIONS)

    def probe(self, run: Run, upstream: UpstreamSession) -> Probe:
        """See extract.probe."""
        from include.sources.pubchem import extract

        return extract.probe(run, upstream)

    def extract(self, run: Run, upstream: UpstreamSession) -> Mapping[str, Any]:
        """See extract.extract."""
        from include.sources.pubchem import extract

        return extract.extract(run, upstream)

    def build(self, run: Run, candidate: Candidate) -> Built:
        """See build.build."""
        from include.sources.pubchem import build

        return build.build(run, candidate)


SOURCE: Collected = PubChem()
