"""A Jupyter server, a simulated gateway with orders and positions, and a browser: all real."""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from hydra.config import Data, Gateway, Notebooks, Settings, load_settings
from hydra.domain.orders import OrderRequest, OrderType
from hydra.runner.simulator import Simulator, simulated_gateway
from hydra.wiring import open_engine, open_paper_session
from tests.conftest import ROOT, START

TOKEN = "t"
WAIT_MS = 60_000
VOILA = "voila/render/04_dashboard.ipynb"
LAB = "lab/tree/04_dashboard.ipynb"
SYMBOLS = ("AAPL", "IBM", "MSFT")
SCHEDULE = """
[start]
runner = true
[jobs.small]
notebook = "small.ipynb"
cron = "0 0 1 jan *"
timezone = "UTC"
[jobs.cross]
strategy = "sma_cross"
cron = "30 0 1 jan *"
timezone = "UTC"
"""
"""Jobs that run when somebody asks for them."""


@dataclass
class Place:
    """Where everything runs; `asked` are the addresses that pages asked for."""

    settings: Settings
    gateway: Simulator
    url: str
    browser: Browser
    asked: list[str] = field(default_factory=list)

    def context(self, **options: Any) -> BrowserContext:
        """A browser without any past."""
        chosen = {"viewport": {"width": 1280, "height": 800}, "timezone_id": "Europe/Berlin"}
        context = self.browser.new_context(**{**chosen, **options})
        context.set_default_timeout(WAIT_MS)
        context.on("request", lambda request: self.asked.append(request.url))
        return context

    def voila(self, context: BrowserContext, theme: str = "light") -> Page:
        """The dashboard as a page, filled."""
        page = context.new_page()
        page.goto(f"{self.url}{VOILA}?token={TOKEN}&theme={theme}")
        filled(page)
        return page

    def lab(self, context: BrowserContext) -> Page:
        """The dashboard's notebook in JupyterLab, run."""
        page = context.new_page()
        page.goto(f"{self.url}{LAB}?reset&token={TOKEN}")
        run_cell(self, page)
        return page

    @property
    def go(self) -> Path:
        """The job `small` waits until there is this file."""
        return self.settings.notebooks.dir.parent / "go"

    def runs(self, job: str) -> list[dict[str, Any]]:
        """The runs of a job, as the server has them, the oldest first."""
        return [row for row in self.api("hydra/api/runs") if row["job"] == job]

    def run_to_its_end(self, job: str) -> None:
        """Ask the server for a run of a job, and wait until it has ended well."""
        before = len(self.runs(job))
        self.api(f"hydra/api/jobs/{job}/run", "POST", {})
        self.wait_for_run(job, before + 1)

    def wait_for_run(self, job: str, number: int) -> None:
        """Wait until the job has so many runs, and the last of them has ended well."""
        until(lambda: len(rows := self.runs(job)) == number and rows[-1]["outcome"] != "running")
        assert self.runs(job)[-1]["outcome"] == "well", self.runs(job)[-1]

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """The Jupyter server's own interface."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Authorization": f"token {TOKEN}"}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@contextmanager
def open_place(folder: Path, sessions: int = 2) -> Iterator[Place]:
    """A gateway at the open of a session, `sessions` traded by two strategies, three resting
    orders of a program that is gone, JupyterLab as `hydra lab` runs it with the schedule in it, a
    run that was asked for, and a browser."""
    arguments = ["--start", START, "--speed", "0", "--seed", "7", "--fast"]
    with simulated_gateway(arguments) as gateway:
        settings = settings_in(folder, gateway)
        asyncio.run(trade(settings, gateway, sessions))
        with running_lab(settings) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
                args=["--no-sandbox"],
            )
            place = Place(settings, gateway, url, browser)
            until((settings.data.dir / "runner.json").exists)
            place.go.touch()
            place.run_to_its_end("small")
            try:
                yield place
            finally:
                browser.close()


def settings_in(folder: Path, gateway: Simulator) -> Settings:
    """A folder of one's own, with a schedule and notebooks."""
    (folder / "hydra.toml").write_text(SCHEDULE)
    notebooks = copied_notebooks(folder)
    return replace(
        load_settings(folder, {}),
        gateway=Gateway(port=gateway.port, timeout_s=20.0),
        data=Data(folder / "data"),
        notebooks=Notebooks(notebooks),
    )


