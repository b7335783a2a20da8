"""The session every source talks to its upstream through: paced, retrying, breaking, and bounded.

It trusts nothing that comes back: answers are read as a stream up to a size and a time, redirects are
followed on the same host only, and what an answer means is decided in one place (answers.py).
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, cast
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
import requests
import tenacity
import urllib3

from include.upstream.answers import (
    SECRET_PARAMETERS,
    SUCCESS,
    Answer,
    Classifier,
    ContractBreak,
    Kind,
    Refused,
    ThrottleHint,
    Transient,
    classify,
    describe_reply,
    describe_request,
    is_json,
    one_line,
)
from include.upstream.conceal import Concealer, sent
from include.upstream.deadline import TimedAdapter, within
from include.upstream.guards import Breaker, Lease
from include.upstream.limits import BadSetting, Limits
from include.upstream.pace import Pace

log = logging.getLogger(__name__)

Params = Mapping[str, str | int | float]
Body = Mapping[str, str] | str | bytes

_BLOCK = 1 << 18
_ERROR_BODY_BYTES = 1 << 16  # of an answer that is no success only this much is read
_MAX_REDIRECTS = 5
_GZIP = 16 + zlib.MAX_WBITS
_MAY_PASS = (
    requests.ConnectionError,
    requests.Timeout,
    urllib3.exceptions.HTTPError,
    zlib.error,
    EOFError,
)


@dataclass(slots=True)
class Stats:
    """What a session did so far; `waited_seconds` are those spent on pace and before retries."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    waited_seconds: float = 0.0


