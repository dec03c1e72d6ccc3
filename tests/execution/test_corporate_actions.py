"""After corporate actions nothing is traded that the account does not back."""

from datetime import date
from decimal import Decimal

import pytest

from hydra.domain.events import CashMoved, OrderEnded, Reconciled, SplitApplied
from hydra.execution.divergence import contradiction
from hydra.gateway.variants import VARIANTS, variant
from tests.execution.test_divergence import an_account, holding
from tests.execution.watched import request, trade

ACCRUALS = {
    answer: next(seed for seed in range(100) if variant(seed, "accrued_dividends") == answer)
    for answer in VARIANTS["accrued_dividends"].answers
}
PAY_DAY = date(2012, 10, 15)


@pytest.mark.parametrize("seed", ACCRUALS.values(), ids=ACCRUALS)
async def test_a_dividend_that_is_accrued_and_not_paid_contradicts_nothing(tmp_path, seed):
    async with holding(tmp_path, seed=seed) as one:
        one.operate(lambda by: by.dividend("AAPL", 900, PAY_DAY))
        await one.engine.reconcile()
        await one.engine.mark()
        assert not one.engine.state.contested
        assert one.engine.account.accrued == 90_000
        assert not contradiction(one.engine.account)
        assert (await trade(one, request(step=1))).orders
        assert not one.events(CashMoved)


def test_a_value_that_holds_part_of_what_is_accrued_is_of_no_one_moment():
    account = an_account(10, "100", "100", cash="9000", accrued=Decimal(4000))
    for net, is_one_moment in ((10_000, True), (14_000, True), (12_000, False)):
        told = an_account(
            10, "100", "100", cash="9000", accrued=Decimal(4000), net_liquidation=Decimal(net)
        )
        assert (not contradiction(told)) is is_one_moment
    assert not contradiction(account)


async def test_a_dividend_on_its_pay_date_is_income(tmp_path):
    async with holding(tmp_path) as one:
        one.operate(lambda by: by.dividend("AAPL", 2))
        await one.engine.reconcile()
        assert one.engine.account.cash == one.engine.state.cash
        assert not [moved for moved in one.events(CashMoved) if moved.is_transfer]
        assert (await trade(one, request(step=1))).orders


async def test_what_is_renamed_and_numbered_anew_is_contested_and_not_traded(tmp_path):
    async with holding(tmp_path) as one:
        one.operate(lambda by: by.rename("AAPL", "APPL", True))
        await one.engine.reconcile()
        assert list(one.engine.state.contested) == ["AAPL"]
        told = " ".join(one.events(Reconciled)[-1].differences)
        assert "AAPL: the account holds 0" in told
        assert "APPL" in told
        for quantity, step in ((10, 1), (-10, 2)):
            done = await trade(one, request(quantity=quantity, step=step))
            assert not done.orders
            assert "hydra adopt" in str(done.refusals[0])
        assert not one.events(SplitApplied)


async def test_orders_for_what_is_delisted_are_refused_by_the_gateway_and_end(tmp_path):
    async with holding(tmp_path) as one:
        one.operate(lambda by: by.delist("AAPL"))
        await one.engine.reconcile()
        assert not one.engine.state.contested  # it is still held
        before = len(one.wire)
        await trade(one, request(quantity=-10, step=1))
        await one.supervisor.settle(5)
        (ended,) = [e for e in one.events(OrderEnded) if e.ref.endswith(":1")]
        assert ended.outcome == "rejected"
        assert "security definition" in ended.reason
        assert len(one.wire) == before
        assert one.engine.state.quantity("AAPL", "s") == 100


async def test_what_is_bought_for_cash_is_contested_and_its_cash_no_profit_yet(tmp_path):
    async with holding(tmp_path) as one:
        one.operate(lambda by: by.delist("AAPL", 90))
        await one.engine.reconcile()
        (known,) = one.engine.state.contested.values()
        assert (known.told, known.expected, known.backed) == (0, 100, False)
        (moved,) = one.events(CashMoved)
        assert moved.is_pending
        assert moved.amounts == {"USD": 9_000}
        assert not (await trade(one, request(step=1))).orders
