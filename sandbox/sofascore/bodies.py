"""The bodies of matches: everything that stands below /event/{id}, and the entries of event lists."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from sandbox.sample.chance import pick, rng, share
from sandbox.sofascore.fixtures import Fixture, Season
from sandbox.sofascore.outcomes import (
    ABANDONED,
    AFTER_EXTRA_TIME,
    AFTER_PENALTIES,
    CANCELED,
    ENDED,
    FIRST_HALF,
    HALF_TIME,
    INTERRUPTED,
    LENGTHS,
    POSTPONED,
    SCHEDULED,
    SECOND_HALF,
    WALKOVER,
    Outcome,
)
from sandbox.sofascore.people import country, slug
from sandbox.sofascore.play import Happening, Play
from sandbox.sofascore.sheets import SIDES, Sheet, Shot
from sandbox.sofascore.statistics import statistics
from sandbox.sofascore.vocabulary import NATIONS
from sandbox.sofascore.world import World

Body = dict[str, Any]

_STATUSES = {
    SCHEDULED: ("notstarted", "Not started"),
    FIRST_HALF: ("inprogress", "1st half"),
    HALF_TIME: ("inprogress", "Halftime"),
    SECOND_HALF: ("inprogress", "2nd half"),
    POSTPONED: ("postponed", "Postponed"),
    CANCELED: ("canceled", "Canceled"),
    INTERRUPTED: ("interrupted", "Interrupted"),
    ABANDONED: ("canceled", "Abandoned"),
    WALKOVER: ("finished", "Walkover"),
    ENDED: ("finished", "Ended"),
    AFTER_EXTRA_TIME: ("finished", "AET"),
    AFTER_PENALTIES: ("finished", "AP"),
}
_WITHOUT_SCORE = frozenset({SCHEDULED, POSTPONED, CANCELED, WALKOVER})
_NO_MINUTE = 999
_KEPT_PLAYS = 64
_ONE_MANAGER = 0.03
_TOLD_AS_A_WHOLE = 5
_BEST = 3
_HALF_TIME_NAMES = {1: "HT", 2: "FT", 4: "ET"}

_INCIDENT_IDS, _SHOT_IDS = 100_000_000, 6_000_000
_IDS_PER_MATCH = 128
_ALWAYS_TOLD = ("totalShots", "goalAssist")
_EXPECTED = ("expectedGoals", "expectedGoalsOnTarget", "expectedAssists", "goalsPrevented")


class Bodies:
    """Writes what the world knows of a match. `forget` must be called when the world changes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._play = lru_cache(maxsize=_KEPT_PLAYS)(self._played)
        self._parts: dict[str, Callable[[Fixture], Body]] = {
            "event": self.event,
            "lineups": self.lineups,
            "statistics": self.statistics,
            "incidents": self.incidents,
            "managers": self.managers,
            "graph": self.graph,
            "shotmap": self.shotmap,
            "best_players": self.best_players,
            "head_to_head": self.head_to_head,
        }

    def part(self, fixture: Fixture, part: str) -> bytes | None:
        """The body of a part of a match; None where there is none."""
        return msgspec.json.encode(self._parts[part](fixture)) if self.world.has(fixture, part) else None

    def forget(self) -> None:
        """Drop what was kept of matches."""
        self._play.cache_clear()

    def _played(self, fixture: Fixture) -> Play:
        return Play(self.world.people, fixture, self.world.outcome(fixture), self.world.rated(fixture))

    def season(self, of: Season) -> Body:
        """A season as bodies hold it."""
        year = self.world.year(of.competition, of.begin)
        return {"name": f"{of.competition.name} {year}", "year": year, "editor": False, "id": of.id}

    # --- event

    def entry(self, fixture: Fixture) -> Body:
        """A match as an entry of an event list."""
        ended = self.world.outcome(fixture)
        status = _STATUSES[ended.code]
        competition = fixture.season.competition
        entry: Body = {
            "tournament": self._tournament(fixture),
            "season": self.season(self.world.season_of(fixture)),
            "roundInfo": _round(fixture),
            "customId": f"{fixture.home.key:x}s{fixture.away.key:x}",
            "status": {"code": ended.code, "description": status[1], "type": status[0]},
            "homeTeam": fixture.home.public,
            "awayTeam": fixture.away.public,
            "homeScore": self._score(fixture, ended, home=True),
            "awayScore": self._score(fixture, ended, home=False),
            "time": _time(ended, self.world.told(self.world.kickoff(fixture))),
            "changes": self._changes(fixture),
            "hasGlobalHighlights": False,
            "hasEventPlayerStatistics": not fixture.season.without_lineups,
            "detailId": 1,
            "crowdsourcingDataDisplayEnabled": False,
            "id": fixture.id,
            "slug": f"{fixture.away.slug}-{fixture.home.slug}",
            "startTimestamp": self.world.told(self.world.kickoff(fixture)),
            "finalResultOnly": False,
            "feedLocked": ended.code >= ENDED,
            "isEditor": False,
            "eventFilters": {"gender": ["M"]},
        }
        if self.world.has_xg(fixture.season):
            entry["hasXg"] = True
        if ended.winner is not None:
            entry["winnerCode"] = ended.winner
        if competition.form != "league":
            entry["cupMatchesInRound"] = 2 if fixture.leg else 1
        for name, home in (("homeRedCards", True), ("awayRedCards", False)):
            reds = sum(red.home is home for red in ended.reds)
            if reds:
                entry[name] = reds
        entry |= self._tie(fixture, ended)
        return entry

    def event(self, fixture: Fixture) -> Body:
        """The answer to /event/{id}."""
        event = self.entry(fixture)
        kickoff = datetime.fromtimestamp(self.world.kickoff(fixture), UTC)
        for name, team in (("homeTeam", fixture.home), ("awayTeam", fixture.away)):
            event[name] = {
                **team.fields,
                "manager": self.world.people.manager(team.key, kickoff),
                "venue": team.venue,
            }
        event["venue"] = fixture.home.venue
        attendance = self.world.attendance(fixture)
        if attendance is not None:
            event["attendance"] = attendance
        if self.world.has_referee(fixture):
            draw = share(self.world.seed, "who", fixture.id)
            event["referee"] = self.world.people.referee(self._referee_nation(fixture), draw)
        event |= {
            "hasEventPlayerHeatMap": True,
            "defaultPeriodCount": 2,
            "defaultPeriodLength": 45,
            "defaultOvertimeLength": 15,
            "seasonStatisticsType": "overall",
            "showTotoPromo": False,
        }
        return {"event": event}

    def _referee_nation(self, fixture: Fixture) -> int:
        competition = fixture.season.competition
        if not competition.international:
            return competition.nation
        nations = competition.nations()
        return nations[pick(len(nations), self.world.seed, "referee's nation", fixture.id)]

    def _tournament(self, fixture: Fixture) -> Body:
        season = self.world.season_of(fixture)
        competition = season.competition
        category = _category(season)
        tournament = {
            "name": competition.name,
            "slug": competition.slug,
            "category": category,
            "uniqueTournament": {
                "name": competition.name,
                "slug": competition.slug,
                "category": category,
                "userCount": 149_162,
                "hasRounds": True,
                "hasPerformanceGraphFeature": True,
                "country": {},
                "id": competition.id,
                "hasEventPlayerStatistics": True,
                "displayInverseHomeAwayTeams": False,
            },
            "priority": 500,
            "isGroup": bool(fixture.group),
            "competitionType": 1 if competition.form == "league" else 2,
            "isLive": False,
            "id": competition.group(fixture.group) if fixture.group else competition.tournament,
        }
        if fixture.group:
            tournament["groupName"] = f"Group {chr(64 + fixture.group)}"
            tournament["name"] = f"{competition.name}, {tournament['groupName']}"
        return tournament

    def _score(self, fixture: Fixture, ended: Outcome, *, home: bool) -> Body:
        if ended.code in _WITHOUT_SCORE:
            return {}
        goals, penalties = ended.count(home), ended.shootout(home)
        score = {
            # Of a match that was decided on penalties, the shoot-out is in `current` (contract, event)
            "current": goals + penalties,
            "display": goals,
            "period1": ended.count(home, 1),
        }
        if ended.end > LENGTHS[1]:
            score["period2"] = ended.count(home, 2)
        score["normaltime"] = ended.count(home, 1, 2)
        if ended.end > LENGTHS[2]:
            # Some extra times are told as a whole only: extra1 and extra2 do not add up to it
            whole = fixture.wish == AFTER_EXTRA_TIME or not fixture.id % _TOLD_AS_A_WHOLE
            score["extra1"] = 0 if whole else ended.count(home, 3)
            score["extra2"] = 0 if whole else ended.count(home, 4)
            score["overtime"] = ended.count(home, 3, 4)
        if ended.kicks:
            score["penalties"] = penalties
        if fixture.first_leg is not None and ended.code >= ENDED:
            score["aggregated"] = goals + self.world.final(fixture.first_leg).count(not home)
        return score

    def _tie(self, fixture: Fixture, ended: Outcome) -> Body:
        """What a second leg tells of both."""
        if fixture.first_leg is None:
            return {}
        tie: Body = {"previousLegEventId": fixture.first_leg.id}
        if ended.code >= ENDED:
            first = self.world.final(fixture.first_leg)
            ahead = ended.count(True) + first.count(False) - ended.count(False) - first.count(True)
            tie["aggregatedWinnerCode"] = ended.winner if ended.kicks else 1 if ahead > 0 else 2
        return tie

    def _changes(self, fixture: Fixture) -> Body:
        changed = self.world.changed(fixture)
        if not changed:
            return {"changeTimestamp": 0}
        return {
            "changes": ["status.code", "status.description", "status.type", "homeScore.normaltime"],
            "changeTimestamp": self.world.told(changed),
        }

    # --- lineups

    def lineups(self, fixture: Fixture) -> Body:
        """The answer to /event/{id}/lineups."""
        play = self._play(fixture)
        xg = self.world.has_xg(fixture.season)
        body: Body = {"confirmed": True, "statisticalVersion": 1}
        for name, home in (("home", True), ("away", False)):
            team = fixture.home if home else fixture.away
            body[name] = {
                "players": [_lined_up(sheet, xg=xg) for sheet in play.sheets[home]],
                "supportStaff": [],
                "formation": play.formation[home],
                "playerColor": {"primary": team.fields["teamColors"]["primary"], "number": "ffffff"},
                "missingPlayers": play.missing[home],
            }
        return body

    # --- statistics, incidents, shots

    def statistics(self, fixture: Fixture) -> Body:
        """The answer to /event/{id}/statistics."""
        return {"statistics": statistics(self._play(fixture), xg=self.world.has_xg(fixture.season))}

    def incidents(self, fixture: Fixture) -> Body:
        """The answer to /event/{id}/incidents, newest first."""
        play = self._play(fixture)
        told = [*play.happened, *_periods(play.ended)]
        told.sort(key=lambda each: (each.period, each.time, each.added, each.order))
        incidents = [_incident(each, number, fixture) for number, each in enumerate(told)]
        kicks = _shootout(play, fixture)
        return {"incidents": [*reversed([*incidents, *kicks])], "home": {}, "away": {}}

    def shotmap(self, fixture: Fixture) -> Body:
        """The answer to /event/{id}/shotmap, newest first. An own goal is among the shots of who it counts for."""
        play = self._play(fixture)
        xg = self.world.has_xg(fixture.season)
        first = _SHOT_IDS + fixture.id % 10_000_000 * _IDS_PER_MATCH
        shots = [_shot(shot, first + number, xg=xg) for number, shot in enumerate(play.shots)]
        own_goals = [each for each in play.happened if each.body.get("incidentClass") == "ownGoal"]
        shots += [_own_goal(each, first + number) for number, each in enumerate(own_goals, start=len(shots))]
        return {"shotmap": shots[::-1]}

    # --- the other parts

    def managers(self, fixture: Fixture) -> Body:
        """The answer to /event/{id}/managers; of a few matches one manager is not known."""
        kickoff = datetime.fromtimestamp(self.world.kickoff(fixture), UTC)
        body = {
            "homeManager": self.world.people.manager(fixture.home.key, kickoff),
            "awayManager": self.world.people.manager(fixture.away.key, kickoff),
        }
        draw = share(self.world.seed, "manager known", fixture.id)
        if draw < _ONE_MANAGER:
            del body["homeManager" if draw < _ONE_MANAGER / 2 else "awayManager"]
        return body

    def graph(self, fixture: Fixture) -> Body:
        """The answer to /event/{id}/graph."""
        ended = self.world.outcome(fixture)
        draw = rng(self.world.seed, "graph", fixture.id).random
        points: list[dict[str, float]] = []
        value = 0.0
        for minute in range(1, ended.end + 1):
            value = value * 0.6 + (draw() - 0.48) * 90
            points.append({"minute": minute, "value": round(value)})
            if minute in (45, 90):
                points.append({"minute": minute + 0.5, "value": round(value * draw())})
        return {"graphPoints": points, "periodTime": 45, "overtimeLength": 15, "periodCount": 2}

    def best_players(self, fixture: Fixture) -> Body:
        """The answer to /event/{id}/best-players/summary."""
        play = self._play(fixture)
        best = {
            home: sorted(
                (sheet for sheet in play.used[home] if "rating" in sheet.figures),
                key=lambda sheet: (-sheet.figures["rating"], sheet.player.id),
            )[:_BEST]
            for home in SIDES
        }
        body: Body = {
            name: [_best(sheet) for sheet in best[home]]
            for name, home in (("bestHomeTeamPlayers", True), ("bestAwayTeamPlayers", False))
        }
        all_best = [*best[True], *best[False]]
        if all_best:
            body["playerOfTheMatch"] = _best(max(all_best, key=lambda sheet: sheet.figures["rating"]))
        return body

    def head_to_head(self, fixture: Fixture) -> Body:
        """The answer to /event/{id}/h2h; managers who never met have no duel."""
        chance = rng(self.world.seed, "meetings", fixture.id)

        def duel(most: int) -> dict[str, int]:
            return {name: chance.randint(0, most) for name in ("homeWins", "awayWins", "draws")}

        return {"teamDuel": duel(9), "managerDuel": duel(3) if chance.happens(0.6) else None}