class _TryFailed(Exception):
    """One try failed in a way that may pass."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class UpstreamSession:
    """Asks one upstream below `base_url` (scheme, host, port and perhaps a path).

    Tried again are only failures that may pass: timeouts, broken connections and bodies, 408, 425, 429, 5xx,
    HTML in place of data, and what the source's `classifier` calls transient. No cookies are kept, so every
    request stands alone. Threads may share a session. Nothing is sent once its `lease` is lost.
    """

    def __init__(
        self,
        http: requests.Session,
        base_url: str,
        limits: Limits,
        breaker: Breaker,
        *,
        classifier: Classifier | None = None,
        throttle_hint: ThrottleHint | None = None,
        lease: Lease | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.base_url = _checked_base(base_url)
        self.limits = limits
        self.pace = Pace(limits.per_second, limits.burst, clock, sleep, per_minute=limits.per_minute)
        self.stats = Stats()
        self._http = http
        # The provider's own adapter knows no total time.
        for scheme in ("http://", "https://"):
            http.mount(scheme, TimedAdapter())
        if http.auth is None:
            # Else requests would look into the user's netrc, and put it over our own Authorization header.
            http.auth = _no_auth
        # The coding that every upstream speaks and that _gunzip bounds.
        http.headers["Accept-Encoding"] = "gzip"
        self._breaker = breaker
        self._lease = lease
        self._classifier = classifier
        self._throttle_hint = throttle_hint
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._stats_lock = threading.Lock()

    def get(
        self,
        path: str,
        params: Params | None = None,
        expect: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """GET a path below the base URL; the answer's kind is ok, empty or not_modified.

        `path` has its segments percent-encoded already; `expect` is the media type of a good answer. Raises
        Refused, ContractBreak, Transient (after all tries), BreakerOpen and LeaseLost.
        """
        return self._call("GET", path, expect, headers, params=params)

    def post(
        self,
        path: str,
        data: Body,
        params: Params | None = None,
        expect: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST a form (a mapping) or a body, like get().

        Only for questions too long for a URL: it is tried again like a GET. Redirects are not followed.
        """
        return self._call("POST", path, expect, headers, params=params, data=data)

    def _call(
        self, method: str, path: str, expect: str, headers: Mapping[str, str] | None, **parts: Any
    ) -> Answer:
        request = self._http.prepare_request(
            requests.Request(method, self._url(path), headers={"Accept": expect, **(headers or {})}, **parts)
        )
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryFailed),
            stop=self._is_over,
            wait=self._wait_seconds,
            before_sleep=lambda state: self._announce(request, state),
            sleep=self._sleep,
            reraise=True,
        )
        self._breaker.before()
        ended: Refused | ContractBreak | _TryFailed
        try:
            answer = retrying(self._try, request, expect)
        except (Refused, ContractBreak, _TryFailed) as error:
            ended = error
        else:
            self._breaker.success()
            return answer
        # Raised out here, where nothing is chained that would show the whole URL, or what the upstream said back.
        conceal = self._concealer(request)
        if not isinstance(ended, _TryFailed):
            self._breaker.success()  # it answered: what it said stops the run, not the next call
            raise type(ended)(conceal(str(ended)))
        attempts = int(retrying.statistics["attempt_number"])
        transient = Transient(
            conceal(self._gave_up(request, attempts, ended)), attempts, conceal(ended.reason)
        )
        self._breaker.failure(transient)
        raise transient

    def _url(self, path: str) -> str:
        """The URL of a path below the base; refuses a path that could lead out of it."""
        relative = path.removeprefix("/")
        decoded = unquote(relative)
        # requests resolves dot segments, encoded ones too; an encoded slash belongs to a name.
        if (
            re.search(r"[\x00-\x20\x7f?#\\]", relative)
            or "\\" in decoded
            or "" in relative.split("/")
            or {".", ".."} & set(decoded.split("/"))
        ):
            raise ValueError(
                f"{path!r} is not a path below {self.base_url}: give segments between single slashes, each "
                "percent-encoded (urllib.parse.quote(name, safe='')), and the query as params."
            )
        return f"{self.base_url}/{relative}"

    def _try(self, request: requests.PreparedRequest, expect: str) -> Answer:
        """One try: wait for the pace, send, follow redirects, read the answer and decide what it is."""
        redirects: list[str] = []
        deadline: float | None = None
        while True:
            waited = self.pace.wait()
            if self._lease is not None:
                self._lease.confirm()
            self._count(requests=1, waited_seconds=waited)
            deadline = deadline or self._clock() + self.limits.total_seconds
            left = deadline - self._clock()
            if left <= 0:
                raise self._too_long()
            try:
                with within(left), self._send(request, left) as response:
                    body = self._read(request, response, deadline)
            except _MAY_PASS as error:
                if self._clock() >= deadline:
                    raise self._too_long() from None
                raise self._failed(request, error) from None
            if not (response.is_redirect and request.method == "GET"):
                return self._judge(request, response, body, expect, tuple(redirects))
            redirects.append(str(request.url))
            request = self._redirected(request, response.headers["Location"], len(redirects))

    def _too_long(self) -> _TryFailed:
        return _TryFailed(f"the answer took longer than {self.limits.total_seconds:g} s")

    def _send(self, request: requests.PreparedRequest, seconds: float) -> requests.Response:
        """Send it and wait for the headers, for at most so long."""
        http = self._http
        # Past Session.send, which reads the body of a redirect without any bound, even of one not followed.
        adapter = http.get_adapter(str(request.url))
        connect, read = (min(each, seconds) for each in self.limits.timeout_seconds)
        return adapter.send(
            request, timeout=(connect, read), **cast("dict[str, Any]", self._settings(request))
        )

    def _settings(self, request: requests.PreparedRequest) -> Any:
        """Proxies, authority and certificate.

        They come from the environment only where the connection has none of its own; requests by itself would have it
        the other way round.
        """
        http = self._http
        verify = None if http.verify is True else http.verify
        return http.merge_environment_settings(request.url, dict(http.proxies), True, verify, None)

    def _concealer(self, request: requests.PreparedRequest) -> Concealer:
        """Masks what this request sends of our own: headers, login, secret parameters, the login of a proxy."""
        proxies = self._settings(request)["proxies"].values()
        return _concealer(*sent(request, self._http.auth, proxies, SECRET_PARAMETERS))

    def _read(self, request: requests.PreparedRequest, response: requests.Response, deadline: float) -> bytes:
        """The body, decompressed: whole for a success, only its start for anything else."""
        success = response.status_code in SUCCESS
        limit = self.limits.max_bytes if success else _ERROR_BODY_BYTES
        blocks: list[bytes] = []
        size = 0
        # read1 returns what has arrived; read would sit out a body that drips in until its last byte.
        arriving: Iterator[bytes] = iter(lambda: response.raw.read1(_BLOCK, decode_content=False), b"")
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding in {"gzip", "x-gzip"}:
            arriving = _gunzip(arriving)
        elif success and coding not in {"", "identity"}:
            raise ContractBreak(
                f"{_asked(request)} answered in {one_line(coding, 50)!r}; only gzip was asked for."
            )
        for block in arriving:
            blocks.append(block)
            size += len(block)
            if self._clock() > deadline:
                raise self._too_long()
            if size > limit:
                break
        self._count(bytes=size)
        if success and size > limit:
            raise ContractBreak(
                f"{_asked(request)} answered with more than {limit} bytes. Ask for less at once, or raise "
                "`max_bytes` in the connection's extra."
            )
        return b"".join(blocks)[:limit]

    def _judge(
        self,
        request: requests.PreparedRequest,
        response: requests.Response,
        body: bytes,
        expect: str,
        redirects: tuple[str, ...],
    ) -> Answer:
        """The answer if it is of use to the source; raises what else it means."""
        status, headers = response.status_code, response.headers
        if self._throttle_hint and (seconds := self._throttle_hint(headers)) > 0:
            self.pace.pause(seconds)
        content_type = headers.get("Content-Type")
        kind = self._classifier(status, headers, body) if self._classifier else None
        if kind is None:
            kind = classify(status, content_type, body[:1024], expect)
        conceal = self._concealer(request)
        if status not in SUCCESS:
            body = conceal.body(
                body
            )  # an error page is no data, and whoever quotes it does not know our secrets
        answer = Answer(
            kind, str(request.method), str(request.url), status, headers, body, redirects, conceal
        )
        if kind is Kind.TRANSIENT:
            now = _unix_time(headers.get("Date")) or time.time()
            retry_after = retry_after_seconds(headers.get("Retry-After"), now) or 0.0
            if 0 < retry_after <= self.limits.retry_after_max:
                self.pace.pause(retry_after)  # meant for everyone who asks this host
            raise _TryFailed(describe_reply(status, headers, body, conceal), retry_after)
        if kind is Kind.REFUSED:
            raise Refused(
                f"{answer.describe()}: the upstream refuses us. Check the login or key in the connection and "
                "your right to use this upstream; a refusal is not worked around."
            )
        if kind is Kind.CONTRACT_BREAK:
            raise ContractBreak(
                f"{answer.describe()} where {expect} was expected. The request or the upstream's interface "
                "is not what the contract says; trying again would not help."
            )
        if kind is Kind.OK and is_json(expect):
            _check_json(answer)
        return answer

    def _redirected(
        self, request: requests.PreparedRequest, target: str, count: int
    ) -> requests.PreparedRequest:
        """The request that a redirect asks for, provided that it stays on the host."""
        if count > _MAX_REDIRECTS:
            raise ContractBreak(f"{_asked(request)} redirects once more after {_MAX_REDIRECTS} redirects.")
        following = request.copy()
        try:
            following.prepare_url(urljoin(str(request.url), target), None)
            stays = _origin(str(following.url)) == _origin(self.base_url)
        except ValueError:  # what requests and urllib raise for a URL that is none
            stays = False
        if not stays:
            raise ContractBreak(
                f"{_asked(request)} redirects to {one_line(target, 200)!r}, which is not on {self.base_url}. "
                "Other hosts are never followed; if the upstream has moved, change the connection's schema, "
                "host or port."
            )
        return following

    def _failed(self, request: requests.PreparedRequest, error: Exception) -> Exception:
        reason = _reason(error)
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            return ContractBreak(
                f"{_asked(request)}: the certificate of the host cannot be verified ({reason}). Set `verify` "
                "in the connection's extra to the file of its authority."
            )
        return _TryFailed(reason)

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        return (
            state.attempt_number >= self.limits.attempts
            or _failure(state).retry_after > self.limits.retry_after_max
        )

    def _wait_seconds(self, state: tenacity.RetryCallState) -> float:
        """Exponential back-off, of which chance cuts up to half, and no less than the host asks for."""
        longest = min(self.limits.backoff_max, self.limits.backoff_first * 2.0 ** (state.attempt_number - 1))
        return max(_failure(state).retry_after, longest * self._rng.uniform(0.5, 1.0))

    def _announce(self, request: requests.PreparedRequest, state: tenacity.RetryCallState) -> None:
        self._count(retries=1, waited_seconds=state.upcoming_sleep)
        conceal = self._concealer(request)
        log.warning(
            "%s: try %d of %d failed, next in %.1f s: %s",
            conceal(_asked(request)),
            state.attempt_number,
            self.limits.attempts,
            state.upcoming_sleep,
            conceal(_failure(state).reason),
        )

    def _gave_up(self, request: requests.PreparedRequest, attempts: int, last: _TryFailed) -> str:
        if last.retry_after > self.limits.retry_after_max:
            return (
                f"{_asked(request)}: {last.reason}, and it wants to be left alone for "
                f"{last.retry_after:.0f} s, more than the {self.limits.retry_after_max:.0f} s that a task "
                "waits (`retry_after_max` in the connection's extra). Run again after that time."
            )
        return (
            f"{_asked(request)} failed {attempts} times, the last time with: {last.reason}. The upstream or "
            "the way to it is disturbed: run again later, what has landed is kept."
        )

    def _count(self, **more: float) -> None:
        with self._stats_lock:
            for name, value in more.items():
                setattr(self.stats, name, getattr(self.stats, name) + value)


