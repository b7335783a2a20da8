"""The tables of comments."""

from __future__ import annotations

import pyarrow as pa

from include.storage.tables import CONTENT_HASH, Column, Table

SCHEMA_VERSION = 1
MIGRATIONS: dict[int, str] = {}
_TIME = pa.timestamp("us", "UTC")
_PLATFORM = Column(
    "platform", pa.string(), "instagram, youtube, tiktok, facebook or reddit.", required=True, of_thing=True
)

POSTS = Table(
    "posts",
    "One row per post that an export told of, or whose comments one brought.",
    ("platform", "post_id"),
    (
        _PLATFORM,
        Column(
            "post_id",
            pa.string(),
            "The platform's id of the post, as text. Of Instagram the number that the short code stands for.",
            required=True,
            of_thing=True,
        ),
        Column(
            "id_rounded",
            pa.bool_(),
            "True where all that is known of the id went through a float64, so its last digits may be wrong; they are "
            "put right as soon as an export tells the short code.",
            required=True,
        ),
        Column("url", pa.string(), "Address of the post, as it was told last."),
        Column(
            "caption",
            pa.string(),
            "Text of the post, as it was told last; mentioned private persons as in comments.text.",
        ),
        Column("subject", pa.string(), "What the person who exported it says that it is about."),
        Column("posted_at", _TIME, "When it was posted; midnight UTC where only the day is known."),
        Column("likes", pa.int64(), "Likes, as they were told last; rounded where the export has 46k."),
        Column("views", pa.int64(), "Views, as they were told last."),
        Column(
            "comments_declared", pa.int64(), "The platform's own number of its comments, as it was told last."
        ),
        Column(
            "comments_captured",
            pa.int64(),
            "Rows of it in comments that have not vanished.",
            required=True,
        ),
        Column("part", pa.string(), "Which part of the table comments holds its comments.", required=True),
        Column("first_seen", _TIME, "Time of the first export that told of it.", required=True),
        Column("last_seen", _TIME, "Time of the last one.", required=True),
        CONTENT_HASH,
    ),
    serve=True,
    kind=("platform",),
)

COMMENTS = Table(
    "comments",
    "One row per comment, as the newest export that has it tells it.",
    ("platform", "comment_id"),
    (
        _PLATFORM,
        Column(
            "comment_id",
            pa.string(),
            "The platform's id of the comment, as text; `derived-` and 32 hex digits where no export gave one.",
            required=True,
            of_thing=True,
        ),
        Column("post_id", pa.string(), "Its post, posts.post_id.", required=True, of_thing=True),
        Column(
            "parent_id", pa.string(), "The comment that it replies to, where that was told.", of_thing=True
        ),
        Column("context", pa.string(), "direct, or reply to another comment.", required=True),
        Column(
            "author",
            pa.string(),
            "Keyed hash of the author's handle, 20 hex digits (docs/security.md); null where no export tells it.",
        ),
        Column("author_key", pa.string(), "Which key made it, 8 hex digits; null together with author."),
        Column(
            "text",
            pa.string(),
            "The text. In place of a mentioned private person stands @ and the hash of the handle.",
        ),
        Column("created_at", _TIME, "When it was written; null where no export tells it."),
        Column("likes", pa.int64(), "Likes, as they were told last; null where they were never told."),
        Column("reply_count", pa.int64(), "Replies, as the platform counts them."),
        Column("id_given", pa.bool_(), "Whether an export gave the platform's id.", required=True),
        Column("first_seen", _TIME, "Time of the first export that has it.", required=True),
        Column("last_seen", _TIME, "Time of the last one.", required=True),
        Column(
            "vanished_at",
            _TIME,
            "Time of the first export that holds nearly all known comments of the post and no longer this one; null "
            "while it is not known to be gone.",
        ),
        Column(
            "language",
            pa.string(),
            "ISO 639-1 code of the text's language, und where it is too short to tell; null without a text.",
            of_thing=True,
        ),
        Column(
            "sentiment", pa.float64(), "What the text feels, from -1 to 1; null unless score_state is scored."
        ),
        Column(
            "sentiment_label",
            pa.string(),
            "very_positive, positive, neutral, negative or very_negative; null unless it was scored.",
            of_thing=True,
        ),
        Column(
            "score_state",
            pa.string(),
            "scored, other_language (the scorer knows English), no_text, or failed, which the next run tries again.",
            required=True,
            of_thing=True,
        ),
        Column("scorer", pa.string(), "Scorer and its version.", required=True, of_thing=True),
        CONTENT_HASH,
    ),
    serve=True,
    kind=("platform",),
)
_COMMENT_ID = Column(
    "comment_id", pa.string(), "The comment, comments.comment_id.", required=True, of_thing=True
)

SIGNALS = Table(
    "signals",
    "One row per comment, entity and kind of signal: what a comment says of whom (docs/comments_enrichment.md).",
    ("platform", "comment_id", "entity_id", "signal_type"),
    (
        _PLATFORM,
        _COMMENT_ID,
        Column(
            "entity_id",
            pa.string(),
            "monitored_entities.entity_id; of a discovered name discovered_entities.name.",
            required=True,
        ),
        Column(
            "signal_type",
            pa.string(),
            "mention, sentiment, or discovered for a name that the catalogue lacks.",
            required=True,
            of_thing=True,
        ),
        Column(
            "value",
            pa.string(),
            "Of a mention how the comment is about the entity (name, handle, pronoun, caption …), of a sentiment its "
            "label, of a discovered name its spelling.",
            required=True,
        ),
        Column("numeric_value", pa.float64(), "Of a sentiment the score, from -1 to 1; else null."),
        Column("weight", pa.float64(), "1 + likes/100 of the comment.", required=True),
        Column(
            "confidence",
            pa.float64(),
            "How sure it is that the comment is about the entity, from 0 to 1; below 0.5 it is a guess.",
            required=True,
        ),
        Column("model", pa.string(), "By what it was found, with its version.", required=True, of_thing=True),
        CONTENT_HASH,
    ),
    serve=True,
)

