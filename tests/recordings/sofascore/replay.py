"""SofaScore as it was recorded, behind a server that shares nothing with sandbox/ or include/.

Bodies that were recorded whole are served as they are. Line-ups, incidents and statistics were kept as tables of an
earlier pipeline and are put back into the shape of the contract; substitutions have lost their players on the way.
Samples of rare states are of competitions that nobody configured, so they are served under one that is, and what no
recording shows (walkover, abandoned, live, a season without line-ups) is made from recorded matches.
"""

from __future__ import annotations

import copy
import csv
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.recordings.served import Served

Body = dict[str, Any]
Reply = tuple[int, Any]
"""Status and body."""

PAGE = 30
NOT_FOUND: Reply = (404, {"error": {"code": 404, "message": "Not Found"}})
CHALLENGE: Reply = (403, {"error": {"code": 403, "reason": "challenge"}})
PARTS = (
    "lineups",
    "statistics",
    "incidents",
    "managers",
    "graph",
    "shotmap",
    "best-players/summary",
    "h2h",
)
RAW_FILES = {
    "managers": "managers.json",
    "graph": "graph.json",
    "best-players/summary": "best_players_summary.json",
    "h2h": "h2h.json",
}
STATISTIC_KEYS = {
    "Ball possession": "ballPossession",
    "Expected goals": "expectedGoals",
    "Big chances": "bigChanceCreated",
    "Big chances scored": "bigChanceScored",
    "Big chances missed": "bigChanceMissed",
    "Total shots": "totalShotsOnGoal",
    "Shots on target": "shotsOnGoal",
    "Shots off target": "shotsOffGoal",
    "Blocked shots": "blockedScoringAttempt",
    "Shots inside box": "totalShotsInsideBox",
    "Shots outside box": "totalShotsOutsideBox",
    "Hit woodwork": "hitWoodwork",
    "Goalkeeper saves": "goalkeeperSaves",
    "Total saves": "goalkeeperSaves",
    "Corner kicks": "cornerKicks",
    "Fouls": "fouls",
    "Free kicks": "freeKicks",
    "Yellow cards": "yellowCards",
    "Offsides": "offsides",
    "Passes": "passes",
    "Accurate passes": "accuratePasses",
    "Through balls": "accurateThroughBall",
    "Touches in penalty area": "touchesInOppBox",
    "Fouled in final third": "fouledFinalThird",
    "Final third entries": "finalThirdEntries",
    "Final third phase": "finalThirdPhaseStatistic",
    "Throw-ins": "throwIns",
    "Long balls": "accurateLongBalls",
    "Crosses": "accurateCross",
    "Duels": "duelWonPercent",
    "Dispossessed": "dispossessed",
    "Ground duels": "groundDuelsPercentage",
    "Aerial duels": "aerialDuelsPercentage",
    "Dribbles": "dribblesPercentage",
    "Tackles": "totalTackle",
    "Total tackles": "totalTackle",
    "Tackles won": "wonTacklePercent",
    "Interceptions": "interceptionWon",
    "Recoveries": "ballRecovery",
    "Clearances": "totalClearance",
    "Errors lead to a shot": "errorsLeadToShot",
    "Errors lead to a goal": "errorsLeadToGoal",
    "Goals prevented": "goalsPrevented",
    "High claims": "highClaims",
    "Big saves": "diveSaves",
    "Punches": "punches",
    "Goal kicks": "goalKicks",
}

CUP, CUP_SEASON = 384, {"id": 87760, "year": "2026", "name": "2026"}
LEAGUE, LEAGUE_SEASON = 329, {"id": 97389, "year": "26/27", "name": "26/27"}
ENDED_CUP, EXTRA_TIME, SHOOT_OUT, INTERRUPTED = 16951514, 17155990, 17090707, 17148292
POSTPONED, CANCELED = 16599919, 16741834
ABANDONED, WALKOVER, LIVE, COMING = 90000001, 90000002, 90000003, 90000004
FULHAM, LAZIO, VALENCIA, LORIENT = 14025167, 13981646, 14083187, 14064478
RETURN = 90000005
"""FULHAM the other way round, a day later, less well covered."""
BARE_SEASON = 52769
"""Liga Portugal 23/24, as it is in the recorded list: none of its matches has line-ups."""
BARE = tuple(range(90000101, 90000113))
YESTERDAY = int(datetime(2026, 11, 17, 15, tzinfo=UTC).timestamp())
"""Kick-off of LORIENT and LAZIO here, nine hours before the data time of the first run."""


