"""Splits on command: positions, orders, prices and, where it is told so, the contract's number.

What a real account shows after a split: the position and its average cost are changed without an
execution, a fraction of a share is paid in cash, history is adjusted, and orders that wait are
cancelled (IB's page on GTC orders: they are cancelled by corporate actions).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from hydra.gateway.account import Holding, cents
from hydra.gateway.errors import SettingsError
from hydra.gateway.universe import Instrument, Universe
from hydra.gateway.venue import Venue

FIRST_RENUMBERED = 700_000_001  # conIds that instruments get in splits are made up, from here on


@dataclass(frozen=True, slots=True)
class Split:
    """`numerator` new shares for `denominator` old ones of `con_id`, from then on `new_con_id`."""

    con_id: int
    numerator: int
    denominator: int
    new_con_id: int


def planned_split(
    venue: Venue, one: Instrument, numerator: int, denominator: int, *, renumbers: bool
) -> Split:
    """The split of `one` into `numerator` new shares for `denominator` old ones.

    Raises SettingsError for what is no stock, or for numbers below 1 or of a split that does
    nothing.
    """
    if one.secType != "STK":
        raise SettingsError(f"{one.symbol} is a {one.secType}; only stocks (STK) are split")
    if min(numerator, denominator) < 1 or numerator == denominator:
        raise SettingsError(
            f"{numerator}:{denominator} is no split; give two different numbers from 1 on, "
            "such as numerator 2 and denominator 1"
        )
    new = one.conId
    if renumbers:
        new = FIRST_RENUMBERED + len(venue.splits)
    return Split(one.conId, numerator, denominator, new)


def adjust_market(venue: Venue, split: Split) -> Instrument:
    """Prices, history and listing from now on; returns what is listed now."""
    old = venue.universe.get(split.con_id)
    if old is None:
        raise SettingsError(f"there is no instrument {split.con_id} that could be split")
    new = replace(old, conId=split.new_con_id)
    venue.splits.append(split)
    ratio = Fraction(split.numerator, split.denominator)
    venue.market.split(old, ratio, split.new_con_id)
    if new != old:
        venue.retired[old.conId] = old
        venue.universe = _relisted(venue.universe, old, new)
    return new


def adjust_holdings(venue: Venue, split: Split, new: Instrument) -> None:
    """Positions × ratio and average cost ÷ ratio; a fraction is paid at the last price."""
    unit = new.value(Decimal(1), venue.mark(new))
    shares = Decimal(split.numerator), Decimal(split.denominator)
    for account in venue.accounts.values():
        holding = account.holdings.pop(split.con_id, None)
        if holding is None:
            continue
        account.pay(new.currency, cents(holding.split(*shares, unit)))
        account.holdings[new.conId] = holding
        if new.conId != split.con_id:
            account.holdings[split.con_id] = Holding()  # whoever follows positions is told of it


def _relisted(universe: Universe, old: Instrument, new: Instrument) -> Universe:
    """The universe with `new` in the place of `old`, its dividends and splits to come too."""
    return Universe(
        tuple(new if one is old else one for one in universe.instruments),
        universe.rules,
        tuple(
            replace(action, con_id=new.conId) if action.con_id == old.conId else action
            for action in universe.actions
        ),
    )
