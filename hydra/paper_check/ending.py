"""The last steps: a reconnect, and the end, which leaves nothing or says what is left."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

from hydra.domain.orders import Refusal
from hydra.errors import BrokerError, HydraError
from hydra.paper_check.context import CheckContext
from hydra.paper_check.own_orders import OrderAnswer
from hydra.paper_check.remedies import WINDOW, remedy_of
from hydra.paper_check.results import StepResult, failed, ok, warning
from hydra.paper_check.trading import charged, lift_own_halt, rest, units

ZERO = Decimal(0)
ATTEMPTS = 3
"""How often the check tries to sell what it holds."""


async def log_on_again(check: CheckContext) -> None:
    """Make a new connection and compare; raises `BrokerError` where that is not possible."""
    await check.engine.broker.disconnect()
    await check.engine.start()
    check.probe.listen()


async def keep_connected(check: CheckContext) -> None:
    """Log on again where the connection was lost since the last step."""
    check.engine.drain()
    if check.engine.account is None:
        await log_on_again(check)


async def reconnect(check: CheckContext) -> StepResult:
    """Log off with an order resting, and on again: same account, same order, no fill twice."""
    code, holdings = check.account.code, check.orders.holdings()
    fills = [event.fill.exec_id for event in check.orders.fills()]
    ref = await _resting(check)
    await log_on_again(check)
    told = [fill.exec_id for fill, _ in await check.engine.broker.executions()]
    again = sum(1 for exec_id in told if exec_id in fills)
    facts: dict[str, object] = {"executions_told_again": again}
    problems = _lost(check, code, holdings, len(fills), ref)
    end = await check.orders.cancel(ref) if ref else None
    if end and end.state not in ("cancelled", "filled"):
        check.no_orders = f"the gateway has not confirmed the cancel of {ref}"
        problems.append(f"{ref} was not cancelled after it ({end.reason or end.state})")
    if problems:
        return failed(
            "reconnect",
            f"After a new logon: {'; '.join(problems)}.",
            remedy_of("; ".join(problems)) or "Send this report: that must not happen.",
            **facts,
        )
    order = "the resting order still worked and was cancelled" if ref else "no order was resting"
    return ok(
        "reconnect",
        f"Logged on again to the same account; {order}; {again} executions were told again and "
        "counted once.",
        **facts,
    )


async def _resting(check: CheckContext) -> str:
    """The reference of a far limit that works, where orders are possible; else empty."""
    if check.no_orders or check.why_not("instrument"):
        return ""
    sent = await rest(check, units(check, 5))
    if isinstance(sent, Refusal):
        return ""
    answer = await check.orders.answer(sent.order_ref)
    return sent.order_ref if answer.works else ""


def _lost(
    check: CheckContext, code: str, holdings: dict[str, Decimal], fills: int, ref: str
) -> list[str]:
    """What is not as it was before the new logon."""
    problems = []
    if check.account.code != code:
        problems.append(f"the account is {check.account.code} and was {code}")
    if ref and not check.orders.standing(ref).works:
        problems.append(f"the order {ref} is {check.orders.standing(ref).state}")
    if check.orders.holdings() != holdings or len(check.orders.fills()) != fills:
        problems.append("the check's fills or holdings have changed")
    return problems


async def clean_up(check: CheckContext) -> list[str]:
    """Cancel the check's orders and sell what it bought; what is left, one sentence each.

    Raises nothing that a person can mend: what could not be done is among the sentences.
    """
    try:
        kept = lift_own_halt(check)
        await keep_connected(check)
        for ref in check.orders.working():
            await check.orders.cancel(ref)
        problems = [await _sold(check, symbol) for symbol in check.orders.holdings()]
        await check.orders.until(check.orders.is_charged)
        await check.engine.reconcile()
    except HydraError as problem:
        return [*_unfinished(check, problem), *_left(check)]
    return [*filter(None, [kept, *problems]), *_left(check)]


def _unfinished(check: CheckContext, problem: HydraError) -> list[str]:
    """Where no order had been sent, there is nothing that a clean-up could have missed."""
    if not check.orders.has_sent():
        return []
    return [f"The clean-up could not be completed: {problem}"]


async def _sold(check: CheckContext, symbol: str) -> str:
    """Why a holding of the check could not be sold; empty where it was.

    It is tried again only after a comparison that shows that nothing of ours sells it already.
    """
    reason = ""
    for _ in range(ATTEMPTS):
        quantity = check.orders.holdings().get(symbol, ZERO)
        if not quantity:
            return ""
        if closing := check.orders.closing(symbol, quantity):
            return f"{symbol} is not sold, as {', '.join(closing)} may still do that."
        try:
            answer = await check.orders.close(symbol, quantity)
        except BrokerError as problem:
            reason = str(problem)
            await _compare_again(check)
            continue
        if isinstance(answer, OrderAnswer) and answer.state == "filled":
            return ""
        reason = str(answer) if isinstance(answer, Refusal) else answer.reason or answer.state
        if isinstance(answer, OrderAnswer) and answer.works:
            await check.orders.cancel(check.orders.closing(symbol, quantity)[0])
        break
    return f"{symbol} could not be sold: {reason}"


async def _compare_again(check: CheckContext) -> None:
    """Compare journal and account on the connection there is, else on a new one."""
    check.engine.drain()
    try:
        await check.engine.reconcile()
    except BrokerError:
        with suppress(BrokerError):  # the next attempt says so, or the last one's reason stands
            await log_on_again(check)


def _left(check: CheckContext) -> list[str]:
    """What of the check the journal still knows, each with how to be rid of it."""
    orders = check.orders
    left = [
        f"The order {ref} still works: cancel it with `hydra cancel {ref}`, or in IB's Client "
        "Portal."
        for ref in orders.working()
    ]
    left += [
        f"Of the order {ref} the gateway tells nothing: look at its screen and in IB's Client "
        "Portal whether it is there."
        for ref in orders.unknown()
    ]
    left += [
        f"{quantity:+} {symbol} of the check are held: `hydra doctor --paper-check` sells them at "
        "its next end, or close them with `hydra halt REASON --flatten` (which closes what all "
        "strategies hold)."
        for symbol, quantity in orders.holdings().items()
    ]
    return left


async def end(check: CheckContext) -> tuple[StepResult, tuple[str, ...]]:
    """Clean up, and hold the account against what it was; what is left, one sentence each."""
    left = await clean_up(check)
    fills = [event.fill.exec_id for event in check.orders.fills()]
    facts = {"executions": len(fills), "commissions": charged(check, fills)}
    if left:
        remedy = WINDOW if check.orders.unknown() else ""
        return failed("end", " ".join(left), remedy, **facts), tuple(left)
    changed = _changed(check)
    if changed:
        return warning(
            "end",
            "No order and no share of the check is left. Positions that changed meanwhile, by "
            f"others: {changed}.",
            "",
            **facts,
        ), ()
    return ok(
        "end", "Flat: no order and no share of the check is left in the account.", **facts
    ), ()


def _changed(check: CheckContext) -> str:
    """Positions of the account that are not what they were before the check."""
    before = check.positions_before
    now = check.engine.account.positions if check.engine.account else before
    return ", ".join(
        f"{symbol} {before.get(symbol, ZERO)} → {now.get(symbol, ZERO)}"
        for symbol in sorted({*before, *now})
        if before.get(symbol, ZERO) != now.get(symbol, ZERO)
    )
