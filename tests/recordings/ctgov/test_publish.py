"""Real recorded studies, served by an upstream of our own, arrive in the published tables with their values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from include import pipeline
from include.publishing import manifest as manifests
from include.publishing.promotion import Outcome
from include.registry.breaker import Breaker
from include.registry.registry import Registry
from include.storage.store import Store
from include.upstream.limits import Limits
from include.upstream.session import UpstreamSession
from tests.sources.daily import make_run

pytestmark = pytest.mark.recordings
VERSION = {"apiVersion": "2.0.5", "dataTimestamp": "2026-10-07T09:00:06"}


def recorded(folder: Path) -> dict[str, dict[str, Any]]:
    """Every full recorded study by its id; where one was recorded twice, the first."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("studies/public_50.json", "studies/nsclc_100.json", "pages/page_10_full.json"):
        document = json.loads((folder / "ctgov" / name).read_text(encoding="utf-8"))
        for study in document["studies"] if isinstance(document, dict) else document:
            found.setdefault(study["protocolSection"]["identificationModule"]["nctId"], study)
    single = json.loads((folder / "ctgov/studies/NCT02513394_with_results.json").read_text(encoding="utf-8"))
    found.setdefault("NCT02513394", single)
    return found


def serve(server: HTTPServer, studies: list[dict[str, Any]]) -> None:
    """/version and /studies as the contract has them; everything else is not found."""

    def pages(request: Request) -> Response:
        size, start = int(request.args["pageSize"]), int(request.args.get("pageToken", "0"))
        chosen = studies[start : start + size]
        page: dict[str, Any] = {"studies": chosen}
        if request.args.get("countTotal") == "true":
            page["totalCount"] = len(studies)
        if len(chosen) == size:
            page["nextPageToken"] = str(start + size)
        return Response(json.dumps(page), content_type="application/json")

    server.expect_request("/api/v2/version").respond_with_json(VERSION)
    server.expect_request("/api/v2/studies").respond_with_handler(pages)


def test_the_published_tables_hold_every_recorded_study_with_its_values(
    recordings: Path, httpserver: HTTPServer, store: Store, registry: Registry
) -> None:
    studies = recorded(recordings)
    assert len(studies) > 150
    serve(httpserver, list(studies.values()))
    run = make_run("ctgov", store, registry, 0)
    http = requests.Session()
    http.trust_env = False
    session = UpstreamSession(
        http, httpserver.url_for(""), Limits(per_second=None), Breaker(registry.connect, "ctgov_api")
    )
    pipeline.extract(run, session)
    manifest = pipeline.build(run)
    verdict = pipeline.judge(run)
    assert verdict.passed, verdict.reasons
    assert pipeline.promote(run).outcome is Outcome.PROMOTED
    assert manifest.quarantine.rows == 0

    def rows(table: str) -> list[dict[str, Any]]:
        return manifests.dataset(store, manifest.table(table)).to_table().to_pylist()

    published = {row["nct_id"]: row for row in rows("studies")}
    assert published.keys() == studies.keys()
    children: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for table in ("interventions", "conditions", "locations", "sponsors"):
        for row in rows(table):
            children.setdefault(table, {}).setdefault(row["nct_id"], []).append(row)
    for nct_id, study in studies.items():
        protocol, row = study["protocolSection"], published[nct_id]
        status, design = protocol["statusModule"], protocol.get("designModule", {})
        assert row["brief_title"] == protocol["identificationModule"]["briefTitle"]
        assert row["overall_status"] == status["overallStatus"]
        assert row["start_date_text"] == status.get("startDateStruct", {}).get("date")
        assert str(row["last_update_post_date"]) == status["lastUpdatePostDateStruct"]["date"]
        assert row["phases"] == design.get("phases")
        assert row["enrollment_count"] == design.get("enrollmentInfo", {}).get("count")
        assert [c["condition"] for c in children["conditions"].get(nct_id, [])] == protocol.get(
            "conditionsModule", {}
        ).get("conditions", [])
        given = protocol.get("armsInterventionsModule", {}).get("interventions", [])
        names = {c["ordinal"]: c["name"] for c in children["interventions"].get(nct_id, [])}
        assert [names[number] for number in sorted(names)] == [item["name"] for item in given]
        sites = protocol.get("contactsLocationsModule", {}).get("locations", [])
        assert [c["city"] for c in children["locations"].get(nct_id, [])] == [
            site.get("city") for site in sites
        ]
    with registry.transaction() as cursor:
        cursor.execute("SELECT count(*) AS n FROM published.ctgov_studies")
        assert cursor.fetchone() == {"n": len(studies)}
