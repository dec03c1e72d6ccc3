"""The bridge: from what the backtest made to what the replay made, every step by its name.

A session's gain is what was held over night, what was held until the close, and what trading cost
against the open. Both accounts are put together in this way from the same bars, so that their
difference is a sum of named parts, exactly; what is left over is a mistake somewhere, and shown.

* ``sizing``: targets differ, because the session sizes by its value at the open and in the account
  that it has, the backtest by its own value at the close before;
* ``refusal``: an order that one of the two gates refused;
* ``unfilled``: what was admitted and did not fill;
* ``delay``, ``spread``, ``impact``: fill prices against the open, as in `hydra.costs.shortfall`,
  less what the backtest's cost model took for them;
* ``unquoted``: the same where no market at arrival was known;
* ``commission``: what was charged, less what the schedule said;
* ``roll``: all of the above costs of trades that leave a future's contract for the next;
* ``currency``: the account values its foreign cash and positions at the rates of its ledger and
  keeps what it owes in the foreign currency, the backtest converts at the rate of each bar's end;
* ``tick``: the gateway values positions on the exchange's tick, the bars have more decimals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from hydra.costs.shortfall import shortfall
from hydra.domain.events import (
    CommissionRecorded,
    FillCorrected,
    FillRecorded,
    NavMarked,
    OrderAdmitted,
    OrderQuoted,
    Recorded,
    TargetSet,
)
from hydra.domain.orders import Fill
from hydra.replay.prices import Abroad, Prices, Quoted, prices_of
from hydra.research.result import BacktestResult

ZERO = Decimal(0)
NAMES = (
    "sizing", "refusal", "unfilled", "delay", "spread", "impact", "unquoted", "commission", "roll",
    "currency", "tick",
)  # fmt: skip
COSTS = ("delay", "spread", "impact", "unquoted")
"""The parts, in the order in which they are told."""
HELD = NAMES[:3]
"""Those that make a difference between positions; they gain and lose until it is gone."""


@dataclass(frozen=True, eq=False)
class Bridge:
    """`sessions` has a row a session, indexed by date: `replay` and `backtest` are net asset
    values at the close, then each part's contribution to their difference in that session, then
    `unexplained`. `trades` has a row for each session and instrument in which either traded.

    All money is `Decimal` in the account's currency; parts are positive where the replay gained.
    """

    sessions: pd.DataFrame
    trades: pd.DataFrame
    opening_nav: Decimal

    @property
    def totals(self) -> pd.Series[Any]:
        """Each part over all sessions, and what is left over."""
        return self.sessions[[*NAMES, "unexplained"]].sum()

    @property
    def difference(self) -> Decimal:
        """The replay's last value less the backtest's."""
        last = self.sessions.iloc[-1]
        return Decimal(last["replay"] - last["backtest"])

    @property
    def unexplained(self) -> Decimal:
        """The largest amount, of any session, that no part explains."""
        return max((abs(Decimal(one)) for one in self.sessions["unexplained"]), default=ZERO)


@dataclass
class Side:
    """One account in one session, by symbol."""

    held: dict[str, Decimal] = field(default_factory=dict)
    """Signed units after the session's trades."""
    wanted: dict[str, Decimal] = field(default_factory=dict)
    planned: dict[str, Decimal] = field(default_factory=dict)
    """What would be held if all that was admitted had filled."""
    traded: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    spent: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Signed price × units of what was traded, as each side's prices are."""
    costs: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Loss against the open by part."""
    charges: Decimal = ZERO
    charged: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Commissions by currency, each in its own money."""
    rolling: Decimal = ZERO
    """All that trades cost which leave a contract for the next; in none of the other figures."""
    nav: Decimal = ZERO

    def cost(self, rolls: bool, charge: Decimal, losses: Sequence[tuple[str, Decimal]]) -> None:
        """Count what a trade cost, in the base currency, under its names or as a roll's."""
        if rolls:
            self.rolling += charge + sum((loss for _, loss in losses), ZERO)
            return
        self.charges += charge
        for name, loss in losses:
            self.costs[name] += loss


def rolled_in(traded: Mapping[str, Decimal]) -> frozenset[str]:
    """The contracts of futures that were left and entered in one session."""
    roots: dict[str, list[str]] = defaultdict(list)
    for symbol, quantity in traded.items():
        root, _, month = symbol.partition(".")
        if month.isdigit() and quantity:
            roots[root].append(symbol)
    return frozenset(s for some in roots.values() if len(some) > 1 for s in some)


