"""An account download as the Broker port tells of it: money, positions and marks of one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from ib_async import AccountValue, PortfolioItem

from hydra.domain.instruments import Instrument
from hydra.errors import BrokerError
from hydra.execution.broker import Account
from hydra.ib.contracts import decimal

ZERO = Decimal(0)
Values = Mapping[tuple[str, str], str]
"""Account values by tag and currency."""
Held = Sequence[tuple[str, PortfolioItem]]
"""Rows of the portfolio beside our names of them."""

PREFIX = "$LEDGER-"
"""What newer gateways write before a currency's own figures; older ones write nothing."""
IN_CASH = frozenset({"FUT", "CASH"})
"""Kinds whose gain, or both sides, are in the cash (IB's page "Account Value Keys")."""
ACCRUED = ("AccruedCash", "AccruedDividend")
"""Interest and dividends that are owed and not paid, in the account's currency."""
OWNED = frozenset({"STK", "OPT", "BOND", "FUND", "WAR", "CRYPTO"})
"""Kinds whose market value stands beside the cash in NetLiquidation."""


def values_of(told: Iterable[AccountValue]) -> dict[tuple[str, str], str]:
    """The values of the whole account, those of its models left out."""
    return {(v.tag.removeprefix(PREFIX), v.currency): v.value for v in told if not v.modelCode}


def account_of(
    code: str, port: int, values: Values, held: Held, known: Mapping[str, Instrument]
) -> Account:
    """The account; `known` are instruments of which the bare symbol does not tell everything.

    A price of 0 of something held is none: gateways tell it before the first tick. Raises
    `BrokerError` when there is no net liquidation value or no cash.
    """
    currency = _base_currency(values)
    rates = {
        name: rate
        for name, rate in _by_currency(values, "ExchangeRate").items()
        if rate > 0 and name != currency
    }
    return Account(
        code=code,
        port=port,
        currency=currency,
        cash=_money(values, "TotalCashBalance", "BASE"),
        net_liquidation=_money(values, "NetLiquidation", currency),
        positions={s: decimal(i.position) for s, i in held if i.position},
        marks={s: decimal(i.marketPrice) for s, i in held if _is_marked(i)},
        balances=_by_currency(values, "TotalCashBalance"),
        rates=rates,
        costs={
            s: decimal(i.averageCost) / known[s].multiplier
            for s, i in held
            if s in known and known[s].sec_type == "FUT"
        },
        instruments=known,
        average_costs={s: decimal(i.averageCost) for s, i in held if i.position},
        con_ids={s: i.contract.conId for s, i in held if i.position},
        position_value=_position_value(held, {**rates, currency: Decimal(1)}),
        accrued=sum((Decimal(values.get((tag, currency), "0")) for tag in ACCRUED), ZERO),
        futures_pnl=_by_currency(values, "FuturesPNL"),
        is_ready=values.get(("AccountReady", ""), "true").lower() != "false",
    )


def _is_marked(item: PortfolioItem) -> bool:
    return bool(item.marketPrice) or not item.position


def _position_value(held: Held, rates: Mapping[str, Decimal]) -> Decimal | None:
    """What is owned, in the account's currency; None where a part of it cannot be told."""
    total = ZERO
    for _, item in held:
        kind, currency = item.contract.secType, item.contract.currency
        if not item.position or kind in IN_CASH:
            continue
        if kind not in OWNED or currency not in rates or not _is_marked(item):
            return None
        total += decimal(item.marketValue) * rates[currency]
    return total


def _base_currency(values: Values) -> str:
    """The currency that the account's net liquidation value is told in."""
    found = [c for tag, c in values if tag == "NetLiquidation" and c not in ("", "BASE")]
    if not found:
        raise BrokerError("The gateway tells no net liquidation value for the account.")
    return found[0]


def _money(values: Values, tag: str, currency: str) -> Decimal:
    if (tag, currency) not in values:
        raise BrokerError(f"The gateway tells no {tag} in {currency} for the account.")
    return Decimal(values[tag, currency])


def _by_currency(values: Values, tag: str) -> dict[str, Decimal]:
    """A figure of the ledger by currency, all of them together left out."""
    return dict(_entries(values, tag))


def _entries(values: Values, tag: str) -> Iterator[tuple[str, Decimal]]:
    for (name, currency), value in values.items():
        if name == tag and currency not in ("", "BASE"):
            yield currency, Decimal(value)
