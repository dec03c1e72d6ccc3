"""Requests for history keep to IB's rules, whoever makes them; and none waits for nothing."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.errors import BarsError
from hydra.ib.pacing import ALL_MOST, ALL_S, IDENTICAL_S, SAME_MOST, SAME_S, Asked, Pacing


@dataclass
class Clock:
    """Seconds that pass only by waiting."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


asks = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.integers(0, 30), st.sampled_from([1, 1, 2]), st.floats(0, 20)
    ),
    max_size=90,
)


@settings(max_examples=25, deadline=None)
@given(asks)
def test_no_sequence_of_requests_breaks_a_rule_and_two_processes_share_one_book(
    tmp_path_factory, wanted
):
    path = tmp_path_factory.mktemp("pacing") / "pacing.db"
    clock = Clock()
    books = [Pacing(path, clock, clock.pause) for _ in range(2)]
    made: list[tuple[float, Asked]] = []
    for number, (market, request, weight, gap) in enumerate(wanted):
        clock.now += gap
        asked = Asked(f"{market} {request}", market, weight)
        asyncio.run(books[number % 2].turn(asked))
        made.append((clock.now, asked))
    for at, asked in made:
        same = [t for t, a in made if a.request == asked.request and at - IDENTICAL_S < t < at]
        assert not same
        near = [t for t, a in made if a.market == asked.market and at - SAME_S < t <= at]
        assert len(near) <= SAME_MOST
        assert sum(a.weight for t, a in made if at - ALL_S < t <= at) <= ALL_MOST


def test_what_is_within_the_rules_waits_for_nothing(tmp_path):
    clock = Clock()
    pacing = Pacing(tmp_path / "pacing.db", clock, clock.pause)
    waited = [asyncio.run(pacing.turn(Asked(f"{n}", f"{n}"))) for n in range(ALL_MOST)]
    assert waited == [0.0] * ALL_MOST
    assert asyncio.run(pacing.turn(Asked("one more", "x"))) == pytest.approx(ALL_S)


def test_a_wait_that_people_notice_is_told(tmp_path, caplog):
    clock = Clock()
    pacing = Pacing(tmp_path / "pacing.db", clock, clock.pause)
    asyncio.run(pacing.turn(Asked("a", "a")))
    assert not caplog.messages
    assert asyncio.run(pacing.turn(Asked("a", "a"))) == pytest.approx(IDENTICAL_S)
    assert caplog.messages == ["history waits 15 s for its turn: IB paces it by account"]


def test_a_book_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    pacing = Pacing(tmp_path / "file" / "pacing.db")
    with pytest.raises(BarsError, match=r"pacing\.db"):
        asyncio.run(pacing.turn(Asked("a", "a")))
