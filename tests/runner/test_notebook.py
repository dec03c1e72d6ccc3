"""A run takes only the notebook's own parameters, typed, and always leaves a record."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from hydra.errors import BadParameter, ConfigError, RunFailed, UnknownName
from hydra.runner.notebook import run_notebook, template_parameters, typed_parameters


@pytest.fixture
def notebook(tmp_path: Path):
    def write(*cells: str) -> Path:
        made = nbformat.v4.new_notebook()
        made.cells = [nbformat.v4.new_code_cell(source) for source in cells]
        made.cells[0].metadata["tags"] = ["parameters"]
        path = tmp_path / "template.ipynb"
        nbformat.write(made, path)
        return path

    return write


CELL = 'name = "a"\ncount = 3\nshare = 0.5\nnames = []\ntable = {}\non = False'


def test_parameters_are_read_without_running_the_notebook(notebook):
    assert template_parameters(notebook(CELL)) == {
        "name": "a",
        "count": 3,
        "share": 0.5,
        "names": [],
        "table": {},
        "on": False,
    }


def test_code_in_the_parameters_cell_is_refused_by_its_line(notebook):
    with pytest.raises(ConfigError, match="line 2 is none"):
        template_parameters(notebook("a = 1\nb = open('x')"))


def test_texts_become_the_types_of_the_defaults(notebook):
    given = {"count": "7", "share": "1", "names": "AAPL, IBM", "table": '{"a": 1}', "on": "yes"}
    assert typed_parameters(notebook(CELL), given) == {
        "count": 7,
        "share": 1.0,
        "names": ["AAPL", "IBM"],
        "table": {"a": 1},
        "on": True,
    }


@pytest.mark.parametrize(
    "given", [{"count": "x"}, {"count": 1.5}, {"names": 3}, {"table": "x"}, {"on": "perhaps"}]
)
def test_an_ill_typed_parameter_stops_before_the_kernel(notebook, tmp_path, given):
    with pytest.raises(BadParameter, match=next(iter(given))):
        run_notebook(notebook(CELL), given, tmp_path / "run", {})
    assert not (tmp_path / "run").exists()


def test_an_unknown_parameter_stops_before_the_kernel(notebook, tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'count'"):
        run_notebook(notebook(CELL), {"cout": 1}, tmp_path / "run", {})
    assert not (tmp_path / "run").exists()


def test_a_run_leaves_the_executed_notebook_its_html_and_its_record(notebook, tmp_path):
    path = notebook("count = 1", "import os\nprint(count + 1, os.environ['SAID'])")
    run = run_notebook(path, {"count": 41}, tmp_path / "run", {"SAID": "hello"})
    assert not run.failed
    page = (run.folder / "notebook.html").read_text()
    assert "42 hello" in page
    assert not re.findall(r"""(?:src|href|from|import)[=( ]*["']https?://[^"']*""", page)
    record = json.loads((run.folder / "run.json").read_text())
    assert record["parameters"] == {"count": 41}
    assert record["error"] == ""


def test_a_run_that_fails_leaves_what_it_had_done_and_says_why(notebook, tmp_path):
    path = notebook("count = 1", "print('before')", "raise ValueError('no such luck')")
    run = run_notebook(path, {}, tmp_path / "run", {})
    assert run.error == "ValueError: no such luck"
    assert "before" in (run.folder / "notebook.html").read_text()
    assert json.loads((run.folder / "run.json").read_text())["error"] == run.error


def test_a_run_never_writes_into_another_runs_folder(notebook, tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(RunFailed, match="cannot be made"):
        run_notebook(notebook(CELL), {}, tmp_path / "run", {})
