"""Where sources differ about a real gateway: a choice among the variants, drawn by the seed.

The same seed makes the same choices, so that a run can be repeated, and many seeds meet all of
them. A variant is a line of `VARIANTS`: what differs, the possible answers, and who says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Variants:
    """The answers to one question, and where each of them was found."""

    question: str
    answers: Mapping[str, str]


VARIANTS: Mapping[str, Variants] = MappingProxyType(
    {
        "accrued_dividends": Variants(
            "Whether dividends that are accrued and not paid are in NetLiquidation.",
            {
                "beside_net_liquidation": "no: cash, stock, options, bonds and funds (IB's page "
                '"Account Balances")',
                "in_net_liquidation": "yes (IB's report guide, Change in Dividend Accruals: they "
                "are in the net asset value)",
            },
        ),
        "oca_reduction": Variants(
            "By how much a fill reduces the other orders of a group of OCA type 2 or 3.",
            {
                "by_filled_quantity": "by what was filled (TWS Users' Guide, OCA orders)",
                "proportionately": "by the share of the order that was filled (IB's API "
                "reference, Order.ocaType: remaining orders are proportionately reduced in size)",
            },
        ),
    }
)


def variant(seed: int, name: str) -> str:
    """The answer that the gateway of `seed` gives to the question `name`."""
    return Random(f"{seed}/{name}").choice(sorted(VARIANTS[name].answers))
