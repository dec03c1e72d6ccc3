"""A run whose disk is full ends with a sentence, the schedule goes on once there is room, and what
was written stays."""

import pytest

from hydra.domain.events import RunEnded, RunStarted
from hydra.errors import JournalUnwritable
from tests.disks import kind_of_disk, refusal, small_disk
from tests.runner.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("disk_is", [kind_of_disk()])]
in_mid_run = pytest.mark.skipif(
    bool(refusal()), reason=f"a limit does not reach a process that runs already: {refusal()}"
)
MARKED = "from pathlib import Path\nPath({!r}).touch()\nprint('fits')"


def test_a_run_whose_page_does_not_fit_fails_with_a_sentence_and_keeps_its_notebook(
    workspace, disk_is
):
    job = workspace.job(workspace.notebook("a = 1", "print('fits')"))
    with small_disk(workspace.settings.runs_dir, 200) as disk:
        disk.fill(leave_kb=100)
        row = workspace.run(job)
        assert (row["outcome"], "page could not be saved" in row["reason"]) == ("failed", True)
        folder = workspace.folder_of(row)
        assert "fits" in (folder / "notebook.ipynb").read_text()
        assert not [path for path in folder.iterdir() if path.name.endswith(".part")]


@in_mid_run
def test_a_run_whose_notebook_does_not_fit_says_so_and_the_next_one_is_well(workspace, disk_is):
    mark = workspace.folder / "mark"
    wait = (
        f"import time\nwhile not Path({str(workspace.folder / 'go')!r}).exists(): time.sleep(.05)"
    )
    job = workspace.job(workspace.notebook("a = 1", f"{MARKED.format(str(mark))}\n{wait}"))
    with small_disk(workspace.settings.runs_dir, 2_000) as disk:
        runner = workspace.begin(job)
        wait_until(mark.exists)
        disk.fill()
        (workspace.folder / "go").touch()
        row = workspace.finished(runner)
        assert (row["outcome"], "could not be saved" in row["reason"]) == ("failed", True)
        disk.empty()
        workspace.ask()
        assert workspace.finished(runner)["outcome"] == "well"


def test_a_schedule_without_room_stands_still_and_begins_its_run_once_when_there_is_some(
    workspace, disk_is
):
    job = workspace.job(workspace.notebook("a = 1", "print('fits')"))
    workspace.clock.move(minutes=-1)
    with small_disk(workspace.settings.data.dir, 4_000) as disk:
        runner = workspace.runner(job)
        runner.tick()
        disk.fill()
        workspace.clock.move(minutes=1)
        with pytest.raises(JournalUnwritable, match="cannot be written"):
            runner.tick()
        assert not runner.children
        disk.empty()
        workspace.clock.move(minutes=1)
        assert workspace.finished(runner)["outcome"] == "well"
        assert len(workspace.events(RunStarted)) == 1
        runner.stop("The test is over.")


@in_mid_run
def test_a_run_that_could_not_write_its_end_is_ended_by_the_schedule_when_there_is_room(
    workspace, disk_is
):
    mark = workspace.folder / "mark"
    wait = (
        f"import time\nwhile not Path({str(workspace.folder / 'go')!r}).exists(): time.sleep(.05)"
    )
    job = workspace.job(workspace.notebook("a = 1", f"{MARKED.format(str(mark))}\n{wait}"))
    with small_disk(workspace.settings.data.dir, 4_000) as disk:
        runner = workspace.begin(job)
        wait_until(mark.exists)
        disk.fill()
        (workspace.folder / "go").touch()
        (child,) = runner.children.values()
        wait_until(lambda: child.process.poll() is not None)
        with pytest.raises(JournalUnwritable):
            runner.tick()
        assert workspace.rows()[0]["outcome"] == "running"
        disk.empty()
        assert workspace.finished(runner)["outcome"] == "died"
        assert len(workspace.events(RunEnded)) == 1
        runner.stop("The test is over.")
