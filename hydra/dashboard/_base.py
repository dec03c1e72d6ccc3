"""What a panel is: rows from facts; the view is the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any, Protocol

from hydra.config import Gateway
from hydra.domain.events import Recorded
from hydra.journal.fold import State
from hydra.journal.views import Row, decimal_text


@dataclass(frozen=True)
class Facts:
    """All that a panel may look at: the journal's state and events, and the gateway's address."""

    state: State
    records: Sequence[Recorded]
    gateway: Gateway
    gateway_answers: bool


class Panel(Protocol):
    """One file in a `dashboard/` folder; the class docstring's first line is its title."""

    def rows(self, facts: Facts) -> list[Row]:
        """The panel's table; pure."""


def html_table(title: str, rows: Sequence[Row]) -> str:
    """An accessible table; every text is escaped, figures are aligned to the right."""
    head = f"<caption>{escape(title)}</caption>"
    if not rows:
        return f'<table class="hydra">{head}<tr><td>nothing yet</td></tr></table>'
    names = "".join(
        f'<th scope="col"{_kind(value)}>{escape(_title(name))}</th>'
        for name, value in rows[0].items()
    )
    body = "".join(f"<tr>{''.join(map(_cell, row.values()))}</tr>" for row in rows)
    return (
        f'<table class="hydra">{head}<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>'
    )


STYLE = """<style>
table.hydra { border-collapse: collapse; font-size: 13px; margin: 0 0 16px;
  color: var(--jp-content-font-color1, inherit); font-variant-numeric: tabular-nums; }
table.hydra caption { text-align: left; font-weight: 600; padding: 4px 0;
  white-space: nowrap; }
table.hydra th { text-align: left; font-weight: 600; padding: 2px 12px 2px 0;
  border-bottom: 1px solid var(--jp-border-color1, #999); }
table.hydra td { padding: 1px 12px 1px 0; line-height: 1.5; white-space: nowrap; }
table.hydra .figure { text-align: right; }
</style>"""
"""Takes JupyterLab's own colours, so that light and dark themes are both readable."""


def _title(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: Any) -> str:
    return f"<td{_kind(value)}>{escape(shown(value))}</td>"


def _kind(value: Any) -> str:
    figure = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return ' class="figure"' if figure else ""


def shown(value: Any) -> str:
    """A value as people read it: thousands apart, – for none."""
    if value is None or value == "":
        return "–"
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, float):
        places = 0 if value == int(value) else 4 if abs(float(value)) < 1000 else 2
        return f"{value:,.{places}f}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "hour") else str(value)
