"""Text fit for a message: no secret, no personal datum, no terminal escape, of bounded length.

What an error quotes is unknown, so this errs on the side of hiding. It knows secrets by the name before them and by
their shape; a short password that stands alone in prose is beyond it, so no code may print one.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

SECRET = "***"  # noqa: S105
MAIL = "[mail]"
PHONE = "[phone]"
ADDRESS = "[address]"

CHARACTERS = 2000
LINES = 20
COLUMNS = 12
CELL = 100
_READ = 10
"""So many times the limit are read: masks are mostly shorter than what they hide."""


def text(value: str, limit: int = CHARACTERS) -> str:
    """`value` with secrets and personal data masked, at most `limit` characters and LINES lines of it.

    Masks mail addresses, phone numbers, logins in URLs, values of names such as password or token, keys and tokens
    of known or random shape, and IP addresses other than this machine's.
    """
    clean = _printable(value[: limit * _READ])
    if len(value) > limit * _READ:
        clean = clean[: max(clean.rfind(" "), clean.rfind("\n"), 0)]  # the last word may be half a secret
    for pattern, mask in _MASKS:
        clean = pattern.sub(mask, clean)
    return _bounded(clean, limit)


def row(row: Mapping[str, Any], key: Collection[str], things: Collection[str] = ()) -> dict[str, Any]:
    """A failing row as far as it may be shown: its key, numbers, dates, booleans, codes in capitals, names of `things`.

    A word in capitals may be a name, so a code has a digit, `_` or `/`, or at most three letters. Any other text may
    be about a person; only its length is given. Values come out as JSON has them, the key first, then what names a
    thing, and at most COLUMNS columns.
    """
    names = sorted(row, key=lambda name: 0 if name in key else 1 if name in things else 2)[:COLUMNS]
    return {text(name, CELL): _cell(row[name], name in key or name in things) for name in names}


# --- cells ---

_CODE = re.compile(r"[A-Z]{1,3}|(?=.*[0-9_/])[A-Z][A-Z0-9_./-]{0,39}")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?UTC|Z|[+-]\d\d(?::?\d\d)?)?)?"
)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,3})?")


def _cell(value: Any, shown: bool) -> Any:
    match value:
        case None | bool():
            return value
        case int() if abs(value) < 1 << 63:
            return value
        case float() if math.isfinite(value):
            return value
        case int() | float() | Decimal():
            return str(value)[:CELL]
        case datetime() | date() | time():
            return value.isoformat()
        case str() if shown or any(shape.fullmatch(value) for shape in (_CODE, _DATE, _NUMBER)):
            return text(value, CELL).replace("\n", " ")
        case str():
            return f"[{len(value)} characters]" if value else ""
        case _:
            return f"[{type(value).__name__}]"


# --- control characters and length ---

_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?|\x9b[0-?]*[ -/]*[@-~]",
    re.DOTALL,
)


def _printable(value: str) -> str:
    """Without terminal escapes; other characters that do not print are spaces, all line ends are newlines."""
    plain = _ESCAPE.sub("", value).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c if c.isprintable() or c == "\n" else " " for c in plain)


def _bounded(value: str, limit: int) -> str:
    lines = [line for line in value.rstrip().split("\n") if line.strip()]
    kept = "\n".join(line.rstrip() for line in lines[:LINES])
    if len(lines) > LINES:
        kept += " …"
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"


# --- secrets ---

_NAMES = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|token|credential|signature|session[_-]?id|(?:auth|access)[_-]?code|"
    r"(?:api|access|secret|private|account|auth)[_-]?key)[A-Za-z0-9_-]{0,40}"
)
"""Of values that are secrets, with whatever stands before and after, as in `db_password_2` and `clientSecretHash`."""
_SHORT_NAMES = r"(?<![A-Za-z0-9])(?:pw|pass|sig|auth|sid)|(?<=[?&])key"
"""Only as whole words: `signal` and `author` are none."""
_HEADERS = (
    r"authorization[a-z0-9_-]{0,20}|cookie|"
    r"(?<![A-Za-z0-9])x-[a-z-]{0,30}(?:auth|key|token|signature)[a-z0-9-]{0,30}"
)
"""Their values have spaces."""
_IS = r"(?:\\?[\"'])?\s{0,9}(?:=>|[:=]|%3[dD])\s{0,9}"
_QUOTED = (
    r"[bru]?\"(?:\\.|[^\"\\])*\"?|[bru]?'(?:\\.|[^'\\])*'?|"
    r"\\\"(?:\\{3}\"|\\(?!\")|[^\"\\])*(?:\\\")?|\\'(?:\\{3}'|\\(?!')|[^'\\])*(?:\\')?"
)
"""As in Python, JSON, and JSON within either."""
_NAMED = re.compile(
    rf"((?:{_NAMES}|{_SHORT_NAMES})(?:{_IS}|\s{{1,9}}(?=[\"'])))(?:{_QUOTED}|[^\s\"'\\]\S*)",
    re.IGNORECASE | re.DOTALL,
)
_HEADER = re.compile(rf"((?:{_HEADERS}){_IS})(?:{_QUOTED}|[^\s\"'\\][^\n]*)", re.IGNORECASE | re.DOTALL)
_PEM = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}-----|\Z)", re.DOTALL)
_LOGIN = re.compile(r"(://)[^\s/@:]{0,200}:[^\s\"'<>]{0,300}@")
_PORT = r"\d{1,5}(?![\w!$&*+=%~-])"
_FILLED_IN = r"(?:\{\w{0,40}\}|%s|\$\{?[A-Z_]{1,40}\}?|\*{3})(?![^\s/?#\"'<>.,;)])"
_LOGIN_WITHOUT_HOST = re.compile(
    rf"(://[^\s/?#@:\[\]\"'<>]{{0,200}}:)(?!{_PORT}|{_FILLED_IN})[^\s/?#@\"'<>]{{1,300}}"
)
"""As in `azure://account:key?…`: what follows the colon is no port, and no place that a template fills."""
_LONE_LOGIN = re.compile(r"(https?://)[^\s/@]{1,300}@", re.IGNORECASE)
_BEARER = re.compile(r"\b(bearer\s{1,9})(?=\S{0,15}\d|\S{16})\S+", re.IGNORECASE)
_BASIC = re.compile(r"\b(basic\s{1,9})([A-Za-z0-9+/_-]{4,}={0,2})", re.IGNORECASE)
_HOOK = re.compile(
    r"(hooks\.slack(?:-gov)?\.com/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/|api\.telegram\.org/bot)\S+"
)
_KNOWN = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA|AIDA|AROA|ABIA|ACCA)[A-Z0-9]{16}|gh[a-z]_[A-Za-z0-9]{16,}|"
    r"github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}|[srp]k_(?:live|test)_\w{8,}|"
    r"sk-(?=[\w-]{0,40}\d)[\w-]{16,}|AIza[\w-]{20,}|eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)*)"
)

# What is long and has no spaces: a token, or a path, a name, a version.
_LONG = re.compile(r"(?<![A-Za-z0-9+_=-])(?:(?:SHA-?256|sha-?256)[:= ]\s?)?[A-Za-z0-9+/_=-]{32,}")
_DIGEST = re.compile(r"(?:SHA-?256|sha-?256)[: ]\s?[0-9a-f]{64}")
_ORDINARY = re.compile(
    r"[A-Z]{0,24}[a-z]{0,24}"  # a word
    r"|(?:[A-Z]{0,5}[A-Z][a-z]{2,20}){1,6}|[a-z]{2,20}(?:[A-Z][a-z]{2,20}){1,6}"  # CamelCase
    r"|\d{1,20}|[A-Za-z]{1,16}\d{1,12}|\d{1,6}[A-Za-z]{1,3}"  # 00042, NCT01234567, utf8, 15s
    r"|\d{8}T\d{4,12}Z?|\d\dT\d\d"  # the time in a version or a run's name
    r"|[0-9a-f]{1,12}"  # a part of a UUID, the end of a version
)


def _unless_ordinary(match: re.Match[str]) -> str:
    """A checksum that is called one, and what consists of words, numbers and short ids, is no secret."""
    found = match[0]
    if _DIGEST.fullmatch(found):
        return found
    return found if all(map(_ORDINARY.fullmatch, re.split(r"[/_+=-]", found))) else SECRET


def _basic(match: re.Match[str]) -> str:
    """Basic authentication is user:password in base 64; any other word may follow "basic"."""
    encoded = match[2].rstrip("=")
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_")
    except binascii.Error:
        return match[0]
    return match[1] + SECRET if b":" in decoded else match[0]


# --- people and machines ---

_MAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]+(?:@|%40)(?:[\w-]+\.)+[^\W\d_][\w-]+")
_PHONE = re.compile(
    r"(?<![\w+])\+\d(?:[\s().\-/]{0,2}\d){6,14}(?![\w:])"
    r"|(?<![\w./-])\(\d{2,5}\) ?\d{3,5}[ .-]?\d{3,5}(?!\w)"
    r"|(?<![\w./-])\d{3}([.-])\d{3}\1\d{4}(?![\w-])"
    r"|(?<![\w./-])0\d{2,4}[ /-]\d{5,9}(?![\w-])"
)
_CALLED = re.compile(
    r"(\b(?:tele)?(?:phone|fax|mobile|tel)\b(?:\s?(?:number|no))?[\s.:=\"']{1,4})[+(]{0,2}\d(?:[\s().\-/]{0,2}\d){5,14}",
    re.IGNORECASE,
)
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\w)")
_IP6 = re.compile(r"(?<![A-Za-z0-9_])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,60}(?!\w)")
"""A group and what follows it: bounded, so that the time grows with the text however many colons it has."""


def _address(match: re.Match[str]) -> str:
    found = match[0].rstrip(".:") if not match[0].endswith("::") else match[0]
    rest = match[0][len(found) :]
    while found:
        try:
            address = ipaddress.ip_address(found)
        except ValueError:
            # "12:2001:db8::1": a number stands before it
            found = found.partition(":")[2]
            continue
        if address.is_loopback or address.is_unspecified:
            return match[0]
        return match[0][: len(match[0]) - len(found) - len(rest)] + ADDRESS + rest
    return match[0]


_ROW = re.compile(r"\s(?:DETAIL|CONTEXT):\s.*", re.DOTALL)
"""Where PostgreSQL goes on to the row that an error is about."""

_MASKS: tuple[tuple[re.Pattern[str], Any], ...] = (
    (_ROW, " …"),
    (_PEM, SECRET),
    (_HEADER, rf"\1{SECRET}"),
    (_NAMED, rf"\1{SECRET}"),
    (_LOGIN, rf"\1{SECRET}@"),
    (_LOGIN_WITHOUT_HOST, rf"\1{SECRET}"),
    (_LONE_LOGIN, rf"\1{SECRET}@"),
    (_BEARER, rf"\1{SECRET}"),
    (_BASIC, _basic),
    (_HOOK, rf"\1{SECRET}"),
    (_KNOWN, SECRET),
    (_LONG, _unless_ordinary),
    (_MAIL, MAIL),
    (_CALLED, rf"\1{PHONE}"),
    (_PHONE, PHONE),
    (_IP4, _address),
    (_IP6, _address),
)
