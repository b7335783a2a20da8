"""Files that are broken, or meant to harm whoever reads them, beside one that is well."""

from __future__ import annotations

import errno
import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import get_args

import pytest

from include.sources.comments import envelopes
from sandbox.comments import hostile
from sandbox.comments.inbox import Inbox
from sandbox.comments.world import FIRST_DAY, World
from tests.sources.comments.conftest import POST, Social, raw, row

KINDS = [kind for kind in get_args(hostile.Kind) if kind not in {"gzip_bomb", "zip_bomb"}]


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files_of_the_sample_cost_nothing_but_themselves(social: Social, kind: hostile.Kind) -> None:
    Inbox(World(200, 3, FIRST_DAY), social.folder).drop(kind)
    social.put("well.csv", raw(row(1), row(2)))
    manifest = social.publish(1)
    files = {file["name"]: file for file in social.rows(manifest, "files")}
    assert (files["well.csv"]["rows"], files["well.csv"]["kept"]) == (2, 2)
    taken = {each["path"] for each in social.rows(manifest, "inbox")}
    dropped = {str(path.relative_to(social.folder)) for path in social.folder.rglob("*") if path.is_file()}
    assert len(taken) == len(dropped), "each of them was taken, none left out in silence"
    for file in files.values():
        assert file["rows"] == file["kept"] + file["merged"] + file["quarantined"]
    outside = [path for path in social.folder.parent.iterdir() if path.name not in {"inbox", "store"}]
    assert outside == []


@pytest.mark.parametrize("packed", ["gzip", "zip"])
def test_a_bomb_is_refused_and_the_others_are_read(
    social: Social, packed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelopes, "RATIO_FROM", 1 << 20)
    content = raw(row(1)).encode() + b"\0" * (8 << 20)
    if packed == "gzip":
        social.put("bomb.csv.gz", gzip.compress(content))
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb.csv", content)
        social.put("bomb.zip", buffer.getvalue())
    social.put("well.csv", raw(row(2)))
    manifest = social.publish(1)
    assert social.reasons(manifest) == {"bomb": 1}
    assert set(social.comments(manifest)) == {"2"}


def test_an_archive_within_an_archive_an_encrypted_and_a_broken_one_are_refused(social: Social) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", raw(row(1)))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
        archive.writestr("b.csv", raw(row(2)))
    locked = bytearray(inner.getvalue())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + offset] |= 1
    social.put("outer.zip", outer.getvalue())
    social.put("locked.zip", bytes(locked))
    social.put("broken.zip", inner.getvalue()[:40])
    manifest = social.publish(1)
    assert social.reasons(manifest) == {"archive within an archive": 1, "encrypted": 1, "broken archive": 1}
    assert set(social.comments(manifest)) == {"2"}


def test_a_gzip_that_breaks_off_is_read_as_far_as_it_goes_and_said_to_be_cut(social: Social) -> None:
    rows = raw(*(row(pk, f"text {pk * 7919 % 10_007}") for pk in range(2_000))).encode()
    social.put("a.csv.gz", gzip.compress(rows)[:-2_000])
    manifest = social.publish(1)
    (file,) = (each for each in social.rows(manifest, "files") if each["format"] == "apify_raw")
    assert 0 < file["kept"] < 2_000 and not file["complete"]
    assert file["rows"] == file["kept"] + file["quarantined"]


def test_a_file_of_which_nearly_nothing_can_be_read_is_refused_as_a_whole(social: Social) -> None:
    social.put("a.csv", raw(*(row(pk, at="soon") for pk in range(1_500))))
    social.put("well.csv", raw(row(1)))
    manifest = social.publish(1)
    assert social.reasons(manifest) == {"nearly all rows": 1} and set(social.comments(manifest)) == {"1"}


def test_a_comment_of_ten_megabytes_is_a_comment(social: Social) -> None:
    social.put("a.csv", raw(row(1, "long " * 2_000_000), row(2)))
    rows = social.comments(social.publish(1))
    assert len(rows["1"]["text"]) == 10_000_000 and set(rows) == {"1", "2"}


def test_a_line_without_end_costs_that_line(social: Social, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.sources.comments import reading

    monkeypatch.setattr(reading, "RECORD_CHARACTERS", 100_000)
    social.put("a.csv", raw(row(1), row(2, "x" * 300_000), row(3)))
    manifest = social.publish(1)
    assert set(social.comments(manifest)) == {"1", "3"}
    assert social.reasons(manifest) == {"row without end": 1}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_every_encoding_is_read(social: Social, encoding: str) -> None:
    social.put("a.csv", raw(row(1, "café – naïve “yes”")).encode(encoding))
    manifest = social.publish(1)
    assert social.comments(manifest)["1"]["text"] == "café – naïve “yes”"


def test_the_inbox_may_lie_in_a_bucket(social: Social, s3_endpoint: str) -> None:
    from include.storage import inbox
    from include.storage.store import Store

    bucket = Store.from_uri("s3://exports/in", key="k", secret="s", endpoint_url=s3_endpoint)
    if not bucket.fs.exists("exports"):
        bucket.fs.mkdir("exports")
    bucket.write_bytes("a.csv", raw(row(1, post=POST)).encode())
    bucket.write_bytes("a.csv.done", b"")
    social.daily.beside["inbox"] = inbox.Inbox(bucket)
    assert set(social.comments(social.publish(1))) == {"1"}
    assert Path(social.folder).exists()


@pytest.mark.parametrize(("number", "is_ours"), [(errno.EIO, True), (errno.EINVAL, False), (None, False)])
def test_trouble_of_the_machine_refuses_no_archive(
    social: Social, monkeypatch: pytest.MonkeyPatch, number: int | None, is_ours: bool
) -> None:
    """What is refused is known by its content and never read again."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", raw(row(1)))
    social.put("a.zip", packed.getvalue())

    def broken(*_: object, **__: object) -> None:
        raise OSError(number, "Input/output error") if number else OSError("a seek to nowhere")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "open", broken)
        if is_ours:
            with pytest.raises(OSError, match="Input/output error"):
                social.candidate(1)
        else:
            _, manifest = social.candidate(1)
            assert [each["refused"] for each in social.rows(manifest, "files") if each["refused"]] != []
    if is_ours:
        assert set(social.comments(social.publish(1))) == {"1"}


KEYS = ("cid", "text", "createTimeISO", "diggCount", "uniqueId", "videoWebUrl", "repliesToId", "replies")


@pytest.mark.parametrize("value", [["a", "b"], {"a": "b"}, [[]], 7, True, "", [{"cid": ["1"]}]], ids=repr)
def test_an_item_whose_value_has_another_shape_costs_nothing_but_itself(
    social: Social, value: object
) -> None:
    well = {
        "cid": "1", "text": "fine", "createTimeISO": "2025-11-21T05:34:52.000Z", "diggCount": 12, "uniqueId": "ann",
        "videoWebUrl": "https://www.tiktok.com/@her/video/7300000000000000001", "repliesToId": None, "replies": None,
    }  # fmt: skip
    items = [well, *({**well, "cid": f"{number + 10}", key: value} for number, key in enumerate(KEYS))]
    social.put("items.json", json.dumps(items))
    manifest = social.publish(1)
    (file,) = social.rows(manifest, "files")
    assert file["rows"] == file["kept"] + file["merged"] + file["quarantined"]
    assert social.comments(manifest)["1"]["text"] == "fine"
    if isinstance(value, list | dict):
        refused = [key for key in KEYS if key != "replies"]
        assert social.reasons(manifest)["another shape"] >= len(refused), (
            "what is no text is not taken for none"
        )
