"""Answers about what is listed: contract details, symbols, rules, hours, the history's begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.layout import Request
from hydra.gateway.times import from_epoch, zone
from hydra.gateway.universe import STOCK_EXCHANGES, Instrument
from hydra.gateway.values import SymbolSample
from hydra.gateway.venue import Venue

NOT_FOUND = "No security definition has been found for the request"
ORDER_TYPES = "ACTIVETIM,ADJUST,ALGO,DAY,GAT,GTC,GTD,IOC,LMT,MKT,OCA,WHATIF"
_HOURS_AHEAD_DAYS = 6
FRACTION = Decimal("0.0001")  # of a share, as recorded for US stocks and ETFs


class ReferenceDesk:
    """Knows the universe and its calendar."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {
            ask.ReqContractDetails: self.contract_details,
            ask.ReqMatchingSymbols: self.matching_symbols,
            ask.ReqMarketRule: self.market_rule,
            ask.ReqHeadTimestamp: self.head_timestamp,
        }

    def contract_details(self, client_id: int, request: ask.ReqContractDetails) -> None:
        """One contractDetails a match and the end; 200 when there is none."""
        matches = self._venue.find(request.contract, request.includeExpired)
        if not matches:
            self._venue.refuse(client_id, request.reqId, 200, NOT_FOUND)
            return
        for one in matches:
            route = request.contract.exchange or one.route
            self._venue.post(client_id, self._details(request.reqId, one, route))
        self._venue.post(client_id, say.ContractDataEnd(request.reqId))

    def matching_symbols(self, client_id: int, request: ask.ReqMatchingSymbols) -> None:
        """At most sixteen matches, as the gateway limits them."""
        found = self._venue.universe.search(request.pattern)[:16]
        samples = tuple(
            SymbolSample(
                one.conId, one.symbol, one.secType, one.primary, one.currency, (), one.long_name
            )
            for one in found
        )
        self._venue.post(client_id, say.SymbolSamples(request.reqId, samples))

    def market_rule(self, client_id: int, request: ask.ReqMarketRule) -> None:
        """The increments of a rule that contract details name."""
        rule = self._venue.universe.rules.get(request.ruleId)
        if rule is None:
            text = f"Error validating request.-'b1' : cause - Unknown market rule {request.ruleId}"
            self._venue.refuse(client_id, -1, 321, text)
            return
        self._venue.post(client_id, say.MarketRule(request.ruleId, rule))

    def head_timestamp(self, client_id: int, request: ask.ReqHeadTimestamp) -> None:
        """When the history begins: `19801212-14:30:00` (UTC), or epoch seconds for format 2."""
        found = self._venue.find(request.contract)
        series = self._venue.market.series(found[0]) if found else None
        if series is None:
            self._venue.refuse(client_id, request.reqId, 200, NOT_FOUND)
            return
        first = int(series.start[0])
        stamp = from_epoch(first).strftime("%Y%m%d-%H:%M:%S")
        text = str(first) if request.formatDate == 2 else stamp
        self._venue.post(client_id, say.HeadTimestamp(request.reqId, text))

    def _details(self, request_id: int, one: Instrument, route: str) -> say.ContractData:
        hours = self._hours(one)
        contract = one.contract(route)
        return say.ContractData(
            reqId=request_id,
            symbol=contract.symbol,
            secType=contract.secType,
            lastTradeDate=contract.lastTradeDateOrContractMonth,
            strike=Decimal(0),
            right="",
            exchange=route,
            currency=contract.currency,
            localSymbol=contract.localSymbol,
            marketName=contract.tradingClass,
            tradingClass=contract.tradingClass,
            conId=contract.conId,
            # The exchange's own step: quoted prices move in this times the magnifier.
            minTick=one.tick / one.magnifier,
            multiplier=contract.multiplier,
            priceMagnifier=one.magnifier,
            underConId=one.underlying,
            contractMonth=one.month,
            realExpirationDate=contract.lastTradeDateOrContractMonth,
            underSymbol=one.symbol if one.expiry else "",
            underSecType="IND" if one.expiry else "",
            orderTypes=ORDER_TYPES,
            validExchanges=",".join(_routes(one)),
            longName=one.long_name,
            primaryExchange=contract.primaryExchange,
            industry=one.industry,
            category=one.category,
            subcategory=one.subcategory,
            timeZoneId=one.zone,
            tradingHours=hours,
            liquidHours=hours,
            marketRuleIds=",".join([str(one.market_rule)] * len(_routes(one))),
            stockType="COMMON" if one.secType == "STK" else "",
            **self._sizes(one),
        )

    def _sizes(self, one: Instrument) -> dict[str, Any]:
        """The size fields, where a real gateway tells others than whole units."""
        is_american = one.secType == "STK" and one.currency == "USD"
        if "fractional_sizes" not in self._venue.real or not is_american:
            return {}
        return {"minSize": FRACTION, "sizeIncrement": FRACTION}

    def _hours(self, one: Instrument) -> str:
        """`20121001:0930-20121001:1600;20121002:CLOSED`, today and the days after it."""
        where = zone(one.zone)
        today = self._venue.now.astimezone(where).replace(hour=0, minute=0, second=0)
        days = [today + timedelta(days=ahead) for ahead in range(_HOURS_AHEAD_DAYS)]
        return ";".join(self._hours_on(day.strftime("%Y%m%d"), one) for day in days)

    def _hours_on(self, day: str, one: Instrument) -> str:
        session = self._venue.calendar_of(one).find(date.fromisoformat(day))
        if session is None:
            return f"{day}:CLOSED"
        where = zone(one.zone)
        opens = from_epoch(session.opens).astimezone(where).strftime("%Y%m%d:%H%M")
        closes = from_epoch(session.closes).astimezone(where).strftime("%Y%m%d:%H%M")
        return f"{opens}-{closes}"


def _routes(one: Instrument) -> list[str]:
    if one.secType == "STK" and one.hours == "NYSE":
        return STOCK_EXCHANGES.split(",")
    return sorted({one.route, one.primary})
