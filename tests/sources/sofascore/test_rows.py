"""Landed matches to rows: values, states, what is refused. All matches and people are invented."""

import copy
import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.sofascore import rows
from include.sources.sofascore.match_tables import (
    MATCH_TABLES,
    PARTS,
    PLAYER_STATISTICS,
    RANGES,
    TEAM_RATIOS,
    TEAM_STATISTICS,
)
from include.sources.sofascore.payloads import Unreadable
from include.sources.sofascore.records import Listed, Reply

Body = dict[str, Any]
Record = dict[str, Any]

TABLES = {table.name: table for table in MATCH_TABLES}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ASKED = datetime(2026, 11, 18, tzinfo=UTC)
MATCH, HOME, AWAY = 9, 101, 202
OWNED = {
    "event": "matches",
    "lineups": "appearances",
    "statistics": "match_statistics",
    "incidents": "incidents",
    "managers": "match_managers",
    "graph": "momentum",
    "shotmap": "shots",
    "best_players": "best_players",
    "head_to_head": "head_to_head",
}


def player(number: int, **more: Any) -> Body:
    return {"id": number, "name": f"Player {number}", "slug": f"player-{number}", **more}


def event(**changed: Any) -> Body:
    """The event of a match that ended 2:1; a field that is None is left out."""
    fields = {
        "id": MATCH,
        "startTimestamp": int(NOON.timestamp()),
        "tournament": {"id": 1, "isGroup": False, "uniqueTournament": {"id": 999}},
        "season": {"id": 888, "year": "25/26"},
        "status": {"code": 100},
        "homeTeam": {
            "id": HOME,
            "name": "Harbour",
            "shortName": "HAR",
            "nameCode": "HBR",
            "slug": "harbour",
            "country": {"name": "Freedonia"},
            "gender": "F",
            "national": False,
            "manager": {"id": 51, "name": "Ada", "country": {"name": "Sylvania"}},
        },
        "awayTeam": {"id": AWAY, "name": "Quarry", "country": {}, "manager": {"id": 99, "name": "Later"}},
        "homeScore": {"current": 2, "display": 2, "period1": 1, "period2": 1, "normaltime": 2},
        "awayScore": {"current": 1, "display": 1, "period1": 0, "period2": 1, "normaltime": 1},
        "winnerCode": 1,
        **changed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def lined_up(number: int, **more: Any) -> Body:
    return {"player": player(number), "position": "M", "shirtNumber": 8, "substitute": False, **more}


BODIES: dict[str, Body] = {
    "event": {"event": event()},
    "lineups": {
        "confirmed": True,
        "home": {"players": [lined_up(11, captain=True, statistics={"minutesPlayed": 90, "rating": 7.2})]},
        "away": {"players": [lined_up(21), lined_up(22, substitute=True, statistics={})]},
    },
    "statistics": {
        "statistics": [
            {
                "period": "ALL",
                "groups": [
                    {
                        "groupName": "Shots",
                        "statisticsItems": [
                            {
                                "key": "totalShotsOnGoal",
                                "home": "9",
                                "away": "4",
                                "homeValue": 9,
                                "awayValue": 4,
                            },
                            {
                                "key": "accurateCross",
                                "home": "3/12 (25%)",
                                "away": "1/2 (50%)",
                                "homeValue": 3,
                                "homeTotal": 12,
                                "awayValue": 1,
                                "awayTotal": 2,
                            },
                        ],
                    }
                ],
            }
        ]
    },
    "incidents": {
        "incidents": [
            {
                "incidentType": "period",
                "text": "FT",
                "time": 90,
                "addedTime": 999,
                "homeScore": 2,
                "awayScore": 1,
            },
            {
                "incidentType": "goal",
                "incidentClass": "regular",
                "id": 5,
                "time": 45,
                "addedTime": 2,
                "isHome": True,
                "player": player(11),
                "assist1": player(12),
                "homeScore": 1,
                "awayScore": 0,
                "from": "corner",
            },
        ]
    },
    "managers": {
        "homeManager": {"id": 51, "name": "Ada", "shortName": "A."},
        "awayManager": {"id": 52, "name": "Grace"},
    },
    "graph": {"graphPoints": [{"minute": 1, "value": -3}, {"minute": 45.5, "value": 12}]},
    "shotmap": {
        "shotmap": [
            {
                "id": 7,
                "player": player(11),
                "goalkeeper": player(21),
                "isHome": True,
                "shotType": "goal",
                "goalType": "regular",
                "situation": "corner",
                "bodyPart": "head",
                "playerCoordinates": {"x": 9.5, "y": 50.5, "z": 0},
                "goalMouthLocation": "low-left",
                "goalMouthCoordinates": {"x": 0, "y": 48, "z": 9.5},
                "xg": 0.25,
                "xgot": 0.5,
                "time": 45,
                "addedTime": 2,
            }
        ]
    },
    "best_players": {
        "bestHomeTeamPlayers": [
            {"value": "7.6", "label": "rating", "player": player(11)},
            {"value": "7.1", "label": "rating", "player": player(12)},
        ],
        "bestAwayTeamPlayers": [{"value": "7.0", "label": "rating", "player": player(21)}],
        "playerOfTheMatch": {"value": "7.6", "label": "rating", "player": player(11)},
    },
    "head_to_head": {"teamDuel": {"homeWins": 4, "awayWins": 3, "draws": 2}, "managerDuel": None},
}


def reply(parts: Mapping[str, Any], **more: Any) -> Reply:
    return Reply(
        match=MATCH,
        competition=17,
        season=76986,
        season_year=2025,
        listing="cafe",
        asked_at=ASKED,
        parts={part: msgspec.Raw(json.dumps(body).encode()) for part, body in parts.items()},
        **more,
    )


def listed(entry: Body) -> Listed:
    return Listed(
        match=MATCH,
        competition=17,
        season=76986,
        season_year=2025,
        listing="cafe",
        asked_at=ASKED,
        event=msgspec.Raw(json.dumps(entry).encode()),
    )


def named(table: str, found: list[rows.Row]) -> list[Record]:
    return [dict(zip(TABLES[table].names, row, strict=True)) for row in found]


def read(part: str, body: Any) -> list[Record]:
    """The rows that a part gives in its own table, its match having an ordinary event."""
    parsed = rows.of_reply(reply({"event": BODIES["event"], part: body}))
    assert not parsed.refused, parsed.refused
    return named(OWNED[part], parsed.rows[OWNED[part]])


def refused(part: str, body: Any) -> str:
    """Why a part is refused; it must be refused alone and give no rows."""
    parsed = rows.of_reply(reply({**BODIES, part: body}))
    (only,) = parsed.refused
    assert only.content == json.dumps(body).encode()
    assert OWNED[part] not in parsed.rows
    state = {row["part"]: row for row in named("match_parts", parsed.rows["match_parts"])}
    assert (state[part]["state"], state[part]["rows"], state[part]["error"]) == ("refused", 0, only.detail)
    assert {row["state"] for row in state.values() if row["part"] != part} == {"done"}
    return only.detail


def match_of(**changed: Any) -> Record:
    (row,) = read("event", {"event": event(**changed)})
    return row


def assert_fits(found: rows.Rows) -> None:
    """Rows have the declared columns and types, nothing required is null, keys and hashes are right."""
    for name, of_table in found.items():
        table = TABLES[name]
        for row in of_table:
            assert len(row) == len(table.columns)
            assert row[-1] is None, "it gets its hash where it is written"
        for column, values in zip(table.columns, zip(*of_table, strict=True), strict=False):
            array = pa.array(values, column.type)
            array.validate(full=True)
            made_later = column.name == "content_hash"
            assert made_later or not (column.required and array.null_count), f"{name}.{column.name}"
        if name != "teams":  # a team may play itself only in hostile data
            keys = [tuple(row[table.names.index(key)] for key in table.key) for row in of_table]
            assert len(keys) == len(set(keys)), name


# --- Records -----------------------------------------------------------------------------------------


def test_a_whole_reply_gives_rows_of_every_table_that_fit_their_declaration() -> None:
    parsed = rows.of_reply(reply(BODIES))
    assert not parsed.refused
    assert set(parsed.rows) == set(TABLES) - {"competition_seasons"}
    assert all(parsed.rows.values())
    assert_fits(parsed.rows)


def test_what_a_record_says_of_competition_and_season_goes_before_what_the_body_says() -> None:
    row = match_of()
    assert (row["competition_id"], row["season_id"], row["season_year"]) == (17, 76986, 2025)
    (shot,) = read("shotmap", BODIES["shotmap"])
    assert (shot["competition_id"], shot["season_id"], shot["season_year"]) == (17, 76986, 2025)


def test_a_list_entry_gives_the_match_and_its_teams() -> None:
    entry = event(status={"code": 0}, homeScore={}, awayScore={}, winnerCode=None)
    found = rows.of_listed(listed(entry)).rows
    assert_fits(found)
    assert set(found) == {"matches", "teams"}
    (match,) = named("matches", found["matches"])
    assert (match["state"], match["played"], match["home_goals"], match["venue"]) == (
        "scheduled",
        False,
        None,
        None,
    )
    assert (match["listing_hash"], match["checked_at"], match["kickoff_at"]) == ("cafe", ASKED, NOON)
    home, away = named("teams", found["teams"])
    assert home == {
        "team_id": HOME,
        "name": "Harbour",
        "short_name": "HAR",
        "code": "HBR",
        "slug": "harbour",
        "country": "Freedonia",
        "gender": "F",
        "national": False,
        "seen_at": NOON,
        "content_hash": home["content_hash"],
    }
    assert (away["team_id"], away["country"], away["national"]) == (AWAY, None, None)


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        (event(id=10), "match 10"),
        (event(startTimestamp=None), "startTimestamp"),
        (event(startTimestamp=10**11), "$.startTimestamp"),
        (event(homeTeam={}), "$.homeTeam"),
        (event(status={"code": "ended"}), "$.status.code"),
    ],
)
def test_a_list_entry_that_cannot_be_placed_is_refused(entry: Body, place: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        rows.of_listed(listed(entry))
    assert place in str(refusal.value)


def test_parts_end_as_done_none_failed_or_refused() -> None:
    parts = {part: BODIES[part] for part in ("event", "graph")} | {
        "shotmap": {"shotmap": []},
        "incidents": {},
    }
    parsed = rows.of_reply(reply(parts, none=("lineups",), failed={"managers": "503"}))
    assert_fits(parsed.rows)
    ended = {
        row["part"]: (row["state"], row["rows"], row["error"])
        for row in named("match_parts", parsed.rows["match_parts"])
    }
    error = "Match 9, incidents: Object missing required field `incidents`"
    assert ended == {
        "event": ("done", 1, None),
        "graph": ("done", 2, None),
        "shotmap": ("done", 0, None),
        "lineups": ("none", 0, None),
        "managers": ("failed", 0, "503"),
        "incidents": ("refused", 0, error),
    }
    assert {row["checked_at"] for row in named("match_parts", parsed.rows["match_parts"])} == {ASKED}


def test_without_a_readable_event_no_part_can_be_placed() -> None:
    parsed = rows.of_reply(reply({**BODIES, "event": {"event": event(homeTeam={"name": "no id"})}}))
    assert set(parsed.rows) == {"match_parts"}
    ended = named("match_parts", parsed.rows["match_parts"])
    assert {row["part"] for row in ended} == set(PARTS)
    assert {row["state"] for row in ended} == {"refused"}
    assert "$.event.homeTeam" in ended[0]["error"]
    assert all("the event" in row["error"] for row in ended[1:])


def test_an_event_that_is_not_there_gives_no_rows_but_its_state() -> None:
    parsed = rows.of_reply(reply({}, none=("event",)))
    assert set(parsed.rows) == {"match_parts"}
    assert [row["state"] for row in named("match_parts", parsed.rows["match_parts"])] == ["none"]


# --- Events ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "state", "played"),
    [
        ("notstarted", "scheduled", False),
        ("inprogress", "live", False),
        ("finished", "ended", True),
        ("postponed", "postponed", False),
        ("canceled", "canceled", False),
        ("interrupted", "interrupted", False),
        ("suspended", "interrupted", False),
        ("new in 2027", "unknown", False),
        (None, "unknown", False),
    ],
)
def test_a_code_that_nobody_knows_takes_the_state_of_its_type(
    type_: str | None, state: str, played: bool
) -> None:
    row = match_of(status={"code": 93} if type_ is None else {"code": 93, "type": type_})
    assert (row["status_code"], row["state"], row["played"]) == (93, state, played)
    assert row["result"] == ("H" if played else None)


