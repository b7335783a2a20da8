"""What the tests of all sample upstreams share."""

from collections.abc import Iterator

import pytest
import requests


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    """Asks as the project does: without what the environment says of proxies."""
    with requests.Session() as session:
        session.trust_env = False
        yield session
