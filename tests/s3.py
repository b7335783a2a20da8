"""A local S3 server for tests: moto, whose conditional writes are made as atomic as those of S3."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server that runs meanwhile."""
    _make_atomic()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def _make_atomic() -> None:
    """Of S3's writes with a condition one comes through; moto (5.2) looks first and writes then, in many threads."""
    if hasattr(S3Response.put_object, "__wrapped__"):
        return
    lock = threading.Lock()
    for name in ("put_object", "delete_object", "_key_response_post"):
        setattr(S3Response, name, _alone(lock, getattr(S3Response, name)))


def _alone(lock: threading.Lock, answer: Any) -> Any:
    @wraps(answer)
    def one_at_a_time(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return answer(*args, **kwargs)

    return one_at_a_time
