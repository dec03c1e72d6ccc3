"""The sweep's inner loop: one parameter set, one pass over the bars, nothing kept but its figures.

numba compiles it together with the strategy's own `signal_at`. Two accounts of what a set would
have done: `alone` holds one instrument all in or not at all and trades when its signal changes;
`together` holds all instruments of the bars at the sizing's weights, as `research.backtest` does,
in fractions of a unit. Prices are per unit of money, NaN where there is no bar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from hydra.windows import NOISE

FIGURES = ("total_return", "max_drawdown", "trades", "turnover", "mean", "deviation", "skew",
           "kurtosis")  # fmt: skip
"""What a pass makes of a set, in this order: fractions; `trades` and `turnover` (traded money by
first cash) are sums; moments are of the simple returns of the bars, deviation with divisor n − 1,
kurtosis 3 for a normal distribution."""
TOTAL, WORST, TRADES, TURNOVER, MEAN, DEVIATION, SKEW, KURTOSIS = range(len(FIGURES))
AWAY, RATE, LEAST, MOST, CASH, AT_CLOSE, WAITS, WEIGHT, GROSS, OF_VALUE, TIERS = range(11)
"""What `terms` hold: how far from its price a fill is, as a fraction; the commission a unit, its
minimum and its maximum (a fraction of the value); first cash; 1 to fill at the close that decides,
else at the next open; 1 to wait until a signal that can be told has been off; the largest weight
and gross; the commission's fraction of the value; then pairs, from how many units on which rate a
unit. `strength` is the impact of one unit by row, as a fraction that grows with the root of the
size; without rows there is none."""
TINY = 1e-300

jit = numba.njit(error_model="numpy", nogil=True)


@jit
def given(tables: np.ndarray, keys: np.ndarray, row: int, values: np.ndarray) -> float:
    """The signal of a strategy that has no kernel of its own: made before, by pandas."""
    return float(tables[keys[0], row])


@jit
def charge(size: float, price: float, terms: np.ndarray) -> float:
    """What a broker takes for `size` > 0 at `price`: by `hydra.costs.commission.Fee`."""
    if terms[RATE] == 0.0 and terms[LEAST] == 0.0 and terms[OF_VALUE] == 0.0:
        return 0.0
    start, rate, amount = 0.0, terms[RATE], terms[OF_VALUE] * size * price
    for tier in range(TIERS, terms.shape[0], 2):
        if size <= terms[tier]:
            break
        amount += rate * (terms[tier] - start)
        start, rate = terms[tier], terms[tier + 1]
    amount += rate * (size - start)
    return float(min(max(amount, terms[LEAST]), terms[MOST] * size * price))


@jit
def affordable(cash: float, price: float, terms: np.ndarray) -> float:
    """The most units that `cash` pays for, commission included."""
    start, rate, below, value = 0.0, terms[RATE], 0.0, price * (1.0 + terms[OF_VALUE])
    size = cash / (value + rate)
    for tier in range(TIERS, terms.shape[0], 2):
        if size <= terms[tier]:
            break
        below += rate * (terms[tier] - start)
        start, rate = terms[tier], terms[tier + 1]
        size = (cash - below + rate * start) / (value + rate)
    if terms[OF_VALUE] * price * size + below + rate * (size - start) < terms[LEAST]:
        size = (cash - terms[LEAST]) / price
    return float(max(size, 0.0))


@jit
def distance(flat: float, strength: np.ndarray, row: int, size: float) -> float:
    """How far from its price `size` fills, as a fraction, by what was known at `row`."""
    if strength.shape[0] == 0 or size == 0.0:
        return flat
    return float(flat + strength[max(row, 0)] * np.sqrt(abs(size)))


@jit
def alone(
    signal: Callable[..., float],
    tables: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    opens: np.ndarray,
    closes: np.ndarray,
    terms: np.ndarray,
    strength: np.ndarray,
    blocks: np.ndarray,
    figures: np.ndarray,
    sums: np.ndarray,
    path: np.ndarray,
) -> None:
    """One set on one instrument: its signal is the share of its capital, traded when it changes.

    A purchase is cut to the cash there is, at the price of the size that was wanted. `blocks` are
    row bounds over which `sums` holds the sum of returns and of squares; `path` takes the returns
    where it has room for them.
    """
    at_close, is_fresh = terms[AT_CLOSE] > 0.0, terms[WAITS] == 0.0
    cash = worth = peak = lowest = terms[CASH]
    held = worst = wanted = traded = mark = 0.0
    trades, pending, keep = 0, False, path.shape[0] > 0
    total1 = total2 = total3 = total4 = 0.0
    for block in range(blocks.shape[0] - 1):
        part1 = part2 = 0.0
        for row in range(blocks[block], blocks[block + 1]):
            due = pending
            price = opens[row]
            if at_close:
                price = closes[row]
                is_fresh, target = aimed(signal(tables, keys, row, values), is_fresh)
                due = pending or target != wanted
                wanted = target
            if due:
                pending = not price > 0.0
                if not pending:
                    before = cash + held * price
                    size = wanted * before / price - held
                    if size <= 0.0 and wanted == 0.0:
                        size = -held
                    known = row if at_close else row - 1
                    away = distance(terms[AWAY], strength, known, size)
                    paid = price * (1.0 + away) if size > 0.0 else price * (1.0 - away)
                    if size > 0.0:
                        size = min(size, affordable(cash, paid, terms))
                        away = distance(terms[AWAY], strength, known, size)
                        paid = price * (1.0 + away)
                    if size != 0.0:
                        cash -= size * paid + charge(abs(size), paid, terms)
                        held = held + size if wanted != 0.0 else 0.0
                        trades += 1
                        traded += abs(size) * paid
            if not at_close:
                is_fresh, target = aimed(signal(tables, keys, row, values), is_fresh)
                pending = pending or target != wanted
                wanted = target
            if held == 0.0 and not due:
                continue  # in cash: nothing changes
            mark = closes[row] if closes[row] > 0.0 else mark
            now = cash + held * mark
            gain = now / worth - 1.0
            worth = now
            if keep:
                path[row] = gain
            part1 += gain
            square = gain * gain
            part2 += square
            total3 += square * gain
            total4 += square * square
            if now > peak:
                worst = min(worst, lowest / peak - 1.0)
                peak = lowest = now
            elif now < lowest:
                lowest = now
        sums[block, 0], sums[block, 1] = part1, part2
        total1 += part1
        total2 += part2
    worst = min(worst, lowest / peak - 1.0)
    figures[TOTAL] = worth / terms[CASH] - 1.0
    figures[WORST], figures[TRADES], figures[TURNOVER] = worst, trades, traded / terms[CASH]
    moments(total1, total2, total3, total4, blocks[-1] - blocks[0], figures)


@jit
def aimed(signal: float, is_fresh: bool) -> tuple[bool, float]:
    """What a signal aims at; NaN is none, and one that has not been off yet may have to wait."""
    if signal != signal:
        return is_fresh, 0.0
    if is_fresh or signal <= 0.0:
        return True, signal
    return False, 0.0


@jit
def moments(
    one: float, two: float, three: float, four: float, rows: int, figures: np.ndarray
) -> None:
    """Mean, deviation, skew and kurtosis from the sums of the powers."""
    mean = one / rows
    second = two / rows - mean * mean
    figures[MEAN] = mean
    figures[DEVIATION] = np.sqrt(max(second, 0.0) * rows / (rows - 1.0)) if rows > 1 else np.nan
    if second > TINY:
        third = three / rows - 3.0 * mean * two / rows + 2.0 * mean**3
        fourth = four / rows - 4.0 * mean * three / rows + 6.0 * mean**2 * two / rows
        figures[SKEW] = third / second**1.5
        figures[KURTOSIS] = (fourth - 3.0 * mean**4) / second**2
    else:
        figures[SKEW] = figures[KURTOSIS] = np.nan


@jit
def rebalance(
    held: np.ndarray,
    aim: np.ndarray,
    prices: np.ndarray,
    distances: np.ndarray,
    strength: np.ndarray,
    row: int,
    terms: np.ndarray,
    purse: np.ndarray,
) -> None:
    """Trade every instrument that has a price to what is aimed at (NaN: left alone).

    `row` is the one that decided; `purse` holds cash, the number of trades and the money traded.
    """
    for one in range(held.shape[0]):
        size = aim[one] - held[one]
        if prices[one] > 0.0 and size != 0.0 and size == size:
            side = 1.0 if size > 0.0 else -1.0
            away = distance(distances[one], strength[:, one], row, size)
            paid = prices[one] * (1.0 + side * away)
            purse[0] -= size * paid + charge(abs(size), paid, terms)
            purse[1] += 1.0
            purse[2] += abs(size) * paid
            held[one] = aim[one]


@jit
def worth_of(cash: float, held: np.ndarray, mark: np.ndarray, prices: np.ndarray) -> float:
    """Cash and holdings at the prices there are; `mark` keeps the last one of each."""
    for one in range(held.shape[0]):
        if prices[one] > 0.0:
            mark[one] = prices[one]
        cash += held[one] * mark[one]
    return cash


@jit
def weigh(raw: np.ndarray, most: float, gross: float) -> None:
    """Cut weights to the caps: each, then all in proportion."""
    total = 0.0
    for one in range(raw.shape[0]):
        raw[one] = min(max(raw[one], -most), most) if raw[one] == raw[one] else 0.0
        total += abs(raw[one])
    shrink = min(1.0, gross / max(total, 1e-12))
    for one in range(raw.shape[0]):
        raw[one] *= shrink


@jit
def together(
    signal: Callable[..., float],
    tables: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    opens: np.ndarray,
    closes: np.ndarray,
    scale: np.ndarray,
    terms: np.ndarray,
    distances: np.ndarray,
    strength: np.ndarray,
    blocks: np.ndarray,
    figures: np.ndarray,
    sums: np.ndarray,
    path: np.ndarray,
) -> None:
    """One set on all instruments at weights signal × `scale`, within the caps of `terms`.

    Decided at each close on the value there, traded at the next open (or that close), as in
    `research.backtest`; cash may be borrowed. `distances` hold each instrument's distance of a
    fill from its price, `strength` its impact. `opens`, `closes` and `scale` have a row a bar.
    """
    count, at_close = closes.shape[1], terms[AT_CLOSE] > 0.0
    held, mark, aim = np.zeros(count), np.zeros(count), np.full(count, np.nan)
    purse = np.zeros(3)
    purse[0] = worth = peak = terms[CASH]
    worst = total1 = total2 = total3 = total4 = 0.0
    keep = path.shape[0] > 0
    for block in range(blocks.shape[0] - 1):
        part1 = part2 = 0.0
        for row in range(blocks[block], blocks[block + 1]):
            if not at_close:
                rebalance(held, aim, opens[row], distances, strength, row - 1, terms, purse)
            now = worth_of(purse[0], held, mark, closes[row])
            for one in range(count):
                aim[one] = signal(tables[one], keys, row, values) * scale[row, one]
            weigh(aim, terms[WEIGHT], terms[GROSS])
            for one in range(count):
                aim[one] *= max(now, 0.0) / closes[row, one]  # NaN without a price: left alone
            if at_close:
                rebalance(held, aim, closes[row], distances, strength, row, terms, purse)
                now = worth_of(purse[0], held, mark, closes[row])
            gain = now / worth - 1.0
            worth = now
            if keep:
                path[row] = gain
            part1 += gain
            square = gain * gain
            part2 += square
            total3 += square * gain
            total4 += square * square
            peak = max(peak, now)
            worst = min(worst, now / peak - 1.0)
        sums[block, 0], sums[block, 1] = part1, part2
        total1 += part1
        total2 += part2
    figures[TOTAL] = worth / terms[CASH] - 1.0
    figures[WORST], figures[TRADES], figures[TURNOVER] = worst, purse[1], purse[2] / terms[CASH]
    moments(total1, total2, total3, total4, blocks[-1] - blocks[0], figures)


@numba.njit(parallel=True, error_model="numpy", nogil=True)
def sets_alone(
    signal: Callable[..., float],
    tables: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    opens: np.ndarray,
    closes: np.ndarray,
    terms: np.ndarray,
    strength: np.ndarray,
    blocks: np.ndarray,
    figures: np.ndarray,
    sums: np.ndarray,
) -> None:
    """`alone` for each row of `keys` and `values`, over all cores."""
    path = np.zeros(0)
    for i in numba.prange(keys.shape[0]):
        alone(signal, tables, keys[i], values[i], opens, closes, terms, strength, blocks,
              figures[i], sums[i], path)  # fmt: skip


@numba.njit(parallel=True, error_model="numpy", nogil=True)
def sets_together(
    signal: Callable[..., float],
    tables: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    opens: np.ndarray,
    closes: np.ndarray,
    scale: np.ndarray,
    terms: np.ndarray,
    distances: np.ndarray,
    strength: np.ndarray,
    blocks: np.ndarray,
    figures: np.ndarray,
    sums: np.ndarray,
) -> None:
    """`together` for each row of `keys` and `values`, over all cores."""
    path = np.zeros(0)
    for i in numba.prange(keys.shape[0]):
        together(signal, tables, keys[i], values[i], opens, closes, scale, terms, distances,
                 strength, blocks, figures[i], sums[i], path)  # fmt: skip


@numba.njit(parallel=True, error_model="numpy", nogil=True)
def trailing_means(prices: np.ndarray, windows: np.ndarray, out: np.ndarray) -> None:
    """`hydra.windows.trailing_mean` of one column for many windows, the same to the last bit."""
    for k in numba.prange(windows.shape[0]):
        bars = windows[k]
        out[k, : bars - 1] = np.nan
        for row in range(bars - 1, prices.shape[0]):
            distance, newest = 0.0, prices[row]
            for lag in range(bars):
                distance += prices[row - lag] - newest
            out[k, row] = newest + distance / bars


@numba.njit(parallel=True, error_model="numpy", nogil=True)
def trailing_stds(prices: np.ndarray, windows: np.ndarray, out: np.ndarray) -> None:
    """`hydra.windows.trailing_std` of one column for many windows, the same to the last bit."""
    trailing_means(prices, windows, out)
    for k in numba.prange(windows.shape[0]):
        bars = windows[k]
        for row in range(bars - 1, prices.shape[0]):
            squares, mean = 0.0, out[k, row]
            for lag in range(bars):
                squares += (prices[row - lag] - mean) ** 2
            spread = np.sqrt(squares / (bars - 1))
            out[k, row] = 0.0 if spread <= NOISE * abs(mean) else spread


def compiled(function: Callable[..., Any]) -> Any:
    """A strategy's `signal_at`, compiled once for all sweeps of this process."""
    if function not in _COMPILED:
        _COMPILED[function] = jit(function)
    return _COMPILED[function]


_COMPILED: dict[Callable[..., Any], Any] = {}
