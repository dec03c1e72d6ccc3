"""The last steps: a reconnect, and the end, which leaves nothing or says what is left."""

from __future__ import annotations

from decimal import Decimal

from hydra.domain.orders import Refusal
from hydra.errors import BrokerError, HydraError
from hydra.paper_check.context import CheckContext
from hydra.paper_check.own_orders import OrderAnswer
from hydra.paper_check.remedies import WINDOW, remedy_of
from hydra.paper_check.results import StepResult, failed, ok, warning
from hydra.paper_check.trading import charged, lift_own_halt, rest, units

ZERO = Decimal(0)


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
        problems = [await _sold(check, s, q) for s, q in check.orders.holdings().items()]
        await check.orders.until(check.orders.is_charged)
        await check.engine.reconcile()
    except HydraError as problem:
        return [f"The clean-up could not be completed: {problem}", *_left(check)]
    return [*filter(None, [kept, *problems]), *_left(check)]


async def _sold(check: CheckContext, symbol: str, quantity: Decimal) -> str:
    """Why a holding of the check could not be sold; empty where it was."""
    try:
        answer = await check.orders.close(symbol, quantity)
    except BrokerError as problem:
        return f"{symbol} could not be sold: {problem}"
    if isinstance(answer, OrderAnswer) and answer.state == "filled":
        return ""
    reason = str(answer) if isinstance(answer, Refusal) else answer.reason or answer.state
    return f"{symbol} could not be sold: {reason}."


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
        is_silent = any("nothing" in sentence for sentence in left)
        return failed("end", " ".join(left), WINDOW if is_silent else "", **facts), tuple(left)
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
