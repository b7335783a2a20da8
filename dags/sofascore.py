"""
### SofaScore → last good dataset

Upstream: SofaScore's API, connection `sofascore_api`, which has **no default host**: SofaScore publishes no terms of
use and has refused permission, so runs are skipped until an operator who holds the rights sets one.
`make run SOURCES=sofascore` runs it on the sample upstream. Comes out: match, team and player tables
(`latest/sofascore.json`, in SQL `published.sofascore_…`; docs/data_contract.md).

| step | does | when it fails |
|---|---|---|
| probe | reads one list of seasons | the upstream is away or changed its shape: wait, or read the message |
| discover | reads the lists that can have changed; plans what to ask for | retried, goes on with the next competition |
| extract | a task for each season of a competition: its matches that are new, changed or young | retried, goes on where it stopped; a challenge (403) stops the run: settle the rights, clear the whole run |
| build | merges into the last good version, computes what follows | look into `_quarantine.parquet` of the version |
| gate | every contract in soda/sofascore | failing rows are in the log and in gate.json; a lasting new level is accepted with DAG `lastgood_accept` |
| promote | moves latest, cursors and serving tables in one transaction | mend the database and clear the task |

Whatever fails, consumers keep reading the version before. A run whose extract fails ends as *partial*; the next run
takes over what landed. How to rebuild a part: docs/backfill.md.
"""

from airflow.sdk import Param

from lastgood.dag import source_dag


def _text(title: str, what: str, **more: str) -> Param:
    return Param(None, type=["null", "string"], title=title, description=f"Rebuild: {what}", **more)


dag = source_dag(
    "sofascore",
    doc_md=__doc__ or "",
    params={
        "competition": _text("Competition", "one by slug (england-premier-league) or SofaScore's number."),
        "season": _text("Season", "2025-26, 2026, or SofaScore's number of a season."),
        "from": _text("From", "matches that kick off on or after this date (UTC).", format="date"),
        "to": _text("To", "matches that kick off on or before this date (UTC).", format="date"),
        "full_refresh": Param(
            False, type="boolean", title="Full refresh", description="Ask again for absent parts too."
        ),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Limit",
            description="So many matches, newest first.",
        ),
        "tolerate_failed": Param(
            0,
            type="integer",
            minimum=0,
            title="Tolerate failed",
            description="Publish though so many matches of a season could not be had whole; the next run asks again.",
        ),
    },
)
