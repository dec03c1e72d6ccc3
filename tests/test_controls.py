"""What a person does by hand reaches the gateway and the journal, from anywhere."""

import asyncio
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from hydra import controls, wiring
from hydra.cli import main
from hydra.domain.events import (
    CancelRequested,
    Halted,
    RunRequested,
    RunStarted,
    StrategySwitched,
    Warned,
)
from hydra.domain.orders import OrderRequest, OrderType
from hydra.errors import BadParameter, BrokerError, UnknownName
from hydra.journal.journal import Journal
from tests.dashboard.journals import NOW, limited, works
from tests.execution.test_halting import run_hydra, state_of, trading

BY = "a test"


def events(settings, *kinds):
    with Journal.read_only(settings.journal_path) as journal:
        return [record.event for record in journal.read(kinds=kinds)]


async def rest(engine, symbol="AAPL", step=0):
    """A limit order far below the market."""
    instruments = await engine.broker.qualify([symbol])
    session = engine.clock.now().date()
    wanted = OrderRequest(
        "s", session, instruments[symbol], Decimal(10 + step), Decimal(65), OrderType.LIMIT,
        Decimal("62.00"), step=step,
    )  # fmt: skip
    engine.daily_volume[symbol] = Decimal(1_000_000)
    traded = await engine.trade([wanted])
    assert traded.orders, traded.refusals
    return wanted.order_ref


def test_one_order_of_a_program_that_is_gone_is_cancelled_and_the_others_stay(connected, gateway):
    with trading(connected) as program:
        program.kill()
        program.wait()
        first, *others = sorted(state_of(connected).working)
        done = run_hydra(connected, "cancel", first)
    assert (done.returncode, done.stdout) == (0, f"{first} is cancelled.\n"), done.stderr
    assert sorted(state_of(connected).working) == others
    assert len(gateway.state()["open_orders"]) == len(others) == 2
    assert events(connected, CancelRequested) == [CancelRequested(first, "command line")]
    done = run_hydra(connected, "cancel", "--all")
    assert (done.returncode, done.stdout) == (0, "2 working orders cancelled.\n"), done.stderr
    assert gateway.state()["open_orders"] == []
    assert not state_of(connected).working
    again = run_hydra(connected, "cancel", "--all")
    assert (again.returncode, "nothing to cancel" in again.stderr) == (2, True)


async def test_an_order_of_a_session_that_is_on_is_cancelled_by_that_session(connected, gateway):
    async with wiring.open_engine(connected) as engine:
        ref, other = await rest(engine), await rest(engine, step=1)
        waiting = asyncio.create_task(engine.settle(60))
        said = await controls.cancel(connected, ref, BY)
        assert said == [f"{ref} is cancelled."]
        assert list(engine.state.working) == [other]
        assert not engine.state.unwanted
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert len(gateway.state()["open_orders"]) == 1


async def test_a_wish_that_no_gateway_hears_stands_until_a_session_does(settings):
    resting = limited()
    with Journal.open(settings.journal_path) as journal:
        for event in works(resting):
            journal.append(event, NOW)
    with pytest.raises(BrokerError, match="The wish is in the journal"):
        await controls.cancel(settings, resting.order_ref, BY)
    assert state_of(settings).unwanted == {resting.order_ref: BY}


def test_an_order_that_does_not_work_is_refused_with_the_nearest(connected):
    with trading(connected, orders=1):
        (ref,) = state_of(connected).working
        done = run_hydra(connected, "cancel", ref[:-1] + "9")
    assert done.returncode == 2
    assert f"did you mean '{ref}'" in " ".join(done.stderr.split())


