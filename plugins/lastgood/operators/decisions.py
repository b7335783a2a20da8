"""An operator's decisions as tasks: where there is no shell, the UI's form does the same acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk.exceptions import AirflowFailException

from lastgood import forms
from lastgood.errors import DecisionRefused
from lastgood.operators.operations import OperationOperator
from lastgood.operators.published import notify_derived, notify_not_exported

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.operations.replay import Replay
    from include.publishing.promotion import Promotion
    from include.registry.registry import Registry
    from include.storage.store import Store

Done = TypeVar("Done", "Promotion", "Replay")


class DecisionOperator(OperationOperator):
    """Does what the form of a `lastgood_…` DAG asks for; a refusal fails the task with its reason."""

    def __init__(self, *, decision: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decision = decision

    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        """Take the decision with the run's parameters; who triggered the run is kept as who did it."""
        from include.publishing.promotion import PromotionFailed
        from include.registry.actions import form
        from include.registry.connection import error_summary

        run = context["dag_run"]
        who = getattr(run, "triggering_user_name", None) or f"DAG run {run.run_id}"
        acts = {
            "accept": self._accept,
            "rollback": self._rollback,
            "hold": self._hold,
            "release": self._release,
            "retry": self._retry,
            "pin": self._pin,
            "replay": self._replay,
            "verify": self._verify,
            "rebuild": self._rebuild,
        }
        try:
            with form(self.dag_id, run.run_id):
                return acts[self.decision](store, registry, context, who)
        except PromotionFailed as error:
            raise AirflowFailException(error_summary(error)) from error
        except (LookupError, ValueError, FileNotFoundError) as error:
            raise DecisionRefused(error_summary(error)) from error
        finally:
            self._notify_others(registry)

    def _notify_others(self, registry: Registry) -> None:
        """Notify the others on call of what was decided; it may stand though the task fails."""
        from lastgood.notifiers.deployment import dispatcher

        try:
            dispatcher().notify_decisions(registry)
        except Exception:
            # Whatever it is, the decision stands.
            self.log.exception("the others could not be told; the watch does it")

    def _accept(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.operations import decisions

        params = context["params"]
        return self._promoted(
            registry,
            context,
            lambda: decisions.accept(
                store, registry, params["source"], params["version"], who=who, reason=params["reason"]
            ),
        )

    def _rollback(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.operations import decisions

        params = context["params"]
        return self._promoted(
            registry,
            context,
            lambda: decisions.rollback(
                store,
                registry,
                params["source"],
                to=forms.named(params["to"], forms.PREVIOUS),
                until=_moment(params["until"]),
                lets_new=params["lets_new"],
                who=who,
                reason=params["reason"],
            ),
        )

    def _hold(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.operations import decisions
        from include.publishing import hold
        from include.registry import holds

        params = context["params"]
        until = _moment(params["until"])
        decisions.put_on_hold(
            store, registry, params["source"], until=until, who=who, reason=params["reason"]
        )
        with registry.transaction() as cursor:
            there = holds.of(cursor, params["source"])
        if there is not None:
            self.log.info("%s", hold.told(there.source, there.sentence))
        return {"source": params["source"], "until": until.isoformat() if until else None}

    def _release(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.operations import decisions

        params = context["params"]
        version = forms.named(params["version"], forms.NONE)
        if version is None:
            decisions.release(store, registry, params["source"], who=who, reason=params["reason"])
            self.log.info(
                "%s is not on hold any more: the next run publishes what it brings.", params["source"]
            )
            return {"source": params["source"], "version": None}
        return self._promoted(
            registry,
            context,
            lambda: decisions.release_version(
                store, registry, params["source"], version, who=who, reason=params["reason"]
            ),
        )

    def _retry(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.operations import decisions

        params = context["params"]
        source, version = params["source"], forms.named(params["version"], forms.ALL)
        if version is not None:
            if source is None:
                raise ValueError(
                    f"Name the source of the version, or write {forms.ALL!r} for all that failed."
                )
            return self._promoted(
                registry,
                context,
                lambda: decisions.retry(store, registry, source, version, who=who, reason=params["reason"]),
            )
        all_of_them = decisions.retry_all(
            store,
            registry,
            source,
            who=who,
            reason=params["reason"],
            now=datetime.now(UTC),
            report=self.log.info,
        )
        for each in all_of_them.results:
            if each.outcome == "promoted":
                notify_derived(context, each.source, each.version)
            if each.outcome is not None and each.error is not None:
                notify_not_exported(registry, each.source, each.version, each.error)
        return all_of_them.as_dict()

    def _pin(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.operations import decisions

        params = context["params"]
        act = decisions.unpin if params["unpin"] else decisions.pin
        act(store, registry, params["source"], params["version"], who=who, reason=params["reason"])
        what = "left to retention again" if params["unpin"] else "kept until it is unpinned"
        self.log.info("%s %s is %s.", params["source"], params["version"], what)
        return {
            "source": params["source"],
            "version": params["version"],
            "pinned": None if params["unpin"] else params["reason"],
        }

    def _replay(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.operations import replay
        from include.sources import source as sources
        from lastgood.hooks.keys import keys
        from lastgood.hooks.upstream import options

        params = context["params"]
        # An unknown source is told of by what is called
        spec = sources.spec(params["source"]) if params["source"] in sources.names() else None
        done = self._announced(
            registry,
            context,
            lambda: replay.replay(
                store,
                registry,
                params["source"],
                forms.named(params["version"], forms.INPUTS),
                who=who,
                reason=params["reason"],
                now=datetime.now(UTC),
                keys=keys(spec.keys) if spec else {},
                options=options(spec.connection, spec.options) if spec else {},
                report=self.log.info,
            ),
        )
        self.log.info(
            "%s %s is %s; latest of %s is %s.",
            params["source"],
            done.version,
            done.outcome,
            params["source"],
            done.latest,
        )
        return {"version": done.version, "outcome": str(done.outcome), "latest": done.latest}

    def _verify(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.operations import verification

        params = context["params"]
        found = verification.verify(store, registry, params["source"], all_versions=params["all_versions"])
        if found.troubles:
            raise AirflowFailException("; ".join(found.troubles))
        versions = f"{found.versions} version{'s' * (found.versions != 1)}"
        self.log.info(
            "%s is as it was published: %s, %d files, and %d tables in SQL.",
            params["source"] or "Every source",
            versions,
            found.files,
            len(found.served),
        )
        return {
            "versions": found.versions,
            "files": found.files,
            "bytes": found.bytes,
            "tables": len(found.served),
            "rows": sum(each.rows for each in found.served),
        }

    def _rebuild(self, store: Store, registry: Registry, context: Context, who: str) -> dict[str, Any]:
        from include.operations import decisions

        found = decisions.rebuild_registry(store, registry, who=who)
        counts = ", ".join(f"{count} of {name}" for name, count in found.items() if name != "damaged")
        self.log.info("Versions that the registry knows again: %s.", counts or "none")
        for sentence in found.get("damaged", ()):
            self.log.warning("Left out: %s", sentence)
        return found

    def _promoted(
        self, registry: Registry, context: Context, decide: Callable[[], Promotion]
    ) -> dict[str, Any]:
        done = self._announced(registry, context, decide)
        self.log.info("%s", done.sentence)
        return {
            "outcome": done.outcome.value,
            "source": done.source,
            "version": done.version,
            "latest": done.latest,
            "as_of": done.as_of.isoformat(),
            "served": done.served,
        }

    @staticmethod
    def _announced(registry: Registry, context: Context, decide: Callable[[], Done]) -> Done | Promotion:
        """Decide, and notify whom it concerns: derived sources that latest moved, people that it was not exported."""
        from include.operations.decisions import NotExported

        done: Done | Promotion
        why = None
        try:
            done = decide()
        except NotExported as error:
            done, why = error.done, error.why
        if done.latest == done.version:
            notify_derived(context, done.source, done.version)
        if why is not None:
            notify_not_exported(registry, done.source, done.latest, why)
        return done


def _moment(text: str | None) -> datetime | None:
    """A time of a form; the browser writes one without a zone in UTC."""
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
