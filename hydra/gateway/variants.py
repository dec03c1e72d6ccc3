"""Where sources differ about a real gateway: a choice among the variants, drawn by the seed.

The same seed makes the same choices, so that a run can be repeated, and many seeds meet all of
them. A variant is a line of `VARIANTS`: what differs, the possible answers, and who says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import count
from random import Random
from types import MappingProxyType

from hydra.gateway.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Variants:
    """The answers to one question, and where each of them was found."""

    question: str
    answers: Mapping[str, str]


VARIANTS: Mapping[str, Variants] = MappingProxyType(
    {
        "account_values": Variants(
            "When the values of an account are told that a trade has changed.",
            {
                "with_the_trade": "at once (IB's API reference, account updates: every three "
                "minutes, unless there is a position change)",
                "every_three_minutes": "with the next three-minute cycle, cash and net "
                "liquidation of one moment, while the portfolio is of now (ib_async #15)",
            },
        ),
        "cancel_of_another": Variants(
            "What the cancel of an order does that another client id has placed.",
            {
                "refused": "nothing: 10147 (IB's API reference, cancelOrder: only the client that "
                "placed an order can cancel it)",
                "cancelled": "it cancels, and the status names the client that cancelled "
                "(ibkr-go, api_cross_client_cancel_aapl, server version 200)",
            },
        ),
        "halted_order": Variants(
            "What becomes of an order in a halted stock.",
            {
                "refused": "error 154 (IB's page on message codes)",
                "held": "it is accepted without a warning and does not fill (IB's page on order "
                "statuses)",
            },
        ),
        "historical_farm": Variants(
            "What is said of the farm of historical data when a client has connected.",
            {
                "connected": "2106, and history is answered as all else (ibkr-go, recorded "
                "conversations; ib_async, outputs of its notebooks)",
                "inactive": "2107, and the first request wakes it up: 2106, then the answer "
                "(IB's page on message codes)",
            },
        ),
        "historical_pacing": Variants(
            "To which bars the pacing rules of historical data apply.",
            {
                "small_bars": "to those of 30 seconds and less (IB's page on historical data "
                "limitations)",
                "all_bars": "to all (IB's API users' guide, historical data limitations)",
            },
        ),
        "message_rate": Variants(
            "What becomes of messages beyond 50 a second.",
            {
                "paced": "they wait (IB's page on pacing limitations; the option +PACEAPI)",
                "refused": "error 100, and they do nothing (TWS Users' Guide, API settings: "
                "reject messages above maximum allowed message rate)",
                "disconnected": "error 100, and the client is disconnected (IB's page on message "
                "codes: TWS will likely disconnect the client)",
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


def seed_with(**answers: str) -> int:
    """The first seed from 0 on whose gateway gives these answers to these questions.

    Raises SettingsError for an answer that there is not.
    """
    for question, answer in answers.items():
        known = VARIANTS[question].answers
        if answer not in known:
            near = get_close_matches(answer, known, 1, 0.0)[0]
            raise SettingsError(
                f"{answer!r} is no answer to {question}; there is {', '.join(known)}, and the "
                f"nearest is {near}"
            )
    seeds = (seed for seed in count() if all(variant(seed, q) == a for q, a in answers.items()))
    return next(seeds)


@lru_cache(maxsize=1024)
def variant(seed: int, name: str) -> str:
    """The answer that the gateway of `seed` gives to the question `name`."""
    return Random(f"{seed}/{name}").choice(sorted(VARIANTS[name].answers))
