"""Each breaker trips at one unit over its limit and not at the limit itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hydra import plugins
from hydra.breakers._base import Facts
from hydra.breakers.daily_loss import DailyLoss
from hydra.breakers.drawdown import Drawdown
from hydra.breakers.flapping import Flapping
from hydra.breakers.losing_streak import LosingStreak
from hydra.breakers.reject_rate import RejectRate
from hydra.breakers.slippage import Slippage
from hydra.breakers.stale_data import StaleData
from hydra.breakers.trade_loss import TradeLoss
from hydra.config import Settings
from hydra.domain.conduct import Counts
from hydra.errors import BadParameter, ConfigError
from hydra.wiring import build_watch
from tests.conftest import ROOT

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)


def facts(**known):
    return Facts(NOW, **known)


def nav(value, **known):
    return facts(nav=Decimal(value), **known)


def opened(value):
    return nav(value, opening_nav=Decimal(100_000))


def fallen(value):
    return nav(value, peak_nav=Decimal(100_000))


def gains(*values):
    return nav(100_000, gains=tuple(Decimal(value) for value in values))


def counts(**known):
    return facts(counts=Counts(**known))


def lost(*seconds_ago):
    return facts(losses=tuple(NOW - timedelta(seconds=s) for s in seconds_ago))


OVER_AND_UNDER = [
    (DailyLoss(), opened("96999.99"), opened(97_000)),
    (Drawdown(), fallen("84999.99"), fallen(85_000)),
    (TradeLoss(), gains("-2000.01", 5), gains(-2000, 5)),
    (LosingStreak(limit_trades=3), gains(1, -1, -1, -1, -1), gains(-1, 0, -1, -1, -1)),
    (
        Slippage(limit_bps=50, orders=4),
        facts(excess_bps=(0.0, 50.0, 50.0, 50.0, 50.01)),
        facts(excess_bps=(99.0, 50.0, 50.0, 50.0, 50.0)),
    ),
    (RejectRate(), counts(sent=6, rejected=4), counts(sent=6, rejected=3)),
    (RejectRate(), counts(rejected=6), counts(rejected=5)),
    (Flapping(limit_losses=2), lost(3600, 60, 1), lost(3601, 60, 1)),
    (StaleData(), counts(judged=10, stale=6), counts(judged=10, stale=5)),
    (StaleData(), counts(judged=10, stale=10), counts(judged=9, stale=9)),
]


@pytest.mark.parametrize(("breaker", "over", "under"), OVER_AND_UNDER)
def test_a_breaker_trips_over_its_limit_and_not_at_it(breaker, over, under):
    reading = breaker.reading(over)
    assert reading.over
    assert reading.sentence.endswith(".")
    assert reading.limit == breaker.limit
    at_limit = breaker.reading(under)
    assert at_limit is None or not at_limit.over


def test_every_breaker_that_is_found_is_in_the_table_above():
    tested = {type(row[0]).__module__.rpartition(".")[2] for row in OVER_AND_UNDER}
    assert tested == set(plugins.find("breakers"))


@pytest.mark.parametrize("name", sorted(plugins.find("breakers")))
def test_a_breaker_measures_nothing_of_nothing_and_takes_no_limit_that_never_trips(name):
    breaker = plugins.configure("breakers", name, {})
    empty = breaker.reading(facts())
    assert empty is None or not empty.over
    limit = next(key for key in vars(breaker) if key.startswith("limit_"))
    for wrong in (0, -1, 1_000_000):
        with pytest.raises(BadParameter, match=limit):
            plugins.configure("breakers", name, {limit: wrong})


@pytest.mark.parametrize(
    ("name", "table", "sentence"),
    [
        ("drawdwn", {}, "did you mean 'drawdown'"),
        ("drawdown", {"limit_fracton": 0.1}, "did you mean 'limit_fraction'"),
        ("drawdown", {"action": "hold"}, "It takes refuse_entries or reduce_only or halt"),
        ("drawdown", {"scope": "strategy"}, "scope is 'strategy'"),
        ("drawdown", {"cooldown_sessions": -1}, "takes 0 to 250 sessions"),
        ("drawdown", {"enabled": "perhaps"}, "true or false"),
    ],
)
def test_a_table_that_makes_no_sense_is_one_sentence(settings, name, table, sentence):
    from dataclasses import replace

    with pytest.raises(ConfigError, match=rf"\[breakers\.{name}\].*{sentence}"):
        build_watch(replace(settings, breakers={name: table}))


def test_a_breaker_is_switched_off_by_name_and_a_users_own_is_found(settings, tmp_path):
    from dataclasses import replace

    from hydra.config import Notebooks

    (tmp_path / "breakers").mkdir()
    own = (ROOT / "hydra" / "breakers" / "flapping.py").read_text().replace("Flapping", "Mine")
    (tmp_path / "breakers" / "mine.py").write_text(own)
    tables = {"drawdown": {"enabled": False}, "mine": {"limit_losses": 1}}
    changed: Settings = replace(settings, notebooks=Notebooks(tmp_path), breakers=tables)
    breakers = build_watch(changed).breakers
    assert "drawdown" not in breakers
    assert breakers["mine"].limit == "1"


def test_hydra_toml_shows_every_breaker_with_its_defaults():
    import tomllib

    text = (ROOT / "hydra.toml").read_text()
    lines = text[text.index("[breakers.") :].splitlines()
    shown = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines))["breakers"]
    for name in plugins.find("breakers"):
        breaker = plugins.configure("breakers", name, shown[name])
        assert breaker == plugins.configure("breakers", name, {})
        assert set(vars(breaker)) - set(shown[name]) <= {"scope"}
