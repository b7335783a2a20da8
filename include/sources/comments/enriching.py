"""Entities, language and sentiment of the comments of a candidate: enriched anew post by post, the rest as it was.

What a comment is about depends on its post and on the comment that it replies to, so a post of which anything changed
is enriched whole: a comment that is new or another, its caption, a scoring that failed. Of the others another catalogue
has those comments matched again that the entities concern which are not what they were in base, and another scorer has
all of them scored again (docs/comments_enrichment.md).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from include.decoding import decoder
from include.publishing import manifest as manifests
from include.publishing.candidate import Candidate
from include.sources.comments.enrich import (
    BATCH,
    MENTIONS,
    REVIEWS,
    SCORES,
    SIGNALS,
    Catalogue,
    Enriched,
    Enrichment,
    InvalidCatalogue,
    discovered,
    handles_of,
    load,
    review_queue,
    spread,
    spread_again,
)
from include.sources.comments.enrich.catalogue import Entity
from include.sources.comments.enrich.catalogue import read as read_catalogue
from include.sources.comments.enrich.onnx import InvalidModel, OnnxScorer
from include.sources.comments.people import People, normalized
from include.sources.comments.source import AUTHORS
from include.sources.comments.tables import (
    COMMENTS,
    DISCOVERED_ENTITIES,
    DOUBTS,
    MONITORED_ENTITIES,
    REVIEW_QUEUE,
)
from include.sources.comments.tables import SIGNALS as SIGNALS_TABLE
from include.sources.comments.wording import told_last
from include.sources.source import Run
from include.storage import duckdb_session
from include.storage.duckdb_session import identifiers
from include.storage.store import UnsafePath
from include.upstream.answers import one_line
from include.upstream.limits import BadSetting

BATCH_ROWS = 20_000
"""Comments that are enriched together, at least; a post is never cut."""
CATALOGUE_BYTES = 16 * 2**20
"""No catalogue is longer."""
DISCOVERED_CONFIDENCE = 0.5
"""Of a name that the catalogue lacks: it stands in the text, and what it names nobody has said."""
SCORE_COLUMNS = tuple(name for name in SCORES.names if name not in {"platform", "comment_id"})
SCORED_BATCH = pa.schema([*BATCH, *(SCORES.field(name).with_nullable(True) for name in SCORE_COLUMNS)])
log = logging.getLogger(__name__)


# --- by what ---


def enrichment(run: Run) -> Enrichment:
    """The catalogue and the scorer that the connection's extra names, or ours: what all of a build is made by.

    `catalogue`: a YAML like enrich/catalogue.yml, as a key of the store or as a path on each worker. `classifier`: the
    configuration of an ONNX scorer (enrich/onnx.py), a path on each worker, since its model lies beside it. A path
    begins with / or file:///. Raises BadSetting for one that is not there, or holds no valid catalogue or model.
    """
    catalogue, classifier = run.options.get("catalogue"), run.options.get("classifier")
    try:
        entities = _ours() if catalogue is None else _catalogue(run, catalogue)
        if classifier is None:
            return Enrichment(entities)
        return Enrichment(entities, OnnxScorer.of_file(_local("classifier", classifier)))
    except (InvalidCatalogue, InvalidModel) as error:
        raise BadSetting(
            f"What the extra of the connection comments_api names cannot be used: {error}"
        ) from error


@cache
def _ours() -> Catalogue:
    return load()


def _catalogue(run: Run, named: Any) -> Catalogue:
    """Raises BadSetting where it cannot be read, InvalidCatalogue for what stands there."""
    in_store = isinstance(named, str) and "://" not in named and not named.startswith("/")
    if not in_store and not _local("catalogue", named).is_file():
        raise _unusable("catalogue", named, "and there is no such file")
    try:
        with run.read.open(named) if in_store else _local("catalogue", named).open("rb") as handle:
            content = handle.read(CATALOGUE_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError, PermissionError, UnsafePath) as error:
        raise _unusable("catalogue", named, f"which cannot be read ({error})") from error
    if len(content) > CATALOGUE_BYTES:
        raise _unusable("catalogue", named, f"which has more than {CATALOGUE_BYTES:,} bytes")
    return read_catalogue(content, str(named))


def _local(option: str, named: Any) -> Path:
    """A path on this worker. Raises BadSetting for anything else."""
    path = named.removeprefix("file://") if isinstance(named, str) else ""
    if not path.startswith("/"):
        raise _unusable(option, named, "which is no path of a file")
    return Path(path)


def _unusable(option: str, named: Any, why: str) -> BadSetting:
    forms = (
        "the key of a YAML in the store, or /a/path of one" if option == "catalogue" else "/a/path of a YAML"
    )
    return BadSetting(
        f"`{option}` in the extra of the connection comments_api is {one_line(repr(named), 200)}, {why}. Give {forms} "
        "that every worker can read, or leave it out (docs/comments_enrichment.md)."
    )


def monitored_handles(by: Enrichment) -> frozenset[str]:
    """The handles of monitored persons, as handles are compared: they stay in texts."""
    return frozenset(normalized(handle) for each in by.catalogue.active for handle in each.handles)


def made_by(by: Enrichment) -> dict[str, str]:
    """By what comments are enriched; a version's watermark `enriched` says by what its comments were.

    Both parts bear a hash: of the catalogue's entries, and of the scorer's words or model.
    """
    return {"entities": by.model, "sentiment": by.scored_by}


def due(run: Run) -> str | None:
    """Why comments of base are to be enriched once more, in a sentence; None where they are not. Raises BadSetting."""
    by = enrichment(run)
    if run.base is None:
        return None
    if run.watermarks.get("enriched") != made_by(by):
        return (
            "the catalogue, the rules or the scorer are others than those that enriched the last good version"
        )
    if failed := run.watermarks.get("score_failed", 0):
        return f"{failed} comments could not be scored last time"
    return None


@dataclass(frozen=True, slots=True)
class Plan:
    """By what a build enriches, and what of base that concerns beside what changed."""

    by: Enrichment
    people: People
    """Who hashes the names of authors."""
    everything: bool = False
    """Every post: how base was enriched is not known well enough to tell what is concerned."""
    before: Catalogue | None = None
    """The catalogue of base where it is another one: comments that the difference concerns are matched again."""
    rescored: bool = False
    """Base has another scorer: every comment is scored again, and what it is about stays."""

    @property
    def revises(self) -> bool:
        """Whether comments are looked at of which nothing changed."""
        return self.before is not None or self.rescored


def plan(run: Run) -> Plan:
    """What this run enriches. Raises BadSetting."""
    by, people = enrichment(run), People(run.key(AUTHORS))
    told, now = run.watermarks.get("enriched"), made_by(by)
    if run.base is None or told == now:
        return Plan(by, people)
    if not told:
        return Plan(by, people, everything=True)
    before = None
    if told["entities"] != now["entities"]:
        before = _catalogue_of_base(run)
        if before is None or Enrichment(before).model != told["entities"]:
            return Plan(by, people, everything=True)
    return Plan(by, people, before=before, rescored=told["sentiment"] != now["sentiment"])


def _catalogue_of_base(run: Run) -> Catalogue | None:
    """The catalogue that base was made by; None of a version from before entries were kept whole."""
    assert run.base is not None
    rows = manifests.dataset(run.read, run.base.table(MONITORED_ENTITIES.name)).to_table()
    entries = rows["entry"].drop_null().to_pylist() if "entry" in rows.column_names else []
    if len(entries) < rows.num_rows:
        return None
    return Catalogue(decoder(Entity).decode(entry) for entry in entries)


# --- a part of the comments ---


def begin(con: duckdb.DuckDBPyConnection) -> None:
    """Make `captions`, what posts say now, and `recaptioned`, those that say something else than before."""
    con.execute(
        f"""CREATE TABLE captions AS
        WITH told AS (
            SELECT t.platform, coalesce(x.post_id, t.post_id) AS post_id, caption, subject, ROW(seen_at, seq) AS moment
            FROM told_posts t LEFT JOIN exact_posts x ON x.platform = t.platform AND x.rounded_id = t.post_id
            UNION ALL
            SELECT p.platform, coalesce(x.post_id, p.post_id), caption, subject, ROW(last_seen, -1)
            FROM previous_posts p LEFT JOIN exact_posts x ON x.platform = p.platform AND x.rounded_id = p.post_id),
        posts AS (SELECT DISTINCT platform, post_id FROM told)
        SELECT platform, post_id, caption, subject FROM posts
        LEFT JOIN {told_last("told", "platform, post_id", "caption")} USING (platform, post_id)
        LEFT JOIN {told_last("told", "platform, post_id", "subject")} USING (platform, post_id)"""  # noqa: S608
    )
    con.execute(
        """CREATE TABLE recaptioned AS SELECT c.platform, c.post_id FROM captions c
        JOIN previous_posts p USING (platform, post_id)
        WHERE c.caption IS DISTINCT FROM p.caption OR c.subject IS DISTINCT FROM p.subject"""
    )


def parts_due(con: duckdb.DuckDBPyConnection, run: Run, plan: Plan) -> set[str]:
    """The parts of which a comment is to be enriched though no row of this run is about it."""
    if plan.everything or plan.revises:
        query = "SELECT DISTINCT part FROM previous_posts"
    elif run.watermarks.get("score_failed", 0):
        query = (
            "SELECT DISTINCT part FROM previous_posts SEMI JOIN "
            "(SELECT platform, post_id FROM previous_comments WHERE score_state = 'failed') "
            "USING (platform, post_id)"
        )
    else:
        return set()
    return {part for (part,) in con.execute(query).fetchall()}


def enrich(candidate: Candidate, part: str, plan: Plan) -> None:
    """Fill the score columns of the table `now`, and write the signals and doubts of the part."""
    con = candidate.connection
    changed = (
        "true" if plan.everything else "content_hash IS NULL OR score_state = 'failed' OR score_state IS NULL"
    )
    con.execute(
        f"""CREATE OR REPLACE TABLE stale AS
        SELECT DISTINCT platform, post_id FROM now WHERE {changed}
        UNION SELECT platform, post_id FROM recaptioned SEMI JOIN now USING (platform, post_id)"""  # noqa: S608
    )
    for name, schema in (
        ("scores", SCORES),
        ("signals", SIGNALS),
        ("mentions", MENTIONS),
        ("doubts", REVIEWS),
    ):
        con.register("nothing", schema.empty_table())
        con.execute(f"CREATE OR REPLACE TABLE found_{name} AS SELECT * FROM nothing")  # noqa: S608
        con.unregister("nothing")
    con.execute(
        "CREATE OR REPLACE TABLE matched AS "
        "SELECT platform, comment_id FROM now SEMI JOIN stale USING (platform, post_id)"
    )
    signals = f"signals_{part.replace('-', '_')}"
    candidate.register_previous(signals, SIGNALS_TABLE.name, part)
    for found in spread(plan.by, list(_batches(con, "SEMI")), candidate.scratch):
        _keep(con, found)
    if plan.revises:
        others = _with_mentions(con, signals)
        for again in spread_again(plan.by, others, candidate.scratch, plan.before, rescored=plan.rescored):
            _insert(con, "matched", again.matched)
            _keep(con, again.enriched)
    _drop_authors(con, plan.people)
    same = " AND ".join(f"now.{name} IS NOT DISTINCT FROM s.{name}" for name in SCORE_COLUMNS)
    sets = ", ".join(f"{name} = s.{name}" for name in SCORE_COLUMNS)
    con.execute(
        f"UPDATE now SET {sets}, content_hash = CASE WHEN {same} THEN now.content_hash END "  # noqa: S608
        "FROM found_scores s WHERE now.platform = s.platform AND now.comment_id = s.comment_id"
    )
    _write_signals(candidate, part, signals, plan)
    _write_doubts(candidate, part)


def keep(candidate: Candidate, part: str) -> None:
    """Take the signals and doubts of a part over as they are."""
    for table in (SIGNALS_TABLE, DOUBTS):
        candidate.keep(table.name, part)


def _batches(con: duckdb.DuckDBPyConnection, join: Literal["SEMI", "ANTI"]) -> Iterator[pa.Table]:
    """The comments of the stale posts (SEMI) or of the others, with the scores that they have; whole posts together."""
    scores = ", ".join(SCORE_COLUMNS)
    rows = con.sql(
        f"SELECT n.platform, comment_id, n.post_id, parent_id, text, likes, caption, subject, {scores} "  # noqa: S608
        f"FROM now n {join} JOIN stale USING (platform, post_id) LEFT JOIN captions USING (platform, post_id) "
        "ORDER BY n.platform, n.post_id, comment_id"
    ).to_arrow_reader(BATCH_ROWS)
    rest = SCORED_BATCH.empty_table()
    for batch in rows:
        rest = pa.concat_tables([rest, pa.Table.from_batches([batch]).cast(SCORED_BATCH)])
        last = pc.and_(
            pc.equal(rest["post_id"], rest["post_id"][-1]), pc.equal(rest["platform"], rest["platform"][-1])
        )
        whole = rest.filter(pc.invert(last))
        if whole.num_rows:
            yield whole.combine_chunks()
            rest = rest.filter(last)
    if rest.num_rows:
        yield rest.combine_chunks()


def _with_mentions(con: duckdb.DuckDBPyConnection, signals: str) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The comments of posts that are not stale, whole posts together, and the mention signals of each batch."""
    columns = identifiers(SIGNALS.names)
    mentions = f"SELECT {columns} FROM {signals} WHERE signal_type = 'mention'"  # noqa: S608
    con.execute(f"CREATE OR REPLACE TABLE known_mentions AS {mentions}")
    for batch in list(_batches(con, "ANTI")):
        con.register("batch_now", batch.select(["platform", "comment_id"]))
        of_batch = con.sql(
            f"SELECT {columns} FROM known_mentions SEMI JOIN batch_now USING (platform, comment_id) "  # noqa: S608
            "ORDER BY platform, comment_id, entity_id"
        ).to_arrow_table()
        con.unregister("batch_now")
        yield batch, of_batch.cast(SIGNALS)


