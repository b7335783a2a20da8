"""A sample upstream as an HTTP server: life, control API, fault switches, log of requests, state file."""

import socket
import sys
import threading
import zlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from sandbox.sample.switches import F, Switches

DEFAULT_SIZE = 2_000
DEFAULT_SEED = 7
CONTROL = "/_sandbox"
LOGGED_REQUESTS = 10_000
MAX_BODY_BYTES = 1_000_000

JSON = "application/json; charset=UTF-8"
TEXT = "text/plain; charset=UTF-8"
HTML = "text/html; charset=UTF-8"
_FORM = "application/x-www-form-urlencoded"
_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{1}</h1></body></html>"


@dataclass
class Answer:
    """A response before compression; headers hold neither Content-Type nor Content-Length. status: 0 closes the
    connection without an answer.

    The body comes in parts, one per record, since joining 17 MB costs as much as writing them. cut_off: half
    of the body is sent, then the connection is closed.
    """

    status: int
    content_type: str
    parts: list[bytes]
    headers: dict[str, str] = field(default_factory=dict)
    cut_off: bool = False


def html_page(status: int, title: str, heading: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A page as an edge server shows it in place of the API's answer."""
    return Answer(status, HTML, [_PAGE.format(title, heading).encode()], dict(headers or {}))


@dataclass(frozen=True)
class Incoming:
    """A request to be answered. path: decoded, without the query; params: of the query and of a form."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: "Message[str, str]"


class Request(msgspec.Struct, frozen=True):
    """A request that was answered. path: without the query; status: as sent."""

    method: str
    path: str
    params: dict[str, str]
    status: int


class SampleState(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a restart needs to serve the same data version: the content of the state file.

    Every number in it but `day` is one that the command line takes as an option.
    """

    size: int = DEFAULT_SIZE
    seed: int = DEFAULT_SEED
    day: int = 0


S = TypeVar("S", bound=SampleState)


class Sample(ABC, Generic[S, F]):
    """Base of the sample upstreams: serves in threads of this process from the start of a `with` to its end.

    A subclass answers requests, moves to later data versions, and tells its state. It makes each answer from
    one data version by holding `_lock`.
    """

    posts: ClassVar[bool] = False
    """Whether the API has POST requests; their forms are then part of the parameters."""

    def __init__(
        self,
        state: S,
        file: Path | None,
        fault: type[F],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        compress: bool = True,
    ) -> None:
        self._state = state if file is None else restore(file, state)
        self._state_file = file
        self._faults = Switches(fault, state.seed)
        self._lock = threading.RLock()
        self._compress = compress
        self._address = (host, port)
        self._server: _Server | None = None
        self.requests: deque[Request] = deque(maxlen=LOGGED_REQUESTS)

    # --- life

    def __enter__(self) -> Self:
        self._server = _Server(self._address, self)
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the sample upstream does not run; use it as a context manager")
        return f"http://{self._address[0]}:{self._server.server_address[1]}"

    # --- what a subclass is

    @abstractmethod
    def advance(self, days: int = 1) -> msgspec.Struct:
        """Go to the data version `days` later; tells what changed against the present one in `counts`."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What GET /_sandbox/state answers, `day` among it."""

    @abstractmethod
    def respond(self, request: Incoming) -> Answer:
        """Answer a request to the API, with the faults that hit it."""

    # --- control

    def faults(self, faults: Sequence[F | Mapping[str, Any]]) -> None:
        """Set these fault switches and no others; raises msgspec.ValidationError for a bad one."""
        self._faults.set(faults)

    def log(self, request: Request) -> None:
        """Note a request of the API before its answer is sent."""
        self.requests.append(request)

    def control(self, method: str, path: str, body: bytes) -> Answer:
        """Answer a request below /_sandbox."""
        try:
            answer = self.order(f"{method} {path.removeprefix(CONTROL)}", body)
        except (msgspec.DecodeError, ValueError) as error:
            return Answer(400, TEXT, [str(error).encode()])
        if answer is None:
            return Answer(404, TEXT, [f"Not found: {method} {path}".encode()])
        return Answer(200, JSON, [msgspec.json.encode(answer)])

    def order(self, name: str, body: bytes) -> Any:
        """Carry out a request below /_sandbox, like `POST /advance`; None if there is none of this name."""
        match name:
            case "GET /state":
                return self.state()
            case "POST /advance":
                return self.advance(msgspec.json.decode(body or b"{}", type=_AdvanceOrder).days)
            case "POST /faults":
                self.faults(msgspec.json.decode(body, type=list[dict[str, Any]]))
                return self.state()
        return None

    def compressed(self, answer: Answer, accepted: str) -> Answer:
        """The answer as it goes over the wire to a client that accepts these encodings."""
        if not (self._compress and answer.parts and "gzip" in accepted.lower()):
            return answer
        gzip = zlib.compressobj(level=1, wbits=31)
        parts = [*map(gzip.compress, answer.parts), gzip.flush()]
        headers = answer.headers | {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return replace(answer, parts=parts, headers=headers)

    def _save(self) -> None:
        if self._state_file is not None:
            self._state_file.parent.mkdir(parents=True, exist_ok=True)
            beside = self._state_file.with_name(self._state_file.name + ".new")
            beside.write_bytes(msgspec.json.encode(self._state))
            beside.replace(self._state_file)


class _AdvanceOrder(msgspec.Struct, forbid_unknown_fields=True):
    days: int = 1


def restore(file: Path, wanted: S) -> S:
    """The state in a file, or the one that is wanted if there is no file.

    Raises:
        ValueError: the file was written for a sample of other numbers.
    """
    if not file.exists():
        return wanted
    found = read_state(file, type(wanted))
    if _numbers(found) != _numbers(wanted):
        was = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in _numbers(found).items())
        now = ", ".join(str(value) for value in _numbers(wanted).values())
        raise ValueError(f"{file} was written for {was}, not for {now}; use the same or remove the file")
    return found


def read_state(file: Path, state: type[S]) -> S:
    """Read a state file; raises ValueError if it is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=state)
    except msgspec.DecodeError as error:
        raise ValueError(f"{file} is no state of the sample upstream ({error}); remove it") from error


def _numbers(state: SampleState) -> dict[str, int]:
    values = {name: getattr(state, name) for name in state.__struct_fields__ if name != "day"}
    return {name: value for name, value in values.items() if isinstance(value, int)}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], upstream: Sample[Any, Any]) -> None:
        self.upstream = upstream
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening and hang up: a client may otherwise keep its connection open for ever."""
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no news; anything else is printed as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: _Server

    def do_GET(self) -> None:
        self._answer("GET", b"")

    def do_POST(self) -> None:
        upstream = self.server.upstream
        length = int(self.headers.get("Content-Length") or 0)
        if not (upstream.posts or urlsplit(self.path).path.startswith(CONTROL + "/")):
            refused = Answer(405, TEXT, [b"Only GET is allowed"], {"Allow": "GET"})
        elif length > MAX_BODY_BYTES:
            refused = Answer(413, TEXT, [b"The body is too large"])
        else:
            self._answer("POST", self.rfile.read(length))
            return
        self.close_connection = True  # the body was not read
        self._send(refused)

    def _answer(self, method: str, body: bytes) -> None:
        upstream = self.server.upstream
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path.startswith(CONTROL + "/"):
            self._send(upstream.control(method, path, body))
            return
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        if body and self.headers.get_content_type() == _FORM:
            params |= parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        answer = upstream.respond(Incoming(method, path, params, self.headers))
        upstream.log(Request(method, path, params, answer.status))
        self._send(upstream.compressed(answer, self.headers.get("Accept-Encoding", "")))

    def _send(self, answer: Answer) -> None:
        if not answer.status:
            self.close_connection = True
            return
        parts = answer.parts
        length = sum(map(len, parts))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(length))
        self.send_header("Access-Control-Allow-Origin", "*")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.cut_off:
            parts = [b"".join(parts)[: length // 2]]
            self.close_connection = True
        self.end_headers()
        self.wfile.writelines(parts)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        """Nothing: `requests` is the log."""
