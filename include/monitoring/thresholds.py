"""The thresholds of the watch DAG: thresholds.yml, read strictly, since a typing mistake there would watch nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import yaml

DEFAULT = Path(__file__).with_name("thresholds.yml")

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Hours = Annotated[float, msgspec.Meta(gt=0, le=24 * 366)]
Minutes = Annotated[float, msgspec.Meta(gt=0, le=24 * 60)]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each field is a key of thresholds.yml, where the reason for its value stands."""

    publish_failures_per_hour: Count
    staged_hours: Hours
    group_failures_percent: Percent
    success_rate_alert_percent: Percent
    success_rate_goal_percent: Percent
    success_rate_runs: Count
    success_rate_least_runs: Count
    error_rate_percent: Percent
    error_rate_least: Count
    zero_rows_versions: Count
    disk_free_percent: Percent
    backup_hours: Hours
    import_error_minutes: Minutes


def load(path: Path = DEFAULT) -> Thresholds:
    """The thresholds of a file.

    Raises ValueError naming the file and the key that is unknown, missing, there twice, of the wrong type or out of
    bounds, or that contradicts another one.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, yaml.SafeLoader)
        if isinstance(node, yaml.MappingNode):
            _refuse_repeated(node)
        found = msgspec.convert(yaml.safe_load(text), Thresholds)
        _refuse_contradictions(found)
    except (OSError, ValueError, yaml.YAMLError) as error:  # msgspec's errors are ValueErrors
        raise ValueError(f"{path}: {error}") from error
    return found


def _refuse_repeated(node: yaml.MappingNode) -> None:
    """YAML takes the last of two equal keys without a word."""
    keys = [key.value for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key {key} stands twice; keep one of them")


def _refuse_contradictions(found: Thresholds) -> None:
    if found.success_rate_alert_percent > found.success_rate_goal_percent:
        raise ValueError(
            f"success_rate_alert_percent is {found.success_rate_alert_percent:g}, above the goal of "
            f"{found.success_rate_goal_percent:g}; the alert must not be stricter than the goal"
        )
    if found.success_rate_least_runs > found.success_rate_runs:
        raise ValueError(
            f"success_rate_least_runs is {found.success_rate_least_runs}, more than the "
            f"{found.success_rate_runs} runs that are looked at; the rate would never be judged"
        )
