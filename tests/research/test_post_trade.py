"""The notebook's tables say what the rows say, with fills and without any."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from hydra.costs.liquidity import Liquidity
from hydra.costs.model import CostModel
from hydra.domain.events import FillRecorded, OrderAdmitted, OrderQuoted, Recorded
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Fill, Order, OrderRequest
from hydra.execution.cost_file import cost_model, read_costs
from hydra.journal.cost_rows import GROUPS
from hydra.journal.journal import Journal
from hydra.research.post_trade import PostTrade, traded_records

NOW = datetime(2013, 1, 14, 14, 30, tzinfo=UTC)
DAY_VOLUME = 1_000_000.0
LIQUID = Liquidity(
    *(
        pd.DataFrame(
            {"AAPL": [value], "IBM": [value]}, pd.DatetimeIndex([NOW - timedelta(days=1)])
        )
        for value in (200.0, DAY_VOLUME)
    )
)


def events(orders: int):
    """Orders of growing size in a market of coefficient 1, half spreads 2 and 4 bps."""
    for number in range(orders):
        symbol, half = (("AAPL", Decimal("0.02")), ("IBM", Decimal("0.04")))[number % 2]
        quantity = Decimal(100 * (number + 1))
        request = OrderRequest(
            "s", NOW.date(), Instrument(symbol), quantity, Decimal(100), step=number
        )
        impact = 2 * np.sqrt(float(quantity) / DAY_VOLUME)  # in dollars of a price of 100
        price = 100 + half + Decimal(str(round(float(impact), 6)))
        yield OrderAdmitted(Order(request, NOW, ()))
        yield OrderQuoted(request.order_ref, 100 - half, 100 + half, None)
        yield FillRecorded(Fill(f"e{number}", request.order_ref, symbol, quantity, price, NOW))


def report(orders: int, liquidity: Liquidity | None = LIQUID) -> PostTrade:
    records = [Recorded(n, NOW, NOW, e) for n, e in enumerate(events(orders), start=1)]
    return PostTrade(records, CostModel(), liquidity)


def test_the_market_that_made_the_fills_is_found_and_read_by_the_next_backtest(tmp_path):
    found = report(24)
    path = tmp_path / "data" / "costs.json"
    assert "the next backtest's costs: calibrated 2013-01-14, 24 fills" in found.write(path)
    model = cost_model(path)
    assert model.impact_coefficient == pytest.approx(1.0, abs=1e-4)
    assert model.half_spread_of("AAPL") == pytest.approx(2.0)
    assert model.half_spread_of("IBM") == pytest.approx(4.0)
    table = found.agreements
    assert table.loc["fitted to these", "is_calibrated"]
    assert not table.loc["in use", "is_calibrated"]
    assert read_costs(path).agreement.orders == 24


def test_a_fitted_model_is_judged_by_the_orders_that_it_has_not_seen():
    seen = report(24)
    later = PostTrade(seen.records, seen.calibration.model, LIQUID, NOW)
    assert later.agreements.loc["in use, on later orders", "orders"] == 0
    earlier = PostTrade(seen.records, seen.model, LIQUID, NOW - timedelta(seconds=1))
    assert earlier.agreements.loc["in use, on later orders", "orders"] == 24
    assert "in use, on later orders" not in seen.agreements.index


def test_points_of_the_scatter_are_the_orders_and_both_models():
    found = report(24)
    line, used, fitted = found.figure_predicted().data
    assert list(used.x) == [1.0] * 24
    np.testing.assert_allclose(fitted.x, fitted.y, atol=1e-3)
    assert line.x[0] == line.y[0] <= min(fitted.y)
    assert "AAPL +100" in fitted.text[0]


@pytest.mark.parametrize("by", GROUPS)
def test_a_figure_shows_the_parts_of_its_table(by):
    found = report(6)
    table, figure = found.totals(by), found.figure(by)
    shown = {trace.name: trace for trace in figure.data}
    for part in ("delay", "spread", "impact"):
        assert list(shown[part].y) == table[f"{part}_bps"].tolist()
    assert list(shown["predicted"].x) == [str(key) for key in table.index]


def test_too_few_fills_write_nothing_and_say_so(tmp_path):
    found = report(19)
    said = found.write(tmp_path / "costs.json")
    assert "Nothing was written." in said
    assert "there are 19" in said
    assert found.fitted == found.calibration
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("orders", [0, 3])
def test_without_bars_or_without_fills_every_table_and_figure_still_comes(orders):
    found = report(orders, None)
    for by in GROUPS:
        assert found.figure(by).layout.title.text
    assert len(found.totals()) == min(orders, 1)
    assert found.figure_predicted().layout.title.text.startswith("No order can be held")
    assert found.agreements.loc["in use", "orders"] == 0
    assert found.left_out == "There are none." or orders
    assert ("Nothing has been traded yet" in found.summary) == (orders == 0)


def test_orders_that_are_left_out_are_counted_by_their_reason():
    found = report(2, Liquidity(LIQUID.volatility_bps[["IBM"]], LIQUID.daily_volume[["IBM"]]))
    assert found.left_out["orders"].to_dict() == {
        "no volatility and volume known for its impact": 1
    }


def test_a_journal_that_is_not_there_yet_has_no_records_and_one_that_is_gives_them(tmp_path):
    path = tmp_path / "data" / "journal.db"
    assert traded_records(path) == []
    assert not path.parent.exists()
    with Journal.open(path) as journal:
        for event in events(2):
            journal.append(event, NOW)
    assert len(traded_records(path)) == 6
