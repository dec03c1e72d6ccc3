"""`hydra doctor --paper-check` as a person calls it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from hydra.cli import main
from hydra.domain.events import OrderAdmitted
from hydra.journal.journal import Journal
from tests.paper_check.gateways import gateway_at, is_flat


@pytest.fixture
def gateway(monkeypatch, tmp_path):
    monkeypatch.setenv("HYDRA_DATA_DIR", str(tmp_path / "data"))
    with gateway_at() as opened:
        monkeypatch.setenv("HYDRA_GATEWAY_PORT", str(opened.port))
        yield opened


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["doctor", *arguments])
    return end.value.code


def test_it_prints_each_step_and_writes_a_report(gateway, tmp_path, capsys):
    assert run("--paper-check", "--yes", "--symbol", "IBM") == 0
    said = capsys.readouterr().out
    assert " 1/12  Logon" in said
    assert "✓ Bought 1 IBM at" in said
    assert "Report, without secrets:" in said
    (path,) = (tmp_path / "data" / "paper-checks").iterdir()
    assert "DU…67" in path.read_text(encoding="utf-8")
    assert "DU1234567" not in path.read_text(encoding="utf-8")
    assert is_flat(gateway)


def test_its_json_is_all_that_standard_output_holds(gateway, tmp_path, capsys):
    assert run("--paper-check", "--yes", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [step["name"] for step in told["steps"]][-1] == "end"
    assert "DU1234567" not in json.dumps(told)
    assert len(list((tmp_path / "data" / "paper-checks").glob("*.json"))) == 1


def test_without_an_answer_to_its_question_nothing_is_sent(gateway, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", open(os.devnull, encoding="utf-8"))  # noqa: SIM115
    assert run("--paper-check") == 2
    assert "nothing was sent" in " ".join(capsys.readouterr().out.split())
    with Journal.read_only(tmp_path / "data" / "journal.db") as journal:
        assert not list(journal.read(kinds=[OrderAdmitted]))


def test_a_failed_step_ends_with_1(gateway, capsys):
    gateway.arm({"on": "placeOrder", "nth": 2, "do": "say", "code": 321, "instead": True})
    assert run("--paper-check", "--yes") == 1
    assert "READ_ONLY_API" in capsys.readouterr().out


@pytest.mark.parametrize("option", [["--yes"], ["--symbol", "AAPL"]])
def test_its_options_without_it_are_refused_with_the_pair(option, capsys):
    assert run(*option) == 2
    assert "belongs to `hydra doctor --paper-check`" in " ".join(capsys.readouterr().err.split())


def test_ctrl_c_ends_flat_and_says_so(gateway):
    gateway.arm({"on": "executionDetails", "do": "lose"})  # so that the buy is waited for
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    program = subprocess.Popen(
        [sys.executable, "-m", "hydra.cli", "doctor", "--paper-check", "--yes"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    lines = []
    for line in program.stdout:
        lines.append(line)
        if "8/12" in line:
            program.send_signal(signal.SIGINT)
    assert program.wait(30) == 1
    said = " ".join("".join(lines).split())
    assert "12/12 The end" in said
    assert "The check was interrupted; nothing of it is left in the account." in said, said[-900:]
    assert is_flat(gateway)
