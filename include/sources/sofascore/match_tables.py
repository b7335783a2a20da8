"""The tables that hold what SofaScore says of each match. What is computed from them stands in derived_tables.py.

Rows of these tables come from one match each and are replaced together when the match is asked for again, but for
teams, players and managers, whose rows are as the upstream called them last.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from include.storage.tables import CONTENT_HASH, Column, Table

TEXT = pa.string()
NUMBER = pa.float64()
COUNT = pa.int32()
ID = pa.int64()
FLAG = pa.bool_()
TIME = pa.timestamp("us", tz="UTC")
DATE = pa.date32()

MATCH = Column("match_id", ID, "SofaScore's number of the match (event id).", True)
COMPETITION = Column(
    "competition_id", ID, "SofaScore's number of the competition (unique tournament id).", True
)
SEASON = Column("season_id", ID, "SofaScore's number of the competition's season.", True)
SEASON_YEAR = Column("season_year", COUNT, "Year in which the season began, e.g. 2025 for 2025-26.", True)
SIDE = Column("side", TEXT, "home or away.", True, of_thing=True)
PLAYER = Column("player_id", ID, "SofaScore's number of the player.", True)
TEAM = Column("team_id", ID, "SofaScore's number of the team.", True)
TEAM_NAME = Column("team_name", TEXT, "The team's name in teams.", True, of_thing=True)

PARTS = (
    "event",
    "lineups",
    "statistics",
    "incidents",
    "managers",
    "graph",
    "shotmap",
    "best_players",
    "head_to_head",
)
"""What is asked for of each match."""

STATES = {
    0: "scheduled",
    6: "live",
    7: "live",
    20: "live",
    31: "live",
    41: "live",
    42: "live",
    60: "postponed",
    70: "canceled",
    80: "interrupted",
    90: "abandoned",
    91: "walkover",
    100: "ended",
    110: "after_extra_time",
    120: "after_penalties",
}
"""What the upstream's status codes mean (contract, event)."""
STATES_OF_TYPES = {
    "notstarted": "scheduled",
    "inprogress": "live",
    "finished": "ended",
    "postponed": "postponed",
    "canceled": "canceled",
    "interrupted": "interrupted",
    "suspended": "interrupted",
}
"""What the upstream's types of status mean, of which each has several codes."""


def state_of(code: int, type_: str | None) -> str:
    """What a status means: by its code, else by its type; `unknown` where nobody knows either."""
    return STATES.get(code) or STATES_OF_TYPES.get(type_ or "", "unknown")


PLAYED = frozenset({"ended", "after_extra_time", "after_penalties"})
"""States of matches that were played to their end: these count in every statistic."""


class Statistic(NamedTuple):
    """A figure of the upstream: column, the upstream's key, meaning with unit, whether it is a whole number."""

    column: str
    key: str
    meaning: str
    whole: bool = True

    @property
    def declared(self) -> Column:
        """Its column."""
        return Column(self.column, COUNT if self.whole else NUMBER, self.meaning)


