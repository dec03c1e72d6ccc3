"""Bad input on the command line: one clear sentence, exit code 2, nothing half-written."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hydra import cli
from hydra.costs.calibration import Agreement, Calibration
from hydra.costs.model import CostModel
from hydra.domain.events import (
    BreakerTripped,
    CommissionRecorded,
    FillRecorded,
    OrderAdmitted,
    OrderQuoted,
    Reconciled,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest
from hydra.execution.cost_file import write_costs
from hydra.journal.journal import Journal
from hydra.runner.simulator import Simulator
from tests.conftest import ROOT

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)


class Result:
    """What a command printed and how it ended."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


@pytest.fixture
def hydra(tmp_path: Path) -> Callable[..., Result]:
    """Run the real command in a process of its own, with a data folder of its own."""

    def run(*arguments: str, **variables: str) -> Result:
        import os

        environment = {
            **os.environ,
            "HYDRA_DATA_DIR": str(tmp_path / "data"),
            "HYDRA_NOTEBOOKS_DIR": str(ROOT / "notebooks"),
            "HYDRA_GATEWAY_PORT": "1",
            **variables,
        }
        command = [sys.executable, "-m", "hydra.cli", *arguments]
        return Result(
            subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        )

    return run


def one_sentence(result: Result) -> str:
    """The only line on stderr, of a command that ended with 2 and printed nothing else."""
    assert result.code == 2, result.err
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result.err
    assert result.out == ""
    return lines[0]


def test_a_strategy_that_does_not_exist_answers_with_the_nearest(hydra, tmp_path):
    sentence = one_sentence(hydra("trade", "sma_cros"))
    assert "no strategy 'sma_cros'; did you mean 'sma_cross'?" in sentence
    assert not (tmp_path / "data").exists()


def test_a_parameter_of_the_wrong_type_names_it_and_what_it_takes(hydra, tmp_path):
    sentence = one_sentence(hydra("trade", "sma_cross", "-p", "fast_bars=ten"))
    assert "fast_bars is 'ten'" in sentence
    assert "a whole number" in sentence
    assert not (tmp_path / "data").exists()


def test_a_parameter_that_does_not_exist_answers_with_the_nearest(hydra):
    assert "did you mean 'fast_bars'" in one_sentence(hydra("trade", "sma_cross", "-p", "fast=1"))
    assert "NAME=VALUE" in one_sentence(hydra("trade", "sma_cross", "-p", "fast"))


def test_a_gateway_that_is_not_there_says_where_and_what_to_do(hydra, tmp_path):
    sentence = one_sentence(hydra("trade", "sma_cross"))
    assert "No gateway at 127.0.0.1:1" in sentence
    assert "hydra gateway" in sentence
    assert not (tmp_path / "data").exists()


def test_an_account_that_is_not_paper_is_refused_before_anything_is_sent(
    hydra, start_gateway, tmp_path
):
    live = start_gateway("--account", "U1234567")
    sentence = one_sentence(hydra("trade", "sma_cross", HYDRA_GATEWAY_PORT=str(live.port)))
    assert "account U1234567, which is not a paper account" in sentence
    assert not (tmp_path / "data").exists()
    assert live.state()["open_orders"] == []


def test_a_symbol_that_the_gateway_does_not_know_is_named(hydra, gateway: Simulator, tmp_path):
    sentence = one_sentence(
        hydra(
            "trade", "sma_cross", "-p", "symbols=AAPL,NOSUCH", HYDRA_GATEWAY_PORT=str(gateway.port)
        )
    )
    assert "'NOSUCH'" in sentence
    assert not (tmp_path / "data").exists()


def test_a_journal_of_a_newer_version_stops_the_session_and_is_left_alone(
    hydra, gateway: Simulator, tmp_path
):
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    before = path.read_bytes()
    sentence = one_sentence(hydra("trade", "sma_cross", HYDRA_GATEWAY_PORT=str(gateway.port)))
    assert "version 7" in sentence
    assert path.read_bytes() == before
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["journal.db"]


