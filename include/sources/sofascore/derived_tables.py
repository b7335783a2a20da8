"""The tables that are computed from the match tables; the SELECT of each stands in sql/TABLE.sql.

Three rules hold for all of them. Only matches count that were played to their end and have a score; goals are those
without a shoot-out. What a match does not state is unknown, not 0: means, sums and rates are over the matches that
state the figure, and of a figure that no player of a match has, the match states nothing (see player_matches.sql). A
rate is null where there was nothing to divide by. Figures are rounded once, at the end, to four places. Shares are
0 to 1, but possession and percentiles, which are 0 to 100.
"""

from __future__ import annotations

import pyarrow as pa

from include.sources.sofascore.match_tables import (
    COMPETITION,
    COUNT,
    DATE,
    FLAG,
    ID,
    MATCH,
    NUMBER,
    PLAYER,
    SEASON,
    SEASON_YEAR,
    SIDE,
    TEAM,
    TEAM_NAME,
    TEXT,
    TIME,
)
from include.storage.tables import CONTENT_HASH, Column, Table

SUFFICIENT_SEASON_MINUTES = 450
SUFFICIENT_CAREER_MINUTES = 900
SUFFICIENT_TIER_MINUTES = 90
RATING_CHANGE = 0.1
"""From this difference of two ratings on, one is better than the other."""
CONSISTENCY_MATCHES = 5
VERY_CONSISTENT_CV, CONSISTENT_CV, VARIABLE_CV = 0.08, 0.15, 0.2
STRENGTH_PERCENTILE, WEAKNESS_PERCENTILE = 80, 20
LEAST_COMPARED = 10
"""Percentiles need so many: of fewer, the next one is more than 11 points away."""
PEAK_YEARS, PEAK_PLAYER_SEASONS = 2, 200
"""A rating around an age is over the ages up to so many years away; players are best at an age only where it is of so
many of their seasons. Means over 11 to 18 players made 37 the best age of defenders and forwards."""
YOUNGEST, OLDEST = 10, 60
"""Who plays is of such an age: the youngest professionals were 12, and the oldest 58."""
FORM_WINDOWS = (5, 10, 20)

POSITION_METRICS = {
    "rating": "mean rating",
    "goals_per_90": "goals per 90 minutes",
    "assists_per_90": "assists per 90 minutes",
    "xg_per_90": "expected goals per 90 minutes",
    "xa_per_90": "expected assists per 90 minutes",
    "shots_per_90": "shots per 90 minutes",
    "key_passes_per_90": "key passes per 90 minutes",
    "pass_accuracy": "share of passes that arrived",
    "dribbles_won_per_90": "dribbles that succeeded per 90 minutes",
    "duel_success": "share of duels won",
    "aerial_success": "share of duels in the air won",
    "tackles_per_90": "tackles per 90 minutes",
    "interceptions_per_90": "interceptions per 90 minutes",
    "clearances_per_90": "clearances per 90 minutes",
    "ball_recoveries_per_90": "loose balls won per 90 minutes",
    "saves_per_90": "saves per 90 minutes",
}
"""Columns of player_seasons by which players of one position are compared. More is better in each."""

TACTICS = {
    "possession": "Mean share of the ball in percent, 0 to 100",
    "pressing": "Tackles, interceptions and fouls per 100 passes that the opponents tried",
    "directness": "Share of the team's passes that were long balls, 0 to 1",
    "width": "Crosses tried per 100 passes tried",
    "aerial_play": "Share of the team's duels that were in the air, 0 to 1",
    "dribbling": "Dribbles tried per 100 passes tried",
    "penetration": "Touches in the other penalty area per match",
    "chance_quality": "Expected goals per shot",
    "offside_line": "Times that opponents were offside, per match: the higher, the further up it defends",
    "set_pieces": "Share of the team's shots after a corner or another set piece, penalties left out, "
    "0 to 1; own goals are no shots",
    "counter_attacks": "Share of the team's shots from fast breaks, 0 to 1; own goals are no shots",
}

