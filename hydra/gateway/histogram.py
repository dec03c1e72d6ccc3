"""Volume by price: what was traded at each price in the days up to now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.bar_source import DAY_S, HOUR_S, in_liquid_hours
from hydra.gateway.layout import Request
from hydra.gateway.reference import NOT_FOUND
from hydra.gateway.universe import Instrument
from hydra.gateway.values import HistogramBucket
from hydra.gateway.venue import Venue

_ERROR = "Historical Market Data Service error message:"
# IB's page on histograms asks for "3 days", "1 week" and "1 weeks".
_PERIOD = re.compile(r"(\d{1,4}) (second|minute|hour|day|week|month|year)s?\Z", re.IGNORECASE)
_UNITS: Mapping[str, int] = MappingProxyType(
    {
        **{"second": 1, "minute": 60, "hour": HOUR_S, "day": DAY_S},
        **{"week": 7 * DAY_S, "month": 30 * DAY_S, "year": 365 * DAY_S},
    }
)
MAX_PERIOD_S = _UNITS["year"]


class HistogramDesk:
    """Answers reqHistogramData."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {ask.ReqHistogramData: self.histogram}

    def histogram(self, client_id: int, request: ask.ReqHistogramData) -> None:
        """The volume at each price, the lowest first; 200, 321 or 162 for no such thing."""
        found = self._venue.find(request.contract)
        seconds = _seconds(request.period)
        if len(found) != 1:
            self._venue.refuse(client_id, request.reqId, 200, NOT_FOUND)
        elif not 0 < seconds <= MAX_PERIOD_S:
            text = (
                f"Error validating request.-'b0' : cause - Invalid time period "
                f"{request.period!r}; ask for such as 3 days or 1 week, up to 1 year"
            )
            self._venue.refuse(client_id, request.reqId, 321, text)
        else:
            self._tell(client_id, request, found[0], seconds)

    def _tell(
        self, client_id: int, request: ask.ReqHistogramData, one: Instrument, seconds: int
    ) -> None:
        # Currencies have quotes alone (IB's page "Historical Bar Data": no TRADES for Forex).
        traded = {} if one.secType == "CASH" else self._traded(one, seconds, request.useRTH)
        if not traded:
            text = f"{_ERROR}HMDS query returned no data"
            self._venue.refuse(client_id, request.reqId, 162, text)
            return
        buckets = tuple(
            HistogramBucket(ticks * one.tick, Decimal(size))
            for ticks, size in sorted(traded.items())
        )
        self._venue.post(client_id, say.HistogramData(request.reqId, buckets))

    def _traded(self, one: Instrument, seconds: int, is_regular: bool) -> dict[int, int]:
        """What was traded in the last `seconds`, by the price in ticks."""
        now = self._venue.seconds
        sums: dict[int, int] = {}
        for part in self._venue.market.stretches(one, now - seconds, now, not is_regular):
            counts = in_liquid_hours(one, part.times) | (not is_regular)
            prices, places = np.unique(part.last[counts], return_inverse=True)
            sizes = np.bincount(places, weights=part.volume[counts])
            for price, size in zip(prices.tolist(), sizes.tolist(), strict=True):
                sums[price] = sums.get(price, 0) + round(size)
        return {price: size for price, size in sums.items() if size}


def _seconds(period: str) -> int:
    """How long `3 days` are; 0 for what is no period."""
    match = _PERIOD.match(period.strip())
    return int(match[1]) * _UNITS[match[2].lower()] if match else 0
