"""The session against a real HTTP server that misbehaves in every way the contracts name."""

import gzip
import ipaddress
import logging
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from pytest_socket import socket_allow_hosts
from werkzeug import Request, Response

from include.registry.breaker import Breaker
from include.upstream.answers import Answer, BreakerOpen, ContractBreak, Kind, Refused, Transient
from include.upstream.limits import BadSetting, Limits
from include.upstream.session import UpstreamSession, _check_json, _gunzip, _TryFailed, retry_after_seconds

MakeSession = Callable[..., UpstreamSession]
JSON = "application/json"
HTML = Response("<html>Service busy</html>", 503, content_type="text/html")


def replies(httpserver: HTTPServer, *answers: Response | Callable[[Request], Response]) -> list[Request]:
    """Serve these answers in turn at /x, the last one for ever; returns the requests as they come."""
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        answer = answers[min(len(seen), len(answers) - 1)]
        seen.append(request)
        return answer(request) if callable(answer) and not isinstance(answer, Response) else answer

    httpserver.expect_request("/x").respond_with_handler(handler)
    return seen


def ok(body: str = '{"studies":[]}') -> Response:
    return Response(body, 200, content_type=JSON)


def told(breaker: Any) -> list[str]:
    return [word.partition(":")[0] for word in breaker.told]


# --- answers that are of use ---


def test_a_good_answer_comes_as_it_is(
    httpserver: HTTPServer, make_session: MakeSession, breaker: Any
) -> None:
    seen = replies(httpserver, ok('{"a":"é"}'))
    session = make_session()
    answer = session.get("x", {"pageSize": 2, "filter.advanced": "AREA[X]RANGE[1,MAX]"}, headers={"X-A": "b"})
    assert (answer.kind, answer.status, answer.json()) == (Kind.OK, 200, {"a": "é"})
    assert answer.body == '{"a":"é"}'.encode()
    assert answer.headers["content-type"] == JSON
    assert answer.url.startswith(httpserver.url_for("/x?pageSize=2"))
    assert dict(seen[0].args) == {"pageSize": "2", "filter.advanced": "AREA[X]RANGE[1,MAX]"}
    assert seen[0].headers["Accept"] == JSON
    assert seen[0].headers["X-A"] == "b"
    assert told(breaker) == ["before", "success"]
    assert (session.stats.requests, session.stats.retries, session.stats.bytes) == (1, 0, 10)


def test_a_form_is_posted(httpserver: HTTPServer, make_session: MakeSession) -> None:
    seen = replies(httpserver, HTML, ok())
    assert make_session().post("x", {"cid": "1,2,3"}).kind is Kind.OK
    assert [request.form["cid"] for request in seen] == ["1,2,3", "1,2,3"]
    assert seen[0].content_type == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(("status", "kind"), [(204, Kind.EMPTY), (404, Kind.EMPTY), (304, Kind.NOT_MODIFIED)])
def test_nothing_there_and_not_modified_are_answers(
    httpserver: HTTPServer, make_session: MakeSession, breaker: Any, status: int, kind: Kind
) -> None:
    body = "NCT number NCT99999999 not found" if status == 404 else ""
    seen = replies(httpserver, Response(body, status, content_type="text/plain"))
    assert make_session().get("x", headers={"If-None-Match": '"v1"'}).kind is kind
    assert len(seen) == 1
    assert seen[0].headers["If-None-Match"] == '"v1"'
    assert told(breaker) == ["before", "success"]


def test_another_type_can_be_expected(httpserver: HTTPServer, make_session: MakeSession) -> None:
    replies(httpserver, Response("nct_id\nNCT1\n", 200, content_type="text/csv"))
    assert make_session().get("x", expect="text/csv").body == b"nct_id\nNCT1\n"


def test_an_answer_may_be_gzipped(httpserver: HTTPServer, make_session: MakeSession) -> None:
    seen = replies(
        httpserver, Response(gzip.compress(b'{"a":1}'), 200, {"Content-Encoding": "gzip"}, content_type=JSON)
    )
    assert make_session().get("x").json() == {"a": 1}
    assert seen[0].headers["Accept-Encoding"] == "gzip"


def test_a_connection_is_used_again_whatever_was_answered(make_session: MakeSession) -> None:
    ports: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ports.append(self.client_address[1])
            status = int(self.path[1:])
            body = b"" if status in {204, 304} else gzip.compress(b"{}")
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/200")
            if body:
                self.send_header("Content-Type", JSON)
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        session = make_session(base_url=f"http://127.0.0.1:{server.server_port}", attempts=1)
        for status in (200, 404, 302, 304, 204, 200):
            session.get(str(status))
        with pytest.raises(Transient):
            session.get("503")
        session.get("200")
        session._http.close()
        server.shutdown()
    assert len(ports) == 9
    assert len(set(ports)) == 1


