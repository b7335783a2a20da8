"""From a row of an export to a comment or a post, in the columns that are merged (shards.py)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from include.sources.comments.formats import COMMENT_ROLES, Format, Header, column, roles_of
from include.sources.comments.people import People
from include.sources.comments.reading import Preamble, paths, unwrapped
from include.sources.comments.values import (
    INSTAGRAM,
    REDDIT,
    YOUTUBE,
    Unreadable,
    address,
    count,
    identifier,
    may_be_rounded,
    moment,
    of_shortcode,
    post_identifier,
    post_of,
)


class Comment(NamedTuple):
    """A comment as one row tells of it; times in microseconds since 1970."""

    platform: str
    comment_id: str | None
    post_id: str
    parent_id: str | None
    reply: bool
    author: str | None
    text: str | None
    created_at: int | None
    likes: int | None
    reply_count: int | None


class Post(NamedTuple):
    """A post as one row tells of it. `implied`: by a row that is about a comment."""

    platform: str
    post_id: str
    rounded: bool
    implied: bool
    url: str | None
    caption: str | None
    subject: str | None
    posted_at: int | None
    exact_time: bool
    likes: int | None
    views: int | None
    declared: int | None


POSTS_KNOWN = 100_000
"""So many ways in which rows name their post are remembered."""
SIGNATURES = 1_000
"""So many sets of keys of JSON items are remembered."""
_KIND = re.compile(r"^t\d_(?=.)")
_NESTED = COMMENT_ROLES.index("nested")
NESTED = 10_000
"""So many replies of one row are read."""


class Reader:
    """Makes comments and posts of the rows of one table."""

    def __init__(self, found: Format, header: Header | None, preamble: Preamble, people: People) -> None:
        self.header = header
        self.people = people
        self._format = found
        self._platform = found.platform
        self._roles = roles_of(found)
        self.in_columns = header is not None and found.name != "esuit_export"
        """Whether each row stands for itself: replies in an export of ESUIT stand below what they reply to."""
        places = header.places if header else ()
        # The cell behind the last one is empty, and what no column tells stands there.
        self._first = itemgetter(*(where[0] if where else -1 for where in places)) if header else None
        self._others = [(role, where[1:]) for role, where in enumerate(places) if len(where) > 1]
        self._nested = header.nested if header else ()
        self._above: str | None = None
        """The last comment that replies to none, in exports that tell the depth alone."""
        self._by_keys: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        self._preamble = post_of(preamble.url) if preamble.url else None
        self._caption = preamble.caption
        self._url = preamble.url
        self._posts: dict[tuple[str, str, str], tuple[str, str]] = {}
        self.implied: dict[tuple[str, str], Post] = {}
        """Posts that rows about comments name."""

    def comments(self, row: list[str] | dict[str, Any]) -> Iterator[Comment | Unreadable]:
        """The comments that a row tells of: itself, and then its replies where they are within it."""
        try:
            told = self._told(row)
        except Unreadable as error:
            yield error
            return
        parent: Comment | None = None
        try:
            parent = self._comment(told, None)
            yield parent
        except Unreadable as error:
            yield error
        for reply in self._replies(row, told[_NESTED]):
            if isinstance(reply, Unreadable):
                yield reply
                continue
            if parent is None:
                yield Unreadable("reply to a row that cannot be read", "its post is not known")
                continue
            try:
                yield self._comment(self._told(reply), parent)
            except Unreadable as error:
                yield error

    def post(self, row: list[str] | dict[str, Any]) -> Post:
        """The post that a row tells of. Raises Unreadable."""
        number, code, url, caption, subject, time, likes, views, declared = self._told(row)
        platform, post_id, rounded = self._post_id(number, code, url)
        return Post(
            platform,
            post_id,
            rounded,
            False,
            address(url),
            self.without_people(platform, caption),
            self.without_people(platform, subject),
            moment(time),
            ":" in time or time.strip().isdecimal(),
            count(likes),
            count(views),
            count(declared),
        )

    def _told(self, row: list[str] | dict[str, Any]) -> list[str]:
        """What a row says of each role, empty where nothing: text, and a list of items for replies alone.

        Raises Unreadable.
        """
        if isinstance(row, list):
            assert self._first is not None
            told = list(self._first([*row, ""]))
            for role, places in self._others:
                if not told[role]:
                    told[role] = next(filter(None, (row[place] for place in places)), "")
            return told
        found = []
        for kind, names in zip(self._roles, self._names(row), strict=True):
            values = [(name, _at(row, name)) for name in names]
            filled = [(name, value) for name, value in values if value]
            odd = () if kind == "nested" else [name for name, value in filled if not isinstance(value, str)]
            said = [value for name, value in filled if name not in odd]
            if odd and not said:
                raise Unreadable(
                    "another shape", f"its {odd[0]} holds no text, but a list or an object"[:300]
                )
            found.append(said[0] if said else "")
        return found

    def _names(self, item: dict[str, Any]) -> list[tuple[str, ...]]:
        """Of each role the keys of an item that may tell it."""
        keys = tuple(item)
        found = self._by_keys.get(keys)
        if found is None:
            there: dict[str, str] = {}
            for name in paths(item):
                there.setdefault(column(name), name)
            wanted = self._format.columns
            nested = [name for names in wanted.values() for name in names if "/" in name]
            for name in nested:
                # An item of the same keys may have in them what this one lacks.
                first = there.get(name.partition("/")[0])
                if first is not None and name not in there:
                    there[name] = f"{first}/{name.partition('/')[2]}"
            found = [
                tuple(there[name] for name in wanted.get(role, ()) if name in there) for role in self._roles
            ]
            if len(self._by_keys) < SIGNATURES:
                self._by_keys[keys] = found
        return found

    def _comment(self, told: list[str], parent: Comment | None) -> Comment:
        number, post, code, url, above, depth, author, text, time, likes, replies, caption, subject, _ = told
        if parent is not None:
            platform, post_id = parent.platform, parent.post_id
        else:
            platform, post_id = self.about(post, code, url, caption, subject)
        comment_id, parent_id = identifier(number), identifier(above)
        if platform == REDDIT:
            comment_id, parent_id = (
                _bare(comment_id),
                (_bare(parent_id) if (parent_id or "").startswith("t1_") else None),
            )
        elif platform == YOUTUBE and parent_id is None and comment_id and "." in comment_id:
            parent_id = comment_id.partition(".")[0]
        if parent is not None:
            parent_id = parent_id or parent.comment_id
        deep = (count(depth) or 0) if depth else 0
        if self._format.name == "esuit_export":
            # Replies stand below what they reply to.
            parent_id = parent_id or (self._above if deep else None)
            self._above = self._above if deep else comment_id
        if parent_id in {post_id, comment_id, "0"}:
            parent_id = None
        says = self.without_people(platform, text)
        at = moment(time)
        if comment_id is None and says is None and at is None:
            raise Unreadable("nothing to know it by", "it has neither an id nor a text or a time")
        return Comment(
            platform,
            comment_id,
            post_id,
            parent_id,
            parent is not None or parent_id is not None or deep > 0,
            self.people.author(platform, author),
            says,
            at,
            count(likes),
            count(replies),
        )

    def about(self, post: str, code: str, url: str, caption: str, subject: str) -> tuple[str, str]:
        """Platform and id of the post that a row is about; what the row says of it is kept. Raises Unreadable."""
        told = (post, code, url)
        if found := self._posts.get(told):
            return found
        platform, post_id, rounded = self._post_id(post, code, url)
        key = (platform, post_id)
        if len(self._posts) < POSTS_KNOWN:
            self._posts[told] = key
        known = self.implied.get(key)
        if known is None:
            where = address(url)
            if where is None or post_of(where) != key:
                where = self._url if self._preamble == key else None
            said = caption or (self._caption if self._preamble in {key, None} else None) or ""
            says, subjects = self.without_people(platform, said), self.without_people(platform, subject)
            self.implied[key] = Post(
                platform, post_id, rounded, True, where, says, subjects, None, False, None, None, None
            )
        return key

    def without_people(self, platform: str, text: str) -> str | None:
        """A text without the handles of private persons; None for one that says nothing."""
        said = clean(text)
        return None if said is None else self.people.hide_mentions(platform, said)

    def _post_id(self, number: str, code: str, url: str) -> tuple[str, str, bool]:
        """Which post it is, and whether its id may have lost its last digits. Raises Unreadable."""
        if code.strip() and self._platform == INSTAGRAM:
            return INSTAGRAM, of_shortcode(code.strip()), False
        named = post_of(url) if url else None
        post_id = post_identifier(number)
        if self._platform == REDDIT and post_id is not None:
            post_id = _bare(post_id)
        if named is not None and (post_id is None or self._is_rounded(post_id)):
            return *named, False
        if post_id is None:
            if self._preamble is None:
                raise Unreadable("no post", "nothing in it tells to which post it belongs")
            return *self._preamble, False
        if self._is_rounded(post_id):
            if self._preamble is not None and float(self._preamble[1]) == float(post_id):
                return *self._preamble, False
            return self._platform, post_id, True
        return self._platform, post_id, False

    def _is_rounded(self, post_id: str) -> bool:
        return self._platform == INSTAGRAM and may_be_rounded(post_id)

    def _replies(self, row: Any, nested: Any) -> Iterator[dict[str, Any] | Unreadable]:
        for columns in self._nested:
            reply = {name: row[place] for name, place in columns if row[place]}
            if reply:
                yield reply
        if isinstance(nested, str):
            if not nested.strip().startswith("["):
                return
            try:
                nested = json.loads(nested, parse_int=str, parse_float=str, parse_constant=str)
            except (ValueError, RecursionError) as error:
                yield Unreadable("replies", f"its replies are no JSON: {error}"[:300])
                return
        if isinstance(nested, dict):
            if nested:
                yield Unreadable("replies", "its replies are an object and no list")
            return
        for reply in nested[:NESTED]:
            yield unwrapped(reply) if isinstance(reply, dict) else Unreadable("replies", "a reply is no item")
        if len(nested) > NESTED:
            yield Unreadable("replies", f"it has {len(nested):,} replies; {NESTED:,} are read")


def _at(item: Mapping[str, Any], name: str) -> Any:
    """What stands in an item under a key, or under key/key, as text; a list or an object as it is."""
    value = item.get(name)
    if value is None and "/" in name:
        first, _, second = name.partition("/")
        inner = item.get(first)
        if isinstance(inner, dict):
            value = inner.get(second)
            if value is None:
                value = next((each for key, each in inner.items() if key.lower() == second.lower()), None)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, list | dict) else ""


def _bare(name: str | None) -> str | None:
    """An id of Reddit without its kind: t1_abc is abc."""
    return None if name is None else _KIND.sub("", name)


def clean(text: str) -> str | None:
    """A text without NUL, and with U+FFFD for what is no character; None for one of blanks alone."""
    if not text or not text.strip():
        return None
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text if text.strip() else None