PLAYER_STATISTICS = (
    Statistic("minutes_played", "minutesPlayed", "Minutes on the pitch; null where he was not used."),
    Statistic("rating", "rating", "SofaScore rating, 1 to 10.", False),
    Statistic("goals", "goals", "Goals, own goals not among them."),
    Statistic("assists", "goalAssist", "Passes that led to a goal."),
    Statistic("own_goals", "ownGoals", "Own goals."),
    Statistic("expected_goals", "expectedGoals", "Expected goals (xG) of his shots.", False),
    Statistic(
        "expected_goals_on_target", "expectedGoalsOnTarget", "Expected goals of his shots on target.", False
    ),
    Statistic("expected_assists", "expectedAssists", "Expected assists (xA) of his passes.", False),
    Statistic("shots", "totalShots", "Shots of every kind."),
    Statistic("shots_on_target", "onTargetScoringAttempt", "Shots on target."),
    Statistic("shots_off_target", "shotOffTarget", "Shots off target."),
    Statistic("shots_blocked", "blockedScoringAttempt", "Shots that an opponent blocked."),
    Statistic("woodwork_hits", "hitWoodwork", "Shots against post or bar."),
    Statistic("big_chances_created", "bigChanceCreated", "Big chances created for others."),
    Statistic("big_chances_missed", "bigChanceMissed", "Big chances missed."),
    Statistic("key_passes", "keyPass", "Passes that led to a shot."),
    Statistic("passes", "totalPass", "Passes tried."),
    Statistic("accurate_passes", "accuratePass", "Passes that arrived."),
    Statistic("long_balls", "totalLongBalls", "Long balls tried."),
    Statistic("accurate_long_balls", "accurateLongBalls", "Long balls that arrived."),
    Statistic("crosses", "totalCross", "Crosses tried."),
    Statistic("accurate_crosses", "accurateCross", "Crosses that arrived."),
    Statistic("own_half_passes", "totalOwnHalfPasses", "Passes tried in his own half."),
    Statistic("accurate_own_half_passes", "accurateOwnHalfPasses", "Passes in his own half that arrived."),
    Statistic("opposition_half_passes", "totalOppositionHalfPasses", "Passes tried in the other half."),
    Statistic(
        "accurate_opposition_half_passes",
        "accurateOppositionHalfPasses",
        "Passes in the other half that arrived.",
    ),
    Statistic("touches", "touches", "Touches of the ball."),
    Statistic("bad_touches", "unsuccessfulTouch", "Touches that lost the ball."),
    Statistic("possession_lost", "possessionLostCtrl", "Times he lost the ball."),
    Statistic("dispossessed", "dispossessed", "Times an opponent took the ball from him."),
    Statistic("dribbles", "totalContest", "Dribbles tried."),
    Statistic("dribbles_won", "wonContest", "Dribbles that succeeded."),
    Statistic("duels_won", "duelWon", "Duels won."),
    Statistic("duels_lost", "duelLost", "Duels lost."),
    Statistic("aerial_duels_won", "aerialWon", "Duels in the air won."),
    Statistic("aerial_duels_lost", "aerialLost", "Duels in the air lost."),
    Statistic("dribbled_past", "challengeLost", "Times an opponent dribbled past him."),
    Statistic("fouls_won", "wasFouled", "Fouls on him."),
    Statistic("fouls", "fouls", "Fouls by him."),
    Statistic("offsides", "totalOffside", "Times offside."),
    Statistic("tackles", "totalTackle", "Tackles."),
    Statistic("tackles_won", "wonTackle", "Tackles that won the ball."),
    Statistic("last_man_tackles", "lastManTackle", "Tackles as the last man."),
    Statistic("interceptions", "interceptionWon", "Interceptions."),
    Statistic("clearances", "totalClearance", "Clearances."),
    Statistic("clearances_off_line", "clearanceOffLine", "Clearances off the line."),
    Statistic("blocks", "outfielderBlock", "Shots of opponents blocked."),
    Statistic("ball_recoveries", "ballRecovery", "Loose balls won."),
    Statistic("errors_leading_to_shot", "errorLeadToAShot", "Errors that led to a shot."),
    Statistic("errors_leading_to_goal", "errorLeadToAGoal", "Errors that led to a goal."),
    Statistic("penalties_won", "penaltyWon", "Penalties won."),
    Statistic("penalties_conceded", "penaltyConceded", "Penalties caused."),
    Statistic("penalties_missed", "penaltyMiss", "Penalties missed."),
    Statistic("penalties_faced", "penaltyFaced", "Penalties faced as goalkeeper."),
    Statistic("penalties_saved", "penaltySave", "Penalties saved as goalkeeper."),
    Statistic("saves", "saves", "Saves."),
    Statistic("saves_inside_box", "savedShotsFromInsideTheBox", "Saves of shots from inside the box."),
    Statistic("punches", "punches", "Balls punched away."),
    Statistic("high_claims", "goodHighClaim", "High balls caught."),
    Statistic("sweeper_runs", "totalKeeperSweeper", "Times the goalkeeper came out to sweep."),
    Statistic("accurate_sweeper_runs", "accurateKeeperSweeper", "Times he did so with success."),
    Statistic(
        "goals_prevented", "goalsPrevented", "Expected goals on target faced less goals let in.", False
    ),
    Statistic("save_value", "keeperSaveValue", "Value of the saves, in goals.", False),
    Statistic("ball_carries", "ballCarriesCount", "Carries of the ball."),
    Statistic("ball_carries_distance", "totalBallCarriesDistance", "Metres carried.", False),
    Statistic("progressive_carries", "progressiveBallCarriesCount", "Carries towards the other goal."),
    Statistic(
        "progressive_carries_distance",
        "totalProgressiveBallCarriesDistance",
        "Metres of those carries.",
        False,
    ),
    Statistic("best_carry_progression", "bestBallCarryProgression", "Metres won by his best carry.", False),
    Statistic("progression", "totalProgression", "Metres won towards the other goal.", False),
    Statistic("shot_value", "shotValueNormalized", "SofaScore's value of his shots, about -1 to 1.", False),
    Statistic("pass_value", "passValueNormalized", "SofaScore's value of his passes, about -1 to 1.", False),
    Statistic(
        "dribble_value", "dribbleValueNormalized", "SofaScore's value of his dribbles, about -1 to 1.", False
    ),
    Statistic(
        "defensive_value",
        "defensiveValueNormalized",
        "SofaScore's value of his defending, about -1 to 1.",
        False,
    ),
    Statistic(
        "goalkeeper_value",
        "goalkeeperValueNormalized",
        "SofaScore's value of his goalkeeping, about -1 to 1.",
        False,
    ),
    Statistic("top_speed", "topSpeed", "Top speed in km/h.", False),
    Statistic("distance_covered", "kilometersCovered", "Kilometres covered.", False),
    Statistic("sprints", "numberOfSprints", "Sprints."),
)
"""Figures of a player in a match, from lineups[].players[].statistics. A key that is absent is null, which the
upstream means as none of it where the match is covered at all; `refused` has those that are null for another reason."""

