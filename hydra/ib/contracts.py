"""Instruments ↔ IB contracts, translated in this one place."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from weakref import WeakKeyDictionary, WeakSet

from ib_async import IB, Contract, ContractDetails, PriceIncrement

from hydra.domain.instruments import ONE, Instrument
from hydra.errors import BrokerError, UnknownInstrument
from hydra.ib.calls import bounded
from hydra.ib.products import (
    MONTHLY,
    PRODUCTS,
    Product,
    continuous_root,
    future_named,
    product_named,
    root_of,
    share_class,
    share_named,
)

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


def named(symbol: str, products: Mapping[str, Product] = PRODUCTS) -> Instrument:
    """The instrument that a symbol of ours names: EUR.USD is a currency pair, ES.201212 a future's
    contract, SAP.IBIS a share by the exchange that lists it; everything else is a US stock.

    Raises `UnknownInstrument` for a class of shares that is not written as IB writes it: one name
    alone, so that books, files and orders never have two of one share.
    """
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
    found = future_named(symbol, products) or share_named(symbol)
    if found is None and (right := share_class(symbol)):
        raise UnknownInstrument(
            f"There is no US stock {symbol!r}; IB writes a class of shares with a blank: did you "
            f"mean {right!r}?"
        )
    return found or Instrument(symbol)


def to_contract(instrument: Instrument) -> Contract:
    """IB's contract for an instrument; by conId alone where it is known, plus the routing."""
    symbol = instrument.listed_as or instrument.symbol
    if instrument.sec_type == "CASH":
        symbol = symbol.partition(".")[0]
    contract = Contract(
        conId=instrument.con_id,
        secType=instrument.sec_type,
        symbol=symbol,
        exchange=instrument.exchange,
        primaryExchange=instrument.primary_exchange,
        currency=instrument.currency,
    )
    if instrument.sec_type == "FUT" and not instrument.con_id:
        root, _, month = instrument.symbol.partition(".")
        contract.tradingClass, contract.lastTradeDateOrContractMonth = root, month
    return contract


def symbol_of(contract: Contract) -> str:
    """Our name of an IB contract as far as it tells by itself; see `described` for futures."""
    if contract.secType == "CASH":
        return f"{contract.symbol}.{contract.currency}"
    if contract.secType == "STK" and contract.currency != "USD" and contract.primaryExchange:
        return f"{contract.symbol}.{contract.primaryExchange}"
    return contract.symbol if contract.secType in ("STK", "IND") else contract.localSymbol


def is_plain(contract: Contract) -> bool:
    """Whether its name and its money need no more than the contract says: a US stock or a pair."""
    return contract.secType == "CASH" or (contract.secType == "STK" and contract.currency == "USD")


async def described(
    ib: IB, contract: Contract, timeout_s: float, products: Mapping[str, Product] = PRODUCTS
) -> Instrument:
    """The instrument of a contract that the gateway told of, by the gateway's details of it.

    What the gateway knows no more, or only in a way that is none of ours (an option), keeps its
    local symbol and the multiplier that it was told with.
    """
    try:
        asked = Contract(conId=contract.conId, exchange=contract.exchange)
        details = await bounded(
            ib.reqContractDetailsAsync(asked), timeout_s, f"contract {contract.conId}"
        )
    except UnknownInstrument:
        details = []
    known = next((d for d in details if d.contract is not None), None)
    one = _named_by(contract, known, products)
    return with_details(one, known, fractional=ib in FRACTIONAL) if known else one


def _named_by(
    contract: Contract, details: ContractDetails | None, products: Mapping[str, Product]
) -> Instrument:
    """Our name for it, else one made of what the contract says."""
    full = details.contract if details and details.contract else contract
    if full.secType == "FUT" and details and details.contractMonth:
        root = root_of(full.symbol, full.tradingClass, products)
        if found := future_named(f"{root}.{details.contractMonth}", products):
            return found
    if full.secType == "STK" and (found := share_named(symbol_of(full))):
        return found
    return Instrument(
        symbol_of(full) or str(full.conId),
        sec_type=full.secType,
        exchange=full.exchange,
        currency=full.currency,
        con_id=full.conId,
        multiplier=decimal(full.multiplier or 1),
        listed_as=full.symbol,
    )


async def qualify(
    ib: IB, symbol: str, timeout_s: float, products: Mapping[str, Product] = PRODUCTS
) -> Instrument:
    """The gateway's one contract for a symbol, with its tick, lot and multiplier.

    Raises `UnknownInstrument` when the gateway knows none, or several that differ.
    """
    if match := MONTHLY.fullmatch(symbol):
        product_named(match.group(1), products)
    if root := continuous_root(symbol):
        raise UnknownInstrument(
            f"{symbol} is a series of contracts and none of them; name one, such as {root}.201303."
        )
    return await identified(ib, named(symbol, products), timeout_s)


async def identified(ib: IB, instrument: Instrument, timeout_s: float) -> Instrument:
    """The gateway's one contract for a description of it, asked for once a connection; raises as
    `qualify` does."""
    known = KNOWN.setdefault(ib, {})
    if instrument in known:
        return known[instrument]
    found = await _identified(ib, instrument, timeout_s)
    if not _rules_of(ib).unanswered:  # what comes late is taken the next time
        known[instrument] = found
    return found


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
            f"on {instrument.exchange}; check the spelling (a currency pair is EUR.USD, a future "
            "ES.201212, a share listed abroad SAP.IBIS)."
        )
    if len({d.contract.conId for d in found if d.contract}) > 1:
        places = ", ".join(sorted({d.contract.primaryExchange for d in found if d.contract}))
        raise UnknownInstrument(f"{symbol!r} is ambiguous: the gateway lists it on {places}.")
    ticks = await _ticks(ib, instrument, found[0], timeout_s)
    return with_details(instrument, found[0], ticks, fractional=ib in FRACTIONAL)


