"""The session every source talks to its upstream through: paced, retrying, breaking, and bounded.

It trusts nothing that comes back: answers are read as a stream up to a size and a time, redirects are followed
on the same host only, and what an answer means is decided in one place (answers.py).
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Annotated, Any
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
import requests
import tenacity
import urllib3

from include.upstream.answers import (
    Answer,
    Classifier,
    ContractBreak,
    Kind,
    Refused,
    Transient,
    classify,
    describe_reply,
    describe_request,
    is_json,
    media_type,
    one_line,
)
from include.upstream.breaker import Breaker
from include.upstream.pace import Pace

log = logging.getLogger(__name__)

Params = Mapping[str, str | int | float]
Body = Mapping[str, str] | str | bytes

_BLOCK = 1 << 18
_ERROR_BODY_BYTES = 1 << 16  # of an answer that is no success only this much is read
_MAX_REDIRECTS = 5
_RETRIED = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    urllib3.exceptions.HTTPError,
)


class BadSetting(ValueError):
    """A setting of a connection is missing or makes no sense; the message says which and what it should be."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How gently a host is asked, and how much of an answer is put up with. All times in seconds."""

    per_second: float | None = 1.0  # None or 0 = no limit
    per_minute: int | None = None
    burst: int = 1
    concurrency: int = 1  # threads that may ask at once; the session does not start them
    attempts: int = 6
    timeout_seconds: tuple[float, float] = (10.0, 60.0)  # to connect; between two bytes
    total_seconds: float = 300.0  # for one answer from request to last byte
    max_bytes: int = 64 * 2**20  # of one answer, decompressed
    backoff_first: float = 1.0
    backoff_max: float = 60.0
    retry_after_max: float = 600.0

    @classmethod
    def from_extra(cls, extra: Mapping[str, Any], defaults: Limits) -> Limits:
        """The defaults with what a connection's extra says instead.

        Keys: pace (requests a second, 0 = off), per_minute, burst, concurrency, attempts, timeout (one number
        or [connect, read]), total_timeout, max_bytes, backoff_first, backoff_max, retry_after_max. Numbers may
        be text, as they are in a connection given as a URI. Raises BadSetting for any other key or a bad value.
        """
        changes: dict[str, Any] = {}
        for key, value in extra.items():
            if key not in _EXTRA_KEYS:
                raise BadSetting(
                    f"unknown key `{one_line(key, 100)}` in extra; the keys for an upstream are {', '.join(_EXTRA_KEYS)}"
                )
            name, wanted = _EXTRA_KEYS[key]
            if name == "timeout_seconds" and not isinstance(value, list | tuple):
                value = (value, value)
            try:
                changes[name] = msgspec.convert(value, wanted, strict=False)
            except msgspec.ValidationError as error:
                raise BadSetting(f"`{key}` in extra is {one_line(repr(value), 100)}: {error}") from None
        return replace(defaults, **changes)


_Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
_EXTRA_KEYS: dict[str, tuple[str, Any]] = {
    "pace": ("per_second", Annotated[float, msgspec.Meta(ge=0, le=10_000)]),
    "per_minute": ("per_minute", Annotated[int, msgspec.Meta(ge=0, le=600_000)]),
    "burst": ("burst", _Count),
    # requests keeps at most ten connections to a host.
    "concurrency": ("concurrency", Annotated[int, msgspec.Meta(ge=1, le=10)]),
    "attempts": ("attempts", Annotated[int, msgspec.Meta(ge=1, le=20)]),
    "timeout": ("timeout_seconds", tuple[_Seconds, _Seconds]),
    "total_timeout": ("total_seconds", _Seconds),
    "max_bytes": ("max_bytes", Annotated[int, msgspec.Meta(ge=1024, le=2**31)]),
    "backoff_first": ("backoff_first", _Seconds),
    "backoff_max": ("backoff_max", _Seconds),
    "retry_after_max": ("retry_after_max", _Seconds),
}


