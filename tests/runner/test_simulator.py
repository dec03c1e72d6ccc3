"""The embedded gateway lives as long as what started it, and says why when it cannot start."""

import signal
import subprocess
import sys

import pytest

from hydra.errors import GatewayUnreachable
from hydra.runner.simulator import simulated_gateway
from tests.runner.test_lab import answers, wait_until

STARTS = """
from hydra.runner.simulator import simulated_gateway
with simulated_gateway() as gateway:
    print(gateway.port, flush=True)
    input()
"""


def test_a_gateway_ends_with_the_program_that_started_it_even_when_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", STARTS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        port = int(parent.stdout.readline())
        assert answers(port)
        parent.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not answers(port), 10)


def test_a_gateway_that_cannot_start_says_why():
    with (
        pytest.raises(GatewayUnreachable, match="2012-10-06 is no session"),
        simulated_gateway(["--start", "2012-10-06"]),
    ):
        pass


def test_a_step_to_nowhere_is_refused_with_the_gateways_own_sentence(gateway):
    with pytest.raises(GatewayUnreachable, match="refused"):
        gateway.step("sideways")
