"""Threads that decode into a new type at the same moment do not end the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from include.decoding import decoder

PROJECT = Path(__file__).parents[1]
SIX_AT_ONCE = """
import sys, threading
import msgspec
from include.decoding import decoder

sys.setswitchinterval(1e-6)
for _ in range(100):
    inner = [msgspec.defstruct(f"I{n}", [(f"f{m}", int | None, None) for m in range(20)]) for n in range(8)]
    outer = msgspec.defstruct("O", [(f"x{n}", each | None, None) for n, each in enumerate(inner)])
    start = threading.Barrier(6)
    body = b'{"x7": {"f19": 2}}'

    def decode():
        start.wait()
        found.append(decoder(outer).decode(body).x7.f19)

    found = []
    threads = [threading.Thread(target=decode) for _ in range(6)]
    for each in threads: each.start()
    for each in threads: each.join()
    assert found == [2] * 6
"""


def test_threads_make_a_decoder_of_a_new_type_at_once() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SIX_AT_ONCE],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


class Thing(msgspec.Struct):
    number: int


def test_a_number_may_come_as_text_unless_strict() -> None:
    assert decoder(Thing, strict=False).decode(b'{"number": "7"}').number == 7
    with pytest.raises(msgspec.ValidationError, match="number"):
        decoder(Thing).decode(b'{"number": "7"}')
