"""The dashboard: the figures of every week and the comments they were made from, as a static site.

Everything a reader fetches stands below site/comments_weekly/dashboard/ in the store (include/sources/pages.py). What
the first screen shows is a few small JSON files; comments lie in Parquet parts, newest first, and beside them an
index says which parts have a word, so that a search reads few of them. Who wrote a comment is not exported, not even
as a hash. docs/comments_dashboard.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest
from include.sources import pages
from include.sources.comments_weekly.tables import SURE_FROM
from include.sources.pages import Pointer, Site, SiteFile
from include.storage import duckdb_session
from include.storage.store import Store

SITE = "site/comments_weekly/dashboard"
FORMAT = 1
STALE_AFTER_HOURS = 8 * 24
"""A new version is due every week."""
PAGE = Path(__file__).parent / "page"
"""The built page (web/ holds its sources)."""

INPUT = "comments"
"""The source of which the weekly figures are made."""
FIGURES = (
    "platform_weeks",
    "sentiment_days",
    "entity_rankings",
    "velocity_alerts",
    "post_weeks",
    "storylines",
    "briefs",
)
COLLECTED = ("comments", "posts", "signals")

FIRST_ROWS = 1_000
"""Comments of the first part: small, since the newest comments are shown before anybody searches."""
PART_ROWS = 8_192
"""Comments of each other part."""
WORD_ROWS = 8_192
"""Words of a file of the index."""
WORD_CHARACTERS = 40
"""So much of a word is in the index; web/dashboard/words.ts knows it too."""
TEXT_CHARACTERS = 2_000
CAPTION_CHARACTERS = 300
"""So much is shown of a text or caption; the page says where one is longer."""
RANKED, POSTS, STORYLINES = 200, 100, 30
"""So many entities, posts and storylines of a week are shown, the first by rank."""

MOOD = """CASE
    WHEN score_state IS DISTINCT FROM 'scored' OR sentiment IS NULL THEN
        CASE WHEN score_state IN ('other_language', 'no_text', 'failed') THEN score_state ELSE 'unscored' END
    WHEN sentiment >= 0.7 THEN 'very_positive' WHEN sentiment >= 0.3 THEN 'positive'
    WHEN sentiment > -0.3 THEN 'neutral' WHEN sentiment > -0.7 THEN 'negative' ELSE 'very_negative' END"""
"""The columns of platform_weeks, by the same limits: each comment is counted in one of them."""

NEWEST = f"""
SELECT platform, post_id, left(text, {TEXT_CHARACTERS}) AS text,
    CASE WHEN length(text) > {TEXT_CHARACTERS} THEN length(text) END AS characters,
    epoch_ms(created_at) AS created, likes, reply_count AS replies,
    coalesce(context = 'reply', false) AS reply, language,
    CASE WHEN score_state = 'scored' THEN sentiment END AS sentiment, {MOOD} AS mood,
    vanished_at IS NOT NULL AS vanished, coalesce(entities, []) AS entities,
    left(subject, {CAPTION_CHARACTERS}) AS subject, url
FROM comments
LEFT JOIN (
    SELECT platform, comment_id, list(DISTINCT entity_id ORDER BY entity_id) AS entities
    FROM signals WHERE entity_id <> '' AND confidence >= {SURE_FROM} GROUP BY ALL
) USING (platform, comment_id)
LEFT JOIN (SELECT platform, post_id, subject, url FROM posts) USING (platform, post_id)
ORDER BY created_at DESC NULLS LAST, platform, comment_id
"""  # noqa: S608
COMMENT = pa.schema(
    [
        ("platform", pa.string()),
        ("post_id", pa.string()),
        ("text", pa.string()),
        ("characters", pa.int32()),
        ("created", pa.float64()),
        ("likes", pa.float64()),
        ("replies", pa.float64()),
        ("reply", pa.bool_()),
        ("language", pa.string()),
        ("sentiment", pa.float32()),
        ("mood", pa.string()),
        ("vanished", pa.bool_()),
        ("entities", pa.list_(pa.string())),
        ("subject", pa.string()),
        ("url", pa.string()),
    ]
)
"""A comment as the page reads it: numbers that a browser has, `created` in milliseconds since 1970 in UTC,
`characters` of a text that was cut."""
WORD = pa.schema([("word", pa.string()), ("parts", pa.list_(pa.int32()))])

SPACELESS = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
"""Scripts written without blanks: each of their letters counts as a word."""
WORDS = r"[\p{L}\p{N}]+|\p{So}"
"""Letters and digits in a row, or one symbol, as emoji are. web/dashboard/words.ts has the same rules."""

TREND = """
SELECT week, platform, entity_id, sum(comments)::BIGINT AS comments, sum(scored)::BIGINT AS scored,
    round(sum(average_sentiment * scored) / nullif(sum(scored), 0), 6) AS average_sentiment
