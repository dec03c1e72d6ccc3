"""Whatever becomes of a run's process, kernel, disk or server: it ends, and the journal says how.

Every run here is a real process with a real kernel.
"""

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hydra.domain.events import RunEnded, RunStarted, Warned
from hydra.errors import RunFailed
from hydra.runner.lease import holder
from hydra.runner.trade import lease_path, take_lease
from tests.runner.conftest import wait_until

pytestmark = pytest.mark.slow

SECRET = 'correct-horse-"battery"-staple<&>'
MARK = "print('began', flush=True)"


def outputs(folder) -> str:
    """All that a run's notebook shows."""
    return (folder / "notebook.ipynb").read_text()


def until_cell(workspace, runner, text="the cell runs"):
    """Wait until the cell has left its mark; returns the one run that goes on."""
    (child,) = runner.children.values()
    wait_until(lambda: (workspace.folder / "mark").exists())
    return child


def is_alive(pid) -> bool:
    """Whether a process runs; one that waits to be collected does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


MARKED = "from pathlib import Path\nPath({!r}).touch()"


def marked(workspace, *rest):
    """A cell that says by a file that it runs, and then does the rest."""
    return "\n".join([MARKED.format(str(workspace.folder / "mark")), *rest])


def test_a_run_is_a_process_with_a_folder_of_its_own_and_an_end_in_the_journal(workspace):
    notebook = workspace.notebook("count = 1", "import os\nprint('pid', os.getppid(), count + 1)")
    row = workspace.run(workspace.job(notebook, parameters={"count": "41"}))
    assert (row["outcome"], row["reason"], row["trigger"]) == ("well", "", "schedule")
    folder = workspace.folder_of(row)
    names = {path.name for path in folder.iterdir()}
    assert names == {"notebook.ipynb", "notebook.html", "run.json", "order.json", "run.log"}
    assert "42" in outputs(folder)
    assert f"pid {os.getpid()} " not in outputs(folder)
    assert json.loads((folder / "run.json").read_text())["parameters"] == {"count": 41}


def test_a_cell_that_fails_leaves_its_notebook_and_its_reason(workspace):
    notebook = workspace.notebook("a = 1", "print('before')\nraise ValueError('no such luck')")
    row = workspace.run(workspace.job(notebook))
    assert (row["outcome"], row["reason"]) == ("failed", "no such luck")
    folder = workspace.folder_of(row)
    assert "before" in outputs(folder)
    assert (folder / "notebook.html").is_file()


def test_a_kernel_that_is_killed_ends_the_run_and_its_notebook_is_kept(workspace):
    notebook = workspace.notebook(
        "a = 1", "print('before')", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    row = workspace.run(workspace.job(notebook))
    assert row["outcome"] == "died"
    assert "before" in outputs(workspace.folder_of(row))


def test_a_kernel_that_hangs_is_noticed_and_killed(workspace):
    notebook = workspace.notebook(
        "a = 1", "print('before')", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"
    )
    row = workspace.run(workspace.job(notebook, hung_s=3.0))
    assert row["outcome"] == "hung"
    assert "no sign of life for 3 s" in row["reason"]
    assert "before" in outputs(workspace.folder_of(row))


def test_a_run_that_takes_too_long_is_interrupted_and_its_notebook_is_kept(workspace):
    notebook = workspace.notebook("a = 1", "print('before')", "while True:\n    pass")
    row = workspace.run(workspace.job(notebook, timeout_s=8.0))
    assert (row["outcome"], "longer than 8 s" in row["reason"]) == ("timeout", True)
    assert "before" in outputs(workspace.folder_of(row))


@pytest.mark.parametrize(
    ("given", "words"), [({"cout": 1}, "did you mean 'count'"), ({"count": "x"}, "a whole number")]
)
def test_a_bad_parameter_stops_the_run_before_its_kernel_starts(workspace, given, words):
    notebook = workspace.notebook("count = 1", "print(count)")
    row = workspace.run(workspace.job(notebook, parameters=given))
    assert row["outcome"] == "failed"
    assert words in row["reason"]
    assert not (workspace.folder_of(row) / "notebook.ipynb").exists()


def test_no_file_of_a_run_tells_a_secret_that_a_cell_has_printed(workspace, monkeypatch):
    monkeypatch.setenv("SOME_API_TOKEN", SECRET)
    monkeypatch.setenv("HYDRA_ALERTS_URLS", "json://me:hunter2hunter2@localhost/")
    notebook = workspace.notebook(
        "api_key = ''",
        "import os, sys, base64\nsecret = os.environ['SOME_API_TOKEN']\nprint(secret)",
        "sys.stderr.write(secret)\nsecret",
        "from IPython.display import HTML, display\ndisplay(HTML(f'<b>{secret}</b>'))",
        "print(base64.b64encode(secret.encode()).decode(), 'https://me:open-sesame@example.org/')",
        "os.write(1, (secret + '\\n').encode())\nprint('HYDRA_ALERTS_URLS' in os.environ)",
        "raise ValueError(secret)",
    )
    row = workspace.run(workspace.job(notebook, parameters={"api_key": "another-secret-value"}))
    folder = workspace.folder_of(row)
    assert row["outcome"] == "failed"
    written = {path.name: path.read_text() for path in folder.iterdir()}
    written["journal"] = repr(workspace.events())
    encoded = base64.b64encode(SECRET.encode()).decode()
    for name, text in written.items():
        for secret in (SECRET, json.dumps(SECRET)[1:-1], "correct-horse", encoded.rstrip("="),
                       "another-secret-value", "open-sesame", "hunter2"):  # fmt: skip
            assert secret not in text, f"{name} tells {secret}"
    assert "[redacted]" in written["notebook.ipynb"]
    assert "False" in written["notebook.ipynb"]  # a run is not given the addresses of alerts


def test_two_triggers_at_once_make_one_run(workspace):
    notebook = workspace.notebook("a = 1", marked(workspace, "while True: pass"))
    job = workspace.job(notebook)
    workspace.clock.move(minutes=-1)
    first, second = workspace.runner(job), workspace.runner(job)
    first.tick(), second.tick()
    workspace.clock.move(minutes=1)
    first.tick(), second.tick()
    assert len(workspace.events(RunStarted)) == 1
    until_cell(workspace, first)
    workspace.ask()
    first.tick()
    (said,) = workspace.events(Warned)
    assert "was still running, as 20261124T143500Z-small" in said.text
    with pytest.raises(RunFailed, match="running already, as 20261124T143500Z-small"):
        take_lease(workspace.settings, "job-small", "by hand")
    first.stop("The test is over.")
    assert [row["outcome"] for row in workspace.rows()] == ["stopped"]


def test_a_run_whose_folder_cannot_be_made_fails_and_the_schedule_goes_on(workspace):
    workspace.settings.data.dir.mkdir()
    workspace.settings.runs_dir.write_text("in the way")
    row = workspace.run(workspace.job(workspace.notebook("a = 1")))
    assert (row["outcome"], "could not be begun" in row["reason"]) == ("failed", True)


def test_a_runner_that_is_stopped_ends_its_run_and_the_notebook_is_kept(workspace):
    notebook = workspace.notebook(
        "a = 1", "print('before')", marked(workspace, "while True:\n    pass")
    )
    runner = workspace.begin(workspace.job(notebook))
    until_cell(workspace, runner)
    runner.stop("The runner was stopped.")
    (row,) = workspace.rows()
    assert (row["outcome"], row["reason"]) == ("stopped", "The run was told to stop.")
    assert "before" in outputs(workspace.folder_of(row))
    assert holder(lease_path(workspace.settings, "job-small")) is None


def test_a_run_whose_process_is_killed_has_died_and_its_lease_is_free(workspace):
    kernel = workspace.folder / "kernel"
    says = f"import os\nPath({str(kernel)!r}).write_text(str(os.getpid()))\nwhile True:\n    pass"
    notebook = workspace.notebook("a = 1", marked(workspace, says))
    runner = workspace.begin(workspace.job(notebook))
    wait_until(lambda: kernel.exists() and kernel.read_text())
    until_cell(workspace, runner).process.kill()
    row = workspace.finished(runner)
    assert (row["outcome"], row["reason"]) == ("died", "Its process was ended by SIGKILL.")
    assert holder(lease_path(workspace.settings, "job-small")) is None
    wait_until(lambda: not is_alive(int(kernel.read_text())))


def test_a_run_outlives_its_runner_and_the_next_one_leaves_it_its_time(workspace):
    go = workspace.folder / "go"
    wait = f"import time\nwhile not Path({str(go)!r}).exists():\n    time.sleep(0.05)\nprint('on')"
    job = workspace.job(workspace.notebook("a = 1", marked(workspace, wait)))
    until_cell(workspace, workspace.begin(job))
    orphan = workspace.runners.pop().children.popitem()[1]  # its runner is gone without a word
    second = workspace.runner(job)
    second.tick()
    assert [row["outcome"] for row in workspace.rows()] == ["running"]
    go.touch()
    wait_until(lambda: second.tick() or workspace.rows()[0]["outcome"] != "running")
    assert [row["outcome"] for row in workspace.rows()] == ["well"]
    orphan.process.wait()


def test_a_run_that_died_together_with_its_runner_is_ended_by_the_next_one(workspace):
    job = workspace.job(workspace.notebook("a = 1", marked(workspace, "while True:\n    pass")))
    until_cell(workspace, workspace.begin(job))
    orphan = workspace.runners.pop().children.popitem()[1]
    orphan.process.kill()
    orphan.process.wait()
    workspace.runner(job).tick()
    (row,) = workspace.rows()
    assert (row["outcome"], row["reason"]) == ("died", "Its process ended without saying how.")


def test_a_server_that_is_told_to_stop_in_mid_run_ends_the_run_first(
    workspace, gateway, monkeypatch
):
    notebook = workspace.notebook("a = 1", marked(workspace, "while True:\n    pass"))
    (workspace.folder / "hydra.toml").write_text(
        f'[jobs.small]\nnotebook = "{notebook}"\ncron = "0 0 1 1 *"\ntimezone = "UTC"\n'
    )
    environment = {
        **os.environ,
        "HYDRA_GATEWAY_PORT": str(gateway.port),
        "HYDRA_DATA_DIR": str(workspace.settings.data.dir),
    }
    runner = subprocess.Popen(
        [sys.executable, "-m", "hydra.cli", "runner"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        workspace.settings.data.dir.mkdir(exist_ok=True)
        wait_until(lambda: (workspace.settings.data.dir / "runner.json").exists())
        workspace.ask()
        wait_until(lambda: (workspace.folder / "mark").exists())
    finally:
        runner.send_signal(signal.SIGTERM)
        code = runner.wait(90)
    assert code == 0
    (ended,) = workspace.events(RunEnded)
    assert ended.outcome == "stopped"