class MarketRules:
    """The price steps that one connection was told; each rule is asked for once."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._asked: dict[int, asyncio.Future[list[PriceIncrement]]] = {}
        self.unanswered: set[int] = set()
        """Rules that were not told in time; of those `minTick` is taken until they are."""
        self._named: set[int] = set()

    async def steps(self, ib: IB, rule: int, timeout_s: float) -> Ticks:
        """(lowest price, increment) of the rule in rising order; () when it does not come in time.

        Not ib_async's own call: that gives up after a second and forgets the question. A rule that
        comes late is taken when it is asked for again. Raises `GatewayUnreachable` when the
        connection goes.
        """
        if rule not in self._asked:
            asked = ib.wrapper.startReq(f"marketRule-{rule}")  # type: ignore[no-untyped-call]
            asked.add_done_callback(_seen)  # nobody may be waiting when the connection goes
            self._asked[rule] = asked
            ib.client.reqMarketRule(rule)  # type: ignore[no-untyped-call]
        answer = self._asked[rule]
        wait_s = 0.0 if rule in self.unanswered else timeout_s
        await asyncio.wait([answer], timeout=wait_s)
        if not answer.done():
            self.unanswered.add(rule)
            return ()
        self.unanswered.discard(rule)
        told = await bounded(answer, timeout_s, f"market rule {rule}")
        return tuple((decimal(s.lowEdge), decimal(s.increment)) for s in told)

    def news(self) -> list[str]:
        """A sentence for each rule that was not told, once."""
        fresh = sorted(self.unanswered - self._named)
        self._named.update(fresh)
        return [
            f"The gateway did not tell market rule {rule} in time, so prices are rounded to the "
            "smallest step of the contract; one that the exchange does not take is rejected (110)."
            for rule in fresh
        ]


def _seen(answer: asyncio.Future[list[PriceIncrement]]) -> None:
    if not answer.cancelled():
        answer.exception()


def unanswered_rules(ib: IB) -> list[str]:
    """What a person should know of market rules that this connection was not told; each once."""
    return _rules_of(ib).news()


def _rules_of(ib: IB) -> MarketRules:
    return RULES.setdefault(ib, MarketRules())


def allow_fractions(ib: IB) -> None:
    """Have stocks of this connection in parts of a share where the gateway lists them so."""
    FRACTIONAL.add(ib)


FRACTION = Decimal("0.0001")
"""The steps in which US stocks may be ordered by an account that trades parts of a share."""
FRACTIONAL: WeakSet[IB] = WeakSet()
"""Connections whose orders may be for parts of a share."""

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
    return await _rules_of(ib).steps(ib, rule, timeout_s)


def _rule_at(details: ContractDetails, exchange: str) -> int | None:
    """Rules are listed beside the exchanges in `validExchanges`, in the same order."""
    rules, places = details.marketRuleIds.split(","), details.validExchanges.split(",")
    found = [rule for place, rule in zip(places, rules, strict=False) if place == exchange]
    return int(found[0]) if found and found[0].isdigit() else None


def with_details(
    instrument: Instrument,
    details: ContractDetails,
    ticks: Ticks = (),
    *,
    fractional: bool = False,
) -> Instrument:
    """The instrument with the gateway's identity, ticks and sizes.

    Where prices are quoted in a fraction of the currency (`priceMagnifier` 100: pence), they stay
    as quoted everywhere, and the multiplier makes money of them. `minTick` is in the currency.
    `fractional` takes the sizes of stocks as they are listed, parts of a share too.
    """
    contract = details.contract
    if contract is None or not contract.conId:
        raise BrokerError(f"The gateway gave no contract id for {instrument.symbol}.")
    magnifier = Decimal(details.priceMagnifier or 1)
    return replace(
        instrument,
        con_id=contract.conId,
        primary_exchange=contract.primaryExchange,
        min_tick=decimal(details.minTick) * magnifier,
        lot_size=_lot(details, instrument.sec_type, fractional),
        multiplier=decimal(contract.multiplier or 1) / magnifier,
        ticks=ticks,
        expires=_last_day(contract),
    )


def _lot(details: ContractDetails, sec_type: str, fractional: bool) -> Decimal:
    """What orders are multiples of. IB lists US stocks in steps of 0.0001 (recorded for AAPL in
    2025 and an ETF in 2026), which only some accounts may order (else 10243); exchanges abroad
    have lots of several shares."""
    step = _listed(details.sizeIncrement)
    if sec_type != "STK":
        return step or ONE
    if fractional and step:
        return step
    return max(ONE, step or ONE, _listed(details.minSize) or ONE)


def _listed(size: float) -> Decimal | None:
    """A size that the gateway lists; None for IB's ways to say that there is none."""
    return decimal(size) if 0 < size < 1e9 else None


def _last_day(contract: Contract) -> date | None:
    """The last trading day, which IB writes YYYYMMDD (a time and a zone may follow)."""
    day = contract.lastTradeDateOrContractMonth[:8]
    if len(day) < 8 or not day.isdigit():
        return None
    return date(int(day[:4]), int(day[4:6]), int(day[6:]))
