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
        CONTENT_HASH,
    ),
    serve=True,
    kind=("platform",),
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
TABLES = (POSTS, COMMENTS, FILES, INBOX)
