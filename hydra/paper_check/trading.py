"""The steps that send orders: a far limit, one share there and back, a change, a halt."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hydra.domain.events import CommissionRecorded, Halted, Resumed
from hydra.domain.orders import OrderRequest, Refusal
from hydra.errors import BrokerError
from hydra.journal.run_rows import RUN_KINDS, RUNNING, run_rows
from hydra.paper_check.context import CheckContext, CheckRefused
from hydra.paper_check.own_orders import OrderAnswer
from hydra.paper_check.probe import HeardError
from hydra.paper_check.remedies import (
    PRESET_CODES,
    READ_ONLY,
    WINDOW,
    codes_in,
    gate_remedy,
    remedy,
    remedy_of,
)
from hydra.paper_check.results import STRATEGY, StepResult, failed, ok, warning
from hydra.paper_check.sizes import collar_of, far_limit

ONE = Decimal(1)
FAR = Decimal("0.8")
FARTHER = Decimal("0.9")
"""How far below the market limits lie, as parts of what our own price collar allows."""
BY = "paper check"
HALT_REASON = "paper check, to be lifted at once"
SIZE_CHECKS = frozenset(
    {
        *("position_weight", "gross_exposure", "net_exposure", "group_exposure", "capital_share"),
        *("order_notional", "order_quantity", "volume_share", "free_margin", "turnover_per_day"),
        *("currency_exposure",),
    }
)
"""Checks of our own that object to an order's size, and would not to one share."""


async def rest(check: CheckContext, quantity: Decimal) -> OrderRequest | Refusal:
    """Send a buy of that size with a limit far below the market."""
    instrument, last = check.traded()
    limit = far_limit(instrument, last, collar_of(check.engine.gate.checks), FAR)
    request = check.orders.request(instrument, quantity, last, limit)
    return await check.orders.send(request) or request


def units(check: CheckContext, count: int) -> Decimal:
    """So many shares, in whole lots. Steps differ in their size: our gate takes the same order
    again within a minute for a loop (`duplicate_intent`)."""
    instrument, _ = check.traded()
    lot = max(instrument.lot_size, ONE)
    return lot * count


async def far_limit_order(check: CheckContext) -> StepResult:
    """A limit of the configured size far from the market: placed, seen to work, cancelled."""
    if check.size is None:
        raise CheckRefused("The configured size is not known.")
    mark = len(check.probe.heard)
    sent = await rest(check, check.size.quantity)
    if isinstance(sent, Refusal):
        return refused_by_gate("far limit", check, sent)
    facts = _terms(sent)
    answer = await check.orders.answer(sent.order_ref)
    if not answer.works:
        return not_working("far limit", check, answer, mark, facts)
    facts["codes"] = _codes(check, mark)
    placed = f"{sent.quantity:,} {sent.instrument.symbol} with a limit of {sent.limit_price} work"
    return await _cancelled("far limit", check, sent.order_ref, placed, facts)


async def _cancelled(
    step: str, check: CheckContext, ref: str, placed: str, facts: dict[str, object]
) -> StepResult:
    """Cancel an order that works; what came of it as the step's result."""
    end = await check.orders.cancel(ref)
    if end.state == "cancelled":
        return ok(step, f"{placed} at the gateway, and were cancelled.", **facts)
    if end.state == "filled":
        return warning(
            step,
            f"{placed}, and filled before they could be cancelled; the last step sells them.",
            "",
            **facts,
        )
    check.no_orders = f"the gateway has not confirmed the cancel of {ref}"
    return failed(
        step,
        f"{placed} at the gateway, and the cancel was not confirmed ({end.reason or end.state}).",
        remedy_of(end.reason) or f"See `hydra orders`, and cancel it with `hydra cancel {ref}`.",
        **facts,
    )


def not_working(
    step: str, check: CheckContext, answer: OrderAnswer, mark: int, facts: dict[str, object]
) -> StepResult:
    """The result for an order that did not come to work: refused, or not answered at all."""
    if answer.state == "filled":
        return warning(
            step, "The limit far from the market filled at once.", "The last step sells it."
        )
    heard = check.probe.since(mark)
    facts["codes"] = _codes(check, mark)
    if answer.state in ("silent", "unknown") and heard and not check.engine.lost:
        return _said_without_an_end(step, check, heard, facts)
    if answer.state in ("silent", "unknown"):
        check.no_orders = "an order of the check was not answered, and nothing is sent beside it"
        lost = check.engine.lost
        return failed(
            step,
            "The gateway gave NO answer to the order"
            + (f": {lost}." if lost else ": it may be showing a confirmation window."),
            "Wait until the connection is back, then start again." if lost else WINDOW,
            **facts,
        )
    codes = codes_in(answer.reason) + [h.code for h in heard]
    mended = remedy_of(answer.reason) or remedy(codes)
    if mended == READ_ONLY:
        check.no_orders = "the API is read-only"
    words = answer.reason or "without a reason"
    why = "by its order presets" if PRESET_CODES & set(codes) else f"({answer.state})"
    return failed(
        step,
        f"The gateway did not take the order {why}: {words}",
        mended or "The reason is in IB's text; nothing is known here of that code.",
        **facts,
    )