def test_a_data_folder_that_cannot_be_written_stops_the_session(
    hydra, gateway: Simulator, tmp_path
):
    (tmp_path / "file").write_text("")
    sentence = one_sentence(
        hydra(
            "trade",
            "sma_cross",
            HYDRA_GATEWAY_PORT=str(gateway.port),
            HYDRA_DATA_DIR=str(tmp_path / "file" / "data"),
        )
    )
    assert "cannot be written" in sentence
    assert gateway.state()["open_orders"] == []


@pytest.mark.parametrize("command", ["status", "positions", "orders", "fills"])
def test_reading_before_there_is_a_journal_says_so(hydra, command):
    assert "There is no journal at" in one_sentence(hydra(command))


def test_a_misspelt_setting_stops_every_command(hydra):
    assert "did you mean 'HYDRA_GATEWAY_PORT'" in one_sentence(
        hydra("list", HYDRA_GATEWAY_PROT="1")
    )


def test_a_demo_refuses_a_folder_that_is_somebodys(hydra, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    result = hydra("demo", "--dir", "mine")
    assert result.code == 2
    assert "left alone" in result.err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


CSV = "symbol,date,open,high,low,close,volume\n"
ROWS = [f"X,2013-01-{day},10,11,9,10,1000\n" for day in ("14", "15", "16", "17")]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ROWS[0], ROWS[1], ROWS[3]], ["X", "2013-01-16"]),
        ([ROWS[0], ROWS[1], ROWS[1]], ["X", "2013-01-15"]),
        ([ROWS[0], "X,2013-01-15,10,9,11,10,1000\n"], ["X", "2013-01-15", "high"]),
        ([ROWS[0], "X,2013-01-15,10,11,9,10,-1\n"], ["X", "2013-01-15", "volume"]),
    ],
    ids=["a hole", "a duplicate", "high below low", "negative volume"],
)
def test_bars_that_break_a_rule_stop_a_backtest_and_name_the_row(hydra, tmp_path, rows, words):
    (tmp_path / "bars.csv").write_text(CSV + "".join(rows))
    arguments = ("--symbols", "X", "--data-source", "bars.csv")
    sentence = one_sentence(hydra("backtest", "sma_cross", *arguments))
    for word in words:
        assert word in sentence, sentence


def test_list_shows_every_plug_in_with_one_line_each_as_json_too(hydra):
    rows = json.loads(hydra("list", "--json").out)
    names = {row["name"] for row in rows}
    assert {"sma_cross", "vol_target", "halt", "ib", "sample", "positions"} <= names
    assert all(row["what"] for row in rows)


@pytest.fixture
def with_a_fill(tmp_path: Path) -> None:
    """A journal with one order that was filled."""
    request = OrderRequest("s", NOW.date(), Instrument("AAPL"), Decimal(10), Decimal(70))
    fill = Fill("e1", request.order_ref, "AAPL", Decimal(10), Decimal("70.07"), NOW)
    with Journal.open(tmp_path / "data" / "journal.db") as journal:
        journal.append(Reconciled("DU1", Decimal(1000), "USD", {}, ()), NOW)
        journal.append(OrderAdmitted(Order(request, NOW, ("halt",))), NOW)
        journal.append(FillRecorded(fill), NOW)


@pytest.mark.usefixtures("with_a_fill")
def test_fills_show_signed_slippage_against_the_decision_price(hydra):
    row = json.loads(hydra("fills", "--json").out)[0]
    assert (row["quantity"], row["price"], row["slippage_bps"]) == ("10", "70.07", 10.0)
    assert "AAPL" in hydra("fills").out


@pytest.fixture
def with_a_quote(with_a_fill: None, tmp_path: Path) -> None:
    """The same journal with the market at the order's arrival and what was charged."""
    quote = OrderQuoted("s:20130114:AAPL:0", Decimal("70.03"), Decimal("70.05"), None)
    with Journal.open(tmp_path / "data" / "journal.db") as journal:
        journal.append(quote, NOW)
        journal.append(CommissionRecorded(Commission("e1", Decimal("1.00"), "USD")), NOW)


@pytest.mark.usefixtures("with_a_quote")
def test_costs_are_split_beside_what_was_predicted_with_a_total(hydra):
    found = json.loads(hydra("fills", "--costs", "--json").out)
    (row,), (total,) = found["fills"], found["total"]
    assert found["costs"] == "default"
    assert [row[part] for part in ("delay", "spread", "impact", "total")] == [
        "0.40", "0.10", "0.20", "0.70",
    ]  # fmt: skip
    assert (row["predicted_bps"], row["commission"], total["total_bps"]) == (1.0, "1.00", 10.0)
    table = hydra("fills", "--costs").out
    assert "all fills" in table
    assert "predicted by costs: default" in table


