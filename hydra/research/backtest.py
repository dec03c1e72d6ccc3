"""A backtest that does what a paper session does, session by session, against history.

At the close of row t the strategy sees all bars up to t, the sizing makes weights of its signals,
and the same functions that the order path uses make whole lots of them at the close's net asset
value. The difference to what is held trades at the open of row t + 1, across the spread, with the
broker's commission. Money and quantities are decimals, as in the journal: a float's last bit must
not decide whether one share more is bought. Every order passes the risk gate, as in a session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

from hydra.costs.liquidity import Liquidity, liquidity_of
from hydra.costs.model import CostModel
from hydra.data._futures import real_bars, real_weights
from hydra.domain.bars import Bars
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest
from hydra.domain.portfolio import Portfolio
from hydra.errors import BadParameter
from hydra.execution.targets import (
    TradeLimits,
    quantities_to_requests,
    unit_values,
    weights_to_quantities,
)
from hydra.research.gated import Judge, marked
from hydra.research.overfitting import sharpes_of
from hydra.research.result import BacktestResult
from hydra.research.trials import Trial, Trials, book
from hydra.risk._gate import RiskGate, shipped_gate
from hydra.sizing._base import Sizing
from hydra.strategies._base import Strategy, checked_signals

ZERO = Decimal(0)
DEFAULT_COSTS = CostModel()
DEFAULT_LIMITS = TradeLimits()


def backtest(  # noqa: PLR0913 - what a backtest takes are its parts, each with a default
    strategy: Strategy,
    bars: Bars,
    sizing: Sizing,
    costs: CostModel = DEFAULT_COSTS,
    cash: float = 1_000_000.0,
    instruments: Mapping[str, Instrument] | None = None,
    gate: RiskGate | Callable[[], RiskGate] | None = shipped_gate,
    limits: TradeLimits | None = DEFAULT_LIMITS,
    trials: Trials | None = None,
) -> BacktestResult:
    """Trade `bars` (checked, see `hydra.data`) from `cash` in the base currency.

    `instruments` give lots and multipliers by symbol; one that is not named is a US stock traded
    by the share. A column with contracts behind it (ES.C) is decided on and traded in these: at a
    roll the old one is sold and the new one bought at the next open. Foreign prices come in the
    base currency (`hydra.data._currency`). A symbol without a bar at the next open does not trade
    there, and what is held of it keeps its last close. Borrowed cash and borrowed shares cost no
    interest. `costs` whose impact depends on the order's size take volatility and volume from the
    bars up to the decision.
    `gate` judges every order at the open it would trade at, as a paper session's does, and what it
    refuses does not trade; by default that is every shipped check with its own limits, and None
    is no gate. See `hydra.research.gated` for what it is told. `limits` bound what one bar may
    trade, as in a session (its impact from daily bars only); None bounds nothing. The backtest is
    counted among what was tried on such bars, in `trials` or in the process's own book.
    Raises `BadParameter` for bars without two rows, cash that is not positive, signals or weights
    that break their protocol, or an order whose impact cannot be told.
    """
    if len(bars) < 2 or not 0 < cash < float("inf"):
        raise BadParameter(
            f"A backtest needs at least 2 bars and cash above 0; given {len(bars)} and {cash}."
        )
    signals, decided_on = checked_signals(strategy, bars), bars
    weights = real_weights(sizing.weights(signals, bars), bars)
    contracts = {s: one for c in bars.contracts.values() for s, one in c.instruments.items()}
    bars = real_bars(bars)
    given = {**contracts, **(instruments or {})}
    known = {s: given.get(s) or Instrument(s) for s in bars.symbols}
    told = costs.needs_liquidity or (limits is not None and bars.bar_size == "1 day")
    liquidity = liquidity_of(bars) if told else None
    judge = Judge.of(gate() if callable(gate) else gate, bars, known, _name(strategy))
    run = _Run(_name(strategy), bars, weights, costs, known, liquidity, judge, limits)
    replayed = list(_sessions(run, cash))
    result = BacktestResult(
        strategy=repr(strategy),
        sizing=repr(sizing),
        costs=costs,
        bars=bars,
        weights=weights,
        equity=pd.Series([float(nav) for nav, _ in replayed], bars.index, name="equity"),
        trades=tuple(trade for _, trades in replayed for trade in trades),
        cash=float(cash),
        multipliers={s: float(i.multiplier) for s, i in known.items()},
        refusals=tuple(judge.refusals) if judge else (),
    )
    sharpe = sharpes_of(result.returns.to_numpy(dtype=float)[None, :])
    what = f"{result.strategy} {result.sizing} {costs!r} {cash}"
    trial = Trial(type(strategy).__name__, what, sharpe)
    return replace(result, trials=(trials or book()).count(decided_on, trial))


@dataclass(frozen=True, eq=False)
class _Run:
    """What stays the same from row to row."""

    name: str
    bars: Bars
    weights: pd.DataFrame
    costs: CostModel
    instruments: Mapping[str, Instrument]
    liquidity: Liquidity | None
    judge: Judge | None
    limits: TradeLimits | None

    @cached_property
    def rows(self) -> list[dict[Any, float]]:
        """The weights, a dictionary a row."""
        return self.weights.to_dict("records")


def _sessions(run: _Run, cash: float) -> Iterator[tuple[Decimal, list[dict[str, Any]]]]:
    """Net asset value at each close, and the trades at the open before it."""
    portfolio, requests = Portfolio(_exact(cash)), list[OrderRequest]()
    opens, closes = _prices(run.bars.open), _prices(run.bars.close)
    last = len(run.bars) - 1
    for row, time in enumerate(run.bars.index):
        if run.judge and requests:
            requests = run.judge.admitted(row, requests, portfolio, opens[row])
        trades = [
            {"time": time, **_trade(run, row, request, opens[row][request.instrument.symbol])}
            for request in requests
            if request.instrument.symbol in opens[row]
        ]
        for trade in trades:
            portfolio = _after(portfolio, trade, run.instruments)
        portfolio = marked(portfolio, closes[row])
        yield portfolio.nav, trades
        later = run.bars.index[min(row + 1, last)]
        requests = _requests(run, row, later, portfolio, closes[row])


def _requests(
    run: _Run,
    row: int,
    later: pd.Timestamp,
    portfolio: Portfolio,
    prices: Mapping[str, Decimal],
) -> list[OrderRequest]:
    """The order path's own steps from this row's weights to the next session's requests."""
    weights = run.rows[row]
    listed = {symbol: weights[symbol] for symbol in prices}
    # with nothing left every target is 0: a negative value would turn the weights' signs around
    nav = max(portfolio.nav, ZERO)
    targets = weights_to_quantities(listed, nav, prices, run.instruments)
    held = {symbol: position.quantity for symbol, position in portfolio.positions.items()}
    if run.limits:
        known = {s: run.liquidity.at_row(s, row) for s in targets} if run.liquidity else {}
        values = unit_values(prices, run.instruments)
        targets = run.limits.reachable(targets, held, values, run.instruments, nav, known)
    return quantities_to_requests(run.name, later.date(), targets, held, prices, run.instruments)


