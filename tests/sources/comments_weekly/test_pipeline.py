"""The source by its steps: a backfilled week is promoted, equal byte for byte the second time, and told to nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from include import pipeline
from include.monitoring import news
from include.pipeline import OpenRun
from include.publishing import manifest as manifests
from include.publishing import promotion
from include.publishing.manifest import Manifest
from include.publishing.policy import Policy
from include.publishing.promotion import Outcome
from include.registry import run_log
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store
from lastgood.notifiers.deployment import dispatcher
from tests.publishing import quick
from tests.sources.comments_weekly.inputs import MONDAY, START, comment, entity, publish_input, signal

NAME = "comments_weekly"
WEEK = timedelta(days=7)
AT = datetime(2026, 12, 1, 3, tzinfo=UTC)


@pytest.fixture
def comments(store: Store, registry: Registry) -> Manifest:
    """Three weeks of comments about one entity, whose sentiment falls at the end of each; latest of their source."""
    rows = []
    for n in range(240):
        at = START - 2 * WEEK + n % 3 * WEEK + timedelta(hours=n // 3 * 2)
        rows.append(comment(n, at, sentiment=0.5 if n < 120 else -0.5))
    signals = [signal(c, "ann") for c in rows]
    made = publish_input(
        store, {"comments": rows, "signals": signals, "monitored_entities": [entity("ann")]}, AT
    )
    registry.stage(made, store.sha256(manifests.manifest_key("comments", made.version)))
    quick.judge(store, registry, made)
    promotion.promote(store, registry, "comments", made.version, policy=Policy(), owner="test")
    return made


def run_of(store: Store, registry: Registry, monday: date, run_id: str, *, backfill: bool = False) -> OpenRun:
    end = datetime.combine(monday, time(9), UTC) + WEEK
    about: dict[str, Any] = {
        "source": NAME,
        "run_id": run_id,
        "interval_start": end - WEEK,
        "interval_end": end,
    }
    pins = run_log.open_run(
        registry,
        **about,
        dag_id=NAME,
        env="test",
        code_version="test",
        inputs=sources.inputs(NAME),
        run_type=run_log.BACKFILL if backfill else "scheduled",
        data_time=end if backfill else AT,
    )
    return OpenRun(**about, pins=pins, params={}, store=store, registry=registry, backfill=backfill)


def published(
    store: Store, registry: Registry, monday: date, run_id: str, *, backfill: bool = False
) -> Manifest:
    """A run through all its steps, judged by every contract."""
    run = run_of(store, registry, monday, run_id, backfill=backfill)
    assert pipeline.probe(run, None).new
    manifest = pipeline.build(run)
    verdict = pipeline.judge(run)
    assert verdict.passed, verdict.reasons
    assert pipeline.promote(run).outcome is Outcome.PROMOTED
    run_log.end(registry, NAME, run.version, "ok")
    pipeline.export(store, registry, NAME)
    return manifest


@pytest.mark.whole_gate
@pytest.mark.usefixtures("airflow_connections", "alert_log")
def test_weeks_are_backfilled_and_only_the_last_one_is_told(
    store: Store, registry: Registry, comments: Manifest, mailbox: list[EmailMessage]
) -> None:
    def tell() -> int:
        return dispatcher().notify_news(news.of(store, registry, NAME, AT), registry)

    newest = published(store, registry, MONDAY, "scheduled")
    assert tell() == 2
    assert [mail["Subject"].partition(": ")[2] for mail in mailbox] == [
        "the brief of 23 to 29 November 2026",
        "the sentiment about Ann moved by −280 % within 72 hours",
    ]
    (attached,) = mailbox[0].iter_attachments()
    assert attached.get_content().startswith(b"%PDF")
    first = published(store, registry, MONDAY - WEEK, "backfill 1", backfill=True)
    second = published(store, registry, MONDAY - WEEK, "backfill 2", backfill=True)
    assert tell() == 0 and len(mailbox) == 2
    assert [entry.files for entry in first.tables] == [entry.files for entry in second.tables]
    assert newest.as_of <= first.as_of <= second.as_of, "latest never goes back"
    latest = registry.latest(NAME)
    assert latest is not None and latest.version == second.version
    weeks = manifests.dataset(store, second.table("briefs")).to_table()["week"].to_pylist()
    assert weeks == [MONDAY - WEEK, MONDAY]
    assert second.asked and second.built_from == {"comments": comments.version}
    assert registry.watermarks(NAME) == {"built_from": {"comments": comments.version}}
