"""Where Airflow's UI is."""

from __future__ import annotations


def ui_url() -> str:
    """Airflow's UI."""
    from airflow.configuration import conf

    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")
