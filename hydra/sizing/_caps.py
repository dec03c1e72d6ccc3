"""Limits that every sizing shares: no position and no portfolio beyond its cap."""

from __future__ import annotations

import numpy as np
import pandas as pd


def capped(weights: pd.DataFrame, max_weight: float, max_gross: float) -> pd.DataFrame:
    """No weight larger than `max_weight` in size; then all in proportion, sizes ≤ `max_gross`."""
    limited = np.clip(weights.to_numpy(dtype=float), -max_weight, max_weight)
    gross = summed(np.abs(limited), axis=1)
    share = np.minimum(1.0, max_gross / np.maximum(gross, 1e-12))
    held = limited * share[:, None]
    return pd.DataFrame(held, index=weights.index, columns=weights.columns)


def row_sums(values: pd.DataFrame) -> pd.Series:
    """Each row's sum, whatever rows stand above it."""
    return pd.Series(summed(values.to_numpy(dtype=float), axis=1), index=values.index)


def summed(array: np.ndarray, axis: int) -> np.ndarray:
    """Sum term by term: np.sum's rounding would depend on how many rows there are."""
    if array.shape[axis] == 0:
        return np.zeros(np.delete(array.shape, axis))
    total: np.ndarray = np.add.accumulate(array, axis=axis).take(-1, axis=axis)
    return total
