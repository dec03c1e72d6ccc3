"""What a session cost: the gateway's own quotes, executions and charges, split and predicted."""

import hydra
from hydra.costs.model import CostModel
from hydra.journal.cost_rows import cost_totals
from hydra.research.post_trade import PostTrade, traded_records
from hydra.wiring import known_liquidity


async def test_every_fill_of_a_session_is_split_and_its_commission_predicted_to_the_cent(
    connected,
):
    session = await hydra.open_paper_session("ts_momentum", settings=connected)
    try:
        await session.run()
    finally:
        await session.close()
    records = traded_records(connected.journal_path)
    liquidity = await known_liquidity(connected, "sample", ["AAPL", "GOOG", "IBM", "MSFT"])
    model = CostModel(impact_coefficient=1.0)
    rows = PostTrade(records, model, liquidity).rows
    assert len(rows) > 3
    for row in rows:
        assert row["reason"] == ""
        assert row["delay"] + row["spread"] + row["impact"] == row["total"]
        assert row["spread"] > 0
        assert row["impact"] >= 0  # market orders take the best price or walk up the book
        assert row["predicted_bps"] > 1.0
        assert abs(float(row["commission"]) - row["predicted_commission"]) <= 0.01
    (total,) = cost_totals(rows)
    assert total["fills"] == total["measured"] == len(rows)
    assert total["total"] == sum(row["total"] for row in rows)
