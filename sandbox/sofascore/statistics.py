"""The body of /event/{id}/statistics: figures of both teams in the whole match and in each period of it.

Figures that are counted add up: those of the whole match are the sums of its periods, and of the line-ups where
both tell them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.sample.chance import rng
from sandbox.sofascore.outcomes import LENGTHS
from sandbox.sofascore.play import Play
from sandbox.sofascore.sheets import SIDES, Shot

PERIODS = {1: "1ST", 2: "2ND", 3: "ET1", 4: "ET2"}
Kind = Literal["count", "decimal", "percent", "share", "ratio"]
_RENDERED = {"count": 1, "decimal": 1, "percent": 2, "share": 2, "ratio": 3}


@dataclass(frozen=True, slots=True)
class _Item:
    """A line of the table. often: it stands there even if both teams have none."""

    name: str
    key: str
    kind: Kind = "count"
    good: bool = True
    often: bool = True


_SHOTS = _Item("Total shots", "totalShotsOnGoal")
_TACKLES = "totalTackle"
_GROUPS: dict[str, tuple[_Item, ...]] = {
    "Match overview": (
        _Item("Ball possession", "ballPossession", "percent"),
        _Item("Expected goals", "expectedGoals", "decimal"),
        _Item("Big chances", "bigChanceCreated"),
        _SHOTS,
        _Item("Goalkeeper saves", "goalkeeperSaves"),
        _Item("Corner kicks", "cornerKicks"),
        _Item("Fouls", "fouls", good=False),
        _Item("Passes", "passes"),
        _Item("Tackles", _TACKLES),
        _Item("Free kicks", "freeKicks"),
        _Item("Yellow cards", "yellowCards", good=False),
        _Item("Red cards", "redCards", good=False, often=False),
    ),
    "Shots": (
        _SHOTS,
        _Item("Shots on target", "shotsOnGoal"),
        _Item("Hit woodwork", "hitWoodwork", often=False),
        _Item("Shots off target", "shotsOffGoal"),
        _Item("Blocked shots", "blockedScoringAttempt"),
        _Item("Shots inside box", "totalShotsInsideBox"),
        _Item("Shots outside box", "totalShotsOutsideBox"),
    ),
    "Attack": (
        _Item("Big chances scored", "bigChanceScored"),
        _Item("Big chances missed", "bigChanceMissed", good=False),
        _Item("Through balls", "accurateThroughBall"),
        _Item("Touches in penalty area", "touchesInOppBox"),
        _Item("Fouled in final third", "fouledFinalThird"),
        _Item("Offsides", "offsides", good=False),
    ),
    "Passes": (
        _Item("Accurate passes", "accuratePasses"),
        _Item("Throw-ins", "throwIns"),
        _Item("Final third entries", "finalThirdEntries"),
        _Item("Final third phase", "finalThirdPhaseStatistic", "ratio"),
        _Item("Long balls", "accurateLongBalls", "ratio"),
        _Item("Crosses", "accurateCross", "ratio"),
    ),
    "Duels": (
        _Item("Duels", "duelWonPercent", "percent"),
        _Item("Dispossessed", "dispossessed", good=False),
        _Item("Ground duels", "groundDuelsPercentage", "ratio"),
        _Item("Aerial duels", "aerialDuelsPercentage", "ratio"),
        _Item("Dribbles", "dribblesPercentage", "ratio"),
    ),
    "Defending": (
        _Item("Tackles won", "wonTacklePercent", "share"),
        _Item("Total tackles", _TACKLES),
        _Item("Interceptions", "interceptionWon"),
        _Item("Recoveries", "ballRecovery"),
        _Item("Clearances", "totalClearance"),
        _Item("Errors lead to a shot", "errorsLeadToShot", good=False, often=False),
        _Item("Errors lead to a goal", "errorsLeadToGoal", good=False, often=False),
    ),
    "Goalkeeping": (
        _Item("Total saves", "goalkeeperSaves"),
        _Item("Goals prevented", "goalsPrevented", "decimal"),
        _Item("Big saves", "diveSaves", often=False),
        _Item("High claims", "highClaims", often=False),
        _Item("Punches", "punches", often=False),
        _Item("Goal kicks", "goalKicks"),
    ),
}

_SUMMED = {
    "fouls": "fouls",
    "passes": "totalPass",
    "totalTackle": "totalTackle",
    "offsides": "totalOffside",
    "dispossessed": "dispossessed",
    "interceptionWon": "interceptionWon",
    "ballRecovery": "ballRecovery",
    "totalClearance": "totalClearance",
    "errorsLeadToShot": "errorLeadToAShot",
    "errorsLeadToGoal": "errorLeadToAGoal",
    "highClaims": "goodHighClaim",
    "punches": "punches",
}
"""Figures of a team that are the sums of its players'."""
_SUCCESSES = {
    "accuratePasses": ("accuratePass", "passes"),
    "wonTackles": ("wonTackle", "totalTackle"),
}
_RATIOS = {
    "accurateLongBalls": ("accurateLongBalls", "totalLongBalls"),
    "accurateCross": ("accurateCross", "totalCross"),
    "dribblesPercentage": ("wonContest", "totalContest"),
}
_OF_TEAM = (
    ("cornerKicks", 5), ("throwIns", 19), ("finalThirdEntries", 45), ("touchesInOppBox", 20), ("goalKicks", 8),
    ("fouledFinalThird", 2.5), ("accurateThroughBall", 0.8), ("diveSaves", 0.6),
)  # fmt: skip

