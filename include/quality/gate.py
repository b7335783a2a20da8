"""The gate: every contract of a source on one candidate, in one DuckDB session, failing closed.

Soda calls a contract "ok" when nothing could be evaluated, so the verdict does not ask Soda: it passes only if
no error was reported, every check of every contract came back, and each of them PASSED or WARNed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from include.publishing import manifest as manifests
from include.publishing.changes import CHANGE
from include.publishing.manifest import Manifest
from include.publishing.verdict import CheckOutcome, Level, Outcome, Verdict
from include.quality import arrivals, figures
from include.quality.tolerance import ALWAYS, USUAL, Tolerance
from include.storage.remote import StoreError
from include.storage.storable import storable
from include.storage.store import Store

if TYPE_CHECKING:
    from include.publishing.shape import Refusal

SAMPLES = 20
SAMPLE_CHARACTERS = 300
QUARANTINE = "_quarantine"
"""What stands for the table in checks of what arrived and was refused."""
_UNIT_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}

# Soda reads this when it is imported; without it, it posts out and replaces Airflow's OpenTelemetry provider.
os.environ["SODA_CORE_TELEMETRY_ENABLED"] = "false"


def judge(
    store: Store,
    manifest: Manifest,
    previous: Manifest | None,
    contracts: Mapping[str, Path],
    history: Sequence[Mapping[str, Any]],
    refusals: Sequence[Refusal] = (),
    tolerance: Tolerance = USUAL,
    levels: Sequence[Level] = (),
) -> Verdict:
    """Verify every contract on the candidate.

    `contracts` maps each table to its file, `history` holds rows of registry.history(), `refusals` why the serving
    tables cannot take the candidate: each is a check that failed, which nobody may accept; `levels` are those of
    arrivals that were accepted as usual (Verdict.usual_from_now of `previous`). Two kinds of checks hold
    for every source: of each kind of records not more than `tolerance` were refused, and no number is NaN or infinite,
    which would pass as valid by most comparisons. Raises
    manifest.AlteredFile where a file is not the one that was sealed, InvalidContract for a contract file that
    our strict schema refuses, StoreError where the store failed while the checks read it: then nothing is judged.
    """
    from include.quality import contract as contract_files
    from include.storage import duckdb_session

    documents = {table: contract_files.read(path) for table, path in contracts.items()}
    loaded = {table: contract_files.of(documents[table], path) for table, path in contracts.items()}
    stamps = manifests.verify(store, manifest, lists=True)
    faults = store.faults
    with (
        store.scratch(f"gate-{manifest.source}-{manifest.version}") as scratch,
        duckdb_session.session(scratch) as connection,
    ):
        _register(connection, store, manifest, previous, history)
        arrived = _measure_arrivals(connection, manifest, loaded, levels)
        checks = [_refused(refusal) for refusal in refusals]
        errors: list[str] = []
        for table, contract in loaded.items():
            found, problems = _verify(connection, contract, documents[table], manifest)
            checks += found
            errors += problems
        checks += _finite(connection, manifest)
        fallen = _fallen(connection, loaded.values(), checks)
    if store.faults > faults:  # what could not be evaluated for that says nothing about the candidate
        raise StoreError(
            f"{store.uri} failed while the checks read {manifest.source} {manifest.version}; try again."
        )
    checks += _too_many_refused(manifest, tolerance)
    return Verdict(
        source=manifest.source,
        version=manifest.version,
        previous=previous.version if previous else None,
        checked_at=datetime.now(UTC),
        checks=checks,
        errors=errors,
        stamps=stamps,
        fallen=fallen,
        accepted_levels=arrivals.raised(levels, arrived),
    )


def _refused(refusal: Refusal) -> CheckOutcome:
    return CheckOutcome(
        table=refusal.table,
        id=f"serving/{refusal.rule}",
        name=refusal.sentence,
        rule="contract",
        outcome="FAILED",
        value=None,
        threshold="",
    )


def _register(
    connection: Any,
    store: Store,
    manifest: Manifest,
    previous: Manifest | None,
    history: Sequence[Mapping[str, Any]],
) -> None:
    """TABLE, previous_TABLE, changed_TABLE, changes, history and growth as views of one session."""
    import pyarrow as pa

    from include.storage import duckdb_session

    before = {entry.name: entry for entry in previous.tables} if previous else {}
    listed = {item.table: item.keys for item in manifest.changes}
    for entry in manifest.tables:
        schema = manifests.entry_schema(store, entry)
        duckdb_session.register(connection, entry.name, store, [file.path for file in entry.files], schema)
        old = before.get(entry.name)
        duckdb_session.register(
            connection,
            f"previous_{entry.name}",
            store,
            [file.path for file in old.files] if old else [],
            schema,
        )
        keys = listed[entry.name]
        duckdb_session.register(
            connection,
            arrivals.changed_keys(entry.name),
            store,
            [keys.path] if keys else [],
            pa.schema([(CHANGE, pa.string()), *(schema.field(name) for name in entry.key)]),
        )
    figures.register(
        connection,
        [
            {
                "table_name": item.table,
                "rows": item.rows,
                "previous_rows": item.previous_rows,
                "new": item.new,
                "changed": item.changed,
                "deleted": item.deleted,
            }
            for item in manifest.changes
        ],
        history,
        asked=manifest.asked,
    )


def _measure_arrivals(
    connection: Any, manifest: Manifest, contracts: Mapping[str, Any], levels: Sequence[Level]
) -> list[dict[str, Any]]:
    """The table `arrivals`, for the tables of which a rule looks at it."""
    import pyarrow as pa

    found = [
        row
        for table, contract in contracts.items()
        if any(_looks_at_arrivals(check) for check in contract.all_checks())
        for row in arrivals.measure(connection, manifest.tables, manifest.table(table), levels)
    ]
    connection.register("arrivals", pa.Table.from_pylist(found, arrivals.SCHEMA))
    return found


def _looks_at_arrivals(check: Any) -> bool:
    return "arrivals" in (getattr(check.body, "query", None) or "")


def _fallen(connection: Any, contracts: Iterable[Any], checks: Iterable[CheckOutcome]) -> list[Level]:
    """The levels that the rules on `arrivals` found too low."""
    failed = {(check.table, check.id) for check in checks if check.outcome == "FAILED"}
    return [
        Level(table=table, kind=kind, column=column, percent=percent)
        for contract in contracts
        for check in contract.all_checks()
        if (check.table, check.id) in failed and _looks_at_arrivals(check)
        for table, kind, column, percent in connection.execute(
            f"SELECT table_name, of_kind, column_name, filled_percent FROM ({check.body.query})"  # noqa: S608
        ).fetchall()
    ]


def _verify(
    connection: Any, contract: Any, document: Mapping[str, Any], manifest: Manifest
) -> tuple[list[CheckOutcome], list[str]]:
    """One contract through Soda. Whatever does not come back as evaluated is an outcome of its own."""
    from include.quality import verification

    result = verification.verify(connection, document, f"{contract.table}.yml", manifest.as_of)
    errors = [f"{contract.table}: {line}" for line in _lines(result.get_errors())]
    reported = {
        item.check.relative_path: item
        for verification in result.contract_verification_results
        for item in verification.check_results
    }
    outcomes = []
    for check in contract.all_checks():
        item = reported.pop(check.id, None)
        value = None if item is None or item.threshold_value is None else float(item.threshold_value)
        outcome, threshold = _outcome(check, item, value, manifest), _threshold(item)
        if outcome == "PASSED" and (rows := _passed_over(connection, check, manifest)):
            outcome, threshold = (
                "WARN",
                f"{threshold}; its filter chose none of the {rows:,} rows".lstrip("; "),
            )
        outcomes.append(
            CheckOutcome(
                table=check.table,
                id=check.id,
                name=check.body.name,
                rule=check.rule,
                outcome=outcome,
                value=value if value is not None and math.isfinite(value) else None,
                threshold=threshold,
                samples=_samples(connection, check, manifest) if outcome in {"FAILED", "WARN"} else [],
            )
        )
    errors += [
        f"{contract.table}: Soda reported {check_id}, which the contract does not hold"
        for check_id in reported
    ]
    return outcomes, [*errors, *_never_true(connection, contract, manifest)]


def _passed_over(connection: Any, check: Any, manifest: Manifest) -> int:
    """How many rows a table has if a check's filter chose none of them, else 0: that it passed says nothing then."""
    from include.storage.duckdb_session import quoted

    rows, condition = manifest.table(check.table).rows, getattr(check.body, "filter", None)
    if condition is None or not rows:
        return 0
    chosen = f"SELECT 1 FROM {quoted(check.table)} WHERE {condition} LIMIT 1"  # noqa: S608
    return 0 if connection.execute(chosen).fetchall() else rows


