"""Bars of instruments in other currencies, in the base currency: pure.

The convention: all four prices of a bar are converted at the rate of its end, which is that of the
pair's last bar that had ended by then. So a backtest pays for what it buys in the base currency at
the rate of the fill, and what it holds gains and loses by the rate. At IB the price is owed in the
foreign currency instead, so that only the profit moves with the rate until somebody converts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pandas as pd

from hydra.domain.bars import Bars, Contracts
from hydra.errors import BarsError

PRICES = ("open", "high", "low", "close")
OLDEST = timedelta(days=5)
"""A rate may be older than a bar by a weekend with holidays, and no more."""


def pairs_for(currencies: Mapping[str, str], base: str) -> dict[str, tuple[str, str]]:
    """By foreign currency, the pair that tells its rate and the same pair the other way round."""
    foreign = sorted({currency for currency in currencies.values() if currency != base})
    return {name: (f"{name}.{base}", f"{base}.{name}") for name in foreign}


def to_base(bars: Bars, currencies: Mapping[str, str], pairs: Bars | None, base: str) -> Bars:
    """The bars with all prices in `base`; `currencies` are those of the symbols.

    `pairs` has a column for each foreign currency, such as EUR.USD, or USD.JPY, whose rate is the
    other way round. Contracts behind a series are converted with it. Raises `BarsError` for a
    currency without a pair, or where the pair has no bar of the five days before one.
    """
    rates = rates_of(bars, currencies, pairs, base)
    contracts = {
        symbol: _converted(known, rates.get(currencies[symbol]), base)
        for symbol, known in bars.contracts.items()
    }
    frames = {name: getattr(bars, name).copy() for name in PRICES} if rates else {}
    for name in frames:
        for symbol in bars.symbols:
            if currencies[symbol] in rates:
                frames[name][symbol] *= rates[currencies[symbol]]
    return replace(bars, contracts=contracts, **frames)


def rates_of(
    bars: Bars, currencies: Mapping[str, str], pairs: Bars | None, base: str
) -> dict[str, pd.Series[float]]:
    """What one unit of each foreign currency is worth at the end of each bar; raises as
    `to_base`."""
    return {
        currency: _rate(currency, known, pairs, base, bars)
        for currency, known in pairs_for(currencies, base).items()
    }


def _converted(known: Contracts, rate: pd.Series[float] | None, base: str) -> Contracts:
    if rate is None:
        return known
    frames = {name: getattr(known.bars, name).mul(rate, axis=0) for name in PRICES}
    instruments = {s: replace(one, currency=base) for s, one in known.instruments.items()}
    return replace(known, bars=replace(known.bars, **frames), instruments=instruments)


def _rate(
    currency: str, names: tuple[str, str], pairs: Bars | None, base: str, bars: Bars
) -> pd.Series[float]:
    """What one unit is worth at the end of each bar."""
    known = [name for name in names if pairs is not None and name in pairs.close]
    if pairs is None or not known:
        raise BarsError(
            f"There are no bars of {names[0]}, which tell what {currency} is worth in {base}."
        )
    told = pairs.close[known[0]].dropna()
    if known[0] == names[1]:
        told = 1.0 / told
    places = told.index.searchsorted(bars.index, side="right") - 1
    old = places < 0
    old |= (bars.index - told.index[places.clip(min=0)]) > OLDEST
    if old.any():
        raise BarsError(
            f"{known[0]} has no bar of the five days before {bars.index[old][0]}, so prices in "
            f"{currency} cannot be told in {base}; load it: hydra bars update {known[0]}."
        )
    return pd.Series(told.to_numpy()[places], bars.index)
