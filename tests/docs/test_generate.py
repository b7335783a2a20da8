"""What is generated is current, and a breaking change cannot slip into a published schema version."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from include.storage.tables import describe
from tests import toy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generate() -> Any:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_current(generate: Any) -> None:
    for path, text in generate.texts().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: run `make docs`"


def test_only_the_marked_place_of_a_page_is_made(generate: Any) -> None:
    page = f"by hand\n{generate.BEGIN}old\n{generate.END}by hand too\n"
    made = generate.between(page, "new\n")
    assert made == page.replace("old", "new") and generate.between(made, "new\n") == made
    with pytest.raises(ValueError, match="are missing"):
        generate.between("by hand", "new\n")
    table = generate.retention_table()
    assert "| ctgov | 10 | 30 days | 90 days | 400 days |" in table


@pytest.fixture
def frozen(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    described = describe([toy.THINGS])
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "1.json").write_text(json.dumps(described))
    return tmp_path, json.loads(json.dumps(described))


def test_added_optional_columns_and_tables_are_compatible(
    generate: Any, frozen: tuple[Path, dict[str, Any]]
) -> None:
    folder, described = frozen
    described["things"]["columns"]["more"] = {"type": "string", "required": False, "since": 1, "meaning": "m"}
    described["others"] = described["things"]
    generate.check("toy", 1, {}, described, folder)


@pytest.mark.parametrize(
    "change", ["removed column", "type", "nullable", "key", "removed table", "not served"]
)
def test_a_breaking_change_needs_a_new_version_with_a_note(
    generate: Any, frozen: tuple[Path, dict[str, Any]], change: str
) -> None:
    folder, described = frozen
    things = described["things"]
    if change == "removed column":
        del things["columns"]["value"]
    elif change == "type":
        things["columns"]["value"]["type"] = "int64"
    elif change == "nullable":
        things["columns"]["id"]["required"] = False
    elif change == "key":
        things["key"] = ["id", "value"]
    elif change == "not served":
        things["serve"] = False
    else:
        del described["things"]
    with pytest.raises(generate.BreakingChange, match="Raise SCHEMA_VERSION to 2"):
        generate.check("toy", 1, {}, described, folder)
    with pytest.raises(generate.BreakingChange, match="no note in MIGRATIONS"):
        generate.check("toy", 2, {}, described, folder)
    generate.check("toy", 2, {2: "Read value as a number."}, described, folder)


def test_a_schema_version_never_goes_back(generate: Any, frozen: tuple[Path, dict[str, Any]]) -> None:
    folder, described = frozen
    (folder / "toy" / "2.json").write_text(json.dumps(described))
    with pytest.raises(generate.BreakingChange, match="version 2 was published"):
        generate.check("toy", 1, {}, described, folder)
