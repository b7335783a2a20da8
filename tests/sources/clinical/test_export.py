"""The export: whole-table files that read back the same, and a switch that readers never see half done."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.publishing.manifest import AlteredFile, Manifest
from include.sources.clinical import export as exports
from include.sources.clinical.export import SITE, csv_blocks, jsonl_blocks, write_site
from include.sources.clinical.tables import CLINICAL_COMPOUND_TRIALS as TABLE
from include.storage.conditional import Replaces
from include.storage.store import Store, StoredFile
from tests.web import rows
from tests.web.rows import AS_OF, generated, row, seal

PUBLISHED = AS_OF + timedelta(minutes=10)
LATEST = f"{SITE}/latest.json"


def export(store: Store, manifest: Manifest, published_at: datetime) -> dict[str, Any]:
    """What latest.json says after an export."""
    described: dict[str, Any] = json.loads(msgspec.json.encode(write_site(store, manifest, published_at)))
    return described


def version(store: Store, number: int, count: int = 3) -> Manifest:
    return seal(store, generated(count, seed=number), as_of=AS_OF + timedelta(days=number))


def latest(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.read_bytes(LATEST))
    return found


def files(described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield described["files"]["csv"]
    yield described["files"]["jsonl"]
    yield from described["files"]["parts"]


def whole(store: Store, described: Mapping[str, Any]) -> bool:
    """Whether every file that latest.json names is there, with the bytes that it names."""
    return all(
        store.exists(f"{SITE}/{file['path']}") and store.sha256(f"{SITE}/{file['path']}") == file["sha256"]
        for file in files(described)
    )


def read_csv(store: Store, described: Mapping[str, Any]) -> list[dict[str, str]]:
    text = store.read_bytes(f"{SITE}/{described['files']['csv']['path']}").decode("utf-8")
    return list(csv.DictReader(text.splitlines(keepends=True)))


def read_jsonl(store: Store, described: Mapping[str, Any]) -> list[dict[str, Any]]:
    text = store.read_bytes(f"{SITE}/{described['files']['jsonl']['path']}").decode("utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_an_export_tells_the_run_log_where_and_how_large_the_site_is(store: Store) -> None:
    manifest = version(store, 1)
    told = exports.export(store, manifest, PUBLISHED)
    described = msgspec.json.decode(store.read_bytes(LATEST))
    assert told == {
        "site": SITE,
        "version": manifest.version,
        "rows": 3,
        "files": 3,
        "bytes": sum(
            file["bytes"]
            for file in [*(described["files"][n] for n in ("csv", "jsonl")), *described["files"]["parts"]]
        ),
    }


def test_latest_json_says_what_there_is_and_how_old_it_is(store: Store) -> None:
    manifest = seal(store, generated(30))
    described = export(store, manifest, PUBLISHED)
    assert described == latest(store)
    assert whole(store, described)
    assert described | {"columns": 0, "files": 0} == {
        "format": 1,
        "version": manifest.version,
        "previous": None,
        "as_of": "2026-03-01T06:00:00Z",
        "published_at": "2026-03-01T06:10:00Z",
        "built_from": rows.BUILT_FROM,
        "rows": 30,
        "stale_after_hours": 48,
        "moves": 0,
        "columns": 0,
        "files": 0,
    }
    assert [column["name"] for column in described["columns"]] == list(TABLE.names)
    assert all(column["title"] and column["meaning"] and column["type"] for column in described["columns"])
    assert [file["rows"] for file in files(described)] == [30, 30, 30]
    for file in files(described):
        assert file["path"].startswith(f"data/{manifest.version}/")
        assert len(store.read_bytes(f"{SITE}/{file['path']}")) == file["bytes"]


def test_a_manifest_whose_table_file_was_altered_is_refused_and_the_site_stays(store: Store) -> None:
    shown = export(store, version(store, 1), PUBLISHED)
    altered = version(store, 2)
    key = altered.table(TABLE.name).files[0].path
    store.write_bytes(key, store.read_bytes(key)[:-1] + b"?")
    with pytest.raises(AlteredFile, match="altered after the manifest"):
        export(store, altered, PUBLISHED)
    assert latest(store) == shown
    assert whole(store, shown)


def test_an_unreadable_latest_json_is_named(store: Store) -> None:
    store.write_bytes(LATEST, b"<html>")
    with pytest.raises(ValueError, match=r"site/clinical/latest\.json cannot be read .* remove it"):
        export(store, version(store, 1), PUBLISHED)


def test_the_page_that_was_not_built_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(exports, "PAGE", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"index\.html does not exist: build the page"):
        export(store, version(store, 1), PUBLISHED)


# The switch


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def recording(monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None] = lambda key: None) -> list[str]:
    """The keys that are put into a store, or replaced there, from now on, in order."""
    put, swap, keys = Store.put, Store.swap, list[str]()

    def recorded(store: Store, local: Path, key: str) -> StoredFile:
        before(key)
        keys.append(key)
        return put(store, local, key)

    def replaced(store: Store, key: str, data: bytes, replaces: Replaces) -> bool:
        before(key)
        keys.append(key)
        return swap(store, key, data, replaces)

    monkeypatch.setattr(Store, "put", recorded)
    monkeypatch.setattr(Store, "swap", replaced)
    return keys


def test_latest_json_comes_last_and_the_page_after_its_assets(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = version(store, 1)
    keys = recording(monkeypatch)
    export(store, manifest, PUBLISHED)
    assert keys[-1] == LATEST
    index = keys.index(f"{SITE}/index.html")
    assert all(key.startswith(f"{SITE}/assets/") or "LICENSES" in key for key in keys[:index])
    assert sorted(store.list(SITE)) == sorted(keys), "nothing else is written"


def test_a_kill_at_any_write_leaves_readers_the_version_before_and_another_call_finishes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "FIRST_ROWS", 1)
    shown = export(store, version(store, 1), PUBLISHED)
    manifest = version(store, 2)
    copy = Store.from_uri(f"{store.uri}-copy")
    elsewhere = version(copy, 2)
    with monkeypatch.context() as patched:
        keys = recording(patched)
        export(copy, elsewhere, PUBLISHED)
    writes = len(keys)
    assert writes > 8
    for survived in range(writes):
        left = iter(range(survived))

        def die(key: str, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Killed(key)

        with monkeypatch.context() as patched, pytest.raises(Killed):
            recording(patched, die)
            export(store, manifest, PUBLISHED)
        assert latest(store) == shown
        assert whole(store, shown)
    finished = export(store, manifest, PUBLISHED)
    assert (finished["version"], finished["previous"]) == (manifest.version, shown["version"])
    assert whole(store, finished)


def data(store: Store) -> set[str]:
    """The versions whose data stands there."""
    return {key.split("/")[3] for key in store.list(f"{SITE}/data")}


def aged(store: Store) -> None:
    """Let all data be as old as that of an export long done."""
    for key in store.list(f"{SITE}/data"):
        os.utime(store.full(key), (0, 0))


def test_an_export_that_was_frozen_neither_takes_the_page_back_nor_removes_data(store: Store) -> None:
    one, two = version(store, 1), version(store, 2)
    exports.export(store, one, PUBLISHED, 1)
    exports.export(store, two, PUBLISHED, 2)
    aged(store)
    assert exports.export(store, one, PUBLISHED, 1)["version"] == two.version
    assert latest(store)["version"] == two.version
    assert data(store) == {one.version, two.version}


def test_data_of_the_version_before_stays_and_older_data_goes_after_the_switch(store: Store) -> None:
    one, two, three = (version(store, number) for number in (1, 2, 3))
    for manifest in (one, two, three):
        export(store, manifest, PUBLISHED)
    assert len(data(store)) == 3, "the first may be of an export that has not shown it yet"
    aged(store)
    export(store, three, PUBLISHED)
    folders = {key.split("/")[3] for key in store.list(f"{SITE}/data")}
    assert folders == {two.version, three.version}
    assert latest(store)["previous"] == two.version


def test_the_same_version_again_changes_nothing_but_removes_what_a_kill_left(store: Store) -> None:
    one, two = version(store, 1), version(store, 2)
    export(store, one, PUBLISHED)
    first = export(store, two, PUBLISHED)
    store.write_bytes(f"{SITE}/data/20250101T000000Z-00000000/part-00000-0.parquet", b"left behind")
    aged(store)
    assert export(store, two, PUBLISHED) == first
    assert first["previous"] == one.version
    assert {key.split("/")[3] for key in store.list(f"{SITE}/data")} == {one.version, two.version}


def test_going_back_to_an_older_version_is_a_switch_like_any_other(store: Store) -> None:
    one, two = version(store, 1), version(store, 2)
    export(store, one, PUBLISHED)
    export(store, two, PUBLISHED)
    described = export(store, one, PUBLISHED)
    assert (described["version"], described["previous"]) == (one.version, two.version)
    assert whole(store, described)


def test_files_can_be_read_by_a_web_server_of_another_user(store: Store) -> None:
    export(store, version(store, 1), PUBLISHED)
    assert all(Path(store.full(key)).stat().st_mode & 0o044 == 0o044 for key in store.list(SITE))


def test_a_bucket_serves_the_page_with_the_types_that_browsers_insist_on(s3_store: Store) -> None:
    described = export(s3_store, version(s3_store, 1), PUBLISHED)
    assert whole(s3_store, described)
    keys = s3_store.list(SITE)
    s3_store.fs.invalidate_cache()  # a listing knows no types
    types = {key.split(".")[-1]: s3_store.fs.info(s3_store.full(key)).get("ContentType") for key in keys}
    assert types["html"] == "text/html"
    assert types["js"] in {"text/javascript", "application/javascript"}
    assert (types["css"], types["svg"], types["json"]) == ("text/css", "image/svg+xml", "application/json")


# Parts


def parts(store: Store, described: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    return [
        store.parquet(f"{SITE}/{file['path']}").to_table().to_pylist() for file in described["files"]["parts"]
    ]


def test_parts_hold_every_row_newest_update_first_and_the_first_part_is_small(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "FIRST_ROWS", 10)
    monkeypatch.setattr(exports, "PART_ROWS", 40)
    given = [*generated(100), row(10**8, 1, last_update_date=None)]
    described = export(store, seal(store, given), PUBLISHED)
    assert [file["rows"] for file in described["files"]["parts"]] == [10, 40, 40, 11]
    found = [row for part in parts(store, described) for row in part]
    newest = sorted(given, key=lambda row: (row["cid"], row["nct_id"]))
    newest.sort(key=lambda row: row["last_update_date"] or date.min, reverse=True)
    assert found == [{name: row[name] for name in row if name not in exports.LEFT_OUT} for row in newest]
    assert found[-1]["last_update_date"] is None


@pytest.mark.parametrize("count", [9, 10, 11, 50])
def test_no_row_is_lost_where_a_part_is_just_full(
    store: Store, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(exports, "FIRST_ROWS", 10)
    monkeypatch.setattr(exports, "PART_ROWS", 40)
    described = export(store, seal(store, generated(count)), PUBLISHED)
    assert sum(map(len, parts(store, described))) == count
    assert all(file["rows"] for file in described["files"]["parts"])


def test_a_part_with_other_content_has_another_name(store: Store) -> None:
    one = export(store, seal(store, [row(1, 1)], run="a"), PUBLISHED)
    two = export(store, seal(store, [row(1, 1)], run="b"), PUBLISHED)
    three = export(store, seal(store, [row(1, 2)], run="c"), PUBLISHED)
    names = [described["files"]["parts"][0]["path"].split("/")[-1] for described in (one, two, three)]
    assert names[0] == names[1] != names[2]


def test_a_table_without_rows_is_one_empty_part(store: Store) -> None:
    described = export(store, seal(store, []), PUBLISHED)
    assert parts(store, described) == [[]]
    assert (read_csv(store, described), read_jsonl(store, described)) == ([], [])


# CSV and JSONL


def test_csv_is_what_rfc_4180_asks_for(store: Store) -> None:
    given = row(
        7, 1, title='He said "no",\r\nthen left', phase="", conditions=["a", "b"], targets=[], link_names=None
    )
    described = export(store, seal(store, [given]), PUBLISHED)
    raw = store.read_bytes(f"{SITE}/{described['files']['csv']['path']}").decode("utf-8")
    header, record = raw.split("\r\n", 1)
    assert header == ",".join(TABLE.names)
    assert record == (
        '7,"NCT00000001","Compound 7","He said ""no"",\r\nthen left","","COMPLETED","a; b","Compound 7 10 mg","",'
        '2020-01-01,2021-01-01,2022-01-01,"https://clinicaltrials.gov/study/NCT00000001",'
        '"https://pubchem.ncbi.nlm.nih.gov/compound/7","https://clinicaltrials.gov/study/NCT00000001","pubchem",'
        f',,"{given["content_hash"]}"\r\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x","y")',
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\rx",
        "\nx",
        "   =1",
        "\u00a0=1",
        "\ufeff=1",
        "\u200b@x",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "\u3000\uff1d1",
        "\x00=1",
    ],
)
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(store: Store, text: str) -> None:
    described = export(store, seal(store, [row(1, 1, title=text, conditions=[text, "b"])]), PUBLISHED)
    (read,) = read_csv(store, described)
    assert (read["title"], read["conditions"]) == (f"'{text}", f"'{text}; b")
    (untouched,) = read_jsonl(store, described)
    assert (untouched["title"], untouched["conditions"]) == (text, [text, "b"])


@pytest.mark.parametrize("text", ["a=1", "5-HT", "'=1", "  a", "", "β-blocker", "(=1)", '"=1"'])
def test_harmless_text_stays_as_it_is(store: Store, text: str) -> None:
    described = export(store, seal(store, [row(1, 1, title=text)]), PUBLISHED)
    assert read_csv(store, described)[0]["title"] == text


BLANKS = {
    *map(chr, [*range(0x21), *range(0x7F, 0xA1), 0x1680, *range(0x2000, 0x2010), *range(0x2028, 0x2030)])
}
BLANKS |= {*map(chr, [*range(0x205F, 0x2065), 0x3000, 0xFEFF])}


def harmless(text: str) -> str:
    """What the guard should make of a text, told in another way."""
    skipped = "".join(BLANKS - set("\t\r\n"))
    begins = text.lstrip(skipped)[:1]
    return f"'{text}" if begins and begins in "=+-@\t\r\n＝＋－＠" else text


def cell(value: Any) -> str:
    if isinstance(value, list):
        return harmless("; ".join(item or "" for item in value))
    return harmless(value) if isinstance(value, str) else "" if value is None else str(value)


texts = st.text(st.one_of(st.sampled_from("=+-@\t\r\n \"',;'＝\u3000\ufeff"), st.characters(codec="utf-8")))
lists = st.none() | st.lists(st.none() | texts, max_size=3)
made = st.fixed_dictionaries(
    {
        "compound_name": st.none() | texts,
        "title": st.none() | texts,
        "phase": st.none() | texts,
        "conditions": lists,
        "targets": lists,
        "start_date": st.none() | st.dates(),
    }
)


@settings(max_examples=200, deadline=None)
@given(st.lists(made, max_size=5), st.integers(1, 5))
@example([{"conditions": [None, "a"], "targets": [""], "title": "\ud7ff\x00\x85\u2028"}], 1)
def test_both_files_read_back_the_same_but_for_the_apostrophe(
    values: list[dict[str, Any]], size: int
) -> None:
    given = [row(7, number, **some) for number, some in enumerate(values)]
    batches = pa.Table.from_pylist(given, TABLE.schema).to_batches(max_chunksize=size)
    header, *records = csv.reader(lines_of(b"".join(csv_blocks(batches)).decode("utf-8")))
    assert header == list(TABLE.names)
    assert records == [[cell(row[name]) for name in TABLE.names] for row in given]
    lines = b"".join(jsonl_blocks(batches)).decode("utf-8").split("\n")
    assert lines.pop() == ""
    plain = [
        {name: str(row[name]) if isinstance(row[name], date) else row[name] for name in row} for row in given
    ]
    assert [json.loads(line) for line in lines] == plain


def lines_of(text: str) -> Iterator[str]:
    """The lines as open(newline="") gives them to the csv module: cut after LF only."""
    while text:
        line, newline, text = text.partition("\n")
        yield line + newline


def test_more_rows_than_a_batch_are_all_written_in_order_of_the_key(store: Store) -> None:
    given = list(generated(9_000))
    described = export(store, seal(store, given), PUBLISHED)
    keys = [(row["cid"], row["nct_id"]) for row in given]
    assert [(int(row["cid"]), row["nct_id"]) for row in read_csv(store, described)] == keys
    assert [(row["cid"], row["nct_id"]) for row in read_jsonl(store, described)] == keys
    assert [file["rows"] for file in described["files"]["parts"]] == [1_000, 8_000]


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        export(store, version(store, 1), datetime(2026, 3, 1))
