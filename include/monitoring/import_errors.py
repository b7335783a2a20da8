"""The alert of a DAG file that cannot be read: which line is at fault, and whether the file is one of Lastgood's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from include.alerting import redact
from include.alerting.alert import SYSTEM, Alert
from include.sources import source as sources

KIND = "import-error"

_FRAME = re.compile(
    r'^ *File "(?P<file>[^"\n]+)", line (?P<line>\d+).*(?:\n +(?P<code>[^\n]*\S))?', re.MULTILINE
)
_USES_US = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?:lastgood|include)\b", re.MULTILINE)


def alert_of(filename: str, stacktrace: str, now: datetime, *, dags: Path, every: timedelta) -> Alert:
    """The alert of an import error; `dags` is the folder of DAG files.

    What is seen again counts once in `every`, by which the watch knows that it is still there.
    """
    last = ([line.strip() for line in stacktrace.splitlines() if line.strip()] or ["no reason given"])[-1]
    bucket = int(now.timestamp() // every.total_seconds())
    facts = _place(filename, stacktrace, dags)
    where = f"{facts['File']}, line {facts['Line']}" if facts else ""
    code = f": {facts['Code']}" if "Code" in facts else ""
    ours = _is_ours(Path(filename), stacktrace)
    return Alert(
        kind=KIND,
        severity=None if ours else "warning",
        source=SYSTEM,
        what=_short(filename, dags),
        at=now,
        occurrence=f"{hashlib.sha256(last.encode()).hexdigest()[:16]} {bucket}",
        cause=redact.text(f"{last}\n{where}{code}" if where else last),
        consumers="Consumers keep reading the last good version; nothing newer comes while it lasts."
        if ours
        else "Consumers are not concerned: the file is none of Lastgood's.",
        facts={name: redact.text(value) for name, value in facts.items()},
    )


def _place(filename: str, stacktrace: str, dags: Path) -> Mapping[str, str]:
    """File, line and code that an error points to: the last place in the DAG file, else the last that is named."""
    frames = list(_FRAME.finditer(stacktrace))
    of_file = [frame for frame in frames if frame["file"] == filename]
    if not frames:
        return {}
    frame = (of_file or frames)[-1]
    code = {"Code": frame["code"].strip()} if frame["code"] else {}
    return {"File": _short(frame["file"], dags), "Line": frame["line"], **code}


def _short(filename: str, dags: Path) -> str:
    """A file's path in the DAG folder, or its last parts."""
    path = Path(filename)
    return str(path.relative_to(dags)) if path.is_relative_to(dags) else "/".join(path.parts[-3:]).lstrip("/")


def _is_ours(path: Path, stacktrace: str) -> bool:
    """Whether a DAG file is one of Lastgood's: it is named like a source, imports our modules, or fails in them."""
    if path.stem in sources.names() or "/lastgood/" in stacktrace or "/include/" in stacktrace:
        return True
    try:
        return _USES_US.search(path.read_bytes()) is not None
    except OSError:
        return True  # gone or unreadable: better too loud
