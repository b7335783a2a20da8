"""An operator's decisions as tasks: where there is no shell, the UI's form does the same acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk.exceptions import AirflowFailException

from lastgood.operators.operations import OperationOperator
from lastgood.operators.published import tell_derived, tell_not_exported

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.publishing.promotion import Promotion
    from include.publishing.registry import Registry
    from include.publishing.replay import Replay
    from include.publishing.store import Store

Done = TypeVar("Done", "Promotion", "Replay")


class DecisionOperator(OperationOperator):
    """Does what the form of a `lastgood_…` DAG asks for; a refusal fails the task with its reason."""

    def __init__(self, *, decision: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decision = decision

    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        """Take the decision with the run's parameters; who triggered the run is kept as who did it."""
        from include.publishing.promotion import PromotionFailed
        from include.publishing.registry import said

        run = context["dag_run"]
        who = getattr(run, "triggering_user_name", None) or f"DAG run {run.run_id}"
        acts = {
            "accept": self._accept,
            "rollback": self._rollback,
            "retry": self._retry,
            "pin": self._pin,
            "replay": self._replay,
            "verify": self._verify,
            "rebuild": self._rebuild,
        }
        try:
            return acts[self.decision](store, registry, context, who)
        except (LookupError, ValueError, PromotionFailed, FileNotFoundError) as error:
            raise AirflowFailException(said(error)) from error

    def _accept(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.publishing import decisions

        params = context["params"]
        return self._promoted(
            registry,
            context,
            lambda: decisions.accept(
                store, registry, params["source"], params["version"], who=who, reason=params["reason"]
            ),
        )

    def _rollback(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.publishing import decisions

        params = context["params"]
        return self._promoted(
            registry,
            context,
            lambda: decisions.rollback(
                store, registry, params["source"], to=params["to"], who=who, reason=params["reason"]
            ),
        )

    def _retry(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.publishing import decisions

        params = context["params"]
        source, version = params["source"], params["version"]
        if version:
            if not source:
                raise ValueError("Name the source of the version, or leave both empty for all that failed.")
            return self._promoted(
                registry,
                context,
                lambda: decisions.retry(store, registry, source, version, who=who, reason=params["reason"]),
            )
        all_of_them = decisions.retry_all(
            store,
            registry,
            source or None,
            who=who,
            reason=params["reason"],
            now=datetime.now(UTC),
            report=self.log.info,
        )
        for each in all_of_them.results:
            if each.outcome == "promoted":
                tell_derived(context, each.source, each.version)
            if each.outcome is not None and each.error is not None:
                tell_not_exported(registry, each.source, each.version, each.error)
        return all_of_them.as_dict()

    def _pin(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.publishing import decisions

        params = context["params"]
        act = decisions.unpin if params["unpin"] else decisions.pin
        act(store, registry, params["source"], params["version"], who=who, reason=params["reason"])
        return {
            "source": params["source"],
            "version": params["version"],
            "pinned": None if params["unpin"] else params["reason"],
        }

    def _replay(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.publishing import replay

        params = context["params"]
        done = self._told(
            registry,
            context,
            lambda: replay.replay(
                store,
                registry,
                params["source"],
                params["version"] or None,
                who=who,
                reason=params["reason"],
                now=datetime.now(UTC),
                report=self.log.info,
            ),
        )
        return {"version": done.version, "outcome": str(done.outcome), "latest": done.latest}

    def _verify(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.publishing import verification

        params = context["params"]
        found = verification.verify(
            store, registry, params["source"] or None, all_versions=params["all_versions"]
        )
        if found.damaged:
            raise ValueError("; ".join(each.sentence for each in found.damaged))
        return {"versions": found.versions, "files": found.files, "bytes": found.bytes}

    def _rebuild(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.publishing import decisions

        return decisions.rebuild_registry(store, registry, who=who)

    def _promoted(
        self, registry: Registry, context: Context, decide: Callable[[], Promotion]
    ) -> dict[str, Any]:
        done = self._told(registry, context, decide)
        return {
            "outcome": done.outcome.value,
            "source": done.source,
            "version": done.version,
            "latest": done.latest,
            "as_of": done.as_of.isoformat(),
            "served": done.served,
        }

    @staticmethod
    def _told(registry: Registry, context: Context, decide: Callable[[], Done]) -> Done | Promotion:
        """Decide, and tell whom it concerns: the derived sources that latest moved, people that it was not exported."""
        from include.publishing.decisions import NotExported

        done: Done | Promotion
        why = None
        try:
            done = decide()
        except NotExported as error:
            done, why = error.done, error.why
        if done.latest == done.version:
            tell_derived(context, done.source, done.version)
        if why is not None:
            tell_not_exported(registry, done.source, done.latest, why)
        return done
