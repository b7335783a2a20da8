"""A running sample upstream and a client for it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.pubchem.server import SampleUpstream

NODES = {
    "all": 1856916,
    "clinicaltrials": 3647573,
    "clinicaltrials_eu": 3647574,
    "clinicaltrials_jp": 3647575,
}


class Client:
    """Asks a sample as a collector would."""

    def __init__(self, upstream: SampleUpstream, session: requests.Session) -> None:
        self._upstream = upstream
        self._session = session

    def get(self, path: str, params: dict[str, str] | None = None) -> requests.Response:
        return self._session.get(f"{self._upstream.url}{path}", params=params, timeout=60)

    def post(self, path: str, data: Any = None, **options: Any) -> requests.Response:
        return self._session.post(f"{self._upstream.url}{path}", data=data, timeout=60, **options)

    def list(self, node: str = "all") -> requests.Response:
        return self.get(f"/rest/pug/classification/hnid/{NODES[node]}/cids/TXT")

    def properties(self, cids: Any, names: str = "Title,InChIKey") -> requests.Response:
        numbers = ",".join(map(str, cids))
        return self.post(f"/rest/pug/compound/cid/property/{names}/JSON", {"cid": numbers})

    def name(self, name: str) -> requests.Response:
        return self.get(f"/rest/pug/compound/name/{name}/cids/JSON")

    def query(self, **query: Any) -> requests.Response:
        """A query for trials: of the popular compound in clinicaltrials unless it says otherwise."""
        cid = query.pop("cid", 2244)
        whole = {
            "select": "*",
            "collection": "clinicaltrials",
            "where": {"ands": [{"cid": str(cid)}]},
            "start": 1,
            "limit": 1000,
        } | query
        return self.get("/sdq/sdqagent.cgi", {"infmt": "json", "outfmt": "json", "query": json.dumps(whole)})

    def trials(self, **query: Any) -> dict[str, Any]:
        """The one set of a good answer."""
        response = self.query(**query)
        assert response.status_code == 200, response.text
        (found,) = response.json()["SDQOutputSet"]
        return dict(found)


@pytest.fixture(scope="package")
def served() -> Iterator[SampleUpstream]:
    """A sample of 700 studies that no test may change."""
    with SampleUpstream(size=700, seed=7) as upstream:
        yield upstream


@pytest.fixture
def upstream() -> Iterator[SampleUpstream]:
    """A sample of 120 studies of the test's own."""
    with SampleUpstream(size=120, seed=11) as upstream:
        yield upstream


@pytest.fixture
def ask(served: SampleUpstream, session: requests.Session) -> Client:
    """Asks the shared sample."""
    return Client(served, session)


@pytest.fixture
def ask_own(upstream: SampleUpstream, session: requests.Session) -> Client:
    """Asks the test's own sample."""
    return Client(upstream, session)
