"""A running sample upstream and a client for it."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.sofascore.server import SampleUpstream


class Client:
    """Asks a sample as a collector would."""

    def __init__(self, upstream: SampleUpstream, session: requests.Session) -> None:
        self._upstream = upstream
        self._session = session

    def get(self, path: str, **options: Any) -> requests.Response:
        return self._session.get(f"{self._upstream.url}{path}", timeout=60, **options)

    def event(self, match: int, part: str = "") -> requests.Response:
        return self.get(f"/api/v1/event/{match}{part}")

    def seasons(self, competition: int) -> requests.Response:
        return self.get(f"/api/v1/unique-tournament/{competition}/seasons")

    def season(self, competition: int, season: int, what: str) -> requests.Response:
        return self.get(f"/api/v1/unique-tournament/{competition}/season/{season}/{what}")

    def pages(self, competition: int, season: int, kind: str) -> list[list[dict[str, Any]]]:
        """All pages of an event list, followed by hasNextPage."""
        pages: list[list[dict[str, Any]]] = []
        more = True
        while more:
            answer = self.season(competition, season, f"events/{kind}/{len(pages)}")
            if answer.status_code == 404:
                return pages
            pages.append(answer.json()["events"])
            more = answer.json()["hasNextPage"]
        return pages


@pytest.fixture(scope="package")
def served() -> Iterator[SampleUpstream]:
    """A sample of 240 matches that no test may change."""
    with SampleUpstream(size=240, seed=7) as upstream:
        yield upstream


@pytest.fixture
def upstream() -> Iterator[SampleUpstream]:
    """A sample of 60 matches of the test's own."""
    with SampleUpstream(size=60, seed=11) as upstream:
        yield upstream


@pytest.fixture
def ask(served: SampleUpstream, session: requests.Session) -> Client:
    """Asks the shared sample."""
    return Client(served, session)


@pytest.fixture
def ask_own(upstream: SampleUpstream, session: requests.Session) -> Client:
    """Asks the test's own sample."""
    return Client(upstream, session)
