"""The README's example does what the README says."""

import re

from hydra import plugins
from hydra.strategies._base import checked_signals
from tests.conftest import ROOT
from tests.dashboard.journals import facts, one_session


async def test_the_strategy_in_the_readme_is_found_and_sees_nothing_ahead(tmp_path):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "my_idea.py").write_text(code.group(1))
    strategy = plugins.configure("strategies", "my_idea", {"bars_back": "20"}, tmp_path)
    source = plugins.configure("data", "sample", {})
    bars = (await source.bars(["AAPL", "IBM"])).last(120)
    signals = checked_signals(strategy, bars)
    assert set(signals.to_numpy().ravel()) == {0.0, 1.0}
    assert checked_signals(strategy, bars.first(80)).iloc[-1].equals(signals.iloc[79])


def test_the_panel_in_the_readme_is_found_and_shows_what_is_held(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "largest.py").write_text(blocks[1])
    panel = plugins.load("dashboard", "largest", tmp_path)()
    shown = panel.rows(facts(one_session()))
    assert shown == [{"symbol": "AAPL", "units": 10}, {"symbol": "XYZ", "units": 3}]


def test_every_command_that_the_readme_names_is_there():
    named = set(re.findall(r"`hydra ([a-z]+)", (ROOT / "README.md").read_text()))
    source = (ROOT / "hydra" / "cli.py").read_text()
    commands = {*re.findall(r"^def ([a-z]+)\(", source, re.MULTILINE), "list", "journal"}
    assert named <= commands, named - commands


def test_every_make_verb_that_the_readme_names_is_there():
    makefile = (ROOT / "Makefile").read_text()
    for verb in set(re.findall(r"`?make ([a-z]+)(?=`|\s+#|$)", (ROOT / "README.md").read_text())):
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE), verb
