"""What this gateway does not offer yet: a table of the real gateway's refusals, never silence.

Options, bonds, depth and news are laid out in the message tables; offering one of them is a desk
that answers its request and one row less here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.codec import MAX_INTEGER
from hydra.gateway.layout import Request, Response
from hydra.gateway.reference import NOT_FOUND
from hydra.gateway.values import DepthExchange, FamilyCode, NewsProvider, SmartComponent
from hydra.gateway.venue import Venue

_NO_NEWS = (10276, "News feed is not allowed.")
_NO_ADVISOR = (
    321,
    "Error validating request.-'bN' : cause - FA data operations ignored for non FA customers.",
)
REFUSALS: Mapping[type[Request], tuple[int, str]] = MappingProxyType(
    {
        ask.ReqMktDepth: (
            10092,
            "Deep market data is not supported for this combination of security type/exchange",
        ),
        ask.CancelMktDepth: (310, "Can't find the subscribed market depth with tickerId:{}"),
        ask.RequestFA: _NO_ADVISOR,
        ask.ReplaceFA: _NO_ADVISOR,
        ask.ExerciseOptions: (200, NOT_FOUND),
        ask.ReqFundamentalData: (
            430,
            "The fundamentals data for the security specified is not available.Not allowed",
        ),
        ask.CalculateImpliedVolatility: (200, NOT_FOUND),
        ask.CalculateOptionPrice: (200, NOT_FOUND),
        ask.ReqNewsArticle: _NO_NEWS,
        ask.ReqWshMetaData: _NO_NEWS,
        ask.ReqWshEventData: _NO_NEWS,
    }
)
# The gateway never answers these, whether or not there is something to end.
SILENT: frozenset[type[Request]] = frozenset(
    {
        ask.ReqNewsBulletins,
        ask.CancelNewsBulletins,
        ask.SetServerLogLevel,
        ask.CancelFundamentalData,
        ask.CancelCalculateImpliedVolatility,
        ask.CancelCalculateOptionPrice,
        ask.CancelHeadTimestamp,
        ask.CancelHistogramData,
        ask.UpdateDisplayGroup,
        ask.UnsubscribeFromGroupEvents,
        ask.CancelWshMetaData,
        ask.CancelWshEventData,
    }
)
_COMPONENTS = tuple(
    SmartComponent(bit, exchange, letter)
    for bit, (exchange, letter) in enumerate(
        [("AMEX", "A"), ("NYSE", "N"), ("ARCA", "P"), ("ISLAND", "Q"), ("BATS", "Z")]
    )
)
# The first that a real gateway was recorded to tell (the market depth notebook of ib_async),
# whether or not there is a subscription to depth.
_DEPTH = tuple(
    DepthExchange(exchange, kind, "", "Deep", group)
    for exchange, kind, group in [
        ("DTB", "OPT", int(MAX_INTEGER)),
        ("LSEETF", "STK", int(MAX_INTEGER)),
        ("SGX", "FUT", int(MAX_INTEGER)),
        ("IDEALPRO", "CASH", 4),
        ("ARCA", "STK", int(MAX_INTEGER)),
    ]
)
# IB's page on news: three services are enabled in every account. There are no headlines here.
_NEWS = (
    NewsProvider("BRFG", "Briefing.com General Market Columns"),
    NewsProvider("BRFUPDN", "Briefing.com Analyst Actions"),
    NewsProvider("DJNL", "Dow Jones Newsletters"),
)
# Requests whose answer is the same at all times: what every account has, or an empty list.
EMPTY: Mapping[type[Request], Callable[[Any], Response]] = MappingProxyType(
    {
        ask.QueryDisplayGroups: lambda r: say.DisplayGroupList(r.reqId, ""),
        ask.SubscribeToGroupEvents: lambda r: say.DisplayGroupUpdated(r.reqId, "none"),
        ask.ReqSecDefOptParams: lambda r: say.SecurityDefinitionOptionParameterEnd(r.reqId),
        ask.ReqSoftDollarTiers: lambda r: say.SoftDollarTiers(r.reqId, ()),
        ask.ReqMktDepthExchanges: lambda _: say.MktDepthExchanges(_DEPTH),
        ask.ReqSmartComponents: lambda r: say.SmartComponents(r.reqId, _COMPONENTS),
        ask.ReqNewsProviders: lambda _: say.NewsProviders(_NEWS),
        ask.ReqUserInfo: lambda r: say.UserInfo(r.reqId, ""),
    }
)


class UnofferedDesk:
    """Refuses, says that there is nothing, or keeps silent as the real gateway does."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {
            **dict.fromkeys(REFUSALS, self.refuse),
            **dict.fromkeys(EMPTY, self.say_empty),
            **dict.fromkeys(SILENT, self.keep_silent),
            ask.ReqFamilyCodes: self.family_codes,
            ask.ReqHistoricalNews: self.historical_news,
        }

    def refuse(self, client_id: int, request: Any) -> None:
        """Answer with the real gateway's error."""
        code, text = REFUSALS[type(request)]
        request_id = getattr(request, "reqId", -1)
        self._venue.refuse(client_id, request_id, code, text.format(request_id))

    def say_empty(self, client_id: int, request: Any) -> None:
        """Answer that there is nothing."""
        self._venue.post(client_id, EMPTY[type(request)](request))

    def keep_silent(self, client_id: int, request: Any) -> None:
        """Say nothing, as the real gateway."""

    def family_codes(self, client_id: int, request: ask.ReqFamilyCodes) -> None:
        """The account belongs to no family."""
        codes = (FamilyCode(self._venue.account.code, ""),)
        self._venue.post(client_id, say.FamilyCodes(codes))

    def historical_news(self, client_id: int, request: ask.ReqHistoricalNews) -> None:
        """No headline of a service that every account has; 10276 for any other."""
        asked = set(request.providerCodes.replace(",", "+").split("+"))
        if asked <= {one.code for one in _NEWS}:
            self._venue.post(client_id, say.HistoricalNewsEnd(request.reqId, hasMore=False))
        else:
            self._venue.refuse(client_id, request.reqId, *_NO_NEWS)