@dataclass
class Match:
    """The event and what is below it; a part that is not there is answered with 404."""

    event: Body
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int]:
        """Competition and season."""
        return self.event["tournament"]["uniqueTournament"]["id"], self.event["season"]["id"]

    @property
    def state(self) -> str:
        """Which lists it stands in."""
        kind: str = self.event["status"]["type"]
        return kind


# --- What was recorded -------------------------------------------------------------------------------


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def value(text: str) -> Any:
    """A cell as the upstream sent it: whole numbers were written as 53.0."""
    if text in {"True", "False"}:
        return text == "True"
    if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", text):
        number = float(text)
        return int(number) if number.is_integer() else number
    return text


def lineups(file: Path) -> Body:
    """The body of line-ups that a table was made from."""
    sides: dict[str, list[Body]] = {"home": [], "away": []}
    for cells in _table(file):
        given = {name: value(text) for name, text in cells.items() if text}
        person = {name.removeprefix("player_"): v for name, v in given.items() if name.startswith("player_")}
        figures = {name.removeprefix("stat_"): v for name, v in given.items() if name.startswith("stat_")}
        rest = ("position", "shirtNumber", "jerseyNumber", "substitute", "captain")
        entry = {name: given[name] for name in rest if name in given}
        sides[cells["side"]].append({"player": person, "statistics": figures, **entry})
    return {
        "confirmed": True,
        **{side: {"players": players, "missingPlayers": []} for side, players in sides.items()},
    }


def incidents(file: Path) -> Body:
    """The body of incidents that a table was made from."""
    found = []
    for cells in _table(file):
        given = {name: value(text) for name, text in cells.items() if text and name != "match_id"}
        incident = {name: v for name, v in given.items() if not name.startswith("player_")}
        if "player_id" in given:
            incident["player"] = {"id": given["player_id"], "name": given["player_name"]}
        found.append(incident)
    return {"incidents": found}


def statistics(file: Path) -> Body:
    """The body of statistics that a table was made from.

    Of most figures the text is the value. Of "Tackles won" it is the percentage, and the value is how many.
    """
    rows = _table(file)
    tackles = {
        (cells["period"], side): float(cells[side])
        for cells in rows
        if cells["name"] == "Total tackles"
        for side in ("home", "away")
    }
    periods: dict[str, dict[str, list[Body]]] = {}
    for cells in rows:
        item: Body = {"name": cells["name"], "key": STATISTIC_KEYS.get(cells["name"], cells["name"])}
        for side in ("home", "away"):
            numbers = [value(number) for number in re.findall(r"-?\d+\.?\d*", cells[side])]
            item |= {side: cells[side], f"{side}Value": numbers[0]}
            if "/" in cells[side]:
                item[f"{side}Total"] = numbers[1]
            elif cells["name"] == "Tackles won":
                total = tackles[cells["period"], side]
                item |= {f"{side}Value": round(numbers[0] * total / 100), f"{side}Total": int(total)}
        periods.setdefault(cells["period"], {}).setdefault(cells["group"], []).append(item)
    return {
        "statistics": [
            {
                "period": period,
                "groups": [{"groupName": name, "statisticsItems": items} for name, items in groups.items()],
            }
            for period, groups in periods.items()
        ]
    }


def whole_match(folder: Path) -> Match:
    """A recorded match with everything that was kept of it."""
    parts: dict[str, Any] = {
        "lineups": lineups(folder / "lineups.csv"),
        "incidents": incidents(folder / "incidents.csv"),
        "statistics": statistics(folder / "team_statistics.csv"),
    }
    for part, name in RAW_FILES.items():
        if (folder / name).exists():
            parts[part] = _json(folder / name)
    shots = [
        shot for file in sorted(folder.glob("players/shotmap_*.json")) for shot in _json(file)["shotmap"]
    ]
    if shots:
        parts["shotmap"] = {"shotmap": shots}
    return Match(_json(folder / "event.json")["event"], parts)


