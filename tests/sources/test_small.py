"""What the doctor asks an upstream is something that it answers with little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from include.registry.breaker import Breaker
from include.sources import source as sources
from include.upstream.limits import Limits
from include.upstream.session import UpstreamSession
from sandbox.comments.api import TOKEN
from sandbox.comments.server import SampleUpstream as SampleComments
from sandbox.ctgov.server import SampleUpstream as SampleCtgov
from sandbox.pubchem.server import SampleUpstream as SamplePubchem
from sandbox.sofascore.server import SampleUpstream as SampleSofascore

SAMPLES: dict[str, Any] = {
    "comments": lambda: SampleComments(size=200, seed=5),
    "ctgov": lambda: SampleCtgov(size=20, seed=5, mean_bytes=2_000),
    "pubchem": lambda: SamplePubchem(size=20, seed=5),
    "sofascore": lambda: SampleSofascore(size=40, seed=3),
}


class Calm(Breaker):
    def __init__(self) -> None:
        pass

    def before(self) -> None:
        pass

    def success(self) -> None:
        pass


@pytest.fixture(params=[name for name in sources.names() if not sources.spec(name).derived])
def asked(request: pytest.FixtureRequest) -> Iterator[tuple[sources.Spec, UpstreamSession]]:
    spec = sources.spec(request.param)
    with SAMPLES[spec.name]() as upstream:
        limits = Limits(per_second=None, attempts=1)
        http = requests.Session()
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        yield (
            spec,
            UpstreamSession(http, upstream.url, limits, Calm(), classifier=spec.classifier),
        )


def test_it_is_there_and_small(asked: tuple[sources.Spec, UpstreamSession]) -> None:
    spec, session = asked
    assert spec.small is not None
    answer = session.get(spec.small)
    assert answer.kind == "ok" and 0 < len(answer.body) < 50_000
