"""The doctor as a task: it needs neither registry nor store to say what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context


class DoctorOperator(BaseOperator):
    """Looks at everything and writes it into its log. Fails where something is wrong, and tells only who asked."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Look once; the run's parameter `test_message` has a message sent through each channel."""
        from include.monitoring import doctor
        from include.registry.registry import Registry
        from lastgood.doctor import look_at_all
        from lastgood.hooks.registry import RegistryHook

        now = datetime.now(UTC)
        findings, store = look_at_all(
            Registry(RegistryHook().connect), context, now, test_message=context["params"]["test_message"]
        )
        write = {"wrong": self.log.error, "advice": self.log.warning}
        for level, line in doctor.lines(findings):
            write.get(level, self.log.info)("%s", line)
        if store is not None and not any(each.what == "store" and each.level == "wrong" for each in findings):
            doctor.keep(store, findings, now, context["dag_run"].run_id)
        bad = [each for each in findings if each.level == "wrong"]
        if bad:
            raise AirflowFailException(
                f"{len(bad)} of {len(findings)} looks found something wrong: "
                f"{' '.join(f'{each.what}: {each.says} {each.remedy}' for each in bad)}"
            )
        return {
            level: sum(each.level == level for each in findings) for level in ("well", "advice", "unchecked")
        }
