"""Whole runs: however they are cut, what is published is what the upstream has, and nothing is asked for twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from include import pipeline
from include.operations import retention
from include.pipeline import BaseMoved, OpenRun
from include.publishing import manifest as manifests
from include.publishing import promotion
from include.publishing import verdict as verdicts
from include.publishing.manifest import Manifest
from include.publishing.promotion import Outcome
from include.registry import run_log
from include.registry.registry import Registry
from include.sources.sofascore import competitions
from include.sources.sofascore.competitions import Competition
from include.sources.sofascore.discover import ASKED, Wanted
from include.sources.sofascore.match_tables import (
    NAMED,
    OF_MATCHES,
    OF_THE_EVENT,
    PARTS,
    PLAYER_STATISTICS,
    STATES,
    TEAM_RATIOS,
    TEAM_STATISTICS,
)
from include.sources.source import Retention
from include.storage.landing import RawAltered
from include.storage.store import Store
from include.upstream.answers import Refused, Transient
from sandbox.sofascore.server import SampleUpstream
from tests.sources.daily import START, DailyRuns
from tests.sources.sofascore.conftest import (
    CUP,
    CUP_BEFORE,
    CUP_NOW,
    LEAGUE,
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


def tables(daily: DailyRuns, manifest: Manifest) -> dict[str, list[dict[str, Any]]]:
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
            for row in daily.rows(manifest, name)
        ]
        for name in names
    }


def files(manifest: Manifest, table: str) -> dict[str | None, str]:
    """The files of a table by year."""
    return {file.part: file.path for file in manifest.table(table).files}


def of_match(daily: DailyRuns, manifest: Manifest, table: str, match: int) -> list[dict[str, Any]]:
    return [row for row in daily.rows(manifest, table) if row["match_id"] == match]


def score(daily: DailyRuns, manifest: Manifest, match: int) -> tuple[int, int]:
    (row,) = of_match(daily, manifest, "matches", match)
    return row["home_goals"], row["away_goals"]


def old_matches(upstream: SampleUpstream, season: int = LEAGUE_BEFORE) -> list[int]:
    """Matches that ended long ago, of which line-ups are there."""
    return [
        n
        for n, match in upstream.matches().items()
        if (match.season, match.code) == (season, 100) and "lineups" in there(upstream, n)
    ]


def base_of(base: Base, registry: Registry) -> DailyRuns:
    return DailyRuns("sofascore", Store.from_uri(base.root.as_uri()), registry)


def planned(daily: DailyRuns, day: float, **params: Any) -> OpenRun:
    run = daily.run(day, **params)
    pipeline.discover(run, daily.session())
    return run


# --- what is published ---


@pytest.fixture
def first(base: Base, registry: Registry) -> dict[str, list[dict[str, Any]]]:
    """Every table of the run of day 1."""
    daily = base_of(base, registry)
    return {entry.name: daily.rows(base.manifest, entry.name) for entry in base.manifest.tables}


def by_match(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["match_id"], []).append(row)
    return found


def shows(row: dict[str, Any], **expected: Any) -> None:
    assert {name: row[name] for name in expected} == expected


def test_every_match_is_published_with_what_its_event_says(
    first: dict[str, list[dict[str, Any]]], upstream: SampleUpstream
) -> None:
    found = by_match(first["matches"])
    truth = upstream.matches()
    assert found.keys() == truth.keys()
    for match, [row] in found.items():
        said, asked_for = truth[match], STATES[truth[match].code] in ASKED
        event = upstream.bodies(match)["event"]["event"] if asked_for else upstream.listed(match)
        shows(
            row,
            competition_id=said.competition,
            season_id=said.season,
            kickoff_at=said.kickoff,
            state=STATES[said.code],
            home_team_id=said.home_team,
            away_team_id=said.away_team,
            home_goals=said.home_goals,
            away_goals=said.away_goals,
            winner={1: "home", 2: "away", 3: "draw"}.get(event.get("winnerCode", 0)),
            home_penalties=event["homeScore"].get("penalties"),
            attendance=event.get("attendance") if asked_for else None,
            venue=event.get("venue", {}).get("name") if asked_for else None,
            referee=event.get("referee", {}).get("name") if asked_for else None,
        )
    assert len({row["state"] for row in first["matches"]}) > 5


def test_every_part_of_a_match_is_published_with_its_values(
    first: dict[str, list[dict[str, Any]]], upstream: SampleUpstream
) -> None:
    tables = {table.name: by_match(first[table.name]) for table in OF_MATCHES}
    matches = {n: upstream.bodies(n) for n, each in upstream.matches().items() if STATES[each.code] in ASKED}
    seen = Counter(part for bodies in matches.values() for part in bodies)
    assert set(seen) == set(PARTS)
    for match, bodies in matches.items():

        def rows(table: str, match: int = match) -> list[dict[str, Any]]:
            return tables[table].get(match, [])

        lineups = bodies.get("lineups", {})
        players = {
            entry["player"]["id"]: (side, entry)
            for side in ("home", "away")
            for entry in lineups.get(side, {"players": []})["players"]
        }
        assert {row["player_id"] for row in rows("appearances")} == players.keys()
        for row in rows("appearances"):
            side, entry = players[row["player_id"]]
            figures = entry.get("statistics", {})
            shows(
                row,
                side=side,
                position=entry.get("position"),
                started=not entry["substitute"],
                **{figure.column: figures.get(figure.key) for figure in PLAYER_STATISTICS},
            )
        items = {
            (period["period"], item["key"]): item
            for period in bodies.get("statistics", {"statistics": []})["statistics"]
            for group in period["groups"]
            for item in group["statisticsItems"]
        }
        assert len(rows("match_statistics")) == 2 * len({period for period, _ in items})
        for row in rows("match_statistics"):
            period, side = row["period"], row["side"]
            item = {key: item for (of, key), item in items.items() if of == period}
            for figure in TEAM_STATISTICS:
                assert row[figure.column] == item.get(figure.key, {}).get(f"{side}Value")
            for ratio in TEAM_RATIOS:
                assert row[ratio.column] == item.get(ratio.key, {}).get(f"{side}Total")
                assert row[f"{ratio.column}_won"] == item.get(ratio.key, {}).get(f"{side}Value")
        happened = bodies.get("incidents", {"incidents": []})["incidents"][::-1]
        assert [(row["type"], row["class"], row["text"]) for row in rows("incidents")] == [
            (each["incidentType"], each.get("incidentClass"), each.get("text")) for each in happened
        ]
        managers = bodies.get("managers", {})
        assert {(row["side"], row["manager_id"]) for row in rows("match_managers")} == {
            (side, managers[f"{side}Manager"]["id"])
            for side in ("home", "away")
            if managers.get(f"{side}Manager")
        }
        points = bodies.get("graph", {"graphPoints": []})["graphPoints"]
        assert [(row["minute"], row["value"]) for row in rows("momentum")] == [
            (point["minute"], point["value"]) for point in points
        ]
        shots = bodies.get("shotmap", {"shotmap": []})["shotmap"]
        assert {row["shot_id"]: (row["player_id"], row["xg"]) for row in rows("shots")} == {
            shot["id"]: (shot["player"]["id"], shot.get("xg")) for shot in shots
        }
        best = bodies.get("best_players", {})
        assert [(row["side"], row["player_id"], row["value"]) for row in rows("best_players")] == [
            (side, entry["player"]["id"], float(entry["value"]))
            for side in ("away", "home")
            for entry in best.get(f"best{side.capitalize()}TeamPlayers", [])
        ]
        duels = [bodies["head_to_head"]["teamDuel"]] if "head_to_head" in bodies else []
        assert [(row["team_home_wins"], row["team_draws"]) for row in rows("head_to_head")] == [
            ((duel or {}).get("homeWins"), (duel or {}).get("draws")) for duel in duels
        ]


def test_every_part_that_was_asked_for_is_accounted_for(
    base: Base, registry: Registry, upstream: SampleUpstream
) -> None:
    over = {n: there(upstream, n) for n, each in upstream.matches().items() if STATES[each.code] in ASKED}
    assert states(base_of(base, registry), base.manifest) == {
        (match, part): "done" if part in parts else "none" for match, parts in over.items() for part in PARTS
    }


def test_goals_of_the_incidents_own_ones_among_them_add_up_to_the_score(
    first: dict[str, list[dict[str, Any]]],
) -> None:
    incidents, own = by_match(first["incidents"]), 0
    for row in first["matches"]:
        told = incidents.get(row["match_id"], [])
        if row["played"] and told:
            goals = Counter(each["side"] for each in told if each["type"] == "goal")
            assert (goals["home"], goals["away"]) == (row["home_goals"], row["away_goals"])
            own += sum(each["class"] == "ownGoal" for each in told)
    assert own
    # An own goal is the other side's, and no goal of whoever shot it.
    lineups = {(row["match_id"], row["player_id"]): row for row in first["appearances"]}
    for row in first["incidents"]:
        player = lineups.get((row["match_id"], row["player_id"]))
        if row["class"] == "ownGoal" and player:
            assert row["side"] != player["side"]
            assert player["own_goals"] >= 1


# --- day by day ---


def test_days_of_runs_end_where_one_run_that_asks_for_everything_does(
    copied: DailyRuns, store: Store, registry: Registry
) -> None:
    upstream = copied.upstream
    for day, days in ((2, 1), (4, 2)):
        upstream.advance(days)
        upstream.forget()
        daily = copied.publish(day)
        # Parts may be asked for twice, and as controls.
        assert {times for (_, part), times in asked(upstream).items() if part == "event"} == {1}
    _, whole = DailyRuns("sofascore", store, registry, upstream).candidate(4)
    assert tables(copied, daily) == tables(DailyRuns("sofascore", store, registry), whole)
    assert {row["match_id"] for row in copied.rows(daily, "matches")} == upstream.matches().keys()
    for table in OF_MATCHES:
        keys = Counter(tuple(row[name] for name in table.key) for row in copied.rows(daily, table.name))
        assert set(keys.values()) == {1}, table.name
        for file in daily.table(table.name).files:
            years = {row["season_year"] for row in copied.store.parquet(file.path).to_table().to_pylist()}
            assert years <= {int(file.part or 0)}
    assert files(daily, "matches").keys() == {"2024", "2025", "2026"}


def test_limited_runs_take_the_newest_first_and_add_up_to_everything(
    daily: DailyRuns, base: Base, registry: Registry
) -> None:
    upstream = daily.upstream
    matches = {row["match_id"]: row for row in base_of(base, registry).rows(base.manifest, "matches")}
    answered = {match for match, _ in states(base_of(base, registry), base.manifest)}
    newest = sorted(answered, key=lambda n: (matches[n]["kickoff_at"], n), reverse=True)
    first = daily.publish(1, limit=18)
    assert {match for match, _ in states(daily, first)} == {*newest[:18]}
    assert "until" not in daily.registry.watermarks("sofascore")
    upstream.forget()
    second = daily.publish(2, limit=18)
    assert {*newest[18:]} <= {match for match, _ in asked(upstream)}
    assert tables(daily, second) == {
        name: rows
        for name, rows in tables(base_of(base, registry), base.manifest).items()
        if name in {entry.name for entry in second.tables}
    }
    assert daily.registry.watermarks("sofascore")["until"] == (START + 2 * DAY).isoformat()


def test_years_without_an_answer_stay_the_same_files(published: DailyRuns, base: Base) -> None:
    published.upstream.advance()
    _, manifest = published.candidate(2, competition="17", season="2026-27")
    for table in OF_MATCHES:
        before, after = files(base.manifest, table.name), files(manifest, table.name)
        assert {year for year in before if before[year] == after[year]} == before.keys() - {"2026"}
    # A daily run still has to read what this one did not ask for.
    assert manifest.cursors["until"] == (START + DAY).isoformat() < manifest.as_of.isoformat()


# --- runs that are about something ---


def test_a_backfill_merges_is_promoted_and_moves_neither_cursor_nor_data_time(
    published: DailyRuns, base: Base
) -> None:
    upstream = published.upstream
    match = old_matches(upstream, CUP_BEFORE)[0]
    upstream.correct(match, 8, 1)
    upstream.advance()
    day = (upstream.matches()[match].kickoff - START) // DAY + 1
    run = replace(published.run(day), backfill=True)
    cursors = published.registry.watermarks("sofascore")
    pipeline.extract(run, published.session())
    manifest = pipeline.build(run)
    assert match in {key for key, _ in asked(upstream)}
    assert pipeline.judge(run).passed
    assert pipeline.promote(run).outcome is Outcome.PROMOTED
    latest = published.registry.latest("sofascore")
    assert latest is not None
    assert (latest.version, latest.as_of) == (run.version, START + DAY)
    assert published.registry.watermarks("sofascore") == cursors
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
    daily: DailyRuns,
) -> None:
    upstream = daily.upstream
    match = old_matches(upstream)[1]
    upstream.faults([{"kind": "error", "match": match, "part": "lineups", "times": None}])
    partial = planned(daily, 1)
    with pytest.raises(Transient, match="could not be had whole"):
        pipeline.extract(partial, daily.session())
    left = {unit.key for unit in pipeline.discover(partial, daily.session()).units[3:]}
    assert left == {f"17-{LEAGUE_NOW}"}, "it ended before its last unit"
    upstream.faults([])
    young = {n for n, each in upstream.matches().items() if each.kickoff > START + DAY - 2 * DAY}
    once = Counter({key: 1 for key in asked(upstream) if key[0] not in young} | {(match, "event"): 1})
    del once[match, "lineups"]
    upstream.forget()
    manifest = daily.publish(2)
    twice = {key for key in once & asked(upstream) if key != (match, "event")}
    assert not twice
    assert asked(upstream)[match, "lineups"] == 1
    assert {*states(daily, manifest).values()} == {"done", "none"}
    assert manifest.counts["adopted_runs"] == 1
    assert daily.registry.watermarks("sofascore")["taken"] == [partial.version]
    assert discovery(planned(daily, 3)).progress.facts["adopted"] == []


def test_a_run_about_something_else_asks_again_for_what_failed_in_a_run_it_takes_over(
    published: DailyRuns,
) -> None:
    """Else a backfill of one season is rejected for the failed parts of a match of another, and nobody can help it."""
    upstream = published.upstream
    match = next(
        n for n, each in upstream.matches().items() if each.season == CUP_BEFORE and each.code == 100
    )
    upstream.correct(match, 8, 1)
    upstream.faults([{"kind": "error", "match": match, "part": "lineups", "times": None}])
    with pytest.raises(Transient, match="could not be had whole"):
        pipeline.extract(published.run(2, full_refresh=True), published.session())
    upstream.faults([])
    upstream.forget()
    season = {"competition": "england-premier-league", "season": "2026-27"}
    run, manifest = published.candidate(3, **season)
    assert asked(upstream)[match, "lineups"] == 1
    assert manifest.counts["adopted_runs"] == 1
    assert {*states(published, manifest).values()} == {"done", "none"}
    assert score(published, manifest, match) == (8, 1)
    assert pipeline.judge(run).passed and pipeline.promote(run).outcome is Outcome.PROMOTED


def test_what_was_taken_over_is_published_as_if_its_own_run_had_done_it(
    daily: DailyRuns, base: Base, registry: Registry
) -> None:
    pipeline.extract(daily.run(1), daily.session())
    _, manifest = daily.candidate(2)
    assert manifest.counts["adopted_runs"] == 1
    published, undisturbed = tables(daily, manifest), tables(base_of(base, registry), base.manifest)
    assert published == {name: undisturbed[name] for name in published}


def test_a_match_whose_event_failed_in_a_partial_run_is_asked_for_whole_by_the_next(
    daily: DailyRuns,
) -> None:
    match = old_matches(daily.upstream)[1]
    daily.upstream.faults([{"kind": "error", "match": match, "part": "event", "times": None}])
    with pytest.raises(Transient, match="could not be had whole"):
        pipeline.extract(daily.run(1), daily.session())
    daily.upstream.faults([])
    assert plan(planned(daily, 2))[match] == PARTS


def test_what_a_run_landed_before_it_was_stopped_is_taken_over(daily: DailyRuns) -> None:
    upstream = daily.upstream
    upstream.faults([{"kind": "challenge", "path": "/api/v1/event", "first": 90, "times": None}])
    with pytest.raises(Refused):
        pipeline.extract(daily.run(1), daily.session())
    upstream.faults([])
    run = planned(daily, 2)
    assert discovery(run).progress.facts["adopted"] == [daily.run(1).version]
    complete = {n for n, each in upstream.matches().items() if each.season == CUP_BEFORE}
    assert not complete & plan(run).keys()


def test_what_was_taken_over_is_noted_once_and_if_it_is_gone_the_run_plans_anew(daily: DailyRuns) -> None:
    upstream = daily.upstream
    left = daily.run(1)
    pipeline.extract(left, daily.session())
    run = planned(daily, 2)
    asked_for = plan(run)
    pipeline.extract(run, daily.session())
    assert discovery(run).progress.facts["adopted"] == [left.version]
    daily.store.delete_tree(f"raw/sofascore/{left.version}")
    with pytest.raises(RawAltered, match=f"{left.version}.*is gone"):
        pipeline.build(run)
    # Cleared from its first task it goes on with its version, and no longer believes what it noted.
    again = planned(daily, 2)
    assert again.version == run.version
    assert discovery(again).progress.facts["adopted"] == []
    assert plan(again).keys() > asked_for.keys()
    assert {*plan(again)} == {n for n, each in upstream.matches().items() if STATES[each.code] in ASKED}


def test_retention_keeps_what_a_run_under_way_took_over(daily: DailyRuns) -> None:
    left = daily.run(1)
    pipeline.extract(left, daily.session())
    run_log.end(daily.registry, "sofascore", left.version, "partial")
    run = planned(daily, 2)
    pipeline.extract(run, daily.session())
    far, policy = datetime.now(UTC) + timedelta(days=400), Retention()

    def of_left() -> set[str]:
        chosen = retention.plan(daily.store, daily.registry, "sofascore", policy, now=far)
        return {key for key in chosen.keys if left.version in key}

    assert not of_left()
    pipeline.build(run)
    run_log.end(daily.registry, "sofascore", run.version, "fail")
    assert not of_left(), "its candidate is staged"
    with daily.registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.dataset_version SET state = 'rejected'")
    assert of_left()


def test_a_candidate_that_lost_the_race_leaves_its_answers_to_the_next_run(published: DailyRuns) -> None:
    upstream = published.upstream
    match = old_matches(upstream)[0]
    winner, _ = published.candidate(1.5)
    upstream.correct(match, 0, 9)
    loser, lost = published.candidate(2)
    assert score(published, lost, match) == (0, 9)
    for candidate in (loser, winner):
        assert pipeline.judge(candidate).passed
    assert pipeline.promote(winner).outcome is Outcome.PROMOTED
    with pytest.raises(BaseMoved):
        pipeline.judge(loser)
    assert pipeline.promote(loser).outcome is Outcome.CONFLICT
    run = planned(published, 3)
    assert discovery(run).progress.facts["adopted"] == [loser.version]
    assert match not in plan(run)


def test_what_the_gate_rejected_is_asked_for_again(published: DailyRuns) -> None:
    upstream = published.upstream
    match = old_matches(upstream)[0]
    upstream.correct(match, 0, 9)
    rejected, _ = published.candidate(2)
    verdict = msgspec.structs.replace(pipeline.judge(rejected), errors=["something is wrong with it"])
    verdicts.keep(published.store, published.registry, verdict)
    assert published.registry.version("sofascore", rejected.version).state == "rejected"
    run = planned(published, 3)
    assert discovery(run).progress.facts["adopted"] == []
    assert plan(run)[match] == there(upstream, match)


def test_a_version_that_was_rolled_back_does_not_come_back_once_retention_has_forgotten_it(
    published: DailyRuns,
) -> None:
    store, registry = published.store, published.registry
    before = registry.latest("sofascore")
    published.upstream.correct(old_matches(published.upstream)[0], 0, 9)
    run, bad = published.candidate(2)
    assert pipeline.judge(run).passed and pipeline.promote(run).outcome is Outcome.PROMOTED
    promotion.rollback(store, registry, "sofascore", who="ana", reason="a wrong score")
    with run_log.step(registry, "sofascore", bad.version, "build"):
        pass
    run_log.end(registry, "sofascore", bad.version, "fail", failed_step="export")
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.latest SET previous = NULL")
        cursor.execute("DELETE FROM lastgood.dataset_version WHERE version = %s", (bad.version,))
    store.delete(manifests.manifest_key("sofascore", bad.version))
    assert before is not None and store.list(f"raw/sofascore/{bad.version}")
    assert published.run(3).for_source().left_over() == ()
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM lastgood.pipeline_run")
    assert published.run(3).for_source().left_over() == (), "a registry that was rebuilt knows no runs"


# --- what is gone ---


def test_a_match_that_is_gone_upstream_leaves_unless_it_was_played(published: DailyRuns, base: Base) -> None:
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


@pytest.mark.parametrize("kind", ["missing", "error", "garbage"])
def test_of_a_match_that_a_list_tells_to_be_changed_and_whose_event_does_not_come_nothing_is_lost(
    published: DailyRuns, base: Base, kind: str
) -> None:
    upstream = published.upstream
    match = old_matches(upstream)[0]
    (before,) = of_match(published, base.manifest, "matches", match)
    assert before["venue"] and before["referee"] and before["attendance"]
    upstream.correct(match, 8, 0)
    upstream.faults([{"kind": kind, "match": match, "part": "event", "times": None}])
    (row,) = of_match(published, published.publish(2, tolerate_failed=1), "matches", match)
    assert {name: row[name] for name in OF_THE_EVENT} == {name: before[name] for name in OF_THE_EVENT}
    assert (row["home_goals"], row["away_goals"]) == (8, 0), "as the list says"
    upstream.faults([])
    run, manifest = published.candidate(3)
    assert "event" in plan(run)[match], "it is asked for again, since what changed is known of the list alone"
    (row,) = of_match(published, manifest, "matches", match)
    assert row["listing_hash"] != before["listing_hash"]
    assert {name: row[name] for name in OF_THE_EVENT} == {name: before[name] for name in OF_THE_EVENT}


def test_a_match_that_is_not_there_for_once_keeps_what_is_known_of_it(
    published: DailyRuns, base: Base
) -> None:
    upstream = published.upstream
    young = max(
        (
            each
            for each in upstream.matches().values()
            if each.code == 100 and "lineups" in there(upstream, each.id)
        ),
        key=lambda each: each.kickoff,
    )
    upstream.faults([{"kind": "missing", "match": young.id, "times": None}])
    run, manifest = published.candidate(2)
    assert "event" in plan(run)[young.id]
    for name in {table.name for table in OF_MATCHES} - {"matches", "match_parts"}:
        before, after = (of_match(published, each, name, young.id) for each in (base.manifest, manifest))
        assert after == before, name
    assert {key: state for key, state in states(published, manifest).items() if key[0] == young.id} == {
        key: state for key, state in states(published, base.manifest).items() if key[0] == young.id
    }
    assert of_match(published, manifest, "appearances", young.id)
    assert score(published, manifest, young.id) == (young.home_goals, young.away_goals)


# --- matches that are moved ---

PLACE = ("competition_id", "season_id", "season_year")


def of_match_whole(daily: DailyRuns, manifest: Manifest, match: int) -> dict[str, list[dict[str, Any]]]:
    """Every row of a match, without what tells only when it was asked for, and where it belongs."""
    return {
        name: [row for row in rows if row["match_id"] == match]
        for name, rows in tables(daily, manifest).items()
        if name in {table.name for table in OF_MATCHES}
    }


def places_of(found: dict[str, list[dict[str, Any]]]) -> set[tuple[int, ...]]:
    return {tuple(row[name] for name in PLACE) for rows in found.values() for row in rows}


def without(found: dict[str, list[dict[str, Any]]], *columns: str) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [{column: value for column, value in row.items() if column not in columns} for row in rows]
        for name, rows in found.items()
    }


def lacking(upstream: SampleUpstream, season: int) -> int:
    """A match that ended and of which the upstream lacks a part, and has line-ups."""
    return next(n for n in old_matches(upstream, season) if len(there(upstream, n)) < len(PARTS))


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        (LEAGUE_BEFORE, LEAGUE_NOW, (LEAGUE, LEAGUE_NOW, 2026)),
        (LEAGUE_BEFORE, CUP_NOW, (CUP, CUP_NOW, 2026)),
        (CUP_BEFORE, LEAGUE_NOW, (LEAGUE, LEAGUE_NOW, 2026)),
    ],
)
def test_all_rows_of_a_match_follow_it_to_another_season_and_back(
    published: DailyRuns, base: Base, before: int, after: int, place: tuple[int, int, int]
) -> None:
    upstream = published.upstream
    match = lacking(upstream, before)
    was = of_match_whole(published, base.manifest, match)
    assert "none" in {row["state"] for row in was["match_parts"]}
    upstream.reassign(match, after)
    run = planned(published, 2)
    assert match not in plan(run), "its season alone changed"
    there_now = published.publish(2)
    now = of_match_whole(published, there_now, match)
    assert places_of(now) == {place}
    changed = (*PLACE, "tournament_id", "content_hash")
    assert without(now, *changed) == without(was, *changed)
    upstream.reassign(match, before)
    competition = str(LEAGUE if before == LEAGUE_BEFORE else CUP)
    back = published.publish(3, competition=competition)
    assert of_match_whole(published, back, match) == was
    assert content_hashes(published, back, match) == content_hashes(published, base.manifest, match)


def content_hashes(daily: DailyRuns, manifest: Manifest, match: int) -> dict[str, list[str]]:
    """The hashes of a match's rows that do not tell when it was asked for."""
    names = {table.name for table in OF_MATCHES} - {"matches", "match_parts"}
    return {
        name: [row["content_hash"] for row in of_match(daily, manifest, name, match)]
        for name in sorted(names)
    }


