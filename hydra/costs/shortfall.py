"""Implementation shortfall of a fill, and what it was made of: delay, spread and impact.

André Perold, "The implementation shortfall: paper versus reality", Journal of Portfolio Management
14 (1988): what is lost between the price that the decision was made on and the price that was
paid. Along the way the market moves until the order arrives (delay), the order crosses to the far
side of the quote (spread), and it goes on beyond it, or stops short of it (impact)::

    decision ── delay ──▶ arrival mid ── spread ──▶ arrival touch ── impact ──▶ fill

Each part is signed from the owner's side: paying up is positive for buys and sells alike, and the
three add up to the whole exactly. Money is `Decimal` in the instrument's currency. An order that
an algorithm works in several children arrives with each of them, so the drift between the first
child and a later one counts as the later one's delay.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.events import OrderQuoted
from hydra.domain.orders import Fill

ZERO = Decimal(0)
PER_BPS = Decimal(10_000)


@dataclass(frozen=True)
class Shortfall:
    """One fill's shortfall in money, > 0 for a loss; `notional` is its size at the decision price.

    The parts and `arrival_mid` are None where the market at arrival is not known well enough to
    say; `reason` then says why. `arrival_notional` is the size at the arrival mid.
    """

    total: Decimal
    notional: Decimal
    delay: Decimal | None = None
    spread: Decimal | None = None
    impact: Decimal | None = None
    arrival_mid: Decimal | None = None
    arrival_notional: Decimal | None = None
    reason: str = ""

    def bps(self, part: Decimal | None) -> float | None:
        """A part in basis points of the decision's notional; None for none, and for quantity 0."""
        return per_bps(part, self.notional)

    @property
    def execution_bps(self) -> float | None:
        """Spread and impact in bps of the arrival mid: what a cost model predicts."""
        if self.spread is None or self.impact is None:
            return None
        return per_bps(self.spread + self.impact, self.arrival_notional)

    @property
    def half_spread_bps(self) -> float | None:
        """Half the quoted spread in bps of the arrival mid."""
        return per_bps(self.spread, self.arrival_notional)


def per_bps(money: Decimal | None, notional: Decimal | None) -> float | None:
    """Money in basis points of a notional; None where one of them is missing, or is nothing."""
    return None if money is None or not notional else float(money / notional * PER_BPS)


def shortfall(fill: Fill, decision: Decimal, quote: OrderQuoted | None) -> Shortfall:
    """The shortfall of a fill against the price it was decided on and the market it arrived in.

    `decision` is > 0. Without a quote of both sides, of that moment and not crossed, there is only
    the total: no price is made up for what was not seen.
    """
    units = fill.quantity * fill.multiplier
    total, notional = units * (fill.price - decision), abs(units) * decision
    reason = quote_fault(quote)
    if reason or quote is None or quote.bid is None or quote.ask is None:
        return Shortfall(total, notional, reason=reason)
    mid = (quote.bid + quote.ask) / 2
    touch = quote.ask if units > 0 else quote.bid
    return Shortfall(
        total=total,
        notional=notional,
        delay=units * (mid - decision),
        spread=units * (touch - mid),
        impact=units * (fill.price - touch),
        arrival_mid=mid,
        arrival_notional=abs(units) * mid,
    )


def quote_fault(quote: OrderQuoted | None) -> str:
    """Why a quote says nothing about the market at arrival; empty when it does."""
    if quote is None:
        return "no quote at arrival"
    if quote.delayed:
        return "the quote at arrival was delayed"
    bid, ask = quote.bid, quote.ask
    missing = [side for side, price in (("bid", bid), ("ask", ask)) if not price or price < 0]
    if missing or bid is None or ask is None:
        return f"no {' and no '.join(missing)} at arrival"
    return f"the quote at arrival was crossed ({bid} over {ask})" if bid > ask else ""
