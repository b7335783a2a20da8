"""`make bench BENCH=enrich`: how many comments a second are enriched, and what the scorer alone does.

Comments of the sample world, with their posts, are enriched by worker processes on all cores: entities, language,
sentiment, discovered names. In the same run the scorer alone scores the same texts by as many processes, and pandas
does the same naively in one: an expression for each name, a detector and VADER for each text. Enrichment and scorer
take turns, and the best of three counts, since other work may share the machine. Printed: comments a second by the
wall clock and by CPU time of one core, starting the workers included.

    make bench BENCH=enrich             100,000 comments
    make bench BENCH="enrich 200000"
"""

from __future__ import annotations

import os
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import yaml

from include.sources import parsing
from include.sources.comments.enrich import BATCH, Catalogue, Enrichment, LexiconScorer, load, spread
from include.sources.comments.enrich.enrichment import COMMENT_BYTES
from sandbox.comments import entities
from sandbox.comments.world import World

COMMENTS = 100_000
ROUNDS = 3
BATCH_ROWS = 2_000
NAIVE = 2_000
"""Comments that pandas does; more would only take longer."""


class Measured(NamedTuple):
    """Comments a second."""

    wall: float
    core: float
    """By CPU time, of one core."""

    def best(self, other: Measured) -> Measured:
        """The better of each rate."""
        return Measured(max(self.wall, other.wall), max(self.core, other.core))

    @property
    def line(self) -> str:
        return f"{self.wall:>10,.0f} {self.core:>12,.0f}"


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures."""
    number = int(arguments[0]) if arguments else COMMENTS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.yml"
        path.write_text(yaml.safe_dump(entities.catalogue(), allow_unicode=True), encoding="utf-8")
        catalogue = load(path)
        table = pa.Table.from_pylist(list(islice(comments(number), number)), BATCH)
        batches = [table.slice(start, BATCH_ROWS) for start in range(0, table.num_rows, BATCH_ROWS)]
        enrichment = Enrichment(catalogue)
        whole, alone = Measured(0, 0), Measured(0, 0)
        for _ in range(ROUNDS):
            whole = whole.best(
                measured(table.num_rows, lambda: drain(spread(enrichment, batches, Path(folder))))
            )
            alone = alone.best(measured(table.num_rows, lambda: drain(scores(batches, Path(folder)))))
        naive = table.slice(0, NAIVE)
        pandas = measured(naive.num_rows, lambda: naively(naive.to_pandas(), catalogue))
    letters = sum(len(text or "") for text in table["text"].to_pylist()) / table.num_rows
    print(
        f"{table.num_rows:,} comments of {letters:.0f} characters, {len(catalogue.entities)} entities, "
        f"{len(os.sched_getaffinity(0))} cores"
    )
    print(f"{'comments a second':<24}{'wall':>10} {'of one core':>12}")
    print(f"{'enrichment':<24}{whole.line}")
    print(f"{'the scorer alone':<24}{alone.line}")
    print(f"{'pandas, naively':<24}{pandas.line}")
    print(
        f"Enrichment does {whole.wall / alone.wall:.0%} of what the scorer alone does by the wall clock, "
        f"{whole.core / alone.core:.0%} by CPU time."
    )


def comments(number: int) -> Iterator[dict[str, object]]:
    """Comments of a sample world that has about as many, post by post."""
    world = World(2 * number, seed=7)
    at = world.midnight(0)
    for post in world.posts(0):
        for comment in world.comments(post):
            yield {
                "platform": post.platform,
                "comment_id": comment.id,
                "post_id": post.id,
                "parent_id": comment.parent.id if comment.parent else None,
                "text": comment.text,
                "likes": comment.likes,
                "caption": post.caption(at),
                "subject": post.subject,
            }


def measured(number: int, work: Callable[[], None]) -> Measured:
    """The rates at which so many comments are done."""
    began, busy = time.perf_counter(), cpu_seconds()
    work()
    return Measured(number / (time.perf_counter() - began), number / (cpu_seconds() - busy))


def cpu_seconds() -> float:
    """Of this process and of its workers that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def drain(results: Iterator[object]) -> None:
    """Take all results and keep none."""
    for _ in results:
        pass


def scores(batches: Sequence[pa.Table], folder: Path) -> Iterator[list[float]]:
    """The scorer alone, by as many processes as enrichment has."""
    size = COMMENT_BYTES * sum(batch.num_rows for batch in batches)
    yield from parsing.spread(_scored, batches, folder, size)


def _scored(batch: pa.Table, _folder: Path) -> list[float]:
    return LexiconScorer().score([text or "" for text in batch["text"].to_pylist()])


def naively(frame: pd.DataFrame, catalogue: Catalogue) -> None:
    """The same with pandas: each name by an expression of its own, detector and VADER text by text."""
    from py3langid import classify
    from vader import polarity_scores

    texts = frame["text"].fillna("")
    for entity in catalogue.active:
        for _, alias in entity.plain_aliases():
            frame[f"has {alias}"] = texts.str.contains(rf"\b{re.escape(alias)}\b", case=False, regex=True)
    frame["language"] = texts.map(lambda text: classify(text)[0])
    frame["sentiment"] = texts.map(lambda text: polarity_scores(text)["compound"])
    frame["names"] = texts.str.findall(r"\b[A-Z]\w+(?: [A-Z]\w+)*\b")
    frame.explode("names").groupby("names").size()