def _samples(folder: Path) -> dict[int, Match]:
    """Events of rare states, under competitions that are configured."""
    found = {}
    for file in sorted((folder / "status_samples_trimmed").glob("*.json")):
        event = _json(file)["event"]
        is_cup = event["season"]["year"] == "2026"
        event["tournament"]["uniqueTournament"] = {"id": CUP if is_cup else LEAGUE}
        event["season"] = dict(CUP_SEASON if is_cup else LEAGUE_SEASON)
        found[event["id"]] = Match(event)
    shapes = _json(folder / "incident_shapes_trimmed" / "incidents_all_shapes.json")["incidents"]
    for shape in shapes:
        # Its score shows the side, which was trimmed.
        if shape["incidentType"] == "goal" and "isHome" not in shape:
            shape["isHome"] = True
    found[SHOOT_OUT].parts["incidents"] = {"incidents": shapes}
    return found


# --- What no recording shows -------------------------------------------------------------------------


def derived(match: Match, number: int, kickoff: int | None = None, **changes: Any) -> Match:
    """A copy under another number; a change to None takes a key away."""
    made = copy.deepcopy(match)
    made.event |= {"id": number, **changes}
    if kickoff is not None:
        made.event["startTimestamp"] = kickoff
    made.event = {key: each for key, each in made.event.items() if each is not None}
    return made


def coming(match: Match, number: int, kickoff: int) -> Match:
    """A match between the same teams that is still to be played."""
    status = {"code": 0, "type": "notstarted", "description": "Not started"}
    made = derived(match, number, kickoff, status=status, homeScore={}, awayScore={}, winnerCode=None)
    return Match(made.event)


def returned(match: Match, number: int) -> Match:
    """The match with its sides swapped, a day later: without expected goals, and one player without figures."""
    swap = {"home": "away", "away": "home"}
    event = match.event
    made = derived(
        match,
        number,
        event["startTimestamp"] + 86400,
        homeTeam=event["awayTeam"],
        awayTeam=event["homeTeam"],
        homeScore=event["awayScore"],
        awayScore=event["homeScore"],
        winnerCode={1: 2, 2: 1, 3: 3}[event["winnerCode"]],
        attendance=None,
    )
    lineup = made.parts["lineups"]
    made.parts["lineups"] = {"confirmed": True, **{side: lineup[other] for side, other in swap.items()}}
    for side in swap:
        for entry in lineup[side]["players"]:
            entry["statistics"].pop("expectedGoals", None)
    lineup["home"]["players"][3]["statistics"] = {}
    del lineup["away"]["players"][0][
        "captain" if "captain" in lineup["away"]["players"][0] else "jerseyNumber"
    ]
    for incident in made.parts["incidents"]["incidents"]:
        if "isHome" in incident:
            incident["isHome"] = not incident["isHome"]
        if "homeScore" in incident:
            incident["homeScore"], incident["awayScore"] = incident["awayScore"], incident["homeScore"]
    for period in made.parts["statistics"]["statistics"]:
        for group in period["groups"]:
            kept = [item for item in group["statisticsItems"] if item["key"] != "expectedGoals"]
            group["statisticsItems"] = [{_swapped(key): each for key, each in item.items()} for item in kept]
    best = made.parts["best-players/summary"]
    best |= {"bestHomeTeamPlayers": [], "playerOfTheMatch": None}
    del made.parts["shotmap"], made.parts["managers"], made.parts["h2h"]
    return made


def _swapped(key: str) -> str:
    for side, other in (("home", "away"), ("away", "home")):
        if key.startswith(side):
            return other + key.removeprefix(side)
    return key


