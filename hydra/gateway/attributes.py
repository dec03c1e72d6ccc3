"""What the gateway does with each field of placeOrder: one table, on which it acts.

A field is simulated, with the test that holds it; or it is a record that changes no execution by
its meaning at Interactive Brokers, and openOrder tells it back where openOrder has such a field;
or any value but its default is refused, with a code and text of IB's page of message codes. A
field of a group is named with its group: `scale.profitOffset`. No field is ever ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from textwrap import wrap
from types import MappingProxyType
from typing import Any

from hydra.gateway.order_types import listed_types
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.reference import NOT_FOUND
from hydra.gateway.values import DeltaNeutralTerms, PegBenchTerms

Refusal = tuple[int, str]

UNSET: tuple[Any, ...] = (None, "", 0, False, ())  # what says nothing, in any field
_CODES = "IB's page of message codes"
_REFERENCE = "IB's API reference, Order"


class Effect(StrEnum):
    """What a field does here."""

    SIMULATED = "simulated"
    RECORD = "record"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One field: its effect, a sentence or a refusal, the test that holds it, the source."""

    effect: Effect
    note: str
    test: str = ""
    source: str = _REFERENCE
    code: int = 0
    unset: tuple[Any, ...] = UNSET

    @property
    def refusal(self) -> Refusal:
        """Code and text for a value that is not the default."""
        return self.code, self.note


def _simulated(note: str, test: str) -> Attribute:
    return Attribute(Effect.SIMULATED, note, f"tests/gateway/{test}")


def _record(note: str) -> Attribute:
    return Attribute(Effect.RECORD, note)


def _refused(code: int, text: str, *, unset: tuple[Any, ...] = ()) -> Attribute:
    return Attribute(Effect.REFUSED, text, "", _CODES, code, UNSET + unset)


def _unsupported(name: str) -> Attribute:
    return _refused(10340, f"The following order attribute is not supported: {name}")


_NO_ADVISOR = _refused(344, "The account logged into is not a financial advisor account.")
_INSTITUTIONAL = _refused(346, "Not an institutional account or an away clearing account.")
_NO_CONTRACT = _refused(200, NOT_FOUND, unset=("?", "0"))
_STOCK_RANGE = _refused(
    373, "Can only set stock range attribute on VOL or RELATIVE TO STOCK order."
)
_DELTA_NEUTRAL = "Delta neutral orders are only supported for combos (BAG security type)."
_NOT_OFFERED = "Unsupported order type for this exchange and security type."
_MID_OFFSETS = _refused(10306, "Mid offsets are not allowed")

_UNIVERSE = "test_universe.py::"
_TYPES = "test_orders_types.py::"
_FAMILIES = "test_orders_families.py::"
_OWN = "test_order_attributes.py::"
_ALGO = "test_algo_parameters.py::"
_SCALE = "test_scale_orders.py::"
_ADJUST = "test_adjustable_stops.py::"
_HEDGE = "test_hedges.py::"
_SPECIAL_TEST = "test_special_orders.py::"
_FOUND = f"{_OWN}test_an_order_is_for_what_its_contract_names_and_for_nothing_else"

_CONTRACT: Mapping[str, Attribute] = MappingProxyType(
    {
        f"contract.{name}": _simulated("the instrument is found by it", _FOUND)
        for name in (
            *("conId", "symbol", "secType", "lastTradeDateOrContractMonth", "multiplier"),
            *("exchange", "primaryExchange", "currency", "localSymbol", "tradingClass"),
        )
    }
    | {"contract.strike": _NO_CONTRACT, "contract.right": _NO_CONTRACT}
    | {
        name: _simulated("ISIN or CUSIP, which has to be that of the contract", _FOUND)
        for name in ("secIdType", "secId")
    }
    | {
        name: _refused(200, NOT_FOUND)  # the fields of combinations, of which none is listed
        for name in ("comboLegs", "orderComboLegs", "smartComboRoutingParams")
    }
)