def _keep(con: duckdb.DuckDBPyConnection, found: Enriched) -> None:
    for name, rows in zip(("scores", "signals", "mentions", "doubts"), found, strict=True):
        _insert(con, f"found_{name}", rows)


def _drop_authors(con: duckdb.DuckDBPyConnection, people: People) -> None:
    """Drop candidates that are the name of somebody who comments on the same post: a private person is no entity."""
    names = con.execute(
        "SELECT DISTINCT m.platform, post_id, name, spelling "
        "FROM found_mentions m JOIN now n ON n.platform = m.platform AND n.comment_id = m.comment_id"
    ).fetchall()
    rows = [
        (platform, post, name, people.author(platform, handle))
        for platform, post, name, spelling in names
        for handle in handles_of(spelling)
    ]
    called = pa.Table.from_pylist(
        [dict(zip(_CALLED.names, row, strict=True)) for row in rows], schema=_CALLED
    )
    con.register("called", called)
    con.execute(
        """CREATE OR REPLACE TABLE authors_named AS
        SELECT DISTINCT platform, post_id, name FROM called JOIN now USING (platform, post_id, author)"""
    )
    con.unregister("called")
    con.execute(
        """DELETE FROM found_mentions USING authors_named a JOIN now n USING (platform, post_id)
        WHERE found_mentions.platform = n.platform AND found_mentions.comment_id = n.comment_id
            AND found_mentions.name = a.name"""
    )