DOUBTS = Table(
    "doubts",
    "One row per comment and doubt that only a person can settle; review_queue counts them.",
    ("platform", "comment_id", "kind", "item"),
    (
        _PLATFORM,
        _COMMENT_ID,
        Column(
            "kind",
            pa.string(),
            "ambiguous_alias: a name that may mean several.",
            required=True,
            of_thing=True,
        ),
        Column("item", pa.string(), "What is in doubt.", required=True),
        Column("reason", pa.string(), "Why, in a sentence.", required=True),
        CONTENT_HASH,
    ),
    serve=False,
)

MONITORED_ENTITIES = Table(
    "monitored_entities",
    "One row per entity of the catalogue that the deployment watches.",
    ("entity_id",),
    (
        Column("entity_id", pa.string(), "Its id in the catalogue.", required=True, of_thing=True),
        Column("name", pa.string(), "As it is shown.", required=True, of_thing=True),
        Column("canonical_name", pa.string(), "In full.", required=True, of_thing=True),
        Column("type", pa.string(), "person, show, couple or brand.", required=True, of_thing=True),
        Column("aliases", pa.list_(pa.string()), "Other names.", required=True),
        Column("handles", pa.list_(pa.string()), "User names on the platforms, without @.", required=True),
        Column("active", pa.bool_(), "Whether it is looked for.", required=True),
        Column("catalogue", pa.string(), "Version of the catalogue: a hash of its entries.", required=True),
        Column(
            "entry",
            pa.string(),
            "The whole entry as JSON: by it the next version tells what another catalogue concerns. Null in versions "
            "before December 2026.",
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

DISCOVERED_ENTITIES = Table(
    "discovered_entities",
    "One row per name in comments that the catalogue lacks.",
    ("name",),
    (
        Column("name", pa.string(), "The name without case and accents.", required=True),
        Column("spelling", pa.string(), "As it is written most often.", required=True),
        Column("mentions", pa.int64(), "Distinct comments that have it.", required=True),
        Column(
            "status", pa.string(), "joined from 10 mentions on, else candidate.", required=True, of_thing=True
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

REVIEW_QUEUE = Table(
    "review_queue",
    "One row per thing that a person should decide, for the catalogue.",
    ("kind", "item"),
    (
        Column(
            "kind",
            pa.string(),
            "ambiguous_alias, or unknown_name for a discovered entity.",
            required=True,
            of_thing=True,
        ),
        Column("item", pa.string(), "The alias or name.", required=True),
        Column("reason", pa.string(), "Why, in a sentence.", required=True),
        Column("comments", pa.int64(), "Distinct comments that are about it.", required=True),
        Column("examples", pa.list_(pa.string()), "Some of them, as platform/comment_id.", required=True),
        CONTENT_HASH,
    ),
    serve=True,
)

FILES = Table(
    "files",
    "One row per file that was taken, by its content: rows = kept + merged + quarantined.",
    ("sha256",),
    (
        Column("sha256", pa.string(), "SHA-256 of its bytes, unpacked.", required=True),
        Column(
            "name",
            pa.string(),
            "What it was called when it was taken; of a member of an archive ARCHIVE!MEMBER.",
            required=True,
        ),
        Column("inside", pa.string(), "SHA-256 of the archive that it was packed in."),
        Column(
            "format",
            pa.string(),
            "What it was read as: a format, empty, or gzip and zip for what packs others; null where it was refused.",
            of_thing=True,
        ),
        Column("bytes", pa.int64(), "Its size, unpacked.", required=True),
        Column("encoding", pa.string(), "Its encoding, as Python calls it.", of_thing=True),
        Column("rows", pa.int64(), "Rows in it: comments, replies within them, or posts.", required=True),
        Column("kept", pa.int64(), "Rows that brought a comment or post nobody knew before.", required=True),
        Column(
            "merged", pa.int64(), "Rows on one that was known before, or earlier in the file.", required=True
        ),
        Column("quarantined", pa.int64(), "Rows that could not be read.", required=True),
        Column("complete", pa.bool_(), "False where it ended before its end.", required=True),
        Column(
            "refused",
            pa.string(),
            "Why it was quarantined as a whole; null where it was read.",
            of_thing=True,
        ),
        Column("seen_at", _TIME, "When it was written: the time of what it says.", required=True),
        Column("taken_at", _TIME, "Data time of the run that took it.", required=True),
        CONTENT_HASH,
    ),
    serve=True,
)

INBOX = Table(
    "inbox",
    "One row per file that stood in the inbox when the last run listed it, and had been taken by then.",
    ("path",),
    (
        Column("path", pa.string(), "Its path below the inbox.", required=True),
        Column("bytes", pa.int64(), "Its size.", required=True),
        Column("modified_at", _TIME, "When it was written.", required=True),
        Column("sha256", pa.string(), "SHA-256 of its bytes, as they lie there.", required=True),
        CONTENT_HASH,
    ),
    serve=False,
)
TABLES = (
    POSTS,
    COMMENTS,
    SIGNALS,
    MONITORED_ENTITIES,
    DISCOVERED_ENTITIES,
    REVIEW_QUEUE,
    DOUBTS,
    FILES,
    INBOX,
)
