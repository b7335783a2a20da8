"""The asking steps of one run of ctgov as Airflow's tasks: the run's type, its day, the seconds of patience."""

import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowRescheduleException

from lastgood.operators import steps

kind, day, steps.PATIENCE_SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
end = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day)
run = SimpleNamespace(
    run_id=f"{kind}__{day}",
    data_interval_start=end - timedelta(days=1),
    data_interval_end=end,
    run_after=end,
    run_type=kind,
    start_date=end,
)
params = {"full_refresh": True, "since": None, "limit": None}
task = SimpleNamespace(try_number=1, max_tries=0, task_id="any")
context: Any = {"dag_run": run, "params": params, "ti": task}
dag = DAG("ctgov", schedule=None)
for name, operator in (("probe", steps.ProbeOperator), ("extract", steps.ExtractOperator)):
    step = operator(task_id=name, source="ctgov", dag=dag)
    while True:
        try:
            step.execute(context)
        except AirflowRescheduleException as later:
            print(f"{kind} {name} comes back at {later.reschedule_date}", flush=True)
        else:
            break
print("asked", flush=True)
