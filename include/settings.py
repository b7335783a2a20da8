"""Every setting that the code reads: connections, Variables, environment variables, options of Airflow.

The table in docs/operations.md is made from this list, the doctor checks what stands here, and a test holds the code to
it: what is read anywhere has its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from include import release
from include.sources import source as sources
from include.sources.source import KEY_BYTES, Spec

Kind = Literal["connection", "Variable", "environment", "Airflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that a deployment may set. `name` of an option of Airflow is section.option."""

    kind: Kind
    name: str
    meaning: str
    """For the table, in Markdown."""
    required: bool = False
    """Without it something that was promised does not work, and people are told."""
    missing: str = ""
    """What does not work without it, as a sentence."""
    at_most: float | None = None
    """Seconds, of an option of Airflow whose own default is too large."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it, where a platform takes these."""
        match self.kind:
            case "connection":
                return f"AIRFLOW_CONN_{self.name.upper()}"
            case "Variable":
                return f"AIRFLOW_VAR_{self.name.upper()}"
            case "Airflow":
                section, _, option = self.name.partition(".")
                return f"AIRFLOW__{section.upper()}__{option.upper()}"
        return self.name


_SYSTEM = (
    Setting(
        kind="connection",
        name="lastgood_registry",
        meaning="PostgreSQL: registry (schema `lastgood`) and serving tables (schema `published`)",
        required=True,
        missing="Nothing runs without the registry.",
    ),
    Setting(
        kind="connection",
        name="lastgood_smtp",
        meaning="SMTP; extra `to` (who is told), `from_email`",
    ),
    Setting(
        kind="connection",
        name="lastgood_webhook",
        meaning="HTTP; host and path, the secret last part of the path as password; extra `form`: `json` (default) or "
        "`slack`",
    ),
    Setting(
        kind="connection",
        name="lastgood_apprise",
        meaning="optional; URLs of Apprise in the password, separated by blanks; needs the package `apprise`",
    ),
    Setting(
        kind="connection",
        name="lastgood_deadman",
        meaning="HTTP, like the webhook: an outside monitor's URL, asked after each complete watch",
        missing="When the scheduler is down, nobody hears of it.",
    ),
    Setting(
        kind="connection",
        name="lastgood_scratch",
        meaning="optional; PostgreSQL: where a backup is proven if the user of `lastgood_registry` has no CREATEDB",
    ),
    Setting(
        kind="Variable",
        name="lastgood_root",
        meaning="`file:///a/folder` or `s3://connection@bucket/prefix`",
        required=True,
        missing="Nothing runs without the store.",
    ),
    Setting(
        kind="Variable",
        name="lastgood_backup_root",
        meaning="the second root, written in the same way; without it there is no backup and no alert about that",
        missing="No backup is taken.",
    ),
    Setting(
        kind="Variable",
        name="lastgood_runbook",
        meaning="optional; http(s) address of your own copy of docs/runbook.md, to which messages link. Without it "
        "they link to the page `/lastgood/runbook` of this Airflow",
    ),
    Setting(
        kind="environment",
        name="LASTGOOD_ENV",
        meaning="what this deployment is called, `production` say: in front of the subject of every message and kept "
        "with every run",
        missing=f"Runs are kept as `{release.UNNAMED}`, and messages do not say which deployment they are about.",
    ),
    Setting(
        kind="environment",
        name="LASTGOOD_COMMIT",
        meaning="optional; the commit that is deployed: kept with every run and manifest",
    ),
    Setting(
        kind="environment",
        name="LASTGOOD_OWNER_LINK",
        meaning="optional; where an owner's name in the UI leads: `mailto:…` or `https://…`",
    ),
    Setting(
        kind="environment",
        name="LASTGOOD_ROOT",
        meaning="only for the commands: the store's root, as in the Variable but `s3://bucket/prefix`",
    ),
    Setting(
        kind="environment",
        name="LASTGOOD_REGISTRY",
        meaning="only for the commands: the registry as a URI, `postgresql://user:password@host/database`",
    ),
    Setting(
        kind="environment",
        name="LASTGOOD_BACKUP_ROOT",
        meaning="only for the commands, optional: the second root",
    ),
    Setting(
        kind="environment",
        name="PGCONNECT_TIMEOUT",
        meaning="optional; seconds to reach the registry, all addresses of its host together: 30 where it is not set, "
        "and 4 for those who tell of a failure",
    ),
    Setting(
        kind="Airflow",
        name="scheduler.task_instance_heartbeat_timeout",
        meaning="`60` seconds; Airflow's own 300 is later than the two minutes within which people are to hear of a "
        "lost worker. No living task is lost by it: a worker reports every 5 seconds and ends its task itself after "
        "three reports that failed",
        missing="A lost worker is told of later than the promised two minutes.",
        at_most=60,
    ),
    Setting(
        kind="Airflow",
        name="dag_processor.refresh_interval",
        meaning="`60` seconds; Airflow's own 300 is how long a new DAG file, and what is wrong with it, may go unseen. "
        "A changed file is read at once",
        missing="A new DAG file, and what is wrong with it, goes unseen for as long.",
        at_most=60,
    ),
    Setting(
        kind="Airflow",
        name="api.base_url",
        meaning="the address of the UI as people reach it: links in messages begin with it",
        missing="Links in messages lead to localhost.",
    ),
    Setting(
        kind="Airflow",
        name="core.execution_api_server_url",
        meaning="optional; where workers reach Airflow's API: the doctor asks there how Airflow's parts are",
    ),
    Setting(
        kind="Airflow",
        name="core.executor",
        meaning="any; with more workers than one, a store on a disk must be one that all of them share",
    ),
    Setting(
        kind="Airflow",
        name="core.dags_folder",
        meaning="any; a broken DAG file below it is told of by its path in there",
    ),
    Setting(
        kind="Airflow",
        name="logging.base_log_folder",
        meaning="any; alerts are written to `lastgood/alerts.jsonl` in it",
    ),
)


