"""A sound set of the tables of sofascore: seasons of a small league, every state of a match, all parts answered.

The same numbers give the same tables. What is computed from matches is computed by the source's own SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import duckdb

from include.sources.sofascore.derive import derive
from include.sources.sofascore.derived_tables import DERIVED_TABLES
from include.sources.sofascore.match_tables import MATCH_TABLES, PARTS
from include.sources.sofascore.tables import TABLES
from include.storage.duckdb_session import batches, identifiers, row_hash
from tests.soda.harness import Tables, table_of

Row = dict[str, Any]
Rows = dict[str, list[Row]]

BY_NAME = {table.name: table for table in TABLES}
NOW = datetime(2026, 11, 1, tzinfo=UTC)
"""Data time of the run that made the tables."""
COMPETITION, FIRST_YEAR = 17, 2025
TEAMS = (31, 32, 33, 34)
STARTERS, SUBSTITUTES = 11, 3
POSITIONS = "GDDDDMMMFFF" + "DMF"
SHOT_IDS = 1_000
ENDINGS = {3: (110, "after_extra_time"), 7: (120, "after_penalties")}
"""Matches of a season that are not decided in normal time."""
NOT_PLAYED = (
    (0, "scheduled", timedelta(days=3)),
    (7, "live", timedelta(hours=-1)),
    (60, "postponed", timedelta(days=-20)),
    (70, "canceled", timedelta(days=-21)),
    (80, "interrupted", timedelta(days=-1)),
    (90, "abandoned", timedelta(days=-22)),
    (91, "walkover", timedelta(days=-23)),
)
"""Status code, state and kick-off of further matches of the last season."""


def world(seasons: int = 2) -> Tables:
    """Tables of so many seasons of 12 played matches; the last match of the last one was played yesterday."""
    rows: Rows = {table.name: [] for table in MATCH_TABLES}
    for team in TEAMS:
        rows["teams"].append({"team_id": team, "name": f"Team {team}", "gender": "M", "seen_at": NOW})
        rows["managers"].append({"manager_id": team * 10, "name": f"Manager {team}", "seen_at": NOW})
        rows["players"] += [_player(team, number) for number in range(STARTERS + SUBSTITUTES)]
    for season in range(seasons):
        _season(rows, season, last=season == seasons - 1)
    return completed({name: table_of(BY_NAME[name], part) for name, part in rows.items()})


def completed(tables: Tables) -> Tables:
    """The tables with what is computed from the matches rebuilt."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in MATCH_TABLES:
            connection.register(f"all_{table.name}", tables[table.name])
        derive(connection)
        made = {}
        for table in DERIVED_TABLES:
            order = ", ".join(table.key)
            columns = identifiers(table.values.names)
            query = f"SELECT {columns}, {row_hash(table.names)} AS content_hash FROM new_{table.name} ORDER BY {order}"
            made[table.name] = table.schema.empty_table().from_batches(
                batches(connection, query, table.schema), table.schema
            )
    return tables | made


def _player(team: int, number: int) -> Row:
    return {
        "player_id": team * 100 + number,
        "name": f"Player {team}/{number}",
        "position": POSITIONS[number],
        "born_on": date(1990 + number, 5, 1),
        "height": 170 + number,
        "gender": "M",
        "seen_at": NOW,
    }


def _season(rows: Rows, season: int, last: bool) -> None:
    year = FIRST_YEAR + season
    end = NOW if last else NOW - timedelta(days=300)
    place = {"competition_id": COMPETITION, "season_id": 900 + season, "season_year": year}
    rows["competition_seasons"].append(
        place
        | {"competition": "League", "country": "Nowhere", "kind": "club", "checked_at": NOW}
        | {"season": f"{year}-{(year + 1) % 100:02d}", "upstream_year": f"{year % 100}/{(year + 1) % 100}"}
    )
    pairs = list(permutations(TEAMS, 2))
    for number, (home, away) in enumerate(pairs):
        match = (1_000 + season * 100 + number, home, away)
        _played(rows, place, match, number, end - timedelta(days=5 * (len(pairs) - 1 - number) + 1))
    for number, (code, state, after) in enumerate(NOT_PLAYED if last else ()):
        match = (1_000 + season * 100 + len(pairs) + number, TEAMS[0], TEAMS[1])
        winner = "home" if state == "walkover" else None
        row = _match(place, match, NOW + after) | {"status_code": code, "state": state, "winner": winner}
        rows["matches"].append(row)