# --- pieces


def _category(of: Season) -> Body:
    competition = of.competition
    name = competition.country if not competition.national or competition.country != "World" else "World"
    sport = {"name": "Football", "slug": "football", "id": 1}
    category = {
        "name": name,
        "slug": slug(name),
        "sport": sport,
        "id": 1 + competition.nation,
        "flag": slug(name),
    }
    if not competition.international:
        nation = NATIONS[competition.nation]
        category |= {"alpha2": nation.alpha2, "country": country(nation)}
    return category


def _round(fixture: Fixture) -> Body:
    info: Body = {"round": fixture.round}
    if fixture.round_name:
        info |= {"name": fixture.round_name, "slug": slug(fixture.round_name)}
        info["cupRoundType"] = {5: 8, 27: 4, 28: 2}.get(fixture.round, 1)
    return info


def _time(ended: Outcome, kickoff: int) -> Body:
    if ended.code in _WITHOUT_SCORE:
        return {}
    time = {"currentPeriodStartTimestamp": kickoff + (64 * 60 if ended.end > LENGTHS[1] else 120)}
    if ended.code >= ENDED:
        time |= {"injuryTime1": ended.added[0], "injuryTime2": ended.added[1]}
    return time


def _lined_up(sheet: Sheet, *, xg: bool) -> Body:
    body: Body = {
        "player": sheet.player.public,
        "teamId": sheet.member.club,
        "shirtNumber": sheet.member.number,
        "jerseyNumber": str(sheet.member.number),
        "position": sheet.position,
        "substitute": sheet.substitute,
        "statistics": {},
    }
    if sheet.captain:
        body["captain"] = True
    if sheet.on is not None:
        body["statistics"] = {
            **dict.fromkeys(_ALWAYS_TOLD, 0),
            **{
                name: round(value, 9) if type(value) is float else value
                for name, value in sheet.figures.items()
                if value and (xg or name not in _EXPECTED)
            },
        }
    return body