@pytest.mark.parametrize(
    ("code", "state", "played"),
    [
        (0, "scheduled", False),
        (6, "live", False),
        (7, "live", False),
        (20, "live", False),
        (31, "live", False),
        (41, "live", False),
        (42, "live", False),
        (60, "postponed", False),
        (70, "canceled", False),
        (80, "interrupted", False),
        (90, "abandoned", False),
        (91, "walkover", False),
        (100, "ended", True),
        (110, "after_extra_time", True),
        (120, "after_penalties", True),
    ],
)
def test_states_follow_the_status_code_and_only_played_matches_have_a_result(
    code: int, state: str, played: bool
) -> None:
    row = match_of(status={"code": code, "type": "finished"})
    assert (row["status_code"], row["state"], row["played"]) == (code, state, played)
    assert (row["home_goals"], row["away_goals"]) == (2, 1)
    assert row["result"] == ("H" if played else None)


@pytest.mark.parametrize(
    ("home", "away", "result"),
    [(0, 0, "D"), (1, 0, "H"), (0, 1, "A"), (None, 1, None), (0, None, None)],
)
def test_result_by_goals(home: int | None, away: int | None, result: str | None) -> None:
    scores = [{} if goals is None else {"display": goals} for goals in (home, away)]
    assert match_of(homeScore=scores[0], awayScore=scores[1])["result"] == result


