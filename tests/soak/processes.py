"""Processes of a soak: forked from one that has loaded everything and runs no thread, watched until they end."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.soak.acts import REFUSED

DONE, REFUSAL, FAULT = 0, 3, 4
"""How a process ends that nobody killed."""
TICK = 0.005


@dataclass
class Child:
    """A process of a round."""

    pid: int
    name: str
    output: Path
    """What it says."""
    began: float
    code: int | None = None
    """Its exit code once it has ended, negative for a signal."""
    frozen: bool = False
    stop: signal.Signals | None = None
    """What it gets `after` so many seconds."""
    after: float = 0.0

    def look(self) -> None:
        """See whether it has ended, or stands still."""
        if self.code is not None:
            return
        pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
        if pid and os.WIFSTOPPED(status):
            self.frozen = True
        elif pid:
            self.code = os.waitstatus_to_exitcode(status)

    def wait(self, seconds: float, *, frozen_too: bool = False) -> bool:
        """Wait until it has ended, or stands still where that is enough; whether it did."""
        until = time.monotonic() + seconds
        while self.code is None and not (frozen_too and self.frozen):
            self.look()
            self.strike()
            if time.monotonic() > until:
                return False
            time.sleep(TICK)
        return True

    def strike(self) -> None:
        """Stop it, once its time has come."""
        if self.stop is not None and time.monotonic() > self.began + self.after:
            self.send(self.stop)
            self.stop = None

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self.code is None:
                os.kill(self.pid, number)

    def wake(self) -> None:
        self.frozen = False
        self.send(signal.SIGCONT)

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")


def fork(name: str, output: Path, what: Callable[[], object]) -> Child:
    """Do something in a process of its own, whose words go to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Child(pid, name, output, time.monotonic())
    code = FAULT
    try:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        what()
        code = DONE
    except REFUSED as error:
        code = REFUSAL
        print(f"{type(error).__name__}: {error}")
    except BaseException:  # noqa: BLE001 (whatever it is, the report names it)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise AssertionError("never here")
