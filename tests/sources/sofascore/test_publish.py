"""Whole runs: however they are cut, what is published is what the upstream has, and nothing is asked for twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from include import steps
from include.publishing import manifest as manifests
from include.publishing import promotion, runlog
from include.publishing.manifest import Manifest
from include.publishing.promotion import Outcome
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.quality import gate
from include.sources.sofascore import knowledge
from include.sources.sofascore.match_tables import NAMED, OF_MATCHES, PARTS
from include.sources.source import Run
from include.upstream.answers import Refused, Transient
from sandbox.sofascore.server import SampleUpstream
from tests.sources.pipeline import START, Pipeline, begun
from tests.sources.sofascore.conftest import (
    CUP_BEFORE,
    LEAGUE_BEFORE,
    LEAGUE_NOW,
    Base,
    asked,
    discovery,
    plan,
    states,
    there,
)

DAY = timedelta(days=1)
WHEN_ASKED = {"checked_at", "content_hash"}
"""Columns that tell when somebody asked, and the hash over them: a full refresh asked for everything just now."""


def tables(pipeline: Pipeline, manifest: Manifest) -> dict[str, list[dict[str, Any]]]:
    """Every table of a version, without what tells only when it was asked for."""
    names = [entry.name for entry in manifest.tables]
    return {
        name: [
            {
                column: value
                for column, value in row.items()
                # What is computed says nothing of when, so its hash counts.
                if column not in WHEN_ASKED or (column == "content_hash" and "checked_at" not in row)
            }
            for row in pipeline.rows(manifest, name)
        ]
        for name in names
    }


def files(manifest: Manifest, table: str) -> dict[str | None, str]:
    """The files of a table by year."""
    return {file.part: file.path for file in manifest.table(table).files}


def of_match(pipeline: Pipeline, manifest: Manifest, table: str, match: int) -> list[dict[str, Any]]:
    return [row for row in pipeline.rows(manifest, table) if row["match_id"] == match]


def score(pipeline: Pipeline, manifest: Manifest, match: int) -> tuple[int, int]:
    (row,) = of_match(pipeline, manifest, "matches", match)
    return row["home_goals"], row["away_goals"]


def old_matches(upstream: SampleUpstream, season: int = LEAGUE_BEFORE) -> list[int]:
    """Matches that ended long ago, of which line-ups are there."""
    return [
        n
        for n, match in upstream.matches().items()
        if (match.season, match.code) == (season, 100) and "lineups" in there(upstream, n)
    ]


def base_of(base: Base, registry: Registry) -> Pipeline:
    return Pipeline("sofascore", Store.from_uri(base.root.as_uri()), registry)


def planned(pipeline: Pipeline, day: float, **params: Any) -> Run:
    run = pipeline.run(day, **params)
    steps.discover(run, pipeline.session())
    return run


# --- day by day ---


def test_days_of_runs_end_where_one_run_that_asks_for_everything_does(
    copied: Pipeline, store: Store, registry: Registry
) -> None:
    upstream = copied.upstream
    for day, days in ((2, 1), (4, 2)):
        upstream.advance(days)
        upstream.forget()
        daily = copied.publish(day)
        assert set(asked(upstream).values()) == {1}
    _, whole = Pipeline("sofascore", store, registry, upstream).candidate(4)
    assert tables(copied, daily) == tables(Pipeline("sofascore", store, registry), whole)
    assert {row["match_id"] for row in copied.rows(daily, "matches")} == upstream.matches().keys()
    for table in OF_MATCHES:
        keys = Counter(tuple(row[name] for name in table.key) for row in copied.rows(daily, table.name))
        assert set(keys.values()) == {1}, table.name
        for file in daily.table(table.name).files:
            years = {row["season_year"] for row in copied.store.dataset([file.path]).to_table().to_pylist()}
            assert years <= {int(file.part or 0)}
    assert files(daily, "matches").keys() == {"2024", "2025", "2026"}


def test_limited_runs_take_the_newest_first_and_add_up_to_everything(
    pipeline: Pipeline, base: Base, registry: Registry
) -> None:
    upstream = pipeline.upstream
    matches = {row["match_id"]: row for row in base_of(base, registry).rows(base.manifest, "matches")}
    answered = {match for match, _ in states(base_of(base, registry), base.manifest)}
    newest = sorted(answered, key=lambda n: (matches[n]["kickoff_at"], n), reverse=True)
    first = pipeline.publish(1, limit=18)
    assert {match for match, _ in states(pipeline, first)} == {*newest[:18]}
    assert "until" not in pipeline.registry.cursors("sofascore")
    upstream.forget()
    second = pipeline.publish(2, limit=18)
    assert {*newest[18:]} <= {match for match, _ in asked(upstream)}
    assert tables(pipeline, second) == {
        name: rows
        for name, rows in tables(base_of(base, registry), base.manifest).items()
        if name in {entry.name for entry in second.tables}
    }
    assert pipeline.registry.cursors("sofascore")["until"] == (START + 2 * DAY).isoformat()


def test_years_without_an_answer_stay_the_same_files(published: Pipeline, base: Base) -> None:
    published.upstream.advance()
    _, manifest = published.candidate(2, competition="17", season="2026-27")
    for table in OF_MATCHES:
        before, after = files(base.manifest, table.name), files(manifest, table.name)
        assert {year for year in before if before[year] == after[year]} == before.keys() - {"2026"}
    # A daily run still has to read what this one did not ask for.
    assert manifest.cursors["until"] == (START + DAY).isoformat() < manifest.as_of.isoformat()


# --- runs that are about something ---


def test_a_backfill_merges_is_promoted_and_moves_neither_cursor_nor_data_time(
    published: Pipeline, base: Base
) -> None:
    upstream = published.upstream
    match = old_matches(upstream, CUP_BEFORE)[0]
    upstream.correct(match, 8, 1)
    upstream.advance()
    day = (upstream.matches()[match].kickoff - START) // DAY + 1
    run = replace(published.run(day), backfill=True)
    cursors = published.registry.cursors("sofascore")
    steps.extract(run, published.session())
    manifest = steps.build(run)
    assert match in {key for key, _ in asked(upstream)}
    assert steps.judge(run).passed
    assert steps.promote(run).outcome is Outcome.PROMOTED
    latest = published.registry.latest("sofascore")
    assert latest is not None
    assert (latest.version, latest.as_of) == (run.version, START + DAY)
    assert published.registry.cursors("sofascore") == cursors
    assert (score(published, manifest, match), manifest.full) == ((8, 1), False)
    for table in OF_MATCHES:
        before, after = files(base.manifest, table.name), files(manifest, table.name)
        same = {year for year in before if before[year] == after[year]}
        assert same >= {"2025", "2026"}
        assert "2024" not in same or table.name not in {"matches", "match_parts", "incidents"}
    # Teams and people are as the newest match has them, though an older one was asked for last.
    for table in NAMED:
        assert published.rows(manifest, table.name) == published.rows(base.manifest, table.name)
    seen = {row["team_id"]: row["seen_at"] for row in published.rows(manifest, "teams")}
    assert seen[upstream.matches()[match].home_team].year == 2026
    upstream.forget()
    daily = planned(published, 2)
    assert datetime.fromisoformat(discovery(daily).progress.facts["as_of"]) == START + 2 * DAY
    assert plan(daily).keys() >= {n for n, each in upstream.matches().items() if each.kickoff > START} & {
        n for n, each in upstream.matches().items() if each.code == 100
    }


# --- what landed and was not published ---


def test_what_a_partial_run_landed_is_taken_over_and_asked_for_no_second_time(
    pipeline: Pipeline,
) -> None:
    upstream = pipeline.upstream
    match = old_matches(upstream)[1]
    upstream.faults([{"kind": "error", "match": match, "part": "lineups", "times": None}])
    partial = planned(pipeline, 1)
    begun(partial)
    with pytest.raises(Transient, match="could not be had whole"):
        steps.extract(partial, pipeline.session())
    left = {unit.key for unit in steps.discover(partial, pipeline.session()).units[3:]}
    assert left == {f"17-{LEAGUE_NOW}"}, "it ended before its last unit"
    upstream.faults([])
    young = {n for n, each in upstream.matches().items() if each.kickoff > START + DAY - 2 * DAY}
    once = Counter({key: 1 for key in asked(upstream) if key[0] not in young} | {(match, "event"): 1})
    del once[match, "lineups"]
    upstream.forget()
    manifest = pipeline.publish(2)
    twice = {key for key in once & asked(upstream) if key != (match, "event")}
    assert not twice
    assert asked(upstream)[match, "lineups"] == 1
    assert {*states(pipeline, manifest).values()} == {"done", "none"}
    assert manifest.counts["adopted_runs"] == 1
    assert pipeline.registry.cursors("sofascore")["taken"] == [partial.version]
    assert discovery(planned(pipeline, 3)).progress.facts["adopted"] == []


def test_what_was_taken_over_is_published_as_if_its_own_run_had_done_it(
    pipeline: Pipeline, base: Base, registry: Registry
) -> None:
    begun(pipeline.run(1))
    steps.extract(pipeline.run(1), pipeline.session())
    _, manifest = pipeline.candidate(2)
    assert manifest.counts["adopted_runs"] == 1
    published, undisturbed = tables(pipeline, manifest), tables(base_of(base, registry), base.manifest)
    assert published == {name: undisturbed[name] for name in published}


def test_a_match_whose_event_failed_in_a_partial_run_is_asked_for_whole_by_the_next(
    pipeline: Pipeline,
) -> None:
    match = old_matches(pipeline.upstream)[1]
    pipeline.upstream.faults([{"kind": "error", "match": match, "part": "event", "times": None}])
    with pytest.raises(Transient, match="could not be had whole"):
        steps.extract(pipeline.run(1), pipeline.session())
    pipeline.upstream.faults([])
    assert plan(planned(pipeline, 2))[match] == PARTS


def test_what_a_run_landed_before_it_was_stopped_is_taken_over(pipeline: Pipeline) -> None:
    upstream = pipeline.upstream
    upstream.faults([{"kind": "challenge", "path": "/api/v1/event", "first": 90, "times": None}])
    begun(pipeline.run(1))
    with pytest.raises(Refused):
        steps.extract(pipeline.run(1), pipeline.session())
    upstream.faults([])
    run = planned(pipeline, 2)
    assert discovery(run).progress.facts["adopted"] == [pipeline.run(1).version]
    complete = {n for n, each in upstream.matches().items() if each.season == CUP_BEFORE}
    assert not complete & plan(run).keys()


def test_a_candidate_that_lost_the_race_leaves_its_answers_to_the_next_run(published: Pipeline) -> None:
    upstream = published.upstream
    match = old_matches(upstream)[0]
    winner, _ = published.candidate(1.5)
    upstream.correct(match, 0, 9)
    loser, lost = published.candidate(2)
    assert score(published, lost, match) == (0, 9)
    for run in (loser, winner):
        assert steps.judge(run).passed
    assert steps.promote(winner).outcome is Outcome.PROMOTED
    assert steps.promote(loser).outcome is Outcome.LOST
    run = planned(published, 3)
    assert discovery(run).progress.facts["adopted"] == [loser.version]
    assert match not in plan(run)


def test_what_the_gate_rejected_is_asked_for_again(published: Pipeline) -> None:
    upstream = published.upstream
    match = old_matches(upstream)[0]
    upstream.correct(match, 0, 9)
    rejected, _ = published.candidate(2)
    verdict = msgspec.structs.replace(steps.judge(rejected), errors=["something is wrong with it"])
    published.store.write_bytes(gate.verdict_key("sofascore", rejected.version), msgspec.json.encode(verdict))
    published.registry.record_verdict(verdict)
    assert published.registry.version("sofascore", rejected.version).state == "rejected"
    run = planned(published, 3)
    assert discovery(run).progress.facts["adopted"] == []
    assert plan(run)[match] == there(upstream, match)


def test_a_version_that_was_rolled_back_does_not_come_back_once_retention_has_forgotten_it(
    published: Pipeline,
) -> None:
    store, registry = published.store, published.registry
    before = registry.latest("sofascore")
    published.upstream.correct(old_matches(published.upstream)[0], 0, 9)
    run, bad = published.candidate(2)
    begun(run)
    assert steps.judge(run).passed and steps.promote(run).outcome is Outcome.PROMOTED
    promotion.rollback(store, registry, "sofascore", who="ana", reason="a wrong score")
    with runlog.step(registry, "sofascore", bad.version, "build"):
        pass
    runlog.end(registry, "sofascore", bad.version, "fail", failed_step="export")
    with registry.cursor() as cursor:
        cursor.execute("UPDATE lastgood.latest SET previous = NULL")
        cursor.execute("DELETE FROM lastgood.dataset_version WHERE version = %s", (bad.version,))
    store.delete(manifests.manifest_key("sofascore", bad.version))
    assert before is not None and store.list(f"raw/sofascore/{bad.version}")
    assert knowledge.left_over(published.run(3)) == []
    with registry.cursor() as cursor:
        cursor.execute("DELETE FROM lastgood.pipeline_run")
    assert knowledge.left_over(published.run(3)) == [], "a registry that was rebuilt knows no runs"


# --- what is gone ---


def test_a_match_that_is_gone_upstream_leaves_unless_it_was_played(published: Pipeline, base: Base) -> None:
    upstream = published.upstream
    matches = upstream.matches()
    never = next(n for n, each in matches.items() if (each.season, each.code) == (LEAGUE_NOW, 0))
    played = max((n for n, each in matches.items() if each.code == 100), key=lambda n: matches[n].kickoff)
    for match in (never, played):
        upstream._world.find(match).announced = 2**40  # type: ignore[union-attr]
    upstream.advance(3)
    assert not {never, played} & upstream.matches().keys()
    run, manifest = published.candidate(4, full_refresh=True)
    assert (plan(run)[never], plan(run)[played]) == (("event",), PARTS)
    assert not [name for name in OF_MATCHES if of_match(published, manifest, name.name, never)]
    assert score(published, manifest, played) == score(published, base.manifest, played)
