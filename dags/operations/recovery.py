"""
### Recovery

Every ten minutes: finishes what a failure left half done, and removes what dead runs left behind. Where there is
nothing to do it does nothing.

* **Publishing that failed** is tried again in three rounds, 10, 20 and 40 minutes after the last attempt, as long as
  the candidate can still become latest. Then the watch says `publish-given-up`, and a person has to look.
* **A lease that expired** (the process died while it published) is taken over; it counts as a round.
* **Pointer and states** (`latest/SOURCE.json`, `state.json` of each version) are written again where they are missing or
  differ from the registry.
* **Leftovers**: candidates of dead runs that can never become latest are ended; files of candidates that were never
  sealed, and scratch folders go once nobody has written to them for as long as a task may last. Raw
  landings stay, retention removes them.

What it publishes is announced like any promotion, so derived sources follow. Each act is kept in `lastgood.action`.
Running promotions and runs under way are left alone.

**It failed:** the message names the source and what could not be done; the other sources were seen to, and the next run
tries again. *"the registry is older than the store"* means that the registry was restored or is empty: make an empty
one and run *lastgood_rebuild_registry*, else readers of files would be led back.

**It is paused or down:** nothing is lost, only not mended; clear the promote task of the run in question instead.
"""

from lastgood.dag import operation_dag
from lastgood.operators.recovery import RecoveryOperator

# Airflow skips a file that does not name it, and shows the docstring as the DAG's runbook.
recovery = operation_dag("recovery", RecoveryOperator, "*/10 * * * *", doc_md=__doc__ or "")
