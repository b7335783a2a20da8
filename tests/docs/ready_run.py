"""`make run` in a process that has loaded Airflow already (tests/forks.py), in the folder that it is copied to."""

from __future__ import annotations

from sandbox import dagrun, environment, run


def load() -> None:
    """Start what a run needs and load Airflow, in this order: Airflow reads its settings when it is imported."""
    environment.prepare(["ctgov"], report=lambda _: None)
    dagrun.load()


def main(*arguments: str) -> int:
    """As on the command line."""
    return run.main(list(arguments))
