"""The order types that contract details list, as recorded from real gateways, by security type."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hydra.gateway.universe import Instrument
from hydra.gateway.working_order import ORDER_TYPES as SIMULATED

# AAPL: rust-ibapi's test data of 2025-03-23 and a recording of 2026-10-05 are alike.
_STOCK = (
    "ACTIVETIM,AD,ADDONT,ADJUST,ALERT,ALGO,ALLOC,AON,AVGCOST,BASKET,BENCHPX,CASHQTY,COND,"
    "CONDORDER,DARKONLY,DARKPOLL,DAY,DEACT,DEACTDIS,DEACTEOD,DIS,DUR,GAT,GTC,GTD,GTT,HID,IBKRATS,"
    "ICE,IMB,IOC,LIT,LMT,LOC,MIDPX,MIT,MKT,MOC,MTL,NGCOMB,NODARK,NONALGO,OCA,OPG,OPGREROUT,"
    "PEGBENCH,PEGMID,POSTATS,POSTONLY,PREOPGRTH,PRICECHK,REL,REL2MID,RELPCTOFS,RPI,RTH,SCALE,"
    "SCALEODD,SCALERST,SIZECHK,SMARTSTG,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,SWEEP,TRAIL,TRAILLIT,"
    "TRAILLMT,TRAILMIT,WHATIF"
)
# MES (2026-10-05), NQ (2024-03) and ZC (2023-12) are alike; CL has SIZECHK besides.
_FUTURE = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AVGCOST,BASKET,BENCHPX,COND,CONDORDER,DAY,DEACT,"
    "DEACTDIS,DEACTEOD,GAT,GTC,GTD,GTT,HID,ICE,IOC,LIT,LMT,LTH,MIT,MKT,MTL,NGCOMB,NONALGO,OCA,"
    "PEGBENCH,SCALE,SCALERST,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,"
    "WHATIF"
)
# EUR.USD in NautilusTrader's test data (2022-12).
_CURRENCY = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AVGCOST,BASKET,CASHQTY,COND,CONDORDER,DAY,DEACT,"
    "DEACTDIS,DEACTEOD,GAT,GTC,GTD,GTT,HID,IOC,LIT,LMT,MIT,MKT,NONALGO,OCA,REL,RELPCTOFS,SCALE,"
    "SCALERST,STP,STPLMT,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF"
)
_RECORDED: Mapping[str, str] = MappingProxyType(
    {"STK": _STOCK, "FUT": _FUTURE, "CONTFUT": _FUTURE, "CASH": _CURRENCY}
)
# What IB's API documentation (order types; Order.tif) has and is not simulated here.
NOT_SIMULATED = frozenset(
    {
        *("SNAP MID", "SNAP MKT", "SNAP PRIM", "PEG PRIM", "PEG MKT", "PEG BEST", "PEG BENCH"),
        *("PEG STK", "PEGBEST", "PEGBENCH", "PEGMID", "MTL", "MKT PRT", "STP PRT", "BOX TOP"),
        *("PASSV REL", "REL + MKT", "LMT + MKT", "REL + LMT", "TRAIL MIT", "TRAIL LIT", "VOL"),
        *("VWAP", "QUOTE", "TRAIL LIT + MKT", "IBALGO"),
    }
)
TIMES_NOT_SIMULATED = frozenset({"DTC", "GTX", "AUC"})
_UNSUPPORTED = (387, "Unsupported order type for this exchange and security type.")
_INCOMPATIBLE = (111, "The Time in force (tif type) and the order type are incompatible.")


def order_types(one: Instrument) -> str:
    """The list of `one`, separated by commas; what an index lists is unknown, and is nothing.

    It is what the real gateway lists: an order of a type that is not simulated is refused by its
    code all the same.
    """
    return _RECORDED.get(one.secType, "")


def refused_type(name: str) -> tuple[int, str]:
    """Code and text for an order type that does not trade here.

    369 and 387 are of IB's page of message codes; what an unknown word gets was recorded (ibkr-go,
    place_order_invalid_type_live_error, server version 200).
    """
    if name == "VOL":
        return 369, "Volatility orders are only valid for US options."
    if name in NOT_SIMULATED | SIMULATED:
        return _UNSUPPORTED
    return 321, "Error validating request.-'bF' : cause - Invalid order type was entered"


def refused_time_in_force(name: str) -> tuple[int, str]:
    """Code and text for a time in force that does not work here (IB's page of message codes)."""
    return (
        _INCOMPATIBLE if name in TIMES_NOT_SIMULATED else (10052, f"Invalid time in force:{name}")
    )
