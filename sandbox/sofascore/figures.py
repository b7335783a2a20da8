"""What is counted of every player of a match beside goals and shots, and how he is rated."""

from collections.abc import Callable, Sequence
from math import ceil

from sandbox.sample.chance import Chance
from sandbox.sofascore.sheets import SIDES, Sheet, Shot

Used = dict[bool, list[Sheet]]
"""Players of both sides who were on the pitch, the goalkeeper first."""

_LOWEST_RATING, _HIGHEST_RATING, _CORRECTION = 3.0, 10.0, 0.3
_PER_MINUTE = {"G": 0.31, "D": 0.55, "M": 0.5, "F": 0.28}
_ACCURACY = {"G": 0.7, "D": 0.84, "M": 0.82, "F": 0.75}
_OWN_HALF = {"G": 0.9, "D": 0.6, "M": 0.4, "F": 0.25}
_LONG = {"G": 0.4, "D": 0.12, "M": 0.08, "F": 0.04}
_ATTACK = {"G": 0, "D": 1, "M": 3, "F": 6}
_DEFENCE = {"G": 0, "D": 5, "M": 3, "F": 1}
_LEAST_FOR_A_RATING = 10
# Of a side in 90 minutes: how often it happens, and who does it
_DONE = (
    ("wonContest", 7, "attack"), ("lostContest", 6, "attack"), ("totalOffside", 2, "attack"),
    ("totalCross", 14, "attack"), ("dispossessed", 8, "attack"), ("unsuccessfulTouch", 14, "attack"),
    ("wasFouled", 11, "all"), ("wonTackle", 10, "defence"), ("lostTackle", 6, "defence"),
    ("interceptionWon", 8, "defence"), ("totalClearance", 20, "defence"), ("ballRecovery", 40, "all"),
    ("outfielderBlock", 4, "defence"), ("errorLeadToAShot", 0.4, "defence"), ("clearanceOffLine", 0.15, "defence"),
    ("lastManTackle", 0.1, "defence"), ("challengeLost", 7, "defence"),
)  # fmt: skip
_GROUND_DUELS, _AERIAL_DUELS = 85, 28


def work(used: Used, minutes: int, home_share: float, chance: Chance, *, tracked: bool) -> None:
    """Count everything that players did in a match of so many minutes.

    home_share: of the ball; tracked: cameras measured how they ran.
    """
    draw = chance.random
    pools = {home: _pools(used[home]) for home in SIDES}
    for home in SIDES:
        for figure, mean, pool in _DONE:
            count = mean * minutes / 90 * (0.6 + 0.8 * draw())
            _scatter(pools[home][pool], figure, int(count + draw()), draw)
        for sheet in used[home]:
            _pass(sheet, 2.2 * (home_share if home else 1 - home_share), draw)
    for home in SIDES:
        # What one suffers another one does
        suffered = sum(sheet.figures.get("wasFouled", 0) for sheet in used[home])
        _scatter(pools[not home]["all"], "fouls", suffered + int(draw() * 2), draw)
    _duel(pools, round(_GROUND_DUELS * minutes / 90 * (0.7 + 0.6 * draw())), chance, aerial=False)
    _duel(pools, round(_AERIAL_DUELS * minutes / 90 * (0.7 + 0.6 * draw())), chance, aerial=True)
    for sheet in [*used[True], *used[False]]:
        _total(sheet, chance)
        if tracked:
            _run(sheet, draw)


def keep(keeper: Sheet, faced: Sequence[Shot], chance: Chance) -> None:
    """Count what a goalkeeper did. faced: the other side's shots on target."""
    draw, figures = chance.random, keeper.figures
    conceded = sum(shot.kind == "goal" for shot in faced)
    figures["goalsPrevented"] = round(sum(shot.xgot for shot in faced) - conceded, 4)
    figures["keeperSaveValue"] = round(figures.get("saves", 0) * 0.2 * draw(), 4)
    figures["goalkeeperValueNormalized"] = round((draw() - 0.5) * 0.8, 2)
    for figure, most in (("punches", 2), ("goodHighClaim", 3), ("totalKeeperSweeper", 3)):
        figures[figure] = int(draw() * most)
    figures["accurateKeeperSweeper"] = int(figures["totalKeeperSweeper"] * draw() + 0.5)


def rate(used: Used, corrections: int, chance: Chance) -> None:
    """Rate those who played long enough; of the ratings so many were corrected since."""
    sheets = [*used[True], *used[False]]
    rated = []
    for sheet in sheets:
        figures = sheet.figures
        rating = 6.2 + sheet.player.quality * 0.4 + (chance.random() - 0.5) * 1.4
        rating += figures.get("goals", 0) * 0.9 + figures.get("goalAssist", 0) * 0.5
        rating -= figures.get("ownGoals", 0) * 0.8 + figures.get("penaltyMiss", 0) * 0.6
        if sheet.minutes >= _LEAST_FOR_A_RATING:
            figures["rating"] = _rating(rating)
            rated.append(figures)
    for _ in range(corrections if rated else 0):
        figures = chance.choice(rated)
        up = figures["rating"] + _CORRECTION <= _HIGHEST_RATING
        figures["rating"] = _rating(figures["rating"] + (_CORRECTION if up else -_CORRECTION))


