"""Prices of a replay's sessions as they are quoted and what they are worth, and what the account's
own rates of exchange made of its money abroad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

from hydra.domain.bars import Bars
from hydra.domain.events import NavMarked, Recorded
from hydra.domain.instruments import ONE
from hydra.journal.fold import Folding, State

if TYPE_CHECKING:
    from hydra.replay.bridge import Side

ZERO = Decimal(0)


@dataclass(frozen=True, eq=False)
class Quoted:
    """What was traded as the exchanges quote it: `bars` of what can be ordered, each symbol's
    currency, and by currency what one unit was worth in the base at the end of each bar."""

    bars: Bars
    currencies: Mapping[str, str]
    rates: Mapping[str, pd.Series[float]]


@dataclass(frozen=True)
class Prices:
    """One session's prices of one unit by symbol, as quoted; the last close where there is no bar.

    `rates` and `rates_before` are what a unit of each symbol's currency was worth at this bar's
    end and the last one's, `sizes` the multipliers.
    """

    before: Mapping[str, Decimal]
    opens: Mapping[str, Decimal]
    closes: Mapping[str, Decimal]
    rates: Mapping[str, Decimal]
    rates_before: Mapping[str, Decimal]
    sizes: Mapping[str, Decimal]

    def worth(self, symbol: str, price: Decimal) -> Decimal:
        """One unit at a price of this session, in the base currency."""
        return price * self.sizes[symbol] * self.rates[symbol]

    def was_worth(self, symbol: str) -> Decimal:
        """One unit at the close before, in the base currency of then."""
        return self.before[symbol] * self.sizes[symbol] * self.rates_before[symbol]


def prices_of(
    quoted: Quoted, multipliers: Mapping[str, float], sessions: Sequence[date]
) -> list[Prices]:
    """Those of each session; raises `KeyError` for one without a bar."""
    bars = quoted.bars
    closes = bars.close.ffill()
    opens = bars.open.where(bars.open.notna(), closes.shift(1)).fillna(closes)
    places = {time.date(): row for row, time in enumerate(bars.index)}
    sizes = {symbol: Decimal(str(size)) for symbol, size in multipliers.items()}
    rates = pd.DataFrame(
        {s: quoted.rates.get(quoted.currencies[s], 1.0) for s in bars.symbols}, bars.index
    )
    made = []
    for session in sessions:
        row = places[session]
        before = max(row - 1, 0)
        made.append(
            Prices(
                _exact(closes.iloc[before]),
                _exact(opens.iloc[row]),
                _exact(closes.iloc[row]),
                _exact(rates.iloc[row]),
                _exact(rates.iloc[before]),
                sizes,
            )
        )
    return made


def _exact(row: pd.Series[Any]) -> dict[str, Decimal]:
    return {str(s): Decimal(str(v)) if v == v else ZERO for s, v in row.items()}


class Abroad:
    """The account's money in each foreign currency at each closing mark."""

    def __init__(
        self,
        currencies: Mapping[str, str],
        records: Sequence[Recorded],
        closing: Sequence[NavMarked],
    ) -> None:
        self.currencies, self.closing = currencies, closing
        known = any(mark.rates for mark in closing)
        self._states = list(_states_at(records, closing)) if known else []

    def rate(self, symbol: str, mark: NavMarked) -> Decimal:
        """The ledger's rate of a symbol's currency; 1 for the account's own."""
        return mark.rates.get(self.currencies.get(symbol, ""), ONE)

    def gained(self, row: int, price: Prices, held: Mapping[str, Decimal], here: Side) -> Decimal:
        """What the account gained by its own rates beyond what bar rates make of the same trades.

        By currency: the local gain at the ledger's rate instead of the bar's, and what was there
        before moved by the ledger's rates (cash owed included) instead of its positions by the
        bars'.
        """
        mark, total = self.closing[row], ZERO
        for currency in {self.currencies[s] for s in (*held, *here.held, *here.traded)}:
            if currency not in mark.rates:
                continue
            mine = [s for s in {*held, *here.held, *here.traded} if self.currencies[s] == currency]
            now, bar = mark.rates[currency], price.rates[mine[0]]
            local, moved = ZERO, ZERO
            for symbol in mine:
                was = held.get(symbol, ZERO) * price.before[symbol]
                is_now = here.held.get(symbol, ZERO) * price.closes[symbol]
                local += (is_now - was - here.spent[symbol]) * price.sizes[symbol]
                moved += was * price.sizes[symbol] * (bar - price.rates_before[symbol])
            local -= here.charged[currency]
            total += local * (now - bar) - moved
            if row:
                then = self.closing[row - 1]
                equity = _equity(self._states[row - 1], currency, then)
                total += equity * (now - then.rates.get(currency, now))
        return total


def _equity(state: State, currency: str, mark: NavMarked) -> Decimal:
    """All that the account has in a currency, in its own money: cash, and what positions add."""
    worth = state.balances.get(currency, ZERO)
    for symbol, quantity in state.positions.items():
        one = state.instruments.get(symbol)
        if one and one.currency == currency and one.sec_type != "CASH":
            future = state.futures.get(symbol)
            paid = future.average_cost if future else ZERO
            worth += one.notional(quantity, mark.marks[symbol] - paid)
    return worth


def _states_at(records: Sequence[Recorded], closing: Sequence[NavMarked]) -> Iterator[State]:
    """The journal's state at each closing mark; they come in their order."""
    folding, wanted = Folding.of(State()), iter(closing)
    mark = next(wanted, None)
    for record in records:
        folding.take(record)
        while mark is not None and record.event == mark:
            yield folding.state()
            mark = next(wanted, None)
