"""A gateway with --state that is killed outright has lost nothing that a client was told."""

import os
import signal
from dataclasses import replace

import hydra
from hydra.runner.simulator import simulated_gateway
from tests.conftest import START
from tests.processes import listening_on
from tests.test_paper_session import books


async def test_a_killed_gateway_resumes_with_every_execution_that_it_had_told(settings, tmp_path):
    state = str(tmp_path / "books.json")
    with simulated_gateway(["--start", START, "--state", state]) as gateway:
        connected = replace(settings, gateway=replace(settings.gateway, port=gateway.port))
        session = await hydra.open_paper_session("ts_momentum", settings=connected)
        await session.run()
        await session.close()
        before = gateway.state()
        os.kill(listening_on(gateway.port), signal.SIGKILL)
    with simulated_gateway(["--state", state]) as resumed:
        after = resumed.state()
        assert before["executions"]
        assert after["executions"] == before["executions"]
        assert (after["cash"], after["positions"]) == (before["cash"], before["positions"])
        assert books(resumed)