@pytest.mark.usefixtures("with_a_quote")
@pytest.mark.parametrize(
    ("by", "key"),
    [("algo", "market"), ("hour", "10:00")],
)
def test_costs_are_added_up_by_group(hydra, by, key):
    (row,) = json.loads(hydra("fills", "--by", by, "--json").out)[f"by_{by}"]
    assert (row[by], row["fills"], row["total"]) == (key, 1, "0.70")


@pytest.mark.usefixtures("with_a_fill")
def test_a_fill_without_a_quote_says_so_in_its_row(hydra):
    assert "no quote at arrival" in hydra("fills", "--costs").out
    assert "did you mean 'symbol'" in one_sentence(hydra("fills", "--by", "simbol"))


def calibrated(tmp_path: Path) -> None:
    """A calibrated cost model in the data folder."""
    model = CostModel(half_spread_bps=2.0, impact_coefficient=1.0, source="calibrated")
    fit = Agreement(19, 25, 0.1, 1.0, 0.9)
    write_costs(tmp_path / "data" / "costs.json", Calibration(model, NOW, NOW, fit, {"AAPL": 25}))


@pytest.mark.usefixtures("with_a_quote")
def test_a_size_dependent_prediction_asks_for_volumes_and_is_made_with_them(hydra, tmp_path):
    calibrated(tmp_path)
    without = hydra("fills", "--costs").out
    assert "predicted by costs: calibrated 2013-01-14, 25 fills" in without
    assert "--data-source" in without
    found = json.loads(hydra("fills", "--costs", "--data-source", "sample", "--json").out)
    assert found["fills"][0]["predicted_bps"] > 2.0


def test_a_backtest_takes_the_calibrated_costs_once_there_are_some_and_says_so(hydra, tmp_path):
    arguments = ("backtest", "sma_cross", "--from", "2012-01-03", "--symbols", "AAPL", "--json")
    before = json.loads(hydra(*arguments).out)
    assert before["costs"] == "default"
    calibrated(tmp_path)
    after = json.loads(hydra(*arguments).out)
    assert after["costs"] == "calibrated 2013-01-14, 25 fills"
    assert after["statistics"]["spread_paid"] > before["statistics"]["spread_paid"]
    (tmp_path / "data" / "costs.json").write_text("{}")
    assert "no version" in one_sentence(hydra(*arguments))
    again = json.loads(hydra(*arguments, "--costs", "default").out)
    for counted in ("trials", "deflated_sharpe"):  # one more was tried meanwhile
        assert again["statistics"].pop(counted) != before["statistics"].pop(counted)
    assert again == before


@pytest.mark.usefixtures("with_a_fill")
def test_a_halt_is_journalled_shown_and_lifted_only_with_a_reason(hydra):
    assert hydra("halt", "looks wrong").code == 0
    assert json.loads(hydra("status", "--json").out)["halted"] == "looks wrong (command line)"
    assert hydra("resume").code == 2
    assert hydra("resume", "checked").code == 0
    assert json.loads(hydra("status", "--json").out)["halted"] is None
    assert "nothing to resume" in one_sentence(hydra("resume", "again"))


@pytest.mark.usefixtures("with_a_fill")
def test_breakers_are_shown_with_what_is_left_to_wait(hydra, tmp_path):
    trip = BreakerTripped(
        "trade_loss", "s", NOW.date(), date(2013, 1, 15), "reduce_only", "3 %", "2 %", "A loss."
    )
    with Journal.open(tmp_path / "data" / "journal.db") as journal:
        journal.append(trip, NOW)
    rows = json.loads(hydra("breakers", "--json").out)
    assert {row["breaker"] for row in rows} >= {"daily_loss", "drawdown", "stale_data"}
    [held] = [row for row in rows if row["standing"] != "active"]
    assert (held["breaker"], held["strategy"], held["standing"]) == (
        "trade_loss",
        "s",
        "triggered",
    )
    assert (held["figure"], held["limit"], held["sessions_left"]) == ("3 %", "2 %", 2)
    assert "trade_loss" in hydra("breakers").out
    (tmp_path / "hydra.toml").write_text("[breakers.drawdwn]\nlimit_fraction = 0.1\n")
    assert "did you mean 'drawdown'" in one_sentence(hydra("breakers"))