_TERMS: Mapping[str, Attribute] = MappingProxyType(
    {
        "orderId": _simulated(
            "new, or of a live order", f"{_TYPES}test_nothing_is_changed_in_a_filled_order"
        ),
        "action": _simulated(
            "BUY, SELL or SSHORT",
            f"{_TYPES}test_a_stop_waits_for_its_price_and_then_trades_at_the_market",
        ),
        "totalQuantity": _simulated(
            "whole units in the instrument's steps",
            f"{_TYPES}test_an_immediate_order_takes_what_is_there_and_cancels_the_rest",
        ),
        "orderType": _simulated(
            "see the order types",
            f"{_OWN}test_each_order_type_is_simulated_or_refused_by_its_code",
        ),
        "lmtPrice": _simulated(
            "of the types that have a limit; a cap for pegged ones",
            f"{_TYPES}test_a_stop_limit_rests_at_its_limit_once_triggered",
        ),
        "auxPrice": _simulated(
            "stop, touch price, trailing amount or offset, by the order's type",
            f"{_TYPES}test_a_trailing_stop_follows_the_peak_and_shows_its_stop",
        ),
        "tif": _simulated(
            "see the times in force",
            f"{_OWN}test_each_time_in_force_is_simulated_or_refused_by_its_code",
        ),
        "ocaGroup": _simulated(
            "the first to trade cancels or reduces the others",
            f"{_FAMILIES}test_the_first_of_a_group_to_fill_cancels_the_others",
        ),
        "ocaType": _simulated(
            "1 cancels; 2 and 3 reduce, by a variant of the seed",
            f"{_FAMILIES}test_a_fill_reduces_the_others_as_the_variant_of_the_seed_says",
        ),
        "account": _simulated(
            "one of the login's", f"{_OWN}test_an_order_trades_for_the_account_that_it_names"
        ),
        "transmit": _simulated(
            "held back until a relative is transmitted",
            f"{_FAMILIES}test_a_bracket_is_silent_until_its_last_order_transmits_it",
        ),
        "parentId": _simulated(
            "works once its parent has traded",
            f"{_FAMILIES}test_children_tell_why_they_are_held_and_share_their_parent_s_group",
        ),
        "whatIf": _simulated(
            "margins and commission, and no order",
            f"{_OWN}test_a_what_if_is_answered_and_is_no_order",
        ),
        "outsideRth": _simulated(
            "US stocks trade in the extended hours",
            "test_extended_hours.py::"
            "test_a_limit_order_that_reaches_the_market_trades_outside_regular_hours",
        ),
        "triggerMethod": _simulated(
            "0 to 4, 7 and 8: which prices trigger a stop; 146 for another",
            f"{_OWN}test_a_stop_is_triggered_by_the_prices_that_its_method_names",
        ),
        "sweepToFill": _simulated(
            "an order always takes level after level",
            f"{_OWN}test_sweep_to_fill_takes_level_after_level",
        ),
        "allOrNone": _simulated(
            "trades whole or not", "test_market.py::test_all_or_none_trades_whole"
        ),
        "goodAfterTime": _simulated(
            "does nothing before", f"{_TYPES}test_a_good_after_time_order_waits_for_its_time"
        ),
        "goodTillDate": _simulated(
            "the end of a GTD order; 334 with another time in force",
            f"{_TYPES}test_a_good_till_date_order_ends_at_its_date",
        ),
        "overridePercentageConstraints": _simulated(
            "no precautionary percentage (109)",
            f"{_OWN}test_the_percentage_preset_can_be_overridden",
        ),
        "trailStopPrice": _simulated(
            "where a trail begins",
            f"{_TYPES}test_a_trailing_stop_limit_becomes_a_limit_off_its_stop",
        ),
        "trailingPercent": _simulated(
            "the trailing amount in percent",
            f"{_TYPES}test_a_trailing_stop_in_percent_trails_by_that_share",
        ),
        "lmtPriceOffset": _simulated(
            "the limit of TRAIL LIMIT off its stop",
            f"{_TYPES}test_a_trailing_stop_limit_becomes_a_limit_off_its_stop",
        ),
        "algoStrategy": _simulated(
            "see the algorithms; 439 for an unknown one",
            f"{_ALGO}test_each_algorithm_is_simulated_or_refused_by_its_code",
        ),
        "algoParams": _simulated(
            "see the algorithms; 443 unknown, 441 wrong",
            f"{_ALGO}test_a_parameter_that_the_algorithm_does_not_know_is_refused",
        ),
    }
)

