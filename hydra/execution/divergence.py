"""What the account says that our fills do not explain: pure, from the journal's state and one look
at the account.

A split, a reset of a paper account, a transfer, a position closed by hand, cash that lags behind
fills: each is told apart, or left to a person. Nothing here trades.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hydra.domain.events import (
    CashMoved,
    CommissionRecorded,
    ContestedPosition,
    ExternalFillRecorded,
    FillCorrected,
    FillRecorded,
    Recorded,
    SplitApplied,
)
from hydra.domain.instruments import ONE
from hydra.domain.orders import Fill
from hydra.execution.broker import Account
from hydra.journal.fold import State, same_money

ZERO = Decimal(0)
VALUE_TOLERANCE = Decimal("0.02")
"""How far NetLiquidation may be from cash and positions of the same download, as a fraction: marks
and sums are of different seconds, and accrued interest is in the sum."""
LAG = timedelta(minutes=5)
"""How long account values may lag behind fills: IB refreshes them every three minutes (its page on
account updates; ib_async #15, ib_insync #21)."""
TRANSFER = Decimal("0.02")
"""Cash that moved by more than this fraction of NAV is a deposit or withdrawal; less may be a
dividend, interest or a fee, which belong to the result."""
OUTLIER = Decimal("0.10")
"""A NAV that is further from the last one is looked at twice."""
COST_TOLERANCE = 0.02
"""Average costs hold commissions."""
LEAST_STEP = math.log(1.3)
"""A ratio nearer to 1 than this is told by the cost alone: prices move that far overnight."""
OVERNIGHT = math.log(1.25)
"""How far a price may move overnight beside a split."""
DOUBT = timedelta(days=4)
"""How long an order of which nothing is known may explain a position: over a long weekend."""
RATIOS = (
    *(Fraction(n, 1) for n in range(2, 101)),
    *(Fraction(1, n) for n in range(2, 501)),
    *(Fraction(n, m) for n, m in ((3, 2), (5, 2), (7, 2), (4, 3), (5, 3), (5, 4), (7, 4), (6, 5))),
    *(Fraction(n, m) for n, m in ((7, 5), (8, 5), (11, 10), (21, 20), (2, 3), (3, 4), (2, 5))),
)
"""New units for old ones, as companies split; a stock dividend of 5 % is 21:20."""
MONEY = (FillRecorded, FillCorrected, CommissionRecorded, ExternalFillRecorded)
"""Events that move cash."""
WHO_DECIDES = "see `hydra adopt`"


def contradiction(account: Account) -> str:
    """Why an account's figures cannot all be of one moment; empty when they agree.

    NetLiquidation is held against cash and positions of the same download, with or without what
    is accrued and not paid.
    """
    if account.position_value is None:
        return ""
    worth = account.cash + account.position_value
    allowed = max(ONE, VALUE_TOLERANCE * abs(account.net_liquidation))
    off = account.net_liquidation - worth
    if min(abs(off), abs(off - account.accrued)) <= allowed:
        return ""
    return (
        f"The gateway tells a net liquidation value of {account.net_liquidation:,.2f} and, in the "
        f"same download, cash and positions of {worth:,.2f} {account.currency}: its account "
        "values are not of one moment, so nothing is sized by them."
    )


def with_marks(account: Account, last: Mapping[str, Decimal]) -> tuple[Account, tuple[str, ...]]:
    """The account with a mark of each position that it tells no price of, where `last` has one,
    and the symbols that needed one."""
    missing = tuple(s for s in account.positions if s not in account.marks and s in last)
    if not missing:
        return account, ()
    marks = {**account.marks, **{s: last[s] for s in missing}}
    return replace(account, marks=marks, position_value=None), missing


def unexplained(state: State, account: Account) -> dict[str, ContestedPosition]:
    """Positions of our strategies that are not what their fills make them, or that somebody else
    has closed, by symbol."""
    held = {symbol for (_, symbol), held in state.holdings.items() if held.quantity}
    doubted = {order.request.instrument.symbol for order in state.unknown.values()}
    return {
        symbol: _contested(state, account, symbol)
        for symbol in sorted(held | doubted)
        if _is_contested(state, account, symbol, symbol in held)
    }


def unexplained_value(state: State, account: Account) -> Decimal:
    """What the contested units are worth beyond those expected, in the account's currency."""
    total = ZERO
    for symbol, known in state.contested.items():
        one, mark = state.instruments.get(symbol), account.marks.get(symbol, ZERO)
        if one is not None and one.sec_type not in ("FUT", "CASH"):
            rate = state.rate(one.currency) or ONE
            total += one.notional(known.told - known.expected, mark) * rate
    return total


def orders_in_doubt(state: State, symbol: str, difference: Decimal) -> tuple[str, ...]:
    """The orders of ours that nobody knows of and that may have made the difference.

    Those whose unreported units are just the difference, else all that can add up to it, whole
    or in part. IB reports executions until midnight, or the gateway's restart, only.
    """
    if not difference:
        return ()
    unreported = _unreported(state, symbol)
    exact = tuple(ref for ref, units in unreported.items() if units == difference)
    least = sum((units for units in unreported.values() if units < 0), ZERO)
    most = sum((units for units in unreported.values() if units > 0), ZERO)
    return exact or (tuple(unreported) if least <= difference <= most else ())


def _unreported(state: State, symbol: str) -> dict[str, Decimal]:
    """What each order in the symbol may have filled unheard, signed, by reference."""
    now = state.reconciled_at
    return {
        ref: order.unreported
        for ref, order in state.unknown.items()
        if order.request.instrument.symbol == symbol
        and (now is None or now - order.admitted_at <= DOUBT)
    }


def _is_contested(state: State, account: Account, symbol: str, is_held: bool) -> bool:
    """Where no strategy holds any, what is there is external, unless any of it may be an order's
    of ours. What somebody else traded before there was a book of ours takes nothing from it."""
    difference = account.positions.get(symbol, ZERO) - state.expected(symbol)
    if difference:
        return is_held or bool(_unreported(state, symbol))
    touched = symbol in state.traded_elsewhere or symbol in state.contested
    return touched and not _is_backed(state, account, symbol)


def _is_backed(state: State, account: Account, symbol: str) -> bool:
    """Whether the account holds at least our strategies' units, on their side."""
    told, own = account.positions.get(symbol, ZERO), state.owned(symbol)
    return own == 0 or (own * told > 0 and abs(told) >= abs(own))


def _contested(state: State, account: Account, symbol: str) -> ContestedPosition:
    told, expected = account.positions.get(symbol, ZERO), state.expected(symbol)
    backed, own = _is_backed(state, account, symbol), state.owned(symbol)
    doubt = orders_in_doubt(state, symbol, told - expected)
    if doubt:
        why = f"{' or '.join(doubt)} may have filled, though no execution was told"
    elif told == expected:
        why = f"our strategies hold {own:,f} of it: somebody else has traded it away"
    elif backed:
        why = "no execution tells why (a transfer, or a trade elsewhere?)"
    else:
        why = "no execution tells why (a reset account, a transfer, or a trade elsewhere?)"
    return ContestedPosition(
        told,
        expected,
        backed,
        f"{symbol}: the account holds {told:,f}, the journal {expected:,f}, and {why}. No order "
        f"in it leaves before a person has decided: {WHO_DECIDES}.",
    )


def split_of(state: State, account: Account, symbol: str) -> SplitApplied | None:
    """The split that explains a position; None when fewer than two of three figures tell of one.

    The three are the position, n:m, and average cost and price, m:n.
    """
    told, expected = account.positions.get(symbol, ZERO), state.expected(symbol)
    if not expected or told * expected <= 0 or orders_in_doubt(state, symbol, told - expected):
        return None
    found = [
        (agreed, ratio)
        for ratio in RATIOS
        if _is_split_by(told, expected, ratio)
        and (agreed := list(_agreed(state, account, symbol, ratio)))
    ]
    if not found:
        return None
    agreed, ratio = max(found, key=lambda one: len(one[0]))
    con_id, one = account.con_ids.get(symbol, 0), state.instruments.get(symbol)
    before = state.con_ids.get(symbol) or (one.con_id if one else 0)
    is_new = con_id and before and con_id != before
    return SplitApplied(
        symbol,
        ratio.numerator,
        ratio.denominator,
        told,
        con_id if is_new else 0,
        "; ".join([f"position {expected:,f} → {told:,f}", *agreed]),
    )


def _is_split_by(told: Decimal, expected: Decimal, ratio: Fraction) -> bool:
    """Whether the position is the expected one times the ratio; parts of a unit are paid out."""
    exact = expected * ratio.numerator / ratio.denominator
    return abs(exact - told) < 1 and abs(told) <= abs(exact)


def _agreed(state: State, account: Account, symbol: str, ratio: Fraction) -> Iterator[str]:
    """Which of average cost and price moved inversely."""
    step = math.log(ratio)
    cost = account.average_costs.get(symbol, ZERO)
    known = [(b, math.log(cost / b)) for b in _costs_before(state, symbol) if cost > 0 and b > 0]
    inverse = [b for b, moved in known if abs(moved + step) < min(COST_TOLERANCE, abs(step) / 2)]
    if inverse:
        yield f"average cost {inverse[0]:,.4f} → {cost:,.4f}"
    elif known and all(abs(moved) > COST_TOLERANCE for _, moved in known):
        return  # it moved otherwise: something else has happened
    before = state.mark.marks.get(symbol, ZERO) if state.mark else ZERO
    mark = account.marks.get(symbol, ZERO)
    if mark > 0 and before > 0 and _is_inverse(math.log(mark / before), step):
        yield f"price {before:,f} → {mark:,f}"


def _is_inverse(moved: float, step: float) -> bool:
    """Whether a price moved by the split, in logarithms. It moves overnight by itself, so it says
    nothing of a small ratio, and must be near to the split's."""
    return abs(step) > LEAST_STEP and abs(moved + step) < min(OVERNIGHT, abs(step) / 2)


def _costs_before(state: State, symbol: str) -> Iterator[Decimal]:
    """What was paid a unit: as the broker last told it, and by our own fills."""
    if symbol in state.average_costs:
        yield state.average_costs[symbol]
    held = [h for (_, s), h in state.holdings.items() if s == symbol and h.quantity]
    total = sum((h.quantity for h in held), ZERO)
    if total and len({h.quantity > 0 for h in held}) == 1 and not state.external.get(symbol):
        yield sum((h.quantity * h.average_cost for h in held), ZERO) / total


def cash_lags(
    records: Iterable[Recorded], state: State, told: Mapping[str, Decimal], now: datetime
) -> bool:
    """Whether the told cash, by currency, is ours of some moment within the last minutes.

    `records` are events of kinds `MONEY` in their order, since the last comparison in which it
    lagged behind nothing. What had been executed before that is in the cash, however late it was
    told of.
    """
    late = [r for r in records if now - r.time <= LAG]
    known = {
        r.event.fill.exec_id
        for r in late
        if isinstance(r.event, FillRecorded)
        and state.cash_told_at is not None
        and r.event.fill.time < state.cash_told_at
    }
    late = [r for r in late if _exec_id(r) not in known]
    return any(_is_behind(order, state.balances, told) for order in (late, _by_execution(late)))


def _is_behind(
    late: Sequence[Recorded], ours: Mapping[str, Decimal], told: Mapping[str, Decimal]
) -> bool:
    """Whether the cash is what it was before the last one, two, … of these."""
    behind = dict(ours)
    for record in reversed(late):
        for currency, amount in _cash_of(record):
            behind[currency] = behind.get(currency, ZERO) - amount
        if _same(behind, told):
            return True
    return False


def _by_execution(late: Sequence[Recorded]) -> list[Recorded]:
    """Each execution with its charge after it, whenever that was told."""
    place = {_exec_id(r): n for n, r in enumerate(late) if isinstance(r.event, FillRecorded)}
    return sorted(late, key=lambda r: place.get(_exec_id(r), len(late)))


def _exec_id(record: Recorded) -> str:
    event = record.event
    if isinstance(event, FillRecorded):
        return event.fill.exec_id
    return event.commission.exec_id if isinstance(event, CommissionRecorded) else ""


def _same(ours: Mapping[str, Decimal], told: Mapping[str, Decimal]) -> bool:
    return all(same_money(ours.get(name, ZERO), told.get(name, ZERO)) for name in {*ours, *told})


def _cash_of(record: Recorded) -> Iterator[tuple[str, Decimal]]:
    event = record.event
    if isinstance(event, FillRecorded | ExternalFillRecorded):
        yield from _paid(event.fill)
    elif isinstance(event, FillCorrected):
        yield from ((currency, -amount) for currency, amount in _paid(event.old))
        yield from _paid(event.new)
        yield event.refund_currency or event.old.currency, event.refund
    elif isinstance(event, CommissionRecorded):
        yield event.commission.currency, -event.commission.amount


def _paid(fill: Fill) -> Iterator[tuple[str, Decimal]]:
    if fill.sec_type != "FUT":
        yield fill.currency, fill.cash
    if fill.sec_type == "CASH":
        yield fill.symbol.partition(".")[0], fill.quantity


def cash_moved(
    state: State, told: Mapping[str, Decimal], rates: Mapping[str, Decimal], is_pending: bool
) -> CashMoved | None:
    """Cash that no trade of ours explains; None for none, or for what may be income or a fee.

    `told` is the broker's cash by currency. Charges that are awaited are in it, and are small.
    """
    if not state.balances:
        return None
    names = {*state.balances, *told}
    amounts = {
        name: moved
        for name in sorted(names)
        if not same_money(moved := told.get(name, ZERO) - state.balances.get(name, ZERO), ZERO)
    }
    known = {**state.rates, **rates, state.currency: ONE}
    worth = sum((amount * known.get(name, ZERO) for name, amount in amounts.items()), ZERO)
    nav = state.mark.nav if state.mark else None
    is_large = nav is not None and nav > 0 and abs(worth) >= TRANSFER * nav
    # What moved while positions were contested is taken back, should a late fill explain it.
    is_transfer = is_large or bool(state.pending_cash)
    if not amounts or not (is_pending or is_transfer):
        return None
    return CashMoved(amounts, worth, is_transfer and not is_pending, is_pending)


def is_outlier(nav: Decimal, before: Decimal | None) -> bool:
    """Whether a NAV is so far from the last one that it is looked at twice."""
    return before is not None and before > 0 and abs(nav - before) > OUTLIER * before
