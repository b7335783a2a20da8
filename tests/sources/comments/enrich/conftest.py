"""The invented world that the tests of enrichment are about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.sources.comments.enrich import BATCH, Catalogue, load

HERE = Path(__file__).parent

Batch = Callable[..., pa.Table]
"""Comments from keywords or dictionaries, each with what it leaves out: see `batch`."""


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load(HERE / "catalogue.yml")


@pytest.fixture(scope="session")
def batch() -> Batch:
    """A batch of comments: a text, or a dictionary of some of a comment's columns, for each."""

    def of(*comments: str | dict[str, Any] | None, caption: str | None = None) -> pa.Table:
        rows = []
        for number, comment in enumerate(comments, start=1):
            told = comment if isinstance(comment, dict) else {"text": comment}
            rows.append(
                {"platform": "tiktok", "comment_id": f"c{number}", "post_id": "p1", "caption": caption} | told
            )
        return pa.Table.from_pylist(rows, schema=BATCH)

    return of
