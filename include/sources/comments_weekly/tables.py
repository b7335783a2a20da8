"""The tables of the weekly figures. docs/data_contract.md is generated from this file.

Every row belongs to a week, Monday to Sunday in UTC, by the time of its comments; a comment without a time belongs to
none. A comment counts once, however many signals it gave. It is scored where comments.score_state is `scored`; means
are of scored comments alone and null where there is none. Its weight is 1 + likes / 100; one whose likes nobody states
weighs 1.
"""

from __future__ import annotations

import pyarrow as pa

from include.storage.tables import CONTENT_HASH, Column, Table

SCHEMA_VERSION = 1
MIGRATIONS: dict[int, str] = {}
"""For each schema version that broke readers of the one before: what they must change."""

ALL, NONE = "(all)", "(none)"
"""What stands in entity_id for all comments, and for those that no entity matched: no entity has such an id."""
SURE_FROM = 0.5
"""Signals of less confidence are guesses, which no figure counts (docs/comments_enrichment.md)."""
DISCOVERED_FROM = 10
"""So many comments of a week name a discovered entity that joins the rankings."""
VELOCITY_HOURS = 72
VELOCITY_LEAST = 10
"""Scored comments of an entity in each of the two windows, below which nothing is said of its velocity."""
VELOCITY_FLOOR = 0.1
"""The least that a change is divided by: a mean of nearly nothing would make any change a huge one."""
ALERT_ABOVE, CRITICAL_ABOVE = 30.0, 50.0
"""Percent, up or down."""
STORYLINE_WEEKS = 4
STORYLINE_LEAST = 10
STORYLINE_GROWTH = 2.0
"""A pair rises that so many comments name, so many times as many as in the mean week of those before."""
STORYLINE_TERMS = 5

_TEXT = pa.string()
_COUNT = pa.int64()
_MEAN = pa.float64()
_LIKES = "Sum of the likes of these comments; null where nobody states any."

WEEK = Column("week", pa.date32(), "Monday of the week.", required=True)
PLATFORM = Column(
    "platform", _TEXT, "instagram, youtube, tiktok and the like. See comments.comments.", required=True
)
ENTITY = Column(
    "entity_id", _TEXT, "See comments.monitored_entities; of a discovered entity its name.", required=True
)
NAME = Column("name", _TEXT, "The entity's name as people know it.", required=True, of_thing=True)
COMMENTS = Column("comments", _COUNT, "Distinct comments.", required=True)
SCORED = Column("scored", _COUNT, "Of them with a sentiment.", required=True)
AVERAGE = Column(
    "average_sentiment", _MEAN, "Mean sentiment of the scored comments, -1 to 1; null where there is none."
)
WEIGHTED = Column(
    "weighted_sentiment",
    _MEAN,
    "The same with the weight of each comment: sum of s·w by sum of w; null likewise.",
)

