"""Every fault, and every shipped scenario, met by an unmodified ib_async client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from ib_async import IB, LimitOrder, MarketOrder, StartupFetchNONE, Stock

from hydra.gateway.embedded import stepped
from hydra.gateway.errors import SettingsError
from hydra.gateway.faults import EFFECTS, SCENARIOS, parse_fault, parse_script
from hydra.gateway.server import GatewayServer, serve

APPLE = Stock("AAPL", "SMART", "USD", conId=265598)


async def until(condition):
    """Wait until the client has seen what the gateway sent."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — the condition may be about anything
            await asyncio.sleep(0.005)


class Met:
    """A gateway with faults, and what its client met."""

    def __init__(self, server: GatewayServer, ib: IB) -> None:
        self.server = server
        self.ib = ib
        self.codes: list[int] = []
        self.is_cut = False
        ib.errorEvent += lambda _, code, *__: self.codes.append(code)
        ib.disconnectedEvent += self._cut

    def _cut(self) -> None:
        self.is_cut = True

    async def connect(self, ib: IB | None = None, **options) -> IB:
        ib = ib or self.ib
        known = {"clientId": 1, "timeout": 1, **options}
        return await ib.connectAsync("127.0.0.1", self.server.port, **known)

    async def step(self, to: str) -> None:
        """Move the clock once the gateway has heard everything."""
        if self.ib.isConnected():
            await self.ib.reqUserInfoAsync()
        self.server.deliver(self.server.world.command(to))

    @property
    def executions(self) -> list[dict]:
        return self.server.exchange.state()["executions"]


@asynccontextmanager
async def meeting(*faults: dict, script: str = "", connect: bool = True) -> AsyncIterator[Met]:
    """A gateway with these faults and a client."""
    chosen = [parse_fault(fault) for fault in faults]
    if script:
        chosen += parse_script((SCENARIOS / f"{script}.toml").read_text())
    settings = stepped(faults=tuple(chosen))
    async with await serve(settings) as server:
        met = Met(server, IB())
        if connect:
            await met.connect()
        yield met
        with suppress(OSError):  # a transport that was aborted cannot be shut down
            met.ib.disconnect()


# --- one test a fault ----------------------------------------------------------------------------

AT = {"at": "2012-10-01T14:00:00Z"}
SYSTEM_CODES = [1100, 1101, 1102, 1300, 2103, 2104, 2105, 2106, 2107, 2108, 2110, 2157, 2158]


@pytest.mark.parametrize("code", SYSTEM_CODES)
async def test_a_system_message_comes_at_its_time(code):
    async with meeting({**AT, "do": "say", "code": code}) as met:
        await met.step("2012-10-01T13:59:00Z")
        before = met.codes.count(code)
        await met.step("2012-10-01T14:01:00Z")
        await until(lambda: met.codes.count(code) > before)
        assert met.codes.count(code) == before + 1


@pytest.mark.parametrize("code", [110, 200, 201, 321])
async def test_an_order_can_be_answered_by_an_error_alone(code):
    fault = {"on": "placeOrder", "do": "say", "code": code, "instead": True}
    async with meeting(fault) as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await until(lambda: code in met.codes)
        assert trade.log[-1].errorCode == code
        assert met.executions == []


async def test_the_nth_message_alone_is_struck():
    fault = {"on": "placeOrder", "nth": 2, "do": "lose"}
    async with meeting(fault) as met:
        trades = [met.ib.placeOrder(APPLE, MarketOrder("BUY", size)) for size in (1, 2, 3)]
        await until(lambda: trades[2].isDone())
        assert [trade.orderStatus.status for trade in trades] == [
            "Filled",
            "PendingSubmit",
            "Filled",
        ]


async def test_a_probable_fault_strikes_the_same_messages_for_the_same_seed():
    async def struck():
        fault = {"on": "placeOrder", "times": 0, "probability": 0.5, "do": "lose"}
        async with meeting(fault) as met:
            trades = [met.ib.placeOrder(APPLE, MarketOrder("BUY", 1)) for _ in range(20)]
            await met.step("2012-10-01T13:30:05Z")
            return [trade.isDone() for trade in trades]

    first = await struck()
    assert first == await struck()
    assert 3 < sum(first) < 17


async def test_a_price_triggers_a_fault_at_its_moment():
    fault = {"symbol": "AAPL", "below": "85.50", "do": "say", "code": 1100}
    async with meeting(fault) as met:
        await met.step("2012-10-01T13:30:10Z")
        await met.ib.reqUserInfoAsync()
        assert 1100 not in met.codes
        await met.step("close")
        await until(lambda: 1100 in met.codes)


