"""Bars that were loaded before: `hydra bars update` brings them from the gateway, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from hydra.data._series import BarFiles
from hydra.data._validate import checked
from hydra.domain.bars import Bars


@dataclass(frozen=True)
class Store:
    """The store under `path`: bars of `source`, of the `kind` trades or adjusted."""

    path: Path = field(default_factory=lambda: Path("~/.hydra/bars").expanduser())
    source: str = "gateway"
    kind: str = "trades"

    async def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        bar_size: str = "1 day",
    ) -> Bars:
        """Bars from the store; contract as in `hydra.data._base.Source`.

        Raises `UnknownName` for a symbol that was never loaded.
        """
        first = datetime.combine(start, time(), UTC) if start else None
        last = datetime.combine(end + timedelta(days=1), time(), UTC) if end else None
        files = BarFiles(self.path)
        return checked(files.bars(self.source, self.kind, symbols, bar_size, first, last))