def _duel(pools: dict[bool, dict[str, list[Sheet]]], count: int, chance: Chance, *, aerial: bool) -> None:
    draw = chance.random
    for _ in range(count):
        home = chance.happens(0.5)
        winners, losers = pools[home]["all"], pools[not home]["all"]
        won, lost = winners[int(draw() * len(winners))], losers[int(draw() * len(losers))]
        won.add("duelWon")
        lost.add("duelLost")
        if aerial:
            won.add("aerialWon")
            lost.add("aerialLost")


def _total(sheet: Sheet, chance: Chance) -> None:
    """Figures that follow from a player's others."""
    draw, figures = chance.random, sheet.figures
    figures["totalContest"] = figures.get("wonContest", 0) + figures.pop("lostContest", 0)
    figures["totalTackle"] = figures.get("wonTackle", 0) + figures.pop("lostTackle", 0)
    crosses = figures.get("totalCross", 0)
    figures["accurateCross"] = int(crosses * 0.3 + draw()) if crosses else 0
    if chance.happens(0.03):
        sheet.add("bigChanceCreated")
    if figures.get("errorLeadToAShot") and chance.happens(0.2):
        figures["errorLeadToAGoal"] = 1
    sheet.add("keyPass", int(draw() ** 2 * 3 * sheet.minutes / 90))
    figures["expectedAssists"] = round(figures["keyPass"] * (0.02 + draw() * 0.12), 6)


def _run(sheet: Sheet, draw: Callable[[], float]) -> None:
    sheet.figures["kilometersCovered"] = round(sheet.minutes * (0.1 + 0.03 * draw()), 2)
    sheet.figures["numberOfSprints"] = int(sheet.minutes * 0.3 * draw())
    sheet.figures["topSpeed"] = round(27 + 8 * draw(), 2)


def _pools(used: list[Sheet]) -> dict[str, list[Sheet]]:
    """Who does a thing: each as often as his position and his minutes have it."""
    return {
        "attack": [s for s in used for _ in range(ceil(_ATTACK[s.position] * s.minutes / 30))],
        "defence": [s for s in used for _ in range(ceil(_DEFENCE[s.position] * s.minutes / 30))],
        "all": [s for s in used for _ in range(1 + s.minutes // (15 if s.position != "G" else 45))],
    }


def _scatter(pool: list[Sheet], figure: str, count: int, draw: Callable[[], float]) -> None:
    size = len(pool)
    for _ in range(count):
        figures = pool[int(draw() * size)].figures
        figures[figure] = figures.get(figure, 0) + 1


def _pass(sheet: Sheet, ball: float, draw: Callable[[], float]) -> None:
    """Passes, touches, carries and what they are worth. ball: how much of it the side had, about 1."""
    figures, position, minutes = sheet.figures, sheet.position, sheet.minutes
    passes = int(minutes * _PER_MINUTE[position] * ball * (0.7 + 0.6 * draw()) + draw())
    accurate = int(passes * min(1.0, _ACCURACY[position] + (draw() - 0.5) * 0.2))
    in_own = int(passes * _OWN_HALF[position] * (0.8 + 0.2 * draw()))
    accurate_in_own = min(in_own, accurate, int(accurate * _OWN_HALF[position] + draw()))
    in_other = passes - in_own
    accurate_in_own += max(0, accurate - accurate_in_own - in_other)
    long = int(passes * _LONG[position] + draw())
    lost = passes - accurate + figures.get("unsuccessfulTouch", 0) + figures.get("dispossessed", 0)
    carries = int(passes * (0.35 + 0.2 * draw()))
    progressive = int(carries * 0.18 * draw())
    far = carries * (4 + 5 * draw())
    figures.update(
        minutesPlayed=minutes,
        totalPass=passes,
        accuratePass=accurate,
        totalOwnHalfPasses=in_own,
        accurateOwnHalfPasses=accurate_in_own,
        totalOppositionHalfPasses=in_other,
        accurateOppositionHalfPasses=accurate - accurate_in_own,
        totalLongBalls=long,
        accurateLongBalls=int(long * (0.3 + 0.4 * draw())),
        touches=int(passes * 1.2) + lost + int(draw() * 5),
        possessionLostCtrl=lost,
        ballCarriesCount=carries,
        totalBallCarriesDistance=round(far, 9),
        totalProgression=round(far * (draw() - 0.2), 9),
        passValueNormalized=round((draw() - 0.4) * 0.8, 2),
        dribbleValueNormalized=round((draw() - 0.4) * 0.6, 2),
        defensiveValueNormalized=round((draw() - 0.5) * 0.6, 2),
    )
    if progressive:
        figures["progressiveBallCarriesCount"] = progressive
        figures["bestBallCarryProgression"] = round(10 + 20 * draw(), 9)
        figures["totalProgressiveBallCarriesDistance"] = round(progressive * 14.5, 9)
    if figures.get("totalShots"):
        figures["shotValueNormalized"] = round((draw() - 0.5) * 0.8, 2)


def _rating(value: float) -> float:
    """A rating as the upstream writes it: one decimal, and 7 for 7.0."""
    rounded = round(min(_HIGHEST_RATING, max(_LOWEST_RATING, value)), 1)
    return int(rounded) if rounded == int(rounded) else rounded
