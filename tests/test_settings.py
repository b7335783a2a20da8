"""One list of settings: the code reads no other, and reads all of them."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include import release, settings
from include.sources import source as sources

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(
    path
    for folder in ("include", "plugins", "dags")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts and path.name != "settings.py"
)
OURS = re.compile(r"LASTGOOD_[A-Z_]+")
SETS = {"SODA_CORE_TELEMETRY_ENABLED"}
"""What the code sets for a library and never reads."""
INDIRECT: dict[tuple[str, str], Any] = {
    ("plugins/lastgood/hooks/upstream.py", "self.http_conn_id"): lambda: [
        sources.spec(name).connection for name in sources.names() if not sources.spec(name).derived
    ],
    ("plugins/lastgood/notifiers/channels.py", "CONNECTIONS[name]"): lambda: list(
        importlib.import_module("lastgood.notifiers.channels").CONNECTIONS.values()
    ),
    ("plugins/lastgood/notifiers/mail.py", "conn_id"): list,
    ("plugins/lastgood/hooks/upstream.py", "connection"): list,
    ("plugins/lastgood/hooks/keys.py", "name"): lambda: [
        key for name in sources.names() for key in sources.spec(name).keys
    ],
    ("plugins/lastgood/hooks/store.py", "variable"): lambda: [
        inbox for name in sources.names() if (inbox := sources.spec(name).inbox)
    ],
    # The one that a root names: s3://connection@bucket.
    ("plugins/lastgood/hooks/store.py", "connection"): list,
    ("plugins/lastgood/doctor.py", "name"): list,
    ("plugins/lastgood/doctor.py", "section"): list,
}
"""Where a name is not a word of the code: what it can be."""


def module_of(path: Path) -> Any:
    relative = path.relative_to(ROOT)
    parts = relative.with_suffix("").parts
    return importlib.import_module(".".join(parts[1:] if parts[0] == "plugins" else parts))


def calls(path: Path) -> Iterator[tuple[str, list[ast.expr]]]:
    """Each place of a file that reads a setting: its kind, and the expressions that name it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=name):
                yield "environment", [name]
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="environ"), attr="get" | "setdefault" | "pop"),
                args=[name, *_],
            ):
                yield "environment", [name]
            case ast.Call(func=ast.Attribute(attr="getenv"), args=[name, *_]):
                yield "environment", [name]
            case ast.Call(func=ast.Attribute(value=ast.Name(id="Variable"), attr="get"), args=[name, *_]):
                yield "Variable", [name]
            case ast.Call(func=ast.Attribute(attr="get_connection"), args=[name, *_]):
                yield "connection", [name]
            case ast.Call(func=ast.Name(id="RegistryHook" | "PostgresHook"), args=[name, *_]):
                yield "connection", [name]
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Name(id="conf"), attr="get" | "getint" | "getfloat" | "getboolean"
                ),
                args=[section, option, *_],
            ):
                yield "Airflow", [section, option]


def read_by_the_code() -> Iterator[tuple[str, str, str]]:
    """File, kind and name of each setting that is read somewhere."""
    for path in FILES:
        file = str(path.relative_to(ROOT))
        text = path.read_text(encoding="utf-8")
        for kind, names in calls(path):
            written = [ast.unparse(name) for name in names]
            if (indirect := INDIRECT.get((file, written[0]))) is not None:
                yield from ((file, kind, name) for name in indirect())
                continue
            try:
                values = [eval(each, vars(module_of(path))) for each in written]
            except (NameError, AttributeError):
                pytest.fail(f"{file} reads {kind} {'.'.join(written)}, which no reader of the code can tell")
            yield file, kind, ".".join(values)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and OURS.fullmatch(node.value):
                yield file, "environment", node.value


def test_the_code_reads_no_setting_that_is_not_in_the_list() -> None:
    listed = {(setting.kind, setting.name) for setting in settings.everything()}
    strange = {
        (file, kind, name)
        for file, kind, name in read_by_the_code()
        if (kind, name) not in listed and name not in SETS
    }
    assert not strange, "add a line to include/settings.py"


def test_what_is_in_the_list_is_read_somewhere() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    text += (ROOT / "include" / "settings.py").read_text(encoding="utf-8").split("def of_source", 1)[1]
    for setting in settings.everything():
        last = setting.name.removesuffix("_api") if setting.kind == "connection" else setting.name
        word = last.rpartition(".")[2]
        assert setting.at_most or re.search(rf"\b{re.escape(word)}\b", text), f"nothing reads {setting.name}"


def test_each_setting_has_one_line() -> None:
    names = [(setting.kind, setting.name) for setting in settings.everything()]
    assert len(names) == len(set(names))


def test_a_deployment_without_a_name_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, name in ((None, "unnamed"), ("", "unnamed"), ("production", "production")):
        monkeypatch.delenv("LASTGOOD_ENV", raising=False)
        if value is not None:
            monkeypatch.setenv("LASTGOOD_ENV", value)
        assert release.environment() == name
