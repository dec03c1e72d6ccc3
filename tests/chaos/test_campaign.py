"""A slice of the chaos campaign, and the proof that it would notice."""

from decimal import Decimal
from pathlib import Path

import pytest

from hydra.brokers.ib import IbBroker
from hydra.domain.events import FillRecorded, OrderAdmitted
from hydra.domain.orders import Fill
from hydra.execution import engine as engine_module
from hydra.execution.engine import OrderEngine
from hydra.ib.contracts import decimal, symbol_of
from hydra.journal.fold import WorkingOrder
from tests.chaos.campaign import Life, meets, run_seeds

SLICE = range(0, 100)
PROOF = range(0, 24)


def notices(folder: Path, word: str = "") -> bool:
    """Whether any of the proof's lives ends with a problem that has the word in it."""
    return meets(word, PROOF, folder)


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
    assert sum(life.orders for life in lives) > 1000
    met = {name for life in lives for name in life.faults}
    assert len(met) > 45
    assert met >= {"killed by SIGKILL", "disk full", "journal locked", "blackout", "halted"}
    assert met >= {"account reset", "transfer", "not ready", "cash moved", "adopted", "new epoch"}
    assert any(name.startswith("split") for name in met)


@pytest.mark.slow
def test_the_campaign_notices_an_order_that_is_sent_before_it_is_written(tmp_path, monkeypatch):
    note_sent = OrderEngine._note_sent

    def write_afterwards(self, sent, left, reason):
        for ref in [event.ref for event in sent] + [order.order_ref for order in left]:
            self.record(OrderAdmitted(self.unwritten[ref]))
        note_sent(self, sent, left, reason)

    def only_remember(self, order, quote):
        self.unwritten = {**getattr(self, "unwritten", {}), order.order_ref: order}
        return True

    monkeypatch.setattr(OrderEngine, "_admit", only_remember)
    monkeypatch.setattr(OrderEngine, "_note_sent", write_afterwards)
    assert notices(tmp_path, "sent 2 times")


@pytest.mark.slow
def test_the_campaign_notices_a_reconciliation_that_recovers_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module, "recover_fills", lambda *_: [])
    monkeypatch.setattr(engine_module, "recover_orders", lambda *_: [])
    assert notices(tmp_path)


@pytest.mark.slow
def test_the_campaign_notices_fills_that_are_taken_from_order_status(tmp_path, monkeypatch):
    def believe_status(self, trade):
        status = trade.orderStatus
        if trade.order.orderRef and status.filled:
            side = 1 if trade.order.action == "BUY" else -1
            self.events.put_nowait(
                FillRecorded(
                    Fill(
                        f"status.{status.permId}.01",
                        trade.order.orderRef,
                        symbol_of(trade.contract),
                        side * decimal(status.filled),
                        Decimal(str(status.avgFillPrice)),
                        trade.log[-1].time,
                    )
                )
            )

    monkeypatch.setattr(IbBroker, "_on_status", believe_status)
    monkeypatch.setattr(IbBroker, "_on_execution", lambda *_: None)
    assert notices(tmp_path)


@pytest.mark.slow
def test_the_campaign_notices_an_execution_that_is_counted_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(OrderEngine, "_newest", lambda self, fill: 0)
    monkeypatch.setattr("hydra.domain.events.FillRecorded.once", property(lambda self: None))
    assert notices(tmp_path)


@pytest.mark.slow
def test_the_campaign_notices_a_second_sending_of_what_may_have_left(tmp_path, monkeypatch):
    monkeypatch.setattr(WorkingOrder, "may_be_sent", property(lambda self: True))
    assert notices(tmp_path, "times")


@pytest.mark.slow
def test_the_campaign_notices_a_gate_that_forgets_the_halt(tmp_path, monkeypatch):
    monkeypatch.setattr("hydra.risk.halt.Halt.objection", lambda *_: None)
    assert notices(tmp_path, "halted")
