"""
### Roll back to an earlier version

Makes an earlier version latest again, in SQL and in files, with its watermarks. The next run would bring the same data
again, so the source is **on hold** from then: runs go on to the gate and end as *held*, until the hold's time is over or
somebody releases it (DAG `lastgood_release`). To let other data of the upstream pass by themselves, set *Let new data
pass*; only ClinicalTrials.gov says of its data which they are.

To undo a rollback, name the version that was rolled back from; that ends the hold.

**It failed:** the message says why the version cannot come back, or who was faster. Nothing was changed.
"""

from airflow.sdk import Param

from lastgood.dag import decision_dag
from lastgood.forms import PREVIOUS, REASON, UNTIL, source, version

rollback = decision_dag(
    "rollback",
    doc_md=__doc__ or "",
    params={
        "source": source(),
        "to": version(
            f"What consumers read from now on. Leave “{PREVIOUS}” for the version before the one they read now.",
            word=PREVIOUS,
            title="Go back to version",
        ),
        "reason": REASON,
        "until": UNTIL,
        "lets_new": Param(
            False,
            type="boolean",
            title="Let new data pass",
            description="The source is on hold from now on: runs go on, and what they bring waits for its release. "
            "Switched on, data that the upstream calls another version than the bad one do not wait; only "
            "ClinicalTrials.gov says so of its data.",
        ),
    },
)