def build_bridge(
    records: Iterable[Recorded],
    closing: Sequence[NavMarked],
    result: BacktestResult,
    sessions: Sequence[date],
    opening_nav: Decimal,
    quoted: Quoted | None = None,
) -> Bridge:
    """Compare the journal of a replay with a backtest of the same sessions on the same bars.

    `closing` are the replay's valuations at each close. Without `quoted` all that was traded is
    quoted in the account's currency.
    """
    told = list(records)
    plain = Quoted(result.bars, dict.fromkeys(result.bars.symbols, ""), {})
    prices = prices_of(quoted or plain, result.multipliers, sessions)
    ours = _replayed(told, sessions, prices, closing)
    theirs = _backtested(result, sessions, prices)
    abroad = Abroad((quoted or plain).currencies, told, closing)
    rows, before = [], {name: dict[str, Decimal]() for name in HELD}
    navs, tick, held = (opening_nav, Decimal(str(result.cash))), ZERO, dict[str, Decimal]()
    for row, (session, here, there, price, mark) in enumerate(
        zip(sessions, ours, theirs, prices, closing, strict=True)
    ):
        parts = dict.fromkeys(NAMES, ZERO)
        now = _differences(here, there)
        for name in HELD:
            parts[name] += _over_night(before[name], price) + _until_close(now[name], price)
        parts |= _cost_parts(here, there)
        tick, off = _off_tick(here.held, price, mark, abroad), tick
        parts["tick"] = tick - off
        parts["currency"] = abroad.gained(row, price, held, here)
        before, held = now, here.held
        gained = (here.nav - navs[0]) - (there.nav - navs[1])
        navs = here.nav, there.nav
        left = gained - sum(parts.values(), ZERO)
        rows.append(
            {"session": session, "replay": here.nav, "backtest": there.nav, **parts,
             "unexplained": left}
        )  # fmt: skip
    frame = pd.DataFrame(rows).set_index("session")
    return Bridge(frame, pd.DataFrame(list(_trades(sessions, ours, theirs))), opening_nav)


def _cost_parts(here: Side, there: Side) -> dict[str, Decimal]:
    """What trading cost the replay beyond the backtest; that of a roll under its own name."""
    parts = {name: there.costs[name] - here.costs[name] for name in COSTS}
    parts["commission"] = there.charges - here.charges
    parts["roll"] = there.rolling - here.rolling
    return parts


def _over_night(units: Mapping[str, Decimal], price: Prices) -> Decimal:
    """What units gained from the close before to the open, in the base currency."""
    return sum(
        (q * (price.worth(s, price.opens[s]) - price.was_worth(s)) for s, q in units.items() if q),
        ZERO,
    )


def _until_close(units: Mapping[str, Decimal], price: Prices) -> Decimal:
    """What they gained from the open to the close."""
    moves = (q * price.worth(s, price.closes[s] - price.opens[s]) for s, q in units.items() if q)
    return sum(moves, ZERO)


def _off_tick(
    held: Mapping[str, Decimal], price: Prices, mark: NavMarked, abroad: Abroad
) -> Decimal:
    """How much more the gateway's marks make of what is held than the bars' closes."""
    off = ZERO
    for symbol, quantity in held.items():
        if quantity:
            apart = mark.marks.get(symbol, price.closes[symbol]) - price.closes[symbol]
            off += quantity * apart * price.sizes[symbol] * abroad.rate(symbol, mark)
    return off


def _differences(here: Side, there: Side) -> dict[str, dict[str, Decimal]]:
    """By part and symbol, how many units more the replay holds because of it."""
    made: dict[str, dict[str, Decimal]] = {name: {} for name in HELD}
    for symbol in {*here.held, *there.held, *here.wanted, *there.wanted}:
        ours, theirs = here.held.get(symbol, ZERO), there.held.get(symbol, ZERO)
        wanted = here.wanted.get(symbol, ours), there.wanted.get(symbol, theirs)
        planned = here.planned.get(symbol, ours)
        made["sizing"][symbol] = wanted[0] - wanted[1]
        made["refusal"][symbol] = (planned - wanted[0]) - (theirs - wanted[1])
        made["unfilled"][symbol] = ours - planned
    return made


def _replayed(
    records: Iterable[Recorded],
    sessions: Sequence[date],
    prices: Sequence[Prices],
    closing: Sequence[NavMarked],
) -> list[Side]:
    """The journal's account, session by session."""
    story = _Story(list(records))
    sides, held = [], dict[str, Decimal]()
    for session, price, mark in zip(sessions, prices, closing, strict=True):
        side = Side(wanted=dict(story.targets[session]), nav=mark.nav)
        side.planned = dict(held)
        for symbol, quantity in story.admitted[session]:
            side.planned[symbol] = side.planned.get(symbol, ZERO) + quantity
        for fill in story.fills[session]:
            held[fill.symbol] = held.get(fill.symbol, ZERO) + fill.quantity
            side.traded[fill.symbol] += fill.quantity
            side.spent[fill.symbol] += fill.quantity * fill.price
        rolled = rolled_in(side.traded)
        for fill in story.fills[session]:
            charge = story.charges.get(fill.exec_id, ZERO)
            rate = price.rates[fill.symbol]
            side.charged[fill.currency] += charge
            losses = [
                (name, loss * rate)
                for name, loss in _losses(fill, price.opens[fill.symbol], story.quotes)
            ]
            side.cost(fill.symbol in rolled, charge * rate, losses)
        side.held = dict(held)
        sides.append(side)
    return sides