LABELS = (
    Column("competition", TEXT, "Name of the competition.", True, of_thing=True),
    Column("season", TEXT, "Season, e.g. 2025-26.", True, of_thing=True),
)
PLAYER_NAME = Column("player_name", TEXT, "The player's name in players.", True)
PLAYER_POSITION = Column(
    "position",
    TEXT,
    "G, D, M or F: the position he had for the most minutes, else his usual one; null where neither is known.",
)
MAIN_TEAM = (
    Column("team_id", ID, "The team for which he played the most minutes.", True),
    Column("team_name", TEXT, "That team's name in teams.", True, of_thing=True),
)
SUFFICIENT_MEANING = "Minutes are {} or more: enough for rates to say something."
RATING_MEANING = "Mean of his SofaScore ratings, every rated match counting the same, 1 to 10."


def _count(name: str, meaning: str, required: bool = False) -> Column:
    return Column(name, COUNT, meaning, required)


def _number(name: str, meaning: str) -> Column:
    return Column(name, NUMBER, meaning)


def _text(name: str, meaning: str) -> Column:
    return Column(name, TEXT, meaning)


MATCH_SCORES = Table(
    "match_scores",
    "One row per match with a final result: played to its end and with a score, or awarded as a walkover.",
    ("match_id",),
    (
        MATCH,
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        _count(
            "home_goals", "Goals of the home team, extra time included, shoot-out not; null in a walkover."
        ),
        _count("away_goals", "Goals of the away team, likewise."),
        _count("total_goals", "Goals of both teams; null in a walkover."),
        _text("result", "H, D or A by these goals; null in a walkover."),
        Column("decided_by", TEXT, "normal_time, extra_time, penalties or walkover.", True),
        _text("winner", "home, away or draw as the upstream awards it; null where it does not."),
        _count("home_penalties", "Goals of the home team in the shoot-out; null without one."),
        _count("away_penalties", "Goals of the away team in the shoot-out; null without one."),
        _count("home_goals_counted", "Goal incidents that count for the home team; null without incidents."),
        _count("away_goals_counted", "Goal incidents that count for the away team; null without incidents."),
        Column(
            "score_source",
            TEXT,
            "confirmed: the goals among the incidents are this score; contradicted: they are not, the event's score "
            "stands; event: there are no incidents to compare with; award: a walkover.",
            True,
        ),
        CONTENT_HASH,
    ),
    serve=True,
)


def _side_pair(name: str, meaning: str, whole: bool = True) -> tuple[Column, Column]:
    kind = COUNT if whole else NUMBER
    return (
        Column(f"home_{name}", kind, f"{meaning}, home team."),
        Column(f"away_{name}", kind, f"{meaning}, away team."),
    )


MATCH_SUMMARIES = Table(
    "match_summaries",
    "One row per match that was played to its end and has a score: everything about it in one line.",
    ("match_id",),
    (
        MATCH,
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        *LABELS,
        _count("round", "Round; null where the match belongs to none."),
        _text("round_name", "Name of a knock-out round."),
        Column("match_date", DATE, "Day of the kick-off in UTC.", True),
        Column("kickoff_at", TIME, "Kick-off.", True),
        Column("home_team_id", ID, "The home team.", True),
        Column("away_team_id", ID, "The away team.", True),
        Column("home_team", TEXT, "The home team's name in teams.", True, of_thing=True),
        Column("away_team", TEXT, "The away team's name in teams.", True, of_thing=True),
        _count("home_goals", "Goals of the home team, extra time included, shoot-out not.", True),
        _count("away_goals", "Goals of the away team, extra time included, shoot-out not.", True),
        *_side_pair("goals_half_time", "Goals in the first half"),
        Column("result", TEXT, "H, D or A by the goals without a shoot-out.", True),
        Column("decided_by", TEXT, "normal_time, extra_time or penalties.", True),
        _text("winner", "home, away or draw as the upstream awards it, shoot-outs included."),
        *_side_pair("xg", "Expected goals (xG) as the match statistics state them", False),
        _number("xg_swing", "home_xg less away_xg: above 0 the home team had the better chances."),
        *_side_pair("xg_overperformance", "Goals less expected goals", False),
        *_side_pair("possession", "Share of the ball in percent, 0 to 100", False),
        *_side_pair("shots", "Shots of every kind"),
        *_side_pair("shots_on_target", "Shots on target"),
        *_side_pair("big_chances", "Big chances"),
        *_side_pair("corners", "Corner kicks"),
        *_side_pair("fouls", "Fouls"),
        *_side_pair("pass_accuracy", "Share of the passes tried that arrived, 0 to 1", False),
        *_side_pair("yellow_cards", "Yellow cards of players among the incidents, second ones not"),
        *_side_pair(
            "red_cards",
            "Players sent off, straight or by a second yellow card, among the incidents; also where the card was taken "
            "back after the player had left the pitch",
        ),
        Column("home_manager_id", ID, "Manager of the home team; null where unknown."),
        _text("home_manager", "His name."),
        Column("away_manager_id", ID, "Manager of the away team; null where unknown."),
        _text("away_manager", "His name."),
        _text("referee", "Name of the referee, as the upstream said it last."),
        _text("venue", "Name of the venue, as the upstream said it last."),
        _text("city", "City of the venue, as the upstream said it last."),
        _count("attendance", "Spectators."),
        CONTENT_HASH,
    ),
    serve=True,
)


