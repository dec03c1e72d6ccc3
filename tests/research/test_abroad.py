"""Futures and other currencies in a backtest, reckoned by hand."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from hydra import wiring
from hydra.costs.model import CostModel
from hydra.data._currency import to_base
from hydra.data._futures import RollRule, continuous
from hydra.data._sessions import closes
from hydra.domain.bars import Bars
from hydra.domain.instruments import Instrument
from hydra.errors import BarsError
from hydra.research.backtest import backtest
from hydra.risk._gate import gate_of
from hydra.sizing.equal_weight import EqualWeight

FREE = CostModel("none", 0.0)


@dataclass(frozen=True)
class Long:
    """Always long."""

    lookback_bars: int = 1

    def signals(self, bars: Bars) -> pd.DataFrame:
        return bars.close * 0.0 + 1.0


def days(calendar: str, first: str, number: int) -> pd.DatetimeIndex:
    ends = closes(calendar).loc[first:].iloc[:number]
    return pd.DatetimeIndex(ends.to_numpy(), tz="UTC", name="time").as_unit("us")


def bars_of(index, opens, prices, volumes=None) -> Bars:
    opened = pd.DataFrame(opens, index, dtype=float)
    close = pd.DataFrame(prices, index, dtype=float)
    high = opened.where(opened > close, close)
    low = opened.where(opened < close, close)
    volume = pd.DataFrame(volumes, index, dtype=float) if volumes else close * 0.0 + 1e6
    return Bars(opened, high, low, close, volume)


def contract(month: str, expires: date) -> Instrument:
    return Instrument(
        f"ES.{month}", "FUT", calendar="CMES", multiplier=Decimal(50), expires=expires
    )


CHAIN = [contract("201212", date(2012, 12, 21)), contract("201303", date(2013, 3, 15))]


def rolled() -> Bars:
    """Five sessions; the second sees March traded more, so the third begins in it."""
    raw = bars_of(
        days("CMES", "2012-12-10", 5),
        {"ES.201212": [1400, 1402, 1410, 1412, 1414], "ES.201303": [1390, 1392, 1398, 1404, 1406]},
        {"ES.201212": [1400, 1408, 1411, 1413, 1415], "ES.201303": [1390, 1396, 1400, 1405, 1410]},
        {"ES.201212": [9e5, 4e5, 1e5, 1e5, 1e5], "ES.201303": [3e5, 5e5, 9e5, 9e5, 9e5]},
    )
    return continuous("ES.C", raw, CHAIN, RollRule("volume", 3))


def test_a_roll_in_a_backtest_sells_the_old_contract_and_buys_the_new_at_the_next_open():
    result = backtest(Long(), rolled(), EqualWeight(), FREE, 350_000.0, gate=None, limits=None)
    # close 1: 350,000 / (1400 × 50) = 5 of December. Open 2: bought at 1402; costs no cash
    # close 2: 350,000 + 5 × 50 × (1408 − 1402) = 351,500; 351,500 / (1396 × 50) = 5.03: 5
    # open 3: December sold at 1410: + 5 × 50 × (1410 − 1402) = 352,000; March bought at 1398
    # close 3: 352,000 + 5 × 50 × 2 = 352,500; close 5: 352,000 + 250 × (1410 − 1398) = 355,000
    assert result.orders[["symbol", "quantity", "price"]].to_numpy().tolist() == [
        ["ES.201212", 5.0, 1402.0],
        ["ES.201212", -5.0, 1410.0],
        ["ES.201303", 5.0, 1398.0],
    ]
    assert result.equity.tolist() == [350_000, 351_500, 352_500, 353_750, 355_000]
    assert result.orders["notional"].iloc[0] == 5 * 50 * 1402


def test_a_future_is_charged_by_the_contract_and_a_share_abroad_by_its_value():
    costs = CostModel("fixed", 0.0)
    result = backtest(Long(), rolled(), EqualWeight(), costs, 350_000.0, gate=None, limits=None)
    assert result.orders["commission"].iloc[0] == pytest.approx(5 * 2.25)
    sap = Instrument("SAP.IBIS", listed_as="SAP")
    assert costs.charge_of(sap, 100, 80.0) == pytest.approx(4.0)  # 0.05 % of 8,000
    assert costs.charge_of(sap, 10, 80.0) == pytest.approx(3.0)
    assert costs.charge_of(Instrument("AAPL"), 100, 80.0) == pytest.approx(1.0)
    assert CostModel("none").charge_of(sap, 100, 80.0) == 0.0


def test_shares_abroad_are_paid_at_the_rate_of_each_bars_end():
    index = days("XETR", "2013-01-14", 4)
    bars = bars_of(index, {"SAP.IBIS": [50, 50, 60, 60]}, {"SAP.IBIS": [50, 55, 60, 60]})
    # the pair's bars end at other times: each of ours takes the last that had ended by then
    ends = index - pd.Timedelta(hours=9)
    pairs = bars_of(ends, {"EUR.USD": [1.2, 1.25, 1.5, 1.0]}, {"EUR.USD": [1.2, 1.25, 1.5, 1.0]})
    based = to_base(bars, {"SAP.IBIS": "EUR"}, pairs, "USD")
    assert based.close["SAP.IBIS"].tolist() == pytest.approx([60.0, 68.75, 90.0, 60.0])
    assert based.open["SAP.IBIS"].tolist() == pytest.approx([60.0, 62.5, 90.0, 60.0])
    result = backtest(Long(), based, EqualWeight(), FREE, 6_000.0, gate=None, limits=None)
    # close 1: 6,000 / 60 = 100; open 2: bought at 50 × 1.25 = 62.50, so cash is −250
    # close 2: −250 + 100 × 68.75 = 6,625; close 3: −250 + 9,000; close 4, by the rate alone: 5,750
    assert result.orders["quantity"].tolist()[:1] == [100.0]
    assert result.equity.tolist()[:2] == pytest.approx([6_000.0, 6_625.0])


def test_a_pair_the_other_way_round_is_turned_and_pence_are_money_by_the_multiplier():
    index = days("XTKS", "2013-01-15", 2)
    bars = bars_of(index, {"X": [3000, 3000]}, {"X": [3000, 3000]})
    pairs = bars_of(index, {"USD.JPY": [80, 100]}, {"USD.JPY": [80, 100]})
    assert to_base(bars, {"X": "JPY"}, pairs, "USD").close["X"].tolist() == [37.5, 30.0]


def test_a_bar_without_a_rate_of_its_time_is_refused_with_what_to_load():
    index = days("XETR", "2013-01-14", 8)
    bars = bars_of(index, {"S": [1] * 8}, {"S": [1] * 8})
    pairs = bars_of(index[:1], {"EUR.USD": [1.2]}, {"EUR.USD": [1.2]})
    with pytest.raises(BarsError, match=r"EUR\.USD has no bar of the five days before 2013-01-21"):
        to_base(bars, {"S": "EUR"}, pairs, "USD")
    with pytest.raises(BarsError, match=r"There are no bars of EUR\.USD"):
        to_base(bars, {"S": "EUR"}, None, "USD")


def test_a_pair_is_held_like_shares_of_what_it_buys_and_passes_the_gate():
    index = days("24/5", "2013-01-14", 3)
    bars = bars_of(index, {"EUR.USD": [1.2, 1.25, 1.3]}, {"EUR.USD": [1.2, 1.3, 1.4]})
    pair = Instrument("EUR.USD", "CASH", exchange="IDEALPRO", calendar="24/5")
    gate = gate_of(
        {"position_weight": {"limit_weight": 2}, "currency_exposure": {"limit_weight": 2}}
    )
    result = backtest(
        Long(), bars, EqualWeight(), FREE, 120_000.0, {"EUR.USD": pair}, gate=gate, limits=None
    )
    # close 1: 120,000 / 1.2 = 100,000 euros; open 2: bought at 1.25; close 2: + 100,000 × 0.05
    assert not result.refusals
    assert result.orders["quantity"].tolist()[0] == 100_000
    assert result.equity.tolist()[:2] == pytest.approx([120_000, 125_000])


async def test_bars_of_shares_abroad_come_in_the_base_currency_from_the_gateway(
    connected, start_gateway
):
    source = wiring.build_source(connected, "gateway")
    bars = await wiring.research_bars(
        connected, source, ["SAP.IBIS", "VOD.LSE"], date(2012, 11, 1), date(2013, 1, 11)
    )
    raw = await source.bars(["SAP.IBIS"], start=date(2012, 11, 1), end=date(2013, 1, 11))
    pair = await source.bars(["EUR.USD"], start=date(2012, 10, 20), end=date(2013, 1, 11))
    time = raw.index[-1]
    rate = pair.close["EUR.USD"].loc[:time].iloc[-1]
    assert bars.close["SAP.IBIS"].loc[time] == pytest.approx(
        raw.close["SAP.IBIS"].loc[time] * rate
    )
    known = wiring.research_instruments(connected, ["SAP.IBIS", "VOD.LSE"])
    assert (known["VOD.LSE"].multiplier, known["VOD.LSE"].currency) == (Decimal("0.01"), "USD")
