"""The table behind each panel found: the journal's figures, whatever the journal holds."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hydra import plugins
from hydra.dashboard._base import Face
from hydra.dashboard._controls import foreseen
from hydra.dashboard._sheet import Drawn, Query, Sheet
from hydra.domain.events import (
    BreakerTripped,
    CancelRequested,
    Halted,
    NavMarked,
    OrderEnded,
    OrderQuoted,
    Resumed,
    RunEnded,
    RunMissed,
    RunStarted,
    SessionStarted,
    StrategySwitched,
)
from hydra.journal.cost_rows import cost_rows
from hydra.journal.ledger import Ledger
from hydra.journal.views import fill_rows, order_rows, position_rows
from tests.dashboard.journals import (
    DAY,
    JOURNALS,
    NOW,
    facts,
    filled,
    limited,
    one_session,
    recorded,
    request,
)

PANELS = sorted(plugins.find("dashboard"))
RESTING = limited().order_ref


def panel(name):
    return plugins.load("dashboard", name)()


def rows(name, events, **more):
    return list(panel(name).rows(facts(events, **more)))


@pytest.fixture(scope="module")
def journals():
    return {name: facts(events()) for name, events in JOURNALS.items()}


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("journal", JOURNALS)
def test_a_panel_shows_every_journal_with_the_columns_it_declares(name, journal, journals):
    known = journals[journal]
    shown = panel(name)
    table = list(shown.rows(known))
    assert len({tuple(row) for row in table}) <= 1
    face = Face.of(name, shown)
    if table:
        assert set(face.columns) <= set(table[0])
        keys = [tuple(row[part] for part in face.key) for row in table]
        assert not face.key or len(set(keys)) == len(keys)
    charts = shown.charts(known) if hasattr(shown, "charts") else ()
    note = shown.note(known, table) if hasattr(shown, "note") else ""
    sent = Sheet(face, Query(rows=200)).changes(Drawn(table, note, charts))
    text = json.dumps(sent, allow_nan=False)
    assert len(text) < 100_000


def test_every_panel_is_empty_or_says_so_on_an_empty_journal(journals):
    empty = journals["empty journal"]
    with_rows = {name for name in PANELS if list(panel(name).rows(empty))}
    assert with_rows == {"status"}


def test_a_quiet_moment_sends_nothing(journals):
    for name in PANELS:
        shown = panel(name)
        sheet = Sheet(Face.of(name, shown), Query())
        for expected in (True, False):
            known = journals["one session"]
            charts = shown.charts(known) if hasattr(shown, "charts") else ()
            changes = sheet.changes(Drawn(shown.rows(known), "", charts))
            assert bool(changes) == expected, (name, changes)


def test_orders_that_work_show_their_age_and_how_far_the_market_is():
    (row,) = rows("orders", one_session())
    assert (row["order_ref"], row["price"], row["market"]) == (RESTING, 69, Decimal("70.06"))
    assert row["distance"] == Decimal("1.06") / Decimal("70.06")
    assert row["age"] == "3 s"  # by the market's clock, since it was admitted
    assert row["cancel"] == ["cancel", "cancel", RESTING]
    asked = rows("orders", [*one_session(), CancelRequested(RESTING, "me")])
    assert "cancel asked for" in asked[0]["status"]
    assert rows("orders", [*one_session(), OrderEnded(RESTING, "cancelled", "")]) == []


def test_a_sell_order_is_far_when_the_market_is_below_it():
    events = [*one_session()[:-4], *_resting_sale()]
    (row,) = rows("orders", events)
    assert row["distance"] == Decimal("4.94") / Decimal("70.06")


def _resting_sale():
    from tests.dashboard.journals import works

    return works(limited(quantity=-10, price="75"))


def test_all_orders_are_those_of_the_command_line_the_newest_first():
    known = facts(one_session())
    assert rows("history", one_session()) == order_rows(known.records)[::-1]


def test_fills_and_costs_are_those_of_the_command_line():
    known = facts(one_session())
    (fill,) = rows("fills", one_session())
    assert [fill] == cost_rows(known.records)
    assert fill["total_bps"] == fill_rows(known.records)[0]["slippage_bps"] == 10.0
    assert (fill["predicted_bps"], fill["error_bps"]) == (1.0, 9.0)
    table = rows("costs", one_session())
    assert [(row["by"], row["group"]) for row in table] == [
        ("all", "total"),
        ("instrument", "AAPL"),
        ("hour", "10:00"),
    ]
    (chart,) = panel("costs").charts(known)
    assert (chart.lines[0].x, chart.lines[0].y) == ((1.0,), (10.0,))
    assert "bias +9.00 bps" in panel("costs").note(known, table)


def test_ten_thousand_fills_are_counted_and_searched_and_paged(journals):
    known = journals["ten thousand fills"]
    fills = panel("fills")
    sheet = Sheet(Face.of("fills", fills), Query())
    sent = sheet.changes(Drawn(fills.rows(known)))
    assert sent["total"] == 10_000
    assert sent["order"][0] == "e9999.01"
    assert len(sent["rows"]) == 10
    sheet.query = Query(search="aapl:9998")
    assert sheet.changes(Drawn(fills.rows(known)))["total"] == 1
    sheet.query = Query(page=999)
    assert sheet.changes(Drawn(fills.rows(known)))["order"][-1] == "e0.01"


def test_positions_show_value_profit_and_use_of_the_limit_and_what_is_not_ours():
    mine, other = rows("positions", one_session())
    assert (mine["symbol"], mine["quantity"], mine["value"]) == ("AAPL", 10, Decimal("700.60"))
    assert mine["unrealised"] == Decimal("-0.10")
    assert mine["limit_used"] == Decimal("700.60") / Decimal(999) / Decimal("0.30")
    assert (other["strategy"], other["symbol"], other["value"]) == ("external", "XYZ", None)


def test_positions_in_another_currency_have_no_weight_and_keep_their_money(journals):
    known = journals["foreign currency"]
    row = next(r for r in panel("positions").rows(known) if r["symbol"] == "VOD")
    assert (row["value"], row["currency"]) == (Decimal("720.00"), "GBP")
    assert (row["weight"], row["limit_used"]) == (None, None)
    (strategy,) = panel("strategies").rows(known)
    assert strategy["profit"] is None  # pounds and dollars are not added up


def test_an_instrument_without_order_or_mark_is_shown_with_what_is_known(journals):
    known = journals["unknown instrument"]
    row = next(r for r in panel("positions").rows(known) if r["symbol"] == "ZZZ")
    assert (row["quantity"], row["mark"], row["value"], row["weight"]) == (4, None, None, None)
    fill = next(r for r in panel("fills").rows(known) if r["symbol"] == "ZZZ")
    assert fill["total_bps"] is None


def test_limits_show_how_much_of_each_is_taken():
    table = {(row["check"], row["of"]): row for row in rows("limits", one_session())}
    weight = table["position_weight", "AAPL"]
    nav = Decimal("298.30") + Decimal("700.60") - Decimal("0")  # cash by the journal, and value
    assert weight["use"] == pytest.approx(float(Decimal("700.60") / nav) / 0.30)
    assert weight["use"] > 1
    assert (weight["figure"], weight["limit"]) == ("70.1 %", "30.0 %")
    assert table["open_orders", "account"]["figure"] == 1
    assert table["orders_per_day", "account"]["figure"] == 2
    assert table["turnover_per_day", "account"]["figure"] == "139.2 %"
    note = panel("limits").note(facts(one_session()), list(table.values()))
    assert note == "1 AT OR BEYOND ITS LIMIT"


def test_refusals_of_today_name_the_check_the_figure_the_limit_and_the_order():
    (row,) = rows("refusals", one_session())
    assert row["order_ref"] == request("IBM", 5).order_ref
    assert (row["check"], row["figure"], row["limit"]) == ("halt", "x", "y")
    later = [*one_session(), _next_session()]
    assert rows("refusals", later) == []


def _next_session():
    return SessionStarted("s", DAY + timedelta(days=1), "DU1", {})


def test_breakers_show_the_last_trip_and_its_standing_in_the_session_that_runs():
    trip = BreakerTripped("drawdown", "", DAY, DAY, "halt", "16 %", "15 %", "Fallen.")
    [row] = rows("breakers", [*one_session(), trip])
    assert (row["breaker"], row["strategy"], row["standing"]) == ("drawdown", "all", "triggered")
    [row] = rows("breakers", [trip, Halted("Fallen.", "breaker drawdown"), Resumed("ok", "me")])
    assert row["standing"] == "active"


def test_strategies_show_profit_and_whether_they_may_trade():
    off = StrategySwitched("s", on=False, reason="odd fills", by="me")
    (row,) = rows("strategies", one_session())
    assert (row["may_trade"], row["profit"]) == ("on", Decimal("-1.10"))
    assert row["profits"] == [pytest.approx(-1.10)]
    assert row["switch"] == ["switch off", "switch_off", "s"]
    (row,) = rows("strategies", [*one_session(), off])
    assert row["may_trade"] == "OFF: odd fills (me)"
    assert row["switch"] == ["switch on", "switch_on", "s"]


def test_targets_show_what_is_wanted_and_how_far_it_is():
    (row,) = rows("targets", one_session())
    assert (row["signal"], row["target"], row["held"], row["drift"]) == (1.0, 12, 10, -2)
    assert row["signals"] == [1.0]


def test_runs_link_to_their_page_below_the_servers_address():
    events = [
        RunStarted("20130114 a/b", "morning", "s", "n.ipynb", "schedule", DAY, NOW, {}),
        RunEnded("20130114 a/b", "well", "", 12.0),
        RunMissed("evening", "s", DAY, NOW, "The machine was off."),
    ]
    missed, ran = rows("runs", events)
    assert ran["page"] == ["open", "hydra/api/runs/20130114%20a%2Fb/html"]
    assert (missed["outcome"], missed["page"]) == ("missed", None)
    assert rows("runs", events[:1])[0]["page"] is None


def test_jobs_stand_in_the_order_in_which_they_fire():
    jobs = {"late": "2013-01-15T14:30:00+00:00", "soon": "2013-01-14T14:30:00+00:00", "off": None}
    table = rows("jobs", [], runner={"jobs": jobs})
    assert [row["job"] for row in table] == ["soon", "late", "off"]
    assert table[0]["next"] == datetime(2013, 1, 14, 14, 30, tzinfo=UTC)
    assert rows("jobs", []) == []


def test_the_status_says_halted_silent_and_not_paper():
    shown = {row["figure"]: row for row in rows("status", one_session())}
    assert (shown["trading"]["value"], shown["gateway"]["value"]) == ("on", "SILENT")
    assert shown["account"]["detail"] == "paper account"
    assert shown["value"]["value"] == "999.00 USD"
    assert shown["market time"]["detail"].startswith("2013-01-14 is on, closes in 6.0 h")
    assert shown["working orders"]["value"] == "1"
    halted = rows("status", [*one_session(), Halted("looks wrong", "me")], gateway_answers=True)
    shown = {row["figure"]: row for row in halted}
    assert (shown["trading"]["value"], shown["trading"]["standing"]) == ("HALTED", "bad")
    assert shown["trading"]["detail"] == "looks wrong (me)"
    assert shown["gateway"]["value"] == "answers"


def test_the_status_says_that_prices_are_delayed_while_orders_leave_on_them():
    delayed = OrderQuoted("s:20130114:AAPL:9", Decimal(1), Decimal(2), Decimal(1), delayed=True)
    live = replace(delayed, ref="s:20130114:AAPL:10", delayed=False)
    for events, is_told in (([delayed], True), ([delayed, live], False)):
        shown = {row["figure"]: row for row in rows("status", [*one_session(), *events])}
        assert shown["market time"]["detail"].endswith("PRICES ARE DELAYED") is is_told


def test_equity_is_held_against_its_benchmark_and_its_peak():
    marks = [
        NavMarked(Decimal(nav), Decimal(0), Decimal(nav), {"AAPL": Decimal(price)})
        for nav, price in ((1000, 100), (1100, 105), (990, 103))
    ]
    first = (NOW.timestamp() - 3600, 100.0)
    closes = {"AAPL": [first, (NOW.timestamp() + 2.5, 110.0)]}
    known = facts(marks, closes=closes)
    today, since = panel("equity").rows(known)
    assert (since["change"], since["change_share"]) == (-10, pytest.approx(-0.01))
    assert since["benchmark"] == pytest.approx(0.10)
    assert today["benchmark"] == pytest.approx(0.03)
    assert since["drawdown"] == since["deepest"] == pytest.approx(-0.10)
    charts = panel("equity").charts(known)
    assert [line.name for line in charts[1].lines] == ["account", "benchmark"]
    assert charts[1].lines[0].y == pytest.approx([0, 0.1, -0.01])


def test_sessions_are_measured_from_the_end_of_the_one_before():
    def marked(*navs):
        return [NavMarked(Decimal(nav), Decimal(0), Decimal(nav), {}) for nav in navs]

    bought = filled(request())[0]
    events = [
        SessionStarted("s", DAY, "DU1", {}), *marked(1000, 1100, 990), bought,
        SessionStarted("s", DAY + timedelta(days=1), "DU1", {}), *marked(891, 1100),
    ]  # fmt: skip
    second, first = rows("days", events)
    assert (first["change"], first["fills"]) == (-10, 1)
    assert first["deepest"] == pytest.approx(-0.10)
    assert (second["change"], second["fills"]) == (110, 0)
    assert second["deepest"] == pytest.approx(-0.10)  # overnight, from the end of the first
    assert second["change_share"] == pytest.approx(1 / 9)
    assert panel("days").note(facts(events), [first, second]) == "1 gained, 1 lost"


def test_a_chart_that_grows_sends_its_new_points_alone():
    records = recorded(
        NavMarked(Decimal(nav), Decimal(0), Decimal(nav), {}) for nav in range(1000, 1030)
    )
    ledger, shown = Ledger.of(records[:20]), panel("equity")
    known = replace(facts([]), ledger=ledger)
    sheet = Sheet(Face.of("equity", shown), Query())
    first = sheet.changes(Drawn((), "", shown.charts(known)))
    assert len(first["charts"][1]["chart"]["lines"][0]["x"]) == 20
    for record in records[20:]:
        ledger.take(record)
        changes = sheet.changes(Drawn((), "", shown.charts(known)))
        assert [len(part["ends"][0]["x"]) for part in changes["charts"][:2]] == [1, 1]


def test_what_people_did_is_shown_with_who_and_when():
    events = [*one_session(), Halted("looks wrong", "me"), CancelRequested(RESTING, "you")]
    cancelled, halted = rows("deeds", events)
    assert (halted["by"], halted["kind"]) == ("me", "halted")
    assert (cancelled["by"], cancelled["kind"]) == ("you", "cancel requested")


def test_the_log_has_a_sentence_for_every_event(journals):
    for known in journals.values():
        assert all(row["what"] for row in panel("log").rows(known))


@pytest.mark.parametrize(
    ("action", "target", "sentence"),
    [
        ("halt", "", "Cancels 1 working order; nothing more is sent until somebody resumes. "
         "Positions stay: 1 position worth 700.60 USD."),
        ("flatten", "", "Halts trading, cancels 1 working order, and closes at the market "
         "1 position worth 700.60 USD."),
        ("cancel", RESTING, f"Cancels +10 AAPL LMT at 69, 0 filled so far ({RESTING})."),
        ("cancel_all", "", "Cancels 1 working order. Trading goes on."),
        ("switch_off", "s", "s opens nothing more; its orders may only reduce its 1 position."),
    ],
)  # fmt: skip
def test_an_action_is_foreseen_in_figures(action, target, sentence):
    would = foreseen(action, target, facts(one_session()))
    assert would.possible
    assert would.sentence == sentence


@pytest.mark.parametrize(
    ("action", "target", "sentence"),
    [
        ("resume", "", "Trading is not halted, so there is nothing to resume."),
        ("cancel", "s:20130114:AAPL:6", f"did you mean '{RESTING}'?"),
        ("run", "morning", "No runner is running"),
        ("switch_on", "s", "s is on already."),
        ("haltt", "", "did you mean 'halt'?"),
    ],
)
def test_what_would_do_nothing_says_why(action, target, sentence):
    would = foreseen(action, target, facts(one_session()))
    assert not would.possible
    assert sentence in would.sentence


def test_a_position_without_any_price_is_not_left_out_of_what_flattening_closes(journals):
    would = foreseen("flatten", "", journals["unknown instrument"])
    assert "2 positions worth 720.60 USD" in would.sentence


def test_positions_of_the_panel_and_of_the_command_line_are_the_same():
    known = facts(one_session())
    ours = [
        {k: v for k, v in r.items() if k != "limit_used"} for r in panel("positions").rows(known)
    ]
    assert ours == position_rows(known.state)