TEAM_STATISTICS = (
    Statistic("possession", "ballPossession", "Share of the ball in percent, 0 to 100.", False),
    Statistic("expected_goals", "expectedGoals", "Expected goals (xG).", False),
    Statistic("big_chances", "bigChanceCreated", "Big chances."),
    Statistic("big_chances_scored", "bigChanceScored", "Big chances that were scored."),
    Statistic("big_chances_missed", "bigChanceMissed", "Big chances that were missed."),
    Statistic("shots", "totalShotsOnGoal", "Shots of every kind."),
    Statistic("shots_on_target", "shotsOnGoal", "Shots on target."),
    Statistic("shots_off_target", "shotsOffGoal", "Shots off target."),
    Statistic("shots_blocked", "blockedScoringAttempt", "Shots that were blocked."),
    Statistic("shots_inside_box", "totalShotsInsideBox", "Shots from inside the box."),
    Statistic("shots_outside_box", "totalShotsOutsideBox", "Shots from outside the box."),
    Statistic("woodwork_hits", "hitWoodwork", "Shots against post or bar."),
    Statistic("saves", "goalkeeperSaves", "Saves."),
    Statistic("corners", "cornerKicks", "Corner kicks."),
    Statistic("fouls", "fouls", "Fouls."),
    Statistic("free_kicks", "freeKicks", "Free kicks."),
    Statistic("yellow_cards", "yellowCards", "Yellow cards."),
    Statistic("red_cards", "redCards", "Red cards."),
    Statistic("offsides", "offsides", "Times offside."),
    Statistic("passes", "passes", "Passes tried."),
    Statistic("accurate_passes", "accuratePasses", "Passes that arrived."),
    Statistic("through_balls", "accurateThroughBall", "Through balls that arrived."),
    Statistic("box_touches", "touchesInOppBox", "Touches in the other penalty area."),
    Statistic("final_third_fouls_won", "fouledFinalThird", "Fouls won in the final third."),
    Statistic("final_third_entries", "finalThirdEntries", "Entries into the final third."),
    Statistic("throw_ins", "throwIns", "Throw-ins."),
    Statistic("dispossessed", "dispossessed", "Times an opponent took the ball."),
    Statistic("duels_won_percent", "duelWonPercent", "Duels won in percent, 0 to 100.", False),
    Statistic("tackles", "totalTackle", "Tackles."),
    # Only its text is a percentage; homeValue is their number.
    Statistic("tackles_won", "wonTacklePercent", "Tackles that won the ball."),
    Statistic("interceptions", "interceptionWon", "Interceptions."),
    Statistic("ball_recoveries", "ballRecovery", "Loose balls won."),
    Statistic("clearances", "totalClearance", "Clearances."),
    Statistic("errors_leading_to_shot", "errorsLeadToShot", "Errors that led to a shot."),
    Statistic("errors_leading_to_goal", "errorsLeadToGoal", "Errors that led to a goal."),
    Statistic(
        "goals_prevented", "goalsPrevented", "Expected goals on target faced less goals let in.", False
    ),
    Statistic("high_claims", "highClaims", "High balls caught."),
    Statistic("big_saves", "diveSaves", "Big saves."),
    Statistic("punches", "punches", "Balls punched away."),
    Statistic("goal_kicks", "goalKicks", "Goal kicks."),
)
"""Figures of a team in a period of a match: homeValue or awayValue of the upstream's key."""

