"""What a paper session imports: all it needs, and nothing that takes seconds for nothing."""

import subprocess
import sys

import pytest

PAPER = "import hydra.wiring, hydra.brokers.ib, hydra.data.gateway, hydra.execution.report"


def imported(code: str) -> set[str]:
    """Top-level modules that are loaded after the code has run in a fresh interpreter."""
    listing = f"{code}\nimport sys\nprint(' '.join({{m.partition('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_paper_path_waits_for_neither_vectorbt_nor_plotting():
    heavy = {"vectorbt", "numba", "matplotlib", "plotly", "scipy", "papermill", "jupyterlab"}
    assert not imported(PAPER) & heavy


def test_the_simulated_gateway_starts_without_pandas():
    assert not imported("import hydra.gateway.__main__") & {"pandas", "vectorbt", "ib_async"}


@pytest.mark.parametrize("code", ["import hydra", "import hydra.cli"])
def test_the_package_and_the_command_line_start_without_pandas(code):
    assert "pandas" not in imported(code)


def test_every_name_that_the_package_offers_is_there():
    import hydra

    assert set(hydra.NAMES) <= set(dir(hydra))
    for name in set(hydra.NAMES) - {"backtest"}:
        assert getattr(hydra, name)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = hydra.no_such_name