_SCALES: Mapping[str, Attribute] = MappingProxyType(
    {
        "scalePriceIncrement": _simulated(
            "how much better each component's price is; 408 off the tick",
            f"{_SCALE}test_components_work_one_after_the_other_each_at_a_better_price",
        ),
        "scaleInitLevelSize": _simulated(
            "the size of the first component; 409 missing, 417 wrong",
            f"{_SCALE}test_components_work_one_after_the_other_each_at_a_better_price",
        ),
        "scaleSubsLevelSize": _simulated(
            "the size of the others, else that of the first; 410 wrong",
            f"{_SCALE}test_components_work_one_after_the_other_each_at_a_better_price",
        ),
        "scale.randomPercent": _simulated(
            "sizes within 55 percent, in round lots, drawn by the seed",
            f"{_SCALE}test_random_components_are_round_lots_that_add_up",
        ),
        **dict.fromkeys(
            ("scale.priceAdjustValue", "scale.priceAdjustInterval"),
            _refused(449, "Unexpected scale price adjustment amount or interval."),
        ),
        "scale.profitOffset": _refused(418, "Invalid scale order profit offset."),
        "scale.autoReset": _refused(446, "Missing scale order profit offset."),
        **{name: _unsupported(name) for name in ("scale.initPosition", "scale.initFillQty")},
        **{
            name: _unsupported(name)
            for name in ("scaleTable", "activeStartTime", "activeStopTime")
        },
    }
)

_SPECIAL: Mapping[str, Attribute] = MappingProxyType(
    {
        "minQty": _simulated(
            "at one moment it trades that much or nothing; TWS has it for bonds and options, what "
            "a stock's order gets is unknown",
            f"{_SPECIAL_TEST}test_less_than_the_minimum_quantity_does_not_trade",
        ),
        "displaySize": _simulated(
            "it stands in the book with that much, and goes to the end of the queue for the next; "
            "10020 not below the size, 10255 for currencies and algorithms; a variant of the seed "
            "leaves it Inactive for stocks",
            f"{_SPECIAL_TEST}test_an_iceberg_shows_its_display_size_and_queues_anew_for_the_next",
        ),
        "hidden": _simulated(
            "it does not stand in the book, and takes when the far side comes to its limit; 152 "
            "for orders without a limit",
            f"{_SPECIAL_TEST}test_a_hidden_order_takes_when_the_far_side_comes_to_its_limit",
        ),
        "discretionaryAmt": _simulated(
            "a limit order of a stock stands at its limit and takes up to that much beyond; 325 "
            "for others, 157 with displaySize, 168 off the tick",
            f"{_SPECIAL_TEST}test_a_discretionary_order_stands_at_its_limit_and_takes_beyond_it",
        ),
        "cashQty": _simulated(
            "a currency order by an amount of the second currency, without totalQuantity; 10244 "
            "for others, 10241 to change it",
            f"{_SPECIAL_TEST}test_a_currency_order_by_an_amount_trades_what_the_amount_buys",
        ),
        "triggerPrice": _simulated(
            "where an adjustable stop is changed; 361 wrong",
            f"{_ADJUST}test_an_adjustable_stop_becomes_another_at_its_trigger_price",
        ),
        "adjustedOrderType": Attribute(
            Effect.SIMULATED,
            "STP, STP LMT, TRAIL or TRAIL LIMIT, of a stop order; 10340 for others",
            f"tests/gateway/{_ADJUST}test_a_stop_is_adjusted_to_each_type_of_stop",
            "https://interactivebrokers.github.io/tws-api/adjustable_stops.html",
            unset=(*UNSET, "None"),
        ),
        "adjustedStopPrice": _simulated(
            "its stop from then on; 362 wrong",
            f"{_ADJUST}test_an_adjustable_stop_becomes_another_at_its_trigger_price",
        ),
        "adjustedStopLimitPrice": _simulated(
            "its limit from then on; 363 wrong",
            f"{_ADJUST}test_a_stop_is_adjusted_to_each_type_of_stop",
        ),
        "adjustedTrailingAmount": _simulated(
            "its trailing amount from then on; 364 wrong",
            f"{_ADJUST}test_an_adjusted_trail_trails_by_its_amount_or_percentage",
        ),
        "adjustableTrailingUnit": _simulated(
            "0 for an amount, 1 for a percentage",
            f"{_ADJUST}test_an_adjusted_trail_trails_by_its_amount_or_percentage",
        ),
        "hedgeType": _simulated(
            "F, P or B: a child whose size follows from what its parent traded; 10010 for D",
            f"{_HEDGE}test_a_currency_hedge_trades_what_its_parent_cost",
        ),
        "hedgeParam": _simulated(
            "the ratio of a pair, beta; 10009, 10008 wrong",
            f"{_HEDGE}test_a_pair_trades_its_ratio_of_what_its_parent_traded",
        ),
    }
)