def test_goals_of_a_shoot_out_are_no_goals() -> None:
    score = {"current": 6, "normaltime": 1, "extra1": 1, "extra2": 0, "overtime": 1, "penalties": 4}
    row = match_of(
        status={"code": 120},
        homeScore={**score, "display": 2},
        awayScore={**score, "current": 5, "penalties": 3},
        winnerCode=1,
    )
    assert (row["home_goals"], row["away_goals"], row["result"], row["winner"]) == (2, 2, "D", "home")
    assert (row["home_penalties"], row["away_penalties"]) == (4, 3)
    assert (row["home_goals_extra_time"], row["home_goals_extra1"], row["home_goals_extra2"]) == (1, 1, 0)


def test_a_score_without_display_and_normal_time_is_no_score() -> None:
    assert match_of(homeScore={"current": 3})["home_goals"] is None
    assert match_of(homeScore={"normaltime": 3})["home_goals"] == 3
    assert match_of(homeScore={"current": 9, "normaltime": 3, "overtime": 1})["home_goals"] == 4


@pytest.mark.parametrize(("code", "winner"), [(1, "home"), (2, "away"), (3, "draw"), (0, None), (None, None)])
def test_the_winner_is_whom_the_upstream_awards_it(code: int | None, winner: str | None) -> None:
    assert match_of(status={"code": 91}, homeScore={}, awayScore={}, winnerCode=code)["winner"] == winner


def test_two_legs() -> None:
    row = match_of(aggregatedWinnerCode=2, previousLegEventId=8, homeScore={"display": 2, "aggregated": 3})
    assert (row["aggregate_winner"], row["first_leg_id"], row["home_goals_aggregate"]) == ("away", 8, 3)


def test_details_of_an_event() -> None:
    row = match_of(
        tournament={"id": 77, "isGroup": True, "groupName": "Group B"},
        roundInfo={"round": 29, "name": "Final"},
        venue={"id": 5, "name": "Pier", "city": {"name": "Port"}},
        referee={"id": 6, "name": "Noether", "country": {}},
        attendance=12_345,
        homeRedCards=1,
        hasXg=True,
        changes={"changes": [], "changeTimestamp": int(NOON.timestamp())},
    )
    assert {name: row[name] for name in ("tournament_id", "group_name", "round", "round_name")} == {
        "tournament_id": 77,
        "group_name": "Group B",
        "round": 29,
        "round_name": "Final",
    }
    assert (row["venue_id"], row["venue"], row["city"]) == (5, "Pier", "Port")
    assert (row["referee_id"], row["referee"], row["attendance"]) == (6, "Noether", 12_345)
    assert (row["home_red_cards"], row["away_red_cards"]) == (1, None)
    assert (row["has_xg"], row["changed_at"]) == (True, NOON)