Table = dict[str, list[float]]
"""Of a side: each figure by period, in order."""


def statistics(play: Play, *, xg: bool) -> list[dict[str, Any]]:
    """The list of periods. xg: expected goals are known."""
    draw = rng(play.fixture.id, "statistics").random
    numbers = [number for number in PERIODS if play.ended.end > LENGTHS.get(number - 1, 0)]
    tables = {home: _table(play, home, numbers, draw) for home in SIDES}
    _set_against_each_other(tables)
    if not xg:
        for table in tables.values():
            del table["expectedGoals"], table["goalsPrevented"]
    whole = {home: _whole(tables[home]) for home in SIDES}
    shown: list[tuple[str, dict[str, float], dict[str, float]]] = [("ALL", whole[True], whole[False])]
    for place, number in enumerate(numbers):
        home, away = (
            {key: values[place] for key, values in tables[side].items() if key != "goalsPrevented"}
            for side in SIDES
        )
        shown.append((PERIODS[number], home, away))
    return [{"period": name, "groups": _groups(home, away)} for name, home, away in shown]


def _table(play: Play, home: bool, numbers: Sequence[int], draw: Callable[[], float]) -> Table:
    lengths = [LENGTHS[number] - LENGTHS.get(number - 1, 0) for number in numbers]
    own = [shot for shot in play.shots if shot.home is home]
    faced = [shot for shot in play.shots if shot.home is not home]

    def shares() -> list[float]:
        weights = [length * (0.8 + 0.4 * draw()) for length in lengths]
        return [weight / sum(weights) for weight in weights]

    def of_shots(counts: Callable[[Shot], float], shots: Sequence[Shot] = own) -> list[float]:
        return [sum(counts(shot) for shot in shots if shot.period == number) for number in numbers]

    def of_cards(*kinds: str) -> list[float]:
        cards = [
            each.period
            for each in play.happened
            if each.body["incidentType"] == "card"
            and each.body["isHome"] is home
            and each.body["incidentClass"] in kinds
        ]
        return [cards.count(number) for number in numbers]

    def total(figure: str) -> int:
        return sum(sheet.figures.get(figure, 0) for sheet in play.used[home])

    table: Table = {
        "expectedGoals": [round(value, 2) for value in of_shots(lambda shot: shot.xg)],
        "bigChanceCreated": of_shots(lambda shot: shot.big),
        "bigChanceScored": of_shots(lambda shot: shot.big and shot.kind == "goal"),
        "bigChanceMissed": of_shots(lambda shot: shot.big and shot.kind != "goal"),
        "totalShotsOnGoal": of_shots(lambda shot: 1),
        "shotsOnGoal": of_shots(lambda shot: shot.on_target),
        "shotsOffGoal": of_shots(lambda shot: shot.kind in {"miss", "post"}),
        "blockedScoringAttempt": of_shots(lambda shot: shot.kind == "block"),
        "hitWoodwork": of_shots(lambda shot: shot.kind == "post"),
        "totalShotsInsideBox": of_shots(lambda shot: shot.inside),
        "totalShotsOutsideBox": of_shots(lambda shot: not shot.inside),
        "goalkeeperSaves": of_shots(lambda shot: shot.kind == "save", faced),
        "yellowCards": of_cards("yellow"),
        "redCards": of_cards("red", "yellowRed"),
    }
    for key, figure in _SUMMED.items():
        table[key] = _apart(total(figure), shares())
    for key, (figure, of) in _SUCCESSES.items():
        table[key] = _successes(total(figure), table[of])
    for key, (figure, of) in _RATIOS.items():
        table[f"{key}/total"] = _apart(total(of), shares())
        table[key] = _successes(total(figure), table[f"{key}/total"])
    for key, mean in _OF_TEAM:
        table[key] = _apart(int(mean * play.ended.end / 90 * 2 * draw()), shares())
    table["finalThirdPhaseStatistic/total"] = _apart(int(60 + 80 * draw()), shares())
    reached = int(sum(table["finalThirdPhaseStatistic/total"]) * (0.55 + 0.3 * draw()))
    table["finalThirdPhaseStatistic"] = _successes(reached, table["finalThirdPhaseStatistic/total"])
    table["goalsPrevented"] = [round(play.keeper[home].figures["goalsPrevented"], 2)]
    table["aerialDuelsPercentage"] = _apart(total("aerialWon"), shares())
    table["groundDuelsPercentage"] = _apart(total("duelWon") - total("aerialWon"), shares())
    return table


