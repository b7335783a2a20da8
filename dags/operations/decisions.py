"""
### An operator's decisions

*lastgood_accept* takes a rejected version whose only failures are change rules (a lasting new level, say) and
promotes it. *lastgood_rollback* makes an earlier version latest again. *lastgood_rebuild_registry* fills an empty
registry from the manifests in the store. Each keeps who triggered it and the reason in `lastgood.action`; nothing
here runs on a schedule, and the same acts are commands of `python -m include.cli`.
"""

from airflow.sdk import Param

from lastgood.dag import decision_dag

REASON = Param(type="string", minLength=3, title="Reason", description="Kept with your name; say why.")

accept = decision_dag(
    "accept",
    doc_md=__doc__ or "",
    params={
        "source": Param(type="string", title="Source", description="For example ctgov."),
        "version": Param(type="string", title="Version", description="The rejected version."),
        "reason": REASON,
    },
)
rollback = decision_dag(
    "rollback",
    doc_md=__doc__ or "",
    params={
        "source": Param(type="string", title="Source", description="For example ctgov."),
        "to": Param(
            None,
            type=["null", "string"],
            title="To",
            description="The version to go back to; empty for the one before latest.",
        ),
        "reason": REASON,
    },
)
rebuild = decision_dag("rebuild_registry", doc_md=__doc__ or "", decision="rebuild")
