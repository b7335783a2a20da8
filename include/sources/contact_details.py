# ruff: noqa: RUF001  (dashes and signs as people type them)
"""Mail addresses and phone numbers in free text become `[mail]` and `[phone]`.

A mail address is told by its form alone, `@` written in any of the usual ways. A phone number is told by its form
only where no identifier is written so: with a country's code, or with the area in brackets. Any other row of digits is
one where the words before it announce one ("Tel.", "call us at"), or where it is a valid number of a country that
writes it so and no word before it makes it an identifier ("IRB 617-555-0199" stays). What is possible and valid the
library phonenumbers knows, Google's libphonenumber with the numbering plans of all countries.

All expressions take time in proportion to the text, whatever stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

MAIL = "[mail]"
PHONE = "[phone]"

# --- Mail addresses ----------------------------------------------------------------------------------

_LOCAL = r"[\w.%+'\\-]"  # the registry's Markdown writes jane\_roe
_AT = r"(?:\\?[@＠]|[(\[{]\s?at\s?[)\]}]|&#64;)"
_DOT = r"(?:\\?\.|\s?[(\[{]\s?(?:dot|\.)\s?[)\]}]\s?)"
_MAIL = re.compile(
    rf"(?<!{_LOCAL}){_LOCAL}++\s?{_AT}\s?[\w\\-]+(?:{_DOT}[\w\\-]+)*{_DOT}[^\W\d_]{{2,}}[\w-]*",
    re.IGNORECASE,
)


def _may_hold_mail(text: str) -> bool:
    """Whether a text has one of the signs: substring tests, since nearly every text of a source has none."""
    return (
        "@" in text
        or "(at" in text
        or "[at" in text
        or "{at" in text
        or "( at" in text
        or "[ at" in text
        or "(AT" in text
        or "[AT" in text
        or "{AT" in text
        or "(At" in text
        or "[At" in text
        or "&#64;" in text
        or "＠" in text
    )


# --- Phone numbers -----------------------------------------------------------------------------------

_GAP = r"[ \t\u00a0().\-\u2010-\u2013/]"
_RUN = re.compile(rf"[0-9](?:{_GAP}{{0,3}}[0-9]){{6,}}")
"""Seven digits or more (a local number) with at most three signs between two of them."""
_NUMBER = re.compile(rf"[0-9](?:{_GAP}{{0,3}}[0-9]){{6,14}}(?![0-9])")
"""From a local number to fifteen digits, the most that one has with its country's code (ITU-T E.164)."""
_FEWEST = 7
_BEFORE_FIRST_DIGIT = 3
"""How many signs of a number may stand before its first digit: "+ (1"."""
_BEHIND_LAST_DIGIT = 12
"""How far behind its last digit it may show that it is none: " patients"."""

_INTERNATIONAL = re.compile(
    rf"(?:(?<![\w+.])\+\s?\(?|(?<![\w+.\-/])(?:00|011){_GAP}?)[1-9](?:{_GAP}{{0,3}}[0-9]){{6,15}}(?![0-9])"
)
_GROUPED = re.compile(r"\+[1-9]\d{0,2}[ -]\d{2,4}[ -]\d{3,4}[ -]?\d{2,5}")
"""Code, area and number apart: +49 30 1234567."""
_AREA_IN_BRACKETS = re.compile(
    r"(?<![\w)])(?:\+?1[ .\-]?)?\([2-9]\d\d\)[ .\-]{0,2}\d{3}[ .\-]?\d{4}(?![\w%])"
    r"|(?<![\w)])\(\d{3}\) ?\d{3}-\d{4}(?![\w%])"
    r"|(?<![\w)])\(0\d{1,4}\)[ .\-/]{0,2}\d(?:[ .\-]?\d){4,8}(?![\w%])"
)
_NATIONAL = re.compile(
    r"(?<![\w.\-/+(])(?:"
    r"(?P<dashed>(?:1[- ])?[2-9]\d\d[- ][2-9]\d\d-\d{4})"
    r"|(?P<american>(?:1\.)?[2-9]\d\d\.[2-9]\d\d\.\d{4}|1 8\d\d \d{3} \d{4})"
    r"|0\d{1,4}[ /\-]{1,3}\d{3,8}(?:[ \-]\d{2,5}){0,2}"
    r")(?![\w\-/%]|\.\d|\s?(?:[mkµμ]?c?g|m?l|i?u|units?|cells|patients)\b)"
)
_TRUNK_ZERO = (
    "GB",
    "DE",
    "FR",
    "NL",
    "BE",
    "CH",
    "AT",
    "SE",
    "AU",
    "NZ",
    "JP",
    "KR",
    "CN",
    "IN",
    "ZA",
    "TR",
    "IL",
)
"""Countries of many studies that write the area with a 0 before it."""

