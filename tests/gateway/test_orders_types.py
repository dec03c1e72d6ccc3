"""Each order type and time in force against the path of 2012-10-01.

AAPL opens at 86.67, peaks at 87.34 after 46 minutes, falls to 84.73 and closes at 85.10.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from hydra.gateway.requests import CancelOrder
from hydra.gateway.values import (
    Contract,
    ExecutionCondition,
    MarginCondition,
    PercentChangeCondition,
    PriceCondition,
    TagValue,
    TimeCondition,
    VolumeCondition,
)
from tests.gateway.flow import echo, errors, fills, order, statuses, whys

EURO = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")


def minutes(exchange, count):
    """Let minutes pass."""
    return exchange.advance(exchange.venue.now + timedelta(minutes=count))


def test_a_stop_waits_for_its_price_and_then_trades_at_the_market(started):
    placed = started.handle(1, order(1, "STP", "SELL", auxPrice="86.00"))
    assert statuses(placed, 1) == ["PreSubmitted"]
    assert whys(placed, 1) == ["trigger"]
    told = started.command("close")
    assert statuses(told, 1) == ["Submitted", "Filled"]
    ((quantity, price),) = fills(started, 1)
    assert quantity == -100
    assert Decimal("85.90") <= price <= Decimal("85.99")


def test_a_stop_beyond_the_market_triggers_at_once(started):
    placed = started.handle(1, order(1, "STP", "SELL", auxPrice="87.00"))
    assert statuses(placed, 1) == ["PreSubmitted", "Submitted", "Filled"]


def test_a_stop_is_jumped_over_by_a_gap_and_trades_at_the_worse_open(started):
    started.command("close")
    started.handle(1, order(1, "STP", "BUY", auxPrice="85.20", tif="GTC"))
    started.command("next_open")
    assert fills(started, 1) == [(100, Decimal("85.42"))]


def test_a_stop_limit_rests_at_its_limit_once_triggered(started):
    started.handle(1, order(1, "STP LMT", "SELL", auxPrice="86.50", lmtPrice="87.20"))
    told = minutes(started, 2)
    assert statuses(told, 1) == ["Submitted"]
    started.command("close")
    assert fills(started, 1) == [(-100, Decimal("87.20"))]


def test_a_trailing_stop_follows_the_peak_and_shows_its_stop(started):
    placed = started.handle(1, order(1, "TRAIL", "SELL", auxPrice="1.50"))
    assert echo(placed, 1).trailStopPriceRepeated == Decimal("85.17")
    minutes(started, 47)
    assert started.orders.open_list[0].stop == Decimal("85.84")
    started.command("close")
    ((_, price),) = fills(started, 1)
    assert Decimal("85.75") <= price <= Decimal("85.84")


def test_a_trailing_stop_in_percent_trails_by_that_share(started):
    placed = started.handle(1, order(1, "TRAIL", "SELL", trailingPercent="1"))
    assert echo(placed, 1).trailStopPriceRepeated == Decimal("85.80")


def test_a_trailing_stop_limit_becomes_a_limit_off_its_stop(started):
    terms = {"auxPrice": "0.50", "trailStopPrice": "86.17", "lmtPriceOffset": "0.10"}
    started.handle(1, order(1, "TRAIL LIMIT", "SELL", **terms))
    (trail,) = started.orders.open_list
    started.command("close")
    assert trail.stop >= Decimal("86.17")
    assert trail.limit == trail.stop - Decimal("0.10")
    assert all(price >= trail.limit for _, price in fills(started, 1))


@pytest.mark.parametrize(("kind", "limit"), [("MIT", {}), ("LIT", {"lmtPrice": "86.00"})])
def test_a_touched_order_trades_when_its_better_price_is_seen(started, kind, limit):
    placed = started.handle(1, order(1, kind, "BUY", auxPrice="85.90", **limit))
    assert statuses(placed, 1) == ["PreSubmitted"]
    started.command("close")
    ((_, price),) = fills(started, 1)
    assert Decimal("85.80") <= price <= Decimal("86.00")


@pytest.mark.parametrize(("kind", "limit"), [("MOC", {}), ("LOC", {"lmtPrice": "86.00"})])
def test_an_order_for_the_close_trades_at_the_closing_price(started, kind, limit):
    placed = started.handle(1, order(1, kind, "BUY", **limit))
    assert statuses(placed, 1) == ["PreSubmitted", "Submitted"]
    told = started.command("close")
    assert statuses(told, 1) == ["Filled"]
    assert fills(started, 1) == [(100, Decimal("85.10"))]


def test_a_limit_that_the_closing_auction_does_not_meet_is_cancelled(started):
    started.handle(1, order(1, "LOC", "BUY", lmtPrice="85.00"))
    assert statuses(started.command("close"), 1) == ["Cancelled"]


def test_an_order_for_the_close_comes_too_late_in_the_last_ten_minutes(started):
    minutes(started, 385)
    assert errors(started.handle(1, order(1, "MOC"))) == [(1, 201)]


def test_an_order_for_the_open_trades_at_the_next_opening_price(started):
    started.command("close")
    started.handle(1, order(1, "MKT", tif="OPG"))
    started.command("next_open")
    assert fills(started, 1) == [(100, Decimal("85.41"))]


def test_an_order_for_the_open_whose_limit_is_missed_is_cancelled(started):
    started.handle(1, order(1, "LMT", tif="OPG", lmtPrice="85.00"))
    started.command("close")
    assert [o.status for o in started.orders.open_list] == ["Submitted"]
    assert statuses(started.command("next_open"), 1)[-1] == "Cancelled"


@pytest.mark.parametrize("kind", ["REL", "MIDPRICE"])
def test_a_pegged_order_moves_with_the_market_and_trades_within_its_cap(started, kind):
    started.handle(1, order(1, kind, "BUY", 300, auxPrice="0.01", lmtPrice="87.00"))
    started.command("close")
    assert sum(quantity for quantity, _ in fills(started, 1)) == 300
    assert all(price <= Decimal("87.00") for _, price in fills(started, 1))


@pytest.mark.parametrize("strategy", ["Twap", "Vwap"])
def test_an_algorithm_spreads_its_order_over_the_session(started, strategy):
    placed = started.handle(1, order(1, size=2000, algoStrategy=strategy))
    assert statuses(placed, 1) == ["PreSubmitted", "Submitted"]
    minutes(started, 120)
    assert 0 < sum(q for q, _ in fills(started, 1)) < 2000
    started.command("close")
    assert sum(q for q, _ in fills(started, 1)) == 2000


def test_an_algorithm_keeps_to_its_own_times(started):
    span = (TagValue("startTime", "11:00:00 US/Eastern"), TagValue("endTime", "12:00:00"))
    started.handle(1, order(1, size=200, algoStrategy="Twap", algoParams=span))
    minutes(started, 85)
    assert not fills(started, 1)
    minutes(started, 70)
    assert sum(q for q, _ in fills(started, 1)) == 200


def test_the_adaptive_algorithm_trades_at_once(started):
    assert statuses(started.handle(1, order(1, algoStrategy="Adaptive")), 1)[-1] == "Filled"


def test_an_immediate_order_takes_what_is_there_and_cancels_the_rest(started):
    told = started.handle(1, order(1, "LMT", size=5000, tif="IOC", lmtPrice="86.69"))
    assert statuses(told, 1)[-2:] == ["PendingCancel", "Cancelled"]
    assert 0 < sum(q for q, _ in fills(started, 1)) < 5000
    assert {price for _, price in fills(started, 1)} <= {Decimal("86.68"), Decimal("86.69")}


def test_fill_or_kill_is_refused_for_stocks_on_smart(started):
    told = started.handle(1, order(1, "LMT", tif="FOK", lmtPrice="86.69"))
    assert (statuses(told, 1), errors(told)) == (["Inactive"], [(1, 201)])


def test_fill_or_kill_on_an_exchange_trades_whole_or_not_at_all(started):
    nasdaq = Contract(symbol="AAPL", secType="STK", exchange="ISLAND", currency="USD")
    terms = {"contract": nasdaq, "tif": "FOK", "lmtPrice": "86.68"}
    assert statuses(started.handle(1, order(1, "LMT", size=100, **terms)), 1)[-1] == "Filled"
    assert statuses(started.handle(1, order(2, "LMT", size=9000, **terms)), 2)[-1] == "Cancelled"
    assert not fills(started, 2)


def test_a_good_till_date_order_ends_at_its_date(started):
    until = "20121002 11:00:00 US/Eastern"
    started.handle(1, order(1, "LMT", tif="GTD", goodTillDate=until, lmtPrice="70.00"))
    started.command("close")
    started.command("next_open")
    assert started.orders.open_list
    told = minutes(started, 91)
    assert (statuses(told, 1), errors(told)) == (["Cancelled"], [(1, 202)])


def test_a_good_after_time_order_waits_for_its_time(started):
    placed = started.handle(1, order(1, goodAfterTime="20121001 10:00:00 US/Eastern"))
    assert statuses(placed, 1) == ["PreSubmitted"]
    minutes(started, 29)
    assert not fills(started, 1)
    minutes(started, 2)
    assert started.orders.executions[0].time == started.venue.seconds - 60


@pytest.mark.parametrize(
    "condition",
    [
        PriceCondition("a", True, Decimal("87.20"), 265598, "SMART", 0),
        TimeCondition("a", True, "20121001 10:10:00 US/Eastern"),
        VolumeCondition("a", True, 20_000_000, 265598, "SMART"),
        PercentChangeCondition("a", True, Decimal("1.2"), 265598, "SMART"),
    ],
)
def test_an_order_waits_for_its_condition(started, condition):
    placed = started.handle(1, order(1, conditions=(condition,)))
    assert statuses(placed, 1) == ["PreSubmitted"]
    minutes(started, 5)
    assert not fills(started, 1)
    minutes(started, 45)
    assert len(fills(started, 1)) == 1


def test_conditions_are_joined_by_and_or_or(started):
    far = PriceCondition("a", True, Decimal("99.00"), 265598, "SMART", 0)
    near = TimeCondition("a", True, "20121001 09:00:00 US/Eastern")
    both = started.handle(1, order(1, conditions=(far, near)))
    either = started.handle(1, order(2, conditions=(PriceCondition("o", *_rest(far)), near)))
    assert statuses(both, 1) == ["PreSubmitted"]
    assert statuses(either, 2)[-1] == "Filled"


def _rest(one):
    return one.isMore, one.price, one.conId, one.exch, one.triggerMethod


def test_an_order_on_a_trade_in_another_instrument_waits_for_that_trade(started):
    microsoft = Contract(symbol="MSFT", secType="STK", exchange="SMART", currency="USD")
    traded = (ExecutionCondition("a", "STK", "SMART", "MSFT"),)
    started.handle(1, order(1, conditions=traded))
    minutes(started, 5)
    assert not fills(started, 1)
    started.handle(1, order(2, contract=microsoft))
    minutes(started, 1)
    assert len(fills(started, 1)) == 1


def test_a_margin_condition_looks_at_the_account_s_cushion(started):
    low = (MarginCondition("a", False, 50),)
    assert statuses(started.handle(1, order(1, conditions=low)), 1) == ["PreSubmitted"]
    high = (MarginCondition("a", True, 50),)
    assert statuses(started.handle(1, order(2, conditions=high)), 2)[-1] == "Filled"


def test_conditions_can_cancel_an_order_that_works(started):
    met = (TimeCondition("a", True, "20121001 10:00:00 US/Eastern"),)
    terms = {"conditions": met, "conditionsCancelOrder": True, "lmtPrice": "80.00"}
    placed = started.handle(1, order(1, "LMT", **terms))
    assert statuses(placed, 1) == ["PreSubmitted", "Submitted"]
    assert statuses(minutes(started, 31), 1) == ["Cancelled"]


@pytest.mark.parametrize(("ignores", "filled"), [(True, 1), (False, 0)])
def test_conditions_hold_outside_regular_hours_only_where_they_are_told_to(
    started, ignores, filled
):
    evening = (TimeCondition("a", True, "20121001 17:00:00 US/Eastern"),)
    terms = {"conditions": evening, "conditionsIgnoreRth": ignores, "lmtPrice": "95.00"}
    started.command("close")
    started.handle(1, order(1, "LMT", outsideRth=True, tif="GTC", **terms))
    minutes(started, 59)
    assert not fills(started, 1)
    minutes(started, 10)
    assert len(fills(started, 1)) == filled
    placed = started.handle(1, order(2, "LMT", outsideRth=True, tif="GTC", **terms))
    assert ("Filled" in statuses(placed, 2)) is bool(filled)
    started.command("next_open")
    minutes(started, 1)
    assert len(fills(started, 1)) == len(fills(started, 2)) == 1


@pytest.mark.parametrize(("ignores", "filled"), [(True, 1), (False, 0)])
def test_conditions_on_an_index_future_hold_in_its_liquid_hours(started, ignores, filled):
    future = Contract(symbol="ES", secType="FUT", exchange="CME", localSymbol="ESZ2")
    evening = (TimeCondition("a", True, "20121001 18:30:00 US/Eastern"),)
    terms = {"conditions": evening, "conditionsIgnoreRth": ignores, "contract": future}
    started.command("close")
    started.handle(1, order(1, "MKT", totalQuantity=1, tif="GTC", **terms))
    minutes(started, 180)
    assert len(fills(started, 1)) == filled
    started.command("next_open")
    minutes(started, 1)
    assert len(fills(started, 1)) == 1


def test_outside_hours_is_ignored_with_a_warning_where_it_means_nothing(started):
    placed = started.handle(1, order(1, "STP", "SELL", auxPrice="80.00", outsideRth=True))
    assert errors(placed) == [(1, 2109)]
    assert not echo(placed, 1).outsideRth


@pytest.mark.parametrize(
    ("kind", "terms", "code"),
    [
        ("STP", {}, 110),
        ("STP", {"auxPrice": "86.665"}, 110),
        ("TRAIL", {}, 110),
        ("STP LMT", {"auxPrice": "86.00"}, 110),
        ("MOC", {"tif": "GTC"}, 113),
        ("STP", {"tif": "OPG", "auxPrice": "86.00"}, 111),
        ("MKT", {"algoStrategy": "Nonsense"}, 439),
        ("STP", {"algoStrategy": "Twap", "auxPrice": "86.00"}, 442),
        ("MKT", {"goodAfterTime": "tomorrow"}, 343),
        ("MKT", {"tif": "GTD", "goodTillDate": "20120901 10:00:00"}, 334),
        ("MKT", {"parentId": 77}, 10006),
        ("MKT", {"whatIf": True, "transmit": False}, 321),
        ("MOC", {"contract": EURO}, 387),
    ],
)
def test_what_is_badly_written_gets_its_error_and_no_order(started, kind, terms, code):
    assert errors(started.handle(1, order(1, kind, **terms))) == [(1, code)]
    assert not started.orders.open_list


def test_a_limit_far_beyond_the_market_is_rejected(started):
    told = started.handle(1, order(1, "LMT", lmtPrice="200.00"))
    assert (statuses(told, 1), errors(told)) == (["Inactive"], [(1, 201)])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "STP", "auxPrice": "86.00"}, 329),
        ({"tif": "GTC"}, 462),
        ({"side": "SELL"}, 105),
        ({"lmtPrice": "86.665"}, 110),
        ({"algoStrategy": "Twap"}, 440),
    ],
)
def test_some_changes_are_refused(started, changes, code):
    started.handle(1, order(1, "LMT", lmtPrice="80.00"))
    kind = changes.pop("kind", "LMT")
    told = started.handle(1, order(1, kind, **{"lmtPrice": "80.00", **changes}))
    assert errors(told) == [(1, code)]
    assert started.orders.open_list[0].limit == Decimal("80.00")


def test_nothing_is_changed_in_a_filled_order(started):
    started.handle(1, order(1))
    assert errors(started.handle(1, order(1, size=200))) == [(1, 104)]


def test_a_moved_stop_waits_at_its_new_price(started):
    started.handle(1, order(1, "STP", "SELL", auxPrice="80.00"))
    told = started.handle(1, order(1, "STP", "SELL", auxPrice="86.60"))
    assert statuses(told, 1) == ["PreSubmitted"]
    started.command("close")
    assert len(fills(started, 1)) == 1


def test_latency_delays_orders_and_cancels(started):
    started.venue.latency_s = 10
    assert statuses(started.handle(1, order(1)), 1) == ["PreSubmitted"]
    assert statuses(minutes(started, 1), 1) == ["Submitted", "Filled"]
    assert started.orders.executions[0].time == started.venue.seconds - 50
    started.handle(1, order(2, "LMT", lmtPrice="80.00"))
    minutes(started, 1)
    assert statuses(started.handle(1, CancelOrder(2)), 2) == ["PendingCancel"]
    assert errors(started.handle(1, CancelOrder(2))) == [(2, 161)]
    assert statuses(minutes(started, 1), 2) == ["Cancelled"]
