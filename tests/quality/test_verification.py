"""Soda reads a contract as the gate has read it, and finds what it finds in the file itself."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from include.quality import contract
from include.sources import source as sources
from tests.soda import harness
from tests.soda.clinical.world import world

DATA_TIME = datetime(2026, 11, 1, tzinfo=UTC)


def outcomes(result: Any) -> dict[str, tuple[Any, ...]]:
    return {
        item.check.relative_path: (
            item.outcome.name,
            item.threshold_value,
            item.check.name,
            item.check.identity,
            item.diagnostic_metric_values,
        )
        for verification in result.contract_verification_results
        for item in verification.check_results
    }


def by_file(connection: duckdb.DuckDBPyConnection, path: Path) -> Any:
    os.environ["SODA_CORE_TELEMETRY_ENABLED"] = "false"
    from soda_core.contracts import verify_contract_locally
    from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

    return verify_contract_locally(
        data_sources=[DuckDBDataSourceImpl.from_existing_cursor(connection, name=contract.DATA_SOURCE)],
        contract_file_path=str(path),
        data_timestamp=DATA_TIME.isoformat(),
    )


@pytest.mark.parametrize("damaged", [False, True], ids=["good", "damaged"])
def test_every_check_of_a_source_comes_to_the_same_as_by_its_file(damaged: bool) -> None:
    from include.quality import verification

    tables = world()
    if damaged:
        tables = {name: pa.concat_tables([table, table.slice(0, 3)]) for name, table in tables.items()}
    with harness.session("clinical", tables, {}, ()) as connection:
        for table in sources.load("clinical").schema().tables:
            path = contract.CONTRACTS / "clinical" / f"{table.name}.yml"
            found = outcomes(verification.verify(connection, contract.read(path), str(path), DATA_TIME))
            expected = outcomes(by_file(connection, path))
            assert found == expected
            assert expected, "there are checks to compare"
            assert {each[0] for each in expected.values()} >= ({"FAILED"} if damaged else {"PASSED"})


def test_a_document_can_be_verified_again_and_again() -> None:
    from include.quality import verification

    path = contract.CONTRACTS / "clinical" / f"{sources.load('clinical').schema().tables[0].name}.yml"
    document = contract.read(path)
    before = contract.read(path)
    with harness.session("clinical", world(), {}, ()) as connection:
        first = outcomes(verification.verify(connection, document, str(path), DATA_TIME))
        assert outcomes(verification.verify(connection, document, str(path), DATA_TIME)) == first
    assert document == before