def _made(matches: Mapping[int, Match]) -> dict[int, Match]:
    interrupted, canceled, lorient = matches[INTERRUPTED], matches[CANCELED], matches[LORIENT]
    portugal = next(each for each in matches.values() if each.key == (238, 77806))
    found = {
        ABANDONED: derived(
            interrupted, ABANDONED, status={"code": 90, "type": "canceled"}, roundInfo={"round": 1}
        ),
        WALKOVER: derived(canceled, WALKOVER, status={"code": 91, "type": "finished"}, winnerCode=1),
        LIVE: derived(
            interrupted,
            LIVE,
            int(datetime(2026, 11, 17, 23, tzinfo=UTC).timestamp()),
            status={"code": 6, "type": "inprogress"},
        ),
        RETURN: returned(matches[FULHAM], RETURN),
        COMING: coming(lorient, COMING, int(datetime(2026, 11, 18, 20, tzinfo=UTC).timestamp())),
    }
    first = int(datetime(2023, 8, 12, 18, tzinfo=UTC).timestamp())
    season = {"id": BARE_SEASON, "year": "23/24", "name": "Liga Portugal 23/24"}
    for number, match in enumerate(BARE):
        made = derived(
            portugal, match, first + number * 7 * 86400, season=season, roundInfo={"round": number + 1}
        )
        del made.parts["lineups"], made.parts["best-players/summary"]
        found[match] = made
    # Shapes that the contract allows.
    found[BARE[0]].parts["managers"]["awayManager"] = {}
    del found[BARE[1]].parts["managers"]["homeManager"]
    found[BARE[2]].event |= {"referee": {}, "venue": {}, "roundInfo": {}}
    found[BARE[3]].event["referee"] = {"id": 7, "name": "Diogo Rosa", "country": {}}
    found[BARE[4]].parts["incidents"] = {"incidents": []}
    found[BARE[5]].parts = {}
    found[BARE[6]].parts["h2h"] = {"teamDuel": None, "managerDuel": None}
    found[BARE[7]].parts["statistics"] = {"statistics": []}
    for side in ("home", "away"):
        del found[BARE[8]].event[f"{side}Score"]["display"]
    card = {"incidentType": "card", "incidentClass": "yellow", "isHome": True, "time": -5, "id": 1}
    booked = found[BARE[9]].parts["incidents"]["incidents"]
    player = next(each["player"] for each in booked if "player" in each)
    booked.insert(1, {**card, "playerName": "The coach", "manager": {"id": 1, "name": "The coach"}})
    booked.insert(2, {**card, "incidentClass": "red", "time": 80, "player": player, "rescinded": True})
    return found


# --- The server --------------------------------------------------------------------------------------


def no_fault(path: str) -> Reply | None:
    """The server answers itself."""
    return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    replay: SofaScore

    def do_GET(self) -> None:
        status, value_ = self.replay.reply(self.path)
        body = json.dumps(value_).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        """Nothing is logged."""


