"""
### Accept a rejected version

Publishes a version that the gate rejected by change rules alone: a lasting new level, say. One that fails its contract
is never published, by nobody. The acceptance holds for the verdict that was read; when the gate runs again, the new
verdict counts.

Look at the failing rows first (log of the gate, `checks SOURCE VERSION`, `diff SOURCE`). The reason is kept with your
name in `lastgood.action`, and the others on call are told.

**It failed:** the message says why the version cannot be accepted, or who was faster. Nothing was changed.
"""

from lastgood.dag import decision_dag
from lastgood.forms import REASON, source, version

# Airflow skips a file that does not name it.
accept = decision_dag(
    "accept",
    doc_md=__doc__ or "",
    params={
        "source": source(),
        "version": version(
            "The one that consumers read from now on; the alert that it was rejected names it.",
            title="Rejected version to publish",
        ),
        "reason": REASON,
    },
)
