"""The gate of a paper session judges a backtest's orders: the same scenario, the same refusals."""

import asyncio
from dataclasses import replace
from datetime import date

import pytest

import hydra
from hydra.costs.liquidity import WINDOW_BARS
from hydra.costs.model import CostModel
from hydra.data.sample import Sample
from hydra.domain.bars import Bars
from hydra.domain.events import OrderAdmitted, OrderRefused
from hydra.journal.journal import Journal
from hydra.research import backtest
from hydra.risk._gate import gate_of
from hydra.sizing.vol_target import VolTarget
from hydra.strategies.ts_momentum import TsMomentum
from hydra.wiring import build_gate, trade_limits

SYMBOLS = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
SESSION = date(2013, 1, 14)
TIGHT = {"order_notional": {"limit_notional": 150_000}, "short_selling": {"never": ["MSFT"]}}


def bars(start, end) -> Bars:
    return asyncio.run(Sample().bars(SYMBOLS, start=start, end=end))


def told(refusals):
    """What was refused, and by whom."""
    return {r.request.order_ref: [o.check for o in r.objections] for r in refusals}


def test_what_the_gate_refuses_does_not_trade_and_is_in_the_result():
    history = bars(date(2011, 1, 3), date(2013, 3, 28))
    no_shorts = gate_of({"short_selling": {"allow": False}})
    free = backtest(TsMomentum(), history, VolTarget(), gate=None)
    result = backtest(TsMomentum(), history, VolTarget(), gate=no_shorts)
    assert free.quantities.min().min() < 0
    assert not free.refusals
    assert result.quantities.min().min() == 0
    refused = {r.request.order_ref for r in result.refusals}
    assert refused
    assert not refused & set(result.orders["order_ref"])
    assert result.statistics["refused"] == len(result.refusals)
    assert result.to_dict()["refusals"][0].endswith(".")


def test_a_position_that_may_not_be_turned_over_is_left_all_the_same():
    history = bars(date(2011, 1, 3), date(2013, 3, 28))
    no_shorts = gate_of({"short_selling": {"allow": False}})
    result = backtest(TsMomentum(), history, VolTarget(), gate=no_shorts)
    free = backtest(TsMomentum(), history, VolTarget(), gate=None)
    short = free.quantities < 0
    assert short.to_numpy().any()
    # Where the free account is short, this one has left, on the same day.
    assert (result.quantities.where(short, 0.0) == 0).all(axis=None)


def test_a_later_price_changes_no_earlier_refusal():
    history = bars(date(2011, 1, 3), date(2013, 3, 28))
    gate = gate_of({"volume_share": {"limit_share": 0.00002}})
    whole = backtest(TsMomentum(), history, VolTarget(), gate=gate).refusals
    part = backtest(TsMomentum(), history.first(400), VolTarget(), gate=gate).refusals
    assert part
    assert told(whole[: len(part)]) == told(part)


@pytest.fixture
def tight(connected):
    return replace(connected, risk=TIGHT)


async def test_a_backtest_and_a_paper_session_are_refused_the_same_orders_by_the_same_checks(
    tight, gateway
):
    session = await hydra.open_paper_session("ts_momentum", settings=tight)
    await session.run()
    await session.close()
    with Journal.read_only(tight.journal_path) as journal:
        paper = [r.event.refusal for r in journal.read(kinds=[OrderRefused])]
    history = await Sample().bars(SYMBOLS, start=date(2011, 1, 3), end=SESSION)
    strategy, sizing = session.plan.strategy, session.plan.sizing
    # The session began with cash alone, so the backtest's first decision is the one before it.
    needed = max(strategy.lookback_bars, sizing.lookback_bars)
    result = backtest(strategy, history.last(needed + 1), sizing, gate=build_gate(tight))
    assert told(paper)
    assert told(result.refusals) == told(paper)


async def test_a_backtest_and_a_paper_session_keep_to_the_same_turnover_and_impact(
    connected, gateway
):
    bounded = replace(connected.trading, max_turnover=0.4, max_impact_bps=2.0)
    settings = replace(connected, trading=bounded)
    session = await hydra.open_paper_session("ts_momentum", settings=settings)
    report = await session.run()
    await session.close()
    with Journal.read_only(settings.journal_path) as journal:
        admitted = [r.event.order.request for r in journal.read(kinds=[OrderAdmitted])]
    history = await Sample().bars(SYMBOLS, start=date(2011, 1, 3), end=SESSION)
    strategy, sizing = session.plan.strategy, session.plan.sizing
    needed = max(strategy.lookback_bars, sizing.lookback_bars, WINDOW_BARS + 1)
    result = backtest(
        strategy, history.last(needed + 1), sizing, limits=trade_limits(settings, CostModel())
    )
    paper = {request.instrument.symbol: request.quantity for request in admitted}
    traded = result.orders.set_index("symbol")["quantity"]
    assert traded.to_dict() == {symbol: float(quantity) for symbol, quantity in paper.items()}
    sizes = [abs(r.quantity) * r.decision_price for r in admitted]
    assert 350_000 < sum(sizes) <= 400_000
    assert report.tracking_error > 0.1
    free = backtest(strategy, history.last(needed + 1), sizing, limits=None)
    assert free.orders["notional"].abs().sum() > 500_000
