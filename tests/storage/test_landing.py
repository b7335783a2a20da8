"""Raw landing: the same lines give the same files, and a kill anywhere changes nothing of that."""

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.storage.conditional import Replaces
from include.storage.landing import Landed, Landing, Landings, LandingTaken, Note, RawAltered, RawIncomplete
from include.storage.store import Store, StoredFile, UnsafePath

PREFIX = "raw/ctgov/20261120-ab12"
PARAMETERS = {"filter.advanced": "AREA[LastUpdatePostDate]RANGE[2026-11-18,MAX]", "pageSize": 250}
VERSION = "2026-11-20T09:00:05"


_tries = count(1)


def begin(store: Store, **changes: Any) -> Landing:
    """Open the landing as the next try does, if no other `owner` is given."""
    arguments = {
        "prefix": PREFIX,
        "parameters": PARAMETERS,
        "upstream_version": VERSION,
        "owner": next(_tries),
        **changes,
    }
    return Landing.open(store, **arguments)


def files(store: Store) -> dict[str, bytes]:
    """Everything in the folder but what says how far the landing is."""
    return {key: store.read_bytes(key) for key in store.list(PREFIX) if key != f"{PREFIX}/progress.json"}


def content(store: Store) -> dict[str, Any]:
    """What landed, whichever tries did it; there is nothing beside it."""
    progress = msgspec.json.decode(store.read_bytes(f"{PREFIX}/progress.json"))
    parts = [(store.read_bytes(part.pop("path")), part) for part in progress.pop("parts")]
    del progress["owner"]
    assert sorted(files(store).values()) == sorted(data for data, _ in parts)
    return {**progress, "parts": parts}


def test_what_was_written_is_read_back_by_kind_and_in_order(store: Store) -> None:
    landing = begin(store)
    landing.write_part("studies", [b'{"a":1}', b'{"a":2}'], {"token": "t1"})
    landing.write_part("ids", iter([b'"NCT1"']), {"token": "t2"})
    landing.write_part("studies", [b'{"a":3}'], {"token": None})
    landing.finish({"totalCount": 3})
    again = Landed.completed(store, PREFIX)
    assert list(again.read("studies")) == [b'{"a":1}', b'{"a":2}', b'{"a":3}']
    assert list(again.read("ids")) == [b'"NCT1"']
    assert list(again.read("confirmations")) == []
    assert list(again.read_part(again.progress.parts[2])) == [b'{"a":3}']
    assert again.progress.cursor == {"token": None}
    assert again.progress.facts == {"totalCount": 3}


def test_parts_are_ordinary_zstd_files_that_progress_describes(store: Store) -> None:
    part = begin(store).write_part("studies", [b"one", b"two"], None)
    assert re.fullmatch(f"{PREFIX}/part-00000-[0-9a-f]+.jsonl.zst", part.path)
    data = store.read_bytes(part.path)
    assert zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read() == b"one\ntwo\n"
    assert (part.rows, part.kind, part.bytes) == (2, "studies", len(data))
    assert part.sha256 == hashlib.sha256(data).hexdigest()
    progress = msgspec.json.decode(store.read_bytes(f"{PREFIX}/progress.json"))
    assert progress["format"] == 1
    assert progress["upstream_version"] == VERSION
    assert progress["parts"][0]["path"] == part.path
    assert progress["complete"] is False


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(lines=st.lists(st.binary(max_size=300).map(lambda line: line.replace(b"\n", b"")), max_size=40))
def test_any_lines_come_back(store: Store, lines: list[bytes]) -> None:
    landing = begin(store, upstream_version=str(lines))
    part = landing.write_part("x", lines, None)
    assert list(landing.read_part(part)) == lines
    assert part.rows == len(lines)


def test_parts_larger_than_every_buffer_come_back(store: Store) -> None:
    lines = [hashlib.sha512(str(number).encode()).hexdigest().encode() * 40 for number in range(700)]
    landing = begin(store)
    part = landing.write_part("x", iter(lines), None)
    assert list(landing.read_part(part)) == lines