FROM sentiment_days GROUP BY ALL ORDER BY week, platform, entity_id
"""
TRENDS = pa.schema(
    [
        ("week", pa.string()),
        ("platform", pa.string()),
        ("entity_id", pa.string()),
        ("comments", pa.float64()),
        ("scored", pa.float64()),
        ("average_sentiment", pa.float64()),
    ]
)
OF_A_WEEK: Mapping[str, tuple[str, dict[str, int]]] = {
    "rankings": (
        "SELECT * FROM entity_rankings WHERE week = $week ORDER BY rank NULLS LAST, entity_id LIMIT $most",
        {"most": RANKED},
    ),
    "alerts": (
        "SELECT * FROM velocity_alerts WHERE week = $week ORDER BY abs(change_percent) DESC, entity_id",
        {},
    ),
    "posts": (
        "SELECT * REPLACE (left(caption, $characters) AS caption, left(subject, $characters) AS subject) "
        "FROM post_weeks WHERE week = $week ORDER BY rank LIMIT $most",
        {"characters": CAPTION_CHARACTERS, "most": POSTS},
    ),
    "storylines": (
        "SELECT * FROM storylines WHERE week = $week ORDER BY rank LIMIT $most",
        {"most": STORYLINES},
    ),
    "days": ("SELECT * FROM sentiment_days WHERE week = $week ORDER BY day, platform, entity_id", {}),
}
LEFT_OUT = ("week", "content_hash")
"""Columns of a week's tables that the page has no use for."""


class WeekFile(SiteFile, frozen=True, kw_only=True):
    """The figures of one week; `rows` counts its rankings, alerts, posts, storylines and days."""

    week: date


class SiteFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to read, in the order in which the page does."""

    overview: SiteFile
    """JSON: the weeks, and each platform's figures in each."""
    weeks: tuple[WeekFile, ...]
    """JSON, oldest week first."""
    trends: SiteFile
    """Parquet: comments and sentiment by week, platform and entity."""
    comments: SiteFile
    """JSON: the parts of the comments, what is in each, and the files of the index of words."""


class Latest(Pointer, frozen=True, kw_only=True):
    """latest.json: the version that readers of the site get, and its files."""

    comments: int
    files: SiteFiles


class Part(SiteFile, frozen=True, kw_only=True):
    """A part of the comments, and how many of its comments are of each kind."""

    first: int | None
    """The oldest of its times in milliseconds since 1970; null where no comment has one."""
    last: int | None
    platforms: dict[str, int]
    moods: dict[str, int]
    entities: dict[str, int]


class WordFile(SiteFile, frozen=True, kw_only=True):
    """A file of the index; words are in the order of their code points. Posts are in it too, as ` PLATFORM POST`."""

    first: str


class Comments(msgspec.Struct, frozen=True, kw_only=True):
    """The comments, newest first."""

    rows: int
    parts: list[Part]
    words: list[WordFile]


def export(store: Store, manifest: Manifest, published_at: datetime, moves: int = 0) -> dict[str, Any]:
    """Make the dashboard show a promoted version (see write_site); returns what it is, for the run log."""
    shown = write_site(store, manifest, published_at, moves)
    return {
        "site": SITE,
        "version": shown.version,
        "weeks": len(shown.files.weeks),
        "comments": shown.comments,
    }


