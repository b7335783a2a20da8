"""DAGs that fail in every way there is, wired as the house wires its own: test_provoked_failures.py runs them."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, TriggerRule

from include.upstream.answers import Transient
from lastgood.dag import NOTIFIES, START
from lastgood.errors import DecisionRefused
from lastgood.notifiers.alert import AlertNotifier
from lastgood.operators.operations import OperationOperator
from lastgood.operators.steps import WatcherOperator

CANARY = "s3cr3tcanary"
"""In an error's text, and to be in no message."""


class ProvokeOperator(OperationOperator):
    """Does what its act says."""

    def __init__(self, *, act: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.act = act

    def work(self, store: Any, registry: Any, context: Any) -> dict[str, Any]:
        if self.act in ("fail", "fail too"):
            raise ValueError(f"it is broken password={CANARY}")
        if self.act == "find the upstream down":
            raise Transient("GET /studies failed 4 times")
        if self.act == "be refused":
            raise DecisionRefused("there is no version 'x'")
        if self.act == "fail on the first try" and context["ti"].try_number == 1:
            raise ValueError("it is broken, once")
        if self.act == "fail until it was mended" and not store.exists(f"provoked/mended/{self.dag_id}"):
            raise ValueError("it is broken until it is mended")
        if self.act == "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.act == "be lost with its worker":
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        if self.act == "be a zombie":
            store.write_bytes("provoked/supervisor", str(os.getppid()).encode())
            os.kill(os.getppid(), signal.SIGSTOP)
        if self.act in ("hang", "be a zombie"):
            while True:
                time.sleep(0.2)
        return {}


class NothingOperator(BaseOperator):
    """A leaf that cleans up, say."""

    def execute(self, context: Any) -> None:
        """Do nothing."""


def provoke(
    name: str,
    act: str,
    *,
    retries: int = 0,
    timeout: timedelta = timedelta(minutes=5),
    run_timeout: timedelta = timedelta(minutes=10),
    leaf: bool = False,
    units: tuple[str, ...] = (),
    **schedule: Any,
) -> DAG:
    """A DAG `provoked_NAME` whose step does this, with the watcher."""
    with DAG(
        dag_id=f"provoked_{name}",
        catchup=False,
        is_paused_upon_creation=False,
        dagrun_timeout=run_timeout,
        default_args={
            "owner": "lastgood",
            "retries": retries,
            "retry_delay": timedelta(seconds=1),
            "execution_timeout": timeout,
            "on_failure_callback": AlertNotifier("failure"),
        },
        **{"schedule": None, "start_date": START, **schedule},
        **NOTIFIES,
    ) as dag:
        step: Any = (
            ProvokeOperator.partial(task_id="extract", map_index_template="{{ task.act }}").expand(act=units)
            if units
            else ProvokeOperator(task_id="extract", act=act)
        )
        if leaf:
            step >> NothingOperator(task_id="clean", trigger_rule=TriggerRule.ALL_DONE)
        step >> WatcherOperator(task_id="watcher", trigger_rule=TriggerRule.ONE_FAILED, retries=0)
    return dag


lost = provoke("lost", "be lost with its worker")
zombie = provoke("zombie", "be a zombie")
exception = provoke("exception", "fail", retries=1)
timeout = provoke("timeout", "hang", timeout=timedelta(seconds=5))
killed = provoke("killed", "be killed")
run_timeout = provoke("run_timeout", "hang", run_timeout=timedelta(seconds=8))
leaf = provoke("leaf", "fail", leaf=True)
mended = provoke("mended", "fail until it was mended")
retried = provoke("retried", "fail on the first try", retries=1)
unheard = provoke("unheard", "fail")
unheard_too = provoke("unheard_too", "fail")
units = provoke("units", "fail", units=("fail", "fail too"))
upstream = provoke("upstream", "find the upstream down")
refused = provoke("refused", "be refused")
outage = provoke("outage", "fail")
outage_too = provoke("outage_too", "fail")