@pytest.mark.parametrize("nothing", [None, {}])
def test_absent_details_are_null_whether_missing_or_empty(nothing: Body | None) -> None:
    row = match_of(roundInfo=nothing, venue=nothing, referee=nothing, changes=nothing, homeScore=nothing)
    for name in (
        "round",
        "round_name",
        "venue_id",
        "venue",
        "city",
        "referee_id",
        "changed_at",
        "home_goals",
    ):
        assert row[name] is None, name
    assert match_of(venue={"id": 5, "city": {}})["city"] is None


# --- Line-ups ----------------------------------------------------------------------------------------


def test_a_player_is_of_the_side_that_he_was_lined_up_for() -> None:
    club = lined_up(11, teamId=4711)
    (row,) = read("lineups", {"home": {"players": []}, "away": {"players": [club]}})
    assert (row["team_id"], row["side"]) == (AWAY, "away")


@pytest.mark.parametrize(
    ("entry", "started", "played"),
    [
        ({"substitute": False}, True, True),
        ({"substitute": True}, False, False),
        ({"substitute": True, "statistics": {}}, False, False),
        ({"substitute": True, "statistics": {"minutesPlayed": 0}}, False, False),
        ({"substitute": True, "statistics": {"minutesPlayed": 12}}, False, True),
    ],
)
def test_who_was_on_the_pitch(entry: Body, started: bool, played: bool) -> None:
    (row,) = read("lineups", {"home": {"players": [lined_up(11, **entry)]}, "away": {}})
    assert (row["started"], row["played"], row["captain"]) == (started, played, False)


def test_figures_of_a_player() -> None:
    statistics = {
        "minutesPlayed": 90,
        "rating": 7.2,
        "goalAssist": 1,
        "kilometersCovered": 10.9,
        "newFigure": "x",
    }
    (row,) = read("lineups", {"home": {"players": [lined_up(11, statistics=statistics)]}, "away": {}})
    assert (row["minutes_played"], row["rating"], row["assists"], row["distance_covered"]) == (
        90,
        7.2,
        1,
        10.9,
    )
    assert row["goals"] is None


def test_a_player_twice_in_a_line_up_counts_once() -> None:
    body = {"home": {"players": [lined_up(11, shirtNumber=1), lined_up(11, shirtNumber=2)]}, "away": {}}
    assert [row["shirt_number"] for row in read("lineups", body)] == [1]


def test_a_player_without_a_number_refuses_the_line_up() -> None:
    body = {"home": {"players": [lined_up(11), lined_up(12, player={})]}, "away": {}}
    assert "$.home.players[1].player" in refused("lineups", body)


# --- Numbers and texts -------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [42, 42.0, "42"])
def test_whole_numbers_may_come_as_fractions_or_text(value: Any) -> None:
    (row,) = read("lineups", {"home": {"players": [lined_up(11, shirtNumber=value)]}, "away": {}})
    assert row["shirt_number"] == 42
    item = {"key": "fouls", "homeValue": value, "awayValue": value}
    found = read("statistics", {"statistics": [{"period": "ALL", "groups": [{"statisticsItems": [item]}]}]})
    assert [row["fouls"] for row in found] == [42, 42]
    assert [type(row["fouls"]) for row in found] == [int, int]


NO_NUMBERS = [
    42.5,
    2**31,
    -(2**40),
    "nan",
    "many",
    "36,835",
    [],
    {},
    True,
    10**400,
    float("inf"),
    float("nan"),
]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_whole_number_is_null_and_nothing_else_is(value: Any) -> None:
    body = {"home": {"players": [lined_up(11, statistics={"goals": value, "goalAssist": 2})]}, "away": {}}
    row, odd = odd_row("lineups", body)
    assert (row["goals"], row["assists"], row["refused"]) == (None, 2, ["goals"])
    assert (odd.kind, odd.key) == ("appearances_values", "match 9 lineups player 11")
    assert "$.home.players[0].statistics.goals" in odd.detail
    item, good = (
        {"key": "fouls", "homeValue": 1, "awayValue": value},
        {"key": "goalkeeperSaves", "awayValue": 3},
    )
    groups = [{"statisticsItems": [item, good]}]
    row, odd = odd_row("statistics", {"statistics": [{"period": "1ST", "groups": groups}]}, -1)
    assert (row["side"], row["fouls"], row["saves"]) == ("away", None, 3)
    assert (odd.kind, "1ST away.fouls" in odd.detail) == ("match_statistics_values", True)
    row, odd = odd_row("event", {"event": event(attendance=value, venue={"id": 5, "name": "Pier"})})
    assert (row["attendance"], row["venue"], row["home_goals"]) == (None, "Pier", 2)
    assert "$.event.attendance" in odd.detail


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-Infinity", 1e300, float("nan"), float("inf"), -0.1, 1.1, [1], True]
)
def test_what_is_no_chance_of_a_goal_is_null(value: Any) -> None:
    shot = {**BODIES["shotmap"]["shotmap"][0], "xg": value}
    row, odd = odd_row("shotmap", {"shotmap": [shot]})
    assert (row["xg"], row["xgot"], row["type"]) == (None, 0.5, "goal")
    assert (odd.key, "$.shotmap[0].xg" in odd.detail) == ("match 9 shotmap player 11", True)