def test_cookies_are_not_carried_along(httpserver: HTTPServer, make_session: MakeSession) -> None:
    cookie = ok()
    cookie.set_cookie("challenge", "1")
    seen = replies(httpserver, cookie)
    session = make_session()
    session.get("x")
    session.get("x")
    assert "Cookie" not in seen[1].headers


# --- tried again, and not ---


@pytest.mark.parametrize(
    "trouble",
    [
        HTML,
        Response("", 500),
        Response("busy", 429),
        Response("", 408),
        Response("<!doctype html><html>Just a moment</html>", 200, content_type="text/html"),
        Response("<html>Just a moment</html>", 200, content_type=JSON),
        Response('{"studies":[{"nctId":"NCT1"},', 200, content_type=JSON),
        Response("", 200, content_type=JSON),
    ],
    ids=["503", "500", "429", "408", "html", "html as json", "cut json", "no body"],
)
def test_what_may_pass_is_tried_again(
    httpserver: HTTPServer, make_session: MakeSession, breaker: Any, fake_time: Any, trouble: Response
) -> None:
    seen = replies(httpserver, trouble, trouble, ok())
    session = make_session()
    assert session.get("x").kind is Kind.OK
    assert len(seen) == 3
    assert [0.5 <= fake_time.sleeps[0] <= 1, 1 <= fake_time.sleeps[1] <= 2] == [True, True]
    assert told(breaker) == ["before", "success"]
    assert (session.stats.requests, session.stats.retries) == (3, 2)
    assert session.stats.waited_seconds == pytest.approx(sum(fake_time.sleeps))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Response("`filter.phase` is unknown parameter", 400, content_type="text/plain"), ContractBreak),
        (Response("<html>", 400, content_type="text/html"), ContractBreak),
        (Response("", 405), ContractBreak),
        (Response("plain", 200, content_type="text/plain"), ContractBreak),
        (Response('{"title":"a"quoted"word"}', 200, content_type=JSON), ContractBreak),
        (Response('{"error":{"code":403,"reason":"challenge"}}', 403, content_type=JSON), Refused),
        (Response("", 401), Refused),
        (Response("", 451), Refused),
    ],
)
def test_what_would_be_the_same_again_is_asked_once(
    httpserver: HTTPServer, make_session: MakeSession, breaker: Any, reply: Response, error: type[Exception]
) -> None:
    seen = replies(httpserver, reply)
    with pytest.raises(error) as caught:
        make_session().get("x", {"api_key": "hush", "page": 3})
    assert len(seen) == 1
    message = str(caught.value)
    assert (
        f"GET {httpserver.host}:{httpserver.port}/x?api_key=***&page=3 answered {reply.status_code}"
        in message
    )
    assert reply.get_data(as_text=True)[:30] in message
    assert told(breaker) == ["before", "success"]


def test_after_the_last_try_the_error_says_what_was_met(
    httpserver: HTTPServer, make_session: MakeSession, breaker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen = replies(httpserver, HTML)
    with caplog.at_level(logging.WARNING), pytest.raises(Transient) as caught:
        make_session().get("x", {"token": "hush"}, headers={"Authorization": "Bearer hush"})
    assert len(seen) == 3
    assert caught.value.attempts == 3
    assert caught.value.cause == '503 text/html "<html>Service busy</html>"'
    assert "/x?token=*** failed 3 times" in str(caught.value)
    assert "run again later" in str(caught.value)
    assert told(breaker) == ["before", "failure"]
    assert breaker.told[1] == f"failure: {caught.value}"
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("include")]
    assert len(lines) == 2
    assert "try 1 of 3 failed, next in " in lines[0]
    assert "503 text/html" in lines[0]
    assert "hush" not in caplog.text + str(caught.value)


def test_back_off_doubles_up_to_its_maximum(
    httpserver: HTTPServer, make_session: MakeSession, fake_time: Any
) -> None:
    replies(httpserver, HTML)
    with pytest.raises(Transient):
        make_session(attempts=8, backoff_max=10).get("x")
    longest = [1, 2, 4, 8, 10, 10, 10]
    assert len(fake_time.sleeps) == 7
    for slept, most in zip(fake_time.sleeps, longest, strict=True):
        assert most / 2 <= slept <= most


def test_an_open_breaker_keeps_the_request_from_being_sent(httpserver: HTTPServer) -> None:
    seen = replies(httpserver, ok())

    class Open(Breaker):
        def __init__(self) -> None:
            pass

        def before(self) -> None:
            raise BreakerOpen("left alone", datetime.now(UTC), "503")

    session = UpstreamSession(requests.Session(), httpserver.url_for("/"), Limits(), Open())
    with pytest.raises(BreakerOpen):
        session.get("x")
    assert seen == []


