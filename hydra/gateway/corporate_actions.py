"""Corporate actions: positions, cash, orders, prices and, where it is told so, contracts.

What a real account shows after a split: the position and its average cost are changed without an
execution, a fraction of a share is paid in cash, history is adjusted, and orders that wait are
cancelled. Which actions cancel orders: splits, exchanges and distributions of shares; dividends do
not, and orders are not reduced for them (IB's pages "Time in Force for Orders" and, in the API
reference, Order.Tif). A dividend is accrued at its ex-date and paid at its pay date (IB's report
guide, "Change in Dividend Accruals"). After another symbol the position goes on under it. What
price a real account shows of a delisted position is unknown; here it is the last one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from hydra.gateway.account import ZERO, Holding, cents
from hydra.gateway.errors import SettingsError
from hydra.gateway.universe import Instrument, Universe
from hydra.gateway.venue import Venue

FIRST_RENUMBERED = 700_000_001  # conIds that instruments get here are made up, from here on


@dataclass(frozen=True, slots=True)
class Split:
    """`numerator` new shares for `denominator` old ones of `con_id`, from then on `new_con_id`."""

    con_id: int
    numerator: int
    denominator: int
    new_con_id: int


@dataclass(frozen=True, slots=True)
class SymbolChange:
    """What was `con_id` is called `symbol` and has the number `new_con_id`."""

    con_id: int
    symbol: str
    new_con_id: int


@dataclass(frozen=True, slots=True)
class Removal:
    """`con_id` is traded no more from `seconds` (since 1970) on."""

    con_id: int
    seconds: int


Change = Split | SymbolChange | Removal


def next_con_id(venue: Venue) -> int:
    """A number that no instrument has had."""
    return FIRST_RENUMBERED + len(venue.changes)


def planned_split(
    venue: Venue, one: Instrument, numerator: int, denominator: int, *, renumbers: bool
) -> Split:
    """The split of `one` into `numerator` new shares for `denominator` old ones.

    Raises SettingsError for what is no stock, or for numbers below 1 or of a split that does
    nothing.
    """
    require_stock(one, "split")
    if min(numerator, denominator) < 1 or numerator == denominator:
        raise SettingsError(
            f"{numerator}:{denominator} is no split; give two different numbers from 1 on, "
            "such as numerator 2 and denominator 1"
        )
    new = next_con_id(venue) if renumbers else one.conId
    return Split(one.conId, numerator, denominator, new)


def require_stock(one: Instrument, done: str) -> None:
    """Raise SettingsError unless `one` is a stock, which alone can be `done` to."""
    if one.secType != "STK":
        raise SettingsError(f"{one.symbol} is a {one.secType}; only stocks (STK) are {done}")


def planned_symbol_change(
    venue: Venue, one: Instrument, symbol: str, new_con_id: int = 0
) -> SymbolChange:
    """Another symbol for `one`; SettingsError for a symbol or number that is taken, or none."""
    require_stock(one, "renamed")
    if not symbol or symbol != symbol.strip().upper():
        raise SettingsError(f"{symbol!r} is no symbol such as META: capitals without spaces")
    taken = [other for other in venue.universe.named(symbol) if other.currency == one.currency]
    if taken:
        raise SettingsError(f"{symbol} is the symbol of {taken[0].long_name}; give another one")
    if new_con_id and venue.instrument(new_con_id) is not None:
        raise SettingsError(f"{new_con_id} is the number of another instrument")
    return SymbolChange(one.conId, symbol, new_con_id or one.conId)


def adjust_market(venue: Venue, change: Change) -> Instrument:
    """Prices, history and listing from now on; returns what is listed now."""
    old = venue.universe.get(change.con_id)
    if old is None:
        raise SettingsError(f"there is no instrument {change.con_id} that could be changed")
    venue.changes.append(change)
    new = _changed(venue, old, change)
    if new.conId != old.conId:
        venue.retired[old.conId] = old
        if old.conId in venue.lendable:
            venue.lendable[new.conId] = venue.lendable.pop(old.conId)
    if new != old:
        venue.universe = _relisted(venue.universe, old, new)
    return new


def _changed(venue: Venue, old: Instrument, change: Change) -> Instrument:
    """What `old` is after a change, with the market's prices changed as well."""
    match change:
        case Split():
            new = replace(old, conId=change.new_con_id)
            ratio = Fraction(change.numerator, change.denominator)
            venue.market.split(old, ratio, new.conId)
        case SymbolChange():
            new = replace(old, conId=change.new_con_id, symbol=change.symbol, local_symbol="")
            if old.trading_class == old.symbol:
                new = replace(new, trading_class="")
            venue.market.split(old, Fraction(1), new.conId)
        case Removal():
            new = replace(old, is_delisted=True)
            venue.market.end(old, change.seconds)
    return new


def adjust_holdings(venue: Venue, split: Split, new: Instrument) -> None:
    """Positions × ratio and average cost ÷ ratio; a fraction is paid at the last price."""
    unit = new.value(Decimal(1), venue.mark(new))
    shares = Decimal(split.numerator), Decimal(split.denominator)
    for account in venue.accounts.values():
        holding = account.holdings.get(split.con_id)
        if holding is not None:
            account.pay(new.currency, cents(holding.split(*shares, unit)))
    move_holdings(venue, split.con_id, new)


def move_holdings(venue: Venue, con_id: int, new: Instrument) -> None:
    """Positions in what was `con_id` are positions in `new`."""
    if new.conId == con_id:
        return
    for account in venue.accounts.values():
        holding = account.holdings.pop(con_id, None)
        if holding is not None:
            account.holdings[new.conId] = holding
            account.holdings[con_id] = Holding()  # whoever follows positions is told of it


def pay_out(venue: Venue, one: Instrument, cash: Decimal) -> None:
    """Holders of `one` get `cash` a share for it, without an execution; its gain is realised."""
    for account in venue.accounts.values():
        quantity = account.held(one.conId).quantity
        if quantity:
            account.trade(one, -quantity, cash, ZERO)


def _relisted(universe: Universe, old: Instrument, new: Instrument) -> Universe:
    """The universe with `new` in the place of `old`, what is to come of it too."""
    number = new.conId
    return Universe(
        tuple(new if one is old else one for one in universe.instruments),
        universe.rules,
        tuple(
            replace(action, con_id=number) if action.con_id == old.conId else action
            for action in universe.actions
        ),
        tuple(
            replace(change, con_id=number) if change.con_id == old.conId else change
            for change in universe.changes
        ),
    )
