"""Days of the sample upstream through the whole pipeline, beside what is true of its world."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from include.registry.registry import Registry
from include.sources.comments.people import People
from include.storage.inbox import Inbox
from include.storage.store import Store
from sandbox.comments.connection import FIELDS
from sandbox.comments.entities import MONITORED
from sandbox.comments.inbox import Delivered
from sandbox.comments.oracle import Known, know
from sandbox.comments.server import SampleUpstream
from tests.sources.comments.conftest import KEY, Social, at
from tests.sources.conftest import lighten
from tests.sources.daily import START, DailyRuns

DAYS = 4
SIZE = 1_500


@pytest.fixture
def days(
    store: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Social, SampleUpstream]]:
    """The source over a sample's inbox."""
    lighten(monkeypatch)
    folder = tmp_path / "inbox"
    with SampleUpstream(size=SIZE, seed=5, inbox=folder, state=tmp_path / "sample.json") as upstream:
        beside = {
            "inbox": Inbox(Store.from_uri(folder.as_uri())),
            "keys": {"comments_authors": KEY},
            "options": {"catalogue": FIELDS["extra"]["catalogue"]},
        }
        yield Social(DailyRuns("comments", store, registry, upstream, beside=beside), folder), upstream


def known(upstream: SampleUpstream, folder: Path) -> Known:
    """What is known once every content was taken: a scrape that is the same to the byte as one before tells nothing."""
    taken: dict[str, Delivered] = {}
    for file in upstream.delivered:
        if file.export is not None and file.complete:
            taken.setdefault(file.sha256, file)
    # The file of day 3 with a marker was just written: it bears no time of its own, and so that of the run.
    marked = {path.name.removesuffix(".done") for path in folder.glob("*.done")}
    files = [
        (file.name, at(3) if file.name in marked else file.export.scrape.at, file.export)
        for file in taken.values()
        if file.export is not None
    ]
    files.sort(key=lambda each: each[1])
    return know((name, seen, export.rows(upstream.world)) for name, seen, export in files)


def test_after_some_days_the_tables_are_what_is_true_of_the_world(
    days: tuple[Social, SampleUpstream],
) -> None:
    social, upstream = days
    for day in range(DAYS + 1):
        if day:
            upstream.advance()
        manifest = social.publish(day)
    upstream_known = known(upstream, social.folder)
    rows = social.comments(manifest)
    people = People(KEY)
    given = {ident: found for (_, ident), found in upstream_known.comments.items() if found.id_given}
    assert {ident for ident, row in rows.items() if row["id_given"]} == set(given)
    for ident, found in given.items():
        row = rows[ident]
        platform = found.comment.post.platform
        assert (row["platform"], row["post_id"]) == (platform, found.comment.post.id)
        assert (row["likes"], row["created_at"]) == (found.likes, found.created_at), ident
        assert row["author"] in {people.author(platform, name) for name in found.authors}
        assert (row["first_seen"], row["last_seen"]) == (found.first_seen, found.last_seen), ident
        assert row["parent_id"] == found.parent_id
        assert row["vanished_at"] is None or found.comment.gone_at is not None
    nameless = [found for found in upstream_known.comments.values() if not found.id_given]
    assert len(rows) - len(given) == len(nameless)
    records = {file["name"]: file["rows"] for file in social.rows(manifest, "files")}
    assert {name: records[name] for name in upstream_known.records} == {
        name: upstream_known.records[name] + upstream_known.nested[name] for name in upstream_known.records
    }
    signals = social.rows(manifest, "signals")
    about = {each["comment_id"] for each in signals if each["signal_type"] == "mention"}
    assert len(about) > len(rows) / 2
    assert len({each["entity_id"] for each in signals} & {entity.id for entity in MONITORED}) > 20
    assert START + timedelta(days=DAYS) > max(row["last_seen"] for row in rows.values())
