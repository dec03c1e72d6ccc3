"""A lease is held by one, by whoever inherited it, and by nobody who died."""

import subprocess
import sys

from hydra.runner.lease import Lease, holder
from tests.runner.conftest import wait_until


def test_a_lease_is_held_once_and_says_by_whom(tmp_path):
    path = tmp_path / "leases" / "sma_cross.lock"
    assert holder(path) is None
    lease = Lease.take(path)
    lease.say(run="r1", pid=7)
    assert Lease.take(path) is None
    assert holder(path) == {"run": "r1", "pid": 7}
    lease.close()
    assert holder(path) is None
    second = Lease.take(path)
    second.say(run="a")  # shorter than what was there
    assert holder(path) == {"run": "a"}
    second.close()


def test_those_who_only_look_take_nothing_from_each_other_or_from_the_holder(tmp_path):
    path = tmp_path / "x.lock"
    lease = Lease.take(path)
    lease.say(run="r1")
    assert [holder(path) for _ in range(3)] == [{"run": "r1"}] * 3
    assert Lease.take(path) is None
    lease.close()


def test_a_process_that_inherited_a_lease_keeps_it_until_it_is_killed(tmp_path):
    path = tmp_path / "x.lock"
    lease = Lease.take(path)
    heir = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lease.descriptor,)
    )
    lease.close()
    assert holder(path) is not None
    heir.kill()
    heir.wait()
    heir.stdin.close()
    wait_until(lambda: holder(path) is None)
