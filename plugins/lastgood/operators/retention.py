"""Retention as a task: what each source's policy lets go, or only a list of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from lastgood.operators.operations import OperationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.registry.registry import Registry
    from include.storage.store import Store


class RetentionOperator(OperationOperator):
    """Every source in turn; one that fails does not keep the others from theirs, and fails the task at the end."""

    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        import psycopg

        from include.alerting.delivery import LOG_FILE
        from include.operations import retention
        from include.sources import source as sources
        from lastgood.notifiers import channels

        run, params = context["dag_run"], context["params"]
        who = getattr(run, "triggering_user_name", None) or f"DAG run {run.run_id}"
        now, dry_run, view = datetime.now(UTC), bool(params["dry_run"]), retention.View(store)
        facts: dict[str, Any] = {"dry_run": dry_run}
        failed: list[str] = []
        for source in sources.names() if params["source"] is None else [params["source"]]:
            try:
                plan = retention.plan(
                    store, registry, source, sources.spec(source).retention, now=now, view=view
                )
                for line in retention.lines(plan):
                    self.log.info("%s", line)
                if not dry_run:
                    retention.apply(store, registry, plan, who=who)
            except (OSError, ValueError, LookupError, psycopg.Error, retention.PlanOutdated) as error:
                self.log.exception("%s was left as it is", source)
                failed.append(str(error))
            else:
                facts[source] = {
                    "versions": len(plan.versions),
                    "files": len(plan.keys),
                    "bytes": plan.bytes,
                }
        if not dry_run:
            facts["house_rows"] = retention.forget_system(registry, sources.names(), now)
            facts["told_files"] = retention.forget_told(store, now)
            facts["unfinished"] = len(
                store.sweep(now - sources.longest_task(map(sources.spec, sources.names())))
            )
            facts["log_rotated"] = retention.rotate(channels.log_folder() / LOG_FILE)
        if failed:
            raise AirflowFailException(f"Retention failed for {len(failed)} sources: {'; '.join(failed)}")
        return facts
