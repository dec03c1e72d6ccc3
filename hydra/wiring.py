"""The one place where names become a running engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import plugins
from hydra.breakers._base import Breaker
from hydra.config import Settings, load_settings
from hydra.domain.events import Warned
from hydra.errors import BadParameter, ConfigError, UnknownInstrument, UnknownName, unknown
from hydra.execution.engine import OrderEngine
from hydra.execution.halting import HaltOrder, HaltOutcome
from hydra.execution.halting import halt as run_halt
from hydra.execution.supervisor import Patience
from hydra.execution.watch import Watch
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate, gate_of

if TYPE_CHECKING:
    # A session needs pandas, which takes a third of a second to load; a halt does without.
    from datetime import date, datetime

    from hydra.brokers.ib import IbBroker
    from hydra.costs.liquidity import Liquidity
    from hydra.costs.model import CostModel
    from hydra.data._series import Series
    from hydra.data._update import Updated
    from hydra.domain.bars import Bars
    from hydra.domain.instruments import Instrument
    from hydra.execution.catching_up import CaughtUp
    from hydra.execution.session import PaperSession, Plan
    from hydra.execution.targets import TradeLimits
    from hydra.ib.products import Product


def build_gate(settings: Settings) -> RiskGate:
    """Every check found, with its table of [risk.…] in hydra.toml; `enabled = false` drops one.

    Raises `ConfigError` for a table or key that no check has.
    """
    return gate_of(settings.risk)


def build_watch(settings: Settings) -> Watch:
    """Every circuit breaker found, with its table of [breakers.…]; `enabled = false` drops one.

    Raises `ConfigError` for a table or key that no breaker has, or a value that makes no sense.
    """
    from hydra.execution.cost_file import cost_model

    root = own_root(settings)
    found = plugins.find("breakers", root)
    for name in settings.breakers:
        if name not in found:
            sentence = unknown("circuit breaker", name, found)
            raise ConfigError(f"hydra.toml [breakers.{name}]: {sentence}")
    breakers = {
        name: _breaker(name, dict(settings.breakers.get(name, {})), root) for name in found
    }
    model = cost_model(settings.costs_path)

    def predict(symbol: str, quantity: Decimal) -> float:
        return model.half_spread_of(symbol) + model.impact_bps

    return Watch(
        {name: breaker for name, breaker in breakers.items() if breaker},
        settings.trading.calendar,
        predict,
    )


def _breaker(name: str, table: dict[str, Any], root: Path) -> Breaker | None:
    try:
        enabled = plugins.convert(table.pop("enabled", True), bool, f"breaker {name}: enabled")
        breaker: Breaker = plugins.configure("breakers", name, table, root)
    except (UnknownName, BadParameter) as problem:
        raise ConfigError(f"hydra.toml [breakers.{name}]: {problem}") from problem
    return breaker if enabled else None


def own_root(settings: Settings) -> Path:
    """The folder whose strategies/, sizing/ … hold a user's own plug-ins."""
    return settings.notebooks.dir


def build_products(settings: Settings) -> Mapping[str, Product]:
    """Futures by their roots, with the tables [futures.…] of hydra.toml."""
    from hydra.ib.products import products_of

    return products_of(settings.futures)


def build_broker(settings: Settings) -> IbBroker:
    """The gateway of the settings as a broker, not connected yet."""
    from hydra.brokers.ib import IbBroker

    fractional = settings.trading.fractional_shares
    return IbBroker(settings.gateway, build_products(settings), fractional_shares=fractional)


def build_strategy(settings: Settings, name: str, parameters: Mapping[str, Any]) -> Any:
    """A strategy by name with its checked parameters."""
    return plugins.configure("strategies", name, parameters, own_root(settings))


def build_sizing(settings: Settings, name: str, parameters: Mapping[str, Any]) -> Any:
    """A sizing by name with its checked parameters."""
    return plugins.configure("sizing", name, parameters, own_root(settings))


