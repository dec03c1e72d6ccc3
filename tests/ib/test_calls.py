"""A call to the gateway ends in time, by one of our errors, and when it is cancelled."""

import asyncio

import pytest
from ib_async.wrapper import RequestError

from hydra.errors import BrokerError, GatewayUnreachable, UnknownInstrument
from hydra.ib.calls import bounded


async def failing(problem):
    raise problem


async def test_silence_is_a_gateway_that_is_not_to_be_reached():
    with pytest.raises(GatewayUnreachable, match=r"within 0.01 s \(asked for: the time\)"):
        await bounded(asyncio.Event().wait(), 0.01, "the time")


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (RequestError(4, 200, "No security definition"), UnknownInstrument),
        (RequestError(4, 321, "read-only"), BrokerError),
        (ConnectionResetError(), GatewayUnreachable),
    ],
)
async def test_a_failure_is_one_of_our_errors_and_says_what_was_asked(problem, kind):
    with pytest.raises(kind, match="the books"):
        await bounded(failing(problem), 5.0, "the books")


async def test_a_cancellation_that_comes_together_with_the_answer_is_not_swallowed():
    answer = asyncio.get_running_loop().create_future()
    call = asyncio.ensure_future(bounded(answer, 5.0, "the books"))
    await asyncio.sleep(0)
    answer.set_result("the answer")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
