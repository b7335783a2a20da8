"""A running sample upstream and a client for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from sandbox.ctgov.server import SampleUpstream

Get = Callable[..., requests.Response]


def nct_id(study: dict[str, Any]) -> str:
    return str(study["protocolSection"]["identificationModule"]["nctId"])


@pytest.fixture(scope="module")
def served() -> Iterator[SampleUpstream]:
    """A sample of 300 studies that no test may change."""
    with SampleUpstream(size=300, seed=7, mean_bytes=8_000) as upstream:
        yield upstream


@pytest.fixture
def upstream() -> Iterator[SampleUpstream]:
    """A sample of 120 studies of the test's own."""
    with SampleUpstream(size=120, seed=11, mean_bytes=8_000) as upstream:
        yield upstream


def getter(session: requests.Session, upstream: SampleUpstream) -> Get:
    def get(path: str, headers: dict[str, str] | None = None, **params: Any) -> requests.Response:
        dotted = {name.replace("__", "."): value for name, value in params.items()}
        url = f"{upstream.url}{path if path.startswith('/_') else '/api/v2' + path}"
        return session.get(url, params=dotted, headers=headers, timeout=60, allow_redirects=False)

    return get


@pytest.fixture
def get(session: requests.Session, served: SampleUpstream) -> Get:
    """GET below /api/v2 of the shared sample; a double underscore in a parameter stands for a dot."""
    return getter(session, served)


@pytest.fixture
def get_own(session: requests.Session, upstream: SampleUpstream) -> Get:
    """The same for the test's own sample."""
    return getter(session, upstream)


@pytest.fixture(scope="module")
def truth(served: SampleUpstream) -> dict[str, dict[str, Any]]:
    """Every listed study of the shared sample by its id."""
    return {nct_id(study): study for study in served.studies()}
