"""Errors by which a task says to its callback what kind of failure it is."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException, AirflowFailException


class DecisionRefused(AirflowFailException):
    """What was asked for cannot be done, and nothing was: who asked reads why, and nobody else is notified."""


class CandidateRejected(AirflowFailException):
    """The gate's no to a version, which an operator may accept or not. The alert shows the failing checks with rows."""

    def __init__(self, sentence: str, version: str, *, acceptable: bool) -> None:
        super().__init__(sentence)
        self.version, self.acceptable = version, acceptable


class StepsKilled(AirflowException):
    """What the watcher found: steps that failed without a word of their own."""

    def __init__(self, steps: tuple[str, ...]) -> None:
        super().__init__(f"{', '.join(steps)}: killed, or its worker was lost; no error was noted")
        self.steps = steps
