"""IB's Vwap algorithm: the broker follows the day's volume."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.algos._base import Desk
from hydra.algos._broker_run import flag, hand_over
from hydra.domain.orders import OrderRequest
from hydra.errors import BadParameter


@dataclass(frozen=True)
class IbVwap:
    """Parameters as on IB's page "VWAP"; `max_percent_volume` is a fraction, 0.01 to 0.50, and
    times are texts such as `09:30:00 US/Eastern`, empty for the whole session."""

    max_percent_volume: float = 0.10
    start_time: str = ""
    end_time: str = ""
    allow_past_end_time: bool = False
    no_take_liquidity: bool = False
    speed_up: bool = False

    def __post_init__(self) -> None:
        """Refuse a share that IB does not take."""
        if not 0.01 <= self.max_percent_volume <= 0.50:
            raise BadParameter(
                f"max_percent_volume is {self.max_percent_volume}; it is a fraction from 0.01 "
                "to 0.50, so 10 % is 0.10."
            )

    async def work(self, request: OrderRequest, desk: Desk) -> None:
        """Hand it over and wait."""
        parameters = {
            "maxPctVol": f"{self.max_percent_volume:g}",
            "startTime": self.start_time,
            "endTime": self.end_time,
            "allowPastEndTime": flag(self.allow_past_end_time),
            "noTakeLiq": flag(self.no_take_liquidity),
            "speedUp": flag(self.speed_up),
        }
        await hand_over(request, desk, "Vwap", parameters)
