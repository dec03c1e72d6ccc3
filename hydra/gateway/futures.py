"""A future's months: when each stops trading and when its delivery can be noticed, by rule.

The rules are the exchanges' own (CME, CBOT, NYMEX, COMEX, Eurex and ICE contract specifications),
counted in the sessions of the New York Stock Exchange, which differ from theirs by a rare day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from hydra.gateway.hours import (
    FRIDAY,
    MONDAY,
    ONE_DAY,
    WEDNESDAY,
    business_days,
    is_session,
    nth_weekday,
)

CODES = "FGHJKMNQUVXZ"  # January to December
_MARKET = "NYSE"

Rule = Callable[[int, int], date]


def third_friday(year: int, month: int) -> date:
    """Equity indices: the third Friday, or the session before a holiday."""
    return _on_or_before(nth_weekday(year, month, FRIDAY, 3))


def energy(year: int, month: int) -> date:
    """Crude oil: three sessions before the 25th of the month before."""
    before = _last_of_month_before(year, month)
    anchor = before.replace(day=25)
    return business_days(_MARKET, _on_or_before(anchor), -3)


def before_month(year: int, month: int) -> date:
    """Natural gas: three sessions before the month begins."""
    return business_days(_MARKET, date(year, month, 1), -3)


def third_last(year: int, month: int) -> date:
    """Metals: the third last session of the month."""
    return business_days(_MARKET, _month_after(year, month), -3)


def last_session(year: int, month: int) -> date:
    """Live cattle: the last session of the month."""
    return business_days(_MARKET, _month_after(year, month), -1)


def tenth_session(year: int, month: int) -> date:
    """Lean hogs: the tenth session of the month."""
    return business_days(_MARKET, date(year, month, 1) - ONE_DAY, 10)


def before_fifteenth(year: int, month: int) -> date:
    """Grains: the session before the 15th."""
    return business_days(_MARKET, date(year, month, 15), -1)


def eighth_last(year: int, month: int) -> date:
    """Treasury notes and bonds: seven sessions before the last of the month."""
    return business_days(_MARKET, _month_after(year, month), -8)


def before_third_wednesday(year: int, month: int) -> date:
    """Currencies: two sessions before the third Wednesday."""
    return business_days(_MARKET, nth_weekday(year, month, WEDNESDAY, 3), -2)


def last_of_month_before(year: int, month: int) -> date:
    """First notice of metals, grains and Treasuries: the last session of the month before."""
    return business_days(_MARKET, date(year, month, 1), -1)


def first_monday(year: int, month: int) -> date:
    """First notice of live cattle: the first Monday of the month, or the next session."""
    day = nth_weekday(year, month, MONDAY, 1)
    return day if is_session(_MARKET, day) else business_days(_MARKET, day, 1)


def second_before_tenth(year: int, month: int) -> date:
    """Euro bonds: two sessions before the delivery day, the 10th or the next session."""
    return business_days(_MARKET, business_days(_MARKET, date(year, month, 9), 1), -2)


def before_announcement(year: int, month: int) -> date:
    """Milk: the session before its price is announced, the Wednesday up to the 5th of the next
    month. So are eight of the nine months that were recorded (pyfutures, DCM5 to DCG6)."""
    fifth = _month_after(year, month).replace(day=5)
    return business_days(_MARKET, fifth - ONE_DAY * ((fifth.weekday() - WEDNESDAY) % 7), -1)


def eleven_before_last(year: int, month: int) -> date:
    """Cocoa: eleven sessions before the last of the month."""
    return business_days(_MARKET, _month_after(year, month), -12)


def eight_before_last(year: int, month: int) -> date:
    """Coffee: eight sessions before the last of the month."""
    return business_days(_MARKET, _month_after(year, month), -9)


def fourteen_before_last(year: int, month: int) -> date:
    """Orange juice: fourteen sessions before the last of the month."""
    return business_days(_MARKET, _month_after(year, month), -15)


def seventeenth_last(year: int, month: int) -> date:
    """Cotton: seventeen sessions from the end of the month."""
    return business_days(_MARKET, _month_after(year, month), -17)


def first_session(year: int, month: int) -> date:
    """First notice of orange juice: the first session of the month."""
    return business_days(_MARKET, date(year, month, 1) - ONE_DAY, 1)


def ten_before_month(year: int, month: int) -> date:
    """First notice of cocoa: ten sessions before the first of the month."""
    return business_days(_MARKET, first_session(year, month), -10)


def seven_before_month(year: int, month: int) -> date:
    """First notice of coffee: seven sessions before the first of the month."""
    return business_days(_MARKET, first_session(year, month), -7)


def five_before_month(year: int, month: int) -> date:
    """First notice of cotton: five sessions before the first of the month."""
    return business_days(_MARKET, first_session(year, month), -5)


EXPIRIES: Mapping[str, Rule] = MappingProxyType(
    {
        "third_friday": third_friday,
        "energy": energy,
        "before_month": before_month,
        "third_last": third_last,
        "last_session": last_session,
        "tenth_session": tenth_session,
        "before_fifteenth": before_fifteenth,
        "eighth_last": eighth_last,
        "before_third_wednesday": before_third_wednesday,
        "second_before_tenth": second_before_tenth,
        "before_announcement": before_announcement,
        "eleven_before_last": eleven_before_last,
        "eight_before_last": eight_before_last,
        "fourteen_before_last": fourteen_before_last,
        "seventeenth_last": seventeenth_last,
        "last_of_month_before": last_of_month_before,  # sugar
    }
)
NOTICES: Mapping[str, Rule] = MappingProxyType(
    {
        "last_of_month_before": last_of_month_before,
        "first_monday": first_monday,
        "first_session": first_session,
        "ten_before_month": ten_before_month,
        "seven_before_month": seven_before_month,
        "five_before_month": five_before_month,
    }
)


def _on_or_before(day: date) -> date:
    return day if is_session(_MARKET, day) else business_days(_MARKET, day, -1)


def _month_after(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1)


def _last_of_month_before(year: int, month: int) -> date:
    return date(year, month, 1) - ONE_DAY
