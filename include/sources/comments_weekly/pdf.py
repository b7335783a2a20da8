"""Draws a brief: A4 pages, text in DejaVu Sans, tables, and charts as vectors.

The same twin gives the same bytes: no clock is read, the date of the document is that of the week, and nothing else is
asked. What upstreams wrote is drawn as text and nothing else; what the font cannot draw is shown as a small box.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from include.sources.comments_weekly import charts
from include.sources.comments_weekly.twin import Brief, Figure, Grid, Headline, Section, Sentence

FONTS = Path(__file__).parent / "fonts"
FAMILY = "DejaVu"
INK, MUTED, LINE, ACCENT, PALE = (31, 36, 48), (98, 106, 122), (222, 226, 232), (26, 86, 176), (245, 246, 248)
MARGIN = 18.0
BODY, SMALL = 9.5, 7.5
LEADING = 1.5
CELL = 90
"""So many characters of a cell are tried; what does not fit into its column is cut with an ellipsis."""
PARAGRAPH = 1_000
BOX = "▫"
_MARKS = 2
"""So many marks above or below a letter are drawn: texts may pile up hundreds."""
_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}


def draw(brief: Brief) -> tuple[bytes, int]:
    """The PDF of a brief, and how many pages it has."""
    from fpdf import FPDF

    class Pages(FPDF):
        """Pages with a line below each."""

        def footer(self) -> None:
            self.set_y(-13)
            self.set_font(FAMILY, size=SMALL)
            self.set_text_color(*MUTED)
            self.cell(self.epw / 2, 4, f"{brief.title} · {brief.period}")
            self.cell(self.epw / 2, 4, str(self.page_no()), align="R")

    pdf = Pages(format="A4", unit="mm")
    pdf.str_alias_nb_pages = ""  # else a text that says {nb} would be another one
    pdf.set_margins(MARGIN, 16, MARGIN)
    pdf.set_auto_page_break(True, margin=20)
    pdf.add_font(FAMILY, "", FONTS / "DejaVuSans.ttf")
    pdf.add_font(FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")
    made_for = datetime.combine(date.fromisoformat(brief.week), datetime.min.time(), UTC) + timedelta(days=7)
    pdf.set_creation_date(made_for)
    pdf.set_title(f"{brief.title}, {brief.period}")
    pdf.set_producer("Lastgood")
    pdf.set_lang("en")
    pdf.c_margin = 0
    pdf.add_page()
    writer = _Writer(pdf)
    writer.title(brief)
    for section in brief.sections:
        writer.section(section)
    data = bytes(pdf.output())
    return data, pdf.pages_count


def printable(text: str, limit: int = PARAGRAPH) -> str:
    """A text in one line, of what the font can draw; a small box stands for the rest."""
    clean, marks = [], 0
    for character in unicodedata.normalize("NFC", text[: 4 * limit]):
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if character.isspace():
            clean.append(" ")
        elif category in _CATEGORIES or "\ufe00" <= character <= "\ufe0f" or marks > _MARKS:
            continue
        elif ord(character) in _drawn():
            clean.append(character)
        elif clean[-1:] != [BOX]:
            clean.append(BOX)
    line = " ".join("".join(clean).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


@cache
def _drawn() -> frozenset[int]:
    """The characters that both faces of the font have."""
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    regular, bold = (TTFont(FONTS / name).getBestCmap() for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"))
    return frozenset(regular.keys() & bold.keys())


class _Writer:
    """Writes one part below the other."""

    def __init__(self, pdf: Any) -> None:
        self.pdf = pdf

    def font(self, size: float = BODY, *, bold: bool = False, color: tuple[int, int, int] = INK) -> None:
        self.pdf.set_font(FAMILY, "B" if bold else "", size)
        self.pdf.set_text_color(*color)

    def keep(self, height: float) -> None:
        """Begin another page where this one has no room for so many millimetres."""
        if self.pdf.will_page_break(height):
            self.pdf.add_page()

    # --- parts ---

    def title(self, brief: Brief) -> None:
        pdf = self.pdf
        pdf.set_fill_color(*ACCENT)
        pdf.rect(MARGIN, pdf.get_y(), 26, 1.4, style="F")
        pdf.ln(5)
        self.font(24, bold=True)
        pdf.cell(0, 11, brief.title, new_x="LMARGIN", new_y="NEXT")
        self.font(13, color=MUTED)
        pdf.cell(0, 8, brief.period, new_x="LMARGIN", new_y="NEXT")
        made = ", ".join(f"{source} {version}" for source, version in brief.built_from.items())
        self.font(SMALL, color=MUTED)
        pdf.cell(0, 5, printable(f"Made from {made}"), new_x="LMARGIN", new_y="NEXT")
        pdf.ln(3)

    def section(self, section: Section) -> None:
        self.heading(section.title, self._first_height(section))
        if section.numbers:
            self.numbers(section.numbers)
        for sentence in section.sentences:
            self.sentence(sentence)
        for chart in section.charts:
            self.chart(chart)
        for grid in section.grids:
            self.grid(grid)
        for sentence in section.closing:
            self.sentence(sentence, small=True)

    def _first_height(self, section: Section) -> float:
        """How much of a section must follow its heading on the same page."""
        if section.numbers:
            return 26 * -(-len(section.numbers) // 3)
        if section.sentences:
            return (
                16
                if not section.charts or len(section.sentences) > 1
                else 12 + charts.height(section.charts[0])
            )
        return charts.height(section.charts[0]) if section.charts else 24

    def heading(self, title: str, follows: float) -> None:
        pdf = self.pdf
        self.keep(15 + follows)
        pdf.ln(4)
        pdf.start_section(title)
        self.font(13, bold=True)
        pdf.cell(0, 7, title, new_x="LMARGIN", new_y="NEXT")
        pdf.set_draw_color(*LINE)
        pdf.set_line_width(0.3)
        pdf.line(MARGIN, pdf.get_y() + 0.4, MARGIN + pdf.epw, pdf.get_y() + 0.4)
        pdf.ln(2.6)

    def sentence(self, sentence: Sentence, *, small: bool = False) -> None:
        pdf, size = self.pdf, SMALL if small else BODY
        height = size * LEADING * 0.3528
        text, lead = printable(sentence.text), printable(sentence.lead, 2 * CELL)
        self.font(size, color=MUTED if small else INK)
        lines = pdf.multi_cell(0, height, f"{lead} {text}", dry_run=True, output="LINES")
        self.keep(height * min(len(lines), 3))
        if lead:
            self.font(size, bold=True)
            pdf.write(height, f"{lead} ")
            self.font(size)
            pdf.write(height, text)
            pdf.ln(height)
        else:
            pdf.multi_cell(0, height, text, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(1.1)

    def numbers(self, numbers: Sequence[Headline]) -> None:
        """Big numbers, three in a row."""
        pdf, gap, high = self.pdf, 4.0, 22.0
        wide = (pdf.epw - 2 * gap) / 3
        for first in range(0, len(numbers), 3):
            self.keep(high + 3)
            top = pdf.get_y()
            for place, one in enumerate(numbers[first : first + 3]):
                left = MARGIN + place * (wide + gap)
                pdf.set_fill_color(*PALE)
                pdf.rect(left, top, wide, high, style="F", round_corners=True, corner_radius=1.6)
                pdf.set_xy(left + 4, top + 2.6)
                self.font(17, bold=True)
                pdf.cell(wide - 8, 8, one.figure.shown)
                pdf.set_xy(left + 4, top + 10.6)
                self.font(8.5)
                pdf.cell(wide - 8, 4.4, one.label)
                if one.note:
                    pdf.set_xy(left + 4, top + 15.2)
                    self.font(SMALL, color=MUTED)
                    pdf.cell(wide - 8, 4, self.fitted(one.note.text, wide - 8))
            pdf.set_xy(MARGIN, top + high + 3)

    def chart(self, chart: Any) -> None:
        self.keep(charts.height(chart))
        charts.draw(self, chart)
        self.pdf.ln(2)

    def grid(self, grid: Grid) -> None:
        """A table, with its heading again on every page."""
        pdf, row_height = self.pdf, 6.2
        widths = [share * pdf.epw for share in grid.widths]
        right = [_is_number(column) for column in zip(*grid.rows, strict=True)]
        # Text behind a number would touch it.
        gaps = [2.5 * (before and not number) for before, number in zip([False, *right], right, strict=False)]

        def cell(shown: str, width: float, gap: float, *, number: bool) -> None:
            pdf.set_x(pdf.get_x() + gap)
            pdf.cell(
                width - gap, row_height, self.fitted(shown, width - gap - 1.5), align="R" if number else "L"
            )

        def header() -> None:
            self.font(SMALL, bold=True, color=MUTED)
            for title, width, gap, number in zip(grid.columns, widths, gaps, right, strict=True):
                cell(title, width, gap, number=number)
            pdf.ln(row_height)
            self.rule()

        self.keep(row_height * min(len(grid.rows) + 1, 4))
        header()
        for row in grid.rows:
            if pdf.will_page_break(row_height):
                pdf.add_page()
                header()
            self.font(8.5)
            for figure, width, gap, number in zip(row, widths, gaps, right, strict=True):
                cell(figure.shown, width, gap, number=number)
            pdf.ln(row_height)
            self.rule()
        pdf.ln(2)

    def rule(self) -> None:
        pdf = self.pdf
        pdf.set_draw_color(*LINE)
        pdf.set_line_width(0.15)
        pdf.line(MARGIN, pdf.get_y(), MARGIN + pdf.epw, pdf.get_y())

    def fitted(self, text: str, width: float) -> str:
        """As much of a text as fits into a width, in the font that is set."""
        line = printable(text, CELL)
        if self.pdf.get_string_width(line) <= width:
            return line
        while line and self.pdf.get_string_width(line + "…") > width:
            line = line[:-1]
        return line.rstrip() + "…"


def _is_number(column: Sequence[Figure]) -> bool:
    """Whether a column is aligned to the right; what nobody states decides nothing."""
    return all(not isinstance(figure.value, str) for figure in column)
