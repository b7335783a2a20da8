"""
### Backup

Every night: a dump of the registry and the files that latest needs, in the second root that Variable
`lastgood_backup_root` names; without it the run is skipped. Each dump is restored into a scratch database and compared,
and only then counts. The registry's user needs CREATEDB for that, or the connection `lastgood_scratch` an empty database.
How long it took and how large it is stand in the run log; how to restore stands in docs/backup.md.

**It failed:** the message says which file is damaged (bring it back: docs/runbook.md, file-damaged), what to grant, or
that the registry has lost a source. Backups from before stay; where it says that the backup is good, this one counts too. Clear the task when the cause is mended.
"""

from datetime import timedelta

from lastgood.dag import operation_dag
from lastgood.operators.backup import BackupOperator

# Airflow skips a file that does not name it, and shows the docstring as the DAG's runbook.
backup = operation_dag(
    "backup", BackupOperator, "30 3 * * *", doc_md=__doc__ or "", timeout=timedelta(hours=2), retries=2
)
