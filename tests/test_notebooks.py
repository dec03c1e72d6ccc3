"""Every notebook runs from top to bottom against the simulated gateway, and none holds outputs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hydra.execution.cost_file import cost_model
from hydra.journal.journal import Journal
from hydra.runner.notebook import run_notebook, template_parameters
from tests.conftest import ROOT
from tests.research.test_post_trade import NOW, events

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.notebook
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(notebook: Path, gateway, tmp_path):
    environment = {
        **os.environ,
        "HYDRA_GATEWAY_PORT": str(gateway.port),
        "HYDRA_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider", notebook],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.notebook
def test_what_was_traded_teaches_the_cost_model_of_the_next_backtest(settings, tmp_path):
    with Journal.open(settings.journal_path) as journal:
        for event in events(24):
            journal.append(event, NOW)
    data = {"HYDRA_DATA_DIR": str(settings.data.dir)}
    run = run_notebook(ROOT / "notebooks/05_post_trade.ipynb", {}, tmp_path / "run", data)
    assert run.error == ""
    assert "24 fills of AAPL, IBM; 24 have a market at arrival" in (
        run.folder / "notebook.html"
    ).read_text(encoding="utf-8")
    assert str(cost_model(settings.costs_path)) == "calibrated 2013-01-14, 24 fills"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_or_counts_are_kept_in_the_repository(notebook: Path):
    cells = json.loads(notebook.read_text())["cells"]
    assert not [c for c in cells if c.get("outputs") or c.get("execution_count")]


@pytest.mark.parametrize("name", ["01_research", "03_paper_session"])
def test_a_template_takes_parameters(name):
    assert "strategy" in template_parameters(ROOT / "notebooks" / f"{name}.ipynb")
