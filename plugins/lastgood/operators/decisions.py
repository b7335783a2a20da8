"""An operator's decisions as tasks: accept, roll back, rebuild. Where there is no shell, the UI's form does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from lastgood.assets import DECIDED, asset_of

if TYPE_CHECKING:
    from airflow.sdk import Context


class DecisionOperator(BaseOperator):
    """Does what the form of a `lastgood_…` DAG asks for; a refusal fails the task with its reason."""

    def __init__(self, *, decision: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decision = decision

    def execute(self, context: Context) -> dict[str, Any]:
        """Take the decision with the run's parameters; who triggered the run is kept as who did it."""
        from dataclasses import asdict

        from include import steps
        from include.publishing import promotion, rebuild
        from lastgood.hooks.registry import RegistryHook
        from lastgood.hooks.store import store as open_store

        store, registry = open_store(), RegistryHook().registry()
        params, run = context["params"], context["dag_run"]
        who = getattr(run, "triggering_user_name", None) or f"DAG run {run.run_id}"
        try:
            if self.decision == "rebuild":
                return dict(rebuild.rebuild(store, registry))
            signed = {"who": who, "reason": params["reason"]}
            if self.decision == "accept":
                done = promotion.accept(store, registry, params["source"], params["version"], **signed)
            else:
                done = promotion.rollback(store, registry, params["source"], to=params["to"], **signed)
        except (promotion.PromotionRefused, LookupError, ValueError) as error:
            raise AirflowFailException(str(error)) from error
        try:
            steps.export(store, registry, done.source)
        except (OSError, ValueError) as error:
            raise AirflowFailException(
                f"The decision stands: latest of {done.source} is {done.latest}. Only its other forms could not be "
                f"written ({error}). Do not decide again: run the DAG {done.source}, whose export writes them."
            ) from error
        if done.latest == done.version:
            # Which source it is, only the form says: through the alias those built from it run anew.
            context["outlet_events"][DECIDED].add(asset_of(done.source), extra={"version": done.version})
        return {**asdict(done), "as_of": done.as_of.isoformat()}
