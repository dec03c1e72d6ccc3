"""Whatever is asked for, fills and happens to prices: nothing admitted goes past a limit."""

from dataclasses import replace
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.domain.instruments import Instrument
from hydra.domain.orders import Order, OrderType
from hydra.domain.portfolio import Portfolio, Position
from hydra.domain.traffic import Resting, Traffic
from hydra.risk._base import Context, reduces
from hydra.risk._gate import RiskGate, gate_of
from tests.risk.contexts import CONTEXT, NOW, request

SYMBOLS = ("A", "B", "C", "D")
GROUPS = {"A": "x", "B": "x", "C": "y"}
LIMITS = {
    "capital_share": {"shares": {"s": 0.5}, "share_of_others": 0.6},
    "free_margin": {"limit_use": 0.15},
    "gross_exposure": {"limit_weight": 0.3},
    "group_exposure": {"limit_weight": 0.4, "groups": GROUPS},
    "net_exposure": {"limit_weight": 0.15},
    "order_quantity": {"limit_quantity": 300},
    "position_weight": {"limit_weight": 0.25},
    "short_selling": {"never": ["D"]},
    "turnover_per_day": {"limit_weight": 0.3},
    "price_collar": {"enabled": False},
    "duplicate_intent": {"enabled": False},
}
GATE = gate_of(LIMITS)
D = Decimal


class Desk:
    """Books of two strategies kept by hand: cash, fills, working orders, prices."""

    def __init__(self) -> None:
        self.cash = D(100_000)
        self.filled = {(who, s): D(0) for who in ("s", "t") for s in SYMBOLS}
        self.prices = dict.fromkeys(SYMBOLS, D(100))
        self.working: dict[str, tuple[Order, Decimal]] = {}
        self.traffic = Traffic()

    def held(self, symbol: str) -> Decimal:
        return self.filled["s", symbol] + self.filled["t", symbol]

    def context(self, **changes: object) -> Context:
        """As the engine makes it, from scratch each time."""
        portfolio = self._filled(self.cash, {s: self.held(s) for s in SYMBOLS})
        books = {
            who: self._filled(D(0), {s: self.filled[who, s] for s in SYMBOLS})
            for who in ("s", "t")
        }
        working = {}
        for ref, (order, left) in self.working.items():
            rest = replace(order.request, quantity=left)
            portfolio = portfolio.after(rest)
            books[rest.strategy] = books[rest.strategy].after(rest)
            done = order.request.quantity - left
            working[ref] = Resting(rest.instrument.symbol, order.request.quantity, done)
        return replace(
            CONTEXT,
            portfolio=portfolio,
            books=books,
            held={s: self.held(s) for s in SYMBOLS},
            quotes=self.prices,
            quoted_at=dict.fromkeys(SYMBOLS, NOW),
            daily_volume=dict.fromkeys(SYMBOLS, D(10**9)),
            traffic=Traffic.of(self.traffic.sent, self.traffic.intents, working),
            **changes,
        )

    def _filled(self, cash: Decimal, quantities: dict[str, Decimal]) -> Portfolio:
        return Portfolio(
            cash,
            {s: Position(Instrument(s), q, self.prices[s]) for s, q in quantities.items() if q},
        )

    def fill(self, ref: str, share: int) -> None:
        order, left = self.working.pop(ref)
        quantity = (left * share / 4).to_integral_value()
        price = order.request.price
        self.filled[order.request.strategy, order.request.instrument.symbol] += quantity
        self.cash -= quantity * price
        if left - quantity:
            self.working[ref] = (order, left - quantity)


asked = st.tuples(
    st.just("ask"),
    st.sampled_from("st"),
    st.sampled_from(SYMBOLS),
    st.integers(-400, 400).filter(bool),
    st.integers(-5, 5),
)
filled = st.tuples(st.just("fill"), st.integers(0, 9), st.integers(1, 4))
cancelled = st.tuples(st.just("cancel"), st.integers(0, 9))
moved = st.tuples(st.just("move"), st.sampled_from(SYMBOLS), st.integers(-30, 30))
steps = st.lists(st.one_of(asked, asked, filled, cancelled, moved), max_size=25)


def wish(desk: Desk, number: int, step: tuple):
    """A limit order near the market."""
    _, who, symbol, quantity, off = step
    price = (desk.prices[symbol] * (1 + D(off) / 100)).quantize(D("0.01"))
    one = Instrument(symbol)
    terms = {"order_type": OrderType.LIMIT, "limit_price": price, "strategy": who, "step": number}
    return request(quantity, price=f"{price}", instrument=one, **terms)


def happen(desk: Desk, step: tuple) -> None:
    """Something that nobody asked the gate about."""
    refs = list(desk.working)
    if step[0] == "move":
        desk.prices[step[1]] = (desk.prices[step[1]] * (1 + D(step[2]) / 100)).quantize(D("0.01"))
    elif refs and step[0] == "fill":
        desk.fill(refs[step[1] % len(refs)], step[2])
    elif refs:
        del desk.working[refs[step[1] % len(refs)]]


