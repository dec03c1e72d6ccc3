"""What the published test suites of ib_async and ib_insync ask of a gateway, asked of ours.

Of their tests only `test_requests.py` needs a gateway: a what-if of a stock and of a currency
pair, one of a contract without an exchange, and the account summary.
"""

from __future__ import annotations

import asyncio

import pytest
from ib_async import IB, AccountValue, Contract, Forex, MarketOrder, Stock


@pytest.mark.parametrize("contract", [Stock("MMM", "SMART", "USD"), Forex("EURUSD")])
async def test_a_what_if_tells_a_commission(client: IB, contract: Contract):
    state = await client.whatIfOrderAsync(contract, MarketOrder("BUY", 100))
    assert state.commission > 0


async def test_a_what_if_without_an_exchange_is_answered_by_321(client: IB):
    """ib_insync raises it; ib_async 2.1.0 takes 321 for a warning and waits, so we listen."""
    codes: asyncio.Queue[int] = asyncio.Queue()
    client.errorEvent += lambda _id, code, _text, _contract: codes.put_nowait(code)
    waiting = asyncio.ensure_future(client.whatIfOrderAsync(Stock("XXX"), MarketOrder("BUY", 100)))
    assert await asyncio.wait_for(codes.get(), 5) == 321
    waiting.cancel()


async def test_the_account_summary_is_a_list_of_account_values(client: IB):
    summary = await client.accountSummaryAsync()
    assert summary
    assert all(isinstance(value, AccountValue) for value in summary)
