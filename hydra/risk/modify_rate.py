"""Refuses changes of working orders that come too fast."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, positive


@dataclass(frozen=True)
class ModifyRate:
    """`limit_changes` is the most changes of working orders in any 60 s of the market's clock.

    Counted from the journal over the whole account; new orders are counted by `order_rate`.
    """

    limit_changes: int = 300

    def __post_init__(self) -> None:
        """Refuse a limit that lets nothing through."""
        positive("modify_rate", limit_changes=self.limit_changes)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a change beyond the rate."""
        traffic = context.traffic
        if request.order_ref not in traffic.working:
            return None
        count = traffic.sent.changes.within_minute(context.now) + 1
        if count <= self.limit_changes:
            return None
        return Objection(
            "modify_rate",
            f"{count}",
            f"{self.limit_changes}",
            f"It would be change {count:,} within a minute; the limit is {self.limit_changes:,}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """Changes of the last minute."""
        count = context.traffic.sent.changes.within_minute(context.now)
        return [Usage("account", count, self.limit_changes, "changes a minute")]
