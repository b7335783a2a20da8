"""Decision records are short, of one form, numbered without a gap, and all in the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
LINES = 60


def test_they_are_numbered_from_one_without_a_gap() -> None:
    assert [int(path.name[:3]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))
    assert all(re.fullmatch(r"\d{3}(-[a-z0-9]+)+\.md", path.name) for path in RECORDS)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_a_record_has_context_decision_and_consequences_and_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.name[:3]}. ")
    sections = dict(re.findall(r"^## ([^\n]+)\n\n(.+?)(?=\n## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == ["Context", "Decision", "Consequences"]
    assert all(section.strip() for section in sections.values())
    assert text.count("\n") <= LINES


def test_the_index_names_every_record_once_by_its_title() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = sorted(re.findall(r"\[([^\]]+)\]\((\d{3}-[^)]+\.md)\)", index), key=lambda entry: entry[1])
    assert listed == [
        (path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# "), path.name)
        for path in RECORDS
    ]
