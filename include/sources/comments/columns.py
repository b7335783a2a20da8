"""The comments of many rows at once, column by column, several times as fast as rows.py makes them one by one.

The rules are those of values.py, people.py and rows.py, which are asked once for each distinct value. What is another
one in nearly every row, ids, times and texts, is looked at in bulk: a form in which a value stands for itself is taken
as it is. A row that needs more than this, or cannot be read, is doubtful, and rows.py alone says what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.sources.comments.formats import COMMENT_ROLES
from include.sources.comments.people import MENTION_SIGNS
from include.sources.comments.reading import Numbers, Rows
from include.sources.comments.rows import Reader
from include.sources.comments.values import REDDIT, YOUTUBE, Unreadable, count, moment

Mask = npt.NDArray[np.bool_]
_TIME = pa.timestamp("us", "UTC")
_LAST_OF_ASCII, _FIRST_OF_FOUR = ord("~"), 0xF0
"""The last byte of UTF-8 that is a letter or mark by itself, and the first one that begins a character of four."""
_PLAIN_ID = (
    r"^(?:[0-9]{1,40}|[A-Za-su-z0-9][A-Za-z0-9_=-]{9,99}"
    r"|[A-Za-su-z][A-Za-z0-9_=-]{9,99}\.[A-Za-z0-9_=-]{1,99})$"
)
"""Ids that stand for themselves: no number in another form, no word for nothing, no kind before them (Reddit's t1_)."""
_SECONDS = r"^1[0-9]{9}$"
"""Seconds since 1970, from 2001 to 2033."""
_ISO = r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3}|\.[0-9]{6})?Z?$"
"""A time that says its date and its second, in UTC."""


@dataclass(frozen=True, slots=True)
class Many:
    """The comments that rows tell of, but for those that are doubtful: what stands in their place is void."""

    values: dict[str, pa.Array]
    """Columns as rows.Comment has them."""
    posts: Sequence[tuple[str, str]]
    """Platform and id of each post that they are about."""
    post: Numbers
    """Of each row its post among these."""
    doubtful: Mask


def comments(reader: Reader, rows: Rows) -> Many:
    """The comments of rows, one of each row that is not doubtful."""
    assert reader.header is not None
    told = {
        role: _told(rows, places) for role, places in zip(COMMENT_ROLES, reader.header.places, strict=True)
    }
    posts, post, doubtful = _posts(reader, told, len(rows))
    platform = next((each for each, _ in posts if each), "")
    doubtful |= np.array([each != platform for each, _ in posts])[post]
    for places in reader.header.nested:
        for _, place in places:
            doubtful |= ~_is_empty(rows.columns[place])
    doubtful |= ~_mask(pc.is_in(told["nested"], pa.array(["", "[]"])))

    def kept(found: tuple[pa.Array, Mask]) -> pa.Array:
        nonlocal doubtful
        doubtful |= found[1]
        return found[0]

    post_id = pa.array([each for _, each in posts]).take(pa.array(post))
    comment_id, parent_id = kept(_ids(told["id"])), kept(_ids(told["parent"]))
    has_parent = _mask(pc.is_valid(parent_id))
    if platform == REDDIT:
        doubtful |= has_parent
    elif platform == YOUTUBE:
        doubtful |= ~has_parent & _mask(pc.fill_null(pc.match_substring(comment_id, "."), False))
    # What is no parent at all.
    for other in (comment_id, post_id, "0"):
        doubtful |= _mask(pc.fill_null(pc.equal(parent_id, other), False))
    depth = kept(_each(told["depth"], count, pa.int64()))
    deep = _mask(pc.fill_null(pc.greater(depth, 0), False))
    text = _texts(told["text"], partial(reader.without_people, platform))
    created_at = kept(_moments(told["time"]))
    known_by = (comment_id, text, created_at)
    doubtful |= np.logical_and.reduce([_mask(pc.is_null(each)) for each in known_by])
    values = {
        "platform": pa.array([platform]).take(pa.array(np.zeros(len(rows), np.int64))),
        "comment_id": comment_id,
        "post_id": post_id,
        "parent_id": parent_id,
        "reply": pa.array(has_parent | deep),
        "author": kept(_each(told["author"], partial(reader.people.author, platform), pa.string())),
        "text": text,
        "created_at": created_at,
        "likes": kept(_each(told["likes"], count, pa.int64())),
        "reply_count": kept(_each(told["replies"], count, pa.int64())),
    }
    return Many(values, posts, post, doubtful)


