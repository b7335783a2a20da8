"""All that is told of a match agrees: what one part says of it, another one does not deny."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.sofascore.match_tables import (
    PARTS,
    PLAYED,
    PLAYER_STATISTICS,
    STATES,
    TEAM_RATIOS,
    TEAM_STATISTICS,
)
from sandbox.sofascore.server import SampleUpstream

SIDES = (("home", True), ("away", False))
PERCENT = {"ballPossession", "duelWonPercent"}


class Told:
    """A match's bodies, and shortcuts into them."""

    def __init__(self, bodies: dict[str, Any]) -> None:
        self.bodies = bodies
        self.event = bodies["event"]["event"]
        self.code = self.event["status"]["code"]
        self.played = STATES[self.code] in PLAYED
        self.incidents = bodies.get("incidents", {}).get("incidents", [])
        self.shots = bodies.get("shotmap", {}).get("shotmap", [])

    def score(self, side: str) -> dict[str, int]:
        return dict(self.event[f"{side}Score"])

    def of(self, kind: str, is_home: bool | None = None) -> list[dict[str, Any]]:
        return [
            each
            for each in self.incidents
            if each["incidentType"] == kind and is_home in (None, each.get("isHome"))
        ]

    def players(self, side: str) -> list[dict[str, Any]]:
        return list(self.bodies["lineups"][side]["players"]) if "lineups" in self.bodies else []

    def figures(self, side: str, figure: str) -> float:
        return sum(float(each["statistics"].get(figure, 0)) for each in self.players(side))

    def statistics(self, period: str, side: str, field: str = "Value") -> dict[str, float]:
        for each in self.bodies.get("statistics", {}).get("statistics", []):
            if each["period"] == period:
                items = (item for group in each["groups"] for item in group["statisticsItems"])
                return {item["key"]: item[f"{side}{field}"] for item in items if f"{side}{field}" in item}
        return {}


def told(upstream: SampleUpstream) -> list[Told]:
    return [Told(upstream.bodies(match)) for match in upstream.matches()]


@pytest.fixture(scope="module")
def all_told(served: SampleUpstream) -> list[Told]:
    return told(served)


@pytest.fixture(scope="module")
def played(all_told: list[Told]) -> list[Told]:
    return [each for each in all_told if each.played]


# --- the property, over worlds


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000))
def test_in_any_world_score_incidents_lineups_and_shots_tell_the_same_goals(seed: int) -> None:
    for match in told(SampleUpstream(size=40, seed=seed)):
        goals_agree(match)
        minutes_agree(match)


def test_score_incidents_lineups_and_shots_tell_the_same_goals(all_told: list[Told]) -> None:
    assert sum(bool(match.of("goal")) for match in all_told) > 100
    for match in all_told:
        goals_agree(match)


def goals_agree(match: Told) -> None:
    for side, is_home in SIDES:
        goals = match.of("goal", is_home)
        if "incidents" in match.bodies:
            assert len(goals) == match.score(side).get("display", 0)
        if not ("incidents" in match.bodies and match.players(side)):
            continue
        other = "away" if is_home else "home"
        own = Counter(each["player"]["id"] for each in goals if each["incidentClass"] != "ownGoal")
        against = Counter(each["player"]["id"] for each in goals if each["incidentClass"] == "ownGoal")
        assists = Counter(each["assist1"]["id"] for each in goals if "assist1" in each)
        assert own == figure_of(match.players(side), "goals")
        assert assists == figure_of(match.players(side), "goalAssist")
        assert against == figure_of(match.players(other), "ownGoals")
        if "shotmap" in match.bodies:
            scored = [
                each for each in match.shots if each["isHome"] is is_home and each["shotType"] == "goal"
            ]
            kinds = {True: against, False: own}
            for own_goal, players in kinds.items():
                told = [each for each in scored if (each.get("goalType") == "own") is own_goal]
                assert Counter(each["player"]["id"] for each in told) == players


def figure_of(players: list[dict[str, Any]], figure: str) -> Counter[int]:
    found = {each["player"]["id"]: each["statistics"].get(figure, 0) for each in players}
    return Counter({player: value for player, value in found.items() if value})


# --- event