@pytest.mark.parametrize(
    ("kind", "part"), [("error", "lineups"), ("missing", "lineups"), ("garbage", "event"), ("error", "event")]
)
def test_a_match_that_moves_and_of_which_a_part_does_not_come_moves_whole(
    published: DailyRuns, base: Base, kind: str, part: str
) -> None:
    upstream = published.upstream
    match = lacking(upstream, LEAGUE_BEFORE)
    upstream.reassign(match, LEAGUE_NOW)
    upstream.correct(match, 8, 0)
    upstream.faults([{"kind": kind, "match": match, "part": part, "times": None}])
    now = of_match_whole(published, published.publish(2, tolerate_failed=1), match)
    assert places_of(now) == {(LEAGUE, LEAGUE_NOW, 2026)}
    was = of_match_whole(published, base.manifest, match)
    assert [row["player_id"] for row in now["appearances"]] == [
        row["player_id"] for row in was["appearances"]
    ]
    upstream.faults([])
    again = of_match_whole(published, published.publish(3), match)
    assert places_of(again) == {(LEAGUE, LEAGUE_NOW, 2026)}
    assert {row["state"] for row in again["match_parts"]} == {"done", "none"}


def test_what_landed_before_a_match_moved_is_published_where_it_belongs_now(published: DailyRuns) -> None:
    upstream = published.upstream
    match = old_matches(upstream)[0]
    upstream.correct(match, 8, 0)
    pipeline.extract(published.run(2), published.session())
    upstream.reassign(match, CUP_NOW)
    manifest = published.publish(3)
    assert manifest.counts["adopted_runs"] == 1
    now = of_match_whole(published, manifest, match)
    assert places_of(now) == {(CUP, CUP_NOW, 2026)}
    assert score(published, manifest, match) == (8, 0)


