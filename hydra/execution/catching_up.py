"""Catching up: what filled after a strategy's run had ended is learned while the broker tells it.

IB tells of executions on their own day only. Exits of a bracket, and orders that a run has left
working, may fill when nobody listens any more; after the close somebody has to ask once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.events import FillCorrected, FillRecorded, NavMarked, Reconciled
from hydra.execution.engine import OrderEngine
from hydra.execution.supervisor import Patience, Supervisor


@dataclass(frozen=True)
class CaughtUp:
    """What was learned: fills that were news, and what is open or differs all the same.

    `differences` are one sentence each, `working` and `unknown` order references.
    """

    fills: int
    differences: tuple[str, ...]
    working: tuple[str, ...]
    unknown: tuple[str, ...]
    mark: NavMarked

    @property
    def agrees(self) -> bool:
        """Whether journal and broker say the same of every order and position."""
        return not (self.differences or self.unknown)

    @property
    def gap(self) -> Decimal:
        """The journal's net asset value less the gateway's."""
        return self.mark.nav - self.mark.net_liquidation


async def catch_up(
    engine: OrderEngine, timeout_s: float, patience: Patience | None = None
) -> CaughtUp:
    """Connect, compare, wait up to `timeout_s` for what is awaited, and value the account.

    Sends nothing. Raises `GatewayUnreachable` at once when no gateway answers, and when one that
    did stays away, see `Patience`.
    """
    supervisor, before = Supervisor(engine, patience), engine.journal.last_seq()
    await supervisor.start()
    await supervisor.settle(timeout_s)
    await supervisor.steady(engine.reconcile)
    mark = await supervisor.steady(engine.mark)
    news = list(engine.journal.read(after=before, kinds=[FillRecorded, FillCorrected, Reconciled]))
    compared = [record.event for record in news if isinstance(record.event, Reconciled)]
    state = engine.state
    return CaughtUp(
        len(news) - len(compared),
        tuple(sentence for one in compared for sentence in one.differences),
        tuple(state.working),
        tuple(state.unknown),
        mark,
    )