def _mask(found: pa.BooleanArray) -> Mask:
    mask: Mask = found.to_numpy(zero_copy_only=False)
    return mask


def _is_empty(column: pa.StringArray) -> Mask:
    return _mask(pc.equal(pc.binary_length(column), 0))


def _told(rows: Rows, places: Sequence[int]) -> pa.StringArray:
    """What rows say of a role: the first of its columns that is filled; empty where none is."""
    if not places:
        return pa.array([""]).take(pa.array(np.zeros(len(rows), np.int64)))
    first, *others = (rows.columns[place] for place in places)
    for other in others:
        first = pc.if_else(pc.equal(pc.binary_length(first), 0), other, first)
    return first


def _posts(
    reader: Reader, told: dict[str, pa.StringArray], number: int
) -> tuple[list[tuple[str, str]], Numbers, Mask]:
    """The posts that rows are about, which of them each is, and the rows of which none can be told."""
    ways = np.zeros(number, np.int64)
    for role in ("post", "code", "url"):
        found = told[role].dictionary_encode()
        ways = ways * len(found.dictionary) + found.indices.to_numpy()
    _, first, way = np.unique(ways, return_index=True, return_inverse=True)
    posts, lost = [("", "")] * len(first), np.zeros(len(first), np.bool_)
    # In the order of the rows: what the first row on a post says of it is kept.
    for place in np.argsort(first):
        row = int(first[place])
        try:
            posts[place] = reader.about(
                *(told[role][row].as_py() for role in ("post", "code", "url", "caption", "subject"))
            )
        except Unreadable:
            lost[place] = True
    return posts, way, lost[way]


def _each(column: pa.StringArray, read: Callable[[str], Any], kind: pa.DataType) -> tuple[pa.Array, Mask]:
    """What a rule makes of each value, asked once for each distinct one; and where it is unreadable."""
    found = column.dictionary_encode()
    values: list[Any] = []
    unreadable: list[int] = []
    for number, value in enumerate(found.dictionary.to_pylist()):
        try:
            values.append(read(value))
        except Unreadable:
            values.append(None)
            unreadable.append(number)
    made = pa.array(values, kind).take(found.indices)
    return made, np.isin(found.indices.to_numpy(), unreadable)


def _ids(column: pa.StringArray) -> tuple[pa.StringArray, Mask]:
    """Ids in a form that stands for itself, null where there is none; and where one of another form is."""
    empty, plain = pc.equal(column, ""), pc.match_substring_regex(column, _PLAIN_ID)
    return pc.if_else(empty, None, column), ~_mask(pc.or_(empty, plain))


def _moments(column: pa.StringArray) -> tuple[pa.TimestampArray, Mask]:
    """Times, and where one is unreadable."""
    if pc.all(pc.match_substring_regex(column, _SECONDS)).as_py():
        seconds = column.cast(pa.int64())
        return pc.multiply(seconds, 1_000_000).cast(_TIME), np.zeros(len(column), np.bool_)
    if pc.all(pc.match_substring_regex(column, _ISO)).as_py():
        try:
            # Arrow wants a zone for a type with one.
            bare = pc.utf8_rtrim(column, "Z")
            return bare.cast(pa.timestamp("us")).cast(_TIME), np.zeros(len(column), np.bool_)
        except pa.ArrowInvalid:  # one says a day that no month has
            pass
    made, unreadable = _each(column, moment, pa.int64())
    return made.cast(_TIME), unreadable


def _texts(column: pa.StringArray, clean: Callable[[str], str | None]) -> pa.StringArray:
    """Texts, null where one says nothing, without private persons."""
    if not len(column):
        return column
    lengths = pc.binary_length(column).to_numpy()
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column)]
    data = np.frombuffer(column.buffers()[2] or b"", np.uint8)
    first = data[np.minimum(offsets, len(data) - 1)] if len(data) else np.zeros(len(column), np.uint8)
    # A letter or mark of ASCII, or a character of four bytes, is no blank.
    said = (lengths > 0) & (((first > ord(" ")) & (first <= _LAST_OF_ASCII)) | (first >= _FIRST_OF_FOUR))
    mentions = [_mask(pc.match_substring(column, sign)) for sign in MENTION_SIGNS]
    others = ~said | np.logical_or.reduce(mentions)
    values = [clean(text) for text in column.filter(pa.array(others)).to_pylist()]
    return pc.replace_with_mask(column, pa.array(others), pa.array(values, pa.string()))
