"""SQL for texts as exports of one comment or post have them: through any spreadsheet, under any key of hashes."""

from __future__ import annotations

import re

from include.sources.comments.people import HASH_DIGITS

_OF_CP1252 = (
    "".join(re.escape(letter) for letter in bytes(range(0x80, 0xA0)).decode("cp1252", "ignore"))
    + r"\x{A0}-\x{FF}\x{00}-\x{7F}"
)


def words(text: str) -> str:
    """SQL for a text without the spaces' form and the hashes, with a question mark for what cp1252 cannot hold."""
    return (
        rf"regexp_replace(regexp_replace(regexp_replace(trim(coalesce({text}, '')), '\s+', ' ', 'g'), "
        rf"'@[0-9a-f]{{{HASH_DIGITS}}}', '@', 'g'), '[^{_OF_CP1252}]+|[?]+', '?', 'g')"
    )


def wider(text: str) -> str:
    """SQL for whether a text has a character that cp1252 lacks."""
    return f"regexp_matches({text}, '[^{_OF_CP1252}]')"


def doubtful(rows: str, key: str, text: str) -> str:
    """SQL for the key and `doubtful_words` of what has question marks, and nothing that cp1252 lacks.

    It gives way to a text of the same words that has it. Few are doubtful, so few are looked at letter by letter.
    """
    return (
        f"(SELECT {key}, {words(text)} AS doubtful_words FROM {rows} "  # noqa: S608
        f"WHERE contains({text}, '?') AND NOT {wider(text)})"
    )


def whole(rows: str, key: str, text: str, asked: str) -> str:
    """SQL for the key and the newest text by `moment` of `rows` to which a doubtful one of `asked` gives way."""
    return (
        f"(SELECT {key}, arg_max({text}, moment) AS whole FROM {rows} JOIN {asked} USING ({key}) "  # noqa: S608
        f"WHERE {wider(text)} AND {words(text)} = doubtful_words GROUP BY {key})"
    )


def told_last(rows: str, key: str, text: str) -> str:
    """SQL for the key and the text that `rows` tell last by their `moment`, where they tell one."""
    newest = (
        f"SELECT {key}, arg_max({text}, moment) AS {text} FROM {rows} WHERE {text} IS NOT NULL GROUP BY {key}"  # noqa: S608
    )
    return (
        f"(WITH newest AS ({newest}) SELECT {key}, coalesce(whole, {text}) AS {text} FROM newest "  # noqa: S608
        f"LEFT JOIN {whole(rows, key, text, doubtful('newest', key, text))} USING ({key}))"
    )
