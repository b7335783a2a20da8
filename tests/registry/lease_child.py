"""A task that asks an upstream under its lease: DSN, URL, who, seconds of the lease, turns, questions of each turn."""

import sys

import psycopg
import requests

from include.registry.breaker import Breaker
from include.registry.lease import Lease, held
from include.registry.registry import Registry
from include.upstream.answers import LeaseLost
from include.upstream.limits import Limits
from include.upstream.session import UpstreamSession

dsn, url, who, seconds, turns, questions = sys.argv[1:]
registry = Registry(lambda: psycopg.connect(dsn))
try:
    for _ in range(int(turns)):
        http = requests.Session()
        http.headers["X-Who"] = who
        with held(Lease(registry, "toy_api", who, float(seconds)), patience=60) as lease:
            session = UpstreamSession(
                http, url, Limits(per_second=None), Breaker(registry.connect, "toy_api"), lease=lease
            )
            for _ in range(int(questions)):
                session.get("question")
except LeaseLost as lost:
    print(lost)
    sys.exit(3)
