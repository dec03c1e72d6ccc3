"""A sweep's rows in a Parquet file, written as they come."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.research.trials import Count

if TYPE_CHECKING:
    from hydra.research.sweep import SweepResult

ABOUT = b"hydra_sweep"
"""The key of the file's description; without it a file is none of ours."""
SUMS = "sums"


class SweepFile:
    """Row groups of a sweep; the file appears under its name when it is finished.

    A sweep that was ended early is finished too, as one that is not whole.
    """

    def __init__(self, path: Path | None) -> None:
        """Nothing is written without a path."""
        self.path = path
        self._writer: Any = None

    def __enter__(self) -> Self:
        """Ready for rows."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def write(self, frame: pd.DataFrame) -> None:
        """Append rows."""
        if self.path is None or not len(frame):
            return
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._part, table.schema, compression="zstd")
        self._writer.write_table(table)

    def finish(self, result: SweepResult, bars: Bars) -> None:
        """Describe the sweep, and give the file its name."""
        if self.path is None or self._writer is None:
            return
        about = {
            "strategy": result.strategy,
            "parameters": result.parameters,
            "bounds": result.bounds,
            "a_year": result.a_year,
            "terms": result.terms,
            "is_whole": result.is_whole,
            "refused": result.refused,
            "trials": [_number(figure) for figure in result.trials],
            "symbols": bars.symbols,
            "first": bars.index[0].isoformat(),
            "last": bars.index[-1].isoformat(),
        }
        self._writer.add_key_value_metadata({ABOUT: json.dumps(about).encode()})
        self._writer.close()
        self._writer = None
        if result.sums is not None:
            np.save(_sums_of(self.path), result.sums)
        self._part.replace(self.path)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What was not finished leaves nothing behind."""
        if self._writer is not None:
            self._writer.close()
            self._part.unlink(missing_ok=True)

    @property
    def _part(self) -> Path:
        assert self.path is not None  # asked for only where there is one
        return self.path.with_name(self.path.name + ".part")


def read_sweep(path: Path) -> dict[str, Any]:
    """The fields of the result; raises `BadParameter` for a file that is no sweep."""
    try:
        with pq.ParquetFile(path) as file:
            about = json.loads(
                (file.schema_arrow.metadata or {}).get(ABOUT)
                or (file.metadata.metadata or {}).get(ABOUT, b"null")
            )
            table = file.read().to_pandas()
    except (OSError, pa.ArrowInvalid) as problem:
        raise BadParameter(f"{path} is no sweep that can be opened: {problem}.") from problem
    if about is None:
        raise BadParameter(f"{path} is a Parquet file, and no sweep of HYDRA's.")
    sums = _sums_of(path)
    kept = ("strategy", "a_year", "terms", "is_whole", "refused")
    return {
        **{name: about[name] for name in kept},
        "trials": Count._make(np.nan if figure is None else figure for figure in about["trials"]),
        "parameters": tuple(about["parameters"]),
        "bounds": tuple(about["bounds"]),
        "table": table.sort_values("sharpe_ratio", ascending=False, kind="stable"),
        "sums": np.load(sums) if sums.is_file() else None,
    }


def _number(figure: float) -> float | None:
    """JSON has no NaN."""
    return figure if figure == figure else None


def _sums_of(path: Path) -> Path:
    return path.with_name(path.name + ".sums.npy")
