"""All commands by group: names, arguments, and how each result looks."""

from __future__ import annotations

import argparse
import os
from typing import Any

from include.cli import acting, display, reading
from include.cli.call import Command


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below zero")
    return number


SOURCE: dict[str, Any] = {"source": {"metavar": "SOURCE"}}
VERSION: dict[str, Any] = {"version": {"metavar": "VERSION"}}
MAYBE: dict[str, Any] = {"nargs": "?", "metavar": "VERSION"}
REASON: dict[str, Any] = {"--reason": {"required": True, "help": "why; kept in lastgood.action"}}
YES: dict[str, Any] = {"--yes": {"action": "store_true", "help": "do not ask"}}
NUMBER: dict[str, Any] = {
    "-n": {"type": _count, "default": 20, "metavar": "N", "help": "at most so many (20)"}
}
_BACKUP_ROOT = os.environ.get("LASTGOOD_BACKUP_ROOT")
_BACKUP: dict[str, Any] = {
    "default": _BACKUP_ROOT,
    "required": not _BACKUP_ROOT,
    "metavar": "URI",
    "help": "root of the backups; or LASTGOOD_BACKUP_ROOT",
}

GROUPS: dict[str, tuple[Command, ...]] = {
    "Look": (
        Command(
            name="status",
            does="how every source stands, and what is open",
            act=reading.status,
            show=display.status,
        ),
        Command(
            name="runs",
            does="the last runs: when, how they ended, at which step they failed; or all of them as CSV",
            act=reading.runs,
            arguments={
                **NUMBER,
                "--source": {"metavar": "SOURCE"},
                "--all": {"action": "store_true", "help": "also the house's own DAGs"},
                "--csv": {"metavar": "FILE", "help": "the whole history, oldest first; - for stdout"},
            },
            show=display.runs,
        ),
        Command(name="latest", does="what consumers read now", act=reading.latest, arguments=SOURCE),
        Command(
            name="versions",
            does="versions with their states, newest first",
            act=reading.versions,
            arguments={**SOURCE, **NUMBER},
            show=display.versions,
        ),
        Command(
            name="checks",
            does="every check of a version's verdict, with failing rows",
            act=reading.checks,
            arguments={**SOURCE, **VERSION},
            show=display.checks,
        ),
        Command(
            name="diff",
            does="what two versions differ in, row by row",
            act=reading.diff,
            arguments={
                **SOURCE,
                "before": {"metavar": "A"},
                "after": {"metavar": "B"},
                "--table": {"metavar": "T", "help": "only this one"},
                "--limit": {"type": _count, "default": 20, "metavar": "N", "help": "rows of each table (20)"},
            },
            show=display.diff,
        ),
        Command(name="failed", does="what failed to be published", act=reading.failed, show=display.failed),
        Command(
            name="alerts",
            does="what people were told of, and whether it is over",
            act=reading.alerts,
            arguments={**NUMBER, "--open": {"action": "store_true", "help": "only what is not over"}},
            show=display.alerts,
        ),
        Command(
            name="heartbeat",
            does="when the watch last ran; exit code 1 where it is overdue, for an outside monitor",
            act=reading.heartbeat,
            needs_registry=False,
        ),
        Command(
            name="quarantine list",
            does="how many rows were refused, by version and reason",
            act=reading.quarantine_list,
            arguments={**SOURCE, "version": MAYBE, **NUMBER},
        ),
        Command(
            name="quarantine show",
            does="the refused rows of a version",
            act=reading.quarantine_show,
            arguments={
                **SOURCE,
                **VERSION,
                "--reason-code": {"metavar": "R", "help": "only those refused for this reason"},
                **NUMBER,
            },
            show=display.quarantined,
        ),
        Command(
            name="verify",
            does="read published files and compare their checksums; exit code 1 names what is damaged",
            act=reading.verify,
            arguments={
                "source": {"nargs": "?", "metavar": "SOURCE"},
                "--all-versions": {"action": "store_true", "help": "not only latest and the one before"},
            },
            show=display.verification,
        ),
    ),
    "Decide": (
        Command(
            name="accept",
            does="publish a version that only change rules refused",
            act=acting.accept,
            arguments={**SOURCE, **VERSION, **REASON, **YES},
            asks=acting.ask_accept,
        ),
        Command(
            name="rollback",
            does="make an earlier version latest again, by default the one before",
            act=acting.rollback,
            arguments={**SOURCE, "--to": {"metavar": "VERSION"}, **REASON, **YES},
            asks=acting.ask_rollback,
        ),
        Command(
            name="pin",
            does="keep a version whatever retention says",
            act=acting.pin,
            arguments={**SOURCE, **VERSION, **REASON},
        ),
        Command(
            name="unpin",
            does="leave it to retention again",
            act=acting.unpin,
            arguments={**SOURCE, **VERSION, **REASON, **YES},
            asks=acting.ask_unpin,
        ),
    ),
    "Repair": (
        Command(
            name="retry",
            does="publish again a version that failed to be published",
            act=acting.retry,
            arguments={**SOURCE, **VERSION, **REASON, **YES},
            asks=acting.ask_retry,
        ),
        Command(
            name="retry-all",
            does="the same for all that failed",
            act=acting.retry_all,
            arguments={**REASON, **YES},
            show=display.retried,
            asks=acting.ask_retry_all,
        ),
        Command(
            name="replay",
            does="make a version anew from its raw landing with today's code; a derived one from its inputs",
            act=acting.replay_,
            arguments={**SOURCE, "version": MAYBE, **REASON, **YES},
            asks=acting.ask_replay,
        ),
        Command(
            name="quarantine replay",
            does="replay, and tell how many of the refused rows came through",
            act=acting.quarantine_replay,
            arguments={**SOURCE, **VERSION, **REASON, **YES},
            asks=acting.ask_replay,
        ),
        Command(
            name="rebuild-registry",
            does="fill an empty registry and the serving tables from the store",
            act=acting.rebuild_registry,
            arguments=YES,
            asks=acting.ask_rebuild_registry,
        ),
    ),
    "Keep": (
        Command(
            name="backup",
            does="copy registry and latest to a second root, proven by a restore",
            act=acting.backup,
            arguments={"--to": _BACKUP},
        ),
        Command(
            name="restore",
            does="fill an empty registry and store from a backup, or bring one damaged file back",
            act=acting.restore,
            arguments={
                "--from": {**_BACKUP, "dest": "origin"},
                "--stamp": {"metavar": "STAMP", "help": "which backup; by default the newest"},
                "--file": {"metavar": "KEY", "help": "only this file of a published version"},
                **YES,
            },
            asks=acting.ask_restore,
        ),
        Command(
            name="retain",
            does="remove what retention lets go",
            act=acting.retain,
            arguments={
                **SOURCE,
                "--keep": {
                    "type": _count,
                    "metavar": "N",
                    "help": "published versions; by default its spec's",
                },
                "--days": {"type": _count, "metavar": "N", "help": "of raw; by default its spec's"},
                "--dry-run": {"action": "store_true", "help": "only list it"},
                **YES,
            },
            show=display.retained,
            asks=acting.ask_retain,
        ),
        Command(
            name="migrate",
            does="bring the registry's schema to this code's revision",
            act=acting.migrate,
        ),
    ),
}
COMMANDS = {command.name: command for group in GROUPS.values() for command in group}
