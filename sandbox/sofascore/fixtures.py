"""Seasons and their fixtures: which competitions and how many teams make up a world of a given size, and when
everything is played.

Past seasons are spread over their months. Of the current ones about a half was played before day 0; then every
day brings its share, and rounds of one competition never fall on the same day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from itertools import chain
from math import log2
from typing import TYPE_CHECKING

from sandbox.sample.chance import pick, rng
from sandbox.sofascore.competitions import Competition, configured
from sandbox.sofascore.people import KEYS_OF_NATION, NATIONAL, People, Team

if TYPE_CHECKING:
    from sandbox.sofascore.outcomes import Outcome

DAY_0 = int(datetime(2026, 11, 17, tzinfo=UTC).timestamp())
DAY = 86_400
HOUR = 3_600
CURRENT_YEAR = 2026
FIRST_MATCH = 10_000_000
SMALLEST = 30
_THREE_FROM = 60

_TWO_DIGITS_SINCE = 1970
_SEASONS_MAX = 5
_YEARS_APART = 2  # seasons of national teams
_PLAYED_SHARE = 0.45
_DAYS_PER_SEASON = 40
_LEAST_PER_DAY = 6
_RECENT_DAYS = 3
_SEASON_DAYS = 95
_SLOTS = (12.5, 13.5, 14, 15, 16.5, 17.5, 18.75, 19, 20, 20.75)
_LATE = (22.65, 23.1, 23.6)
"""Kick-offs, as hours, of matches that are in their second half, half-time or first half at midnight."""

_LEAGUES = tuple((teams * (teams - 1), teams) for teams in range(4, 21, 2))
"""Matches of a double round-robin, and its teams."""
_CUPS = ((8, 1, 1), (18, 2, 1), (30, 2, 2), (38, 4, 1), (62, 4, 2), (78, 8, 1), (126, 8, 2))
"""Matches of a cup, its groups of four, and how often teams of a group meet."""
_CLUBS_OF_LEAGUE = 22
_LEAGUE_WEIGHT_FALLS, _CUP_WEIGHT = 0.05, 0.3

_KNOCKOUT = {
    16: (5, "Round of 16", 2),
    8: (27, "Quarterfinals", 2),
    4: (28, "Semifinals", 2),
    2: (29, "Final", 1),
}
"""By teams left: round, its name, and legs."""
_SEMIFINALISTS = 4
_THIRD_PLACE = (50, "Match for 3rd place", 1)

# What befalls a few past matches of leagues and groups, and how many of 1,000
_FATES = {60: 2, 70: 2, 80: 2, 90: 3, 91: 2}


@dataclass(eq=False, slots=True)
class Season:
    """A season with matches. begin: the year in which it began.

    without_lineups: no match of it has any; fixtures: in the order of their numbers.
    """

    competition: Competition
    begin: int
    current: bool
    without_lineups: bool = False
    fixtures: list[Fixture] = field(default_factory=list)

    @property
    def id(self) -> int:
        """Its number."""
        return season_id(self.competition, self.begin)


@dataclass(eq=False, slots=True)
class Fixture:
    """A match as planned. group: 1 is Group A, 0 none; stage: 0, then one more for each knock-out round; leg: 0
    where there is only one; decides: it must have a winner; fate: a status code that it ends in for certain; wish:
    the one that a decision ends in, if not 0; announced: when its teams are known."""

    id: int
    season: Season
    round: int
    home: Team
    away: Team
    round_name: str = ""
    group: int = 0
    stage: int = 0
    leg: int = 0
    decides: bool = False
    first_leg: Fixture | None = None
    fate: int = 0
    wish: int = 0
    kickoff: int = 0
    announced: int = 0


def season_id(competition: Competition, begin: int) -> int:
    """Number of a competition's season."""
    return competition.id * 1000 + begin - 1900


