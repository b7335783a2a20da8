"""
### Watch

Every five minutes: looks at what no run tells of itself, tells people of what it finds, and says when it is over. Its
thresholds stand in `include/monitoring/thresholds.yml`, each with its reason; what to do about each finding stands in
docs/runbook.md under the name of its kind.

| finding | when |
|---|---|
| stale | no run has replaced latest or found it current for longer than the source's `fresh_within` |
| upstream-still | runs go well, but bring nothing new for longer than the upstream ever stood still (`grows` of its spec) |
| zero-rows | a table of latest is empty that had rows before |
| error-rate | more than 1 % of latest was refused, or of the questions of the run that made it had no answer |
| publish-failures | publishing a source failed more than 5 times in an hour |
| staged-too-long | a candidate is staged for more than 24 hours |
| lease-expired | a version is being published beyond its lease |
| publish-given-up | the recovery DAG has tried three times |
| groups-failing | more than 10 % of a day's groups could not be formed |
| success-rate | less than 95 % of the last 30 scheduled runs succeeded; 98 % is the goal and stands in the run log |
| disk-low | less than 20 % of a disk is free: the store's, that of temporary files, that of the logs |
| backup-old | the newest verified backup is older than promised; only where Variable `lastgood_backup_root` is set |

It also tells what was decided in a shell, says again what a broken channel did not take, ends the entries of runs that
died without a word, and leaves `monitoring/heartbeat.json` in the store. **When the scheduler is down nobody here can say so**: set the connection
`lastgood_deadman` to an outside monitor's URL, which is asked after each complete run, and let that monitor sound the
alarm after 15 minutes of silence.

**It failed:** a rule could not look, and the message names it and why; the other rules were applied, and what the
failed one found before stays open. Mend the cause; nothing is to be cleared, the next run is five minutes away.
"""

from datetime import timedelta

from lastgood.dag import operation_dag
from lastgood.operators.watch import WatchOperator

# Airflow skips a file that does not name it, and shows the docstring as the DAG's runbook.
watch = operation_dag(
    "watch", WatchOperator, "*/5 * * * *", doc_md=__doc__ or "", timeout=timedelta(minutes=4)
)