@dataclass(slots=True)
class Stats:
    """What a session did so far; `waited_seconds` are those spent on pace and before retries."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    waited_seconds: float = 0.0


class _TryFailed(Exception):
    """One try failed in a way that may pass."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class UpstreamSession:
    """Asks one upstream below `base_url` (scheme, host, port and perhaps a path).

    Only failed tries that may pass are made again: timeouts, broken connections and bodies, 408, 425, 429, 5xx,
    and what the source's `classifier` calls transient. Threads may share a session.
    """

    def __init__(
        self,
        http: requests.Session,
        base_url: str,
        limits: Limits,
        breaker: Breaker,
        *,
        classifier: Classifier | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._origin = _origin(self.base_url)
        self.limits = limits
        self.pace = Pace(limits.per_second, limits.burst, clock, sleep, per_minute=limits.per_minute)
        self.stats = Stats()
        self._http = http
        if http.auth is None:
            # Else requests would look into the user's netrc and even replace our Authorization header with it.
            http.auth = _no_auth
        # The one coding whose decompression is bounded by the standard library itself.
        http.headers["Accept-Encoding"] = "gzip"
        self._breaker = breaker
        self._classifier = classifier
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

        `path` has its parts percent-encoded already; `expect` is the media type of a good answer. Raises
        Refused, ContractBreak, Transient (after all tries) and BreakerOpen.
        """
        return self._call("GET", path, params, None, expect, headers)

    def post(
        self,
        path: str,
        data: Body,
        params: Params | None = None,
        expect: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST a form (mapping) or a body to a path below the base URL, like get().

        For questions too long for a URL only: a POST is tried again like a GET. Redirects are not followed.
        """
        return self._call("POST", path, params, data, expect, headers)

    def _call(
        self,
        method: str,
        path: str,
        params: Params | None,
        data: Body | None,
        expect: str,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        request = self._http.prepare_request(
            requests.Request(
                method,
                self._url(path),
                params=params,
                data=data,
                headers={"Accept": expect, **(headers or {})},
            )
        )
        self._breaker.before()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryFailed),
            stop=self._is_over,
            wait=self._wait_seconds,
            before_sleep=lambda state: self._announce(request, state),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            answer = retrying(self._try, request, expect)
        except (Refused, ContractBreak):
            self._breaker.success()  # it answered; what it said stops the run, not the next one
            raise
        except _TryFailed as failed:
            last = failed
        else:
            self._breaker.success()
            return answer
        # Outside of the except clause: the chained exception of requests would show the whole URL.
        attempts = int(retrying.statistics["attempt_number"])
        error = Transient(self._gave_up(request, attempts, last), attempts, last.reason)
        self._breaker.failure(error)
        raise error

    def _url(self, path: str) -> str:
        """The URL of a path below the base; refuses paths that could lead out of it."""
        relative = path.removeprefix("/")
        segments = unquote(relative).split("/")
        if (
            re.search(r"[\x00-\x20\x7f?#\\]", relative)
            or "\\" in unquote(relative)
            or any(segment in {"", ".", ".."} for segment in segments)
        ):
            raise ValueError(
                f"{path!r} is not a path below {self.base_url}: give plain segments between single slashes, "
                "percent-encoded (urllib.parse.quote(name, safe='')), and the query as params."
            )
        return f"{self.base_url}/{relative}"

    def _try(self, request: requests.PreparedRequest, expect: str) -> Answer:
        """One try: waits for the pace, follows redirects, reads the answer and decides what it is."""
        deadline: float | None = None
        redirects: list[str] = []
        while True:
            waited = self.pace.wait()
            self._count(requests=1, waited_seconds=waited)
            deadline = deadline or self._clock() + self.limits.total_seconds
            try:
                with self._send(request) as response:
                    target = self._http.get_redirect_target(response) if request.method == "GET" else None
                    body = self._read(request, response, deadline)
            except _RETRIED as error:
                raise self._failed(request, error) from None
            self._count(bytes=len(body))
            if target is None:
                return self._judge(request, response, body, expect, tuple(redirects))
            redirects.append(request.url or "")
            request = self._redirected(request, target, len(redirects))

    def _send(self, request: requests.PreparedRequest) -> requests.Response:
        http = self._http
        # What the connection says goes before the environment, which requests would have the other way round.
        settings = http.merge_environment_settings(
            request.url, dict(http.proxies), True, None if http.verify is True else http.verify, None
        )
        return http.send(request, timeout=self.limits.timeout_seconds, allow_redirects=False, **settings)

    def _read(self, request: requests.PreparedRequest, response: requests.Response, deadline: float) -> bytes:
        """The body, decompressed: whole for a success, its start for anything else."""
        limit = self.limits.max_bytes if response.ok and response.status_code < 300 else _ERROR_BODY_BYTES
        blocks: list[bytes] = []
        size = 0
        # read1 returns what has arrived; read would sit out a body that drips in until its last byte.
        while block := response.raw.read1(_BLOCK, decode_content=True):
            size += len(block)
            blocks.append(block)
            if self._clock() > deadline:
                raise _TryFailed(f"the answer took longer than {self.limits.total_seconds:g} s")
            if size > limit:
                if limit == _ERROR_BODY_BYTES:
                    break
                raise ContractBreak(
                    f"{describe_request(request.method or '', request.url or '')} answered with more than "
                    f"{limit} bytes. Ask for less at once, or raise `max_bytes` in the connection's extra."
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
        status, headers = response.status_code, response.headers
        content_type = headers.get("Content-Type")
        kind = self._classifier(status, headers, body) if self._classifier else None
        if kind is None:
            kind = classify(status, content_type, body[:1024], expect)
        if kind is Kind.TRANSIENT:
            raise _TryFailed(
                describe_reply(status, headers, body),
                retry_after_seconds(headers.get("Retry-After"), _seconds(headers.get("Date")) or time.time()),
            )
        answer = Answer(kind, request.method or "", request.url or "", status, headers, body, redirects)
        if kind is Kind.REFUSED:
            raise Refused(
                f"{answer.describe()}: the upstream refuses us. Check the login or key in the connection and "
                "your right to use this upstream; a refusal is not worked around."
            )
        if kind is Kind.CONTRACT_BREAK:
            raise ContractBreak(
                f"{answer.describe()} where {expect} was expected. The request or the upstream's interface is "
                "not what the contract says; trying again would not help."
            )
        if kind is Kind.OK and is_json(media_type(content_type)):
            _check_json(answer)
        return answer

    def _redirected(
        self, request: requests.PreparedRequest, target: str, count: int
    ) -> requests.PreparedRequest:
        """The request that a redirect asks for, provided that it stays on the host."""
        asked = describe_request(request.method or "", request.url or "")
        if count > _MAX_REDIRECTS:
            raise ContractBreak(
                f"{asked} redirects again after {_MAX_REDIRECTS} redirects. It leads nowhere."
            )
        following = request.copy()
        try:
            following.prepare_url(urljoin(request.url or "", target), None)
            origin = _origin(following.url or "")
        except ValueError:  # requests' and urllib's complaints about a URL, and ours
            origin = None
        if origin != self._origin:
            raise ContractBreak(
                f"{asked} redirects to {one_line(target, 200)!r}, which is not on {self.base_url}. Other hosts are "
                "never followed; if the upstream has moved, change the connection's schema, host or port."
            )
        return following

    def _failed(self, request: requests.PreparedRequest, error: Exception) -> Exception:
        reason = _reason(error)
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            return ContractBreak(
                f"{describe_request(request.method or '', request.url or '')}: the certificate of the host cannot be "
                f"verified ({reason}). Set `verify` in the connection's extra to the file of its authority."
            )
        return _TryFailed(reason)

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        failed = _failure(state)
        return (
            state.attempt_number >= self.limits.attempts
            or (failed.retry_after or 0) > self.limits.retry_after_max
        )

    def _wait_seconds(self, state: tenacity.RetryCallState) -> float:
        """Exponential back-off of which up to half is cut by chance, and no less than the host asks for."""
        longest = min(self.limits.backoff_max, self.limits.backoff_first * 2 ** (state.attempt_number - 1))
        asked = _failure(state).retry_after or 0.0
        if asked:
            self.pace.pause(asked)  # meant for everyone who asks this host
        return max(asked, longest * self._rng.uniform(0.5, 1.0))

    def _announce(self, request: requests.PreparedRequest, state: tenacity.RetryCallState) -> None:
        wait = state.upcoming_sleep
        self._count(retries=1, waited_seconds=wait)
        log.warning(
            "%s: try %d of %d failed, next in %.1f s: %s",
            describe_request(request.method or "", request.url or ""),
            state.attempt_number,
            self.limits.attempts,
            wait,
            _failure(state).reason,
        )

    def _gave_up(self, request: requests.PreparedRequest, attempts: int, last: _TryFailed) -> str:
        asked = describe_request(request.method or "", request.url or "")
        if (last.retry_after or 0) > self.limits.retry_after_max:
            return (
                f"{asked}: {last.reason}, and the upstream wants to be left alone for {last.retry_after:.0f} s, more "
                f"than the {self.limits.retry_after_max:.0f} s a task waits (`retry_after_max` in the connection's "
                "extra). Run again after that time."
            )
        tries = "its only try" if attempts == 1 else f"{attempts} tries"
        return (
            f"{asked} failed in {tries}, the last with: {last.reason}. The upstream or the way to it is "
            "disturbed; run again later, what has landed is kept."
        )

    def _count(
        self, requests: int = 0, retries: int = 0, bytes: int = 0, waited_seconds: float = 0.0
    ) -> None:
        with self._stats_lock:
            self.stats.requests += requests
            self.stats.retries += retries
            self.stats.bytes += bytes
            self.stats.waited_seconds += waited_seconds


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date, which is compared with `now`.

    None where there is no header or it is neither; never negative. `now` is a Unix time, best the answer's own
    Date, so that two clocks that differ do no harm.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+", text):
        return float(text)
    until = _seconds(text)
    return None if until is None else max(0.0, until - now)


def _seconds(http_date: str | None) -> float | None:
    """Unix time of an HTTP date; None where it is none."""
    try:
        return parsedate_to_datetime(http_date or "").timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _check_json(answer: Answer) -> None:
    """Raise for a body that is no whole JSON value: cut off may pass, malformed is malformed again next time."""
    try:
        msgspec.json.decode(answer.body, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        body = answer.body.strip()
        closed = (body[:1], body[-1:]) in {(b"{", b"}"), (b"[", b"]")}
        if "truncated" in str(error) or not closed:
            raise _TryFailed(f"the JSON was cut off after {len(answer.body)} bytes") from None
        raise ContractBreak(f"{answer.describe()}, which is not JSON: {error}.") from None


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL. Raises BadSetting for one that cannot be asked."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    if not parts.hostname or port is None or parts.username is not None or parts.query or parts.fragment:
        raise BadSetting(
            f"{one_line(parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl(), 200)!r} is not the address "
            "of an upstream: it takes http or https, a host and perhaps a port; a login stands apart."
        )
    return parts.scheme, parts.hostname, port


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _failure(state: tenacity.RetryCallState) -> _TryFailed:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, _TryFailed)
    return error


def _reason(error: Exception) -> str:
    """What went wrong, without the URL that requests and urllib3 put around it."""
    inner = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    inner = getattr(inner, "reason", None) or inner
    return one_line(f"{type(inner).__name__}: {inner}", 200)
