"""The words in which people are told of an episode: as a mail (text and HTML), for Slack, and as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

from include.alerting.alert import Alert, FailedCheck
from include.alerting.episodes import Episode, Reason
from include.alerting.words import moment, span

SUBJECT = 150
CAUSE = 2000
LINE = 500
CHECKS, ROWS, COLUMNS, CELL = 10, 5, 6, 60
FACTS, LINKS = 20, 10

SLACK_HEADER, SLACK_SECTION, SLACK_BLOCKS = 150, 3000, 50
"""Slack's limits: https://docs.slack.dev/reference/block-kit/blocks"""

COLOURS = {"critical": "#a4161a", "error": "#d9480f", "warning": "#b7791f"}
GREEN = "#2b7a3d"


@dataclass(frozen=True, slots=True)
class Message:
    """One message in each of its forms.

    `slack` is the payload of an incoming webhook (Block Kit). `plain` is for anything else, with these fields:
    event (first, again, recovered), episode (a number), kind, severity, source, what, step, unit, run_id, try,
    tries, title, cause, consumers, todo, runbook, checks (list of sentence and rows), facts and links (by heading),
    count (how often it was seen), first_seen, last_seen, recovered_at (ISO 8601, UTC), lasted_seconds.
    What does not apply is null, or empty.
    """

    subject: str
    text: str
    html: str
    slack: dict[str, Any]
    plain: dict[str, Any]


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


def compose(episode: Episode, reason: Reason, runbook: str, now: datetime) -> Message:
    """Say that a trouble was seen for the first time or again, or that it is over.

    `runbook` is the address of the runbook, whose sections are named after kinds. A time that is missing in the
    episode (`recovered_at`) is `now`.
    """
    subject = _subject(episode, reason)
    severity = episode.alert.of.severity
    label, colour = ("recovered", GREEN) if reason == "recovered" else (severity, COLOURS[severity])
    over = episode.recovered_at or now
    section = f"{runbook}#{episode.alert.kind}"
    sections = _recovered(episode, over) if reason == "recovered" else _broken(episode, section)
    title = _line(episode.alert.title, LINE)
    return Message(
        subject=subject,
        text=_text(subject, label, sections),
        html=_html(title, label, colour, _seen(episode, reason, over), sections),
        slack=_slack(subject, label, sections),
        plain=_plain(episode, reason, section, over),
    )


# --- what is said ---


def _subject(episode: Episode, reason: Reason) -> str:
    title = " ".join(episode.alert.title.split())
    if reason == "recovered":
        return _line(f"Recovered: {title}", SUBJECT)
    times = f" ({_ordinal(episode.count)} time)" if reason == "again" else ""
    return _line(f"Lastgood: {title}", SUBJECT - len(times)) + times


def _broken(episode: Episode, runbook: str) -> list[_Section]:
    alert = episode.alert
    tries = f"{alert.try_number} of {alert.tries}" if alert.tries else str(alert.try_number)
    broke = {
        "Source": alert.source,
        "Step": alert.step,
        "Unit": alert.unit,
        "Which": alert.what if alert.what != (alert.step or "") else None,
        "Try": tries if alert.try_number else None,
        "Run": alert.run_id,
        "First seen": moment(episode.first_seen),
        "Seen": _times(episode.count) + (f", last {moment(episode.last_seen)}" if episode.count > 1 else ""),
    }
    checks, hidden = alert.checks[:CHECKS], len(alert.checks) - CHECKS
    return [
        _Section("What broke", facts=_facts(broke)),
        _Section("Why", (_paragraph(alert.cause),), quoted=True),
        _Section("Consumers", (_line(alert.consumers, LINE),)),
        _Section(
            "What to do",
            (alert.of.todo,),
            links=_links({"Runbook": runbook}),
            facts=() if _is_link(runbook) else _facts({"Runbook": runbook}),
        ),
        _Section(
            "Checks", checks=checks, more=f"and {hidden} more checks, see the run's log" if hidden > 0 else ""
        ),
        _details(alert),
        _Section("Links", links=_links(alert.links)),
    ]


