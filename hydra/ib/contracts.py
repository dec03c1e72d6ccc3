"""Instruments ↔ IB contracts, translated in this one place."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from ib_async import IB, Contract, ContractDetails

from hydra.domain.instruments import Instrument
from hydra.errors import BrokerError, UnknownInstrument
from hydra.ib.calls import bounded

CURRENCIES = frozenset(
    re.findall(
        "...",
        "AUDCADCHFCNHCZKDKKEURGBPHKDHUFILSJPYKRWMXNNOKNZDPLNSEKSGDTRYUSDZAR",
    )
)


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
    instrument = named(symbol)
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
    return _with_details(instrument, found[0])


def _with_details(instrument: Instrument, details: ContractDetails) -> Instrument:
    contract = details.contract
    if contract is None or not contract.conId:
        raise BrokerError(f"The gateway gave no contract id for {instrument.symbol}.")
    increment = details.sizeIncrement
    return replace(
        instrument,
        con_id=contract.conId,
        primary_exchange=contract.primaryExchange,
        min_tick=decimal(details.minTick),
        lot_size=decimal(increment) if 0 < increment < 1e9 else Decimal(1),
        multiplier=decimal(contract.multiplier or 1),
    )
