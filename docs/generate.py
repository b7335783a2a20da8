"""Writes what in docs/ is made from the code (`make docs`): data_contract.md, schemas/SOURCE/VERSION.json, and the
tables of retention.md and of the settings in operations.md.

A schema file is frozen once written: a breaking change needs a new SCHEMA_VERSION and a note in MIGRATIONS, and
this refuses to write it otherwise. tests/docs checks that everything is current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from include import settings
from include.sources import source as sources
from include.storage.tables import Table, breaking_changes, describe, type_name

DOCS = Path(__file__).parent
HEAD = """# The data contract

What consumers may rely on, made from `include/sources/*/tables.py` by `make docs`.

Read files through `latest/SOURCE.json`: it names every Parquet file of every table, and every attachment (a file that
is no table, an image for example), of the version that is the last good one, and is replaced as a whole. Read SQL in
schema `published`, tables `SOURCE_TABLE`; all tables of a source change in one transaction.

Every row has a `content_hash`: the MD5 of its other values as JSON. In `ctgov.studies` it covers the study's rows in
interventions, conditions, locations, sponsors and aliases too, so that one hash tells whether anything published of the
study changed. Equal hash, equal row. What today's code makes of an old record counts as well: a row with other values
has another hash and stands in the change list. The manifest names how the hashes of a table were made (`recipe`, a
number, and the tables that it `covers`). Compare hashes only where recipe and columns are the same: in the first
version after either changed (`by_value` in its changes) every hash differs, and its change list is made from the values
of the rows, so no row stands there that only has another hash. A manifest without `recipe` is from before recipes had
numbers.

What you build upon a table in SQL stays: views, materialized views and grants outlive every version, a rollback
included, since a table is never dropped or recreated. It follows that

- a new column may be there, null in every row, some moments before the version that fills it;
- a column that was added later may be null as far as PostgreSQL knows, though the table below says it is required;
- a column that the table below no longer has stays in SQL and is null in every row;
- a column may have a wider type than its file (bigint for int32);
- a table that a version does not have, after a rollback, is there and empty.

A reader who leaves a transaction open cannot stop others: a change of a table waits for a second at a time, a few
times, and then the promotion fails and names the session.

Reference these tables by their key without a constraint. A version deletes rows and writes them again, so a foreign key
onto a table would fail, or carry deletions on to your rows (ON DELETE CASCADE, SET NULL). The gate refuses every
version while there is one, and names it; to be sure of a reference, look for rows without a match after each version.

## Compatibility policy

Within a schema version, tables and optional columns may be added, an optional column may become required, and the
words here may change. Anything else breaks readers: removing a table or column, changing a type or a key, letting a
required column be null, taking a table out of SQL. That raises the schema version and comes with a note below on
what to change. A renamed column stays under its old name for at least one schema version. After a new schema
version of ctgov or pubchem the next run fetches everything again; sofascore computes all but the tables of matches in
every run, and a run with `full_refresh` fetches those. `make docs` refuses to write a breaking change into a frozen
schema file, and the tests fail until the files are current.

## Definitions that changed

Tables that are computed from others are computed from all of them in every run. Where a definition changes, the first
run after it reports every row whose values it changes as changed, once; base tables stay as they are. A rule on changes
may hold that version until an operator accepts it.

- sofascore, November 2026. A figure that no player of a match has is unknown in that match, no longer 0: sums are
  over the matches that state it, rates over their minutes, and `player_seasons.partly_known` names the figures of
  which that is not all. Who left the pitch was sent off, though the card was taken back later. Own goals are no shots
  in `team_tactics`. Percentiles and `position_distributions` need 10 players (or teams). Tiers of opponents tell teams
  with equal points apart by goal difference. The peak of `age_curves` is of ratings around an age, and needs 200
  player-seasons. Means and classes are of figures before they are rounded. An age that no player can have is null.
- sofascore, November 2026. A value that cannot be (a rating of 11.2) is null instead of refusing its part, and is in
  the quarantine. A figure of a player that is null for that reason is named in `appearances.refused`, and unknown in
  what is computed from it, not 0. Teams, players, managers, and the venues and referees of `match_summaries` are
  called as the upstream called them last, no longer as the newest match calls them; competitions as they are
  configured, in all seasons.
- sofascore, December 2026. 16 to 149 goals of a team are a score, and were null. Cards of players: see its schema
  version 2.
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
        schema = sources.load(source).schema()
        parts.append(f"\n## {source}: {sources.spec(source).title}\n\nSchema version {schema.version}.\n")
        for version, note in sorted(schema.migrations.items(), reverse=True):
            parts.append(f"- To version {version}: {note}\n")
        parts += [_table(source, table) for table in schema.tables]
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


def settings_table() -> str:
    """What a deployment may set, from include/settings.py."""
    lines = ["| what | name | value |\n|---|---|---|\n"]
    for setting in settings.everything():
        kind, name = setting.kind, setting.name
        if kind == "Airflow":
            kind, name = "environment", setting.variable
        lines.append(f"| {kind} | `{name}` | {setting.meaning.replace('|', chr(92) + '|')} |\n")
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
    retention, operations = folder / "retention.md", folder / "operations.md"
    made = {
        folder / "data_contract.md": contract_text(),
        retention: between(retention.read_text(encoding="utf-8"), retention_table()),
        operations: between(operations.read_text(encoding="utf-8"), settings_table()),
    }
    for source in sources.names():
        schema = sources.load(source).schema()
        described = describe(schema.tables)
        check(source, schema.version, schema.migrations, described, folder / "schemas")
        made[folder / "schemas" / source / f"{schema.version}.json"] = schema_text(described)
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
