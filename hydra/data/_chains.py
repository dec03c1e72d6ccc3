"""The contracts of each future whose bars are in the store: one small file each, beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from hydra.data._futures import RollRule, beside, continuous
from hydra.data._quality import Flaw, flaws
from hydra.data._series import BarFiles, Series
from hydra.domain.bars import Bars, Roll
from hydra.domain.instruments import Instrument
from hydra.errors import BarsError, UnknownName, unknown
from hydra.ib.products import (
    Product,
    continuous_root,
    future_named,
    product_named,
    share_named,
)

FOLDER = "chains"


def save_chain(root: Path, product: Product, chain: Sequence[Instrument]) -> None:
    """Replace the file as a whole; contracts that it had and the gateway tells no more of stay."""
    known = {one.symbol: one for one in (*load_chain(root, product.root), *chain)}
    path = _path(root, product.root)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    rows = [_plain(known[symbol]) for symbol in sorted(known)]
    part.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def load_chain(root: Path, future: str) -> list[Instrument]:
    """The contracts of a future by its root; none where it was never loaded.

    Raises `BarsError` for a file that is damaged.
    """
    path = _path(root, future)
    if not path.is_file():
        return []
    try:
        return [_instrument(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError, ArithmeticError) as problem:
        raise BarsError(
            f"{path} cannot be read as contracts ({problem}); delete it, and load them again: "
            f"hydra bars update {future}.C."
        ) from problem


def stored_series(
    files: BarFiles, source: str, kind: str, symbol: str, bar_size: str, product: Product
) -> Bars:
    """The continuous series of a future from the contracts in the store, all of them.

    Raises `UnknownName` where none was loaded.
    """
    chain = load_chain(files.root, product.root)
    there = {s.symbol for s in files.series() if (s.kind, s.bar_size) == (kind, bar_size)}
    loaded = [one for one in chain if one.symbol in there]
    if not loaded:
        known = sorted(
            {s.partition(".")[0] + ".C" for s in there if s.partition(".")[2].isdigit()}
        )
        raise UnknownName(unknown(f"future in the store ({kind})", symbol, known))
    raw = files.bars(source, kind, [one.symbol for one in loaded], bar_size)
    return continuous(symbol, raw, loaded, rule_of(product), product.adjust)


def rule_of(product: Product) -> RollRule:
    """How its contracts follow one another."""
    return RollRule(product.roll, product.roll_sessions)


def in_order(symbols: Sequence[str], parts: Sequence[Bars]) -> Bars:
    """Bars of several sources of one, columns as `symbols` has them."""
    return beside(parts).select(symbols)


def stored_futures(
    files: BarFiles, products: Mapping[str, Product]
) -> Iterator[tuple[Series, Bars]]:
    """The series of every future whose contracts are in the store as daily trades."""
    for path in sorted((files.root / FOLDER).glob("*.json")):
        product = products.get(path.stem)
        one = Series("gateway", "trades", f"{path.stem}.C")
        if product and any(s.symbol.startswith(f"{path.stem}.") for s in files.series()):
            bars = stored_series(files, one.source, one.kind, one.symbol, one.bar_size, product)
            yield one, bars


def checked_series(
    files: BarFiles,
    symbols: Sequence[str],
    kind: str,
    bar_size: str,
    products: Mapping[str, Product],
    calendar: str,
) -> tuple[list[Flaw], dict[str, tuple[Roll, ...]]]:
    """What looks wrong with each symbol by its own exchange's sessions (those of `calendar` for US
    stocks), and the rolls of each future among them."""
    found: list[Flaw] = []
    rolls = {}
    for symbol in symbols:
        if root := continuous_root(symbol):
            product = product_named(root, products)
            bars = stored_series(files, "gateway", kind, symbol, bar_size, product)
            rolls[symbol] = bars.contracts[symbol].rolls
            kept = product.calendar
        else:
            bars = files.bars("gateway", kind, [symbol], bar_size)
            one = future_named(symbol, products) or share_named(symbol)
            kept = one.calendar if one else calendar
        found += flaws(bars, kept)
    return found, rolls


def roll_rows(rolls: Mapping[str, Sequence[Roll]]) -> list[dict[str, Any]]:
    """One row a roll, as people read it."""
    return [
        {
            "symbol": symbol,
            "session": roll.session,
            "from": roll.old,
            "to": roll.new,
            "old_price": roll.old_price,
            "new_price": roll.new_price,
            "gap": roll.gap,
        }
        for symbol, some in rolls.items()
        for roll in some
    ]


def _path(root: Path, future: str) -> Path:
    return root / FOLDER / f"{future}.json"


def _plain(one: Instrument) -> dict[str, Any]:
    row: dict[str, Any] = asdict(one)
    row["ticks"] = [[str(low), str(step)] for low, step in one.ticks]
    return {
        name: str(value) if isinstance(value, Decimal | date) else value
        for name, value in row.items()
    }


def _instrument(row: dict[str, Any]) -> Instrument:
    known = {f.name for f in fields(Instrument)}
    if not set(row) <= known:
        raise ValueError(f"keys {sorted(set(row) - known)}")
    decimals: dict[str, Any] = {
        n: Decimal(row[n]) for n in ("min_tick", "lot_size", "multiplier") if n in row
    }
    days: dict[str, Any] = {
        n: date.fromisoformat(row[n])
        for n in ("expires", "first_notice")
        if row.get(n) is not None
    }
    ticks = tuple((Decimal(low), Decimal(step)) for low, step in row.get("ticks", ()))
    return Instrument(**{**row, **decimals, **days, "ticks": ticks})
