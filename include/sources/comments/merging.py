"""What exports tell, merged into the last good version, a part of it at a time: DuckDB's SQL over shards and base.

A part holds the comments of the posts that became known in one month and fall into one bucket (shards.py); parts that
no row of a run is about are not even read. The rules stand in docs/decisions/041-merging-comments.md:

- A comment is its platform's id. What is told of it last counts, column by column, and what was never told stays null.
  A text in which question marks stand for what cp1252 lacks gives way to one that has it.
- Where an export gives no id, the key is derived from post, time and text, and from which of equal rows of its file it
  is. It is the same comment as one with an id that has the same post, second and text; without a time, the same post,
  text and author.
- A comment has vanished when an export with ids holds nearly all (COMPLETE_SHARE) of the comments that were known of
  its post, at least COMPLETE_LEAST, and not this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from include.publishing.candidate import Candidate
from include.sources.comments import enriching, wording
from include.sources.comments.enriching import Plan
from include.sources.comments.shards import BUCKETS, COMMENTS, POSTS, ROW_BITS
from include.sources.comments.tables import COMMENTS as COMMENTS_TABLE
from include.sources.comments.tables import DOUBTS, SIGNALS
from include.sources.comments.tables import POSTS as POSTS_TABLE
from include.sources.source import Run
from include.storage import duckdb_session
from include.storage.duckdb_session import identifiers, literal

COMPLETE_SHARE, COMPLETE_LEAST = 0.95, 20
"""An export that holds so much of what was known of a post tells what is gone; of fewer comments nobody can tell."""
FILE_OF = f"(seq >> {ROW_BITS})"
"""SQL for the number of the content that a row is from (shards.py)."""


def register_shards(con: duckdb.DuckDBPyConnection, scratch: Path, files: dict[int, str]) -> None:
    """Views of what landed: told_posts, and told_comments_N of each bucket; `files` are the accepted contents.

    `files` maps the number of a content to its time as SQL reads it.
    """
    con.execute("CREATE TABLE seen_files (file BIGINT, seen_at TIMESTAMPTZ)")
    if files:
        con.executemany("INSERT INTO seen_files VALUES (?, ?)", [[file, at] for file, at in files.items()])
    shards = {"posts": POSTS, **{f"comments-{bucket}": COMMENTS for bucket in range(BUCKETS)}}
    for name, schema in shards.items():
        view = f"told_{name.replace('-', '_')}"
        found = sorted(map(str, scratch.glob(f"{name}-*.parquet")))
        con.register(f"no_{view}", schema.empty_table())
        rows = f"SELECT * FROM no_{view}"  # noqa: S608
        if found:
            rows += f" UNION ALL SELECT * FROM read_parquet([{', '.join(map(literal, found))}])"  # noqa: S608
        con.execute(
            f"CREATE VIEW {view} AS SELECT t.*, {FILE_OF} AS file, seen_at "  # noqa: S608
            f"FROM ({rows}) t JOIN seen_files s ON s.file = {FILE_OF}"
        )


# --- posts ---


def find_posts(con: duckdb.DuckDBPyConnection, month: str) -> None:
    """Make `exact_posts` (ids that float64 had rounded, with the whole ones) and `homes` (the part of each post)."""
    con.execute(
        """CREATE TABLE exact_posts AS
        WITH named AS (
            SELECT platform, post_id, bool_and(rounded) AS rounded FROM (
                SELECT platform, post_id, rounded FROM told_posts
                UNION ALL SELECT platform, post_id, id_rounded FROM previous_posts) GROUP BY ALL)
        SELECT r.platform, r.post_id AS rounded_id, min(e.post_id) AS post_id
        FROM named r JOIN named e ON e.platform = r.platform
            AND try_cast(e.post_id AS DOUBLE) = try_cast(r.post_id AS DOUBLE)
        WHERE r.rounded AND NOT e.rounded GROUP BY ALL HAVING count(DISTINCT e.post_id) = 1"""
    )
    con.execute(
        f"""CREATE TABLE homes AS
        WITH known AS (
            SELECT p.platform, coalesce(x.post_id, p.post_id) AS post_id, min(part) AS part
            FROM previous_posts p LEFT JOIN exact_posts x ON x.platform = p.platform AND x.rounded_id = p.post_id
            GROUP BY ALL),
        told AS (
            SELECT t.platform, coalesce(x.post_id, t.post_id) AS post_id, min(bucket) AS bucket
            FROM told_posts t LEFT JOIN exact_posts x ON x.platform = t.platform AND x.rounded_id = t.post_id
            GROUP BY ALL)
        SELECT platform, post_id, coalesce(part, {literal(month)} || '-' || bucket) AS part,
            bucket IS NOT NULL AS is_told
        FROM known FULL JOIN told USING (platform, post_id)"""  # noqa: S608
    )
    con.execute("CREATE TABLE captured (platform VARCHAR, post_id VARCHAR, n BIGINT)")
    con.execute("CREATE TABLE accounts (file BIGINT, kept BIGINT, merged BIGINT)")


def count_posts(con: duckdb.DuckDBPyConnection) -> None:
    """Account for the rows of exports of posts."""
    con.execute(
        """INSERT INTO accounts
        WITH told AS (
            SELECT t.platform, coalesce(x.post_id, t.post_id) AS post_id, seq, file, implied
            FROM told_posts t LEFT JOIN exact_posts x ON x.platform = t.platform AND x.rounded_id = t.post_id),
        known AS (
            SELECT DISTINCT p.platform, coalesce(x.post_id, p.post_id) AS post_id, true AS known
            FROM previous_posts p LEFT JOIN exact_posts x ON x.platform = p.platform AND x.rounded_id = p.post_id),
        judged AS (
            SELECT file, implied, known IS NULL
                AND row_number() OVER (PARTITION BY platform, post_id ORDER BY seq) = 1 AS first
            FROM told LEFT JOIN known USING (platform, post_id))
        SELECT file, count(*) FILTER (first), count(*) FILTER (NOT first) FROM judged WHERE NOT implied GROUP BY file"""
    )


def write_posts(candidate: Candidate) -> None:
    """Write posts, each column as it was told last; a day alone gives way to a time of day."""
    con, table = candidate.connection, POSTS_TABLE
    last = ", ".join(
        f"arg_max({name}, moment) FILTER ({name} IS NOT NULL) AS {name}"
        for name in ("url", "likes", "views", "comments_declared")
    )
    query = f"""
        WITH told AS (
            SELECT t.platform, coalesce(x.post_id, t.post_id) AS post_id, rounded AND x.post_id IS NULL AS id_rounded,
                url, posted_at, exact_time, likes, views, declared AS comments_declared,
                seen_at AS first_seen, seen_at AS last_seen, seq
            FROM told_posts t LEFT JOIN exact_posts x ON x.platform = t.platform AND x.rounded_id = t.post_id
            UNION ALL
            SELECT p.platform, coalesce(x.post_id, p.post_id), id_rounded AND x.post_id IS NULL,
                url, posted_at, posted_at <> date_trunc('day', posted_at), likes, views,
                comments_declared, first_seen, last_seen, -1
            FROM previous_posts p LEFT JOIN exact_posts x ON x.platform = p.platform AND x.rounded_id = p.post_id),
        moments AS (SELECT *, ROW(last_seen, seq) AS moment FROM told),
        merged AS (
            SELECT platform, post_id, bool_and(id_rounded) AS id_rounded, {last},
                arg_max(posted_at, ROW(coalesce(exact_time, false), last_seen, seq))
                    FILTER (posted_at IS NOT NULL) AS posted_at,
                min(first_seen) AS first_seen, max(last_seen) AS last_seen
            FROM moments GROUP BY platform, post_id)
        SELECT m.*, t.caption, t.subject, h.part, coalesce(c.n, before.comments_captured, 0) AS comments_captured
        FROM merged m JOIN homes h USING (platform, post_id) JOIN captions t USING (platform, post_id)
            LEFT JOIN (SELECT platform, post_id, sum(n) AS n FROM captured GROUP BY ALL) c USING (platform, post_id)
            LEFT JOIN previous_posts before USING (platform, post_id)
        ORDER BY platform, post_id"""  # noqa: S608
    ordered = f"SELECT {identifiers(table.values.names)} FROM ({query}) ORDER BY platform, post_id"  # noqa: S608
    candidate.write(table.name, duckdb_session.batches(con, ordered, table.values))


# --- comments ---


def find_conflicts(con: duckdb.DuckDBPyConnection) -> None:
    """Make `conflicts`: rows on a comment that is known, or was told before, of another post."""
    every = " UNION ALL ".join(
        f"SELECT platform, comment_id, post_id, seq FROM told_comments_{bucket} WHERE comment_id IS NOT NULL"  # noqa: S608
        for bucket in range(BUCKETS)
    )
    whole = "LEFT JOIN exact_posts x ON x.platform = r.platform AND x.rounded_id = r.post_id"
    rows = f"""SELECT r.platform, comment_id, coalesce(x.post_id, r.post_id) AS post_id, seq
        FROM ({every} UNION ALL SELECT platform, comment_id, post_id, -1 FROM previous_comments) r {whole}"""  # noqa: S608
    # Hashes first: of millions of ids hardly any is doubtful, and texts of all of them would fill the memory.
    con.execute(
        f"""CREATE TABLE conflicts AS
        WITH doubtful AS (
            SELECT hash(platform, comment_id) AS id FROM ({rows}) GROUP BY ALL
            HAVING min(hash(post_id)) <> max(hash(post_id))),
        told AS (
            SELECT * FROM ({rows}) WHERE hash(platform, comment_id) IN (SELECT id FROM doubtful)),
        homes AS (SELECT platform, comment_id, arg_min(post_id, seq) AS home FROM told GROUP BY ALL)
        SELECT seq, platform, comment_id, post_id, home FROM told JOIN homes USING (platform, comment_id)
        WHERE post_id <> home AND seq >= 0"""  # noqa: S608
    )


def touched(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The parts that a row of this run is about, or in which a post has become known by its whole id."""
    rows = con.execute(
        """SELECT DISTINCT part FROM homes WHERE is_told
        UNION SELECT part FROM previous_posts p
            JOIN exact_posts x ON x.platform = p.platform AND x.rounded_id = p.post_id"""
    ).fetchall()
    return {part for (part,) in rows}