async def test_a_rejected_order_is_inactive():
    async with meeting({"on": "placeOrder", "do": "reject_order", "text": "no"}) as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await until(lambda: trade.orderStatus.status == "Inactive")
        assert 201 in met.codes


async def test_an_order_cancelled_by_the_exchange_is_told_202():
    fault = {"on": "orderStatus", "nth": 2, "do": "cancel_order"}
    async with meeting(fault) as met:
        trade = met.ib.placeOrder(APPLE, LimitOrder("BUY", 1, 1.0))
        await until(lambda: trade.orderStatus.status == "Cancelled")
        assert 202 in met.codes


@pytest.mark.parametrize("before", [True, False])
async def test_the_connection_drops_before_or_after_a_message(before):
    fault = {"on": "placeOrder", "do": "disconnect", "before": before}
    async with meeting(fault) as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await until(lambda: met.is_cut)
        assert len(met.executions) == (0 if before else 1)
        assert trade.isDone() is not before


async def test_a_half_open_connection_says_nothing_more():
    async with meeting({"on": "reqCurrentTime", "do": "silence"}) as met:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(met.ib.reqCurrentTimeAsync(), 0.2)
        assert met.ib.isConnected()


@pytest.mark.parametrize(
    "fault", [{"do": "chop", "size": 1}, {"do": "chop", "size": 7}, {"do": "merge"}]
)
async def test_frames_that_are_split_or_merged_are_understood_all_the_same(fault):
    async with meeting({"on": "startApi", **fault}) as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await until(trade.isDone)
        assert await met.ib.reqHistoricalDataAsync(APPLE, "", "5 D", "1 day", "TRADES", True)


async def test_a_client_that_does_not_read_is_dropped(monkeypatch):
    monkeypatch.setattr("hydra.gateway.server.MAX_UNREAD_BYTES", 200_000)
    async with meeting() as met:
        met.ib.client.conn.transport.pause_reading()
        client = next(iter(met.server._connections.values()))
        for _ in range(400):
            await asyncio.sleep(0)
            met.ib.client.send(7, 3, 1, "", "", "", "", "", "", "")
            met.ib.client.send(20, 1, APPLE, 0, "", "1 day", "10 Y", 1, "TRADES", 1, 0, "")
            if client._transport.is_closing():
                break
        met.ib.client.MaxRequests = 0
        met.ib.client.sendMsg("")
        await until(lambda: not met.server._connections)
        assert client._transport.is_closing()


async def test_a_dropped_placement_is_never_heard_of():
    async with meeting({"on": "placeOrder", "do": "lose"}) as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await met.step("close")
        assert trade.orderStatus.status == "PendingSubmit"
        assert met.server.exchange.state()["open_orders"] == []


async def test_a_lost_acknowledgement_leaves_an_order_that_lives():
    faults = [
        {"on": "openOrder", "times": 0, "do": "lose"},
        {"on": "orderStatus", "times": 0, "do": "lose"},
    ]
    async with meeting(*faults) as met:
        trade = met.ib.placeOrder(APPLE, LimitOrder("BUY", 1, 1.0))
        await met.ib.reqUserInfoAsync()
        assert trade.orderStatus.status == "PendingSubmit"
        assert len(met.server.exchange.state()["open_orders"]) == 1


async def test_an_execution_that_is_told_twice_counts_once():
    async with meeting({"on": "executionDetails", "do": "repeat", "count": 2}) as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 10))
        await until(trade.isDone)
        told = [e for e in met.server.record.after(0) if e["name"] == "executionDetails"]
        assert len(told) == 3
        assert [fill.execution.shares for fill in trade.fills] == [10]


async def test_executions_that_come_out_of_order_all_arrive():
    async with meeting({"on": "executionDetails", "do": "hold", "count": 8}) as met:
        trades = [met.ib.placeOrder(APPLE, MarketOrder("BUY", size)) for size in (10, 20)]
        await until(lambda: all(trade.fills for trade in trades))
        assert [trade.filled() for trade in trades] == [10, 20]


async def test_a_corrected_execution_has_the_next_revision_and_the_books_follow():
    async with meeting({"on": "executionDetails", "do": "correct", "by": "-0.10"}) as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 100))
        await until(lambda: len(trade.fills) == 2)
        first, second = (fill.execution for fill in trade.fills)
        assert (first.execId[:-2], second.execId[-2:]) == (second.execId[:-2], "02")
        assert second.price == pytest.approx(first.price - 0.1)
        (done,) = met.executions
        assert (done["exec_id"], float(done["price"])) == (second.execId, second.price)
        cash = float(met.server.exchange.state()["cash"])
        assert cash == pytest.approx(1_000_000 - 100 * second.price - 1)


