"""A run of the schedule, as a process of its own, against plain papermill on the same notebook."""

import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from hydra.config import Data, Notebooks, Settings
from hydra.journal.journal import Journal
from hydra.journal.run_rows import RUN_KINDS, run_rows
from hydra.runner.jobs import Job
from hydra.runner.runner import Runner, Start
from tests.benchmarks.bench_paper_session import bare_notebook

ROUNDS = 5


def by_papermill(notebook: Path, folder: Path) -> float:
    """Seconds of `papermill NOTEBOOK OUT` on the command line."""
    began = time.monotonic()
    out = folder / f"{began}.ipynb"
    command = [sys.executable, "-m", "papermill", str(notebook), str(out), "--no-progress-bar"]
    subprocess.run([*command, "-k", "python3"], check=True, capture_output=True)
    return time.monotonic() - began


def by_runner(runner: Runner, job: Job, number: int) -> float:
    """Seconds from the runner's decision until the process has ended and is seen to have ended."""
    began = time.monotonic()
    runner._begin(Start(f"run-{number}", job, "request", None))
    [child] = runner.children.values()
    child.process.wait()
    runner.tick()
    return time.monotonic() - began


def run() -> None:
    """Alternate the two, after one of each to warm up; print seconds and the ratio of medians."""
    plain, ours = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        notebook = bare_notebook(folder)
        settings = Settings(data=Data(folder / "data"), notebooks=Notebooks(folder))
        job = Job("bare", notebook.name, cron="0 0 1 jan *", timezone="UTC", calendar="XNYS")
        runner = Runner(settings, {"bare": job})
        for number in range(ROUNDS + 1):
            one, other = by_runner(runner, job, number), by_papermill(notebook, folder)
            if number:
                ours.append(round(one, 2))
                plain.append(round(other, 2))
        with Journal.read_only(settings.journal_path) as journal:
            outcomes = {row["outcome"] for row in run_rows(journal.read(kinds=RUN_KINDS))}
        assert outcomes == {"well"}, outcomes
    ratio = statistics.median(ours) / statistics.median(plain)
    print(f"papermill alone                 {statistics.median(plain):6.2f} s  {plain}")
    print(f"a run, with page and journal    {statistics.median(ours):6.2f} s  {ours}")
    print(f"ratio                           {ratio:6.2f}    at {datetime.now(UTC):%Y-%m-%d}")
