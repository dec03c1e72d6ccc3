"""Corporate actions on all accounts: by the clock, at the open of a session, and by command."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hydra.gateway.corporate_actions import (
    Change,
    Removal,
    adjust_market,
    move_holdings,
    pay_out,
    planned_symbol_change,
)
from hydra.gateway.desk import OrderDesk
from hydra.gateway.errors import SettingsError
from hydra.gateway.times import epoch
from hydra.gateway.universe import Action, Delisting, Instrument, ListingChange, Renaming
from hydra.gateway.venue import Venue


class CorporateCalendar:
    """Carries out what the universe lists for a day, or what is commanded."""

    def __init__(self, venue: Venue, orders: OrderDesk) -> None:
        self._venue = venue
        self._orders = orders

    def list_as_of(self, day: date) -> None:
        """Change listings alone, for what happened before anybody held anything."""
        self._rename_listed(day)
        for listed in self._take_due(day):
            adjust_market(self._venue, self._planned(listed))
        self._venue.changes.clear()  # every start makes them anew

    def resume(self, changes: Iterable[Change], day: date, *, is_complete: bool) -> None:
        """Make the changes of kept books again, in their order.

        Those that the universe lists up to `day` are among them where that `is_complete`: the
        books of a version that had none lack them.
        """
        self._rename_listed(day)
        for change in changes:
            adjust_market(self._venue, change)
        for listed in self._take_due(day):
            if not is_complete:
                adjust_market(self._venue, self._planned(listed))

    def open_day(self, day: date) -> list[Instrument]:
        """What takes effect on `day`; returns the instruments whose positions it changed."""
        touched = self._rename_listed(day)
        for listed in self._take_due(day):
            if isinstance(listed, Delisting):
                touched += self.delist(self._listed(listed), listed.cash)
            else:
                touched += self.rename(self._listed(listed), listed.symbol, listed.new_con_id)
        for action in self._venue.universe.actions:
            if action.day == day:
                touched += self.act(action)
        for account in self._venue.accounts.values():
            account.pay_accruals(day)
        return touched

    def rename(self, one: Instrument, symbol: str, new_con_id: int = 0) -> list[Instrument]:
        """Another symbol: orders end, positions go on under it; SettingsError if it is taken."""
        change = planned_symbol_change(self._venue, one, symbol, new_con_id)
        self._orders.end_all_in(one)
        new = adjust_market(self._venue, change)
        move_holdings(self._venue, one.conId, new)
        return [one, new] if new.conId != one.conId else [new]

    def delist(self, one: Instrument, cash: Decimal | None = None) -> list[Instrument]:
        """The end of trading: orders end, and holders get `cash` a share or keep the position.

        Raises SettingsError for cash below 0.
        """
        if cash is not None and cash < 0:
            raise SettingsError(f"{cash} is no amount that holders get; give 0 or more")
        self._orders.end_all_in(one)
        gone = adjust_market(self._venue, Removal(one.conId, self._venue.seconds))
        if cash is not None:
            pay_out(self._venue, gone, cash)
        return [gone]

    def act(self, action: Action) -> list[Instrument]:
        """A dividend, or a split of modelled prices, which fall by themselves."""
        one = self._venue.universe.get(action.con_id)
        if one is None or one.is_delisted:
            return []
        if action.ratio != 1:
            self._orders.end_all_in(one)
        for account in self._venue.accounts.values():
            account.act(one, action, self._venue.mark(one))
        return [one] if action.ratio != 1 else []

    def _rename_listed(self, day: date) -> list[Instrument]:
        """Symbols that are others from `day` on, by the keys of their own tables."""
        changed = self._venue.universe.renamed_by(day)
        for one in changed:
            self._orders.end_all_in(one)
        if changed:
            self._venue.universe = self._venue.universe.relisted(changed)
        return changed

    def _take_due(self, day: date) -> list[ListingChange]:
        """The listing changes up to `day`, which are then no longer to come."""
        universe = self._venue.universe
        due = [change for change in universe.changes if change.day <= day]
        if due:
            later = tuple(change for change in universe.changes if change.day > day)
            self._venue.universe = replace(universe, changes=later)
        return due

    def _planned(self, listed: ListingChange) -> Change:
        one = self._listed(listed)
        if isinstance(listed, Renaming):
            return planned_symbol_change(self._venue, one, listed.symbol, listed.new_con_id)
        midnight = datetime(listed.day.year, listed.day.month, listed.day.day, tzinfo=UTC)
        return Removal(one.conId, epoch(midnight))

    def _listed(self, listed: ListingChange) -> Instrument:
        one = self._venue.universe.get(listed.con_id)
        if one is None:
            raise SettingsError(f"{listed.con_id} is the number of nothing that is listed")
        return one
