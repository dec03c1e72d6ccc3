"""What a breaker is, and the facts that it reads: pure, as a risk check is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from hydra.domain.conduct import Counts
from hydra.errors import BadParameter, nearest

ZERO = Decimal(0)
ACTIONS = ("refuse_entries", "reduce_only", "halt")
SCOPES = ("account", "strategy")


@dataclass(frozen=True)
class Facts:
    """How trading has gone since this breaker last tripped, of one strategy or of the account.

    NAVs are None before a first mark; `opening_nav` is the session's first. `gains` are what
    closed trades realised, oldest first (a loss is below 0), `excess_bps` how much worse the last
    orders filled than the cost model said, `counts` those of the session. `losses` are the moments
    at which the connection was lost. Money is in the account's currency, times are aware UTC.
    """

    now: datetime
    nav: Decimal | None = None
    opening_nav: Decimal | None = None
    peak_nav: Decimal = ZERO
    gains: tuple[Decimal, ...] = ()
    excess_bps: tuple[float, ...] = ()
    counts: Counts = field(default_factory=Counts)
    losses: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class Reading:
    """A breaker's figure beside its limit, as text; `over` trips it."""

    figure: str
    limit: str
    over: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Breaker(ABC):
    """Base of all breakers: what one does when it trips, how long, and to whom.

    `refuse_entries` refuses what opens a position, `reduce_only` all but exits, `halt` everything,
    and takes working orders back until `hydra resume`. It holds for the rest of the session and
    for `cooldown_sessions` more. `scope` says whether the whole account or each strategy alone is
    judged and held.
    """

    action: str = "refuse_entries"
    cooldown_sessions: int = 0
    scope: str = "account"

    SCOPES: ClassVar[tuple[str, ...]] = SCOPES

    def __post_init__(self) -> None:
        """Refuse what would never trip, or trip always, without saying so."""
        self._one_of("action", self.action, ACTIONS)
        self._one_of("scope", self.scope, self.SCOPES)
        if not 0 <= self.cooldown_sessions <= 250:
            raise BadParameter(
                f"cooldown_sessions is {self.cooldown_sessions}; it takes 0 to 250 sessions."
            )

    @abstractmethod
    def reading(self, facts: Facts) -> Reading | None:
        """The figure now; None while there is nothing to measure."""

    @property
    def limit(self) -> str:
        """Its limit as text, also while there is no figure yet."""
        name = next(name for name in vars(self) if name.startswith("limit_"))
        value = getattr(self, name)
        if name.endswith("fraction"):
            return percent(value)
        return f"{value:g} bps" if name.endswith("bps") else str(value)

    def _one_of(self, key: str, given: str, allowed: tuple[str, ...]) -> None:
        if given not in allowed:
            guess = nearest(given, allowed)
            hint = f"; did you mean {guess!r}?" if guess else "."
            raise BadParameter(f"{key} is {given!r}{hint} It takes {' or '.join(allowed)}.")


def in_range(highest: float | Decimal, **limits: float | Decimal) -> None:
    """Refuse a limit outside (0, `highest`]: 3 for 3 % would switch a breaker off unseen."""
    for name, value in limits.items():
        if not 0 < value <= highest:
            raise BadParameter(f"{name} is {value}; it must be above 0 and at most {highest}.")


def percent(fraction: float | Decimal) -> str:
    """0.0312 as 3.12 %."""
    return f"{float(fraction) * 100:.4g} %"
