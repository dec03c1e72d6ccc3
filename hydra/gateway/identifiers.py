"""International Securities Identification Numbers, and the CUSIP that an American one holds.

Real ones stand in `universe.toml` (key `isin`), where their check digits are tested. Whatever
stock has none there gets one that is made: country ZZ, which ISO 3166 gives to nobody, so that no
real security has it, its own number, and the right check digit.
"""

from __future__ import annotations

from hydra.gateway.universe import Instrument

_MADE = "ZZ"
_WITH_CUSIP = frozenset({"US", "CA"})
_MADE_DIGITS = 9


def check_digit(body: str) -> str:
    """The last digit of an ISIN by its first eleven characters (ISO 6166, Luhn's formula)."""
    digits = [int(digit) for sign in body for digit in str(int(sign, 36))]
    doubled = [digit * (2 - at % 2) for at, digit in enumerate(reversed(digits))]
    return str(-sum(sum(divmod(digit, 10)) for digit in doubled) % 10)


def is_isin(text: str) -> bool:
    """Whether `text` is twelve characters of an ISIN with its right check digit."""
    is_shaped = len(text) == 12 and text.isascii() and text.isalnum() and text == text.upper()
    return is_shaped and text[:2].isalpha() and check_digit(text[:11]) == text[11]


def isin_of(one: Instrument) -> str:
    """The ISIN of a stock or fund, made where none is known; "" for anything else."""
    if one.secType != "STK":
        return ""
    body = f"{_MADE}{one.conId % 10**_MADE_DIGITS:0{_MADE_DIGITS}d}"
    return one.isin or body + check_digit(body)


def cusip_of(one: Instrument) -> str:
    """The CUSIP within a real American or Canadian ISIN; "" without one."""
    isin = isin_of(one)
    return isin[2:11] if isin[:2] in _WITH_CUSIP else ""


def has_identifier(one: Instrument, kind: str, number: str) -> bool:
    """Whether `one` is known by `number` as its `kind`: ISIN or CUSIP; none for any other kind.

    Without a number everything fits, as in a contract whose secId is empty.
    """
    known = {"ISIN": isin_of, "CUSIP": cusip_of}.get(kind)
    return not number or (known is not None and known(one) == number)