def test_scores_add_up_as_the_contract_says(all_told: list[Told]) -> None:
    for match in all_told:
        home, away = match.score("home"), match.score("away")
        if match.code in {0, 60, 70, 91}:
            assert home == away == {}
            assert ("winnerCode" in match.event) is (match.code == 91)
            continue
        for score in (home, away):
            assert score["display"] == score["normaltime"] + score.get("overtime", 0)
            assert score["current"] == score["display"] + score.get("penalties", 0)
            assert score["normaltime"] == score["period1"] + score.get("period2", 0)
        if not match.played:
            assert "winnerCode" not in match.event
            continue
        ahead = home["current"] - away["current"]
        assert match.event["winnerCode"] == (1 if ahead > 0 else 2 if ahead < 0 else 3)
        assert ("overtime" in home) is (match.code in {110, 120})
        assert ("penalties" in home) is (match.code == 120)
        if match.code == 120:
            assert home["display"] == away["display"] or "aggregated" in home
            assert home["penalties"] != away["penalties"]


def test_extra_time_is_not_always_the_sum_of_its_halves() -> None:
    upstream = SampleUpstream(size=3000, seed=2)
    sums = Counter(
        score["extra1"] + score["extra2"] == score["overtime"]
        for each in upstream.matches().values()
        if each.code in {110, 120}
        for score in (upstream.listed(each.id)["homeScore"], upstream.listed(each.id)["awayScore"])
    )
    assert 0 < sums[False] < sums[True]


def test_every_status_of_the_contract_occurs(all_told: list[Told]) -> None:
    status = {each.code: each.event["status"]["type"] for each in all_told}
    assert {0, 6, 7, 31, 60, 70, 80, 90, 91, 100, 110, 120} == set(status)
    assert (status[90], status[91], status[80]) == ("canceled", "finished", "interrupted")


def test_a_second_leg_tells_both(all_told: list[Told]) -> None:
    by_id = {each.event["id"]: each for each in all_told}
    second = [each for each in all_told if "previousLegEventId" in each.event and each.played]
    assert second
    for match in second:
        first = by_id[match.event["previousLegEventId"]]
        assert first.event["homeTeam"]["id"] == match.event["awayTeam"]["id"]
        home, away = match.score("home"), match.score("away")
        assert home["aggregated"] == home["display"] + first.score("away")["display"]
        assert away["aggregated"] == away["display"] + first.score("home")["display"]
        if home["aggregated"] != away["aggregated"]:
            assert match.event["aggregatedWinnerCode"] == (
                1 if home["aggregated"] > away["aggregated"] else 2
            )
        else:
            assert match.code == 120


def test_what_may_be_missing_of_an_event_sometimes_is(played: list[Told]) -> None:
    events = [each.event for each in played]
    assert 0.1 < sum("attendance" not in each for each in events) / len(events) < 0.4
    assert 0 < sum("referee" not in each for each in events) < len(events) / 5
    assert {} in [each["referee"]["country"] for each in events if "referee" in each]
    assert 0 < sum("homeRedCards" in each for each in events) < len(events) / 5
    for event in events:
        assert event.get("attendance", 0) <= event["venue"]["capacity"]
        assert event["homeTeam"]["id"] != event["awayTeam"]["id"]


def test_teams_players_and_managers_go_by_one_name_each(all_told: list[Told]) -> None:
    names: dict[tuple[str, int], set[str]] = {}
    for match in all_told:
        for side, _ in SIDES:
            team = match.event[f"{side}Team"]
            names.setdefault(("team", team["id"]), set()).add(team["name"])
            names.setdefault(("manager", team["manager"]["id"]), set()).add(team["manager"]["name"])
            for each in match.players(side):
                names.setdefault(("player", each["player"]["id"]), set()).add(each["player"]["name"])
    assert len(names) > 300
    assert {len(found) for found in names.values()} == {1}


# --- lineups


def test_a_side_has_eleven_starters_and_a_bench(played: list[Told]) -> None:
    lined_up = [each for each in played if "lineups" in each.bodies]
    assert len(lined_up) > 60
    for match in lined_up:
        for side, _ in SIDES:
            players = match.players(side)
            starters = [each for each in players if not each["substitute"]]
            assert [each["position"] for each in starters].count("G") == 1
            assert len(starters) == 11
            assert 7 <= len(players) - 11 <= 9
            assert len({each["player"]["id"] for each in players}) == len(players)
            assert len({each["shirtNumber"] for each in players}) == len(players)
            assert sum(each.get("captain", False) for each in players) == 1
            outfield = sum(map(int, match.bodies["lineups"][side]["formation"].split("-")))
            assert outfield == 10
            missing = {each["player"]["id"] for each in match.bodies["lineups"][side]["missingPlayers"]}
            assert not missing & {each["player"]["id"] for each in players}


