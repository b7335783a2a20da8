"""requirements.txt names everything that the deployed folders import, and leaves Airflow to the platform."""

import ast
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.lock import PROJECT, requirement_lines

DEPLOYED = ("dags", "plugins", "include")
OWN = {"include", "lastgood", "lastgood_ui"}
PLATFORM = {"apache-airflow", "apache-airflow-core", "apache-airflow-task-sdk"}
# These arrive with a package that is named, as its own vocabulary
BROUGHT = {
    "asgiref": "apache-airflow",
    "botocore": "apache-airflow-providers-amazon",
    "numpy": "pandas",
    "urllib3": "requests",
}
# Used where a deployment installs it, and said so clearly where it does not
OPTIONAL = {"apprise", "onnxruntime", "tokenizers"}


def imported_modules(folder: Path) -> set[str]:
    """Every module that is imported below a folder, at the top or inside a function."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@cache
def installed() -> Mapping[str, list[str]]:
    """Packages by the modules they bring."""
    return packages_distributions()


def distribution(module: str) -> str | None:
    """The package that a module comes from; None for Python's own and ours."""
    parts = module.split(".")
    if parts[0] in sys.stdlib_module_names or parts[0] in OWN or parts[0] == "__future__":
        return None
    if parts[:2] == ["airflow", "providers"]:
        # airflow.providers.common.sql.hooks → apache-airflow-providers-common-sql
        depth = 4 if parts[2] == "common" else 3
        return "-".join(["apache-airflow-providers", *parts[2:depth]])
    if parts[0] == "airflow":
        return "apache-airflow"
    return canonicalize_name(installed().get(parts[0], [parts[0]])[0])


def named() -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirement_lines(("requirements.txt",))}


@pytest.mark.parametrize("folder", DEPLOYED)
def test_everything_a_deployed_folder_imports_is_named(folder: str) -> None:
    modules = imported_modules(PROJECT / folder)
    wanted = {package for module in modules if (package := distribution(module)) is not None} - OPTIONAL
    assert {BROUGHT.get(package, package) for package in wanted} - named() - PLATFORM == set()


def test_airflow_itself_is_left_to_the_platform() -> None:
    assert named() & PLATFORM == set()


def test_every_requirement_has_a_range_so_that_no_platform_is_forced_to_one_version() -> None:
    for line in requirement_lines(("requirements.txt",)):
        operators = {specifier.operator for specifier in Requirement(line).specifier}
        assert ">=" in operators, line
        assert "==" not in operators, line


# --- the environment for imaging

IMAGING = ("imaging", "sandbox/dsa110")
MODULES = {"casacore": "python-casacore"}


def test_the_environment_for_imaging_has_what_its_programs_import_and_nothing_else() -> None:
    asked = {
        canonicalize_name(Requirement(line).name) for line in requirement_lines(("requirements-imaging.txt",))
    }
    tops = {module.split(".")[0] for folder in IMAGING for module in imported_modules(PROJECT / folder)}
    own = {"imaging", "include", "sandbox", "__future__"}
    wanted = {MODULES.get(top, top) for top in tops - own - sys.stdlib_module_names}
    assert wanted == asked


def test_what_the_worker_has_not_is_imported_only_by_programs_of_the_environment_for_imaging() -> None:
    for folder in ("include", "plugins", "dags", "benchmarks", "deploy", "docs", "sandbox"):
        for path in (PROJECT / folder).rglob("*.py"):
            if path.is_relative_to(PROJECT / "sandbox" / "dsa110"):
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = {
                alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
            }
            names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
            heavy = {name for name in names if f"{name}.".startswith(("imaging.", "sandbox.dsa110."))}
            assert heavy == set(), path
