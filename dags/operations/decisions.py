"""
### An operator's decisions

*lastgood_accept* takes a rejected version whose only failures are change rules (a lasting new level, say) and
promotes it. *lastgood_rollback* makes an earlier version latest again. *lastgood_pin* keeps a version whatever
retention says. *lastgood_rebuild_registry* fills an empty registry from the manifests in the store. Each keeps who
triggered it and the reason in `lastgood.action`; nothing here runs on a schedule, and the same acts are commands of
`python -m include.cli`.
"""

from airflow.sdk import Param

from lastgood.dag import decision_dag
from lastgood.forms import REASON, source, version

accept = decision_dag(
    "accept",
    doc_md=__doc__ or "",
    params={"source": source(), "version": version("The rejected version."), "reason": REASON},
)
rollback = decision_dag(
    "rollback",
    doc_md=__doc__ or "",
    params={
        "source": source(),
        "to": Param(
            None,
            type=["null", "string"],
            title="To",
            description="The version to go back to; empty for the one before latest.",
        ),
        "reason": REASON,
    },
)
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
rebuild = decision_dag("rebuild_registry", doc_md=__doc__ or "", decision="rebuild")
