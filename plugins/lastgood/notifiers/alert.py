"""One notifier for every DAG and task: what broke, why, what consumers read meanwhile, what to do.

Airflow calls it on a task's worker and, for the run as a whole, in the dag-processor: a task killed by SIGKILL
reaches only the latter, a lost heartbeat calls the former twice. So it hangs on both levels, and the registry
remembers what was said: once for each try of a task, and for the run only where no task spoke.
"""

from __future__ import annotations

import json
import smtplib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier
from airflow.sdk.exceptions import AirflowException

if TYPE_CHECKING:
    from airflow.sdk import Context

CONNECTION = "lastgood_smtp"
LOG_FILE = "lastgood/alerts.jsonl"
WATCHER = "watcher"
ERROR_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person is told."""

    at: str
    dag_id: str
    run_id: str
    task_id: str | None
    try_number: int | None
    error: str
    consumers: str
    log_url: str | None

    @property
    def title(self) -> str:
        """The subject line."""
        where = f"{self.dag_id}.{self.task_id}" if self.task_id else self.dag_id
        return f"Lastgood: {where} failed"

    @property
    def fingerprint(self) -> str:
        """Equal for every call about the same try of the same task, or about the run as a whole."""
        return "|".join(str(part) for part in (self.dag_id, self.run_id, self.task_id, self.try_number))

    @property
    def of_run(self) -> bool:
        """Whether it only says that the run failed, not which task and why."""
        return self.task_id in (None, WATCHER)


class AlertNotifier(BaseNotifier):
    """Tells people about a failure through every channel; one that is broken does not stop the others."""

    def notify(self, context: Context) -> None:
        """Send unless the same was said already. Raises RuntimeError where no channel at all took it."""
        alert = describe(context)
        if not is_news(alert):
            self.log.info("already told: %s", alert.fingerprint)
            return
        channels: dict[str, Callable[[Alert], None]] = {"log file": to_log_file, "e-mail": to_mail}
        refused: dict[str, str] = {}
        for name, channel in channels.items():
            try:
                channel(alert)
            except (OSError, smtplib.SMTPException, AirflowException, ValueError) as error:
                refused[name] = f"{type(error).__name__}: {error}"
                self.log.error("the alert did not reach the %s: %s", name, refused[name])  # noqa: TRY400
        if len(refused) == len(channels):
            raise RuntimeError(f"no channel took the alert {alert.title!r}: {refused}")


def describe(context: Context) -> Alert:
    """The alert for a failed task or run. `context` of a run as a whole may hold no task."""
    task = context.get("task_instance") or context.get("ti")
    run = context["dag_run"]
    is_run = "reason" in context
    error = context.get("reason") if is_run else context.get("exception")
    dag_id = run.dag_id
    return Alert(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        dag_id=dag_id,
        run_id=run.run_id,
        task_id=None if is_run or task is None else task.task_id,
        try_number=None if is_run or task is None else task.try_number,
        error=str(error or "no reason given")[:ERROR_CHARACTERS],
        consumers=consumers(dag_id),
        log_url=getattr(task, "log_url", None),
    )


def consumers(source: str) -> str:
    """What consumers of a source read at this moment, as a sentence."""
    import psycopg

    from lastgood.hooks.registry import RegistryHook

    try:
        latest = RegistryHook().registry().latest(source)
    except (psycopg.Error, AirflowException) as error:
        return f"The registry does not answer ({type(error).__name__}); files of the last good version stay readable."
    if latest is None:
        return f"Nothing of {source} was published yet."
    return (
        f"Consumers keep reading version {latest.version} of {latest.as_of:%Y-%m-%d %H:%M} UTC, "
        f"published {latest.since:%Y-%m-%d %H:%M} UTC."
    )


def is_news(alert: Alert) -> bool:
    """Whether this has not been told yet; without a registry everything is news."""
    import psycopg

    from lastgood.hooks.registry import RegistryHook

    try:
        with RegistryHook().registry().cursor() as cursor:
            cursor.execute(
                "INSERT INTO lastgood.alert (fingerprint, source, severity, title) "
                "SELECT %(fingerprint)s, %(source)s, 'error', %(title)s "
                "WHERE NOT (%(of_run)s AND EXISTS (SELECT FROM lastgood.alert "
                "  WHERE starts_with(fingerprint, %(run)s))) "
                "ON CONFLICT (fingerprint) DO UPDATE SET count = alert.count + 1, last_seen = now() "
                "RETURNING count",
                {
                    "fingerprint": alert.fingerprint,
                    "source": alert.dag_id,
                    "title": alert.title,
                    "of_run": alert.of_run,
                    "run": f"{alert.dag_id}|{alert.run_id}|",
                },
            )
            row = cursor.fetchone()
            return row is not None and row["count"] == 1
    except (psycopg.Error, AirflowException):
        return True


def to_log_file(alert: Alert) -> None:
    """One JSON line in the log folder: the channel that works without anything else."""
    from airflow.configuration import conf

    path = Path(conf.get("logging", "base_log_folder")) / LOG_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps({"title": alert.title, **asdict(alert)}, ensure_ascii=False) + "\n")


def to_mail(alert: Alert) -> None:
    """A mail through `lastgood_smtp`; the recipients stand in that connection's extra as `to`."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    with SmtpHook(CONNECTION) as smtp:
        recipients = smtp.smtp_connection.extra_dejson.get("to") if smtp.smtp_connection else None
        if not recipients:
            raise ValueError(f"the connection {CONNECTION} names no recipients; set `to` in its extra")
        smtp.send_email_smtp(
            to=recipients, subject=alert.title, html_content=html(alert), smtp_conn_id=CONNECTION
        )


def html(alert: Alert) -> str:
    """The mail's body; every text from outside is escaped."""
    rows: dict[str, Any] = {
        "What broke": f"{alert.dag_id}, step {alert.task_id or '(the run)'}, try {alert.try_number or '-'}",
        "Why": alert.error,
        "Consumers": alert.consumers,
        "What to do": f"See the runbook of DAG {alert.dag_id}; after mending the cause, clear the failed task.",
        "Run": alert.run_id,
        "When": alert.at,
    }
    cells = "".join(
        '<tr><th style="text-align:left;vertical-align:top;padding:4px 16px 4px 0;white-space:nowrap">'
        f'{name}</th><td style="padding:4px 0">{escape(str(value))}</td></tr>'
        for name, value in rows.items()
    )
    link = (
        f'<p><a href="{escape(alert.log_url, quote=True)}">Log of the task</a></p>' if alert.log_url else ""
    )
    return (
        '<div style="font:15px/1.5 sans-serif;color:#222;max-width:46em">'
        f"<h2>{escape(alert.title)}</h2><table>{cells}</table>{link}</div>"
    )
