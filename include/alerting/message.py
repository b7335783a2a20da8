"""The words in which people are told of an episode: as a mail (text and HTML), for Slack, and as plain JSON."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from include.alerting.alert import Alert, FailedCheck
from include.alerting.episodes import Episode, Reason
from include.formatting import moment, span

if TYPE_CHECKING:
    from jinja2 import Template

DECISION = "decision"
SUBJECT = 150
CAUSE = 2000
LEAD = 200
CAUSES = 20
ALSO = 10
LINE = 500
CHECKS, ROWS, COLUMNS, CELL = 10, 5, 6, 60
FACTS, LINKS = 20, 10

SLACK_HEADER, SLACK_SECTION, SLACK_BLOCKS = 150, 3000, 50
"""Slack's limits: https://docs.slack.dev/reference/block-kit/blocks"""

COLOURS = {"critical": "#a4161a", "error": "#d9480f", "warning": "#b7791f", "info": "#1a56b0"}
GREEN = "#2b7a3d"

_TOLD = "The same trouble is told again only after a pause; when it is over, you are told once."
_TOLD_ONCE = "{what} is told once; no further message follows."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a message says of where it comes from, and of the moment in which it is told."""

    runbook: str
    """Its address; its sections are named after kinds."""
    env: str | None = None
    """Which deployment it is: production, staging."""
    links: Mapping[str, str] = field(default_factory=dict)
    """URLs by their words that every message about this source has."""
    next_run: datetime | None = None
    """When the source is collected next."""
    reads: str | None = None
    """What consumers read at this moment; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One message in each of its forms; what is attached goes with a mail alone.

    `slack` is the payload of an incoming webhook (Block Kit). `plain` is for anything else, with these fields:
    event (first, again, recovered; news, of a decision), episode (a number; 0 of news), env, kind, severity, source,
    what, step, unit, units (failed ones by their label, with the cause of each), units_planned, run_id, version, try,
    tries, title, cause, consumers, fresh_until, sleep (a sentence), effect (what follows from a decision), todo,
    runbook, next_run, checks (list of sentence and rows), facts and links (by heading), also (titles of what is over
    with it), count (how often it was seen), first_seen, last_seen, recovered_at (ISO 8601, UTC), lasted_seconds. What
    does not apply is null, or empty.
    """

    subject: str
    text: str
    html: str
    slack: dict[str, Any]
    plain: dict[str, Any]
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading and what stands below it: sentences, then lines with a heading each, checks, links."""

    heading: str
    sentences: tuple[str, ...] = ()
    quoted: bool = False
    """The sentences are what a machine said."""
    facts: tuple[tuple[str, str], ...] = ()
    checks: tuple[FailedCheck, ...] = ()
    more: str = ""
    """What was left out."""
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Head:
    """What is read first: on the lock screen, in the list of mails, above everything else."""

    subject: str
    title: str
    lead: str
    """The cause in a line, or how long it lasted."""
    label: str
    seen: str
    colour: str
    closing: str
    """What is said last: whether anything follows."""


def compose(
    episode: Episode, reason: Reason, place: Place, now: datetime, also: Sequence[Episode] = ()
) -> Message:
    """Say that a trouble was seen for the first time or again, or that it is over; or, of news, what there is.

    `also` are further episodes that are over with it. A time that is missing in the episode (`recovered_at`) is `now`.
    """
    over = episode.recovered_at or now
    head = _head(episode, reason, place, over, also)
    section = f"{place.runbook}#{episode.alert.kind}"
    if reason == "news":
        sections = _news(episode.alert, section, place, head, now)
    elif reason == "recovered":
        sections = _recovered(episode, over, place, also)
    else:
        sections = _broken(episode, section, place, head, now)
    return Message(
        subject=head.subject,
        text=_text(head, sections),
        html=_html(head, sections),
        slack=_slack(head, sections),
        plain=_plain(episode, reason, section, place, over, now, also),
    )


