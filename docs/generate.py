"""Writes what in docs/ is made from the code (`make docs`): data_contract.md, schemas/SOURCE/VERSION.json, and the
table of retention.md.

A schema file is frozen once written: a breaking change needs a new SCHEMA_VERSION and a note in MIGRATIONS, and
this refuses to write it otherwise. tests/docs checks that everything is current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from include.publishing.tables import Table, breaking_changes, describe, type_name
from include.sources import source as sources

DOCS = Path(__file__).parent
HEAD = """# The data contract

What consumers may rely on, made from `include/sources/*/tables.py` by `make docs`.

Read files through `latest/SOURCE.json`: it names every Parquet file of every table of the version that is the last
good one, and is replaced as a whole. Read SQL in schema `published`, tables `SOURCE_TABLE`; all tables of a source
change in one transaction. Every row has a `content_hash`: equal hash, equal row.

## Compatibility policy

Within a schema version, tables and optional columns may be added, an optional column may become required, and the
words here may change. Anything else breaks readers: removing a table or column, changing a type or a key, letting a
required column be null, taking a table out of SQL. That raises the schema version and comes with a note below on
what to change. A renamed column stays under its old name for at least one schema version. After a new schema
version the next run fetches everything again. `make docs` refuses to write a breaking change into a frozen schema
file, and the tests fail until the files are current.
"""


BEGIN, END = "<!-- made by `make docs` -->\n", "<!-- until here -->\n"


class BreakingChange(ValueError):
    """A schema version would change under its readers."""


def check(
    source: str, version: int, migrations: dict[int, str], described: dict[str, Any], folder: Path
) -> None:
    """Raise BreakingChange where the tables break readers of the frozen schemas without saying so."""
    frozen = {
        int(path.stem): json.loads(path.read_text(encoding="utf-8"))
        for path in (folder / source).glob("*.json")
    }
    newest = max(frozen, default=version)
    if newest > version:
        raise BreakingChange(f"{source}: schema version {newest} was published; SCHEMA_VERSION is {version}.")
    if version in frozen and (found := breaking_changes(frozen[version], described)):
        raise BreakingChange(
            f"{source}: schema version {version} is published and would break its readers: {'; '.join(found)}. "
            f"Raise SCHEMA_VERSION to {version + 1} and tell readers what to do in MIGRATIONS[{version + 1}]."
        )
    if version not in frozen and frozen and not migrations.get(version, "").strip():
        raise BreakingChange(f"{source}: schema version {version} has no note in MIGRATIONS.")


def schema_text(described: dict[str, Any]) -> str:
    """A schema file."""
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def contract_text() -> str:
    """docs/data_contract.md."""
    parts = [HEAD]
    for source in sources.names():
        tables = sources.module(source, "tables")
        parts.append(
            f"\n## {source}: {sources.spec(source).title}\n\nSchema version {tables.SCHEMA_VERSION}.\n"
        )
        for version, note in sorted(tables.MIGRATIONS.items(), reverse=True):
            parts.append(f"- To version {version}: {note}\n")
        parts += [_table(source, table) for table in tables.TABLES]
    return "".join(parts)


def _table(source: str, table: Table) -> str:
    served = f"`published.{source}_{table.name}`" if table.serve else "files only"
    lines = [
        f"\n### {source}.{table.name}\n\n{table.meaning} Key: {', '.join(table.key)}. SQL: {served}.\n\n",
        "| column | type | required | meaning | since |\n|---|---|---|---|---|\n",
    ]
    for column in table.columns:
        meaning = column.meaning.replace("|", "\\|")
        required = "yes" if column.required else ""
        lines.append(
            f"| {column.name} | {type_name(column.type)} | {required} | {meaning} | {column.since} |\n"
        )
    return "".join(lines)


def retention_table() -> str:
    """How long each source keeps what, from the specs."""
    lines = [
        "| source | published versions | raw, what was not published | refused rows | log |\n|---|---|---|---|---|\n"
    ]
    for source in sources.names():
        kept = sources.spec(source).retention
        days = (f"{age.days} days" for age in (kept.raw, kept.quarantine, kept.log))
        lines.append(f"| {source} | {kept.versions} | {' | '.join(days)} |\n")
    return "".join(lines)


def between(text: str, made: str) -> str:
    """A page written by hand with what is made in its marked place. Raises ValueError where the marks are missing."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"the marks {BEGIN.strip()} and {END.strip()} are missing")
    return f"{before}{BEGIN}{made}{END}{after}"


def texts(folder: Path = DOCS) -> dict[Path, str]:
    """Every generated file and its text. Raises BreakingChange."""
    retention = folder / "retention.md"
    made = {
        folder / "data_contract.md": contract_text(),
        retention: between(retention.read_text(encoding="utf-8"), retention_table()),
    }
    for source in sources.names():
        tables = sources.module(source, "tables")
        described = describe(tables.TABLES)
        check(source, tables.SCHEMA_VERSION, tables.MIGRATIONS, described, folder / "schemas")
        made[folder / "schemas" / source / f"{tables.SCHEMA_VERSION}.json"] = schema_text(described)
    return made


def main() -> int:
    """Write the files; 1 and one sentence where a change breaks readers."""
    try:
        made = texts()
    except BreakingChange as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
