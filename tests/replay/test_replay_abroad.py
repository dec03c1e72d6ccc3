"""A future over its rolls and shares abroad, in pence too: replay and backtest, to the cent."""

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hydra.domain.events import OrderAdmitted
from hydra.errors import BadParameter
from hydra.journal.journal import Journal
from hydra.replay.bridge import NAMES
from hydra.replay.run import Wanted, replay

CENT = Decimal("0.01")


def replayed(settings, tmp_path, first, last, symbols):
    folder = tmp_path / "replay"
    folder.mkdir()
    roomy = replace(settings, risk={"currency_exposure": {"limit_weight": 1}})
    wanted = Wanted(
        "sma_cross",
        first,
        last,
        {"fast_bars": 3, "slow_bars": 12, "short": True},
        "equal_weight",
        {"gross": 0.5, "max_weight": 0.25},
        symbols,
    )
    return asyncio.run(replay(roomy, wanted, folder))


def orders_of(found):
    with Journal.read_only(found.replayed.journal) as journal:
        return [r.event.order.request for r in journal.read(kinds=[OrderAdmitted])]


def is_explained(found, sessions) -> None:
    bridge = found.bridge
    assert len(bridge.sessions) >= sessions
    assert bridge.unexplained < CENT
    assert sum(bridge.totals[list(NAMES)], Decimal(0)) == pytest.approx(
        bridge.difference, abs=CENT
    )
    last = bridge.sessions.iloc[-1]
    assert last["replay"] == found.replayed.closing[-1].net_liquidation
    assert float(last["backtest"]) == pytest.approx(found.backtest.equity.iloc[-1])


def test_a_future_over_a_roll_is_explained_to_the_cent(settings, tmp_path):
    found = replayed(settings, tmp_path, date(2012, 11, 19), date(2012, 12, 21), ("ES.C",))
    is_explained(found, 20)
    contracts = {one.instrument.symbol for one in orders_of(found)}
    assert contracts == {"ES.201212", "ES.201303"}
    assert set(found.backtest.orders["symbol"]) == contracts
    totals = found.bridge.totals
    assert totals["roll"] != 0
    assert totals["currency"] == 0


def test_shares_abroad_are_explained_to_the_cent_and_their_rates_by_name(settings, tmp_path):
    found = replayed(
        settings, tmp_path, date(2013, 1, 14), date(2013, 2, 12), ("SAP.IBIS", "BMW.IBIS")
    )
    is_explained(found, 20)
    assert {one.instrument.currency for one in orders_of(found)} == {"EUR"}
    assert found.bridge.totals["currency"] != 0
    assert found.bridge.totals["roll"] == 0


def test_a_pair_is_no_replay_and_is_refused_with_what_is(settings, tmp_path):
    with pytest.raises(BadParameter, match=r"USD\.JPY is a currency pair; a replay takes shares"):
        replayed(settings, tmp_path, date(2013, 1, 14), date(2013, 1, 25), ("USD.JPY",))


@pytest.mark.slow
def test_shares_in_pence_are_explained_to_the_cent(settings, tmp_path):
    found = replayed(settings, tmp_path, date(2013, 1, 14), date(2013, 1, 25), ("VOD.LSE",))
    is_explained(found, 9)
    assert {one.instrument.multiplier for one in orders_of(found)} == {CENT}