def trial(env: str, now: datetime) -> Message:
    """A message that proves a channel and asks for nothing."""
    text = (
        f"A test message from Lastgood ({env}), sent by the doctor at {moment(now)}. "
        "Nothing is wrong, and nothing is to be done."
    )
    subject = f"[Lastgood {env}] Test message"
    return Message(
        subject=subject,
        text=text,
        html=f"<p>{text}</p>",
        slack={"text": text},
        plain={"event": "test", "title": subject, "text": text},
    )


# --- what is said ---


def _head(episode: Episode, reason: Reason, place: Place, over: datetime, also: Sequence[Episode]) -> _Head:
    alert = episode.alert
    seen = _seen(episode, reason, over)
    where = f"[{_line(place.env or 'lastgood', CELL)}] "
    if reason == "recovered":
        title = f"Recovered: {alert.past_title}" + (f", and {len(also)} more" if also else "")
        lead = f"It {seen}."
        label, colour = "recovered", GREEN
    elif reason == "news":
        title, lead = alert.title, _line(_reason(alert), LEAD)
        label, colour = alert.kind, COLOURS[alert.level]
    else:
        title, lead = alert.title, _lead(alert)
        label, colour = alert.level, COLOURS[alert.level]
    times = f" ({_ordinal(episode.count)} time)" if reason == "again" else ""
    subject = _line(where + title, SUBJECT - len(times)) + times
    if reason == "recovered":
        seen = moment(over)
    if place.env:
        seen = f"{_line(place.env, CELL)} · {seen}"
    return _Head(
        subject,
        _line(title, LINE),
        lead,
        label,
        seen,
        colour,
        _TOLD_ONCE.format(what="A decision" if alert.kind == DECISION else "It")
        if reason == "news"
        else _TOLD,
    )


def _reason(alert: Alert) -> str:
    """What news say below their title: of a decision why it was taken."""
    return f"Reason: {alert.cause}" if alert.kind == DECISION else alert.cause


def _broken(episode: Episode, runbook: str, place: Place, head: _Head, now: datetime) -> list[_Section]:
    alert = episode.alert
    checks, hidden = alert.checks[:CHECKS], len(alert.checks) - CHECKS
    links = {**alert.links, **place.links, "Runbook": runbook}
    return [
        _Section("May I sleep?", (_sleep(alert, now), _line(alert.consumers, LINE))),
        _Section(
            "What to do",
            (alert.remedy,),
            links=_links(links),
            facts=() if _is_link(runbook) else _facts({"Runbook": runbook}),
        ),
        _Section(
            "Checks", checks=checks, more=f"and {hidden} more checks, see the run's log" if hidden > 0 else ""
        ),
        _Section("Why", _why(alert, head), quoted=True),
        _Section("When it is tried again", _again(alert, place, now)),
        _ids(
            episode,
            place,
            {
                "First seen": moment(episode.first_seen),
                "Seen": _times(episode.count)
                + (f", last {moment(episode.last_seen)}" if episode.count > 1 else ""),
            },
        ),
    ]


def _recovered(episode: Episode, over: datetime, place: Place, also: Sequence[Episode]) -> list[_Section]:
    alert = episode.alert
    lasted = {
        "Lasted": span(over - episode.first_seen),
        "Seen": _times(episode.count),
        "First": moment(episode.first_seen),
        "Last": moment(episode.last_seen),
        "Over": moment(over),
    }
    return [
        _Section("What consumers read now", (_line(place.reads, LINE),) if place.reads else ()),
        _Section("What to do", (alert.of.afterwards,), links=_links({**alert.links, **place.links})),
        _Section("It was", _why(alert, None), quoted=True),
        _Section(
            "Over with it",
            tuple(f"{_line(e.alert.past_title, LINE)}: {_line(e.alert.cause, LEAD)}" for e in also[:ALSO]),
            more=f"and {len(also) - ALSO} more" if len(also) > ALSO else "",
        ),
        _ids(episode, place, lasted),
    ]


