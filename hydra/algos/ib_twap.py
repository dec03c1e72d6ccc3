"""IB's Twap algorithm: the broker spreads the order over time."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.algos._base import Desk, check_one_of
from hydra.algos._broker_run import flag, hand_over
from hydra.domain.orders import OrderRequest

DEFAULT = "Marketable"
STRATEGIES = (
    DEFAULT,
    "Matching",
    "Midpoint",
    "Matching Same Side",
    "Matching Last",
)


@dataclass(frozen=True)
class IbTwap:
    """Parameters as on IB's page "TWAP"; times are texts such as `09:30:00 US/Eastern`, empty for
    the whole session.

    The trade strategy is told only where it is not `Marketable`, which is IB's own default: a real
    gateway was recorded to refuse the order with 443, "Unknown algo attribute:strategyType"
    (ibkr-go's live tests of 2026-04-15), though IB's page lists it.
    """

    strategy_type: str = DEFAULT
    start_time: str = ""
    end_time: str = ""
    allow_past_end_time: bool = False

    def __post_init__(self) -> None:
        """Refuse a word that IB does not know."""
        check_one_of("strategy_type", self.strategy_type, STRATEGIES)

    async def work(self, request: OrderRequest, desk: Desk) -> None:
        """Hand it over and wait."""
        parameters = {
            **({} if self.strategy_type == DEFAULT else {"strategyType": self.strategy_type}),
            "startTime": self.start_time,
            "endTime": self.end_time,
            "allowPastEndTime": flag(self.allow_past_end_time),
        }
        await hand_over(request, desk, "Twap", parameters)
