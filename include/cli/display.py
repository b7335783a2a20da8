"""How results look on a terminal: as wide as it is; whatever comes from data is escaped."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from include.monitoring import doctor as doctors
from include.operations.diff import RowDiff, TableDiff
from include.publishing.promotion import Outcome
from include.registry.steps import TRIED_AGAIN

Shown = str | Text | Table | Padding
"""A line, or what rich lays out."""

VALUE = 60
"""Characters of a value that are shown of a row."""
CONTENT = 400
"""Characters of a refused record or a failing row that are shown."""
ROWS = 5
"""Failing rows of a check that are shown unless all are asked for."""
UNLIMITED = 100_000
"""Columns of a pipe: whoever reads it cuts by himself."""
COLOURS = {
    **dict.fromkeys(("FAILED", "NOT_EVALUATED", "fail", "failed", "rejected", "error", "critical"), "red"),
    **dict.fromkeys(("WARN", "partial", "rolled_back", "held", "warning"), "yellow"),
    **dict.fromkeys(("ok", "published"), "green"),
}


def put(shown: Iterable[Shown], width: int | None = None) -> None:
    """Print to stdout, without blanks at the ends of lines."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else UNLIMITED
    console = Console(width=width or wide, highlight=False, markup=False, emoji=False)
    for each in shown:
        with console.capture() as captured:
            console.print(Text(each) if isinstance(each, str) else each)
        for line in captured.get().removesuffix("\n").split("\n"):
            print(line.rstrip())


def text(value: Any) -> str:
    """A value on one line, without anything that a terminal would obey."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value))


def clipped(value: str, width: int) -> str:
    """The beginning of a value that is too long."""
    return value if len(value) <= width else value[: max(width - 1, 0)] + "…"


def span(length: timedelta | None) -> str:
    """A time in its largest unit: 3 h."""
    seconds = max(length.total_seconds(), 0) if length is not None else 0
    for unit, size_ in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size_:
            return f"{int(seconds // size_)} {unit}"
    return f"{int(seconds)} s"


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago, in its largest unit: 3 h ago."""
    if then is None:
        return "-"
    return f"{span(now - then)} ago" if now - then >= timedelta(minutes=1) else "just now"


def took(span: timedelta | None) -> str:
    """How long something took: 42 s, 12 min, 3 h 05 min."""
    if span is None:
        return "-"
    seconds = round(span.total_seconds())
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def short(number: int) -> str:
    """A count in at most four characters: 999, 12k, 1.2M."""
    shown, unit = float(number), ""
    for larger in "kMG":
        if round(shown) < 1000:  # noqa: PLR2004
            break
        shown, unit = shown / 1000, larger
    return f"{shown:.1f}{unit}" if unit and shown < 9.95 else f"{shown:.0f}{unit}"  # noqa: PLR2004


def size(count: int) -> str:
    """Bytes: 26 kB, 12.3 MB."""
    for unit, length in (("GB", 1e9), ("MB", 1e6)):
        if count >= length:
            return f"{count / length:,.1f} {unit}"
    return f"{count / 1e3:,.0f} kB" if count >= 1e3 or not count else f"{count} bytes"  # noqa: PLR2004


def figure(value: float | None) -> str:
    """A measured value: whole numbers in full, others to four digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 10_000 else f"{value:.4g}"  # noqa: PLR2004


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Iterable[str] = (),
    wraps: Iterable[str] = (),
) -> Table | str:
    """Rows under their heads; the columns that may be wrapped are, where the terminal is too narrow."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        made.add_column(
            head,
            justify="right" if head in right else "left",
            no_wrap=head not in wraps,
            min_width=len(head),
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(_cell(text(value)) for value in row))
    return made if made.row_count else "(none)"


def _cell(value: str) -> Text:
    """A value, in colour where it begins with a word that is good or bad news."""
    return Text(value, style=COLOURS.get(value.split(" ", 1)[0].rstrip(","), ""))


