"""The oracle adds up what files tell, and agrees with the world."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.comments.oracle import Known, unnested
from sandbox.comments.rows import CommentRow, PostRow
from sandbox.comments.server import SampleUpstream


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> SampleUpstream:
    sample = SampleUpstream(size=3_000, seed=7, inbox=Path(tmp_path_factory.mktemp("inbox")))
    sample.advance(4)
    return sample


@pytest.fixture(scope="module")
def known(upstream: SampleUpstream) -> Known:
    return upstream.known()


def test_every_record_of_a_file_is_counted_and_no_file_twice(upstream: SampleUpstream, known: Known) -> None:
    whole = [file for file in upstream.delivered if file.complete and file.again is None]
    assert set(known.records) == {file.name for file in whole}
    for file in whole:
        rows = list(file.rows(upstream.world))
        assert known.records[file.name] == len(rows)
        assert known.nested[file.name] == sum(
            sum(1 for _ in unnested(row)) - 1 for row in rows if isinstance(row, CommentRow)
        )
    assert sum(known.records.values()) > len(known.comments)


def test_what_is_known_of_a_comment_is_true_of_it(upstream: SampleUpstream, known: Known) -> None:
    for (platform, ident), found in known.comments.items():
        comment = found.comment
        assert (platform, ident) == (comment.post.platform, comment.id)
        assert comment.created_at <= found.first_seen <= found.last_seen
        assert comment.gone_at is None or found.last_seen < comment.gone_at
        assert found.created_at in (None, comment.created_at)
        assert found.likes is None or found.likes <= comment.likes_at(found.last_seen)
        assert found.authors[-1] in {
            upstream.world.username(comment.user, at) for at in (found.first_seen, found.last_seen)
        }
        if found.parent_id is not None:
            assert comment.parent is not None and found.parent_id == comment.parent.id


def test_some_comments_are_known_by_a_format_with_ids_and_one_without(known: Known) -> None:
    given = sum(found.id_given for found in known.comments.values())
    assert 0 < given < len(known.comments)
    assert any(len(found.texts) > 1 for found in known.comments.values()), "an encoding lost something of it"
    assert any(found.first_seen < found.last_seen for found in known.comments.values())


def test_the_newest_scrape_that_tells_it_counts(upstream: SampleUpstream, known: Known) -> None:
    newest: dict[tuple[str, str], tuple[object, int]] = {}
    for file in upstream.delivered:
        for row in file.rows(upstream.world) if file.complete and file.export else ():
            for each in unnested(row) if isinstance(row, CommentRow) else ():
                if each.likes is not None and file.export is not None:
                    key = (each.platform, each.comment.id)
                    newest[key] = max(
                        newest.get(key, (file.export.scrape.at, 0)), (file.export.scrape.at, each.likes)
                    )
    assert {key: likes for key, (_, likes) in newest.items()} == {
        key: found.likes for key, found in known.comments.items() if found.likes is not None
    }


def test_posts_are_known_by_their_own_records_or_by_comments_alone(
    upstream: SampleUpstream, known: Known
) -> None:
    told = [found for found in known.posts.values() if found.row is not None]
    assert 0 < len(told) < len(known.posts)
    assert all(isinstance(found.row, PostRow) and found.row.post_id == found.post.id for found in told)
    assert {key[0] for key in known.posts} == {"instagram", "youtube", "tiktok", "facebook", "reddit"}