def test_the_source_decides_first(httpserver: HTTPServer, make_session: MakeSession) -> None:
    """PubChem: ServerBusy behind a 404 is transient, PUGREST.NotFound is final (docs/upstreams/pubchem.md)."""

    def classifier(status: int, headers: Any, body: bytes) -> Kind | None:
        if b"ServerBusy" in body:
            return Kind.TRANSIENT
        return Kind.EMPTY if b"NotFound" in body and headers["content-type"] == JSON else None

    busy = Response('{"Fault":{"Code":"PUGREST.ServerBusy"}}', 404, content_type=JSON)
    absent = Response('{"Fault":{"Code":"PUGREST.NotFound"}}', 500, content_type=JSON)
    seen = replies(httpserver, busy, ok(), absent, Response("", 400))
    session = make_session(classifier=classifier)
    assert session.get("x").kind is Kind.OK
    assert len(seen) == 2
    assert session.get("x").kind is Kind.EMPTY
    with pytest.raises(ContractBreak):
        session.get("x")


# --- Retry-After ---


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_honoured(
    httpserver: HTTPServer, make_session: MakeSession, fake_time: Any, status: int
) -> None:
    replies(httpserver, Response("", status, {"Retry-After": "30"}), ok())
    make_session().get("x")
    assert fake_time.sleeps == [30.0]


def test_retry_after_as_a_date_is_honoured(
    httpserver: HTTPServer, make_session: MakeSession, fake_time: Any
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    replies(httpserver, Response("", 503, {"Retry-After": later}), ok())
    make_session().get("x")
    assert 60 <= fake_time.sleeps[0] <= 101


def test_retry_after_shorter_than_the_back_off_does_not_shorten_it(
    httpserver: HTTPServer, make_session: MakeSession, fake_time: Any
) -> None:
    replies(httpserver, Response("", 429, {"Retry-After": "0"}), ok())
    make_session().get("x")
    assert fake_time.sleeps[0] >= 0.5


def test_headers_that_ask_for_a_pause_hold_for_everyone_on_the_host(
    httpserver: HTTPServer, make_session: MakeSession, fake_time: Any
) -> None:
    replies(httpserver, Response('{"n": 1}', 200, {"X-Wait": "7"}, content_type="application/json"), ok())
    session = make_session(throttle_hint=lambda headers: float(headers.get("x-wait", 0)))
    session.get("x")
    assert fake_time.sleeps == [], "the pause is for the next who asks"
    session.get("x")
    assert fake_time.sleeps == [7.0]


def test_retry_after_holds_for_everyone_on_the_host(
    httpserver: HTTPServer, make_session: MakeSession, fake_time: Any
) -> None:
    replies(httpserver, Response("", 429, {"Retry-After": "30"}), ok())
    session = make_session(attempts=1)
    with pytest.raises(Transient):
        session.get("x")
    began = fake_time.now
    session.get("x")
    assert fake_time.now - began == pytest.approx(30)
    assert session.stats.waited_seconds == pytest.approx(30)


def test_a_wait_longer_than_a_task_should_sleep_is_not_slept(
    httpserver: HTTPServer, make_session: MakeSession, fake_time: Any, breaker: Any
) -> None:
    seen = replies(httpserver, Response("", 429, {"Retry-After": "3600"}))
    with pytest.raises(Transient, match=r"left alone for 3600 s, more than the 600 s") as caught:
        make_session(retry_after_max=600).get("x")
    assert caught.value.attempts == len(seen) == 1
    assert fake_time.sleeps == []
    assert told(breaker) == ["before", "failure"]


@given(st.text(max_size=60) | st.from_regex(r"[0-9]{1,400}|[A-Z][a-z]{2}, [0-9 A-Za-z:+-]{0,40}"))
def test_no_retry_after_header_breaks_the_parser(value: str) -> None:
    seconds = retry_after_seconds(value, 1_790_000_000.0)
    assert seconds is None or seconds >= 0


@given(st.integers(0, 10**9))
def test_retry_after_numbers_are_seconds(seconds: int) -> None:
    assert retry_after_seconds(str(seconds), 0.0) == seconds


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),
    st.integers(-(10**6), 10**6),
)
def test_retry_after_dates_are_compared_with_now(now: datetime, ahead: int) -> None:
    now = now.replace(tzinfo=UTC, microsecond=0)
    header = format_datetime(now + timedelta(seconds=ahead), usegmt=True)
    assert retry_after_seconds(header, now.timestamp()) == max(0, ahead)


