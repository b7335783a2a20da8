"""How results look on a terminal of 100 columns; whatever comes from data is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from include.publishing.diff import RowDiff, TableDiff

WIDTH = 100
VALUE = 60
"""Characters of a value that are shown of a row."""


def text(value: Any) -> str:
    """A value on one line, without anything that a terminal would obey."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value))


def clipped(value: str, width: int) -> str:
    """The beginning of a value that is too long."""
    return value if len(value) <= width else value[: max(width - 1, 0)] + "…"


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago, in its largest unit: 3 hours ago."""
    if then is None:
        return "-"
    seconds = max((now - then).total_seconds(), 0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


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
    """Bytes: 12 MB."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"  # noqa: PLR2004


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Iterable[str] = (),
    flexible: str | None = None,
) -> Iterator[str]:
    """Rows under their heads; the `flexible` column is clipped so that the whole fits the terminal."""
    cells = [[text(value) for value in row] for row in rows]
    if not cells:
        yield "(none)"
        return
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    if flexible is not None:
        place = heads.index(flexible)
        over = sum(widths) + 2 * (len(widths) - 1) - WIDTH
        widths[place] = max(len(flexible), widths[place] - max(over, 0))
    numbers = {heads.index(head) for head in right}
    for line in (heads, *cells):
        yield "  ".join(
            clipped(cell, width).rjust(width) if place in numbers else clipped(cell, width).ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()


def pairs(facts: Mapping[str, Any]) -> Iterator[str]:
    """Facts by their names, one a line; those of a nested mapping follow its name."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= (
            {f"{name} {key}": each for key, each in value.items()}
            if isinstance(value, Mapping)
            else {name: value}
        )
    width = max(map(len, flat), default=0)
    for name, value in flat.items():
        yield f"{name.ljust(width)}  {text(value)}".rstrip()


def plain(result: Any, now: datetime) -> Iterator[str]:
    """Any result: rows as a table, facts one a line."""
    if isinstance(result, list):
        heads = list(result[0]) if result else []
        yield from table(heads, [list(row.values()) for row in result])
    else:
        yield from pairs(result)


def runs(result: list[dict[str, Any]], now: datetime) -> Iterator[str]:
    """The last runs: which failed where, and what came out."""
    heads = ("STARTED", "TOOK", "SOURCE", "STATUS", "FAILED STEP", "VERSION", "PUBLISHED")
    rows = [
        (
            ago(run["started"], now),
            took((run["ended"] or now) - run["started"]),
            run["source"],
            run["status"] or "running",
            run["failed_step"],
            run["version"],
            _published(run["published"]),
        )
        for run in result
    ]
    return table(heads, rows, flexible="FAILED STEP")


def _published(counts: Mapping[str, int] | None) -> str | None:
    if counts is None:
        return None
    if not any(counts[name] for name in ("new", "changed", "deleted")):
        return "no change"
    return f"+{short(counts['new'])} ~{short(counts['changed'])} -{short(counts['deleted'])}"


def status(result: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Totals, then each source, then what people were told of and is not over."""
    heads = ("SOURCE", "LATEST", "DATA", "LAST RUN", "STATUS", "FAILED STEP", "SUCCESS")
    rows = []
    for source in result["sources"]:
        run = source["last_run"] or {}
        started = datetime.fromisoformat(run["started"]) if run else None
        as_of = datetime.fromisoformat(source["as_of"]) if source["as_of"] else None
        rate = source["success_rate_percent"]
        rows.append(
            (
                source["source"],
                source["latest"],
                ago(as_of, now),
                ago(started, now),
                (run["status"] or "running") if run else None,
                run.get("failed_step"),
                None if rate is None else f"{rate} % of {source['success_rate_runs']}",
            )
        )
    yield from table(heads, rows, flexible="FAILED STEP")
    yield ""
    totals = {
        name.replace("_", " "): value
        for name, value in result.items()
        if not isinstance(value, list) and name != "timestamp"
    }
    yield from pairs(totals)
    yield ""
    opened = result["open_episodes"]
    yield f"open alerts: {len(opened)}"
    for episode in opened:
        since = ago(datetime.fromisoformat(episode["first_seen"]), now)
        yield clipped(
            f"  {episode['severity']}: {text(episode['title'])} (since {since}, {episode['count']}x)", WIDTH
        )


def versions(result: list[dict[str, Any]], now: datetime) -> Iterator[str]:
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
    return table(heads, rows, flexible="NOTE")


def checks(result: list[dict[str, Any]], now: datetime) -> Iterator[str]:
    """The checks of a verdict, then the rows that made some of them fail or warn."""
    heads = ("OUTCOME", "TABLE", "RULE", "CHECK", "VALUE", "THRESHOLD")
    rows = [
        (each["outcome"], each["table_name"], each["rule"], each["name"], each["value"], each["threshold"])
        for each in result
    ]
    yield from table(heads, rows, flexible="CHECK")
    for each in result:
        if each["samples"]:
            yield ""
            yield clipped(f"{each['table_name']}: {text(each['name'])}", WIDTH)
            yield from (f"  {clipped(text(sample), 4 * WIDTH)}" for sample in each["samples"])


def failed(result: list[dict[str, Any]], now: datetime) -> Iterator[str]:
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
    return table(heads, rows, right=("ATTEMPTS",), flexible="ERROR")


def alerts(result: list[dict[str, Any]], now: datetime) -> Iterator[str]:
    """Episodes: what, how often, since when and whether it is over."""
    heads = ("FIRST SEEN", "LAST SEEN", "COUNT", "TOLD", "RECOVERED", "ALERT")
    rows = [
        (
            ago(each["first_seen"], now),
            ago(each["last_seen"], now),
            each["count"],
            each["told"],
            ago(each["recovered_at"], now) if each["recovered_at"] else "no",
            f"{each['severity']}: {each['title']}",
        )
        for each in result
    ]
    return table(heads, rows, right=("COUNT", "TOLD"), flexible="ALERT")


def diff(result: list[TableDiff], now: datetime) -> Iterator[str]:
    """Counts of every table, then the rows of those that differ."""
    heads = ("TABLE", "BEFORE", "AFTER", "NEW", "CHANGED", "DELETED", "")
    yield from table(
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
    )
    for each in result:
        if each.rows:
            yield ""
            yield each.table
            for row in each.rows:
                yield from _row(row)
            if each.total > len(each.rows):
                yield f"  … and {each.total - len(each.rows):,} more (--limit)"


def _row(row: RowDiff) -> Iterator[str]:
    yield clipped(
        f"  {row.change:<7}  {'  '.join(f'{name}={text(value)}' for name, value in row.key.items())}", WIDTH
    )
    for name, (before, after) in row.columns.items():
        yield f"             {name}: {_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    return clipped("null" if value is None else text(value), VALUE)


def verification(result: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """How much was read, and what of it is damaged."""
    yield f"{result['files']:,} files of {result['versions']:,} versions read, {size(result['bytes'])}"
    yield f"{len(result['damaged'])} damaged"


def quarantined(result: list[dict[str, Any]], now: datetime) -> Iterator[str]:
    """Refused rows, one after the other."""
    for row in result:
        yield f"{text(row['reason'])}: {text(row['detail'])}"
        yield f"  {row['raw']}  sha256 {row['sha256']}  {row['bytes']:,} bytes"
        yield f"  {clipped(text(row['content']), 4 * WIDTH)}"
    if not result:
        yield "(none)"


def retried(result: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """How each ended, then the counts."""
    heads = ("SOURCE", "VERSION", "OUTCOME")
    rows = [
        (each["source"], each["version"], "; ".join(filter(None, (each["outcome"], each["error"]))))
        for each in result["results"]
    ]
    yield from table(heads, rows, flexible="OUTCOME")
    yield f"{result['total_attempted']} tried, {result['successful']} published, {result['failed']} failed"


def retained(result: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """What goes of each version or run, and why."""
    yield "would go:" if result["dry_run"] else "removed:"
    rows = [
        (each["version"], f"{each['files']:,}", size(each["bytes"]), each["reason"])
        for each in result["removals"]
    ]
    yield from table(("OF", "FILES", "SIZE", "WHY"), rows, right=("FILES", "SIZE"), flexible="WHY")
    yield f"{len(result['versions'])} versions, {result['files']:,} files, {size(result['bytes'])}"