@pytest.mark.usefixtures("with_a_fill")
def test_a_journal_is_checked_and_exported(hydra):
    assert "is whole" in hydra("journal", "check").out
    assert len(hydra("journal", "export").out.splitlines()) == 3


def test_doctor_is_content_with_a_gateway_and_says_what_is_wrong_without(
    hydra, gateway: Simulator
):
    well = hydra("doctor", "--json", HYDRA_GATEWAY_PORT=str(gateway.port))
    assert well.code == 0, well.out
    assert "paper account DU1234567" in json.loads(well.out)[-1]["sentence"]
    ill = hydra("doctor", "--json")
    assert ill.code == 1
    assert [f["what"] for f in json.loads(ill.out) if not f["ok"]] == ["gateway"]


def test_a_backtest_prints_its_figures_as_json_and_as_a_table(hydra):
    arguments = ("sma_cross", "--from", "2012-01-03", "--symbols", "AAPL,IBM")
    figures = json.loads(hydra("backtest", *arguments, "--json").out)
    assert figures["statistics"]["orders"] > 0
    assert "sharpe" in hydra("backtest", *arguments).out


@pytest.mark.slow
def test_a_sweep_says_of_the_best_sets_what_they_are_worth_and_counts_them(hydra, tmp_path):
    arguments = (
        "sweep", "sma_cross", "-p", "fast_bars=2:6:2", "-p", "slow_bars=10,20", "--json",
        "--from", "2011-01-03", "--file", str(tmp_path / "cross.parquet"),
    )  # fmt: skip
    found = json.loads(hydra(*arguments).out)
    assert (found["sets"], found["trials"], len(found["best"])) == (4, 4, 4)
    best = found["best"][0]
    assert best["sharpe_low"] < best["sharpe_ratio"] < best["sharpe_high"]
    assert 0 <= best["deflated_sharpe"] <= 1
    assert (tmp_path / "cross.parquet").is_file()
    again = json.loads(hydra("backtest", "sma_cross", "--from", "2011-01-03", "--json").out)
    assert again["statistics"]["trials"] == 5


@pytest.mark.slow
def test_a_sweep_reckons_with_the_costs_of_a_backtest(hydra, tmp_path):
    swept = ("sweep", "sma_cross", "-p", "fast_bars=5", "-p", "slow_bars=20", "--json",
             "--from", "2011-01-03", "--symbols", "AAPL,IBM")  # fmt: skip
    cheap = json.loads(hydra(*swept).out)
    calibrated(tmp_path)
    dear = json.loads(hydra(*swept).out)
    assert (cheap["costs"], dear["costs"]) == ("default", "calibrated 2013-01-14, 25 fills")
    assert dear["best"][0]["total_return"] < cheap["best"][0]["total_return"]
    again = json.loads(hydra(*swept, "--costs", "default").out)
    assert again["best"][0]["total_return"] == cheap["best"][0]["total_return"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("fast_bars=2:x", "a range is FIRST:END"),
        ("fast_barz=2:9", "fast_bars"),
        ("fast_bars=2:9,slow_bars=1", "a range is FIRST:END"),
    ],
)
def test_a_sweep_over_nonsense_is_one_sentence(hydra, given, words):
    assert words in one_sentence(hydra("sweep", "sma_cross", "-p", given))


def test_a_strategy_that_knows_the_future_ends_with_1(hydra, tmp_path):
    assert hydra("lookahead", "sma_cross").code == 0
    (tmp_path / "own" / "strategies").mkdir(parents=True)
    (tmp_path / "own" / "strategies" / "seer.py").write_text(
        '"""Knows tomorrow."""\n'
        "from dataclasses import dataclass\n\n\n"
        "@dataclass(frozen=True)\n"
        "class Seer:\n"
        "    lookback_bars: int = 1\n\n"
        "    def signals(self, bars):\n"
        "        return (bars.close.shift(-1) > bars.close).astype(float)\n"
    )
    done = hydra("lookahead", "seer", HYDRA_NOTEBOOKS_DIR=str(tmp_path / "own"))
    assert done.code == 1
    assert "look-ahead: 1" in done.out or "differences in 40 rows" in done.out


