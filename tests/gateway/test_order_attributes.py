"""No field of placeOrder is ignored: each is simulated, told back, or refused by its code."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hydra.gateway.__main__ import main
from hydra.gateway.attributes import ATTRIBUTES, Effect, refused_attribute
from hydra.gateway.codec import FLAG, OPTIONAL_FLAG
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.layout import Inline, Many, Present, Row, Scalar, rows
from hydra.gateway.order_types import NOT_SIMULATED, TIMES_NOT_SIMULATED
from hydra.gateway.orders import OpenOrder, PlaceOrder
from hydra.gateway.responses import Error
from hydra.gateway.values import Contract
from hydra.gateway.working_order import ORDER_TYPES, TIMES_IN_FORCE
from tests.gateway.flow import APPLE, echo, errors, fills, order, statuses


def leaves(cls: type, prefix: str = "") -> Iterator[tuple[str, Row]]:
    """Every field of placeOrder by its path, groups unfolded, as the codec lays them out."""
    for row in rows(cls):
        if isinstance(row.shape, Inline):
            yield from leaves(row.shape.group, f"{prefix}{row.name}.")
        else:
            yield f"{prefix}{row.name}", row


LEAVES = dict(leaves(PlaceOrder))


def classified(path: str) -> str:
    """The line of the table that holds for a path: its own, or its group's."""
    return path if path in ATTRIBUTES else path.rpartition(".")[0]


def of(effect: Effect) -> list[str]:
    return [path for path in LEAVES if ATTRIBUTES[classified(path)].effect is effect]


def sample(path: str) -> object:
    """A value of the field's kind that is no default."""
    shape = LEAVES[path].shape
    if isinstance(shape, Many | Present):
        return (object(),)
    assert isinstance(shape, Scalar)
    if shape.kind in {FLAG, OPTIONAL_FLAG}:
        return True
    example = shape.kind.decode("7")
    return 7 if isinstance(example, int) else example


def changed(terms: PlaceOrder, path: str, value: object) -> PlaceOrder:
    group, _, name = path.rpartition(".")
    if not group:
        return replace(terms, **{name: value})
    return replace(terms, **{group: replace(getattr(terms, group), **{name: value})})


def test_every_field_of_place_order_is_in_the_table():
    assert sorted(path for path in LEAVES if classified(path) not in ATTRIBUTES) == []
    assert sorted(set(ATTRIBUTES) - {classified(path) for path in LEAVES}) == []
    assert {field.name for field in fields(PlaceOrder)} == {p.partition(".")[0] for p in LEAVES}


@pytest.mark.parametrize("path", of(Effect.REFUSED))
def test_a_field_that_is_not_simulated_is_refused_by_its_code(started, path):
    placed = changed(order(1, "LMT", lmtPrice="80.00"), path, sample(path))
    told = started.handle(1, placed)
    wanted = ATTRIBUTES[classified(path)].refusal
    assert [(r.code, r.text) for _, r in told if isinstance(r, Error)] == [wanted]
    assert not started.orders.open_list


@pytest.mark.parametrize("path", of(Effect.REFUSED))
def test_it_is_refused_in_a_change_too_and_the_order_stays_as_it_was(started, path):
    started.handle(1, order(1, "LMT", lmtPrice="80.00"))
    terms = order(1, "LMT", lmtPrice="81.00")
    told = started.handle(1, changed(terms, path, sample(path)))
    assert [code for _, code in errors(told)] == [ATTRIBUTES[classified(path)].code]
    assert started.orders.open_list[0].limit == Decimal("80.00")


@pytest.mark.parametrize("path", of(Effect.RECORD))
def test_a_record_changes_nothing_and_is_told_back_where_open_order_has_it(started, path):
    value = sample(path)
    told = started.handle(1, changed(order(1, "LMT", lmtPrice="80.00"), path, value))
    assert (errors(told), statuses(told, 1)) == ([], ["PreSubmitted", "Submitted"])
    has_field = path in {field.name for field in fields(OpenOrder)}
    assert has_field != ("openOrder has no such field" in ATTRIBUTES[path].note)
    if has_field:
        assert getattr(echo(told, 1), path) == value


@pytest.mark.parametrize("path", of(Effect.SIMULATED))
def test_a_simulated_field_names_a_test_that_there_is(path):
    file, _, name = ATTRIBUTES[classified(path)].test.partition("::")
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    assert callable(getattr(module, name))


def test_an_order_of_defaults_is_not_refused():
    terms = order(1)
    assert refused_attribute(terms) is None
    spelt = replace(terms, exemptCode=0, deltaNeutralOrderType="None", volatility=Decimal(0))
    assert refused_attribute(spelt) is None
    assert all(is_dataclass(one) for one in (terms, APPLE))


