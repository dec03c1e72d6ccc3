"""Reads what is listed from TOML: instruments, futures by their months, price rules, actions.

A user's file adds instruments to the shipped ones, or replaces those of the same number. Every
table and key is explained at the head of `universe.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hydra.gateway.clock import FIRST_YEAR
from hydra.gateway.errors import SettingsError
from hydra.gateway.futures import CODES, EXPIRIES, NOTICES
from hydra.gateway.hours import MARKETS
from hydra.gateway.universe import (
    Action,
    Delisting,
    Instrument,
    ListingChange,
    Model,
    Renaming,
    Universe,
)
from hydra.gateway.values import PriceIncrement

SHIPPED = Path(__file__).parent / "universe.toml"
FIRST_MADE_UP = 800_000_000
YEARS_OF_FUTURES = 40

_MODEL_KEYS = ("price", "volatility", "beta", "drift", "volume", "carry", "on")
_TABLES = (
    *("stock", "index", "currency", "future", "market_rule", "dividend", "split"),
    *("rename", "delisting"),
)
_DECIMALS = frozenset({"tick", "multiplier", "min_size", "increment", "fee"})
_PLAIN = frozenset(
    {
        *("symbol", "primary", "currency", "long_name", "route", "local_symbol", "hours", "zone"),
        *("trading_class", "market_rule", "industry", "category", "subcategory", "magnifier"),
        *("lot", "shortable", "listed", "tradable", "isin", "renamed", "renamed_on"),
    }
)
_READ_APART = frozenset(
    {
        *("con_id", "aliases", "months", "product", "priced_as", "listed_months", "expires"),
        *("notice", "margin"),
    }
)
_OF_TYPE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "stock": {"secType": "STK"},
        "index": {"secType": "IND", "tradable": False},
        "currency": {"secType": "CASH", "route": "IDEALPRO", "primary": "IDEALPRO"},
    }
)


def shipped_universe(extra: str = "") -> Universe:
    """The shipped universe, with the tables of the TOML text `extra` added or put in place.

    Raises SettingsError when a table cannot be read.
    """
    if not extra:
        return _shipped()
    universe = merged(_shipped(), parse_universe(extra))
    for change in universe.changes:
        if universe.get(change.con_id) is None:
            kind = "rename" if isinstance(change, Renaming) else "delisting"
            raise SettingsError(f"[[{kind}]] of {change.con_id}: no instrument has that number")
    return universe


@cache
def _shipped() -> Universe:
    """Read once: a universe never changes."""
    return parse_universe(SHIPPED.read_text(encoding="utf-8"))


def merged(first: Universe, second: Universe) -> Universe:
    """Both universes; what the second has of the same number replaces the first's."""
    by_id = {one.conId: one for one in (*first.instruments, *second.instruments)}
    return Universe(
        tuple(by_id.values()),
        {**first.rules, **second.rules},
        first.actions + second.actions,
        first.changes + second.changes,
    )


def parse_universe(text: str) -> Universe:
    """The universe that a TOML text describes; raises SettingsError naming what is wrong."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise SettingsError(f"the universe file is no TOML: {reason}") from None
    unknown = set(tables) - set(_TABLES)
    if unknown:
        allowed = ", ".join(_TABLES)
        raise SettingsError(f"the universe knows no [[{min(unknown)}]]; there is {allowed}")
    instruments = [_read(_spot, kind, row) for kind in _OF_TYPE for row in tables.get(kind, [])]
    for row in tables.get("future", []):
        instruments += _read(_months, "future", row)
    rules = {row["id"]: _steps(row) for row in tables.get("market_rule", [])}
    changes = sorted(_changes(tables), key=lambda change: change.day)
    return Universe(tuple(instruments), rules, tuple(_actions(tables)), tuple(changes))


def _read(
    reader: Callable[[str, Mapping[str, Any]], Any], kind: str, row: Mapping[str, Any]
) -> Any:
    name = row.get("symbol", "without a symbol")
    try:
        return reader(kind, row)
    except KeyError as missing:
        raise SettingsError(f"[[{kind}]] {name} lacks {missing}") from None
    except (TypeError, ValueError, ArithmeticError) as reason:
        raise SettingsError(f"[[{kind}]] {name} cannot be read: {reason}") from None


def _spot(kind: str, row: Mapping[str, Any]) -> Instrument:
    known = {**_OF_TYPE[kind], **_known(row)}
    return Instrument(
        conId=row["con_id"],
        aliases=frozenset(row.get("aliases", ())),
        model=_model(row, row["con_id"]) if "price" in row else None,
        **known,
    )


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that an instrument has under the same name, in its types."""
    unknown = set(row) - _PLAIN - _DECIMALS - set(_MODEL_KEYS) - _READ_APART
    if unknown:
        raise ValueError(f"{min(unknown)} is no key of it")
    if row.get("hours", "NYSE") not in MARKETS:
        raise ValueError(f"hours {row['hours']} are none of {', '.join(MARKETS)}")
    exact = {key: Decimal(str(row[key])) for key in _DECIMALS if key in row}
    return {key: row[key] for key in _PLAIN if key in row} | exact