@pytest.mark.parametrize("table", RANGES)
def test_a_value_is_refused_beyond_its_range_and_taken_at_its_ends(table: str) -> None:
    for column, (least, most) in RANGES[table].items():
        for value, good in ((least, True), (most, True), (least - 1, False), (most + 1, False)):
            part, body, number = stating(table, column, value)
            parsed = rows.of_reply(reply({**BODIES, part: body}))
            assert not parsed.refused
            assert named(table, parsed.rows[table])[number][column] == (value if good else None)
            assert len(parsed.odd) == (not good), (column, value)


def stating(table: str, column: str, value: float) -> tuple[str, Body, int]:
    """A part whose row of that number says a value, and nothing that contradicts it."""
    if table == "matches":
        scores = {f"{side}Score": {"display": 0, "normaltime": None} for side in ("home", "away")}
        return "event", {"event": event(**{**scores, f"{column[:4]}Score": {"display": value}})}, 0
    if table == "appearances":
        key = next(each.key for each in PLAYER_STATISTICS if each.column == column)
        return "lineups", {"home": {"players": [lined_up(11, statistics={key: value})]}, "away": {}}, 0
    if table == "shots":
        return "shotmap", {"shotmap": [{**BODIES["shotmap"]["shotmap"][0], column: value}]}, 0
    if table == "best_players":
        best = {"value": value, "label": "rating", "player": player(11)}
        return "best_players", {"bestHomeTeamPlayers": [best]}, 0
    keys = {each.column: (each.key, "homeValue") for each in TEAM_STATISTICS}
    keys |= {each.column: (each.key, "homeTotal") for each in TEAM_RATIOS}
    keys |= {f"{each.column}_won": (each.key, "homeValue") for each in TEAM_RATIOS}
    key, field = keys[column]
    return "statistics", periods({"key": key, field: value}), 0


def odd_row(part: str, body: Body, number: int = 0) -> tuple[Record, rows.OddRow]:
    """A row of a part and the odd values of it, the only ones; every other part is taken whole."""
    parsed = rows.of_reply(reply({**BODIES, part: body}))
    assert not parsed.refused
    assert_fits(parsed.rows)
    assert {row["state"] for row in named("match_parts", parsed.rows["match_parts"])} == {"done"}
    (odd,) = parsed.odd
    assert parsed.arrived[odd.kind] >= 1
    assert odd.content
    return named(OWNED[part], parsed.rows[OWNED[part]])[number], odd


def test_odd_values_of_a_row_are_refused_together_and_those_of_many_rows_by_row() -> None:
    players = [
        lined_up(n, statistics={"rating": 11.2, "minutesPlayed": -3, "goals": 1}) for n in (11, 12, 13)
    ]
    parsed = rows.of_reply(reply({**BODIES, "lineups": {"home": {"players": players}, "away": {}}}))
    assert [odd.key for odd in parsed.odd] == [f"match 9 lineups player {n}" for n in (11, 12, 13)]
    assert parsed.arrived["appearances_values"] == 3
    for row in named("appearances", parsed.rows["appearances"]):
        assert (row["minutes_played"], row["rating"], row["goals"]) == (None, None, 1)
        assert (row["started"], row["played"], sorted(row["refused"])) == (
            True,
            True,
            ["minutes_played", "rating"],
        )


def test_a_match_with_an_odd_value_is_taken_with_all_else_that_its_event_says() -> None:
    said = {
        "venue": {"id": "x", "name": ["Pier"], "city": {"name": 5}},
        "referee": {"id": 6, "name": "Noether"},
        "roundInfo": "first",
        "winnerCode": "home",
        "changes": {"changeTimestamp": 10**12},
        "homeScore": {"display": -1, "period1": 1, "normaltime": 2},
        "hasXg": "perhaps",
    }
    row, odd = odd_row("event", {"event": event(**said)})
    assert (row["venue_id"], row["venue"], row["city"], row["round"], row["winner"]) == (None,) * 5
    assert (row["referee"], row["home_goals"], row["home_goals_period1"], row["away_goals"]) == (
        "Noether",
        2,
        1,
        1,
    )
    assert all(place in odd.detail for place in ("venue.id", "venue.name", "city.name", "roundInfo"))


@pytest.mark.parametrize(
    ("part", "way"),
    [
        ("event", ("event", "startTimestamp")),
        ("event", ("event", "homeTeam", "id")),
        ("event", ("event", "status", "code")),
        ("lineups", ("home", "players", 0, "player", "id")),
        ("lineups", ("home", "players", 0, "substitute")),
        ("lineups", ("home", "players")),
        ("incidents", ("incidents", 1, "player", "id")),
        ("incidents", ("incidents", 1, "player")),
        ("incidents", ("incidents", 1, "isHome")),
        ("incidents", ("incidents", 1, "incidentType")),
        ("incidents", ("incidents", 1)),
        ("managers", ("homeManager", "id")),
        ("graph", ("graphPoints", 0, "minute")),
        ("shotmap", ("shotmap", 0, "id")),
        ("best_players", ("bestHomeTeamPlayers", 0, "player")),
        ("statistics", ("statistics", 0, "groups", 0, "statisticsItems", 0, "key")),
        ("statistics", ("statistics", 0, "groups")),
    ],
)
@pytest.mark.parametrize("value", ["garbage", 1.5, True, [7]])
def test_what_tells_who_which_or_where_is_needed(part: str, way: tuple[Any, ...], value: Any) -> None:
    good = {True: ("substitute", "isHome"), "garbage": ("incidentType", "key"), 1.5: ("minute",)}
    if value != [7] and way[-1] in good[value]:
        return
    body = deepcopy(BODIES[part])
    holder: Any = body
    for step in way[:-1]:
        holder = holder[step]
    holder[way[-1]] = value
    parsed = rows.of_reply(reply({**BODIES, part: body}))
    assert part in {each.part for each in parsed.refused}
    assert OWNED[part] not in parsed.rows
    assert not [odd for odd in parsed.odd if part in odd.key]


