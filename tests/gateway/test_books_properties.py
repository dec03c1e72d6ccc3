"""What holds for any flow of orders: books to the cent, the book, quantities, priority, groups."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.gateway.exchange import Exchange, ExchangeSettings
from hydra.gateway.history import read_history
from hydra.gateway.listing import shipped_universe
from hydra.gateway.messages import encode
from hydra.gateway.reports import MAKER
from hydra.gateway.requests import CancelOrder, ReqGlobalCancel
from hydra.gateway.values import Contract
from tests.gateway.flow import order

CASH = Decimal(1_000_000)
STOCKS = tuple(
    Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD")
    for symbol in ("AAPL", "MSFT", "SPY")
)
CRUDE = Contract(
    symbol="CL", secType="FUT", lastTradeDateOrContractMonth="201212", exchange="NYMEX"
)
few = settings(max_examples=40, deadline=None)

sides = st.sampled_from(["BUY", "SELL"])
sizes = st.sampled_from([1, 100, 700, 3000])
steps = st.one_of(
    st.tuples(st.just("minutes"), st.integers(1, 200)),
    st.tuples(st.just("clock"), st.sampled_from(["close", "next_open"])),
    st.tuples(st.just("cancel"), st.integers(1, 20)),
    st.tuples(st.just("cancel_all"), st.just(0)),
)
placements = st.tuples(
    st.just("place"),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(
                [
                    *("MKT", "LMT", "LMT", "STP", "STP LMT", "TRAIL", "MIT", "LIT"),
                    *("MOC", "LOC", "REL", "MIDPRICE"),
                ]
            ),
            "side": sides,
            "size": sizes,
            "contract": st.sampled_from(STOCKS),
            "offset": st.integers(-60, 60),
            "tif": st.sampled_from(["DAY", "DAY", "GTC", "IOC"]),
            "group": st.sampled_from([("", 0), ("", 0), ("one", 1), ("two", 2), ("three", 3)]),
        }
    ),
)
flows = st.lists(st.one_of(placements, placements, steps), max_size=14)


@cache
def world():
    """What every example shares: listings and history never change."""
    universe = shipped_universe()
    return universe, read_history(universe)


def fresh(seed=0):
    """A new exchange with client 1."""
    exchange = Exchange(ExchangeSettings(seed=seed), *world())
    exchange.connect(1, 178)
    return exchange


def terms_of(exchange, number, wish):
    """A placement around the market: prices `offset` ticks from the last one."""
    (one,) = exchange.venue.find(wish["contract"])
    price = exchange.venue.mark(one) + wish["offset"] * one.tick
    group, kind = wish["group"]
    is_for_close = wish["kind"] in {"MOC", "LOC"}
    return order(
        number,
        wish["kind"],
        wish["side"],
        wish["size"],
        contract=wish["contract"],
        lmtPrice=price,
        auxPrice=Decimal("0.25") if wish["kind"] in {"TRAIL", "REL"} else price,
        tif="DAY" if is_for_close else wish["tif"],
        ocaGroup=group,
        ocaType=kind,
    )


def play(exchange, flow):
    """Do all that a flow says; return what was posted."""
    posted, number = [], 0
    for kind, what in flow:
        if kind == "place":
            number += 1
            posted += exchange.handle(1, terms_of(exchange, number, what))
        elif kind == "minutes":
            posted += exchange.advance(exchange.venue.now + timedelta(minutes=what))
        elif kind == "clock":
            posted += exchange.command(what)
        elif kind == "cancel":
            posted += exchange.handle(1, CancelOrder(what))
        else:
            posted += exchange.handle(1, ReqGlobalCancel())
    # What still waits gets its chance.
    return posted + exchange.advance(exchange.venue.now + timedelta(minutes=150))


def executions_by_order(exchange):
    """All executions of each order, oldest first."""
    by_order = defaultdict(list)
    for done in exchange.orders.executions:
        by_order[done.order.perm_id].append(done)
    return by_order.values()


@few
@given(flow=flows)
def test_cash_positions_and_commissions_reconcile_to_the_cent(flow):
    exchange = fresh()
    play(exchange, flow)
    done = exchange.orders.executions
    spent = sum((d.quantity * d.price + d.fee for d in done), Decimal(0))
    account = exchange.venue.account
    dividends = account.dividends.get("USD", Decimal(0))
    assert account.cash["USD"] == CASH - spent + dividends
    held = defaultdict(Decimal)
    for one in done:
        held[one.order.instrument] += one.quantity
    for one, quantity in held.items():
        assert account.held(one.conId).quantity == quantity
    worth = sum((q * exchange.venue.mark(one) for one, q in held.items()), Decimal(0))
    worth += account.cash["USD"]
    assert exchange.venue.valuation().net_liquidation == worth.quantize(Decimal("0.01"))


@few
@given(
    trades=st.lists(
        st.tuples(st.integers(-5, 5).filter(bool), st.integers(8000, 10000)), max_size=12
    )
)
def test_a_future_s_gains_are_paid_in_full_once_it_is_flat(trades):
    exchange = fresh()
    (crude,) = exchange.venue.find(CRUDE)
    account = exchange.venue.account
    total = sum(quantity for quantity, _ in trades)
    closing = [*trades, (-total, 9000)] if total else trades
    for quantity, ticks in closing:
        account.trade(crude, Decimal(quantity), ticks * crude.tick, Decimal("2.35"))
    flows_of_cash = sum(-q * t * crude.tick * 1000 for q, t in closing)
    expected = CASH + flows_of_cash - Decimal("2.35") * len(closing)
    assert abs(account.cash["USD"] - expected) < Decimal("0.001")
    assert account.held(crude.conId).quantity == 0


@few
@given(flow=flows)
def test_nothing_trades_beyond_its_quantity_or_after_its_end(flow):
    exchange = fresh()
    play(exchange, flow)
    for executions in executions_by_order(exchange):
        one = executions[0].order
        assert sum(abs(done.quantity) for done in executions) == one.filled
        assert one.filled <= one.terms.totalQuantity
        assert all(done.quantity * one.sign > 0 for done in executions)
        assert (one.status == "Filled") == (one.remaining == 0)


@few
@given(flow=flows)
def test_nothing_trades_outside_its_limit_or_outside_the_book(flow):
    exchange = fresh()
    play(exchange, flow)
    market = exchange.venue.market
    for done in exchange.orders.executions:
        one, sign = done.order.instrument, done.order.sign
        if done.order.limit is not None:
            assert sign * done.price <= sign * done.order.limit
        if done.order.is_auction or not market.is_open(one, done.time):
            continue
        best = next(price for price, _ in market.offers(one, done.time, sign > 0)) * one.tick
        if done.liquidity == MAKER:
            assert sign * best <= sign * (done.price + sign * one.tick)
        else:
            assert sign * done.price >= sign * best


@few
@given(flow=flows)
def test_resting_orders_share_a_step_s_volume_and_takers_its_displayed_sizes(flow):
    exchange = fresh()
    play(exchange, flow)
    market = exchange.venue.market
    makers, takers = defaultdict(int), defaultdict(int)
    for done in exchange.orders.executions:
        one = done.order.instrument
        if done.order.is_auction:
            continue
        if done.liquidity == MAKER:
            makers[one, done.time] += abs(done.quantity)
        else:
            takers[one, done.time, done.price, done.order.sign] += abs(done.quantity)
    for (one, time), quantity in makers.items():
        (stretch,) = market.stretches(one, time - 1, time)
        assert quantity <= int(stretch.volume[0])
    for (one, time, price, sign), quantity in takers.items():
        sizes = {p * one.tick: size for p, size in _levels(market, one, time, sign, price)}
        assert quantity <= sizes[price]


def _levels(market, one, time, sign, price):
    for ticks, size in market.offers(one, time, sign > 0):
        yield ticks, size
        if ticks * one.tick == price:
            return


@few
@given(
    ladder=st.lists(st.tuples(sizes, st.integers(1, 12)), min_size=2, max_size=6),
    side=sides,
    minutes=st.integers(1, 120),
)
def test_better_prices_and_older_orders_trade_first(ladder, side, minutes):
    exchange = fresh()
    (apple,) = exchange.venue.find(STOCKS[0])
    last = exchange.venue.mark(apple)
    sign = 1 if side == "BUY" else -1
    for number, (size, distance) in enumerate(ladder, 1):
        price = last - sign * (distance + 1) * apple.tick
        exchange.handle(1, order(number, "LMT", side, size, lmtPrice=price))
    exchange.advance(exchange.venue.now + timedelta(minutes=minutes))
    placed = {d.order.perm_id: d.order for d in exchange.orders.executions}
    waiting = {o.perm_id: o for o in exchange.orders.open_list}
    for first in waiting.values():
        for other in placed.values():
            if other is not first and other.filled:
                assert first.rank > other.rank
    _check_times(exchange)


def _check_times(exchange):
    """No order has its first fill before a better one has its last."""
    spans = {}
    for done in exchange.orders.executions:
        rank = done.order.rank
        spans.setdefault(rank, [done.time, done.time])[1] = done.time
    ordered = [spans[rank] for rank in sorted(spans)]
    for better, worse in pairwise(ordered):
        assert better[1] <= worse[0]


@few
@given(flow=flows)
def test_a_group_never_trades_more_than_its_largest_order(flow):
    exchange = fresh()
    play(exchange, flow)
    groups = defaultdict(list)
    for one in exchange.orders.memory.orders.values():
        if one.terms.ocaGroup and one.status != "Inactive":
            groups[one.terms.ocaGroup].append(one)
    for group, members in groups.items():
        filled = [one for one in members if one.filled]
        working = [one for one in members if not one.is_done]
        if group == "one":
            # Later orders may join a group whose earlier members have ended.
            for one in filled:
                older = [o for o in working if o.sequence < one.sequence]
                assert not older


@few
@given(
    side=sides,
    entry=st.integers(-30, 5),
    spread=st.integers(5, 60),
    minutes=st.integers(1, 600),
    size=sizes,
)
def test_the_children_of_a_bracket_undo_at_most_what_their_parent_did(
    side, entry, spread, minutes, size
):
    exchange = fresh()
    (apple,) = exchange.venue.find(STOCKS[0])
    sign = 1 if side == "BUY" else -1
    other = "SELL" if side == "BUY" else "BUY"
    price = exchange.venue.mark(apple) + sign * entry * apple.tick
    profit, stop = (price + sign * n * spread * apple.tick for n in (1, -1))
    terms = {"tif": "GTC"}
    held = {**terms, "transmit": False}
    exchange.handle(1, order(1, "LMT", side, size, lmtPrice=price, **held))
    exchange.handle(1, order(2, "LMT", other, size, lmtPrice=profit, parentId=1, **held))
    exchange.handle(1, order(3, "STP", other, size, auxPrice=stop, parentId=1, **terms))
    exchange.advance(exchange.venue.now + timedelta(minutes=minutes))
    parent, *children = exchange.orders.memory.orders.values()
    assert sum(child.filled for child in children) <= parent.filled
    first_child = [d.time for d in exchange.orders.executions if d.order is not parent][:1]
    last_parent = [d.time for d in exchange.orders.executions if d.order is parent][-1:]
    assert not first_child or first_child >= last_parent
    if sum(child.filled for child in children) == size:
        assert exchange.orders.is_idle


@settings(max_examples=15, deadline=None)
@given(flow=flows, seed=st.integers(0, 3))
def test_the_same_seed_and_flow_give_the_same_bytes(flow, seed):
    first, second = (
        b"".join(encode(response, 178) for _, response in play(fresh(seed), flow))
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("pieces", [1, 7, 60])
def test_a_resting_order_fills_alike_however_finely_time_is_cut(pieces):
    exchange = fresh()
    exchange.handle(1, order(1, "LMT", size=3000, lmtPrice="86.40"))
    for _ in range(pieces):
        exchange.advance(exchange.venue.now + timedelta(minutes=60 / pieces))
    whole = fresh()
    whole.handle(1, order(1, "LMT", size=3000, lmtPrice="86.40"))
    whole.advance(exchange.venue.now)
    assert [(d.time, d.quantity, d.price) for d in exchange.orders.executions] == [
        (d.time, d.quantity, d.price) for d in whole.orders.executions
    ]
