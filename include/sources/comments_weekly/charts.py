"""The charts of a brief, drawn as lines, rectangles and text; beside every colour stands the name of what it means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from include.sources.comments_weekly import figures
from include.sources.comments_weekly.twin import Chart

INK, MUTED, LINE, ACCENT = (31, 36, 48), (98, 106, 122), (222, 226, 232), (26, 86, 176)
CLASSES = {
    "very negative": (164, 22, 26),
    "negative": (221, 128, 91),
    "neutral": (190, 196, 206),
    "positive": (128, 178, 140),
    "very positive": (43, 122, 61),
}
LINES = (ACCENT, (217, 119, 6), (15, 118, 110), (147, 51, 134), (98, 106, 122))
ROW = 6.0
TITLE = 6.0
PLOT = 44.0
NAMES = 46.0
"""Room for names beside bars and arrows, in millimetres."""
AXIS = 11.0
TICKS = 4
SAID = 11.0
"""A part of a bar that is so wide has its share written into it."""
_STEPS = ((0.1, 0.35), (0.2, 0.8), (0.5, 2.0))
"""Steps of an axis of sentiment, and the range up to which each is taken."""


def height(chart: Chart) -> float:
    """How high a chart is with its title, in millimetres."""
    rows = len(chart.series[0].points) if chart.series else 0
    match chart.kind:
        case "lines":
            return TITLE + PLOT + 8
        case "bars":
            return TITLE + ROW * rows + 2
        case "stack":
            return TITLE + 6 + (ROW + 2.5) * rows + 2
        case "change":
            return TITLE + 6 + ROW * rows + 6
        case "scale":
            return TITLE + 22


def draw(page: Any, chart: Chart) -> None:
    """Draw a chart at the place where the page stands, and go below it."""
    pdf = page.pdf
    page.font(8.5, bold=True)
    pdf.cell(0, TITLE, page.fitted(chart.title, pdf.epw), new_x="LMARGIN", new_y="NEXT")
    top = pdf.get_y()
    _KINDS[chart.kind](page, chart, pdf.l_margin, top, pdf.epw)
    pdf.set_xy(pdf.l_margin, top + height(chart) - TITLE)


def _text(
    page: Any, x: float, y: float, text: str, *, size: float = 7.5, align: str = "L", color: Any = MUTED
) -> None:
    """A line of text whose middle is at a height."""
    page.font(size, color=color)
    width = page.pdf.get_string_width(text)
    page.pdf.text(x - {"L": 0, "C": width / 2, "R": width}[align], y + size * 0.3528 * 0.36, text)


def _line(
    page: Any, x1: float, y1: float, x2: float, y2: float, color: Any = LINE, width: float = 0.2
) -> None:
    page.pdf.set_draw_color(*color)
    page.pdf.set_line_width(width)
    page.pdf.line(x1, y1, x2, y2)


def _dot(page: Any, x: float, y: float, radius: float, color: Any, *, hollow: bool = False) -> None:
    page.pdf.set_draw_color(*color)
    page.pdf.set_line_width(0.4)
    page.pdf.set_fill_color(*((255, 255, 255) if hollow else color))
    page.pdf.ellipse(x - radius, y - radius, 2 * radius, 2 * radius, style="DF")


# --- lines over days ---


def _lines(page: Any, chart: Chart, left: float, top: float, width: float) -> None:
    days = sorted({label for series in chart.series for label, _ in series.points})
    values = [value for series in chart.series for _, value in series.points if value is not None]
    if not days or not values:
        _text(page, left, top + 4, "There is nothing to draw.")
        return
    low, high, ticks = _sentiment_axis(values) if chart.unit == "sentiment" else _count_axis(values)
    names = 30.0 if len(chart.series) > 1 else 6.0
    x0, x1, y1 = left + AXIS, left + width - names, top + PLOT - 2
    y0 = top + 2

    def x(day: str) -> float:
        return x0 + 4 + (x1 - x0 - 8) * (days.index(day) / max(len(days) - 1, 1) if len(days) > 1 else 0.5)

    def y(value: float) -> float:
        return y1 - (y1 - y0) * (value - low) / (high - low)

    show = figures.sentiment if chart.unit == "sentiment" else figures.number
    for tick in ticks:
        _line(page, x0, y(tick), x1, y(tick), MUTED if tick == 0 else LINE, 0.25 if tick == 0 else 0.2)
        _text(page, x0 - 1.5, y(tick), show(tick), size=7, align="R")
    for day in days:
        _text(
            page,
            x(day),
            y1 + 4.5,
            f"{date.fromisoformat(day):%a} {date.fromisoformat(day).day}",
            size=7,
            align="C",
        )
    ends = []
    for series, color in zip(chart.series, LINES, strict=False):
        known = [(x(label), y(value)) for label, value in series.points if value is not None]
        for (ax, ay), (bx, by) in pairwise(known):
            _line(page, ax, ay, bx, by, color, 0.6)
        for px, py in known:
            _dot(page, px, py, 0.7, color)
        if known:
            ends.append((known[-1][1], series.name, color))
    if len(chart.series) > 1:
        _names_at_ends(page, ends, x1 + 2, y0, y1, names - 3)
    else:
        for label, value in chart.series[0].points:
            if value is not None:
                _text(page, x(label), y(value) - 2.6, show(value), size=7, align="C", color=INK)


def _names_at_ends(
    page: Any, ends: Sequence[tuple[float, str, Any]], x: float, top: float, bottom: float, width: float
) -> None:
    """Names of lines at their last points, moved apart where they would lie upon one another."""
    apart, last = 3.6, top - 3.6
    placed = []
    for wanted, name, color in sorted(ends, key=lambda end: (end[0], end[1])):
        last = max(wanted, last + apart)
        placed.append([last, name, color])
    over = placed[-1][0] - bottom if placed else 0
    if over > 0:
        limit = bottom
        for each in reversed(placed):
            each[0] = min(each[0], limit)
            limit = each[0] - apart
    for at, name, color in placed:
        page.font(7)
        _text(page, x, at, page.fitted(name, width), size=7, color=color)


def _sentiment_axis(values: Sequence[float]) -> tuple[float, float, list[float]]:
    """From the lowest to the highest step that is needed; zero is always in it."""
    step = next(step for step, most in _STEPS if max(*values, 0) - min(*values, 0) <= most)
    low = min(0.0, _down(min(values), step))
    high = max(0.0, -_down(-max(values), step))
    if high - low < 2 * step:
        low, high = low - step, high + step
    low, high = max(low, -1.0), min(high, 1.0)
    count = round((high - low) / step)
    return low, high, [round(low + n * step, 6) for n in range(count + 1)]


def _down(value: float, step: float) -> float:
    return round(-(-value // step) * step if value % step == 0 else value // step * step, 6)


def _count_axis(values: Sequence[float]) -> tuple[float, float, list[float]]:
    most, step = max(*values, 1), 1
    while most / step > TICKS:
        step = step * 2 if str(step)[0] in "15" else step // 2 * 5
    high = -(-most // step) * step
    return 0.0, float(high), [float(n) for n in range(0, int(high) + 1, step)]


# --- bars, shares, changes, the scale ---


def _bars(page: Any, chart: Chart, left: float, top: float, width: float) -> None:
    points = chart.series[0].points
    most = max((value or 0 for _, value in points), default=0) or 1
    for row, (label, value) in enumerate(points):
        y = top + row * ROW
        page.font(8)
        _text(page, left, y + ROW / 2, page.fitted(label, NAMES - 3), size=8, color=INK)
        long = (width - NAMES - 16) * (value or 0) / most
        page.pdf.set_fill_color(*ACCENT)
        page.pdf.rect(left + NAMES, y + 1.2, max(long, 0.3), ROW - 2.4, style="F")
        _text(page, left + NAMES + long + 1.5, y + ROW / 2, figures.number(value or 0), color=INK)


def _stack(page: Any, chart: Chart, left: float, top: float, width: float) -> None:
    x = left
    for series in chart.series:
        page.pdf.set_fill_color(*CLASSES[series.name])
        page.pdf.rect(x, top + 0.6, 3, 3, style="F")
        _text(page, x + 4.2, top + 2.1, series.name)
        x += 9 + page.pdf.get_string_width(series.name)
    labels = [label for label, _ in chart.series[0].points]
    for row, label in enumerate(labels):
        y = top + 6 + row * (ROW + 2.5)
        page.font(8)
        _text(page, left, y + ROW / 2, page.fitted(figures.platform(label), 28), size=8, color=INK)
        parts = [(series.name, dict(series.points).get(label) or 0) for series in chart.series]
        whole = sum(part for _, part in parts)
        x = left + 31
        for name, part in parts:
            long = (width - 31) * part / whole if whole else 0
            page.pdf.set_fill_color(*CLASSES[name])
            page.pdf.rect(x, y, long, ROW, style="F")
            if long > SAID:
                light = name in ("very negative", "very positive")
                said = figures.share(100 * part / whole)
                _text(
                    page,
                    x + long / 2,
                    y + ROW / 2,
                    said,
                    size=7,
                    align="C",
                    color=(255, 255, 255) if light else INK,
                )
            x += long


def _change(page: Any, chart: Chart, left: float, top: float, width: float) -> None:
    first, second = chart.series
    values = [v for series in chart.series for _, v in series.points if v is not None]
    low, high, ticks = _sentiment_axis(values)
    x0, x1 = left + NAMES, left + width - 4
    bottom = top + 6 + ROW * len(first.points)

    def x(value: float) -> float:
        return x0 + 3 + (x1 - x0 - 6) * (value - low) / (high - low)

    _dot(page, x0 + 4, top + 2, 1.1, MUTED, hollow=True)
    _text(page, x0 + 6.5, top + 2, first.name)
    beyond = x0 + 12 + page.pdf.get_string_width(first.name)
    _dot(page, beyond, top + 2, 1.1, ACCENT)
    _text(page, beyond + 2.5, top + 2, second.name)
    for tick in ticks:
        _line(page, x(tick), top + 5, x(tick), bottom, MUTED if tick == 0 else LINE)
        _text(page, x(tick), bottom + 3, figures.sentiment(tick), size=7, align="C")
    for row, ((label, was), (_, now)) in enumerate(zip(first.points, second.points, strict=True)):
        y = top + 6 + row * ROW + ROW / 2
        page.font(8)
        _text(page, left, y, page.fitted(label, NAMES - 3), size=8, color=INK)
        if was is None or now is None:
            continue
        _line(page, x(was), y, x(now), y, ACCENT, 0.7)
        _dot(page, x(was), y, 1.1, MUTED, hollow=True)
        _dot(page, x(now), y, 1.1, ACCENT)


def _scale(page: Any, chart: Chart, left: float, top: float, width: float) -> None:
    bounds = (-1.0, -0.7, -0.3, 0.3, 0.7, 1.0)

    def x(value: float) -> float:
        return left + width * (value + 1) / 2

    y = top + 9
    for (name, color), low, high in zip(CLASSES.items(), bounds[:-1], bounds[1:], strict=True):
        page.pdf.set_fill_color(*color)
        page.pdf.rect(x(low), y, x(high) - x(low), 4, style="F")
        _text(page, (x(low) + x(high)) / 2, y + 10.5, name, size=7, align="C")
    for bound in bounds:
        align = "L" if bound == -1 else "R" if bound == 1 else "C"
        _text(page, x(bound), y + 6.6, figures.sentiment(bound), size=7, align=align)
    for place, series in enumerate(chart.series):
        ((_, value),) = series.points
        if value is None:
            continue
        at = x(value)
        _line(page, at, y - (2.5 if place == 0 else 1.2), at, y + 4.6, INK, 0.7 if place == 0 else 0.3)
        others = [s.points[0][1] for s in chart.series if s is not series]
        leftwards = bool(others) and (value, place) < (others[0], 1 - place)
        said = f"{series.name} {figures.sentiment(value)}"
        _text(
            page,
            at + (1 if leftwards else -1),
            y - 4,
            said,
            size=7.5,
            align="R" if leftwards else "L",
            color=INK if place == 0 else MUTED,
        )


_KINDS = {"lines": _lines, "bars": _bars, "stack": _stack, "change": _change, "scale": _scale}
