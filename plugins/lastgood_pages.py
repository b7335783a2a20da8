"""Two pages beside Airflow's UI that messages link to: the runbook, and an acceptance with its version filled in.

Airflow loads this file in every one of its processes; the pages are made once the API server is asked for one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow.plugins_manager import AirflowPlugin


@cache
def _app() -> Any:
    from lastgood.pages import app

    return app()


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application, which Airflow mounts."""
    await _app()(scope, receive, send)


class LastgoodPages(AirflowPlugin):
    """Registers the pages."""

    name = "lastgood_pages"
    fastapi_apps = [{"app": pages, "url_prefix": "/lastgood", "name": "Lastgood"}]  # noqa: RUF012 - Airflow's own form
