"""Every notebook runs from top to bottom against the simulated gateway, and none holds outputs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hydra.runner.notebook import template_parameters
from tests.conftest import ROOT

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


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_or_counts_are_kept_in_the_repository(notebook: Path):
    cells = json.loads(notebook.read_text())["cells"]
    assert not [c for c in cells if c.get("outputs") or c.get("execution_count")]


@pytest.mark.parametrize("name", ["01_research", "03_paper_session"])
def test_a_template_takes_parameters(name):
    assert "strategy" in template_parameters(ROOT / "notebooks" / f"{name}.ipynb")