def test_a_young_match_that_moves_to_another_competition_is_asked_for_where_it_is_listed(
    published: DailyRuns,
) -> None:
    """Its old competition, whose lists have it no more, is read after the new one and would ask for it too."""
    upstream = published.upstream
    young = max(
        (each for each in upstream.matches().values() if each.season == LEAGUE_NOW and each.code == 100),
        key=lambda each: each.kickoff,
    )
    for season in (CUP_NOW, LEAGUE_NOW):
        upstream.reassign(young.id, season)
        run, manifest = published.candidate(2 if season == CUP_NOW else 2.5)
        assert pipeline.judge(run).passed and pipeline.promote(run).outcome is Outcome.PROMOTED
        assert {row["season_id"] for row in of_match(published, manifest, "matches", young.id)} == {season}
        assert len(places_of(of_match_whole(published, manifest, young.id))) == 1


def test_matches_follow_a_season_whose_year_is_spelt_anew(
    published: DailyRuns, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published.upstream._world, "year", lambda of, begin: str(begin + 1))
    manifest = published.publish(2, competition=str(LEAGUE))
    (years,) = {
        (row["season_year"],)
        for row in published.rows(manifest, "competition_seasons")
        if row["season_id"] == LEAGUE_NOW
    }
    for table in OF_MATCHES:
        rows = [row for row in published.rows(manifest, table.name) if row["season_id"] == LEAGUE_NOW]
        assert rows, table.name
        assert {row["season_year"] for row in rows} == {*years} == {2027}, table.name


