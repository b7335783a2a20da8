"""One DAG run in this process, start to end, without a scheduler: `python -m sandbox.dagrun DAG_ID [CONF]`.

The child of `make run`: it inherits the sandbox's environment, and everything Airflow prints goes to its log.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path


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
    dag = bag.dags[dag_id]
    for task in dag.tasks:
        # Somebody waits at the terminal: what fails three times within seconds may be told.
        task.retry_delay, task.max_retry_delay = timedelta(seconds=1), timedelta(seconds=4)
    run = dag.test(run_after=datetime.now(UTC), logical_date=None, run_conf=json.loads(conf))
    return 0 if str(run.state) == "success" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
