"""What a panel is: rows from facts, and how a column is shown; views are the same for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

from hydra.config import Gateway
from hydra.domain.events import Recorded
from hydra.errors import BadParameter
from hydra.journal.fold import State
from hydra.journal.ledger import Ledger
from hydra.journal.views import Row
from hydra.risk._base import Check

Closes = Mapping[str, Sequence[tuple[float, float]]]
"""By symbol, closes in time: seconds since 1970 (UTC) and price."""


@dataclass(frozen=True)
class Facts:
    """All that a panel may look at; the same facts give the same rows.

    `records` are the journal's events, oldest first: those of a live board are read from the file
    when they are looked at, and `ledger` has the usual tables ready. `now` is this machine's time,
    `checks` the risk checks by name, `breakers` the rows of `hydra breakers`, `runner` what a
    living runner says of itself (None: there is none), `closes` the daily closes of what is
    traded.
    """

    ledger: Ledger
    records: Sequence[Recorded]
    gateway: Gateway
    gateway_answers: bool
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    calendar: str = "XNYS"
    checks: Mapping[str, Check] = field(default_factory=dict)
    breakers: Sequence[Row] | None = None
    runner: Mapping[str, Any] | None = None
    closes: Closes = field(default_factory=dict)

    @property
    def state(self) -> State:
        """What the journal says is so."""
        return self.ledger.state


@dataclass(frozen=True)
class Column:
    """How a column is shown. Kinds: text, figure, percent (of a fraction), meter (a fraction of a
    limit, as a bar), time, spark (a little line), link (text and address), act (a button).

    `signed` writes + and − before figures; `paid` says that more of it is worse, so that + has the
    colour of a loss; `places` fixes the decimals. Without a kind it is told by the values, without
    a title by the column's name.
    """

    kind: str = ""
    unit: str = ""
    title: str | None = None
    places: int | None = None
    signed: bool = False
    paid: bool = False


@dataclass(frozen=True)
class Line:
    """One line of a chart: `mark` is line, area or points; `tone` its colour, 0 to 7.

    The points are copied: a line that grows after it was drawn must differ from what was sent.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    mark: str = "line"
    tone: int = 0

    def __post_init__(self) -> None:
        """Copy the points; raises `BadParameter` when x and y are not of one length."""
        if len(self.x) != len(self.y):
            raise BadParameter(f"The line {self.name} has {len(self.x)} x and {len(self.y)} y.")
        object.__setattr__(self, "x", tuple(self.x))
        object.__setattr__(self, "y", tuple(self.y))


@dataclass(frozen=True)
class Chart:
    """A chart: x in seconds since 1970 when `x_unit` is time; a y of unit % is a fraction."""

    title: str
    lines: tuple[Line, ...]
    y_unit: str = ""
    x_unit: str = "time"


class Panel(Protocol):
    """One file in a `dashboard/` folder; the class docstring's first line is its title.

    Only `rows` is needed. A class may have more, each with its default: `columns` (how each is
    shown, and which, in that order), `key` (the columns that tell a row from the others), `view`
    ("table" or "figures"), `width` (of 12), `page_rows`, `search`, `charts(facts)`, and
    `note(facts, rows)`.
    """

    def rows(self, facts: Facts) -> Sequence[Row]:
        """The panel's table; pure."""


@dataclass(frozen=True)
class Face:
    """What of a panel its views need, with the defaults of what it does not say."""

    name: str
    title: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    view: str
    width: int
    page_rows: int
    search: bool
    own: bool

    DEFAULTS: ClassVar[Mapping[str, Any]] = {
        "columns": {},
        "key": (),
        "view": "table",
        "width": 6,
        "page_rows": 10,
        "search": False,
    }

    @classmethod
    def of(cls, name: str, panel: Panel, own: bool = False) -> Face:
        """The face of a panel."""
        known = {n: getattr(panel, n, default) for n, default in cls.DEFAULTS.items()}
        title = (type(panel).__doc__ or name).splitlines()[0].rstrip(".")
        return cls(name, title, own=own, **known)
