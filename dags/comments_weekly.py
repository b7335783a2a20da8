"""
### Comments by week → last good dataset, and the weekly brief

Built every Monday at 09:00 UTC from the latest good version of [comments](dag:comments); no upstream is asked. A run is
about the last week, Monday to Sunday in UTC, that was over at the end of its interval: rankings, velocity alerts,
sentiment by day, platforms, posts and storylines (`latest/comments_weekly.json`, in SQL
`published.comments_weekly_…`), and the brief as PDF with its JSON twin below `site/comments_weekly/` of the store
(docs/weekly_brief.md). `airflow backfill` builds any past week, one run at a time.

| step | does | when it fails |
|---|---|---|
| probe | looks whether comments has a version; a week is built also from the same one | it was never published: run its DAG |
| build | computes the week, draws the brief, takes all other weeks over | the message names table and column |
| gate | every contract in soda/comments_weekly | failing rows are in the log and in gate.json; a lasting new level is accepted with DAG `lastgood_accept` |
| promote | moves latest, cursors and serving tables in one transaction | tried three times; then mend the database and clear the task |
| export | writes the briefs of the promoted version as files, then sends that of the last week | clear the task; what could not be sent the watch sends |

Whatever fails, consumers keep reading the version before. Nothing needs to be cleaned up by hand.
"""

from lastgood.dag import source_dag

# Airflow shows the docstring as the DAG's runbook.
dag = source_dag("comments_weekly", doc_md=__doc__ or "")
