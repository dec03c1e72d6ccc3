"""A simulated month of papermill runs in processes of their own: 21 sessions with a holiday, a
half day and a clock change, the gateway restarted each night and gone over the weekends, and the
server killed twice."""

import json
import os
import re
import shutil
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hydra.clock import Sessions
from hydra.domain.events import (
    Decided,
    FillRecorded,
    OrderAdmitted,
    RunMissed,
    RunStarted,
)
from hydra.runner.beat import write_beat
from hydra.runner.simulator import simulated_gateway
from hydra.runner.trade import TEMPLATE
from tests.conftest import ROOT
from tests.runner.conftest import wait_until

FIRST, LAST = datetime(2012, 11, 1, tzinfo=UTC), datetime(2012, 12, 1, tzinfo=UTC)
NYSE = Sessions("XNYS")
KILLED_IN_MID_RUN = datetime(2012, 11, 13, tzinfo=UTC).date()
DOWN_OVER = datetime(2012, 11, 20, tzinfo=UTC).date()
"""The day on which the server is down for the whole session."""


def end_with_its_children(process):
    """A process and all that it has started are killed at once, as when their container is."""
    family = [process.pid, *descendants(process.pid)]
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def descendants(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [found for child in map(int, children) for found in (child, *descendants(child))]


class Month:
    """The month's world: its gateway, its server and its clock, all driven from here."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.state = str(workspace.folder / "books.json")
        self.gateway_context = self.gateway = self.runner = None
        job = workspace.job(TEMPLATE, strategy="ts_momentum", retries=2)
        self.jobs = {"small": replace(job, late="session", retry_after_s=60)}

    def start_gateway(self, at):
        self.gateway_context = simulated_gateway(
            ["--start", "2012-10-31", "--state", self.state, "--speed", "0", "--fast"]
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
        self.runner = self.workspace.runner(*self.jobs.values())
        self.runner.tick()

    def kill_server(self):
        """The server and all that runs with it, as when its container is killed."""
        for child in self.runner.children.values():
            end_with_its_children(child.process)
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


def executed(folder):
    """The session that a run's executed notebook shows, whose page is beside it."""
    assert (folder / "notebook.html").is_file()
    notebook = json.loads((folder / "notebook.ipynb").read_text())
    assert notebook["metadata"]["papermill"]["exception"] is None
    (opened,) = [c for c in notebook["cells"] if "open_paper_session" in "".join(c["source"])]
    shown = "".join(opened["outputs"][0]["data"]["text/plain"])
    year, month, day = re.search(r"datetime\.date\((\d+), (\d+), (\d+)\)", shown).groups()
    return f"{int(year):04}-{int(month):02}-{int(day):02}"


@pytest.mark.slow
def test_every_session_of_a_month_has_one_run_or_one_miss_and_every_order_belongs_to_one(
    workspace,
):
    shutil.copy(ROOT / "notebooks" / TEMPLATE, workspace.folder / "notebooks")
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
    for row in rows:
        if row["outcome"] == "well":
            assert executed(workspace.folder_of(row)) == row["session"].isoformat()
    hours = {NYSE.opens(e.session).hour for e in began}
    assert hours == {13, 14}  # the clocks were changed within the month
    every_order_belongs_to_a_run(workspace, month, well)


def every_order_belongs_to_a_run(workspace, month, well):
    """In the journal and in the gateway's books, which have the same fills."""
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
