"""The backup as a task: registry and latest into a second root, proven by a restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSkipException

from lastgood.hooks.store import BACKUP_VARIABLE, backup_root
from lastgood.operators.operations import OperationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.registry.connection import Connect
    from include.registry.registry import Registry
    from include.storage.store import Store

SCRATCH = "lastgood_scratch"


class BackupOperator(OperationOperator):
    """Takes one backup; skipped where no second root is set up. Fails after it where a version is damaged."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Skip with the sentence that says what to set, or back up; returns what it holds and how long it took."""
        if backup_root() is None:
            raise AirflowSkipException(
                f"There is no backup: set the Variable {BACKUP_VARIABLE} to a root on another disk or bucket, as "
                "file:///a/folder or s3://connection@bucket/prefix."
            )
        return super().execute(context)

    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        from datetime import UTC, datetime

        from include import release
        from include.operations import backup

        root = backup_root()
        assert root is not None
        before, now = backup.newest(root), datetime.now(UTC)
        made = backup.backup(
            store, registry, root, now=now, code_version=release.code_version(), scratch=_scratch()
        )
        facts = made.facts
        if before:
            facts["hours_since_the_one_before"] = round(before.age(now).total_seconds() / 3600, 1)
        if made.damaged:
            self.log.info("%s", facts)
            raise AirflowFailException(
                f"Backup {made.stamp} is good, but it could not copy what is damaged of versions other than latest "
                f"(docs/runbook.md, file-damaged): {' '.join(made.damaged[:20])}"
            )
        return facts


def _scratch() -> Connect | None:
    """The database that the connection lastgood_scratch names, or None: then one is made for each backup."""
    from airflow.sdk import BaseHook

    from lastgood.hooks.registry import RegistryHook

    try:
        BaseHook.get_connection(SCRATCH)
    except AirflowNotFoundException:
        return None
    return RegistryHook(SCRATCH).connect
