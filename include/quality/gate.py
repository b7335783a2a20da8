"""The gate: every contract of a source on one candidate, in one DuckDB session, failing closed.

Soda calls a contract "ok" when nothing could be evaluated, so the verdict does not ask Soda: it passes only if
no error was reported, every check of every contract came back, and each of them PASSED or WARNed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest
from include.publishing.store import Store, safe_key

SAMPLES = 20
SAMPLE_CHARACTERS = 300
Outcome = Literal["PASSED", "WARN", "FAILED", "NOT_EVALUATED"]

# Soda reads this when it is imported; without it, it posts out and replaces Airflow's OpenTelemetry provider.
os.environ["SODA_CORE_TELEMETRY_ENABLED"] = "false"


class CheckOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One check: what it found, against which threshold, and up to 20 rows that made it fail."""

    table: str
    id: str
    name: str
    rule: Literal["contract", "change"]
    outcome: Outcome
    value: float | None
    threshold: str
    samples: list[dict[str, Any]] = []

    @property
    def passed(self) -> bool:
        """PASSED or WARN; everything else blocks."""
        return self.outcome in {"PASSED", "WARN"}

    @property
    def sentence(self) -> str:
        """For people: what failed and by how much."""
        if self.outcome == "NOT_EVALUATED":
            return f"{self.table}: {self.name} could not be evaluated"
        value = "no value" if self.value is None else f"{self.value:g}"
        return f"{self.table}: {self.name} ({value}; {self.threshold})"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """gate.json: the outcome of all checks on one candidate."""

    source: str
    version: str
    previous: str | None
    checked_at: datetime
    checks: list[CheckOutcome]
    errors: list[str]
    """What kept the gate from evaluating; with any error the candidate does not pass."""
    stamps: dict[str, str]
    """A mark per table file, taken when its checksum was proven; promotion need not read the bytes again."""

    @property
    def passed(self) -> bool:
        """Whether the candidate may become latest."""
        return not self.errors and bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def contract_failures(self) -> list[str]:
        """What no operator may accept."""
        failed = [c.sentence for c in self.checks if not c.passed and not _overridable(c)]
        return self.errors + failed

    @property
    def change_failures(self) -> list[str]:
        """What an operator may accept with a reason."""
        return [c.sentence for c in self.checks if not c.passed and _overridable(c)]

    @property
    def acceptable(self) -> bool:
        """Whether an operator's reason is enough to promote it after all."""
        return bool(self.checks) and not self.contract_failures and bool(self.change_failures)

    @property
    def reasons(self) -> list[str]:
        """Why it did not pass; empty where it did."""
        return self.contract_failures + self.change_failures

    def count(self, *outcomes: Outcome) -> int:
        """How many checks ended so."""
        return sum(check.outcome in outcomes for check in self.checks)


def _overridable(check: CheckOutcome) -> bool:
    # A change rule that could not be evaluated says nothing about the change: nobody may wave it through.
    return check.rule == "change" and check.outcome == "FAILED"


def verdict_key(source: str, version: str) -> str:
    """Key of gate.json."""
    return safe_key(manifests.folder(source, version), "gate.json")


def read(store: Store, source: str, version: str) -> Verdict | None:
    """The verdict on a version, or None where its gate has not run."""
    key = verdict_key(source, version)
    return msgspec.json.decode(store.read_bytes(key), type=Verdict) if store.exists(key) else None


def judge(
    store: Store,
    manifest: Manifest,
    previous: Manifest | None,
    contracts: Mapping[str, Path],
    history: Sequence[Mapping[str, Any]],
) -> Verdict:
    """Verify every contract on the candidate and keep the verdict beside it as gate.json.

    `contracts` maps each table to its file, `history` holds rows of registry.history(). Raises
    manifest.AlteredFile where a file is not the one that was sealed, InvalidContract for a contract file that
    our strict schema refuses.
    """
    from include.publishing import frames
    from include.quality import contract as contract_files

    loaded = {table: contract_files.load(path) for table, path in contracts.items()}
    stamps = manifests.verify(store, manifest)
    with (
        store.scratch(f"gate-{manifest.source}-{manifest.version}") as scratch,
        frames.session(scratch) as connection,
    ):
        _register(connection, store, manifest, previous, history)
        checks: list[CheckOutcome] = []
        errors: list[str] = []
        for table, path in contracts.items():
            found, problems = _verify(connection, loaded[table], path, manifest)
            checks += found
            errors += problems
    verdict = Verdict(
        source=manifest.source,
        version=manifest.version,
        previous=previous.version if previous else None,
        checked_at=datetime.now(UTC),
        checks=checks,
        errors=errors,
        stamps=stamps,
    )
    store.write_bytes(
        verdict_key(manifest.source, manifest.version),
        msgspec.json.format(msgspec.json.encode(verdict), indent=1),
    )
    return verdict


