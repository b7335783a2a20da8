"""
### Retention

Every night, after the backup: removes what each source's policy lets go (docs/retention.md). Latest, the version before
it, pinned versions, those under way, and every file that one of these references stay. Trigger it with *dry run* to see
in the log what would go, why, and how large it is. Each removal leaves a row in `lastgood.action`.

**It failed:** the message names the source; the others were done. Nothing is half removed: mend the cause and clear it.
*"the registry is older than the store"* and a missing manifest: docs/retention.md.
"""

from airflow.sdk import Param

from lastgood.dag import operation_dag
from lastgood.forms import source
from lastgood.operators.retention import RetentionOperator

retention = operation_dag(
    "retention",
    RetentionOperator,
    "35 4 * * *",
    doc_md=__doc__ or "",
    params={
        "dry_run": Param(False, type="boolean", title="Dry run", description="Only list what would go."),
        "source": source(empty="every source"),
    },
)
