"""What a session sends of its own and nobody may read: masked in foreign text, in whatever form it comes back.

An upstream may echo our headers in an error page: as they are, escaped for a URL, JSON or HTML, in base 64, cut off
anywhere. So pieces are looked for, in the text and in what is left of it once its escapes are undone.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import parse_qsl, unquote, urlsplit

import requests

MASK = "***"
PIECE = 8
"""So many characters of a secret in a row are masked wherever they stand; of a shorter one, all of it."""
SHORTEST = 4
"""A header's value that is shorter is no secret; a password that is shorter is masked where it stands alone."""
_CUT = 3
"""So many characters of a secret's start are masked where the text ends with them."""
_LEVELS = 3
"""Escapes of escapes of escapes are undone."""
_PUBLIC = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "content-length",
        "content-type",
        "host",
        "if-modified-since",
        "if-none-match",
        "user-agent",
    }
)
"""Headers that say nothing about who asks but what we tell everybody."""
_ESCAPE = re.compile(
    r"%([0-9a-f]{2})|\\+u([0-9a-f]{4})|\\+x([0-9a-f]{2})|\\+([\"'/\\])|(&#?\w{1,32};)", re.IGNORECASE
)
_UNSEEN = "\0\u200b\u200c\u200d\ufeff"

Spans = Sequence[tuple[int, int]]


def sent(
    request: requests.PreparedRequest,
    auth: object,
    proxies: Iterable[str],
    secret_parameters: frozenset[str],
) -> tuple[frozenset[str], frozenset[str]]:
    """What a request sends that is ours alone: values of its headers and secret parameters; and passwords."""
    values = {str(value) for name, value in request.headers.items() if name.lower() not in _PUBLIC}
    for name, value in parse_qsl(urlsplit(str(request.url)).query):
        if name.lower() in secret_parameters:
            values.add(value)
    logins = [auth if isinstance(auth, tuple) else tuple(getattr(auth, name, None) for name in _LOGIN)]
    for url in proxies:
        parts = urlsplit(url)
        logins.append((unquote(parts.username or ""), unquote(parts.password or "")))
    for value in list(values):
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "basic":
            logins.append(tuple(_decoded(rest).split(":", 1)))
    pairs = [tuple(map(_text, login)) for login in logins if len(login) == len(_LOGIN) and any(login)]
    values |= {f"{user}:{password}" for user, password in pairs} | {user for user, _ in pairs}
    return frozenset(values), frozenset(password for _, password in pairs if password)


_LOGIN = ("username", "password")


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value or "")


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
    except ValueError:
        return ""


class Concealer:
    """Masks values, and pieces of them, in text from outside."""

    def __init__(self, values: Iterable[str], passwords: Iterable[str] = ()) -> None:
        forms = {form for value in {*values, *passwords} for form in _forms(value)}
        self._starts = [form for form in forms if len(form) >= SHORTEST]
        self._pieces: dict[int, set[str]] = {}
        for form in self._starts:
            size = min(PIECE, len(form))
            windows = (form[at : at + size] for at in range(len(form) - size + 1))
            self._pieces.setdefault(size, set()).update(windows)
        self._alone = [_seen(word) for word in passwords if len(word) < SHORTEST]

    def __call__(self, text: str) -> str:
        """The text with every piece of a value masked."""
        if not (self._pieces or self._alone):
            return text
        hidden = bytearray(len(text))
        for seen, spans in _levels(text):
            for start, end in self._found(seen):
                first, last = spans[start][0], spans[end - 1][1]
                hidden[first:last] = b"\x01" * (last - first)
        return _masked(text, hidden)

    def body(self, body: bytes) -> bytes:
        """The same for a body, whatever bytes it has."""
        return self(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def _found(self, seen: str) -> Iterator[tuple[int, int]]:
        for size, pieces in self._pieces.items():
            for at in range(len(seen) - size + 1):
                if seen[at : at + size] in pieces:
                    yield at, at + size
        for word in self._alone:
            for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", seen):
                yield match.span()
        for form in self._starts:
            longest = min(len(form), len(seen))
            for size in range(longest, _CUT - 1, -1):
                if seen.endswith(form[:size]):
                    yield len(seen) - size, len(seen)
                    break


def _forms(value: str) -> Iterator[str]:
    """How a value may stand in a text whose escapes are undone."""
    for text in (value, *value.split()):
        if len(text) < SHORTEST:
            continue
        raw = text.encode("utf-8", "surrogateescape")
        # What looks like an escape in it is undone in the text, too.
        yield from {seen for each in (text, raw.decode("latin-1")) for seen, _ in _levels(each)}
        for shift in range(3):  # within a longer text its bytes may begin at any of three places
            encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
            sure = encoded[(0, 2, 3)[shift] : len(encoded) - bool((shift + len(raw)) % 3)]
            if len(sure) >= SHORTEST:
                yield from {_seen(sure), _seen(sure.translate(str.maketrans("+/", "-_")))}


def _seen(text: str) -> str:
    """Text as it is compared: case, and which white space, make no difference."""
    seen, _ = _comparable(text, [(at, at + 1) for at in range(len(text))])
    return seen


def _levels(text: str) -> Iterator[tuple[str, Spans]]:
    """The text as it is compared, with ever more of its escapes undone; of each character where it came from."""
    level, spans = text, [(at, at + 1) for at in range(len(text))]
    for _ in range(_LEVELS + 1):
        yield _comparable(level, spans)
        undone = _undone(level, spans)
        if undone[0] == level:
            return
        level, spans = undone


def _comparable(text: str, spans: Spans) -> tuple[str, Spans]:
    characters: list[str] = []
    places: list[tuple[int, int]] = []
    for character, span in zip(text, spans, strict=True):
        if character in _UNSEEN:
            continue
        seen = " " if character == "+" or character.isspace() else character.lower()[:1]
        if seen == " " and characters[-1:] == [" "]:
            places[-1] = (places[-1][0], span[1])
            continue
        characters.append(seen)
        places.append(span)
    return "".join(characters), places


def _undone(text: str, spans: Spans) -> tuple[str, list[tuple[int, int]]]:
    """Escapes of URLs, JSON and HTML undone once."""
    characters: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        characters += text[at : match.start()]
        places += spans[at : match.start()]
        at = match.end()
        percent, four, two, quoted, entity = match.groups()
        code = percent or four or two
        plain = chr(int(code, 16)) if code else quoted or html.unescape(entity)
        characters += plain
        places += [(spans[match.start()][0], spans[at - 1][1])] * len(plain)
    return "".join([*characters, *text[at:]]), [*places, *spans[at:]]


def _masked(text: str, hidden: bytearray) -> str:
    parts, at = [], 0
    for match in re.finditer(rb"\x01+", hidden):
        parts += [text[at : match.start()], MASK]
        at = match.end()
    return "".join([*parts, text[at:]])
