"""Commands of the control port that change the account and its instruments, read from JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from hydra.gateway.errors import SettingsError
from hydra.gateway.operator import Operator

Answer = dict[str, Any]
Command = Callable[[Operator, dict[str, Any]], Answer]

ACTION = '{"symbol": "AAPL", "numerator": 2, "denominator": 1}, with "new_con_id": true'
ACCOUNT = (
    '{"reset": true, "cash": 1000000}, {"position": {"AAPL": -100}}, {"cash": -50000, "currency": '
    '"USD"}, {"ready": true} or {"ready": false, "for_s": 60}'
)


def act(operator: Operator, command: dict[str, Any]) -> Answer:
    """POST /action: a split that takes effect now."""
    match command:
        case {
            "symbol": str(symbol),
            "numerator": int(numerator),
            "denominator": int(denominator),
            **rest,
        } if _is_flag(rest, "new_con_id"):
            listed = operator.split(symbol, numerator, denominator, bool(rest))
            return {"symbol": symbol, "con_id": listed.conId}
    raise _nonsense(command, "action", ACTION)


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


COMMANDS: Mapping[str, Command] = MappingProxyType({"/action": act, "/account": change_account})


def _is_flag(rest: dict[str, Any], name: str) -> bool:
    return not rest or (set(rest) == {name} and rest[name] is True)


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