# --- matches whose teams change ---


def test_parts_that_do_not_come_with_the_change_of_a_matchs_teams_are_left_out_and_asked_for_again(
    published: DailyRuns, base: Base
) -> None:
    """They tell of other sides than those that the match has now; which row is right for which side nobody knows."""
    upstream = published.upstream
    match = lacking(upstream, LEAGUE_BEFORE)
    upstream.swap(match)
    upstream.faults([{"kind": "error", "match": match, "part": "lineups", "times": None}])
    upstream.faults([{"kind": "error", "match": match, "part": "event", "times": None}])
    manifest = published.publish(2, competition=str(LEAGUE), season="2025-26", tolerate_failed=1)
    now = of_match_whole(published, manifest, match)
    (row,) = now["matches"]
    assert row["home_team_id"] == upstream.matches()[match].home_team
    assert not [name for name in now if name not in {"matches", "match_parts"} and now[name]]
    ended = {each["part"]: each for each in now["match_parts"]}
    assert {ended[part]["state"] for part in there(upstream, match)} == {"failed"}
    assert {each["state"] for each in now["match_parts"]} == {"failed", "none"}
    assert all(each["error"] and not each["rows"] for each in now["match_parts"] if each["state"] == "failed")
    upstream.faults([])
    run = planned(published, 3)
    assert {*plan(run)[match]} >= {*there(upstream, match)}
    again = of_match_whole(published, published.publish(3), match)
    home = {each["team_id"] for each in again["appearances"] if each["side"] == "home"}
    assert home == {upstream.matches()[match].home_team}
    assert {each["state"] for each in again["match_parts"]} == {"done", "none"}


