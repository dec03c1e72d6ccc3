"""Contracts that follow one another as one series: no roll knows the future, nothing is lost."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.data._futures import RollRule, beside, continuous, real_bars, real_weights
from hydra.data._sessions import closes
from hydra.domain.bars import Bars
from hydra.domain.instruments import Instrument
from hydra.errors import BarsError

CHAIN = [
    Instrument(
        "ES.201212", "FUT", calendar="CMES", multiplier=Decimal(50), expires=date(2012, 12, 21)
    ),
    Instrument(
        "ES.201303", "FUT", calendar="CMES", multiplier=Decimal(50), expires=date(2013, 3, 15)
    ),
    Instrument(
        "ES.201306", "FUT", calendar="CMES", multiplier=Decimal(50), expires=date(2013, 6, 21)
    ),
]
DAYS = closes("CMES").loc["2012-11-01":"2013-04-30"]


def raw(seed=0, cross=date(2012, 12, 12), second=date(2013, 3, 6)):
    """Prices of three contracts a step apart; the next is traded more from those days on."""
    random = np.random.default_rng(seed)
    path = 1400 * np.exp(np.cumsum(random.normal(0, 0.01, len(DAYS))))
    close, volume = {}, {}
    days = DAYS.index.date
    for number, one in enumerate(CHAIN):
        close[one.symbol] = np.where(days <= one.expires, path * (1 - 0.005 * number), np.nan)
    volume["ES.201212"] = np.where(days < cross, 900.0, 100.0)
    volume["ES.201303"] = np.where(days < cross, 500.0, np.where(days < second, 950.0, 90.0))
    volume["ES.201306"] = np.where(days < second, 50.0, 800.0)
    ends = pd.DatetimeIndex(DAYS.to_numpy(), tz="UTC", name="time").as_unit("us")
    frame = pd.DataFrame(close, ends)
    volumes = pd.DataFrame(volume, ends).where(frame.notna())
    return Bars(frame, frame * 1.01, frame * 0.99, frame, volumes)


def rolled(bars, symbol="ES.C"):
    return [(r.session, r.old, r.new) for r in bars.contracts[symbol].rolls]


def test_a_roll_by_volume_takes_place_in_the_session_after_the_next_was_traded_more():
    made = continuous("ES.C", raw(), CHAIN, RollRule("volume", 2))
    assert rolled(made) == [
        (date(2012, 12, 13), "ES.201212", "ES.201303"),
        (date(2013, 3, 7), "ES.201303", "ES.201306"),
    ]


def test_a_roll_by_date_takes_place_so_many_sessions_before_the_last_trading_day():
    made = continuous("ES.C", raw(), CHAIN, RollRule("date", 8))
    (first, *_), times = rolled(made), [d.date() for d in DAYS.index]
    assert times.index(date(2012, 12, 21)) - times.index(first[0]) == 8 - 1
    noticed = [CHAIN[0], *CHAIN[1:]]
    noticed[0] = Instrument(
        "ES.201212", "FUT", calendar="CMES", expires=date(2012, 12, 21),
        first_notice=date(2012, 11, 30),
    )  # fmt: skip
    (early, *_) = rolled(continuous("ES.C", raw(), noticed, RollRule("date", 8)))
    assert times.index(date(2012, 11, 30)) - times.index(early[0]) == 8 - 1


def test_volume_that_never_comes_does_not_keep_a_contract_into_its_last_sessions():
    made = continuous("ES.C", raw(cross=date(2013, 12, 1)), CHAIN, RollRule("volume", 5))
    assert rolled(made)[0][0] == date(2012, 12, 17)


def test_the_newest_contract_keeps_its_prices_and_older_ones_are_moved_by_the_gap():
    bars = raw()
    by_ratio = continuous("ES.C", bars, CHAIN, RollRule(), "ratio").close["ES.C"]
    by_points = continuous("ES.C", bars, CHAIN, RollRule(), "difference").close["ES.C"]
    newest = bars.close["ES.201306"]
    assert (by_ratio.iloc[-20:] == newest.iloc[-20:]).all()
    assert (by_points.iloc[-20:] == newest.iloc[-20:]).all()
    first, second = continuous("ES.C", bars, CHAIN, RollRule()).contracts["ES.C"].rolls
    oldest = bars.close["ES.201212"].iloc[0]
    factor = first.new_price / first.old_price * second.new_price / second.old_price
    assert by_ratio.iloc[0] == pytest.approx(oldest * factor)
    assert by_points.iloc[0] == pytest.approx(oldest + first.gap + second.gap)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(["volume", "date"]), st.integers(1, 20))
def test_every_return_of_the_series_is_one_that_a_holder_of_the_contracts_had(seed, by, sessions):
    bars = raw(seed)
    made = continuous("ES.C", bars, CHAIN, RollRule(by, sessions))
    series, known = made.close["ES.C"], made.contracts["ES.C"]
    for row in range(1, len(series)):
        held = known.later.iloc[row - 1]
        assert held == known.front.iloc[row]
        own = bars.close[held].iloc[row] / bars.close[held].iloc[row - 1]
        assert series.iloc[row] / series.iloc[row - 1] == pytest.approx(own, rel=1e-12)
    volumes = [bars.volume[c].iloc[row] for row, c in enumerate(known.front)]
    assert made.volume["ES.C"].tolist() == volumes


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(40, 118), st.sampled_from(["volume", "date"]))
def test_the_series_up_to_a_session_made_of_what_was_known_then_is_the_series(seed, rows, by):
    """The same contracts and the same returns: no roll and no factor knows what comes later."""
    bars = raw(seed)
    whole = continuous("ES.C", bars, CHAIN, RollRule(by, 5))
    then = continuous("ES.C", bars.first(rows), CHAIN, RollRule(by, 5))
    known, of_then = whole.first(rows).contracts["ES.C"], then.contracts["ES.C"]
    assert of_then.front.tolist() == known.front.tolist()
    assert of_then.later.tolist() == known.later.tolist()
    returns = whole.first(rows).close["ES.C"].pct_change().iloc[1:]
    assert then.close["ES.C"].pct_change().iloc[1:].to_numpy() == pytest.approx(returns.to_numpy())


def test_a_series_that_begins_later_is_in_the_same_contract_after_one_session():
    bars = raw()
    whole = continuous("ES.C", bars, CHAIN, RollRule()).contracts["ES.C"]
    for first in range(1, 100, 7):
        part = continuous("ES.C", bars.rows(first, len(bars)), CHAIN, RollRule()).contracts["ES.C"]
        assert part.later.tolist() == whole.later.iloc[first:].tolist()


def test_weights_of_the_series_are_those_of_the_contract_that_trades_next():
    made = continuous("ES.C", raw(), CHAIN, RollRule("volume", 2))
    ones = pd.DataFrame({"ES.C": 0.5}, made.index)
    wide = real_weights(ones, made)
    assert list(wide.columns) == [one.symbol for one in CHAIN] == real_bars(made).symbols
    assert (wide.sum(axis=1) == 0.5).all()
    crossed = DAYS.index.get_loc("2012-12-12")
    assert wide["ES.201212"].iloc[crossed - 1] == 0.5
    assert wide["ES.201303"].iloc[crossed] == 0.5  # decided at that close, for the next session


def test_cutting_bars_cuts_the_contracts_behind_them():
    made = continuous("ES.C", raw(), CHAIN, RollRule())
    part = made.until(made.index[30])
    assert len(part.contracts["ES.C"].bars) == len(part.contracts["ES.C"].front) == 31
    assert made.select(["ES.C"]).contracts.keys() == {"ES.C"}
    other = made.close.rename(columns={"ES.C": "X"})
    x = Bars(other, other, other, other, other)
    assert beside([x, made]).select(["X"]).contracts == {}


def test_a_chain_that_ends_too_early_is_refused_rather_than_held_into_delivery():
    with pytest.raises(BarsError, match=r"no contract after ES\.201212 has bars on 2012-12-24"):
        continuous("ES.C", raw().select(["ES.201212"]), CHAIN[:1], RollRule())


def test_a_series_begins_where_the_first_contract_is_that_may_be_held():
    """What expired contracts traded in their last days before the others' bars is left out."""
    bars = raw()
    late = [one for one in CHAIN if one.symbol != "ES.201303"]
    frames = {n: getattr(bars, n).copy() for n in ("open", "high", "low", "close", "volume")}
    for frame in frames.values():
        frame.loc[: DAYS.loc["2012-12-18"], "ES.201306"] = np.nan
    noticed = [replace(late[0], first_notice=date(2012, 12, 7)), late[1]]
    made = continuous("ES.C", Bars(**frames).since(DAYS.loc["2012-12-10"]), noticed, RollRule())
    assert made.index[0] == DAYS.loc["2012-12-19"]
    assert set(made.contracts["ES.C"].front) == {"ES.201306"}


def test_points_that_would_go_below_zero_are_refused_with_what_helps():
    bars = raw()
    frames = {n: getattr(bars, n).copy() for n in ("open", "high", "low", "close")}
    for frame in frames.values():
        frame.iloc[0] = 1.0
    with pytest.raises(BarsError, match=r'not above 0; take adjust = "ratio"'):
        continuous("ES.C", Bars(**frames, volume=bars.volume), CHAIN, RollRule(), "difference")
