"""What is said while an upstream is asked for long."""

from __future__ import annotations

import logging
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from include.upstream import progress
from include.upstream.session import Stats

SAID = "ctgov: 1,234 questions asked so far, 5 of them again, 6.0 MB came, 70 s were spent on waiting"


def test_a_long_wait_says_every_while_how_far_it_has_come(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "include.upstream.progress")
    session: Any = SimpleNamespace(stats=Stats(1234, 5, 6_000_000, 70.0))
    until = time.monotonic() + 30
    with progress.told("ctgov", session, every=0.01):
        while len(caplog.messages) < 2 and time.monotonic() < until:
            time.sleep(0.01)
    assert caplog.messages[:2] == [SAID, SAID]


def test_it_ends_with_what_it_is_about_however_that_ended() -> None:
    session: Any = SimpleNamespace(stats=Stats())
    with pytest.raises(ValueError, match="boom"), progress.told("ctgov", session):
        raise ValueError("boom")
    assert not [thread for thread in threading.enumerate() if thread.name == "progress of ctgov"]