def of_source(spec: Spec) -> Setting:
    """The connection of a source's upstream."""
    limits = spec.limits
    pace = [f"{limits.per_second:g} a second"] if limits.per_second else []
    pace += [f"{limits.per_minute} a minute"] if limits.per_minute else []
    pace += [f"{limits.concurrency} threads"] if limits.concurrency > 1 else []
    host = (
        f"host `{spec.host}`"
        if spec.host
        else f"**no default host**. {spec.without_host or 'Set the one you may ask.'}".rstrip(".")
    )
    return Setting(
        kind="connection",
        name=spec.connection,
        meaning=f"HTTP; {host}. Asked {', '.join(pace) or 'at any pace'} unless its extra says otherwise",
        required=spec.without_host is None,
        missing=spec.without_host or f"Nothing of {spec.name} can be collected.",
    )


def beside(spec: Spec) -> list[Setting]:
    """The inbox of a source and its keys, where it has some."""
    found = []
    if spec.inbox:
        found.append(
            Setting(
                kind="Variable",
                name=spec.inbox,
                meaning=f"the inbox of {spec.name}: a folder or bucket where others put files, written as the store's "
                "root is. Tasks only read it",
                missing=f"No files are taken into {spec.name}.",
            )
        )
    return found + [
        Setting(
            kind="connection",
            name=name,
            meaning=f"any type; its password is a secret key of {spec.name}, a random text of {KEY_BYTES} "
            f"characters or more (docs/upstreams/{spec.name}.md has what it is for)",
            missing=f"Runs of {spec.name} fail until it is set.",
        )
        for name in spec.keys
    ]


def everything() -> list[Setting]:
    """All settings, those of the sources first."""
    specs = [sources.spec(name) for name in sources.names()]
    of_sources = [each for spec in specs if not spec.derived for each in (of_source(spec), *beside(spec))]
    return [*of_sources, *_SYSTEM]


def by_name(name: str) -> Setting:
    """A setting. Raises LookupError where it has no line in the list."""
    for setting in everything():
        if setting.name == name:
            return setting
    raise LookupError(f"{name} is no setting of include/settings.py")
