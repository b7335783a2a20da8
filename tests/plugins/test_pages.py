"""The pages that messages link to: only for whoever is logged in, and with nothing in them but what they are for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from include.alerting.alert import KINDS

ROOT = Path(__file__).resolve().parents[2]
VERSION = "20261122T153000Z-9be2c1d0"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Asks the pages as nobody."""
    from fastapi.testclient import TestClient

    import lastgood_pages

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org/team")
    lastgood_pages._app.cache_clear()
    return TestClient(lastgood_pages.pages, follow_redirects=False)


@pytest.fixture
def logged_in(client: Any) -> Any:
    """Asks as somebody who may do everything."""
    from airflow.api_fastapi.core_api import security

    import lastgood_pages

    app = lastgood_pages._app()
    for route in app.routes:
        for dependency in getattr(getattr(route, "dependant", None), "dependencies", ()):
            app.dependency_overrides[dependency.call] = lambda: None
    app.dependency_overrides[security.get_user] = lambda: None
    return client


@pytest.mark.parametrize("page", [f"/accept?source=ctgov&version={VERSION}", "/runbook"])
def test_who_is_not_logged_in_is_led_to_the_login_and_back(client: Any, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 303
    where = urlsplit(answer.headers["location"])
    assert (
        f"{where.scheme}://{where.netloc}{where.path}" == "https://airflow.example.org/team/api/v2/auth/login"
    )
    assert parse_qs(where.query)["next"] == [f"https://airflow.example.org/team/lastgood{page}"]


def test_every_page_asks_for_rights_and_nothing_else_is_there(client: Any) -> None:
    import lastgood_pages

    routes = lastgood_pages._app().routes
    assert {route.path for route in routes} == {"/accept", "/runbook"}
    assert all(route.dependant.dependencies and route.methods == {"GET"} for route in routes)
    assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 404


def test_the_form_has_its_version_filled_in_and_no_word_of_the_address_becomes_code(logged_in: Any) -> None:
    answer = logged_in.get("/accept", params={"source": "ctgov", "version": VERSION})
    assert f'name="version" required value="{VERSION}"' in answer.text and 'value="ctgov"' in answer.text
    assert "../api/v2/dags/lastgood_accept/dagRuns" in answer.text
    hostile = logged_in.get("/accept", params={"source": '"><script>alert(1)</script>', "version": "</form>"})
    assert "<script>alert" not in hostile.text and hostile.text.count("</form>") == 1


def test_a_page_runs_no_script_but_its_own_and_cannot_be_framed(logged_in: Any) -> None:
    first, second = (logged_in.get("/accept").headers["content-security-policy"] for _ in range(2))
    assert first != second, "the nonce is another one each time"
    for part in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'none'", "connect-src 'self'"):
        assert part in first


def test_the_runbook_has_an_anchor_for_every_kind_and_no_link_that_leads_nowhere(logged_in: Any) -> None:
    page = logged_in.get("/runbook").text
    anchors = set(re.findall(r'<h\d id="([^"]+)"', page))
    assert anchors >= KINDS.keys()
    links = re.findall(r'href="([^"]+)"', page)
    assert links and all(link.startswith(("#", "http")) for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= anchors
    assert "<table>" in page and "&lt;img" not in page


def test_a_message_links_to_this_airflows_runbook_where_no_other_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lastgood import pages
    from lastgood.notifiers.deployment import AirflowDeployment

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org")
    assert AirflowDeployment().runbook("docs/runbook.md") == "https://airflow.example.org/lastgood/runbook"
    assert AirflowDeployment().runbook("https://wiki.example.org/r") == "https://wiki.example.org/r"
    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_RUNBOOK", "https://wiki.example.org/own")
    assert AirflowDeployment().runbook("https://wiki.example.org/r") == "https://wiki.example.org/own"
    monkeypatch.delenv("AIRFLOW_VAR_LASTGOOD_RUNBOOK")
    monkeypatch.setattr(pages, "RUNBOOKS", (ROOT / "nowhere.md",))
    assert AirflowDeployment().runbook("docs/runbook.md") == "docs/runbook.md"
