"""Events come back from the journal as they went in."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings

from hydra.domain.events import KINDS, TargetSet
from hydra.errors import JournalError
from hydra.journal.codec import decode, encode
from tests.journal.events import events


@settings(max_examples=300, deadline=None)
@given(events)
def test_decoding_what_was_encoded_gives_an_equal_event(event):
    assert decode(type(event).__name__, encode(event)) == event


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_no_number_is_refused_before_anything_is_written(weight):
    event = TargetSet(
        "s", date(2013, 1, 14), "AAPL", 1.0, weight, Decimal(0), Decimal(0), Decimal(1)
    )
    with pytest.raises(JournalError, match="no number"):
        encode(event)


@pytest.mark.parametrize("price", ["NaN", "Infinity"])
def test_a_price_that_is_no_number_is_refused_before_anything_is_written(price):
    event = TargetSet(
        "s", date(2013, 1, 14), "AAPL", 1.0, 0.5, Decimal(0), Decimal(0), Decimal(price)
    )
    with pytest.raises(JournalError, match="no number"):
        encode(event)


@pytest.mark.parametrize("body", ["", "{}", '{"ref": 1}', '{"fill": {"price": "x"}}', "[]"])
def test_a_torn_record_is_an_error_that_names_its_kind(body):
    with pytest.raises(JournalError, match="FillRecorded"):
        decode("FillRecorded", body)


def test_an_unknown_kind_is_an_error_not_a_guess():
    assert "Surprise" not in KINDS
    with pytest.raises(JournalError, match="Surprise"):
        decode("Surprise", "{}")
