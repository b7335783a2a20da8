"""The sandbox's way to run a source without Airflow, by the name that tests know it by."""

from include.pipeline import OpenRun
from include.storage.landing import Landed, Landing
from sandbox.daily import FORMS, START, DailyRuns, make_run

__all__ = ["FORMS", "START", "DailyRuns", "landing", "make_run"]


def landing(run: OpenRun, unit: str | None = None) -> Landing:
    """What a run, or a unit of it, has landed so far, for a test to read and to spoil."""
    prefix = "/".join(filter(None, ["raw", run.source, run.version, unit]))
    found = Landed.present(run.store, prefix)
    assert found is not None, f"nothing landed in {prefix}"
    return Landing(run.store, prefix, found.progress, found.progress.owner)
