"""A match in detail, so that everything told of it agrees: line-ups, cards, substitutions, goals, shots, figures.

Goals, red cards and the shoot-out are given by the outcome; who had a part in them is drawn here. Each kind of
thing has its own stream of chance, so that a corrected score leaves the line-ups alone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.sample.chance import Chance, rng
from sandbox.sofascore.figures import keep, rate, work
from sandbox.sofascore.fixtures import Fixture
from sandbox.sofascore.outcomes import LENGTHS, Goal, Outcome
from sandbox.sofascore.people import Member, People
from sandbox.sofascore.sheets import SIDES, Sheet, Shot
from sandbox.sofascore.vocabulary import (
    BODY_PARTS,
    CARD_REASONS,
    FORMATIONS,
    MOUTH,
    SITUATIONS,
    VAR_DECISIONS,
)

_MISSING_A_SIDE = 3
_SUBSTITUTIONS = (3, 3, 4, 4, 5, 5, 5)
_TAKEN_BACK = 8
"""Of so many matches one has its sendings-off taken back."""
_KINDS_OF_GOAL = {"regular": 0.88, "penalty": 0.09, "ownGoal": 0.03}
_KINDS_OF_SHOT = {"miss": 0.39, "save": 0.3, "block": 0.28, "post": 0.03}
_SHOOTING = {"G": 0.0, "D": 0.5, "M": 1.5, "F": 3.0}


@dataclass(slots=True)
class Happening:
    """Something that the incidents tell. order: of things of the same minute; body: the incident but for its id."""

    period: int
    time: int
    added: int
    order: int
    body: dict[str, Any]


class Play:
    """One match as it was played so far. rated: how often a rating was corrected since."""

    def __init__(self, people: People, fixture: Fixture, ended: Outcome, rated: int = 0) -> None:
        self.fixture = fixture
        self.ended = ended
        self._seed = (people.seed, fixture.id)
        self._people = people
        self.happened: list[Happening] = []
        self.formation: dict[bool, str] = {}
        self.missing: dict[bool, list[dict[str, Any]]] = {}
        self.sheets: dict[bool, list[Sheet]] = {}
        self.shots: list[Shot] = []
        chance = self._chance("line-ups")
        for home in SIDES:
            self._line_up(home, chance)
        chance = self._chance("substitutions")
        for home in SIDES:
            self._send_off(home)
            self._substitute(home, chance)
        self._finish_minutes()
        self.used = {home: [sheet for sheet in self.sheets[home] if sheet.on is not None] for home in SIDES}
        self.keeper = {home: self.sheets[home][0] for home in SIDES}
        self._book(self._chance("cards"))
        self._score(self._chance("goals"))
        self._decide(self._chance("decisions"))
        self._shoot(self._chance("shots"))
        self._measure()
        rate(self.used, rated, self._chance("ratings"))

    def _chance(self, stream: str) -> Chance:
        return rng(*self._seed, stream)

    # --- who plays

    def _line_up(self, home: bool, chance: Chance) -> None:
        team = self.fixture.home if home else self.fixture.away
        squad = list(self._people.squad(team.key, self.fixture.season.begin))
        # A team has its formation, and now and then another one
        own = FORMATIONS[team.key % len(FORMATIONS)]
        formation = own if chance.happens(0.8) else chance.choice(FORMATIONS)
        out = [squad.pop(chance.randrange(3, len(squad))) for _ in range(chance.randint(0, _MISSING_A_SIDE))]
        self.missing[home] = [
            {"player": each.player.short, **self._people.injury(chance.random())} for each in out
        ]
        lines = [int(number) for number in formation.split("-")]
        wanted = {"G": 1, "D": lines[0], "M": sum(lines[1:-1]), "F": lines[-1]}
        starters: list[Sheet] = []
        for position, count in wanted.items():
            # Better and fitter ones first, then whoever is left
            ready = sorted(squad, key=lambda each: -self._fitness(each, position) - chance.random() * 0.25)
            for member in ready[:count]:
                squad.remove(member)
                starters.append(Sheet(member, home, position, substitute=False, on=0))
        chance.choice(starters[1:]).captain = True
        bench = [next(each for each in squad if each.player.position == "G")]
        squad.remove(bench[0])
        bench += chance.sample(squad, min(len(squad), chance.randint(6, 8)))
        substitutes = [Sheet(each, home, each.player.position, substitute=True) for each in bench]
        self.formation[home] = formation
        self.sheets[home] = [*starters, *substitutes]

    @staticmethod
    def _fitness(member: Member, position: str) -> float:
        own = member.player.position
        if own == position:
            return 2 + member.player.quality
        return -5 if "G" in {own, position} else member.player.quality

    def _send_off(self, home: bool) -> None:
        """Let those go who see red; the goalkeeper never does."""
        for red in self.ended.reds:
            if red.home is home:
                chance = rng(*self._seed, "sent off", red.time, home)
                sheet = chance.choice([each for each in self.sheets[home][1:11] if each.off is None])
                sheet.off, sheet.booked = red.time, True
                kind = "red"
                if red.second_yellow:
                    kind = "yellowRed"
                    self._card(sheet, "yellow", chance.randint(2, red.time - 2), 0, chance)
                self._card(sheet, kind, red.time, 0, chance)

    def _substitute(self, home: bool, chance: Chance) -> None:
        end = self.ended.end
        minutes = sorted(chance.choice((46, *range(52, 90))) for _ in range(chance.choice(_SUBSTITUTIONS)))
        if end > LENGTHS[2]:
            minutes.append(chance.randint(91, 116))
        # Both who go and who come are settled in the order of the minutes, so nobody comes in for one sent off
        for minute in minutes:
            can_go = [each for each in self.sheets[home][1:11] if each.off is None]
            can_come = [each for each in self.sheets[home][12:] if each.on is None]
            if minute >= end or not can_go or not can_come:
                continue
            out = chance.choice(can_go)
            alike = [each for each in can_come if each.position == out.position]
            into = chance.choice(alike or can_come)
            out.off, into.on = minute, minute
            self._tell(
                minute,
                0,
                0,
                {
                    "playerIn": into.player.short,
                    "playerOut": out.player.short,
                    "injury": chance.happens(0.1),
                    "isHome": home,
                    "incidentClass": "regular",
                    "incidentType": "substitution",
                },
            )

    def _finish_minutes(self) -> None:
        for home in SIDES:
            for sheet in self.sheets[home]:
                if sheet.on is not None and sheet.off is None:
                    sheet.off = self.ended.end

    def on_pitch(self, home: bool, minute: int) -> list[Sheet]:
        """Who of a side is on the pitch in a minute; the goalkeeper first."""
        return [
            sheet
            for sheet in self.used[home]
            if sheet.on is not None
            and sheet.off is not None
            and sheet.on <= minute
            and (minute < sheet.off or sheet.off == self.ended.end)
        ]

    # --- what happens

    def _tell(
        self, time: int, added: int, order: int, body: dict[str, Any], period: int | None = None
    ) -> None:
        if period is None:
            period = next(number for number, end in LENGTHS.items() if time <= end)
        self.happened.append(Happening(period, time, added, order, body))

    def _card(self, sheet: Sheet, kind: str, time: int, added: int, chance: Chance) -> None:
        sheet.booked = True
        self._tell(
            time,
            added,
            2,
            {
                "player": sheet.player.short,
                "playerName": sheet.player.name,
                "reason": chance.choice(CARD_REASONS),
                # Some a court took back later: the player had left all the same.
                "rescinded": kind != "yellow" and self.fixture.id % _TAKEN_BACK == 0,
                "isHome": sheet.home,
                "incidentClass": kind,
                "incidentType": "card",
            },
        )

    def _book(self, chance: Chance) -> None:
        end = self.ended.end
        for home in SIDES:
            for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4))):
                minute = chance.randint(4, max(5, end))
                able = [each for each in self.on_pitch(home, minute) if not each.booked]
                if minute <= end and able:
                    added = chance.randint(1, 3) if minute in (45, 90) and end >= LENGTHS[2] else 0
                    self._card(chance.choice(able), "yellow", minute, added, chance)
            if chance.happens(0.04):
                self._book_bench(home, chance)

    def _book_bench(self, home: bool, chance: Chance) -> None:
        """A card beside the pitch: for a substitute, or for the manager, whom no player stands for."""
        minute = chance.randint(4, max(5, min(89, self.ended.end)))
        if minute > self.ended.end:
            return
        body: dict[str, Any] = {
            "reason": "Argument",
            "rescinded": False,
            "isHome": home,
            "incidentClass": "yellow",
            "incidentType": "card",
        }
        bench = [each for each in self.sheets[home] if each.on is None]
        if chance.happens(0.5) and bench:
            sheet = chance.choice(bench)
            body |= {"player": sheet.player.short, "playerName": sheet.player.name, "time": -5}
        else:
            team = self.fixture.home if home else self.fixture.away
            manager = self._people.manager(team.key, datetime.fromtimestamp(self.fixture.kickoff, UTC))
            body |= {"playerName": manager["name"], "manager": manager}
        self._tell(minute, 0, 2, body)

    def _score(self, chance: Chance) -> None:
        score = {True: 0, False: 0}
        for goal in self.ended.goals:
            score[goal.home] += 1
            kind = _kind(_KINDS_OF_GOAL, chance)
            sheet, assist = self._scorer(goal, kind, chance)
            body: dict[str, Any] = {
                "homeScore": score[True],
                "awayScore": score[False],
                "player": sheet.player.short,
                "isHome": goal.home,
                "incidentClass": kind,
                "incidentType": "goal",
            }
            if kind == "ownGoal":
                body["from"] = "owngoal"
                sheet.add("ownGoals")
            elif kind == "penalty":
                body["from"] = "penalty"
                self._penalty(goal.home, goal.time, chance)
            if assist is not None:
                body["assist1"] = assist.player.short
                assist.add("goalAssist")
                assist.add("keyPass")
            self._tell(goal.time, goal.added, 1, body, goal.period)
            if kind != "ownGoal":
                sheet.add("goals")
                situation = "penalty" if kind == "penalty" else "assisted" if assist else ""
                xg = 0.7884 if kind == "penalty" else round(0.05 + chance.random() ** 2 * 0.75, 4)
                self._shot(sheet, "goal", situation, (goal.period, goal.time, goal.added), xg, chance, goal)
                if assist is not None and self.shots[-1].big:
                    assist.add("bigChanceCreated")

    def _scorer(self, goal: Goal, kind: str, chance: Chance) -> tuple[Sheet, Sheet | None]:
        side = goal.home if kind != "ownGoal" else not goal.home
        there = self.on_pitch(side, goal.time)[1:]
        sheet = chance.choices(there, [_SHOOTING[each.position] * each.player.quality for each in there])[0]
        if kind != "regular" or chance.happens(0.28):
            return sheet, None
        return sheet, chance.choice([each for each in there if each is not sheet])

    def _penalty(self, home: bool, minute: int, chance: Chance) -> None:
        chance.choice(self.on_pitch(home, minute)[1:]).add("penaltyWon")
        chance.choice(self.on_pitch(not home, minute)[1:]).add("penaltyConceded")
        self.keeper[not home].add("penaltyFaced")

    def _decide(self, chance: Chance) -> None:
        """Penalties that did not go in, and what the video referee had to say."""
        end = self.ended.end
        if chance.happens(0.08) and end >= LENGTHS[2]:
            home = chance.happens(0.5)
            minute = chance.randint(5, 89)
            sheet = chance.choice(
                [each for each in self.on_pitch(home, minute) if each.position in "MF"]
                or self.on_pitch(home, minute)[1:]
            )
            saved = chance.happens(0.7)
            sheet.add("penaltyMiss")
            self._penalty(home, minute, chance)
            if saved:
                self.keeper[not home].add("penaltySave")
            self._shot(
                sheet,
                "save" if saved else "miss",
                "penalty",
                (1 if minute <= LENGTHS[1] else 2, minute, 0),
                0.7884,
                chance,
            )
            self._tell(
                minute,
                0,
                1,
                {
                    "player": sheet.player.short,
                    "description": "Goalkeeper save" if saved else "Off target",
                    "isHome": home,
                    "incidentClass": "missed",
                    "reason": "goalkeeperSave" if saved else "offTarget",
                    "incidentType": "inGamePenalty",
                },
            )
        if chance.happens(0.16) and end >= LENGTHS[1]:
            home = chance.happens(0.5)
            minute = chance.randint(3, end - 1)
            body = {
                "confirmed": chance.happens(0.5),
                "player": chance.choice(self.on_pitch(home, minute)).player.short,
                "isHome": home,
                "incidentClass": chance.choice(VAR_DECISIONS),
                "incidentType": "varDecision",
            }
            if chance.happens(0.1):
                del body["player"]
            self._tell(minute, 0, 3, body)

    # --- shots

    def _shot(
        self,
        sheet: Sheet,
        kind: str,
        situation: str,
        at: tuple[int, int, int],
        xg: float,
        chance: Chance,
        goal: Goal | None = None,
    ) -> None:
        draw = chance.random
        x, y = (11.5, 50.0) if situation == "penalty" else (3 + draw() ** 1.3 * 30, 50 + (draw() - 0.5) * 55)
        keeper = self.keeper[not sheet.home]
        big = situation == "penalty" or chance.happens(0.55 if goal else 0.08)
        shot = Shot(
            sheet.home,
            sheet,
            kind,
            situation or SITUATIONS[int(draw() * len(SITUATIONS))],
            *at,
            xg,
            big,
            round(x, 1),
            round(y, 1),
            keeper,
            "right-foot" if situation == "penalty" else BODY_PARTS[int(draw() * len(BODY_PARTS))],
            MOUTH[kind][int(draw() * len(MOUTH[kind]))],
            goal,
        )
        self.shots.append(shot)
        sheet.add("totalShots")
        sheet.add("expectedGoals", xg)
        if shot.on_target:
            sheet.add("onTargetScoringAttempt")
            sheet.add("expectedGoalsOnTarget", shot.xgot)
        elif kind == "block":
            sheet.add("blockedScoringAttempt")
        else:
            sheet.add("shotOffTarget")
            if kind == "post":
                sheet.add("hitWoodwork")
        if kind == "save":
            keeper.add("saves")
            if shot.inside:
                keeper.add("savedShotsFromInsideTheBox")
        if big and kind != "goal":
            sheet.add("bigChanceMissed")

    def _shoot(self, chance: Chance) -> None:
        """The shots that were no goals."""
        end = self.ended.end
        draw = chance.random
        for home in SIDES:
            strength = (self.fixture.home if home else self.fixture.away).strength
            count = max(1, round(chance.gauss(10, 3.5) * strength * end / 90))
            for _ in range(count):
                minute = 1 + int(draw() * (end - 1))
                there = self.on_pitch(home, minute)[1:]
                weights = [_SHOOTING[each.position] for each in there]
                sheet = chance.choices(there, weights)[0]
                kind = _kind(_KINDS_OF_SHOT, chance)
                period = next(number for number, ends in LENGTHS.items() if minute <= ends)
                xg = round(0.01 + draw() ** 3 * 0.4, 4)
                self._shot(sheet, kind, "", (period, minute, 0), xg, chance)
        self.shots.sort(key=lambda shot: (shot.period, shot.time, shot.added))

    def _measure(self) -> None:
        """Count whatever else the players did."""
        chance = self._chance("work")
        home, away, season = self.fixture.home.strength, self.fixture.away.strength, self.fixture.season
        # Cameras follow the players of leagues since this season
        tracked = season.current and season.competition.form == "league"
        share = home / (home + away) + (chance.random() - 0.5) * 0.2
        work(self.used, self.ended.end, share, chance, tracked=tracked)
        for side in SIDES:
            keep(self.keeper[side], [s for s in self.shots if s.home is not side and s.on_target], chance)


def _kind(shares: dict[str, float], chance: Chance) -> str:
    return chance.choices(list(shares), list(shares.values()))[0]
