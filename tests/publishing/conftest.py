"""Stores of both kinds: a folder, and a bucket of a real S3 protocol server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.publishing.store import Store


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of a moto server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_store(s3_endpoint: str, request: pytest.FixtureRequest) -> Store:
    """A store below a prefix of a bucket of this test alone."""
    options = {"key": "k", "secret": "s", "endpoint_url": s3_endpoint}
    store = Store.from_uri(f"s3://bucket-{abs(hash(request.node.nodeid))}/pre/fix", **options)
    store.fs.mkdir(store.root.split("/")[0])
    return store


@pytest.fixture(params=["file", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store of each kind in turn."""
    if request.param == "file":
        return Store.from_uri((tmp_path / "store").as_uri())
    found: Store = request.getfixturevalue("s3_store")
    return found