_ANNOUNCED = re.compile(
    r"\b(?:t[eé]l[eé]?(?:phone|phon|fono|fon|f)?|(?:tele)?phone|ph|tlf|fax|mobile|mob|cell|hotline|whatsapp|sms"
    r"|call(?:ing)?|dial(?:ling)?|ring|contact(?: us)?)\b"
    r"(?:\.?\s+(?:no|nr|number|at|on|us at|is|call)\b|[^.!?\n]{0,60}\s(?:at|on|under))?"
    r"[\s.:#(+]{0,4}$",
    re.IGNORECASE,
)
_IDENTIFIED = re.compile(
    r"(?:\b(?:[A-Z]{2,6}|(?i:id|no|nr|number|site|protocol|study|trial|grant|project|code|ref(?:erence)?|version|lot"
    r"|regist\w+|approval|centre|center|clinicaltrials|eudract))[\s.:#()\-]{0,4}|#\s?)$"
)
_NEARBY = 90
"""How many characters before a number may announce it."""
_YEARS = re.compile(r"(?:19|20)\d\d\s?[-–/.]\s?(?:(?:19|20)\d\d|\d\d?(?:\s?[-–/.]\s?\d\d?)?)")
_THREE_TOGETHER = re.compile(r"\d{3}")
_GROUPS_OF_TWO = re.compile(r"0\d(?:[ .]\d\d){4}")  # 01 42 34 56 78
_DECIMALS = re.compile(r"\d\.\d{1,2}(?!\d)")


@lru_cache(maxsize=1 << 12)
def tail(number: str) -> str | None:
    """The last seven digits of a number: what all ways to write it have in common. None where it has fewer."""
    digits = "".join(filter(str.isdigit, number))
    return digits[-_FEWEST:] if len(digits) >= _FEWEST else None


def _phones(text: str, known: Collection[str | None]) -> Iterator[tuple[int, int]]:
    """Where the phone numbers of a text stand, those among them whose tail is `known`."""
    for run in _RUN.finditer(text):
        start, end = run.span()
        if not text[start - 1 : start].isalnum():  # NCT01234567
            number = _NUMBER.match(text, start, end)
            if number and (tail(number[0]) in known or _is_announced(number)):
                yield start - (text[start - 1 : start] in {"+", "("}), number.end()
                start = number.end()
        start = max(0, start - _BEFORE_FIRST_DIGIT)
        for pattern, is_phone in _FORMS:
            for found in pattern.finditer(text, start, end + _BEHIND_LAST_DIGIT):
                if is_phone(found):
                    yield found.span()


def _is_announced(number: re.Match[str]) -> bool:
    written = number[0]
    return (
        (_THREE_TOGETHER.search(written) or _GROUPS_OF_TWO.match(written)) is not None
        and not _YEARS.match(written)
        and not _DECIMALS.match(written)
        and _ANNOUNCED.search(number.string, max(0, number.start() - _NEARBY), number.start()) is not None
    )


def _is_international(found: re.Match[str]) -> bool:
    text = found[0]
    if _DECIMALS.search(text):  # +1.25 10.50 22.25
        return False
    if _GROUPED.match(text):
        return True
    digits = "".join(filter(str.isdigit, text))
    # Digits in one piece are as well an identifier, and 011 an area: there it has to be a number that is given out.
    is_certain = text.startswith("+") or (text.startswith("00") and not text.isdigit())
    number = digits if text.startswith("+") else digits.removeprefix("011").removeprefix("00")
    return _exists(f"+{number}", None, valid=not is_certain)


def _is_national(found: re.Match[str]) -> bool:
    text, start = found.string, found.start()
    if _IDENTIFIED.search(text, max(0, start - _NEARBY), start) or _YEARS.match(found[0]):
        return False
    if found["dashed"]:  # a number that nobody has is written so, too
        return True
    digits = "".join(filter(str.isdigit, found[0]))
    regions = ("US",) if found["american"] else _TRUNK_ZERO
    return any(_exists(digits, region, valid=True) for region in regions)


_FORMS = (
    (_INTERNATIONAL, _is_international),
    (_AREA_IN_BRACKETS, lambda found: True),
    (_NATIONAL, _is_national),
)


@lru_cache(maxsize=1 << 12)
def _exists(number: str, region: str | None, *, valid: bool) -> bool:
    """Whether a country gives out such a number (`valid`), or at least numbers of this length."""
    import phonenumbers  # few studies need it, and every task would pay for it

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    if valid:
        return bool(phonenumbers.is_valid_number(parsed))
    return bool(
        phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    )


# --- Both --------------------------------------------------------------------------------------------


def may_hold_details(text: str, known: Collection[str | None] = ()) -> bool:
    """Whether a text, or many that are joined by line breaks, may hold anything that this module hides."""
    return _may_hold_mail(text) or next(_phones(text, known), None) is not None


def hide_mails(text: str) -> str:
    """The text with `[mail]` for every mail address."""
    return _MAIL.sub(MAIL, text) if _may_hold_mail(text) else text


def hide_phones(text: str, known: Collection[str | None] = ()) -> str:
    """The text with `[phone]` for every phone number; `known` are the tails of numbers that are phones in any form."""
    return replaced(text, _phones(text, known), PHONE)


def hide_details(text: str) -> str:
    """The text with `[mail]` and `[phone]` for both."""
    return hide_phones(hide_mails(text))


def replaced(text: str, spans: Iterable[tuple[int, int]], mark: str) -> str:
    """The text with a mark in place of each span; of spans that overlap the first counts."""
    pieces, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            pieces += [text[done:start], mark]
            done = end
    return "".join([*pieces, text[done:]])