# --- odd values ---


@pytest.mark.whole_gate
def test_an_odd_value_is_null_and_in_the_quarantine_and_holds_nothing_else_back(copied: DailyRuns) -> None:
    upstream = copied.upstream
    match = next(n for n in old_matches(upstream) if "attendance" in upstream.bodies(n)["event"]["event"])
    player = upstream.bodies(match)["lineups"]["home"]["players"][0]
    spoilt = dict(player["statistics"], rating=11.2, minutesPlayed=-3)
    odd = {
        "event": (("event", "attendance"), "36,835"),
        "lineups": (("home", "players", 0, "statistics"), spoilt),
        "shotmap": (("shotmap", 0, "xg"), 4),
        "best_players": (("bestHomeTeamPlayers", 0, "value"), "77"),
        "head_to_head": (("teamDuel", "homeWins"), []),
    }
    upstream.faults(
        [
            {"kind": "odd", "match": match, "part": part, "place": place, "value": value, "times": None}
            for part, (place, value) in odd.items()
        ]
    )
    upstream.correct(match, 3, 1)
    run, manifest = copied.candidate(2)
    verdict = pipeline.judge(run)
    assert verdict.passed, verdict.reasons
    (row,) = of_match(copied, manifest, "matches", match)
    assert (row["attendance"], row["home_goals"]) == (None, 3)
    lined_up = {row["player_id"]: row for row in of_match(copied, manifest, "appearances", match)}
    shows(lined_up[player["player"]["id"]], rating=None, minutes_played=None, started=True)
    assert sum(row["rating"] is not None for row in lined_up.values()) > 20
    assert manifest.quarantine.reasons == {"odd_value": len({*odd} & {*there(upstream, match)})}
    assert {state for (of, _), state in states(copied, manifest).items() if of == match} <= {"done", "none"}
    assert manifest.quarantine.refused["appearances_values"] == 1
    assert (manifest.quarantine.arrived or {})["appearances_values"] >= len(lined_up)


