"""The proposed portfolio is the present one with the request filled."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest
from hydra.domain.portfolio import Portfolio, Position

AAPL = Instrument("AAPL")
whole = st.integers(-5000, 5000).map(Decimal)
price = st.decimals(min_value="1", max_value="900", places=2)


@given(whole, whole.filter(bool), price)
def test_trading_at_the_mark_changes_the_holdings_and_leaves_the_nav(held, quantity, mark):
    before = Portfolio(Decimal(1_000_000), {"AAPL": Position(AAPL, held, mark)})
    request = OrderRequest("s", date(2013, 1, 14), AAPL, quantity, mark)
    after = before.after(request)
    assert after.quantity("AAPL") == held + quantity
    assert after.nav == before.nav
    assert after.cash == before.cash - quantity * mark


def test_gross_counts_both_sides_and_a_weight_has_its_sign():
    book = Portfolio(
        Decimal(50),
        {
            "AAPL": Position(AAPL, Decimal(10), Decimal(10)),
            "IBM": Position(Instrument("IBM"), Decimal(-5), Decimal(10)),
        },
    )
    assert (book.nav, book.gross) == (100, 150)
    assert book.weight("IBM") == Decimal("-0.5")
    assert book.weight("MSFT") == 0
