"""Fields that the forms of several DAGs share."""

from __future__ import annotations

from airflow.sdk import Param

from include.sources import source as sources

REASON = Param(type="string", minLength=3, title="Reason", description="Kept with your name; say why.")


def source(*, empty: str | None = None) -> Param:
    """Which source; where it may be left empty, `empty` says what that means.

    The names are proposals rather than the only choice, since a source that is no longer in the project may still
    have versions.
    """
    proposals = {"title": "Source", "examples": sources.names()}
    if empty is None:
        return Param(type="string", description="One of the sources.", **proposals)
    return Param(None, type=["null", "string"], description=f"Empty for {empty}.", **proposals)


def version(description: str, *, optional: bool = False) -> Param:
    """Which version."""
    if optional:
        return Param(None, type=["null", "string"], title="Version", description=description)
    return Param(type="string", title="Version", description=description)