def test_many_odd_values_block(published: DailyRuns) -> None:
    """As where the upstream begins to rate from 1 to 100."""
    players = [{"player": {"id": n}, "statistics": {"rating": 70 + n}} for n in range(1, 31)]
    home = {
        "kind": "odd",
        "part": "lineups",
        "place": ("home",),
        "value": {"players": players},
        "times": None,
    }
    published.upstream.faults([home])
    run, manifest = published.candidate(2, competition=str(LEAGUE))
    verdict = pipeline.judge(run)
    assert not verdict.passed
    assert "appearances_values" in " ".join(verdict.reasons)
    assert manifest.quarantine.refused["appearances_values"] >= 30


# --- names ---


def named(daily: DailyRuns, manifest: Manifest, table: str, key: str) -> dict[int, str]:
    return {row[key]: row["name"] for row in daily.rows(manifest, table)}


def test_a_team_that_was_renamed_is_called_so_everywhere_though_no_match_of_it_changed(
    copied: DailyRuns,
) -> None:
    upstream = copied.upstream
    settled = copied.publish(3.5)
    team = next(each.home_team for each in upstream.matches().values() if each.season == LEAGUE_NOW)
    upstream.rename(team, "Renamed United")
    run, manifest = copied.candidate(4)
    assert not plan(run)
    of_others = {
        key for key, name in named(copied, manifest, "teams", "team_id").items() if name == "Renamed United"
    }
    assert of_others == {team}
    for table, id_, name in (
        ("team_seasons", "team_id", "team_name"),
        ("player_seasons", "team_id", "team_name"),
        ("match_summaries", "home_team_id", "home_team"),
        ("match_summaries", "away_team_id", "away_team"),
    ):
        called = {row[name] for row in copied.rows(manifest, table) if row[id_] == team}
        assert called == {"Renamed United"}, table
    for table in OF_MATCHES:
        assert files(manifest, table.name) == files(settled, table.name), "no match has changed"
    assert pipeline.judge(run).passed and pipeline.promote(run).outcome is Outcome.PROMOTED
    assert not [each for each in wanted(planned(copied, 4.5)) if each.only_names], "it is known by now"


