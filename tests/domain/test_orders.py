"""Requests that no exchange could hold are refused before any check sees them."""

from datetime import date
from decimal import Decimal

import pytest

from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest, OrderType
from hydra.errors import BadParameter

AAPL = Instrument("AAPL")
DAY = date(2013, 1, 14)


def request(**changes):
    fields = {
        "strategy": "s",
        "session": DAY,
        "instrument": AAPL,
        "quantity": Decimal(10),
        "decision_price": Decimal("70.5"),
    }
    return OrderRequest(**{**fields, **changes})


def test_the_reference_depends_on_strategy_session_instrument_and_step_alone():
    assert request().order_ref == "s:20130114:AAPL:0"
    assert (
        request(quantity=Decimal(-3), decision_price=Decimal(1)).order_ref == request().order_ref
    )
    assert request(step=1).order_ref != request().order_ref


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"quantity": Decimal(0)}, "quantity is 0"),
        ({"quantity": Decimal("1.5")}, "whole lots"),
        ({"decision_price": Decimal(0)}, "not > 0"),
        ({"order_type": OrderType.LIMIT}, "needs a limit price"),
        ({"limit_price": Decimal(70)}, "takes no limit price"),
        ({"order_type": OrderType.LIMIT, "limit_price": Decimal("70.123")}, "nearest is 70.12"),
    ],
)
def test_an_impossible_request_is_refused_with_the_reason(wrong, word):
    with pytest.raises(BadParameter, match=word):
        request(**wrong)


def test_the_notional_has_the_sign_of_the_quantity_and_the_limit_where_there_is_one():
    assert request(quantity=Decimal(-2)).notional == Decimal("-141.0")
    limited = request(order_type=OrderType.LIMIT, limit_price=Decimal(70))
    assert limited.notional == Decimal(700)