TEAM_RATIOS = (
    Statistic("final_third_passes", "finalThirdPhaseStatistic", "Passes in the final third"),
    Statistic("long_balls", "accurateLongBalls", "Long balls"),
    Statistic("crosses", "accurateCross", "Crosses"),
    Statistic("ground_duels", "groundDuelsPercentage", "Duels on the ground"),
    Statistic("aerial_duels", "aerialDuelsPercentage", "Duels in the air"),
    Statistic("dribbles", "dribblesPercentage", "Dribbles"),
)
"""Figures that come as value and total ("38/71 (54%)" is homeValue 38, homeTotal 71): two columns each, COLUMN_won
for the value and COLUMN for the total. The display text is never read (contract, what went wrong, 5)."""


def _ratio_columns() -> tuple[Column, ...]:
    return tuple(
        column
        for ratio in TEAM_RATIOS
        for column in (
            Column(ratio.column, COUNT, f"{ratio.meaning} tried."),
            Column(f"{ratio.column}_won", COUNT, f"{ratio.meaning} that succeeded."),
        )
    )


class Range(NamedTuple):
    """Least and greatest value that a column can hold."""

    least: float
    most: float

    def holds(self, value: float) -> bool:
        """Whether a value is within."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"{self.least} to {self.most}"


COUNTED = Range(0, 500_000)
"""No figure of a match is beyond; what is would overflow the sums of a career."""
MINUTES = Range(0, 130)
"""Two halves, extra time and what is added to them."""
RATING = Range(1, 10)
GOALS = Range(0, 149)
"""149:0 is the highest score there ever was (Madagascar, 2002)."""
PERCENT = Range(0, 100)
CHANCE = Range(0, 1)
"""That a shot is a goal."""
RATING_LABEL = "rating"
"""The label of best_players whose value is a rating."""

RANGES: dict[str, dict[str, Range]] = {
    "matches": {"home_goals": GOALS, "away_goals": GOALS},
    "appearances": {
        **{figure.column: COUNTED for figure in PLAYER_STATISTICS if figure.whole},
        "minutes_played": MINUTES,
        "rating": RATING,
    },
    "match_statistics": {
        **{figure.column: COUNTED for figure in TEAM_STATISTICS if figure.whole},
        **{name: COUNTED for ratio in TEAM_RATIOS for name in (ratio.column, f"{ratio.column}_won")},
        "possession": PERCENT,
        "duels_won_percent": PERCENT,
    },
    "shots": {"xg": CHANCE, "xgot": CHANCE},
    "best_players": {"value": RATING},
}
"""What the upstream may say, by table and column. A value beyond is refused by itself when it is read, since the same
rule in the contract would hold back all competitions; a test keeps both equal. What bounds nothing is not in here."""

SUCCEEDED: dict[str, dict[str, str]] = {
    "appearances": {"accurate_passes": "passes", "dribbles_won": "dribbles"},
    "match_statistics": {"accurate_passes": "passes", "shots_on_target": "shots", "long_balls": "passes"},
}
"""By table: what cannot be more than another column of the row, since published shares would be above 1."""


def _score_columns(side: str) -> tuple[Column, ...]:
    def column(name: str, meaning: str) -> Column:
        return Column(f"{side}_{name}", COUNT, meaning)

    return (
        column("goals", "Goals without a shoot-out; null unless the match has a score."),
        column("goals_period1", "Goals in the first half."),
        column("goals_period2", "Goals in the second half."),
        column("goals_normal_time", "Goals in normal time."),
        column("goals_extra_time", "Goals in extra time, as the upstream sums them up (overtime)."),
        column("goals_extra1", "Goals in the first half of extra time."),
        column("goals_extra2", "Goals in the second half of it; both need not add up to extra time."),
        column("penalties", "Goals in the penalty shoot-out."),
        column("goals_aggregate", "Goals of both legs together."),
        column("red_cards", "Red cards as the event states them; null where it does not."),
    )


COMPETITION_SEASONS = Table(
    "competition_seasons",
    "One row per season of a configured competition of which a match is known.",
    ("competition_id", "season_id"),
    (
        COMPETITION,
        SEASON,
        Column(
            "competition",
            TEXT,
            "Name of the competition, from the list of competitions.",
            True,
            of_thing=True,
        ),
        Column("country", TEXT, "Country, or continent, of the competition.", True, of_thing=True),
        Column("kind", TEXT, "club or national.", True, of_thing=True),
        Column(
            "season",
            TEXT,
            "Season in one spelling: 2025-26, or 2026 where it is one year.",
            True,
            of_thing=True,
        ),
        SEASON_YEAR,
        Column(
            "upstream_year", TEXT, "The season as the upstream spells it, e.g. 25/26, 2026, 1969/1970.", True
        ),
        Column("rounds", COUNT, "Number of rounds that the upstream lists; null where it lists none."),
        Column("current_round", COUNT, "The round that the upstream calls current."),
        Column(
            "checked_at",
            TIME,
            "Data time of the run that last read, or took over, lists of the season.",
            True,
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

MATCHES = Table(
    "matches",
    "One row per match of the configured competitions, also those not played yet, or never.",
    ("match_id",),
    (
        MATCH,
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        Column("tournament_id", ID, "SofaScore's number of the stage or group (tournament id).", True),
        Column("group_name", TEXT, "Group, where the stage is one.", of_thing=True),
        Column("round", COUNT, "Round; null where the match belongs to none."),
        Column("round_name", TEXT, "Name of a knock-out round.", of_thing=True),
        Column("kickoff_at", TIME, "Kick-off, as last announced.", True),
        Column("status_code", COUNT, "The upstream's status code.", True),
        Column(
            "state",
            TEXT,
            "scheduled, live, ended, after_extra_time, after_penalties, postponed, canceled, interrupted, "
            "abandoned, walkover, or unknown for a status that nobody knows.",
            True,
            of_thing=True,
        ),
        Column(
            "played",
            FLAG,
            "Played to its end (ended, after_extra_time, after_penalties); only these count in statistics.",
            True,
        ),
        Column("home_team_id", ID, "The home team.", True),
        Column("away_team_id", ID, "The away team.", True),
        *_score_columns("home"),
        *_score_columns("away"),
        Column("result", TEXT, "H, D or A by the goals without a shoot-out; null unless played."),
        Column(
            "winner",
            TEXT,
            "home, away or draw as the upstream awards it, shoot-outs and walkovers included; null where it does not.",
        ),
        Column("aggregate_winner", TEXT, "home or away: who won over both legs."),
        Column("first_leg_id", ID, "The first leg, where this is the second (previousLegEventId)."),
        Column("venue_id", ID, "SofaScore's number of the venue."),
        Column("venue", TEXT, "Name of the venue, as the match's event said it.", of_thing=True),
        Column("city", TEXT, "City of the venue.", of_thing=True),
        Column("attendance", COUNT, "Spectators."),
        Column("referee_id", ID, "SofaScore's number of the referee."),
        Column("referee", TEXT, "Name of the referee, as the match's event said it."),
        Column("has_xg", FLAG, "The upstream says that it has expected goals."),
        Column("changed_at", TIME, "When the upstream last changed the match (changes.changeTimestamp)."),
        Column(
            "listing_hash", TEXT, "Hash of the entry in the event list; another one means a change.", True
        ),
        Column(
            "checked_at", TIME, "Data time of the run that last asked for the match, or saw it change.", True
        ),
        CONTENT_HASH,
    ),
    serve=True,
    kind=("competition_id", "played"),
)

OF_THE_EVENT = ("venue_id", "venue", "city", "attendance", "referee_id", "referee")
"""Columns of a match that its event tells and no list."""

MATCH_PARTS = Table(
    "match_parts",
    "One row per match and part that was asked for, and how it ended. What is `none` is not asked for again.",
    ("match_id", "part"),
    (
        MATCH,
        Column("part", TEXT, f"One of {', '.join(PARTS)}.", True, of_thing=True),
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        Column(
            "state",
            TEXT,
            "done: it came; none: the upstream has none (404); failed: not answered, what was known stays and the "
            "next run asks again; refused: it came and cannot be read, it is in the quarantine.",
            True,
            of_thing=True,
        ),
        Column("rows", COUNT, "Rows that it gave; 0 where it was empty.", True),
        Column("checked_at", TIME, "Data time of the run that last asked for it.", True),
        Column("error", TEXT, "Why it failed or was refused."),
        CONTENT_HASH,
    ),
    serve=True,
)

TEAMS = Table(
    "teams",
    "One row per team that a match names, each column as the upstream said it last.",
    ("team_id",),
    (
        TEAM,
        Column("name", TEXT, "Name of the team.", True, of_thing=True),
        Column("short_name", TEXT, "Short name."),
        Column("code", TEXT, "Code of three letters."),
        Column("slug", TEXT, "Name as in the upstream's addresses."),
        Column("country", TEXT, "Country."),
        Column("gender", TEXT, "M or F."),
        Column("national", FLAG, "A national team."),
        Column("seen_at", TIME, "Kick-off of the newest match that names the team.", True),
        CONTENT_HASH,
    ),
    serve=True,
)

PLAYERS = Table(
    "players",
    "One row per player that any part of a match names (line-ups, incidents, shots, best players), each column as the "
    "upstream said it last.",
    ("player_id",),
    (
        PLAYER,
        Column("name", TEXT, "Name of the player.", True),
        Column("short_name", TEXT, "Short name."),
        Column("slug", TEXT, "Name as in the upstream's addresses."),
        Column("position", TEXT, "Usual position: G, D, M or F."),
        Column("country", TEXT, "Country."),
        Column("born_on", DATE, "Date of birth."),
        Column("height", COUNT, "Height in centimetres."),
        Column("gender", TEXT, "M or F."),
        Column(
            "seen_at",
            TIME,
            "Kick-off of the newest match that names the player.",
            True,
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

APPEARANCES = Table(
    "appearances",
    "One row per match and player in its line-ups, those on the bench included.",
    ("match_id", "player_id"),
    (
        MATCH,
        PLAYER,
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        Column("team_id", ID, "The team he was lined up for, not his club in internationals.", True),
        SIDE,
        Column("position", TEXT, "Position in this match: G, D, M or F."),
        Column("shirt_number", COUNT, "Number on the shirt."),
        Column("started", FLAG, "In the starting eleven.", True),
        Column(
            "played", FLAG, "Was on the pitch as far as known: started, or minutes above 0 are stated.", True
        ),
        Column("captain", FLAG, "Captain.", True),
        *(statistic.declared for statistic in PLAYER_STATISTICS),
        Column(
            "refused",
            pa.list_(TEXT),
            "Columns that are null because what came for them cannot be (see the quarantine); null where none is.",
            of_thing=True,
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

INCIDENTS = Table(
    "incidents",
    "One row per incident of a match, in the order in which they happened.",
    ("match_id", "position"),
    (
        MATCH,
        Column("position", COUNT, "1 is the first incident of the match.", True),
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        Column("incident_id", ID, "SofaScore's number of the incident; periods and injury time have none."),
        Column(
            "type",
            TEXT,
            "period, goal, card, substitution, injuryTime, varDecision, inGamePenalty, penaltyShootout; others as "
            "received.",
            True,
        ),
        Column(
            "class",
            TEXT,
            "Of goals regular, penalty, ownGoal; of cards yellow, yellowRed, red; of VAR decisions what was decided; "
            "of a shoot-out scored or missed.",
        ),
        Column("minute", COUNT, "Minute; -5 for a card on the bench; null in a shoot-out."),
        Column("added_minute", COUNT, "Minute of added time; null where the upstream means none (999)."),
        Column("side", TEXT, "home or away; of an own goal the side that it counts for."),
        Column("team_id", ID, "The team of that side."),
        Column(
            "player_id", ID, "The player; of a substitution the one who comes in. Null where none is named."
        ),
        Column("player_out_id", ID, "The player who goes out in a substitution."),
        Column("assist_id", ID, "The player who assisted a goal."),
        Column("player_name", TEXT, "Name where no player is given (a manager's card)."),
        Column("home_goals", COUNT, "Score afterwards, home; of a shoot-out its running score."),
        Column("away_goals", COUNT, "Score afterwards, away; of a shoot-out its running score."),
        Column("text", TEXT, "Of a period HT, FT, ET or PEN."),
        Column("scored_from", TEXT, "How a goal was scored, as received (field `from`)."),
        Column("reason", TEXT, "Reason of a card or of a missed penalty, as received."),
        Column("confirmed", FLAG, "Whether a VAR decision confirmed what the referee had decided."),
        Column(
            "rescinded",
            FLAG,
            "A card that was taken back: it stands here and is none, but who had left the pitch by then was sent off.",
        ),
        Column("injury", FLAG, "A substitution because of an injury."),
        Column("length", COUNT, "Minutes of injury time that were shown."),
        Column("sequence", COUNT, "Number of the kick in a shoot-out."),
        CONTENT_HASH,
    ),
    serve=True,
)

SHOTS = Table(
    "shots",
    "One row per shot of a match. Coordinates are percent of the pitch, seen from the goal that is shot at. An own "
    "goal stands here too (goal_type own), and is nobody's shot: leave it out where you count the shots of a team.",
    ("match_id", "shot_id"),
    (
        MATCH,
        Column("shot_id", ID, "SofaScore's number of the shot.", True),
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        PLAYER,
        Column(
            "team_id",
            ID,
            "The team that shot; of an own goal the one that it counts for, which did not shoot.",
            True,
        ),
        SIDE,
        Column("type", TEXT, "goal, save, miss, block, post.", True),
        Column("situation", TEXT, "assisted, corner, set-piece, penalty, fast-break, and so on."),
        Column("body_part", TEXT, "left-foot, right-foot, head, other."),
        Column("goal_type", TEXT, "Of a goal: regular, penalty or own; an own goal is no shot of a team."),
        Column("minute", COUNT, "Minute."),
        Column("added_minute", COUNT, "Minute of added time."),
        Column("x", NUMBER, "Distance from the goal line, 0 to 100 percent of the pitch's length."),
        Column("y", NUMBER, "Place across the pitch, 0 to 100 percent."),
        Column("goal_mouth", TEXT, "Where it went: low-right, high-centre and so on."),
        Column("goal_mouth_y", NUMBER, "Where it crossed the goal line, across, in percent."),
        Column("goal_mouth_z", NUMBER, "And how high, in percent."),
        Column(
            "xg",
            NUMBER,
            "Expected goals, 0 to 1; null where the match is not covered so far, and of an own goal.",
        ),
        Column(
            "xgot",
            NUMBER,
            "Expected goals on target, 0 to 1; 0 where it was off target, null where the match is not covered so far, "
            "and of an own goal.",
        ),
        Column("goalkeeper_id", ID, "The goalkeeper, where one is named."),
        CONTENT_HASH,
    ),
    serve=True,
)

MOMENTUM = Table(
    "momentum",
    "One row per minute of a match: which side attacks.",
    ("match_id", "minute"),
    (
        MATCH,
        Column("minute", NUMBER, "Minute; 45.5 and 90.5 stand for added time.", True),
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        Column(
            "value",
            COUNT,
            "Above 0 the home side attacks; mostly -100 to 100, and in a few matches beyond.",
            True,
        ),
        CONTENT_HASH,
    ),
    serve=False,
)

MATCH_STATISTICS = Table(
    "match_statistics",
    "One row per match, period and side: what the team did.",
    ("match_id", "period", "side"),
    (
        MATCH,
        Column("period", TEXT, "ALL, 1ST, 2ND, or as received for extra time.", True),
        SIDE,
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        TEAM,
        *(statistic.declared for statistic in TEAM_STATISTICS),
        *_ratio_columns(),
        CONTENT_HASH,
    ),
    serve=True,
)

MANAGERS = Table(
    "managers",
    "One row per manager that a match names, each column as the upstream said it last.",
    ("manager_id",),
    (
        Column("manager_id", ID, "SofaScore's number of the manager.", True),
        Column("name", TEXT, "Name of the manager.", True),
        Column("short_name", TEXT, "Short name."),
        Column("country", TEXT, "Country."),
        Column("seen_at", TIME, "Kick-off of the newest match that names him.", True),
        CONTENT_HASH,
    ),
    serve=True,
)

MATCH_MANAGERS = Table(
    "match_managers",
    "One row per match and side with a known manager.",
    ("match_id", "side"),
    (
        MATCH,
        SIDE,
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        TEAM,
        Column("manager_id", ID, "The manager.", True),
        CONTENT_HASH,
    ),
    serve=True,
)

BEST_PLAYERS = Table(
    "best_players",
    "One row per player whom the upstream calls one of the best of a match.",
    ("match_id", "side", "rank"),
    (
        MATCH,
        SIDE,
        Column("rank", COUNT, "1 is the best of the side.", True),
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        TEAM,
        PLAYER,
        Column("label", TEXT, "What the value is, e.g. rating."),
        Column("value", NUMBER, "The value."),
        Column("player_of_the_match", FLAG, "Named player of the match.", True),
        CONTENT_HASH,
    ),
    serve=True,
)

HEAD_TO_HEAD = Table(
    "head_to_head",
    "One row per match: earlier meetings of its teams and of its managers, as the upstream counts them.",
    ("match_id",),
    (
        MATCH,
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        Column("team_home_wins", COUNT, "Meetings that the home team won."),
        Column("team_away_wins", COUNT, "Meetings that the away team won."),
        Column("team_draws", COUNT, "Meetings that were drawn."),
        Column(
            "manager_home_wins", COUNT, "Meetings that the home manager won; null where they are unknown."
        ),
        Column("manager_away_wins", COUNT, "Meetings that the away manager won."),
        Column("manager_draws", COUNT, "Meetings of the managers that were drawn."),
        CONTENT_HASH,
    ),
    serve=True,
)

OF_MATCHES = (
    MATCHES,
    MATCH_PARTS,
    APPEARANCES,
    INCIDENTS,
    SHOTS,
    MOMENTUM,
    MATCH_STATISTICS,
    MATCH_MANAGERS,
    BEST_PLAYERS,
    HEAD_TO_HEAD,
)
"""Tables whose rows belong to a match and are kept in one file for each season_year."""

NAMED = (TEAMS, PLAYERS, MANAGERS)
"""Tables of what matches name: a row is as the upstream said it last."""

MATCH_TABLES = (COMPETITION_SEASONS, *OF_MATCHES, *NAMED)
