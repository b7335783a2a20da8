"""Recorded matches, served by an upstream of our own, arrive in the published tables with their values.

What is expected is read from the served bodies here once more, by plain access. One story is told over four days: a
first run, corrections on the second day, an outage on the third, and what was landed then is taken over on the fourth.
Of what went wrong in the earlier pipeline, season labels are tested in test_seasons.py.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include import pipeline
from include.publishing.promotion import PromotionRefused
from include.publishing.verdict import Verdict
from include.sources.sofascore.match_tables import PARTS, PLAYER_STATISTICS, TEAM_RATIOS, TEAM_STATISTICS
from include.upstream.answers import Refused, Transient
from tests.recordings.sofascore import replay
from tests.recordings.sofascore.conftest import Pipelines
from tests.recordings.sofascore.replay import BARE, Body, Match, Reply, SofaScore
from tests.sources.daily import DailyRuns
from tests.sources.sofascore.conftest import plan

Row = dict[str, Any]
Tables = dict[str, list[Row]]
Matches = dict[int, Match]

SIDES = ("home", "away")
OTHER = {"home": "away", "away": "home"}
STATES = {
    0: "scheduled",
    6: "live",
    60: "postponed",
    70: "canceled",
    80: "interrupted",
    90: "abandoned",
    91: "walkover",
    100: "ended",
    110: "after_extra_time",
    120: "after_penalties",
}
PLAYED = {100: "normal_time", 110: "extra_time", 120: "penalties"}
ASKED = {*PLAYED, 90}
PART_NAMES = {"best-players/summary": "best_players", "h2h": "head_to_head"}
COVERED = (
    "appearances",
    "incidents",
    "match_statistics",
    "match_managers",
    "momentum",
    "shots",
    "best_players",
    "head_to_head",
)
KEYS = {
    "match_parts": ("match_id", "part"),
    "appearances": ("match_id", "player_id"),
    "incidents": ("match_id", "position"),
    "match_statistics": ("match_id", "period", "side"),
    "match_managers": ("match_id", "side"),
    "momentum": ("match_id", "minute"),
    "shots": ("match_id", "shot_id"),
    "best_players": ("match_id", "side", "rank"),
    "head_to_head": ("match_id",),
}


@dataclass
class Day:
    """What a run asked for, saw and published."""

    daily: DailyRuns
    upstream: SofaScore
    matches: Matches
    tables: Tables
    asked: list[str]
    planned: dict[int, tuple[str, ...]]
    verdict: Verdict | None = None

    def of_match(self, match: int) -> list[str]:
        return SofaScore({}, {}, asked=self.asked).of_match(match)

    def row(self, table: str, match: int) -> Row:
        (found,) = [row for row in self.tables[table] if row["match_id"] == match]
        return found

    def of(self, table: str, match: int) -> list[Row]:
        return [row for row in self.tables[table] if row["match_id"] == match]


def publish(daily: DailyRuns, upstream: SofaScore, day: float) -> Day:
    """A whole run, with everything that can be asked about it later."""
    upstream.forget()
    run, manifest = daily.candidate(day)
    verdict = pipeline.judge(run)
    assert verdict.passed, verdict.reasons
    pipeline.promote(run)
    assert manifest.quarantine.rows == 0
    tables = {entry.name: daily.rows(manifest, entry.name) for entry in manifest.tables}
    return Day(
        daily, upstream, copy.deepcopy(upstream.matches), tables, [*upstream.asked], plan(run), verdict
    )


@pytest.fixture(scope="module")
def first(recordings: Path, pipelines: Pipelines) -> Iterator[Day]:
    """The first run: everything is new."""
    with replay.recorded_sofascore(recordings) as upstream:
        yield publish(pipelines(upstream), upstream, 1)


@pytest.fixture(scope="module")
def second(first: Day) -> Day:
    """The next day, on which some matches were corrected, moved or played."""
    matches = first.upstream.matches
    # A correction that the list tells: a goal was taken back.
    valencia = matches[replay.VALENCIA]
    goals = valencia.parts["incidents"]["incidents"]
    goals.remove(next(each for each in goals if each["incidentType"] == "goal"))
    next(each for each in goals if each.get("text") == "FT")["homeScore"] = 2
    valencia.event["homeScore"] = {"current": 2, "display": 2, "period1": 1, "period2": 1, "normaltime": 2}
    valencia.event["changes"] = {
        "changes": ["homeScore.current"],
        "changeTimestamp": replay.YESTERDAY + 30000,
    }
    # A correction of a young match that no list tells.
    lorient = matches[replay.LORIENT]
    scorer = lorient.parts["lineups"]["home"]["players"][1]
    scorer["statistics"]["rating"] = 9.9
    goal = next(each for each in lorient.parts["incidents"]["incidents"] if each["incidentType"] == "goal")
    goal["assist1"] = scorer["player"]
    lorient.parts["managers"] = {"homeManager": lorient.parts["managers"]["homeManager"]}
    # Kick-offs that moved, of a match to come and of one that had been postponed.
    matches[replay.COMING].event["startTimestamp"] += 7 * 86400
    matches[replay.POSTPONED].event |= {
        "status": {"code": 0, "type": "notstarted"},
        "startTimestamp": replay.YESTERDAY + 20 * 86400,
    }
    # A match that was under way is over.
    score = {"current": 1, "display": 1, "period1": 1, "period2": 0, "normaltime": 1}
    matches[replay.LIVE].event |= {
        "status": {"code": 100, "type": "finished"},
        "homeScore": score,
        "awayScore": score,
        "winnerCode": 3,
    }
    return publish(first.daily, first.upstream, 2)


# --- The oracle --------------------------------------------------------------------------------------


def played(matches: Matches) -> Matches:
    return {number: match for number, match in matches.items() if code(match) in PLAYED}


def code(match: Match) -> int:
    number: int = match.event["status"]["code"]
    return number


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def team(match: Match, side: str) -> int:
    number: int = match.event[f"{side}Team"]["id"]
    return number


def goals(match: Match, side: str) -> int:
    """Goals without a shoot-out, from the parts of the score."""
    score = match.event[f"{side}Score"]
    number: int = score["normaltime"] + score.get("overtime", 0)
    return number


def letter(match: Match) -> str:
    home, away = goals(match, "home"), goals(match, "away")
    return "H" if home > away else "A" if home < away else "D"


def winner(match: Match) -> str | None:
    return {1: "home", 2: "away", 3: "draw"}.get(match.event.get("winnerCode", 0))


def lined_up(match: Match) -> Iterator[tuple[str, Body]]:
    for side in SIDES:
        for entry in match.parts.get("lineups", {side: {"players": []}})[side]["players"]:
            yield side, entry


def figure(match: Match, side: str, key: str, kind: str = "Value", period: str = "ALL") -> Any:
    """A figure of the statistics; None where it is not stated."""
    for each in match.parts.get("statistics", {"statistics": []})["statistics"]:
        for group in each["groups"]:
            for item in group["statisticsItems"]:
                if each["period"] == period and item["key"] == key:
                    return item.get(f"{side}{kind}")
    return None


def cards(match: Match, *classes: str) -> list[tuple[str, int]]:
    """Side and player of each card of players."""
    return [
        ("home" if each["isHome"] else "away", each["player"]["id"])
        for each in match.parts.get("incidents", {"incidents": []})["incidents"]
        if each["incidentType"] == "card"
        and each["incidentClass"] in classes
        and "player" in each
        and not each.get("rescinded")
    ]


def has_incidents(match: Match) -> bool:
    return bool(match.parts.get("incidents", {}).get("incidents"))


def mean(values: list[Any]) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) / len(known) if known else None


def over(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def agree(row: Row, expected: Row) -> None:
    """The row has these values; fractions as far as they are published."""
    for column, wanted in expected.items():
        found = row[column]
        same = (
            found == pytest.approx(wanted, abs=6e-5)
            if isinstance(wanted, float) and found is not None
            else found == wanted
        )
        assert same, f"{column}: {found!r}, not {wanted!r}, in {row}"


# --- What is published of each match -----------------------------------------------------------------


def expected_match(match: Match) -> Row:
    event = match.event
    stated = code(match) in ASKED  # the rest is known from lists, which tell less
    venue, referee = event.get("venue", {}), event.get("referee", {})
    home, away = event["homeScore"], event["awayScore"]
    return {
        "competition_id": event["tournament"]["uniqueTournament"]["id"],
        "season_id": event["season"]["id"],
        "season_year": int("20" + event["season"]["year"][-5:][:2])
        if "/" in event["season"]["year"]
        else int(event["season"]["year"]),
        "tournament_id": event["tournament"]["id"],
        "round": event.get("roundInfo", {}).get("round"),
        "kickoff_at": instant(event["startTimestamp"]),
        "state": STATES[code(match)],
        "played": code(match) in PLAYED,
        "home_team_id": team(match, "home"),
        "away_team_id": team(match, "away"),
        "home_goals": goals(match, "home") if code(match) in PLAYED else home.get("display"),
        "away_goals": goals(match, "away") if code(match) in PLAYED else away.get("display"),
        "home_goals_period1": home.get("period1"),
        "away_goals_period2": away.get("period2"),
        "home_goals_normal_time": home.get("normaltime"),
        "home_goals_extra_time": home.get("overtime"),
        "home_goals_extra2": home.get("extra2"),
        "away_penalties": away.get("penalties"),
        "away_goals_aggregate": away.get("aggregated"),
        "aggregate_winner": {1: "home", 2: "away"}.get(event.get("aggregatedWinnerCode", 0)),
        "first_leg_id": event.get("previousLegEventId"),
        "result": letter(match) if code(match) in PLAYED else None,
        "winner": winner(match),
        "venue": venue.get("name") if stated else None,
        "city": venue.get("city", {}).get("name") if stated else None,
        "referee": referee.get("name") if stated else None,
        "attendance": event.get("attendance") if stated else None,
        "home_red_cards": event.get("homeRedCards"),
        "changed_at": instant(event["changes"]["changeTimestamp"]),
    }


def test_every_match_is_published_with_what_its_event_says(first: Day) -> None:
    assert {row["match_id"] for row in first.tables["matches"]} == set(first.matches)
    assert len(first.tables["matches"]) == len(first.matches)
    for number, match in first.matches.items():
        agree(first.row("matches", number), expected_match(match))
    assert {row["state"] for row in first.tables["matches"]} == set(STATES.values())


def test_every_part_of_a_match_is_published_with_its_values(first: Day) -> None:
    asked = {number: match for number, match in first.matches.items() if code(match) in ASKED}
    columns = {each.key: each.column for each in PLAYER_STATISTICS}
    for number, match in asked.items():
        lineup = {entry["player"]["id"]: (side, entry) for side, entry in lined_up(match)}
        rows = first.of("appearances", number)
        assert [row["player_id"] for row in rows] == sorted(lineup)
        for row in rows:
            side, entry = lineup[row["player_id"]]
            figures = entry["statistics"]
            started = not entry["substitute"]
            agree(
                row,
                {
                    "team_id": team(match, side),
                    "side": side,
                    "position": entry.get("position"),
                    "shirt_number": entry.get("shirtNumber"),
                    "started": started,
                    "played": started or figures.get("minutesPlayed", 0) > 0,
                    "captain": entry.get("captain", False),
                    **{column: figures.get(key) for key, column in columns.items()},
                },
            )

        happened = match.parts.get("incidents", {"incidents": []})["incidents"][::-1]
        rows = first.of("incidents", number)
        assert [row["position"] for row in rows] == list(range(1, len(happened) + 1))
        for row, incident in zip(rows, happened, strict=True):
            time = incident.get("time")
            where = {True: "home", False: "away", None: None}[incident.get("isHome")]
            player = incident.get("playerIn") or incident.get("player") or {}
            agree(
                row,
                {
                    "incident_id": incident.get("id"),
                    "type": incident["incidentType"],
                    "class": incident.get("incidentClass"),
                    "minute": None if time == 999 else time,
                    "side": where,
                    "team_id": team(match, where) if where else None,
                    "player_id": player.get("id"),
                    "player_out_id": incident.get("playerOut", {}).get("id"),
                    "assist_id": incident.get("assist1", {}).get("id"),
                    "home_goals": incident.get("homeScore"),
                    "away_goals": incident.get("awayScore"),
                    "text": incident.get("text"),
                    "scored_from": incident.get("from"),
                    "confirmed": incident.get("confirmed"),
                    "rescinded": incident.get("rescinded"),
                    "length": incident.get("length"),
                    "sequence": incident.get("sequence"),
                },
            )

        managers = match.parts.get("managers", {})
        assert {
            (row["side"], row["team_id"], row["manager_id"]) for row in first.of("match_managers", number)
        } == {
            (side, team(match, side), managers[f"{side}Manager"]["id"])
            for side in SIDES
            if managers.get(f"{side}Manager")
        }
        assert [(row["minute"], row["value"]) for row in first.of("momentum", number)] == [
            (point["minute"], point["value"]) for point in match.parts.get("graph", {}).get("graphPoints", [])
        ]
        best = match.parts.get("best-players/summary", {})
        assert [
            (row["side"], row["rank"], row["player_id"], row["value"], row["player_of_the_match"])
            for row in first.of("best_players", number)
        ] == [
            (
                side,
                rank,
                entry["player"]["id"],
                float(entry["value"]),
                entry["player"]["id"] == (best["playerOfTheMatch"] or {"player": {"id": 0}})["player"]["id"],
            )
            for side in sorted(SIDES)
            for rank, entry in enumerate(best.get(f"best{side.capitalize()}TeamPlayers", []), start=1)
        ]
        duels = match.parts.get("h2h")
        assert [
            (row["team_home_wins"], row["team_away_wins"], row["team_draws"], row["manager_draws"])
            for row in first.of("head_to_head", number)
        ] == [
            (
                *((duels["teamDuel"] or {}).get(name) for name in ("homeWins", "awayWins", "draws")),
                (duels["managerDuel"] or {}).get("draws"),
            )
            for _ in [duels]
            if duels
        ]
        shots = {shot["id"]: shot for shot in match.parts.get("shotmap", {}).get("shotmap", [])}
        assert {row["shot_id"]: (row["player_id"], row["xg"]) for row in first.of("shots", number)} == {
            shot_id: (shot["player"]["id"], shot.get("xg")) for shot_id, shot in shots.items()
        }
    counted = {table: len(first.tables[table]) for table in COVERED}
    assert all(counted.values()), counted


def test_statistics_are_values_and_totals_and_never_texts(first: Day) -> None:
    """Contract, what went wrong, 5: "38/71 (54%)" was read as 0.54."""
    for number, match in played(first.matches).items():
        rows = {(row["period"], row["side"]): row for row in first.of("match_statistics", number)}
        periods = [each["period"] for each in match.parts.get("statistics", {"statistics": []})["statistics"]]
        assert set(rows) == {(period, side) for period in periods for side in SIDES}
        for (period, side), row in rows.items():
            expected = {
                each.column: figure(match, side, each.key, "Value", period) for each in TEAM_STATISTICS
            }
            for ratio in TEAM_RATIOS:
                expected[ratio.column] = figure(match, side, ratio.key, "Total", period)
                expected[f"{ratio.column}_won"] = figure(match, side, ratio.key, "Value", period)
            agree(row, expected | {"team_id": team(match, side)})
    # "34/64 (53%)" is recorded of this match.
    rows = {(row["period"], row["side"]): row for row in first.of("match_statistics", replay.FULHAM)}
    assert (rows["ALL", "home"]["ground_duels_won"], rows["ALL", "home"]["ground_duels"]) == (34, 64)
    assert rows["ALL", "home"]["possession"] + rows["ALL", "away"]["possession"] == 100


def test_every_part_that_was_asked_for_is_accounted_for(first: Day) -> None:
    """Contract, what went wrong, 3: optional parts were missing and nobody was told."""
    assert {(row["match_id"], row["part"]): row["state"] for row in first.tables["match_parts"]} == {
        (number, part): state
        for number, match in first.matches.items()
        if code(match) in ASKED
        for part, state in {
            "event": "done",
            **{
                PART_NAMES.get(part, part): "done" if part in match.parts else "none" for part in replay.PARTS
            },
        }.items()
    }


# --- What is computed --------------------------------------------------------------------------------


def test_scores_are_those_of_matches_with_a_final_result(first: Day) -> None:
    """Contract, what went wrong, 2: matches decided in extra time or on penalties were dropped."""
    expected = {}
    for number, match in played(first.matches).items():
        counted: Counter[str] = Counter(
            "home" if each["isHome"] else "away"
            for each in match.parts.get("incidents", {"incidents": []})["incidents"]
            if each["incidentType"] == "goal"
        )
        expected[number] = {
            "home_goals": goals(match, "home"),
            "away_goals": goals(match, "away"),
            "total_goals": goals(match, "home") + goals(match, "away"),
            "result": letter(match),
            "decided_by": PLAYED[code(match)],
            "winner": winner(match),
            "home_penalties": match.event["homeScore"].get("penalties"),
            "home_goals_counted": counted["home"] if has_incidents(match) else None,
            "away_goals_counted": counted["away"] if has_incidents(match) else None,
            "score_source": "confirmed" if has_incidents(match) else "event",
        }
    walkover = dict.fromkeys(("home_goals", "away_goals", "total_goals", "result", "home_penalties"))
    expected[replay.WALKOVER] = {
        **walkover,
        "decided_by": "walkover",
        "winner": "home",
        "score_source": "award",
    }
    assert {row["match_id"] for row in first.tables["match_scores"]} == set(expected)
    for number, wanted in expected.items():
        agree(first.row("match_scores", number), wanted)
    shoot_out = first.row("match_scores", replay.SHOOT_OUT)
    assert (shoot_out["home_goals"], shoot_out["away_goals"], shoot_out["winner"]) == (1, 1, "home")
    assert first.row("match_scores", replay.EXTRA_TIME)["decided_by"] == "extra_time"


def test_summaries_equal_what_the_bodies_say(first: Day) -> None:
    assert {row["match_id"] for row in first.tables["match_summaries"]} == set(played(first.matches))
    for number, match in played(first.matches).items():
        event, managers = match.event, match.parts.get("managers", {})
        expected: Row = {
            "match_date": instant(event["startTimestamp"]).date(),
            "result": letter(match),
            "decided_by": PLAYED[code(match)],
            "winner": winner(match),
            "referee": event.get("referee", {}).get("name"),
            "venue": event.get("venue", {}).get("name"),
            "attendance": event.get("attendance"),
        }
        xg = {side: figure(match, side, "expectedGoals") for side in SIDES}
        for side in SIDES:
            accurate, tried = (figure(match, side, key) for key in ("accuratePasses", "passes"))
            manager = managers.get(f"{side}Manager") or {}
            expected |= {
                f"{side}_team": event[f"{side}Team"]["name"],
                f"{side}_goals": goals(match, side),
                f"{side}_goals_half_time": event[f"{side}Score"].get("period1"),
                f"{side}_xg": xg[side],
                f"{side}_xg_overperformance": None
                if xg[side] is None
                else float(goals(match, side) - xg[side]),
                f"{side}_possession": figure(match, side, "ballPossession"),
                f"{side}_shots": figure(match, side, "totalShotsOnGoal"),
                f"{side}_shots_on_target": figure(match, side, "shotsOnGoal"),
                f"{side}_big_chances": figure(match, side, "bigChanceCreated"),
                f"{side}_corners": figure(match, side, "cornerKicks"),
                f"{side}_fouls": figure(match, side, "fouls"),
                f"{side}_pass_accuracy": over(accurate, tried),
                f"{side}_yellow_cards": sum(where == side for where, _ in cards(match, "yellow"))
                if has_incidents(match)
                else None,
                f"{side}_red_cards": sum(where == side for where, _ in cards(match, "red", "yellowRed"))
                if has_incidents(match)
                else None,
                f"{side}_manager_id": manager.get("id"),
                f"{side}_manager": manager.get("name"),
            }
        expected["xg_swing"] = None if xg["home"] is None else float(xg["home"] - xg["away"])
        agree(first.row("match_summaries", number), expected)


def test_team_seasons_equal_what_the_bodies_add_up_to(first: Day) -> None:
    matches: dict[tuple[int, int, int], list[tuple[Match, str]]] = defaultdict(list)
    for match in played(first.matches).values():
        for side in SIDES:
            matches[*match.key, team(match, side)].append((match, side))
    rows = {
        (row["competition_id"], row["season_id"], row["team_id"]): row for row in first.tables["team_seasons"]
    }
    walkover = first.matches[replay.WALKOVER]
    awarded = {(*walkover.key, team(walkover, side)): side for side in SIDES}
    assert set(rows) == {*matches, *awarded}
    for key, side in awarded.items():
        expected = {"matches": 0, "points": 0, "goals_for": 0, "points_per_match": None}
        agree(
            rows[key],
            {**expected, "walkovers_won": int(side == "home"), "walkovers_lost": int(side == "away")},
        )
    for key, of_team in matches.items():
        scored = [goals(match, side) for match, side in of_team]
        let_in = [goals(match, OTHER[side]) for match, side in of_team]
        points = [3 if g > a else 1 if g == a else 0 for g, a in zip(scored, let_in, strict=True)]
        with_xg = [pair for pair in of_team if figure(*pair, "expectedGoals") is not None]
        xg = [figure(*pair, "expectedGoals") for pair in with_xg]
        xg_against = [figure(match, OTHER[side], "expectedGoals") for match, side in with_xg]
        told = [pair for pair in of_team if has_incidents(pair[0])]
        with_statistics = [pair for pair in of_team if figure(*pair, "ballPossession") is not None]
        passes = [figure(*pair, "passes") for pair in with_statistics]
        agree(
            rows[key],
            {
                "matches": len(of_team),
                "wins": points.count(3),
                "draws": points.count(1),
                "losses": points.count(0),
                "points": sum(points),
                "points_per_match": float(sum(points) / len(points)),
                "goals_for": sum(scored),
                "goals_against": sum(let_in),
                "goal_difference": sum(scored) - sum(let_in),
                "home_matches": sum(side == "home" for _, side in of_team),
                "away_goals_for": sum(
                    g for g, (_, side) in zip(scored, of_team, strict=True) if side == "away"
                ),
                "clean_sheets": let_in.count(0),
                "failed_to_score": scored.count(0),
                "first_half_goals_for": sum(m.event[f"{s}Score"]["period1"] for m, s in of_team),
                "xg_matches": len(with_xg),
                "xg_for": float(sum(xg)) if xg else None,
                "xg_against": float(sum(xg_against)) if xg else None,
                "xg_overperformance": float(sum(goals(*pair) for pair in with_xg) - sum(xg)) if xg else None,
                "statistics_matches": len(with_statistics),
                "possession": mean([figure(*pair, "ballPossession") for pair in of_team]),
                "passes_per_match": mean(passes),
                "pass_accuracy": over(
                    sum(figure(*pair, "accuratePasses") for pair in with_statistics), sum(passes)
                ),
                "shots_per_match": mean([figure(*pair, "totalShotsOnGoal") for pair in of_team]),
                "shots_against_per_match": mean(
                    [figure(match, OTHER[side], "totalShotsOnGoal") for match, side in of_team]
                ),
                "tackles_per_match": mean([figure(*pair, "totalTackle") for pair in of_team]),
                "incident_matches": len(told),
                "yellow_cards": sum(s == side for m, side in told for s, _ in cards(m, "yellow"))
                if told
                else None,
                "red_cards": sum(s == side for m, side in told for s, _ in cards(m, "red", "yellowRed"))
                if told
                else None,
                "shootouts_won": sum(code(m) == 120 and winner(m) == side for m, side in of_team),
                "home_attendance": mean([m.event.get("attendance") for m, side in of_team if side == "home"]),
            },
        )


def test_player_seasons_equal_what_the_line_ups_add_up_to(first: Day) -> None:
    expected: dict[tuple[int, int, int], list[tuple[Match, Body]]] = defaultdict(list)
    carded: Counter[tuple[int, int, int]] = Counter()
    for match in played(first.matches).values():
        for _, entry in lined_up(match):
            if not entry["substitute"] or entry["statistics"].get("minutesPlayed", 0) > 0:
                expected[*match.key, entry["player"]["id"]].append((match, entry))
        carded.update((*match.key, player) for _, player in cards(match, "yellow"))
    rows = {
        (row["competition_id"], row["season_id"], row["player_id"]): row
        for row in first.tables["player_seasons"]
    }
    assert set(rows) == set(expected)
    assert any(len(found) == 2 for found in expected.values())
    for key, entries in expected.items():
        covered = [
            (match, entry["statistics"]) for match, entry in entries if "minutesPlayed" in entry["statistics"]
        ]
        figures = [each for _, each in covered]
        with_xg = [
            each
            for match, each in covered
            if any("expectedGoals" in entry["statistics"] for _, entry in lined_up(match))
        ]
        ratings = [each["rating"] for each in figures if "rating" in each]
        told = any(match.parts.get("incidents", {}).get("incidents") for match, _ in entries)

        def total(name: str, of: list[Body] = figures) -> Any:
            return sum(each.get(name, 0) for each in of) if of else None

        minutes = total("minutesPlayed") or 0
        duels = (total("duelWon") or 0) + (total("duelLost") or 0)
        xg = total("expectedGoals", with_xg)
        agree(
            rows[key],
            {
                "appearances": len(entries),
                "starts": sum(not entry["substitute"] for _, entry in entries),
                "covered_matches": len(covered),
                "minutes": minutes,
                "sufficient": minutes >= 450,
                "rated_matches": len(ratings),
                "rating": mean(ratings),
                "goals": total("goals"),
                "assists": total("goalAssist"),
                "own_goals": total("ownGoals"),
                "xg_matches": len(with_xg),
                "xg": None if xg is None else float(xg),
                "xg_overperformance": None if xg is None else float(total("goals", with_xg) - xg),
                "yellow_cards": carded[key] if told or carded[key] else None,
                "shots": total("totalShots"),
                "passes": total("totalPass"),
                "pass_accuracy": over(total("accuratePass"), total("totalPass")),
                "duel_success": over(total("duelWon"), duels),
                "goals_per_90": over(90 * (total("goals") or 0), minutes),
                "shots_per_90": over(90 * (total("totalShots") or 0), minutes),
                "tackles_per_90": over(90 * (total("totalTackle") or 0), minutes),
                "xg_per_90": over(90 * (xg or 0), total("minutesPlayed", with_xg)),
            },
        )


def test_own_goals_count_for_the_other_side_and_for_no_scorer(first: Day) -> None:
    own = [row for row in first.tables["incidents"] if row["class"] == "ownGoal"]
    assert len(own) >= 2
    lineups = {(row["match_id"], row["player_id"]): row for row in first.tables["appearances"]}
    placed = [
        (row, lineups[row["match_id"], row["player_id"]]) for row in own if row["match_id"] == replay.LAZIO
    ]
    for row in own:
        appearance = lineups.get((row["match_id"], row["player_id"]))
        if appearance is not None:
            assert row["side"] == OTHER[appearance["side"]]
            assert (appearance["own_goals"], appearance["goals"] or 0) == (1, 0)
            placed.append((row, appearance))
    assert placed


def test_matches_that_were_not_played_are_matches_and_nothing_else(first: Day) -> None:
    """Postponed, canceled, interrupted, abandoned, under way, to come."""
    others = set(first.matches) - set(played(first.matches))
    assert len(others) == 7
    for table in ("match_scores", "match_summaries"):
        assert {row["match_id"] for row in first.tables[table]} & others <= {replay.WALKOVER}
    for table in COVERED:
        assert not {row["match_id"] for row in first.tables[table]} & others
    teams = {row["team_id"] for row in first.tables["team_seasons"]}
    assert not {team(first.matches[replay.INTERRUPTED], side) for side in SIDES} & teams


# --- What is not there -------------------------------------------------------------------------------


def test_a_season_without_any_line_up_comes_through_with_a_warning(first: Day) -> None:
    """Contract, what went wrong, 1: twelve matches without line-ups in a row are no outage."""
    states = Counter(
        (row["part"], row["state"])
        for row in first.tables["match_parts"]
        if row["season_id"] == replay.BARE_SEASON
    )
    assert states["lineups", "none"] == len(BARE)
    assert states["event", "done"] == len(BARE)
    (season,) = [row for row in first.tables["competition_seasons"] if row["season_id"] == replay.BARE_SEASON]
    assert (season["season"], season["season_year"], season["competition"]) == (
        "2023-24",
        2023,
        "Primeira Liga",
    )
    summaries = [row for row in first.tables["match_summaries"] if row["season_id"] == replay.BARE_SEASON]
    assert len(summaries) == len(BARE)
    assert first.verdict is not None
    assert first.verdict.passed
    warned = [check for check in first.verdict.checks if check.outcome == "WARN"]
    samples = [sample for check in warned if check.id.endswith("coverage") for sample in check.samples]
    assert [sample["season_id"] for sample in samples] == [replay.BARE_SEASON]
    assert "lineups 0.0%" in samples[0]["below"]


def test_what_a_settled_match_lacks_is_never_asked_for_again(first: Day, second: Day) -> None:
    """Contract, what went wrong, 7. It is asked for twice before it is believed, and once more as a control may be."""
    assert first.of_match(BARE[0]).count("lineups") == 2
    assert second.planned.keys() == {replay.VALENCIA, replay.LORIENT, replay.LAZIO, replay.LIVE}
    assert "shotmap" in first.planned[replay.VALENCIA]
    assert "shotmap" not in second.planned[replay.VALENCIA]
    assert "lineups" in second.planned[replay.VALENCIA]
    assert "shotmap" in second.planned[replay.LORIENT], "its shots may come a day after it"
    assert set(second.planned[replay.LIVE]) == set(PARTS)


# --- Corrections -------------------------------------------------------------------------------------


def test_a_correction_of_a_finished_match_arrives_everywhere(first: Day, second: Day) -> None:
    was, now = (day.row("match_summaries", replay.VALENCIA) for day in (first, second))
    assert (was["home_goals"], now["home_goals"]) == (3, 2)
    assert len(second.of("incidents", replay.VALENCIA)) == len(first.of("incidents", replay.VALENCIA)) - 1
    assert second.row("match_scores", replay.VALENCIA)["score_source"] == "confirmed"
    (team_now,) = [
        row
        for row in second.tables["team_seasons"]
        if row["team_id"] == now["home_team_id"] and row["season_id"] == 77559
    ]
    assert (team_now["goals_for"], team_now["matches"]) == (2, 1)


def test_a_young_match_is_looked_at_again_although_no_list_tells_of_a_correction(
    first: Day, second: Day
) -> None:
    lorient = second.matches[replay.LORIENT]
    player = lorient.parts["lineups"]["home"]["players"][1]["player"]["id"]

    def rating(day: Day) -> Any:
        return next(
            row["rating"] for row in day.of("appearances", replay.LORIENT) if row["player_id"] == player
        )

    assert (rating(first), rating(second)) == (first_rating(first, player), 9.9)
    assert player in {row["assist_id"] for row in second.of("incidents", replay.LORIENT)}
    assert [row["side"] for row in second.of("match_managers", replay.LORIENT)] == ["home"]
    assert second.row("match_summaries", replay.LORIENT)["away_manager"] is None
    (season,) = [row for row in second.tables["player_seasons"] if row["player_id"] == player]
    assert (season["rating"], season["appearances"]) == (9.9, 1)


def first_rating(day: Day, player: int) -> Any:
    return next(
        entry["statistics"]["rating"]
        for _, entry in lined_up(day.matches[replay.LORIENT])
        if entry["player"]["id"] == player
    )


def test_matches_change_in_place_and_are_stored_once(first: Day, second: Day) -> None:
    assert Counter(row["match_id"] for row in second.tables["matches"]) == Counter(set(second.matches))
    for number, match in second.matches.items():
        agree(second.row("matches", number), expected_match(match))
    moved = [day.row("matches", replay.COMING)["kickoff_at"] for day in (first, second)]
    assert moved[1] - moved[0] == timedelta(days=7)
    assert [day.row("matches", replay.POSTPONED)["state"] for day in (first, second)] == [
        "postponed",
        "scheduled",
    ]
    assert second.row("match_scores", replay.LIVE)["result"] == "D"
    changed = {replay.VALENCIA, replay.LORIENT, replay.LAZIO, replay.LIVE}
    for table in (*COVERED, "match_parts"):
        rows = second.tables[table]
        assert len(rows) == len({tuple(row[name] for name in KEYS[table]) for row in rows})
        kept = [
            [row for row in day.tables[table] if row["match_id"] not in changed] for day in (first, second)
        ]
        assert kept[0] == kept[1]


# --- Runs that are about something, or end early -----------------------------------------------------


def test_a_run_for_a_day_asks_for_the_matches_of_that_day_and_for_no_neighbours(second: Day) -> None:
    second.upstream.forget()
    run = second.daily.run(2.25, **{"from": "2026-02-07", "to": "2026-02-07"})
    found = pipeline.discover(run, second.daily.session())
    assert [(unit.key, unit.label, unit.items) for unit in found.units] == [
        ("17-76986", "Premier League 2025-26", 1)
    ]
    assert {path.split("/")[2] for path in second.upstream.asked} == {"scheduled-events"}
    assert date.fromisoformat(second.upstream.asked[0].split("/")[3]) == date(2026, 2, 7)


@pytest.fixture(scope="module")
def fourth(second: Day) -> Day:
    """What the run after an outage builds; on the third day a part failed, and a match was not there for once."""
    daily, upstream = second.daily, second.upstream
    latest = daily.registry.latest("sofascore")
    upstream.forget()

    def outage(path: str) -> Reply | None:
        if path.startswith(f"event/{replay.LAZIO}"):
            return replay.NOT_FOUND
        return (503, {}) if path == f"event/{replay.LORIENT}/incidents" else None

    upstream.fault = outage
    with pytest.raises(Transient, match=f"{replay.LORIENT} .incidents.*latest stays"):
        pipeline.extract(daily.run(3), daily.session())
    assert "lineups" in upstream.of_match(replay.LORIENT)
    assert daily.registry.latest("sofascore") == latest
    upstream.forget()
    run, manifest = daily.candidate(4)
    assert manifest.counts["adopted_runs"] == 1
    tables = {entry.name: daily.rows(manifest, entry.name) for entry in manifest.tables}
    return Day(daily, upstream, upstream.matches, tables, [*upstream.asked], plan(run))


def test_an_outage_publishes_nothing_and_the_next_run_takes_over_what_landed(
    second: Day, fourth: Day
) -> None:
    """Contract, what went wrong, 3: a part that is not answered is no success."""
    assert fourth.planned[replay.LORIENT] == ("event", "incidents")
    assert fourth.of("incidents", replay.LORIENT) == second.of("incidents", replay.LORIENT)
    assert {row["state"] for row in fourth.of("match_parts", replay.LORIENT)} == {"done", "none"}


def test_a_match_that_is_not_there_for_once_keeps_what_is_known_of_it(second: Day, fourth: Day) -> None:
    assert len(second.of("appearances", replay.LAZIO)) > 40
    for table in COVERED:
        assert fourth.of(table, replay.LAZIO) == second.of(table, replay.LAZIO)
    assert fourth.row("matches", replay.LAZIO)["played"]


def test_a_challenge_stops_the_run_and_once_cleared_it_goes_on_with_what_landed(
    first: Day, recordings: Path, pipelines: Pipelines
) -> None:
    with replay.recorded_sofascore(recordings) as upstream:
        daily = pipelines(upstream)
        run = daily.run(1)
        units = pipeline.discover(run, daily.session()).units
        upstream.forget()

        def challenge(path: str) -> Reply | None:
            return replay.CHALLENGE if path.startswith(f"event/{BARE[7]}/") else None

        upstream.fault = challenge
        with pytest.raises(Refused, match="not worked around"):
            pipeline.extract(run, daily.session())
        # Two threads ask: what was under way when the refusal came may still arrive.
        assert len(upstream.statuses) - upstream.statuses.index(403) <= 2
        landed = {
            number
            for number in first.matches
            if set(first.of_match(number)) <= set(upstream.of_match(number))
        }
        landed -= {number for number in first.matches if not first.of_match(number)}
        assert len(landed) >= 7

        upstream.forget()
        for unit in units[-2:]:
            stopped = pipeline.extract(run, daily.session(), unit.key)["stopped"]
            assert "clear the whole run from its probe" in stopped
        assert upstream.asked == []
        assert daily.registry.latest("sofascore") is None

        # A run of the next morning does not begin again either; it looks at two young matches once more, and asks for
        # what the unit's matches lack, which nothing had confirmed when it was stopped.
        later = pipeline.discover(daily.run(1.5), daily.session())
        unconfirmed = landed & {*BARE}
        missing = first.planned.keys() - landed | unconfirmed
        assert sum(unit.items for unit in later.units) == len(missing | {replay.LORIENT, replay.LAZIO})

        upstream.forget()
        assert pipeline.probe(run, daily.session()).new
        _, manifest = daily.candidate(1)
        # One of the others may be a control, which is asked for a part alone.
        assert not {number for number in landed - unconfirmed if "event" in upstream.of_match(number)}
        assert all({"event", "lineups"} <= {*upstream.of_match(number)} for number in unconfirmed)
        # Contract, what went wrong, 4: latest was written without the checks.
        with pytest.raises(PromotionRefused, match="has no verdict"):
            pipeline.promote(run)
        for entry in manifest.tables:
            assert daily.rows(manifest, entry.name) == first.tables[entry.name]
