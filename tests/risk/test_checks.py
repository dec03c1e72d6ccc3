"""Each check refuses at one unit over its limit and admits at one unit under it."""

import tomllib
from dataclasses import fields, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from hydra import plugins
from hydra.config import Settings, load_settings
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Order, OrderType, Refusal
from hydra.domain.traffic import Resting, Sent, Tally, Traffic
from hydra.errors import BadParameter, ConfigError
from hydra.risk._base import reduces
from hydra.risk._gate import RiskGate, gate_of
from hydra.risk.blackout import Blackout
from hydra.risk.book_backed import BookBacked
from hydra.risk.capital_share import CapitalShare
from hydra.risk.closing_cutoff import ClosingCutoff
from hydra.risk.connected import Connected
from hydra.risk.crossed_quote import CrossedQuote
from hydra.risk.currency_exposure import CurrencyExposure
from hydra.risk.delayed_data import DelayedData
from hydra.risk.duplicate_intent import DuplicateIntent
from hydra.risk.expiry import Expiry
from hydra.risk.free_margin import FreeMargin
from hydra.risk.gross_exposure import GrossExposure
from hydra.risk.group_exposure import GroupExposure
from hydra.risk.halt import Halt
from hydra.risk.modify_rate import ModifyRate
from hydra.risk.net_exposure import NetExposure
from hydra.risk.no_entries import NoEntries
from hydra.risk.open_orders import OpenOrders
from hydra.risk.order_notional import OrderNotional
from hydra.risk.order_quantity import OrderQuantity
from hydra.risk.order_rate import OrderRate
from hydra.risk.orders_per_day import OrdersPerDay
from hydra.risk.paper_account import PaperAccount
from hydra.risk.position_weight import PositionWeight
from hydra.risk.price_collar import PriceCollar
from hydra.risk.reconciled import Reconciled
from hydra.risk.reduce_only import ReduceOnly
from hydra.risk.restricted import Restricted
from hydra.risk.session_hours import SessionHours
from hydra.risk.short_selling import ShortSelling
from hydra.risk.stale_price import StalePrice
from hydra.risk.tradable import Tradable
from hydra.risk.trading_halt import TradingHalt
from hydra.risk.turnover_per_day import TurnoverPerDay
from hydra.risk.valid_terms import ValidTerms
from hydra.risk.volume_share import VolumeShare
from tests.conftest import ROOT
from tests.risk.contexts import (
    AAPL,
    CONTEXT,
    IBM,
    at,
    context,
    holding,
    margin,
    quoted,
    rated,
    request,
    sent,
    sided,
    trading,
    wanted,
    working,
)

EUR = replace(AAPL, currency="EUR")
FUTURE = Instrument("ESH3", "FUT", expires=date(2013, 1, 19))
ES = replace(FUTURE, symbol="ES.201303", multiplier=Decimal(50), expires=date(2013, 3, 15))
CROSS = Instrument("EUR.GBP", "CASH", currency="GBP")
BOTH = rated(EUR="1.25", GBP="1.5")
LATER = replace(FUTURE, expires=date(2013, 3, 15))
GROUPS = {"AAPL": "tech", "IBM": "tech", "GE": "industry"}
ONE = Decimal(1)
CLOSING = {"order_type": OrderType.MARKET_ON_CLOSE}
D = Decimal


def forged(**terms):
    """A request that got past its own checks."""
    made = request()
    for name, value in terms.items():
        object.__setattr__(made, name, value)
    return made


def beside(quantity):
    """So many IBM at 100 are held (short < 0), beside cash of 100,000."""
    return holding(quantity, symbol="IBM")


STOPPED = {"trading_halts": frozenset({"AAPL"})}
HALTED = context(**STOPPED)
EXITING = replace(holding(10), **STOPPED)
OLD = {"quoted_at": quoted(D(100), 901).quoted_at}


def at_with_yesterdays_price(hour, minute):
    """That time of the session, and the last trade at the close of the one before."""
    return replace(at(hour, minute), quoted_at={"AAPL": at(21, 0, day=11).now})


OPENED = at_with_yesterdays_price(14, 45)