def test_a_line_with_a_newline_is_refused_and_leaves_nothing(store: Store) -> None:
    landing = begin(store)
    with pytest.raises(ValueError, match="newline"):
        landing.write_part("studies", [b"{}", b'{"a":\n1}'], None)
    assert files(store) == {}
    assert landing.progress.parts == ()


def test_nothing_is_kept_of_a_part_whose_lines_break_off(store: Store) -> None:
    def lines() -> Iterator[bytes]:
        yield b"{}"
        raise ConnectionError("gone")

    landing = begin(store)
    with pytest.raises(ConnectionError):
        landing.write_part("studies", lines(), None)
    assert files(store) == {}


def test_it_goes_on_where_it_stopped(store: Store) -> None:
    begin(store).write_part("studies", [b"1"], {"token": "t1"})
    landing = begin(store)
    assert landing.progress.cursor == {"token": "t1"}
    landing.write_part("studies", [b"2"], None)
    numbers = [part.path.removeprefix(f"{PREFIX}/part-")[:5] for part in landing.progress.parts]
    assert numbers == ["00000", "00001"]


def test_the_order_of_parameters_does_not_matter(store: Store) -> None:
    begin(store).write_part("studies", [b"1"], 1)
    again = begin(store, parameters=dict(reversed(PARAMETERS.items())))
    assert again.progress.cursor == 1


@pytest.mark.parametrize(
    "changes",
    [{"upstream_version": "2026-11-21T09:00:05"}, {"parameters": {**PARAMETERS, "pageSize": 200}}],
)
def test_another_data_version_or_request_starts_over(store: Store, changes: dict[str, Any]) -> None:
    landing = begin(store)
    landing.write_part("studies", [b"1"], 1)
    landing.write_part("studies", [b"2"], 2)
    landing.finish({})
    fresh = begin(store, **changes)
    assert (fresh.progress.cursor, fresh.progress.parts, fresh.progress.complete) == (None, (), False)
    assert files(store) == {}


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"format":2}', b'{"format":1,"surprise":1}', b"\xff"])
def test_progress_that_cannot_be_read_starts_over(store: Store, text: bytes) -> None:
    begin(store).write_part("studies", [b"1"], 1)
    store.write_bytes(f"{PREFIX}/progress.json", text)
    with pytest.raises(RawIncomplete):
        Landed.completed(store, PREFIX)
    assert begin(store).progress.parts == ()
    assert files(store) == {}


def test_a_part_that_is_gone_starts_over(store: Store) -> None:
    landing = begin(store)
    landing.write_part("studies", [b"1"], 1)
    landing.write_part("studies", [b"2"], 2)
    store.delete(landing.progress.parts[0].path)
    assert begin(store).progress.cursor is None


def test_files_that_progress_does_not_know_are_removed(store: Store) -> None:
    begin(store).write_part("studies", [b"1"], 1)
    store.write_bytes(f"{PREFIX}/part-00001-1.jsonl.zst", b"half a part")
    store.write_bytes(f"{PREFIX}/.new-x", b"half a file")
    landing = begin(store)
    assert len(files(store)) == 1
    assert landing.progress.cursor == 1


def test_discarding_leaves_a_landing_as_at_its_beginning(store: Store) -> None:
    landing = begin(store)
    landing.write_part("studies", [b"1"], 1)
    landing.discard()
    assert files(store) == {}
    landing.write_part("studies", [b"2"], 2)
    assert begin(store).progress.cursor == 2


def test_a_complete_landing_takes_nothing_more(store: Store) -> None:
    landing = begin(store)
    landing.finish({"totalCount": 0})
    assert begin(store).progress.complete
    with pytest.raises(RuntimeError, match="complete"):
        begin(store).write_part("studies", [b"1"], 1)


def test_an_extract_that_did_not_end_cannot_be_read_as_complete(store: Store) -> None:
    with pytest.raises(RawIncomplete, match=PREFIX):
        Landed.completed(store, PREFIX)
    begin(store).write_part("studies", [b"1"], 1)
    with pytest.raises(RawIncomplete, match="finished"):
        Landed.completed(store, PREFIX)


