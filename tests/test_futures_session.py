"""A future's series from gateway to store to session: orders are in the real contract alone, and a
roll leaves the old one for the new."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

import hydra
from hydra import wiring
from hydra.data._chains import load_chain
from hydra.data._series import BarFiles
from hydra.data.gateway import Gateway as GatewaySource
from hydra.data.store import Store
from hydra.domain.events import OrderAdmitted
from hydra.errors import BadParameter, ConfigError, UnknownInstrument, UnknownName
from hydra.ib.products import PRODUCTS, products_of
from hydra.journal.fold import fold
from hydra.journal.journal import Journal
from hydra.journal.views import position_rows
from tests.execution.test_halting import run_hydra

MARCH = datetime(2012, 3, 1, tzinfo=UTC)


@pytest.fixture
def gateway(start_gateway):
    """The last session of ES in its December contract."""
    return start_gateway("--start", "2012-12-10")


async def cycle(settings, **changes):
    session = await hydra.open_paper_session(
        "sma_cross",
        strategy_parameters={"fast_bars": 5, "slow_bars": 40, "short": True},
        sizing="equal_weight",
        sizing_parameters={"gross": 0.25},
        symbols=("ES.C",),
        settings=settings,
        **changes,
    )
    try:
        bars = await session.bars()
        targets = session.targets(session.signals(bars), bars)
        traded = await session.trade(targets)
        assert await session.wait_for_fills() == ()
        return session, targets, traded, await session.report()
    finally:
        await session.close()


def agrees(settings, gateway, report) -> None:
    """The journal's positions and value are the gateway's; one contract is held, never two."""
    theirs = gateway.state()
    held = {p["con_id"]: Decimal(p["quantity"]) for p in theirs["positions"]}
    with Journal.read_only(settings.journal_path) as journal:
        state = fold(journal.read())
    assert {state.instruments[s].con_id: q for s, q in state.positions.items()} == held
    assert len(held) == 1
    assert report.nav == Decimal(theirs["net_liquidation"])
    assert not report.differences


async def test_a_session_over_a_roll_leaves_the_old_contract_and_enters_the_new(
    connected, gateway
):
    _, first, traded, report = await cycle(connected)
    assert list(first.quantities) == ["ES.201212"]
    assert not traded.refusals
    agrees(connected, gateway, report)
    gateway.step("next_open")
    _, targets, traded, report = await cycle(connected)
    assert {s: bool(q) for s, q in targets.quantities.items()} == {
        "ES.201303": True, "ES.201212": False,
    }  # fmt: skip
    by_contract = {o.request.instrument.symbol: o.request.quantity for o in traded.orders}
    assert by_contract["ES.201212"] == -first.quantities["ES.201212"]
    assert by_contract["ES.201303"] == targets.quantities["ES.201303"]
    assert len({o.order_ref for o in traded.orders}) == 2
    agrees(connected, gateway, report)

    sent = len(gateway.state()["executions"])
    _, again, repeated, _ = await cycle(connected)
    assert (again.quantities["ES.201303"], repeated.orders) == (by_contract["ES.201303"], ())
    assert len(gateway.state()["executions"]) == sent
    with Journal.read_only(connected.journal_path) as journal:
        orders = [r.event.order.request for r in journal.read(kinds=[OrderAdmitted])]
        rows = [row for row in position_rows(fold(journal.read())) if row["quantity"]]
    assert {one.instrument.sec_type for one in orders} == {"FUT"}
    assert [(row["strategy"], row["symbol"]) for row in rows] == [("sma_cross", "ES.201303")]


async def test_the_store_loads_what_is_missing_and_serves_the_series_that_the_gateway_does(
    connected, gateway
):
    done = await wiring.update_bars(connected, ["ES.C"], MARCH)
    loaded = {one.series.symbol: one.new for one in done}
    assert set(loaded) >= {"ES.201203", "ES.201206", "ES.201209", "ES.201212", "ES.201303"}
    assert not [symbol for symbol in loaded if symbol.endswith(".C")]
    requests = sum(one.requests for one in done)
    assert requests <= 2 * len(done)
    again = await wiring.update_bars(connected, ["ES.C"], MARCH)
    assert [one.new for one in again] == [0] * len(again)
    chain = load_chain(connected.bars_dir, "ES")
    assert {one.symbol: one.expires for one in chain}["ES.201212"] == date(2012, 12, 21)
    assert all(one.multiplier == 50 and one.con_id for one in chain)

    stored = await wiring.build_source(connected, "store").bars(["ES.C"], start=date(2012, 6, 1))
    told = await GatewaySource(connected.gateway).bars(["ES.C"], start=date(2012, 6, 1))
    assert stored.contracts["ES.C"].front.tolist() == told.contracts["ES.C"].front.tolist()
    assert stored.close["ES.C"].tolist() == pytest.approx(told.close["ES.C"].tolist())
    rolls = [(r.session, r.old, r.new) for r in stored.contracts["ES.C"].rolls]
    assert [(old, new) for _, old, new in rolls] == [
        ("ES.201203", "ES.201206"), ("ES.201206", "ES.201209"), ("ES.201209", "ES.201212"),
    ]  # fmt: skip
    assert all(abs(r.gap) < 0.02 * r.old_price for r in stored.contracts["ES.C"].rolls)


async def test_an_update_that_was_cut_off_goes_on_where_it_stood(connected, gateway):
    class CutOff(Exception):
        pass

    def cut(series, _):
        if series.symbol == "ES.201209":
            raise CutOff

    with pytest.raises(CutOff):
        await wiring.update_bars(connected, ["ES.C"], MARCH, told=cut)
    before = {s.symbol for s in BarFiles(connected.bars_dir).series()}
    connected.pacing_path.unlink()  # else the request that was cut off waits 15 s for its turn
    asked = []
    done = await wiring.update_bars(
        connected, ["ES.C"], MARCH, told=lambda series, _: asked.append(series.symbol)
    )
    assert before == {"ES.201203", "ES.201206"}
    assert not before & set(asked)
    assert {one.series.symbol for one in done if one.new} >= {"ES.201209", "ES.201212"}


async def test_a_series_that_nobody_loaded_is_named_with_what_there_is(connected, tmp_path):
    with pytest.raises(UnknownName, match=r"future in the store"):
        await Store(tmp_path).bars(["CL.C"])
    with pytest.raises(UnknownInstrument, match=r"\[futures\.XY\]"):
        await Store(tmp_path).bars(["XY.C"])


def test_symbols_of_two_exchange_calendars_are_no_session(settings):
    with pytest.raises(BadParameter, match=r"AAPL keeps XNYS and ES\.C keeps CMES: a"):
        wiring.calendar_of(settings, ["AAPL", "ES.C"])
    assert wiring.calendar_of(settings, ["ES.C", "CL.201301"]) == "CMES"
    assert wiring.calendar_of(settings, ["SAP.IBIS"]) == "XETR"
    london = replace(settings, trading=replace(settings.trading, calendar="XLON"))
    assert wiring.calendar_of(london, ["AAPL"]) == "XLON"


def test_a_table_of_a_future_changes_what_is_known_of_it_or_adds_another():
    known = products_of({"ES": {"roll": "date", "roll_sessions": 8}, "XY": {"exchange": "CME"}})
    assert (known["ES"].roll, known["ES"].exchange, known["ES"].months) == ("date", "CME", "HMUZ")
    assert known["XY"].calendar == PRODUCTS["ES"].calendar


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"rol": "date"}, "rol"),
        ({"roll": "volum"}, "did you mean 'volume'"),
        ({"roll_sessions": 0}, "roll_sessions is 0; it must be from 1 to 40"),
        ({"months": "AB"}, "months are 'AB'; they are letters of FGHJKMNQUVXZ"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_in_one_sentence(table, words):
    with pytest.raises(ConfigError, match=words) as problem:
        products_of({"ES": table})
    assert str(problem.value).startswith("hydra.toml [futures.ES]: ")


@pytest.mark.slow
async def test_the_commands_show_contracts_and_rolls(connected, gateway):
    connected.data.dir.mkdir()
    loaded = run_hydra(connected, "bars", "update", "ES.C", "--from", "2012-08-01", "--json")
    assert loaded.returncode == 0, loaded.stderr
    rows = json.loads(run_hydra(connected, "bars", "list", "--json").stdout)
    rolls = {row["symbol"]: row["rolls"] for row in rows}
    assert rolls == {
        "ES.201209": None, "ES.201212": None, "ES.201303": None, "ES.201306": None, "ES.C": 1,
    }  # fmt: skip
    checked = run_hydra(connected, "bars", "check", "ES.C", "ES.201212")
    assert checked.returncode == 0, checked.stdout
    assert "ES.201209  ES.201212" in checked.stdout


async def test_a_session_of_a_share_abroad_decides_in_the_accounts_money_and_pays_in_its_own(
    connected, start_gateway
):
    gateway = start_gateway("--start", "2013-01-14")
    connected = replace(connected, gateway=replace(connected.gateway, port=gateway.port))
    session = await hydra.open_paper_session(
        "sma_cross",
        strategy_parameters={"fast_bars": 2, "slow_bars": 5, "short": True},
        sizing="equal_weight",
        sizing_parameters={"gross": 0.2},
        symbols=("SAP.IBIS",),
        settings=connected,
    )
    try:
        bars = await session.bars()
        targets = session.targets(session.signals(bars), bars)
        traded = await session.trade(targets)
        assert await session.wait_for_fills() == ()
        report = await session.report()
        raw = await session.source.last_bars(["SAP.IBIS"], 1)
        state = session.state
    finally:
        await session.close()
    assert not traded.refusals
    price, quantity = targets.prices["SAP.IBIS"], targets.quantities["SAP.IBIS"]
    assert float(price) == raw.close["SAP.IBIS"].iloc[-1]  # as quoted, in euros
    rate = state.rate("EUR")
    assert bars.close["SAP.IBIS"].iloc[-1] == pytest.approx(float(price * rate), rel=0.02)
    worth = abs(quantity) * price * rate
    assert worth <= Decimal("200000") < worth + price * rate
    assert report.nav == Decimal(gateway.state()["net_liquidation"])
    assert set(state.balances) == {"USD", "EUR"}
    assert report.table.loc["SAP.IBIS", "weight"] == pytest.approx(
        0.2 if quantity > 0 else -0.2, abs=0.01
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("symbols", "gross"),
    [
        (("USD.JPY",), 0.2),
        (("EUR.USD",), 0.2),
        (("CL.C",), 0.2),
        (("GC.C", "ZN.C"), 0.4),
        (("VOD.LSE", "BARC.LSE"), 0.2),
    ],
)
async def test_sessions_of_every_kind_agree_with_the_gateway_to_the_cent(
    settings, start_gateway, symbols, gross
):
    """Pairs either way round, months that are delivered, thirty-seconds of a point, pence."""
    gateway = start_gateway("--start", "2013-01-14")
    reached = replace(settings, gateway=replace(settings.gateway, port=gateway.port))
    for number in range(3):
        if number:
            gateway.step("next_open")
        session = await hydra.open_paper_session(
            "sma_cross",
            strategy_parameters={"fast_bars": 3, "slow_bars": 6, "short": True},
            sizing="equal_weight",
            sizing_parameters={"gross": gross},
            symbols=symbols,
            settings=reached,
        )
        try:
            report = await session.run()
            assert session.state.positions
        finally:
            await session.close()
        assert not report.refusals
        assert not report.differences
        assert report.nav == Decimal(gateway.state()["net_liquidation"])