def on_close(exchange):
    """An order for the closing auction of the exchange that lists the stock."""
    return request(instrument=replace(AAPL, primary_exchange=exchange), **CLOSING)


def before_the_open(age_s):
    """A price so old, two hours before the session opens."""
    now = at(12, 30).now
    return context(now=now, quoted_at={"AAPL": now - timedelta(seconds=age_s)})


def delayed_by(age_s):
    """A delayed price so old, an hour and a half after the open."""
    now = at(16, 0).now
    told = {"AAPL": now - timedelta(seconds=age_s)}
    return context(now=now, quoted_at=told, delayed=frozenset({"AAPL"}))


def lending(shares, held=0):
    """So many shares can be borrowed while that many are held."""
    return replace(holding(held), shortable={"AAPL": D(shares)})


OVER_AND_UNDER = [
    (NoEntries(), request(), replace(CONTEXT, no_entries="why"), request(), CONTEXT),
    (Blackout(), request(), at(4, 45), request(), at(4, 44)),
    (Blackout(), request(), at(6, 44), request(), at(6, 45)),
    (Blackout(("15:00-15:10 UTC",)), request(), at(15, 0), request(), at(15, 10)),
    (BookBacked(), request(), context(contested={"AAPL": "It is not there."}), request(), CONTEXT),
    (BookBacked(), request(), context(unbacked=frozenset({"s"})), request(), CONTEXT),
    (
        BookBacked(),
        request(-1),
        replace(holding(10), contested={"AAPL": "It is not there."}),
        replace(request(-1), flatten=True),
        replace(holding(10), contested={"AAPL": "It is not there."}),
    ),
    (
        BookBacked(),
        request(1),
        replace(holding(10), unbacked=frozenset({"s"})),
        request(-1),
        replace(holding(10), unbacked=frozenset({"s"})),
    ),
    (CapitalShare({"s": D("0.1")}), request(101), CONTEXT, request(100), CONTEXT),
    (CapitalShare({"s": D("0.1")}), request(-101), CONTEXT, request(-100), CONTEXT),
    (CapitalShare({"s": D("0.3")}), request(126), beside(250), request(125), beside(250)),
    (
        CapitalShare({"s": D("0.1")}),
        request(81, instrument=EUR),
        rated(EUR="1.25"),
        request(80, instrument=EUR),
        rated(EUR="1.25"),
    ),
    (CapitalShare({"t": ONE}, D("0.1")), request(101), CONTEXT, request(100), CONTEXT),
    (ClosingCutoff(), request(**CLOSING), at(20, 50, 1), request(**CLOSING), at(20, 50)),
    (ClosingCutoff(), on_close("NASDAQ"), at(20, 55, 1), on_close("NASDAQ"), at(20, 55)),
    (ClosingCutoff(), on_close("NYSE"), at(20, 50, 1), on_close("NYSE"), at(20, 50)),
    (ClosingCutoff(), on_close("TSEJ"), at(20, 50, 1), on_close("TSEJ"), at(20, 50)),
    (ClosingCutoff(400.0), on_close("NASDAQ"), at(20, 55), on_close("NASDAQ"), at(20, 53)),
    (
        ClosingCutoff(exchanges={"ARCA": 120.0}),
        on_close("ARCA"),
        at(20, 58, 1),
        on_close("ARCA"),
        at(20, 58),
    ),
    (ClosingCutoff(), request(**CLOSING), context(sessions={}), request(**CLOSING), CONTEXT),
    (ClosingCutoff(), request(**CLOSING), at(20, 55), request(), at(20, 55)),
    (Connected(), request(), context(connected=False), request(), CONTEXT),
    (CrossedQuote(), request(), sided("100.01", "100"), request(), sided("100", "100")),
    (CrossedQuote(both_sides=True), request(), sided(None, "100"), request(), CONTEXT),
    (CrossedQuote(both_sides=True), request(), sided("100", None), request(), CONTEXT),
    (CrossedQuote(), request(), sided("100.01", "100"), request(), sided(None, "100")),
    (
        CurrencyExposure(D("0.1")),
        request(81, instrument=EUR),
        rated(EUR="1.25"),
        request(80, instrument=EUR),
        rated(EUR="1.25"),
    ),
    (CurrencyExposure(), request(1, instrument=EUR), CONTEXT, request(1), CONTEXT),
    (DelayedData(), request(), context(delayed=frozenset({"AAPL"})), request(), CONTEXT),
    (
        DelayedData(),
        request(),
        context(delayed=frozenset({"AAPL"})),
        request(),
        context(delayed=frozenset({"IBM"})),
    ),
    (
        DuplicateIntent(60.0),
        request(step=1),
        wanted(request(), 59),
        request(step=1),
        wanted(request(), 60),
    ),
    (
        DuplicateIntent(60.0),
        request(step=1),
        wanted(request(), 0),
        request(11, step=1),
        wanted(request(), 0),
    ),
    (
        DuplicateIntent(),
        request(step=1),
        wanted(request(), 0),
        request(-10, step=1),
        wanted(request(), 0),
    ),
    (
        DuplicateIntent(),
        request(step=1),
        wanted(request(), 0),
        request(child=2),
        wanted(request(child=1), 0),
    ),
    (Expiry(6), request(1, instrument=FUTURE), CONTEXT, request(1), CONTEXT),
    (Expiry(6), request(1, instrument=FUTURE), CONTEXT, request(1, instrument=LATER), CONTEXT),
    (
        Expiry(5, {"ESH3": date(2013, 1, 18)}),
        request(1, instrument=LATER),
        CONTEXT,
        request(1, instrument=FUTURE, session=date(2013, 1, 13)),
        CONTEXT,
    ),
    (
        Expiry(),
        request(1, instrument=replace(FUTURE, expires=None)),
        CONTEXT,
        request(1, instrument=FUTURE),
        CONTEXT,
    ),
    (FreeMargin(limit_use=D("0.5")), request(1001), CONTEXT, request(1000), CONTEXT),
    (FreeMargin(limit_use=D("0.5")), request(-1001), CONTEXT, request(-1000), CONTEXT),
    (FreeMargin(limit_use=D("0.5")), request(), margin(50_001), request(), margin(50_000)),
    (FreeMargin(), request(), margin(90, equity=99), request(), margin(90, equity=1000)),
    (GrossExposure(D("0.5")), request(501), CONTEXT, request(500), CONTEXT),
    (GrossExposure(D("0.5")), request(-451), beside(100), request(-450), beside(100)),
    (GroupExposure(D("0.1"), GROUPS), request(101), CONTEXT, request(100), CONTEXT),
    (GroupExposure(D("0.2"), GROUPS), request(121), beside(100), request(120), beside(100)),
    (GroupExposure(D("0.2"), GROUPS), request(81), beside(-100), request(80), beside(-100)),
    (Halt(), request(), context(halted="stop"), request(), CONTEXT),
    (
        ModifyRate(5),
        request(),
        sent(changes=5, seconds_ago=59),
        request(),
        sent(changes=5, seconds_ago=60),
    ),
    (ModifyRate(5), request(), sent(changes=5), request(), sent(changes=4)),
    (ModifyRate(5), request(), sent(changes=5), request(step=1), sent(changes=5)),
    (NetExposure(D("0.5")), request(501), CONTEXT, request(500), CONTEXT),
    (NetExposure(D("0.5")), request(-501), CONTEXT, request(-500), CONTEXT),
    (NetExposure(D("0.1")), request(191), beside(-100), request(190), beside(-100)),
    (OpenOrders(5), request(), working(5), request(), working(4)),
    (OrderNotional(D(1000)), request(11), CONTEXT, request(10), CONTEXT),
    (OrderNotional(D(1000)), request(-11), CONTEXT, request(-10), CONTEXT),
    (OrderQuantity(D(100)), request(101), CONTEXT, request(100), CONTEXT),
    (OrderQuantity(D(100)), request(-101), CONTEXT, request(-100), CONTEXT),
    (
        OrderRate(5),
        request(step=1),
        sent(orders=5, seconds_ago=59),
        request(step=1),
        sent(orders=5, seconds_ago=60),
    ),
    (OrderRate(5), request(step=1), sent(orders=5), request(step=1), sent(orders=4)),
    (OrderRate(5), request(step=1), sent(orders=5), request(), sent(orders=5)),
    (OrdersPerDay(5), request(step=1), sent(orders=5), request(step=1), sent(orders=4)),
    (
        OrdersPerDay(5),
        request(step=1),
        sent(orders=5),
        request(step=1),
        sent(orders=5, session=date(2013, 1, 11)),
    ),
    (PaperAccount(), request(), context(account="U1234567"), request(), CONTEXT),
    (PaperAccount(), request(), context(port=4001), request(), CONTEXT),
    (PaperAccount(), request(), context(port=7496), request(), CONTEXT),
    (PositionWeight(D("0.1")), request(101), CONTEXT, request(100), CONTEXT),
    (PositionWeight(D("0.1")), request(-101), CONTEXT, request(-100), CONTEXT),
    (PriceCollar(D("0.1")), request(price="110.01"), CONTEXT, request(price="110"), CONTEXT),
    (PriceCollar(D("0.1")), request(price="89.99"), CONTEXT, request(price="90"), CONTEXT),
    (PriceCollar(), request(), quoted(None), request(), CONTEXT),
    (Reconciled(), request(), context(reconciled=False), request(), CONTEXT),
    (
        ReduceOnly(),
        request(-101),
        replace(holding(100), reduce_only="losses"),
        request(-100),
        replace(holding(100), reduce_only="losses"),
    ),
    (ReduceOnly(), request(), context(reduce_only="losses"), request(), CONTEXT),
    (
        ReduceOnly(),
        request(-51),
        replace(holding(100, working=-50), reduce_only="losses"),
        request(-50),
        replace(holding(100, working=-50), reduce_only="losses"),
    ),
    (
        ReduceOnly(),
        request(-101),
        replace(holding(100, working=50), reduce_only="losses"),
        request(-100),
        replace(holding(100, working=50), reduce_only="losses"),
    ),
    (Restricted(("AAPL",)), request(-1), holding(5), request(1, instrument=IBM), CONTEXT),
    (SessionHours(), request(session=date(2013, 1, 11)), CONTEXT, request(), CONTEXT),
    (SessionHours(), request(session=date(2013, 1, 15)), CONTEXT, request(), CONTEXT),
    (SessionHours(), request(), at(21, 0), request(), at(20, 59, 59)),
    (SessionHours(3600.0), request(), at(13, 29, 59), request(), at(13, 30)),
    (SessionHours(), request(), at(2, 29, 59), request(), at(2, 30)),
    (SessionHours(), request(), context(sessions={}), request(), CONTEXT),
    (ShortSelling(allow=False), request(-101), holding(100), request(-100), holding(100)),
    (
        ShortSelling(allow=False),
        request(-51),
        holding(100, working=-50),
        request(-50),
        holding(100, working=-50),
    ),
    (ShortSelling(never=("AAPL",)), request(-1), CONTEXT, request(-1, instrument=IBM), CONTEXT),
    (ShortSelling(allow=False), request(-1), CONTEXT, request(1), holding(-100)),
    (ShortSelling(), request(-101), lending(100), request(-100), lending(100)),
    (ShortSelling(), request(-151), lending(100, 50), request(-150), lending(100, 50)),
    (ShortSelling(), request(-101), lending(100, -50), request(-100), lending(100, -50)),
    (ShortSelling(), request(-1), lending(0), request(-1), CONTEXT),
    (ShortSelling(when_unknown="refuse"), request(-1), CONTEXT, request(-1), lending(1)),
    (
        ShortSelling(when_unknown="refuse"),
        request(-1),
        CONTEXT,
        request(-1, instrument=FUTURE),
        CONTEXT,
    ),
    (StalePrice(60.0), request(), quoted(D(100), 61), request(), quoted(D(100), 60)),
    (StalePrice(60.0), request(), quoted(D(100), -2), request(), quoted(D(100), -1)),
    (StalePrice(), request(), context(quoted_at={}), request(), CONTEXT),
    (StalePrice(), request(), quoted(D(100), 901), request(), quoted(D(100), 900)),
    (StalePrice(), request(), quoted(D(100), 901), request(), before_the_open(3 * 86_400)),
    (StalePrice(), request(), quoted(D(100), 901), request(-10), replace(holding(10), **OLD)),
    (StalePrice(), request(), at_with_yesterdays_price(14, 46), request(), OPENED),
    (
        StalePrice(),
        request(),
        delayed_by(2101),
        request(),
        delayed_by(2100),
    ),
    (Tradable(), request(instrument=EUR), CONTEXT, request(instrument=EUR), rated(EUR="1.25")),
    (
        Tradable(limit_rate_age_s=60),
        request(instrument=EUR),
        rated(61, EUR="1.25"),
        request(instrument=EUR),
        rated(60, EUR="1.25"),
    ),
    (Tradable(), request(instrument=CROSS), rated(EUR="1.25"), request(instrument=CROSS), BOTH),
    (
        Tradable(),
        request(instrument=replace(AAPL, sec_type="CONTFUT")),
        CONTEXT,
        request(1, instrument=LATER),
        CONTEXT,
    ),
    (OrderNotional(D(1000)), request(9, instrument=EUR), rated(EUR="1.25"), request(10), CONTEXT),
    (OrderNotional(D(4999)), request(1, instrument=ES), CONTEXT, request(49), CONTEXT),
    (
        GrossExposure(D("0.1")),
        request(3, instrument=ES),
        CONTEXT,
        request(2, instrument=ES),
        CONTEXT,
    ),
    (
        PositionWeight(D("0.1")),
        request(81, instrument=EUR),
        rated(EUR="1.25"),
        request(80, instrument=EUR),
        rated(EUR="1.25"),
    ),
    (TradingHalt(), request(), HALTED, request(), CONTEXT),
    (TradingHalt(), request(-11), replace(holding(10), **STOPPED), request(-10), EXITING),
    (
        TurnoverPerDay(D("0.1")),
        request(81, instrument=EUR),
        rated(EUR="1.25"),
        request(80, instrument=EUR),
        rated(EUR="1.25"),
    ),
    (
        CurrencyExposure(D("0.1")),
        request(8100, price="0.83", instrument=CROSS),
        BOTH,
        request(8000, price="0.83", instrument=CROSS),
        BOTH,
    ),
    (VolumeShare(), request(), trading(None), request(instrument=CROSS), trading(None)),
    (OrderQuantity(D(9)), request(10), CONTEXT, request(10, instrument=CROSS), BOTH),
    (
        Tradable(("IND",)),
        request(),
        CONTEXT,
        request(instrument=replace(AAPL, sec_type="IND")),
        CONTEXT,
    ),
    (
        TurnoverPerDay(D("0.5")),
        request(11, step=1),
        sent(turnover=49_000),
        request(10, step=1),
        sent(turnover=49_000),
    ),
    (
        TurnoverPerDay(D("0.5")),
        request(-11, step=1),
        sent(turnover=49_000),
        request(-11, step=1),
        sent(turnover=49_000, session=date(2013, 1, 11)),
    ),
    (
        ValidTerms(),
        forged(limit_price=D("99.999")),
        CONTEXT,
        forged(limit_price=D("99.99")),
        CONTEXT,
    ),
    (ValidTerms(), forged(stop_price=D("0")), CONTEXT, forged(stop_price=D("0.01")), CONTEXT),
    (ValidTerms(), forged(quantity=D("1.5")), CONTEXT, forged(quantity=D("1")), CONTEXT),
    (ValidTerms(D(100)), request(price="100.01"), CONTEXT, request(price="100"), CONTEXT),
    (ValidTerms(), request(price="Infinity"), CONTEXT, request(), CONTEXT),
    (VolumeShare(D("0.01")), request(11), trading(1000), request(10), trading(1000)),
    (VolumeShare(D("0.01")), request(-11), trading(1000), request(-10), trading(1000)),
    (VolumeShare(), request(), trading(None), request(), CONTEXT),
    (VolumeShare(), request(), trading(0), request(), CONTEXT),
]