def _match(place: Row, match: tuple[int, int, int], kickoff: datetime) -> Row:
    number, home, away = match
    return place | {
        "match_id": number,
        "tournament_id": 1,
        "kickoff_at": kickoff,
        "played": False,
        "home_team_id": home,
        "away_team_id": away,
        "listing_hash": "0" * 32,
        "checked_at": NOW,
    }


def _played(rows: Rows, place: Row, match: tuple[int, int, int], number: int, kickoff: datetime) -> None:
    """A match with all its parts; some are decided in extra time, or in a shoot-out."""
    id_, home, away = match
    code, state = ENDINGS.get(number, (100, "ended"))
    goals = {"home": number * 7 % 4, "away": number * 5 % 3}
    extra = {"home": 0, "away": 0}
    if code == 110:
        extra["home"] = 1
    if code == 120:
        goals["away"] = goals["home"]
    row = _match(place, match, kickoff) | {"status_code": code, "state": state, "played": True}
    for side, total in goals.items():
        row |= {
            f"{side}_goals": total + extra[side],
            f"{side}_goals_period1": total // 2,
            f"{side}_goals_period2": total - total // 2,
            f"{side}_goals_normal_time": total,
            f"{side}_goals_extra_time": extra[side] if code > 100 else None,
        }
    score = (row["home_goals"], row["away_goals"])
    row["result"] = "H" if score[0] > score[1] else "A" if score[0] < score[1] else "D"
    row["winner"] = {"H": "home", "A": "away", "D": "draw"}[row["result"]]
    if code == 120:
        row |= {"home_penalties": 5, "away_penalties": 4, "winner": "home"}
    rows["matches"].append(row)
    of_match = place | {"match_id": id_}
    parts: Rows = {
        "event": [row],
        "lineups": list(_appearances(of_match, match, number, score)),
        "statistics": list(_statistics(of_match, match)),
        "incidents": list(_incidents(of_match, match, score, code)),
        "managers": [
            of_match | {"side": side, "team_id": team, "manager_id": team * 10}
            for side, team in (("home", home), ("away", away))
        ],
        "graph": [of_match | {"minute": float(minute), "value": minute % 90 - 45} for minute in range(1, 6)],
        "shotmap": list(_shots(of_match, match)),
        "best_players": list(_best_players(of_match, match)),
        "head_to_head": [of_match | {"team_home_wins": 2, "team_away_wins": 1, "team_draws": 0}],
    }
    for part, table in PART_TABLES.items():
        rows[table] += parts[part]
    rows["match_parts"] += [
        of_match | {"part": part, "state": "done", "rows": len(parts[part]), "checked_at": NOW}
        for part in PARTS
    ]


PART_TABLES = {
    "lineups": "appearances",
    "statistics": "match_statistics",
    "incidents": "incidents",
    "managers": "match_managers",
    "graph": "momentum",
    "shotmap": "shots",
    "best_players": "best_players",
    "head_to_head": "head_to_head",
}
"""The table that a part of a match fills, but for the event."""


def _sides(match: tuple[int, int, int]) -> Iterator[tuple[str, int]]:
    return zip(("home", "away"), match[1:], strict=True)


def _appearances(
    of_match: Row, match: tuple[int, int, int], number: int, score: tuple[int, int]
) -> Iterator[Row]:
    """Eleven who start, two who come in for 30 minutes, and one who stays on the bench."""
    for (side, team), goals in zip(_sides(match), score, strict=True):
        for player in range(STARTERS + SUBSTITUTES):
            started, benched = player < STARTERS, player == STARTERS + SUBSTITUTES - 1
            minutes = None if benched else 30 if not started else 60 if player in (9, 10) else 90
            yield of_match | {
                "player_id": team * 100 + player,
                "team_id": team,
                "side": side,
                "position": POSITIONS[player],
                "shirt_number": player + 1,
                "started": started,
                "played": not benched,
                "captain": player == 4,
                "minutes_played": minutes,
                "rating": None if benched else 6.0 + (number + player) % 5 / 2,
                "goals": goals if player == 8 else 0 if not benched else None,
                "expected_goals": None if benched else 0.1 * (player % 4),
                "expected_assists": None if benched else 0.1,
                "shots": None if benched else goals + 2 if player == 8 else 1,
                "shots_on_target": None if benched else goals if player == 8 else 0,
                "passes": None if benched else 40,
                "accurate_passes": None if benched else 30 + player % 5,
                "duels_won": None if benched else 4,
                "duels_lost": None if benched else 2,
            }


