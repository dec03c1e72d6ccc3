"""The deterministic core: orders, fills, time and books, without a socket."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from time import perf_counter

import pytest

from hydra.gateway.account import commission
from hydra.gateway.clock import clock_target
from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.listing import shipped_universe
from hydra.gateway.messages import encode
from hydra.gateway.orders import OpenOrder, PlaceOrder
from hydra.gateway.requests import CancelOrder, ReqIds
from hydra.gateway.responses import (
    CommissionReport,
    Error,
    ExecutionDetails,
    NextValidId,
    OrderStatus,
)
from hydra.gateway.times import from_epoch


def order(apple, order_id=1, **terms):
    known = {"action": "BUY", "totalQuantity": Decimal(100), "orderType": "MKT", **terms}
    return PlaceOrder(order_id, apple, **known)


def limit(apple, price, order_id=1, **terms):
    return order(apple, order_id, orderType="LMT", lmtPrice=Decimal(price), **terms)


def story(posted):
    """Kinds of response with the status or code that they carry."""
    told = []
    for _, response in posted:
        if isinstance(response, OpenOrder | OrderStatus):
            told.append((type(response).__name__, response.status))
        elif isinstance(response, Error):
            told.append(("Error", response.code))
        else:
            told.append((type(response).__name__, None))
    return told


def test_a_market_order_in_an_open_session_tells_its_whole_story_in_order(started, apple):
    assert story(started.handle(1, order(apple))) == [
        ("OpenOrder", "PreSubmitted"),
        ("OrderStatus", "PreSubmitted"),
        ("OpenOrder", "Submitted"),
        ("OrderStatus", "Submitted"),
        ("ExecutionDetails", None),
        ("OpenOrder", "Filled"),
        ("OrderStatus", "Filled"),
        ("OpenOrder", "Filled"),
        ("OrderStatus", "Filled"),
        ("CommissionReport", None),
    ]


def test_a_market_order_trades_on_the_far_side_of_the_quote(started, apple):
    one = started.venue.universe.find(apple)[0]
    quote = started.venue.market.quote(one, started.venue.seconds)
    bought = started.handle(1, order(apple))
    sold = started.handle(1, order(apple, 2, action="SELL"))
    prices = [r.price for _, r in bought + sold if isinstance(r, ExecutionDetails)]
    assert prices == [quote.ask, quote.bid]
    assert quote.bid < quote.last < quote.ask


def test_an_order_sent_after_the_close_is_warned_and_trades_at_the_next_open(started, apple):
    started.command("close")
    assert story(started.handle(1, order(apple))) == [
        ("Error", 399),
        ("OpenOrder", "PreSubmitted"),
        ("OrderStatus", "PreSubmitted"),
    ]
    told = story(started.command("next_open"))
    assert told[:2] == [("OpenOrder", "Submitted"), ("OrderStatus", "Submitted")]
    assert ("CommissionReport", None) in told
    (done,) = started.orders.executions
    assert done.time == started.venue.seconds


def test_a_limit_order_rests_until_the_path_reaches_it(started, apple):
    told = story(started.handle(1, limit(apple, "85.50")))
    assert told[-1] == ("OrderStatus", "Submitted")
    told = story(started.command("close"))
    assert ("OrderStatus", "Filled") in told
    (done,) = started.orders.executions
    assert done.price == Decimal("85.50")


def test_a_limit_order_for_the_day_that_is_not_reached_expires_at_the_close(started, apple):
    started.handle(1, limit(apple, "1.00"))
    assert story(started.command("close")) == [("OrderStatus", "Cancelled"), ("Error", 202)]
    assert started.state()["open_orders"] == []


def test_an_order_until_cancelled_outlives_the_session(started, apple):
    started.handle(1, limit(apple, "1.00", tif="GTC"))
    started.command("close")
    assert [o["status"] for o in started.state()["open_orders"]] == ["Submitted"]


def test_a_cancel_is_confirmed_before_error_202(started, apple):
    started.handle(1, limit(apple, "1.00"))
    assert story(started.handle(1, CancelOrder(1))) == [
        ("OrderStatus", "PendingCancel"),
        ("OrderStatus", "Cancelled"),
        ("Error", 202),
    ]


def test_a_cancelled_order_never_fills_afterwards(started, apple):
    started.handle(1, limit(apple, "85.50"))
    started.handle(1, CancelOrder(1))
    started.command("close")
    assert started.orders.executions == []


@pytest.mark.parametrize(("order_id", "code"), [(99, 10147), (1, 10148)])
def test_what_cannot_be_cancelled_is_said_to_be_unknown_or_done(started, apple, order_id, code):
    started.handle(1, order(apple))
    assert story(started.handle(1, CancelOrder(order_id))) == [("Error", code)]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"totalQuantity": Decimal(0)}, 434),
        ({"totalQuantity": Decimal("0.5")}, 10243),
        ({"orderType": "LMT", "lmtPrice": Decimal("86.665")}, 110),
        ({"orderType": "LMT"}, 110),
        ({"orderType": "NONSENSE"}, 321),
        ({"tif": "EVER"}, 10052),
        ({"action": "HOLD"}, 321),
        ({"account": "DU999"}, 321),
    ],
)
def test_an_order_that_makes_no_sense_gets_the_gateway_s_error_and_nothing_else(
    started, apple, terms, code
):
    assert story(started.handle(1, order(apple, **terms))) == [("Error", code)]


def test_an_order_beyond_the_margin_is_inactive_with_201_in_between(started, apple):
    assert story(started.handle(1, order(apple, totalQuantity=Decimal(1_000_000)))) == [
        ("OpenOrder", "Inactive"),
        ("OrderStatus", "Inactive"),
        ("Error", 201),
        ("OpenOrder", "Inactive"),
        ("OrderStatus", "Inactive"),
    ]


def test_order_numbers_only_grow_and_are_remembered_after_the_client_left(started, apple):
    started.handle(1, order(apple, 41))
    started.disconnect(1)
    welcome = started.connect(1, 178)
    assert (1, NextValidId(42)) in welcome
    assert started.handle(1, ReqIds(1)) == [(1, NextValidId(42))]
    assert story(started.handle(1, order(apple, 40))) == [("Error", 103)]
    assert story(started.handle(1, order(apple, 41))) == [("Error", 104)]


def test_an_order_that_is_not_transmitted_says_nothing_until_it_is(started, apple):
    assert started.handle(1, limit(apple, "1.00", transmit=False)) == []
    told = story(started.handle(1, limit(apple, "1.00")))
    assert told[-1] == ("OrderStatus", "Submitted")


def test_a_changed_limit_keeps_the_permanent_id_and_trades_when_it_crosses(started, apple):
    first = started.handle(1, limit(apple, "1.00"))
    second = started.handle(1, limit(apple, "90.00"))
    ids = {r.permId for _, r in first + second if isinstance(r, OpenOrder)}
    assert len(ids) == 1
    assert ("OrderStatus", "Filled") in story(second)


def test_a_what_if_shows_margins_and_leaves_no_trace(started, apple):
    (posted,) = started.handle(1, order(apple, whatIf=True))
    answer = posted[1]
    assert answer.initMarginChange == "4333.50"
    assert answer.commission == Decimal("1.00")
    assert started.state()["open_orders"] == []
    assert started.handle(1, ReqIds(1)) == [(1, NextValidId(1))]


def test_a_client_number_in_use_is_refused(started):
    assert started.connect(1, 178) is None


def test_fills_happen_while_nobody_is_connected(started, apple):
    started.handle(1, limit(apple, "85.50"))
    started.disconnect(1)
    assert started.command("close") == []
    assert len(started.orders.executions) == 1


@pytest.mark.parametrize(
    ("quantity", "price", "cost"),
    [
        ("1", "500", "1.00"),  # the minimum
        ("1000", "50", "5.00"),  # a half cent a share
        ("1", "20", "0.20"),  # at most one percent
        ("333", "100", "1.67"),  # to the cent, halves up
    ],
)
def test_commissions_follow_ib_s_fixed_schedule(quantity, price, cost):
    stock = shipped_universe().get(265598)
    assert commission(stock, Decimal(quantity), Decimal(price)) == Decimal(cost)


def test_cash_positions_and_commissions_add_up_to_the_cent(started, apple):
    for number, (side, size) in enumerate(
        [("BUY", 100), ("SELL", 250), ("BUY", 70), ("BUY", 200), ("SELL", 120)], 1
    ):
        started.handle(1, order(apple, number, action=side, totalQuantity=Decimal(size)))
        started.advance(started.venue.now + timedelta(minutes=30))
    state = started.state()
    spent = sum(
        Decimal(e["quantity"]) * Decimal(e["price"]) + Decimal(e["commission"])
        for e in state["executions"]
    )
    assert Decimal(state["cash"]) == Decimal(1_000_000) - spent
    held = sum(Decimal(p["quantity"]) * Decimal(p["mark"]) for p in state["positions"])
    assert Decimal(state["net_liquidation"]) == Decimal(state["cash"]) + held


def test_opening_trades_report_no_profit_and_closing_ones_the_whole(started, apple):
    bought = started.handle(1, order(apple))
    sold = started.handle(1, order(apple, 2, action="SELL"))
    reports = [r for _, r in bought + sold if isinstance(r, CommissionReport)]
    assert reports[0].realizedPNL is None
    assert reports[1].realizedPNL == Decimal("-4.00")  # two ticks of spread, two commissions


def test_the_same_seed_and_messages_give_the_same_bytes(apple):
    def run():
        exchange = shipped_exchange(ExchangeSettings(seed=5))
        posted = exchange.connect(1, 178) + exchange.handle(1, limit(apple, "86.00"))
        posted += exchange.handle(1, order(apple, 2)) + exchange.command("close")
        return b"".join(encode(response, 178) for _, response in posted)

    assert run() == run()


def test_every_path_runs_from_open_over_high_and_low_to_close_of_its_bar(exchange, apple):
    one = exchange.venue.universe.find(apple)[0]
    series = exchange.venue.market.series(one)
    for index in range(3000, 3050):
        path = exchange.venue.market.path(one, index)
        assert path.ticks[0] == pytest.approx(series.open[index] / 0.01, abs=1)
        assert path.ticks[-1] == pytest.approx(series.close[index] / 0.01, abs=1)
        assert path.ticks.max() == pytest.approx(series.high[index] / 0.01, abs=1)
        assert path.ticks.min() == pytest.approx(series.low[index] / 0.01, abs=1)


def test_the_clock_steps_from_session_to_session_over_half_days(exchange):
    exchange.command("2012-11-23T14:30:00Z")
    exchange.command("close")
    assert exchange.clock_state() == {
        "time": "2012-11-23T18:00:00Z",
        "session": "2012-11-23",
        "phase": "closed",
    }
    exchange.command("next_open")
    assert exchange.clock_state()["session"] == "2012-11-26"


@pytest.mark.parametrize("to", ["2012-09-01T00:00:00Z", "yesterday", "2012-10-05T15:00:00"])
def test_a_clock_command_that_makes_no_sense_is_refused(exchange, to):
    with pytest.raises(SettingsError):
        exchange.command(to)


def test_a_start_that_is_no_session_names_the_nearest_one():
    with pytest.raises(SettingsError, match="nearest is 2012-10-05"):
        shipped_exchange(ExchangeSettings(start=ExchangeSettings().start.replace(day=6)))


def test_a_running_clock_spends_no_time_on_nights(exchange):
    calendar, now = exchange.venue.calendar, exchange.venue.now
    target = clock_target(calendar, now, 6.5 * 3600 + 60)
    second_open = from_epoch(calendar.on(date(2012, 10, 2)).opens)
    assert target == second_open + timedelta(seconds=60)


def test_a_year_of_sessions_is_stepped_through_in_under_five_seconds(exchange):
    begun = perf_counter()
    for _ in range(252):
        exchange.command("close")
        exchange.command("next_open")
    assert perf_counter() - begun < 5


def test_volume_grows_through_the_session_to_the_bar_s_own(exchange, apple):
    one = exchange.venue.universe.find(apple)[0]
    opens = exchange.venue.seconds
    volumes = [exchange.venue.market.quote(one, opens + s).volume for s in range(0, 23401, 1800)]
    assert all(a < b for a, b in pairwise(volumes))
    assert volumes[-1] == 150423920
