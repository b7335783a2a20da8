"""
### Social comments → last good dataset

Upstream: files that scrapers exported, in the folder or bucket that the Variable `comments_inbox` names, and datasets of
Apify (connection `comments_api`, ids in its extra `datasets`). With neither, runs are skipped. Its extra may name another
`catalogue` of entities and a `classifier` (docs/comments_enrichment.md). The Airflow connection `comments_authors` holds the
key of author hashes. Comes out: posts, comments, what they say of whom, and files (`latest/comments.json`, in SQL
`published.comments_…`; docs/data_contract.md).

| step | does | when it fails |
|---|---|---|
| probe | lists the inbox, asks each dataset for its number of items | the inbox is gone, Apify is away, or the key is missing: the message says which |
| extract | lands new files byte for byte and new items page by page | retried, goes on behind the last whole file or page |
| build | reads every format, hashes authors, merges into the last good version | look into `_quarantine.parquet` of the version: file, line and reason |
| gate | every contract in soda/comments | failing rows are in the log and in gate.json; a lasting new level is accepted with DAG `lastgood_accept` |
| promote | moves latest, cursors and serving tables in one transaction | mend the database and clear the task |

Whatever fails, consumers keep reading the version before. A file of a format that is not known is quarantined and the
others are read. A file is taken once: to have it read again by newer code, replay its version with `lastgood_replay`.
"""

from lastgood.dag import source_dag

dag = source_dag("comments", doc_md=__doc__ or "")