def _record(prefix: str, where: str) -> tuple[Column, ...]:
    return (
        _count(f"{prefix}matches", f"Matches played{where}.", True),
        _count(f"{prefix}wins", f"Matches won{where}, by the goals without a shoot-out.", True),
        _count(f"{prefix}draws", f"Matches drawn{where}, those decided by a shoot-out among them.", True),
        _count(f"{prefix}losses", f"Matches lost{where}.", True),
        _count(
            f"{prefix}points",
            f"3 for a win and 1 for a draw{where}; no deductions, and none for walkovers.",
            True,
        ),
        _count(f"{prefix}goals_for", f"Goals scored{where}.", True),
        _count(f"{prefix}goals_against", f"Goals let in{where}.", True),
    )


def _per_match(name: str, meaning: str) -> Column:
    return _number(f"{name}_per_match", f"{meaning} per match, mean over the matches that state them.")


TEAM_SEASONS = Table(
    "team_seasons",
    "One row per team and season of a competition in which it played, or won or lost by a walkover.",
    ("competition_id", "season_id", "team_id"),
    (
        COMPETITION,
        SEASON,
        TEAM,
        SEASON_YEAR,
        *LABELS,
        TEAM_NAME,
        *_record("", ""),
        _count("goal_difference", "Goals scored less goals let in.", True),
        _number("points_per_match", "Points per match played, 0 to 3."),
        *_record("home_", " at home"),
        *_record("away_", " away"),
        _count("walkovers_won", "Walkovers awarded to the team; they count in no other column.", True),
        _count("walkovers_lost", "Walkovers awarded to its opponent; they count in no other column.", True),
        _count("clean_sheets", "Matches without a goal let in.", True),
        _count("failed_to_score", "Matches without a goal scored.", True),
        _count(
            "half_matches", "Matches with the score of both halves; the next four columns count only these."
        ),
        _count("first_half_goals_for", "Goals scored in first halves; null without half_matches."),
        _count("first_half_goals_against", "Goals let in in first halves; null without half_matches."),
        _count("second_half_goals_for", "Goals scored in second halves; null without half_matches."),
        _count("second_half_goals_against", "Goals let in in second halves; null without half_matches."),
        _count("xg_matches", "Matches with expected goals; the next five columns count only these.", True),
        _number("xg_for", "Expected goals of the team's shots."),
        _number("xg_against", "Expected goals of its opponents' shots."),
        _number("xg_for_per_match", "xg_for per match."),
        _number("xg_against_per_match", "xg_against per match."),
        _number("xg_overperformance", "Goals scored less xg_for."),
        _count("statistics_matches", "Matches with statistics of the team.", True),
        _number("possession", "Mean share of the ball in percent, 0 to 100."),
        _per_match("passes", "Passes tried"),
        _number("pass_accuracy", "Share of the passes tried that arrived, 0 to 1."),
        _per_match("shots", "Shots"),
        _per_match("shots_on_target", "Shots on target"),
        _number("shot_accuracy", "Share of the shots that were on target, 0 to 1."),
        _per_match("shots_against", "Shots of the opponent"),
        _per_match("shots_on_target_against", "Shots on target of the opponent"),
        _per_match("big_chances", "Big chances"),
        _per_match("corners", "Corner kicks"),
        _per_match("fouls", "Fouls"),
        _per_match("offsides", "Times offside"),
        _per_match("tackles", "Tackles"),
        _per_match("interceptions", "Interceptions"),
        _per_match("saves", "Saves"),
        _count("incident_matches", "Matches with incidents; the cards are from these.", True),
        _count("yellow_cards", "Yellow cards of its players, second ones not; null without incidents."),
        _count(
            "red_cards",
            "Players sent off, straight or by a second yellow, cards taken back after they had left the pitch among "
            "them; null without incidents.",
        ),
        _count("shootouts_won", "Penalty shoot-outs won.", True),
        _count("shootouts_lost", "Penalty shoot-outs lost.", True),
        _number("home_attendance", "Mean of the spectators at home, over matches that state them."),
        Column("last_match_at", TIME, "Kick-off of the last match played; null when it had but walkovers."),
        CONTENT_HASH,
    ),
    serve=True,
)

