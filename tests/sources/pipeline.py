"""The sandbox's way to run a source without Airflow, by the name that tests know it by."""

from include.publishing import runlog
from include.sources.source import Run
from sandbox.pipeline import FORMS, START, Pipeline, make_run

__all__ = ["FORMS", "START", "Pipeline", "begun", "make_run"]


def begun(run: Run) -> None:
    """Enter a run in the run log, as its first task does."""
    runlog.start(
        run.registry,
        source=run.source,
        version=run.version,
        dag_id=run.source,
        run_id=run.run_id,
        interval_start=None,
        interval_end=run.interval_end,
        env="test",
        code_version="test",
        run_type="scheduled",
    )
