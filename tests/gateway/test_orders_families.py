"""Brackets, parents and children, one-cancels-all groups."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.requests import CancelOrder, ReqGlobalCancel
from hydra.gateway.variants import seed_with
from tests.gateway.flow import APPLE, echo, errors, fills, order, statuses, whys


def bracket(exchange, entry):
    """An entry, a take-profit at 87.20 and a stop at 86.00, the last one transmitting all."""
    held = [
        entry,
        order(2, "LMT", "SELL", lmtPrice="87.20", parentId=1, transmit=False),
    ]
    for terms in held:
        assert exchange.handle(1, terms) == []
    return exchange.handle(1, order(3, "STP", "SELL", auxPrice="86.00", parentId=1))


def waiting(exchange):
    """A bracket whose entry rests far below the market."""
    return bracket(exchange, order(1, "LMT", lmtPrice="80.00", transmit=False))


def test_a_bracket_is_silent_until_its_last_order_transmits_it(started):
    told = waiting(started)
    assert [statuses(told, n) for n in (1, 2, 3)] == [
        ["PreSubmitted", "Submitted"],
        ["PreSubmitted"],
        ["PreSubmitted"],
    ]


def test_children_tell_why_they_are_held_and_share_their_parent_s_group(started):
    told = waiting(started)
    assert (whys(told, 2), whys(told, 3)) == (["child"], ["child,trigger"])
    group = str(echo(told, 1).permId)
    assert [(echo(told, n).ocaGroup, echo(told, n).ocaType) for n in (2, 3)] == [(group, 3)] * 2


def test_a_cancelled_parent_takes_its_children_along(started):
    waiting(started)
    told = started.handle(1, CancelOrder(1))
    assert [statuses(told, n)[-1] for n in (1, 2, 3)] == ["Cancelled"] * 3
    assert errors(told) == [(1, 202), (2, 202), (3, 202)]
    assert started.orders.is_idle


def test_a_filled_parent_sets_its_children_to_work_and_one_fill_cancels_the_other(started):
    told = bracket(started, order(1, transmit=False))
    assert statuses(told, 1)[-1] == "Filled"
    assert statuses(told, 2)[-1] == "Submitted"
    assert (statuses(told, 3)[-1], whys(told, 3)[-1]) == ("PreSubmitted", "trigger")
    told = started.command("close")
    assert fills(started, 2) == [(-100, Decimal("87.20"))]
    assert statuses(told, 3) == ["Cancelled"]
    assert fills(started, 3) == []
    assert (3, 202) in errors(told)


def test_the_stop_of_a_bracket_cancels_its_profit_taker(started):
    bracket(started, order(1, transmit=False))
    started.advance(started.venue.now + timedelta(minutes=1))
    started.handle(1, order(2, "LMT", "SELL", lmtPrice="99.00", parentId=1))
    told = started.command("close")
    assert statuses(told, 3)[-1] == "Filled"
    assert statuses(told, 2)[-1] == "Cancelled"


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_the_first_of_a_group_to_fill_cancels_the_others(started, kind):
    group = {"ocaGroup": "both", "ocaType": kind}
    started.handle(1, order(1, "LMT", "SELL", lmtPrice="87.10", **group))
    started.handle(1, order(2, "STP", "SELL", auxPrice="86.00", **group))
    started.command("close")
    assert (len(fills(started, 1)), len(fills(started, 2))) == (1, 0)


def test_a_cancel_in_a_group_cancels_all_of_it(started):
    group = {"ocaGroup": "both", "ocaType": 1}
    started.handle(1, order(1, "LMT", "SELL", lmtPrice="95.00", **group))
    started.handle(1, order(2, "LMT", "SELL", lmtPrice="96.00", **group))
    told = started.handle(1, CancelOrder(1))
    assert errors(told) == [(1, 202), (2, 202)]


def test_a_partial_fill_reduces_the_others_of_a_group_of_type_3(started):
    group = {"ocaGroup": "both", "ocaType": 3}
    started.handle(1, order(1, "STP", "SELL", size=9000, auxPrice="80.00", **group))
    started.handle(1, order(2, "LMT", "SELL", size=9000, lmtPrice="86.65", **group))
    done = -sum(quantity for quantity, _ in fills(started, 2))
    assert 0 < done < 9000
    left = next(o for o in started.orders.open_list if o.terms.orderId == 1)
    assert left.remaining == 9000 - done


@pytest.mark.parametrize("kind", [2, 3])
@pytest.mark.parametrize("answer", ["by_filled_quantity", "proportionately"])
def test_a_fill_reduces_the_others_as_the_variant_of_the_seed_says(answer, kind):
    exchange = shipped_exchange(ExchangeSettings(seed=seed_with(oca_reduction=answer)))
    exchange.connect(1, 178)
    (apple,) = exchange.venue.find(APPLE)
    price = exchange.venue.mark(apple) - 2 * apple.tick
    group = {"ocaGroup": "both", "ocaType": kind}
    exchange.handle(1, order(1, "STP", "SELL", size=18000, auxPrice="60.00", **group))
    exchange.handle(1, order(2, "LMT", "SELL", size=9000, lmtPrice=str(price), **group))
    done = -sum(quantity for quantity, _ in fills(exchange, 2))
    assert 0 < done < 9000
    left = next(o for o in exchange.orders.open_list if o.terms.orderId == 1)
    wanted = 18000 - 2 * done if answer == "proportionately" else 18000 - done
    assert abs(left.remaining - wanted) <= len(fills(exchange, 2))


def test_a_partial_fill_cancels_the_others_of_a_group_of_type_1(started):
    group = {"ocaGroup": "both", "ocaType": 1}
    started.handle(1, order(1, "STP", "SELL", size=100, auxPrice="80.00", **group))
    told = started.handle(1, order(2, "LMT", "SELL", size=9000, lmtPrice="86.65", **group))
    assert (1, 202) in errors(told)


def test_a_global_cancel_ends_every_order_once(started):
    waiting(started)
    started.handle(1, order(9, "LMT", lmtPrice="70.00"))
    told = started.handle(1, ReqGlobalCancel())
    assert sorted(errors(told)) == [(1, 202), (2, 202), (3, 202), (9, 202)]
