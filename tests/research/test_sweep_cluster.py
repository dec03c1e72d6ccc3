"""The same sweep on a cluster: the same table, also when a worker is lost half-way."""

from pathlib import Path

import distributed
import pytest

from hydra.costs.model import CostModel
from hydra.research.sweep import Terms, sweep
from hydra.strategies.sma_cross import SmaCross
from tests.research.deadly_strategy import Deadly
from tests.research.test_sweep import GRID, Plainly, same, walk

pytestmark = pytest.mark.slow

TERMS = Terms(each=True, costs=CostModel("none", 10.0))


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as made:
        yield made


@pytest.mark.parametrize("strategy", [SmaCross, Plainly])
def test_a_client_gives_the_same_table_for_compiled_and_plain_strategies(cluster, strategy):
    bars = walk(late=30)
    here = sweep(SmaCross, GRID, bars, TERMS)
    with distributed.Client(cluster) as client:
        there = sweep(strategy, GRID, bars, TERMS, client=client)
    assert there.is_whole
    assert len(there.table) == 31 * 3
    same(here.table, there.table)


def test_what_a_lost_worker_had_is_made_anew(cluster, tmp_path: Path):
    bars = walk()
    grid = {"slow_bars": range(10, 60), "folder": [str(tmp_path)]}
    with distributed.Client(cluster) as client:
        found = sweep(Deadly, grid, bars, TERMS, client=client)
    wanted = sweep(SmaCross, {"fast_bars": [5], "slow_bars": range(10, 60)}, bars, TERMS)
    assert (tmp_path / "died").is_file()
    assert found.is_whole
    assert len(found.table) == len(wanted.table) == 50 * 3
    assert sorted(found.table["total_return"].round(12)) == sorted(
        wanted.table["total_return"].round(12)
    )
