"""Trades in the books: the execution, its commission and the account, and later corrections."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hydra.gateway.account import ZERO, commission
from hydra.gateway.errors import SettingsError
from hydra.gateway.order_past import KEPT_DAYS
from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.reports import Executed, OrderReports
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import WorkingOrder, trade


class TradeBooking:
    """Books what trades, exact to the cent."""

    def __init__(self, venue: Venue, registry: OrderRegistry, reports: OrderReports) -> None:
        self._venue = venue
        self._registry = registry
        self._reports = reports

    def book(
        self, order: WorkingOrder, quantity: Decimal, price: Decimal, liquidity: int
    ) -> Executed:
        """Book a trade of `quantity` (unsigned) in the order and in its account."""
        trade(order, quantity, price)
        # IB's minimum and maximum hold for the whole order, so a fill costs what it adds.
        total = commission(order.instrument, order.filled, order.average_price)
        fee = total - order.fees
        order.fees = total
        signed = quantity * order.sign
        account = self._venue.accounts[order.account]
        profit = account.trade(order.instrument, signed, price, fee)
        done = Executed(
            self._registry.next_exec_id(self._venue.seconds),
            order,
            self._venue.seconds,
            signed,
            price,
            order.filled,
            order.average_price,
            fee,
            profit,
            liquidity,
        )
        self._registry.add_execution(done)
        return done

    def revise(self, exec_id: str, price: Decimal | None) -> None:
        """Correct an execution's price, or take the trade back (None); the books follow.

        The exchange's rule: the revision is the last part of the execId, counted up. Raises
        SettingsError for an execution that is not kept.
        """
        executions = self._registry.executions
        index = next((i for i, done in enumerate(executions) if done.exec_id == exec_id), None)
        if index is None:
            raise SettingsError(
                f"{exec_id!r} is no execution of the last {KEPT_DAYS} days; older ones cannot be "
                "revised"
            )
        old = executions[index]
        order, account = old.order, self._venue.accounts[old.order.account]
        stem, _, revision = exec_id.rpartition(".")
        account.trade(order.instrument, -old.quantity, old.price, -old.fee)
        new = replace(old, exec_id=f"{stem}.{int(revision) + 1:02d}")
        if price is None:
            new = replace(new, quantity=ZERO, fee=ZERO, profit=None)
        else:
            account.trade(order.instrument, old.quantity, price, old.fee)
            new = replace(new, price=price)
        executions[index] = new
        self._reports.execution(new)
        self._reports.cost(new)
