"""Names of ours that IB splits: a future's contract month (ES.201212) and a share by the exchange
that lists it (SAP.IBIS). Tables of what is widely traded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hydra.domain.instruments import Instrument

MONTHLY = re.compile(r"([A-Z0-9]{1,6})\.(\d{4})(0[1-9]|1[0-2])")
"""A future's root and the year and month of its contract."""


@dataclass(frozen=True)
class Product:
    """A future whose contracts follow one another: `symbol` and `exchange` are IB's names, and
    its root, by which we name it, is IB's trading class. `calendar` is of exchange_calendars."""

    root: str
    exchange: str
    symbol: str = ""
    currency: str = "USD"
    calendar: str = "CMES"

    def contract(self, month: str) -> Instrument:
        """The contract of a month such as 201212, which the gateway has yet to identify."""
        return Instrument(
            f"{self.root}.{month}",
            sec_type="FUT",
            exchange=self.exchange,
            currency=self.currency,
            calendar=self.calendar,
            listed_as=self.symbol or self.root,
        )


@dataclass(frozen=True)
class Listing:
    """An exchange by IB's name: the currency of its shares, and its calendar."""

    currency: str
    calendar: str


def _by_root(*products: Product) -> dict[str, Product]:
    return {product.root: product for product in products}


PRODUCTS: Mapping[str, Product] = MappingProxyType(
    _by_root(
        *(Product(root, "CME") for root in ("ES", "NQ", "RTY", "MES", "MNQ", "M2K")),
        *(Product(root, "CBOT") for root in ("YM", "MYM", "ZN", "ZB", "ZF", "ZT", "UB")),
        *(Product(root, "NYMEX") for root in ("CL", "NG", "RB", "HO", "PL", "MCL")),
        *(Product(root, "COMEX") for root in ("GC", "SI", "HG", "MGC")),
        *(Product(root, "CME", calendar="XNYS") for root in ("HE", "LE", "GF")),
        *(Product(root, "CBOT", calendar="XNYS") for root in ("ZC", "ZS", "ZW", "ZL", "ZM")),
        Product("6A", "CME", "AUD"),
        Product("6B", "CME", "GBP"),
        Product("6C", "CME", "CAD"),
        Product("6E", "CME", "EUR"),
        Product("6J", "CME", "JPY"),
        Product("6S", "CME", "CHF"),
        Product("FDAX", "EUREX", "DAX", "EUR", "XEUR"),
        Product("FESX", "EUREX", "ESTX50", "EUR", "XEUR"),
        Product("FGBL", "EUREX", "GBL", "EUR", "XEUR"),
    )
)
"""Futures by their roots; others are named in hydra.toml, [futures.ROOT]."""

LISTINGS: Mapping[str, Listing] = MappingProxyType(
    {
        "IBIS": Listing("EUR", "XETR"),
        "AEB": Listing("EUR", "XAMS"),
        "SBF": Listing("EUR", "XPAR"),
        "ENEXT.BE": Listing("EUR", "XBRU"),
        "BVME": Listing("EUR", "XMIL"),
        "BM": Listing("EUR", "XMAD"),
        "LSE": Listing("GBP", "XLON"),
        "EBS": Listing("CHF", "XSWX"),
        "SFB": Listing("SEK", "XSTO"),
        "TSE": Listing("CAD", "XTSE"),
        "TSEJ": Listing("JPY", "XTKS"),
        "SEHK": Listing("HKD", "XHKG"),
        "ASX": Listing("AUD", "XASX"),
    }
)
"""Exchanges by the name that IB lists their shares under (its primary exchange)."""


def future_named(symbol: str, products: Mapping[str, Product]) -> Instrument | None:
    """The contract that ROOT.YYYYMM names; None for another name or an unknown root."""
    match = MONTHLY.fullmatch(symbol)
    product = products.get(match.group(1)) if match else None
    return product.contract(match.group(2) + match.group(3)) if match and product else None


def share_named(symbol: str) -> Instrument | None:
    """The share that SYMBOL.EXCHANGE names; None where the exchange is none of the table."""
    name, _, place = symbol.partition(".")
    listing = LISTINGS.get(place)
    if listing is None or not name:
        return None
    return Instrument(
        symbol,
        currency=listing.currency,
        primary_exchange=place,
        calendar=listing.calendar,
        listed_as=name,
    )


def root_of(symbol: str, trading_class: str, products: Mapping[str, Product]) -> str:
    """Our root for IB's symbol and trading class."""
    if trading_class in products or not symbol:
        return trading_class
    known = (p.root for p in products.values() if (p.symbol or p.root) == symbol)
    return trading_class or next(known, symbol)