def plugins_name(check):
    return type(check).__module__.rpartition(".")[2]


@pytest.mark.parametrize(
    ("check", "over", "over_in", "under", "under_in"),
    OVER_AND_UNDER,
    ids=[f"{plugins_name(row[0])}-{n}" for n, row in enumerate(OVER_AND_UNDER)],
)
def test_a_check_refuses_over_its_limit_and_admits_under_it(check, over, over_in, under, under_in):
    objection = check.objection(over, over_in)
    assert objection is not None
    assert objection.sentence.endswith(".")
    assert objection.check == plugins_name(check)
    assert objection.figure
    assert objection.limit
    assert check.objection(under, under_in) is None


def test_an_exit_from_a_halted_stock_leaves_with_a_warning_that_it_waits():
    gate = gate_of()
    assert isinstance(gate.review(request(-10), EXITING), Order)
    [told] = gate.warnings(request(-10), EXITING)
    assert "halted trading in AAPL" in told
    assert gate.warnings(request(-10), holding(10)) == ()


def test_a_short_of_which_nobody_told_how_many_can_be_borrowed_leaves_with_a_warning():
    gate = gate_of()
    [told] = gate.warnings(request(-1), CONTEXT)
    assert "how many shares of AAPL can be borrowed is not known" in told
    assert gate.warnings(request(-1), lending(1)) == ()
    assert gate.warnings(request(-1, instrument=FUTURE), CONTEXT) == ()
    assert gate.warnings(request(-10), holding(10)) == ()


