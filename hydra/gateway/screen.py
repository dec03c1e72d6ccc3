"""A live status on one screen: clock, clients, books and the last messages, for a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from hydra.gateway.server import GatewayServer

EVERY_S = 0.5
POSITIONS, ORDERS, MESSAGES = 8, 6, 8
"""How many rows of each are shown; what is left out is counted."""


def screen(state: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], where: str) -> Group:
    """The status as one renderable, from the plain data that the control port tells too."""
    head = Text.assemble(
        ("simulated IB Gateway  ", "bold"),
        f"{where}   clients {', '.join(map(str, state['clients'])) or 'none'}\n",
        (f"{state['time'][:19]}Z  ", "bold"),
        f"session {state['session']} ({state['phase']})   account {state['account']}   "
        f"net liquidation {Decimal(state['net_liquidation']):,.2f}   "
        f"cash {Decimal(state['cash']):,.2f}   executions {len(state['executions'])}",
    )
    return Group(
        head,
        _table("positions", state["positions"], POSITIONS, POSITION),
        _table("working orders", state["open_orders"], ORDERS, ORDER),
        _table("last messages", list(reversed(messages)), MESSAGES, MESSAGE),
        Text("Ctrl-C ends it.", style="dim"),
    )


async def show(server: GatewayServer, console: Console) -> None:
    """Redraw twice a second until cancelled."""
    where = f"{server.host}:{server.port}, control {server.control_port}"
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            messages = server.record.after(server.record.last - MESSAGES)
            live.update(screen(server.exchange.state(), messages, where), refresh=True)
            await asyncio.sleep(EVERY_S)


POSITION = {"symbol": "symbol", "quantity": "quantity", "average": "average_cost", "mark": "mark"}
ORDER = {"symbol": "symbol", "quantity": "quantity", "order": "order_ref", "status": "status"}
MESSAGE = {"no.": "seq", "client": "client_id", "way": "direction", "message": "name"}


def _table(
    title: str, rows: Sequence[Mapping[str, Any]], most: int, columns: Mapping[str, str]
) -> Table | Text:
    if not rows:
        return Text(f"\nno {title}", style="dim")
    left_out = f" ({len(rows) - most} more)" if len(rows) > most else ""
    table = Table(title=f"{title}{left_out}", title_justify="left", box=SIMPLE_HEAD)
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows[:most]:
        table.add_row(*(str(row.get(key, "")) for key in columns.values()))
    return table
