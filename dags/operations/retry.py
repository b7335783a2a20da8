"""
### Publish again what failed to be published

Publishes what passed its gate and failed to be published: one version, or with *all* everything that failed. Recovery
does the same by itself, three times within an hour or so.

**It failed:** the message says why it could not be published; latest is as it was.
"""

from lastgood.dag import decision_dag
from lastgood.forms import ALL, REASON, source, version

# Airflow skips a file that does not name it.
retry = decision_dag(
    "retry",
    doc_md=__doc__ or "",
    params={
        "source": source(empty="every source"),
        "version": version(
            f"The one that failed to be published; the alert names it. Leave “{ALL}” for all of them.",
            word=ALL,
        ),
        "reason": REASON,
    },
)