def _said_without_an_end(
    step: str, check: CheckContext, heard: list[HeardError], facts: dict[str, object]
) -> StepResult:
    """The result for an order of which the gateway says something, and not that it works or has
    ended: it may be held all the same."""
    check.no_orders = "it is not known what became of an order of the check"
    said = " ".join(f"{h.code}: {h.text}" for h in heard)
    return failed(
        step,
        f"The gateway neither works the order nor ends it. It says {said}",
        remedy(h.code for h in heard)
        or "Nothing is known here of that code; look at the order in IB's Client Portal.",
        **facts,
    )


def refused_by_gate(step: str, check: CheckContext, refusal: Refusal) -> StepResult:
    """The result for an order that our own gate refused; nothing was sent."""
    names = [o.check for o in refusal.objections]
    sentence = "HYDRA's own gate refuses the order: " + " ".join(
        o.sentence for o in refusal.objections
    )
    if set(names) <= SIZE_CHECKS:
        return warning(step, sentence + " A session would meet the same.", gate_remedy(names))
    check.no_orders = "HYDRA's own gate refuses the check's orders"
    return failed(step, sentence, gate_remedy(names))


def _terms(request: OrderRequest) -> dict[str, object]:
    return {
        "order": request.order_ref,
        "quantity": f"{request.quantity:+,}",
        "limit": request.limit_price or "market",
        "value": f"{request.notional:,.2f} {request.instrument.currency}",
    }


def _codes(check: CheckContext, mark: int) -> str:
    return ", ".join(dict.fromkeys(str(h.code) for h in check.probe.since(mark)))


async def round_trip(check: CheckContext) -> StepResult:
    """One share bought at the market and sold again, with the commissions of both."""
    mark = len(check.probe.heard)
    known = {fill.fill.exec_id for fill in check.orders.fills()}
    bought = await _market(check, units(check, 1), mark)
    if isinstance(bought, StepResult):
        return bought
    sold = await _market(check, -units(check, 1), mark)
    if isinstance(sold, StepResult):
        return sold
    is_charged = await check.orders.until(check.orders.is_charged)
    instrument, _ = check.traded()
    fills = [f.fill for f in check.orders.fills() if f.fill.exec_id not in known]
    prices = {
        side: ", ".join(str(f.price) for f in fills if (f.quantity > 0) == buys)
        for side, buys in (("bought", True), ("sold", False))
    }
    charges = charged(check, (f.exec_id for f in fills))
    facts = {"bought_at": prices["bought"], "sold_at": prices["sold"], "commissions": charges}
    trip = (
        f"Bought {units(check, 1)} {instrument.symbol} at {prices['bought']} and sold at "
        f"{prices['sold']}"
    )
    if not is_charged:
        return warning(
            "round trip",
            f"{trip}; a commission was not told within {check.orders.patience_s:g} s.",
            "It is looked for again with the next session; a paper account can be late.",
            **facts,
        )
    return ok("round trip", f"{trip}; commissions {charges}.", **facts)


async def _market(check: CheckContext, quantity: Decimal, mark: int) -> OrderRequest | StepResult:
    """Trade at the market; the order once it has filled, else the step's result."""
    instrument, last = check.traded()
    side = "buy" if quantity > 0 else "sell"
    request = check.orders.request(instrument, quantity, last)
    if refusal := await check.orders.send(request):
        return refused_by_gate("round trip", check, refusal)
    answer = await check.orders.end(request.order_ref)
    if answer.state == "filled":
        return request
    if answer.works:
        await check.orders.cancel(request.order_ref)
        return failed(
            "round trip",
            f"The order to {side} {abs(quantity)} {instrument.symbol} at the market did not fill "
            f"within {check.orders.patience_s:g} s: is the stock halted?"
            + "".join(f" IB says {h.code}: {h.text}" for h in check.probe.since(mark)),
            "Look at the stock in IB's Client Portal; check with another --symbol.",
            **_terms(request),
        )
    return not_working("round trip", check, answer, mark, _terms(request))


def charged(check: CheckContext, exec_ids: Iterable[str]) -> str:
    """What executions cost, by currency; "none told" without a report."""
    sums: dict[str, Decimal] = {}
    for exec_id in exec_ids:
        event = check.engine.journal.find(f"commission {exec_id}")
        if isinstance(event, CommissionRecorded):
            money = event.commission
            sums[money.currency] = sums.get(money.currency, Decimal(0)) + money.amount
    return ", ".join(f"{amount:,.2f} {name}" for name, amount in sums.items()) or "none told"