def _news(alert: Alert, runbook: str, place: Place, head: _Head, now: datetime) -> list[_Section]:
    effect = [_line(alert.effect, CAUSE)] if alert.effect else []
    if place.next_run is not None:
        effect.append(f"The next run is due {moment(place.next_run)}, in {span(place.next_run - now)}.")
    reason = _paragraph(alert.cause)
    said = _line(_reason(alert), LEAD) == _reason(alert)
    ids = {"Source": alert.source, "Version": alert.version, **dict(list(alert.facts.items())[:FACTS])}
    return [
        _Section("What consumers read", (_line(alert.consumers, LINE),)),
        _Section("What follows", (" ".join(effect),) if effect else ()),
        _Section("Why" if alert.kind == DECISION else "What it says", () if said else (reason,), quoted=True),
        _Section(
            "What to do",
            (_line(alert.remedy, LINE),),
            links=_links({**alert.links, **place.links, "Runbook": runbook}),
            facts=() if _is_link(runbook) else _facts({"Runbook": runbook}),
        ),
        _Section("Details", facts=_facts(ids)),
    ]


def _sleep(alert: Alert, now: datetime) -> str:
    """Whether whoever is woken may go on sleeping, and for how long."""
    if alert.level in {"warning", "info"}:
        return "Yes."
    if alert.of.harm:
        return f"No: {alert.of.harm}"
    if alert.fresh_until is None:
        return "Yes."
    if alert.fresh_until <= now:
        return f"No: consumers have read data older than promised since {moment(alert.fresh_until)}."
    left = span(alert.fresh_until - now)
    return f"Yes, until {moment(alert.fresh_until)}: for another {left} the data are as fresh as promised."


def _lead(alert: Alert) -> str:
    """Why, as far as it fits into a few lines of a phone."""
    if len(alert.units) > 1:
        return _line(", ".join(alert.units), LEAD)
    return _line(" · ".join(line for line in alert.cause.splitlines() if line.strip()), LEAD)


def _why(alert: Alert, head: _Head | None) -> tuple[str, ...]:
    """The whole cause; of units each one with its own, those with the same together."""
    if not alert.units:
        whole = _paragraph(alert.cause)
        return () if head is not None and whole.replace("\n", " · ") == head.lead else (whole,)
    of_cause: dict[str, list[str]] = {}
    for unit, cause in alert.units.items():
        of_cause.setdefault(_paragraph(cause), []).append(_line(unit, CELL * 2))
    planned = f" of {alert.units_planned}" if alert.units_planned else ""
    names = ", ".join(name for units in of_cause.values() for name in units)
    failed = f"{len(alert.units)}{planned} {'unit' if len(alert.units) == 1 else 'units'} failed: {names}."
    if len(of_cause) == 1:
        return (failed, *of_cause)
    causes = [f"{', '.join(units)}: {cause}" for cause, units in of_cause.items()]
    more = [f"and {len(causes) - CAUSES} more causes, see the run's log"] if len(causes) > CAUSES else []
    return (failed, *causes[:CAUSES], *more)


def _again(alert: Alert, place: Place, now: datetime) -> tuple[str, ...]:
    """What happens by itself."""
    sentences = []
    if alert.of.again:
        sentences.append(alert.of.again)
    elif alert.of.watched:
        sentences.append("The watch looks every five minutes, and you are told when it is over.")
    elif alert.kind == "late":
        sentences.append("The run goes on; you are told when it is done.")
    elif alert.level != "warning":
        tried = f"It was tried {alert.tries} times and" if alert.tries else "It"
        sentences.append(f"{tried} is not tried again in this run.")
    if place.next_run is not None and alert.level != "warning":
        sentences.append(f"The next run is due {moment(place.next_run)}, in {span(place.next_run - now)}.")
    return (" ".join(sentences),) if sentences else ()


def _ids(episode: Episode, place: Place, seen: Mapping[str, str]) -> _Section:
    alert = episode.alert
    ids = {
        "Source": alert.source,
        "Step": alert.step,
        "Unit": alert.unit if len(alert.units) <= 1 else None,
        "Which": alert.what if alert.what != (alert.step or "") else None,
        "Version": alert.version,
        "Try": f"{alert.try_number} of {alert.tries}" if alert.tries else None,
        "Run": alert.run_id,
    }
    return _Section("Details", facts=_facts({**ids, **dict(list(alert.facts.items())[:FACTS]), **seen}))


