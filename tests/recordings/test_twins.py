"""Every test that reads the recordings has a twin that anybody can run, or a reason why not; nothing is read here."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.recordings.twins import TWINS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LEAST_WORDS = 5


@cache
def names_in(file: Path) -> frozenset[str]:
    """The tests of a file, those of a class with its name before them."""

    def below(body: list[ast.stmt], prefix: str = "") -> set[str]:
        found = set()
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.add(prefix + node.name)
            elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                found |= below(node.body, f"{prefix}{node.name}::")
        return found

    return frozenset(below(ast.parse(file.read_text(encoding="utf-8")).body))


def test_every_test_of_the_recordings_has_an_entry_and_every_entry_has_its_test() -> None:
    tests = {
        f"{file.relative_to(HERE).as_posix()}::{name}"
        for file in HERE.glob("*/**/test_*.py")
        for name in names_in(file)
    }
    entries = {f"{file}::{name}" for file, of_file in TWINS.items() for name in of_file}
    assert len(tests) > 90
    assert entries == tests


def test_no_entry_is_written_twice() -> None:
    """Of two equal keys Python keeps the second and says nothing."""
    tree = ast.parse((HERE / "twins.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = [ast.unparse(key) for key in node.keys if key is not None]
            assert len(keys) == len(set(keys))


def test_every_twin_exists_and_is_outside_this_folder() -> None:
    for file, of_file in TWINS.items():
        for name, entry in of_file.items():
            if isinstance(entry, str):
                continue
            assert entry and len(entry) == len(set(entry)), f"{file}::{name}"
            for twin in entry:
                path, _, test = twin.partition("::")
                there = ROOT / path
                assert path.startswith("tests/") and there.is_file(), twin
                assert HERE not in there.resolve().parents, twin
                assert test in names_in(there), twin


def test_a_reason_is_a_sentence() -> None:
    reasons = {
        f"{file}::{name}": entry
        for file, of_file in TWINS.items()
        for name, entry in of_file.items()
        if isinstance(entry, str)
    }
    for test, reason in reasons.items():
        assert len(reason.split()) >= LEAST_WORDS and reason.endswith("."), test