def _periods(ended: Outcome) -> list[Happening]:
    """Ends of periods, each before whatever comes next, and how much time was added."""
    told = []
    for period, name in _HALF_TIME_NAMES.items():
        time = LENGTHS[period]
        over = ended.end > time or (ended.end == time and (ended.code >= ENDED or ended.code == HALF_TIME))
        if not over:
            break
        upto = [number for number in LENGTHS if number <= period]
        body = {
            "text": name,
            "homeScore": ended.count(True, *upto),
            "awayScore": ended.count(False, *upto),
            "isLive": False,
            "timeSeconds": time * 60,
            "periodTimeSeconds": 2700 if time <= LENGTHS[2] else 900,
            "incidentType": "period",
            "reversedPeriodTimeSeconds": 0,
        }
        told.append(Happening(period, time, _NO_MINUTE, 9, body))
        if time <= LENGTHS[2]:
            length = {"length": ended.added[period - 1], "incidentType": "injuryTime"}
            told.append(Happening(period, time, 0, 8, length))
    return told


def _incident(told: Happening, number: int, fixture: Fixture) -> Body:
    kind = told.body["incidentType"]
    body: Body = {"time": told.time, "reversedPeriodTime": max(1, LENGTHS[told.period] + 1 - told.time)}
    if told.added or kind == "injuryTime":
        body["addedTime"] = told.added
    if kind not in {"period", "injuryTime"}:
        body["id"] = _incident_id(fixture, number)
    return {**body, **told.body}


