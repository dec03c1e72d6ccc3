"""A moment in which every shipped check admits an order of 10 AAPL, and ways to change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest
from hydra.domain.portfolio import Portfolio, Position
from hydra.domain.traffic import Day, Resting, Sent, Tally, Traffic, intent_of
from hydra.risk._base import Context, Margin, SessionTimes

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
DAY = date(2013, 1, 14)
OPENS, CLOSES = NOW.replace(hour=14, minute=30), NOW.replace(hour=21)
AAPL = Instrument("AAPL")
IBM = Instrument("IBM")
CONTEXT = Context(
    now=NOW,
    account="DU1234567",
    port=4002,
    currency="USD",
    portfolio=Portfolio(Decimal(100_000)),
    quotes={"AAPL": Decimal(100)},
    quoted_at={"AAPL": NOW},
    connected=True,
    reconciled=True,
    bids={"AAPL": Decimal("99.99")},
    asks={"AAPL": Decimal("100.01")},
    sessions={"XNYS": SessionTimes(DAY, OPENS, CLOSES)},
    daily_volume={"AAPL": Decimal(1_000_000)},
)


def request(quantity=10, price="100", instrument=AAPL, **changes):
    given = {"strategy": "s", "session": DAY, **changes}
    return OrderRequest(
        instrument=instrument, quantity=Decimal(quantity), decision_price=Decimal(price), **given
    )


def context(**changes):
    return replace(CONTEXT, **changes)


def rated(age_s=0.0, portfolio=CONTEXT.portfolio, **rates):
    """The context in which each of those currencies has a rate, told so long ago."""
    told = {name: Decimal(rate) for name, rate in rates.items()}
    known = replace(portfolio, rates=told)
    return context(portfolio=known, rates_at=dict.fromkeys(told, NOW - timedelta(seconds=age_s)))


def holding(quantity, *, working=0, cash=100_000, symbol="AAPL"):
    """That many AAPL have filled, and so many more (signed) work; in the book of "s"."""
    one = Instrument(symbol)
    position = Position(one, Decimal(quantity) + Decimal(working), Decimal(100))
    orders = {"w": Resting(symbol, Decimal(working))} if working else {}
    return context(
        portfolio=Portfolio(Decimal(cash), {symbol: position}),
        books={"s": Portfolio(Decimal(0), {symbol: position})},
        held={symbol: Decimal(quantity)},
        traffic=Traffic.of(Sent(), {}, orders),
    )


def quoted(last, age_s=0.0):
    time = NOW - timedelta(seconds=age_s)
    return context(quotes={"AAPL": last}, quoted_at={"AAPL": time})


def sided(bid, ask):
    sides = [None if price is None else Decimal(price) for price in (bid, ask)]
    return context(bids={"AAPL": sides[0]}, asks={"AAPL": sides[1]})


def at(hour, minute, second=0, day=14):
    """The context at that time of January 2013, UTC: New York is five hours behind."""
    return context(now=NOW.replace(day=day, hour=hour, minute=minute, second=second))


def trading(volume):
    return context(daily_volume={"AAPL": None if volume is None else Decimal(volume)})


def sent(orders=0, changes=0, session=DAY, turnover=0, seconds_ago=0):
    """So many orders and changes left so long ago, one order working under the reference "w"."""
    second = int(NOW.timestamp()) - seconds_ago
    counts = Sent(
        Tally({second: orders}), Tally({second: changes}), Day(session, orders, Decimal(turnover))
    )
    return context(
        traffic=Traffic(counts, working={request().order_ref: Resting("AAPL", Decimal(9))})
    )


def wanted(earlier, seconds_ago):
    """The intention of an earlier request, so long ago."""
    moment = (NOW - timedelta(seconds=seconds_ago), earlier.session, earlier.step)
    return context(traffic=Traffic(intents={intent_of(earlier): moment}))


def working(orders):
    traffic = Traffic.of(Sent(), {}, {str(n): Resting("IBM", Decimal(1)) for n in range(orders)})
    return context(traffic=traffic)


def margin(initial, equity=100_000):
    told = {request().order_ref: Margin(Decimal(initial), Decimal(equity))}
    return context(margins=told)