def _recovered(episode: Episode, over: datetime) -> list[_Section]:
    alert = episode.alert
    lasted = {
        "Lasted": span(over - episode.first_seen),
        "Seen": _times(episode.count),
        "First": moment(episode.first_seen),
        "Last": moment(episode.last_seen),
        "Over": moment(over),
    }
    return [
        _Section("It is over", (alert.of.afterwards,), facts=_facts(lasted)),
        _Section("It was", (_paragraph(alert.cause),), quoted=True),
        _details(alert),
        _Section("Links", links=_links(alert.links)),
    ]


def _details(alert: Alert) -> _Section:
    return _Section("Details", facts=_facts(dict(list(alert.facts.items())[:FACTS])))


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
    lines = [_line(line, LINE) for line in text[: 2 * CAUSE].splitlines()]
    whole = "\n".join(line for line in lines if line)
    return whole if len(whole) <= CAUSE else whole[: CAUSE - 1].rstrip() + "…"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


# --- text ---


def _text(subject: str, label: str, sections: list[_Section]) -> str:
    parts = [f"{subject}\n[{label}]"]
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


# --- HTML: tables and inline styles, since Outlook knows little else; the fixed layout keeps rows within a phone ---

_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONO = "font-family:Consolas,Menlo,'DejaVu Sans Mono',monospace"
_TABLE = 'role="presentation" cellpadding="0" cellspacing="0" border="0"'


def _html(title: str, label: str, colour: str, seen: str, sections: list[_Section]) -> str:
    body = "".join(_html_section(section, colour) for section in sections if _has_something(section))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light">'
        f"<title>{escape(title)}</title></head>"
        '<body style="margin:0;padding:0;background-color:#eef0f3">'
        f'<table {_TABLE} width="100%" bgcolor="#eef0f3"><tr><td align="center" style="padding:16px 8px">'
        f'<!--[if mso]><table {_TABLE} width="640"><tr><td><![endif]-->'
        f'<table {_TABLE} width="100%" bgcolor="#ffffff" style="max-width:640px;table-layout:fixed;{_FONT};'
        'font-size:15px;line-height:22px;color:#1f2430;text-align:left">'
        f'<tr><td height="6" bgcolor="{colour}" style="height:6px;line-height:6px;font-size:0">&nbsp;</td></tr>'
        f'<tr><td style="padding:20px 24px 4px 24px"><span style="color:{colour};font-size:12px;font-weight:bold;'
        f'letter-spacing:1px;text-transform:uppercase">{escape(label)}</span>'
        f'<span style="color:#687083;font-size:13px"> &nbsp;·&nbsp; {escape(seen)}</span>'
        '<h1 style="margin:6px 0 0 0;font-size:20px;line-height:27px;font-weight:bold;word-break:break-word">'
        f"{escape(title)}</h1>"
        f"</td></tr>{body}"
        '<tr><td style="padding:20px 24px;color:#687083;font-size:12px;line-height:18px">Sent by Lastgood. The same '
        "trouble is told again only after a pause; when it is over, you are told once.</td></tr>"
        "</table><!--[if mso]></td></tr></table><![endif]--></td></tr></table></body></html>"
    )


def _html_section(section: _Section, colour: str) -> str:
    parts = [_html_sentence(sentence, section.quoted, colour) for sentence in section.sentences]
    if section.facts:
        rows = "".join(
            '<tr><td style="padding:2px 16px 2px 0;color:#687083;font-size:14px;vertical-align:top;'
            f'white-space:nowrap">{escape(name)}</td><td style="padding:2px 0;font-size:14px;vertical-align:top;'
            f'word-break:break-word">{escape(value)}</td></tr>'
            for name, value in section.facts
        )
        parts.append(f'<table {_TABLE} style="margin:4px 0 0 0">{rows}</table>')
    parts += [_html_check(check) for check in section.checks]
    if section.more:
        parts.append(f'<p style="margin:6px 0 0 0;color:#687083">{escape(section.more)}</p>')
    if section.links:
        links = " &nbsp;·&nbsp; ".join(
            f'<a href="{escape(url, quote=True)}" style="color:#1a56b0">{escape(words)}</a>'
            for words, url in section.links
        )
        parts.append(f'<p style="margin:4px 0 0 0">{links}</p>')
    return (
        '<tr><td style="padding:14px 24px 0 24px"><h2 style="margin:0 0 4px 0;font-size:12px;line-height:18px;'
        f'color:#687083;text-transform:uppercase;letter-spacing:1px">{escape(section.heading)}</h2>'
        f"{''.join(parts)}</td></tr>"
    )


