"""Requests that name an account which is not there, too many summaries, orders without one."""

from __future__ import annotations

import pytest

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from tests.gateway.flow import APPLE, errors, fills, order


@pytest.fixture
def exchange():
    """A gateway of two accounts with a client."""
    exchange = shipped_exchange(ExchangeSettings(account="DU1,DU2"))
    exchange.connect(1, 178)
    return exchange


@pytest.mark.parametrize(
    ("request_", "number"),
    [
        (ask.ReqAccountUpdates(True, "DU9"), -1),
        (ask.ReqAccountUpdatesMulti(5, "DU9", "", False), 5),
        (ask.ReqPositionsMulti(5, "DU9", ""), 5),
        (ask.ReqPnL(5, "DU9", ""), 5),
        (ask.ReqPnLSingle(5, "DU9", "", 265598), 5),
        (ask.ReqAccountSummary(5, "Foo", "NetLiquidation"), 5),
    ],
)
def test_nothing_is_told_of_an_account_that_is_not_there(exchange, request_, number):
    told = exchange.handle(1, request_)
    assert errors(told) == [(number, 321)]
    assert len(told) == 1


def test_a_known_account_is_told_of(exchange):
    told = exchange.handle(1, ask.ReqPnL(5, "DU2", ""))
    assert [r.reqId for _, r in told if isinstance(r, say.PnL)] == [5]


def summary(exchange, number, client=1):
    return errors(exchange.handle(client, ask.ReqAccountSummary(number, "All", "NetLiquidation")))


def test_a_third_summary_is_refused_until_one_is_cancelled(exchange):
    assert [summary(exchange, number) for number in (1, 2, 3, 1)] == [[], [], [(3, 322)], []]
    exchange.handle(1, ask.CancelAccountSummary(1))
    assert summary(exchange, 3) == []


def test_each_client_has_its_own_summaries_and_leaves_none_behind(exchange):
    exchange.connect(2, 178)
    assert [summary(exchange, n, client) for client in (1, 2) for n in (1, 2)] == [[]] * 4
    exchange.disconnect(1)
    exchange.connect(1, 178)
    assert [summary(exchange, number) for number in (3, 4)] == [[], []]


def test_an_order_must_name_one_of_several_accounts(exchange):
    assert errors(exchange.handle(1, order(1))) == [(1, 435)]
    assert errors(exchange.handle(1, order(1, whatIf=True))) == [(1, 435)]
    assert fills(exchange, 1) == []
    assert errors(exchange.handle(1, order(1, account="DU9"))) == [(1, 321)]
    assert errors(exchange.handle(1, order(1, account="DU2"))) == []


def test_an_order_without_an_account_goes_to_the_only_one():
    exchange = shipped_exchange(ExchangeSettings())
    exchange.connect(1, 178)
    exchange.handle(1, order(1, contract=APPLE))
    assert len(fills(exchange, 1)) == 1
