"""`make bench BENCH=comments`: comments a second from exports to the last good version, beside pandas reading them.

    make bench BENCH="comments 100000 1000000"

Exports of each size lie in an inbox: a first scrape, and a second one that holds nearly all of it again. Each step runs
in a process of its own, as Airflow's tasks do; printed are wall seconds, rows a second and the peak memory of the
step's largest process. What the build spends on enriching, which has a benchmark of its own (comments_enrich), is
printed by itself: ingest is extract and build without it. pandas reads the same files in a process of its own, makes
ids text and times UTC, hashes the authors under the same key and keeps one row a comment: what a notebook would do,
without quarantine, lines or posts.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

START = datetime(2026, 11, 17, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]
KEY = b"a key of the benchmark alone"
SIZES = (100_000, 1_000_000)
FILE_ROWS = 250_000
"""Rows of one export; a scraper's datasets are rarely larger."""
COMMENTS_A_POST = 1_000
GONE = 0.02
HEADER = (
    "pk", "media_id", "text", "created_at_utc", "comment_like_count", "child_comment_count", "parent_comment_id",
    "user/username", "user_id", "status", "type", "is_covered",
)  # fmt: skip
WORDS = [
    "love",
    "this",
    "so",
    "much",
    "she",
    "looks",
    "amazing",
    "who",
    "is",
    "that",
    "again",
    "never",
    "liked",
    "him",
    "🔥",
    "❤️",
    "😂",
    "team",
    "iconic",
    "queen",
    "stop",
    "it",
    "please",
    "the",
    "real",
    "one",
    "finally",
    "not",
    "a",
    "fan",
    "tbh",
    "obsessed",
    "cannot",
    "wait",
    "for",
    "season",
    "two",
    "@someone.else",
    "tell",
    "me",
    "why",
]
STEPS = ("extract", "build", "gate", "promote")


def rows(size: int, scrape: int) -> Iterator[list[Any]]:
    """Rows of a scrape: of the second one likes grew, some comments are gone and some are new."""
    rng = random.Random(7)
    for number in range(size):
        words = rng.choices(WORDS, k=rng.randint(2, 24))
        likes, gone = rng.randrange(50), rng.random() < GONE
        pk = 17_800_000_000_000_000 + number * 9_973
        if scrape:
            if gone:
                pk += 1
            likes += number % 7 == 0
        post = 3_770_272_429_806_644_260 + number // COMMENTS_A_POST * 1_000_003
        author = f"user.{rng.randrange(size // 3 + 1)}"
        yield [
            pk, post, " ".join(words), 1_763_703_292 + number % 400_000, likes, 0, "", author, number, "Active", 0,
            "false",
        ]  # fmt: skip


