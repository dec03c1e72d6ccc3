"""Names of ours that IB splits: a future's contract month (ES.201212), the continuous series of
them (ES.C), and a share by the exchange that lists it (SAP.IBIS). Tables of what is widely traded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hydra import plugins
from hydra.clock import Sessions
from hydra.domain.instruments import Instrument
from hydra.errors import BadParameter, ConfigError, UnknownInstrument, UnknownName, unknown

ROLLS = ("volume", "date")
ADJUSTS = ("ratio", "difference")
MOST_SESSIONS = 40

MONTHLY = re.compile(r"([A-Z0-9]{1,6})\.(\d{4})(0[1-9]|1[0-2])")
"""A future's root and the year and month of its contract."""
SHARE_CLASS = re.compile(r"([A-Z]{1,5})[./-]([A-Z])")
"""A class of US shares, as exchanges and data vendors write it."""
CONTINUOUS = re.compile(r"([A-Z0-9]{1,6})\.C")
"""The series of contracts that follow one another."""
CODES = "FGHJKMNQUVXZ"
"""The letters of January to December."""


@dataclass(frozen=True)
class Product:
    """A future whose contracts follow one another: `symbol` and `exchange` are IB's names, and
    its root, by which we name it, is IB's trading class. `calendar` is of exchange_calendars.

    `months` are the letters of the contracts that are rolled through. `delivered` says that a
    holder may get notice of delivery from the last session of the month before the contract's;
    IB does not tell. `roll` is when the next contract follows: by `volume`, the session after one
    in which the next was traded more, or by `date`; at the latest `roll_sessions` sessions before
    the last trading day or the notice. `adjust` is how the older contracts join in the series:
    `ratio` keeps returns, `difference` keeps points.
    """

    root: str
    exchange: str = ""
    symbol: str = ""
    currency: str = "USD"
    calendar: str = "CMES"
    months: str = CODES
    delivered: bool = False
    roll: str = "volume"
    roll_sessions: int = 5
    adjust: str = "ratio"

    def __post_init__(self) -> None:
        """Refuse another word, and a roll that would come too late or never."""
        for name, known in (("roll", ROLLS), ("adjust", ADJUSTS)):
            if getattr(self, name) not in known:
                raise UnknownName(unknown(name, getattr(self, name), known))
        if not self.exchange:
            raise BadParameter(f"exchange of {self.root} is empty; name it as IB does (CME).")
        if not set(self.months) <= set(CODES) or not self.months:
            raise BadParameter(f"months are {self.months!r}; they are letters of {CODES}.")
        if not 1 <= self.roll_sessions <= MOST_SESSIONS:
            raise BadParameter(
                f"roll_sessions is {self.roll_sessions}; it must be from 1 to {MOST_SESSIONS}."
            )

    def contract(self, month: str) -> Instrument:
        """The contract of a month such as 201212, which the gateway has yet to identify."""
        return Instrument(
            f"{self.root}.{month}",
            sec_type="FUT",
            exchange=self.exchange,
            currency=self.currency,
            calendar=self.calendar,
            listed_as=self.symbol or self.root,
            first_notice=self._notice(month),
        )

    def has_month(self, month: str) -> bool:
        """Whether contracts of that month (201212) are rolled through."""
        return CODES[int(month[4:]) - 1] in self.months

    def _notice(self, month: str) -> date | None:
        """The last session of the month before."""
        if not self.delivered:
            return None
        return Sessions(self.calendar).previous(date(int(month[:4]), int(month[4:]), 1))


@dataclass(frozen=True)
class Listing:
    """An exchange by IB's name: the currency of its shares, its calendar, what of the currency a
    price is quoted in (0.01: pence), and the lot of its shares, which research reckons in. A
    gateway tells each share's own lot, which orders have."""

    currency: str
    calendar: str
    quoted_in: Decimal = Decimal(1)
    lot: Decimal = Decimal(1)


def _by_root(*products: Product) -> dict[str, Product]:
    return {product.root: product for product in products}


QUARTERS = "HMUZ"

