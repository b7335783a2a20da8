"""
### Verify what is published

Reads published files again, and every row in SQL, and compares both with the checksums of their manifests.

**It failed:** a checksum or a row differs; the message names each file and table (docs/runbook.md, file-damaged).
"""

from airflow.sdk import Param

from lastgood.dag import decision_dag
from lastgood.forms import source

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
