"""Errors by which a task says to its callback what kind of failure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from include.publishing.verdict import Verdict


class DecisionRefused(AirflowFailException):
    """What was asked for cannot be done, and nothing was: who asked reads why, and nobody else is notified."""


class CandidateRejected(AirflowFailException):
    """The gate's no to a version, with its verdict: the alert shows the failing checks with rows."""

    def __init__(self, sentence: str, verdict: Verdict) -> None:
        super().__init__(sentence)
        self.verdict = verdict


class StepsKilled(AirflowException):
    """What the watcher found: steps that failed without a word of their own."""

    def __init__(self, steps: tuple[str, ...]) -> None:
        super().__init__(f"{', '.join(steps)}: killed, or its worker was lost; no error was noted")
        self.steps = steps