def _never_true(connection: Any, contract: Any, manifest: Manifest) -> Iterator[str]:
    """The conditions of a contract that hold for no row whatever is in it, as DuckDB sees when it plans the query.

    A check by such a one passes always. What it sees does not depend on the rows that are there.
    """
    import duckdb

    from include.storage.duckdb_session import quoted

    # What it knows of the rows makes a condition false that no row fulfils just now.
    connection.execute("SET disabled_optimizers = 'statistics_propagation'")
    try:
        for check in contract.all_checks():
            for name in ("filter", "expression"):
                condition = getattr(check.body, name, None)
                if condition is None or check.kind == "metric" or not manifest.table(check.table).files:
                    continue
                query = f"EXPLAIN (FORMAT json) SELECT * FROM {quoted(check.table)} WHERE {condition}"  # noqa: S608
                try:
                    plan = msgspec.json.decode(connection.execute(query).fetchall()[0][1])
                except duckdb.Error:
                    continue  # the check itself could not be evaluated either
                while plan and plan[0]["name"].strip() == "PROJECTION":
                    plan = plan[0]["children"]
                if plan and plan[0]["name"].strip() == "EMPTY_RESULT":
                    yield f"{contract.table}: {check.id}: {name} {condition!r} is true of no row, whatever it holds"
    finally:
        connection.execute("RESET disabled_optimizers")


