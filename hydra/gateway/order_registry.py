"""All orders of all clients: their numbers, who belongs together, and what has been executed."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.gateway.order_past import Past, execution_row, forgettable, is_over
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.reports import Executed
from hydra.gateway.universe import Instrument
from hydra.gateway.working_order import PEGS, Stage, WorkingOrder

Key = tuple[int, int]  # client and order number: what an order is known by

_FIRST_PERM_ID = 1_000_000_000


@dataclass
class Memory:
    """What must not be forgotten: orders, terms not yet transmitted, numbers, executions."""

    orders: dict[Key, WorkingOrder]
    held_back: dict[Key, PlaceOrder]
    highest_id: dict[int, int]
    sequence: int
    executions: list[Executed]
    past: Past = field(default_factory=Past)


class OrderRegistry:
    """The lists of orders and of executions, which every other part reads and writes."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.orders: dict[Key, WorkingOrder] = {}
        self.working: dict[Key, WorkingOrder] = {}
        self.held_back: dict[Key, PlaceOrder] = {}
        self.executions: list[Executed] = []
        self.past = Past()
        self._highest_id: dict[int, int] = {}
        self._sequence = 0

    # --- what outlives a restart ------------------------------------------------------------

    @property
    def memory(self) -> Memory:
        """Everything that outlives a restart."""
        return Memory(
            self.orders,
            self.held_back,
            self._highest_id,
            self._sequence,
            self.executions,
            self.past,
        )

    @memory.setter
    def memory(self, memory: Memory) -> None:
        self.orders, self.held_back = memory.orders, memory.held_back
        self._highest_id, self._sequence = memory.highest_id, memory.sequence
        self.executions, self.past = memory.executions, memory.past
        self.working = {key: order for key, order in memory.orders.items() if not order.is_done}

    # --- numbers ----------------------------------------------------------------------------

    def next_order_id(self, client_id: int) -> int:
        """One above every order number that the client ever used."""
        return self._highest_id.get(client_id, 0) + 1

    def use_order_id(self, client_id: int, number: int) -> None:
        """The client has used `number`."""
        self._highest_id[client_id] = max(self._highest_id.get(client_id, 0), number)

    def next_perm_id(self) -> int:
        """The number by which all clients know the next order."""
        return (
            _FIRST_PERM_ID
            + self._seed % 1000 * 1_000_000
            + self.past.orders
            + len(self.orders)
            + 1
        )

    def next_sequence(self) -> int:
        """The next place in the order of arrival."""
        self._sequence += 1
        return self._sequence

    def next_exec_id(self, seconds: int) -> str:
        """The number of the next execution, at `seconds`."""
        number = self.execution_count + 1
        return f"{self._seed & 0xFFFFFFFF:08x}.{seconds:08x}.{number:06x}.01"

    # --- orders -----------------------------------------------------------------------------

    @property
    def open_list(self) -> list[WorkingOrder]:
        """The working orders, oldest first."""
        return list(self.working.values())

    def register(self, order: WorkingOrder) -> None:
        """Know an order from now on; it does not work yet."""
        self.orders[order.key] = order

    def start(self, order: WorkingOrder) -> None:
        """A known order works from now on."""
        self.working[order.key] = order

    def stop(self, order: WorkingOrder) -> None:
        """A known order works no more."""
        self.working.pop(order.key, None)

    def resting(self, one: Instrument, sign: int) -> list[WorkingOrder]:
        """The orders of one side that stand in the book at a price of their own."""
        return [
            order
            for order in self.working.values()
            if order.instrument.conId == one.conId
            and order.sign == sign
            and order.stage is Stage.LIVE
            and not order.sleeps
            and order.has_arrived
            and order.limit is not None
            and order.order_type not in PEGS
            and not order.terms.hidden
        ]

    # --- who belongs together ---------------------------------------------------------------

    def parent_of(self, order: WorkingOrder) -> WorkingOrder | None:
        """The order whose child this is."""
        return self.orders.get((order.client_id, order.terms.parentId))

    def awaiting_children(self, parent: WorkingOrder) -> list[WorkingOrder]:
        """The children that wait for `parent`, oldest first."""
        return [
            order
            for order in self.working.values()
            if order.awaits_parent
            and order.client_id == parent.client_id
            and order.terms.parentId == parent.terms.orderId
        ]

    def group_of(self, order: WorkingOrder) -> list[WorkingOrder]:
        """The other working orders of an order's one-cancels-all group."""
        group = order.terms.ocaGroup
        return (
            []
            if not group
            else [
                other
                for other in self.open_list
                if other is not order
                and other.terms.ocaGroup == group
                and other.account == order.account
            ]
        )

    def take_held_back_family(self, client_id: int, terms: PlaceOrder) -> list[PlaceOrder]:
        """A child that is transmitted takes its waiting parent and siblings with it."""
        if not terms.parentId:
            return []
        family = [
            key
            for key, other in self.held_back.items()
            if key[0] == client_id and terms.parentId in {other.orderId, other.parentId}
        ]
        return [self.held_back.pop(key) for key in sorted(family)]

    # --- executions -------------------------------------------------------------------------

    @property
    def execution_count(self) -> int:
        """How many executions there have been, forgotten ones too."""
        return self.past.executions + len(self.executions)

    def add_execution(self, done: Executed) -> None:
        """Keep an execution that has just been booked."""
        self.past.note_trade(done, self.execution_count)
        self.executions.append(done)

    def has_traded(self, sec_type: str, symbol: str, after: int) -> bool:
        """Whether an instrument has traded since the `after`-th execution."""
        return self.past.has_traded(sec_type, symbol, after)

    def forget_before(self, day: str) -> None:
        """Forget the executions and the ended orders before a day, such as `20121001`.

        Parents of what still works or waits are kept, since their children refer to them.
        """
        old = forgettable(self.executions, day)
        del self.executions[: len(old)]
        self.past.executions += len(old)
        self.past.rows.extend(map(execution_row, old))
        parents = {(order.client_id, order.terms.parentId) for order in self.working.values()}
        parents |= {(client, terms.parentId) for (client, _), terms in self.held_back.items()}
        ended = [
            key for key, order in self.orders.items() if is_over(order, day) and key not in parents
        ]
        for key in ended:
            del self.orders[key]
        self.past.orders += len(ended)
