"""A year of daily sessions of two strategies, minutes apart, at a gateway that behaves as real
ones are documented to: delayed prices, splits, dividends, a withdrawal, a reset, closures.

No false halt, no phantom book, no order beside a stale price.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import hydra
from hydra.adopting import adopt, begin_epoch
from hydra.brokers import ib
from hydra.config import Calendar, Data, Gateway, Notebooks, Settings, Trading
from hydra.domain.events import (
    BreakerTripped,
    CashMoved,
    FillRecorded,
    Halted,
    OrderAdmitted,
    OrderEnded,
    OrderRefused,
    PositionAdopted,
    SplitApplied,
)
from hydra.execution.adoption import Decision
from hydra.gateway.embedded import EmbeddedGateway, stepped
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.realism import TRADING
from hydra.gateway.variants import seed_with
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal
from tests.conftest import ROOT

START = "2013-01-14"
SESSIONS = 250
STRATEGIES = ("ts_momentum", "mean_reversion")
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
MINUTES_APART = timedelta(minutes=20)
REFRESHED = timedelta(minutes=4)
"""A cycle of the gateway's account values."""
REAL = TRADING - {"order_presets"}
"""The container bypasses the presets."""


@dataclass
class Year:
    """What a year needs, and what happened in it."""

    gateway: EmbeddedGateway
    settings: Settings
    refused: dict[int, list[OrderRefused]] = field(default_factory=dict)
    seen: int = 0

    @property
    def journal(self) -> Journal:
        return Journal.read_only(self.settings.journal_path)

    def state(self) -> State:
        with self.journal as journal:
            return fold(journal.read())

    def events(self, kind) -> list:
        with self.journal as journal:
            return [record.event for record in journal.read(kinds=[kind])]

    def account(self) -> dict[str, Decimal]:
        told = {p["symbol"]: Decimal(p["quantity"]) for p in self.gateway.state()["positions"]}
        return {symbol: quantity for symbol, quantity in told.items() if quantity}

    def later(self, after: timedelta) -> None:
        """The market's time goes on."""
        now = datetime.fromisoformat(self.gateway.state()["time"])
        self.gateway.step((now + after).isoformat())

    async def session(self, strategy: str) -> None:
        """One session as the notebook takes it."""
        session = await hydra.open_paper_session(strategy, settings=self.settings)
        try:
            await session.run()
        finally:
            await session.close()

    async def day(self, number: int) -> None:
        """Both strategies; what was refused is remembered by the day."""
        await self.session(STRATEGIES[0])
        self.later(MINUTES_APART)
        await self.session(STRATEGIES[1])
        refusals = self.events(OrderRefused)
        self.refused[number], self.seen = refusals[self.seen :], len(refusals)


def overnight(year: Year) -> dict[int, Callable[[], None]]:
    """What happens before the session of that number, by no trade of ours."""
    gateway = year.gateway
    return {
        20: lambda: gateway.split("AAPL", 2, 1),
        45: lambda: gateway.move_cash(Decimal("812.40")),
        60: lambda: gateway.split("GOOG", 1, 10, new_con_id=True),
        80: lambda: gateway.move_cash(-150_000),
        100: lambda: gateway.transfer("IBM", _against(year, "IBM")),
        120: lambda: gateway.reset(1_000_000),
        160: lambda: gateway.move_cash(200_000),
        200: lambda: gateway.split("MSFT", 3, 2),
    }


def _against(year: Year, symbol: str) -> int:
    """Some shares that leave a position, or come where there is none."""
    held = year.account().get(symbol, Decimal(0))
    return -int(held / 2) if abs(held) > 1 else 50


@pytest.fixture
def year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ib, "ENDED_S", 0.2)  # this gateway never tells of completed orders
    settings = stepped(
        wall_scale=0.02,
        clock_s=1.0,
        exchange=ExchangeSettings(
            start=datetime.fromisoformat(START).date(),
            real=REAL,
            seed=seed_with(
                account_values="every_three_minutes",
                historical_farm="inactive",
                historical_pacing="all_bars",
            ),
        ),
    )
    with EmbeddedGateway(settings) as gateway:
        yield Year(
            gateway,
            Settings(
                gateway=Gateway(port=gateway.port),
                data=Data(tmp_path / "data"),
                notebooks=Notebooks(ROOT / "notebooks"),
                trading=Trading(symbols=SYMBOLS),
                calendar=Calendar(closed=("2013-06-18",)),
                risk={"delayed_data": {"allow": True}},
            ),
        )


@pytest.mark.slow
async def test_a_year_with_splits_resets_and_delayed_prices_halts_nobody_and_books_no_phantom(
    year: Year,
):
    happens = overnight(year)
    for number in range(SESSIONS):
        if number:
            year.gateway.step("next_open")
        if number in happens:
            happens[number]()
            year.later(REFRESHED)
        await year.day(number)
        state = year.state()
        assert state.halted is None, (number, state.halted)
        assert state.positions == year.account(), number
        if number in (100, 120):
            await decided(year, number, state)
        else:
            assert not state.contested, (number, state.contested)
    assert not year.events(Halted)
    assert [(s.symbol, s.numerator, s.denominator) for s in year.events(SplitApplied)] == [
        ("AAPL", 2, 1),
        ("GOOG", 1, 10),
        ("MSFT", 3, 2),
    ]
    assert [move.worth for move in year.events(CashMoved) if move.is_transfer] == [
        -150_000,
        200_000,
    ]
    assert not [e for e in year.events(OrderEnded) if e.outcome in ("rejected", "unknown")]
    assert not [t for t in year.events(BreakerTripped) if t.action == "halt"]
    executed = {e["order_ref"] for e in year.gateway.state()["executions"]}
    assert executed == {f.fill.order_ref for f in year.events(FillRecorded)}
    assert len(year.events(OrderAdmitted)) > 500


async def decided(year: Year, number: int, state: State) -> None:
    """A person looks, after a session in which nothing was traded on a phantom."""
    checks = {o.check for event in year.refused[number] for o in event.refusal.objections}
    if number == 120:
        assert state.unbacked
        assert "book_backed" in checks
        await begin_epoch(year.settings, "the account was reset", "a test")
    elif state.contested:
        await adopt(year.settings, (), Decision("a test", "some were transferred"))
        assert year.events(PositionAdopted)
    after = year.state()
    assert not after.contested
    assert after.positions == year.account()