@pytest.mark.parametrize(
    "value",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_all_three_forms_of_an_http_date_are_utc(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert retry_after_seconds(value, 784111777.0 - 60) == 60
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1.5", "٣", "Fri, 99 Nov 2026 25:00:00 GMT"])
def test_what_is_no_retry_after_is_none(value: str | None) -> None:
    assert retry_after_seconds(value, 0.0) is None


# --- bodies that end early, late, or never ---


def test_a_body_shorter_than_announced_is_tried_again(
    httpserver: HTTPServer, make_session: MakeSession
) -> None:
    def cut(_: Request) -> Response:
        return Response(iter([b'{"studies":[]}']), 200, {"Content-Length": "1000"}, content_type=JSON)

    seen = replies(httpserver, cut, ok())
    assert make_session().get("x").kind is Kind.OK
    assert len(seen) == 2


@pytest.mark.parametrize(
    "rest",
    [
        b'Transfer-Encoding: chunked\r\n\r\ne\r\n{"studies":[]}\r\n',
        b'Transfer-Encoding: chunked\r\n\r\nff\r\n{"studies":[]}',
        b"Transfer-Encoding: chunked\r\n\r\nnot a length\r\n{}",
        b'Content-Length: 50\r\n\r\n{"studies":[]}',
        b'Content-Encoding: gzip\r\nContent-Length: 14\r\n\r\n{"studies":[]}',
        b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b'{"studies":[]}')[:-1],
        b"",
    ],
    ids=["no last chunk", "short chunk", "bad chunk", "short", "not gzip", "cut gzip", "no headers"],
)
def test_a_connection_that_breaks_is_tried_again(make_session: MakeSession, rest: bytes) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    with raw_server(start + rest) as (url, asked):
        session = make_session(base_url=url)
        with pytest.raises(Transient) as caught:
            session.get("x", {"token": "hush"})
    assert len(asked) == 3
    assert caught.value.cause
    assert "hush" not in str(caught.value)


def test_nobody_listening_is_tried_again_and_told_without_the_query(make_session: MakeSession) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Transient, match=r"failed 3 times.*refused") as caught:
        make_session(base_url=f"http://127.0.0.1:{port}").get("x", {"token": "hush"})
    assert "hush" not in str(caught.value)
    # Neither must the log of the exception show it.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_server_that_does_not_answer_is_a_timeout(make_session: MakeSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, nobody reads
        session = make_session(
            base_url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=(5, 0.05), attempts=2
        )
        with pytest.raises(Transient, match="timed out") as caught:
            session.get("x")
    assert caught.value.attempts == 2


