"""Messages that documents paste are the code's own words."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("include", "plugins", "sandbox", "deploy", "dags")
WORDS = 3
"""So many words in a row are no accident."""
OTHERS = (
    "ModuleNotFoundError",
    "database is locked",
    "peer certificate",
    "conflict of",
    "connection failed",
    "unknown field `",
)
"""Messages of other programs, and of libraries."""


@cache
def words_of_the_code() -> str:
    """Every text of the code, a line each, with its placeholders cut out."""
    found: set[str] = set()
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(" ".join(node.value.split()))
    shell = [path.read_text(encoding="utf-8") for path in (ROOT / "sandbox").glob("*.sh")]
    return "\n".join([*found, *(" ".join(text.split()) for text in shell)])


def messages() -> list[tuple[str, str]]:
    """What stands in the blocks of the page on troubles, one message each, and in its table of the sandbox."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    found = [
        " ".join(message.split())
        for block in blocks
        for message in re.split(r"\n(?=[A-Z]\w+: |[a-z]+: )", block)
    ]
    found += re.findall(r"^\| `([^`]{20,})` \|", page, re.MULTILINE)
    # What `verify` says of a file is compared in test_outputs.py
    found = [message for message in found if not message.startswith("verify: ")]
    return [(message[:40], message) for message in found if not any(each in message for each in OTHERS)]


def covered(message: str) -> float:
    """The share of a message's words that stand in a row in the code; names and figures do not count."""
    words = message.split()
    ours = set[int]()
    for start in range(len(words) - WORDS + 1):
        if " ".join(words[start : start + WORDS]) in words_of_the_code():
            ours |= set(range(start, start + WORDS))
    plain = {number for number, word in enumerate(words) if re.fullmatch(r"[A-Za-z][a-z']+[.,:;]?", word)}
    return len(ours & plain) / len(plain)


def test_there_are_many() -> None:
    assert len(messages()) > 25


@pytest.mark.parametrize(("name", "message"), messages(), ids=[name for name, _ in messages()])
def test_a_pasted_message_is_made_of_the_codes_own_words(name: str, message: str) -> None:
    assert covered(message) > 0.3, message
