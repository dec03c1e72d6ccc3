"""The whole risk gate, every check on, for one order: at 10, 100 and 1,000 positions."""

import itertools
import time
from dataclasses import replace
from decimal import Decimal

from hydra.domain.instruments import Instrument
from hydra.domain.orders import Order, OrderRequest
from hydra.domain.portfolio import Portfolio, Position
from hydra.domain.traffic import Resting, Sent, Traffic
from hydra.risk._base import Context
from hydra.risk._gate import RiskGate, gate_of
from tests.risk.contexts import CONTEXT, DAY, NOW

SIZES = (10, 100, 1_000)
ORDERS = 200
ROUNDS = 25
AIM_US = 50.0


def run() -> None:
    """Print what a review costs, alone and with the context of the next order, and the ratios."""
    costs = {size: _cost(size) for size in SIZES}
    for size, (alone, basket) in costs.items():
        print(
            f"{size:>5} positions: {alone:5.1f} µs an order (aim: {AIM_US:.0f} at 100), "
            f"{basket:5.1f} µs with the next order's context"
        )
    for small, large in itertools.pairwise(SIZES):
        grown = [costs[large][n] / costs[small][n] for n in (0, 1)]
        print(
            f"{large:,} against {small:,} positions: ratio {grown[0]:.2f} and {grown[1]:.2f} "
            f"(linear would be {large / small:.0f})"
        )


def _cost(size: int) -> tuple[float, float]:
    """Microseconds an order: the best of many rounds, judged alone and one after the other."""
    symbols = [f"S{number}" for number in range(size)]
    gate, context = gate_with_groups(symbols), context_of(symbols)
    rounds = [_requests(symbols) for _ in range(2 * ROUNDS)]  # a request keeps what it reckoned
    alone = min(_seconds_alone(gate, context, one) for one in rounds[:ROUNDS])
    basket = min(_seconds_basket(gate, context, one) for one in rounds[ROUNDS:])
    return alone / ORDERS * 1e6, basket / ORDERS * 1e6


def _requests(symbols: list[str]) -> list[OrderRequest]:
    return [
        OrderRequest(
            "s", DAY, Instrument(symbols[n % len(symbols)]), Decimal(n + 1), Decimal(100), step=n
        )
        for n in range(ORDERS)
    ]


def gate_with_groups(symbols: list[str]) -> RiskGate:
    """Every shipped check."""
    groups = {symbol: f"group {number % 11}" for number, symbol in enumerate(symbols)}
    return gate_of({"group_exposure": {"groups": groups}})


def context_of(symbols: list[str]) -> Context:
    """An account that holds all symbols, half of them in the strategy's book, with orders out."""
    held = {s: Position(Instrument(s), Decimal(10), Decimal(100)) for s in symbols}
    half = dict(list(held.items())[::2])
    orders = {f"w{n}": Resting(s, Decimal(5)) for n, s in enumerate(symbols[: len(symbols) // 2])}
    return replace(
        CONTEXT,
        portfolio=Portfolio(Decimal(2_000_000 * len(symbols)), held),
        books={"s": Portfolio(Decimal(0), half)},
        held={s: p.quantity for s, p in held.items()},
        quotes=dict.fromkeys(symbols, Decimal(100)),
        quoted_at=dict.fromkeys(symbols, NOW),
        bids=dict.fromkeys(symbols, Decimal("99.99")),
        asks=dict.fromkeys(symbols, Decimal("100.01")),
        daily_volume=dict.fromkeys(symbols, Decimal(1_000_000)),
        traffic=Traffic.of(Sent(), {}, orders),
    )


def _seconds_alone(gate: RiskGate, context: Context, requests: list[OrderRequest]) -> float:
    started = time.perf_counter()
    for request in requests:
        verdict = gate.review(request, context)
    seconds = time.perf_counter() - started
    assert isinstance(verdict, Order), verdict
    return seconds


def _seconds_basket(gate: RiskGate, context: Context, requests: list[OrderRequest]) -> float:
    started = time.perf_counter()
    for request in requests:
        verdict = gate.review(request, context)
        assert isinstance(verdict, Order), verdict
        context = context.after(verdict.request)
    return time.perf_counter() - started


if __name__ == "__main__":
    run()