def sums_anew(portfolio: Portfolio) -> Portfolio:
    """The same portfolio without any sum that was carried along."""
    return Portfolio(portfolio.cash, dict(portfolio.positions))


def past(context: Context, wanted) -> list[str]:
    """The limits that the proposed portfolio is past, reckoned anew and by hand."""
    after = sums_anew(context.portfolio.after(wanted))
    nav, symbol = after.nav, wanted.instrument.symbol
    group = frozenset(s for s in SYMBOLS if GROUPS.get(s) == GROUPS.get(symbol, "none"))
    now = context.portfolio.nav
    book, before = context.book(wanted.strategy).after(wanted), context.book(wanted.strategy)
    share = D("0.5") if wanted.strategy == "s" else D("0.6")
    size, was = sums_anew(book).gross, sums_anew(before).gross
    figures = {
        "gross_exposure": (after.gross, D("0.3") * nav),
        "net_exposure": (abs(after.net), D("0.15") * nav),
        "free_margin": (after.gross / 2, D("0.15") * nav),
        "position_weight": (abs(after.value(symbol)), D("0.25") * nav),
        "group_exposure": (after.gross_of(group), D("0.4") * nav),
        "capital_share": (size, max(share * now, was)),
        "turnover_per_day": (
            context.traffic.sent.day.turnover + abs(wanted.notional),
            D("0.3") * now,
        ),
    }
    return [name for name, (figure, limit) in figures.items() if figure > limit]


EXPOSURE = (
    "capital_share",
    "free_margin",
    "gross_exposure",
    "group_exposure",
    "net_exposure",
    "position_weight",
    "turnover_per_day",
)


@cache
def gate_with_only(name: str) -> RiskGate:
    """One limit on exposure at a time: the tightest of all would keep the others from biting."""
    off = {other: {"enabled": False} for other in EXPOSURE if other != name}
    return gate_of({**LIMITS, **off})


@pytest.mark.parametrize("name", EXPOSURE)
@settings(max_examples=80)
@given(steps)
def test_no_admitted_order_takes_the_proposed_portfolio_past_a_limit(name, happened):
    gate = gate_with_only(name)
    desk = Desk()
    for number, step in enumerate(happened):
        if step[0] != "ask":
            happen(desk, step)
            continue
        wanted, context = wish(desk, number, step), desk.context()
        verdict = gate.review(wanted, context)
        if not isinstance(verdict, Order):
            continue
        assert abs(wanted.quantity) <= 300 or reduces(wanted, context)
        assert reduces(wanted, context) or name not in past(context, wanted)
        if wanted.instrument.symbol == "D":
            assert wanted.quantity > 0 or context.one_sided(wanted) >= 0
        desk.traffic = context.traffic.after(wanted, NOW)
        desk.working[wanted.order_ref] = (verdict, wanted.quantity)


@settings(max_examples=150)
@given(steps, steps)
def test_while_only_reducing_is_allowed_no_position_grows_whatever_fills(before, later):
    desk = Desk()
    for number, step in enumerate(before):
        if step[0] != "ask":
            happen(desk, step)
            continue
        wanted = wish(desk, number, step)
        if isinstance(verdict := GATE.review(wanted, desk.context()), Order):
            desk.working[wanted.order_ref] = (verdict, wanted.quantity)
    desk.working.clear()
    most = {s: desk.held(s) for s in SYMBOLS}
    for number, step in enumerate(later):
        if step[0] != "ask":
            happen(desk, step)
        else:
            wanted = wish(desk, 100 + number, step)
            verdict = GATE.review(wanted, desk.context(reduce_only="losses"))
            if isinstance(verdict, Order):
                desk.working[wanted.order_ref] = (verdict, wanted.quantity)
        for symbol in SYMBOLS:
            held = desk.held(symbol)
            assert held * most[symbol] >= 0, symbol
            assert abs(held) <= abs(most[symbol]), symbol


@given(
    st.lists(
        st.tuples(
            st.sampled_from(SYMBOLS), st.integers(-90, 90).filter(bool), st.integers(1, 999)
        ),
        max_size=12,
    )
)
def test_sums_that_are_carried_along_are_the_sums_reckoned_anew(trades):
    portfolio, group = Portfolio(D(100_000)), frozenset(("A", "B"))
    for symbol, quantity, price in trades:
        portfolio.gross_of(group)
        portfolio = portfolio.after(request(quantity, f"{price}.37", Instrument(symbol)))
        anew = sums_anew(portfolio)
        assert (portfolio.nav, portfolio.net, portfolio.gross) == (anew.nav, anew.net, anew.gross)
        assert portfolio.gross_by_currency == anew.gross_by_currency
        assert portfolio.gross_of(group) == anew.gross_of(group)
