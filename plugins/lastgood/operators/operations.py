"""Lastgood's own acts on a schedule: watch, recovery, retention, backup. Their runs stand in the run log too."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from lastgood.operators.steps import failing_at_once, run_type, tried_again

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.registry.registry import Registry
    from include.storage.store import Store


class OperationOperator(BaseOperator):
    """One act for all sources, noted in the run log under the DAG's id."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Do it and note how it ended; what it returns is the task's XCom."""
        from lastgood.hooks.registry import RegistryHook

        with failing_at_once():
            registry = RegistryHook().registry()
            with registry.session():
                return self._noted(registry, context)

    def _noted(self, registry: Registry, context: Context) -> dict[str, Any]:
        from include import release
        from include.registry import run_log
        from include.version import version_id
        from lastgood.hooks.store import store

        run = context["dag_run"]
        version = version_id(run.run_after, run.run_id)
        run_log.start(
            registry,
            source=self.dag_id,
            version=version,
            dag_id=self.dag_id,
            run_id=run.run_id,
            interval_start=run.data_interval_start,
            interval_end=run.data_interval_end or run.run_after,
            env=release.environment(),
            code_version=release.code_version(),
            run_type=run_type(run),
        )
        again = partial(tried_again, context)
        try:
            with run_log.step(registry, self.dag_id, version, self.task_id, tried_again=again) as facts:
                facts.update(self.work(store(), registry, context))
        except BaseException as error:
            if not again(error):
                run_log.end(registry, self.dag_id, version, "fail", failed_step=self.task_id)
            raise
        run_log.end(registry, self.dag_id, version, "ok")
        return facts

    @abstractmethod
    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        """The act itself; returns facts for the run log and XCom."""
