"""The risk gate: the only place where a request becomes an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from hydra import plugins
from hydra.domain.orders import Objection, Order, OrderRequest, Refusal
from hydra.domain.portfolio import Portfolio
from hydra.errors import BadParameter, ConfigError, UnknownName, unknown
from hydra.risk._base import Check, Context, reduces
from hydra.risk.free_margin import FreeMargin

PRICED = frozenset({"stale_price", "delayed_data", "crossed_quote", "price_collar"})
"""Checks of the price that an order is judged by. An order that flattens does not wait for a good
one: it closes what the account holds, at the market."""


@dataclass(frozen=True)
class RiskGate:
    """All checks that are switched on, by name, in the order of their names."""

    checks: Mapping[str, Check]

    def review(self, request: OrderRequest, context: Context) -> Order | Refusal:
        """The order, or a refusal with every objection that any check has, not only the first."""
        passed = PRICED if request.flatten and reduces(request, context) else frozenset()
        found = [
            check.objection(request, context)
            for name, check in self.checks.items()
            if name not in passed
        ]
        objections = tuple(o for o in (*found, self._unpriced(request, context)) if o)
        if objections:
            return Refusal(request, objections)
        return Order(request, context.now, self._names)

    def warnings(self, request: OrderRequest, context: Context) -> tuple[str, ...]:
        """What the checks have to say of a request that they admit."""
        ways = (getattr(check, "warning", None) for check in self.checks.values())
        return tuple(text for warn in ways if warn and (text := warn(request, context)))

    def _unpriced(self, request: OrderRequest, context: Context) -> Objection | None:
        """No figure of an order is right in a currency without a rate; also with `tradable` off,
        which says so itself."""
        unknown = [c for c in request.instrument.currencies if context.rate(c) is None]
        if not unknown or "tradable" in self.checks:
            return None
        sentence = f"What one {unknown[0]} is worth in {context.currency} is not known."
        return Objection("tradable", "no rate", f"a rate to {context.currency}", sentence)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(self.checks)

    def asks_margin(self, portfolio: Portfolio) -> bool:
        """Whether the broker's what-if is wanted before orders that lead to `portfolio`."""
        check = self.checks.get("free_margin")
        return isinstance(check, FreeMargin) and check.asks(portfolio)


def gate_of(tables: Mapping[str, Mapping[str, Any]] | None = None) -> RiskGate:
    """Every check found, with its table of limits where one is given; `enabled = false` drops one.

    Raises `ConfigError` for a table or key that no check has, and for a limit that makes no sense.
    """
    found, tables = plugins.find("risk"), tables or {}
    for name in tables:
        if name not in found:
            raise ConfigError(f"hydra.toml [risk.{name}]: {unknown('risk check', name, found)}")
    checks = {name: _configured(name, dict(tables.get(name, {}))) for name in found}
    return RiskGate({name: check for name, check in checks.items() if check})


@lru_cache(maxsize=1)
def shipped_gate() -> RiskGate:
    """Every check with its default limits."""
    return gate_of()


def _configured(name: str, table: dict[str, Any]) -> Check | None:
    try:
        enabled = plugins.convert(table.pop("enabled", True), bool, f"risk check {name}: enabled")
        check: Check = plugins.configure("risk", name, table)
    except (UnknownName, BadParameter) as problem:
        raise ConfigError(f"hydra.toml [risk.{name}]: {problem}") from problem
    return check if enabled else None
