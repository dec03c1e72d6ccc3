"""A slice of the chaos campaign, and the proof that it would notice."""

from pathlib import Path

import pytest

from hydra.domain.events import OrderAdmitted, OrderSubmitted
from hydra.execution import engine as engine_module
from hydra.execution.engine import OrderEngine
from tests.chaos.campaign import Life, run_seeds

SLICE = range(0, 100)
PROOF = range(0, 24)


def problems(lives: list[Life]) -> list[str]:
    """What was wrong, with the command that lives it again."""
    return [
        f"{problem} (python -m tests.chaos.campaign --seeds {life.seed}:{life.seed + 1})"
        for life in lives
        for problem in life.problems
    ]


@pytest.mark.slow
def test_whatever_breaks_nothing_is_sent_twice_and_no_fill_is_lost(tmp_path: Path):
    lives = run_seeds(SLICE, tmp_path)
    assert problems(lives) == []
    assert sum(life.orders for life in lives) > 500
    assert len({name for life in lives for name in life.faults}) > 30


@pytest.mark.slow
def test_the_campaign_notices_an_order_that_is_sent_before_it_is_written(tmp_path, monkeypatch):
    async def send_first(self, order):
        client_id, order_id = await self.broker.submit(order)
        fresh = self.record(OrderAdmitted(order))
        self.record(OrderSubmitted(order.order_ref, client_id, order_id))
        return fresh

    monkeypatch.setattr(OrderEngine, "_send", send_first)
    assert any("booked" in p or "fills" in p for p in problems(run_seeds(PROOF, tmp_path)))


@pytest.mark.slow
def test_the_campaign_notices_a_reconciliation_that_recovers_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "recover", lambda *_: [])
    assert problems(run_seeds(PROOF, tmp_path))


@pytest.mark.slow
def test_the_campaign_notices_an_execution_that_is_counted_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(OrderEngine, "_newest", lambda self, fill: 0)
    monkeypatch.setattr("hydra.domain.events.FillRecorded.once", property(lambda self: None))
    assert problems(run_seeds(PROOF, tmp_path))
