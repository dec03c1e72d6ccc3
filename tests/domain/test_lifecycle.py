"""The table of order states is whole; what has ended only the broker's book brings back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.lifecycle import ENDED, NEXT, OPEN, OrderState, Told, after

states, told = st.sampled_from(OrderState), st.sampled_from(Told)


def test_every_state_has_its_row_and_is_open_ended_or_unknown():
    assert set(NEXT) == set(OrderState)
    assert OPEN | ENDED | {OrderState.UNKNOWN} == set(OrderState)
    assert not OPEN & ENDED


@given(st.sampled_from(sorted(ENDED)), st.lists(told.filter(lambda t: t is not Told.FOUND)))
def test_what_has_ended_never_works_again_by_a_message(state, messages):
    for message in messages:
        state = after(state, message)
        assert state in ENDED


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_the_brokers_book_holds_works_whatever_was_told_before_but_for_a_whole_fill(state):
    found = OrderState.FILLED if state is OrderState.FILLED else OrderState.ACKNOWLEDGED
    assert after(state, Told.FOUND) is found


@given(states, told)
def test_a_message_that_comes_twice_changes_nothing_more(state, message):
    once = after(state, message)
    assert after(once, message) == once


@given(st.lists(told))
def test_only_a_whole_fill_makes_an_order_filled(messages):
    state = OrderState.PENDING
    for message in messages:
        state = after(state, message)
    assert (state is OrderState.FILLED) <= (Told.WHOLE in messages)


@pytest.mark.parametrize("state", [s for s in OrderState if s is not OrderState.FILLED])
def test_a_whole_fill_is_believed_in_every_state(state):
    assert after(state, Told.WHOLE) is OrderState.FILLED


@pytest.mark.parametrize("state", sorted(OPEN - {OrderState.SUBMITTED, OrderState.PENDING}))
def test_an_order_that_the_broker_held_is_never_taken_for_one_that_did_not_leave(state):
    assert after(state, Told.NOT_SENT) is state
