"""The DAGs as Airflow loads them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def dags() -> dict[str, Any]:
    """Every DAG by its id; fails where a file cannot be imported or the folder holds none."""
    from airflow.dag_processing.dagbag import DagBag

    # A bare DagBag does not put the folder on sys.path; the dag-processor does.
    sys.path.insert(0, str(ROOT / "dags"))
    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    assert bag.dags
    return dict(bag.dags)
