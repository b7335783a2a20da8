"""Where to look in Airflow's UI, whose address is handed in."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from include.alerting.alert import SYSTEM, Alert


def run_url(ui: str, dag_id: str, run_id: str) -> str:
    """The page of a run."""
    return f"{dag_url(ui, dag_id)}/runs/{quote(run_id)}"


def dag_url(ui: str, dag_id: str) -> str:
    """The page of a DAG."""
    return f"{ui}/dags/{quote(dag_id)}"


def accept_url(ui: str, source: str, version: str) -> str:
    """Where an operator accepts a version."""
    return f"{ui}/lastgood/accept?{urlencode({'source': source, 'version': version})}"


def of_alert(ui: str, alert: Alert) -> dict[str, str]:
    """What every message about an alert links to, whatever found the trouble."""
    found = {"Run": run_url(ui, alert.source, alert.run_id)} if alert.run_id else {}
    if alert.source != SYSTEM:
        found["DAG"] = dag_url(ui, alert.source)
    else:
        found["Airflow"] = ui
    return found
