"""IB's algorithms and their parameters: known ones work, all others are refused by their code."""

from __future__ import annotations

import pytest

from hydra.gateway.algorithms import ALGORITHMS, NOT_SIMULATED
from hydra.gateway.responses import Error
from hydra.gateway.values import TagValue
from tests.gateway.flow import errors, order, statuses


def placed(exchange, strategy, order_id=1, **parameters):
    given = tuple(TagValue(tag, value) for tag, value in parameters.items())
    terms = {"lmtPrice": "80.00", "algoStrategy": strategy, "algoParams": given}
    return exchange.handle(1, order(order_id, "LMT", **terms))


def test_each_algorithm_is_simulated_or_refused_by_its_code(started):
    for number, strategy in enumerate(sorted(ALGORITHMS), 1):
        assert statuses(placed(started, strategy, number), number) == ["PreSubmitted", "Submitted"]
    for number, strategy in enumerate(sorted(NOT_SIMULATED), 50):
        assert errors(placed(started, strategy, number)) == [(number, 442)]
    for number, strategy in enumerate(("BalanceImpactRisk", "MinImpact", "Inline", "JefAD"), 70):
        assert errors(placed(started, strategy, number)) == [(number, 439)]


@pytest.mark.parametrize("strategy", sorted(ALGORITHMS))
def test_a_parameter_that_the_algorithm_does_not_know_is_refused(started, strategy):
    told = placed(started, strategy, foo="bar")
    assert [(r.code, r.text) for _, r in told if isinstance(r, Error)] == [
        (443, "Order processing failed. Unknown algo attribute:foo")
    ]
    assert not started.orders.open_list


@pytest.mark.parametrize(
    ("strategy", "tag", "value"),
    [
        ("PctVol", "pctVol", "7"),
        ("Vwap", "maxPctVol", "0"),
        ("Vwap", "maxPctVol", "much"),
        ("Vwap", "noTakeLiq", "maybe"),
        ("Twap", "startTime", "soon"),
        ("Twap", "strategyType", "Never"),
        ("ArrivalPx", "riskAversion", "Brave"),
        ("Adaptive", "adaptivePriority", "Later"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(started, strategy, tag, value):
    told = placed(started, strategy, **{tag: value})
    assert [(r.code, r.text) for _, r in told if isinstance(r, Error)] == [
        (441, f"Algo attributes validation failed:{tag}={value}")
    ]


def test_a_change_s_parameters_are_looked_at_too(started):
    placed(started, "Vwap", maxPctVol="0.1")
    assert errors(placed(started, "Vwap", foo="bar")) == [(1, 443)]