def wanted(run: OpenRun) -> list[Wanted]:
    return list(map(msgspec.json.Decoder(Wanted).decode, discovery(run).read("wanted")))


def test_what_the_upstream_says_last_of_a_person_counts_though_it_is_of_an_older_match(
    published: DailyRuns, base: Base
) -> None:
    upstream = published.upstream
    match = old_matches(upstream)[0]
    upstream.correct(match, 8, 0)
    player = upstream.bodies(match)["lineups"]["home"]["players"][0]["player"]["id"]
    manager = upstream.bodies(match)["managers"]["homeManager"]["id"]
    called = {"match": match, "kind": "odd", "times": None, "value": "Renamed"}
    upstream.faults(
        [
            {**called, "part": "lineups", "place": ["home", "players", 0, "player", "name"]},
            {**called, "part": "managers", "place": ["homeManager", "name"]},
        ]
    )
    seen = {row["player_id"]: row["seen_at"] for row in published.rows(base.manifest, "players")}
    manifest = published.publish(2)
    assert named(published, manifest, "players", "player_id")[player] == "Renamed"
    assert named(published, manifest, "managers", "manager_id")[manager] == "Renamed"
    now = {row["player_id"]: row["seen_at"] for row in published.rows(manifest, "players")}
    assert now[player] >= seen[player]


def test_a_competition_is_called_in_all_of_its_seasons_as_it_is_configured(
    published: DailyRuns, configured: tuple[Competition, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = tuple(
        msgspec.structs.replace(each, name="Renamed League") if each.id == LEAGUE else each
        for each in configured
    )
    monkeypatch.setattr(competitions, "load", lambda: renamed)
    manifest = published.publish(2, competition=str(LEAGUE), season="2026-27")
    called = {
        row["season_id"]: row["competition"]
        for row in published.rows(manifest, "competition_seasons")
        if row["competition_id"] == LEAGUE
    }
    assert len(called) > 1
    assert {*called.values()} == {"Renamed League"}
