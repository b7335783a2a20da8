"""
### Pin or unpin a version

Keeps a version whatever retention says, until it is unpinned: for a paper that cites it, say. Its raw landing stays too.

**It failed:** the version is not there, or is pinned (or not) already, and by whom. Nothing was changed.
"""

from airflow.sdk import Param

from lastgood.dag import decision_dag
from lastgood.forms import REASON, source, version

pin = decision_dag(
    "pin",
    doc_md=__doc__ or "",
    params={
        "source": source(),
        "version": version("The version that retention must not remove."),
        "unpin": Param(
            False, type="boolean", title="Unpin", description="Leave a pinned version to retention again."
        ),
        "reason": REASON,
    },
)