# --- what the table says is simulated ------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"conId": 1},
        {"symbol": "NOSUCH"},
        {"secType": "FUT"},
        {"lastTradeDateOrContractMonth": "201212"},
        {"multiplier": "50"},
        {"exchange": "CME"},
        {"primaryExchange": "NYSE"},
        {"currency": "EUR"},
        {"localSymbol": "MSFT"},
        {"tradingClass": "XYZ"},
    ],
)
def test_an_order_is_for_what_its_contract_names_and_for_nothing_else(started, wrong):
    assert errors(started.handle(1, order(1, contract=replace(APPLE, **wrong)))) == [(1, 200)]
    other = {"secIdType": "ISIN", "secId": "US5949181045"}  # Microsoft's
    assert errors(started.handle(1, order(2, **other))) == [(2, 200)]
    own = {"secIdType": "ISIN", "secId": "US0378331005"}
    assert statuses(started.handle(1, order(3, **own)), 3)[-1] == "Filled"


def test_each_order_type_is_simulated_or_refused_by_its_code(started):
    assert not ORDER_TYPES & NOT_SIMULATED
    for number, kind in enumerate(sorted(NOT_SIMULATED), 1):
        code = 369 if kind == "VOL" else 387
        assert errors(started.handle(1, order(number, kind, lmtPrice="80.00"))) == [(number, code)]
    told = started.handle(1, order(99, "FEELINGS", lmtPrice="80.00"))
    (text,) = (r.text for _, r in told if isinstance(r, Error))
    assert text == "Error validating request.-'bF' : cause - Invalid order type was entered"
    assert not started.orders.open_list


def test_each_time_in_force_is_simulated_or_refused_by_its_code(started):
    assert not TIMES_IN_FORCE & TIMES_NOT_SIMULATED
    for number, tif in enumerate(sorted(TIMES_NOT_SIMULATED), 1):
        told = started.handle(1, order(number, "LMT", tif=tif, lmtPrice="80.00"))
        assert errors(told) == [(number, 111)]
    assert errors(started.handle(1, order(99, tif="SOON"))) == [(99, 10052)]
    late = {"goodTillDate": "20121002 11:00:00 US/Eastern"}
    assert errors(started.handle(1, order(98, **late))) == [(98, 334)]


def test_an_order_trades_for_the_account_that_it_names():
    exchange = shipped_exchange(ExchangeSettings(account="DU1,DU2"))
    exchange.connect(1, 178)
    exchange.handle(1, order(1, account="DU2"))
    (apple,) = exchange.venue.find(APPLE)
    held = {code: a.held(apple.conId).quantity for code, a in exchange.venue.accounts.items()}
    assert held == {"DU1": 0, "DU2": 100}


def test_a_what_if_is_answered_and_is_no_order(started):
    told = started.handle(1, order(1, whatIf=True))
    assert echo(told, 1).initMarginChange not in {"", "0"}
    assert not started.orders.open_list
    assert not started.orders.executions


@pytest.mark.parametrize(("method", "is_met"), [(0, False), (2, False), (4, True), (8, False)])
def test_a_stop_is_triggered_by_the_prices_that_its_method_names(started, method, is_met):
    (apple,) = started.venue.find(APPLE)
    quote = started.venue.market.quote(apple, started.venue.seconds)
    assert quote.last < quote.ask
    terms = {"auxPrice": str(quote.ask), "triggerMethod": method}
    told = started.handle(1, order(1, "STP", "BUY", **terms))
    assert (statuses(told, 1)[-1] == "Filled") == is_met
    told = started.handle(1, order(2, "STP", "BUY", auxPrice="99.00", triggerMethod=5))
    assert errors(told) == [(2, 146)]


def test_sweep_to_fill_takes_level_after_level(started):
    started.handle(1, order(1, "LMT", size=5000, lmtPrice="86.75", sweepToFill=True))
    assert len({price for _, price in fills(started, 1)}) > 2


def test_the_percentage_preset_can_be_overridden():
    exchange = shipped_exchange(ExchangeSettings(real=frozenset({"order_presets"})))
    exchange.connect(1, 178)
    far = {"lmtPrice": "95.00", "size": 10}
    assert errors(exchange.handle(1, order(1, "LMT", **far))) == [(1, 109)]
    told = exchange.handle(1, order(2, "LMT", overridePercentageConstraints=True, **far))
    assert statuses(told, 2)[-1] == "Filled"


def test_a_halted_stock_takes_no_order_and_one_that_works_goes_on_after_the_halt(started):
    started.handle(1, order(1, "LMT", lmtPrice="86.60"))
    started.halt(APPLE, started.venue.now + timedelta(minutes=30))
    told = started.handle(1, order(2))
    assert [(r.code, r.text) for _, r in told if isinstance(r, Error)] == [
        (154, "Orders cannot be transmitted for a halted security.")
    ]
    started.advance(started.venue.now + timedelta(minutes=29))
    assert not started.orders.executions
    started.command("close")
    assert fills(started, 1)
    other = Contract(symbol="MSFT", secType="STK", exchange="SMART", currency="USD")
    assert (
        errors(started.handle(1, order(3, "LMT", contract=other, lmtPrice="20.00")))[0][1] == 399
    )


def test_a_person_is_shown_every_field_within_80_columns(capsys):
    assert main(["--attributes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    shown = {line.split(":")[0].strip() for line in lines}
    assert set(ATTRIBUTES) <= shown
    assert sum(int(line.split()[1]) for line in lines if "fields of" in line) == len(ATTRIBUTES)
