"""What one view has been sent of one panel, and what of it has changed since: no more is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.dashboard._base import Chart, Column, Face, Line
from hydra.dashboard._cells import cells, columns_of, order_key, text_of
from hydra.journal.views import Row

Message = dict[str, Any]
MOST_ROWS = 200
"""A page has no more rows than this."""


@dataclass(frozen=True)
class Query:
    """What of a table somebody looks at: a page, perhaps sorted by a column, perhaps searched."""

    page: int = 0
    rows: int = 10
    sort: str = ""
    down: bool = False
    search: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any], face: Face) -> Query:
        """From what a view asks for; nonsense is the default."""
        page, rows = given.get("page"), given.get("rows")
        return cls(
            page if isinstance(page, int) and page >= 0 else 0,
            rows if isinstance(rows, int) and 0 < rows <= MOST_ROWS else face.page_rows,
            str(given.get("sort") or ""),
            bool(given.get("down")),
            str(given.get("search") or "").strip().lower(),
        )


@dataclass(frozen=True)
class Drawn:
    """A panel's rows, note and charts of one moment, for all views."""

    rows: Sequence[Row] = ()
    note: str = ""
    charts: Sequence[Chart] = ()


@dataclass
class Sheet:
    """What a view has of a panel; `changes` is what it lacks."""

    face: Face
    query: Query
    _columns: dict[str, Column] = field(default_factory=dict)
    _sent: dict[str, tuple[Row, list[Any]]] = field(default_factory=dict)
    _order: list[str] | None = None
    _told: Message = field(default_factory=dict)
    _charts: list[Chart] = field(default_factory=list)
    _texts: dict[int, tuple[Row, str]] = field(default_factory=dict)
    """What was searched: by identity, for a row that changes becomes another."""

    def changes(self, drawn: Drawn) -> Message:
        """What to send so that the view shows `drawn`; empty when nothing has changed."""
        message: Message = {}
        columns = columns_of(drawn.rows, self.face.columns) or self._columns
        if columns != self._columns:
            self._columns, self._sent, self._order = columns, {}, None
            message["columns"] = _heads(columns)
        found = self._found(drawn.rows)
        page = self._page(found, message)
        self._compare(page, message)
        self._tell(message, note=drawn.note, total=len(found), page=self.query.page)
        if charts := self._chart_changes(drawn.charts):
            message["charts"] = charts
        return message

    def forget(self) -> None:
        """The view has nothing any more: the next changes are all of it."""
        self._columns, self._sent, self._order = {}, {}, None
        self._told, self._charts = {}, []

    def _found(self, rows: Sequence[Row]) -> Sequence[Row]:
        query = self.query
        if query.search:
            rows = [row for row in rows if query.search in self._text(row)]
        if query.sort in self._columns:
            rows = sorted(rows, key=lambda row: order_key(row.get(query.sort)))
            if query.down:
                known = [row for row in rows if order_key(row.get(query.sort))[0] < 2]
                rows = known[::-1] + list(rows[len(known) :])
        return rows

    def _text(self, row: Row) -> str:
        known = self._texts.get(id(row))
        if known is None or known[0] is not row:
            if len(self._texts) > 20_000:
                self._texts.clear()
            known = self._texts[id(row)] = (row, text_of(row, self._columns))
        return known[1]

    def _page(self, rows: Sequence[Row], message: Message) -> dict[str, Row]:
        query = self.query
        last = max(0, (len(rows) - 1) // query.rows)
        if query.page > last:
            self.query = query = Query(last, query.rows, query.sort, query.down, query.search)
        first = query.page * query.rows
        shown = rows[first : first + query.rows]
        if not self.face.key:
            return {str(first + n): row for n, row in enumerate(shown)}
        return {"|".join(str(row.get(name)) for name in self.face.key): row for row in shown}

    def _compare(self, page: Mapping[str, Row], message: Message) -> None:
        """Rows that are new or look different, and the order of all when it has changed."""
        changed: dict[str, list[Any]] = {}
        sent: dict[str, tuple[Row, list[Any]]] = {}
        for key, row in page.items():
            known = self._sent.get(key)
            if known and known[0] is row:
                sent[key] = known
                continue
            shown = cells(row, self._columns)
            sent[key] = (row, shown)
            if known is None or known[1] != shown:
                changed[key] = shown
        self._sent = sent
        if changed:
            message["rows"] = changed
        if (order := list(page)) != self._order:
            message["order"] = self._order = order

    def _tell(self, message: Message, **values: Any) -> None:
        new = {name: value for name, value in values.items() if self._told.get(name) != value}
        self._told.update(new)
        message.update(new)

    def _chart_changes(self, charts: Sequence[Chart]) -> list[Message]:
        """By chart, either the whole of it or the ends of its lines."""
        before, self._charts = self._charts, list(charts)
        changes = []
        for number, chart in enumerate(charts):
            old = before[number] if number < len(before) else None
            if old == chart:
                continue
            if old is None or not _same_lines(old, chart):
                changes.append({"n": number, "chart": _whole(chart)})
            else:
                pairs = zip(old.lines, chart.lines, strict=True)
                ends = [_end(was, now) for was, now in pairs]
                changes.append({"n": number, "ends": ends})
        return changes


def _heads(columns: Mapping[str, Column]) -> list[Message]:
    return [
        {
            "name": name,
            "title": name.replace("_", " ") if column.title is None else column.title,
            "kind": column.kind or "text",
            "unit": column.unit,
            "signed": column.signed,
            "paid": column.paid,
        }
        for name, column in columns.items()
    ]


def _same_lines(one: Chart, other: Chart) -> bool:
    """Whether two charts differ in the points of their lines alone."""
    return [_look(one), *map(_line_look, one.lines)] == [
        _look(other),
        *map(_line_look, other.lines),
    ]


def _look(chart: Chart) -> tuple[str, ...]:
    return chart.title, chart.x_unit, chart.y_unit


def _line_look(line: Line) -> tuple[Any, ...]:
    return line.name, line.mark, line.tone


def _whole(chart: Chart) -> Message:
    return {
        "title": chart.title,
        "x_unit": chart.x_unit,
        "y_unit": chart.y_unit,
        "lines": [
            {
                "name": line.name,
                "mark": line.mark,
                "tone": line.tone,
                "x": _rounded(line.x),
                "y": _rounded(line.y),
            }
            for line in chart.lines
        ],
    }


def _end(old: Line, new: Line) -> Message:
    """How many of the points stay, and those that follow."""
    same = 0
    for same, (was, now) in enumerate(  # noqa: B007 — the number is what is looked for
        zip(zip(old.x, old.y, strict=True), zip(new.x, new.y, strict=True), strict=False)
    ):
        if was != now:
            break
    else:
        same = min(len(old.x), len(new.x))
    return {"keep": same, "x": _rounded(new.x[same:]), "y": _rounded(new.y[same:])}


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(float(value), 6) for value in values]
