"""Made-up comments, the weekly figures of them, and sealed versions of both, to test and measure the dashboard with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.sources.comments_weekly import analysis, tables
from include.storage import duckdb_session
from include.storage.store import Store
from include.storage.tables import Table
from include.version import version_id
from tests.sources.comments_weekly.inputs import TABLES, entity

MONDAY = date(2026, 2, 23)
"""Of the newest week."""
AS_OF = datetime(2026, 3, 2, 6, tzinfo=UTC)
World = Mapping[str, Sequence[Mapping[str, Any]] | str]
"""Rows of each table of inputs.TABLES, or the SQL that makes them."""


def comment(number: int, text: str | None = "A comment", **values: Any) -> dict[str, Any]:
    """A comment on Instagram of Monday at noon and so many seconds, scored 0.5 unless `values` say otherwise."""
    at = datetime.combine(MONDAY, datetime.min.time(), UTC) + timedelta(hours=12, seconds=number)
    return {
        "platform": "instagram",
        "comment_id": f"c{number:07}",
        "post_id": "p1",
        "context": "direct",
        "author": f"author-{number % 7}",
        "text": text,
        "created_at": at,
        "likes": 0,
        "reply_count": 0,
        "language": "en",
        "sentiment": 0.5,
        "score_state": "scored",
        "first_seen": at,
        "vanished_at": None,
    } | values


def post(number: int = 1, **values: Any) -> dict[str, Any]:
    """A post on Instagram."""
    return {
        "platform": "instagram",
        "post_id": f"p{number}",
        "url": f"https://www.instagram.com/p/p{number}/",
        "caption": f"Caption {number}",
        "subject": f"Subject {number}",
        "posted_at": datetime.combine(MONDAY, datetime.min.time(), UTC),
        "likes": 100,
        "comments_declared": 200,
        "comments_captured": 100,
    } | values


NAMES = (
    ("avery-cole", "Avery Cole", "person"),
    ("noor-haddad", "Noor Haddad", "person"),
    ("the-lantern-house", "The Lantern House", "show"),
    ("mina-jae", "Mina & Jae", "couple"),
    ("teo-marchetti", "Teo Marchetti", "person"),
    ("harbour-lights", "Harbour Lights", "show"),
    ("lumen-cosmetics", "Lumen Cosmetics", "brand"),
    ("ines-okafor", "Inés Okafor", "person"),
    ("second-summer", "Second Summer", "show"),
    ("kit-larsen", "Kit Larsen", "person"),
    ("orchid-row", "Orchid Row", "show"),
    ("dane-and-priya", "Dane & Priya", "couple"),
    ("velvet-coffee", "Velvet Coffee", "brand"),
    ("juno-park", "Juno Park", "person"),
)
_SHARES = (("instagram", 46), ("youtube", 30), ("tiktok", 19), ("reddit", 5))
_COMMON = """
    the and i this is so love you it her him they to a of in that what my for not but was just season scene omg
    why with on best show finale can't never again please more cry ending she he who knew when episode wow beautiful
    awful boring perfect honestly actually 😂 🔥 ❤ 😭 👏 acting story couple music dress trailer chemistry finally
