"""
### Hold a source

Nothing of the source becomes latest by itself from now on: runs go on to the gate and end as *held*, each candidate
waiting for its release. For an upstream that is being rebuilt, say. Ends at its time, or by DAG `lastgood_release`.

**It failed:** the message says who holds the source already. Nothing was changed.
"""

from lastgood.dag import decision_dag
from lastgood.forms import REASON, UNTIL, source

# Airflow skips a file that does not name it.
hold = decision_dag(
    "hold",
    doc_md=__doc__ or "",
    params={
        "source": source(),
        "reason": REASON,
        "until": UNTIL,
    },
)