def write_exports(folder: Path, size: int, scrape: int) -> list[Path]:
    """The files of a scrape."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    source = rows(size, scrape)
    for first in range(0, size, FILE_ROWS):
        path = folder / f"scrape-{scrape}-{first:09}.csv"
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(HEADER)
            for _, row in zip(range(min(FILE_ROWS, size - first)), source, strict=False):
                writer.writerow(row)
        (folder / f"{path.name}.done").touch()
        written.append(path)
    return written


def run_step(step: str, day: int, folder: str, dsn: str) -> dict[str, Any]:
    """One step in this process."""
    from include import pipeline, release
    from include.pipeline import OpenRun
    from include.registry import run_log
    from include.registry.registry import Registry
    from include.storage.inbox import Inbox
    from include.storage.store import Store
    from include.upstream.limits import BadSetting, Limits
    from include.upstream.session import Unconnected

    registry = Registry(lambda: psycopg.connect(dsn))
    about: dict[str, Any] = {
        "source": "comments",
        "run_id": f"bench-{day}",
        "interval_start": None,
        "interval_end": START + timedelta(days=day),
    }
    if step == STEPS[0]:
        pins = run_log.open_run(
            registry, **about, dag_id="comments", env="bench", code_version=release.code_version(), inputs=()
        )
    else:
        pins = run_log.pinned(registry, "comments", about["run_id"])
    run = OpenRun(
        **about,
        pins=pins,
        params={},
        store=Store.from_uri(Path(folder, "store").as_uri()),
        registry=registry,
        inbox=Inbox(Store.from_uri(Path(folder, "inbox").as_uri())),
        keys={"comments_authors": KEY},
    )
    began = time.perf_counter()
    count, enriched = 0, [0.0, 0.0]
    match step:
        case "extract":
            pipeline.extract(run, Unconnected(Limits(), BadSetting("none")))
        case "build":
            enriched = _timed_enriching()
            count = pipeline.build(run).counts["rows"]
        case "gate":
            verdict = pipeline.judge(run)
            assert verdict.passed, verdict.reasons
        case _:
            pipeline.promote(run)
    return {**_figures(began, count), "enriched_wall_s": enriched[0], "enriched_cpu_s": enriched[1]}


def _timed_enriching() -> list[float]:
    """Wall and CPU seconds spent on enriching from now on."""
    from include.sources.comments import enriching

    spent = [0.0, 0.0]

    def timed(act: Any) -> Any:
        def measured(*args: Any, **kwargs: Any) -> Any:
            began, cpu = time.perf_counter(), _cpu_seconds()
            try:
                return act(*args, **kwargs)
            finally:
                spent[0] += time.perf_counter() - began
                spent[1] += _cpu_seconds() - cpu

        return measured

    for name in ("enrich", "write_entities"):
        setattr(enriching, name, timed(getattr(enriching, name)))
    return spent


def run_pandas(files: Sequence[str]) -> dict[str, Any]:
    """What a notebook would do with the same files."""
    import pandas as pd

    began = time.perf_counter()
    texts = dict.fromkeys(("pk", "media_id", "text", "user/username", "parent_comment_id"), "string")
    frame = pd.concat([pd.read_csv(file, dtype=texts) for file in files])
    frame["created_at"] = pd.to_datetime(frame["created_at_utc"], unit="s", utc=True)
    frame["author"] = [
        hmac.new(KEY, f"instagram:{name}".encode(), hashlib.sha256).hexdigest()[:20]
        for name in frame["user/username"]
    ]
    frame["text"] = frame["text"].str.replace(r"@\w+(?:[.·\-]+\w+)*", "@someone", regex=True)
    count = len(frame)
    frame = (
        frame.sort_values("created_at", kind="stable").drop_duplicates("pk", keep="last").sort_values("pk")
    )
    with tempfile.NamedTemporaryFile(suffix=".parquet") as target:
        frame.to_parquet(target.name)
        return _figures(began, count)


def _figures(began: float, count: int) -> dict[str, Any]:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": time.perf_counter() - began,
        "cpu_s": _cpu_seconds(),
        "peak_mb": max(own.ru_maxrss, children.ru_maxrss) / 1024,
        "rows": count,
    }


def _cpu_seconds() -> float:
    """Of this process, and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _child(*arguments: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.comments", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"{' '.join(arguments[:2])} failed:\n{ran.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return figures


def measure(size: int) -> None:
    """Both scrapes of a size."""
    from include.registry.registry import Registry
    from sandbox import postgres

    with tempfile.TemporaryDirectory(prefix="lastgood-bench-") as name:
        folder = Path(name)
        dsn = postgres.start(folder / "pg", databases=("lastgood",))
        Registry(lambda: psycopg.connect(dsn)).migrate()
        try:
            for scrape in range(2):
                files = write_exports(folder / "inbox", size, scrape)
                megabytes = sum(file.stat().st_size for file in files) / 1e6
                figures = {step: _child("step", step, str(scrape + 1), name, dsn) for step in STEPS}
                figures["pandas"] = _child("pandas", *map(str, files))
                print(
                    f"\ncomments, scrape {scrape + 1} of {size:,} comments, {megabytes:.0f} MB in {len(files)} files"
                )
                for step, each in figures.items():
                    print(
                        f"{step:<9}{each['wall_s']:>8.2f} s {size / each['wall_s']:>12,.0f} comments/s"
                        f"{each['cpu_s']:>8.2f} s CPU{each['peak_mb']:>8.0f} MB",
                        flush=True,
                    )
                extract, build = figures["extract"], figures["build"]
                for what, wall, cpu in (
                    ("enriching", build["enriched_wall_s"], build["enriched_cpu_s"]),
                    (
                        "ingest",
                        extract["wall_s"] + build["wall_s"] - build["enriched_wall_s"],
                        extract["cpu_s"] + build["cpu_s"] - build["enriched_cpu_s"],
                    ),
                ):
                    print(f"{what:<9}{wall:>8.2f} s {size / wall:>12,.0f} comments/s{cpu:>8.2f} s CPU")
        finally:
            postgres.stop(folder / "pg")


def main(arguments: Sequence[str]) -> None:
    """Measure each size."""
    for size in [int(each) for each in arguments] or SIZES:
        measure(size)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["step", step, day, folder, dsn]:
            print(json.dumps(run_step(step, int(day), folder, dsn)))
        case ["pandas", *files]:
            print(json.dumps(run_pandas(files)))
        case arguments:
            main(arguments)
