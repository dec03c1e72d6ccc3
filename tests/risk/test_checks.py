"""Each check refuses at one unit over its limit and admits at one unit under it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from hydra import plugins
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Order, OrderRequest, Refusal
from hydra.domain.portfolio import Portfolio, Position
from hydra.errors import BadParameter
from hydra.risk._base import Context
from hydra.risk._gate import RiskGate
from hydra.risk.blackout import Blackout
from hydra.risk.halt import Halt
from hydra.risk.no_entries import NoEntries
from hydra.risk.order_notional import OrderNotional
from hydra.risk.paper_account import PaperAccount
from hydra.risk.position_weight import PositionWeight
from hydra.risk.price_collar import PriceCollar
from hydra.risk.reduce_only import ReduceOnly
from hydra.risk.stale_price import StalePrice
from hydra.risk.tradable import Tradable

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
AAPL = Instrument("AAPL")
CONTEXT = Context(
    now=NOW,
    account="DU1234567",
    port=4002,
    currency="USD",
    portfolio=Portfolio(Decimal(100_000)),
    quotes={"AAPL": Decimal(100)},
    quoted_at={"AAPL": NOW},
)


def request(quantity=10, price="100", instrument=AAPL):
    return OrderRequest("s", date(2013, 1, 14), instrument, Decimal(quantity), Decimal(price))


def holding(quantity):
    position = Position(AAPL, Decimal(quantity), Decimal(100))
    return replace(CONTEXT, portfolio=Portfolio(Decimal(100_000), {"AAPL": position}))


def quoted(last, age_s=0.0):
    time = NOW - timedelta(seconds=age_s)
    return replace(CONTEXT, quotes={"AAPL": last}, quoted_at={"AAPL": time})


def at(hour, minute):
    """The context at that time of 14 January, UTC: New York is five hours behind."""
    return replace(CONTEXT, now=NOW.replace(hour=hour, minute=minute))


def reducing():
    return replace(holding(10), reduce_only="why")


EUR = replace(AAPL, currency="EUR")
OVER_AND_UNDER = [
    (OrderNotional(Decimal(1000)), request(11), CONTEXT, request(10), CONTEXT),
    (OrderNotional(Decimal(1000)), request(-11), CONTEXT, request(-10), CONTEXT),
    (PositionWeight(Decimal("0.1")), request(101), CONTEXT, request(100), CONTEXT),
    (PositionWeight(Decimal("0.1")), request(-101), CONTEXT, request(-100), CONTEXT),
    (PriceCollar(Decimal("0.1")), request(price="110.01"), CONTEXT, request(price="110"), CONTEXT),
    (PriceCollar(Decimal("0.1")), request(price="89.99"), CONTEXT, request(price="90"), CONTEXT),
    (PriceCollar(), request(), quoted(None), request(), CONTEXT),
    (StalePrice(60.0), request(), quoted(Decimal(100), 61), request(), quoted(Decimal(100), 60)),
    (StalePrice(60.0), request(), quoted(Decimal(100), -2), request(), quoted(Decimal(100), -1)),
    (StalePrice(), request(), replace(CONTEXT, quoted_at={}), request(), CONTEXT),
    (PaperAccount(), request(), replace(CONTEXT, account="U1234567"), request(), CONTEXT),
    (PaperAccount(), request(), replace(CONTEXT, port=4001), request(), CONTEXT),
    (PaperAccount(), request(), replace(CONTEXT, port=7496), request(), CONTEXT),
    (Halt(), request(), replace(CONTEXT, halted="stop"), request(), CONTEXT),
    (ReduceOnly(), request(-11), reducing(), request(-10), reducing()),
    (ReduceOnly(), request(1), reducing(), request(-1), reducing()),
    (NoEntries(), request(), replace(CONTEXT, no_entries="why"), request(), CONTEXT),
    (Blackout(), request(), at(4, 45), request(), at(4, 44)),
    (Blackout(), request(), at(5, 44), request(), at(5, 45)),
    (Blackout(("15:00-15:10 UTC",)), request(), at(15, 0), request(), at(15, 10)),
    (Tradable(), request(instrument=EUR), CONTEXT, request(), CONTEXT),
    (
        Tradable(("IND",)),
        request(),
        CONTEXT,
        request(instrument=replace(AAPL, sec_type="IND")),
        CONTEXT,
    ),
]


@pytest.mark.parametrize(("check", "over", "over_in", "under", "under_in"), OVER_AND_UNDER)
def test_a_check_refuses_over_its_limit_and_admits_under_it(check, over, over_in, under, under_in):
    objection = check.objection(over, over_in)
    assert objection is not None
    assert objection.sentence.endswith(".")
    assert objection.check == plugins_name(check)
    assert check.objection(under, under_in) is None


def plugins_name(check):
    return type(check).__module__.rpartition(".")[2]


def test_every_check_that_is_found_is_in_the_table_above():
    assert {plugins_name(row[0]) for row in OVER_AND_UNDER} == set(plugins.find("risk"))


def test_an_order_that_only_reduces_passes_the_weight_limit():
    tight = PositionWeight(Decimal("0.01"))
    assert tight.objection(request(-400), holding(500)) is None
    assert tight.objection(request(1), holding(500)) is not None
    assert tight.objection(request(-1001), holding(500)) is not None


def test_a_weight_is_judged_with_what_is_held_already():
    check = PositionWeight(Decimal("0.30"))
    assert check.objection(request(90), holding(300)) is None
    assert check.objection(request(91), holding(300)) is not None


def test_all_objections_are_collected_not_only_the_first():
    gate = RiskGate({"halt": Halt(), "order_notional": OrderNotional(Decimal(1))})
    verdict = gate.review(request(), replace(CONTEXT, halted="stop"))
    assert isinstance(verdict, Refusal)
    assert [o.check for o in verdict.objections] == ["halt", "order_notional"]
    assert isinstance(RiskGate({"halt": Halt()}).review(request(), CONTEXT), Order)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: PositionWeight(Decimal(30)),
        lambda: PriceCollar(Decimal(5)),
        lambda: OrderNotional(Decimal(0)),
        lambda: StalePrice(0.0),
        lambda: Blackout(("midnight",)),
        lambda: Blackout(("23:00-24:30 UTC",)),
        lambda: Blackout(("23:00-23:30 Mars/Olympus",)),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_by_name(wrong):
    with pytest.raises(BadParameter, match=r"limit_|windows"):
        wrong()