WORDS = wording.words("text")
POST_NAME = "coalesce(try_cast(post_id AS DOUBLE)::VARCHAR, post_id)"
"""SQL for a post's id in a derived key: the same for a rounded id and the whole one."""
_SECOND = "coalesce(epoch(created_at)::BIGINT::VARCHAR, '')"
DERIVED = f"'derived-' || md5(concat_ws('|', platform, {POST_NAME}, {_SECOND}, words, nth))"
"""SQL for the key of a comment whose id no export gave; `nth` of equal ones it is."""

_TOLD = ("post_id", "parent_id", "text", "created_at", "likes", "reply_count", "author", "author_key")
"""Columns of a comment, each of which is as it was told last."""
_PART = (
    # What was told of the part's posts, under the key that each row has by itself.
    """CREATE OR REPLACE TABLE told AS
    WITH rows AS NOT MATERIALIZED (
        SELECT t.* REPLACE (coalesce(x.post_id, t.post_id) AS post_id)
        FROM told_comments_{bucket} t LEFT JOIN exact_posts x ON x.platform = t.platform AND x.rounded_id = t.post_id
        WHERE seq NOT IN (SELECT seq FROM conflicts)),
    here AS NOT MATERIALIZED (SELECT r.* FROM rows r JOIN homes h USING (platform, post_id) WHERE h.part = {part}),
    given AS (SELECT *, true AS id_given FROM here WHERE comment_id IS NOT NULL),
    nameless AS (SELECT *, {words} AS words FROM here WHERE comment_id IS NULL),
    numbered AS (
        SELECT *, row_number() OVER (PARTITION BY file, platform, post_id, created_at, words ORDER BY seq) AS nth
        FROM nameless)
    SELECT * FROM given
    UNION ALL BY NAME
    SELECT * EXCLUDE (words, nth) REPLACE ({derived} AS comment_id), false AS id_given FROM numbered""",
    """CREATE OR REPLACE TABLE known AS
    SELECT b.* REPLACE (coalesce(x.post_id, b.post_id) AS post_id,
        if(x.post_id IS NULL, content_hash, NULL) AS content_hash), false AS renamed
    FROM {view} b LEFT JOIN exact_posts x ON x.platform = b.platform AND x.rounded_id = b.post_id""",
    # Which derived keys are comments whose id is known by now; only posts that have both kinds are looked at.
    """CREATE OR REPLACE TABLE twins AS
    WITH mixed AS (
        SELECT platform, post_id FROM (
            SELECT platform, post_id, id_given, created_at FROM told
            UNION ALL SELECT platform, post_id, id_given, created_at FROM known)
        GROUP BY ALL
        HAVING bool_or(NOT id_given) AND (bool_or(id_given) OR bool_or(NOT id_given AND created_at IS NULL))),
    rows AS (
        SELECT platform, comment_id, post_id, id_given, created_at, text, author
        FROM told SEMI JOIN mixed USING (platform, post_id)
        UNION SELECT platform, comment_id, post_id, id_given, created_at, text, author
        FROM known SEMI JOIN mixed USING (platform, post_id)),
    worded AS (
        SELECT DISTINCT ON (platform, comment_id) platform, post_id, comment_id, id_given, created_at, author,
            {words} AS words
        FROM rows ORDER BY platform, comment_id, created_at, text, author),
    -- The n-th of equal comments with an id is the n-th of equal rows without one.
    timed AS (
        SELECT *, row_number() OVER (
            PARTITION BY platform, post_id, epoch(created_at)::BIGINT, words ORDER BY comment_id) AS nth
        FROM worded WHERE id_given AND created_at IS NOT NULL),
    by_time AS (
        SELECT g.platform, d.comment_id AS derived_id, g.comment_id
        FROM (SELECT platform, comment_id, {derived} AS derived_id FROM timed) g
            JOIN worded d ON d.platform = g.platform AND d.comment_id = g.derived_id),
    untimed AS (
        SELECT *, NOT id_given AND created_at IS NULL AS is_bare, row_number() OVER (
            PARTITION BY platform, post_id, words, author, is_bare ORDER BY id_given DESC, comment_id) AS nth
        FROM worded WHERE author IS NOT NULL AND comment_id NOT IN (SELECT derived_id FROM by_time)),
    by_author AS (
        SELECT d.platform, d.comment_id AS derived_id, g.comment_id
        FROM untimed d JOIN untimed g USING (platform, post_id, words, author, nth)
        WHERE d.is_bare AND NOT g.is_bare)
    SELECT platform, derived_id, min(comment_id) AS comment_id
    FROM (FROM by_time UNION ALL FROM by_author) GROUP BY ALL""",
    """CREATE OR REPLACE TABLE exports AS SELECT DISTINCT file, seen_at, platform, post_id FROM told WHERE id_given""",
    # From here on each row has the key of its comment.
    """UPDATE told SET comment_id = w.comment_id FROM twins w
    WHERE told.platform = w.platform AND told.comment_id = w.derived_id""",
    """UPDATE told SET id_given = NOT starts_with(comment_id, 'derived-')
    WHERE id_given = starts_with(comment_id, 'derived-')""",
    """UPDATE known SET comment_id = w.comment_id, id_given = NOT starts_with(w.comment_id, 'derived-'), renamed = true
    FROM twins w WHERE known.platform = w.platform AND known.comment_id = w.derived_id""",
    # Comments on which more than one row of this run, or more than one of before, says something.
    """CREATE OR REPLACE TABLE several AS
    SELECT platform, comment_id FROM told GROUP BY ALL HAVING count(*) > 1
    UNION SELECT platform, comment_id FROM known WHERE renamed""",
    # What nobody told anything of stays as it is; the rest is told anew, column by column. Nearly always that is one
    # row upon what was known, if anything: a join, which costs a third of what grouping all rows does.
    """CREATE OR REPLACE TABLE now AS
    WITH rows AS (
        SELECT platform, comment_id, post_id, parent_id, reply, author, if(author IS NULL, NULL, {key}) AS author_key,
            text, created_at, likes, reply_count, id_given, seen_at AS first_seen, seen_at AS last_seen,
            NULL::TIMESTAMPTZ AS vanished_at, seq
        FROM told SEMI JOIN several USING (platform, comment_id)
        UNION ALL BY NAME
        SELECT * EXCLUDE (context, content_hash, renamed), context = 'reply' AS reply, -1 AS seq
        FROM known SEMI JOIN several USING (platform, comment_id)),
    moments AS (SELECT *, ROW(last_seen, seq) AS moment FROM rows),
    merged AS (
        SELECT platform, comment_id, {last}, bool_or(reply) AS reply, bool_or(id_given) AS id_given,
            min(first_seen) AS first_seen, max(last_seen) AS last_seen,
            max(vanished_at) AS vanished_at
        FROM moments GROUP BY platform, comment_id),
    lone AS NOT MATERIALIZED (
        SELECT *, if(author IS NULL, NULL, {key}) AS author_key
        FROM told ANTI JOIN several USING (platform, comment_id)),
    upon AS (
        SELECT n.platform, n.comment_id, {newer}, n.reply OR coalesce(k.context = 'reply', false) AS reply,
            n.id_given OR coalesce(k.id_given, false) AS id_given, least(seen_at, k.first_seen) AS first_seen,
            greatest(seen_at, k.last_seen) AS last_seen, k.vanished_at
        FROM lone n LEFT JOIN known k ON k.platform = n.platform AND k.comment_id = n.comment_id)
    SELECT * EXCLUDE (reply) REPLACE (if(vanished_at > last_seen, vanished_at, NULL) AS vanished_at),
        if(reply, 'reply', 'direct') AS context, NULL::VARCHAR AS content_hash
    FROM (FROM merged UNION ALL BY NAME FROM upon)
    UNION ALL BY NAME
    SELECT * EXCLUDE (renamed) FROM known
    ANTI JOIN (SELECT platform, comment_id FROM told UNION ALL FROM several) USING (platform, comment_id)""",
    # Of what was told, texts in which a spreadsheet put question marks; content_hash is null of nothing else.
    """UPDATE now SET text = w.whole FROM (
        WITH texts AS (
            SELECT platform, comment_id, text, ROW(seen_at, seq) AS moment FROM told
            UNION ALL SELECT platform, comment_id, text, ROW(last_seen, -1) FROM known),
        doubtful AS {doubtful}
        FROM {whole}) w
    WHERE now.platform = w.platform AND now.comment_id = w.comment_id""",
    # Which exports hold nearly all that was known of a post when they were made.
    """CREATE OR REPLACE TABLE complete AS
    WITH held AS (SELECT DISTINCT file, platform, comment_id, true AS is_held FROM told),
    measured AS (
        SELECT file, e.seen_at, platform, e.post_id, count(*) AS known, count(is_held) AS held
        FROM exports e JOIN now n USING (platform, post_id) LEFT JOIN held USING (file, platform, comment_id)
        WHERE n.id_given AND n.first_seen < e.seen_at AND (n.vanished_at IS NULL OR n.vanished_at >= e.seen_at)
        GROUP BY ALL)
    SELECT platform, post_id, seen_at FROM measured WHERE known >= {least} AND held >= {share} * known""",
    """CREATE OR REPLACE TABLE gone AS
    SELECT platform, comment_id, min(c.seen_at) AS at
    FROM now n JOIN complete c USING (platform, post_id)
    WHERE n.id_given AND n.vanished_at IS NULL AND n.last_seen < c.seen_at GROUP BY ALL""",
    """UPDATE now SET vanished_at = gone.at, content_hash = NULL FROM gone
    WHERE now.platform = gone.platform AND now.comment_id = gone.comment_id""",
    """INSERT INTO captured SELECT platform, post_id, count(*) FILTER (vanished_at IS NULL) FROM now GROUP BY ALL""",
    """INSERT INTO accounts
    WITH firsts AS (
        SELECT min(seq) AS seq FROM told ANTI JOIN known USING (platform, comment_id) GROUP BY platform, comment_id),
    kept AS (SELECT {file} AS file, count(*) AS kept FROM firsts GROUP BY ALL)
    SELECT file, coalesce(any_value(kept), 0), count(*) - coalesce(any_value(kept), 0)
    FROM told LEFT JOIN kept USING (file) GROUP BY file""",
)
"""From what came and a part of the last good version to the part of the new one, step by step."""