def _shootout(play: Play, fixture: Fixture) -> list[Body]:
    """The kicks in their order and the end of the shoot-out."""
    kicks = play.ended.kicks
    if not kicks:
        return []
    takers = {home: play.on_pitch(home, play.ended.end)[1:] for home in SIDES}
    score = {True: 0, False: 0}
    told: list[Body] = []
    for number, kick in enumerate(kicks, start=1):
        score[kick.home] += kick.scored
        taken = sum(each.home is kick.home for each in kicks[: number - 1])
        taker = takers[kick.home][taken % len(takers[kick.home])]
        reason = "scored" if kick.scored else "offTarget" if number % 2 else "goalkeeperSave"
        told.append(
            {
                "player": taker.player.short,
                "homeScore": score[True],
                "awayScore": score[False],
                "sequence": number,
                "description": "Scored" if kick.scored else "Missed",
                "id": _incident_id(fixture, _IDS_PER_MATCH - len(kicks) - 1 + number),
                "incidentType": "penaltyShootout",
                "isHome": kick.home,
                "incidentClass": "scored" if kick.scored else "missed",
                "reason": reason,
            }
        )
    told.append(
        {
            "text": "PEN",
            "homeScore": score[True],
            "awayScore": score[False],
            "isLive": False,
            "period": "penalties",
            "time": _NO_MINUTE,
            "addedTime": _NO_MINUTE,
            "timeSeconds": 59_940,
            "incidentType": "period",
        }
    )
    return told