def _losses(
    fill: Fill, opened: Decimal, quotes: Mapping[str, OrderQuoted]
) -> Iterator[tuple[str, Decimal]]:
    """What a fill lost against the open, by part."""
    found = shortfall(fill, opened, quotes.get(fill.order_ref))
    if found.delay is None or found.spread is None or found.impact is None:
        yield "unquoted", found.total
        return
    yield "delay", found.delay
    yield "spread", found.spread
    yield "impact", found.impact


class _Story:
    """A replay's journal, by session; corrected fills as they stand in the end."""

    def __init__(self, records: Sequence[Recorded]) -> None:
        self.targets: dict[date, dict[str, Decimal]] = defaultdict(dict)
        self.admitted: dict[date, list[tuple[str, Decimal]]] = defaultdict(list)
        self.fills: dict[date, list[Fill]] = defaultdict(list)
        self.charges: dict[str, Decimal] = {}
        self.quotes: dict[str, OrderQuoted] = {}
        self._sessions: dict[str, date] = {}
        for record in records:
            self._take(record.event)

    def _take(self, event: Any) -> None:
        if isinstance(event, TargetSet):
            self.targets[event.session][event.symbol] = event.target
        elif isinstance(event, OrderAdmitted):
            request = event.order.request
            self._sessions[request.order_ref] = request.session
            self.admitted[request.session].append((request.instrument.symbol, request.quantity))
        elif isinstance(event, OrderQuoted):
            self.quotes[event.ref] = event
        elif isinstance(event, FillRecorded):
            self.fills[self._sessions[event.fill.order_ref]].append(event.fill)
        elif isinstance(event, FillCorrected):
            fills = self.fills[self._sessions[event.new.order_ref]]
            fills[fills.index(event.old)] = event.new
        elif isinstance(event, CommissionRecorded):
            self.charges[event.commission.exec_id] = event.commission.amount


def _backtested(
    result: BacktestResult, sessions: Sequence[date], prices: Sequence[Prices]
) -> list[Side]:
    """The backtest's account over the same sessions, in exact decimals."""
    trades: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
    for trade in result.trades:
        trades[trade["time"].date()].append(trade)
    refused: dict[date, dict[str, Decimal]] = defaultdict(dict)
    for refusal in result.refusals:
        request = refusal.request
        refused[request.session][request.instrument.symbol] = request.quantity
    cash, held = Decimal(str(result.cash)), dict[str, Decimal]()
    sides = []
    for session, price in zip(sessions, prices, strict=True):
        side = Side()
        side.wanted = {s: held.get(s, ZERO) + q for s, q in refused[session].items()}
        for trade in trades[session]:
            symbol, quantity, paid = trade["symbol"], trade["quantity"], trade["price"]
            held[symbol] = held.get(symbol, ZERO) + quantity
            value = quantity * paid * price.sizes[symbol]
            cash -= value + trade["commission"]
            side.traded[symbol] += quantity
            side.spent[symbol] += quantity * paid
        rolled = rolled_in(side.traded)
        for trade in trades[session]:
            symbol, quantity = trade["symbol"], trade["quantity"]
            paid = trade["price"] * price.sizes[symbol]
            loss = quantity * (paid - price.worth(symbol, price.opens[symbol]))
            losses = list(_modelled(result, symbol, loss))
            side.cost(symbol in rolled, trade["commission"], losses)
        side.held = dict(held)
        values = (q * price.worth(s, price.closes[s]) for s, q in held.items() if q)
        side.nav = cash + sum(values, ZERO)
        sides.append(side)
    return sides


def _modelled(result: BacktestResult, symbol: str, loss: Decimal) -> Iterator[tuple[str, Decimal]]:
    """What the cost model took, as spread and as impact."""
    half, costs = result.costs.half_spread_of(symbol), result.costs
    flat = half + costs.impact_bps
    spread = loss * Decimal(str(half / flat)) if flat and not costs.needs_liquidity else ZERO
    yield "spread", spread
    yield "impact", loss - spread


def _trades(
    sessions: Sequence[date], ours: Sequence[Side], theirs: Sequence[Side]
) -> Iterator[dict[str, Any]]:
    for session, here, there in zip(sessions, ours, theirs, strict=True):
        for symbol in sorted({*here.traded, *there.traded}):
            yield {
                "session": session,
                "symbol": symbol,
                "wanted_replay": here.wanted.get(symbol, here.held.get(symbol, ZERO)),
                "wanted_backtest": there.wanted.get(symbol, there.held.get(symbol, ZERO)),
                "traded_replay": here.traded.get(symbol, ZERO),
                "traded_backtest": there.traded.get(symbol, ZERO),
                "price_replay": _mean(here, symbol),
                "price_backtest": _mean(there, symbol),
            }


def _mean(side: Side, symbol: str) -> Decimal | None:
    traded = side.traded.get(symbol, ZERO)
    return side.spent[symbol] / traded if traded else None