def build_algo(settings: Settings, name: str, parameters: Mapping[str, Any]) -> Any:
    """An order algorithm by name with its checked parameters."""
    return plugins.configure("algos", name, parameters, own_root(settings))


@dataclass(frozen=True)
class Chosen:
    """An order algorithm as it was asked for: its name, empty for that of the settings, and its
    parameters."""

    name: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


def make_plan(
    settings: Settings,
    strategy: str,
    strategy_parameters: Mapping[str, Any],
    sizing: str,
    sizing_parameters: Mapping[str, Any],
    symbols: Sequence[str] = (),
) -> Plan:
    """A session's plan from names; raises before anything is connected or written.

    Orders are worked as the settings say; see `with_algo`.
    """
    from hydra.execution.cost_file import cost_model
    from hydra.execution.session import Plan

    symbols = tuple(symbols) or settings.trading.symbols
    return Plan(
        name=strategy,
        strategy=build_strategy(settings, strategy, strategy_parameters),
        sizing=build_sizing(settings, sizing, sizing_parameters),
        symbols=symbols,
        fill_timeout_s=settings.trading.fill_timeout_s,
        calendar=calendar_of(settings, symbols),
        limits=trade_limits(settings, cost_model(settings.costs_path)),
    )


def calendar_of(settings: Settings, symbols: Sequence[str]) -> str:
    """The exchange calendar that a session of those symbols keeps: that of the settings for US
    stocks, else their own.

    Raises `BadParameter` where they keep several: a decision at one close would use bars of
    another that had not ended, and orders would wait for opens that are hours apart.
    """
    from hydra.ib.contracts import named
    from hydra.ib.products import continuous_root, product_named

    products = build_products(settings)
    found: dict[str, str] = {}
    for symbol in symbols:
        root = continuous_root(symbol)
        one = named(symbol, products)
        own = product_named(root, products).calendar if root else one.calendar
        plain = one == type(one)(symbol) and not root
        found.setdefault(settings.trading.calendar if plain else own, symbol)
    if len(found) > 1:
        kept = " and ".join(f"{symbol} keeps {calendar}" for calendar, symbol in found.items())
        raise BadParameter(
            f"{kept}: a session trades symbols of one exchange calendar; give each a session of "
            "its own."
        )
    return next(iter(found), settings.trading.calendar)


def trade_limits(settings: Settings, costs: CostModel) -> TradeLimits:
    """How much one session may trade; impact by the cost model, where it has one."""
    from hydra.execution.targets import TradeLimits

    trading, plain = settings.trading, TradeLimits()
    coefficient = costs.impact_coefficient or plain.impact_coefficient
    return TradeLimits(trading.max_turnover, trading.max_impact_bps, coefficient)


def with_algo(settings: Settings, plan: Plan, algo: Chosen) -> Plan:
    """The plan with an order algorithm by name, that of the settings when the name is empty."""
    name = algo.name or settings.trading.algo
    return replace(plan, algo_name=name, algo=build_algo(settings, name, algo.parameters))


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[OrderEngine]:
    """An order engine on the gateway of the settings, reconciled; closed on leaving."""
    with Journal.open(settings.journal_path) as journal:
        engine = OrderEngine(
            build_broker(settings),
            journal,
            build_gate(settings),
            build_watch(settings),
        )
        try:
            await engine.start()
            yield engine
        finally:
            await engine.at_rest()
            await engine.broker.disconnect()


