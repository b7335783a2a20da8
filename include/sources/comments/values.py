"""One cell of an export to one value: times, counts, ids, and which post an address names.

Every function takes text as it stands in the file. An empty cell is None; what is neither empty nor readable raises
Unreadable, and nothing is ever guessed in its place.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit


class Unreadable(ValueError):
    """A value is there and cannot be read; `reason` is the word that the quarantine counts by."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


NOTHING = frozenset({"", "null", "none", "nan", "nat", "undefined", "n/a"})
"""How exports write that there is no value, in lower case."""
SHOWN = 80
"""Characters of a value that a message shows."""

# --- times ---

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(1995, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No platform is older; a time outside is one that was read in the wrong unit."""
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = (FIRST - EPOCH) // _MICROSECOND, (LAST - EPOCH) // _MICROSECOND
_UNITS = (1_000_000, 1_000, 1)
"""Of seconds, milliseconds and microseconds, in microseconds; nanoseconds are divided."""
_EPOCH_DIGITS = 19
_MOST_EPOCH = 10**_EPOCH_DIGITS
"""Of nanoseconds."""
_NOON = 12
"""Also the last month."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE]\+?\d{1,2})?")
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"), 1)
    for name in names.split()
}  # fmt: skip
_CLOCK = (
    r"(?:,?\s+(?:at\s+)?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?\s*(?P<half>[ap]\.?m\.?)?)?"
)
_WRITTEN = (
    re.compile(rf"(?P<month>[a-z]+)\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}}){_CLOCK}"),
    re.compile(
        rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?P<month>[a-z]+)\.?,?\s+(?P<year>\d{{4}}){_CLOCK}"
    ),
)
_SLASHED = re.compile(rf"(?P<one>\d{{1,2}})[/.](?P<other>\d{{1,2}})[/.](?P<year>\d{{4}}){_CLOCK}")
_YEAR_SLASHED = re.compile(rf"(?P<year>\d{{4}})/(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}}){_CLOCK}")


@lru_cache(maxsize=1 << 14)
def moment(text: str) -> int | None:
    """Microseconds since 1970 of a time, None for an empty cell.

    Read are seconds, milli-, micro- and nanoseconds since 1970, ISO 8601, `November 20, 2025` and `20 Nov 2025` with or
    without a time of day, the forms of mails, and 11/20/2025 where only one of the numbers can be a month. What names
    no zone is UTC. A day without a time of day is its midnight. Raises Unreadable.
    """
    text = text.strip()
    if text.lower() in NOTHING:
        return None
    found = _since_1970(text) if _NUMBER.fullmatch(text) else None
    if found is None:
        found = _of_calendar(text)
    if found is None:
        raise Unreadable("time", f"{text[:SHOWN]!r} is no time that is known here")
    if not _FIRST <= found < _LAST:
        raise Unreadable("time", f"{text[:SHOWN]!r} is no time between {FIRST.year} and {LAST.year}")
    return found