ENTITY_RANKINGS = Table(
    "entity_rankings",
    "One row per week and entity that comments of the week or of the one before name; by distinct comments, then "
    f"likes. A discovered entity is in it where at least {DISCOVERED_FROM} comments of the week name it.",
    ("week", "entity_id"),
    (
        WEEK,
        ENTITY,
        NAME,
        Column(
            "entity_type", _TEXT, "person, show, couple or brand; null of a discovered one.", of_thing=True
        ),
        Column("monitored", pa.bool_(), "Whether the catalogue has it, or it was discovered.", required=True),
        Column("rank", pa.int32(), "1 for the most named; null where no comment of the week names it."),
        COMMENTS,
        SCORED,
        AVERAGE,
        WEIGHTED,
        Column("total_likes", _COUNT, _LIKES),
        Column("comments_before", _COUNT, "Distinct comments in the week before.", required=True),
        Column(
            "rank_before", pa.int32(), "Rank among those of the week before; null where it was not in it."
        ),
        Column("rank_change", pa.int32(), "Places up (positive) or down; null where one of both ranks is."),
        Column("average_sentiment_before", _MEAN, "As average_sentiment, of the week before."),
        Column(
            "sentiment_change", _MEAN, "average_sentiment less that of the week before; null where one is."
        ),
        CONTENT_HASH,
    ),
    serve=True,
)
VELOCITY_ALERTS = Table(
    "velocity_alerts",
    f"One row per week and entity whose sentiment moved fast: the mean of the last {VELOCITY_HOURS} hours of the week "
    f"against that of the {VELOCITY_HOURS} hours before, each of at least {VELOCITY_LEAST} scored comments, by more "
    f"than {ALERT_ABOVE:g} percent up or down.",
    ("week", "entity_id"),
    (
        WEEK,
        ENTITY,
        NAME,
        Column("level", _TEXT, f"alert, or critical above {CRITICAL_ABOVE:g} percent.", required=True),
        Column("direction", _TEXT, "up or down.", required=True),
        Column("change_percent", _MEAN, "(recent - previous) / |previous| · 100.", required=True),
        Column("recent_sentiment", _MEAN, "Mean of the later window.", required=True),
        Column("recent_comments", _COUNT, "Scored comments in the later window.", required=True),
        Column("earlier_sentiment", _MEAN, "Mean of the earlier window.", required=True),
        Column("earlier_comments", _COUNT, "Scored comments in the earlier window.", required=True),
        Column(
            "floor_used",
            pa.bool_(),
            f"Whether |previous| was below {VELOCITY_FLOOR:g}, which then stands in its place.",
            required=True,
        ),
        Column(
            "window_end",
            pa.timestamp("us", tz="UTC"),
            "End of the later window: that of the week.",
            required=True,
        ),
        CONTENT_HASH,
    ),
    serve=True,
)
SENTIMENT_DAYS = Table(
    "sentiment_days",
    f"One row per day, platform and entity with comments; {ALL} stands for all comments, {NONE} for those that no "
    "entity matched. Days without comments have no row.",
    ("week", "day", "platform", "entity_id"),
    (
        WEEK,
        Column("day", pa.date32(), "Day in UTC.", required=True),
        PLATFORM,
        ENTITY,
        COMMENTS,
        SCORED,
        AVERAGE,
        WEIGHTED,
        Column("total_likes", _COUNT, _LIKES),
        CONTENT_HASH,
    ),
    serve=True,
)
PLATFORM_WEEKS = Table(
    "platform_weeks",
    "One row per week and platform with comments in it or in the week before.",
    ("week", "platform"),
    (
        WEEK,
        PLATFORM,
        Column("posts", _COUNT, "Posts with comments of the week.", required=True),
        COMMENTS,
        Column("replies", _COUNT, "Of them replies to other comments.", required=True),
        Column("authors", _COUNT, "Distinct authors, of comments whose author is known.", required=True),
        Column("without_entity", _COUNT, "Comments that no entity matched.", required=True),
        SCORED,
        Column(
            "other_language", _COUNT, "Comments in a language that the scorer does not know.", required=True
        ),
        Column("no_text", _COUNT, "Comments without a text that can be scored.", required=True),
        Column("failed", _COUNT, "Comments whose scoring failed; it is tried again.", required=True),
        Column("unscored", _COUNT, "Comments that were not scored yet.", required=True),
        Column("very_positive", _COUNT, "Scored comments with a sentiment from 0.7.", required=True),
        Column("positive", _COUNT, "From 0.3 to below 0.7.", required=True),
        Column("neutral", _COUNT, "Above -0.3 and below 0.3.", required=True),
        Column("negative", _COUNT, "Above -0.7 to -0.3.", required=True),
        Column("very_negative", _COUNT, "To -0.7.", required=True),
        AVERAGE,
        WEIGHTED,
        Column("total_likes", _COUNT, _LIKES),
        Column("vanished", _COUNT, "Comments of the week that the platform no longer shows.", required=True),
        Column("comments_before", _COUNT, "Comments of the week before.", required=True),
        Column("scored_before", _COUNT, "Of them with a sentiment.", required=True),
        Column("average_sentiment_before", _MEAN, "As average_sentiment, of the week before."),
        Column(
            "undated",
            _COUNT,
            "Comments without a time that were first collected in the week; they count nowhere else.",
            required=True,
        ),
        CONTENT_HASH,
    ),
    serve=True,
)
POST_WEEKS = Table(
    "post_weeks",
    "One row per week and post with comments of the week.",
    ("week", "platform", "post_id"),
    (
        WEEK,
        PLATFORM,
        Column("post_id", _TEXT, "See comments.posts.", required=True),
        Column(
            "rank",
            pa.int32(),
            "1 for the post with the most comments of the week, then likes.",
            required=True,
        ),
        COMMENTS,
        SCORED,
        AVERAGE,
        WEIGHTED,
        Column("total_likes", _COUNT, _LIKES),
        Column("subject", _TEXT, "What the post is about. See comments.posts."),
        Column("caption", _TEXT, "Its text. See comments.posts."),
        Column("url", _TEXT, "Its page."),
        Column("posted_at", pa.timestamp("us", tz="UTC"), "When it was posted; null where nobody states it."),
        Column("post_likes", _COUNT, "Likes of the post itself; null where nobody states them."),
        Column(
            "captured_percent",
            _MEAN,
            "Comments captured so far against the platform's own count; null without one.",
        ),
        CONTENT_HASH,
    ),
    serve=True,
)
STORYLINES = Table(
    "storylines",
    f"One row per week and storyline: entities that rise together. A pair rises that at least {STORYLINE_LEAST} "
    f"comments of the week name, and {STORYLINE_GROWTH:g} times as many as in the mean week of the {STORYLINE_WEEKS} "
    "before (those with comments; at least one, and one comment where the mean is below); pairs with an entity in "
    "common are one storyline.",
    ("week", "rank"),
    (
        WEEK,
        Column("rank", pa.int32(), "1 for the storyline with the most comments.", required=True),
        Column("entities", pa.list_(_TEXT), "Ids of its entities, sorted.", required=True),
        Column("names", pa.list_(_TEXT), "Their names, in the same order.", required=True),
        Column("comments", _COUNT, "Distinct comments that name one of its rising pairs.", required=True),
        Column("comments_before", _MEAN, "The same of a mean week before.", required=True),
        Column(
            "growth", _MEAN, "comments by comments_before, which counts as 1 where it is less.", required=True
        ),
        SCORED,
        AVERAGE,
        Column("total_likes", _COUNT, _LIKES),
        Column(
            "terms",
            pa.list_(_TEXT),
            f"Up to {STORYLINE_TERMS} words that its comments have more often than before, the first the most.",
            required=True,
        ),
        Column(
            "platform",
            _TEXT,
            "Platform of the post with the most of its comments; null where no post is known.",
        ),
        Column("post_id", _TEXT, "That post."),
        CONTENT_HASH,
    ),
    serve=True,
)
BRIEFS = Table(
    "briefs",
    "One row per week: the weekly brief as PDF and as its JSON twin, which names table and key of every figure.",
    ("week",),
    (
        WEEK,
        COMMENTS,
        Column("input_version", _TEXT, "The version of comments that it was made from.", required=True),
        Column("headline", _TEXT, "Its first sentence.", required=True),
        Column("pages", pa.int32(), "Pages of the PDF.", required=True),
        Column("twin", _TEXT, "The brief as JSON.", required=True),
        Column("pdf_sha256", _TEXT, "SHA-256 of the PDF, 64 hex digits.", required=True),
        Column("pdf", pa.binary(), "The brief as PDF.", required=True),
        CONTENT_HASH,
    ),
    serve=False,
)
FIGURES: tuple[Table, ...] = (
    ENTITY_RANKINGS,
    VELOCITY_ALERTS,
    SENTIMENT_DAYS,
    PLATFORM_WEEKS,
    POST_WEEKS,
    STORYLINES,
)
"""The tables that are computed from the comments; the brief is made of them."""
TABLES: tuple[Table, ...] = (*FIGURES, BRIEFS)