def copied_notebooks(folder: Path) -> Path:
    """The notebooks, so that saving one changes none of the project's, and a small one."""
    copy = folder / "notebooks"
    shutil.copytree(ROOT / "notebooks", copy)
    small = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    small.cells = [
        nbformat.v4.new_code_cell("count = 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(
            "import time\nfrom pathlib import Path\n"
            f"while not Path({str(folder / 'go')!r}).exists():\n    time.sleep(0.05)\n"
            "print('one more is', count + 1)"
        ),
    ]
    nbformat.write(small, copy / "small.ipynb")
    return copy


async def trade(settings: Settings, gateway: Simulator, sessions: int) -> None:
    """Both strategies trade `sessions` sessions; then three orders rest."""
    for number in range(sessions):
        if number:
            gateway.step("next_open")
        for name in ("ts_momentum", "sma_cross"):
            session = await open_paper_session(name, settings=settings)
            try:
                await session.run()
            finally:
                await session.close()
    async with open_engine(settings) as engine:
        instruments = await engine.broker.qualify(SYMBOLS)
        quotes = await engine.broker.quotes(list(instruments.values()))
        wanted = []
        for symbol, one in instruments.items():
            last = quotes[symbol].last
            assert last is not None
            engine.daily_volume[symbol] = Decimal(10_000_000)
            limit = one.round_price(last * Decimal("0.95"), Decimal(1))
            day = engine.state.session
            assert day is not None
            wanted.append(
                OrderRequest(
                    "ts_momentum", day, one, Decimal(10), last, OrderType.LIMIT, limit, step=500
                )
            )
        traded = await engine.trade(wanted)
        assert len(traded.orders) == len(SYMBOLS), traded.refusals
        await engine.reconcile()


@contextmanager
def running_lab(settings: Settings) -> Iterator[str]:
    """`hydra lab` on a free port; its address, with a slash at the end."""
    port = free_port()
    environment = {
        **os.environ,
        "HYDRA_GATEWAY_PORT": str(settings.gateway.port),
        "HYDRA_DATA_DIR": str(settings.data.dir),
        "HYDRA_NOTEBOOKS_DIR": str(settings.notebooks.dir),
        "HYDRA_START_RUNNER": str(settings.start.runner).lower(),
        "JUPYTER_CONFIG_DIR": str(settings.data.dir / "jupyter"),  # no workspace of anybody's
    }
    options = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={TOKEN}"]
    said = (settings.data.dir / "lab.log").open("w")
    lab = subprocess.Popen(
        [sys.executable, "-m", "hydra.cli", "lab", *options, "--allow-root"],
        cwd=settings.toml.parent if settings.toml else None,
        env=environment,
        stdout=said,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        until(lambda: listens(port) and lab.poll() is None, 90)
        yield f"http://127.0.0.1:{port}/"
    finally:
        lab.send_signal(signal.SIGTERM)
        lab.wait(60)
        said.close()


def run_first_cell(place: Place, page: Page, notebook: str) -> None:
    """Run a notebook's first code cell, once its kernel is there: the page says that it is idle
    before it has one."""
    cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    cell.wait_for()
    until(lambda: "idle" in kernels_of(place, notebook).values())
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    page.locator("#jp-main-statusbar", has_text="| Idle").wait_for()  # it has reached its kernel
    cell.click()
    page.keyboard.press("Shift+Enter")


def kernels_of(place: Place, notebook: str) -> dict[str, str]:
    """What the kernels of a notebook are about, by their ids."""
    kernels = [s["kernel"] for s in place.api("api/sessions") if s["path"] == notebook]
    return {kernel["id"]: kernel["execution_state"] for kernel in kernels}


def run_cell(place: Place, page: Page) -> None:
    """Run the dashboard's cell and wait for the board."""
    run_first_cell(place, page, "04_dashboard.ipynb")
    filled(page)


def filled(page: Page) -> None:
    """Wait until the board has drawn its last panel."""
    page.locator(".hydra-board [data-panel=log] tbody tr").first.wait_for()


def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Poll other processes until the condition holds; fails when the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        select.select([], [], [], 0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
