"""Runs of comments: what files tell becomes rows, each of their rows is accounted for, and days add up."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import IO, Any

import pytest

from include import pipeline
from include.operations import replay
from include.operations.replay import NotReplayable
from include.pipeline import BaseMoved
from include.publishing import manifest as manifests
from include.storage.inbox import Inbox, InboxFile
from include.storage.landing import LandingTaken
from tests.sources.comments.conftest import CODE, ESUIT, POST, ROUNDED, SIMPLE, WRITTEN, Social, at, raw, row


def account(file: dict[str, int]) -> tuple[int, int, int, int]:
    return file["rows"], file["kept"], file["merged"], file["quarantined"]


@pytest.mark.whole_gate
def test_a_file_becomes_comments_and_their_post(social: Social) -> None:
    social.put("a.csv", raw(row(1, likes=3), row(2, "hi @Bob", user="Cleo")))
    manifest = social.publish(1)
    rows = social.comments(manifest)
    assert set(rows) == {"1", "2"}
    assert rows["1"]["likes"] == 3 and rows["1"]["post_id"] == POST and rows["1"]["first_seen"] == at(0.5)
    assert rows["2"]["text"].startswith("hi @") and "Bob" not in rows["2"]["text"]
    (post,) = social.rows(manifest, "posts")
    assert (post["post_id"], post["comments_captured"], post["id_rounded"]) == (POST, 2, False)
    (file,) = social.rows(manifest, "files")
    assert account(file) == (2, 2, 0, 0)


@pytest.mark.whole_gate
def test_a_second_scrape_brings_newest_counts_and_new_names_and_no_second_row(social: Social) -> None:
    social.put("a.csv", raw(row(1, likes=3, user="ann"), row(2, likes=5)))
    first = social.publish(1)
    social.put("b.csv", raw(row(1, likes=9, user="ann.renamed"), row(2, likes=""), row(3)), day=1.5)
    second = social.publish(2)
    rows, before = social.comments(second), social.comments(first)
    assert set(rows) == {"1", "2", "3"}
    assert rows["1"]["likes"] == 9 and rows["1"]["author"] != before["1"]["author"]
    assert rows["2"]["likes"] == 5, "what is not told is not forgotten"
    assert (rows["1"]["first_seen"], rows["1"]["last_seen"]) == (at(0.5), at(1.5))
    files = {each["name"]: account(each) for each in social.rows(second, "files")}
    assert files == {"a.csv": (2, 2, 0, 0), "b.csv": (3, 1, 2, 0)}


def test_an_older_scrape_that_comes_later_changes_no_newer_count(social: Social) -> None:
    social.put("new.csv", raw(row(1, likes=9)), day=0.9)
    social.publish(1)
    social.put("old.csv", raw(row(1, likes=3), row(2)), day=0.2)
    rows = social.comments(social.publish(2))
    assert rows["1"]["likes"] == 9 and set(rows) == {"1", "2"}
    assert (rows["1"]["first_seen"], rows["1"]["last_seen"]) == (at(0.2), at(0.9))


ENCODED = (("utf.csv", "utf-8"), ("excel.csv", "cp1252"))


@pytest.mark.whole_gate
@pytest.mark.parametrize("order", [ENCODED, ENCODED[::-1]], ids=["saved later", "saved earlier"])
@pytest.mark.parametrize("at_once", [True, False], ids=["one run", "two runs"])
def test_a_text_that_a_spreadsheet_emptied_of_emoji_replaces_none_that_has_them(
    social: Social, order: tuple[tuple[str, str], ...], at_once: bool
) -> None:
    header = "id,shortCode,url,caption,timestamp,commentsCount,likesCount"
    for number, (name, encoding) in enumerate(order):
        day = 0.3 + (0.1 if at_once else 1) * number
        rows = raw(
            row(1, "so good 😍😍 @jo.doe", likes=number), row(2, "why?", likes=number), row(3, "café 🎉")
        )
        social.put(name, rows.encode(encoding, "replace"), day)
        post = f"{header}\r\n{POST},{CODE},,What a day 🎬,2025-11-21T00:00:00.000Z,{number},1\r\n"
        social.put(f"posts of {name}", post.encode(encoding, "replace"), day + 0.01)
        if number or not at_once:
            manifest = social.publish(number + 1)
    rows_now = social.comments(manifest)
    assert rows_now["1"]["text"].startswith("so good 😍😍 @") and rows_now["1"]["likes"] == 1
    assert (rows_now["2"]["text"], rows_now["3"]["text"]) == ("why?", "café 🎉")
    (post_now,) = social.rows(manifest, "posts")
    assert (post_now["caption"], post_now["comments_declared"]) == ("What a day 🎬", 1)


def test_a_text_that_was_edited_is_the_new_one(social: Social) -> None:
    social.put("a.csv", raw(row(1, "so good 😍"), row(2, "first")))
    social.publish(1)
    social.put("b.csv", raw(row(1, "so bad ?"), row(2, "second")), 1.5)
    rows = social.comments(social.publish(2))
    assert (rows["1"]["text"], rows["2"]["text"]) == ("so bad ?", "second")


def test_likes_that_were_never_told_stay_null(social: Social) -> None:
    social.put("a.csv", raw(row(1, likes=""), row(2, likes=-1)))
    rows = social.comments(social.publish(1))
    assert rows["1"]["likes"] is None and rows["2"]["likes"] is None


def test_two_files_that_tell_of_one_comment_in_one_run_are_one_row(social: Social) -> None:
    social.put("b.csv", raw(row(1, likes=3)), day=0.1)
    social.put("a.csv", raw(row(1, likes=7)), day=0.2)
    manifest = social.publish(1)
    assert social.comments(manifest)["1"]["likes"] == 7
    assert sorted(map(account, social.rows(manifest, "files"))) == [(1, 0, 1, 0), (1, 1, 0, 0)]


@pytest.mark.whole_gate
def test_a_file_is_known_by_its_bytes_whatever_it_is_called_and_however_it_is_packed(social: Social) -> None:
    text = raw(row(1)).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/passwd", text)
        archive.writestr("other.csv", raw(row(2)))
    social.put("a.csv", text)
    first = social.publish(1)
    assert not social.probe(2)[1].new
    social.put("copy of a.csv", text, day=1.5)
    social.put("a.csv.gz", gzip.compress(text), day=1.5)
    social.put("a.zip", packed.getvalue(), day=1.6)
    second = social.publish(3)
    assert social.comments(second)["1"] == social.comments(first)["1"]
    files = {each["name"]: (each["format"], *account(each)) for each in social.rows(second, "files")}
    assert files == {
        "a.csv": ("apify_raw", 1, 1, 0, 0),
        "a.csv.gz": ("gzip", 0, 0, 0, 0),
        "a.zip": ("zip", 0, 0, 0, 0),
        "a.zip!other.csv": ("apify_raw", 1, 1, 0, 0),
    }
    assert not social.probe(4)[1].new


def test_a_file_that_is_still_written_waits_and_a_marker_says_that_it_is_whole(social: Social) -> None:
    social.put("a.csv", raw(row(1)), day=1)
    assert not social.probe(1)[1].new
    social.put("a.csv.done", "", day=1)
    assert set(social.comments(social.publish(1.001))) == {"1"}


def test_a_file_that_changes_between_probe_and_extract_is_left_to_the_next_run(social: Social) -> None:
    social.put("a.csv", raw(row(1)))
    social.put("b.csv", raw(row(2)))
    run, _ = social.probe(1)
    social.put("b.csv", raw(row(2), row(3)))
    pipeline.extract(run, social.session())
    assert set(social.comments(pipeline.build(run))) == {"1"}
    pipeline.judge(run)
    pipeline.promote(run)
    assert set(social.comments(social.publish(2))) == {"1", "2", "3"}


def test_a_format_that_nobody_knows_is_quarantined_as_a_file_and_the_others_are_read(social: Social) -> None:
    social.put("a.csv", raw(row(1)))
    social.put("apify raw.csv", "a,b,c\r\n1,2,3\r\n")
    social.put("picture.csv", bytes(range(256)) * 10)
    manifest = social.publish(1)
    assert set(social.comments(manifest)) == {"1"}
    assert social.reasons(manifest) == {"unknown format": 2}
    refused = {each["name"]: each["refused"] for each in social.rows(manifest, "files")}
    assert refused == {"a.csv": None, "apify raw.csv": "unknown format", "picture.csv": "unknown format"}
    assert any("apify raw.csv), line 1" in each["raw"] for each in social.refused(manifest))
    assert not social.probe(2)[1].new, "it is not tried again every day"


def test_an_empty_file_and_a_header_alone_are_files_without_rows(social: Social) -> None:
    social.put("empty.csv", b"")
    social.put("header.csv", raw())
    social.put("a.csv", raw(row(1)))
    files = {
        each["name"]: (each["format"], *account(each)) for each in social.rows(social.publish(1), "files")
    }
    assert files["empty.csv"] == ("empty", 0, 0, 0, 0) and files["header.csv"] == ("apify_raw", 0, 0, 0, 0)


def test_a_damaged_row_takes_no_neighbour_with_it(social: Social) -> None:
    social.put(
        "a.csv",
        raw(
            row(1), f'2,{POST},"never closed,{WRITTEN},1,0,,ann,77', row(3, "two\nlines"), "4,too,few", row(5)
        ),
    )
    manifest = social.publish(1)
    assert set(social.comments(manifest)) == {"1", "3", "5"}
    (file,) = social.rows(manifest, "files")
    assert account(file) == (5, 3, 0, 2)
    lines = sorted(each["raw"].rpartition(" ")[2] for each in social.refused(manifest))
    assert lines == ["3", "6"]


def test_a_value_that_cannot_be_read_costs_its_row_and_says_why(social: Social) -> None:
    social.put(
        "a.csv",
        raw(
            row(1),
            row(2, at="yesterday"),
            row(3, likes="many"),
            row("1.5E+16"),
            row(5, post=""),
            row(6, at=""),
        ),
    )
    manifest = social.publish(1)
    assert social.reasons(manifest) == {"time": 1, "count": 1, "rounded id": 1, "no post": 1}
    rows = social.comments(manifest)
    assert set(rows) == {"1", "6"} and rows["6"]["created_at"] is None


@pytest.mark.whole_gate
def test_a_rounded_post_is_put_right_when_an_export_tells_its_short_code(social: Social) -> None:
    social.put("a.csv", raw(row(1, post=ROUNDED), row(2, post=ROUNDED)))
    first = social.publish(1)
    (post,) = social.rows(first, "posts")
    assert (post["post_id"], post["id_rounded"]) == (ROUNDED, True)
    posts = f"id,shortCode,url,caption,timestamp,commentsCount,likesCount\r\n{POST},{CODE},,What a day,"
    social.put("posts.csv", f"{posts}2025-11-21T00:00:00.000Z,46k,1.2M\r\n", day=1.5)
    second = social.publish(2)
    (post,) = social.rows(second, "posts")
    assert (post["post_id"], post["id_rounded"], post["caption"]) == (POST, False, "What a day")
    assert (post["comments_declared"], post["likes"], post["comments_captured"]) == (46_000, 1_200_000, 2)
    assert {each["post_id"] for each in social.comments(second).values()} == {POST}
    social.put("b.csv", raw(row(3, post=ROUNDED)), day=2.5)
    assert social.comments(social.publish(3))["3"]["post_id"] == POST


@pytest.mark.whole_gate
def test_a_comment_without_an_id_is_one_row_however_often_it_comes_and_gives_way_to_its_id(
    social: Social,
) -> None:
    line = f'{CODE},https://www.instagram.com/p/{CODE}/,,ann,"so  good @zoe",2025-11-21T05:34:52.000Z,'
    social.put("a.csv", f"{SIMPLE}\r\n{line}1\r\n{line}1\r\n")
    first = social.comments(social.publish(1))
    assert len(first) == 2, "two people may say the same in one second"
    assert all(each.startswith("derived-") and not row["id_given"] for each, row in first.items())
    social.put("b.csv", f"{SIMPLE}\r\n{line}4\r\n{line}4\r\n{line}4\r\n", day=1.5)
    second = social.comments(social.publish(2))
    assert set(second) > set(first) and len(second) == 3
    assert {each["likes"] for each in second.values()} == {4}
    social.put("c.csv", raw(row(11, "so good @zoe"), row(12, "so good @zoe")), day=2.5)
    third = social.publish(3)
    rows = social.comments(third)
    assert {"11", "12"} < set(rows) and len(rows) == 3
    assert rows["11"]["id_given"] and rows["11"]["first_seen"] == at(0.5)
    social.put("d.csv", f"{SIMPLE}\r\n{line}9\r\n{line}9\r\n", day=3.5)
    fourth = social.publish(4)
    rows = social.comments(fourth)
    assert len(rows) == 3 and rows["11"]["likes"] == rows["12"]["likes"] == 9
    for file in social.rows(fourth, "files"):
        assert file["rows"] == file["kept"] + file["merged"]


def test_without_a_time_the_author_and_the_text_tell_which_comment_it_is(social: Social) -> None:
    social.put("a.csv", ",videoId,comment,author\r\n0,6CsJZxfZsL0,nice,ann\r\n1,6CsJZxfZsL0,nice,bob\r\n")
    assert len(social.comments(social.publish(1))) == 2
    social.put(
        "b.csv",
        "videoId,commentId,text,author,publishedAt\r\n"
        "6CsJZxfZsL0,Ugx1,nice,bob,2025-11-21T05:34:52Z\r\n6CsJZxfZsL0,Ugx2,nice,zoe,2025-11-21T05:34:52Z\r\n",
        day=1.5,
    )
    manifest = social.publish(2)
    rows = social.comments(manifest)
    assert len(rows) == 3 and rows["Ugx1"]["first_seen"] == at(0.5) and rows["Ugx2"]["first_seen"] == at(1.5)


@pytest.mark.whole_gate
def test_a_comment_has_vanished_where_a_nearly_complete_scrape_lacks_it_and_is_back_when_it_comes(
    social: Social,
) -> None:
    social.put("a.csv", raw(*(row(pk) for pk in range(100, 140))))
    social.publish(1)
    social.put("half.csv", raw(*(row(pk) for pk in range(100, 120))), day=1.5)
    assert all(each["vanished_at"] is None for each in social.comments(social.publish(2)).values())
    social.put("b.csv", raw(*(row(pk) for pk in range(102, 140)), row(200)), day=2.5)
    third = social.publish(3)
    gone = {pk: each["vanished_at"] for pk, each in social.comments(third).items() if each["vanished_at"]}
    assert gone == {"100": at(2.5), "101": at(2.5)}
    assert social.rows(third, "posts")[0]["comments_captured"] == 39
    social.put("c.csv", raw(row(101)), day=3.5)
    rows = social.comments(social.publish(4))
    assert rows["101"]["vanished_at"] is None and rows["100"]["vanished_at"] == at(2.5)


def test_of_few_comments_nobody_can_tell_what_vanished(social: Social) -> None:
    social.put("a.csv", raw(*(row(pk) for pk in range(100, 119))))
    social.publish(1)
    social.put("b.csv", raw(*(row(pk) for pk in range(101, 119))), day=1.5)
    assert all(each["vanished_at"] is None for each in social.comments(social.publish(2)).values())


def test_what_one_run_makes_of_two_scrapes_two_runs_make_too(social: Social) -> None:
    social.put("a.csv", raw(*(row(pk, likes=1) for pk in range(100, 140))), day=0.1)
    social.put("b.csv", raw(*(row(pk, likes=2) for pk in range(101, 141))), day=0.2)
    rows = social.comments(social.publish(1))
    assert rows["100"]["vanished_at"] == at(0.2) and rows["100"]["likes"] == 1
    assert rows["101"]["likes"] == 2 and rows["101"]["first_seen"] == at(0.1)


def test_a_comment_of_two_posts_stays_with_the_first_and_the_other_row_is_quarantined(social: Social) -> None:
    social.put("a.csv", raw(row(1), row(1, post="3773920856741438614"), row(2)))
    first = social.publish(1)
    assert social.comments(first)["1"]["post_id"] == POST
    assert social.reasons(first) == {"comment of another post": 1}
    social.put("b.csv", raw(row(2, post="3773920856741438614"), row(3)), day=1.5)
    second = social.publish(2)
    assert social.comments(second)["2"]["post_id"] == POST
    assert {each["name"]: account(each) for each in social.rows(second, "files")}["b.csv"] == (2, 1, 0, 1)


def test_parts_that_no_file_is_about_are_kept_as_they_are(social: Social) -> None:
    posts = [str(3770272429806644260 + 10_007 * number) for number in range(40)]
    social.put("a.csv", raw(*(row(pk, post=post) for pk, post in enumerate(posts))))
    first = social.publish(1)
    social.put("b.csv", raw(row(100, post=posts[0])), day=1.5)
    second = social.publish(2)
    before = {file.path for file in first.table("comments").files}
    after = {file.path for file in second.table("comments").files}
    assert len(before) == 8 and len(before - after) == 1


def test_the_same_landing_built_again_gives_the_same_bytes(social: Social) -> None:
    social.put("a.csv", raw(*(row(pk, f"text {pk} @someone") for pk in range(50))))
    social.put(
        "b.csv",
        f"{ESUIT}\r\nhttps://instagram.com/p/{CODE}/,A caption,Her,ann,hello,2024-01-01 12:00:00,42\r\n",
    )
    _, manifest = social.candidate(1)
    for entry in manifest.tables:
        assert entry.files, entry.name
    shas = [[file.sha256 for file in entry.files] for entry in manifest.tables]
    again = social.daily.run(1.2)
    pipeline.probe(again, social.session())
    pipeline.extract(again, social.session())
    other = pipeline.build(again)
    tables = [entry.name for entry in manifest.tables]
    for name, one, two in zip(tables, shas, [[f.sha256 for f in e.files] for e in other.tables], strict=True):
        assert name == "files" or one == two, name


def test_json_items_and_their_replies_are_rows(social: Social) -> None:
    items = [
        {"cid": "731", "text": "first", "createTimeISO": "2025-11-21T05:34:52.000Z", "diggCount": 12, "uniqueId": "ann",
         "videoWebUrl": "https://www.tiktok.com/@her/video/7300000000000000001",
         "replies": [{"cid": "732", "text": "second", "createTime": 1763703299, "uniqueId": "bob", "diggCount": 0}]},
        {"cid": "733", "text": None, "createTimeISO": "nonsense", "videoWebUrl": "https://www.tiktok.com/@her/video/7300000000000000001"},
    ]  # fmt: skip
    social.put("a.json", json.dumps(items, indent=1))
    social.put(
        "b.jsonl", "\n".join(json.dumps({**items[0], "cid": str(900 + n), "replies": None}) for n in range(3))
    )
    manifest = social.publish(1)
    rows = social.comments(manifest)
    assert set(rows) == {"731", "732", "900", "901", "902"}
    assert (rows["732"]["context"], rows["732"]["parent_id"], rows["731"]["context"]) == (
        "reply",
        "731",
        "direct",
    )
    files = {each["name"]: account(each) for each in social.rows(manifest, "files")}
    assert files == {"a.json": (3, 2, 0, 1), "b.jsonl": (3, 3, 0, 0)}


def test_no_author_and_no_key_is_anywhere_but_in_raw_and_quarantine(social: Social) -> None:
    social.put(
        "a.csv",
        raw(row(1, "look @secret.friend", user="secretname"), row(2, at="nonsense", user="secretname")),
    )
    social.publish(1)
    store = social.daily.store
    for key in store.list("versions") + store.list("latest"):
        if "_quarantine" not in key:
            content = store.read_bytes(key)
            assert b"secretname" not in content and b"secret.friend" not in content
    for key in (each for folder in ("versions", "latest", "raw") for each in store.list(folder)):
        assert b"a key of the tests" not in store.read_bytes(key)


def test_without_an_inbox_and_without_datasets_a_run_is_skipped_with_a_sentence(social: Social) -> None:
    social.daily.beside["inbox"] = None
    _, probe = social.probe(1)
    assert not probe.new and "comments_inbox" in probe.reason and probe.upstream == {"without_host": True}


def test_mentions_in_captions_are_hidden_as_in_comments(social: Social) -> None:
    header = "id,shortCode,url,caption,timestamp,commentsCount,likesCount"
    social.put("posts.csv", f"{header}\r\n{POST},{CODE},,by @jo.doe,2025-11-21T00:00:00.000Z,1,1\r\n")
    line = "https://instagram.com/p/DRfqQYsguSW/,with @jo.doe,of @jo.doe,ann,hello,2024-01-01 12:00:00,42"
    social.put("esuit.csv", f"{ESUIT}\r\n{line}\r\n")
    posts = social.rows(social.publish(1), "posts")
    said = [each[name] for each in posts for name in ("caption", "subject") if each[name]]
    assert len(said) == 3 and not any("jo.doe" in each for each in said)
    assert len({each.partition("@")[2] for each in said}) == 1


def test_a_replay_reads_what_landed_again_under_the_key_that_is_handed_in(social: Social) -> None:
    social.put("a.csv", raw(row(1), row(2, at="nonsense")))
    first = social.publish(1)
    again = replay.replay(
        social.daily.store,
        social.daily.registry,
        "comments",
        first.version,
        who="a tester",
        reason="a parser that knows more",
        now=at(2),
        keys={"comments_authors": b"another key of the tests"},
        options={},
    )
    second = manifests.require(social.daily.store, "comments", again.version)
    (file,) = social.rows(second, "files")
    assert account(file) == (2, 0, 1, 1)
    before, after = social.comments(first)["1"], social.comments(second)["1"]
    assert before["author_key"] != after["author_key"] and before["author"] != after["author"]
    assert before["first_seen"] == after["first_seen"]


def test_a_replay_without_airflows_connections_is_refused_before_anything_is_changed(
    social: Social,
) -> None:
    social.put("a.csv", raw(row(1)))
    first = social.publish(1)
    with pytest.raises(NotReplayable, match=r"comments_authors.*lastgood_replay") as refused:
        replay.replay(
            social.daily.store,
            social.daily.registry,
            "comments",
            first.version,
            who="a",
            reason="b",
            now=at(3),
        )
    assert "comments_api" in str(refused.value)
    with social.daily.registry.transaction() as cursor:
        cursor.execute("SELECT count(*) AS n FROM lastgood.action")
        assert cursor.fetchone() == {"n": 0}


def test_a_killed_extract_goes_on_behind_the_last_whole_file_and_takes_the_same_files(
    social: Social, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(("a.csv", "b.csv", "c.csv")):
        social.put(name, raw(row(number + 1)), day=0.1 + number / 10)
    run, _ = social.probe(1)
    opened: list[str] = []
    open_file = Inbox.open

    def dying(inbox: Inbox, file: InboxFile) -> IO[bytes]:
        opened.append(file.path)
        if file.path == "b.csv" and opened.count("b.csv") == 1:
            raise OSError("the disk is away")
        return open_file(inbox, file)

    monkeypatch.setattr(Inbox, "open", dying)
    with pytest.raises(OSError, match="away"):
        pipeline.extract(run, social.session())
    social.put("d.csv", raw(row(4)), day=0.4)
    again = social.daily.resumed(1)
    facts = pipeline.extract(again, social.session())
    assert opened == ["a.csv", "b.csv", "b.csv", "c.csv"] and facts["files"] == 3
    assert set(social.comments(pipeline.build(again))) == {"1", "2", "3"}


def test_a_try_that_was_frozen_while_it_took_a_file_changes_nothing_when_it_wakes(
    social: Social, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(("a.csv", "b.csv", "c.csv")):
        social.put(name, raw(row(number + 1)), day=0.1 + number / 10)
    run, _ = social.probe(1)
    open_file = Inbox.open
    done: list[Any] = []

    def freezing(inbox: Inbox, file: InboxFile) -> IO[bytes]:
        if file.path == "b.csv" and not done:
            done.append(None)
            done.append(pipeline.extract(social.daily.run(1), social.session()))
        return open_file(inbox, file)

    monkeypatch.setattr(Inbox, "open", freezing)
    with pytest.raises(LandingTaken):
        pipeline.extract(run, social.session())
    assert done[1]["files"] == 3
    again = social.daily.resumed(1)
    assert pipeline.extract(again, social.session())["files"] == 3
    manifest = pipeline.build(again)
    assert set(social.comments(manifest)) == {"1", "2", "3"}
    assert {file["name"] for file in social.rows(manifest, "files")} == {"a.csv", "b.csv", "c.csv"}


def test_of_two_runs_at_once_one_publishes_and_the_other_ends_and_says_what_to_do(social: Social) -> None:
    social.put("a.csv", raw(row(1)))
    (first, _), (second, _) = social.probe(1), social.probe(1.1)
    for run in (first, second):
        assert pipeline.extract(run, social.session())["files"] == 1
    pipeline.build(first)
    assert pipeline.judge(first).passed
    pipeline.promote(first)
    with pytest.raises(BaseMoved, match=r"nothing was latest, but by now .*The next run collects upon that"):
        pipeline.build(second)
    assert not social.probe(2)[1].new, "what both took is in the version of the faster one"
    social.put("b.csv", raw(row(1, likes=5), row(2)), 2.1)
    files = {each["name"]: account(each) for each in social.rows(social.publish(3), "files")}
    assert files == {"a.csv": (1, 1, 0, 0), "b.csv": (2, 1, 1, 0)}
