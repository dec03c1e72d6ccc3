"""Instruments ↔ IB contracts, translated in this one place."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from weakref import WeakKeyDictionary

from ib_async import IB, Contract, ContractDetails

from hydra.domain.instruments import Instrument
from hydra.errors import BrokerError, GatewayUnreachable, UnknownInstrument
from hydra.ib.calls import bounded

CURRENCIES = frozenset(
    re.findall(
        "...",
        "AUDCADCHFCNHCZKDKKEURGBPHKDHUFILSJPYKRWMXNNOKNZDPLNSEKSGDTRYUSDZAR",
    )
)

Ticks = tuple[tuple[Decimal, Decimal], ...]
"""(lowest price, increment) in rising order."""


def decimal(value: float | str) -> Decimal:
    """The shortest decimal that is the same float: 0.1 → 0.1 and 100.0 → 100."""
    exact = Decimal(str(value))
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact


def named(symbol: str) -> Instrument:
    """The instrument that a symbol of ours names: EUR.USD is a currency pair, else a US stock."""
    base, _, quote = symbol.partition(".")
    if base in CURRENCIES and quote in CURRENCIES:
        return Instrument(
            symbol,
            sec_type="CASH",
            exchange="IDEALPRO",
            currency=quote,
            min_tick=Decimal("0.00005"),
            calendar="24/5",
        )
    return Instrument(symbol)


def to_contract(instrument: Instrument) -> Contract:
    """IB's contract for an instrument; by conId alone where it is known, plus the routing."""
    symbol = instrument.symbol
    if instrument.sec_type == "CASH":
        symbol = symbol.partition(".")[0]
    return Contract(
        conId=instrument.con_id,
        secType=instrument.sec_type,
        symbol=symbol,
        exchange=instrument.exchange,
        primaryExchange=instrument.primary_exchange,
        currency=instrument.currency,
    )


def symbol_of(contract: Contract) -> str:
    """Our name of an IB contract."""
    if contract.secType == "CASH":
        return f"{contract.symbol}.{contract.currency}"
    return contract.symbol if contract.secType in ("STK", "IND") else contract.localSymbol


async def qualify(ib: IB, symbol: str, timeout_s: float) -> Instrument:
    """The gateway's one contract for a symbol, with its tick, lot and multiplier.

    Raises `UnknownInstrument` when the gateway knows none, or several that differ.
    """
    return await identified(ib, named(symbol), timeout_s)


async def identified(ib: IB, instrument: Instrument, timeout_s: float) -> Instrument:
    """The gateway's one contract for a description of it, asked for once a connection; raises as
    `qualify` does."""
    known = KNOWN.setdefault(ib, {})
    if instrument not in known:
        known[instrument] = await _identified(ib, instrument, timeout_s)
    return known[instrument]


async def _identified(ib: IB, instrument: Instrument, timeout_s: float) -> Instrument:
    symbol = instrument.symbol
    try:
        details = await bounded(
            ib.reqContractDetailsAsync(to_contract(instrument)), timeout_s, f"contract of {symbol}"
        )
    except UnknownInstrument:
        details = []
    found = [d for d in details if d.contract is not None]
    if not found:
        raise UnknownInstrument(
            f"The gateway knows no {instrument.sec_type} {symbol!r} in {instrument.currency} "
            f"on {instrument.exchange}; check the spelling (a currency pair is EUR.USD)."
        )
    if len({d.contract.conId for d in found if d.contract}) > 1:
        places = ", ".join(sorted({d.contract.primaryExchange for d in found if d.contract}))
        raise UnknownInstrument(f"{symbol!r} is ambiguous: the gateway lists it on {places}.")
    return with_details(instrument, found[0], await _ticks(ib, instrument, found[0], timeout_s))


class MarketRules:
    """The price steps that one connection was told; each rule is asked for once."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[int, Ticks] = {}
        self._asking = asyncio.Lock()
        """ib_async keys an answer by the rule alone, so two questions would lose one."""

    async def steps(self, ib: IB, rule: int, timeout_s: float) -> Ticks:
        """(lowest price, increment) of the rule in rising order."""
        async with self._asking:
            if rule not in self._known:
                what = f"market rule {rule}"
                told = await bounded(ib.reqMarketRuleAsync(rule), timeout_s, what)
                if not told:
                    raise GatewayUnreachable(f"The gateway did not tell {what} in time.")
                self._known[rule] = tuple((decimal(s.lowEdge), decimal(s.increment)) for s in told)
            return self._known[rule]


KNOWN: WeakKeyDictionary[IB, dict[Instrument, Instrument]] = WeakKeyDictionary()
"""Each connection's contracts by what was asked for."""

RULES: WeakKeyDictionary[IB, MarketRules] = WeakKeyDictionary()


async def _ticks(
    ib: IB, instrument: Instrument, details: ContractDetails, timeout_s: float
) -> Ticks:
    """The market rule of the exchange that our orders name; () where the gateway has none."""
    rule = _rule_at(details, instrument.exchange)
    if rule is None:
        return ()
    return await RULES.setdefault(ib, MarketRules()).steps(ib, rule, timeout_s)


def _rule_at(details: ContractDetails, exchange: str) -> int | None:
    """Rules are listed beside the exchanges in `validExchanges`, in the same order."""
    rules, places = details.marketRuleIds.split(","), details.validExchanges.split(",")
    found = [rule for place, rule in zip(places, rules, strict=False) if place == exchange]
    return int(found[0]) if found and found[0].isdigit() else None


def with_details(
    instrument: Instrument,
    details: ContractDetails,
    ticks: Ticks = (),
) -> Instrument:
    """The instrument with the gateway's identity, ticks and sizes.

    Where prices are quoted in a fraction of the currency (`priceMagnifier` 100: pence), they stay
    as quoted everywhere, and the multiplier makes money of them. `minTick` is in the currency.
    """
    contract = details.contract
    if contract is None or not contract.conId:
        raise BrokerError(f"The gateway gave no contract id for {instrument.symbol}.")
    increment, magnifier = details.sizeIncrement, Decimal(details.priceMagnifier or 1)
    return replace(
        instrument,
        con_id=contract.conId,
        primary_exchange=contract.primaryExchange,
        min_tick=decimal(details.minTick) * magnifier,
        lot_size=decimal(increment) if 0 < increment < 1e9 else Decimal(1),
        multiplier=decimal(contract.multiplier or 1) / magnifier,
        ticks=ticks,
        expires=_last_day(contract),
    )


def _last_day(contract: Contract) -> date | None:
    """The last trading day, which IB writes YYYYMMDD (a time and a zone may follow)."""
    day = contract.lastTradeDateOrContractMonth[:8]
    if len(day) < 8 or not day.isdigit():
        return None
    return date(int(day[:4]), int(day[4:6]), int(day[6:]))
