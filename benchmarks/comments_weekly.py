"""`make bench BENCH=comments_weekly`: how long the figures of a week take, beside pandas doing the same.

A million comments of five weeks, all of which count: the week, and the four that it is compared with. Printed: what is
prepared once for all tables, then of each table's query the middle and the 95th percentile of 20 runs, the CPU time of
one, and the time that pandas takes from the same prepared rows; last the brief with its PDF.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.sources.comments_weekly import analysis, compose, pdf, tables
from include.storage import duckdb_session

MONDAY = date(2026, 11, 23)
START = datetime(2026, 11, 23, tzinfo=UTC)
COMMENTS, POSTS, ENTITIES, RUNS = 1_000_000, 5_000, 300, 20
UNSTATED, SCORED, REPLIES = 0.1, 0.85, 0.3
"""Shares of the comments: without likes, with a sentiment, that are replies."""
WORDS = np.array(
    ["what", "a", "finale", "the", "wedding", "was", "lovely", "and", "nobody", "cried", "more", "than", "we"]
)


def make(folder: Path, count: int) -> None:
    """The tables of comments, as Parquet files."""
    draw = np.random.default_rng(1)
    seconds = draw.integers(-28 * 86400, 7 * 86400, count)
    at = pa.array([START + timedelta(seconds=int(each)) for each in seconds], pa.timestamp("us", tz="UTC"))
    ids = np.char.add("c", np.arange(count).astype(str))
    platform = np.array(["instagram", "youtube", "tiktok"])[draw.integers(0, 3, count)]
    likes = pa.array(draw.zipf(1.7, count).clip(0, 1_000_000), pa.int64(), mask=draw.random(count) < UNSTATED)
    scored = draw.random(count) < SCORED
    texts = np.array([" ".join(WORDS[draw.integers(0, len(WORDS), 12)]) for _ in range(2_000)])
    comments = pa.table(
        {
            "platform": platform,
            "comment_id": ids,
            "post_id": np.char.add("p", draw.integers(0, POSTS, count).astype(str)),
            "context": np.where(draw.random(count) < REPLIES, "reply", "direct"),
            "author": np.char.add("a", draw.integers(0, count // 4, count).astype(str)),
            "text": texts[draw.integers(0, 2_000, count)],
            "created_at": at,
            "likes": likes,
            "sentiment": pa.array(draw.normal(0.1, 0.4, count).clip(-1, 1).round(4), mask=~scored),
            "score_state": np.where(scored, "scored", "other_language"),
            "first_seen": at,
            "vanished_at": pa.nulls(count, pa.timestamp("us", tz="UTC")),
        }
    )
    names = np.minimum(draw.zipf(1.4, 2 * count), ENTITIES) - 1
    of = draw.integers(0, count, 2 * count)
    signals = pa.table(
        {
            "platform": platform[of],
            "comment_id": ids[of],
            "entity_id": np.char.add("e", names.astype(str)),
            "signal_type": np.where(draw.random(2 * count) < SCORED, "mention", "sentiment"),
            "confidence": np.full(2 * count, 0.9),
        }
    )
    numbers = np.arange(POSTS)
    posts = pa.table(
        {
            "platform": np.array(["instagram", "youtube", "tiktok"])[numbers % 3],
            "post_id": np.char.add("p", numbers.astype(str)),
            "url": np.full(POSTS, "https://example.org"),
            "caption": np.full(POSTS, "A caption"),
            "subject": np.full(POSTS, "A subject"),
            "posted_at": pa.nulls(POSTS, pa.timestamp("us", tz="UTC")),
            "likes": numbers,
            "comments_declared": numbers + 1,
            "comments_captured": numbers,
        }
    )
    entities = pa.table(
        {
            "entity_id": [f"e{n}" for n in range(ENTITIES)],
            "name": [f"Entity {n}" for n in range(ENTITIES)],
            "type": ["person"] * ENTITIES,
        }
    )
    made = {"comments": comments, "signals": signals, "posts": posts, "monitored_entities": entities}
    for name, rows in made.items():
        pq.write_table(rows, folder / f"{name}.parquet", compression="zstd", row_group_size=32_768)


def register(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The files as the views that the figures are computed from."""
    for name in analysis.READ:
        con.read_parquet(str(folder / f"{name}.parquet")).create_view(f"comments_{name}")


# --- the same with pandas ---


