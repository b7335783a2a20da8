"""
### Repairs

*lastgood_retry* publishes again what passed its gate and failed to be published: one version, or all of them.
*lastgood_replay* makes a version anew from its raw landing with today's code, without asking the upstream, and
publishes it if it passes; a derived source is built from the latest versions of its inputs. *lastgood_verify* reads
published files again and fails where a checksum differs, naming each file.
Nothing here runs on a schedule, and the same acts are commands of `python -m include.cli`.
"""

from airflow.sdk import Param

from lastgood.dag import decision_dag
from lastgood.forms import REASON, source, version

retry = decision_dag(
    "retry",
    doc_md=__doc__ or "",
    params={
        "source": source(empty="every source"),
        "version": version("The version that failed to be published; empty for all of them.", optional=True),
        "reason": REASON,
    },
)
replay = decision_dag(
    "replay",
    doc_md=__doc__ or "",
    params={
        "source": source(),
        "version": version(
            "The version whose raw landing is used; empty for a source that is derived from others.",
            optional=True,
        ),
        "reason": REASON,
    },
)
verify = decision_dag(
    "verify",
    doc_md=__doc__ or "",
    params={
        "source": source(empty="every source"),
        "all_versions": Param(
            False,
            type="boolean",
            title="All versions",
            description="Every published version instead of latest and the one before it.",
        ),
    },
)