def write_site(store: Store, manifest: Manifest, published_at: datetime, moves: int = 0) -> Latest:
    """Make the dashboard show a promoted version of comments_weekly, and return what latest.json then says.

    The comments are those of the version of `comments` that it was built from, which retention keeps. `moves` counts
    how often latest was moved: an export that was frozen and wakes shows nothing that is older than what the site
    shows by then. May be called again at any time, above all after a kill. Memory is bounded for any number of
    comments, but for the figures of one week.

    Raises AlteredFile where a file is not its manifest's, FileNotFoundError where the version of comments is gone, and
    ValueError where the manifest names none, latest.json cannot be read or the time has no zone.
    """
    pages.require_zone(published_at)
    if INPUT not in manifest.built_from:
        raise ValueError(
            f"version {manifest.version} of {manifest.source} does not say which {INPUT} it was built from"
        )
    collected = manifests.require(store, INPUT, manifest.built_from[INPUT])
    site = Site(store, SITE, PAGE)
    with (
        store.scratch(f"site-{manifest.source}-{manifest.version}") as scratch,
        duckdb_session.session(scratch) as connection,
    ):
        _register(connection, store, manifest, FIGURES)
        _register(connection, store, collected, COLLECTED)
        site.put_page(scratch)
        writing = _Writing(site, manifest.version, scratch, connection)
        comments = writing.comments()
        latest = Latest(
            format=FORMAT,
            version=manifest.version,
            previous=site.previous(manifest.version),
            as_of=manifest.as_of,
            published_at=published_at,
            built_from=manifest.built_from,
            stale_after_hours=STALE_AFTER_HOURS,
            moves=moves,
            comments=comments.rows,
            files=SiteFiles(
                overview=writing.overview(),
                weeks=tuple(writing.weeks()),
                trends=writing.trends(),
                comments=writing.json("comments", comments, comments.rows),
            ),
        )
        return site.show(latest)


def _register(
    connection: duckdb.DuckDBPyConnection, store: Store, manifest: Manifest, names: Sequence[str]
) -> None:
    """Make tables of a version views of the session. Raises AlteredFile."""
    entries = [manifest.table(name) for name in names]
    manifests.verify(store, msgspec.structs.replace(manifest, tables=tuple(entries)))
    for entry in entries:
        schema = manifests.entry_schema(store, entry)
        duckdb_session.register(connection, entry.name, store, [file.path for file in entry.files], schema)