@dataclass
class SofaScore(Served):
    """The server; used as a context. `asked` are the paths below /api/v1, `statuses` how they were answered."""

    handler = _Handler
    seasons: dict[int, list[Body]]
    matches: dict[int, Match]
    fault: Callable[[str], Reply | None] = no_fault
    asked: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def forget(self) -> None:
        """Start counting again, and answer as recorded again."""
        self.asked.clear()
        self.statuses.clear()
        self.fault = no_fault

    def of_match(self, match: int) -> list[str]:
        """What was asked for of a match: "event" and its parts."""
        prefix = f"event/{match}"
        return [
            path.removeprefix(f"{prefix}/") if "/" in path.removeprefix("event/") else "event"
            for path in self.asked
            if path == prefix or path.startswith(f"{prefix}/")
        ]

    def matches_asked(self) -> set[int]:
        """The matches that anything was asked for of."""
        return {int(path.split("/")[1]) for path in self.asked if path.startswith("event/")}

    def reply(self, target: str) -> Reply:
        """The answer to a request."""
        path = target.removeprefix("/api/v1/")
        found = NOT_FOUND if path == target else self.fault(path) or self._answer(path.split("/"))
        with self._lock:
            self.asked.append(path)
            self.statuses.append(found[0])
        return found

    def _answer(self, path: list[str]) -> Reply:
        match path:
            case ["unique-tournament", number, "seasons"]:
                listed = self.seasons.get(int(number))
                return (200, {"seasons": listed}) if listed else NOT_FOUND
            case ["unique-tournament", number, "season", season, "rounds"]:
                return self._rounds(int(number), int(season))
            case ["unique-tournament", number, "season", season, "events", kind, page]:
                return self._events((int(number), int(season)), kind, int(page))
            case ["unique-tournament", number, "scheduled-events", day]:
                return self._day(int(number), date.fromisoformat(day))
            case ["event", number]:
                match = self.matches.get(int(number))
                return (200, {"event": match.event}) if match else NOT_FOUND
            case ["event", number, *part]:
                match = self.matches.get(int(number))
                name = "/".join(part)
                return (200, match.parts[name]) if match and name in match.parts else NOT_FOUND
        return NOT_FOUND

    def _of(self, key: tuple[int, int]) -> list[Body]:
        found = [match.event for match in self.matches.values() if match.key == key]
        return sorted(found, key=lambda event: (event["startTimestamp"], event["id"]))

    def _rounds(self, competition: int, season: int) -> Reply:
        events = self._of((competition, season))
        rounds = sorted({each["roundInfo"]["round"] for each in events if each.get("roundInfo")})
        if not rounds:
            return NOT_FOUND
        return 200, {"currentRound": {"round": rounds[-1]}, "rounds": [{"round": each} for each in rounds]}

    def _events(self, key: tuple[int, int], kind: str, page: int) -> Reply:
        events = self._of(key)
        if kind == "round":
            shown = [each for each in events if each.get("roundInfo", {}).get("round") == page]
            return (200, {"events": [_entry(each) for each in shown]}) if shown else NOT_FOUND
        states = {"last": {"finished", "inprogress", "interrupted"}, "next": {"notstarted"}}[kind]
        listed = [each for each in events if each["status"]["type"] in states]
        if kind == "last":
            # Pages move while they are read: now and then a match is listed twice.
            listed = [*listed[:1], *listed]
            last = len(listed) - page * PAGE
            shown, more = listed[max(0, last - PAGE) : max(0, last)], last > PAGE
        else:
            shown, more = listed[page * PAGE : (page + 1) * PAGE], len(listed) > (page + 1) * PAGE
        return (
            (200, {"events": [_entry(each) for each in shown], "hasNextPage": more}) if shown else NOT_FOUND
        )

    def _day(self, competition: int, day: date) -> Reply:
        """The matches of a day, and of its neighbours."""
        shown = [
            match.event
            for match in self.matches.values()
            if match.key[0] == competition
            and abs(datetime.fromtimestamp(match.event["startTimestamp"], UTC).date() - day)
            <= timedelta(days=1)
        ]
        return (200, {"events": [_entry(each) for each in shown]}) if shown else NOT_FOUND


def _entry(event: Body) -> Body:
    """An event as lists have it: without what only its own body tells."""
    return {key: each for key, each in event.items() if key not in {"venue", "referee", "attendance"}}


def recorded_sofascore(recordings: Path) -> SofaScore:
    """All recorded matches that have their event, the samples of rare states, and what is made from them."""
    folder = recordings / "sofascore"
    matches = {
        int(file.parent.name): whole_match(file.parent)
        for file in sorted(folder.glob("matches/*/event.json"))
    }
    matches |= _samples(folder)
    matches |= _made(matches)
    for number in (LORIENT, LAZIO):
        matches[number].event["startTimestamp"] = YESTERDAY
    matches[FULHAM].parts["shotmap"]["shotmap"][1].pop("xg")
    seasons = {
        int(file.name.split("_")[0]): _json(file)["seasons"] for file in sorted(folder.glob("seasons/*.json"))
    }
    for match in matches.values():
        listed = seasons.setdefault(match.key[0], [])
        if match.key[1] not in {season["id"] for season in listed}:
            listed.append(match.event["season"])
    return SofaScore(seasons, matches)
