"""One DAG run in this process, start to end, without a scheduler: `python -m sandbox.dagrun DAG_ID [CONF]`.

What `make run` does for each source: it has the sandbox's environment, and everything Airflow prints goes to its
log.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, SupportsIndex

# What tasks import besides Airflow itself
_LIBRARIES = (
    "airflow.providers.http.hooks.http",
    "airflow.providers.postgres.hooks.postgres",
    "alembic.command",
    "duckdb",
    "pyarrow.csv",
    "pyarrow.dataset",
    "soda_duckdb.common.data_sources.duckdb_data_source",
)


def load() -> None:
    """Load Airflow and the tasks' libraries, eight seconds of work, for runs that are forked from this process.

    Nothing of the project is loaded, and no thread is left, which a fork would lose.
    """
    import httpx
    from airflow.dag_processing.dagbag import BundleDagBag  # noqa: F401 (loaded for the runs)
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    for name in _LIBRARIES:
        importlib.import_module(name)

    async def ask() -> None:
        # Half of the time is the first answer of the API by which tasks speak to Airflow.
        transport = httpx.ASGITransport(app=in_process_api_server().app)
        async with httpx.AsyncClient(transport=transport, base_url="http://in-process") as client:
            (await client.get("/health")).raise_for_status()

    asyncio.run(ask())


def main(dag_id: str, conf: str = "{}") -> int:
    """Run the DAG once; 0 when the run succeeded (a skip is a success), 1 when it failed."""
    from airflow.configuration import conf as settings
    from airflow.dag_processing.dagbag import DagBag

    folder = settings.get("core", "dags_folder")
    # The dag-processor would have put it there.
    sys.path.insert(0, folder)
    sys.path.append(settings.get("core", "plugins_folder"))
    bag = DagBag(Path(folder))
    if bag.import_errors or dag_id not in bag.dags:
        print(
            f"DAG {dag_id} cannot be loaded: {bag.import_errors or 'there is no such DAG'}", file=sys.stderr
        )
        return 1
    dag, given = bag.dags[dag_id], json.loads(conf)
    # dag.test() checks the params of a DAG's callbacks without the conf of the run.
    for params in (dag.params, *(task.params for task in dag.tasks)):
        params.update({name: value for name, value in given.items() if name in params})
    for task in dag.tasks:
        # Somebody waits at the terminal: what fails four times within seconds may be told.
        task.retry_delay, task.max_retry_delay = timedelta(seconds=0.5), timedelta(seconds=1)
    _look_often()
    _tell_callbacks_of_errors()
    run = dag.test(run_after=datetime.now(UTC), logical_date=None, run_conf=given)
    return 0 if str(run.state) == "success" else 1


def _look_often() -> None:
    """Let dag.test() look 20 times a second for what is next, not once: skipping five tasks took five seconds."""
    sleep = time.sleep

    def less(seconds: float | SupportsIndex) -> None:
        asking = sys._getframe(1).f_globals["__name__"]
        sleep(0.05 if asking == "airflow.sdk.definitions.dag" else seconds)

    time.sleep = less


def _tell_callbacks_of_errors() -> None:
    """Let a callback see what its task raised, as under a scheduler; dag.test() of Airflow 3.2 leaves that out."""
    from airflow.sdk.execution_time import task_runner

    finalize = task_runner.finalize

    def whole(ti: Any, state: Any, context: Any, log: Any, error: BaseException | None = None) -> None:
        if error is not None:
            context["exception"] = error
        finalize(ti, state, context, log, error)

    task_runner.finalize = whole


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