def test_a_strategy_is_switched_off_and_on_once_each(settings):
    controls.switch(settings, "ts_momentum", on=False, reason="odd", by=BY)
    with pytest.raises(BadParameter, match="off already"):
        controls.switch(settings, "ts_momentum", on=False, reason="odd", by=BY)
    assert state_of(settings).switched_off == {"ts_momentum": "odd (a test)"}
    controls.switch(settings, "ts_momentum", on=True, reason="well again", by=BY)
    assert [e.on for e in events(settings, StrategySwitched)] == [False, True]
    with pytest.raises(UnknownName, match="did you mean 'ts_momentum'"):
        controls.switch(settings, "ts_momentun", on=False, reason="odd", by=BY)
    with pytest.raises(BadParameter, match="without a reason"):
        controls.switch(settings, "ts_momentum", on=False, reason=" ", by=BY)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cancel"], "Name one order to cancel"),
        (["cancel", "x", "--all"], "Name one order to cancel"),
        (["switch", "ts_momentum", "of", "odd"], "'on' or 'off', not 'of'"),
        (["resume", "well again"], "not halted"),
    ],
)
def test_a_command_that_makes_no_sense_ends_with_one_sentence(
    arguments, sentence, settings, capsys, monkeypatch, tmp_path
):
    Journal.open(settings.journal_path).close()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["--data", str(settings.data.dir), *arguments])
    assert ended.value.code == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_a_halt_is_lifted_with_a_reason_only(settings):
    with Journal.open(settings.journal_path) as journal:
        journal.append(Halted("odd", BY), datetime.now(UTC))
    with pytest.raises(BadParameter, match="without a reason"):
        controls.resume(settings, "", BY)
    assert controls.resume(settings, "well again", BY) == ["Trading is resumed: well again."]
    assert state_of(settings).halted is None


async def test_a_run_is_asked_for_where_a_runner_lives_and_has_the_job(settings):
    with pytest.raises(BadParameter, match="No runner is running"):
        await controls.run_now(settings, "morning", BY)
    settings.data.dir.mkdir(parents=True)
    told = {"beat": datetime.now(UTC).isoformat(), "jobs": {"morning": None}}
    (settings.data.dir / "runner.json").write_text(json.dumps(told))
    with pytest.raises(UnknownName, match="did you mean 'morning'"):
        await controls.run_now(settings, "mornin", BY)
    (said,) = await controls.run_now(settings, "morning", BY, within_s=0)
    assert said == (
        "The runner was asked to start morning and is at other work: see the log for its answer."
    )
    assert events(settings, RunRequested) == [RunRequested("morning", BY)]


async def written(journal, seq):
    """Until the journal has so many events."""
    assert await controls._until(lambda: journal.last_seq() >= seq, 20)


def begins(request):
    return RunStarted(
        f"20130114T143000Z-morning-request-{request}", "morning", "s", "n.ipynb", "request",
        date(2013, 1, 14), None, {},
    )  # fmt: skip


async def test_the_runners_answer_to_a_wish_is_told_and_no_second_run_is_asked_for(settings):
    """The runner's part is played by what it writes into the journal."""
    settings.data.dir.mkdir(parents=True)
    told = {"beat": datetime.now(UTC).isoformat(), "jobs": {"morning": None}}
    (settings.data.dir / "runner.json").write_text(json.dumps(told))
    with Journal.open(settings.journal_path) as journal:
        wish = asyncio.create_task(controls.run_now(settings, "morning", BY))
        await written(journal, 1)
        journal.append(Warned(0, f"The request 1 by {BY} to run morning was refused: s was busy."),
                       datetime.now(UTC))  # fmt: skip
        with pytest.raises(BadParameter, match="s was busy"):
            await wish
        wish = asyncio.create_task(controls.run_now(settings, "morning", BY))
        await written(journal, 3)
        journal.append(begins(3), datetime.now(UTC))
        assert await wish == ["morning runs as 20130114T143000Z-morning-request-3."]
        with pytest.raises(BadParameter, match="running already, as 20130114T143000Z-morning-r"):
            await controls.run_now(settings, "morning", BY)
    assert len(events(settings, RunRequested)) == 2
