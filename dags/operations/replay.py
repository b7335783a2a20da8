"""
### Rebuild a version from its raw landing

With today's code and without asking the upstream; it is published if it passes. A derived source is built from the
latest versions of its inputs instead: write *inputs* for the version.

**It failed:** the raw landing is gone or not complete, or the candidate did not pass; the message says which.
"""

from lastgood.dag import decision_dag
from lastgood.forms import INPUTS, REASON, source, version

# Airflow skips a file that does not name it.
replay = decision_dag(
    "replay",
    doc_md=__doc__ or "",
    params={
        "source": source(),
        "version": version(
            f"The one whose raw landing is used. Leave “{INPUTS}” for a source that is derived from others.",
            word=INPUTS,
        ),
        "reason": REASON,
    },
)
