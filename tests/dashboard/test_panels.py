"""The table behind each panel found, and the page that follows the journal."""

from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from hydra import plugins
from hydra.config import Gateway
from hydra.dashboard._base import Facts, html_table
from hydra.dashboard._board import Board
from hydra.domain.events import (
    BreakerTripped,
    CommissionRecorded,
    FillRecorded,
    Halted,
    NavMarked,
    OrderAdmitted,
    OrderEnded,
    OrderRefused,
    Reconciled,
    Recorded,
    Resumed,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Objection, Order, OrderRequest, Refusal
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
PANELS = sorted(plugins.find("dashboard"))


def request(symbol="AAPL", quantity=10, step=0):
    return OrderRequest(
        "s", NOW.date(), Instrument(symbol), Decimal(quantity), Decimal(70), step=step
    )


def one_session():
    bought, refused = request(), request("IBM", 5)
    fill = Fill("e.1.1.01", bought.order_ref, "AAPL", Decimal(10), Decimal("70.07"), NOW)
    objection = Objection("halt", "x", "y", "Trading <b>is</b> halted.")
    return [
        Reconciled("DU1", Decimal(1000), "USD", {"XYZ": Decimal(3)}, ()),
        OrderAdmitted(Order(bought, NOW, ("halt",))),
        FillRecorded(fill),
        CommissionRecorded(Commission("e.1.1.01", Decimal(1), "USD")),
        OrderEnded(bought.order_ref, "filled", ""),
        OrderRefused(Refusal(refused, (objection,))),
        NavMarked(Decimal(999), Decimal("298.3"), Decimal(999), {"AAPL": Decimal("70.06")}),
    ]


def facts(events) -> Facts:
    records = [Recorded(n, NOW, NOW, e) for n, e in enumerate(events, start=1)]
    state = fold(records) if records else State()
    return Facts(state, records, Gateway(), False)


def rows(name, events):
    return plugins.load("dashboard", name)().rows(facts(events))


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("events", [[], one_session()], ids=["empty journal", "one session"])
def test_a_panels_rows_have_the_same_columns_and_become_a_page(name, events):
    table = rows(name, events)
    assert len({tuple(row) for row in table}) <= 1
    page = html_table(name, table)
    HTMLParser().feed(page)
    assert page.count("<tr>") == max(len(table) + 1, 1) if table else "nothing yet" in page


def test_breakers_show_the_last_trip_and_its_standing_in_the_session_that_runs():
    day = NOW.date()
    trip = BreakerTripped("drawdown", "", day, day, "halt", "16 %", "15 %", "Fallen.")
    [row] = rows("breakers", [*one_session(), trip])
    assert (row["breaker"], row["strategy"], row["standing"]) == ("drawdown", "all", "triggered")
    [row] = rows("breakers", [trip, Halted("Fallen.", "breaker drawdown"), Resumed("ok", "me")])
    assert row["standing"] == "active"


def test_positions_show_value_and_profit_and_list_what_is_not_ours_as_external():
    mine, other = rows("positions", one_session())
    assert (mine["symbol"], mine["quantity"], mine["value"]) == ("AAPL", 10, Decimal("700.60"))
    assert mine["unrealised"] == Decimal("-0.10")
    assert (other["strategy"], other["symbol"], other["value"]) == ("external", "XYZ", None)


def test_orders_show_why_one_was_refused_and_no_text_becomes_markup():
    refused, filled = rows("orders", one_session())
    assert (refused["status"], filled["status"]) == ("refused", "filled")
    page = html_table("orders", [refused])
    assert "&lt;b&gt;is&lt;/b&gt;" in page


def test_refusals_name_the_check_the_figure_the_limit_and_the_order():
    (row,) = rows("refusals", one_session())
    assert row["order_ref"] == request("IBM", 5).order_ref
    assert (row["check"], row["figure"], row["limit"]) == ("halt", "x", "y")
    assert "Trading" in row["reason"]


def test_fills_show_slippage_with_its_sign_and_what_was_charged():
    (fill,) = rows("fills", one_session())
    assert (fill["slippage_bps"], fill["commission"]) == (10.0, 1)


def test_the_connection_says_that_trading_is_halted():
    (row,) = rows("connection", [*one_session(), Halted("looks wrong", "me")])
    assert row["trading"] == "HALTED: looks wrong (me)"
    assert row["answers"] == "NO"


def test_ten_thousand_fills_are_shown_as_the_last_twenty():
    events = [one_session()[0]]
    for number in range(10_000):
        order = request(step=number)
        fill = Fill(f"{number}.01", order.order_ref, "AAPL", Decimal(1), Decimal(70), NOW)
        events += [OrderAdmitted(Order(order, NOW, ())), FillRecorded(fill)]
    table = rows("fills", events)
    assert len(table) == 20
    assert table[0]["order_ref"].endswith(":9999")


def test_a_board_redraws_only_the_panels_whose_table_has_changed(settings):
    with Journal.open(settings.journal_path) as journal:
        for event in one_session():
            journal.append(event, NOW)
        board = Board(settings)
        drawn = []
        for name, view in board._views.items():
            view.observe(lambda change, name=name: drawn.append(name), "value")
        board.refresh()
        assert drawn == []
        journal.append(Halted("looks wrong", "me"), NOW)
        board.refresh()
    assert drawn == ["connection"]


def test_a_board_without_a_journal_waits_for_one(settings):
    board = Board(settings)
    assert "nothing yet" in board._views["fills"].value
    with Journal.open(settings.journal_path) as journal:
        for event in one_session():
            journal.append(event, NOW)
    board.refresh()
    assert "AAPL" in board._views["fills"].value


def test_a_users_own_panel_stands_below_the_built_in_ones(settings, tmp_path):
    from dataclasses import replace

    from hydra.config import Notebooks

    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "my_panel.py").write_text(
        '"""Mine."""\nclass MyPanel:\n    """My panel"""\n'
        "    def rows(self, facts):\n        return [{'events': facts.state.seq}]\n"
    )
    board = Board(replace(settings, notebooks=Notebooks(tmp_path)))
    assert list(board._views)[-1] == "my_panel"
    assert "My panel" in board._views["my_panel"].value
