"""What is done to the account and its instruments by hand: splits, resets, transfers, cash."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from ib_async import LimitOrder, MarketOrder, Stock

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.account import cents
from hydra.gateway.embedded import EmbeddedGateway
from hydra.gateway.errors import SettingsError
from hydra.gateway.operator import Operator
from hydra.gateway.snapshot import resumed, snapshot
from tests.gateway.flow import APPLE, errors, order, statuses
from tests.gateway.test_control import fetch

BARS = ask.ReqHistoricalData(7, APPLE, False, "", "1 day", "5 D", True, "TRADES", 1)


def operate(exchange, action):
    """Do something by hand; return what clients hear."""
    action(Operator(exchange))
    return exchange.venue.outbox.drain()


def bought(exchange, size=105):
    """The exchange with a position in AAPL."""
    exchange.handle(1, order(1, size=size))
    return exchange


def position(exchange):
    """Quantity, average cost and mark of the only position."""
    (held,) = exchange.state()["positions"]
    return Decimal(held["quantity"]), Decimal(held["average_cost"]), Decimal(held["mark"])


def closes(exchange):
    (answer,) = [r for _, r in exchange.handle(1, BARS) if isinstance(r, say.HistoricalData)]
    return [bar.close for bar in answer.bars], [bar.volume for bar in answer.bars]


# --- splits -------------------------------------------------------------------------------------


def test_a_split_multiplies_the_position_and_divides_its_average_cost(started):
    bought(started)
    before, cash = position(started), started.state()["cash"]
    operate(started, lambda by: by.split("AAPL", 2, 1))
    quantity, cost, mark = position(started)
    assert quantity == 210
    assert cost == before[1] / 2
    assert mark == pytest.approx(before[2] / 2, abs=Decimal("0.01"))
    assert started.state()["cash"] == cash


def test_a_fraction_of_a_share_left_by_a_reverse_split_is_paid_in_cash(started):
    bought(started)
    before, cash = position(started), Decimal(started.state()["cash"])
    operate(started, lambda by: by.split("AAPL", 1, 10))
    quantity, cost, mark = position(started)
    assert quantity == 10
    assert cost == pytest.approx(before[1] * 10, abs=Decimal("0.000001"))
    assert Decimal(started.state()["cash"]) - cash == cents(mark / 2)


def test_three_for_one_backwards_leaves_no_fraction(started):
    bought(started, 300)
    operate(started, lambda by: by.split("AAPL", 1, 3))
    assert position(started)[0] == 100


def test_a_short_position_pays_for_its_fraction(started):
    started.handle(1, order(1, side="SELL", size=15))
    cash = Decimal(started.state()["cash"])
    operate(started, lambda by: by.split("AAPL", 1, 10))
    quantity, _, mark = position(started)
    assert (quantity, Decimal(started.state()["cash"]) - cash) == (-1, -cents(mark / 2))


def test_a_split_is_no_execution(started):
    bought(started)
    posted = operate(started, lambda by: by.split("AAPL", 2, 1))
    assert not [r for _, r in posted if isinstance(r, say.ExecutionDetails)]
    assert {done["order_id"] for done in started.state()["executions"]} == {1}
    assert sum(Decimal(done["quantity"]) for done in started.state()["executions"]) == 105


def test_history_is_adjusted_from_a_split_on(started):
    before, volumes = closes(started)
    operate(started, lambda by: by.split("AAPL", 2, 1))
    after, doubled = closes(started)
    assert after[:-1] == pytest.approx([close / 2 for close in before[:-1]])
    assert doubled[:-1] == [2 * volume for volume in volumes[:-1]]


def test_prices_stay_at_the_new_level(started):
    operate(started, lambda by: by.split("AAPL", 1, 10))
    level = started.venue.mark(started.only(APPLE))
    started.command("next_open")
    assert started.venue.mark(started.only(APPLE)) == pytest.approx(level, rel=Decimal("0.1"))
    posted = started.handle(1, order(1, size=10))
    assert statuses(posted, 1)[-1] == "Filled"
    price = started.orders.executions[-1].price
    assert price == pytest.approx(level, rel=Decimal("0.1"))


def test_a_split_cancels_the_orders_that_wait_in_its_stock(started):
    started.handle(1, order(1, "LMT", tif="GTC", lmtPrice="50.00"))
    other = replace(APPLE, symbol="IBM")
    started.handle(1, order(2, "LMT", tif="GTC", lmtPrice="50.00", contract=other))
    posted = operate(started, lambda by: by.split("AAPL", 2, 1))
    assert statuses(posted, 1) == ["Cancelled"]
    assert errors(posted) == [(1, 202)]
    assert [o.terms.orderId for o in started.orders.open_list] == [2]


def test_a_split_may_give_the_contract_another_number(started):
    bought(started)
    started.handle(1, ask.ReqPositions())
    mark = position(started)[2]
    posted = operate(started, lambda by: by.split("AAPL", 2, 1, new_con_id=True))
    (held,) = started.state()["positions"]
    new = held["con_id"]
    assert new != 265598
    assert Decimal(held["mark"]) == pytest.approx(mark / 2, abs=Decimal("0.01"))
    told = {r.contract.conId: r.position for _, r in posted if isinstance(r, say.Position)}
    assert told == {265598: 0, new: 210}
    for contract in (replace(APPLE, conId=265598), replace(APPLE, symbol="", conId=265598)):
        assert errors(started.handle(1, ask.ReqContractDetails(3, contract))) == [(3, 200)]
    assert started.only(APPLE).conId == new


def test_followers_of_the_portfolio_are_told_that_the_old_number_is_empty(started):
    bought(started)
    started.handle(1, ask.ReqAccountUpdates(True, ""))
    posted = operate(started, lambda by: by.split("AAPL", 2, 1, new_con_id=True))
    rows = [r for _, r in posted if isinstance(r, say.PortfolioValue)]
    assert {row.contract.conId: row.position for row in rows} == {
        265598: 0,
        started.only(APPLE).conId: 210,
    }


def test_a_query_that_is_kept_up_to_date_under_the_old_number_ends_with_an_error(started):
    by_number = replace(APPLE, conId=265598)
    started.handle(1, replace(BARS, contract=by_number, keepUpToDate=True))
    operate(started, lambda by: by.split("AAPL", 2, 1, new_con_id=True))
    posted = started.advance(started.venue.now + timedelta(minutes=5))
    assert (7, 200) in errors(posted)


@pytest.mark.parametrize(
    ("symbol", "numerator", "denominator"),
    [("AAPL", 1, 1), ("AAPL", 0, 1), ("AAPL", 2, -1), ("NOBODY", 2, 1), ("SPX", 2, 1)],
)
def test_what_is_no_split_is_refused(started, symbol, numerator, denominator):
    with pytest.raises(SettingsError):
        Operator(started).split(symbol, numerator, denominator)


def test_a_restart_remembers_splits_and_new_numbers(started):
    bought(started)
    started.handle(1, order(2, "LMT", tif="GTC", lmtPrice="50.00"))
    operate(started, lambda by: by.split("AAPL", 1, 10, new_con_id=True))
    operate(started, lambda by: by.split("AAPL", 2, 1))
    operate(started, lambda by: by.set_ready(False, 60))
    again = resumed(json.loads(json.dumps(snapshot(started))))
    assert again.state()["positions"] == started.state()["positions"]
    assert snapshot(again) == snapshot(started)
    again.connect(1, 178)
    assert closes(again) == closes(started)


def test_a_state_from_before_splits_is_read(started):
    state = snapshot(bought(started))
    for name in ("changes", "ready_at"):
        del state[name]
    assert resumed(state).state()["positions"] == started.state()["positions"]


# --- the account --------------------------------------------------------------------------------


def test_a_reset_leaves_cash_alone_and_tells_no_execution(started):
    bought(started)
    started.handle(1, ask.ReqPositions())
    posted = operate(started, lambda by: by.reset(500_000))
    state = started.state()
    assert (state["positions"], state["cash"]) == ([], "500000.00")
    assert [r.position for _, r in posted if isinstance(r, say.Position)] == [0]
    assert not [r for _, r in posted if isinstance(r, say.ExecutionDetails)]
    assert state["net_liquidation"] == "500000.00"


def test_a_transfer_changes_the_position_at_the_last_price_and_no_cash(started):
    cash = started.state()["cash"]
    started.handle(1, ask.ReqPositions())
    posted = operate(started, lambda by: by.transfer("AAPL", -100))
    quantity, cost, mark = position(started)
    assert (quantity, cost) == (-100, mark)
    assert started.state()["cash"] == cash
    assert started.state()["executions"] == []
    assert [r.position for _, r in posted if isinstance(r, say.Position)] == [-100]


def test_cash_moves_in_and_out(started):
    operate(started, lambda by: by.move_cash(-50_000))
    assert started.state()["net_liquidation"] == "950000.00"
    operate(started, lambda by: by.move_cash(Decimal("10.50"), "EUR"))
    assert started.state()["balances"]["EUR"] == "10.50"


def ready(exchange):
    posted = exchange.handle(1, ask.ReqAccountUpdates(True, ""))
    return [r.value for _, r in posted if getattr(r, "key", "") == "AccountReady"]


def test_account_values_are_not_ready_until_the_servers_are_reset(started):
    assert ready(started) == ["true"]
    posted = operate(started, lambda by: by.set_ready(False, 60))
    assert "false" in [r.value for _, r in posted if getattr(r, "key", "") == "AccountReady"]
    assert ready(started) == ["false"]
    started.advance(started.venue.now + timedelta(seconds=60))
    assert ready(started) == ["true"]
    operate(started, lambda by: by.set_ready(False))
    started.command("close")
    assert ready(started) == ["false"]
    operate(started, lambda by: by.set_ready(True))
    assert ready(started) == ["true"]


# --- by the control port and embedded -----------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "command", "answer"),
    [
        (
            "/action",
            '{"symbol": "AAPL", "numerator": 2, "denominator": 1}',
            {"symbol": "AAPL", "con_id": 265598},
        ),
        ("/account", '{"reset": true}', {"done": True}),
        ("/account", '{"reset": true, "cash": 500000}', {"done": True}),
        ("/account", '{"position": {"AAPL": -100}}', {"done": True}),
        ("/account", '{"cash": -50000}', {"done": True}),
        ("/account", '{"cash": "1.50", "currency": "EUR"}', {"done": True}),
        ("/account", '{"ready": false, "for_s": 60}', {"done": True}),
        ("/account", '{"ready": true}', {"done": True}),
    ],
)
async def test_the_control_port_carries_commands_out(gateway, path, command, answer):
    assert await fetch(gateway, path, command) == (200, answer)


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/action", "{}"),
        ("/action", '{"symbol": "AAPL", "numerator": 1, "denominator": 1}'),
        ("/action", '{"symbol": "AAPL", "numerator": 2, "denominator": 1, "new_con_id": 1}'),
        ("/action", '{"symbol": "AAPL", "numerator": 2, "denominator": 1, "con_id": true}'),
        ("/account", "{}"),
        ("/account", '{"reset": false}'),
        ("/account", '{"reset": true, "cash": "much"}'),
        ("/account", '{"position": {}}'),
        ("/account", '{"position": {"AAPL": true}}'),
        ("/account", '{"position": {"AAPL": 1, "NOBODY": 1}}'),
        ("/account", '{"cash": 1, "currency": "XXX"}'),
        ("/account", '{"ready": true, "for_s": 60}'),
        ("/account", '{"ready": false, "for_s": 0}'),
    ],
)
async def test_a_command_that_makes_no_sense_is_answered_with_a_sentence(gateway, path, command):
    before = await fetch(gateway, "/snapshot")
    code, body = await fetch(gateway, path, command)
    assert code == 400
    assert body["error"]
    assert await fetch(gateway, "/snapshot") == before


def test_an_embedded_gateway_does_the_same_from_any_thread():
    with EmbeddedGateway() as gateway:
        gateway.transfer("AAPL", 100)
        assert gateway.split("AAPL", 2, 1) == 265598
        gateway.move_cash(-1000)
        assert [held["quantity"] for held in gateway.state()["positions"]] == ["200"]
        assert gateway.state()["cash"] == "999000.00"
        gateway.set_ready(False)
        gateway.reset(5)
        assert (gateway.state()["positions"], gateway.state()["cash"]) == ([], "5.00")
        with pytest.raises(SettingsError):
            gateway.split("NOBODY", 2, 1)


async def test_ib_async_sees_a_split_without_an_execution(gateway, client, stock):
    client.placeOrder(stock, MarketOrder("BUY", 100))
    waiting = client.placeOrder(stock, LimitOrder("BUY", 10, 50.0, tif="GTC"))
    await client.reqUserInfoAsync()
    fills = len(client.fills())
    command = '{"symbol": "AAPL", "numerator": 2, "denominator": 1, "new_con_id": true}'
    _, answer = await fetch(gateway, "/action", command)
    await client.reqPositionsAsync()
    held = {p.contract.conId: p.position for p in client.positions() if p.position}
    assert held == {answer["con_id"]: 200}
    assert waiting.orderStatus.status == "Cancelled"
    assert len(client.fills()) == fills
    (details,) = await client.reqContractDetailsAsync(Stock("AAPL", "SMART", "USD"))
    assert details.contract.conId == answer["con_id"]


async def test_what_is_done_by_hand_outlives_a_kill(tmp_path):
    from hydra.gateway.embedded import stepped
    from hydra.gateway.server import serve

    path = tmp_path / "books.json"
    settings = stepped(state=path, survives_kill=True)
    async with await serve(settings) as gateway:
        await fetch(gateway, "/account", '{"position": {"AAPL": 30}}')
        await fetch(gateway, "/account", '{"position": {"AAPL": 10}}')
        kept = json.loads(path.read_text())
    assert kept["accounts"][0]["holdings"]["265598"]["quantity"] == "40"