def test_a_short_beyond_what_can_be_borrowed_is_refused_with_figure_and_limit():
    objection = ShortSelling().objection(request(-151), lending(100, 50))
    assert (objection.figure, objection.limit) == ("101", "100")
    assert "101 shares would have to be borrowed; 100 can be." in objection.sentence


def test_every_check_that_is_found_is_in_the_table_above():
    assert {plugins_name(row[0]) for row in OVER_AND_UNDER} == set(plugins.find("risk"))


def test_every_shipped_check_together_admits_a_plain_order():
    verdict = gate_of().review(request(), CONTEXT)
    assert isinstance(verdict, Order), verdict
    assert set(verdict.checks) == set(plugins.find("risk"))


EXPOSURE = [
    CapitalShare({"s": D("0.01")}),
    CurrencyExposure(D("0.01")),
    FreeMargin(limit_use=D("0.01")),
    GrossExposure(D("0.01")),
    GroupExposure(D("0.01"), GROUPS),
    NetExposure(D("0.01")),
    OpenOrders(1),
    OrdersPerDay(1),
    PositionWeight(D("0.01")),
    TurnoverPerDay(D("0.01")),
    VolumeShare(),
]


@pytest.mark.parametrize("check", EXPOSURE, ids=plugins_name)
def test_an_exit_passes_a_limit_that_the_account_is_beyond_and_a_reversal_does_not(check):
    tight = replace(
        holding(500),
        daily_volume={},
        traffic=replace(working(3).traffic, sent=sent(orders=3).traffic.sent),
    )
    one = EUR if isinstance(check, CurrencyExposure) else AAPL
    assert check.objection(request(-400, instrument=one), tight) is None
    assert check.objection(request(-1001, instrument=one), tight) is not None