def _register(
    connection: Any,
    store: Store,
    manifest: Manifest,
    previous: Manifest | None,
    history: Sequence[Mapping[str, Any]],
) -> None:
    """TABLE, previous_TABLE, changes and history as views of one session."""
    import pyarrow as pa

    from include.publishing import frames

    before = {entry.name: entry for entry in previous.tables} if previous else {}
    for entry in manifest.tables:
        files = [file.path for file in entry.files]
        schema = store.dataset(files).schema
        frames.register(connection, entry.name, store, files, schema)
        old = before.get(entry.name)
        frames.register(
            connection,
            f"previous_{entry.name}",
            store,
            [file.path for file in old.files] if old else [],
            schema,
        )
    changes = [
        {
            "table_name": item.table,
            "rows": item.rows,
            "previous_rows": item.previous_rows,
            "rows_delta_percent": rows_delta_percent(item.rows, item.previous_rows),
            "new": item.new,
            "changed": item.changed,
            "deleted": item.deleted,
        }
        for item in manifest.changes
    ]
    counts = [(name, pa.int64()) for name in ("new", "changed", "deleted")]
    connection.register(
        "changes",
        pa.Table.from_pylist(
            changes,
            pa.schema(
                [
                    ("table_name", pa.string()),
                    ("rows", pa.int64()),
                    ("previous_rows", pa.int64()),
                    ("rows_delta_percent", pa.float64()),
                    *counts,
                ]
            ),
        ),
    )
    connection.register(
        "history",
        pa.Table.from_pylist(
            [dict(row) for row in history],
            pa.schema(
                [
                    ("version", pa.string()),
                    ("as_of", pa.timestamp("us", "UTC")),
                    ("table_name", pa.string()),
                    ("rows", pa.int64()),
                    *counts,
                ]
            ),
        ),
    )


def rows_delta_percent(rows: int, previous_rows: int | None) -> float | None:
    """Change of the row count in percent of the last good version; None where there is none or it was empty."""
    return None if not previous_rows else (rows - previous_rows) / previous_rows * 100


def _verify(
    connection: Any, contract: Any, path: Path, manifest: Manifest
) -> tuple[list[CheckOutcome], list[str]]:
    """One contract through Soda. Whatever does not come back as evaluated is an outcome of its own."""
    from soda_core.contracts import verify_contract_locally
    from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

    from include.quality.contract import DATA_SOURCE

    result = verify_contract_locally(
        data_sources=[DuckDBDataSourceImpl.from_existing_cursor(connection, name=DATA_SOURCE)],
        contract_file_path=str(path),
        data_timestamp=manifest.as_of.isoformat(),
    )
    errors = [f"{contract.table}: {line}" for line in _lines(result.get_errors())]
    reported = {
        item.check.relative_path: item
        for verification in result.contract_verification_results
        for item in verification.check_results
    }
    outcomes = []
    for check in contract.all_checks():
        item = reported.pop(check.id, None)
        outcome: Outcome = "NOT_EVALUATED"
        if item is not None and item.outcome.name in {"PASSED", "WARN", "FAILED"}:
            outcome = item.outcome.name
        outcomes.append(
            CheckOutcome(
                table=check.table,
                id=check.id,
                name=check.body.name,
                rule=check.rule,
                outcome=outcome,
                value=None if item is None or item.threshold_value is None else float(item.threshold_value),
                threshold=_threshold(item),
                samples=_samples(connection, check, manifest) if outcome in {"FAILED", "WARN"} else [],
            )
        )
    errors += [
        f"{contract.table}: Soda reported {check_id}, which the contract does not hold"
        for check_id in reported
    ]
    return outcomes, errors


def _lines(errors: Iterable[str]) -> list[str]:
    return [" ".join(str(error).split())[:500] for error in errors]


def _threshold(item: Any) -> str:
    if item is None or item.check.threshold is None:
        return ""
    text = str(item.check.threshold).replace("level: fail\n", "").replace("level: warn\n", "warns: ")
    return " ".join(text.split())


def _samples(connection: Any, check: Any, manifest: Manifest) -> list[dict[str, Any]]:
    """Up to 20 of the rows that made a check fail, their texts cut; none for figures over the whole table."""
    from include.quality.samples import failing_rows

    query = failing_rows(check, manifest.table(check.table).key)
    if query is None:
        return []
    cursor = connection.execute(f"SELECT * FROM ({query}) LIMIT {SAMPLES}")  # noqa: S608
    names = [column[0] for column in cursor.description]
    return [
        {name: _short(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()
    ]


def _short(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | None) else str(value)[:SAMPLE_CHARACTERS]
