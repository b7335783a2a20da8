"""What no linter of imports can see: who speaks SQL to the schema `lastgood`, and who calls a file system."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOM = ROOT / "include" / "registry"
SQL = re.compile(
    r"\b(from|into|update|join|table|only|using)\s+\"?lastgood\"?\."
    r"|\b(create|drop|alter)\s+schema\s+(if\s+(not\s+)?exists\s+)?\"?lastgood\b"
    r"|\bto_reg\w+\(\s*'lastgood\b",
    re.IGNORECASE,
)
WAITING: dict[str, str] = {}
"""Files that may all the same, and why; none. Move their statements rather than naming one here."""


def statements(source: str) -> Iterator[tuple[int, str]]:
    """SQL on the registry's schema in a file's strings, with the line of each; docstrings and comments are none."""
    tree = ast.parse(source)
    said = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in said and SQL.search(text):
                yield node.lineno, text
            case ast.Call(func=ast.Attribute(attr="Identifier"), args=[ast.Constant(value="lastgood"), *_]):
                yield node.lineno, "sql.Identifier('lastgood', …)"


FILES = sorted(
    path.relative_to(ROOT)
    for folder in ("include", "plugins", "dags")
    for path in (ROOT / folder).rglob("*.py")
    if not path.is_relative_to(ROOM)
)


def test_only_the_store_knows_its_file_system() -> None:
    """A file system's own calls make no promise: two who create a file at once may both be told that they did."""
    found = [
        f"{path}:{node.lineno}"
        for path in FILES
        if not path.is_relative_to("include/storage")
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "fs"
    ]
    assert found == []


def test_no_folder_becomes_a_root_by_an_encoded_uri() -> None:
    """Path.as_uri writes %20 for a blank, and a root is a path as it is: Store.of_folder opens a folder."""
    files = (path for folder in ("include", "plugins", "sandbox") for path in (ROOT / folder).rglob("*.py"))
    assert [path for path in files if ".as_uri(" in path.read_text(encoding="utf-8")] == []


def test_what_may_run_in_a_thread_makes_its_decoders_one_at_a_time() -> None:
    """include/decoding.py says why; what a module makes while it is imported is made by one thread anyway."""
    made = re.compile(
        r"msgspec\.json\.decode\(.*\btype=(?!msgspec\.Raw)|^ +\S.*msgspec\.json\.Decoder\(", re.MULTILINE
    )
    rooms = (ROOT / "include" / "upstream", ROOT / "include" / "sources")
    found = {
        str(path.relative_to(ROOT)): made.findall(path.read_text(encoding="utf-8"))
        for room in rooms
        for path in room.rglob("*.py")
    }
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_only_the_registry_has_sql_on_its_schema() -> None:
    found = {
        str(path): lines
        for path in FILES
        if (lines := [f"line {line}: {text[:80]}" for line, text in statements((ROOT / path).read_text())])
    }
    assert found.keys() == WAITING.keys(), {k: v for k, v in found.items() if k not in WAITING}


@pytest.mark.parametrize(
    "line",
    [
        'cursor.execute("SELECT 1 FROM lastgood.alert")',
        'cursor.execute("SELECT a " "FROM " "lastgood.latest l")',
        'cursor.execute(f"UPDATE lastgood.{table} SET told = 1")',
        'cursor.execute("delete from lastgood.hold")',
        'cursor.execute("LOCK TABLE lastgood.latest IN EXCLUSIVE MODE")',
        'cursor.execute("DROP SCHEMA IF EXISTS lastgood CASCADE")',
        "cursor.execute(\"SELECT to_regclass('lastgood.serving')\")",
        'Q = """\n  INSERT INTO lastgood.breaker AS b (name) VALUES (%s)\n"""',
        'sql.SQL("SELECT * FROM {}").format(sql.Identifier("lastgood", name))',
    ],
)
def test_a_statement_is_found_however_it_is_written(line: str) -> None:
    assert list(statements(line))


@pytest.mark.parametrize(
    "line",
    [
        '"""Kept in lastgood.action; read from lastgood.alert."""',
        'raise ValueError("both are kept in lastgood.action")',
        "from lastgood.hooks.registry import RegistryHook",
        'log.info("see lastgood_watch")',
    ],
)
def test_words_about_the_registry_are_no_statement(line: str) -> None:
    assert not list(statements(line))