async def change(check: CheckContext) -> StepResult:
    """A resting order whose limit is changed, and which is cancelled then."""
    mark = len(check.probe.heard)
    sent = await rest(check, units(check, 2))
    if isinstance(sent, Refusal):
        return refused_by_gate("change", check, sent)
    facts, ref = _terms(sent), sent.order_ref
    answer = await check.orders.answer(ref)
    if not answer.works:
        return not_working("change", check, answer, mark, facts)
    instrument, last = check.traded()
    price = far_limit(instrument, last, collar_of(check.engine.gate.checks), FARTHER)
    facts["changed_to"] = price
    problem = await _modify(check, ref, price)
    held = {order.ref: order for order in await check.engine.broker.held_orders()}
    there = held[ref].price if ref in held else None
    end = await _cancelled("change", check, ref, f"The order at {sent.limit_price} worked", facts)
    if problem or there != price:
        reason = problem or f"its book has {there if ref in held else 'no such order'}"
        return failed(
            "change",
            f"The limit was not changed from {sent.limit_price} to {price}: {reason}",
            remedy_of(reason) or end.remedy,
            **facts,
        )
    if end.outcome == "ok":
        return ok(
            "change",
            f"The limit was changed from {sent.limit_price} to {price}, the gateway's book says "
            "so, and the order was cancelled.",
            **facts,
        )
    return end


async def _modify(check: CheckContext, ref: str, price: Decimal) -> str:
    """Change a limit; why that was not possible, empty where it was."""
    try:
        verdict = await check.engine.modify(ref, limit_price=price)
    except BrokerError as problem:
        return str(problem)
    return str(verdict) if isinstance(verdict, Refusal) else ""


async def halt(check: CheckContext) -> StepResult:
    """A halt in the journal: the resting order is cancelled, the gate refuses; then resumed."""
    if reason := _would_hit_others(check):
        return warning("halt", f"Not tried: {reason}.", "Check it when nothing else is at work.")
    mark = len(check.probe.heard)
    sent = await rest(check, units(check, 3))
    if isinstance(sent, Refusal):
        return refused_by_gate("halt", check, sent)
    facts, ref = _terms(sent), sent.order_ref
    answer = await check.orders.answer(ref)
    if not answer.works:
        return not_working("halt", check, answer, mark, facts)
    try:
        end, refusal = await _while_halted(check, ref)
    finally:
        kept = lift_own_halt(check)
    facts["ended_as"] = end.state
    if end.state != "cancelled":
        check.no_orders = f"the gateway has not confirmed the cancel of {ref}"
        return failed(
            "halt",
            f"The halt did not end the resting order ({end.reason or end.state}).",
            f"See `hydra orders`; `hydra halt --all` uses IB's global cancel. {kept}".strip(),
            **facts,
        )
    if refusal is None:
        return failed("halt", "An order passed the gate while trading was halted.", kept, **facts)
    if kept:
        check.no_orders = "trading is halted"
        return warning("halt", f"The halt cancelled the resting order. {kept}", kept, **facts)
    return ok(
        "halt",
        "The halt was journalled, the resting order was cancelled, the gate refused another one, "
        "and trading is resumed.",
        **facts,
    )


async def _while_halted(check: CheckContext, ref: str) -> tuple[OrderAnswer, Refusal | None]:
    """Halt: how the resting order ended, and the gate's refusal of a further one."""
    engine = check.engine
    with engine.journal.together():
        engine.record(Halted(HALT_REASON, BY))
        check.own_halt = engine.journal.last_seq()
    await engine.obey_halt()
    end = await check.orders.end(ref)
    instrument, last = check.traded()
    refused = await check.orders.send(check.orders.request(instrument, units(check, 4), last))
    return end, refused


def lift_own_halt(check: CheckContext) -> str:
    """Resume after the check's own halt; why not, where somebody has halted since then.

    In one write with the look at the journal, so that nobody's halt is lifted by it.
    """
    if not check.own_halt:
        return ""
    with check.engine.journal.together():
        if check.halted_by_others():
            check.own_halt = 0
            return (
                f"Somebody else has halted trading meanwhile ({check.engine.halted}), so it stays "
                "halted: `hydra resume REASON`."
            )
        check.engine.record(Resumed("the paper check is over", BY))
        check.own_halt = 0
    return ""


def _would_hit_others(check: CheckContext) -> str:
    """Why a halt would hit more than the check's own order; empty where it would not."""
    state = check.engine.state
    others = [r for r, o in state.working.items() if o.request.strategy != STRATEGY]
    if others:
        return f"orders of other strategies work and would be cancelled ({', '.join(others)})"
    runs = run_rows(check.engine.journal.read(kinds=RUN_KINDS))
    going = [str(row["run"]) for row in runs if row["outcome"] == RUNNING]
    return f"a run is on and would be stopped ({', '.join(going)})" if going else ""
