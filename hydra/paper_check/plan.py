"""The steps of the check in their order, as a table: what each does, and what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hydra.paper_check import ending, reading, trading
from hydra.paper_check.context import CheckContext
from hydra.paper_check.results import Step, StepResult


@dataclass(frozen=True)
class PlannedStep:
    """A step, the function that takes it, and what it needs (see `CheckContext.why_not`)."""

    step: Step
    take: Callable[[CheckContext], Awaitable[StepResult]]
    needs: tuple[str, ...] = ()


READS = (
    PlannedStep(
        Step(
            "logon",
            "Logon",
            "Logs on to the gateway and compares its books with the journal, as every session "
            "does. Nothing is sent.",
        ),
        reading.logon,
    ),
    PlannedStep(
        Step(
            "clock",
            "Server version and clock",
            "Reads the version that the gateway speaks and holds the time that it told against "
            "this machine's clock.",
        ),
        reading.clock,
        ("connection",),
    ),
    PlannedStep(
        Step(
            "account",
            "Account values",
            "Reads what the account is worth and holds, and whether IB says that the values are "
            "ready.",
        ),
        reading.account,
        ("connection",),
    ),
    PlannedStep(
        Step(
            "data",
            "Market data",
            "Asks for the price of one stock, to see whether prices are live, delayed, frozen or "
            "missing.",
        ),
        reading.data,
        ("books",),
    ),
    PlannedStep(
        Step(
            "history",
            "History",
            "Asks once for daily bars of that stock, and measures how long they take.",
        ),
        reading.history,
        ("books", "instrument"),
    ),
)
"""The steps before the confirmation."""
CHECKED_AFTER = "account"
"""The step after which it is decided whether the check may be made at all."""
SENDS = (
    PlannedStep(
        Step(
            "what-if",
            "What-if",
            "Asks what margin and commission the largest order of the settings would take. No "
            "exchange sees it.",
        ),
        reading.what_if,
        ("books", "instrument"),
    ),
    PlannedStep(
        Step(
            "far limit",
            "A far limit order",
            "Places a buy of that size with a limit far below the market, and cancels it: do "
            "order presets, a read-only API or price rules refuse such orders?",
        ),
        trading.far_limit_order,
        ("books", "instrument", "size", "orders"),
    ),
    PlannedStep(
        Step(
            "round trip",
            "One share there and back",
            "Buys one share at the market and sells it again, and waits for both commissions.",
        ),
        trading.round_trip,
        ("books", "instrument", "orders"),
    ),
    PlannedStep(
        Step(
            "change",
            "A changed order",
            "Places a small far limit order, changes its price, looks it up in the gateway's book "
            "and cancels it.",
        ),
        trading.change,
        ("books", "instrument", "orders"),
    ),
    PlannedStep(
        Step(
            "halt",
            "A halt",
            "Halts trading while a small far limit order rests: it must be cancelled, and the "
            "gate must refuse another one. Then resumes.",
        ),
        trading.halt,
        ("books", "instrument", "orders"),
    ),
    PlannedStep(
        Step(
            "reconnect",
            "A reconnect",
            "Logs off with a far limit order resting, and on again: same account, same order, and "
            "no execution counted twice.",
        ),
        ending.reconnect,
        ("books",),
    ),
)
"""The steps after the confirmation."""
END = Step(
    "end",
    "The end",
    "Cancels what the check has placed, sells what it has bought, and says what is left.",
)
STEPS = (*(p.step for p in (*READS, *SENDS)), END)
