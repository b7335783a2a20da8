"""
### Release what is held

Publishes a version that is *held*, after a rollback, on a hold, or because its source wants its candidates approved, and
ends the hold on its source. With *none* for the version the hold alone ends: the next run publishes what it brings.

Look at the candidate first (`versions SOURCE`, `diff SOURCE`). Each candidate that was held was built upon latest, so the
newest one has everything.

**It failed:** the message says why there is nothing to release, or who was faster. Nothing was changed.
"""

from lastgood.dag import decision_dag
from lastgood.forms import NONE, REASON, source, version

# Airflow skips a file that does not name it.
release = decision_dag(
    "release",
    doc_md=__doc__ or "",
    params={
        "source": source(),
        "version": version(
            "The one that consumers read from now on; the alert that it is held names it, and so does the log of its "
            f"run's promote. Leave “{NONE}” to end the hold alone: the next run publishes what it brings.",
            word=NONE,
            title="Held version to publish",
        ),
        "reason": REASON,
    },
)