def _since_1970(text: str) -> int | None:
    whole, _, fraction = text.partition(".")
    if "e" in text.lower():
        value = float(text)
        whole, fraction = (f"{value:.0f}", "") if value < _MOST_EPOCH else ("0", "")
    number = int(whole) if len(whole) <= _EPOCH_DIGITS else 0
    for unit in _UNITS:
        if _FIRST <= number * unit < _LAST:
            return number * unit + (int((fraction + "000000")[:6]) * unit // 1_000_000 if fraction else 0)
    return number // 1_000 if _FIRST <= number // 1_000 < _LAST else None


def _of_calendar(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = _written(text.lower()) or _of_mail(text)  # type: ignore[assignment]
    if found is None:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return (found - EPOCH) // _MICROSECOND


def _written(text: str) -> datetime | None:
    for pattern in (*_WRITTEN, _YEAR_SLASHED, _SLASHED):
        if match := pattern.fullmatch(text):
            parts = match.groupdict()
            if "one" in parts:
                one, other = int(parts["one"]), int(parts["other"])
                # 11/20/2025 can be read in one way only, 03/04/2025 in two.
                if one == other or (one > _NOON) != (other > _NOON):
                    day, month = (one, other) if one > _NOON else (other, one)
                else:
                    raise Unreadable("time", f"{text[:SHOWN]!r} may be one of two days")
            else:
                written = parts["month"]
                month, day = int(written) if written.isdigit() else _MONTHS.get(written, 0), int(parts["day"])
            hour = int(parts["hour"] or 0)
            if half := parts["half"]:
                if not 1 <= hour <= _NOON:
                    return None
                hour = hour % _NOON + (_NOON if half[0] == "p" else 0)
            try:
                return datetime(
                    int(parts["year"]),
                    month,
                    day,
                    hour,
                    int(parts["minute"] or 0),
                    int(parts["second"] or 0),
                    tzinfo=UTC,
                )
            except ValueError:
                return None
    return None


def _of_mail(text: str) -> datetime | None:
    """Thu, 20 Nov 2025 17:16:50 GMT, and Thu Nov 20 17:16:50 +0000 2025."""
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


# --- counts ---

_GROUPED = re.compile(r"\d{1,3}(?:[,.\u00a0\u202f' ]\d{3})+")
_ROUNDED = re.compile(r"(\d+)(?:[.,](\d+))?\s?([kmb])")
_FACTORS = {"k": 10**3, "m": 10**6, "b": 10**9}
MOST = 10**12
"""No count is larger."""


@lru_cache(maxsize=1 << 14)
def count(text: str) -> int | None:
    """A count: 12, 12.0, 1,234, 46k, 1.2M. None for an empty cell, and for a number below 0: it is hidden.

    Raises Unreadable.
    """
    text = text.strip().lower()
    if text in NOTHING:
        return None
    if text.isdecimal() and text.isascii():
        found = int(text[:20])
    elif re.fullmatch(r"-\d{1,12}(?:\.0+)?", text):
        return None
    elif re.fullmatch(r"\d{1,18}\.0{1,2}", text):
        found = int(text.partition(".")[0])
    elif _GROUPED.fullmatch(text):
        found = int(re.sub(r"\D", "", text)[:20])
    elif match := _ROUNDED.fullmatch(text):
        whole, part, factor = match[1][:15], (match[2] or "")[:9], _FACTORS[match[3]]
        found = int(whole) * factor + int((part or "0").ljust(9, "0")) * factor // 10**9
    else:
        raise Unreadable("count", f"{text[:SHOWN]!r} is no count")
    if found > MOST:
        raise Unreadable("count", f"{text[:SHOWN]!r} is more than anything is counted to")
    return found


# --- ids ---

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_DIGIT = {character: value for value, character in enumerate(_ALPHABET)}
_CODE = re.compile(r"[A-Za-z0-9_-]{5,60}")
_CODE_OF_ID = 11
"""So many characters of a short code are the id; those of posts of private accounts go on after it."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=-]{0,199}|[_-][A-Za-z0-9_.:=-]{1,199}")
_FLOAT = re.compile(r"(\d)(?:\.(\d+))?[eE]\+?(\d{1,2})|(\d+)\.0+")
ID_DIGITS = 40
"""No platform numbers higher."""
EXACT_DIGITS = 15
"""A number of so many digits passes through a float64 unchanged."""


def identifier(text: str) -> str | None:
    """An id as text, never as a number. None for an empty cell.

    Raises Unreadable for what is no id, and for a number that lost its last digits (1.78472637E+16).
    """
    if not text:
        return None
    if text.isdecimal() and text.isascii() and len(text) <= ID_DIGITS:
        return text
    text = text.strip()
    if text.lower() in NOTHING:
        return None
    if match := _FLOAT.fullmatch(text):
        if match[4] is None:
            raise Unreadable("rounded id", f"{text[:SHOWN]!r} is an id without its last digits")
        text = match[4]
    if not _ID.fullmatch(text):
        raise Unreadable("id", f"{text[:SHOWN]!r} is no id")
    return text


def post_identifier(text: str) -> str | None:
    """The id of a post, which may be rounded (may_be_rounded) until a post is known exactly that makes it whole."""
    if (match := _FLOAT.fullmatch(text.strip())) and match[4] is None:
        return (match[1] + (match[2] or "")).ljust(int(match[3]) + 1, "0")
    return identifier(text)


def may_be_rounded(number: str) -> bool:
    """Whether an id of digits may have passed through a float64: its last digits are what that would leave."""
    if not re.fullmatch(rf"[0-9]{{{EXACT_DIGITS + 1},25}}", number):
        return False
    digits = repr(float(number)).partition("e")[0].replace(".", "").rstrip("0")
    return number.rstrip("0") == digits or int(number) == int(float(number))


def of_shortcode(code: str) -> str:
    """The id that Instagram's short code stands for: base64url, most significant first. Raises Unreadable."""
    if not _CODE.fullmatch(code):
        raise Unreadable("id", f"{code[:SHOWN]!r} is no short code")
    number = 0
    for character in code[:_CODE_OF_ID]:
        number = number * 64 + _DIGIT[character]
    return str(number)


# --- addresses ---

INSTAGRAM, YOUTUBE, TIKTOK, FACEBOOK, REDDIT = "instagram", "youtube", "tiktok", "facebook", "reddit"
PLATFORMS = (INSTAGRAM, YOUTUBE, TIKTOK, FACEBOOK, REDDIT)
_HOSTS = {
    "instagram.com": INSTAGRAM, "instagr.am": INSTAGRAM, "youtube.com": YOUTUBE, "youtu.be": YOUTUBE,
    "tiktok.com": TIKTOK, "facebook.com": FACEBOOK, "fb.watch": FACEBOOK, "reddit.com": REDDIT, "redd.it": REDDIT,
}  # fmt: skip
_PATHS = {
    INSTAGRAM: re.compile(r"(?:^|/)(?:p|reel|reels|tv)/([A-Za-z0-9_-]{5,60})(?:/|$)"),
    YOUTUBE: re.compile(r"(?:^/|/(?:shorts|embed|live|v)/)([A-Za-z0-9_-]{11})(?:/|$)"),
    TIKTOK: re.compile(r"/(?:video|photo)/(\d{5,25})(?:/|$)"),
    FACEBOOK: re.compile(
        r"/(?:posts|videos|reel|permalink|photos)/(?:[^/]+/)*?((?:pfbid)?[A-Za-z0-9]{5,100})(?:/|$)"
    ),
    REDDIT: re.compile(r"(?:/comments/|^/)([a-z0-9]{4,12})(?:/|$)"),
}
_QUERIES = {YOUTUBE: ("v",), FACEBOOK: ("story_fbid", "fbid", "v")}
URL_CHARACTERS = 2_000


@lru_cache(maxsize=1 << 12)
def post_of(url: str) -> tuple[str, str] | None:
    """Platform and id of the post that an address leads to; None where it leads to none that is known."""
    url = url.strip()[:URL_CHARACTERS]
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.").removeprefix("old.")
    except ValueError:
        return None
    platform = next(
        (name for known, name in _HOSTS.items() if host == known or host.endswith(f".{known}")), None
    )
    if platform is None or parts.scheme not in {"http", "https"}:
        return None
    asked = parse_qs(parts.query)
    named = next((asked[key][0] for key in _QUERIES.get(platform, ()) if asked.get(key)), None)
    if named is None:
        match = _PATHS[platform].search(parts.path)
        named = match[1] if match else None
    if named is None or not _ID.fullmatch(named):
        return None
    return platform, of_shortcode(named) if platform == INSTAGRAM else named


def address(text: str) -> str | None:
    """An http(s) address as it stands, without its query's tracking; None where it is none."""
    text = text.strip()
    if text.lower() in NOTHING or len(text) > URL_CHARACTERS or re.search(r"[\s\x00-\x1f\"<>\\]", text):
        return None
    return text if text.startswith(("https://", "http://")) else None
