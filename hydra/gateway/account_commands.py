"""Commands of the control port that change the account and its instruments, read from JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from hydra.gateway.errors import SettingsError
from hydra.gateway.operator import Operator

Answer = dict[str, Any]
Command = Callable[[Operator, dict[str, Any]], Answer]

ACTION = (
    '{"symbol": "AAPL", "numerator": 2, "denominator": 1}, with "new_con_id": true; '
    '{"symbol": "AAPL", "dividend": "0.25"}, with "pay_day": "2012-10-15"; '
    '{"symbol": "AAPL", "rename": "APPL", "new_con_id": true}; '
    '{"symbol": "AAPL", "delist": true}, with "cash": "12.50" a share'
)
ACCOUNT = (
    '{"reset": true, "cash": 1000000}, {"position": {"AAPL": -100}}, {"cash": -50000, "currency": '
    '"USD"}, {"ready": true} or {"ready": false, "for_s": 60}'
)

ORDERS = '{"inactivate": "AAPL"}, {"activate": "AAPL"}, {"locate": "AAPL"} or {"flood": 2000}'
MAX_FLOOD = 100_000


def act(operator: Operator, command: dict[str, Any]) -> Answer:
    """POST /action: a split, a dividend, another symbol or the end of trading, now."""
    match command:
        case {
            "symbol": str(symbol),
            "numerator": int(numerator),
            "denominator": int(denominator),
            **rest,
        } if _is_flag(rest, "new_con_id"):
            listed = operator.split(symbol, numerator, denominator, bool(rest))
        case {"symbol": str(symbol), "dividend": amount, **rest} if set(rest) <= {"pay_day"}:
            listed = operator.dividend(symbol, _amount(amount), _pay_day(rest))
        case {"symbol": str(symbol), "rename": str(new), **rest} if _is_flag(rest, "new_con_id"):
            listed = operator.rename(symbol, new, bool(rest))
        case {"symbol": str(symbol), "delist": True, **rest} if set(rest) <= {"cash"}:
            cash = rest.get("cash")
            listed = operator.delist(symbol, None if cash is None else _amount(cash))
        case _:
            raise _nonsense(command, "action", ACTION)
    return {"symbol": listed.symbol, "con_id": listed.conId}


def change_account(operator: Operator, command: dict[str, Any]) -> Answer:
    """POST /account: a reset, a transfer, cash, or whether values are ready."""
    match command:
        case {"reset": True, **rest} if set(rest) <= {"cash"}:
            operator.reset(_amount(rest.get("cash", 1_000_000)))
        case {"position": dict(changes), **rest} if changes and not rest:
            quantities = {str(symbol): _amount(value) for symbol, value in changes.items()}
            for symbol in quantities:
                operator.only(symbol)  # all or none
            for symbol, quantity in quantities.items():
                operator.transfer(symbol, quantity)
        case {"cash": amount, **rest} if set(rest) <= {"currency"}:
            operator.move_cash(_amount(amount), str(rest.get("currency", "USD")))
        case {"ready": bool(ready), **rest} if _is_duration(rest, ready):
            operator.set_ready(ready, rest.get("for_s"))
        case _:
            raise _nonsense(command, "account command", ACCOUNT)
    return {"done": True}


def halt_stock(operator: Operator, command: dict[str, Any]) -> Answer:
    """POST /halt_stock."""
    match command:
        case {"symbol": str(symbol), "halted": bool(halted), **rest} if not rest:
            operator.halt_stock(symbol, halted)
            return {"symbol": symbol, "halted": halted}
    raise _nonsense(command, "halt", '{"symbol": "AAPL", "halted": true}')


def set_shortable(operator: Operator, command: dict[str, Any]) -> Answer:
    """POST /shortable: how many shares can be borrowed."""
    match command:
        case {"symbol": str(symbol), "shares": int(shares), **rest} if not rest:
            operator.set_shortable(symbol, shares)
            return {"symbol": symbol, "shares": shares}
    raise _nonsense(command, "number of shares to lend", '{"symbol": "AAPL", "shares": 500}')


def freeze(operator: Operator, command: dict[str, Any]) -> Answer:
    """POST /freeze: quotes stand still, or go on."""
    match command:
        case {"frozen": bool(frozen), **rest} if set(rest) <= {"code"}:
            operator.freeze(frozen, rest.get("code", 10197))
            return {"frozen": frozen}
    raise _nonsense(command, "freeze", '{"frozen": true}, with "code": 2103')


def change_orders(operator: Operator, command: dict[str, Any]) -> Answer:
    """POST /orders: orders of a symbol are inactive, active or located, or there are many."""
    match command:
        case {"inactivate": str(symbol), **rest} if not rest:
            operator.inactivate(symbol)
        case {"activate": str(symbol), **rest} if not rest:
            operator.activate(symbol)
        case {"locate": str(symbol), **rest} if not rest:
            operator.locate(symbol)
        case {"flood": int(orders), **rest} if not rest and orders <= MAX_FLOOD:
            operator.flood(orders)
        case _:
            raise _nonsense(command, "order command", ORDERS)
    return {"done": True}


def zero_mark(operator: Operator, command: dict[str, Any]) -> Answer:
    """POST /zero_mark: a portfolio row without a price."""
    match command:
        case {"symbol": str(symbol), **rest} if not rest:
            operator.zero_mark(symbol)
            return {"symbol": symbol}
    raise _nonsense(command, "zero mark", '{"symbol": "AAPL"}')


COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "/action": act,
        "/account": change_account,
        "/freeze": freeze,
        "/halt_stock": halt_stock,
        "/orders": change_orders,
        "/shortable": set_shortable,
        "/zero_mark": zero_mark,
    }
)


def _is_flag(rest: dict[str, Any], name: str) -> bool:
    return not rest or (set(rest) == {name} and rest[name] is True)


def _pay_day(rest: dict[str, Any]) -> date | None:
    if "pay_day" not in rest:
        return None
    try:
        return date.fromisoformat(rest["pay_day"])
    except (TypeError, ValueError):
        raise SettingsError(f"{rest['pay_day']!r} is no day such as 2012-10-15") from None


def _is_duration(rest: dict[str, Any], ready: bool) -> bool:
    if not rest:
        return True
    seconds = rest.get("for_s")
    return set(rest) == {"for_s"} and not ready and type(seconds) is int and seconds > 0


def _amount(given: object) -> Decimal:
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(given, bool) or not amount.is_finite():
        raise SettingsError(f"{given!r} is no amount such as -50000")
    return amount


def _nonsense(command: dict[str, Any], what: str, allowed: str) -> SettingsError:
    return SettingsError(f"{json.dumps(command)} is no {what}: {allowed}")