def test_two_exits_for_one_position_are_one_too_many():
    assert reduces(request(-100), holding(100))
    assert not reduces(request(-101), holding(100))
    assert reduces(request(-60), holding(100, working=-40))
    assert not reduces(request(-61), holding(100, working=-40))


def test_what_is_only_about_to_be_bought_cannot_be_reduced():
    assert not reduces(request(-10), holding(0, working=100))


def test_of_a_stop_and_a_target_that_take_each_other_back_one_counts():
    exits = {
        "stop": Resting("AAPL", D(-100), oca_group="g"),
        "target": Resting("AAPL", D(-100), D(-20), oca_group="g"),
        "other": Resting("AAPL", D(-5)),
    }
    assert Traffic.of(Sent(), {}, exits).sells == {"AAPL": -105}


def test_an_exit_attached_to_an_entry_is_judged_as_if_the_entry_had_filled():
    no_shorts = ShortSelling(allow=False)
    bought = replace(CONTEXT, portfolio=CONTEXT.portfolio.after(request(100)))
    assert no_shorts.objection(request(-100, step=1, parent=request().order_ref), bought) is None
    assert no_shorts.objection(request(-101, step=1, parent=request().order_ref), bought)


def test_the_change_of_an_order_counts_once_with_its_new_quantity():
    resting = {request().order_ref: Resting("AAPL", D(-60), D(-10))}
    changing = replace(holding(90), traffic=Traffic.of(Sent(), {}, resting))
    assert changing.one_sided(request(-100)) == 0
    assert ShortSelling(allow=False).objection(request(-100), changing) is None
    assert ShortSelling(allow=False).objection(request(-101), changing) is not None