def test_minutes_follow_from_substitutions_and_red_cards(all_told: list[Told]) -> None:
    for match in all_told:
        minutes_agree(match)


def minutes_agree(match: Told) -> None:
    if not match.played or "incidents" not in match.bodies:
        return
    end = 120 if match.code in {110, 120} else 90
    for side, is_home in SIDES:
        on = {each["player"]["id"]: 0 for each in match.players(side) if not each["substitute"]}
        off: dict[int, int] = {}
        for each in match.of("substitution", is_home):
            on[each["playerIn"]["id"]] = off[each["playerOut"]["id"]] = each["time"]
        for each in match.of("card", is_home):
            if each["incidentClass"] in {"red", "yellowRed"}:
                off[each["player"]["id"]] = each["time"]
        for each in match.players(side):
            identity, minutes = each["player"]["id"], each["statistics"].get("minutesPlayed")
            expected = max(1, off.get(identity, end) - on[identity]) if identity in on else None
            assert minutes == expected


def test_figures_of_a_player_agree_with_each_other(played: list[Told]) -> None:
    keys: set[str] = set()
    unrated = 0
    for match in played:
        for side, _ in SIDES:
            for each in match.players(side):
                figures = each["statistics"]
                keys |= figures.keys()
                unrated += "minutesPlayed" in figures and "rating" not in figures
                count = Counter(figures)
                assert count["totalShots"] == (
                    count["onTargetScoringAttempt"] + count["shotOffTarget"] + count["blockedScoringAttempt"]
                )
                assert count["totalPass"] == count["totalOwnHalfPasses"] + count["totalOppositionHalfPasses"]
                assert count["accuratePass"] == (
                    count["accurateOwnHalfPasses"] + count["accurateOppositionHalfPasses"]
                )
                assert count["accuratePass"] <= count["totalPass"] <= count["touches"]
                assert count["aerialWon"] <= count["duelWon"]
                assert count["goals"] <= count["onTargetScoringAttempt"]
                assert count["keyPass"] >= count["goalAssist"]
                assert 3 <= figures.get("rating", 3) <= 10
    assert keys <= {figure.key for figure in PLAYER_STATISTICS}
    assert len(keys) > 60
    assert unrated > 0


def test_players_of_a_national_team_have_the_id_of_their_club(
    served: SampleUpstream, played: list[Told]
) -> None:
    national = [each for each in played if each.event["homeTeam"]["national"]]
    clubs = [each for each in played if not each.event["homeTeam"]["national"]]
    for match, differs in [*((each, True) for each in national), *((each, False) for each in clubs)]:
        team = match.event["homeTeam"]["id"]
        assert all((each["teamId"] != team) is differs for each in match.players("home"))
    assert national


# --- incidents


def test_incidents_stand_newest_first(played: list[Told]) -> None:
    for match in played:
        minutes = [
            each["time"]
            for each in match.incidents
            if each["incidentType"] not in {"penaltyShootout"} and each["time"] != -5
        ]
        assert minutes == sorted(minutes, reverse=True)
        ids = [each["id"] for each in match.incidents if "id" in each]
        assert len(set(ids)) == len(ids)


def test_every_shape_of_incident_occurs() -> None:
    shapes: set[tuple[str, str]] = set()
    without_player: set[str] = set()
    on_bench = extra = 0
    upstream = SampleUpstream(size=250, seed=0)
    for match in upstream.matches():
        body = upstream.bodies(match, ["incidents"])
        for each in body["incidents"]["incidents"] if body else []:
            shapes.add((each["incidentType"], each.get("incidentClass") or each.get("text") or ""))
            on_bench += each.get("time") == -5
            extra += each.get("time", 0) > 90
            if "player" not in each:
                without_player.add(each["incidentType"])
    decisions = {
        "goalAwarded", "goalNotAwarded", "penaltyAwarded", "penaltyNotAwarded", "cardUpgrade", "redCardGiven",
        "mistakenIdentity", "review",
    }  # fmt: skip
    assert shapes == {
        *(("period", text) for text in ("HT", "FT", "ET", "PEN")),
        *(("goal", kind) for kind in ("regular", "penalty", "ownGoal")),
        *(("card", kind) for kind in ("yellow", "yellowRed", "red")),
        *(("varDecision", kind) for kind in decisions),
        *(("penaltyShootout", kind) for kind in ("scored", "missed")),
        ("substitution", "regular"),
        ("injuryTime", ""),
        ("inGamePenalty", "missed"),
    }
    assert {"card", "varDecision"} <= without_player
    assert on_bench
    assert extra


