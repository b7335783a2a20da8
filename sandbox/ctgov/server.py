"""The sample upstream as an HTTP server: the API, a control API, faults, a log of requests."""

import socket
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from sandbox.ctgov.api import HTML, JSON, TEXT, Answer, Api
from sandbox.ctgov.corpus import LISTED, Advance, Corpus
from sandbox.ctgov.faults import Fault, Faults, Hit
from sandbox.ctgov.generator import DEFAULT_MEAN_BYTES, Generator
from sandbox.ctgov.query import parse_nct_id

DEFAULT_SIZE = 2_000
DEFAULT_SEED = 7
CONTROL = "/_sandbox"
LOGGED_REQUESTS = 10_000
MAX_CONTROL_BYTES = 1_000_000

_PAGE = b"<!DOCTYPE html><html><head><title>%b</title></head><body><h1>%b</h1></body></html>"


class State(msgspec.Struct, forbid_unknown_fields=True):
    """What a restart needs to serve the same data version; the content of the state file."""

    size: int
    seed: int
    mean_bytes: int
    day: int = 0


class Request(msgspec.Struct, frozen=True):
    """A request that was answered. path: without the query; status: as sent."""

    method: str
    path: str
    params: dict[str, str]
    status: int


class SampleUpstream:
    """A ClinicalTrials.gov of our own making, for tests and demonstrations.

    >>> with SampleUpstream(size=200, seed=7) as up:
    ...     requests.get(f"{up.url}/api/v2/studies", params={"pageSize": 100})

    - size: studies at the first data version (2026-11-16), 10 to 600,000.
    - seed: another seed, another sample.
    - state: a small JSON file that keeps the data version over a restart; one that was written for another
      size, seed or mean_bytes is refused with ValueError.
    - host, port: where to listen; port 0 takes a free one.
    - mean_bytes: mean size of a study's JSON, at least about 7,400.
    - compress: gzip for clients that accept it, about 80 us a study; off to measure a client.

    The server runs in threads of this process from the start of the `with` block to its end.

    - `url`: http://HOST:PORT, without /api/v2.
    - `data_version`: dataTimestamp as in /version.
    - `advance(days)`: go to a later data version; tells which ids are new, changed, merged, ...: see Advance.
    - `faults([...])`: make it misbehave, see Fault; `faults([])` ends that.
    - `studies()`: the truth, every listed study in the order of ids; `study(nct_id)`: one of them.
    - `requests`: the last 10,000 GETs below /api/v2, oldest first; `requests.clear()` empties it. A request
      is in it before its answer is sent.

    Persons in the studies are invented and can be recognised: vocabulary.person_traces(text).
    Over HTTP: GET /_sandbox/state, POST /_sandbox/advance (optional {"days": n}), POST /_sandbox/faults.
    """

    def __init__(
        self,
        size: int = DEFAULT_SIZE,
        seed: int = DEFAULT_SEED,
        state: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        mean_bytes: int = DEFAULT_MEAN_BYTES,
        compress: bool = True,
    ) -> None:
        self._state_file = state
        self._state = _restore(state, State(size, seed, mean_bytes))
        self._corpus = Corpus(size, seed, self._state.day)
        self._generator = Generator(self._corpus, mean_bytes)
        self._api = Api(self._corpus, self._generator)
        self._faults = Faults(seed)
        self._lock = threading.RLock()  # one answer is of one data version
        self._compress = compress
        self._address = (host, port)
        self._server: _Server | None = None
        self.requests: deque[Request] = deque(maxlen=LOGGED_REQUESTS)
        self._save()

    # --- life

    def __enter__(self) -> "SampleUpstream":
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

    # --- control

    @property
    def data_version(self) -> str:
        return self._corpus.data_version

    def advance(self, days: int = 1) -> Advance:
        """Go to the data version `days` weekdays later; tells what changed against the present one."""
        with self._lock:
            summary = self._corpus.advance(days)
            self._state.day = self._corpus.day
            self._save()
            return summary

    def faults(self, faults: Sequence[Fault | Mapping[str, Any]]) -> None:
        """Set these fault switches and no others; raises msgspec.ValidationError for a bad one."""
        self._faults.set(faults)

    def state(self) -> dict[str, Any]:
        """What GET /_sandbox/state answers."""
        with self._lock:
            return {
                **msgspec.to_builtins(self._state),
                "data_version": self.data_version,
                "studies": int((self._corpus.column("state") == LISTED).sum()),
                "faults": [msgspec.to_builtins(fault) for fault in self._faults.current()],
            }

    def studies(self) -> Iterator[dict[str, Any]]:
        """Every listed study at this data version, in the order of ids; do not advance meanwhile."""
        for index, state in enumerate(self._corpus.column("state").tolist()):
            if state == LISTED:
                yield self._generator.study(index)

    def study(self, nct_id: str) -> dict[str, Any]:
        """The study that answers for an id, be it alias or unlisted; raises KeyError if none does."""
        number = parse_nct_id(nct_id)
        index = None if number is None else self._corpus.find(number)
        if index is None:
            raise KeyError(nct_id)
        return self._generator.study(index)

    def _save(self) -> None:
        if self._state_file is not None:
            self._state_file.parent.mkdir(parents=True, exist_ok=True)
            beside = self._state_file.with_name(self._state_file.name + ".new")
            beside.write_bytes(msgspec.json.encode(self._state))
            beside.replace(self._state_file)

    # --- answering

    def answer(
        self, path: str, parameters: Mapping[str, str], etag: str | None
    ) -> tuple[Answer, Mapping[str, Hit]]:
        """Answer a GET below /api/v2, with the faults that hit it; cutting off is left to the connection."""
        hits = self._faults.strike(path, parameters)
        if "slow" in hits:
            time.sleep(hits["slow"].fault.delay)
        if "moving_version" in hits:
            self.advance()
        refused = _refuse(hits)
        if refused is not None:
            return refused, hits
        with self._lock:
            answer = self._api.answer(path, parameters, etag, hits)
        if "wrong_content_type" in hits:
            answer.content_type = hits["wrong_content_type"].fault.content_type
        return answer, hits

    def control(self, method: str, path: str, body: bytes) -> Answer:
        """Answer a request below /_sandbox."""
        try:
            match method, path.removeprefix(CONTROL):
                case "GET", "/state":
                    return Answer(200, JSON, [msgspec.json.encode(self.state())])
                case "POST", "/advance":
                    order = msgspec.json.decode(body or b"{}", type=_AdvanceOrder)
                    return Answer(200, JSON, [msgspec.json.encode(self.advance(order.days))])
                case "POST", "/faults":
                    self.faults(msgspec.json.decode(body, type=list[Fault]))
                    return Answer(200, JSON, [msgspec.json.encode(self.state())])
        except (msgspec.DecodeError, ValueError) as error:
            return Answer(400, TEXT, [str(error).encode()])
        return Answer(404, TEXT, [f"Not found: {method} {path}".encode()])

    def compressed(self, answer: Answer, accepted: str) -> Answer:
        """The answer as it goes over the wire to a client that accepts these encodings."""
        if not (self._compress and answer.parts and "gzip" in accepted.lower()):
            return answer
        gzip = zlib.compressobj(level=1, wbits=31)
        parts = [*map(gzip.compress, answer.parts), gzip.flush()]
        headers = answer.headers | {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Answer(answer.status, answer.content_type, parts, headers)


class _AdvanceOrder(msgspec.Struct, forbid_unknown_fields=True):
    days: int = 1


def _restore(file: Path | None, wanted: State) -> State:
    if file is None or not file.exists():
        return wanted
    found = read_state(file)
    if (found.size, found.seed, found.mean_bytes) != (wanted.size, wanted.seed, wanted.mean_bytes):
        raise ValueError(
            f"{file} was written for size {found.size}, seed {found.seed}, mean bytes {found.mean_bytes}, "
            f"not for {wanted.size}, {wanted.seed}, {wanted.mean_bytes}; use the same or remove the file"
        )
    return found


def read_state(file: Path) -> State:
    """Read a state file; raises ValueError if it is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=State)
    except msgspec.DecodeError as error:
        raise ValueError(f"{file} is no state of the sample upstream ({error}); remove it") from error


def _refuse(hits: Mapping[str, Hit]) -> Answer | None:
    """The answer of a fault that leaves nothing of the real one."""
    if "too_many_requests" in hits:
        after = hits["too_many_requests"].fault.retry_after
        return Answer(429, TEXT, [b"Too many requests"], {} if after is None else {"Retry-After": str(after)})
    if "error" in hits:
        fault = hits["error"].fault
        title = f"Error {fault.status}".encode()
        if fault.body == "html":
            return Answer(fault.status, HTML, [_PAGE % (title, title)])
        return Answer(fault.status, TEXT, [title])
    if "html_page" in hits:
        return Answer(200, HTML, [_PAGE % (b"ClinicalTrials.gov", b"Please wait")])
    return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], upstream: SampleUpstream) -> None:
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
        upstream = self.server.upstream
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path.startswith(CONTROL + "/"):
            self._send(upstream.control("GET", path, b""))
            return
        parameters = dict(parse_qsl(url.query, keep_blank_values=True))
        answer, hits = upstream.answer(path, parameters, self.headers.get("If-None-Match"))
        upstream.requests.append(Request("GET", path, parameters, answer.status))
        answer = upstream.compressed(answer, self.headers.get("Accept-Encoding", ""))
        self._send(answer, cut_off="cut_off" in hits)

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        length = int(self.headers.get("Content-Length") or 0)
        if not path.startswith(CONTROL + "/") or length > MAX_CONTROL_BYTES:
            self.close_connection = True  # the body was not read
            self._send(Answer(405, TEXT, [b"Only GET is allowed"], {"Allow": "GET"}))
            return
        self._send(self.server.upstream.control("POST", path, self.rfile.read(length)))

    def _send(self, answer: Answer, cut_off: bool = False) -> None:
        parts = answer.parts
        length = sum(map(len, parts))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(length))
        self.send_header("Access-Control-Allow-Origin", "*")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if cut_off:
            parts = [b"".join(parts)[: length // 2]]
            self.close_connection = True
        self.end_headers()
        self.wfile.writelines(parts)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        """Nothing: `requests` is the log."""
