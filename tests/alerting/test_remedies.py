"""Why a step failed and what to do about it belong together: by the error's class."""

from __future__ import annotations

import errno
import importlib

import psycopg
import pytest

from include.alerting.alert import KINDS
from include.alerting.remedies import BY_CLASS, Remedy, remedy
from include.pipeline import BaseMoved
from include.sources.ctgov import study
from include.upstream.answers import BreakerOpen, ContractBreak, Refused, Transient
from include.upstream.limits import BadSetting


def todo(error: BaseException) -> str:
    """What a message about the error says."""
    asks = remedy(error)
    return asks.todo or KINDS[asks.kind].todo


def test_every_class_that_is_named_is_there() -> None:
    for name in BY_CLASS:
        module, _, class_name = name.rpartition(".")
        found = getattr(importlib.import_module(module), class_name)
        assert f"{found.__module__}.{found.__qualname__}" == name and issubclass(found, BaseException)


@pytest.mark.parametrize(
    "error", [Transient("503"), BreakerOpen("left alone", None, "503"), BaseMoved("moved")]
)  # type: ignore[arg-type]
def test_where_waiting_is_the_cure_it_says_to_wait(error: Exception) -> None:
    assert todo(error).startswith("Wait:")


@pytest.mark.parametrize(
    "error", [Refused("403"), BadSetting("no host"), OSError(errno.ENOSPC, "No space left on device")]
)
def test_where_waiting_is_no_cure_it_says_so(error: Exception) -> None:
    assert "Waiting is no cure" in todo(error)


def test_what_has_its_cause_in_the_upstream_is_one_kind_in_whatever_step() -> None:
    kinds = {remedy(error).kind for error in (Transient("503"), BreakerOpen("x", None, "503"))}  # type: ignore[arg-type]
    assert kinds == {"upstream-down"}
    assert remedy(Refused("403")).kind == "upstream-refused"
    assert remedy(ContractBreak("no key")).kind == "upstream-changed"
    assert all(asks.of_source == (asks.kind != "task-failed") for asks in BY_CLASS.values())


def test_the_most_special_class_decides_and_a_name_alone_does_not() -> None:
    class Odd(BadSetting):
        """A setting of its own."""

    assert remedy(Odd("x")) == remedy(BadSetting("x"))
    assert remedy(study.Refused("a record", "x")) == Remedy(), (
        "a record that was refused is no upstream that refuses"
    )
    assert remedy(ValueError("boom")) == remedy(None) == Remedy()


def test_an_error_that_wraps_another_one_asks_for_what_that_asks_for() -> None:
    wrapped = RuntimeError("the step failed")
    wrapped.__cause__ = psycopg.OperationalError("the server closed the connection")
    assert remedy(wrapped).todo == remedy(psycopg.OperationalError("x")).todo is not None
    wrapped.__cause__.__cause__ = wrapped
    assert remedy(wrapped).todo is not None
    own = ValueError("x")
    own.__cause__ = own
    assert remedy(own) == Remedy()
