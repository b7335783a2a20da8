"""The command line of every sample: a signal ends it in order, whenever it comes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from sandbox.environment import PROJECT

# A sample that does nothing, in a process that has a thread already, as a library may start one when it is imported.
# A second signal meets whoever takes a condition's lock in order to wait for it.
SAMPLE = """
import os, signal, sys, threading, time
from sandbox.sample import command
from sandbox.sample.server import SampleState

class Nothing:
    url = "http://127.0.0.1:1"
    def __init__(self, **options): pass
    def __enter__(self):
        if {early}: os.kill(os.getpid(), signal.{name})
    def __exit__(self, *error):
        print("closed", flush=True)

threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
waits = threading.Condition.wait

def wait(self, timeout=None):
    os.kill(os.getpid(), signal.{name})
    return waits(self, timeout)

threading.Condition.wait = wait
sys.argv = ["nothing"]
raise SystemExit(command.run("nothing", "nothing", Nothing, SampleState, {{}}, {{}}))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("early", [True, False], ids=["as it starts", "as it waits"])
def test_a_signal_ends_it_in_order_whenever_it_comes(name: str, *, early: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SAMPLE.format(name=name, early=early)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY http://127.0.0.1:1\n"
            if not early:
                time.sleep(0.5)  # it waits by now
                process.send_signal(signal.Signals[name])
            assert process.wait(timeout=120) == 0
            assert process.stdout.read() == "closed\n"
        finally:
            process.kill()