def _html_sentence(sentence: str, quoted: bool, colour: str) -> str:
    words = escape(sentence).replace("\n", "<br>")
    if not quoted:
        return f'<p style="margin:0;word-break:break-word">{words}</p>'
    return (
        f'<table {_TABLE} width="100%" style="margin:2px 0 4px 0"><tr>'
        f'<td width="3" bgcolor="{colour}" style="width:3px;font-size:0">&nbsp;</td>'
        f'<td bgcolor="#f5f6f8" style="padding:8px 12px;{_MONO};font-size:13px;line-height:19px;'
        f'word-break:break-word">{words}</td></tr></table>'
    )


def _html_check(check: FailedCheck) -> str:
    names, cells, left_out = _columns(check)
    head = "".join(
        f'<th align="left" style="padding:4px 10px;border-bottom:1px solid #cfd4dc;color:#687083">{escape(name)}</th>'
        for name in names
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="padding:4px 10px;border-bottom:1px solid #e6e9ee;white-space:nowrap">{escape(cell)}</td>'
            for cell in row
        )
        + "</tr>"
        for row in cells
    )
    grid = (
        f'<div style="overflow-x:auto"><table cellpadding="0" cellspacing="0" border="0" bgcolor="#f5f6f8" '
        f'style="margin:4px 0 0 0;{_MONO};font-size:12px;line-height:17px"><tr>{head}</tr>{rows}</table></div>'
    )
    note = (
        f'<p style="margin:2px 0 0 0;color:#687083;font-size:13px">{escape(left_out)}</p>' if left_out else ""
    )
    sentence = escape(_line(check.sentence, LINE))
    return f'<p style="margin:8px 0 0 0;word-break:break-word"><b>{sentence}</b></p>{grid if names else ""}{note}'


# --- Slack ---


def _slack(subject: str, label: str, sections: list[_Section]) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _escaped(subject, SLACK_HEADER)}}
    ]
    for section in filter(_has_something, sections):
        first, *others = _mrkdwn(section, label)
        whole = [f"*{section.heading}*\n{first}" if first else f"*{section.heading}*", *others]
        blocks += [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in whole]
    return {"text": _escaped(subject, SLACK_SECTION), "blocks": blocks[:SLACK_BLOCKS]}


def _mrkdwn(section: _Section, label: str) -> list[str]:
    """A section's texts, one for each block: the first with everything but the checks, then a check each."""
    room = SLACK_SECTION - 100
    lines = []
    for sentence in section.sentences:
        words = _escaped(sentence, room // 2)
        lines.append(f"```{words}```" if section.quoted else words)
    lines += [f"{_escaped(name, CELL * 5)}: {_escaped(value, 300)}" for name, value in section.facts]
    if section.heading == "What broke":
        lines.append(f"Severity: {label}")
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


def _plain(episode: Episode, reason: Reason, runbook: str, over: datetime) -> dict[str, Any]:
    alert = episode.alert
    recovered = over if reason == "recovered" else None
    until = recovered or episode.last_seen
    return {
        "event": reason,
        "episode": episode.id,
        "kind": alert.kind,
        "severity": alert.of.severity,
        "source": alert.source,
        "what": alert.what,
        "step": alert.step,
        "unit": alert.unit,
        "run_id": alert.run_id,
        "try": alert.try_number,
        "tries": alert.tries,
        "title": alert.title,
        "cause": _paragraph(alert.cause),
        "consumers": alert.consumers,
        "todo": alert.of.todo,
        "runbook": runbook,
        "checks": [
            {"sentence": check.sentence, "rows": [dict(row) for row in check.rows[:ROWS]]}
            for check in alert.checks[:CHECKS]
        ],
        "facts": dict(list(alert.facts.items())[:FACTS]),
        "links": dict(_links(alert.links)),
        "count": episode.count,
        "first_seen": _iso(episode.first_seen),
        "last_seen": _iso(episode.last_seen),
        "recovered_at": _iso(recovered) if recovered else None,
        "lasted_seconds": max(round((until - episode.first_seen).total_seconds()), 0),
    }


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")