def _seen(episode: Episode, reason: Reason, over: datetime) -> str:
    if reason == "recovered":
        return f"lasted {span(over - episode.first_seen)}, seen {_times(episode.count)}"
    if episode.count == 1:
        return moment(episode.first_seen)
    return f"seen {_times(episode.count)} since {moment(episode.first_seen)}"


def _facts(facts: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((_line(name, CELL), _line(value, LINE)) for name, value in facts.items() if value)


def _links(links: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    usable = [(_line(words, CELL) or "Link", url) for words, url in links.items() if _is_link(url)]
    return tuple(usable[:LINKS])


def _is_link(url: str) -> bool:
    """A web address: anything else might run in the reader's program."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.netloc)
        and len(url) <= 2 * LINE
        and url.isprintable()
        and " " not in url
    )


def _columns(check: FailedCheck) -> tuple[list[str], list[list[str]], str]:
    """Column names, cells, and what was left out of a check's rows."""
    names = list(dict.fromkeys(name for row in check.rows for name in row))
    shown = names[:COLUMNS]
    cells = [[_cell(row.get(name)) for name in shown] for row in check.rows[:ROWS]]
    left_out = [
        f"{count} more {word}{'s' if count > 1 else ''}"
        for count, word in ((len(check.rows) - ROWS, "row"), (len(names) - COLUMNS, "column"))
        if count > 0
    ]
    return [_line(name, CELL) for name in shown], cells, f"and {' and '.join(left_out)}" if left_out else ""


def _cell(value: Any) -> str:
    return "—" if value is None else _line(str(value), CELL)


# --- words ---


def _line(text: str, limit: int) -> str:
    """In one line of at most `limit` characters that all print."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return clean if len(clean) <= limit else clean[: limit - 1].rstrip() + "…"


def _paragraph(text: str) -> str:
    lines = [_line(line, CAUSE) for line in text[: 2 * CAUSE].splitlines()]
    whole = "\n".join(line for line in lines if line)
    return whole if len(whole) <= CAUSE else whole[: CAUSE - 1].rstrip() + "…"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


# --- text ---


def _text(head: _Head, sections: list[_Section]) -> str:
    parts = [f"{head.subject}\n[{head.label}] {head.lead}"]
    for section in filter(_has_something, sections):
        lines = [*section.sentences, *(f"{name}: {value}" for name, value in section.facts)]
        for check in section.checks:
            lines += [f"- {_line(check.sentence, LINE)}", *_grid(check)]
        lines += [section.more] if section.more else []
        lines += [f"{words}: {url}" for words, url in section.links]
        body = "\n".join(lines).replace("\n", "\n  ")
        parts.append(f"{section.heading.upper()}\n  {body}")
    return "\n\n".join(parts) + "\n"


def _grid(check: FailedCheck) -> list[str]:
    """A check's rows as lines with their columns below one another."""
    names, cells, left_out = _columns(check)
    lines = []
    if names:
        rows = [names, *cells]
        widths = [max(len(row[n]) for row in rows) for n in range(len(names))]
        lines = [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
    return [*lines, f"  {left_out}"] if left_out else lines


def _has_something(section: _Section) -> bool:
    return bool(section.sentences or section.facts or section.checks or section.links)


# --- HTML ---


@functools.cache
def _template() -> Template:
    # Imported where a mail is composed: every process of Airflow reads this module.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("mail.html")


def _html(head: _Head, sections: list[_Section]) -> str:
    return _template().render(head=head, sections=list(filter(_has_something, sections)), shown=_shown)


def _shown(check: FailedCheck) -> tuple[str, list[str], list[list[str]], str]:
    """Sentence, column names, cells, and what was left out."""
    return _line(check.sentence, LINE), *_columns(check)


# --- Slack ---


def _slack(head: _Head, sections: list[_Section]) -> dict[str, Any]:
    lead = f"*{head.label}*: {_escaped(head.lead, LEAD * 2)}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _escaped(head.subject, SLACK_HEADER)}},
        {"type": "section", "text": {"type": "mrkdwn", "text": lead}},
    ]
    for section in filter(_has_something, sections):
        first, *others = _mrkdwn(section)
        whole = [f"*{section.heading}*\n{first}" if first else f"*{section.heading}*", *others]
        blocks += [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in whole]
    return {"text": _escaped(head.subject, SLACK_SECTION), "blocks": blocks[:SLACK_BLOCKS]}


def _mrkdwn(section: _Section) -> list[str]:
    """A section's texts, one for each block: the first with everything but the checks, then a check each."""
    room = SLACK_SECTION - 100
    lines = []
    for sentence in section.sentences:
        words = _escaped(sentence, room // 2)
        lines.append(f"```{words}```" if section.quoted else words)
    lines += [f"{_escaped(name, CELL * 5)}: {_escaped(value, 300)}" for name, value in section.facts]
    lines += [section.more] if section.more else []
    links = [f"<{_slack_url(url)}|{_escaped(words, 300).replace('|', '¦')}>" for words, url in section.links]
    text = _whole_lines([*lines, *links], room)
    checks = []
    for check in section.checks:
        grid = "\n".join(_grid(check))
        fence = f"\n```{_escaped(grid, room - LINE * 2 - 10)}```" if grid else ""
        checks.append(_escaped(f"• {_line(check.sentence, LINE)}", LINE * 2) + fence)
    return [text, *checks]


def _escaped(text: str, limit: int) -> str:
    """With &, < and > as Slack wants them, nothing that opens code, and no half entity after `limit` characters."""
    whole = escape(text.replace("`", "'"), quote=False)
    if len(whole) <= limit:
        return whole
    return re.sub(r"&[a-z]*$", "", whole[: limit - 1]) + "…"


def _slack_url(url: str) -> str:
    return escape(url, quote=False).replace("|", "%7C").replace("`", "%60")


def _whole_lines(lines: list[str], limit: int) -> str:
    kept, length = [], 0
    for line in lines:
        length += len(line) + 1
        if length > limit:
            break
        kept.append(line)
    return "\n".join(kept)


# --- JSON ---


def _plain(
    episode: Episode,
    reason: Reason,
    runbook: str,
    place: Place,
    over: datetime,
    now: datetime,
    also: Sequence[Episode],
) -> dict[str, Any]:
    alert = episode.alert
    recovered = over if reason == "recovered" else None
    until = recovered or episode.last_seen
    return {
        "event": reason,
        "episode": episode.id,
        "env": place.env,
        "kind": alert.kind,
        "severity": alert.level,
        "source": alert.source,
        "what": alert.what,
        "step": alert.step,
        "unit": alert.unit,
        "units": dict(alert.units),
        "units_planned": alert.units_planned,
        "run_id": alert.run_id,
        "version": alert.version,
        "try": alert.try_number,
        "tries": alert.tries,
        "title": alert.past_title if recovered else alert.title,
        "cause": _paragraph(alert.cause),
        "consumers": (recovered and place.reads) or alert.consumers,
        "fresh_until": _iso(alert.fresh_until) if alert.fresh_until else None,
        "sleep": None if recovered else _sleep(alert, now),
        "effect": alert.effect,
        "todo": alert.of.afterwards if recovered else alert.remedy,
        "runbook": runbook,
        "next_run": _iso(place.next_run) if place.next_run else None,
        "checks": [
            {"sentence": check.sentence, "rows": [dict(row) for row in check.rows[:ROWS]]}
            for check in alert.checks[:CHECKS]
        ],
        "facts": dict(list(alert.facts.items())[:FACTS]),
        "links": dict(_links({**alert.links, **place.links})),
        "also": [each.alert.past_title for each in also],
        "count": episode.count,
        "first_seen": _iso(episode.first_seen),
        "last_seen": _iso(episode.last_seen),
        "recovered_at": _iso(recovered) if recovered else None,
        "lasted_seconds": max(round((until - episode.first_seen).total_seconds()), 0),
    }


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")
