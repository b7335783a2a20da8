"""The compounds in clinical studies as a source: what its DAG needs to know at parse time, and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.sources.source import Built, Exported, Run, Schema, Spec

if TYPE_CHECKING:
    from include.publishing.candidate import Candidate
    from include.publishing.manifest import Manifest
    from include.storage.store import Store


class Clinical:
    """Which compounds are in which studies, from ctgov and pubchem."""

    spec = Spec(
        name="clinical",
        title="Compounds in clinical studies",
        owner="clinical-data",
        schedule=None,
        derived=True,
        inputs=("ctgov", "pubchem"),
        done_within=timedelta(hours=2),
        fresh_within=timedelta(hours=6),
        tags=("clinical", "derived"),
    )

    def schema(self) -> Schema:
        """Its tables."""
        from include.sources.clinical import tables

        return Schema(tables.TABLES, tables.SCHEMA_VERSION, tables.MIGRATIONS)

    def build(self, run: Run, candidate: Candidate) -> Built:
        """See build.build."""
        from include.sources.clinical import build

        return build.build(run, candidate)

    def export(
        self, store: Store, manifest: Manifest, published_at: datetime, moves: int
    ) -> Mapping[str, Any]:
        """See export.export."""
        from include.sources.clinical import export

        return export.export(store, manifest, published_at, moves)


SOURCE: Exported = Clinical()