def test_an_own_goal_counts_for_the_side_that_the_player_is_not_on(played: list[Told]) -> None:
    seen = 0
    for match in played:
        for side, is_home in SIDES:
            theirs = {each["player"]["id"] for each in match.players("away" if is_home else "home")}
            for goal in match.of("goal", is_home):
                if goal["incidentClass"] == "ownGoal" and match.players(side):
                    assert goal["player"]["id"] in theirs
                    assert goal["from"] == "owngoal"
                    seen += 1
    assert seen


def test_scores_of_incidents_run_up_to_the_end(played: list[Told]) -> None:
    for match in (each for each in played if each.incidents):
        goals = [(each["homeScore"], each["awayScore"]) for each in match.of("goal")]
        final = (match.score("home")["display"], match.score("away")["display"])
        assert goals == sorted(goals, reverse=True)
        assert (goals or [(0, 0)])[0] == final
        kicks = match.of("penaltyShootout")
        if match.code == 120:
            assert match.incidents[0]["text"] == "PEN"
            assert match.incidents[0]["time"] == 999
            assert [each["sequence"] for each in kicks] == list(range(len(kicks), 0, -1))
            running = (match.score("home")["penalties"], match.score("away")["penalties"])
            assert (kicks[0]["homeScore"], kicks[0]["awayScore"]) == running
            assert all("time" not in each for each in kicks)
        else:
            assert not kicks


# --- statistics and shots


def test_counts_of_the_whole_match_are_the_sums_of_its_periods(played: list[Told]) -> None:
    for match in (each for each in played if "statistics" in each.bodies):
        periods = [each["period"] for each in match.bodies["statistics"]["statistics"]]
        assert periods[:3] == ["ALL", "1ST", "2ND"]
        assert (periods[3:] == ["ET1", "ET2"]) is (match.code in {110, 120})
        for side, _ in SIDES:
            for field in ("Value", "Total"):
                parts = [match.statistics(period, side, field) for period in periods[1:]]
                for key, value in match.statistics("ALL", side, field).items():
                    if key not in PERCENT | {"goalsPrevented"}:
                        assert value == pytest.approx(sum(part.get(key, 0) for part in parts))


def test_statistics_are_those_of_the_lineups_and_the_shots(played: list[Told]) -> None:
    keys = {figure.key for figure in TEAM_STATISTICS + TEAM_RATIOS}
    for match in (each for each in played if "statistics" in each.bodies):
        for side, is_home in SIDES:
            own, total = match.statistics("ALL", side), match.statistics("ALL", side, "Total")
            assert own.keys() <= keys
            assert own["totalShotsOnGoal"] == (
                own["shotsOnGoal"] + own["shotsOffGoal"] + own["blockedScoringAttempt"]
            )
            assert own["totalShotsOnGoal"] == own["totalShotsInsideBox"] + own["totalShotsOutsideBox"]
            assert own["bigChanceCreated"] == own["bigChanceScored"] + own["bigChanceMissed"]
            assert all(own[key] <= total[key] for key in total)
            shots = [
                each for each in match.shots if each["isHome"] is is_home and each.get("goalType") != "own"
            ]
            if "shotmap" in match.bodies:
                assert len(shots) == own["totalShotsOnGoal"]
                assert sum(each["shotType"] in {"goal", "save"} for each in shots) == own["shotsOnGoal"]
                if "expectedGoals" in own:
                    assert sum(each["xg"] for each in shots) == pytest.approx(own["expectedGoals"], abs=0.03)
            if match.players(side):
                for key, figure in (
                    ("passes", "totalPass"),
                    ("accuratePasses", "accuratePass"),
                    ("totalShotsOnGoal", "totalShots"),
                    ("shotsOnGoal", "onTargetScoringAttempt"),
                    ("fouls", "fouls"),
                    ("accurateLongBalls", "accurateLongBalls"),
                    ("goalkeeperSaves", "saves"),
                ):
                    assert own[key] == match.figures(side, figure)
        shares = [match.statistics("ALL", side)["ballPossession"] for side, _ in SIDES]
        assert sum(shares) == 100


