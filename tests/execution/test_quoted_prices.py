"""Prices stay as the exchange quotes them, on its grid, and the multiplier makes money of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from hydra.domain.events import FillRecorded
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderType
from hydra.errors import BadParameter
from hydra.ib.contracts import identified
from tests.algos.floor import trading


async def test_a_share_quoted_in_pence_is_traded_in_pence_and_paid_in_pounds(tmp_path):
    async with trading(tmp_path) as one:
        broker = one.engine.broker
        named = Instrument("VOD", exchange="LSE", currency="GBP", calendar="XLON")
        vod = await identified(broker.ib, named, 2.0)
        assert (vod.multiplier, vod.min_tick) == (Decimal("0.01"), Decimal("0.05"))
        quote = (await broker.quotes([vod]))["VOD"]
        assert 100 < quote.last < 300
        limit = vod.round_price(quote.last * Decimal("1.01"), Decimal(100))
        bought = replace(
            one.request(100),
            instrument=vod,
            decision_price=quote.last,
            order_type=OrderType.LIMIT,
            limit_price=limit,
        )
        await one.engine.trade([bought])
        assert await one.engine.settle(5) == ()
        fills = [r.event.fill for r in one.engine.journal.read(kinds=[FillRecorded])]
        assert sum(f.quantity for f in fills) == 100
        assert all(f.cash == -f.quantity * f.price / 100 for f in fills)
        with pytest.raises(BadParameter, match=r"off the tick of 0\.05; the nearest is"):
            replace(bought, limit_price=limit + Decimal("0.01"))
