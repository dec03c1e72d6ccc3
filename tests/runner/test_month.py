"""A simulated month: 21 sessions with a holiday, a half day and a clock change, the gateway
restarted each night and gone over the weekends, and the server killed twice."""

import asyncio
import os
import signal
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import hydra
from hydra.clock import Sessions
from hydra.domain.events import (
    Decided,
    FillRecorded,
    OrderAdmitted,
    RunEnded,
    RunMissed,
    RunStarted,
)
from hydra.runner.beat import write_beat
from hydra.runner.conduct import append
from hydra.runner.simulator import simulated_gateway
from tests.runner.conftest import wait_until

FIRST, LAST = datetime(2012, 11, 1, tzinfo=UTC), datetime(2012, 12, 1, tzinfo=UTC)
NYSE = Sessions("XNYS")
KILLED_IN_MID_RUN = datetime(2012, 11, 13, tzinfo=UTC).date()
DOWN_OVER = datetime(2012, 11, 20, tzinfo=UTC).date()
"""The day on which the server is down for the whole session."""


class Forked:
    """A process of its own that does some work and ends; what a runner needs of a Popen."""

    def __init__(self, work):
        self.code = None
        self.pid = os.fork()
        if not self.pid:
            code = 1
            try:
                os.setsid()
                work()
                code = 0
            finally:
                os._exit(code)

    def poll(self, options=os.WNOHANG):
        if self.code is None:
            pid, status = os.waitpid(self.pid, options)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def wait(self, timeout=None):
        return self.poll(0)

    def kill(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def paper_session(settings, order, lease):
    """A run's process without its kernel: it inherits the lease, trades, and ends its run itself.

    papermill and the kernel, which take some seconds a session, are what is left out.
    """

    async def cycle():
        session = await hydra.open_paper_session(order.strategy, settings=settings)
        try:
            await session.run()
        finally:
            await session.close()

    def work():
        asyncio.run(cycle())
        append(settings, RunEnded(order.run, "well", "", 1.0), timedelta(seconds=order.ahead_s))

    return Forked(work)


class Month:
    """The month's world: its gateway, its server and its clock, all driven from here."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.state = str(workspace.folder / "books.json")
        self.gateway_context = self.gateway = self.runner = None
        job = workspace.job("03_paper_session.ipynb", strategy="ts_momentum", retries=2)
        self.jobs = {"small": replace(job, late="session", retry_after_s=60)}

    def start_gateway(self, at):
        self.gateway_context = simulated_gateway(
            ["--start", "2012-10-31", "--state", self.state, "--speed", "0"]
        )
        self.gateway = self.gateway_context.__enter__()
        port = self.gateway.port
        settings = self.workspace.settings
        self.workspace.settings = replace(
            settings, gateway=replace(settings.gateway, port=port, timeout_s=20.0)
        )
        self.gateway.step(at.isoformat())

    def stop_gateway(self):
        self.gateway_context.__exit__(None, None, None)

    def start_server(self):
        self.runner = self.workspace.runner(*self.jobs.values(), spawn=paper_session)
        self.runner.tick()

    def kill_server(self):
        """The server and all that runs with it, as when its container is killed."""
        for child in self.runner.children.values():
            child.process.kill()
            child.process.wait()
        self.runner.journal.close()
        self.runner = None

    def beat(self):
        write_beat(self.workspace.settings, FIRST, self.runner.next_dues)

    def step(self, at):
        """Time passes for gateway and server."""
        self.gateway.step(at.isoformat())
        self.workspace.clock.at = at
        if self.runner:
            self.runner.settings = self.workspace.settings
            self.runner.tick()
            self.beat()

    def finish_run(self):
        """Until nothing runs, and what failed was tried again."""
        wait_until(lambda: self.runner.tick() or not self.runner.children)

    def session(self, day):
        """One session from before its open to after its close."""
        opens, closes = NYSE.opens(day), NYSE.closes(day)
        self.start_gateway(opens - timedelta(minutes=30))
        if day == DOWN_OVER:
            self.kill_server()
        if self.runner is None and day != DOWN_OVER:
            self.start_server()
        self.step(opens + timedelta(minutes=5))
        if day == KILLED_IN_MID_RUN:
            self.kill_in_mid_run()
        if self.runner:
            self.finish_run()
        self.step(closes + timedelta(minutes=10))
        self.stop_gateway()  # the nightly restart, or the weekend's log-off

    def kill_in_mid_run(self):
        """Once the run has sent its first order."""
        wait_until(lambda: self.workspace.events(OrderAdmitted)[-1].order.request.session
                   == KILLED_IN_MID_RUN)  # fmt: skip
        self.kill_server()
        self.start_server()
        self.workspace.clock.move(minutes=5)
        self.gateway.step(self.workspace.clock.at.isoformat())
        self.runner.tick()


@pytest.mark.slow
def test_every_session_of_a_month_has_one_run_or_one_miss_and_every_order_belongs_to_one(
    workspace,
):
    workspace.notebook("strategy = ''", name="03_paper_session.ipynb")
    workspace.clock.at = FIRST
    month = Month(workspace)
    month.start_server()
    month.beat()
    days = [FIRST.date() + timedelta(days=n) for n in range(30)]
    sessions = [day for day in days if NYSE.is_session(day)]
    assert len(sessions) == 21
    for day in sessions:
        month.session(day)
    began = [e for e in workspace.events(RunStarted) if e.trigger in ("schedule", "late")]
    missed = workspace.events(RunMissed)
    settled = Counter(e.session for e in (*began, *missed))
    assert settled == Counter(sessions)
    assert [(e.session, e.reason) for e in missed] == [(DOWN_OVER, "No runner was running.")]
    rows = workspace.rows()
    well = {row["session"] for row in rows if row["outcome"] == "well"}
    assert well == set(sessions) - {DOWN_OVER}
    assert [r["outcome"] for r in rows if r["session"] == KILLED_IN_MID_RUN] == ["died", "well"]
    hours = {NYSE.opens(e.session).hour for e in began}
    assert hours == {13, 14}  # the clocks were changed within the month

    orders = [e.order for e in workspace.events(OrderAdmitted)]
    assert len({order.order_ref for order in orders}) == len(orders) > 21
    assert {order.request.session for order in orders} <= well
    decided = Counter(e.session for e in workspace.events(Decided))
    assert decided == Counter(well)
    with simulated_gateway(["--state", month.state]) as gateway:
        books = gateway.state()
    fills = {e.fill.exec_id for e in workspace.events(FillRecorded)}
    assert fills == {execution["exec_id"] for execution in books["executions"]}
    assert {execution["order_ref"] for execution in books["executions"]} <= {
        order.order_ref for order in orders
    }
