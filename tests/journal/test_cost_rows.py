"""What fills cost follows from the journal's events, in whatever order they were written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.costs.liquidity import Liquidity
from hydra.costs.model import CostModel
from hydra.domain.events import (
    CommissionRecorded,
    FillCorrected,
    FillRecorded,
    OrderAdmitted,
    OrderQuoted,
    OrderRetried,
    Recorded,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest
from hydra.errors import UnknownName
from hydra.journal.cost_rows import COST_KINDS, cost_rows, cost_totals, samples_of

NOW = datetime(2013, 1, 14, 14, 30, tzinfo=UTC)
IMPACT = CostModel("fixed", 2.0, impact_coefficient=1.0)


def records(*events):
    return [Recorded(n, NOW, NOW, event) for n, event in enumerate(events, start=1)]


def request(symbol="AAPL", quantity=300, strategy="s", **more):
    return OrderRequest(
        strategy, NOW.date(), Instrument(symbol), Decimal(quantity), Decimal(100), **more
    )


def filled(order, number, quantity, price, time=NOW, **more):
    exec_id = f"e{number}.01"
    return FillRecorded(
        Fill(exec_id, order.order_ref, order.instrument.symbol, Decimal(quantity), Decimal(price),
             time, **more)
    )  # fmt: skip


def admitted(order):
    return OrderAdmitted(Order(order, NOW, ()))


def quoted(order, bid="100.10", ask="100.20"):
    return OrderQuoted(order.order_ref, Decimal(bid), Decimal(ask), None)


def charged(number, amount):
    return CommissionRecorded(Commission(f"e{number}.01", Decimal(amount), "USD"))


ORDER = request()
TWO_FILLS = [
    admitted(ORDER),
    quoted(ORDER),
    filled(ORDER, 1, 200, "100.20"),
    charged(1, "1"),
    filled(ORDER, 2, 100, "100.26"),
    charged(2, "0.50"),
]


def liquid(volatility=200.0, volume=30_000.0):
    index = pd.DatetimeIndex([NOW - timedelta(days=3)])
    frames = (pd.DataFrame({"AAPL": [value]}, index) for value in (volatility, volume))
    return Liquidity(*frames)


def test_two_fills_of_one_order_reckoned_by_hand():
    first, second = cost_rows(records(*TWO_FILLS))
    assert (first["delay"], first["spread"], first["impact"]) == (Decimal(30), Decimal(10), 0)
    assert (second["delay"], second["spread"], second["impact"]) == (
        Decimal(15), Decimal(5), Decimal(6),
    )  # fmt: skip
    bps = [second[f"{part}_bps"] for part in ("delay", "spread", "impact", "total")]
    assert bps == [15.0, 5.0, 6.0, 26.0]
    assert second["arrival_mid"] == Decimal("100.15")
    assert (second["strategy"], second["algo"], second["reason"]) == ("s", "market", "")
    assert (first["commission"], second["commission"]) == (Decimal(1), Decimal("0.50"))


def test_the_predicted_commission_of_a_fill_is_what_it_adds_to_its_orders_minimum():
    rows = cost_rows(records(*TWO_FILLS))
    # 200 shares: 1.00, the minimum; 300 shares: 1.50
    assert [row["predicted_commission"] for row in rows] == [1.0, 0.5]


def test_a_model_predicts_the_whole_order_at_what_was_known_of_the_day():
    rows = cost_rows(records(*TWO_FILLS), IMPACT, liquid())
    # half spread 2 bps and 200 bps × √(300 / 30,000) = 20 bps
    assert [row["predicted_bps"] for row in rows] == [22.0, 22.0]
    assert rows[0]["error_bps"] == round(5 / 100.15 * 100 - 22, 2)


def test_a_prediction_that_needs_a_volume_nobody_knows_is_left_out_and_says_so():
    (row, _) = cost_rows(records(*TWO_FILLS), IMPACT)
    assert (row["predicted_bps"], row["error_bps"]) == (None, None)
    assert "no volatility and volume known" in row["reason"]
    assert row["total_bps"] == 20.0


def test_without_a_quote_there_is_the_total_and_a_reason():
    (row, _) = cost_rows(records(*(e for e in TWO_FILLS if not isinstance(e, OrderQuoted))))
    assert (row["delay"], row["arrival_mid"], row["error_bps"]) == (None, None, None)
    assert (row["total"], row["reason"]) == (Decimal(40), "no quote at arrival")


def test_an_order_that_was_sent_again_is_not_held_against_the_quote_of_the_first_try():
    (row, _) = cost_rows(records(*TWO_FILLS, OrderRetried(ORDER.order_ref, 1)))
    assert (row["arrival_mid"], row["total"]) == (None, Decimal(40))
    assert "delayed" in row["reason"]


def test_a_fill_of_an_order_that_the_journal_does_not_know_costs_no_known_amount():
    (row,) = cost_rows(records(filled(ORDER, 1, 200, "100.20")))
    assert (row["total"], row["total_bps"], row["decision_price"]) == (None, None, None)
    assert row["algo"] == "unknown"
    (total,) = cost_totals([row])
    assert (total["fills"], total["total"], total["total_bps"]) == (1, None, None)


def test_a_corrected_fill_costs_what_it_was_corrected_to_with_its_own_commission():
    old = TWO_FILLS[4].fill
    new = replace(old, exec_id="e2.02", price=Decimal("100.30"))
    events = [*TWO_FILLS, FillCorrected(old, new, Decimal("0.50"))]
    first, second = cost_rows(records(*events))
    assert (first["exec_id"], second["exec_id"]) == ("e1.01", "e2.02")
    assert (second["total"], second["commission"]) == (Decimal(30), None)
    again = CommissionRecorded(Commission("e2.02", Decimal("0.52"), "USD"))
    assert cost_rows(records(*events, again))[1]["commission"] == Decimal("0.52")


def test_a_bust_fill_is_gone_from_rows_totals_and_samples():
    old = TWO_FILLS[4].fill
    bust = FillCorrected(old, replace(old, exec_id="e2.02", quantity=Decimal(0)), Decimal("0.5"))
    events = records(*TWO_FILLS, bust)
    assert [row["exec_id"] for row in cost_rows(events)] == ["e1.01"]
    ((only,), reasons) = samples_of(events, liquid())
    assert (only.fills, only.quantity, reasons) == (1, 200.0, [])
    charge = CommissionRecorded(Commission("e2.02", Decimal("0.35"), "USD"))
    (_, kept) = cost_rows([*events, *records(charge)])
    assert (kept["quantity"], kept["total"], kept["commission"]) == (0, 0, Decimal("0.35"))


@given(st.permutations(TWO_FILLS))
def test_rows_are_the_same_in_whatever_order_the_events_were_written(events):
    def by_id(rows):
        shown = ("exec_id", "total", "delay", "commission", "error_bps")
        return sorted(tuple(row[name] for name in shown) for row in rows)

    assert by_id(cost_rows(records(*events))) == by_id(cost_rows(records(*TWO_FILLS)))


def test_orders_are_told_apart_by_the_algorithm_that_worked_them():
    orders = [
        request(algo="patient_limit", step=1),
        request(broker_algo="Adaptive", step=2),
        request(step=3),
    ]
    events = [e for n, o in enumerate(orders) for e in (admitted(o), filled(o, n, 300, "100.1"))]
    rows = cost_rows(records(*events))
    assert [row["algo"] for row in rows] == ["patient_limit", "Adaptive", "market"]


def test_the_hour_is_that_of_the_exchange_in_winter_and_in_summer():
    events = [
        admitted(ORDER),
        filled(ORDER, 1, 100, "100", NOW),
        filled(ORDER, 2, 100, "100", datetime(2013, 7, 15, 13, 30, tzinfo=UTC)),
        filled(ORDER, 3, 100, "100", datetime(2013, 7, 15, 19, 59, tzinfo=UTC)),
    ]
    assert [row["hour"] for row in cost_rows(records(*events))] == ["09:00", "09:00", "15:00"]


def test_totals_weigh_by_money_and_keep_currencies_apart():
    other = request("IBM", -1000, strategy="t")
    euro = request("SAP", 10, strategy="t")
    events = [
        *TWO_FILLS,
        admitted(other),
        filled(other, 3, -1000, "99.90"),
        admitted(euro),
        filled(euro, 4, 10, "101", currency="EUR"),
    ]
    rows = cost_rows(records(*events))
    in_euro, in_dollars = cost_totals(rows)
    assert (in_euro["currency"], in_euro["total"], in_euro["total_bps"]) == ("EUR", 10, 100.0)
    # dollars: lost 40 + 26 + 100 on 20,000 + 10,000 + 100,000; a quote only for the first two
    assert (in_dollars["fills"], in_dollars["measured"]) == (3, 2)
    assert (in_dollars["total"], in_dollars["notional"]) == (Decimal(166), Decimal(130_000))
    assert in_dollars["total_bps"] == round(166 / 130_000 * 1e4, 2)
    assert (in_dollars["delay"], in_dollars["delay_bps"]) == (Decimal(45), 15.0)
    assert in_dollars["commission"] == Decimal("1.50")
    by_strategy = cost_totals(rows, "strategy")
    assert [(row["strategy"], row["fills"]) for row in by_strategy] == [
        ("s", 2),
        ("t", 1),
        ("t", 1),
    ]
    assert sum(row["total"] for row in by_strategy) == Decimal(176)


def test_totals_by_something_else_answer_with_the_nearest_grouping():
    with pytest.raises(UnknownName, match="did you mean 'symbol'"):
        cost_totals([], "symbols")
    assert cost_totals([]) == []


def test_a_sample_is_an_order_at_the_average_of_its_fills():
    ((sample,), reasons) = samples_of(records(*TWO_FILLS), liquid())
    assert (sample.fills, sample.quantity, sample.symbol) == (2, 300.0, "AAPL")
    # 200 at the ask of 100.20, 100 six cents above: 5 + 2 cents over the mid on average
    assert sample.execution_bps == pytest.approx(7 / 100.15 * 100)
    assert sample.half_spread_bps == pytest.approx(5 / 100.15 * 100)
    assert (sample.volatility_bps, sample.daily_volume, reasons) == (200.0, 30_000.0, [])


def test_orders_that_cannot_be_samples_say_why():
    unquoted = request(step=1)
    events = records(*TWO_FILLS, admitted(unquoted), filled(unquoted, 3, 300, "100"))
    samples, reasons = samples_of(events, liquid())
    assert (len(samples), reasons) == (1, ["no quote at arrival"])
    samples, reasons = samples_of(records(*TWO_FILLS), liquid(volume=np.nan))
    assert (samples, reasons) == ([], ["no volatility and volume known for its impact"])


def test_the_kinds_read_from_the_journal_are_all_that_rows_are_made_of():
    assert {type(e) for e in TWO_FILLS} | {FillCorrected, OrderRetried} == set(COST_KINDS)