def test_a_body_that_drips_in_ends_at_the_total_time(make_session: MakeSession) -> None:
    """Each byte comes in time, the whole would take for ever."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    with raw_server(head, drip=b'"' * 400, every=0.01) as (url, asked):
        session = make_session(base_url=url, total_seconds=0.05, attempts=1, clock=time.monotonic)
        with pytest.raises(Transient, match=r"longer than 0\.05 s"):
            session.get("x")
    assert len(asked) == 1


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("answer", "drip"),
    [
        (b"", HEAD + b"X-More: " + b"x" * 4000),
        (HEAD, b"X-More: x\r\n" * 400),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X-Trailer: x\r\n" * 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 400),
        (b"HTTP/1.1 302 Found\r\n", b"X-More: x\r\n" * 400),
    ],
    ids=["status and headers", "headers", "continue", "trailers", "chunks", "headers of a redirect"],
)
def test_whatever_drips_in_ends_at_the_total_time(
    make_session: MakeSession, answer: bytes, drip: bytes
) -> None:
    """Each byte comes in time, the whole would take a minute."""
    began = time.monotonic()
    with raw_server(answer, drip=drip, every=0.02) as (url, asked):
        session = make_session(base_url=url, total_seconds=0.4, attempts=1, clock=time.monotonic)
        with pytest.raises(Transient, match=r"longer than 0\.4 s"):
            session.get("x")
        assert time.monotonic() - began < 10
    assert len(asked) == 1


def test_dripping_headers_end_behind_tls_and_behind_a_proxy_too(
    make_session: MakeSession, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    bounds: dict[str, Any] = {"total_seconds": 0.5, "attempts": 1, "clock": time.monotonic}
    began = time.monotonic()
    with raw_server(HEAD, drip=b"X-More: x\r\n" * 400, every=0.02, tls=context) as (url, _):
        session = make_session(base_url=url.replace("http:", "https:"), **bounds)
        session._http.verify = str(certificate)
        with pytest.raises(Transient, match=r"longer than 0\.5 s"):
            session.get("x")
    with raw_server(b"HTTP/1.1 200 OK\r\n", drip=b"X-More: x\r\n" * 400, every=0.02) as (proxy, asked):
        for base in ("http://upstream.example", "https://upstream.example"):
            session = make_session(base_url=base, **bounds)
            session._http.proxies = {"http": proxy, "https": proxy}
            with pytest.raises(Transient, match=r"longer than 0\.5 s"):
                session.get("x")
    assert [line.split(b" ")[0] for line in asked] == [b"GET", b"CONNECT"]
    assert time.monotonic() - began < 15


DEAF = [f"127.0.0.{last}" for last in range(11, 16)]


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port at which the addresses DEAF take no connection and say nothing; many.example has them, and one more."""
    with ExitStack() as stack:
        # All of 127.0.0.0/8 is this machine.
        stack.callback(socket_allow_hosts, ["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
        socket_allow_hosts(["127.0.0.1", *DEAF, "127.0.0.20"])
        port = 0
        for host in DEAF:
            listener = stack.enter_context(socket.socket())
            listener.bind((host, port))
            listener.listen(0)
            port = listener.getsockname()[1]
            for _ in range(4):  # its queue is full from then on
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                with suppress(BlockingIOError):
                    waiting.connect((host, port))
        resolve = socket.getaddrinfo

        def resolved(host: str, *rest: Any) -> list[Any]:
            hosts = [*DEAF, "127.0.0.20"] if host == "many.example" else [host]
            return [found for each in hosts for found in resolve(each, *rest)]

        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        yield port


def test_a_host_of_many_addresses_is_connected_to_within_one_timeout(
    make_session: MakeSession, deaf: int
) -> None:
    session = make_session(base_url=f"http://many.example:{deaf}", timeout_seconds=(2, 1), attempts=1)
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(Transient):
            session.get("x")
        assert time.monotonic() - began < 4


def test_an_address_that_answers_is_found_behind_those_that_do_not(
    make_session: MakeSession, deaf: int
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", JSON)
            self.end_headers()
            self.wfile.write(f'"{self.headers["Host"]}"'.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.20", deaf), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    session = make_session(base_url=f"http://many.example:{deaf}", timeout_seconds=(3, 5), attempts=1)
    assert session.get("x").body == f'"many.example:{deaf}"'.encode()
    server.shutdown()
    server.server_close()


def test_redirects_share_one_total_time(make_session: MakeSession) -> None:
    hop = b"HTTP/1.1 302 Found\r\nLocation: /y\r\nConnection: close\r\nContent-Length: 0\r\n"
    with raw_server(hop, drip=b"X: x\r\n\r\n", every=0.03) as (url, asked):
        session = make_session(base_url=url, total_seconds=0.5, attempts=1, clock=time.monotonic)
        with pytest.raises(Transient, match=r"longer than 0\.5 s"):
            session.get("x")
    assert 1 < len(asked) < 6


def test_a_connection_is_used_again_after_timed_reads_and_its_threads_end(make_session: MakeSession) -> None:
    ports = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ports.append(self.client_address[1])
            self.send_response(200)
            self.send_header("Content-Type", JSON)
            self.send_header("Content-Length", "2")
            self.end_headers()
            time.sleep(0.2)
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    before = threading.active_count()
    session = make_session(
        base_url=f"http://127.0.0.1:{server.server_port}", total_seconds=1, clock=time.monotonic
    )
    for _ in range(8):
        session.get("x")
    assert len(set(ports)) == 1 and threading.active_count() <= before + 1, (
        "the server's one for the connection"
    )
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "headers", [b"X-Many: x\r\n" * 200, b"X-Long: " + b"x" * 70_000 + b"\r\n"], ids=["many", "long"]
)
def test_more_headers_than_anybody_needs_are_not_read(make_session: MakeSession, headers: bytes) -> None:
    with (
        raw_server(HEAD + headers + b"Content-Length: 2\r\n\r\n{}") as (url, _),
        pytest.raises(Transient, match="got more than"),
    ):
        make_session(base_url=url, attempts=1).get("x")


# --- what we send comes back ---


ECHOES: dict[str, Callable[[str], Response]] = {
    "a refusal": lambda said: Response(f"you sent {said}", 403, content_type="text/plain"),
    "a bad request": lambda said: Response(msgspec.json.encode({"error": said}), 400, content_type=JSON),
    "a bad moment": lambda said: Response(f"<html>{said}", 503, content_type="text/html"),
    "another type": lambda said: Response(said, 200, content_type="text/plain"),
    "its type": lambda said: Response("{}", 200, content_type=f"text/{said.replace(' ', '-')}"),
    "no JSON": lambda said: Response('{"a": ' + said + "}", 200, content_type=JSON),
    "a redirect": lambda said: Response("", 302, {"Location": f"http://elsewhere.example/?{said}"}),
    "a redirect home": lambda said: Response("", 302, {"Location": f"/y/{said.replace(' ', '%20')}"}),
    "a coding": lambda said: Response("", 200, {"Content-Encoding": said[:40]}, content_type=JSON),
    "a record": lambda said: Response(msgspec.json.encode({"kind": said}), 200, content_type=JSON),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_no_error_and_no_log_says_what_we_sent(
    httpserver: HTTPServer,
    make_session: MakeSession,
    breaker: Any,
    caplog: pytest.LogCaptureFixture,
    echo: str,
) -> None:
    caplog.set_level(logging.DEBUG, "include")
    secrets = {"X-Api-Key": "house-key-4711", "X-Other": "another/one+of=them"}
    session = make_session()
    session._http.headers.update(secrets)
    session._http.auth = ("ann", "open sesame")

    def answer(request: Request) -> Response:
        said = " ".join(request.headers.get(name, "") for name in (*secrets, "Authorization"))
        return ECHOES[echo](said)

    httpserver.expect_request("/x").respond_with_handler(answer)
    with pytest.raises((Refused, ContractBreak, Transient)) as caught:
        session.get("x", expect=JSON).json(type=Record)
    error: BaseException | None = caught.value
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("include")]
    everything = [*breaker.told, *logged, str(getattr(error, "cause", ""))]
    while error is not None:
        everything += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    for secret in (*secrets.values(), "YW5uOm9wZW4gc2VzYW1l", "open sesame", "house-ke", "ynb3BlbiBz"):
        assert secret not in " ".join(everything).replace("%20", " ").replace("\\/", "/")


class Record(msgspec.Struct):
    """What a source expects; a value that is none of these is quoted by the decoder."""

    kind: Literal["study", "trial"]


def test_an_error_page_is_masked_and_data_are_as_they_came(
    httpserver: HTTPServer, make_session: MakeSession
) -> None:
    session = make_session()
    session._http.headers["X-Api-Key"] = "house-key-4711"
    replies(
        httpserver, Response("no house-key-4711 here", 404, content_type="text/plain"), ok('"house-key-4711"')
    )
    assert session.get("x").body == b"no *** here"
    answer = session.get("x")
    assert answer.json() == "house-key-4711" and "house-key" not in answer.describe()


def test_a_body_larger_than_allowed_is_not_read_to_its_end(
    httpserver: HTTPServer, make_session: MakeSession
) -> None:
    sent = []

    def big(_: Request) -> Response:
        def blocks() -> Iterator[bytes]:
            for _ in range(1000):
                sent.append(1)
                yield b" " * 100_000

        return Response(blocks(), 200, content_type=JSON)

    seen = replies(httpserver, big)
    with pytest.raises(ContractBreak, match=r"more than 2000000 bytes.*`max_bytes`"):
        make_session(max_bytes=2_000_000).get("x")
    assert len(seen) == 1
    assert len(sent) < 1000


def test_a_body_of_exactly_the_allowed_size_passes(httpserver: HTTPServer, make_session: MakeSession) -> None:
    body = b'"' + b"a" * 1998 + b'"'
    replies(httpserver, Response(body, 200, content_type=JSON))
    assert make_session(max_bytes=2000).get("x").body == body
    with pytest.raises(ContractBreak):
        make_session(max_bytes=1999).get("x")


def test_a_gzip_bomb_is_defused(httpserver: HTTPServer, make_session: MakeSession) -> None:
    bomb = gzip.compress(b" " * 200_000_000, 1)
    replies(httpserver, Response(bomb, 200, {"Content-Encoding": "gzip"}, content_type=JSON))
    session = make_session(max_bytes=1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ContractBreak, match="more than 1000000 bytes"):
            session.get("x")
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_an_answer_without_body_may_say_gzip(httpserver: HTTPServer, make_session: MakeSession) -> None:
    replies(httpserver, Response(b"", 304, {"Content-Encoding": "gzip"}))
    assert make_session().get("x").kind is Kind.NOT_MODIFIED


def test_an_error_page_in_an_unknown_coding_is_an_error_page(
    httpserver: HTTPServer, make_session: MakeSession
) -> None:
    replies(httpserver, Response(b"\x0b\x02", 503, {"Content-Encoding": "br"}), ok())
    assert make_session().get("x").kind is Kind.OK


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "deflate"])
def test_a_coding_nobody_asked_for_is_refused(
    httpserver: HTTPServer, make_session: MakeSession, coding: str
) -> None:
    replies(httpserver, Response(b"x", 200, {"Content-Encoding": coding}, content_type=JSON))
    with pytest.raises(ContractBreak, match=f"'{coding}'; only gzip was asked for"):
        make_session().get("x")


@given(
    parts=st.lists(st.binary(max_size=3000), min_size=1, max_size=4),
    size=st.integers(1, 5000),
    data=st.data(),
)
def test_gzip_comes_back_in_whatever_pieces_it_arrives_and_half_of_it_is_noticed(
    parts: list[bytes], size: int, data: st.DataObject
) -> None:
    packed = b"".join(gzip.compress(part * 100) for part in parts)
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert b"".join(_gunzip(pieces)) == b"".join(part * 100 for part in parts)
    last = len(gzip.compress(parts[-1] * 100))
    cut = packed[: len(packed) - data.draw(st.integers(1, last - 1))]
    with pytest.raises(EOFError):
        list(_gunzip([cut]))


def test_of_an_error_page_only_the_start_is_read(httpserver: HTTPServer, make_session: MakeSession) -> None:
    replies(httpserver, Response(b"x" * 50_000_000, 404, content_type="text/plain"))
    session = make_session()
    answer = session.get("x")
    assert answer.kind is Kind.EMPTY
    assert len(answer.body) == 65536
    assert session.stats.bytes < 1_000_000


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), json_values, min_size=1), st.data())
def test_json_cut_anywhere_is_cut_and_not_malformed(value: dict[str, Any], data: st.DataObject) -> None:
    body = msgspec.json.encode(value)
    whole = Answer(Kind.OK, "GET", "http://h/x", 200, {}, body)
    _check_json(whole)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    with pytest.raises(_TryFailed):
        _check_json(Answer(Kind.OK, "GET", "http://h/x", 200, {}, cut))


