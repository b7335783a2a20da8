"""The house's own acts on a schedule: watch, recovery, retention, backup. Their runs stand in the run log too."""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from lastgood.operators.steps import ENVIRONMENT, run_type

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.publishing.registry import Registry
    from include.publishing.store import Store


class OperationOperator(BaseOperator):
    """One act for all sources, noted in the run log under the DAG's id."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Do it and note how it ended; what it returns is the task's XCom."""
        from include import steps
        from include.publishing import manifest, runlog
        from lastgood.hooks.registry import RegistryHook
        from lastgood.hooks.store import store

        run, registry = context["dag_run"], RegistryHook().registry()
        version = manifest.version_id(run.run_after, run.run_id)
        runlog.start(
            registry,
            source=self.dag_id,
            version=version,
            dag_id=self.dag_id,
            run_id=run.run_id,
            interval_start=run.data_interval_start,
            interval_end=run.data_interval_end or run.run_after,
            env=os.environ.get(ENVIRONMENT, "unnamed"),
            code_version=steps.code_version(),
            run_type=run_type(run),
        )
        with runlog.step(registry, self.dag_id, version, self.task_id) as facts:
            facts.update(self.work(store(), registry, context))
        runlog.end(registry, self.dag_id, version, "ok")
        return facts

    @abstractmethod
    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        """The act itself; returns facts for the run log and XCom."""