_CALLED = pa.schema([(name, pa.string()) for name in ("platform", "post_id", "name", "author")])


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    con.register("found_now", rows)
    con.execute(f"INSERT INTO {table} SELECT * FROM found_now")  # noqa: S608
    con.unregister("found_now")


_OTHERS = (
    "SELECT s.* FROM {view} s SEMI JOIN now USING (platform, comment_id) "
    "ANTI JOIN matched USING (platform, comment_id)"
)


def _write_signals(candidate: Candidate, part: str, view: str, plan: Plan) -> None:
    con, names = candidate.connection, SIGNALS_TABLE.names
    # A comment that was scored again has new sentiments, also where it was not matched again.
    others = _OTHERS.format(view=view) + (" WHERE signal_type <> 'sentiment'" if plan.rescored else "")
    con.execute(
        f"""CREATE OR REPLACE TABLE signals_now AS
        {others}
        UNION ALL BY NAME SELECT * FROM found_signals
        UNION ALL BY NAME
        SELECT platform, comment_id, name AS entity_id, 'discovered' AS signal_type, min(spelling) AS value,
            1 + greatest(coalesce(any_value(likes), 0), 0) / 100 AS weight, {DISCOVERED_CONFIDENCE} AS confidence,
            ? AS model
        FROM found_mentions JOIN now USING (platform, comment_id) GROUP BY platform, comment_id, name""",  # noqa: S608
        [plan.by.model],
    )
    order = identifiers(SIGNALS_TABLE.key)
    rows = f"SELECT {identifiers(names)} FROM signals_now ORDER BY {order}"  # noqa: S608
    candidate.write(SIGNALS_TABLE.name, duckdb_session.batches(con, rows, SIGNALS_TABLE.schema), part)