def test_json_that_is_nested_too_deeply_breaks_the_contract() -> None:
    body = b"[" * 5000 + b"]" * 5000
    with pytest.raises(ContractBreak, match="nested too deeply"):
        _check_json(Answer(Kind.OK, "GET", "http://h/x", 200, {}, body))


# --- redirects and paths ---


def test_a_redirect_on_the_same_host_is_followed_and_told(
    httpserver: HTTPServer, make_session: MakeSession
) -> None:
    """An alias leads to its canonical study with 301 (docs/upstreams/ctgov.md)."""
    alias = Response("", 301, {"Location": "/api/v2/studies/NCT00000002?format=json"})
    httpserver.expect_request("/api/v2/studies/NCT00000001").respond_with_response(alias)
    httpserver.expect_request("/api/v2/studies/NCT00000002").respond_with_response(
        ok('{"nctId":"NCT00000002"}')
    )
    answer = make_session().get("api/v2/studies/NCT00000001", {"format": "json"})
    assert answer.json() == {"nctId": "NCT00000002"}
    assert answer.url == httpserver.url_for("/api/v2/studies/NCT00000002?format=json")
    assert answer.redirects == (httpserver.url_for("/api/v2/studies/NCT00000001?format=json"),)


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "//evil.example/x",
        "https://127.0.0.1:{port}/x",
        "http://127.0.0.1:1/x",
        "http://127.0.0.1:{port}@evil.example/x",
        "file:///etc/passwd",
        "http://[::1",
        "http://127.0.0.1:{port}x/",
    ],
)
def test_a_redirect_elsewhere_is_never_followed(make_session: MakeSession, location: str) -> None:
    server = raw_server(b"")
    with server as (url, asked):
        target = location.format(port=url.rpartition(":")[2])
        server.answer = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
        with pytest.raises(ContractBreak, match="Other hosts are never followed") as caught:
            make_session(base_url=url).get("x")
    assert target in str(caught.value)
    assert len(asked) == 1


