"""Bars that were loaded before: `hydra bars update` brings them from the gateway, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from hydra.data._chains import in_order, stored_series
from hydra.data._series import BarFiles
from hydra.data._validate import checked
from hydra.domain.bars import Bars
from hydra.errors import BarsError
from hydra.ib.products import PRODUCTS, Product, continuous_root, product_named


@dataclass(frozen=True)
class Store:
    """The store under `path`: bars of `source`, of the `kind` trades or adjusted.

    ES.C is the series of the contracts of ES that are there, which follow one another as
    `products` says.
    """

    path: Path = field(default_factory=lambda: Path("~/.hydra/bars").expanduser())
    source: str = "gateway"
    kind: str = "trades"
    products: Mapping[str, Product] = field(default_factory=lambda: PRODUCTS)

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
        files, parts = BarFiles(self.path), []
        plain = [s for s in symbols if not continuous_root(s)]
        if plain or not symbols:
            parts.append(files.bars(self.source, self.kind, plain, bar_size, first, last))
        for symbol in symbols:
            if root := continuous_root(symbol):
                product = product_named(root, self.products)
                whole = stored_series(files, self.source, self.kind, symbol, bar_size, product)
                # Cut after the contracts were joined: a roll is none by where one looks from.
                part = whole.since(first) if first else whole
                parts.append(part.until(last) if last else part)
        bars = in_order(symbols, parts)
        if not len(bars):
            raise BarsError(f"The store has no bars of {', '.join(symbols)} in that time.")
        return checked(bars)
