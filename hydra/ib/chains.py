"""The contracts of a future, expired ones too, as the gateway lists them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from ib_async import IB, Contract, ContractDetails

from hydra.domain.instruments import Instrument
from hydra.errors import UnknownInstrument
from hydra.ib.calls import bounded
from hydra.ib.contracts import identified, with_details
from hydra.ib.products import Product

AHEAD = 2
"""So many contracts beyond the one that is traded are asked for: the next may be traded more."""


async def chain(ib: IB, product: Product, timeout_s: float) -> list[Instrument]:
    """All contracts of the months that are rolled through, by their months.

    IB tells of those that have expired within about two years. Raises `UnknownInstrument` for
    none.
    """
    asked = Contract(
        secType="FUT",
        symbol=product.symbol or product.root,
        tradingClass=product.root,
        exchange=product.exchange,
        currency=product.currency,
        includeExpired=True,
    )
    try:
        told = await bounded(
            ib.reqContractDetailsAsync(asked), timeout_s, f"contracts of {product.root}"
        )
    except UnknownInstrument:
        told = []
    found = [d for d in told if d.contractMonth and product.has_month(d.contractMonth)]
    if not found:
        raise UnknownInstrument(
            f"The gateway knows no future {product.root!r} in {product.currency} on "
            f"{product.exchange}; see [futures.{product.root}] in hydra.toml."
        )
    found.sort(key=lambda details: details.contractMonth)
    ticks = (await identified(ib, _first(product, found[-1]), timeout_s)).ticks
    return [with_details(product.contract(d.contractMonth), d, ticks) for d in found]


def _first(product: Product, details: ContractDetails) -> Instrument:
    """The contract whose market rule is asked for: that of one is that of all."""
    con_id = details.contract.conId if details.contract else 0
    return replace(product.contract(details.contractMonth), con_id=con_id)


def between(chain: list[Instrument], first: date, last: date) -> list[Instrument]:
    """Those that may be traded from `first` to `last` (dates), and the next ones after them."""
    alive = [one for one in chain if one.expires and one.expires >= first]
    needed = sum(1 for one in alive if one.expires and one.expires < last) + 1 + AHEAD
    return alive[:needed]