def _write_doubts(candidate: Candidate, part: str) -> None:
    con, view = candidate.connection, f"doubts_{part.replace('-', '_')}"
    candidate.register_previous(view, DOUBTS.name, part)
    query = f"""{_OTHERS.format(view=view)}
        UNION ALL BY NAME
        SELECT platform, comment_id, kind, item, min(reason) AS reason, NULL::VARCHAR AS content_hash
        FROM found_doubts GROUP BY platform, comment_id, kind, item"""  # noqa: S608
    rows = f"SELECT {identifiers(DOUBTS.names)} FROM ({query}) ORDER BY {identifiers(DOUBTS.key)}"  # noqa: S608
    candidate.write(DOUBTS.name, duckdb_session.batches(con, rows, DOUBTS.schema), part)


# --- what is made of all parts ---


def write_entities(run: Run, candidate: Candidate, by: Enrichment) -> dict[str, int]:
    """Write what is made of all signals and of the catalogue; returns how many comments are in which score_state."""
    con, catalogue = candidate.connection, by.catalogue
    entities = [
        {
            "entity_id": each.id,
            "name": each.name,
            "canonical_name": each.full_name,
            "type": each.type,
            "aliases": list(each.aliases),
            "handles": list(each.handles),
            "active": each.active,
            "catalogue": catalogue.version,
            "entry": msgspec.json.encode(each).decode(),
        }
        for each in sorted(catalogue.entities, key=lambda each: each.id.encode())
    ]
    _write(candidate, MONITORED_ENTITIES.name, pa.Table.from_pylist(entities, MONITORED_ENTITIES.values))
    for table in (SIGNALS_TABLE, DOUBTS, COMMENTS):
        files = [file.path for file in candidate.files(table.name)]
        duckdb_session.register(con, f"all_{table.name}", run.read, files, table.schema)
    mentions = con.sql(
        "SELECT platform, comment_id, entity_id AS name, value AS spelling, 'capitalised' AS kind "
        "FROM all_signals WHERE signal_type = 'discovered'"
    ).to_arrow_table()
    names = discovered(mentions.cast(MENTIONS))
    _write(candidate, DISCOVERED_ENTITIES.name, names.sort_by("name"))
    doubts = con.sql("SELECT platform, comment_id, kind, item, reason FROM all_doubts").to_arrow_table()
    queue = review_queue(doubts.cast(REVIEWS), names, mentions.cast(MENTIONS))
    _write(candidate, REVIEW_QUEUE.name, queue.sort_by([("kind", "ascending"), ("item", "ascending")]))
    states: dict[str, int] = dict(
        con.execute("SELECT score_state, count(*) FROM all_comments GROUP BY ALL ORDER BY ALL").fetchall()
    )
    return {f"score_{state}": number for state, number in states.items()}


def _write(candidate: Candidate, name: str, rows: Any) -> None:
    candidate.write(name, rows.select(candidate.tables[name].values.names).to_batches())
