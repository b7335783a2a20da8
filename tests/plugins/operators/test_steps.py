"""When a run ends: once, by the step that ends it, and not while Airflow tries again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.operations import decisions, recovery
from include.publishing import promotion, race
from include.publishing.manifest import Manifest
from include.publishing.policy import Policy
from include.registry import run_log
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store
from tests import toy
from tests.counting import counted
from tests.publishing import quick
from tests.toy import source as toy_source

pytestmark = pytest.mark.usefixtures("airflow_connections")

RETRIES = 2


@pytest.fixture(autouse=True)
def _toy_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step asks for the spec of its source."""
    spec = sources.spec
    monkeypatch.setattr(sources, "spec", lambda name: toy_source.SPEC if name == toy.SOURCE else spec(name))


def context(
    run: str = "1", *, day: int = 1, tried: int = 1, retries: int = RETRIES, began: datetime | None = None
) -> Any:
    """What Airflow hands a task of the run `run-DAY-RUN` in one of its tries."""
    end = toy.START + timedelta(days=day)
    dag_run = SimpleNamespace(
        run_id=f"run-{day}-{run}",
        data_interval_start=end - timedelta(days=1),
        data_interval_end=end,
        run_after=end,
        run_type="scheduled",
        start_date=began or datetime(2026, 1, 1, tzinfo=UTC),
    )
    events: dict[Any, Any] = {ASSET: SimpleNamespace(extra=None)}
    task = SimpleNamespace(try_number=tried, max_tries=retries, task_id="any")
    return {"dag_run": dag_run, "params": {}, "ti": task, "outlet_events": events}


ASSET = Asset("toy")


def step(work: Callable[[], dict[str, Any]], name: str = "build", *, opens: bool = False) -> Any:
    """An operator of the source toy that does only this."""
    from lastgood.operators.steps import StepOperator

    class Step(StepOperator):
        opens_run = opens

        def work(self, run: Any, context: Any) -> dict[str, Any]:
            return work()

    return Step(task_id=name, source=toy.SOURCE, dag=DAG(toy.SOURCE, schedule=None))


def unit(label: str, work: Callable[[], dict[str, Any]]) -> Any:
    """The extract of one unit."""
    from lastgood.operators.steps import ExtractOperator, StepOperator

    class Extract(ExtractOperator):
        turn = StepOperator.turn  # which needs no upstream

        def work(self, run: Any, context: Any) -> dict[str, Any]:
            return work()

    key = {"key": label, "label": label}
    return Extract(task_id="extract", source=toy.SOURCE, unit=key, dag=DAG(toy.SOURCE, schedule=None))


def promote() -> Any:
    from lastgood.operators.steps import PromoteOperator

    return PromoteOperator(
        task_id="promote", source=toy.SOURCE, asset=ASSET, dag=DAG(toy.SOURCE, schedule=None)
    )


def well() -> dict[str, Any]:
    return {"well": True}


def boom() -> dict[str, Any]:
    raise OSError("boom")


def begun(context: Any) -> None:
    step(well, "probe", opens=True).execute(context)


def logged(registry: Registry, run: str = "run-1-1") -> dict[str, Any]:
    (found,) = [each for each in run_log.runs(registry) if each["run_id"] == run]
    return found


def candidate(store: Store, registry: Registry, rows: int, *, day: int, run: str = "") -> Manifest:
    """Judged, and its run begun."""
    begun(context(run, day=day))
    version = run_log.version_of(registry, toy.SOURCE, f"run-{day}-{run}")
    manifest = toy.stage(store, registry, rows, day=day, run=run, version=version)
    assert quick.judge(store, registry, manifest).passed
    return manifest


def test_a_failed_try_notes_its_step_and_the_run_ends_with_the_last_one(registry: Registry) -> None:
    begun(context())
    for tried in (1, RETRIES):
        with pytest.raises(OSError, match="boom"):
            step(boom).execute(context(tried=tried))
        run = logged(registry)
        assert (run["ended"], run["status"], run["failed_step"]) == (None, None, None)
        assert run["steps"]["build"]["error"] == "OSError: boom" and run["steps"]["build"]["tries"] == tried
        assert run["steps"]["build"]["tried_again"] is True
    with pytest.raises(OSError, match="boom"):
        step(boom).execute(context(tried=RETRIES + 1))
    run = logged(registry)
    assert run["ended"] and (run["status"], run["failed_step"]) == ("fail", "build")
    assert "tried_again" not in run["steps"]["build"]