def test_a_point_of_momentum_without_a_value_is_left_out() -> None:
    points = [{"minute": 1, "value": "up"}, {"minute": 2, "value": 5}]
    row, odd = odd_row("graph", {"graphPoints": points})
    assert (row["minute"], row["value"], "$.graphPoints[0].value" in odd.detail) == (2, 5, True)


def test_a_graph_without_any_value_is_refused_and_not_taken_for_empty() -> None:
    assert "$.graphPoints" in refused("graph", {"graphPoints": [{"minute": 1, "value": "up"}]})


def test_more_odd_values_than_a_body_may_have_refuse_it() -> None:
    points = [{"minute": n, "value": "up"} for n in range(101)]
    assert "graphPoints" in refused("graph", {"graphPoints": points})


def test_what_succeeded_more_often_than_it_was_tried_is_null() -> None:
    some = {"totalPass": 10, "accuratePass": 9, "minutesPlayed": 90}
    too_many = {"totalPass": 10, "accuratePass": 11, "totalContest": 1, "wonContest": 1}
    of_none = {"accuratePass": 4}
    players = [lined_up(n, statistics=each) for n, each in ((11, some), (12, too_many), (13, of_none))]
    parsed = rows.of_reply(reply({**BODIES, "lineups": {"home": {"players": players}, "away": {}}}))
    assert [(odd.key, "accurate_passes" in odd.detail) for odd in parsed.odd] == [
        (f"match 9 lineups player {n}", True) for n in (12, 13)
    ]
    found = named("appearances", parsed.rows["appearances"])
    assert [(row["accurate_passes"], row["refused"]) for row in found] == [
        (9, None),
        (None, ["accurate_passes"]),
        (None, ["accurate_passes"]),
    ]
    item = {"key": "accuratePasses", "homeValue": 11, "awayValue": 9}
    tried = {"key": "passes", "homeValue": 10, "awayValue": 10}
    row, _ = odd_row("statistics", periods(item, tried))
    assert (row["passes"], row["accurate_passes"]) == (10, None)


def test_an_odd_value_in_a_list_entry_is_refused_alone() -> None:
    parsed = rows.of_listed(listed(event(winnerCode="36,835")))
    (row,) = named("matches", parsed.rows["matches"])
    assert (row["winner"], row["home_goals"]) == (None, 2)
    assert [(odd.kind, odd.key) for odd in parsed.odd] == [("matches_values", "match 9 entry of a list")]


def test_ids_beyond_64_bits_are_refused() -> None:
    shot = {**BODIES["shotmap"]["shotmap"][0], "id": 2**63}
    assert "$.shotmap[0].id" in refused("shotmap", {"shotmap": [shot]})


def test_zero_characters_are_taken_out_of_texts() -> None:
    assert match_of(venue={"id": 5, "name": "Pi\0er", "city": {"name": "\0"}})["venue"] == "Pier"
    assert match_of(venue={"id": 5, "name": "a\\u0000b"})["venue"] == "a\\u0000b"


def test_a_text_without_bounds_is_null() -> None:
    row, odd = odd_row("incidents", {"incidents": [{"incidentType": "card", "reason": "x" * 501}]})
    assert (row["type"], row["reason"], "$.incidents[0].reason" in odd.detail) == ("card", None, True)


def test_a_body_nested_without_end_is_refused_alone() -> None:
    body = b'{"incidents":[],"x":' + b"[" * 5000 + b'"\\u0000"' + b"]" * 5000 + b"}"
    record = reply(BODIES)
    record.parts["incidents"] = msgspec.Raw(body)
    (only,) = rows.of_reply(record).refused
    assert "incidents: nested too deeply" in only.detail


def test_bytes_that_are_no_text_are_refused_alone() -> None:
    record = reply(BODIES)
    record.parts["incidents"] = msgspec.Raw(b'{"incidents":[{"incidentType":"\xff"}]}')
    (only,) = rows.of_reply(record).refused
    assert "incidents" in only.detail


# --- Statistics --------------------------------------------------------------------------------------


def periods(*items: Body, period: str = "ALL") -> Body:
    return {"statistics": [{"period": period, "groups": [{"statisticsItems": [item]} for item in items]}]}


def test_statistics_come_from_values_and_totals_never_from_text() -> None:
    home, away = read("statistics", BODIES["statistics"])
    assert (home["side"], home["team_id"], home["period"]) == ("home", HOME, "ALL")
    assert (home["crosses"], home["crosses_won"]) == (12, 3)
    assert (away["side"], away["team_id"], away["crosses"], away["crosses_won"]) == ("away", AWAY, 2, 1)
    text_only = {"key": "fouls", "home": "7", "away": "8"}
    assert [row["fouls"] for row in read("statistics", periods(text_only))] == [None, None]


def test_a_figure_in_two_groups_counts_once() -> None:
    first, again = ({"key": "totalShotsOnGoal", "homeValue": n, "awayValue": n} for n in (9, 10))
    assert [row["shots"] for row in read("statistics", periods(first, again))] == [9, 9]


def test_figures_that_nobody_knows_are_ignored_whatever_they_are() -> None:
    strange = {"key": "newFigure", "homeValue": {"a": []}, "awayValue": "n/a"}
    known = {"key": "ballPossession", "homeValue": 57.5, "awayValue": 42.5}
    assert [row["possession"] for row in read("statistics", periods(strange, known))] == [57.5, 42.5]