def spelled(competition: Competition, begin: int) -> str:
    """A season as the upstream spells it."""
    if competition.calendar_year:
        return str(begin)
    if begin < _TWO_DIGITS_SINCE:
        return f"{begin}/{begin + 1}"
    return f"{begin % 100:02d}/{(begin + 1) % 100:02d}"


class Plan:
    """The seasons of a world and their fixtures, `size` in all."""

    def __init__(self, size: int, seed: int, people: People, play: Callable[[Fixture], Outcome]) -> None:
        """play: how a match ends, asked for of groups and knock-out rounds."""
        self.seed = seed
        self.people = people
        self._play = play
        self.fixtures: list[Fixture] = []
        self.seasons: list[Season] = []
        for shape in _shapes(size):
            self._draw(shape)
        self._settle_fates(size)
        self._schedule_past()
        self._schedule_current()
        for season in self.seasons:
            _announce(season)

    # --- who meets whom

    def _draw(self, shape: _Shape) -> None:
        season = Season(shape.competition, shape.begin, shape.begin == CURRENT_YEAR, shape.without_lineups)
        self.seasons.append(season)
        if shape.competition.form == "league":
            self._league(season, shape.matches)
        elif shape.competition.form == "cup":
            self._cup(season, shape)
        else:
            self._pair(season, _KNOCKOUT[2], 1, *self._entrants(season, 2))

    def _add(self, season: Season, number: int, home: Team, away: Team) -> Fixture:
        fixture = Fixture(FIRST_MATCH + len(self.fixtures), season, number, home, away)
        self.fixtures.append(fixture)
        season.fixtures.append(fixture)
        return fixture

    def _league(self, season: Season, matches: int) -> None:
        teams = next(teams for full, teams in _LEAGUES if full >= matches)
        competition = season.competition
        first = competition.nation * KEYS_OF_NATION + competition.ordinal % 2 * _CLUBS_OF_LEAGUE
        # Two of the clubs are not those of the season before
        promoted = (season.begin % 3, (season.begin + 1) % 3)
        keys = [*range(teams - 2), *(teams - 2 + each for each in promoted)]
        clubs = [self.people.team(first + key) for key in keys]
        rng(self.seed, "draw", season.id).shuffle(clubs)
        rounds = list(_round_robin(clubs))
        returns = [[(away, home) for home, away in pairs] for pairs in rounds]
        games = [
            (number, *pair) for number, pairs in enumerate([*rounds, *returns], start=1) for pair in pairs
        ]
        for number, home, away in games[:matches]:  # later rounds of a current season are not drawn yet
            self._add(season, number, home, away)

    def _cup(self, season: Season, shape: _Shape) -> None:
        _, groups, meetings = next(cup for cup in _CUPS if cup[0] >= shape.matches)
        teams = self._entrants(season, 4 * groups)
        winners: list[Team] = []
        seconds: list[Team] = []
        for group in range(groups):
            table = self._group(season, group + 1, teams[group::groups], meetings)
            winners.append(table[0])
            seconds.append(table[1])
            last = table[2:]
        stage = 1
        if groups == 1:
            self._pair(season, _THIRD_PLACE, stage, *last)
        # A group's winner meets the second of the next one
        left = [team for n in range(groups) for team in (winners[n], seconds[(n + 1) % groups])]
        while len(left) > 1:
            pairs = list(zip(left[::2], left[1::2], strict=True))
            if len(pairs) == 1:
                self._pair(season, _KNOCKOUT[2], stage, *left)
                return
            through = [self._pair(season, _KNOCKOUT[len(left)], stage, *pair) for pair in pairs]
            if len(left) == _SEMIFINALISTS:
                beaten = [team for team in left if team not in through]
                self._pair(season, _THIRD_PLACE, stage + 1, *beaten)
            left = through
            stage += 1

    def _entrants(self, season: Season, count: int) -> list[Team]:
        nations = season.competition.nations()
        shift = season.begin // _YEARS_APART if season.competition.national else 0
        rotated = [nations[(number + shift) % len(nations)] for number in range(len(nations))]
        numbers = [NATIONAL] if season.competition.national else range(KEYS_OF_NATION)
        keys = [nation * KEYS_OF_NATION + number for number in numbers for nation in rotated]
        teams = [self.people.team(key) for key in keys[:count]]
        rng(self.seed, "draw", season.id).shuffle(teams)
        return teams

    def _group(self, season: Season, group: int, teams: list[Team], meetings: int) -> list[Team]:
        """Draw a group and play it; its teams, the best one first."""
        points: dict[int, float] = {team.key: pick(1000, self.seed, team.key) / 1e6 for team in teams}
        rounds = list(_round_robin(teams))
        if meetings > 1:
            rounds += [[(away, home) for home, away in pairs] for pairs in rounds]
        for number, pairs in enumerate(rounds, start=1):
            for home, away in pairs:
                fixture = self._add(season, number, home, away)
                fixture.group = group
                ended = self._play(fixture)
                difference = (ended.count(True) - ended.count(False)) / 1000
                points[home.key] += {1: 3, 3: 1}.get(ended.winner or 0, 0) + difference
                points[away.key] += {2: 3, 3: 1}.get(ended.winner or 0, 0) - difference
        return sorted(teams, key=lambda team: -points[team.key])

    def _pair(self, season: Season, of: tuple[int, str, int], stage: int, one: Team, other: Team) -> Team:
        """Draw a tie and play it; the winner."""
        number, name, legs = of
        first: Fixture | None = None
        if legs > 1:
            first = self._add(season, number, other, one)
            first.round_name, first.stage, first.leg = name, stage, 1
        last = self._add(season, number, one, other)
        last.round_name, last.stage, last.leg = name, stage, 2 if first else 0
        last.decides, last.first_leg = True, first
        if not season.current:
            last.wish = (
                {_KNOCKOUT[2][0]: 120, _THIRD_PLACE[0]: 110}.get(number, 0)
                if self._is_first_cup(season)
                else 0
            )
        ended = self._play(last)
        if ended.kicks or not first:
            return one if ended.winner == 1 else other
        before = self._play(first)
        ahead = ended.count(True) + before.count(False) - ended.count(False) - before.count(True)
        return one if ahead > 0 else other

    def _is_first_cup(self, season: Season) -> bool:
        """Whether it is the first finished season of a cup: in it every kind of decision occurs."""
        return next(
            each is season for each in self.seasons if each.competition.form == "cup" and not each.current
        )

    def _settle_fates(self, size: int) -> None:
        """Let a few finished league matches come to a particular end."""
        finished = [
            fixture
            for season in self.seasons
            if not season.current and season.competition.form == "league"
            for fixture in season.fixtures
        ]
        rng(self.seed, "fates").shuffle(finished)
        for fate, share in _FATES.items():
            for _ in range(max(1, round(size * share / 1000))):
                finished.pop().fate = fate

    # --- when

    def _schedule_past(self) -> None:
        for season in self.seasons:
            if season.current:
                continue
            start, days = _months(season.competition, season.begin)
            days_of = list(_matchdays(season))
            for number, fixtures in enumerate(days_of):
                day = start + number * days // len(days_of) * DAY
                for place, fixture in enumerate(fixtures):
                    fixture.kickoff = day + place % 3 * DAY + _at(_SLOTS[pick(len(_SLOTS), fixture.id)])

    def _schedule_current(self) -> None:
        """Place the current seasons' matchdays around day 0, all competitions in turn."""
        past: list[tuple[float, int, list[Fixture]]] = []
        coming: list[tuple[float, int, list[Fixture]]] = []
        current = [season for season in self.seasons if season.current]
        for number, season in enumerate(current):
            days = list(_matchdays(season))
            cut = round(len(days) * _PLAYED_SHARE)
            past += [(cut - k, number, fixtures) for k, fixtures in enumerate(days[:cut])]
            coming += [(k, number, fixtures) for k, fixtures in enumerate(days[cut:])]
        per_day = max(_LEAST_PER_DAY, sum(len(season.fixtures) for season in current) // _DAYS_PER_SEASON)
        for sign, queue in ((1, coming), (-1, past)):
            days_on = _spread(
                ((number, fixtures) for _, number, fixtures in sorted(queue, key=_turn)), per_day
            )
            last = max(days_on, default=1)
            stretch = max(1.0, (_SEASON_DAYS - _RECENT_DAYS) / max(1, last - _RECENT_DAYS))
            for day, fixtures in days_on.items():
                offset = day
                if sign < 0 and day > _RECENT_DAYS:
                    offset = _RECENT_DAYS + round((day - _RECENT_DAYS) * stretch)
                start = DAY_0 + (day * DAY if sign > 0 else -(offset + 1) * DAY)
                _place(start, day, fixtures, per_day)


@dataclass(slots=True)
class _Shape:
    """A season before its fixtures are drawn."""

    competition: Competition
    begin: int
    steps: Sequence[int]
    weight: float
    step: int = 0
    trimmed: int = 0
    without_lineups: bool = False

    @property
    def matches(self) -> int:
        return self.steps[self.step] + self.trimmed

    @property
    def growth(self) -> int | None:
        return self.steps[self.step + 1] - self.steps[self.step] if self.step + 1 < len(self.steps) else None


def _shapes(size: int) -> list[_Shape]:
    """Seasons with `size` matches in all: more competitions, more seasons and more teams for a greater world."""
    if size < SMALLEST:
        raise ValueError(f"size is {size}; a sample holds at least {SMALLEST} matches")
    growth = log2(max(1.0, size / 240))
    competitions = configured()[: round(3 * 2 ** (growth * 0.69))]
    if size < _THREE_FROM:  # a league and a cup
        competitions = [competitions[0], next(each for each in competitions if each.form == "cup")]
    seasons = min(_SEASONS_MAX, 2 + round(growth / 2))
    shapes = [shape for ago in (1, 0, *range(2, seasons)) for shape in _seasons_of(competitions, ago)]
    kept: list[_Shape] = []
    left = size
    for shape in shapes:
        if shape.matches <= left + 2:  # so few that the last rounds of a season can do without them
            kept.append(shape)
            left -= shape.matches
    grown = [(shape.matches / shape.weight, number) for number, shape in enumerate(kept)]
    heapify(grown)
    while grown:
        _, number = heappop(grown)
        shape = kept[number]
        if shape.growth is not None and shape.growth <= left:
            left -= shape.growth
            shape.step += 1
            heappush(grown, (shape.matches / shape.weight, number))
    _fill(kept, left, size)
    leagues = [shape for shape in kept if shape.competition.form == "league" and shape.begin < CURRENT_YEAR]
    second = [shape for shape in leagues if shape.competition is not leagues[0].competition]
    if size >= _THREE_FROM:
        second[0].without_lineups = True
    return sorted(kept, key=lambda shape: (competitions.index(shape.competition), -shape.begin))


def _seasons_of(competitions: list[Competition], ago: int) -> Iterator[_Shape]:
    """The seasons so many before the current ones."""
    for number, competition in enumerate(competitions):
        begin = CURRENT_YEAR - ago * (_YEARS_APART if competition.national else 1)
        if begin <= CURRENT_YEAR - _SEASONS_MAX:
            continue
        steps, weight = [1], 1.0
        if competition.form == "league":
            steps, weight = [matches for matches, _ in _LEAGUES], 1 / (1 + _LEAGUE_WEIGHT_FALLS * number)
        elif competition.form == "cup":
            most = len(competition.nations()) * (1 if competition.national else 16)
            steps, weight = [cup[0] for cup in _CUPS if 4 * cup[1] <= most], _CUP_WEIGHT
        yield _Shape(competition, begin, steps, weight)


def _fill(shapes: list[_Shape], left: int, size: int) -> None:
    """Let a current league have so many more or fewer rounds that the size is met."""
    for shape in shapes:
        league = shape.competition.form == "league" and shape.begin == CURRENT_YEAR
        if league and (left < 0 or (shape.growth is not None and left < shape.growth) or not left):
            if left > 0:
                shape.step += 1
                left -= shape.steps[shape.step] - shape.steps[shape.step - 1]
            shape.trimmed = left
            return
    most = sum(shape.steps[-1] for shape in shapes)
    raise ValueError(f"size is {size:,}; the configured competitions have at most {most:,} matches")


def _round_robin(teams: Sequence[Team]) -> Iterator[list[tuple[Team, Team]]]:
    """Rounds in which everybody meets everybody once, by the circle method; home and away take turns."""
    circle = list(teams)
    half = len(circle) // 2
    for number in range(len(circle) - 1):
        pairs = list(zip(circle[:half], reversed(circle[half:]), strict=True))
        yield [(away, home) if (number + k) % 2 else (home, away) for k, (home, away) in enumerate(pairs)]
        circle.insert(1, circle.pop())


def _matchdays(season: Season) -> Iterator[list[Fixture]]:
    """The season's fixtures by the days on which they fall, in order; both legs of a tie fall on different ones."""
    days: dict[tuple[int, int, int], list[Fixture]] = defaultdict(list)
    for fixture in season.fixtures:
        days[fixture.stage, fixture.round if not fixture.stage else 0, fixture.leg].append(fixture)
    for key in sorted(days):
        yield days[key]


def _months(competition: Competition, begin: int) -> tuple[int, int]:
    """When a season began, and over how many days its matchdays are spread."""
    if competition.national:
        return _stamp(begin, 6, 4), 36
    if competition.calendar_year:
        return _stamp(begin, 2, 21), 275
    return _stamp(begin, 8, 8), 278


def _turn(entry: tuple[float, int, list[Fixture]]) -> tuple[float, int]:
    return entry[0], entry[1]


def _spread(queue: Iterable[tuple[int, list[Fixture]]], per_day: int) -> dict[int, list[Fixture]]:
    """Days from 0 on and their fixtures: at most so many a day, a season's next matchday after its last one."""
    days: dict[int, list[Fixture]] = defaultdict(list)
    free: dict[int, int] = defaultdict(int)
    for season, fixtures in queue:
        day = free[season]
        for fixture in fixtures:
            while len(days[day]) >= per_day:
                day += 1
            days[day].append(fixture)
        free[season] = day + 1
    return {day: fixtures for day, fixtures in days.items() if fixtures}


def _place(start: int, day: int, fixtures: list[Fixture], per_day: int) -> None:
    """Give a day's fixtures their kick-offs; the last ones are under way at midnight."""
    late = len(_LATE) if len(fixtures) >= _LEAST_PER_DAY else 1
    for place, fixture in enumerate(fixtures):
        from_end = len(fixtures) - 1 - place
        if from_end < late and not fixture.stage:
            hour = _LATE[(from_end if late > 1 else day) % len(_LATE)]
        else:
            hour = _SLOTS[place * len(_SLOTS) // max(per_day, len(fixtures))]
        fixture.kickoff = start + _at(hour)


def _announce(season: Season) -> None:
    """Let the teams of a knock-out round be known when the stage before it is over."""
    over: dict[int, int] = defaultdict(int)
    for fixture in season.fixtures:
        over[fixture.stage] = max(over[fixture.stage], fixture.kickoff + 3 * HOUR)
    for fixture in season.fixtures:
        if fixture.stage:
            fixture.announced = max(chain([0], (at for stage, at in over.items() if stage < fixture.stage)))


def _at(hour: float) -> int:
    return round(hour * 60) * 60


def _stamp(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())
