"""Whatever a broker does, the children of one request never add up to more than the request."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hydra import plugins
from hydra.brokers.memory import Memory
from hydra.domain.events import FillRecorded, OrderAcknowledged, OrderEnded
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Fill, OrderRequest
from hydra.errors import BrokerError, GatewayUnreachable
from hydra.execution.engine import OrderEngine
from hydra.execution.floor import Floor, Pace
from hydra.execution.supervisor import Patience, Supervisor
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate

OPEN = datetime(2013, 1, 14, 14, 30, tzinfo=UTC)
QUICK = Patience(heartbeat_s=1, first_pause_s=0.0001, longest_pause_s=0.001, give_up_s=1.0)
ALGOS = {
    "market": {},
    "twap": {"duration_s": 300.0, "slices": 5},
    "patient_limit": {"interval_s": 30.0, "steps": 3},
}
MOODS = ("fill", "part", "rest", "reject", "gone")


@dataclass
class Moody(Memory):
    """Does with each order what its next mood says; time runs 15 s with each question."""

    moods: Iterator[str] = field(default_factory=lambda: iter(()))
    taken: dict[str, Decimal] = field(default_factory=dict)

    async def time(self):
        self.now += timedelta(seconds=15)
        return self.now

    def _hold(self, order):
        mood, ref = next(self.moods, "fill"), order.order_ref
        if mood == "gone" or not self.connected:
            self.connected = False
            raise GatewayUnreachable("the line is dead")
        assert ref not in self.taken, f"{ref} was sent twice"
        self.taken[ref] = Decimal(0)
        if mood == "reject":
            self.cancelled.append(ref)
            self.events.put_nowait(OrderEnded(ref, "rejected", "a mood"))
            return 0, 1
        self.events.put_nowait(OrderAcknowledged(ref, len(self.taken), "Submitted"))
        self.resting[ref] = order
        if mood != "rest":
            size = order.request.quantity
            self._part(order, size if mood == "fill" else (size / 2).to_integral_value())
        return 0, len(self.taken)

    def match(self):
        """Only moods fill."""

    def _part(self, order, quantity):
        ref = order.order_ref
        if not quantity:
            return
        fill = Fill(f"m{len(self.done)}.01", ref, "AAPL", quantity, Decimal(70), self.now)
        self.taken[ref] += quantity
        self.held["AAPL"] = self.held.get("AAPL", Decimal(0)) + quantity
        self.cash += fill.cash
        self.done.append((fill, None))
        self.events.put_nowait(FillRecorded(fill))
        if self.taken[ref] == order.request.quantity:
            del self.resting[ref]

    async def modify(self, order):
        if next(self.moods, "fill") in ("reject", "gone"):
            raise BrokerError("error 104: Cannot modify a filled order.")
        await super().modify(order)
        self._part(order, order.request.quantity - self.taken[order.order_ref])

    def most(self) -> Decimal:
        """What its customers may come to hold: filled and still resting."""
        rest = (o.request.quantity - self.taken[ref] for ref, o in self.resting.items())
        return sum(self.taken.values(), Decimal(0)) + sum(rest, Decimal(0))


async def run_once(broker: Moody, path: Path, name: str, request: OrderRequest, cut: int) -> None:
    """One run of a process; with `cut`, its task is cancelled after so many turns of the loop."""
    with Journal.open(path) as journal:
        engine = OrderEngine(broker, journal, RiskGate({}))
        await engine.start()
        floor = Floor(
            Supervisor(engine, QUICK),
            volumes={"AAPL": Decimal(1_000_000)},
            pace=Pace(beat_s=0.0001, end_s=2.0),
        )
        algo = plugins.configure("algos", name, ALGOS[name])
        task = asyncio.ensure_future(floor.work(name, algo, [request]))
        for _ in range(cut):
            await asyncio.sleep(0)
            assert abs(broker.most()) <= abs(request.quantity)
        if cut:
            task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.done()
        assert not broker.resting
        if not task.cancelled():
            task.result()


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(ALGOS)),
    quantity=st.integers(-60, 60).filter(bool),
    moods=st.lists(st.sampled_from(MOODS), max_size=12),
    cuts=st.lists(st.integers(1, 60), max_size=2),
)
def test_children_never_add_up_to_more_than_the_request(name, quantity, moods, cuts):
    async def runs(folder: Path) -> None:
        broker = Moody({"AAPL": Decimal(70)}, OPEN, moods=iter(moods))
        request = OrderRequest(
            "s", date(2013, 1, 14), Instrument("AAPL"), Decimal(quantity), Decimal(70)
        )
        for cut in (*cuts, 0):
            broker.now = OPEN
            await run_once(broker, folder / "journal.db", name, request, cut)
            assert abs(broker.most()) <= abs(quantity)
        if not moods:
            assert broker.most() == quantity
        elsewhere = replace(request, step=1)
        assert elsewhere.order_ref not in broker.taken

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(runs(Path(folder)))