class Unconnected(UpstreamSession):
    """An upstream of which nobody has named the host: whatever asks it gets the error that says so."""

    def __init__(self, limits: Limits, error: BadSetting) -> None:
        self.limits = limits
        self.stats = Stats()
        self._error = error

    def _call(self, *_: Any, **__: Any) -> Answer:
        raise self._error


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or an HTTP date compared with `now`.

    None where there is no header or it is neither; never negative. `now` is a Unix time, best that of the
    answer's own Date, so that a clock that is wrong does no harm.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+", text):
        return float(text)
    until = _unix_time(text)
    return None if until is None else max(0.0, until - now)


def _unix_time(http_date: str | None) -> float | None:
    """Unix time of an HTTP date; None where it is none."""
    try:
        date = parsedate_to_datetime(http_date or "")
        # The older forms name no zone; an HTTP date is always UTC.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _gunzip(compressed: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress in pieces of bounded size. Raises zlib.error for no gzip, EOFError for half of it."""
    decoder = None
    for block in compressed:
        data = block
        while data:
            if decoder is None or decoder.eof:  # a gzip stream may have several members
                decoder = zlib.decompressobj(_GZIP)
            yield decoder.decompress(data, _BLOCK)
            data = decoder.unconsumed_tail or decoder.unused_data
    if decoder is not None and not decoder.eof:
        raise EOFError("the gzip stream was cut off")


