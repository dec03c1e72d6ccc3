"""What a person may do from the dashboard: what it would do, in figures, and whose hands do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from hydra.dashboard._base import Facts
from hydra.domain.instruments import Instrument
from hydra.errors import unknown
from hydra.journal.fold import State, WorkingOrder
from hydra.journal.held import marks_of
from hydra.journal.run_rows import run_rows, running
from hydra.journal.views import decimal_text

ZERO = Decimal(0)


class Controls(Protocol):
    """The hands: each call does what the command of that name does, and returns what to tell.

    All raise `HydraError` with one sentence when nothing was done.
    """

    async def halt(self, reason: str, flatten: bool) -> Sequence[str]:
        """Halt trading, cancel working orders, and close positions when asked to."""

    async def resume(self, reason: str) -> Sequence[str]:
        """Lift a halt."""

    async def cancel(self, ref: str) -> Sequence[str]:
        """End one working order."""

    async def cancel_all(self) -> Sequence[str]:
        """End every working order of ours; trading goes on."""

    async def run(self, job: str) -> Sequence[str]:
        """Ask the runner for a run of a job, now."""

    async def switch(self, strategy: str, on: bool, reason: str) -> Sequence[str]:
        """Switch a strategy off, so that it opens nothing more, or on again."""


@dataclass(frozen=True)
class Foreseen:
    """What an action would do now; `possible` is False when it would do nothing, and the sentence
    then says why. `needs_reason` asks for words that go into the journal."""

    sentence: str
    possible: bool = True
    needs_reason: bool = False


def foreseen(action: str, target: str, facts: Facts) -> Foreseen:
    """What would happen, in figures; pure. An action that there is not is not possible."""
    known = FORESIGHT.get(action)
    if known is None:
        return Foreseen(unknown("action", action, FORESIGHT), possible=False)
    return known(target, facts)


async def carry_out(controls: Controls, action: str, target: str, reason: str) -> Sequence[str]:
    """Do it; the sentences are what to tell. Raises `HydraError` when nothing was done."""
    match action:
        case "halt" | "flatten":
            return await controls.halt(reason, action == "flatten")
        case "resume":
            return await controls.resume(reason)
        case "cancel":
            return await controls.cancel(target)
        case "cancel_all":
            return await controls.cancel_all()
        case "run":
            return await controls.run(target)
        case _:
            return await controls.switch(target, action == "switch_on", reason)


def _halt(target: str, facts: Facts) -> Foreseen:
    again = "Trading is halted already. " if facts.state.halted else ""
    return Foreseen(
        f"{again}Cancels {_orders(facts.state)}; nothing more is sent until somebody resumes. "
        f"Positions stay: {_positions(facts.state)}.",
        needs_reason=True,
    )


def _flatten(target: str, facts: Facts) -> Foreseen:
    return Foreseen(
        f"Halts trading, cancels {_orders(facts.state)}, and closes at the market "
        f"{_positions(facts.state)}.",
        needs_reason=True,
    )


def _resume(target: str, facts: Facts) -> Foreseen:
    if facts.state.halted is None:
        return Foreseen("Trading is not halted, so there is nothing to resume.", possible=False)
    return Foreseen(
        f"Orders pass the gate again. It was halted: {facts.state.halted}.", needs_reason=True
    )


def _cancel(target: str, facts: Facts) -> Foreseen:
    order = facts.state.working.get(target)
    if order is None:
        sentence = unknown("working order", target, facts.state.working)
        return Foreseen(sentence, possible=False)
    return Foreseen(f"Cancels {_order(order)} ({target}).")


def _cancel_all(target: str, facts: Facts) -> Foreseen:
    if not facts.state.working:
        return Foreseen("No order of ours is working.", possible=False)
    return Foreseen(f"Cancels {_orders(facts.state)}. Trading goes on.")


def _run(target: str, facts: Facts) -> Foreseen:
    if facts.runner is None:
        return Foreseen(
            f"No runner is running, so nothing would start {target or 'a job'}; start one with "
            "`hydra runner`.",
            possible=False,
        )
    jobs = facts.runner.get("jobs", {})
    if target not in jobs:
        return Foreseen(unknown("job", target, jobs), possible=False)
    if run := running(run_rows(facts.ledger.runs), target):
        sentence = f"{target} is running already, as {run}; one run of it at a time."
        return Foreseen(sentence, possible=False)
    return Foreseen(f"The runner starts {target} now; its schedule stays as it is.")


def _off(target: str, facts: Facts) -> Foreseen:
    if target in facts.state.switched_off:
        return Foreseen(f"{target} is off already: {facts.state.switched_off[target]}.", False)
    held = [h for (name, _), h in facts.state.holdings.items() if name == target and h.quantity]
    return Foreseen(
        f"{target} opens nothing more; its orders may only reduce its "
        f"{_count(len(held), 'position')}.",
        needs_reason=True,
    )


def _on(target: str, facts: Facts) -> Foreseen:
    if target not in facts.state.switched_off:
        return Foreseen(f"{target} is on already.", possible=False)
    return Foreseen(
        f"{target} may open positions again. It was off: {facts.state.switched_off[target]}.",
        needs_reason=True,
    )


FORESIGHT: Mapping[str, Callable[[str, Facts], Foreseen]] = {
    "halt": _halt,
    "flatten": _flatten,
    "resume": _resume,
    "cancel": _cancel,
    "cancel_all": _cancel_all,
    "run": _run,
    "switch_off": _off,
    "switch_on": _on,
}


def _orders(state: State) -> str:
    return _count(len(state.working), "working order")


def _order(order: WorkingOrder) -> str:
    request = order.request
    price = "" if request.limit_price is None else f" at {request.limit_price}"
    return (
        f"{order.remaining:+,f} {request.instrument.symbol} {request.order_type.value}{price}, "
        f"{abs(order.filled):,f} filled so far"
    )


def _positions(state: State) -> str:
    """How many positions strategies of ours hold, and what they are worth, in the account's
    currency where the rate is known."""
    marks, worth, number = marks_of(state), dict[str, Decimal](), 0
    for (_, symbol), holding in state.holdings.items():
        if holding.quantity:
            one = state.instruments.get(symbol, Instrument(symbol))
            number += 1
            value, rate = (
                abs(one.notional(holding.quantity, marks[symbol])),
                state.rate(one.currency),
            )
            currency = one.currency if rate is None else state.currency or one.currency
            worth[currency] = worth.get(currency, ZERO) + value * (1 if rate is None else rate)
    sums = [f"{decimal_text(v.quantize(Decimal('0.01')))} {c}" for c, v in sorted(worth.items())]
    return _count(number, "position") + (f" worth {' and '.join(sums)}" if sums else "")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