_CONDITIONS: Mapping[str, Attribute] = MappingProxyType(
    {
        "conditions": _simulated(
            "price, time, margin, trade, volume and change; all of a price's trigger methods are "
            "answered by the last price",
            f"{_TYPES}test_an_order_waits_for_its_condition",
        ),
        "conditionsCancelOrder": _simulated(
            "they end the order instead",
            f"{_TYPES}test_conditions_can_cancel_an_order_that_works",
        ),
        "conditionsIgnoreRth": _simulated(
            "they hold outside the regular hours of the order's instrument, too",
            f"{_TYPES}test_conditions_hold_outside_regular_hours_only_where_they_are_told_to",
        ),
    }
)

_RECORDS: Mapping[str, Attribute] = MappingProxyType(
    {
        "orderRef": _record("the client's own name of the order"),
        "openClose": _record("for institutions: whether the position is opened or closed"),
        "rule80A": _record("who the order is for, as the exchange is told it"),
        "settlingFirm": _record("who settles the trade"),
        "clearingAccount": _record("for whom it is cleared"),
        "clearingIntent": _record("where it is cleared"),
        "solicited": _record("who initiated the order"),
        "algoId": _record("which algorithm made the order; openOrder has no such field"),
        "extOperator": _record("who gave the order (CME's tag); openOrder has no such field"),
        "manualOrderTime": _record("when a person gave it; openOrder has no such field"),
        "mifid2DecisionMaker": _record("for the regulator; openOrder has no such field"),
        "mifid2DecisionAlgo": _record("for the regulator; openOrder has no such field"),
        "mifid2ExecutionTrader": _record("for the regulator; openOrder has no such field"),
        "mifid2ExecutionAlgo": _record("for the regulator; openOrder has no such field"),
        "advancedErrorOverride": _record(
            "which of the server's advanced rejections to pass over, and this one has none; "
            "openOrder has no such field"
        ),
    }
)

