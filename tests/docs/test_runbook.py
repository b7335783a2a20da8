"""The operator's documents say what is there: a section for every alert, commands that parse, SQL that runs."""

from __future__ import annotations

import ast
import re
import shlex
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from include.alerting.alert import KINDS
from include.cli import command
from include.cli.main import main
from include.registry.registry import Registry
from include.sources import source as sources

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"^[ ]*```.*?^[ ]*```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
SHELL = re.compile(r"python -m include\.cli\b(?P<arguments>[^`\n]*)|(?P<make>make lastgood ARGS=[^`\n]*)")
EXAMPLES = {"SOURCE": "ctgov", "VERSION": "20261122T120034Z-bee23ff6", "OTHER": "20261121T120034Z-41559e77"}
"""What stands for the capitals in a command."""


def test_every_kind_of_alert_has_its_section_and_no_section_is_without_one() -> None:
    sections = re.findall(r"^## (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(sections) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_section_says_what_consumers_see_what_to_do_and_when_it_is_over(kind: str) -> None:
    section = RUNBOOK.read_text(encoding="utf-8").split(f"\n## {kind}\n", 1)[1].split("\n## ", 1)[0]
    for part in ("It means", "Consumers", "Look", "Do", "Over", "If it comes back"):
        assert f"**{part}" in section, f"{kind} does not say **{part}**"


def commands() -> list[tuple[str, str]]:
    """Every command of the operator in a document: where it stands, and its arguments as typed."""
    found = []
    for path in DOCUMENTS:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for match in SHELL.finditer(line):
                arguments = match["arguments"] or ""
                if match["make"]:
                    arguments = shlex.split(match["make"], comments=True)[2].removeprefix("ARGS=")
                if arguments.strip() not in {"", "COMMAND", "…"}:
                    found.append((f"{path.relative_to(ROOT)}:{number}", arguments))
    return found


def test_documents_name_many_commands() -> None:
    assert len(commands()) > 30


@pytest.mark.parametrize(("place", "arguments"), commands(), ids=[place for place, _ in commands()])
def test_every_command_of_the_documents_parses(
    place: str, arguments: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(arguments.split(" | ", maxsplit=1)[0].split(" > ", maxsplit=1)[0], comments=True)
    typed = [EXAMPLES.get(word, word) for word in words]
    # All but the act itself
    monkeypatch.setattr(command, "_run", lambda *_, **__: 0)
    assert main(typed) == 0, f"{place}: {' '.join(typed)}: {capsys.readouterr().err}"


@cache
def schedules() -> dict[str, str | None]:
    """The DAGs of dags/operations with their cron expression, read from the text of their files.

    Each is made by one call, whose plain texts are its name and, if it has one, its schedule.
    """
    found: dict[str, str | None] = {}
    for path in (ROOT / "dags" / "operations").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
                "decision_dag",
                "doctor_dag",
                "operation_dag",
            }:
                name, *others = [
                    ast.literal_eval(word) for word in node.args if isinstance(word, ast.Constant)
                ]
                found[f"lastgood_{name}"] = str(others[0]) if others else None
    return found


def dag_ids() -> frozenset[str]:
    return frozenset(schedules())


def test_the_schedule_in_the_documents_is_that_of_the_dags() -> None:
    timed = {dag: schedule for dag, schedule in schedules().items() if schedule is not None}
    assert len(timed) >= 4
    for source in sources.names():
        if (schedule := sources.spec(source).schedule) is not None:
            timed[source] = schedule
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    written = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", text, re.MULTILINE))
    assert written == timed


@pytest.mark.parametrize("source", sources.names())
def test_what_is_promised_in_the_documents_is_what_the_spec_says(source: str) -> None:
    spec = sources.spec(source)
    promised = [
        f"{span / timedelta(hours=1):g} hours"
        for span in (spec.done_within, spec.fresh_within, spec.run_timeout)
    ]
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"\n| {source} | {' | '.join(promised)} |\n" in text


@cache
def names_of_the_code() -> frozenset[str]:
    """Connections, Variables and whatever else the code names `lastgood_…`."""
    texts = [
        path.read_text(encoding="utf-8")
        for top in ("include", "plugins")
        for path in (ROOT / top).rglob("*.py")
    ]
    files = {path.stem for path in (ROOT / "plugins").glob("*.py")}
    return files | frozenset(re.findall(r"""["'](lastgood_[a-z_]+)["']""", "\n".join(texts)))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_name_of_the_house_in_a_document_is_a_dag_a_connection_or_a_variable(path: Path) -> None:
    named = set(re.findall(r"\blastgood_[a-z]+(?:_[a-z]+)*\b", path.read_text(encoding="utf-8")))
    assert named <= dag_ids() | names_of_the_code()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_calls_a_dag_is_one(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lists = re.findall(r"\bDAGs? ((?:`lastgood_[a-z_]+`(?:, (?:or |and )?| or | and )?)+)", text)
    assert {name for each in lists for name in re.findall(r"`(lastgood_[a-z_]+)`", each)} <= dag_ids()


def statements() -> list[tuple[str, str]]:
    """SQL on the registry, by where it stands; what reads published tables needs data."""
    return [
        (f"{path.name}-{number}", block)
        for path in DOCUMENTS
        for number, block in enumerate(
            re.findall(r"^```sql\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL), 1
        )
        if not re.search(r"\bpublished(\.|;| GRANT)", block)
    ]


def test_every_sql_block_on_the_registry_runs(registry: Registry) -> None:
    assert any(place.startswith(RUNBOOK.name) for place, _ in statements())
    with registry.connect() as connection:
        for place, block in statements():
            for statement in filter(str.strip, block.split(";")):
                try:
                    connection.execute(statement.encode())
                except Exception as error:
                    error.add_note(place)
                    raise
        connection.rollback()


def tables() -> list[tuple[str, str, str]]:
    """SQL on the registry with the head of the table that is pasted below it."""
    pasted = re.compile(r"^```sql\n((?:(?!```).)*)^```\n+```\n([^\n]*)\n-[-+]*\n", re.MULTILINE | re.DOTALL)
    return [
        (path.name, query, head)
        for path in DOCUMENTS
        for query, head in pasted.findall(path.read_text(encoding="utf-8"))
        if not re.search(r"\bpublished\.", query)
    ]


def test_a_pasted_table_has_the_columns_of_its_query(registry: Registry) -> None:
    assert len(tables()) > 3
    for place, query, head in tables():
        with registry.connect() as connection:
            cursor = connection.execute(query.encode())
            assert cursor.description is not None
            columns = [column.name for column in cursor.description]
        assert [name.strip() for name in head.split("|")] == columns, f"{place}: {query}"


@cache
def anchors(path: Path) -> frozenset[str]:
    """The headings of a document as GitHub turns them into anchors."""
    prose = FENCE.sub("", path.read_text(encoding="utf-8"))
    heads = re.findall(r"^#{1,6} (.+)$", prose, re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_somewhere(path: Path) -> None:
    prose = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        led_to = path.parent / file if file else path
        assert led_to.exists(), f"{path.name} links to {target}"
        assert not anchor or anchor in anchors(led_to), f"{path.name} links to {target}"
    for named in re.findall(r"\bdocs/[\w/-]+\.md\b", prose):
        assert (ROOT / named).exists(), f"{path.name} names {named}"