async def test_a_busted_trade_is_taken_back():
    async with meeting({"on": "executionDetails", "do": "bust"}) as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 100))
        await until(lambda: len(trade.fills) == 2)
        assert trade.fills[1].execution.shares == 0
        assert met.server.exchange.state()["positions"] == []
        assert met.server.exchange.state()["cash"] == "1000000.00"


async def test_the_next_valid_id_can_fall_back_so_that_an_id_is_used_twice():
    fault = {"on": "nextValidId", "nth": 2, "do": "roll_back_ids", "by": 1000}
    async with meeting(fault) as met:
        await until(met.ib.placeOrder(APPLE, MarketOrder("BUY", 1)).isDone)
        met.ib.disconnect()
        await until(lambda: not met.server.exchange.venue.versions)
        raw = IB()
        codes = []
        raw.errorEvent += lambda _, code, *__: codes.append(code)
        await met.connect(raw, fetchFields=StartupFetchNONE)
        assert raw.client.getReqId() == 1
        raw.placeOrder(APPLE, MarketOrder("BUY", 1, orderId=1))
        await until(lambda: codes and codes[-1] in {103, 104})
        raw.disconnect()


async def test_a_restart_drops_everybody_and_shuts_the_port_for_a_while():
    async with meeting({**AT, "do": "restart", "seconds": 60}) as met:
        await met.step("2012-10-01T14:00:00Z")
        await until(lambda: met.is_cut)
        with pytest.raises((ConnectionError, TimeoutError)):
            await met.connect(IB(), timeout=0.2)
        await met.step("2012-10-01T14:01:00Z")
        assert (await met.connect()).isConnected()


async def test_after_the_weekly_log_off_the_port_accepts_and_is_dead():
    async with meeting({**AT, "do": "log_off"}) as met:
        await met.step("2012-10-01T14:00:00Z")
        await until(lambda: met.is_cut)
        with pytest.raises(TimeoutError):
            await met.connect(IB(), timeout=0.2)
        met.server.world.arm(parse_fault({"at": "2012-10-01T15:00:00Z", "do": "log_on"}))
        await met.step("2012-10-01T15:00:00Z")
        assert (await met.connect()).isConnected()


async def test_a_second_session_takes_the_market_data():
    faults = [{**AT, "do": "take_over"}, {"at": "2012-10-01T15:00:00Z", "do": "thaw"}]
    async with meeting(*faults) as met:
        ticker = met.ib.reqMktData(APPLE)
        await until(lambda: ticker.last == ticker.last)
        await met.step("2012-10-01T14:30:00Z")
        await until(lambda: 10197 in met.codes)
        await met.ib.reqUserInfoAsync()
        frozen = ticker.last
        await met.step("2012-10-01T14:50:00Z")
        await met.ib.reqUserInfoAsync()
        assert ticker.last == frozen
        await met.step("2012-10-01T16:00:00Z")
        await until(lambda: ticker.last != frozen)


async def test_quotes_go_stale_without_a_word():
    async with meeting({**AT, "do": "freeze"}) as met:
        ticker = met.ib.reqMktData(APPLE)
        await met.step("2012-10-01T14:00:00Z")
        await met.ib.reqUserInfoAsync()
        stale, told = ticker.last, len(met.codes)
        await met.step("close")
        await met.ib.reqUserInfoAsync()
        assert (ticker.last, len(met.codes)) == (stale, told)


async def test_a_shifted_bid_crosses_the_quote():
    fault = {"on": "tickPrice", "times": 0, "do": "shift_price", "by": "1"}
    async with meeting(fault) as met:
        ticker = met.ib.reqMktData(APPLE)
        await until(lambda: ticker.ask == ticker.ask)
        assert ticker.bid > ticker.ask


async def test_live_data_can_stop_being_paid_for():
    async with meeting({**AT, "do": "unsubscribe"}) as met:
        await met.step("2012-10-01T14:30:00Z")
        met.ib.reqMarketDataType(3)
        ticker = met.ib.reqMktData(APPLE)
        await until(lambda: ticker.marketDataType == 3)
        assert 10167 in met.codes