class _Writing:
    """The files of one version on their way into the site."""

    def __init__(
        self, site: Site, version: str, scratch: Path, connection: duckdb.DuckDBPyConnection
    ) -> None:
        self._site, self._version, self._scratch, self._connection = site, version, scratch, connection

    def json(self, stem: str, content: Any, rows: int) -> SiteFile:
        """Put a JSON file."""
        local = self._scratch / f"{stem}.json"
        local.write_bytes(msgspec.json.encode(content))
        return self._site.put_hashed(local, self._version, stem, rows)

    def overview(self) -> SiteFile:
        """What every view needs: the weeks, the platforms in them, and the entities by name."""
        platforms = self._query("SELECT * EXCLUDE (content_hash) FROM platform_weeks ORDER BY week, platform")
        weeks = self._query(
            "SELECT week, comments, headline FROM briefs ORDER BY week",
        )
        entities = self._query(
            "SELECT entity_id, arg_max(name, week) AS name, arg_max(entity_type, week) AS type, "
            "arg_max(monitored, week) AS monitored FROM entity_rankings GROUP BY ALL ORDER BY entity_id"
        )
        content = {"weeks": _columns(weeks), "platforms": _columns(platforms), "entities": _columns(entities)}
        return self.json("overview", content, platforms.num_rows)

    def weeks(self) -> Iterator[WeekFile]:
        """The figures of each week."""
        for (week,) in self._connection.execute("SELECT week FROM briefs ORDER BY week").fetchall():
            tables = {
                name: self._query(query, week=week, **limits) for name, (query, limits) in OF_A_WEEK.items()
            }
            content = {
                name: _columns(table.drop_columns([each for each in LEFT_OUT if each in table.column_names]))
                for name, table in tables.items()
            }
            rows = sum(table.num_rows for table in tables.values())
            file = self.json(f"week-{week.isoformat()}", content, rows)
            yield WeekFile(week=week, **msgspec.structs.asdict(file))

    def trends(self) -> SiteFile:
        """Comments and sentiment by week, platform and entity."""
        rows = pa.Table.from_batches(duckdb_session.batches(self._connection, TREND, TRENDS), TRENDS)
        return self._site.put_parquet(rows, self._scratch, self._version, "trends")

    def comments(self) -> Comments:
        """The comments in parts, and the index of their words."""
        listed_entities = self._query("SELECT DISTINCT entity_id FROM entity_rankings")
        known = set(listed_entities["entity_id"].to_pylist())
        # A second way into the session, since comments are still streaming from the first one
        words = duckdb_session.cursor(self._connection)
        newest = duckdb_session.batches(self._connection, NEWEST, COMMENT)
        parts, listed = list[Part](), list[str]()
        for number, rows in enumerate(pages.cut(newest, COMMENT, FIRST_ROWS, PART_ROWS)):
            file = self._site.put_parquet(rows, self._scratch, self._version, f"comments-{number:05}")
            parts.append(_part(file, rows, known))
            local = self._scratch / f"words-{number:05}.parquet"
            pq.write_table(_words(words, rows, number), local, compression="lz4")
            listed.append(str(local))
        return Comments(rows=sum(part.rows for part in parts), parts=parts, words=list(self._index(listed)))

    def _index(self, listed: Sequence[str]) -> Iterator[WordFile]:
        self._connection.read_parquet(list(listed)).create_view("words")
        query = "SELECT word, list(part ORDER BY part) AS parts FROM words GROUP BY word ORDER BY word"
        every = duckdb_session.batches(self._connection, query, WORD)
        for number, rows in enumerate(pages.cut(every, WORD, WORD_ROWS, WORD_ROWS)):
            file = self._site.put_parquet(rows, self._scratch, self._version, f"words-{number:05}")
            first = rows["word"][0].as_py() if rows.num_rows else ""
            yield WordFile(first=first, **msgspec.structs.asdict(file))

    def _query(self, query: str, **parameters: Any) -> pa.Table:
        return self._connection.sql(query, params=parameters or None).to_arrow_table()


def _columns(table: pa.Table) -> dict[str, list[Any]]:
    """A table as JSON that does not repeat its names."""
    return {name: table[name].to_pylist() for name in table.column_names}


def _part(file: SiteFile, rows: pa.Table, known: set[str]) -> Part:
    """What is in a part; of entities those that the rankings know."""
    times = pc.min_max(rows["created"]).as_py()
    entities = _counts(pc.list_flatten(rows["entities"]))
    return Part(
        first=None if times["min"] is None else int(times["min"]),
        last=None if times["max"] is None else int(times["max"]),
        platforms=_counts(rows["platform"]),
        moods=_counts(rows["mood"]),
        entities={name: entities[name] for name in sorted(entities.keys() & known)},
        **msgspec.structs.asdict(file),
    )


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    counted = {each["values"]: each["counts"] for each in pc.value_counts(values).to_pylist()}
    return dict(sorted(counted.items()))


def fold(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts in which case, accents and forms of one letter make no difference; web/shared/search.ts does the same."""
    plain = pc.replace_substring_regex(pc.utf8_normalize(texts, form="NFKD"), r"\p{M}", "")
    return pc.replace_substring(pc.utf8_lower(plain), "ς", "σ")  # noqa: RUF001


def _words(connection: duckdb.DuckDBPyConnection, rows: pa.Table, part: int) -> pa.Table:
    """The words of the texts of a part, and its posts, each once."""
    spaced = pc.replace_substring_regex(fold(rows["text"]), SPACELESS, r" \1 ")
    texts = pa.table({"text": spaced, "platform": rows["platform"], "post_id": rows["post_id"]})
    connection.register("texts", texts)
    found = connection.sql(
        f"SELECT DISTINCT left(unnest(regexp_extract_all(text, $words)), {WORD_CHARACTERS}) AS word, "  # noqa: S608
        f"$part::INTEGER AS part FROM texts UNION ALL "
        "SELECT DISTINCT ' ' || platform || ' ' || post_id, $part::INTEGER FROM texts WHERE post_id IS NOT NULL",
        params={"words": WORDS, "part": part},
    ).to_arrow_table()
    connection.unregister("texts")
    return found
