"""
### Compounds in clinical studies → last good dataset

Built whenever [ctgov](dag:ctgov) or [pubchem](dag:pubchem) has a new version, from the latest good one of each; no
upstream of its own is asked. Comes out: clinical_compound_trials and intervention_compounds (`latest/clinical.json`,
and in SQL `published.clinical_…`), and the table page with CSV and JSONL below `site/clinical/` of the store
(docs/table_page.md).

| step | does | when it fails |
|---|---|---|
| probe | compares the latest versions of both sources with those it was built from; skips the run when they are the same | one of them was never published: run its DAG |
| build | joins PubChem's links and the resolved names of interventions with the studies | the message names table and column |
| gate | every contract in soda/clinical | failing rows are in the log and in gate.json; a lasting new level is accepted with DAG `lastgood_accept` |
| promote | moves latest, cursors and serving tables in one transaction | tried three times; then mend the database and clear the task |
| export | writes page, CSV and JSONL of the promoted version; readers switch with one small file | clear the task; until then the page shows the version before |

Whatever fails, consumers keep reading the version before. Nothing needs to be cleaned up by hand.
Runs of this DAG have no data interval: a version's data time is when the run began.
"""

from lastgood.dag import source_dag

# Airflow shows the docstring as the DAG's runbook.
dag = source_dag("clinical", doc_md=__doc__ or "")