def test_bars_come_from_the_gateway_too(hydra, gateway: Simulator):
    arguments = ("sma_cross", "--data-source", "gateway", "--from", "2012-06-01", "--json")
    result = hydra("backtest", *arguments, HYDRA_GATEWAY_PORT=str(gateway.port))
    assert json.loads(result.out)["statistics"]["orders"] > 0, result.err


def test_help_is_there_for_every_command(hydra):
    listed = hydra("--help").out
    for command in ("demo", "lab", "trade", "backtest", "status", "doctor"):
        assert command in listed
        assert hydra(command, "--help").code == 0


JOBS = '[jobs.open]\nstrategy = "sma_cross"\nat = "open+5min"\nonly = ["fri"]\n'


def test_jobs_shows_the_next_five_times_of_each_in_exchange_and_local_time(hydra, tmp_path):
    (tmp_path / "hydra.toml").write_text(JOBS)
    rows = json.loads(hydra("jobs", "--json", TZ="Asia/Tokyo").out)
    assert len(rows) == 5
    for row in rows:
        due = datetime.fromisoformat(row["due"])
        assert row["exchange_time"].startswith("Fri")
        assert row["exchange_time"][4:20] == f"{row['session']} 09:35"
        assert row["local_time"].endswith("JST")
        assert due.tzinfo is not None


@pytest.mark.parametrize("command", ["jobs", "runner"])
def test_a_bad_job_is_one_sentence_with_its_line_and_nothing_is_written(hydra, tmp_path, command):
    (tmp_path / "hydra.toml").write_text(JOBS.replace("open+5min", "opne"))
    result = hydra(command)
    assert (result.code, "hydra.toml line 3 [jobs.open]" in result.err) == (2, True)
    assert "Traceback" not in result.err
    assert not (tmp_path / "data").exists()


def test_a_runner_without_jobs_says_how_to_write_one(hydra):
    result = hydra("runner")
    assert (result.code, "[jobs.at_the_open]" in result.err) == (2, True)


@pytest.mark.slow
def test_a_session_keeps_to_the_limits_of_whoever_starts_it_wherever_the_notebooks_lie(
    hydra, gateway: Simulator, tmp_path
):
    (tmp_path / "hydra.toml").write_text("[risk.order_notional]\nlimit_notional = 1\n")
    assert hydra("trade", "ts_momentum", HYDRA_GATEWAY_PORT=str(gateway.port)).code == 0
    assert gateway.state()["executions"] == []
    orders = json.loads(hydra("orders", "--json").out)
    assert {order["status"] for order in orders} == {"refused"}


def test_a_session_by_hand_is_in_the_history_of_runs_and_only_one_runs_at_a_time(
    hydra, gateway: Simulator, tmp_path
):
    from hydra.config import Data, Settings
    from hydra.runner.trade import take_lease

    here = {"HYDRA_GATEWAY_PORT": str(gateway.port)}
    lease = take_lease(Settings(data=Data(tmp_path / "data")), "ts_momentum", "the-other-run")
    refused = hydra("trade", "ts_momentum", **here)
    assert (refused.code, "as the-other-run" in refused.err) == (2, True)
    lease.close()
    assert hydra("trade", "ts_momentum", **here).code == 0
    (row,) = json.loads(hydra("runs", "--json").out)
    assert (row["strategy"], row["outcome"], row["session"]) == (
        "ts_momentum", "well", "2013-01-14",
    )  # fmt: skip
    assert row["started"].startswith("2013-01-14")


def test_fills_fit_into_80_columns_with_every_figure_whole(monkeypatch):
    paper = StringIO()
    monkeypatch.setattr(cli, "out", Console(file=paper, width=80))
    row = {
        "time": "2013-01-14 14:30",
        "symbol": "MSFT",
        "quantity": "-1,200",
        "price": "369.66",
        "decision_price": "371.1407",
        "slippage_bps": "-336.47",
        "commission": "15.21",
    }
    cli._print_rows("fills", [row])
    lines = paper.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(figure in line for line in lines) for figure in row.values())
