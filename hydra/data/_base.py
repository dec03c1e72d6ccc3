"""What a source of bars has to offer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from hydra.domain.bars import Bars


class Source(Protocol):
    """A place that bars come from: one frozen dataclass in one file of this folder."""

    async def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        bar_size: str = "1 day",
    ) -> Bars:
        """Bars of `symbols` (columns in that order), checked by `hydra.data._validate.checked`.

        `start` and `end` are session dates of the exchange, both included; None means from the
        first or to the last bar there is. A symbol has NaN where it was not listed. Raises
        `UnknownName` for a symbol or bar size that is not there, `BarsError` for bars that break
        a rule or when nothing is left of them.
        """
