"""What a weekly brief says, before it is drawn: sections of sentences, tables and charts, whose figures say where they
are from. As JSON it is the twin that is published beside the PDF; drawing it needs nothing else."""

from __future__ import annotations

from typing import Literal

import msgspec

FORMAT = 1
Value = str | int | float | bool | None


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value as it is shown, and where it is from: a column of the row under a key, or what a query answers.

    Queries are SQL of DuckDB and of PostgreSQL over the tables of this source by their names.
    """

    value: Value
    shown: str
    table: str
    column: str | None = None
    key: dict[str, str | int] | None = None
    query: str | None = None


class Sentence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sentence, and its figures in the order in which it names them; `lead` is what stands before it in bold."""

    text: str
    figures: tuple[Figure, ...] = ()
    lead: str = ""


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """A table: a heading and an alignment for each column, and rows of figures."""

    columns: tuple[str, ...]
    widths: tuple[float, ...]
    """Share of each column in the width of the page."""
    rows: tuple[tuple[Figure, ...], ...]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Points of a chart as a query over a table answers them: a label each, and a value or none."""

    name: str
    table: str
    query: str
    points: tuple[tuple[str, float | int | None], ...]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart. lines: over days; bars: one series, labels below one another; stack: shares of a whole for each series;
    change: a first and a second series, an arrow for each label; scale: points on the sentiment scale."""

    kind: Literal["lines", "bars", "stack", "change", "scale"]
    title: str
    unit: Literal["sentiment", "comments"]
    series: tuple[Series, ...]


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """A big number: what it is, and how it stood before."""

    label: str
    figure: Figure
    note: Sentence | None = None


class Section(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A section; what it has is drawn in this order."""

    id: str
    title: str
    numbers: tuple[Headline, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    charts: tuple[Chart, ...] = ()
    grids: tuple[Grid, ...] = ()
    closing: tuple[Sentence, ...] = ()


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """The brief of a week."""

    format: int
    week: str
    """Date of the Monday."""
    title: str
    period: str
    built_from: dict[str, str]
    """The versions of the sources that it was made from."""
    sections: tuple[Section, ...]

    def figures(self) -> list[Figure]:
        """Every figure that is shown, in order."""
        found: list[Figure] = []
        for section in self.sections:
            for number in section.numbers:
                found += [number.figure, *(number.note.figures if number.note else ())]
            for sentence in (*section.sentences, *section.closing):
                found += sentence.figures
            for grid in section.grids:
                found += [figure for row in grid.rows for figure in row]
        return found

    def series(self) -> list[Series]:
        """Every series of a chart, in order."""
        return [one for section in self.sections for chart in section.charts for one in chart.series]


def encode(brief: Brief) -> bytes:
    """The twin as JSON: the same brief gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(brief), indent=1) + b"\n"