def _model(row: Mapping[str, Any], key: int) -> Model:
    return Model(key=key, **{name: row[name] for name in _MODEL_KEYS if name in row})


def _months(kind: str, row: Mapping[str, Any]) -> list[Instrument]:
    """All months of a product, from the first year of the calendar on."""
    known = {"trading_class": row["symbol"], **_known(row)}
    # Real numbers of months long gone are nowhere to be had: these are made up, by a rule.
    number = FIRST_MADE_UP + row["product"] * 10_000
    key = FIRST_MADE_UP + row.get("priced_as", row["product"]) * 10_000
    product = Instrument(
        **known,
        conId=number,
        secType="FUT",
        primary=known["route"],
        margin=(Decimal(str(row["margin"][0])), Decimal(str(row["margin"][1]))),
        model=replace(_model(row, key), cycle=365 // len(row["months"])),
    )
    # Thousands of months are written at every start, and `replace` takes thrice as long.
    shared = {field.name: getattr(product, field.name) for field in fields(product)}
    years = range(FIRST_YEAR, FIRST_YEAR + YEARS_OF_FUTURES)
    return [_month(shared, row, year, code) for year in years for code in row["months"]]


def _month(shared: Mapping[str, Any], row: Mapping[str, Any], year: int, code: str) -> Instrument:
    month = CODES.index(code) + 1
    expiry = EXPIRIES[row["expires"]](year, month)
    return Instrument(
        **{
            **shared,
            "conId": shared["conId"] + (year - FIRST_YEAR) * 12 + month,
            "local_symbol": f"{shared['trading_class']}{code}{year % 10}",
            "expiry": expiry,
            "first_notice": NOTICES[row["notice"]](year, month) if "notice" in row else None,
            "month": f"{year}{month:02d}",
            "listed": expiry - timedelta(days=31 * row.get("listed_months", 12)),
        }
    )


def _steps(row: Mapping[str, Any]) -> tuple[PriceIncrement, ...]:
    return tuple(
        PriceIncrement(Decimal(str(edge)), Decimal(str(step))) for edge, step in row["steps"]
    )


def _actions(tables: Mapping[str, Any]) -> Iterator[Action]:
    for row in tables.get("dividend", []):
        pay_day = _day(row, "pay_day") if "pay_day" in row else None
        amount = Decimal(str(row["amount"]))
        yield Action(row["con_id"], _day(row), amount=amount, pay_day=pay_day)
    for row in tables.get("split", []):
        yield Action(row["con_id"], _day(row), ratio=Decimal(str(row["ratio"])))


def _changes(tables: Mapping[str, Any]) -> Iterator[ListingChange]:
    for row in tables.get("rename", []):
        yield Renaming(row["con_id"], _day(row), str(row["symbol"]), row.get("new_con_id", 0))
    for row in tables.get("delisting", []):
        cash = Decimal(str(row["cash"])) if "cash" in row else None
        yield Delisting(row["con_id"], _day(row), cash)


def _day(row: Mapping[str, Any], key: str = "day") -> date:
    day = row[key]
    if not isinstance(day, date):
        raise SettingsError(f"{day!r} is no day such as 2012-12-21")
    return day
