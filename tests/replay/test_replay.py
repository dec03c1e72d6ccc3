"""Paper trading does what the backtest did, and every cent of the difference has its name."""

import asyncio
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

import hydra
from hydra.config import Settings
from hydra.domain.events import FillRecorded, OrderAdmitted, OrderRefused
from hydra.errors import BadParameter
from hydra.journal.journal import Journal
from hydra.replay.bridge import NAMES, build_bridge
from hydra.replay.run import Wanted, replay
from hydra.replay.sessions import sessions_between
from tests.execution.test_halting import run_hydra

FIRST, LAST = date(2012, 1, 3), date(2012, 1, 20)
CENT = Decimal("0.01")
LISTED = ("AAPL", "GOOG", "IBM", "MSFT")
"""FB was not yet."""


def replayed(settings: Settings, tmp_path, strategy="mean_reversion", **changes):
    folder = tmp_path / "replay"
    folder.mkdir()
    wanted = Wanted(strategy, FIRST, LAST, changes.pop("parameters", {}), **changes)
    return asyncio.run(replay(settings, wanted, folder))


def fills_of(found):
    with Journal.read_only(found.replayed.journal) as journal:
        return [r.event.fill for r in journal.read(kinds=[FillRecorded])]


@pytest.mark.parametrize("strategy", ["mean_reversion", "ts_momentum"])
def test_the_difference_between_paper_and_backtest_is_explained_to_the_cent(
    settings, tmp_path, strategy
):
    found = replayed(settings, tmp_path, strategy)
    sessions = found.bridge.sessions
    assert list(sessions.index) == sessions_between("XNYS", FIRST, LAST)
    assert found.bridge.unexplained < CENT
    assert found.bridge.difference != 0
    assert sum(found.bridge.totals, Decimal(0)) == pytest.approx(found.bridge.difference)
    assert float(sessions["backtest"].iloc[-1]) == pytest.approx(found.backtest.equity.iloc[-1])
    assert sessions["replay"].iloc[-1] == found.replayed.closing[-1].net_liquidation
    assert len(fills_of(found)) > 20
    assert list(found.bridge.totals[["refusal", "unfilled", "unquoted"]]) == [0, 0, 0]


def test_both_sides_want_the_same_in_their_first_session(settings, tmp_path):
    """Later ones size by their own accounts."""
    trades = replayed(settings, tmp_path).bridge.trades
    first = trades[trades["session"] == FIRST]
    assert len(first) > 1
    assert list(first["wanted_replay"]) == list(first["wanted_backtest"])
    assert list(first["traded_replay"]) == list(first["traded_backtest"])
    prices = first[["price_replay", "price_backtest"]].astype(float)
    assert (prices["price_replay"] / prices["price_backtest"] - 1).abs().max() < 0.002


def test_what_one_gate_refuses_is_a_part_of_its_own(settings, tmp_path):
    """The paper session is stopped by a breaker that a backtest does not have."""
    table = {"limit_fraction": "0.0001", "action": "reduce_only", "cooldown_sessions": 9}
    tight = replace(settings, breakers={"drawdown": table})
    found = replayed(tight, tmp_path)
    assert found.bridge.unexplained < CENT
    assert found.bridge.totals["refusal"] != 0


def test_backtest_replay_and_paper_session_are_refused_the_same_by_the_same_checks(
    settings, start_gateway, tmp_path
):
    """One scenario, three runs: the first session of each, which all begin with the same cash."""
    tight = replace(
        settings,
        risk={"order_notional": {"limit_notional": 150_000}, "short_selling": {"never": ["GOOG"]}},
    )
    found = replayed(tight, tmp_path, symbols=LISTED)
    backtested = told(r for r in found.backtest.refusals if r.request.session == FIRST)
    gateway = start_gateway("--start", FIRST.isoformat())
    asyncio.run(one_session(replace(tight, gateway=replace(tight.gateway, port=gateway.port))))
    assert len(backtested) > 1
    assert refused_in(found.replayed.journal) == backtested
    assert refused_in(tight.journal_path) == backtested


async def one_session(settings: Settings):
    session = await hydra.open_paper_session("mean_reversion", settings=settings, symbols=LISTED)
    await session.run()
    await session.close()


def refused_in(path):
    with Journal.read_only(path) as journal:
        events = [r.event for r in journal.read(kinds=[OrderRefused])]
    return told(e.refusal for e in events if e.refusal.request.session == FIRST)


def told(refusals):
    return {r.request.order_ref: [o.check for o in r.objections] for r in refusals}


def test_a_fill_that_the_bridge_is_not_told_of_is_left_unexplained(settings, tmp_path):
    found = replayed(settings, tmp_path)
    with Journal.read_only(found.replayed.journal) as journal:
        records = list(journal.read())
    lost = next(r for r in records if isinstance(r.event, FillRecorded))
    torn = build_bridge(
        [r for r in records if r is not lost],
        found.replayed.closing,
        found.backtest,
        found.replayed.sessions,
        found.replayed.opening_nav,
    )
    assert torn.unexplained > CENT


def test_the_same_seed_replays_the_same_fills(settings, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = (replayed(settings, tmp_path / name, seed=7) for name in "ab")
    key = [(f.order_ref, f.quantity, f.price) for f in fills_of(one)]
    assert key == [(f.order_ref, f.quantity, f.price) for f in fills_of(other)]
    assert one.bridge.sessions.equals(other.bridge.sessions)


def test_every_order_of_a_replay_went_through_the_gate_once(settings, tmp_path):
    found = replayed(settings, tmp_path)
    with Journal.read_only(found.replayed.journal) as journal:
        refs = [r.event.order_ref for r in journal.read(kinds=[OrderAdmitted])]
    assert refs
    assert len(refs) == len(set(refs))
    assert {f.order_ref for f in fills_of(found)} <= set(refs)


def test_sessions_outside_the_history_and_without_enough_before_them_are_refused(
    settings, tmp_path
):
    async def ask(first, last, strategy="ts_momentum"):
        return await replay(settings, Wanted(strategy, first, last, {}), tmp_path)

    with pytest.raises(BadParameter, match="which goes from 2000-03-01 to 2013-03-01"):
        asyncio.run(ask(date(2013, 3, 1), date(2014, 1, 1)))
    with pytest.raises(BadParameter, match="needs 253 bars before its first session"):
        asyncio.run(ask(date(2000, 6, 1), date(2000, 7, 3)))
    with pytest.raises(BadParameter, match="needs sessions"):
        asyncio.run(ask(date(2012, 1, 7), date(2012, 1, 8)))


def test_the_command_writes_a_report_that_needs_no_network(settings, tmp_path):
    settings.data.dir.mkdir()
    done = run_hydra(
        settings, "replay", "sma_cross", "--from", "2012-01-03", "--to", "2012-01-10", "--json",
        "--report", str(tmp_path / "out.html"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["parts"]) == {*NAMES, "unexplained"}
    assert Decimal(told["unexplained"]) < CENT
    page = (tmp_path / "out.html").read_text()
    assert "Plotly.newPlot" in page
    assert "<h2>The bridge</h2>" in page
    assert 'src="http' not in page
