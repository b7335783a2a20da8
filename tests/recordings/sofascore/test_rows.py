"""Real bodies to rows, against a naive reading of the same files.

Line-ups, incidents and team statistics were recorded as tables of an earlier pipeline: bodies are rebuilt from them.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from include.sources.sofascore import rows
from include.sources.sofascore.match_tables import MATCH_TABLES, PLAYER_STATISTICS, TEAM_RATIOS
from include.sources.sofascore.records import Reply

Body = dict[str, Any]
Record = dict[str, Any]

NAMES = {table.name: table.names for table in MATCH_TABLES}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNUSED_FIGURES = {
    f"metersCovered{pace}Km" for pace in ("HighSpeedRunning", "Jogging", "Running", "Sprinting", "Walking")
}
RAW_PARTS = {
    "managers": "managers",
    "graph": "graph",
    "head_to_head": "h2h",
    "best_players": "best_players_summary",
}
FIGURES_BY_NAME = {
    "Ball possession": ("ballPossession", "possession"),
    "Expected goals": ("expectedGoals", "expected_goals"),
    "Total shots": ("totalShotsOnGoal", "shots"),
    "Corner kicks": ("cornerKicks", "corners"),
    "Passes": ("passes", "passes"),
    "Accurate passes": ("accuratePasses", "accurate_passes"),
    "Goals prevented": ("goalsPrevented", "goals_prevented"),
    "Final third phase": ("finalThirdPhaseStatistic", "final_third_passes"),
    "Long balls": ("accurateLongBalls", "long_balls"),
    "Crosses": ("accurateCross", "crosses"),
    "Ground duels": ("groundDuelsPercentage", "ground_duels"),
    "Aerial duels": ("aerialDuelsPercentage", "aerial_duels"),
    "Dribbles": ("dribblesPercentage", "dribbles"),
}
RATIOS = {ratio.column for ratio in TEAM_RATIOS}


@pytest.fixture(scope="module")
def sofascore(recordings: Path) -> Path:
    return recordings / "sofascore"


@pytest.fixture(scope="module")
def events(sofascore: Path) -> dict[int, Body]:
    """Every recorded event by its number, whole ones and samples of rare states."""
    files = [*sofascore.glob("matches/*/event.json"), *sofascore.glob("status_samples_trimmed/*.json")]
    found = {}
    for file in files:
        body = load(file)
        found[body["event"]["id"]] = body
    assert len(found) >= 13
    return found


def load(file: Path) -> Body:
    body: Body = json.loads(file.read_text(encoding="utf-8"))
    return body


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def read(event: Body, **parts: Body) -> dict[str, list[Record]]:
    """All rows of a match by table; nothing may be refused."""
    reply = Reply(
        match=event["event"]["id"],
        competition=event["event"]["tournament"]["uniqueTournament"]["id"],
        season=event["event"]["season"]["id"],
        season_year=2025,
        listing="cafe",
        asked_at=EPOCH,
        parts={
            part: msgspec.Raw(json.dumps(body, ensure_ascii=False).encode())
            for part, body in {"event": event, **parts}.items()
        },
    )
    parsed = rows.of_reply(reply)
    assert parsed.refused == []
    assert parsed.odd == [], "no real value is odd"
    return {
        name: [dict(zip(NAMES[name], row, strict=True)) for row in found]
        for name, found in parsed.rows.items()
    }


def whole_matches(sofascore: Path, events: dict[int, Body], file: str) -> list[tuple[Body, Path]]:
    """The matches that have their event and a file of this name."""
    found = [
        (events[int(path.parent.name)], path)
        for path in sorted(sofascore.glob(f"matches/*/{file}"))
        if int(path.parent.name) in events
    ]
    assert len(found) >= 6
    return found


def value(text: str) -> Any:
    """A cell as the upstream sent it, as far as the table tells; whole numbers were written as 53.0."""
    if text in {"True", "False"}:
        return text == "True"
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?(e-\d+)?", text) else text


# --- events ------------------------------------------------------------------------------------------


def test_states_goals_and_results_of_every_recorded_event(events: dict[int, Body]) -> None:
    seen: Counter[str] = Counter()
    for body in events.values():
        event = body["event"]
        (row,) = read(body)["matches"]
        code = event["status"]["code"]
        played = code in (100, 110, 120)
        seen[row["state"]] += 1
        home, away = event["homeScore"], event["awayScore"]
        goals = [score.get("display") for score in (home, away)]
        assert [row["home_goals"], row["away_goals"]] == goals
        if played:
            assert goals == [score["normaltime"] + score.get("overtime", 0) for score in (home, away)]
        assert row["played"] is played
        assert row["result"] == (
            None if not played else "H" if goals[0] > goals[1] else "D" if goals[0] == goals[1] else "A"
        )
        assert row["winner"] == {None: None, 1: "home", 2: "away", 3: "draw"}[event.get("winnerCode")]
        assert row["home_penalties"] == home.get("penalties")
        assert row["away_goals_aggregate"] == away.get("aggregated")
        assert row["first_leg_id"] == event.get("previousLegEventId")
        assert row["kickoff_at"] == EPOCH + timedelta(seconds=event["startTimestamp"])
        assert row["changed_at"] == EPOCH + timedelta(seconds=event["changes"]["changeTimestamp"])
        assert (row["home_team_id"], row["away_team_id"]) == (
            event["homeTeam"]["id"],
            event["awayTeam"]["id"],
        )
        assert row["round"] == event.get("roundInfo", {}).get("round")
        assert row["venue"] == event.get("venue", {}).get("name")
        assert row["city"] == event.get("venue", {}).get("city", {}).get("name")
        assert row["referee"] == event.get("referee", {}).get("name")
        assert row["attendance"] == event.get("attendance")
        assert row["has_xg"] == event.get("hasXg")
    assert set(seen) == {
        "ended",
        "after_extra_time",
        "after_penalties",
        "postponed",
        "canceled",
        "interrupted",
    }


def test_a_recorded_shoot_out_is_not_counted_as_goals(events: dict[int, Body]) -> None:
    (body,) = [body for body in events.values() if body["event"]["status"]["code"] == 120]
    (row,) = read(body)["matches"]
    assert body["event"]["homeScore"]["current"] != row["home_goals"]
    assert (row["result"], row["winner"]) == ("D", "home")
    assert (row["home_goals"] + row["home_penalties"]) == body["event"]["homeScore"]["current"]


def test_teams_of_recorded_events(events: dict[int, Body]) -> None:
    for body in events.values():
        found = read(body)["teams"]
        for row, team in zip(found, (body["event"]["homeTeam"], body["event"]["awayTeam"]), strict=True):
            assert (row["team_id"], row["name"], row["slug"]) == (team["id"], team["name"], team["slug"])
            assert (row["gender"], row["national"]) == (team["gender"], team["national"])
            assert (row["code"], row["country"]) == (
                team.get("nameCode"),
                team.get("country", {}).get("name"),
            )


# --- other recorded bodies ---------------------------------------------------------------------------


def test_managers_momentum_best_players_and_meetings_of_recorded_matches(
    sofascore: Path, events: dict[int, Body]
) -> None:
    for event, file in whole_matches(sofascore, events, "managers.json"):
        parts = {
            part: load(file.with_name(f"{name}.json"))
            for part, name in RAW_PARTS.items()
            if file.with_name(f"{name}.json").exists()
        }
        found = read(event, **parts)
        teams = {"home": event["event"]["homeTeam"]["id"], "away": event["event"]["awayTeam"]["id"]}
        assert [(row["side"], row["team_id"], row["manager_id"]) for row in found["match_managers"]] == [
            (side, teams[side], parts["managers"][f"{side}Manager"]["id"])
            for side in teams
            if "id" in (parts["managers"].get(f"{side}Manager") or {})
        ]
        if "graph" in parts:
            assert [(row["minute"], row["value"]) for row in found["momentum"]] == [
                (point["minute"], point["value"]) for point in parts["graph"]["graphPoints"]
            ]
        best = parts["best_players"]
        assert [
            (row["side"], row["rank"], row["team_id"], row["player_id"], row["value"])
            for row in found["best_players"]
        ] == [
            (side, rank, teams[side], entry["player"]["id"], float(entry["value"]))
            for side in teams
            for rank, entry in enumerate(best[f"best{side.capitalize()}TeamPlayers"], start=1)
        ]
        flagged = [row["player_id"] for row in found["best_players"] if row["player_of_the_match"]]
        assert flagged == [best["playerOfTheMatch"]["player"]["id"]]
        (meetings,) = found["head_to_head"]
        assert meetings["team_home_wins"] == parts["head_to_head"]["teamDuel"]["homeWins"]
        assert meetings["manager_draws"] == (parts["head_to_head"].get("managerDuel") or {}).get("draws")
        assert {row["player_id"] for row in found["players"]} >= {
            entry["player"]["id"] for entry in best["bestHomeTeamPlayers"]
        }


def test_recorded_shots(sofascore: Path, events: dict[int, Body]) -> None:
    files = sorted(sofascore.glob("matches/14025167/players/shotmap_*.json"))
    shots = [shot for file in files for shot in load(file)["shotmap"]]
    assert len(shots) >= 10
    found = read(events[14025167], shotmap={"shotmap": shots})
    assert [row["shot_id"] for row in found["shots"]] == list(dict.fromkeys(shot["id"] for shot in shots))
    by_id = {shot["id"]: shot for shot in shots}
    for row in found["shots"]:
        shot = by_id[row["shot_id"]]
        assert (row["xg"], row["xgot"], row["type"]) == (shot.get("xg"), shot.get("xgot"), shot["shotType"])
        assert (row["x"], row["y"]) == (shot["playerCoordinates"]["x"], shot["playerCoordinates"]["y"])
        assert row["goal_mouth_z"] == shot["goalMouthCoordinates"]["z"]
        assert (row["side"] == "home") is shot["isHome"]
        assert row["goalkeeper_id"] == shot.get("goalkeeper", {}).get("id")


# --- incidents ---------------------------------------------------------------------------------------


def test_every_recorded_shape_of_incident_keeps_its_players(sofascore: Path, events: dict[int, Body]) -> None:
    shapes = load(sofascore / "incident_shapes_trimmed" / "incidents_all_shapes.json")["incidents"]
    found = read(next(iter(events.values())), incidents={"incidents": shapes})
    assert [row["type"] for row in found["incidents"]] == [
        shape["incidentType"] for shape in reversed(shapes)
    ]
    nested = {
        name: {shape[name]["id"] for shape in shapes if name in shape}
        for name in ("player", "playerIn", "playerOut", "assist1")
    }
    assert all(nested.values())
    assert {row["player_id"] for row in found["players"]} == set().union(*nested.values())
    for column, names in {
        "player_id": ("player", "playerIn"),
        "player_out_id": ("playerOut",),
        "assist_id": ("assist1",),
    }.items():
        kept = {row[column] for row in found["incidents"]} - {None}
        assert kept == set().union(*(nested[name] for name in names))
    assert all(row["minute"] != 999 and row["added_minute"] != 999 for row in found["incidents"])
    (own,) = [row for row in found["incidents"] if row["class"] == "ownGoal"]
    (shape,) = [shape for shape in shapes if shape.get("incidentClass") == "ownGoal"]
    assert (own["side"], own["player_id"]) == ("home" if shape["isHome"] else "away", shape["player"]["id"])


def test_goals_of_recorded_incidents_add_up_to_the_score(sofascore: Path, events: dict[int, Body]) -> None:
    own_goals = 0
    for event, file in whole_matches(sofascore, events, "incidents.csv"):
        incidents = []
        for cells in table(file):
            incident = {
                name: value(text) for name, text in cells.items() if text and not name.startswith("player_")
            }
            if cells["player_id"]:
                incident["player"] = {"id": value(cells["player_id"]), "name": cells["player_name"]}
            incidents.append(incident)
        found = read(event, incidents={"incidents": incidents})
        (match,) = found["matches"]
        goals = Counter(row["side"] for row in found["incidents"] if row["type"] == "goal")
        assert (goals["home"], goals["away"]) == (match["home_goals"], match["away_goals"])
        own_goals += sum(row["class"] == "ownGoal" for row in found["incidents"])
        cards = [cells for cells in table(file) if cells["incidentType"] == "card"]
        assert sum(row["type"] == "card" for row in found["incidents"]) == len(cards)
        last = found["incidents"][-1]
        assert (last["type"], last["text"], last["home_goals"]) == ("period", "FT", match["home_goals"])
    assert own_goals >= 1


# --- line-ups and statistics -------------------------------------------------------------------------


def test_recorded_line_ups_keep_every_player_and_figure(sofascore: Path, events: dict[int, Body]) -> None:
    columns = {figure.key: figure.column for figure in PLAYER_STATISTICS}
    for event, file in whole_matches(sofascore, events, "lineups.csv"):
        sides: dict[str, list[Body]] = {"home": [], "away": []}
        expected: dict[int, dict[str, float]] = {}
        for cells in table(file):
            figures = {
                name.removeprefix("stat_"): float(text)
                for name, text in cells.items()
                if text and name.startswith("stat_")
            }
            assert set(figures) <= set(columns) | UNUSED_FIGURES
            expected[int(cells["player_id"])] = {
                columns[key]: figure for key, figure in figures.items() if key in columns
            }
            person = {
                name.removeprefix("player_"): text
                for name, text in cells.items()
                if text and name.startswith("player_")
            }
            entry = {
                name: value(cells[name]) for name in ("position", "shirtNumber", "substitute", "captain")
            }
            entry = {name: cell for name, cell in entry.items() if cell != ""}
            sides[cells["side"]].append({"player": person, "statistics": figures, **entry})
        found = read(
            event,
            lineups={"confirmed": True, **{side: {"players": players} for side, players in sides.items()}},
        )
        assert [row["player_id"] for row in found["appearances"]] == list(expected)
        for row in found["appearances"]:
            stated = {column: row[column] for column in columns.values() if row[column] is not None}
            assert stated == expected[row["player_id"]]
            assert row["team_id"] == event["event"][f"{row['side']}Team"]["id"]
        assert Counter(row["side"] for row in found["appearances"] if row["started"]) == {
            "home": 11,
            "away": 11,
        }
        assert {row["player_id"] for row in found["players"]} == set(expected)
        by_id = {int(cells["player_id"]): cells for cells in table(file)}
        for row in found["players"]:
            assert row["name"] == by_id[row["player_id"]]["player_name"]
            born = by_id[row["player_id"]]["player_dateOfBirthTimestamp"]
            assert row["born_on"] == ((EPOCH + timedelta(seconds=float(born))).date() if born else None)


def test_recorded_statistics_come_through_without_their_text(
    sofascore: Path, events: dict[int, Body]
) -> None:
    compared: Counter[str] = Counter()
    for event, file in whole_matches(sofascore, events, "team_statistics.csv"):
        periods: dict[str, dict[str, list[Body]]] = {}
        expected: dict[tuple[str, str], dict[str, float]] = {}
        for cells in table(file):
            key, column = FIGURES_BY_NAME.get(cells["name"], (cells["name"], None))
            item: Body = {"key": key, "name": cells["name"]}
            for side in ("home", "away"):
                numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", cells[side])]
                item |= {side: cells[side], f"{side}Value": numbers[0]}
                wanted = expected.setdefault((cells["period"], side), {})
                if "/" in cells[side]:
                    item[f"{side}Total"] = numbers[1]
                if column in RATIOS:
                    wanted |= {f"{column}_won": numbers[0], column: numbers[1]}
                elif column:
                    wanted[column] = numbers[0]
            periods.setdefault(cells["period"], {}).setdefault(cells["group"], []).append(item)
        body = {
            "statistics": [
                {
                    "period": period,
                    "groups": [
                        {"groupName": name, "statisticsItems": items} for name, items in groups.items()
                    ],
                }
                for period, groups in periods.items()
            ]
        }
        found = {
            (row["period"], row["side"]): row for row in read(event, statistics=body)["match_statistics"]
        }
        assert set(found) == set(expected)
        for place, wanted in expected.items():
            assert {column: found[place][column] for column in wanted} == wanted
            compared.update(wanted)
    assert set(compared) == {column for _, column in FIGURES_BY_NAME.values()} | {
        f"{name}_won" for name in RATIOS
    }