def _incident_id(fixture: Fixture, number: int) -> int:
    return _INCIDENT_IDS + fixture.id % 10_000_000 * _IDS_PER_MATCH + number


def _shot(shot: Shot, identity: int, *, xg: bool) -> Body:
    body: Body = {
        "player": shot.sheet.player.short,
        "isHome": shot.home,
        "shotType": shot.kind,
        "situation": shot.situation,
        "playerCoordinates": {"x": shot.x, "y": shot.y, "z": 0},
        "bodyPart": shot.body_part,
        "goalMouthLocation": shot.mouth,
        "goalMouthCoordinates": {"x": 0, "y": round(40 + shot.y / 5, 1), "z": round(shot.x * 2, 1)},
        "goalkeeper": shot.keeper.player.short,
        "id": identity,
        "time": shot.time,
        "timeSeconds": shot.time * 60 - 30,
        "draw": {"start": {"x": shot.y, "y": shot.x}, "end": {"x": 50, "y": 0}, "goal": {"x": 50, "y": 20}},
        "reversedPeriodTime": max(1, LENGTHS[shot.period] + 1 - shot.time),
        "incidentType": "shot",
    }
    if shot.added:
        body["addedTime"] = shot.added
    if shot.goal is not None:
        body["goalType"] = "penalty" if shot.situation == "penalty" else "regular"
    if xg:
        body |= {"xg": shot.xg, "xgot": shot.xgot}
    return body


def _own_goal(happening: Happening, identity: int) -> Body:
    """An own goal in a shot map: by a player of the other side, without expected goals."""
    return {
        "player": happening.body["player"],
        "isHome": happening.body["isHome"],
        "shotType": "goal",
        "goalType": "own",
        "situation": "corner",
        "playerCoordinates": {"x": 4.0, "y": 50.0, "z": 0},
        "bodyPart": "other",
        "goalMouthLocation": "low-centre",
        "id": identity,
        "time": happening.time,
        "incidentType": "shot",
    }


def _best(sheet: Sheet) -> Body:
    return {"value": f"{sheet.figures['rating']:.1f}", "label": "rating", "player": sheet.player.public}