def test_a_weight_is_judged_with_what_is_held_already():
    check = PositionWeight(D("0.30"))
    assert check.objection(request(90), holding(300)) is None
    assert check.objection(request(91), holding(300)) is not None


def test_an_account_without_value_may_only_leave_positions():
    broke = replace(holding(100), portfolio=replace(holding(100).portfolio, cash=D(-20_000)))
    for check in (GrossExposure(), NetExposure(), PositionWeight(), FreeMargin()):
        assert check.objection(request(1), broke) is not None
        assert check.objection(request(-100), broke) is None


@pytest.mark.parametrize("check", [OrderQuantity(D(100)), OrderNotional(D(10_000))])
def test_nobody_is_kept_in_a_position_by_the_size_of_an_order(check):
    assert check.objection(request(-150), holding(150)) is None
    assert check.objection(request(150), holding(-150)) is None
    assert check.objection(request(-151), holding(150)) is not None
    assert check.objection(request(150), holding(150)) is not None


def test_all_objections_are_collected_not_only_the_first():
    gate = RiskGate({"halt": Halt(), "order_notional": OrderNotional(ONE)})
    verdict = gate.review(request(), context(halted="stop"))
    assert isinstance(verdict, Refusal)
    assert [o.check for o in verdict.objections] == ["halt", "order_notional"]
    assert isinstance(RiskGate({"halt": Halt()}).review(request(), CONTEXT), Order)