def _summed(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    rows = rows.assign(
        sw=rows["sentiment"] * rows["weight"], w=rows["weight"].where(rows["sentiment"].notna())
    )
    found = rows.groupby(by).agg(
        comments=("comment_id", "size"),
        scored=("sentiment", "count"),
        average=("sentiment", "mean"),
        sw=("sw", "sum"),
        w=("w", "sum"),
        likes=("likes", lambda likes: likes.sum(min_count=1)),
    )
    return found.assign(weighted=found["sw"] / found["w"])


def rankings(seen: pd.DataFrame, mentions: pd.DataFrame) -> pd.DataFrame:
    """entity_rankings."""
    found = _summed(
        mentions[mentions["week"] >= MONDAY - timedelta(days=7)], ["week", "entity_id"]
    ).reset_index()
    found = found.sort_values(["week", "comments", "likes"], ascending=[True, False, False])
    found["rank"] = found.groupby("week").cumcount() + 1
    now, before = (found[found["week"] == week] for week in (MONDAY, MONDAY - timedelta(days=7)))
    return now.merge(before, on="entity_id", how="outer", suffixes=("", "_before"))


def velocity(seen: pd.DataFrame, mentions: pd.DataFrame) -> pd.DataFrame:
    """velocity_alerts."""
    end = int((START + timedelta(days=7)).timestamp()) * 1_000_000
    late = mentions[mentions["moment"] >= end - 144 * 3_600_000_000]
    late = late.assign(recent=late["moment"] >= end - 72 * 3_600_000_000)
    means = late.groupby(["entity_id", "recent"])["sentiment"].agg(["count", "mean"]).unstack()
    change = 100 * (means["mean"][True] - means["mean"][False]) / means["mean"][False].abs().clip(lower=0.1)
    return means[(means["count"].min(axis=1) >= 10) & (change.abs() > 30)]  # noqa: PLR2004


def days(seen: pd.DataFrame, mentions: pd.DataFrame) -> pd.DataFrame:
    """sentiment_days."""
    week, named = seen[seen["week"] == MONDAY], mentions[mentions["week"] == MONDAY]
    keys = named[["platform", "comment_id"]].drop_duplicates().assign(named=True)
    none = week.merge(keys, on=["platform", "comment_id"], how="left")
    none = none[none["named"].isna()]
    every = pd.concat([week.assign(entity_id="(all)"), none.assign(entity_id="(none)"), named])
    return _summed(every, ["day", "platform", "entity_id"])


def platforms(seen: pd.DataFrame, mentions: pd.DataFrame) -> pd.DataFrame:
    """platform_weeks."""
    week, named = seen[seen["week"] == MONDAY], mentions[mentions["week"] == MONDAY]
    keys = named[["platform", "comment_id"]].drop_duplicates().assign(named=True)
    joined = week.merge(keys, on=["platform", "comment_id"], how="left")
    found = _summed(week, ["platform"])
    found["posts"] = week.groupby("platform")["post_id"].nunique()
    found["authors"] = week.groupby("platform")["author"].nunique()
    found["without"] = joined[joined["named"].isna()].groupby("platform").size()
    bins = pd.cut(week["sentiment"], [-1.1, -0.7, -0.3, 0.3, 0.7, 1.1])
    return found.join(pd.crosstab(week["platform"], bins))


def posts(seen: pd.DataFrame, mentions: pd.DataFrame) -> pd.DataFrame:
    """post_weeks."""
    found = _summed(seen[seen["week"] == MONDAY], ["platform", "post_id"])
    return found.sort_values(["comments", "likes"], ascending=False)


def storylines(seen: pd.DataFrame, mentions: pd.DataFrame) -> pd.DataFrame:
    """storylines: as far as which pairs rise, without their words."""
    few = mentions[["platform", "comment_id", "entity_id", "week"]]
    pairs = few.merge(few[["platform", "comment_id", "entity_id"]], on=["platform", "comment_id"])
    pairs = pairs[pairs["entity_id_x"] < pairs["entity_id_y"]]
    pairs = pairs.assign(now=pairs["week"] == MONDAY)
    counts = pairs.groupby(["entity_id_x", "entity_id_y"])["now"].agg(["sum", "size"])
    before = (counts["size"] - counts["sum"]) / 4
    return counts[(counts["sum"] >= 10) & (counts["sum"] >= 2 * before.clip(lower=1))]  # noqa: PLR2004


SAME: Mapping[str, Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]] = {
    "entity_rankings": rankings,
    "velocity_alerts": velocity,
    "sentiment_days": days,
    "platform_weeks": platforms,
    "post_weeks": posts,
    "storylines": storylines,
}


def computed(con: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """What a query answers."""
    return con.sql(query).to_arrow_table()


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cpu_seconds(work: Callable[[], object]) -> float:
    """What something takes of all cores together: also on a machine that others use."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main(count: int = COMMENTS) -> None:
    """Make the comments, compute each table so many times, and print the figures."""
    with tempfile.TemporaryDirectory(prefix="lg-bench-") as name, duckdb_session.session(Path(name)) as con:
        folder = Path(name)
        make(folder, count)
        register(con, folder)
        print(f"{count:,} comments of five weeks, {2 * count:,} signals, {ENTITIES} entities")
        print(f"prepared once for all tables: {seconds(lambda: analysis.prepare(con, MONDAY)):.2f} s")
        seen, mentions = (con.sql(f"FROM {name}").df() for name in ("seen", "mentions"))
        for frame in (seen, mentions):
            frame["sentiment"] = frame["sentiment"].astype("float64")
            for column in ("week", "day"):
                frame[column] = pd.to_datetime(frame[column]).dt.date
        print(f"{'table':<18}{'rows':>9}{'median ms':>11}{'p95 ms':>9}{'CPU ms':>9}{'pandas ms':>11}")
        for table in tables.FIGURES:
            query = analysis.query(table)
            work, same = partial(computed, con, query), partial(SAME[table.name], seen, mentions)
            taken = sorted(seconds(work) for _ in range(RUNS))
            con.execute(f"CREATE TABLE {table.name} AS {query}")
            ((rows,),) = con.execute(f"SELECT count(*) FROM {table.name}").fetchall()
            cpu = min(cpu_seconds(work) for _ in range(3))
            pandas = min(seconds(same) for _ in range(2))
            p95 = taken[int(0.95 * RUNS) - 1]
            print(
                f"{table.name:<18}{rows:>9,}{1000 * statistics.median(taken):>11.0f}{1000 * p95:>9.0f}"
                f"{1000 * cpu:>9.0f}"
                f"{1000 * pandas:>11.0f}",
                flush=True,
            )
        pages = 0

        def brief() -> None:
            nonlocal pages
            _, pages = pdf.draw(compose.compose(con, MONDAY, {"comments": "bench"}))

        print(f"brief with its PDF: {seconds(brief):.2f} s, {pages} pages")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COMMENTS)
