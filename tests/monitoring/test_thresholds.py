"""thresholds.yml is read strictly: a slip of the pen must not switch a rule off."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.monitoring import thresholds

GIVEN = thresholds.DEFAULT.read_text(encoding="utf-8")


def test_the_thresholds_of_the_issue_are_in_force() -> None:
    found = thresholds.load()
    assert found.publish_failures_per_hour == 5
    assert found.staged_hours == 24
    assert found.group_failures_percent == 10
    assert (found.success_rate_alert_percent, found.success_rate_goal_percent) == (95, 98)
    assert found.success_rate_runs == 30
    assert found.disk_free_percent == 20
    assert found.error_rate_percent == 1


def test_each_threshold_says_why() -> None:
    lines = GIVEN.splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            assert lines[number - 1].startswith("#"), f"{line} stands without its reason"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("staged_hours: 24", "staged_hour: 24", "staged_hour"),
        ("staged_hours: 24", "", "staged_hours"),
        ("staged_hours: 24", "staged_hours: a day", "staged_hours"),
        ("staged_hours: 24", "staged_hours: 0", "staged_hours"),
        ("staged_hours: 24", "staged_hours: 24\nstaged_hours: 240", "staged_hours stands twice"),
        ("disk_free_percent: 20", "disk_free_percent: 120", "disk_free_percent"),
        ("disk_free_percent: 20", "disk_free_percent: -1", "disk_free_percent"),
        ("disk_free_percent: 20", "disk_free_percent: .nan", "disk_free_percent"),
        ("publish_failures_per_hour: 5", "publish_failures_per_hour: 5.5", "publish_failures_per_hour"),
        ("success_rate_goal_percent: 98", "success_rate_goal_percent: 90", "above the goal"),
        ("success_rate_least_runs: 20", "success_rate_least_runs: 40", "never be judged"),
        (GIVEN, "", "thresholds.yml"),
        (GIVEN, "- 1", "thresholds.yml"),
        (GIVEN, "a: [", "thresholds.yml"),
        (GIVEN, "a: !!python/object:os.system {}", "thresholds.yml"),
    ],
)
def test_a_mistake_is_refused_naming_file_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "thresholds.yml"
    assert old in GIVEN
    path.write_text(GIVEN.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=says) as refused:
        thresholds.load(path)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="missing"):
        thresholds.load(tmp_path / "missing.yml")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="binary"):
        thresholds.load(tmp_path / "binary.yml")