async def test_the_gateway_s_clock_can_be_off():
    async with meeting({"on": "currentTime", "do": "skew", "seconds": 3600}) as met:
        skewed = await met.ib.reqCurrentTimeAsync()
        assert skewed - met.server.exchange.venue.now == timedelta(hours=1)


async def test_a_client_number_is_refused():
    async with meeting({"on": "startApi", "do": "refuse_client"}, connect=False) as met:
        with pytest.raises(TimeoutError):
            await met.connect(timeout=0.3)
        assert 326 in met.codes
        assert (await met.connect()).isConnected()


async def test_responses_are_lost_while_muted_and_come_again_afterwards():
    async with meeting({**AT, "do": "mute", "seconds": 600}) as met:
        trade = met.ib.placeOrder(APPLE, LimitOrder("BUY", 1, 1.0))
        await met.step("2012-10-01T14:05:00Z")
        met.ib.cancelOrder(trade.order)
        await asyncio.sleep(0.05)
        assert trade.orderStatus.status == "PendingCancel"
        met.server.deliver(met.server.world.command("2012-10-01T14:15:00Z"))
        assert await met.ib.reqCurrentTimeAsync()


async def test_fills_happen_while_nobody_is_connected_and_are_told_when_asked():
    async with meeting({"on": "orderStatus", "nth": 2, "do": "disconnect"}) as met:
        met.ib.placeOrder(APPLE, LimitOrder("BUY", 1, 85.5))
        await until(lambda: met.is_cut)
        await met.step("2012-10-01T19:59:00Z")
        again = await met.connect(IB())
        assert [fill.execution.price for fill in await again.reqExecutionsAsync()] == [85.5]
        again.disconnect()


def test_every_effect_is_met_by_a_test():
    text = Path(__file__).read_text() + "".join(
        path.read_text() for path in SCENARIOS.glob("*.toml")
    )
    assert [name for name in EFFECTS if f'"{name}"' not in text] == []


