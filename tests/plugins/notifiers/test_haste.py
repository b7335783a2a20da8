"""What tells of a failed task has 20 seconds, in a process that may have been interrupted anywhere."""

import json
import subprocess
import sys
from email.message import EmailMessage
from typing import Any

TELLING = """
import _imp, sys
import airflow.sdk.execution_time.task_runner
import lastgood.dag
from lastgood.hooks.registry import RegistryHook
from lastgood.notifiers import callback_context, channels, deployment
from include.alerting.message import Message
heavy = sorted({"pandas", "pyarrow", "duckdb", "soda_core"} & set(sys.modules))
_imp.acquire_lock()
sent = channels.send(["mail", "webhook"], Message(subject="s", text="t", html="h", slack={}, plain={}), None)
_imp.release_lock()
print(__import__("json").dumps([heavy, sent]))
"""


def test_it_loads_nothing_heavy_and_sends_where_an_interrupted_import_left_its_lock(
    mailbox: list[EmailMessage], webhook: list[Any]
) -> None:
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TELLING],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    heavy, sent = json.loads(child.stdout.splitlines()[-1])
    assert heavy == []
    assert sent == {"mail": None, "webhook": None}
    assert (len(mailbox), len(webhook)) == (1, 1)