def _set_against_each_other(tables: dict[bool, Table]) -> None:
    """Figures of one side that are those of the other."""
    for home in SIDES:
        own, other = tables[home], tables[not home]
        own["freeKicks"] = other["fouls"]
        for key in ("aerialDuelsPercentage", "groundDuelsPercentage"):
            own[f"{key}/total"] = [a + b for a, b in zip(own[key], other[key], strict=True)]


def _whole(table: Table) -> dict[str, float]:
    return {key: round(sum(values), 2) for key, values in table.items()}


def _groups(home: dict[str, float], away: dict[str, float]) -> list[dict[str, Any]]:
    groups = []
    for name, items in _GROUPS.items():
        shown = [line for line in (_line(item, home, away) for item in items) if line is not None]
        groups.append({"groupName": name, "statisticsItems": shown})
    return groups


def _line(item: _Item, home: dict[str, float], away: dict[str, float]) -> dict[str, Any] | None:
    values = _values(item, home, away)
    if values is None or not (item.often or any(values)):
        return None
    line: dict[str, Any] = {
        "name": item.name,
        "home": _text(item, values[0], home),
        "away": _text(item, values[1], away),
        "compareCode": 3 if values[0] == values[1] else 1 if (values[0] > values[1]) is item.good else 2,
        "statisticsType": "positive" if item.good else "negative",
        "valueType": "team" if item.kind in {"ratio", "percent", "share"} else "event",
        "homeValue": values[0],
        "awayValue": values[1],
        "renderType": _RENDERED[item.kind],
        "key": item.key,
    }
    if item.kind == "ratio":
        line["homeTotal"], line["awayTotal"] = (side[f"{item.key}/total"] for side in (home, away))
    if item.kind == "share":
        line["homeTotal"], line["awayTotal"] = home["totalTackle"], away["totalTackle"]
    return line


def _values(item: _Item, home: dict[str, float], away: dict[str, float]) -> tuple[float, float] | None:
    if item.key == "ballPossession":
        passes = home["passes"] + away["passes"]
        own = round(100 * home["passes"] / passes) if passes else 50
        return own, 100 - own
    if item.key == "duelWonPercent":
        won = [side["aerialDuelsPercentage"] + side["groundDuelsPercentage"] for side in (home, away)]
        own = round(100 * won[0] / sum(won)) if sum(won) else 50
        return own, 100 - own
    if item.key == "wonTacklePercent":
        return home["wonTackles"], away["wonTackles"]
    if item.key not in home or item.key not in away:
        return None
    return home[item.key], away[item.key]


def _text(item: _Item, value: float, side: dict[str, float]) -> str:
    if item.kind == "percent":
        return f"{value}%"
    if item.kind == "share":
        return f"{round(100 * value / max(1, side['totalTackle']))}%"
    if item.kind == "decimal":
        return f"{value:.2f}"
    if item.kind == "ratio":
        total = side[f"{item.key}/total"]
        return f"{value}/{total} ({round(100 * value / total) if total else 0}%)"
    return str(value)


def _apart(total: int, shares: Sequence[float]) -> list[float]:
    """A whole number in whole parts of about these shares."""
    parts: list[float] = []
    reached = before = 0
    upto = 0.0
    for share in shares:
        upto += share
        reached = round(total * upto)
        parts.append(reached - before)
        before = reached
    return parts


def _successes(count: int, of: Sequence[float]) -> list[float]:
    """So many successes over attempts by period, in none of them more than there were attempts."""
    total = sum(of)
    parts: list[float] = []
    before, upto = 0, 0.0
    for attempts in of:
        upto += attempts
        reached = int(count * upto / total) if total else 0
        parts.append(reached - before)
        before = reached
    return parts