# --- scripts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"do": "loose", "on": "placeOrder"}, "did you mean 'lose'"),
        ({"do": "lose", "on": "placeOrdr"}, "did you mean 'placeOrder'"),
        ({"do": "lose"}, "exactly one trigger"),
        ({"do": "lose", **AT}, "needs a message"),
        ({"do": "say", "code": 9, **AT}, "a code and a text"),
        ({"do": "say", "cod": 1100, **AT}, "did you mean 'code'"),
        ({"do": "say", "code": "1100", **AT}, "wrong type"),
        ({"do": "freeze", "at": "2012-10-01T14:00:00"}, "no time zone"),
        ({"do": "freeze", "at": "noon"}, "is no time"),
        ({"do": "freeze", "symbol": "AAPL"}, "below or above"),
        ({"do": "freeze", "symbol": "AAPL", "below": "x"}, "no price"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused_with_the_nearest_sense(fault, sentence):
    with pytest.raises(SettingsError, match=sentence):
        parse_fault(fault)


@pytest.mark.parametrize("script", ["[[fault", "faults = 1", "fault = 3"])
def test_a_script_that_is_no_list_of_faults_is_refused(script):
    with pytest.raises(SettingsError):
        parse_script(script)


# --- one test a scenario -------------------------------------------------------------------------


async def test_tif_preset_looks_like_a_cancel():
    async with meeting(script="tif_preset_looks_like_a_cancel") as met:
        trade = met.ib.placeOrder(APPLE, LimitOrder("BUY", 1, 85.5))
        await until(lambda: trade.orderStatus.status in {"Submitted", "Cancelled"})
        assert "Cancelled" in [entry.status for entry in trade.log]
        await met.step("close")
        assert len(met.executions) == 1


async def test_read_only_order_never_completes():
    async with meeting(script="read_only_order_never_completes") as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await until(lambda: 321 in met.codes)
        assert trade.isActive()
        assert met.executions == []


async def test_pacing_looks_like_no_data():
    async with meeting(script="pacing_looks_like_no_data") as met:
        assert not await met.ib.reqHistoricalDataAsync(APPLE, "", "5 D", "1 day", "TRADES", True)
        assert 162 in met.codes


async def test_client_id_is_still_in_use():
    async with meeting(script="client_id_is_still_in_use", connect=False) as met:
        with pytest.raises(TimeoutError):
            await met.connect(timeout=0.3)
        assert 326 in met.codes


async def test_reconnect_forgets_trades():
    async with meeting(script="reconnect_forgets_trades") as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await until(lambda: met.is_cut)
        again = await met.connect(IB())
        codes = []
        again.errorEvent += lambda _, code, *__: codes.append(code)
        assert [fill.execution.shares for fill in again.fills()] == [1]
        assert again.openTrades() == []
        again.placeOrder(APPLE, MarketOrder("BUY", 1, orderId=trade.order.orderId))
        await until(lambda: {103, 104} & set(codes))
        again.disconnect()


async def test_nightly_restart_accepts_and_is_dead():
    async with meeting(script="nightly_restart_accepts_and_is_dead") as met:
        await met.step("2012-10-01T21:00:00Z")
        await until(lambda: met.is_cut)
        with pytest.raises(TimeoutError):
            await met.connect(IB(), timeout=0.2)
        await met.step("next_open")
        assert (await met.connect()).isConnected()


async def test_fills_in_the_gap_are_never_told():
    async with meeting(script="fills_in_the_gap_are_never_told") as met:
        trade = met.ib.placeOrder(APPLE, LimitOrder("BUY", 1, 85.5))
        await met.step("close")
        await until(lambda: 1101 in met.codes)
        assert 1100 in met.codes
        assert len(met.executions) == 1
        assert trade.fills == []


async def test_order_in_the_restart_second_is_lost():
    async with meeting(script="order_in_the_restart_second_is_lost") as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await until(lambda: met.is_cut)
        again = await met.connect(IB())
        assert again.client.getReqId() > 0
        assert not trade.isDone()
        assert met.executions == []
        again.disconnect()


async def test_paper_server_drops_placements():
    async with meeting(script="paper_server_drops_placements") as met:
        trades = [met.ib.placeOrder(APPLE, MarketOrder("BUY", 1)) for _ in range(20)]
        await met.step("2012-10-01T13:30:05Z")
        lost = [t for t in trades if t.orderStatus.status == "PendingSubmit"]
        assert 0 < len(lost) < 20
        assert len(met.executions) == 20 - len(lost)


async def test_acknowledgement_is_lost():
    async with meeting(script="acknowledgement_is_lost") as met:
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await met.step("2012-10-01T13:30:05Z")
        assert trade.orderStatus.status == "PendingSubmit"
        assert len(met.executions) == 1


async def test_modify_during_an_outage_is_doubled():
    async with meeting(script="modify_during_an_outage_is_doubled") as met:
        trade = met.ib.placeOrder(APPLE, LimitOrder("BUY", 1, 1.0))
        await until(lambda: trade.orderStatus.status == "Submitted")
        trade.order.lmtPrice = 2.0
        met.ib.placeOrder(APPLE, trade.order)
        await until(lambda: met.server.exchange.state()["open_orders"][0]["limit_price"] == "2")
        before = len(trade.log)
        await asyncio.sleep(0.05)
        assert len(trade.log) == before


async def test_farm_is_broken_for_hours():
    async with meeting(script="farm_is_broken_for_hours") as met:
        ticker = met.ib.reqMktData(APPLE)
        await met.step("2012-10-01T14:00:00Z")
        await until(lambda: {2103, 2105} <= set(met.codes))
        await met.ib.reqUserInfoAsync()
        stale = ticker.last
        await met.step("2012-10-01T18:59:00Z")
        await met.ib.reqUserInfoAsync()
        assert ticker.last == stale
        await met.step("2012-10-01T19:30:00Z")
        await until(lambda: ticker.last != stale)


async def test_competing_session_takes_the_quotes():
    async with meeting(script="competing_session_takes_the_quotes") as met:
        met.ib.reqMktData(APPLE)
        await met.step("2012-10-01T15:00:00Z")
        await until(lambda: 10197 in met.codes)
        assert met.server.exchange.quotes.is_frozen


async def test_dead_socket_keeps_orders():
    async with meeting(script="dead_socket_keeps_orders") as met:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(met.ib.reqCurrentTimeAsync(), 0.1)
        trade = met.ib.placeOrder(APPLE, MarketOrder("BUY", 1))
        await asyncio.sleep(0.1)
        assert met.ib.isConnected()
        assert trade.orderStatus.status == "PendingSubmit"
        assert met.executions == []


async def test_contract_and_price_are_wrong():
    async with meeting(script="contract_and_price_are_wrong") as met:
        assert await met.ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD")) == [None]
        trade = met.ib.placeOrder(APPLE, LimitOrder("BUY", 1, 86.0))
        await until(lambda: 110 in met.codes)
        assert trade.orderStatus.status == "Cancelled"


def test_every_shipped_scenario_has_its_test():
    names = {f"test_{path.stem}" for path in SCENARIOS.glob("*.toml")}
    assert names <= set(globals())