def _check_json(answer: Answer) -> None:
    """Raise for a body that is no whole JSON: cut off may pass, malformed would be malformed again."""
    try:
        msgspec.json.decode(answer.body, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        body = answer.body.strip()
        closed = (body[:1], body[-1:]) in {(b"{", b"}"), (b"[", b"]")}
        if "truncated" in str(error) or not closed:
            raise _TryFailed(f"the JSON was cut off after {len(answer.body)} bytes") from None
        raise ContractBreak(f"{answer.describe()}, which is not JSON: {error}.") from None
    except RecursionError:
        raise ContractBreak(f"{answer.describe()}, which is nested too deeply to be read.") from None


def _checked_base(url: str) -> str:
    """The base URL without a slash at its end. Raises BadSetting for what is not one."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        good = False
    if not good or "@" in url or re.search(r"[\x00-\x20?#\\]", url):
        raise BadSetting(
            f"{one_line(url.rpartition('@')[2], 200)!r} is not the address of an upstream: it takes http or "
            "https as schema, a host, and perhaps a port; a login stands apart from them."
        )
    return url.rstrip("/")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port. Raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


@lru_cache(maxsize=64)
def _concealer(values: frozenset[str], passwords: frozenset[str]) -> Concealer:
    """One that was made before: most requests of a session send the same."""
    return Concealer(values, passwords)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _asked(request: requests.PreparedRequest) -> str:
    return describe_request(str(request.method), str(request.url))


def _failure(state: tenacity.RetryCallState) -> _TryFailed:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, _TryFailed)
    return error


def _reason(error: Exception) -> str:
    """What went wrong, without the URL that requests and urllib3 put around it."""
    inner = error.args[0] if error.args else error
    inner = getattr(inner, "reason", inner)
    if not isinstance(inner, Exception):
        inner = error
    return one_line(f"{type(inner).__name__}: {inner}", 200)
