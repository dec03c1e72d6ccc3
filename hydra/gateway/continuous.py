"""A continuous future's history: each session is that of the month that expires next.

IB's page "Basic Contracts": continuous futures are for historical data alone, and (error 10339)
their requests take no end. Prices are those of the months, not adjusted at a roll; whether and
when a real gateway rolls earlier or adjusts is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from hydra.gateway import requests as ask
from hydra.gateway.bar_source import BarSource
from hydra.gateway.layout import Request
from hydra.gateway.market import Path, Series, Ticks
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue

CONTINUOUS = "CONTFUT"
NO_END = "Setting end date/time for continuous future security type is not allowed"
# The sentence is of reqContractDetails at versions that know no CONTFUT (scmhub/ibapi #9); that
# streams are refused with it, too, is a guess: IB's page only says that they are not offered.
NO_STREAM = (321, "Error validating request.-'bW' : cause - Please enter a valid security type")

_EPOCH = date(1970, 1, 1)


def continuous(source: BarSource, venue: Venue, since: date) -> BarSource:
    """`source` of the front month, with the months before it that traded `since` a day."""
    chains = []
    before = _EPOCH
    for month in _months(venue, source.one):
        if month.expiry is None or month.expiry < since:
            before = month.expiry or before
            continue
        series = venue.market.series(month)
        if series is not None:
            first, last = ((day - _EPOCH).days for day in (before, month.expiry))
            rows = np.flatnonzero((series.session > first) & (series.session <= last))
            chains.append((month, series, rows))
        before = month.expiry
    months = [month for month, _, rows in chains for _ in rows]
    places = [int(row) for _, _, rows in chains for row in rows]

    def path(index: int) -> Path:
        return venue.market.path(months[index], places[index])

    return replace(source, series=_joined(chains), path=path)


Answer = Callable[[int, Any], None]


def without_streams(venue: Venue, answers: Mapping[type[Request], Answer]) -> dict[Any, Answer]:
    """Of `answers` those that start streams, which refuse continuous futures."""

    def refusing(answer: Answer) -> Answer:
        def refuse_or_answer(client_id: int, request: Any) -> None:
            if request.contract.secType == CONTINUOUS:
                venue.refuse(client_id, request.reqId, *NO_STREAM)
            else:
                answer(client_id, request)

        return refuse_or_answer

    streams = (ask.ReqMktData, ask.ReqTickByTickData, ask.ReqRealTimeBars)
    return {kind: refusing(answers[kind]) for kind in streams}


def _months(venue: Venue, front: Instrument) -> list[Instrument]:
    """The months of the product up to the front one, by their expiry."""
    same = (
        one
        for one in venue.universe.named(front.symbol)
        if one.secType == "FUT"
        and (one.route, one.currency, one.multiplier, one.trading_class)
        == (front.route, front.currency, front.multiplier, front.trading_class)
        and one.expiry is not None
        and front.expiry is not None
        and one.expiry <= front.expiry
    )
    return sorted(same, key=lambda one: one.expiry or date.max)


def _joined(chains: list[tuple[Instrument, Series, Ticks]]) -> Series:
    columns = {
        name: np.concatenate([getattr(series, name)[rows] for _, series, rows in chains])
        for name in Series.__slots__
    }
    return Series(**columns)


def day_before(day: date, sessions: int) -> date:
    """A day that lies at least so many sessions before `day`."""
    return day - timedelta(days=sessions * 2 + 10)