def test_a_try_that_goes_well_leaves_no_trace_of_the_one_before(registry: Registry) -> None:
    begun(context())
    with pytest.raises(OSError, match="boom"):
        step(boom).execute(context())
    step(well).execute(context(tried=2))
    build = logged(registry)["steps"]["build"]
    assert "error" not in build and (build["tries"], build["well"]) == (2, True)
    assert logged(registry)["ended"] is None


def test_what_no_further_try_can_mend_ends_the_run_at_once(registry: Registry) -> None:
    def refused() -> dict[str, Any]:
        raise promotion.PromotionRefused("no verdict")

    begun(context())
    with pytest.raises(AirflowFailException, match="PromotionRefused: no verdict"):
        step(refused).execute(context())
    assert logged(registry)["status"] == "fail"


def test_recovery_leaves_an_older_candidate_alone_while_a_newer_run_waits_for_its_next_try(
    store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 10, day=1)
    older = candidate(store, registry, 11, day=2)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'failed', publish_error = 'full' WHERE version = %s",
            (older.version,),
        )
    run_log.end(registry, toy.SOURCE, older.version, "fail", failed_step="promote")
    begun(context("", day=3))
    with pytest.raises(OSError, match="boom"):
        step(boom).execute(context("", day=3))
    report = recovery.recover(store, registry, now=datetime.now(UTC) + timedelta(hours=1), specs={})
    assert report.tried == [] and report.promoted == {}


def test_a_task_that_is_cleared_opens_its_run_again_and_the_run_ends_as_that_ends(registry: Registry) -> None:
    begun(context())
    with pytest.raises(OSError, match="boom"):
        step(boom).execute(context(tried=3))
    ended = logged(registry)["ended"]
    with pytest.raises(OSError, match="boom"):
        step(boom).execute(context(tried=4, retries=5))
    run = logged(registry)
    assert (run["ended"], run["failed_step"]) == (None, None), "it was cleared, and tries are left"
    with pytest.raises(OSError, match="boom"):
        step(boom).execute(context(tried=6, retries=5))
    assert logged(registry)["ended"] > ended
    cleared = datetime.now(UTC) + timedelta(minutes=1)
    step(well, "extract").execute(context(tried=7, retries=9, began=cleared))
    run = logged(registry)
    assert (run["ended"], run["status"]) == (None, None), "from an earlier step on"
    assert run["started"] == cleared


def test_a_unit_that_fails_ends_the_run_as_partial_and_the_others_leave_it_so(registry: Registry) -> None:
    begun(context())
    with pytest.raises(OSError, match="boom"):
        unit("A", boom).execute(context(tried=3))
    ended = logged(registry)["ended"]
    unit("B", well).execute(context())
    with pytest.raises(OSError, match="boom"):
        unit("C", boom).execute(context(tried=3))
    run = logged(registry)
    assert (run["status"], run["failed_step"], run["ended"]) == ("partial", "extract A", ended)
    unit("A", well).execute(context(tried=4, retries=5))
    assert logged(registry)["ended"] is None, "it was cleared"


def test_a_step_of_a_run_that_the_run_log_does_not_know_says_what_to_do_and_is_not_tried_again(
    registry: Registry,
) -> None:
    begun(context())
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM lastgood.pipeline_run")
    done: list[None] = []
    with pytest.raises(AirflowFailException, match=r"RunNotOpen: .*Clear the run from its first task"):
        step(lambda: done.append(None) or {}).execute(context())
    assert not done