async def open_paper_session(  # noqa: PLR0913 — a notebook's parameters are its arguments
    strategy: str,
    *,
    strategy_parameters: Mapping[str, Any] | None = None,
    sizing: str = "vol_target",
    sizing_parameters: Mapping[str, Any] | None = None,
    symbols: Sequence[str] = (),
    settings: Settings | None = None,
    algo: str = "",
    algo_parameters: Mapping[str, Any] | None = None,
) -> PaperSession:
    """Plan, connect and reconcile one paper session of a strategy.

    Raises before it connects when a name or parameter is wrong, and logs off again when the
    account is not paper or the journal cannot be used; nothing is sent in any of these cases.
    """
    from hydra.data.gateway import Gateway
    from hydra.execution.session import PaperSession
    from hydra.ib.pacing import Pacing

    settings = settings or load_settings()
    plan = make_plan(
        settings, strategy, strategy_parameters or {}, sizing, sizing_parameters or {}, symbols
    )
    plan = with_algo(settings, plan, Chosen(algo, algo_parameters or {}))
    gate, watch = build_gate(settings), build_watch(settings)
    broker = build_broker(settings)
    engine = OrderEngine(broker, Journal.open(settings.journal_path), gate, watch)
    pacing = Pacing(settings.pacing_path)
    source = Gateway(
        settings.gateway, lambda: broker.ib, pacing, broker.products, _warning(engine)
    )
    session = PaperSession(plan, engine, source, patience_of(settings))
    try:
        await session.connect()
    except BaseException:
        await session.close()
        raise
    return session


def _warning(engine: OrderEngine) -> Callable[[str], None]:
    """Journals a sentence as a warning."""

    def warn(text: str) -> None:
        engine.record(Warned(0, text))

    return warn


async def halt(
    settings: Settings, reason: str, by: str, *, flatten: bool = False, everything: bool = False
) -> HaltOutcome:
    """Halt trading with a connection of its own: see `hydra.execution.halting`.

    Works with no kernel running and beside a program that has stopped. `flatten` closes what our
    strategies hold, `everything` cancels the account's other orders too.
    """
    order = HaltOrder(
        reason,
        by,
        flatten,
        everything,
        settings.trading.calendar,
        settings.trading.fill_timeout_s,
    )
    broker = build_broker(settings)
    return await run_halt(settings.journal_path, broker, build_gate(settings), order)


async def catch_up(settings: Settings) -> CaughtUp:
    """Learn what happened since anybody last listened, and compare: see `catching_up`."""
    from hydra.execution.catching_up import catch_up as run_catch_up

    with Journal.open(settings.journal_path) as journal:
        engine = OrderEngine(
            build_broker(settings),
            journal,
            build_gate(settings),
            build_watch(settings),
        )
        try:
            return await run_catch_up(
                engine, settings.trading.fill_timeout_s, patience_of(settings)
            )
        finally:
            await engine.at_rest()
            await engine.broker.disconnect()


def patience_of(settings: Settings) -> Patience:
    """How long a session waits for a gateway that went away."""
    gateway = settings.gateway
    return Patience(heartbeat_s=gateway.heartbeat_s, give_up_s=gateway.give_up_s)


def build_source(settings: Settings, name: str) -> Any:
    """A data source by name; `gateway` logs on with the settings' address, and a name that ends
    with .csv is that file."""
    if name.endswith(".csv"):
        return plugins.configure("data", "csv", {"path": name})
    if name == "gateway":
        from hydra.data.gateway import Gateway
        from hydra.ib.pacing import Pacing

        pacing = Pacing(settings.pacing_path)
        return Gateway(settings.gateway, pacing=pacing, products=build_products(settings))
    if name == "store":
        from hydra.data.store import Store

        return Store(settings.bars_dir, products=build_products(settings))
    return plugins.configure("data", name, {}, own_root(settings))


async def research_bars(
    settings: Settings,
    source: Any,
    symbols: Sequence[str],
    start: date | None = None,
    end: date | None = None,
    bar_size: str = "1 day",
) -> Bars:
    """Bars of a data source in the base currency of the settings, pairs of the same source telling
    the rates; of a future's series the contracts behind it go along.

    Raises what the source raises, and `BarsError` where a pair has no bars of the time.
    """
    bars: Bars = await source.bars(symbols, start=start, end=end, bar_size=bar_size)
    base, currencies = settings.trading.currency, currencies_of(settings, symbols)
    if set(currencies.values()) == {base}:
        return bars
    from hydra.data._currency import to_base

    pairs = await pair_bars(source, currencies, base, start, end, bar_size)
    return to_base(bars, currencies, pairs, base)