def _statistics(of_match: Row, match: tuple[int, int, int]) -> Iterator[Row]:
    for period in ("ALL", "1ST", "2ND"):
        for side, team in _sides(match):
            yield of_match | {
                "period": period,
                "side": side,
                "team_id": team,
                "possession": 55.0 if side == "home" else 45.0,
                "expected_goals": 1.2,
                "shots": 12,
                "shots_on_target": 5,
                "passes": 400 + team,
                "accurate_passes": 320,
                "offsides": 2,
                "tackles": 15,
                "interceptions": 8,
                "fouls": 11,
                "box_touches": 20,
                "long_balls": 50,
                "long_balls_won": 25,
                "crosses": 18,
                "crosses_won": 5,
                "ground_duels": 60,
                "ground_duels_won": 30,
                "aerial_duels": 25,
                "aerial_duels_won": 12,
                "dribbles": 16,
                "dribbles_won": 9,
            }


def _incidents(
    of_match: Row, match: tuple[int, int, int], score: tuple[int, int], code: int
) -> Iterator[Row]:
    """Goals, a card, two substitutions of each side, half-time and the end, and a shoot-out's kicks."""
    position = 0

    def incident(side: str | None, type_: str, minute: int | None, **values: Any) -> Row:
        nonlocal position
        position += 1
        team = dict(_sides(match)).get(side or "")
        told = {"position": position, "type": type_, "side": side, "team_id": team, "minute": minute}
        return of_match | told | values

    for (side, team), goals in zip(_sides(match), score, strict=True):
        for goal in range(goals):
            yield incident(
                side,
                "goal",
                10 + goal,
                **{"class": "regular"},
                player_id=team * 100 + 8,
                assist_id=team * 100 + 5,
            )
    yield incident(None, "period", 45, text="HT")
    for side, team in _sides(match):
        yield incident(side, "card", 50, **{"class": "yellow"}, player_id=team * 100 + 2)
        yield incident(side, "card", -5, **{"class": "red"}, player_name="A manager")
        for player in (9, 10):
            yield incident(
                side, "substitution", 60, player_id=team * 100 + player + 2, player_out_id=team * 100 + player
            )
    yield incident(None, "period", 90, text="FT")
    if code == 120:
        for side, team in _sides(match):
            yield incident(
                side, "penaltyShootout", None, **{"class": "scored"}, player_id=team * 100 + 8, sequence=1
            )


def _shots(of_match: Row, match: tuple[int, int, int]) -> Iterator[Row]:
    for at, (side, team) in enumerate(_sides(match)):
        for shot in range(12):
            yield of_match | {
                "shot_id": match[0] * SHOT_IDS + at * 20 + shot,
                "player_id": team * 100 + 8,
                "team_id": team,
                "side": side,
                "type": ("save", "miss", "block")[shot % 3],
                "situation": ("assisted", "corner", "fast-break")[shot % 3],
                "minute": 7 * shot + 5,
                "x": 12.0,
                "y": 48.5,
                "xg": 0.25,
                "goalkeeper_id": (match[2] if side == "home" else match[1]) * 100,
            }


def _best_players(of_match: Row, match: tuple[int, int, int]) -> Iterator[Row]:
    for side, team in _sides(match):
        for rank in (1, 2):
            yield of_match | {
                "side": side,
                "rank": rank,
                "team_id": team,
                "player_id": team * 100 + 7 + rank,
                "label": "rating",
                "value": 8.0,
                "player_of_the_match": side == "home" and rank == 1,
            }