PRODUCTS: Mapping[str, Product] = MappingProxyType(
    _by_root(
        *(
            Product(root, "CME", months=QUARTERS)
            for root in ("ES", "NQ", "RTY", "MES", "MNQ", "M2K")
        ),
        *(Product(root, "CBOT", months=QUARTERS) for root in ("YM", "MYM")),
        *(
            Product(root, "CBOT", months=QUARTERS, delivered=True)
            for root in ("ZN", "ZB", "ZF", "ZT", "UB")
        ),
        *(Product(root, "NYMEX") for root in ("CL", "NG", "RB", "HO", "MCL")),
        Product("GC", "COMEX", months="GJMQZ", delivered=True),
        Product("MGC", "COMEX", months="GJMQZ", delivered=True),
        Product("SI", "COMEX", months="HKNUZ", delivered=True),
        Product("HG", "COMEX", months="HKNUZ", delivered=True),
        Product("PL", "NYMEX", months="FJNV", delivered=True),
        Product("HE", "CME", calendar="XNYS", months="GJMNQVZ"),
        Product("LE", "CME", calendar="XNYS", months="GJMQVZ", delivered=True),
        Product("GF", "CME", calendar="XNYS", months="FHJKQUVX"),
        Product("ZC", "CBOT", calendar="XNYS", months="HKNUZ", delivered=True),
        Product("ZS", "CBOT", calendar="XNYS", months="FHKNX", delivered=True),
        Product("ZW", "CBOT", calendar="XNYS", months="HKNUZ", delivered=True),
        *(
            Product(root, "CME", symbol, months=QUARTERS)
            for root, symbol in (
                ("6A", "AUD"), ("6B", "GBP"), ("6C", "CAD"),
                ("6E", "EUR"), ("6J", "JPY"), ("6S", "CHF"),
            )
        ),
        Product("FDAX", "EUREX", "DAX", "EUR", "XEUR", QUARTERS),
        Product("FESX", "EUREX", "ESTX50", "EUR", "XEUR", QUARTERS),
        Product("FGBL", "EUREX", "GBL", "EUR", "XEUR", QUARTERS),
    )
)  # fmt: skip
"""Futures by their roots; others are named in hydra.toml, [futures.ROOT]."""

LISTINGS: Mapping[str, Listing] = MappingProxyType(
    {
        "IBIS": Listing("EUR", "XETR"),
        "AEB": Listing("EUR", "XAMS"),
        "SBF": Listing("EUR", "XPAR"),
        "ENEXT.BE": Listing("EUR", "XBRU"),
        "BVME": Listing("EUR", "XMIL"),
        "BM": Listing("EUR", "XMAD"),
        "LSE": Listing("GBP", "XLON", Decimal("0.01")),
        "EBS": Listing("CHF", "XSWX"),
        "SFB": Listing("SEK", "XSTO"),
        "TSE": Listing("CAD", "XTSE"),
        "TSEJ": Listing("JPY", "XTKS", lot=Decimal(100)),
        "SEHK": Listing("HKD", "XHKG"),
        "ASX": Listing("AUD", "XASX"),
    }
)
"""Exchanges by the name that IB lists their shares under (its primary exchange). Tokyo trades all
shares in units of 100 (Japan Exchange Group, "Trading Unit", since October 2018); those of Hong
Kong have board lots of their own, which only the gateway knows."""


def products_of(tables: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Product]:
    """The shipped products with the tables [futures.ROOT] of hydra.toml over them, or beside them.

    Raises `ConfigError` for a key that there is not or a value that makes no sense.
    """
    made = dict(PRODUCTS)
    for root, table in tables.items():
        where = f"[futures.{root}]"
        try:
            known = plugins.typed(Product, {"root": root, **table}, where)
            made[root] = replace(made[root], **known) if root in made else Product(**known)
        except (UnknownName, BadParameter) as problem:
            raise ConfigError(f"hydra.toml {where}: {problem}") from problem
    return MappingProxyType(made)


def continuous_root(symbol: str) -> str:
    """The root of a continuous series such as ES.C; empty for any other name."""
    match = CONTINUOUS.fullmatch(symbol)
    return match.group(1) if match else ""


def product_named(root: str, products: Mapping[str, Product]) -> Product:
    """The product of that root; raises `UnknownInstrument` with the nearest one."""
    if root not in products:
        raise UnknownInstrument(
            f"{unknown('future', root, products)} Others are named in hydra.toml, "
            f"[futures.{root}]."
        )
    return products[root]


def future_named(symbol: str, products: Mapping[str, Product]) -> Instrument | None:
    """The contract that ROOT.YYYYMM names; None for another name or an unknown root."""
    match = MONTHLY.fullmatch(symbol)
    product = products.get(match.group(1)) if match else None
    return product.contract(match.group(2) + match.group(3)) if match and product else None


def share_named(symbol: str) -> Instrument | None:
    """The share that SYMBOL.EXCHANGE names; None where the exchange is none of the table."""
    found = [place for place in LISTINGS if symbol.endswith(f".{place}")]
    name = symbol.removesuffix(f".{found[0]}") if found else ""
    if not name:
        return None
    place, listing = found[0], LISTINGS[found[0]]
    return Instrument(
        symbol,
        currency=listing.currency,
        primary_exchange=place,
        calendar=listing.calendar,
        multiplier=listing.quoted_in,
        lot_size=listing.lot,
        listed_as=name,
    )


def share_class(symbol: str) -> str:
    """IB's symbol of a class of US shares that is written as others write it (BRK.B, BRK-B,
    BRK/B): with a blank, "BRK B". Empty for any other name, and for a future's series (ES.C)."""
    match = None if continuous_root(symbol) else SHARE_CLASS.fullmatch(symbol)
    return f"{match.group(1)} {match.group(2)}" if match else ""


def root_of(symbol: str, trading_class: str, products: Mapping[str, Product]) -> str:
    """Our root for IB's symbol and trading class."""
    if trading_class in products or not symbol:
        return trading_class
    known = (p.root for p in products.values() if (p.symbol or p.root) == symbol)
    return trading_class or next(known, symbol)
