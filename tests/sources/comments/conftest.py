"""Runs of comments over an inbox of small files, without Airflow."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include import pipeline
from include.pipeline import OpenRun
from include.publishing.manifest import Manifest
from include.registry.registry import Registry
from include.sources.source import Probe
from include.storage.inbox import Inbox
from include.storage.store import Store
from include.upstream.limits import BadSetting, Limits
from include.upstream.session import Unconnected, UpstreamSession
from tests.sources.conftest import lighten
from tests.sources.daily import START, DailyRuns

KEY = b"a key of the tests alone"
ESUIT = "Post URL,Caption,Subject,Username,Comment,Timestamp,Likes"
SIMPLE = "shortCode,url,caption,ownerUsername,text,timestamp,likesCount"
RAW = "pk,media_id,text,created_at_utc,comment_like_count,child_comment_count,parent_comment_id,user/username,user_id"
CODE, POST = "DRSssyVEuwk", "3770272429806644260"
ROUNDED = "3770272429806644000"
WRITTEN = 1763703292
"""2025-11-21 05:34:52 UTC."""


def raw(*rows: str, header: str = RAW) -> str:
    """An export of Apify's comment scraper, as it came."""
    return "\r\n".join([header, *rows, ""])


def row(
    pk: int | str,
    text: str = "so good",
    likes: int | str = 1,
    user: str = "ann",
    post: str = POST,
    at: int | str = WRITTEN,
) -> str:
    """A row of it."""
    return f'{pk},{post},"{text}",{at},{likes},0,,{user},77'


@dataclass
class Social:
    """The source, its inbox, and a day that advances."""

    daily: DailyRuns
    folder: Path

    def put(self, name: str, content: str | bytes, day: float = 0.5) -> Path:
        """Put a file into the inbox, as if it had been written on a day."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        at = (START + timedelta(days=day)).timestamp()
        os.utime(path, (at, at))
        return path

    def session(self) -> UpstreamSession:
        """No upstream is connected unless a test has one."""
        if self.daily.upstream is not None:
            return self.daily.session()
        return Unconnected(Limits(), BadSetting("comments_api is not there"))

    def probe(self, day: float) -> tuple[OpenRun, Probe]:
        """The first step of a day's run."""
        run = self.daily.run(day)
        return run, pipeline.probe(run, self.session())

    def candidate(self, day: float) -> tuple[OpenRun, Manifest]:
        """A run up to its sealed candidate."""
        run, probed = self.probe(day)
        assert probed.new, probed.reason
        pipeline.extract(run, self.session())
        return run, pipeline.build(run)

    def publish(self, day: float) -> Manifest:
        """A whole run that must be promoted."""
        run, manifest = self.candidate(day)
        verdict = pipeline.judge(run)
        assert verdict.passed, verdict.reasons
        pipeline.promote(run)
        return manifest

    def rows(self, manifest: Manifest, table: str) -> list[dict[str, Any]]:
        """A table of a version."""
        return self.daily.rows(manifest, table)

    def comments(self, manifest: Manifest) -> dict[str, dict[str, Any]]:
        """Its comments by their ids."""
        return {each["comment_id"]: each for each in self.rows(manifest, "comments")}

    def refused(self, manifest: Manifest) -> list[dict[str, Any]]:
        """What the version's quarantine holds."""
        file = manifest.quarantine.file
        return [] if file is None else self.daily.store.parquet(file.path).to_table().to_pylist()

    def reasons(self, manifest: Manifest) -> Counter[str]:
        """How often something was refused for which reason."""
        return Counter(each["reason"] for each in self.refused(manifest))


def at(day: float) -> datetime:
    """A moment on the tests' clock."""
    return START + timedelta(days=day)


@pytest.fixture
def social(
    store: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> Social:
    """The source with an empty inbox and nothing published; its gate is light but for tests of the mark whole_gate."""
    if request.node.get_closest_marker("whole_gate") is None:
        lighten(monkeypatch)
    folder = tmp_path / "inbox"
    folder.mkdir()
    beside = {"inbox": Inbox(Store.from_uri(folder.as_uri())), "keys": {"comments_authors": KEY}}
    return Social(DailyRuns("comments", store, registry, beside=beside), folder)
