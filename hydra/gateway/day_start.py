"""What accounts were worth at a close: the figures from which daily profit and loss count.

They count from the prior day's close, and from its price for what was bought since (IB's page
"Profit And Loss (P&L)"). The close is that of the New York Stock Exchange for all contracts; at
what hour a real gateway starts anew for each other exchange is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from hydra.gateway.account import Account
from hydra.gateway.times import from_epoch
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue


@dataclass(frozen=True, slots=True)
class DayStart:
    """An account at a close: its value, and what each contract had gained up to it."""

    net_liquidation: Decimal
    gains: Mapping[int, Decimal]  # by conId, in its currency; what is not in it had gained 0


def gain(account: Account, one: Instrument, mark: Decimal) -> Decimal:
    """What `one` has gained in all at `mark`, realised or not, in its currency."""
    holding = account.held(one.conId)
    return holding.realized + one.value(holding.quantity, mark) - holding.cost


def day_starts(venue: Venue, seconds: int) -> dict[str, DayStart]:
    """Each account by its code, with what it holds now, at the prices of `seconds`."""
    then = replace(venue, now=from_epoch(seconds))
    return {code: _day_start(then, account) for code, account in venue.accounts.items()}


def _day_start(then: Venue, account: Account) -> DayStart:
    held = (then.instrument(con_id) for con_id in account.holdings)
    gains = {one.conId: gain(account, one, then.mark(one)) for one in held if one is not None}
    return DayStart(then.valuation(account).net_liquidation, gains)
