"""A remote file system all of whose failures are OSErrors that name the file.

Libraries of object stores raise what they like (botocore's errors are no OSError), call a bucket that is gone a file
that is not there, and wait for a dead host for half an hour. Whoever uses a store should not know of any of it.
"""

from __future__ import annotations

import functools
import io
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

ATTEMPTS = 3
"""So often a request is made. With s3fs's 5 s to connect and 15 s for an answer a dead store is an error within a
minute."""
READS = {"cat_file", "read", "readinto"}
"""Calls that can be made again: what fails to read leaves a file where it was."""
_BROKEN_OFF = {
    "AioReadTimeoutError",
    "ClientPayloadError",
    "IncompleteRead",
    "IncompleteReadError",
    "ResponseStreamingError",
}
"""What libraries call an answer that ends, or stands still, within its body: they try requests again and not that."""
_ABSENT = {"404", "NoSuchKey"}
PAUSE_SECONDS = 0.2
log = logging.getLogger(__name__)
_LOGIN = re.compile(r"://[^\s/@]+@")
_Plain = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)


class StoreError(OSError):
    """An object store did not do what it was asked; names the file and says what the store, or the way to it, said."""


@dataclass(slots=True)
class Faults:
    """How often a file system failed, with what was opened in it, and how often it tries to read."""

    count: int = 0
    attempts: int = 1


class Remote:
    """Stands in front of a file system, or of a file opened in one, and translates the errors of every call.

    FileNotFoundError means that the file is not there, and FileExistsError that it is; all else is a StoreError.
    """

    def __init__(self, inner: Any, place: str, faults: Faults) -> None:
        self._inner = inner
        self._place = place
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # nobody's business, and copy and pickle ask before there is an inner one
            raise AttributeError(name)
        found = getattr(self._inner, name)
        return self._translating(name, found) if callable(found) else found

    def __enter__(self) -> Remote:
        with self._translated(self._place):
            self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        with self._translated(self._place):
            self._inner.__exit__(*error)

    def __iter__(self) -> Iterator[bytes]:
        with self._translated(self._place):
            yield from self._inner

    def _translating(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def translating(*args: Any, **kwargs: Any) -> Any:
            place = self._named(args)
            with self._translated(place):
                result = self._read(call, *args, **kwargs) if name in READS else call(*args, **kwargs)
            return Remote(result, place, self._faults) if isinstance(result, io.IOBase) else result

        return translating

    def _read(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a call reads, asked for again where the answer breaks off within its body."""
        for attempt in range(1, self._faults.attempts):
            try:
                return call(*args, **kwargs)
            except Exception as error:
                if not _broke_off(error):
                    raise
                log.warning("%s broke off, try %s of %s", self._place, attempt, self._faults.attempts)
                time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        return call(*args, **kwargs)

    def _named(self, args: tuple[Any, ...]) -> str:
        return self._place

    @contextmanager
    def _translated(self, place: str) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            # Of any kind: each of these libraries has errors of its own, and stumbles over answers that are none.
            fault = _fault(error, place)
            self._faults.count += isinstance(fault, StoreError)
            if fault is error:
                raise
            raise fault from error


class RemoteFileSystem(Remote):
    """An fsspec file system of a remote store, behind the same guard. Gives up in bounded time where it is s3fs."""

    def __init__(self, fs: Any) -> None:
        super().__init__(fs, str(fs.unstrip_protocol("")), Faults())
        if hasattr(fs, "config_kwargs") and hasattr(fs, "retries"):
            # botocore tries five times by itself, s3fs five times around that, and five more around a read.
            fs.config_kwargs.setdefault("retries", {"mode": "standard", "total_max_attempts": ATTEMPTS})
            fs.retries = 1
            said = fs.config_kwargs["retries"]
            self._faults.attempts = (
                said.get("total_max_attempts") or said.get("max_attempts", ATTEMPTS - 1) + 1
            )

    @property
    def faults(self) -> int:
        """How often a call failed so far, for whoever cannot see that one did: DuckDB makes a text of it."""
        return self._faults.count

    def isfile(self, path: str) -> bool:
        """Whether a file stands there; fsspec's own, which Arrow asks before it opens one, takes every error for no."""
        try:
            return bool(self.info(path)["type"] == "file")
        except FileNotFoundError:
            return False

    def _named(self, args: tuple[Any, ...]) -> str:
        # put_file(local, path) is the only one of ours whose path does not come first.
        flat = [part for each in args for part in (each if isinstance(each, list) else [each])]
        paths = [each for each in flat if isinstance(each, str) and not each.startswith("/")]
        return str(self._inner.unstrip_protocol(paths[0])) if paths else self._place


def _fault(error: Exception, place: str) -> OSError:
    said = set(codes(error))
    if "NoSuchBucket" not in said:
        if isinstance(error, _Plain):
            return error
        if said & _ABSENT:
            return FileNotFoundError(place)
    fault = StoreError(f"{_LOGIN.sub('://', place)}: {type(error).__name__}: {_LOGIN.sub('://', str(error))}")
    fault.errno = getattr(error, "errno", None)
    return fault


def _broke_off(error: BaseException | None) -> bool:
    """Whether an answer began well and ended too early."""
    while error is not None:
        if type(error).__name__ in _BROKEN_OFF:
            return True
        error = error.__cause__ or error.__context__
    return False


def codes(error: BaseException | None) -> Iterator[str]:
    """What the store itself called the trouble, as botocore keeps it in an error or in what that came from."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            yield str(response.get("Error", {}).get("Code"))
        error = error.__cause__ or error.__context__
