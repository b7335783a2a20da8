"""What a step noted is a record: who reads the run log of another room knows its names and types."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from include.registry import run_log, steps
from include.registry.registry import Registry
from tests import toy

END = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def entered(registry: Registry) -> Registry:
    run_log.start(
        registry, source=toy.SOURCE, version="v1", dag_id=toy.SOURCE, run_id="r", interval_start=None,
        interval_end=END, env="test", code_version="test",
    )  # fmt: skip
    return registry


def noted(registry: Registry) -> steps.Steps:
    run = run_log.ended(registry, toy.SOURCE, "r")
    assert run is not None
    return run.steps


def test_a_step_is_read_as_it_was_noted_and_facts_of_its_own_stay_beside(entered: Registry) -> None:
    with run_log.step(entered, toy.SOURCE, "v1", "probe") as facts:
        facts.update(new=True, reason="the upstream has more", without_host=True)
    with (
        pytest.raises(ValueError, match="boom"),
        run_log.step(entered, toy.SOURCE, "v1", "extract Cup", tried_again=lambda _: True),
    ):
        raise ValueError("boom")
    probe, extract = noted(entered)["probe"], noted(entered)["extract Cup"]
    assert (probe.tries, probe.error, probe.without_host) == (1, None, True) and probe.started is not None
    assert (extract.error, extract.tried_again) == ("ValueError: boom", True)
    with entered.transaction() as cursor:
        cursor.execute("SELECT steps -> 'probe' ->> 'reason' AS reason FROM lastgood.pipeline_run")
        assert cursor.fetchone() == {"reason": "the upstream has more"}


def test_a_fact_under_a_name_that_others_read_has_its_type(entered: Registry) -> None:
    with (
        pytest.raises(msgspec.ValidationError, match=r"Expected `array \| null`, got `int` - at `\$.units`"),
        run_log.step(entered, toy.SOURCE, "v1", "discover") as facts,
    ):
        facts["units"] = 7
    assert noted(entered) == {}


@pytest.mark.parametrize("name", sorted(steps.OWN))
def test_no_fact_takes_the_place_of_what_the_run_log_notes_itself(entered: Registry, name: str) -> None:
    with (
        pytest.raises(ValueError, match=f"probe notes {name}, which the run log notes of each step"),
        run_log.step(entered, toy.SOURCE, "v1", "probe") as facts,
    ):
        facts[name] = 1