@given(st.text(max_size=40) | st.from_regex(r"(https?:)?//[ -~]{0,20}(:[0-9]{1,6})?/?"))
def test_no_location_leads_to_another_host(location: str) -> None:
    nobody: Any = None
    session = UpstreamSession(requests.Session(), "http://host.example:8080", Limits(), nobody)
    request = requests.Request("GET", "http://host.example:8080/a/b").prepare()
    try:
        following = session._redirected(request, location, 1)
    except ContractBreak:
        return
    assert str(following.url).startswith("http://host.example:8080/")


def test_a_circle_of_redirects_ends(httpserver: HTTPServer, make_session: MakeSession) -> None:
    seen = replies(httpserver, Response("", 302, {"Location": "/x"}))
    with pytest.raises(ContractBreak, match="after 5 redirects"):
        make_session().get("x")
    assert len(seen) == 6


def test_a_post_is_not_redirected(httpserver: HTTPServer, make_session: MakeSession) -> None:
    seen = replies(httpserver, Response("", 302, {"Location": "/x"}))
    with pytest.raises(ContractBreak, match=r"POST .* answered 302"):
        make_session().post("x", b"{}")
    assert len(seen) == 1


def test_the_body_of_a_redirect_is_not_read_to_its_end(make_session: MakeSession) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\n\r\n"
    with raw_server(head, drip=b"x" * 5_000_000, every=0) as (url, asked):
        session = make_session(base_url=url)
        with pytest.raises(ContractBreak, match="never followed"):
            session.get("x")
    assert len(asked) == 1
    assert session.stats.bytes < 1_000_000


def test_every_hop_waits_for_the_pace(
    httpserver: HTTPServer, make_session: MakeSession, fake_time: Any
) -> None:
    replies(httpserver, Response("", 302, {"Location": "/x"}), ok())
    session = make_session(per_second=0.5)
    session.get("x")
    assert fake_time.sleeps == [pytest.approx(2.0)]
    assert session.stats.waited_seconds == pytest.approx(2.0)


