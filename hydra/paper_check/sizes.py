"""How large an order the settings would send for one symbol: pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hydra.domain.instruments import Instrument
from hydra.risk._base import Check

ZERO = Decimal(0)


@dataclass(frozen=True)
class SizeInputs:
    """What a size is reckoned from. Money is in the account's currency.

    `weight` is the largest weight that a sizing gives (a fraction of NAV), `price` one unit's
    value, `held` the size of the account's position in the symbol and `gross` that of all its
    positions, `daily_volume` units a day, `largest` the units whose impact is allowed (both None
    where unknown).
    """

    nav: Decimal
    weight: Decimal
    price: Decimal
    held: Decimal = ZERO
    gross: Decimal = ZERO
    daily_volume: Decimal | None = None
    largest: Decimal | None = None


@dataclass(frozen=True)
class ConfiguredSize:
    """The quantity (> 0, or 0 where a limit leaves nothing) and what bounds it, by name."""

    quantity: Decimal
    bound: str


def configured_size(
    inputs: SizeInputs, instrument: Instrument, checks: Mapping[str, Check]
) -> ConfiguredSize:
    """The largest order that a session would send: NAV × weight / price, within our own limits.

    It is never less than one unit where the limits leave room for that.
    """
    bounds = {"weight of the sizing": inputs.nav * inputs.weight / inputs.price}
    bounds |= dict(_limits(inputs, checks))
    name = min(bounds, key=lambda bound: bounds[bound])
    return ConfiguredSize(instrument.round_quantity(max(bounds[name], ZERO)), name)


def _limits(inputs: SizeInputs, checks: Mapping[str, Check]) -> Iterable[tuple[str, Decimal]]:
    """Units that each of our own limits leaves."""
    nav, price = inputs.nav, inputs.price
    if (limit := _of(checks, "position_weight", "limit_weight")) is not None:
        yield "risk.position_weight", (limit * nav - inputs.held) / price
    if (limit := _of(checks, "gross_exposure", "limit_weight")) is not None:
        yield "risk.gross_exposure", (limit * nav - inputs.gross) / price
    if (limit := _of(checks, "order_notional", "limit_notional")) is not None:
        yield "risk.order_notional", limit / price
    if (limit := _of(checks, "order_quantity", "limit_quantity")) is not None:
        yield "risk.order_quantity", limit
    limit = _of(checks, "volume_share", "limit_share")
    if limit is not None and inputs.daily_volume is not None:
        yield "risk.volume_share", limit * inputs.daily_volume
    if inputs.largest is not None:
        yield "trading.max_impact_bps", inputs.largest


def _of(checks: Mapping[str, Check], name: str, key: str) -> Decimal | None:
    """A limit of a check, None where it is switched off."""
    check: Any = checks.get(name)
    return None if check is None else Decimal(str(getattr(check, key)))


def collar_of(checks: Mapping[str, Check]) -> Decimal:
    """How far from the last price our own gate lets a limit lie, as a fraction; 0.10 without the
    check: IB itself refuses buys from 10 % above the ask on (its article 838)."""
    limit = _of(checks, "price_collar", "limit_fraction")
    return Decimal("0.10") if limit is None else min(limit, Decimal("0.10"))


def far_limit(instrument: Instrument, last: Decimal, collar: Decimal, part: Decimal) -> Decimal:
    """A buy's limit below the market by `part` of the collar, on the tick grid.

    A buy below the market rests: IB's price checks are of orders "through the market" (its article
    1312; a limit of 10 on AAPL was recorded to rest). So our own collar is the narrower one, and
    the check needs no exemption from it.
    """
    price = last * (1 - collar * part)
    tick = instrument.tick_at(price)
    rounded = instrument.round_price(price, Decimal(1))
    return rounded if rounded >= last * (1 - collar) else rounded + tick