COVERED = "over covered matches in which a player of the match has the figure"
PLAYER_TOTALS = (
    _count(
        "appearances",
        "Matches in which he was on the pitch as far as known: he started, or minutes are stated.",
        True,
    ),
    _count("starts", "Of these, matches in which he was in the starting eleven.", True),
    _count("covered_matches", "Of these, matches that state his minutes: only these have his figures.", True),
    _count("minutes", "Minutes on the pitch in covered matches.", True),
)
PLAYER_FIGURES = (
    _count("rated_matches", "Matches with a rating of his.", True),
    _number("rating", RATING_MEANING),
    _count(
        "goals",
        f"Goals, own goals not among them, {COVERED}, or whose score tells that there was none; null without any.",
    ),
    _count("assists", f"Assists, {COVERED}; null without any."),
    _count(
        "own_goals",
        f"Own goals, {COVERED}, or whose incidents or score tell that there was none; null without any.",
    ),
    _count("xg_matches", "Covered matches in which expected goals are known; xg counts only these.", True),
    _count("xg_minutes", "His minutes in these matches.", True),
    _number("xg", "Expected goals of his shots; null without such a match."),
    _number("xg_overperformance", "His goals in these matches less xg."),
    _count("xa_minutes", "His minutes in matches in which expected assists are known.", True),
    _number("xa", "Expected assists of his passes in these matches; null without one."),
)
PLAYER_CARDS = (
    _count(
        "yellow_cards",
        "Yellow cards among the incidents, second ones not, those on the bench included; null where no match of his "
        "has incidents.",
    ),
    _count("second_yellow_cards", "Times sent off by a second yellow card, likewise."),
    _count(
        "red_cards",
        "Times sent off, straight or by a second yellow card, likewise. A card that was taken back counts where he "
        "had left the pitch by then, as far as his minutes tell.",
    ),
)


def _per_90(name: str, meaning: str) -> Column:
    return _number(
        f"{name}_per_90", f"{meaning} per 90 minutes of the matches that state them; null at zero minutes."
    )