def _flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def _other_lines(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(b"9\n")


@pytest.mark.parametrize("alter", [_flip, _other_lines, lambda data: data[:-3], lambda data: b""])
def test_an_altered_part_is_refused_by_name_before_its_first_line(store: Store, alter: Any) -> None:
    landing = begin(store)
    path = landing.write_part("studies", [b"1", b"2"], 1).path
    landing.finish({})
    store.write_bytes(path, alter(store.read_bytes(path)))
    with pytest.raises(RawAltered, match="part-00000"):
        next(Landed.completed(store, PREFIX).read("studies"))


def test_a_missing_part_is_named(store: Store) -> None:
    landing = begin(store)
    path = landing.write_part("studies", [b"1"], 1).path
    landing.finish({})
    store.delete(path)
    with pytest.raises(RawAltered, match=r"part-00000.*gone"):
        list(Landed.completed(store, PREFIX).read("studies"))


def test_progress_cannot_lead_out_of_the_store(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    landing = begin(store)
    landing.write_part("studies", [b"1"], 1)
    landing.finish({})
    key = f"{PREFIX}/progress.json"
    store.write_bytes(key, store.read_bytes(key).replace(b"raw/ctgov/20261120-ab12/part", b"raw/../../part"))
    with pytest.raises(UnsafePath):
        list(Landed.completed(store, PREFIX).read("studies"))


# --- two live tries ---


def test_a_try_that_was_frozen_meanwhile_writes_nothing_any_more(any_store: Store) -> None:
    store = any_store
    frozen = begin(store)
    frozen.write_part("studies", [b"1"], {"page": 1})
    live = begin(store)
    before = store.read_bytes(f"{PREFIX}/progress.json")
    for act in (
        lambda: frozen.write_part("studies", [b"other"], {"page": 9}),
        lambda: frozen.finish({"rows": 9}),
        frozen.discard,
    ):
        with pytest.raises(LandingTaken, match=f"{PREFIX} .*later try"):
            act()
    assert store.read_bytes(f"{PREFIX}/progress.json") == before
    live.write_part("studies", [b"2"], {"page": 2})
    live.finish({})
    assert [*Landed.completed(store, PREFIX).read("studies")] == [b"1", b"2"]


def test_the_part_that_a_frozen_try_lands_late_is_not_that_of_the_live_one(any_store: Store) -> None:
    store = any_store
    frozen = begin(store)
    live = begin(store)
    part = live.write_part("studies", [b"live"], None)
    with pytest.raises(LandingTaken):
        frozen.write_part("studies", [b"frozen"], None)
    assert [*live.read_part(part)] == [b"live"]
    assert [*begin(store).read("studies")] == [b"live"]
    assert files(store).keys() == {part.path}, "what nobody names is removed by the next try"


def test_a_lost_try_that_opens_again_neither_starts_over_nor_goes_on(any_store: Store) -> None:
    store = any_store
    live = begin(store, owner=2**60)
    live.write_part("studies", [b"1"], 1)
    for changes in ({}, {"upstream_version": "2026-11-21T09:00:05"}):
        with pytest.raises(LandingTaken):
            begin(store, owner=1, **changes)
    live.finish({"rows": 1})
    before = {**files(store), "progress": store.read_bytes(f"{PREFIX}/progress.json")}
    lost = begin(store, owner=1)
    assert lost.progress.facts == {"rows": 1}
    with pytest.raises(LandingTaken):
        lost.discard()
    with pytest.raises(LandingTaken):
        begin(store, owner=1, upstream_version="2026-11-21T09:00:05")
    assert {**files(store), "progress": store.read_bytes(f"{PREFIX}/progress.json")} == before


def test_a_landing_that_was_removed_under_a_try_is_not_begun_by_it_again(any_store: Store) -> None:
    store = any_store
    landing = begin(store)
    landing.write_part("studies", [b"1"], 1)
    store.delete_tree(PREFIX)
    with pytest.raises(LandingTaken, match="removed"):
        landing.write_part("studies", [b"2"], 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(schedule=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40))
def test_whatever_the_order_in_which_tries_wake_the_last_one_lands_everything_once(
    tmp_path_factory: pytest.TempPathFactory, schedule: list[tuple[int, bool]]
) -> None:
    store = Store.from_uri((tmp_path_factory.mktemp("tries") / "store").as_uri())
    tries: dict[int, Landing] = {}

    def go_on(number: int, *, restart: bool) -> None:
        if number not in tries:
            tries[number] = begin(store, owner=number + 1)
        landing = tries[number]
        if restart:
            landing.discard()
        page = (landing.progress.cursor or {"page": 0})["page"]
        if landing.progress.complete:
            return
        if page == len(PAGES):
            landing.finish({"rows": 12})
        else:
            landing.write_part("studies", PAGES[page], {"page": page + 1})

    for number, restart in schedule:
        try:
            go_on(number, restart=restart)
        except LandingTaken:
            tries.pop(number, None)
    last = begin(store)
    while not last.progress.complete:
        tries[99] = last
        go_on(99, restart=False)
    assert [*Landed.completed(store, PREFIX).read("studies")] == [line for page in PAGES for line in page]


# --- where the runs of a source land ---


def test_a_run_reads_what_others_landed_and_writes_only_to_its_own(store: Store) -> None:
    other = Landings(store, "toy", "v1", 1)
    for unit in ("a", "b"):
        other.open({}, "any", unit).write_part("x", [unit.encode()], None)
    mine = Landings(store, "toy", "v2", 2)
    assert mine.versions() == {"v1"}
    (_, first), (_, second) = mine.units("v1")
    assert [*first.read("x"), *second.read("x")] == [b"a", b"b"]
    assert not hasattr(first, "write_part")
    parts = first.progress.parts
    assert mine.are_there(parts)
    assert [*mine.of_parts("v1", "a", parts).read("x")] == [b"a"]
    mine.open({}, "any").finish({"rows": 0})
    assert mine.completed().progress.facts == {"rows": 0}
    for name in ("../v1", "/etc", "a/../../v1"):
        with pytest.raises(UnsafePath):
            mine.write_note(name, "")


def test_a_note_of_an_earlier_try_takes_the_place_of_no_later_one(store: Store) -> None:
    earlier, later = (Landings(store, "toy", "v2", owner) for owner in (1, 2))
    assert earlier.read_note("stopped.json") is None
    assert earlier.write_note("stopped.json", "unit") and earlier.write_note("stopped.json", "other")
    assert later.read_note("stopped.json") == Note(1, "other")
    assert later.write_note("stopped.json", None)
    assert not earlier.write_note("stopped.json", "unit")
    assert later.read_note("stopped.json") == Note(2, None)
    store.write_bytes("raw/toy/v2/stopped.json", b'{"unit": "a", "kind": "k"}')
    assert later.read_note("stopped.json") == Note(), "of an earlier release"


def test_what_a_try_remarks_is_kept_until_it_is_finished_and_no_lost_one_can(store: Store) -> None:
    first = Landing.open(store, "raw/toy/v1", {}, "any", 1)
    first.remark({"stopped": "why"})
    second = Landing.open(store, "raw/toy/v1", {}, "any", 2)
    assert second.progress.facts == {"stopped": "why"} and not second.progress.complete
    with pytest.raises(LandingTaken):
        first.remark({"stopped": "again"})
    second.finish({"rows": 0})
    assert second.progress.facts == {"rows": 0}


# --- kill -9 anywhere ---


class Killed(BaseException):
    """The process is gone."""


class MortalStore:
    """A store whose process dies at its n-th operation, before or after it took effect."""

    def __init__(self, store: Store, dies_at: int, after: bool) -> None:
        self.store = store
        self.left = dies_at
        self.after = after

    def _operation(self, name: str, *arguments: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        result = getattr(self.store, name)(*arguments)
        if self.left == 0:
            raise Killed
        return result

    @property
    def uri(self) -> str:
        return self.store.uri

    def key(self, *parts: str) -> str:
        return self.store.key(*parts)

    def list(self, prefix: str) -> list[str]:
        found: list[str] = self._operation("list", prefix)
        return found

    def read_bytes(self, key: str) -> bytes:
        data: bytes = self._operation("read_bytes", key)
        return data

    def swap(self, key: str, data: bytes, replaces: Replaces) -> bool:
        swapped: bool = self._operation("swap", key, data, replaces)
        return swapped

    def put(self, local: Path, key: str) -> StoredFile:
        stored: StoredFile = self._operation("put", local, key)
        return stored

    def delete(self, key: str) -> None:
        self._operation("delete", key)

    def delete_tree(self, prefix: str) -> int:
        """Not one operation: a kill may leave any part of the files."""
        keys = self.store.list(prefix)
        for key in keys:
            self._operation("delete", key)
        return len(keys)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        manager = self.store.scratch(name)
        folder = manager.__enter__()
        yield folder
        manager.__exit__(None, None, None)  # a killed process does not clean up


PAGES = [[b'{"page":%d,"row":%d}' % (page, row) for row in range(3)] for page in range(4)]


def crawl(store: Any, upstream_version: str = VERSION) -> None:
    """What an extract does: go on from the cursor, page after page, and declare the end."""
    landing = begin(store, upstream_version=upstream_version)
    page = (landing.progress.cursor or {"page": 0})["page"]
    while page < len(PAGES) and not landing.progress.complete:
        lines = [line + upstream_version.encode() for line in PAGES[page]]
        page += 1
        landing.write_part("studies" if page < 3 else "ids", lines, {"page": page})
    landing.finish({"rows": 12})


def undisturbed(folder: Path) -> dict[str, Any]:
    store = Store.from_uri(folder.as_uri())
    crawl(store)
    return content(store)


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_operation_and_run_again_the_files_are_the_same(tmp_path: Path, after: bool) -> None:
    expected = undisturbed(tmp_path / "calm")
    deaths = 0
    for moment in range(1, 100):
        store = Store.from_uri((tmp_path / f"killed-{moment}").as_uri())
        try:
            crawl(MortalStore(store, moment, after))
        except Killed:
            deaths += 1
            crawl(store)
        assert content(store) == expected
    assert 8 <= deaths < 99


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(deaths=st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.booleans()), max_size=6))
def test_killed_again_and_again_while_the_upstream_moves_to_and_fro(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[tuple[int, bool, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("landing")
    store = Store.from_uri((folder / "store").as_uri())
    for moment, after, moved in deaths:
        try:
            crawl(MortalStore(store, moment, after), "2026-11-21T09:00:05" if moved else VERSION)
        except Killed:
            continue
    crawl(store)
    assert content(store) == undisturbed(folder / "calm")
    assert [*Landed.completed(store, PREFIX).read("ids")] == [
        line + VERSION.encode() for page in PAGES[2:] for line in page
    ]


def test_a_file_lands_byte_for_byte_and_its_cursor_knows_what_was_read(store: Store, tmp_path: Path) -> None:
    landing = begin(store)
    content, seen = bytes(range(256)) * 5_000 + b"no newline at the end", hashlib.sha256()

    def blocks() -> Iterator[bytes]:
        for first in range(0, len(content), 100_000):
            seen.update(content[first : first + 100_000])
            yield content[first : first + 100_000]

    part = landing.write_file("file", blocks(), seen.hexdigest)
    empty = landing.write_file("file", [], lambda: None)
    assert (part.rows, part.path[-8:]) == (1, ".bin.zst") and empty.rows == 1
    landing.finish({})
    again = Landed.completed(store, PREFIX)
    assert again.progress.parts == (part, empty)
    for each, expected in ((part, content), (empty, b"")):
        with again.open_file(each, tmp_path) as handle:
            assert handle.read() == expected
    assert hashlib.sha256(content).hexdigest() == seen.hexdigest()
    store.write_bytes(part.path, b"other")
    with pytest.raises(RawAltered), again.open_file(part, tmp_path):
        pass


def test_a_file_that_breaks_off_leaves_no_part_and_the_next_try_goes_on_behind_the_last_whole_one(
    store: Store,
) -> None:
    landing = begin(store)
    whole = landing.write_file("file", [b"whole"], lambda: ["whole"])

    def cut() -> Iterator[bytes]:
        yield b"half of it"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        landing.write_file("file", cut(), lambda: ["whole", "cut"])
    again = begin(store)
    assert (again.progress.parts, again.progress.cursor) == ((whole,), ["whole"])
    assert set(files(store)) == {whole.path}
