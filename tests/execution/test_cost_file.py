"""A calibrated model comes back from its file as it was, and a bad file never becomes another."""

import json
from datetime import UTC, datetime

import pytest

from hydra.costs.calibration import Agreement, Calibration
from hydra.costs.model import CostModel
from hydra.errors import ConfigError, UnknownName
from hydra.execution.cost_file import cost_model, fitted_until, read_costs, write_costs

FIRST, LAST = (datetime(2013, 1, day, 14, 30, tzinfo=UTC) for day in (14, 18))
MODEL = CostModel(
    "tiered",
    1.5,
    0.25,
    2.0037776970419294,
    {"AAPL": 1.5467, "MSFT": 4.2},
    source="calibrated 2013-01-18, 25 fills",
)
FOUND = Calibration(MODEL, FIRST, LAST, Agreement(19, 25, -0.27, 1.3, 0.9), {"AAPL": 7, "X": 18})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "costs.json"


def test_a_calibration_comes_back_as_it_was_written(path):
    write_costs(path, FOUND)
    assert read_costs(path) == FOUND
    assert str(read_costs(path).model) == "calibrated 2013-01-18, 25 fills"
    assert [p.name for p in path.parent.iterdir()] == ["costs.json"]


def test_without_a_choice_the_calibrated_model_counts_once_there_is_one(path):
    assert cost_model(path) == cost_model(path, "default") == CostModel()
    with pytest.raises(ConfigError, match=r"cannot be read .* 05_post_trade"):
        cost_model(path, "calibrated")
    write_costs(path, FOUND)
    assert cost_model(path) == cost_model(path, "calibrated") == MODEL
    assert str(cost_model(path, "default")) == "default"
    assert (fitted_until(path), fitted_until(path, "default")) == (LAST, None)
    with pytest.raises(UnknownName, match="did you mean 'calibrated'"):
        cost_model(path, "calibratd")


def broken(**changes):
    record = json.loads(TEXT)
    for key, value in changes.items():
        table, _, name = key.rpartition("__")
        (record[table] if table else record)[name] = value
    return json.dumps(record)


TEXT = """{
  "version": 1, "first": "2013-01-14T14:30:00+00:00", "last": "2013-01-18T14:30:00+00:00",
  "fills": {"AAPL": 25},
  "model": {"commission": "fixed", "half_spread_bps": 1.0, "impact_bps": 0.0,
            "impact_coefficient": 1.0, "half_spreads_bps": {}},
  "agreement": {"orders": 19, "fills": 25, "bias_bps": 0.1, "rmse_bps": 1.0, "correlation": 0.5}
}"""


def test_a_file_of_this_version_is_read(path):
    path.parent.mkdir()
    path.write_text(TEXT)
    assert read_costs(path).model.impact_coefficient == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (broken(version=2), "version 2, this HYDRA reads 1"),
        (broken(surprise=1), "surprise"),
        (broken(model__surprise=1), "surprise"),
        (broken(model__half_spread_bps=-1.0), "half_spread_bps is -1"),
        (broken(model__half_spread_bps="wide"), "wide|not supported"),
        (broken(model__impact_coefficient=float("nan")), "impact_coefficient is nan"),
        (broken(model__commission="fix"), "did you mean 'fixed'"),
        (broken(last="2013-01-18T14:30:00"), "aware times"),
        (broken(last="2012-01-18T14:30:00+00:00"), "in order"),
        (broken(fills=[1]), "cannot be used"),
        (TEXT[:100], "cannot be used"),
        ("[]", "no version"),
        ("", "cannot be used"),
    ],
)
def test_a_broken_or_newer_file_is_one_sentence_and_never_other_costs(path, text, words):
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as raised:
        cost_model(path)
    assert str(path) in str(raised.value)
    assert "--costs default" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert cost_model(path, "default") == CostModel()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    write_costs(path, FOUND)
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hydra.execution.cost_file.os.fsync", full)
    with pytest.raises(ConfigError, match=r"cannot be written.*No space left"):
        write_costs(path, FOUND)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["costs.json"]
