"""What the code cites stands in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    "include",
    "plugins",
    "dags",
    "sandbox",
    "soda",
    "tests",
    "benchmarks",
    "deploy",
    "docs",
    "web/shared",
    "web/table",
    "web/dashboard",
)
TEXT = {".py", ".yml", ".sql", ".md", ".sh", ".ts", ".tsx", ".yaml", ".toml"}
HERE = Path(__file__).relative_to(ROOT).as_posix()


def texts() -> list[tuple[str, str]]:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in TEXT]
    return [
        (path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in [*paths, ROOT / "README.md"]
        if "node_modules" not in path.parts
    ]


def test_every_document_that_is_named_is_there() -> None:
    for name, text in texts():
        for cited in re.findall(r"\bdocs/[\w/-]+\.md\b", text):
            assert "YYYY" in cited or (ROOT / cited).exists(), f"{name} names {cited}"


def test_every_file_of_the_project_that_a_document_names_is_there() -> None:
    """So that a move of code cannot leave a page behind. docs/adding_a_source.md names what its reader makes."""
    named = re.compile(
        r"(?<![\w/.-])((?:include|plugins|dags|sandbox|soda|tests|deploy|web|bin|benchmarks)/[\w/.-]*\w/?)(?![\w*])"
    )
    for name, text in texts():
        if name.endswith(".md"):
            for cited in named.findall(text):
                if not re.search(r"NAME|SOURCE|TABLE|stations|VERSION", cited):
                    assert (ROOT / cited).exists(), f"{name} names {cited}"


@pytest.mark.parametrize("outside", [r"shared/contracts", r"[Cc]ontract section", r"[Cc]ontract §"])
def test_nothing_rests_on_a_document_that_is_not_in_the_repository(outside: str) -> None:
    found = [name for name, text in texts() if name != HERE and re.search(outside, text)]
    assert found == []
