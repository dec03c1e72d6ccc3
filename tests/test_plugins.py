"""Files become plug-ins by lying in a folder; parameters are typed by the dataclass."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from hydra import plugins
from hydra.errors import BadParameter, UnknownName

OWN = '''"""Always long."""
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class AlwaysLong:
    """Long everything."""

    size: float = 1.0
    lookback_bars: int = 1

    def signals(self, bars):
        return bars.close.notna() * self.size
'''


@pytest.fixture
def own_root(tmp_path: Path) -> Path:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "always_long.py").write_text(OWN)
    return tmp_path


def test_a_users_file_is_found_beside_the_built_in_ones_and_described_by_its_first_line(own_root):
    found = plugins.find("strategies", own_root)
    assert found["always_long"].own
    assert found["always_long"].summary == "Always long."
    assert not found["sma_cross"].own


def test_a_users_strategy_is_configured_like_any_other(own_root):
    strategy = plugins.configure("strategies", "always_long", {"size": "0.5"}, own_root)
    assert strategy.size == 0.5


def test_a_file_with_an_underscore_is_machinery_and_no_plug_in():
    for folder in plugins.KINDS:
        assert not [name for name in plugins.find(folder) if name.startswith("_")]


def test_a_users_file_may_not_take_a_built_in_name(own_root):
    (own_root / "strategies" / "sma_cross.py").write_text(OWN)
    with pytest.raises(BadParameter, match="rename the file"):
        plugins.find("strategies", own_root)


def test_a_file_without_its_class_says_which_class_it_needs(own_root):
    (own_root / "strategies" / "other_name.py").write_text(OWN)
    with pytest.raises(BadParameter, match="a class named OtherName"):
        plugins.load("strategies", "other_name", own_root)


def test_a_file_that_does_not_run_says_why_and_is_no_half_loaded_module(own_root):
    (own_root / "strategies" / "broken.py").write_text("1 / 0\n")
    with pytest.raises(BadParameter, match="ZeroDivisionError"):
        plugins.load("strategies", "broken", own_root)


def test_a_misspelt_name_answers_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'ts_momentum'"):
        plugins.load("strategies", "ts_momentun")


@dataclass(frozen=True)
class Sample:
    count: int
    share: float = 0.5
    on: bool = False
    names: tuple[str, ...] = ()
    limit: int | None = None


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ({"count": "3"}, Sample(3)),
        ({"count": 3.0}, Sample(3)),
        ({"count": 3, "share": 1}, Sample(3, 1.0)),
        ({"count": 3, "on": "yes"}, Sample(3, on=True)),
        ({"count": 3, "names": "a, b"}, Sample(3, names=("a", "b"))),
        ({"count": 3, "limit": None}, Sample(3)),
        ({"count": 3, "limit": "4"}, Sample(3, limit=4)),
    ],
)
def test_a_value_or_its_text_becomes_the_annotated_type(given, got):
    assert Sample(**plugins.typed(Sample, given, "sample")) == got


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"count": 2.5}, "whole number"),
        ({"count": "many"}, "whole number"),
        ({"count": True}, "whole number"),
        ({"count": 1, "share": "half"}, "a number"),
        ({"count": 1, "on": "perhaps"}, "true or false"),
        ({"count": 1, "names": 5}, "a list"),
        ({}, "needs count"),
    ],
)
def test_a_value_that_would_lose_something_is_refused(given, word):
    with pytest.raises(BadParameter, match=word):
        plugins.typed(Sample, given, "sample")


def test_an_unknown_parameter_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'share'"):
        plugins.typed(Sample, {"count": 1, "shar": 1}, "sample")