PLAYER_SEASONS = Table(
    "player_seasons",
    "One row per player and season of a competition in which he was on the pitch, for whatever team.",
    ("competition_id", "season_id", "player_id"),
    (
        COMPETITION,
        SEASON,
        PLAYER,
        SEASON_YEAR,
        *LABELS,
        PLAYER_NAME,
        *MAIN_TEAM,
        _count("teams", "Number of teams he played for.", True),
        PLAYER_POSITION,
        _count(
            "age",
            "His age in whole years at his last match of the season; null without a date of birth, or with one by "
            f"which he would not be {YOUNGEST} to {OLDEST}.",
        ),
        *PLAYER_TOTALS,
        Column("sufficient", FLAG, SUFFICIENT_MEANING.format(SUFFICIENT_SEASON_MINUTES), True),
        *PLAYER_FIGURES,
        *PLAYER_CARDS,
        _count("shots", f"Shots, {COVERED}; null without any."),
        _count("shots_on_target", f"Shots on target, {COVERED}; null without any."),
        _count("key_passes", f"Passes that led to a shot, {COVERED}; null without any."),
        _count("passes", f"Passes tried, {COVERED}; null without any."),
        _number("pass_accuracy", "Share of the passes tried that arrived, 0 to 1."),
        _number("dribble_success", "Share of the dribbles tried that succeeded, 0 to 1."),
        _number("duel_success", "Share of the duels won, 0 to 1."),
        _number("aerial_success", "Share of the duels in the air won, 0 to 1."),
        _number("shot_conversion", "Goals per shot, 0 to 1."),
        _per_90("goals", "Goals"),
        _per_90("assists", "Assists"),
        _number("xg_per_90", "Expected goals per 90 of xg_minutes."),
        _number("xa_per_90", "Expected assists per 90 of xa_minutes."),
        _per_90("shots", "Shots"),
        _per_90("key_passes", "Key passes"),
        _per_90("dribbles_won", "Dribbles that succeeded"),
        _per_90("tackles", "Tackles"),
        _per_90("interceptions", "Interceptions"),
        _per_90("clearances", "Clearances"),
        _per_90("ball_recoveries", "Loose balls won"),
        _number("saves_per_90", "Saves per 90 minutes; null but for goalkeepers, and at zero minutes."),
        _number("goals_prevented", "Expected goals on target faced less goals let in, where stated."),
        Column("last_match_at", TIME, "Kick-off of his last match of the season.", True),
        Column(
            "partly_known",
            pa.list_(TEXT),
            "Figures that some of his covered matches do not state, since no player of the match has them, or since "
            "what came was refused, and cards where some of his matches have no incidents: their sum and their rate "
            "per 90 minutes are over the other matches alone. Empty where all state all; a figure that none states is "
            "null and not named here. Expected goals and assists have their own numbers of minutes.",
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

PLAYER_CAREERS = Table(
    "player_careers",
    "One row per player with a row in player_seasons. Counts and sums are those of his rows there, rounded once.",
    ("player_id",),
    (
        PLAYER,
        PLAYER_NAME,
        PLAYER_POSITION,
        _count("seasons", "Rows in player_seasons: seasons of competitions.", True),
        _count("competitions", "Competitions he played in.", True),
        _count("teams", "Teams he played for.", True),
        _count("first_season_year", "First year in which a season of his began.", True),
        _count("last_season_year", "Last year in which a season of his began.", True),
        *PLAYER_TOTALS,
        Column("sufficient", FLAG, SUFFICIENT_MEANING.format(SUFFICIENT_CAREER_MINUTES), True),
        *PLAYER_FIGURES,
        *PLAYER_CARDS,
        _count("shots", f"Shots, {COVERED}; null without any."),
        _count("key_passes", f"Passes that led to a shot, {COVERED}; null without any."),
        _per_90("goals", "Goals"),
        _per_90("assists", "Assists"),
        _number("xg_per_90", "Expected goals per 90 of xg_minutes."),
        _number("xa_per_90", "Expected assists per 90 of xa_minutes."),
        Column("last_match_at", TIME, "Kick-off of his last match.", True),
        CONTENT_HASH,
    ),
    serve=True,
)

POSITION_DISTRIBUTIONS = Table(
    "position_distributions",
    "One row per position and metric of a season that at least "
    f"{LEAST_COMPARED} players have: how the metric spreads over the players with sufficient minutes.",
    ("competition_id", "season_id", "position", "metric"),
    (
        COMPETITION,
        SEASON,
        Column("position", TEXT, "G, D, M or F, as in player_seasons.", True),
        Column("metric", TEXT, f"A column of player_seasons: {', '.join(POSITION_METRICS)}.", True),
        SEASON_YEAR,
        _count("players", "Players that have the metric.", True),
        Column("mean", NUMBER, "Mean, in the metric's unit like all that follow.", True),
        Column("median", NUMBER, "Median.", True),
        Column("p25", NUMBER, "25th percentile, interpolated.", True),
        Column("p75", NUMBER, "75th percentile, interpolated.", True),
        Column("p90", NUMBER, "90th percentile, interpolated.", True),
        _number("std", "Standard deviation of the sample (n - 1)."),
        CONTENT_HASH,
    ),
    serve=True,
)

PLAYER_PERCENTILES = Table(
    "player_percentiles",
    "One row per player and season with sufficient minutes and a known position: where he stands among the players "
    "of his position in the same season who have them too. A percentile rank is the percent of the others who have "
    f"less, those with the same counting half; there is none among fewer than {LEAST_COMPARED}.",
    ("competition_id", "season_id", "player_id"),
    (
        COMPETITION,
        SEASON,
        PLAYER,
        SEASON_YEAR,
        PLAYER_NAME,
        *MAIN_TEAM,
        Column("position", TEXT, "G, D, M or F, as in player_seasons.", True),
        _count("minutes", "Minutes on the pitch.", True),
        _count("players", "Players of the position with sufficient minutes, himself included.", True),
        *(
            _number(
                f"{metric}_percentile",
                f"Percentile rank of his {meaning}, 0 to 100; null where he has none, or fewer than {LEAST_COMPARED} "
                "players have, himself included.",
            )
            for metric, meaning in POSITION_METRICS.items()
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

PLAYER_FORM = Table(
    "player_form",
    "Three rows per player: his last 5, 10 and 20 matches on the pitch, across competitions.",
    ("player_id", "last_matches"),
    (
        PLAYER,
        _count("last_matches", f"Length of the window: {', '.join(map(str, FORM_WINDOWS))} matches.", True),
        PLAYER_NAME,
        _count("matches", "Matches in the window: fewer than its length when he has played fewer.", True),
        Column("first_match_at", TIME, "Kick-off of the first of them.", True),
        Column("last_match_at", TIME, "Kick-off of the last of them.", True),
        _count("starts", "Of these, matches in which he was in the starting eleven.", True),
        _count("minutes", "Minutes on the pitch, where stated.", True),
        _count("rated_matches", "Matches with a rating of his.", True),
        _number("rating", RATING_MEANING),
        _number("rating_before", "Mean rating in as many matches before these; null without any."),
        _text(
            "trend",
            f"rising or falling where rating is {RATING_CHANGE} or more above or below rating_before, else steady; "
            "null unless both are known.",
        ),
        _count("goals", f"Goals, {COVERED}; null without any."),
        _count("assists", f"Assists, {COVERED}; null without any."),
        _number("xg", "Expected goals, over matches in which they are known; null without any."),
        _number("xa", "Expected assists, over matches in which they are known; null without any."),
        _per_90("goals", "Goals"),
        _per_90("assists", "Assists"),
        CONTENT_HASH,
    ),
    serve=True,
)

CONSISTENCY_CLASSES = (
    f"very_consistent below {VERY_CONSISTENT_CV}, consistent below {CONSISTENT_CV}, variable below {VARIABLE_CV}, "
    "else inconsistent"
)

PLAYER_PROFILES = Table(
    "player_profiles",
    "One row per player with a season of sufficient minutes: a scouting profile of the latest such season, which is "
    "the one with the latest match of his.",
    ("player_id",),
    (
        PLAYER,
        PLAYER_NAME,
        PLAYER_POSITION,
        _text("country", "Country."),
        Column("born_on", DATE, "Date of birth."),
        _count("age", "Age in whole years at his last match of the season."),
        _count("height", "Height in centimetres."),
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        *LABELS,
        *MAIN_TEAM,
        _count("appearances", "Matches of the season in which he was on the pitch.", True),
        _count("minutes", "His minutes in the season.", True),
        _number("rating", f"{RATING_MEANING} In the season."),
        _number("rating_percentile", "Its percentile rank, as in player_percentiles, 0 to 100."),
        _count("goals", "Goals in the season."),
        _count("assists", "Assists in the season."),
        _per_90("goals", "Goals of the season"),
        _per_90("assists", "Assists of the season"),
        _number("xg_per_90", "Expected goals of the season per 90 of xg_minutes."),
        _number("xa_per_90", "Expected assists of the season per 90 of xa_minutes."),
        Column(
            "strengths",
            pa.list_(TEXT),
            f"Metrics of position_distributions in which his percentile is {STRENGTH_PERCENTILE} or more, best "
            "first; empty where there is none.",
            True,
        ),
        Column(
            "weaknesses",
            pa.list_(TEXT),
            f"Metrics in which his percentile is {WEAKNESS_PERCENTILE} or less, worst first; empty where there is "
            "none.",
            True,
        ),
        _number("form_rating", "Mean rating in his last 5 matches, across competitions."),
        _text("form_trend", "rising, steady or falling against the 5 matches before; null unless known."),
        _text("consistency", f"By the spread of his ratings in the season: {CONSISTENCY_CLASSES}."),
        _text(
            "progression",
            "improved, stable or declined against his previous season, as in player_progression.",
        ),
        _count("career_appearances", "Appearances in all seasons that are known.", True),
        _count("career_minutes", "Minutes in all seasons that are known.", True),
        _count("career_goals", "Goals in all seasons that are known."),
        CONTENT_HASH,
    ),
    serve=True,
)

PLAYER_PROGRESSION = Table(
    "player_progression",
    f"One row per player and year that follows one: all competitions of a season_year in which he had "
    f"{SUFFICIENT_SEASON_MINUTES} minutes or more in total, against the season_year before in which he had as many.",
    ("player_id", "season_year"),
    (
        PLAYER,
        SEASON_YEAR,
        PLAYER_NAME,
        _count(
            "season_year_before", "The season_year it is compared with; not always the year before.", True
        ),
        _count("minutes", "Minutes on the pitch.", True),
        _count("minutes_before", "The same in the previous season.", True),
        _number("rating", RATING_MEANING),
        _number("rating_before", "The same in the previous season."),
        _number("rating_change", "rating less rating_before, rounded once like every figure."),
        _per_90("goals", "Goals"),
        _number("goals_per_90_before", "The same in the previous season."),
        _number("goals_per_90_change", "Its change."),
        _per_90("assists", "Assists"),
        _number("assists_per_90_before", "The same in the previous season."),
        _number("assists_per_90_change", "Its change."),
        _number("xg_per_90", "Expected goals per 90 of the minutes in which they are known."),
        _number("xg_per_90_before", "The same in the previous season."),
        _number("xg_per_90_change", "Its change."),
        _text(
            "progression",
            f"improved where rating_change is {RATING_CHANGE} or more, declined where it is -{RATING_CHANGE} or "
            "less, else stable; null where a rating is unknown.",
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

PLAYER_CONSISTENCY = Table(
    "player_consistency",
    f"One row per player and season with {CONSISTENCY_MATCHES} rated matches or more: how his ratings spread.",
    ("competition_id", "season_id", "player_id"),
    (
        COMPETITION,
        SEASON,
        PLAYER,
        SEASON_YEAR,
        PLAYER_NAME,
        _count("rated_matches", "Matches with a rating of his.", True),
        Column("rating", NUMBER, RATING_MEANING, True),
        Column("rating_std", NUMBER, "Standard deviation of the ratings (n - 1).", True),
        Column("rating_min", NUMBER, "His lowest rating.", True),
        Column("rating_max", NUMBER, "His highest rating.", True),
        Column("cv", NUMBER, "Coefficient of variation: standard deviation over mean.", True),
        Column("consistency", TEXT, f"By cv before it is rounded: {CONSISTENCY_CLASSES}.", True),
        CONTENT_HASH,
    ),
    serve=True,
)

OPPONENT_TIER_PERFORMANCE = Table(
    "opponent_tier_performance",
    f"One row per player, season and third of the table against which he played {SUFFICIENT_TIER_MINUTES} minutes or "
    "more. Seasons of fewer than three teams have none.",
    ("competition_id", "season_id", "player_id", "tier"),
    (
        COMPETITION,
        SEASON,
        PLAYER,
        Column(
            "tier",
            TEXT,
            "top, middle or bottom: third of the season's teams in which the opponent is, by points per match over "
            "the whole season, then by goal difference; teams equal in both are in the same, the better, third.",
            True,
        ),
        SEASON_YEAR,
        PLAYER_NAME,
        _count("appearances", "Matches against the third in which he was on the pitch.", True),
        _count("minutes", "His minutes in them.", True),
        _count("rated_matches", "Matches with a rating of his.", True),
        _number("rating", RATING_MEANING),
        _count("goals", "Goals against the third."),
        _count("assists", "Assists against the third."),
        _number("xg", "Expected goals, over matches in which they are known; null without any."),
        _per_90("goals", "Goals"),
        _per_90("assists", "Assists"),
        CONTENT_HASH,
    ),
    serve=True,
)

SUBSTITUTION_IMPACT = Table(
    "substitution_impact",
    "One row per substitution of a played match: the score before, and what happened after.",
    ("match_id", "position"),
    (
        MATCH,
        _count("position", "Position of the substitution among the match's incidents.", True),
        COMPETITION,
        SEASON,
        SEASON_YEAR,
        SIDE,
        TEAM,
        _count("minute", "Minute of the substitution."),
        _count("added_minute", "Minute of added time; null where there is none."),
        Column("player_in_id", ID, "Who came in; null where nobody is named."),
        _text("player_in", "His name in players."),
        Column("player_out_id", ID, "Who went out; null where nobody is named."),
        _text("player_out", "His name in players."),
        Column("injury", FLAG, "Because of an injury; null where that is not stated."),
        _count("goals_for_before", "Goals of the team before.", True),
        _count("goals_against_before", "Goals of the opponent before.", True),
        _count("goals_for_after", "Goals of the team afterwards, to the end, shoot-out not.", True),
        _count("goals_against_after", "Goals of the opponent afterwards.", True),
        _count(
            "impact", "By how many goals the score moved for the team afterwards; below 0 against it.", True
        ),
        _count("player_in_minutes", "Minutes on the pitch of who came in; null where not stated."),
        _number("player_in_rating", "His rating, 1 to 10."),
        _count(
            "player_in_goals",
            "His goals; null where his statistics are missing, or the match has none of goals.",
        ),
        _count(
            "player_in_assists",
            "His assists; null where his statistics are missing, or the match has none of assists.",
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

MANAGER_CAREERS = Table(
    "manager_careers",
    "One row per manager who led a team in a match that was played.",
    ("manager_id",),
    (
        Column("manager_id", ID, "SofaScore's number of the manager.", True),
        Column("manager_name", TEXT, "His name in managers.", True),
        _count("matches", "Matches played under him.", True),
        _count("wins", "Matches won, by the goals without a shoot-out.", True),
        _count("draws", "Matches drawn, those decided by a shoot-out among them.", True),
        _count("losses", "Matches lost.", True),
        _count("points", "3 for a win and 1 for a draw.", True),
        Column("points_per_match", NUMBER, "Points per match, 0 to 3.", True),
        Column("win_rate", NUMBER, "Share of the matches won, 0 to 1.", True),
        _count("goals_for", "Goals scored by his teams.", True),
        _count("goals_against", "Goals let in by his teams.", True),
        _count("clean_sheets", "Matches without a goal let in.", True),
        _count("teams", "Teams he led.", True),
        _count("competitions", "Competitions he led them in.", True),
        Column("first_match_at", TIME, "Kick-off of the first match.", True),
        Column("last_match_at", TIME, "Kick-off of the last match.", True),
        Column("last_team_id", ID, "The team of that match.", True),
        Column("last_team", TEXT, "Its name in teams.", True, of_thing=True),
        CONTENT_HASH,
    ),
    serve=True,
)

TEAM_TACTICS = Table(
    "team_tactics",
    "One row per row of team_seasons with statistics: how the team plays, and where that stands among the teams of "
    "the season. Every index is over the matches that state all it needs; one is no better than another.",
    ("competition_id", "season_id", "team_id"),
    (
        COMPETITION,
        SEASON,
        TEAM,
        SEASON_YEAR,
        TEAM_NAME,
        _count("statistics_matches", "Matches with statistics of the team.", True),
        *(_number(name, f"{meaning}.") for name, meaning in TACTICS.items()),
        _count("teams", "Teams of the season with statistics, this one included."),
        *(
            _number(
                f"{name}_percentile",
                f"Percentile rank of {name} (see player_percentiles), 0 to 100; null where it has none, or fewer than "
                f"{LEAST_COMPARED} teams have.",
            )
            for name in TACTICS
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

AGE_CURVES = Table(
    "age_curves",
    "One row per position and age: how players of that age do, over all matches that are known.",
    ("position", "age"),
    (
        Column("position", TEXT, "G, D, M or F: position in the match, else the usual one.", True),
        _count("age", "Whole years at kick-off.", True),
        _count("players", "Players who were on the pitch at that age.", True),
        _count("appearances", "Their matches.", True),
        _count("minutes", "Their minutes.", True),
        _count("rated_matches", "Their matches with a rating.", True),
        _number("rating", "Mean of their ratings, every rated match counting the same, 1 to 10."),
        _per_90("goals", "Goals"),
        _per_90("assists", "Assists"),
        Column(
            "peak",
            FLAG,
            f"The age of the highest rating_around among the position's ages with {PEAK_PLAYER_SEASONS} "
            "player_seasons_around or more; the youngest where several are equal. A position without such an age has "
            "no peak.",
            True,
        ),
        _number(
            "rating_around",
            f"Mean of the ratings at this age and up to {PEAK_YEARS} years away, every rated match counting the same.",
        ),
        _count(
            "player_seasons_around",
            "Seasons of players, by competition, with a rating among these: what it is over.",
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

DERIVED_TABLES: tuple[Table, ...] = (
    MATCH_SCORES,
    MATCH_SUMMARIES,
    TEAM_SEASONS,
    PLAYER_SEASONS,
    PLAYER_CAREERS,
    POSITION_DISTRIBUTIONS,
    PLAYER_PERCENTILES,
    PLAYER_FORM,
    PLAYER_PROGRESSION,
    PLAYER_CONSISTENCY,
    PLAYER_PROFILES,
    OPPONENT_TIER_PERFORMANCE,
    SUBSTITUTION_IMPACT,
    MANAGER_CAREERS,
    TEAM_TACTICS,
    AGE_CURVES,
)
"""In the order in which they are computed: each reads only match tables and those before it."""
