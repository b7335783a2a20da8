"""What an error says by its type: whether another try of the same task can help."""

from __future__ import annotations


class NonRetryable(Exception):
    """Every further try would end the same way: a person, or another run, has to do something first.

    Whatever is no NonRetryable may be tried again. Retries of Airflow go by it (lastgood.operators.steps).
    """
