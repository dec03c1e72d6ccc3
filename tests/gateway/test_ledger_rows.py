"""Rows of the ledger that no other test holds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.orders import CompletedOrder
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE, errors, order, statuses, whys

MES = Contract(symbol="MES", secType="FUT", exchange="CME", currency="USD")


def of(posted, kind):
    """The responses of one kind."""
    return [response for _, response in posted if isinstance(response, kind)]


def micro(exchange):
    """The front month of MES, at a time when there is one."""
    return min(exchange.venue.find(MES), key=lambda one: one.expiry)


def bars(**more):
    terms = {"includeExpired": False, "endDateTime": "", "barSize": "1 min", "duration": "1 D"}
    terms |= {"useRTH": True, "whatToShow": "TRADES", "formatDate": 1, **more}
    return ask.ReqHistoricalData(7, APPLE, **terms)


# --- connection ----------------------------------------------------------------------------------


def test_accounts_the_next_id_and_the_farms_come_in_this_order(exchange):
    posted = exchange.connect(1, 178)
    assert [type(response) for _, response in posted[:2]] == [say.ManagedAccounts, say.NextValidId]
    assert errors(posted[2:]) == [(-1, 2104), (-1, 2106), (-1, 2158)]


def test_only_client_0_binds_orders_that_are_entered_by_hand(started):
    started.connect(0, 178)
    request = ask.ReqAutoOpenOrders(True)
    told = [errors(started.handle(client, request)) for client in (0, 1)]
    assert told == [[], [(-1, 327)]]


# --- orders --------------------------------------------------------------------------------------


def test_another_client_s_order_is_not_found_by_a_cancel(started):
    started.handle(1, order(5, "LMT", lmtPrice="80.00"))
    started.connect(2, 178)
    assert errors(started.handle(2, ask.CancelOrder(5))) == [(5, 10147)]
    assert [o.status for o in started.orders.open_list] == ["Submitted"]


def test_a_trailing_stop_is_held_until_it_is_triggered(started):
    placed = started.handle(1, order(1, "TRAIL", "SELL", trailingPercent="1"))
    assert (statuses(placed, 1), whys(placed, 1)) == (["PreSubmitted"], ["trigger"])
    assert statuses(started.command("close"), 1) == ["Submitted", "Filled"]


def test_a_cancelled_order_is_completed_as_cancelled_by_trader(started):
    started.handle(1, order(1, "LMT", lmtPrice="80.00"))
    started.handle(1, ask.CancelOrder(1))
    (done,) = of(started.handle(1, ask.ReqCompletedOrders(False)), CompletedOrder)
    assert (done.status, done.completedStatus) == ("Cancelled", "Cancelled by Trader")


# --- executions ----------------------------------------------------------------------------------


def test_a_live_execution_has_no_request_and_names_its_side_and_its_market_s_time(started):
    told = started.handle(1, order(1)) + started.handle(1, order(2, side="SELL"))
    done = of(told, say.ExecutionDetails)
    assert [(one.reqId, one.side) for one in done] == [(-1, "BOT"), (-1, "SLD")]
    assert {one.time for one in done} == {"20121001 09:30:00 US/Eastern"}


def test_executions_that_are_asked_for_come_with_their_commissions(started):
    (live,) = of(started.handle(1, order(1)), say.ExecutionDetails)
    told = started.handle(1, ask.ReqExecutions(9))
    assert [type(response) for _, response in told] == [
        say.ExecutionDetails,
        say.CommissionReport,
        say.ExecutionDetailsEnd,
    ]
    assert (told[0][1].reqId, told[0][1].execId, told[1][1].execId) == (9, *2 * (live.execId,))


def test_executions_of_yesterday_are_not_told(started):
    started.handle(1, order(1))
    started.command("close")
    started.command("next_open")
    assert of(started.handle(1, ask.ReqExecutions(9)), say.ExecutionDetails) == []


def test_a_micro_future_costs_its_commission(exchange):
    exchange.connect(1, 178)
    told = exchange.handle(1, order(1, size=1, contract=micro(exchange).contract()))
    (report,) = of(told, say.CommissionReport)
    assert (report.commission, report.currency) == (Decimal("0.62"), "USD")


# --- market data ---------------------------------------------------------------------------------


def test_a_stream_begins_with_its_type_and_its_parameters(started):
    told = [response for _, response in started.handle(1, ask.ReqMktData(5, APPLE))]
    assert told[0] == say.MarketDataType(5, 1)
    assert told[1] == say.TickReqParams(5, Decimal("0.01"), "9c0001", 3)
    assert isinstance(told[2], say.TickPrice)


def test_delayed_data_are_not_given_to_who_has_live_data(started):
    started.handle(1, ask.ReqMarketDataType(3))
    posted = started.handle(1, ask.ReqMktData(5, APPLE))
    assert (errors(posted), of(posted, say.MarketDataType)) == ([], [say.MarketDataType(5, 1)])


def test_a_number_in_use_is_refused_and_one_that_is_not_cannot_be_ended(started):
    started.handle(1, ask.ReqMktData(5, APPLE))
    assert errors(started.handle(1, ask.ReqMktData(5, APPLE))) == [(5, 102)]
    assert errors(started.handle(1, ask.CancelMktData(6))) == [(6, 300)]


def test_a_snapshot_takes_no_generic_ticks(started):
    request = ask.ReqMktData(5, APPLE, genericTicks="233", snapshot=True)
    assert errors(started.handle(1, request)) == [(5, 321)]


def test_tick_by_tick_streams_are_limited(started):
    told = []
    for number in range(1, 7):
        request = ask.ReqTickByTickData(number, APPLE, "Last", 0, ignoreSize=False)
        told += errors(started.handle(1, request))
    assert told == [(6, 10190)]


def test_at_most_a_thousand_ticks_of_the_past_come(started):
    request = ask.ReqHistoricalTicks(
        *(5, APPLE, False, "20120928 09:30:00 US/Eastern", "", 5000, "TRADES", True, False)
    )
    ((_, answer),) = started.handle(1, request)
    assert len(answer.ticks) == 1000


# --- history -------------------------------------------------------------------------------------


def test_a_query_that_is_kept_up_to_date_takes_no_end(started):
    end = "20120928 16:00:00 US/Eastern"
    assert errors(started.handle(1, bars(keepUpToDate=True, endDateTime=end))) == [(7, 321)]


def test_a_query_that_is_not_there_cannot_be_cancelled(started):
    assert errors(started.handle(1, ask.CancelHistoricalData(8))) == [(8, 366)]


# --- contracts and account -----------------------------------------------------------------------


def test_an_american_stock_has_a_tick_of_a_cent(started):
    (details,) = of(started.handle(1, ask.ReqContractDetails(1, APPLE)), say.ContractData)
    assert details.minTick == Decimal("0.01")


def test_a_position_names_the_listing_exchange_and_what_a_future_cost_in_all(started):
    started.handle(1, order(1, size=10))
    month = micro(started)
    (bought,) = of(
        started.handle(1, order(2, size=1, contract=month.contract())), say.ExecutionDetails
    )
    rows = {p.contract.symbol: p for p in of(started.handle(1, ask.ReqPositions()), say.Position)}
    assert rows["AAPL"].contract.exchange == "NASDAQ"
    assert rows["MES"].avgCost == 5 * bought.price + Decimal("0.62")


def test_a_summary_is_sent_again_every_three_minutes(started):
    started.handle(1, ask.ReqAccountSummary(4, "All", "NetLiquidation"))
    told = [
        len(of(started.advance(started.venue.now + timedelta(minutes=1)), say.AccountSummary))
        for _ in range(6)
    ]
    assert sum(told) == 2