def pairs(facts: Mapping[str, Any]) -> Iterator[Shown]:
    """Facts by their names, one a line; of a nested mapping its own, of a list how many there are."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            flat |= {f"{name} {key}": each for key, each in value.items()}
        else:
            flat[name] = len(value) if isinstance(value, list | tuple) else value
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in flat.items():
        made.add_row(text(name.replace("_", " ")), Text(_measured(name, value)))
    yield made


def _measured(name: str, value: Any) -> str:
    """A fact for people: bytes in megabytes, counts with their thousands apart."""
    if isinstance(value, int) and not isinstance(value, bool):
        return size(value) if name.endswith("bytes") else f"{value:,}"
    return text(value)


def plain(result: Any, now: datetime) -> Iterator[Shown]:
    """Any result: rows as a table, facts one a line."""
    if isinstance(result, list):
        heads = [name.upper() for name in result[0]] if result else []
        yield table(heads, [list(row.values()) for row in result], right=("ROWS",))
    else:
        yield from pairs(result)


def runs(result: list[dict[str, Any]], now: datetime) -> Iterator[Shown]:
    """The last runs: which failed where, and what came out."""
    heads = ("STARTED", "TOOK", "SOURCE", "STATUS", "VERSION", "PUBLISHED")
    rows = [
        (
            ago(run["started"], now),
            took((run["ended"] or now) - run["started"]),
            run["source"],
            _ended(run) if run["ended"] else _tried_again(run) or "running",
            run["version"],
            _published(run["published"]),
        )
        for run in result
    ]
    yield table(heads, rows, wraps=("STATUS", "PUBLISHED"))


def followed(news: list[dict[str, Any]]) -> Iterator[Shown]:
    """Runs of which something is new, one a line: how far they are, or how they ended."""
    for run in news:
        under_way = _tried_again(run) or ", ".join(run["steps"]) or "begun"
        state = under_way if run["ended"] is None else _ended(run)
        when = run["ended"] or run["started"]
        outcome = _published(run["published"])
        yield f"{text(when)}  {run['source']}  {run['version']}  {text(state)}{f'  {outcome}' if outcome else ''}"


def _ended(run: Mapping[str, Any]) -> str:
    """How a run ended, and where: fail at gate; ok, kept as version."""
    if run["failed_step"]:
        return f"{run['status']} at {run['failed_step']}"
    outcome = run["steps"].get("promote", {}).get("outcome") if run.get("steps") else None
    return f"{run['status']}, {outcome}" if outcome == Outcome.OUT_OF_ORDER.value else str(run["status"])


def _tried_again(run: Mapping[str, Any]) -> str | None:
    """Of a run under way the step that failed last and is tried again."""
    waiting = {
        name: step["started"]
        for name, step in run["steps"].items()
        if TRIED_AGAIN in step and not run["ended"]
    }
    return f"{max(waiting, key=lambda name: waiting[name])}, tried again" if waiting else None


def _published(counts: Mapping[str, int] | None) -> str | None:
    if counts is None:
        return None
    if not any(counts[name] for name in ("new", "changed", "deleted")):
        return "no change"
    return f"+{short(counts['new'])} ~{short(counts['changed'])} -{short(counts['deleted'])}"


def status(result: Mapping[str, Any], now: datetime) -> Iterator[Shown]:
    """Each source, then publishing, what people were told of and is not over, and the verdict."""
    heads = ("SOURCE", "LATEST", "DATA", "LAST RUN", "RUNS WELL")
    rows = []
    for source in result["sources"]:
        run = source["last_run"]
        as_of = datetime.fromisoformat(source["as_of"]) if source["as_of"] else None
        rate = source["success_rate_percent"]
        rows.append(
            (
                source["source"],
                source["latest"],
                ago(as_of, now),
                f"{_ended(run) if run['ended'] else 'running'}, {ago(datetime.fromisoformat(run['started']), now)}"
                if run
                else None,
                None if rate is None else f"{rate} % of {source['success_rate_runs']}",
            )
        )
    yield table(heads, rows, wraps=("LAST RUN", "RUNS WELL"))
    yield ""
    rate = result["success_rate_percent"]
    waiting = {
        "staged": result["total_staging"],
        "being published": result["total_publishing"],
        "held": result["total_held"],
    }
    counted = [
        f"{result['total_published']:,} versions published{'' if rate is None else f' ({rate} %)'}",
        f"{result['failed_publishes']:,} failed",
        *(f"{count:,} {state}" for state, count in waiting.items() if count),
        f"{result['recent_failures_24h']:,} attempts failed in the last 24 hours",
    ]
    yield f"Publishing: {', '.join(counted)}"
    opened = result["open_episodes"]
    yield f"Open alerts: {len(opened)}"
    for episode in opened:
        since = ago(datetime.fromisoformat(episode["first_seen"]), now)
        line = Text(text(episode["severity"]), style=COLOURS.get(episode["severity"], ""))
        line.append(f": {text(episode['title'])} (since {since}, {episode['count']}x)", style="default")
        yield Padding(line, (0, 0, 0, 2))
    for source, sentence in result["holds"].items():
        yield f"On hold: {source}. {text(sentence)}"
    if result["set_up"]:
        yield f"Set-up, looked at {ago(result['set_up_at'], now)}:"
        for sentence in result["set_up"]:
            yield Padding(text(sentence), (0, 0, 0, 2))
    if result["well"]:
        yield Text("All is well.", style="green")


def versions(result: list[dict[str, Any]], now: datetime) -> Iterator[Shown]:
    """Versions: how each stands, and why."""
    heads = ("VERSION", "STATE", "DATA", "PUBLISHED", "NOTE")
    rows = []
    for each in result:
        notes = [f"pinned: {each['pinned_reason']}"] if each["pinned_reason"] else []
        notes += [each["publish_error"]] if each["publish_error"] else []
        published = each["published_at"]
        rows.append(
            (
                each["version"],
                each["state"],
                ago(each["as_of"], now),
                ago(published, now),
                "; ".join(notes) or None,
            )
        )
    yield table(heads, rows, wraps=("NOTE",))


def history(result: list[dict[str, Any]], now: datetime) -> Iterator[Shown]:
    """What happened, by whom and why."""
    heads = ("WHEN", "WHAT", "VERSION", "CHANGES", "WHO", "WHY")
    rows = [
        (
            ago(each["at"], now),
            each["what"],
            each["version"],
            _published(each["changes"]),
            each["who"],
            each["reason"],
        )
        for each in result
    ]
    yield table(heads, rows, wraps=("CHANGES", "WHO", "WHY"))


def checks(result: Mapping[str, Any], now: datetime) -> Iterator[Shown]:
    """The checks of a verdict, then the rows that made some of them fail or warn."""
    heads = ("OUTCOME", "TABLE", "CHECK", "RULE", "VALUE", "THRESHOLD")
    listed = result["checks"]
    rows = [
        (
            each["outcome"],
            each["table_name"],
            each["name"],
            each["rule"],
            figure(each["value"]),
            each["threshold"],
        )
        for each in listed
    ]
    if rows:
        yield table(heads, rows, right=("VALUE",), wraps=("CHECK", "THRESHOLD"))
    if not result["everything"]:
        yield f"{result['passed']} checks passed (--all lists them)"
    for each in listed:
        if each["samples"]:
            yield ""
            yield f"{each['table_name']}: {text(each['name'])}"
            samples = each["samples"] if result["everything"] else each["samples"][:ROWS]
            for sample in samples:
                yield Padding(clipped(_sample(sample), CONTENT), (0, 0, 0, 2))
            if len(samples) < len(each["samples"]):
                yield f"  … and {len(each['samples']) - len(samples)} more (--all)"


def _sample(row: Any) -> str:
    """A failing row: name=value of each column."""
    return (
        "  ".join(f"{name}={text(value)}" for name, value in row.items())
        if isinstance(row, dict)
        else text(row)
    )


def promoted(result: Any, now: datetime) -> Iterator[Shown]:
    """How a promotion ended, what is latest now, and how the serving tables were done."""
    ways = Counter(result.served.values())
    yield from pairs(
        {
            "outcome": str(result.outcome),
            "source": result.source,
            "version": result.version,
            "latest": result.latest,
            "data as of": result.as_of,
            **({"on hold": result.hold} if result.hold else {}),
            "serving tables": ", ".join(f"{count} by {way}" for way, count in ways.items()) or None,
        }
    )


def released(result: Any, now: datetime) -> Iterator[Shown]:
    """What was published, or that the hold alone is over."""
    yield from pairs(result) if isinstance(result, Mapping) else promoted(result, now)


def rebuilt(result: Mapping[str, Any], now: datetime) -> Iterator[Shown]:
    """How many versions of each source came back, and what could not be read."""
    counts = {name: count for name, count in result.items() if name != "damaged"}
    yield table(("SOURCE", "VERSIONS"), counts.items(), right=("VERSIONS",))
    for sentence in result.get("damaged", ()):
        yield f"left out: {text(sentence)}"


def failed(result: list[dict[str, Any]], now: datetime) -> Iterator[Shown]:
    """What failed to be published, and the last error."""
    heads = ("VERSION", "STAGED", "ATTEMPTS", "ERROR")
    rows = [
        (
            each["data_id"],
            ago(datetime.fromisoformat(each["staged_at"]), now),
            each["publish_attempts"],
            each["publish_error"],
        )
        for each in result
    ]
    yield table(heads, rows, right=("ATTEMPTS",), wraps=("ERROR",))


def alerts(result: list[dict[str, Any]], now: datetime) -> Iterator[Shown]:
    """Episodes: what, how often, since when and whether it is over."""
    heads = ("FIRST SEEN", "LAST SEEN", "COUNT", "TOLD", "RECOVERED", "SEVERITY", "ALERT")
    rows = [
        (
            ago(each["first_seen"], now),
            ago(each["last_seen"], now),
            each["count"],
            each["notified"],
            ago(each["recovered_at"], now) if each["recovered_at"] else "no",
            each["severity"],
            each["title"],
        )
        for each in result
    ]
    yield table(heads, rows, right=("COUNT", "TOLD"), wraps=("ALERT",))


def heartbeat(result: Mapping[str, Any], now: datetime) -> Iterator[Shown]:
    """When the watch last went through, what it found, and when it is due."""
    if result["at"] is None:
        yield "The watch has never run."
        return
    yield from pairs(
        {
            "last": f"{text(result['at'])} ({ago(result['at'], now)})",
            "expected by": result["expected_by"],
            "state": result["state"],
            "findings": result["findings"],
            "code version": result["code_version"],
        }
    )


def doctor(record: doctors.Record, now: datetime) -> Iterator[Shown]:
    """What is wrong first, its remedy below it."""
    colours = {"wrong": "red", "advice": "yellow", "well": "green"}
    for level, line in doctors.lines(record.findings):
        words = line.lstrip()
        style = colours.get(level, "") if words == line else ""
        yield Padding(Text(text(words), style=style), (0, 0, 0, len(line) - len(words)))
    if record.by:
        yield f"Connections, channels, upstreams and DAGs as tasks saw them {ago(record.at, now)} ({text(record.by)})."


def diff(result: list[TableDiff], now: datetime) -> Iterator[Shown]:
    """Counts of every table, then the rows of those that differ."""
    heads = ("TABLE", "BEFORE", "AFTER", "NEW", "CHANGED", "DELETED", "")
    yield table(
        heads,
        [
            (
                each.table,
                *("-" if n is None else f"{n:,}" for n in (each.before, each.after)),
                *(f"{n:,}" for n in (each.new, each.changed, each.deleted)),
                each.note or "",
            )
            for each in result
        ],
        right=heads[1:6],
        wraps=("",),
    )
    for each in result:
        if each.rows:
            yield ""
            yield each.table
            for row in each.rows:
                yield from _row(row)
            if each.total > len(each.rows):
                yield f"  … and {each.total - len(each.rows):,} more (--limit)"


def _row(row: RowDiff) -> Iterator[Shown]:
    key = "  ".join(f"{name}={text(value)}" for name, value in row.key.items())
    yield f"  {row.change:<7}  {clipped(key, CONTENT)}"
    for name, (before, after) in row.columns.items():
        yield f"             {name}: {_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    return clipped("null" if value is None else text(value), VALUE)


def verification(result: Mapping[str, Any], now: datetime) -> Iterator[Shown]:
    """How much was read, and what of it is not as it should be."""
    yield f"{result['files']:,} files of {result['versions']:,} versions read, {size(result['bytes'])}"
    yield f"{len(result['damaged'])} damaged"
    yield f"{result['tables']:,} tables in SQL compared with the files of latest, {result['rows']:,} rows"
    yield f"{len(result['unequal'])} unequal"


def quarantined(result: list[dict[str, Any]], now: datetime) -> Iterator[Shown]:
    """Refused rows, one after the other."""
    for row in result:
        whose = " ".join(filter(None, (row["kind"], row["key"] or "without a key")))
        yield f"{text(whose)}: {text(row['reason'])}: {text(row['detail'])}"
        yield f"  {row['raw']}  sha256 {row['sha256']}  {row['bytes']:,} bytes"
        content = "(not kept: the version's budget for refused rows was used up)"
        yield f"  {content if row['content'] is None else clipped(text(row['content']), CONTENT)}"
    if not result:
        yield "(none)"


def retried(result: Mapping[str, Any], now: datetime) -> Iterator[Shown]:
    """How each ended, then the counts."""
    heads = ("SOURCE", "VERSION", "OUTCOME")
    rows = [
        (each["source"], each["version"], "; ".join(filter(None, (each["outcome"], each["error"]))))
        for each in result["results"]
    ]
    yield table(heads, rows, wraps=("OUTCOME",))
    yield f"{result['total_attempted']} tried, {result['successful']} published, {result['failed']} failed"


def retained(result: Mapping[str, Any], now: datetime) -> Iterator[Shown]:
    """What goes of each version or run, and why."""
    yield "would go:" if result["dry_run"] else "removed:"
    rows = [
        (each["version"], f"{each['files']:,}", size(each["bytes"]), each["reason"])
        for each in result["removals"]
    ]
    yield table(("OF", "FILES", "SIZE", "WHY"), rows, right=("FILES", "SIZE"), wraps=("WHY",))
    yield f"{len(result['versions'])} versions, {result['files']:,} files, {size(result['bytes'])}"