def test_a_period_that_comes_twice_counts_once() -> None:
    body = {"statistics": [*BODIES["statistics"]["statistics"], *periods()["statistics"]]}
    assert [row["shots"] for row in read("statistics", body)] == [9, 4]


# --- Incidents ---------------------------------------------------------------------------------------


def incident(**fields: Any) -> Record:
    (row,) = read("incidents", {"incidents": [fields]})
    return row


def test_incidents_are_numbered_from_the_first_though_they_come_newest_first() -> None:
    goal, end = read("incidents", BODIES["incidents"])
    assert (goal["position"], goal["type"], goal["minute"], goal["added_minute"]) == (1, "goal", 45, 2)
    assert (goal["side"], goal["team_id"], goal["player_id"], goal["assist_id"]) == ("home", HOME, 11, 12)
    assert (goal["class"], goal["scored_from"], goal["home_goals"], goal["away_goals"]) == (
        "regular",
        "corner",
        1,
        0,
    )
    assert (end["position"], end["type"], end["text"], end["minute"], end["added_minute"]) == (
        2,
        "period",
        "FT",
        90,
        None,
    )
    assert (end["side"], end["team_id"], end["player_id"]) == (None, None, None)


def test_an_own_goal_counts_for_the_side_it_is_credited_to() -> None:
    row = incident(incidentType="goal", incidentClass="ownGoal", isHome=False, player=player(11), time=42)
    assert (row["side"], row["team_id"], row["player_id"]) == ("away", AWAY, 11)


def test_a_shoot_out_has_no_minutes() -> None:
    end = incident(incidentType="period", text="PEN", time=999, addedTime=999, homeScore=4, awayScore=3)
    assert (end["minute"], end["added_minute"], end["home_goals"]) == (None, None, 4)
    kick = incident(
        incidentType="penaltyShootout",
        incidentClass="missed",
        sequence=9,
        reason="offTarget",
        time=120,
        isHome=True,
    )
    assert (kick["minute"], kick["sequence"], kick["class"], kick["reason"]) == (
        None,
        9,
        "missed",
        "offTarget",
    )


def test_a_substitution_names_both_players() -> None:
    row = incident(
        incidentType="substitution",
        playerIn=player(12),
        playerOut=player(11),
        injury=True,
        isHome=True,
        time=66,
    )
    assert (row["player_id"], row["player_out_id"], row["injury"]) == (12, 11, True)


@pytest.mark.parametrize(
    "whom",
    [{"playerName": "Coach"}, {"manager": {"id": 3, "name": "Coach"}}, {"player": {}, "playerName": "Coach"}],
)
def test_a_card_may_be_of_somebody_who_is_no_player(whom: Body) -> None:
    row = incident(incidentType="card", incidentClass="red", time=-5, isHome=True, rescinded=True, **whom)
    assert row["rescinded"] is True
    assert (row["player_id"], row["player_name"], row["minute"], row["side"]) == (None, "Coach", -5, "home")


def test_decisions_and_injury_time() -> None:
    decision = incident(
        incidentType="varDecision",
        incidentClass="penaltyNotAwarded",
        confirmed=False,
        isHome=True,
        player=player(11),
    )
    assert (decision["class"], decision["confirmed"], decision["player_name"]) == (
        "penaltyNotAwarded",
        False,
        None,
    )
    shown = incident(incidentType="injuryTime", length=5, time=90, addedTime=0)
    assert (shown["length"], shown["minute"], shown["added_minute"]) == (5, 90, 0)


# --- The other parts ---------------------------------------------------------------------------------


def test_momentum_keeps_half_minutes_and_the_first_of_a_minute() -> None:
    body = {
        "graphPoints": [{"minute": 45, "value": 1}, {"minute": 45.5, "value": -2}, {"minute": 45, "value": 3}]
    }
    assert [(row["minute"], row["value"]) for row in read("graph", body)] == [(45.0, 1), (45.5, -2)]


def test_shots_with_their_places() -> None:
    (row,) = read("shotmap", BODIES["shotmap"])
    assert row == {
        "match_id": MATCH,
        "shot_id": 7,
        "competition_id": 17,
        "season_id": 76986,
        "season_year": 2025,
        "player_id": 11,
        "team_id": HOME,
        "side": "home",
        "type": "goal",
        "situation": "corner",
        "body_part": "head",
        "goal_type": "regular",
        "minute": 45,
        "added_minute": 2,
        "x": 9.5,
        "y": 50.5,
        "goal_mouth": "low-left",
        "goal_mouth_y": 48.0,
        "goal_mouth_z": 9.5,
        "xg": 0.25,
        "xgot": 0.5,
        "goalkeeper_id": 21,
        "content_hash": row["content_hash"],
    }


def test_shots_where_little_is_covered() -> None:
    bare = {"id": 7, "player": player(21), "isHome": False, "shotType": "miss"}
    first, *more = read("shotmap", {"shotmap": [bare, {**bare, "shotType": "post"}]})
    assert not more
    assert (first["team_id"], first["type"], first["xg"], first["x"], first["goalkeeper_id"]) == (
        AWAY,
        "miss",
        None,
        None,
        None,
    )


def test_best_players_in_order_with_the_player_of_the_match() -> None:
    found = [
        (row["side"], row["rank"], row["team_id"], row["player_id"], row["value"], row["player_of_the_match"])
        for row in read("best_players", BODIES["best_players"])
    ]
    assert found == [
        ("home", 1, HOME, 11, 7.6, True),
        ("home", 2, HOME, 12, 7.1, False),
        ("away", 1, AWAY, 21, 7.0, False),
    ]