def test_the_text_of_a_figure_is_not_its_value(played: list[Told]) -> None:
    texts: dict[str, list[tuple[str, str, float]]] = {}
    match = next(each for each in played if "statistics" in each.bodies)
    for group in match.bodies["statistics"]["statistics"][0]["groups"]:
        for item in group["statisticsItems"]:
            texts.setdefault(item["key"], []).append((group["groupName"], item["home"], item["homeValue"]))
    (_, text, value) = texts["finalThirdPhaseStatistic"][0]
    assert text.startswith(f"{value}/") and text.endswith("%)")
    assert texts["ballPossession"][0][1] == f"{texts['ballPossession'][0][2]}%"
    assert {group for group, *_ in texts["totalShotsOnGoal"]} == {"Match overview", "Shots"}


def test_best_players_are_those_with_the_best_ratings(played: list[Told]) -> None:
    seen = 0
    for match in played:
        if "best_players" not in match.bodies or not match.players("home"):
            continue
        best = match.bodies["best_players"]
        ratings = sorted(
            (each["statistics"].get("rating", 0) for each in match.players("home")), reverse=True
        )
        assert [float(each["value"]) for each in best["bestHomeTeamPlayers"]] == ratings[:3]
        both = best["bestHomeTeamPlayers"] + best["bestAwayTeamPlayers"]
        assert float(best["playerOfTheMatch"]["value"]) == max(float(each["value"]) for each in both)
        seen += 1
    assert seen > 30


def test_momentum_has_a_point_for_every_minute_and_for_added_time(played: list[Told]) -> None:
    for match in (each for each in played if "graph" in each.bodies):
        minutes = [each["minute"] for each in match.bodies["graph"]["graphPoints"]]
        assert minutes == sorted(minutes)
        assert {45.5, 90.5, 90} <= set(minutes)
        assert all(-190 <= each["value"] <= 190 for each in match.bodies["graph"]["graphPoints"])


# --- what is not there


def test_parts_are_missing_at_their_rates() -> None:
    upstream = SampleUpstream(size=800, seed=1)
    world = upstream._world
    fixtures = [
        each for each in world.fixtures if world.outcome(each).code >= 100 and not each.season.without_lineups
    ]
    missing = {part: sum(not world.has(each, part) for each in fixtures) / len(fixtures) for part in PARTS}
    assert missing["event"] == 0
    assert missing["lineups"] == pytest.approx(0.05, abs=0.01)
    assert missing["graph"] == pytest.approx(0.03, abs=0.01)
    assert missing["shotmap"] == pytest.approx(0.2, abs=0.02)
    assert all(0 < share < 0.22 for part, share in missing.items() if part != "event")


def test_one_season_lacks_every_lineup_and_one_competition_expected_goals(
    served: SampleUpstream, played: list[Told]
) -> None:
    by_season: dict[int, list[bool]] = {}
    with_xg: dict[int, set[bool]] = {}
    for match in played:
        event = match.event
        by_season.setdefault(event["season"]["id"], []).append("lineups" in match.bodies)
        has = with_xg.setdefault(event["tournament"]["uniqueTournament"]["id"], set())
        has |= {"xg" in shot for shot in match.shots if shot.get("goalType") != "own"}
        has |= {"expectedGoals" in match.statistics("ALL", "home")} if "statistics" in match.bodies else set()
        has.add(event.get("hasXg", False))
    shares = {season: sum(have) / len(have) for season, have in by_season.items()}
    without = [season for season, share in shares.items() if share == 0]
    assert without == [each.id for each in served.seasons().values() if each.without_lineups]
    assert len(without) == 1 and len(by_season[without[0]]) > 40
    assert all(share > 0.8 for season, share in shares.items() if season not in without)
    assert with_xg.pop(served.without_xg()) == {False}
    assert set(map(frozenset, with_xg.values())) == {frozenset({True})}


@pytest.fixture(scope="module")
def unplayed(all_told: list[Told]) -> Iterator[list[Told]]:
    yield [each for each in all_told if each.code in {0, 60, 70, 91}]


def test_a_match_that_did_not_take_place_has_nothing_to_tell(unplayed: list[Told]) -> None:
    assert {0, 60, 70, 91} == {each.code for each in unplayed}
    for match in unplayed:
        assert match.bodies.keys() <= {"event", "managers", "head_to_head"}


def test_an_abandoned_match_tells_what_there_was(all_told: list[Told]) -> None:
    abandoned = next(each for each in all_told if each.code == 90)
    assert "FT" not in [each.get("text") for each in abandoned.incidents]
    minutes = [each["statistics"].get("minutesPlayed", 0) for each in abandoned.players("home")]
    assert 0 < max(minutes) < 90