""".split()  # noqa: SIM905
_SYLLABLES = "ka ro mi ten sha lu ver do pin gra sel no tor ya bem fi zu lan ex qui".split()  # noqa: SIM905


def generated(count: int, weeks: int = 26) -> World:
    """So many comments over the weeks until MONDAY's, under a post for each 400, with signals of most.

    Everything comes of hashes of row numbers, so it is the same each time.
    """
    first = MONDAY - timedelta(days=7 * (weeks - 1))
    names = "[" + ", ".join(duckdb_session.literal(id_) for id_, _, _ in NAMES) + "]"
    spoken = "[" + ", ".join(duckdb_session.literal(name) for _, name, _ in NAMES) + "]"
    common = "[" + ", ".join(map(duckdb_session.literal, _COMMON)) + "]"
    syllables = "[" + ", ".join(map(duckdb_session.literal, _SYLLABLES)) + "]"
    shares = [name for name, share in _SHARES for _ in range(share)]
    platforms = "[" + ", ".join(map(duckdb_session.literal, shares)) + "]"
    posts = max(4, count // 400)
    # Of the number i and of a salt: evenly between 0 and 1
    chance = "(hash(i * 1000003 + {}) % 1000000 / 1000000.0)".format
    base = f"""
        SELECT i, CAST(floor(pow({chance(1)}, 1.6) * {posts}) AS BIGINT) AS post,
            TIMESTAMPTZ '{first.isoformat()} 00:00:00+00'
                + to_microseconds(CAST(floor({chance(2)} * {weeks * 7 * 86_400}) AS BIGINT) * 1000000) AS moment,
            CAST(floor(pow({chance(3)}, 1.7) * {len(NAMES)}) AS INTEGER) AS who,
            {chance(4)} AS named, {chance(5)} AS state
        FROM range({count}) AS t(i)
    """
    made = f"""
        SELECT *, {platforms}[1 + CAST(hash(post) % {len(shares)} AS INTEGER)] AS platform,
            printf('c%09d', i) AS comment_id, printf('p%06d', post) AS post_id,
            least(1, greatest(-1, round(({chance(6)} + {chance(7)} + {chance(8)} - 1.35) * 0.85
                + 0.22 * sin(who + date_diff('day', DATE '{first.isoformat()}', CAST(moment AS DATE)) / (9.0 + who)),
                4))) AS score
        FROM ({base})
    """
    word = (
        f"CASE WHEN hash(i * 97 + k) % 10 < 7 THEN {common}[1 + CAST(hash(i * 31 + k) % {len(_COMMON)} AS INTEGER)] "
        "ELSE "
        + " || ".join(
            f"{syllables}[1 + CAST((CAST(floor(pow(hash(i * 13 + k) % 1000000 / 1000000.0, 2.5) * 8000) AS BIGINT) "
            f"// {20**place}) % 20 AS INTEGER)]"
            for place in range(3)
        )
        + " END"
    )
    return {
        "comments": f"""
            SELECT platform, comment_id, post_id, if(hash(i + 5) % 4 = 0, 'reply', 'direct') AS context,
                'author-' || (hash(i + 6) % {max(5, count // 3)}) AS author,
                if(named < 0.62, {spoken}[1 + who] || ' ', '')
                    || array_to_string(list_transform(
                        range(2 + CAST(pow({chance(9)}, 2) * 22 AS INTEGER)), lambda k: {word}), ' ')
                    || if(hash(i + 9) % 12 = 0, ' @' || left(md5(i::VARCHAR), 20), '') AS text,
                if(hash(i + 3) % 400 = 0, NULL, moment) AS created_at,
                CAST(pow({chance(10)}, 9) * 3000 AS BIGINT) AS likes,
                CAST(pow({chance(11)}, 12) * 30 AS BIGINT) AS reply_count,
                if(state < 0.06, 'es', 'en') AS language,
                if(state < 0.08, NULL, score) AS sentiment,
                CASE WHEN state < 0.06 THEN 'other_language' WHEN state < 0.075 THEN 'no_text' WHEN state < 0.08
                    THEN 'failed' ELSE 'scored' END AS score_state,
                moment + INTERVAL 3 HOUR AS first_seen,
                if(hash(i + 4) % 60 = 0, moment + INTERVAL 5 DAY, NULL) AS vanished_at
            FROM ({made})""",
        "posts": f"""
            SELECT DISTINCT ON (platform, post_id) platform, post_id,
                'https://www.' || platform || '.com/p/' || post_id || '/' AS url,
                'Episode ' || (post % 24 + 1) || ' is out. Tell us what you think!' AS caption,
                {spoken}[1 + CAST(post % {len(NAMES)} AS INTEGER)] || ', episode ' || (post % 24 + 1) AS subject,
                TIMESTAMPTZ '{first.isoformat()} 00:00:00+00' + to_days(CAST(post * {weeks * 7} // {posts} AS INTEGER))
                    AS posted_at,
                hash(post) % 90000 AS likes, 800 + hash(post + 1) % 900 AS comments_declared,
                380 + hash(post + 2) % 400 AS comments_captured
            FROM ({made})""",
        "signals": f"""
            SELECT platform, comment_id, {names}[1 + who] AS entity_id, 'mention' AS signal_type,
                0.9 AS confidence
            FROM ({made})
            WHERE named < 0.62
            UNION ALL
            SELECT platform, comment_id, {names}[1 + (who + 3) % {len(NAMES)}], 'mention', 0.9 FROM ({made})
            WHERE named < 0.1
            UNION ALL
            -- Two who come up together in the last week, and a third whom the catalogue does not know
            SELECT platform, comment_id, unnest(['avery-cole', 'juno-park']), 'together', 0.9 FROM ({made})
            WHERE named BETWEEN 0.7 AND 0.76 AND moment >= TIMESTAMPTZ '{MONDAY.isoformat()} 00:00:00+00'
            UNION ALL
            SELECT platform, comment_id, 'Paper Moon Tour', 'discovered', 0.5 FROM ({made})
            WHERE named BETWEEN 0.65 AND 0.68 AND moment >= TIMESTAMPTZ '{MONDAY.isoformat()} 00:00:00+00'""",
        "monitored_entities": [entity(*each) for each in NAMES],
    }


def seal(
    store: Store,
    world: World,
    weeks: Sequence[date] = (MONDAY,),
    *,
    as_of: datetime = AS_OF,
    run: str = "run",
) -> Manifest:
    """A sealed version of comments_weekly with the figures of some weeks, and the one of comments below it."""
    with tempfile.TemporaryDirectory() as folder, duckdb_session.session(Path(folder)) as con:
        for table in TABLES:
            _view(con, table, world.get(table.name, ()))
        collected = _sealed(
            store, "comments", TABLES, as_of, run, {}, {each.name: _rows(con, each) for each in TABLES}
        )
        figures: dict[str, list[pa.RecordBatch]] = {table.name: [] for table in tables.TABLES}
        for week in weeks:
            analysis.prepare(con, week)
            for table in tables.FIGURES:
                figures[table.name] += list(analysis.rows(con, table))
            figures["briefs"].append(_brief(con, week, collected.version))
    return _sealed(
        store, "comments_weekly", tables.TABLES, as_of, run, {"comments": collected.version}, figures
    )


def weeks_until(monday: date, number: int) -> list[date]:
    """So many weeks, the last of which is that of the Monday."""
    return [monday - timedelta(days=7 * back) for back in reversed(range(number))]


def _view(con: duckdb.DuckDBPyConnection, table: Table, given: Sequence[Mapping[str, Any]] | str) -> None:
    if isinstance(given, str):
        con.execute(f"CREATE TABLE comments_{table.name} AS {given}")
    else:
        filled = pa.Table.from_pylist([dict(each) for each in given], table.values)
        con.register("given", filled)
        con.execute(f"CREATE TABLE comments_{table.name} AS SELECT * FROM given")
        con.unregister("given")


def _rows(con: duckdb.DuckDBPyConnection, table: Table) -> Iterator[pa.RecordBatch]:
    names = duckdb_session.identifiers(table.values.names)
    order = duckdb_session.identifiers(table.key)
    query = f"SELECT {names} FROM comments_{table.name} ORDER BY {order}"
    return duckdb_session.batches(duckdb_session.cursor(con), query, table.values)


def _brief(con: duckdb.DuckDBPyConnection, week: date, version: str) -> pa.RecordBatch:
    found = con.execute("SELECT count(*) FROM seen WHERE week = this_week()").fetchone()
    comments = found[0] if found else 0
    row = {
        "week": week,
        "comments": comments,
        "input_version": version,
        "headline": f"{comments:,} comments in this week.",
        "pages": 1,
        "twin": "{}",
        "pdf_sha256": "0" * 64,
        "pdf": b"%PDF",
    }
    briefs = next(table for table in tables.TABLES if table.name == "briefs")
    return pa.RecordBatch.from_pylist([row], briefs.values)


def _sealed(
    store: Store,
    source: str,
    declared: Sequence[Table],
    as_of: datetime,
    run: str,
    built_from: dict[str, str],
    rows: Mapping[str, Iterable[pa.RecordBatch]],
) -> Manifest:
    with Candidate(store, source, version_id(as_of, run), declared, 1, None) as candidate:
        received = sum(
            file.rows for table in declared for file in candidate.write(table.name, rows[table.name])
        )
        return candidate.seal(
            run_id=run,
            as_of=as_of,
            created_at=as_of,
            code_version="test",
            cursors={},
            counts={"received": received},
            upstream={},
            built_from=built_from,
        )
