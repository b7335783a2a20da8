"""What a step of a run noted, as far as others read it: the JSON of lastgood.pipeline_run.steps as a record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

TRIED_AGAIN = "tried_again"
"""Beside the error of a step that will be tried again."""

OWN = {"started", "seconds", "tries"}
"""What the run log notes of each step by itself."""


class StepNote(msgspec.Struct, frozen=True, kw_only=True):
    """The last try of a step. Besides these it may have noted facts of its own, which people read and nothing else."""

    started: datetime | None = None
    seconds: float = 0
    tries: int = 1
    error: str | None = None
    """Class and words of the error that ended it."""
    tried_again: bool = False
    """Whether it is tried again after the error."""
    without_host: bool = False
    """Of a probe: its source is not collected on purpose."""
    units: tuple[Any, ...] | None = None
    """Of a discovery: what is to be collected, one by one."""
    latest: str | None = None
    """Of a promotion: what was latest when it was done."""
    groups: int | None = None
    """Of a step that forms groups, as of sub-bands: how many it was to form."""
    groups_failed: int | None = None


Steps = Mapping[str, StepNote]


def read(steps: Mapping[str, Any]) -> Steps:
    """The steps of a run by name; `extract LABEL` is a unit. Raises msgspec.ValidationError for what no step notes."""
    return msgspec.convert(dict(steps), dict[str, StepNote])