def test_head_to_head_of_managers_who_are_not_known() -> None:
    (row,) = read("head_to_head", BODIES["head_to_head"])
    assert (row["team_home_wins"], row["team_away_wins"], row["team_draws"]) == (4, 3, 2)
    assert (row["manager_home_wins"], row["manager_away_wins"], row["manager_draws"]) == (None, None, None)


def test_managers_are_those_of_the_match_with_the_country_that_the_event_tells() -> None:
    parsed = rows.of_reply(reply({part: BODIES[part] for part in ("event", "managers")}))
    assert [
        (row["side"], row["team_id"], row["manager_id"])
        for row in named("match_managers", parsed.rows["match_managers"])
    ] == [("home", HOME, 51), ("away", AWAY, 52)]
    assert [
        (row["manager_id"], row["name"], row["short_name"], row["country"], row["seen_at"])
        for row in named("managers", parsed.rows["managers"])
    ] == [(51, "Ada", "A.", "Sylvania", NOON), (52, "Grace", None, None, NOON)]


@pytest.mark.parametrize("nobody", [None, {}])
def test_a_side_without_a_manager_has_no_row(nobody: Body | None) -> None:
    assert [row["side"] for row in read("managers", {**BODIES["managers"], "homeManager": nobody})] == [
        "away"
    ]


# --- Players -----------------------------------------------------------------------------------------


def players_of(parts: Mapping[str, Body]) -> dict[int, Record]:
    parsed = rows.of_reply(reply({"event": BODIES["event"], **parts}))
    assert not parsed.refused
    return {row["player_id"]: row for row in named("players", parsed.rows["players"])}


def test_players_are_kept_from_every_part_that_names_them() -> None:
    named_in_incidents = {
        "incidents": [
            {"incidentType": "substitution", "playerIn": player(1), "playerOut": player(2)},
            {"incidentType": "goal", "player": player(3), "assist1": player(4)},
            {"incidentType": "card", "player": {}},
        ]
    }
    shot = {"id": 1, "isHome": True, "shotType": "miss", "player": player(5), "goalkeeper": player(6)}
    best = {"bestHomeTeamPlayers": [{"player": player(7)}], "playerOfTheMatch": {"player": player(8)}}
    found = players_of(
        {"incidents": named_in_incidents, "shotmap": {"shotmap": [shot]}, "best_players": best}
    )
    assert sorted(found) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_player_of_several_parts_is_one_row_with_what_the_first_part_says_of_each_column() -> None:
    in_lineup = player(11, position="D", country={}, dateOfBirthTimestamp=-86_400)
    in_incident = player(11, position="F", country={"name": "Freedonia"}, height=183, gender="M")
    found = players_of(
        {
            "incidents": {"incidents": [{"incidentType": "goal", "player": in_incident}]},
            "lineups": {"home": {"players": [lined_up(11, player=in_lineup)]}, "away": {}},
        }
    )
    assert found == {
        11: {
            "player_id": 11,
            "name": "Player 11",
            "short_name": None,
            "slug": "player-11",
            "position": "D",
            "country": "Freedonia",
            "born_on": date(1969, 12, 31),
            "height": 183,
            "gender": "M",
            "seen_at": NOON,
            "content_hash": found[11]["content_hash"],
        }
    }


@pytest.mark.parametrize(
    ("said", "name"),
    [({"shortName": "P.", "slug": "p"}, "P."), ({"name": "", "slug": "p"}, "p"), ({}, "11")],
)
def test_who_has_no_name_is_called_by_what_there_is(said: Body, name: str) -> None:
    goal = {"incidentType": "goal", "player": {"id": 11, **said}}
    assert players_of({"incidents": {"incidents": [goal]}})[11]["name"] == name


def test_an_incident_that_gives_a_number_and_a_name_apart_names_the_player() -> None:
    card = {"incidentType": "card", "player": {"id": 11, "slug": "eleven"}, "playerName": "Eleven"}
    assert players_of({"incidents": {"incidents": [card]}})[11]["name"] == "Eleven"


def test_a_refused_part_names_nobody() -> None:
    body = {"home": {"players": [lined_up(77), lined_up(12, player={})]}, "away": {}}
    parsed = rows.of_reply(reply({"event": BODIES["event"], "lineups": body}))
    assert [refused.detail[:16] for refused in parsed.refused] == ["Match 9, lineups"]
    assert parsed.rows["players"] == []


# --- Hostile bodies ----------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["42", "nan", "1e400", "x" * 501, "\0", 42.0, 999, 2**31, 2**63]),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of a body."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(way for key, child in inner for way in places(child, (*path, key)))]


PLACES = places(BODIES)[1:]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3))
def test_whatever_comes_is_refused_part_by_part_or_fits_the_tables(
    spoilt: list[tuple[tuple[Any, ...], Any]],
) -> None:
    bodies = copy.deepcopy(BODIES)
    for place, value in spoilt:
        holder: Any = bodies
        try:
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # something above was spoilt before
    parsed = rows.of_reply(reply(bodies))
    assert_fits(parsed.rows)
    ended = {row["part"]: row["state"] for row in named("match_parts", parsed.rows["match_parts"])}
    assert set(ended) == set(PARTS)
    spoilt_parts = {place[0] for place, _ in spoilt}
    if "event" not in spoilt_parts:
        assert {part for part, state in ended.items() if state == "refused"} <= spoilt_parts
    assert len(parsed.refused) == list(ended.values()).count("refused")
