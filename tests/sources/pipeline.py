"""The sandbox's way to run a source without Airflow, by the name that tests know it by."""

from sandbox.pipeline import FORMS, START, Pipeline, make_run

__all__ = ["FORMS", "START", "Pipeline", "make_run"]
