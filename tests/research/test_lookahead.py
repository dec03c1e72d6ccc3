"""A strategy that knows the future, or never forgets the past, is found out and named."""

from dataclasses import dataclass

import pytest

from hydra import plugins
from hydra.errors import BadParameter
from hydra.research.lookahead import check_lookahead, check_recursive
from hydra.strategies.sma_cross import SmaCross
from tests.research.test_sweep import walk


@dataclass(frozen=True)
class Centred:
    """Compares with a mean of which half lies ahead."""

    lookback_bars = 21

    def signals(self, bars):
        mean = bars.close.rolling(21, center=True, min_periods=1).mean()
        return (bars.close > mean).astype(float)


@dataclass(frozen=True)
class Scaled:
    """Divides by the largest price of all, which is known only at the end."""

    lookback_bars = 1

    def signals(self, bars):
        return bars.close / bars.close.max()


@dataclass(frozen=True)
class Exponential:
    """Its mean never forgets, and it says that it needs twenty bars."""

    lookback_bars: int = 20

    def signals(self, bars):
        mean = bars.close.ewm(span=60, adjust=False).mean()
        return (bars.close > mean).astype(float)


@pytest.mark.parametrize("strategy", [Centred(), Scaled()])
def test_knowledge_of_the_future_is_named_with_its_time_and_symbol(strategy):
    found = check_lookahead(strategy, walk())
    assert not found.ok
    first = found.differences.iloc[0]
    assert first["whole"] != first["part"]
    assert f"{first['symbol']} at {first['time']:%Y-%m-%d}" in str(found)


@pytest.mark.parametrize("name", list(plugins.find("strategies")))
def test_the_shipped_strategies_know_nothing_of_the_future_and_need_no_more_than_they_say(name):
    strategy = plugins.configure("strategies", name, {})
    bars = walk(rows=strategy.lookback_bars + 60)
    assert str(check_lookahead(strategy, bars)).endswith("rows.")
    assert check_lookahead(strategy, bars).ok
    assert check_recursive(strategy, bars).ok


def test_an_indicator_that_never_forgets_is_found_though_it_knows_no_future():
    assert check_lookahead(Exponential(), walk()).ok
    found = check_recursive(Exponential(), walk())
    assert not found.ok
    assert "dependence on older bars" in str(found)
    assert len(check_recursive(Exponential(350), walk()).differences) < len(found.differences)


def test_too_few_bars_to_check_are_refused():
    with pytest.raises(BadParameter, match="given 2 bars"):
        check_lookahead(SmaCross(), walk(rows=2))