def test_a_run_whose_base_moved_ends_at_once_with_the_reason(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lastgood.operators.steps import BuildOperator

    toy.publish(store, registry, 10, day=1)
    toy.publish(store, registry, 11, day=2)
    begun(context(day=3))
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong")
    build = BuildOperator(task_id="build", source=toy.SOURCE, dag=DAG(toy.SOURCE, schedule=None))
    with pytest.raises(AirflowFailException, match=r"BaseMoved: .*made so by ana \(rollback\)"):
        build.execute(context(day=3))
    run = logged(registry, "run-3-1")
    assert (run["status"], run["failed_step"]) == ("fail", "build")
    # The whole run is cleared: it begins again upon what is latest now.
    begun(context(day=3, tried=2))
    version = run_log.version_of(registry, toy.SOURCE, "run-3-1")
    assert version != run["version"]
    latest = registry.latest(toy.SOURCE)
    assert latest is not None
    assert run_log.pinned(registry, toy.SOURCE, "run-3-1").base == latest.version


def test_a_version_that_lost_the_race_fails_its_run_and_says_to_whom(
    store: Store, registry: Registry
) -> None:
    first = toy.publish(store, registry, 10, day=1)
    loser = candidate(store, registry, 11, day=2)
    winner = candidate(store, registry, 12, day=2, run="winner")
    promote().execute(context("winner", day=2))
    assert logged(registry, "run-2-winner")["status"] == "ok"
    with pytest.raises(AirflowFailException) as caught:
        promote().execute(context("", day=2))
    said = str(caught.value)
    assert f"{loser.version} lost the race: it was built upon {first.version}" in said
    assert f"{winner.version} is latest since" in said and "made so by run run-2-winner" in said
    assert "The next run collects again" in said and "clear this run" in said
    run = logged(registry, "run-2-")
    assert (run["status"], run["failed_step"]) == ("fail", "promote")


def test_who_moved_latest_is_named(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 10, day=1)
    toy.publish(store, registry, 11, day=2)
    loser = candidate(store, registry, 12, day=3)
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong")
    done = promotion.promote(store, registry, toy.SOURCE, loser.version, policy=Policy(), owner="run")
    with pytest.raises(race.LostRace, match=r"made so by ana \(rollback\)"):
        race.won(registry, done)


def test_a_version_that_another_process_publishes_is_tried_again(store: Store, registry: Registry) -> None:
    manifest = candidate(store, registry, 3, day=1)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = 'ana', "
            "lease_until = now() + interval '5 minutes'"
        )
    with pytest.raises(
        race.BeingPublished, match=f"{manifest.version} is being published by another process"
    ):
        promote().execute(context("", day=1))
    assert logged(registry, "run-1-")["ended"] is None
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.dataset_version SET lease_until = now()")
    assert promote().execute(context("", day=1, tried=2))["outcome"] == "promoted"
    assert logged(registry, "run-1-")["status"] == "ok"


@pytest.mark.parametrize("run_type", ["manual", "scheduled", "asset_triggered"])
def test_what_a_run_collects_today_is_published_though_its_interval_ended_long_ago(
    store: Store, registry: Registry, run_type: str
) -> None:
    """The form fills in a logical date, and a DAG that is unpaused gets the interval before it."""
    from lastgood.operators.steps import open_run

    base = quick.publish(store, registry, 10, day=5)
    late = context(day=1)
    late["dag_run"].run_type = run_type
    pins = open_run(toy.SOURCE, late, registry, opens=True).pins
    assert pins.base == base.version and pins.data_time > base.as_of
    manifest = toy.stage(store, registry, 11, day=1, version=pins.version, as_of=pins.data_time)
    assert quick.judge(store, registry, manifest).passed
    done = promote().execute(late)
    assert done["outcome"] == "promoted" and done["latest"] == pins.version
    assert done["said"] == f"toy {pins.version} is promoted; latest of toy is {pins.version}."


def test_a_backfill_is_as_of_the_end_of_its_interval(store: Store, registry: Registry) -> None:
    from lastgood.operators.steps import open_run

    quick.publish(store, registry, 10, day=5)
    backfill = context(day=1)
    backfill["dag_run"].run_type = "backfill"
    run = open_run(toy.SOURCE, backfill, registry, opens=True)
    assert run.backfill and run.pins.data_time == toy.START + timedelta(days=1)


def test_a_run_whose_version_is_held_ends_as_held_and_says_so(store: Store, registry: Registry) -> None:
    quick.publish(store, registry, 10, day=1)
    decisions.put_on_hold(store, registry, toy.SOURCE, who="ana", reason="the upstream is rebuilt")
    candidate(store, registry, 11, day=2)
    with pytest.raises(
        AirflowSkipException, match=r"is held: ana put toy on hold .*: the upstream is rebuilt"
    ):
        promote().execute(context("", day=2))
    row = logged(registry, "run-2-")
    assert row["status"] == "held" and "is held: ana put toy on hold" in row["steps"]["promote"]["said"]


def test_an_older_interval_becomes_a_version_and_its_run_ends_well(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 10, day=5)
    manifest = candidate(store, registry, 3, day=1)
    with pytest.raises(
        AirflowSkipException, match=f"{manifest.version} passed its checks and is kept as a version"
    ):
        promote().execute(context("", day=1))
    assert logged(registry, "run-1-")["status"] == "ok"


