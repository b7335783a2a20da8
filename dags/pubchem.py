"""
### PubChem → last good dataset

Upstream: [PubChem](https://pubchem.ncbi.nlm.nih.gov) PUG REST and SDQ, connection `pubchem_api`.
Comes out: compounds, trials, trial_compounds, names, name_candidates, work_list (`latest/pubchem.json`, and in SQL
`published.pubchem_…`); columns in docs/data_contract.md, names in docs/name_resolution.md.

| step | does | when it fails |
|---|---|---|
| probe | reads the list of compounds with trials and a record; skips the run when nothing is due | the upstream is away or changed its shape: wait, or read the message |
| extract | asks for new compounds, what failed, a seventh of the rest, and names; once a month for everything | retried, goes on where it stopped; refused (403): look at the address's quota |
| build | merges into the last good version; quarantines what cannot be read | look into `_quarantine.parquet` of the version |
| gate | every contract in soda/pubchem | failing rows are in the log and in gate.json; a lasting new level is accepted with DAG `lastgood_accept` |
| promote | moves latest, cursors and serving tables in one transaction | tried three times; then mend the database and clear the task |

Whatever fails, consumers keep reading the version before. A compound that could not be asked keeps its trials, and
`work_list` says so; the next run asks again. A full refresh takes about 70 minutes at 5 requests a second.
"""

from airflow.sdk import Param

from lastgood.dag import source_dag

dag = source_dag(
    "pubchem",
    doc_md=__doc__ or "",
    params={
        "full_refresh": Param(
            False,
            type="boolean",
            title="Full refresh",
            description="Ask for every compound again instead of what is due today (about 20,000 requests).",
        ),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Limit",
            description="Ask for the trials of at most so many compounds, unknown ones first. For trying things out.",
        ),
        "names": Param(
            5000,
            type="integer",
            minimum=0,
            title="Names",
            description="Look up at most so many names of interventions; the rest waits for the next runs.",
        ),
    },
)
