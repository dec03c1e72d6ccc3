"""Windows equal pandas' rolling ones up to rounding, and depend on nothing older."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.windows import trailing_mean, trailing_return, trailing_std

VALUES = pd.DataFrame(np.random.default_rng(7).lognormal(3, 1, (60, 3)), columns=list("ABC"))
VALUES.iloc[:9, 1] = np.nan


@pytest.mark.parametrize("bars", [2, 5, 60, 61])
def test_they_agree_with_rolling_windows_up_to_rounding(bars):
    rolling = VALUES.rolling(bars)
    pd.testing.assert_frame_equal(trailing_mean(VALUES, bars), rolling.mean(), rtol=1e-12)
    pd.testing.assert_frame_equal(trailing_std(VALUES, bars), rolling.std(), rtol=1e-12)


@given(bars=st.integers(2, 12), rows=st.integers(0, 60))
def test_the_last_row_is_the_same_to_the_last_bit_however_much_came_before(bars, rows):
    cut = VALUES.iloc[:rows]
    for window in (trailing_mean, trailing_std):
        short, long = window(cut.tail(bars), bars), window(cut, bars)
        pd.testing.assert_frame_equal(short.tail(1), long.tail(1), check_exact=True)


def test_equal_values_have_exactly_their_mean_and_no_spread():
    flat = pd.DataFrame({"A": [0.1] * 30})
    assert (trailing_mean(flat, 7)["A"].dropna() == 0.1).all()
    assert (trailing_std(flat, 7)["A"].dropna() == 0.0).all()


def test_a_return_is_a_fraction_of_the_first_price_and_can_end_some_rows_ago():
    prices = pd.DataFrame({"A": [10.0, 11.0, 15.0, 30.0]})
    assert trailing_return(prices, 2)["A"].tolist()[2:] == [0.5, pytest.approx(30 / 11 - 1)]
    assert trailing_return(prices, 2, skip=1)["A"].tolist()[3] == 0.5