def test_a_run_with_other_forms_ends_with_them(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lastgood.operators.steps import ExportOperator

    candidate(store, registry, 3, day=1)
    exported = iter([boom, dict])

    class WithOtherForms(toy_source.Toy):
        def export(self, *_: object) -> dict[str, object]:
            return next(exported)()

    monkeypatch.setattr(sources, "load", lambda _: WithOtherForms())
    monkeypatch.setattr(sources, "names", lambda: [toy.SOURCE])
    promote().execute(context("", day=1))
    assert logged(registry, "run-1-")["ended"] is None
    export = ExportOperator(task_id="export", source=toy.SOURCE, dag=DAG(toy.SOURCE, schedule=None))
    with pytest.raises(OSError, match="boom"):
        export.execute(context("", day=1, tried=3))
    assert logged(registry, "run-1-")["failed_step"] == "export"
    export.execute(context("", day=1, tried=4, retries=6))
    assert logged(registry, "run-1-")["status"] == "ok"


@pytest.mark.parametrize("told", [lambda *_: 1, boom], ids=["told", "not told"])
def test_what_is_new_in_a_version_is_told_once_it_is_exported_and_the_run_is_well_whatever_comes_of_that(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, told: Callable[..., object]
) -> None:
    from lastgood.operators import published
    from lastgood.operators.steps import ExportOperator

    candidate(store, registry, 3, day=1)
    asked: list[str] = []

    class WithOtherForms(toy_source.Toy):
        def export(self, *_: object) -> dict[str, object]:
            assert not asked, "people hear of what they can read"
            return {}

    def notify(_store: Store, _registry: Registry, source: str) -> object:
        asked.append(source)
        return told()

    monkeypatch.setattr(sources, "load", lambda _: WithOtherForms())
    monkeypatch.setattr(sources, "names", lambda: [toy.SOURCE])
    monkeypatch.setattr(published, "notify_news", notify)
    promote().execute(context("", day=1))
    assert asked == [], "and of nothing before"
    ExportOperator(task_id="export", source=toy.SOURCE, dag=DAG(toy.SOURCE, schedule=None)).execute(
        context("", day=1)
    )
    assert asked == [toy.SOURCE] and logged(registry, "run-1-")["status"] == "ok"


def test_a_promotion_is_one_connection_from_its_opening_to_its_end(
    store: Store, registry: Registry, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lastgood.hooks.registry import RegistryHook

    candidate(store, registry, 3, day=1)
    asked, opened = counted(dsn)
    monkeypatch.setattr(RegistryHook, "registry", lambda _: asked)
    promote().execute(context("", day=1))
    assert len(opened) == 1


# --- what no try can mend ---


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AIRFLOW_CONN_LASTGOOD_REGISTRY", None, "The connection lastgood_registry is not there"),
        ("AIRFLOW_VAR_LASTGOOD_ROOT", None, "the Variable lastgood_root is None"),
        ("AIRFLOW_VAR_LASTGOOD_ROOT", "/var/lastgood", "the Variable lastgood_root is '/var/lastgood'"),
        ("AIRFLOW_VAR_LASTGOOD_ROOT", "magic://x/y", "the Variable lastgood_root is 'magic://x/y'"),
        (
            "AIRFLOW_VAR_LASTGOOD_ROOT",
            "s3://absent@bucket/prefix",
            "lastgood_root is 's3://absent@bucket/prefix'",
        ),
    ],
)
def test_a_setting_that_is_missing_or_wrong_fails_at_once(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None, said: str
) -> None:
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(AirflowFailException, match=re.escape(said)) as failed:
        step(well, "probe", opens=True).execute(context())
    assert str(failed.value).startswith("BadSetting: ")


def test_a_registry_of_a_newer_release_fails_at_once(registry: Registry) -> None:
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.schema_version SET version_num = '9999'")
    with pytest.raises(AirflowFailException, match="NewerRegistry: the registry is at revision 9999"):
        step(well, "probe", opens=True).execute(context())


def test_an_act_of_the_house_fails_at_once_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from lastgood.operators.recovery import RecoveryOperator

    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_ROOT", "/var/lastgood")
    act = RecoveryOperator(task_id="recovery", dag=DAG("lastgood_recovery", schedule=None))
    with pytest.raises(AirflowFailException, match="BadSetting: the Variable lastgood_root"):
        act.execute(context())
