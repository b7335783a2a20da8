"""A total time for what a thread reads of an HTTP answer, its status line and headers included.

http.client and urllib3 know only how long a single read may take: a server that sends one byte of its headers a second
would hold a thread for hours. Here each read of a socket, plain or TLS, has what is left of the total time.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

_SHORTEST = 0.05
"""A host with hundreds of addresses has so many seconds for each; 0 would mean not to wait at all."""
_thread = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Bound what this thread reads through a TimedAdapter meanwhile; then reads raise TimeoutError."""
    _thread.until = time.monotonic() + seconds
    try:
        yield
    finally:
        del _thread.until


class TimedAdapter(HTTPAdapter):
    """requests' adapter, whose connections (to proxies too) know within()."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, **kwargs)  # type: ignore[no-untyped-call]
        _time(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The pools of a proxy."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)  # type: ignore[no-untyped-call]
        if not known:
            _time(manager)
        return manager


def _time(manager: Any) -> None:
    """Have a manager of pools make connections whose answers are timed."""
    timed = {}
    for scheme, pool in manager.pool_classes_by_scheme.items():
        connection = pool.ConnectionCls
        answers: dict[str, Any] = {"response_class": staticmethod(_timed_response)}
        if (
            connection._new_conn is HTTPConnection._new_conn
        ):  # that of a SOCKS proxy resolves the name elsewhere
            answers["_new_conn"] = _connected
        timed_connection = type(connection.__name__, (connection,), answers)
        timed[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": timed_connection})
    manager.pool_classes_by_scheme = timed


def _connected(self: HTTPConnection) -> socket.socket:
    """Connect within the timeout, however many addresses the host has: each has its share of what is left."""
    host, seconds = self._dns_host, self.timeout
    if not isinstance(seconds, int | float):
        return HTTPConnection._new_conn(self)
    until = time.monotonic() + seconds
    try:
        found = socket.getaddrinfo(host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return HTTPConnection._new_conn(self)  # which says so as it does everywhere
    addresses = [str(address[0]) for *_, address in found]
    try:
        for tried, address in enumerate(addresses[:-1]):
            left = max(until - time.monotonic(), 0.0)
            self._dns_host, self.timeout = address, max(left / (len(addresses) - tried), _SHORTEST)
            with suppress(ConnectTimeoutError, NewConnectionError):
                return HTTPConnection._new_conn(self)
        self._dns_host, self.timeout = addresses[-1], max(until - time.monotonic(), _SHORTEST)
        return HTTPConnection._new_conn(self)
    finally:
        self._dns_host, self.timeout = host, seconds


def _timed_response(sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(sock, *args, **kwargs)
    raw = response.fp.detach()
    response.fp = io.BufferedReader(_TimedReader(raw, sock))
    return response


class _TimedReader(io.RawIOBase):
    """A socket's bytes; no read of them outlasts the thread's total time, nor the socket's own timeout."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._patience = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any) -> int | None:
        until = getattr(_thread, "until", None)
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the total time is over")
            self._sock.settimeout(left if self._patience is None else min(left, self._patience))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
