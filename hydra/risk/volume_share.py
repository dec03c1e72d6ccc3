"""Refuses an order that is too large a part of what the market trades in a day."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.errors import BadParameter
from hydra.risk._base import Context, fraction, reduces

WORDS = ("refuse", "admit")


@dataclass(frozen=True)
class VolumeShare:
    """`limit_share` is the largest order as a fraction of the average daily volume (0.05 is 5 %).

    The volume is the mean of the last 20 bars (fewer where there are fewer) that the decision was
    made on. Where none is known, `when_unknown` says what happens: "refuse" (a session that
    decides on bars knows it always) or "admit". Exits pass, and currency pairs, whose market
    tells no volume.
    """

    limit_share: Decimal = Decimal("0.05")
    when_unknown: str = "refuse"

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction, and another word."""
        fraction("volume_share", Decimal(1), limit_share=self.limit_share)
        if self.when_unknown not in WORDS:
            raise BadParameter(
                f"when_unknown is {self.when_unknown!r}; the check volume_share takes "
                f"{' or '.join(map(repr, WORDS))}."
            )

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to an order beyond the share, and to an unknown volume."""
        symbol, size = request.instrument.symbol, abs(request.quantity)
        if request.instrument.sec_type == "CASH":
            return None
        volume = context.daily_volume.get(symbol)
        known = volume is not None and volume > 0
        if known and size <= self.limit_share * (volume or 0):
            return None
        if (not known and self.when_unknown == "admit") or reduces(request, context):
            return None
        if volume is None or not known:
            sentence = f"The daily volume of {symbol} is not known."
            return Objection("volume_share", "unknown", f"{self.limit_share}", sentence)
        return Objection(
            "volume_share",
            f"{size / volume:.4f}",
            f"{self.limit_share:.4f}",
            f"{symbol}: the order for {size:,} is {size / volume:.2%} of a day's volume of "
            f"{volume:,.0f}; the limit is {self.limit_share:.2%}.",
        )