def write_comments(run: Run, candidate: Candidate, key_name: str, plan: Plan) -> None:
    """Write the parts that a row of this run is about or that are to be enriched, keep the others."""
    con, table = candidate.connection, COMMENTS_TABLE
    enriching.begin(con)
    moved = touched(con) | enriching.parts_due(con, run, plan)
    before = {file.part for file in candidate.previous_files(table.name) if file.part}
    for part in sorted(moved | before):
        if part in moved:
            _merge(candidate, part, key_name)
            enriching.enrich(candidate, part, plan)
            rows = f"SELECT {identifiers(table.names)} FROM now ORDER BY platform, comment_id"  # noqa: S608
            candidate.write(table.name, duckdb_session.batches(con, rows, table.schema), part)
        else:
            candidate.keep(table.name, part)
            enriching.keep(candidate, part)
    if not moved | before:
        for name in (table.name, SIGNALS.name, DOUBTS.name):
            candidate.write(name, [])


def _merge(candidate: Candidate, part: str, key_name: str) -> None:
    con, table = candidate.connection, COMMENTS_TABLE
    view = f"before_{part.replace('-', '_')}"
    candidate.register_previous(view, table.name, part)
    last = ", ".join(f"arg_max({name}, moment) FILTER ({name} IS NOT NULL) AS {name}" for name in _TOLD)
    newer = ", ".join(
        f"if(seen_at < k.last_seen, coalesce(k.{name}, n.{name}), coalesce(n.{name}, k.{name})) AS {name}"
        for name in _TOLD
    )
    words = {
        "bucket": part.rpartition("-")[2],
        "part": literal(part),
        "view": view,
        "words": WORDS,
        "doubtful": wording.doubtful("(FROM now WHERE content_hash IS NULL)", "platform, comment_id", "text"),
        "whole": wording.whole("texts", "platform, comment_id", "text", "doubtful"),
        "derived": DERIVED,
        "key": literal(key_name),
        "last": last,
        "newer": newer,
        "file": FILE_OF,
        "least": str(COMPLETE_LEAST),
        "share": str(COMPLETE_SHARE),
    }
    for statement in _PART:
        con.execute(_filled(statement, words))


def _filled(statement: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        statement = statement.replace(f"{{{name}}}", value)
    return statement


def accounts(con: duckdb.DuckDBPyConnection) -> dict[int, tuple[int, int]]:
    """Of each content: rows that brought something new, and rows on what was known."""
    rows = con.execute(
        "SELECT file, sum(kept)::BIGINT, sum(merged)::BIGINT FROM accounts GROUP BY file"
    ).fetchall()
    return {file: (kept, merged) for file, kept, merged in rows}


def conflicts(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str, str, str, str]]:
    """Content, platform, comment, post and the post that it is known of, of each row in `conflicts`."""
    rows = con.execute(
        f"SELECT {FILE_OF}, platform, comment_id, post_id, home FROM conflicts ORDER BY seq"  # noqa: S608
    )
    while some := rows.fetchmany(1_000):
        yield from some
