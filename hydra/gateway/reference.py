"""Answers about what is listed: contract details, symbols, rules, hours, the history's begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.hours import Session
from hydra.gateway.identifiers import has_identifier, isin_of
from hydra.gateway.layout import Request
from hydra.gateway.market import AFTER_S, BEFORE_S
from hydra.gateway.order_types import order_types
from hydra.gateway.times import EASTERN, epoch, from_epoch, zone
from hydra.gateway.universe import STOCK_EXCHANGES, Instrument
from hydra.gateway.values import SymbolSample, TagValue
from hydra.gateway.venue import Venue

NOT_FOUND = "No security definition has been found for the request"
_HOURS_AHEAD_DAYS = 6
FRACTION = Decimal("0.0001")  # of a share, as recorded for US stocks and ETFs
# Recorded liquid hours begin here for futures that trade through the night: NQ 0830 to 1600 in
# Chicago (2024-03), CL 0930 to 1700 in New York (NautilusTrader's test data, 2022-12).
_LIQUID_FROM = time(9, 30)
# What a stock of the US is the underlying of; recorded for AAPL and AA (ibkr-go, 2026-04) and TSLA
# (rust-ibapi); some funds have fewer. No such derivative is listed here.
_DERIVATIVES = ("CFD", "OPT", "IOPT", "WAR", "BAG")


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
        matches = self._matches(request)
        if not matches:
            self._venue.refuse(client_id, request.reqId, 200, NOT_FOUND)
            return
        for one, route in _rows(request, matches):
            self._venue.post(client_id, self._details(request.reqId, one, route))
        self._venue.post(client_id, say.ContractDataEnd(request.reqId))

    def matching_symbols(self, client_id: int, request: ask.ReqMatchingSymbols) -> None:
        """At most sixteen matches, as the gateway limits them."""
        found = self._venue.universe.search(request.pattern)[:16]
        samples = tuple(
            SymbolSample(
                one.conId,
                one.symbol,
                one.secType,
                one.primary,
                one.currency,
                _DERIVATIVES if _is_american(one) else (),
                one.long_name,
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

    def _matches(self, request: ask.ReqContractDetails) -> list[Instrument]:
        """What fits the contract and the identifier, if one is given, which alone is enough."""
        wanted, number = request.contract, request.secId
        if not number:
            return self._venue.find(wanted, request.includeExpired)
        symbols = [wanted.symbol]
        if not (wanted.conId or wanted.symbol or wanted.localSymbol):
            listed = self._venue.universe.instruments
            named = {one.symbol for one in listed if self._has(one, request)}
            symbols = sorted(named)
        found = [
            one
            for symbol in symbols
            for one in self._venue.find(replace(wanted, symbol=symbol), request.includeExpired)
        ]
        return [one for one in found if self._has(one, request)]

    @staticmethod
    def _has(one: Instrument, request: ask.ReqContractDetails) -> bool:
        return has_identifier(one, request.secIdType, request.secId)

    def _details(self, request_id: int, one: Instrument, route: str) -> say.ContractData:
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
            orderTypes=order_types(one),
            validExchanges=",".join(_routes(one)),
            longName=one.long_name,
            primaryExchange=contract.primaryExchange,
            industry=one.industry,
            category=one.category,
            subcategory=one.subcategory,
            timeZoneId=one.zone,
            tradingHours=self._hours(one, _whole),
            liquidHours=self._hours(one, _liquid),
            # The ISIN alone, as recorded for AAPL (2026-04) and TSLA (2022-12).
            secIds=(TagValue("ISIN", isin_of(one)),) if isin_of(one) else (),
            marketRuleIds=",".join([str(one.market_rule)] * len(_routes(one))),
            stockType="COMMON" if one.secType == "STK" else "",
            **self._sizes(one),
        )

    def _sizes(self, one: Instrument) -> dict[str, Any]:
        """The size fields, where a real gateway tells others than whole units."""
        if one.increment != 1:
            known = ("minSize", "sizeIncrement", "suggestedSizeIncrement")
            return dict.fromkeys(known, one.increment)
        is_american = one.secType == "STK" and one.currency == "USD"
        if not is_american:
            return {}
        return {"minSize": FRACTION, "sizeIncrement": FRACTION}

    def _hours(self, one: Instrument, part: Part) -> str:
        """`20121001:0930-20121001:1600;20121002:CLOSED`, today and the days after it."""
        where = zone(one.zone)
        today = self._venue.now.astimezone(where).replace(hour=0, minute=0, second=0)
        days = [today + timedelta(days=ahead) for ahead in range(_HOURS_AHEAD_DAYS)]
        return ";".join(self._hours_on(day.strftime("%Y%m%d"), one, part) for day in days)

    def _hours_on(self, day: str, one: Instrument, part: Part) -> str:
        session = self._venue.calendar_of(one).find(date.fromisoformat(day))
        if session is None:
            return f"{day}:CLOSED"
        where = zone(one.zone)
        moments = (from_epoch(moment).astimezone(where) for moment in part(one, session))
        return "-".join(moment.strftime("%Y%m%d:%H%M") for moment in moments)


def _rows(
    request: ask.ReqContractDetails, matches: list[Instrument]
) -> list[tuple[Instrument, str]]:
    """Each match at the exchange that is asked for, or at its usual route.

    A stock's symbol alone means all its exchanges, the routes first: 35 rows were recorded for AMD
    (the contract details notebook of ib_async).
    """
    wanted = request.contract
    usual = [(one, wanted.exchange or one.route) for one in matches]
    is_symbol_alone = wanted.symbol and not (
        wanted.exchange or wanted.primaryExchange or wanted.conId or request.secId
    )
    if not is_symbol_alone:
        return usual
    stocks = (one for one in matches if one.secType == "STK")
    return usual + [(one, at) for one in stocks for at in _routes(one) if at != one.route]


Part = Callable[[Instrument, Session], tuple[int, int]]  # of a session, in epoch seconds


def _whole(one: Instrument, session: Session) -> tuple[int, int]:
    """All hours in which `one` trades here, those before and after the session included."""
    if _is_american(one):
        return session.opens - BEFORE_S, session.closes + AFTER_S
    return session.opens, session.closes


def _liquid(one: Instrument, session: Session) -> tuple[int, int]:
    """The regular session; of what trades through the night on Globex, the day's part of it."""
    if one.hours != "GLOBEX":
        return session.opens, session.closes
    begin = datetime.combine(session.day, _LIQUID_FROM, zone(EASTERN))
    return max(session.opens, epoch(begin)), session.closes


def _is_american(one: Instrument) -> bool:
    return one.secType == "STK" and one.hours == "NYSE"


def _routes(one: Instrument) -> list[str]:
    if _is_american(one):
        return STOCK_EXCHANGES.split(",")
    return sorted({one.route, one.primary})
