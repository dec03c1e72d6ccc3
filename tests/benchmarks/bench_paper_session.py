"""A paper session through papermill against a notebook that only imports pandas and ib_async."""

import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import nbformat

from hydra.config import Data, Gateway, Notebooks, Settings
from hydra.runner.notebook import run_notebook
from hydra.runner.simulator import simulated_gateway
from hydra.runner.trade import session_parameters, trade
from tests.conftest import ROOT

ROUNDS = 5
LIMIT = 1.5


def bare_notebook(folder: Path) -> Path:
    """The floor: papermill, a kernel, and the two imports that every such notebook needs."""
    made = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    parameters = nbformat.v4.new_code_cell("strategy = 'none'")
    parameters.metadata["tags"] = ["parameters"]
    made.cells = [parameters, nbformat.v4.new_code_cell("import pandas\nimport ib_async")]
    path = folder / "bare.ipynb"
    nbformat.write(made, path)
    return path


def run() -> None:
    """Alternate the two, after one of each to warm up; print seconds and the ratio of medians."""
    floor, session = [], []
    with (
        tempfile.TemporaryDirectory() as name,
        simulated_gateway(["--start", "2013-01-14"]) as sim,
    ):
        folder = Path(name)
        bare = bare_notebook(folder)
        settings = Settings(
            gateway=replace(Gateway(), port=sim.port),
            data=Data(folder),
            notebooks=Notebooks(ROOT / "notebooks"),
        )
        parameters = session_parameters(settings, "ts_momentum", {})
        for number in range(ROUNDS + 1):
            if number:
                sim.step("next_open")
            ours = trade(settings, parameters, f"session-{number}")
            theirs = run_notebook(bare, {}, folder / f"bare-{number}", {})
            assert not ours.failed, ours.error
            if number:
                session.append(ours.seconds)
                floor.append(theirs.seconds)
    ratio = statistics.median(session) / statistics.median(floor)
    print(f"papermill + pandas + ib_async   {statistics.median(floor):6.2f} s  {floor}")
    print(f"paper session                   {statistics.median(session):6.2f} s  {session}")
    print(f"ratio                           {ratio:6.2f}    (aim: at most {LIMIT})")