def test_orders_of_one_basket_are_counted_as_they_are_admitted():
    gate = RiskGate({"order_rate": OrderRate(2), "duplicate_intent": DuplicateIntent()})
    now, verdicts = CONTEXT, []
    for step, quantity in enumerate([10, 10, 20, 30]):
        verdict = gate.review(request(quantity, step=step), now)
        verdicts.append(verdict)
        if isinstance(verdict, Order):
            now = now.after(verdict.request)
    assert [isinstance(v, Order) for v in verdicts] == [True, False, True, False]


def test_a_minute_is_counted_to_the_second():
    tally = Tally()
    for hour, minute, second in ((15, 0, 0), (15, 0, 30), (15, 0, 59)):
        tally = tally.after(at(hour, minute, second).now)
    assert tally.within_minute(at(15, 0, 59).now) == 3
    assert tally.within_minute(at(15, 1, 0).now) == 2
    assert len(tally.after(at(16, 0).now).seconds) == 1


def test_the_broker_is_asked_for_margin_only_when_the_estimate_is_high():
    gate = gate_of({"free_margin": {"ask_above": 0.5}})
    held = holding(1000, cash=0).portfolio
    assert not gate.asks_margin(held)
    assert gate.asks_margin(replace(held, cash=D(-1)))
    assert not RiskGate({}).asks_margin(replace(held, cash=D(-1)))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Blackout(("midnight",)),
        lambda: Blackout(("23:00-24:30 UTC",)),
        lambda: Blackout(("23:00-23:30 Mars/Olympus",)),
        lambda: CapitalShare({"s": D(50)}),
        lambda: CapitalShare(share_of_others=D(-1)),
        lambda: ClosingCutoff(-1.0),
        lambda: CurrencyExposure(D(50)),
        lambda: DuplicateIntent(0.0),
        lambda: Expiry(-1),
        lambda: FreeMargin(margin_rate=D(50)),
        lambda: FreeMargin(limit_use=D(90)),
        lambda: FreeMargin(ask_above=D(70)),
        lambda: GrossExposure(D(200)),
        lambda: GroupExposure(D(60)),
        lambda: GrossExposure(D("nan")),
        lambda: ModifyRate(0),
        lambda: NetExposure(D(150)),
        lambda: OpenOrders(0),
        lambda: OrderNotional(D(0)),
        lambda: OrderNotional(D("inf")),
        lambda: OrderQuantity(D(-1)),
        lambda: OrderRate(0),
        lambda: OrdersPerDay(-5),
        lambda: PositionWeight(D(30)),
        lambda: PriceCollar(D(5)),
        lambda: SessionHours(-1.0),
        lambda: StalePrice(0.0),
        lambda: StalePrice(float("nan")),
        lambda: TurnoverPerDay(D(400)),
        lambda: ValidTerms(D(0)),
        lambda: VolumeShare(D(5)),
        lambda: VolumeShare(when_unknown="perhaps"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_by_name(wrong):
    words = r"limit_|windows|share|window_s|margin_rate|ask_above|when_unknown"
    with pytest.raises(BadParameter, match=words):
        wrong()


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"position_wieght": {}}, "did you mean 'position_weight'"),
        ({"position_weight": {"limit_wieght": 0.2}}, "did you mean 'limit_weight'"),
        ({"position_weight": {"limit_weight": 20}}, r"\[risk.position_weight\].*so 30 % is 0.30"),
        ({"gross_exposure": {"limit_weight": -1}}, r"limit_weight is -1"),
        ({"halt": {"enabled": "perhaps"}}, "true or false"),
        ({"group_exposure": {"groups": "tech"}}, "takes a table"),
        ({"capital_share": {"shares": {"s": "half"}}}, r"shares\.s is 'half'"),
        ({"expiry": {"first_notice": {"CLG3": 5}}}, r"first_notice\.CLG3 is 5"),
    ],
)
def test_a_wrong_table_in_the_settings_is_one_sentence_before_anything_is_connected(
    tables, sentence
):
    with pytest.raises(ConfigError, match=sentence) as caught:
        gate_of(tables)
    assert "\n" not in str(caught.value)


