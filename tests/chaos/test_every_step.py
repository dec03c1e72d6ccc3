"""A trading process that is killed at a step of its journal, whichever it is, loses nothing."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.chaos.campaign import (
    CALM,
    STRATEGIES,
    Place,
    attempt_once,
    close_of_day,
    finish,
    listed,
    quiet,
    wishes,
)
from tests.chaos.trader import SETTINGS, Fate

AT_ONCE = 8
BEYOND = 120
"""No decision of these takes so many steps."""
SEED = 12
"""Three instruments, of which one at a limit that is not reached."""
KILLED = "killed by SIGKILL"


@dataclass(frozen=True)
class Death:
    """By SIGKILL, at the step-th event that is written, before or after its write."""

    step: int
    is_after: bool
    algo: str


async def outlive(death: Death, folder: Path) -> tuple[bool, list[str]]:
    """Whether the process came so far as to be killed, and what was wrong at the day's end."""
    place = Place(SEED, folder)
    await place.open()
    try:
        decision = wishes(place, STRATEGIES[0], listed(place), bool(death.algo))
        fate = Fate(
            dies_at=death.step,
            dies_after=death.is_after,
            really=True,
            algo=death.algo,
            timeout_s=CALM.timeout_s,
        )
        await attempt_once(place, decision, fate, SETTINGS.client_id, calm=True)
        killed = bool(place.life.faults[KILLED])
        calm = replace(CALM, algo=death.algo)
        await attempt_once(place, decision, calm, SETTINGS.client_id, calm=True)
        await close_of_day(place)
        await finish(place)
        return killed, [f"{death}: {problem}" for problem in place.life.problems]
    finally:
        await place.close()


async def outlive_each(algo: str, folder: Path) -> tuple[int, list[str]]:
    """How many steps there were, and what was wrong after a death at any of them."""
    wrong: list[str] = []
    for first in range(1, BEYOND, AT_ONCE):
        deaths = [
            Death(step, is_after, algo)
            for step in range(first, first + AT_ONCE)
            for is_after in (False, True)
        ]
        folders = [folder / f"{d.step}-{d.is_after}" for d in deaths]
        for one in folders:
            one.mkdir()
        met = await asyncio.gather(*map(outlive, deaths, folders))
        wrong += [problem for _, problems in met for problem in problems]
        killed = [d.step for d, (is_killed, _) in zip(deaths, met, strict=True) if is_killed]
        if len(killed) < len(deaths):
            return max(killed, default=first - 1), wrong
    raise AssertionError(f"The process was still killed at step {BEYOND}.")


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["", "patient_limit", "twap", "bracket"])
def test_a_process_that_is_killed_at_any_step_of_its_journal_loses_and_repeats_nothing(
    tmp_path, algo
):
    with quiet():
        steps, wrong = asyncio.run(outlive_each(algo, tmp_path))
    assert wrong == []
    assert steps > 10
