"""The whole state of an exchange as plain JSON values, and an exchange that resumes from it.

Orders, executions, positions, cash, order numbers, halts and the clock are in it. Prices are not:
the seed makes them anew. What clients were subscribed to is not either: they subscribe again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from hydra.gateway.account import Account, Accrual, Holding
from hydra.gateway.codec import split_fields
from hydra.gateway.corporate_actions import Change, Removal, Split, SymbolChange
from hydra.gateway.errors import GatewayError, SettingsError
from hydra.gateway.exchange import Exchange, ExchangeSettings, shipped_exchange
from hydra.gateway.messages import NEWEST, decode_request, encode
from hydra.gateway.order_past import Past
from hydra.gateway.order_registry import Memory
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.reports import Executed
from hydra.gateway.times import epoch
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import Stage, WorkingOrder

FORMAT = 1
_LENGTH = 4  # bytes of a frame's length prefix
_CHANGES: Mapping[str, type[Change]] = MappingProxyType(
    {"split": Split, "symbol": SymbolChange, "removal": Removal}
)
_KIND_OF = {cls: kind for kind, cls in _CHANGES.items()}


def snapshot(exchange: Exchange) -> dict[str, Any]:
    """All that an exchange has to remember, as JSON values."""
    venue, memory = exchange.venue, exchange.orders.memory
    settings = exchange.settings
    return {
        "format": FORMAT,
        "start": settings.start.isoformat(),
        "seed": settings.seed,
        "cash": str(settings.cash),
        "universe": settings.universe,
        "latency_s": venue.latency_s,
        "now": venue.now.isoformat(),
        "accounts": [_account(account) for account in venue.accounts.values()],
        "changes": [[_KIND_OF[type(change)], *astuple(change)] for change in venue.changes],
        "ready_at": venue.ready_at,
        "lendable": {str(con_id): shares for con_id, shares in venue.lendable.items()},
        "halts": {str(con_id): spans for con_id, spans in venue.market.halts.items()},
        "orders": [_order(order) for order in memory.orders.values()],
        "held_back": [[key[0], _terms(terms)] for key, terms in memory.held_back.items()],
        "highest_id": {str(client): number for client, number in memory.highest_id.items()},
        "sequence": memory.sequence,
        "executions": [_executed(done) for done in memory.executions],
        "past": _past(memory.past),
    }


def resumed(state: dict[str, Any]) -> Exchange:
    """An exchange that goes on where `state` was taken; raises SettingsError if it is damaged."""
    try:
        return _resumed(state)
    except (KeyError, TypeError, ValueError, ArithmeticError, GatewayError) as reason:
        raise SettingsError(f"the saved state cannot be resumed: {reason!r}") from None


def _resumed(state: dict[str, Any]) -> Exchange:
    if state["format"] != FORMAT:
        raise SettingsError(f"it has format {state['format']}; this gateway reads {FORMAT}")
    settings = ExchangeSettings(
        start=date.fromisoformat(state["start"]),
        seed=state["seed"],
        account=",".join(row["code"] for row in state["accounts"]),
        cash=Decimal(state["cash"]),
        universe=state["universe"],
        latency_s=state["latency_s"],
    )
    exchange = shipped_exchange(settings)
    today = exchange.venue.calendar.latest(epoch(datetime.fromisoformat(state["now"]))).day
    exchange.corporate.resume(_changes(state), today, is_complete="changes" in state)
    exchange.venue.ready_at = state.get("ready_at", 0)
    lendable = state.get("lendable", {})
    exchange.venue.lendable = {int(con_id): shares for con_id, shares in lendable.items()}
    for row in state["accounts"]:
        _fill_account(exchange.venue.accounts[row["code"]], row)
    for con_id, spans in state["halts"].items():
        exchange.venue.market.halts[int(con_id)] = [(first, last) for first, last in spans]
    exchange.orders.memory = _memory(state, exchange.venue)
    exchange.resume_at(datetime.fromisoformat(state["now"]))
    return exchange


def _changes(state: dict[str, Any]) -> list[Change]:
    """The changes of listings; `splits` are those of a version that had no others."""
    splits: list[Change] = [Split(*row) for row in state.get("splits", [])]
    return splits + [_CHANGES[kind](*row) for kind, *row in state.get("changes", [])]


def _memory(state: dict[str, Any], venue: Venue) -> Memory:
    orders = [_read_order(row, venue) for row in state["orders"]]
    by_perm_id = {order.perm_id: order for order in orders}
    held_back = [(client, _read_terms(row)) for client, row in state["held_back"]]
    executions = [_read_executed(row, by_perm_id) for row in state["executions"]]
    return Memory(
        orders={order.key: order for order in orders},
        held_back={(client, terms.orderId): terms for client, terms in held_back},
        highest_id={int(client): number for client, number in state["highest_id"].items()},
        sequence=state["sequence"],
        executions=executions,
        past=_read_past(state.get("past"), executions),
    )


# --- one by one ---------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """A value as JSON knows it; exact numbers become `{"exact": text}`."""
    if isinstance(value, Decimal):
        return {"exact": str(value)}
    if isinstance(value, StrEnum):
        return {"stage": value.value}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def _read(value: Any) -> Any:
    match value:
        case {"exact": str(text)}:
            return Decimal(text)
        case {"stage": str(name)}:
            return Stage(name)
        case list():
            return tuple(_read(part) for part in value)
        case _:
            return value


def _terms(terms: PlaceOrder) -> list[str]:
    """An order's terms as the fields of the message that placed it."""
    return split_fields(encode(terms, NEWEST)[_LENGTH:])


