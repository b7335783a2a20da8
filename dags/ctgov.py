"""
### ClinicalTrials.gov → last good dataset

Upstream: [ClinicalTrials.gov](https://clinicaltrials.gov) API v2, connection `ctgov_api`.
Comes out: studies, interventions, conditions, locations, sponsors, aliases, removals
(`latest/ctgov.json`, and in SQL `published.ctgov_…`); columns in docs/data_contract.md.

| step | does | when it fails |
|---|---|---|
| probe | compares the data version with the last committed one; skips the run when it is the same and no slice is due | the upstream is away or changed its shape: wait, or read the message |
| extract | lands the studies updated since the last promotion less 3 days, and a slice that is read again; once a week the list of all ids | retried, goes on where it stopped; three drifts in a row need a look at the upstream |
| build | merges into the last good version, splits into tables, quarantines what cannot be read | look into `_quarantine.parquet` of the version |
| gate | every contract in soda/ctgov | failing rows are in the log and in gate.json; a lasting new level is accepted with DAG `lastgood_accept` |
| promote | moves latest, cursors and serving tables in one transaction | tried three times; then mend the database and clear the task |

Whatever fails, consumers keep reading the version before. Nothing needs to be cleaned up by hand: clear the
failed task, or trigger a new run. *full_refresh* fetches everything again and is right after long outages.
"""

from airflow.sdk import Param

from lastgood.dag import source_dag

dag = source_dag(
    "ctgov",
    doc_md=__doc__ or "",
    params={
        "full_refresh": Param(
            False,
            type="boolean",
            title="Full refresh",
            description="Fetch every study again instead of the ones updated since the last promotion "
            "(about 2,400 requests: 40 minutes at one a second).",
        ),
        "since": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Since",
            description="Fetch studies updated on or after this date instead of since the last promotion.",
        ),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Limit",
            description="Take at most so many studies, oldest update first; the next run goes on from there. "
            "For trying things out.",
        ),
    },
)