def _outcome(check: Any, item: Any, value: float | None, manifest: Manifest) -> Outcome:
    """What Soda found, unless its figure says nothing: NaN, or an age below zero."""
    if item is None or item.outcome.name not in {"PASSED", "WARN", "FAILED"}:
        return "NOT_EVALUATED"
    if value is not None and not math.isfinite(value):
        return "NOT_EVALUATED"
    if check.kind == "freshness" and value is not None:
        # Data may tell of what happened up to when they were fetched; a time beyond that is wrong, and not fresh.
        since = (manifest.created_at - manifest.as_of).total_seconds()
        if value < -max(since, 0) / _UNIT_SECONDS[check.body.threshold.unit or "hour"]:
            return "FAILED"
    found: Outcome = item.outcome.name
    return found


def _too_many_refused(manifest: Manifest, tolerance: Tolerance) -> Iterator[CheckOutcome]:
    """One check for each kind of records that arrived: the share of those that were refused.

    The rows that are there fulfil their contracts, so an operator may accept that some are missing; not that most are.
    A manifest of before arrivals were counted has none, and is as good as one that cannot be judged if it refused any.
    """
    kept = manifest.quarantine
    reasons = [{"reason": reason, "rows": rows} for reason, rows in sorted(kept.reasons.items())][:SAMPLES]
    if kept.arrived is None and kept.rows:
        yield CheckOutcome(
            table=QUARANTINE,
            id="refused",
            name=f"few of the records that arrived are refused ({kept.rows:,} were, of an unknown number)",
            rule="contract",
            outcome="NOT_EVALUATED",
            value=None,
            threshold="",
            samples=reasons,
        )
    for kind, arrived in (kept.arrived or {}).items():
        refused = kept.refused.get(kind, 0)
        blocks = tolerance.too_many(refused, arrived)
        yield CheckOutcome(
            table=QUARANTINE,
            id=f"refused.{kind}",
            name=f"few of the {kind} that arrived are refused",
            rule="contract" if refused > ALWAYS * arrived else "change",
            outcome="FAILED" if blocks else "PASSED",
            value=round(100 * refused / arrived, 2) if arrived else 0.0,
            threshold=f"percent, at most {tolerance.share:.0%} from {tolerance.least} on; "
            f"{refused:,} of {arrived:,} were",
            samples=reasons if blocks else [],
        )


def _finite(connection: Any, manifest: Manifest) -> Iterator[CheckOutcome]:
    """One check for each table with fractional numbers, in lists of any depth too: none is NaN or infinite.

    DuckDB takes NaN for the greatest number, so it would pass a smallest valid value; PostgreSQL and JSON differ.
    """
    from include.storage.duckdb_session import identifiers, quoted

    for entry in manifest.tables:
        described = connection.execute(f"DESCRIBE {quoted(entry.name)}").fetchall()
        found = {name: odd for name, type_, *_ in described if (odd := _odd(quoted(name), type_))}
        if not found:
            continue
        columns, odd = list(found), " OR ".join(found.values())
        where = f"FROM {quoted(entry.name)} WHERE {odd}"
        ((count,),) = connection.execute(f"SELECT count(*) {where}").fetchall()
        shown = f"SELECT {identifiers(list(dict.fromkeys([*entry.key, *columns])))} {where}"
        yield CheckOutcome(
            table=entry.name,
            id="finite",
            name="no number is NaN or infinite",
            rule="contract",
            outcome="FAILED" if count else "PASSED",
            value=float(count),
            threshold="must be: 0",
            samples=_rows(connection, shown) if count else [],
        )


def _odd(value: str, type_: str) -> str | None:
    """The condition that a value is NaN or infinite, or holds such a one; None for a type that has no fractions."""
    scalar = type_.rstrip("[]")
    if scalar not in {"DOUBLE", "FLOAT"}:
        return None
    depth = type_.count("[")
    if not depth:
        return f"NOT isfinite({value})"
    for _ in range(depth - 1):
        value = f"flatten({value})"
    # NaN is the greatest of all; an empty list has neither a least nor a greatest, which makes no condition true.
    return f"NOT isfinite(list_min({value})) OR NOT isfinite(list_max({value}))"


def _lines(errors: Iterable[str]) -> list[str]:
    return [storable(" ".join(str(error).split())[:500]) for error in errors]


def _threshold(item: Any) -> str:
    if item is None or item.check.threshold is None:
        return ""
    text = str(item.check.threshold).replace("level: fail\n", "").replace("level: warn\n", "warns: ")
    return " ".join(text.split())


def _samples(connection: Any, check: Any, manifest: Manifest) -> list[dict[str, Any]]:
    """Up to 20 of the rows that made a check fail, their texts cut; none for figures over the whole table."""
    from include.quality.failing_rows import failing_rows

    query = failing_rows(check, manifest.table(check.table).key)
    if query is None:
        return []
    return _rows(connection, query)


def _rows(connection: Any, query: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"SELECT * FROM ({query}) LIMIT {SAMPLES}")  # noqa: S608
    names = [column[0] for column in cursor.description]
    return [
        {name: _short(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()
    ]


def _short(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        return storable(value)
    return storable(str(value)[:SAMPLE_CHARACTERS])
