"""Values as cells: what a person reads, formatted here so that every view shows the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hydra.dashboard._base import Column
from hydra.journal.views import Row, decimal_text

NONE = "–"
"""What stands where there is no figure."""
MINUS = "\u2212"
FIGURES = (int, float, Decimal)


def columns_of(rows: Sequence[Row], declared: Mapping[str, Column]) -> dict[str, Column]:
    """The columns that are shown, each with its kind: the declared ones, else all of the rows."""
    if declared:
        return dict(declared)
    names = list(rows[0]) if rows else []
    return {name: Column(_kind(row[name] for row in rows[:50])) for name in names}


def cells(row: Row, columns: Mapping[str, Column]) -> list[Any]:
    """One row as what its view takes: texts, and numbers where the view itself draws or tells
    the time."""
    return [cell(row.get(name), column) for name, column in columns.items()]


def cell(value: Any, column: Column) -> Any:
    """One value: times in milliseconds since 1970, meters as [fraction, text]."""
    if value is None or value == "":
        return None
    show: Callable[[Any, Column], Any] = SHOWN.get(column.kind, _text)
    return show(value, column)


def text_of(row: Row, columns: Mapping[str, Column]) -> str:
    """All of a row that can be searched, in small letters."""
    words = (cell(row.get(n), c) for n, c in columns.items() if c.kind not in ("spark", "act"))
    return " ".join(str(word) for word in words if word is not None).lower()


def order_key(value: Any) -> tuple[int, Any]:
    """What rows are sorted by: figures by size, texts by their letters, nothing last."""
    if value is None or value == "":
        return 2, 0
    if isinstance(value, FIGURES):
        return 0, float(value)
    if isinstance(value, datetime | date):
        return 0, value.isoformat()
    return 1, str(value)


def figure_text(value: Any, places: int | None = None, signed: bool = False) -> str:
    """A figure for people: thousands apart, a true minus, + where signs matter."""
    if not math.isfinite(value):
        return "∞" if value > 0 else NONE
    if places is None:
        text = decimal_text(abs(Decimal(str(value))) if isinstance(value, float) else abs(value))
    else:
        text = f"{abs(value):,.{places}f}"
    zero = not text.strip("0.,")
    sign = "" if zero else MINUS if value < 0 else "+" if signed else ""
    return sign + text


def _figure(value: Any, column: Column) -> str:
    if not isinstance(value, FIGURES) or isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        value = Decimal(value)
    return figure_text(value, column.places, column.signed)


def _percent(value: Any, column: Column) -> str:
    places = 1 if column.places is None else column.places
    return figure_text(float(value) * 100, places, column.signed) + " %"


def _meter(value: Any, column: Column) -> list[Any]:
    use = float(value)
    if not math.isfinite(use):
        return [1.0, "∞"]
    return [round(min(max(use, 0.0), 1.0), 3), f"{use * 100:,.0f} %"]


def _time(value: Any, column: Column) -> Any:
    return int(value.timestamp() * 1000) if isinstance(value, datetime) else str(value)


def _spark(value: Iterable[float], column: Column) -> list[float]:
    return [float(f"{y:.4g}") for y in value]


def _given(value: Any, column: Column) -> Any:
    return value


def _text(value: Any, column: Column) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _figure(value, column) if isinstance(value, FIGURES) else str(value)


SHOWN: Mapping[str, Callable[[Any, Column], Any]] = {
    "figure": _figure,
    "percent": _percent,
    "meter": _meter,
    "time": _time,
    "spark": _spark,
    "link": _given,
    "act": _given,
}


def _kind(values: Iterable[Any]) -> str:
    known = next((v for v in values if v is not None and v != ""), None)
    if isinstance(known, datetime):
        return "time"
    return "figure" if isinstance(known, FIGURES) and not isinstance(known, bool) else "text"