_REFUSED: Mapping[str, Attribute] = MappingProxyType(
    {
        "origin": _refused(311, "The origin is invalid."),
        "blockOrder": _unsupported("blockOrder"),
        "sharesAllocation": _refused(333, "Invalid share allocation syntax."),
        **dict.fromkeys(("faGroup", "faMethod", "faPercentage", "faProfile"), _NO_ADVISOR),
        "modelCode": _unsupported("modelCode"),
        "shortSaleSlot": _INSTITUTIONAL,
        "designatedLocation": _INSTITUTIONAL,
        "exemptCode": _refused(346, _INSTITUTIONAL.note, unset=(-1,)),
        "eTradeOnly": _refused(10268, "The 'EtradeOnly' order attribute is not supported."),
        "firmQuoteOnly": _refused(10269, "The 'firmQuoteOnly' order attribute is not supported."),
        "nbboPriceCap": _refused(10270, "The 'nbboPriceCap' order attribute is not supported."),
        **{
            name: _unsupported(name)
            for name in ("auctionStrategy", "startingPrice", "stockRefPrice", "delta")
        },
        **dict.fromkeys(("stockRangeLower", "stockRangeUpper"), _STOCK_RANGE),
        "volatility": _refused(
            371,
            "VOL order requires positive floating point value for volatility. Do not set it for "
            "other order types.",
        ),
        "volatilityType": _refused(
            367,
            "Volatility type if set must be 1 or 2 for VOL orders. Do not set it for other order "
            "types.",
        ),
        "continuousUpdate": _refused(372, "Cannot set dynamic VOL attribute on non-VOL order."),
        "referencePriceType": _refused(
            368,
            "Reference Price Type must be 1 or 2 for dynamic volatility management. Do not set it "
            "for non-VOL orders.",
        ),
        "deltaNeutralOrderType": _refused(429, _DELTA_NEUTRAL, unset=("None",)),
        "deltaNeutral": _refused(429, _DELTA_NEUTRAL, unset=(DeltaNeutralTerms(),)),
        "deltaNeutralContract": _refused(429, _DELTA_NEUTRAL),
        "deltaNeutralAuxPrice": _refused(
            379, "Delta hedge order type requires that no delta hedge aux. price be specified."
        ),
        "optOutSmartRouting": _unsupported("optOutSmartRouting"),
        "notHeld": _refused(10297, "Not Held attribute is invalid for this order."),
        "orderMiscOptions": _refused(
            10337, "Misc options key is invalid in placeOrder request. Valid keys are: none"
        ),
        "pegBench": _refused(387, _NOT_OFFERED, unset=(PegBenchTerms(),)),
        "minTradeQty": _refused(10302, "Min trade trade quantity is not allowed for this order"),
        **dict.fromkeys(("midOffsetAtWhole", "midOffsetAtHalf"), _MID_OFFSETS),
        **dict.fromkeys(
            ("minCompeteSize", "competeAgainstBestOffset"), _refused(387, _NOT_OFFERED)
        ),
        **{
            name: _unsupported(name)
            for name in (
                *("randomizeSize", "randomizePrice", "softDollarName", "softDollarValue"),
                *("dontUseAutoPriceForHedge", "isOmsContainer", "discretionaryUpToLimitPrice"),
                *("usePriceMgmtAlgo", "duration", "postToAts", "autoCancelParent"),
                "percentOffset",
            )
        },
    }
)

ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType(
    {
        **_CONTRACT,
        **_TERMS,
        **_SPECIAL,
        **_SCALES,
        **_CONDITIONS,
        **_RECORDS,
        **_REFUSED,
    }
)
_REFUSING = {name: one for name, one in ATTRIBUTES.items() if one.effect is Effect.REFUSED}
_values = attrgetter(*_REFUSING)


def refused_attribute(terms: PlaceOrder) -> Refusal | None:
    """Code and text for the first field that is not simulated and says something."""
    values = _values(terms)
    for attribute, value in zip(_REFUSING.values(), values, strict=True):
        if value not in attribute.unset:
            return attribute.refusal
    return None


def described() -> Iterator[tuple[str, str, str]]:
    """Each field with its effect and a sentence, as a person is shown them."""
    for name, one in ATTRIBUTES.items():
        code = f"{one.code} " if one.code else ""
        yield name, one.effect.value, code + one.note


def listed(width: int = 80) -> Iterator[str]:
    """The table in lines of a terminal: all that is simulated, then records, then refusals.

    After it come the order types and times in force, to which the table refers.
    """
    rows = list(described())
    for effect in Effect:
        told = [(name, sentence) for name, kind, sentence in rows if kind == effect]
        yield f"{effect.value}: {len(told)} fields of placeOrder"
        for name, sentence in told:
            yield from wrap(
                sentence, width, initial_indent=f"  {name}: ", subsequent_indent="      "
            )
    yield from listed_types(width)