def _trade(run: _Run, row: int, request: OrderRequest, opened: Decimal) -> dict[str, Any]:
    """A request that met the open of `row`: what it filled at and what was charged."""
    quantity, costs = float(request.quantity), run.costs
    known = _known(run, row - 1, request)
    price = float(costs.fill_price(quantity, float(opened), request.instrument.symbol, *known))
    return {
        "order_ref": request.order_ref,
        "symbol": request.instrument.symbol,
        "quantity": request.quantity,
        "decision_price": request.decision_price,
        "open": opened,
        "price": _exact(price),
        "commission": _exact(costs.charge_of(request.instrument, quantity, price)),
    }


def _known(run: _Run, row: int, request: OrderRequest) -> tuple[float, ...]:
    """A day's volatility and volume as they stood at the close of `row`, where the costs ask."""
    if run.liquidity is None or not run.costs.needs_liquidity:
        return ()
    known = run.liquidity.at_row(request.instrument.symbol, row)
    if known is None:
        raise BadParameter(
            f"The impact of {request.order_ref} cannot be told: no volatility or no volume is "
            f"known at {run.bars.index[row]:%Y-%m-%d}; begin the bars earlier, or take costs "
            "without impact (`--costs default`)."
        )
    return known


def _after(
    portfolio: Portfolio, trade: Mapping[str, Any], instruments: Mapping[str, Instrument]
) -> Portfolio:
    symbol = trade["symbol"]
    one = instruments[symbol]
    if one.sec_type == "CASH":  # a backtest has one currency: what a pair buys is held like shares
        one = replace(one, sec_type="STK")
    position, paid = portfolio.traded(
        portfolio.positions.get(symbol), one, trade["quantity"], trade["price"]
    )
    positions = {**portfolio.positions, symbol: position}
    cash = portfolio.cash + paid - trade["commission"]
    return Portfolio(cash, {s: p for s, p in positions.items() if p.quantity})


def _prices(frame: pd.DataFrame) -> list[dict[str, Decimal]]:
    """By row, the price of every symbol that has one."""
    return [
        {str(symbol): _exact(price) for symbol, price in row.items() if price == price}
        for row in frame.to_dict("records")
    ]


def _exact(number: float) -> Decimal:
    """The decimal that prints as this float, as prices reach the journal from the gateway."""
    return Decimal(str(number))


def _name(strategy: Strategy) -> str:
    """The plug-in's name: its file."""
    return type(strategy).__module__.rpartition(".")[2]
