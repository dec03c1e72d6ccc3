"""The main job: two sessions through papermill, then our books beside the gateway's."""

import json
from pathlib import Path

import pytest

from hydra.runner.demo import prepare_folder, run_demo


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["demo", "deeper/demo"])
def test_the_demo_trades_agrees_with_the_gateway_and_leaves_a_record_of_each_session(
    settings, tmp_path, monkeypatch, folder
):
    monkeypatch.chdir(tmp_path)  # `make demo` names a folder where it is
    seen = []
    result = run_demo(settings, Path(folder), 2, seen.append)
    assert result.ok, result
    assert [day.session for day in seen] == ["2013-01-14", "2013-01-15"]
    assert all(finding.agrees for finding in result.findings)
    for day in seen:
        assert day.fills > 0
        assert "svg" in (day.run.folder / "notebook.html").read_text()
        record = json.loads((day.run.folder / "run.json").read_text())
        assert record["parameters"]["strategy"] == "ts_momentum"
        assert record["error"] == ""


@pytest.mark.slow
def test_a_session_that_fails_makes_the_demo_fail(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("hydra.runner.demo.check_before_start", lambda *_: None)
    monkeypatch.setattr(
        "hydra.runner.demo.session_parameters",
        lambda *_: {"strategy": "ts_momentum", "symbols": ["NOSUCH"]},
    )
    result = run_demo(settings, tmp_path / "demo", 2, lambda day: None)
    assert not result.ok
    assert len(result.days) == 1
    assert "NOSUCH" in result.days[0].run.error


def test_an_earlier_demo_is_moved_aside_and_not_deleted(tmp_path):
    first = prepare_folder(tmp_path / "demo")
    (first / "journal.db").write_text("kept")
    prepare_folder(tmp_path / "demo")
    moved = [p for p in tmp_path.iterdir() if p.name != "demo"]
    assert [(p / "journal.db").read_text() for p in moved] == ["kept"]
