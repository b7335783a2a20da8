"""
### Rebuild a lost registry

Fills an empty registry, and the serving tables, with what the store knows: versions, verdicts, decisions about them,
holds, and what is latest. All in one transaction: a rebuild that is killed leaves nothing. What a version's files do not
tell (runs, alerts) is gone.

**It failed:** the registry knows versions already, or latest of a source cannot be read; the message names the file.
Nothing was changed. A restore from a backup brings back more (docs/backup.md).
"""

from lastgood.dag import decision_dag

# Airflow skips a file that does not name it.
rebuild = decision_dag("rebuild_registry", doc_md=__doc__ or "", decision="rebuild")