def _read_terms(row: list[str]) -> PlaceOrder:
    terms = decode_request(row, NEWEST)
    if not isinstance(terms, PlaceOrder):
        raise SettingsError("an order's terms are no placeOrder")
    return terms


def _order(order: WorkingOrder) -> dict[str, Any]:
    special = {"terms": _terms(order.terms), "instrument": order.instrument.conId}
    names = (f.name for f in fields(WorkingOrder) if f.name not in special)
    return {**special, **{name: _plain(getattr(order, name)) for name in names}}


def _read_order(row: dict[str, Any], venue: Venue) -> WorkingOrder:
    one = venue.instrument(row["instrument"])
    if one is None:
        raise SettingsError(f"the universe has no instrument {row['instrument']}")
    known = {name: _read(value) for name, value in row.items()}
    known |= {"terms": _read_terms(row["terms"]), "instrument": one}
    return WorkingOrder(**known)


def _executed(done: Executed) -> dict[str, Any]:
    names = (f.name for f in fields(Executed) if f.name != "order")
    return {"order": done.order.perm_id, **{n: _plain(getattr(done, n)) for n in names}}


def _read_executed(row: dict[str, Any], orders: dict[int, WorkingOrder]) -> Executed:
    known = {name: _read(value) for name, value in row.items()}
    return Executed(**{**known, "order": orders[row["order"]]})


def _past(past: Past) -> dict[str, Any]:
    return {
        "orders": past.orders,
        "executions": past.executions,
        "last_traded": past.last_traded,
        "rows": list(past.rows),
    }


def _read_past(row: dict[str, Any] | None, executions: list[Executed]) -> Past:
    """What was forgotten; nothing in a file of a version that forgot nothing."""
    past = Past()
    if row is None:
        for before, done in enumerate(executions):
            past.note_trade(done, before)
        return past
    past.orders, past.executions = row["orders"], row["executions"]
    past.last_traded = dict(row["last_traded"])
    past.rows.extend(row["rows"])
    return past


def _account(account: Account) -> dict[str, Any]:
    return {
        "code": account.code,
        "cash": _texts(account.cash),
        "commissions": _texts(account.commissions),
        "dividends": _texts(account.dividends),
        "accruals": [
            [one.currency, str(one.amount), one.pay_day.isoformat()] for one in account.accruals
        ],
        "holdings": {
            str(con_id): {f.name: str(getattr(held, f.name)) for f in fields(Holding)}
            for con_id, held in account.holdings.items()
        },
    }


def _fill_account(account: Account, row: dict[str, Any]) -> None:
    account.cash = _decimals(row["cash"])
    account.commissions = _decimals(row["commissions"])
    account.dividends = _decimals(row["dividends"])
    account.accruals = [
        Accrual(currency, Decimal(amount), date.fromisoformat(day))
        for currency, amount, day in row.get("accruals", [])
    ]
    account.holdings = defaultdict(Holding)
    for con_id, held in row["holdings"].items():
        account.holdings[int(con_id)] = Holding(**_decimals(held))


def _texts(amounts: dict[str, Decimal]) -> dict[str, str]:
    return {name: str(amount) for name, amount in amounts.items()}


def _decimals(texts: dict[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(text) for name, text in texts.items()}
