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
        "accepted_order": Variants(
            "Which statuses an order has that goes to an open market at once.",
            {
                "presubmitted": "PreSubmitted until it is filled (ibkr-go, "
                "api_dollar_cost_averaging_aapl, orders 282 to 284, and api_future_campaign_mes)",
                "presubmitted_then_submitted": "PreSubmitted, then Submitted (ibkr-go, "
                "api_order_rest_cancel_aapl; callbacks of a gateway 10.40)",
                "submitted": "Submitted from the first (ibkr-go, api_dollar_cost_averaging_aapl, "
                "order 285, and api_transmit_false_then_transmit_aapl)",
            },
        ),
        "cancelled_order": Variants(
            "Which statuses a cancel has.",
            {
                "cancelled_at_once": "Cancelled (ibkr-go, api_reconnect_active_order_aapl, "
                "api_stop_loss_management_aapl)",
                "pending_cancel_first": "PendingCancel, then Cancelled (ibkr-go, "
                "api_order_rest_cancel_aapl)",
            },
        ),
        "change_of_filled": Variants(
            "What a change of a filled order gets.",
            {
                "ignored": "nothing (ibkr-go, live-test-tracker, TestLiveOrderModifyFilledOrder)",
                "refused": "104 (IB's page on message codes; callbacks of a gateway 10.40)",
            },
        ),
        "execution_order": Variants(
            "In which order a fill is told.",
            {
                "execution_then_orders": "the execution, openOrder and status, both again with "
                "the commission, then its report (rust-ibapi #811; callbacks of a gateway 10.40)",
                "execution_then_status": "the execution, the status without an openOrder, the "
                "commission (ibkr-go, api_dollar_cost_averaging_aapl, api_future_campaign_mes)",
                "status_then_execution": "openOrder and status, then execution and commission "
                "(ibkr-go, place_order_modify_to_market_late_execution)",
            },
        ),
        "fok_rejection": Variants(
            "Whether an order that the exchange does not take (FOK, an iceberg, a currency limit "
            "far away) is Inactive with an error.",
            {
                "with_201": "201, and Inactive before and after it (callbacks of a gateway 10.40)",
                "without_error": "Inactive, and nothing else (ibkr-go, api_ioc_fok_aapl)",
            },
        ),
        "iceberg": Variants(
            "What becomes of a stock's order with a display size.",
            {
                "inactive": "Inactive (ibkr-go, live-test-tracker, TestLiveOrderIceberg: 3 of 10 "
                "AAPL)",
                "works": "it works (IB's page on iceberg orders)",
            },
        ),
        "ioc_remainder": Variants(
            "Whether error 202 follows what is left of an IOC order and is cancelled.",
            {
                "with_202": "yes (captures of a gateway at server version 200, in the protocol "
                "notes)",
                "without_202": "no (ibkr-go, api_ioc_fok_aapl)",
            },
        ),
        "limit_through_market": Variants(
            "What becomes of a stock's limit that is 3 % or more through the market.",
            {
                "cancelled": "PendingCancel and Cancelled by price protection (ibkr-go, "
                "api_ioc_fok_aapl: 20 %; TestLiveOrderMarketableLimitFill: 3 %)",
                "traded": "it takes what there is (IB's page on order types, Limit Orders)",
            },
        ),
        "listed_open_orders": Variants(
            "Whether a status follows each openOrder of an answer to reqOpenOrders.",
            {
                "with_status": "yes (IB's API reference, reqOpenOrders: openOrder, orderStatus)",
                "without_status": "no (ibkr-go, api_reconnect_active_order_aapl, "
                "api_client_id0_order_observation_aapl)",
            },
        ),
        "new_stop_limit": Variants(
            "Which limit the first openOrder of a stop or trailing stop tells.",
            {
                "other_limit": "one that is not the order's, and a second openOrder has none "
                "(ibkr-go, api_stop_loss_management_aapl: 13.16 for a stop at 13.13)",
                "own_limit": "none (IB's API reference, Order.lmtPrice)",
            },
        ),
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