async def pair_bars(
    source: Any,
    currencies: Mapping[str, str],
    base: str,
    start: date | None,
    end: date | None,
    bar_size: str = "1 day",
) -> Bars | None:
    """Bars of the pair of each foreign currency, whichever way round the source has it; from ten
    days earlier on, so that the first bar has a rate. None where there are none."""
    from hydra.data._currency import pairs_for
    from hydra.data._futures import beside
    from hydra.errors import BarsError

    told, since = [], start - timedelta(days=10) if start else None
    for names in pairs_for(currencies, base).values():
        for name in names:
            with suppress(UnknownName, UnknownInstrument, BarsError):
                told.append(await source.bars([name], start=since, end=end, bar_size=bar_size))
                break
    return beside(told) if told else None


def currencies_of(settings: Settings, symbols: Sequence[str]) -> dict[str, str]:
    """The currency that prices of each symbol are in."""
    base, products = settings.trading.currency, build_products(settings)
    return {symbol: _listed_in(symbol, products, base) for symbol in symbols}


def _listed_in(symbol: str, products: Mapping[str, Product], base: str) -> str:
    """The currency that prices of a symbol are in; a US stock's is taken for the base, and so is a
    pair's, whose price is a rate itself."""
    from hydra.ib.contracts import named
    from hydra.ib.products import continuous_root, product_named

    if root := continuous_root(symbol):
        return product_named(root, products).currency
    one = named(symbol, products)
    return base if one == type(one)(symbol) or one.sec_type == "CASH" else one.currency


def research_instruments(settings: Settings, symbols: Sequence[str]) -> dict[str, Instrument]:
    """What is known of the symbols without a gateway, prices in the base currency: the lots that a
    paper session orders, what a price in pence is in money. Contracts behind a series come with
    its bars."""
    from hydra.ib.contracts import FRACTION, named
    from hydra.ib.products import continuous_root

    products, base = build_products(settings), settings.trading.currency
    plain = [named(s, products) for s in symbols if not continuous_root(s)]
    if settings.trading.fractional_shares:
        plain = [replace(one, lot_size=FRACTION) if _is_us(one) else one for one in plain]
    return {one.symbol: replace(one, currency=base) for one in plain}


def _is_us(one: Instrument) -> bool:
    return one.sec_type == "STK" and one.currency == "USD"


async def update_bars(
    settings: Settings,
    symbols: Sequence[str],
    start: datetime,
    bar_size: str = "1 day",
    kind: str = "trades",
    told: Callable[[Series, int], None] = lambda series, bars: None,
) -> list[Updated]:
    """Load what the store does not have of each symbol since `start` (aware), one after the other;
    of a series such as ES.C all contracts that it trades.

    Raises what `hydra.data._update.Updater` raises; what was loaded by then is kept.
    """
    from hydra.data._series import BarFiles, Series
    from hydra.data._update import Updater, update_future
    from hydra.ib.pacing import Pacing
    from hydra.ib.products import continuous_root, product_named

    products = build_products(settings)
    broker = build_broker(settings)
    await broker.connect(to_trade=False)
    try:
        files, pacing = BarFiles(settings.bars_dir), Pacing(settings.pacing_path)
        updater = Updater(broker.ib, files, pacing, settings.gateway, told)
        instruments = await broker.qualify([s for s in symbols if not continuous_root(s)])
        now, done = await broker.time(), []
        for symbol in symbols:
            if root := continuous_root(symbol):
                product = product_named(root, products)
                done += await update_future(updater, product, kind, bar_size, start, now)
            else:
                series = Series("gateway", kind, symbol, bar_size)
                done.append(await updater.update(instruments[symbol], series, start, now))
        return done
    finally:
        await broker.disconnect()


async def known_liquidity(
    settings: Settings, source: str, symbols: Sequence[str]
) -> Liquidity | None:
    """A day's volatility and volume of `symbols` by a data source's daily bars; None for none."""
    if not symbols:
        return None
    from hydra.costs.liquidity import liquidity_of

    return liquidity_of(await build_source(settings, source).bars(symbols))
