"""The pure parts of the paper check: sizes, remedies, words, and what the report leaves out."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hydra.domain.instruments import Instrument
from hydra.paper_check import remedies
from hydra.paper_check.context import closed_sentence
from hydra.paper_check.files import ReportRedactor, shortened, write_report
from hydra.paper_check.plan import STEPS
from hydra.paper_check.reading import largest_weight
from hydra.paper_check.render import heading_lines, markdown, result_lines, verdict_lines
from hydra.paper_check.results import CheckReport, failed, ok, skipped, warning
from hydra.paper_check.sizes import SizeInputs, collar_of, configured_size, far_limit
from hydra.risk._gate import gate_of

AAPL = Instrument("AAPL")
MONEY = SizeInputs(nav=Decimal(1_000_000), weight=Decimal("0.25"), price=Decimal(100))


def size(inputs=MONEY, **tables):
    return configured_size(inputs, AAPL, gate_of(tables).checks)


def report(*results, **changes):
    values = {"refused": "", "interrupted": False, "left": ()} | changes
    start = datetime(2026, 11, 27, 15, tzinfo=UTC)
    return CheckReport("0.1.0", start, start, results, **values)


# --- the configured size ------------------------------------------------------------------------


def test_the_size_is_the_nav_times_the_weight_by_the_price_in_whole_lots():
    assert size().quantity == 2_500
    odd = SizeInputs(Decimal(1_000_000), Decimal("0.25"), Decimal(70))
    assert size(odd).quantity == 3_571


@pytest.mark.parametrize(
    ("tables", "changes", "quantity", "bound"),
    [
        ({"position_weight": {"limit_weight": "0.1"}}, {}, 1_000, "risk.position_weight"),
        ({"position_weight": {"limit_weight": "0.1"}}, {"held": Decimal(60_000)}, 400,
         "risk.position_weight"),
        ({"order_notional": {"limit_notional": 5_000}}, {}, 50, "risk.order_notional"),
        ({"order_quantity": {"limit_quantity": 7}}, {}, 7, "risk.order_quantity"),
        ({}, {"gross": Decimal(1_740_000)}, 100, "risk.gross_exposure"),
        ({}, {"gross": Decimal(9_000_000)}, 0, "risk.gross_exposure"),
        ({}, {"daily_volume": Decimal(1_000)}, 50, "risk.volume_share"),
        ({}, {"largest": Decimal(33)}, 33, "trading.max_impact_bps"),
        ({"position_weight": {"enabled": False}}, {"weight": Decimal("0.5")}, 5_000,
         "weight of the sizing"),
    ],
)  # fmt: skip
def test_every_limit_of_ours_bounds_the_size(tables, changes, quantity, bound):
    inputs = SizeInputs(**{**vars(MONEY), **changes})
    assert (size(inputs, **tables).quantity, size(inputs, **tables).bound) == (quantity, bound)


def test_the_largest_weight_is_that_of_the_sizings_of_the_jobs(settings):
    from dataclasses import replace

    assert largest_weight(settings) == Decimal("0.25")
    jobs = {
        "a": {"parameters": {"sizing_parameters": {"max_weight": 0.4}}},
        "b": {"parameters": {"sizing": "equal_weight"}},
    }
    assert largest_weight(replace(settings, jobs=jobs)) >= Decimal("0.4")


@pytest.mark.parametrize("fraction", ["0.001", "0.02", "0.10"])
def test_a_far_limit_is_on_the_grid_below_the_market_and_inside_the_collar(fraction):
    collar = collar_of(gate_of({"price_collar": {"limit_fraction": fraction}}).checks)
    last = Decimal("187.23")
    limit = far_limit(AAPL, last, collar, Decimal("0.8"))
    assert AAPL.on_tick(limit)
    assert last * (1 - collar) <= limit < last
    assert collar == Decimal(fraction)


def test_a_collar_wider_than_what_ib_refuses_is_not_used_up():
    wide = gate_of({"price_collar": {"limit_fraction": "0.5"}}).checks
    off = gate_of({"price_collar": {"enabled": False}}).checks
    assert collar_of(wide) == collar_of(off) == Decimal("0.10")


# --- words --------------------------------------------------------------------------------------


def test_every_code_that_is_known_has_a_meaning_and_something_to_do():
    for code in (*remedies.DATA_CODES, *remedies.PRESET_CODES, 321, 10243):
        assert remedies.meaning(code), code
        assert remedies.remedy([code]), code
    assert remedies.remedy([1, 2]) == remedies.meaning(1) == ""


def test_codes_are_found_in_the_sentences_of_the_engine():
    assert remedies.codes_in("error 383: too large") == [383]
    assert remedies.codes_in("The gateway refused (a what-if): error 10243, Fractional") == [10243]
    assert "READ_ONLY_API" in remedies.remedy_of("The API interface is in Read-Only mode.")


def test_a_limit_that_refuses_is_named_by_its_table():
    assert "[risk.position_weight]" in remedies.gate_remedy(["position_weight"])
    assert "allow = true" in remedies.gate_remedy(["delayed_data", "stale_price"])


@pytest.mark.parametrize(
    ("results", "changes", "passed", "words"),
    [
        ([ok("logon", "fine")], {}, True, "All steps went well"),
        ([warning("clock", "off")], {}, True, "with warnings: clock"),
        ([failed("halt", "no"), skipped("data", "why")], {}, False, "halt failed"),
        ([ok("logon", "fine")], {"refused": "closed."}, False, "Not checked: closed."),
        ([ok("logon", "fine")], {"interrupted": True}, False, "interrupted"),
        ([failed("end", "one")], {"left": ("+1 AAPL.",)}, False, "left something"),
    ],
)
def test_the_verdict_says_the_worst_in_one_sentence(results, changes, passed, words):
    made = report(*results, **changes)
    assert (made.passed, words in made.verdict) == (passed, True), made.verdict


def test_no_line_is_wider_than_a_terminal_of_80_columns():
    long = "A sentence of the gateway that goes on, with a-long-hyphenated-word " * 5 + "x" * 200
    lines = [line for n, step in enumerate(STEPS, 1) for line in heading_lines(n, 12, step)]
    lines += result_lines(failed("far limit", long, long))
    lines += verdict_lines(report(refused=long))
    assert max(map(len, lines)) < 80


def test_the_steps_are_twelve_and_have_names_of_their_own():
    assert len({step.name for step in STEPS}) == len(STEPS) == 12


def test_an_exchange_that_is_open_long_enough_refuses_nothing():
    now = datetime(2013, 1, 14, 20, 44, tzinfo=UTC)
    assert closed_sentence({"AAPL": "XNYS"}, now) == ""
    assert "closes within" in closed_sentence({"AAPL": "XNYS"}, now + timedelta(minutes=2))
    assert closed_sentence({"AAPL": "XNYS", "SAP": "XETR"}, now.replace(hour=10)) == ""


# --- the report's files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "short"), [("DU1234567", "DU…67"), ("U7654321", "U…21"), ("DUP123456", "DUP…56")]
)
def test_an_account_code_is_shortened(code, short):
    assert shortened(code) == short


def test_the_report_has_no_account_code_and_no_secret(tmp_path):
    sentence = "Account DU1234567 of U7654321 said hunter2hunter2 at https://ada:sesam99@host."
    made = report(ok("logon", sentence, account="DU1234567"), failed("data", sentence, sentence))
    redactor = ReportRedactor(["DU1234567"], ["hunter2hunter2"])
    paths = write_report(made, STEPS, tmp_path / "new", redactor, with_json=True)
    assert [path.suffix for path in paths] == [".md", ".json"]
    for path in paths:
        text = path.read_text(encoding="utf-8")
        for hidden in ("DU1234567", "U7654321", "hunter2", "sesam99"):
            assert hidden not in text, (path, hidden)
        assert "DU…67" in text


def test_the_markdown_names_every_step_its_result_and_what_to_change():
    text = markdown(
        report(ok("logon", "Fine."), failed("far limit", "No | way.", "Set *it*.")), STEPS
    )
    assert "| 2 | A far limit order | ✗ failed |" in text
    assert "✗ No \\| way." in text
    assert "→ Set \\*it\\*." in text


def test_the_json_of_the_report_is_plain_data(tmp_path):
    made = report(warning("clock", "Off.", "Set it.", difference="90 s"))
    _, path = write_report(made, STEPS, tmp_path, ReportRedactor((), ()), with_json=True)
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["steps"] == [
        {"name": "clock", "outcome": "warning", "sentence": "Off.", "remedy": "Set it.",
         "facts": {"difference": "90 s"}}
    ]  # fmt: skip
    assert (told["passed"], told["market_time"]) == (True, "2026-11-27T15:00:00+00:00")
