"""Cash by currency, futures and pairs: the fold against an independent reckoning."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.events import (
    CommissionRecorded,
    FillCorrected,
    FillRecorded,
    NavMarked,
    OrderAdmitted,
    RatesTold,
    Reconciled,
    Recorded,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest
from hydra.journal.codec import decode
from hydra.journal.fold import fold
from hydra.journal.held import portfolio_of
from hydra.journal.views import position_rows, status_row

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
DAY = date(2013, 1, 14)
ONES = {
    one.symbol: one
    for one in (
        Instrument("AAPL"),
        Instrument("SAP.IBIS", currency="EUR"),
        Instrument("VOD.LSE", currency="GBP", multiplier=Decimal("0.01")),
        Instrument("ES.201303", "FUT", multiplier=Decimal(50)),
        Instrument("FDAX.201303", "FUT", currency="EUR", multiplier=Decimal(25)),
        Instrument("EUR.USD", "CASH"),
        Instrument("EUR.GBP", "CASH", currency="GBP"),
    )
}
RATES = {"EUR": Decimal("1.25"), "GBP": Decimal("1.6")}
START = Reconciled(
    "DU1", Decimal(1_000_000), "USD", {}, (), (), {"USD": Decimal(1_000_000)}, RATES
)


def records(*events):
    return [Recorded(n, NOW, NOW, e) for n, e in enumerate(events, start=1)]


def admitted(symbol, strategy="s"):
    request = OrderRequest(strategy, DAY, ONES[symbol], Decimal(1), Decimal(1))
    return OrderAdmitted(Order(request, NOW, ()))


def fill(number, symbol, quantity, price, strategy="s"):
    one = ONES[symbol]
    ref = f"{strategy}:20130114:{symbol}:0"
    return Fill(
        f"e{number}.01", ref, symbol, Decimal(quantity), Decimal(price), NOW,
        one.currency, one.multiplier, one.sec_type,
    )  # fmt: skip


trades = st.lists(
    st.tuples(
        st.sampled_from(sorted(ONES)),
        st.sampled_from("st"),
        st.integers(-40, 40).filter(bool),
        st.integers(1, 900),
        st.integers(0, 9),
    ),
    max_size=40,
)


@given(trades)
def test_value_is_what_was_begun_with_plus_what_every_trade_has_made_since(trades):
    """Reckoned anew in fractions, without cost or cash: each trade has since gained its quantity
    times the move from its price to the last one, in its own currency, less its charge."""
    events = [START, *(admitted(s, who) for s in ONES for who in "st")]
    last, made = {}, Fraction(0)
    for number, (symbol, who, quantity, price, charge) in enumerate(trades):
        one, done = ONES[symbol], fill(number, symbol, quantity, price, who)
        cost = Commission(done.exec_id, Decimal(charge), one.currency)
        events += [FillRecorded(done), CommissionRecorded(cost)]
        last[symbol] = price
        made -= charge * Fraction(_rate(one.currency))
    for symbol, _, quantity, price, _ in trades:
        one = ONES[symbol]
        if one.sec_type == "CASH":  # both currencies are in the cash, at their own rates
            bought, paid = one.currencies
            made += quantity * (Fraction(_rate(bought)) - price * Fraction(_rate(paid)))
        else:
            move = quantity * (last[symbol] - price)
            made += move * Fraction(one.multiplier) * Fraction(_rate(one.currency))
    marks = {symbol: Decimal(price) for symbol, price in last.items()}
    state = fold(records(*events, NavMarked(Decimal(1), Decimal(1), Decimal(1), marks)))
    worth = portfolio_of(state)
    assert Fraction(worth.nav) == pytest.approx(float(1_000_000 + made), abs=1e-9)
    assert worth.cash == state.cash
    assert worth.gross == sum(abs(p.value) for p in worth.positions.values())


def _rate(currency):
    return RATES.get(currency, Decimal(1))


@given(trades)
def test_a_currency_moves_only_by_what_is_traded_in_it(trades):
    events = [START, *(admitted(s, who) for s in ONES for who in "st")]
    moved = {"USD": Fraction(1_000_000), "EUR": Fraction(0), "GBP": Fraction(0)}
    for number, (symbol, who, quantity, price, charge) in enumerate(trades):
        one, done = ONES[symbol], fill(number, symbol, quantity, price, who)
        cost = Commission(done.exec_id, Decimal(charge), one.currency)
        events += [FillRecorded(done), CommissionRecorded(cost)]
        moved[one.currency] -= charge
        if one.sec_type != "FUT":
            moved[one.currency] -= quantity * price * Fraction(one.multiplier)
        if one.sec_type == "CASH":
            moved[one.currencies[0]] += quantity
    for symbol in ("ES.201303", "FDAX.201303"):
        one, apart = ONES[symbol], [t for t in trades if t[0] == symbol]
        moved[one.currency] += _average_gain(apart) * Fraction(one.multiplier)
    told = fold(records(*events)).balances
    for currency, money in moved.items():
        assert float(told.get(currency, 0)) == pytest.approx(float(money), abs=1e-9)


def _average_gain(trades):
    """The average cost method, by value: all that left, less its share of all that was paid."""
    held, paid, gain = Fraction(0), Fraction(0), Fraction(0)
    for _, _, quantity, price, _ in trades:
        if held * quantity >= 0:
            held, paid = held + quantity, paid + quantity * price
            continue
        closing = quantity if abs(quantity) <= abs(held) else -held
        released = paid * closing / held
        gain += -closing * price + released
        paid += released + (quantity - closing) * price
        held += quantity
    return gain


def test_a_future_costs_nothing_to_hold_and_pays_when_it_is_closed():
    bought = FillRecorded(fill(1, "ES.201303", 2, 1400))
    state = fold(records(START, admitted("ES.201303"), bought))
    assert state.cash == 1_000_000
    state = fold(
        records(START, admitted("ES.201303"), bought, FillRecorded(fill(2, "ES.201303", -1, 1410)))
    )
    assert state.cash == 1_000_000 + 10 * 50


def test_a_corrected_future_pays_as_if_it_had_filled_so():
    wrong, right = fill(1, "ES.201303", 2, 1400), fill(1, "ES.201303", 2, 1390)
    told = [
        START,
        admitted("ES.201303"),
        FillRecorded(wrong),
        FillCorrected(wrong, right, Decimal(0)),
    ]
    state = fold(records(*told, FillRecorded(fill(2, "ES.201303", -2, 1410))))
    assert state.cash == 1_000_000 + 2 * 20 * 50


def test_a_commission_is_paid_in_its_own_currency_and_counted_at_its_rate():
    done = fill(1, "EUR.GBP", 1000, 1)
    charge = CommissionRecorded(Commission(done.exec_id, Decimal(2), "EUR"))
    state = fold(records(START, admitted("EUR.GBP"), FillRecorded(done), charge))
    assert state.balances == {"USD": 1_000_000, "EUR": 998, "GBP": -1000}
    assert state.charges == {"s": Decimal("2.50")}


def test_a_refund_goes_back_in_the_currency_that_was_charged():
    done = fill(1, "EUR.GBP", 1000, 1)
    bust = fill(1, "EUR.GBP", 0, 1)
    charge = CommissionRecorded(Commission(done.exec_id, Decimal(2), "EUR"))
    undone = FillCorrected(done, bust, Decimal(2), "EUR")
    state = fold(records(START, admitted("EUR.GBP"), FillRecorded(done), charge, undone))
    assert state.balances == {"USD": 1_000_000, "EUR": 0, "GBP": 0}
    assert state.charges == {"s": 0}


def test_a_comparison_keeps_our_own_fractions_of_a_cent_and_takes_the_brokers_word_beyond():
    told = Reconciled(
        "DU1", Decimal(0), "USD", {}, (), (), {"USD": Decimal("999999.97"), "EUR": Decimal(7)}, {}
    )
    ours = [START, admitted("AAPL"), FillRecorded(fill(1, "AAPL", 1, "0.0333"))]
    assert fold(records(*ours, told)).balances == {"USD": Decimal("999999.9667"), "EUR": 7}
    far = Reconciled("DU1", Decimal(0), "USD", {}, (), (), {"USD": Decimal(5)}, {})
    assert fold(records(*ours, far)).balances == {"USD": 5}


def test_a_rate_of_later_values_the_same_cash_anew():
    told = Reconciled("DU1", Decimal(0), "USD", {}, (), (), {"EUR": Decimal(100)}, RATES)
    state = fold(records(told))
    assert state.cash == 125
    assert fold(records(told, RatesTold({"EUR": Decimal("1.5")}))).cash == 150


def test_cash_whose_rate_nobody_told_is_not_known_rather_than_wrong():
    state = fold(
        records(Reconciled("DU1", Decimal(1), "USD", {}, (), (), {"CHF": Decimal(1)}, {}))
    )
    assert state.cash is None
    assert status_row(state)["cash"] is None


OLD = {
    "Reconciled": '{"account":"DU1","cash":"900","currency":"USD","positions":{"AAPL":"4"},'
    '"differences":[],"elsewhere":[]}',
    "FillRecorded": '{"fill":{"exec_id":"e1.01","order_ref":"s:20130114:AAPL:0","symbol":"AAPL",'
    '"quantity":"4","price":"10","time":"2013-01-14T15:00:00+00:00","currency":"USD",'
    '"multiplier":"1"}}',
    "FillCorrected": '{"old":{"exec_id":"e1.01","order_ref":"s:20130114:AAPL:0","symbol":"AAPL",'
    '"quantity":"4","price":"10","time":"2013-01-14T15:00:00+00:00"},"new":{"exec_id":"e1.02",'
    '"order_ref":"s:20130114:AAPL:0","symbol":"AAPL","quantity":"4","price":"11",'
    '"time":"2013-01-14T15:00:00+00:00"},"refund":"1"}',
    "NavMarked": '{"nav":"940","cash":"900","net_liquidation":"940","marks":{"AAPL":"10"}}',
}


def test_a_journal_of_before_currencies_reads_as_it_always_did():
    events = [decode(kind, OLD[kind]) for kind in ("Reconciled", "FillRecorded", "NavMarked")]
    state = fold(records(*events))
    assert (state.cash, state.currency, state.rates) == (860, "USD", {})
    (row, external) = position_rows(state)
    assert (row["value"], row["currency"]) == (Decimal("40.00"), "USD")
    assert external["quantity"] == 0 or external["strategy"] == "external"
    corrected = fold(records(*events, decode("FillCorrected", OLD["FillCorrected"])))
    assert corrected.cash == 860 + 40 - 44 + 1
