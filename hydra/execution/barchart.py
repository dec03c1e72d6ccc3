"""A small bar chart as SVG text: the two plots of a session's report.

matplotlib draws them as well, and costs 1.5 to 3 s of import in every paper session, a third of
the whole; these plots have a handful of bars and are kept in the run's record as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 34, 26
COLOURS = ("#0072B2", "#D55E00", "#009E73")
"""Colours that stay apart for the colour-blind (Okabe and Ito, 2008)."""


@dataclass(frozen=True)
class BarChart:
    """Grouped bars: `series` maps a name to one value for each of `labels`; None draws nothing."""

    title: str
    unit: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float | None]]

    def svg(self) -> str:
        """The chart as one SVG element; text takes the page's own colour."""
        low, high = self._range()
        return "".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                f'width="{WIDTH}" role="img" aria-label="{escape(self.title, quote=True)}" '
                'font-family="sans-serif" font-size="11" fill="currentColor">',
                f'<text x="{LEFT}" y="14" font-size="13" font-weight="600">'
                f"{escape(self.title)} ({escape(self.unit)})</text>",
                *self._legend(),
                *self._axis(low, high),
                *self._bars(low, high),
                "</svg>",
            ]
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.svg()

    def _range(self) -> tuple[float, float]:
        values = [v for row in self.series.values() for v in row if v is not None]
        low, high = min([0.0, *values]), max([0.0, *values])
        return (low, high) if high > low else (0.0, 1.0)

    def _y(self, value: float, low: float, high: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def _legend(self) -> list[str]:
        """Names of the series, where there is more than one."""
        names = list(self.series) if len(self.series) > 1 else []
        return [
            f'<rect x="{WIDTH - 90 * (len(names) - i)}" y="5" width="10" height="10" '
            f'fill="{COLOURS[i % 3]}"/><text x="{WIDTH - 90 * (len(names) - i) + 14}" y="14">'
            f"{escape(name)}</text>"
            for i, name in enumerate(names)
        ]

    def _axis(self, low: float, high: float) -> list[str]:
        """A line and a figure at the least, the greatest and zero."""
        parts = []
        for value in sorted({low, 0.0, high}):
            y = self._y(value, low, high)
            width = 1 if value == 0 else 0.3
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="currentColor" stroke-width="{width}"/>'
                f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>'
            )
        return parts

    def _bars(self, low: float, high: float) -> list[str]:
        slot = (WIDTH - LEFT - RIGHT) / max(len(self.labels), 1)
        width = min(slot * 0.8 / len(self.series), 60)
        parts: list[str] = []
        for place, label in enumerate(self.labels):
            middle = LEFT + slot * (place + 0.5)
            parts.append(
                f'<text x="{middle:.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
                f"{escape(label)}</text>"
            )
            left = middle - width * len(self.series) / 2
            for number, row in enumerate(self.series.values()):
                parts.append(
                    self._bar(left + number * width, width, row[place], (low, high), number)
                )
        return parts

    def _bar(
        self, x: float, width: float, value: float | None, span: tuple[float, float], number: int
    ) -> str:
        if value is None:
            return ""
        top, bottom = self._y(max(value, 0), *span), self._y(min(value, 0), *span)
        return (
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}" '
            f'fill="{COLOURS[number % 3]}"><title>{value:.6g}</title></rect>'
        )


def values_of(column: Any) -> list[float | None]:
    """A table's column as floats, None where it is empty."""
    return [None if value is None or value != value else float(value) for value in column]