def test_tables_by_symbol_and_strategy_come_from_the_settings():
    gate = gate_of(
        {
            "capital_share": {"shares": {"ts_momentum": 0.5}},
            "expiry": {"first_notice": {"CLG3": date(2013, 1, 22)}},
            "group_exposure": {"groups": GROUPS},
            "restricted": {"symbols": ["AAPL"]},
            "halt": {"enabled": False},
        }
    )
    assert gate.checks["capital_share"] == CapitalShare({"ts_momentum": D("0.5")})
    assert gate.checks["expiry"] == Expiry(first_notice={"CLG3": date(2013, 1, 22)})
    assert gate.checks["group_exposure"] == GroupExposure(groups=GROUPS)
    assert gate.checks["restricted"] == Restricted(("AAPL",))
    assert "halt" not in gate.checks


def test_hydra_toml_shows_every_check_with_its_keys_and_their_defaults():
    """The lines that are commented out there are the settings as they are without them."""
    text = (ROOT / "hydra.toml").read_text(encoding="utf-8")
    section = text[text.index("\n[risk.") : text.index("\n# One table for each circuit")]
    shown = tomllib.loads(section.replace("\n# ", "\n"))["risk"]
    assert set(shown) == set(plugins.find("risk"))
    for name, check in gate_of().checks.items():
        assert set(shown[name]) - {"enabled"} == {f.name for f in fields(check)}, name
        assert gate_of({name: shown[name]}).checks[name] == check
    assert load_settings(ROOT, {}).risk.keys() == set(plugins.find("risk"))


def test_settings_without_a_table_have_every_check_on():
    assert list(gate_of(Settings().risk).checks) == list(plugins.find("risk"))