@pytest.mark.parametrize(
    "path",
    [
        "../admin",
        "a/../../b",
        "a/./b",
        "%2e%2e/b",
        "a/%2E%2e/b",
        "a%2f..%2fb",
        "a//b",
        "//evil.example/x",
        "\\\\evil.example",
        "a/..%5cb",
        "x?y=1",
        "x#y",
        "x y",
        "x\r\nHost: evil",
        "",
        "/",
        "a/",
    ],
)
def test_a_path_cannot_leave_the_base_url(
    httpserver: HTTPServer, make_session: MakeSession, path: str
) -> None:
    with pytest.raises(ValueError, match="is not a path below"):
        make_session(base_url=httpserver.url_for("/api")).get(path)
    assert httpserver.log == []


def test_paths_are_taken_below_the_base_url(httpserver: HTTPServer, make_session: MakeSession) -> None:
    httpserver.expect_request("/api/v2/version").respond_with_response(ok())
    for base in ("/api", "/api/"):
        for path in ("v2/version", "/v2/version"):
            assert make_session(base_url=httpserver.url_for(base)).get(path).kind is Kind.OK


def test_an_encoded_name_reaches_the_upstream_as_it_is(
    httpserver: HTTPServer, make_session: MakeSession
) -> None:
    httpserver.expect_request("/name/a b?ü//c/cids").respond_with_response(ok())
    assert make_session().get("name/a%20b%3F%C3%BC%2F%2Fc/cids").kind is Kind.OK


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "example.org",
        "ftp://example.org",
        "api/v2://127.0.0.1:80",
        "http://h:x",
        "http://[::1",
        "http://user:hush@h/",
        "http://h/?a=1",
        "http://h/#a",
        "http://h\n",
    ],
)
def test_what_is_no_address_of_an_upstream_is_refused(make_session: MakeSession, url: str) -> None:
    with pytest.raises(BadSetting, match="is not the address of an upstream") as caught:
        make_session(base_url=url or " ")
    assert "hush" not in str(caught.value)


# --- what the environment may and may not do ---


def test_the_netrc_of_the_user_is_not_sent(
    httpserver: HTTPServer, make_session: MakeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login root password hush\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen = replies(httpserver, ok())
    make_session().get("x", headers={"Authorization": "Bearer ours"})
    make_session().get("x")
    assert seen[0].headers["Authorization"] == "Bearer ours"
    assert "Authorization" not in seen[1].headers


def test_a_proxy_of_the_environment_is_used(
    httpserver: HTTPServer, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", httpserver.url_for("/"))
    seen = replies(httpserver, ok())
    assert make_session(base_url="http://upstream.example").get("x").kind is Kind.OK
    assert seen[0].headers["Host"] == "upstream.example"


def test_an_untrusted_certificate_is_told_at_once(
    make_session: MakeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = HTTPServer(host="127.0.0.1", port=0, ssl_context=context)
    server.start()
    try:
        seen = replies(server, ok())
        session = make_session(base_url=f"https://127.0.0.1:{server.port}")
        with pytest.raises(ContractBreak, match=r"certificate of the host cannot be verified.*`verify`"):
            session.get("x")
        assert seen == []
        session._http.verify = str(certificate)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")  # the connection's own goes before it
        assert session.get("x").kind is Kind.OK
    finally:
        server.stop()


def self_signed(folder: Path) -> Path:
    """Key and certificate of 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2090, 1, 1, tzinfo=UTC))
        .add_extension(host, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


# --- threads ---


def test_threads_share_a_session(httpserver: HTTPServer, make_session: MakeSession) -> None:
    replies(httpserver, ok())
    session = make_session(per_second=100.0, burst=4)
    ask = lambda: [session.get("x") for _ in range(5)]  # noqa: E731
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.stats.requests == 20
    assert session.stats.bytes == 20 * 14


class raw_server:  # noqa: N801 - used like a function
    """A server that answers every connection with these bytes, then perhaps drips more, and hangs up."""

    def __init__(
        self, answer: bytes, drip: bytes = b"", every: float = 0.0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer, self.drip, self.every, self.tls = answer, drip, every, tls
        self.asked: list[bytes] = []

    def __enter__(self) -> tuple[str, list[bytes]]:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}", self.asked

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    if self.tls is not None:
                        connection = self.tls.wrap_socket(connection, server_side=True)
                    self.asked.append(connection.recv(65536))
                    connection.sendall(self.answer)
                    self._send_drip(connection)
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def _send_drip(self, connection: socket.socket) -> None:
        if not self.every:
            connection.sendall(self.drip)
            return
        for position in range(len(self.drip)):
            connection.sendall(self.drip[position : position + 1])
            time.sleep(self.every)
