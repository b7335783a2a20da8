"""An S3 server that fails on demand."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from include.storage.store import Store


class FaultyS3:
    """An S3 server that works until `fault` says otherwise."""

    FAULTS = ("error", "slow down", "denied", "no bucket", "nonsense", "cut", "away")

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            def log_request(self, *_: object) -> None:
                pass

        self.fault: str | None = None
        self.keys = ""
        """Only requests whose path has this in it are disturbed."""
        self.break_off = 0
        """So many answers to come end in the middle of their body."""
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def stop(self) -> None:
        """Cut it: from now on nobody listens there."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.break_off and environ["REQUEST_METHOD"] == "GET" and self.keys in environ["PATH_INFO"]:
            self.break_off -= 1
            return self._half(environ, start_response)
        codes = {
            "error": ("500 Internal Server Error", "InternalError"),
            "slow down": ("503 Slow Down", "SlowDown"),
            "denied": ("403 Forbidden", "AccessDenied"),
            "no bucket": ("404 Not Found", "NoSuchBucket"),
        }
        if self.fault is None or self.keys not in environ["PATH_INFO"] + environ["QUERY_STRING"]:
            answer: Iterable[bytes] = self._moto(environ, start_response)
            return answer
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if self.fault in codes:
            status, code = codes[self.fault]
            start_response(status, [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>said {code}</Message></Error>".encode()]
        if self.fault == "nonsense":
            start_response("500 Of Some Kind", [("Content-Type", "text/html")])
            return [b"<html>a proxy's word"]
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    def _half(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        whole = b"".join(self._moto(environ, start_response))
        yield whole[: len(whole) // 2]
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


@pytest.fixture
def faulty_s3() -> Iterator[FaultyS3]:
    """A server of this test alone."""
    server = FaultyS3()
    yield server
    if server.fault != "away":
        server.stop()


@pytest.fixture
def faulty_store(faulty_s3: FaultyS3) -> Store:
    """A store on it that asks once; all servers of a process have the same buckets."""
    bucket, hasty = f"bucket-{uuid.uuid4().hex}", {"retries": {"total_max_attempts": 1}}
    store = Store.from_uri(
        f"s3://{bucket}/pre", key="k", secret="s", endpoint_url=faulty_s3.url, config_kwargs=hasty
    )
    store.fs.mkdir(bucket)
    return store
