"""The steps that only read: logon, clock, account, data, history, and the gateway's what-if."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from hydra import wiring
from hydra.config import Settings
from hydra.costs.liquidity import liquidity_of
from hydra.domain.bars import Bars
from hydra.domain.events import Reconciled
from hydra.domain.instruments import ONE, Instrument
from hydra.errors import BrokerError, NotPaperAccount
from hydra.execution.cost_file import cost_model
from hydra.ib.history import FIELDS
from hydra.ib.pacing import Pacing
from hydra.paper_check.context import CheckContext, CheckRefused, candidates, is_open_for_check
from hydra.paper_check.remedies import DATA_CODES, NOT_READY, meaning, remedy, remedy_of
from hydra.paper_check.results import StepResult, failed, ok, warning
from hydra.paper_check.sizes import SizeInputs, configured_size

ZERO = Decimal(0)
CLOCK_GRACE_S = 2.0
"""The gateway tells whole seconds, and its answer takes a moment."""
OTHER_TIME_S = 3600.0
OLD_PRICE = timedelta(minutes=10)
"""A liquid stock trades more often than that while its exchange is open."""
SLOW_HISTORY_S = 10.0
LIQUID_VALUE = Decimal(20_000_000)
"""A day's trade in money from which on one share costs next to nothing to trade."""
FEW_BARS = 20


async def logon(check: CheckContext) -> StepResult:
    """Connect, and compare journal and account, whose time comes with it."""
    gateway = check.settings.gateway
    try:
        await check.engine.broker.connect()
    except NotPaperAccount as problem:
        raise CheckRefused(str(problem)) from problem
    check.probe.listen()
    known = check.engine.journal.read(kinds=[Reconciled])
    check.was_compared_before = any(True for _ in known)
    await compare(check)
    code = check.engine.account.code if check.engine.account else ""
    others = check.probe.other_accounts(code) if code else check.probe.accounts()
    told = f" Also on offer, and not touched: {', '.join(others)}." if others and code else ""
    account = f" on paper account {code}" if code else f"; on offer: {', '.join(others)}"
    return ok(
        "logon",
        f"Logged on to {gateway.host}:{gateway.port}{account}.{told}",
        account=code,
        other_accounts=", ".join(others) if code else "",
    )


async def compare(check: CheckContext) -> None:
    """Compare journal and account; why that failed is kept for the step that tells of it.

    The gateway's time comes with it: a second question for the time within one second gets no
    answer from a real gateway (ib_insync issue 604), so the check never asks itself.
    """
    before = datetime.now(UTC)
    try:
        await check.engine.reconcile()
    except BrokerError as problem:
        check.not_compared = str(problem)
    else:
        check.not_compared = ""
        own = check.orders.holdings()
        check.positions_before = {
            s: q - own.get(s, ZERO) for s, q in check.account.positions.items()
        }
    if check.engine.clock.at is not None:
        check.compared_between = before, datetime.now(UTC)
        check.market_time = check.engine.clock.now()


async def clock(check: CheckContext) -> StepResult:
    """The server version, and the gateway's time beside this machine's."""
    version = check.probe.server_version()
    if check.compared_between is None or check.market_time is None:
        return failed("clock", "The gateway told no time.", server_version=version)
    before, after = check.compared_between
    told = check.market_time
    off_s = (told - after).total_seconds() if told > after else 0.0
    off_s = (told - before).total_seconds() if told < before else off_s
    facts = {"server_version": version, "gateway_time": f"{told:%Y-%m-%d %H:%M:%S} UTC"}
    sentence = (
        f"Server version {version}; the gateway's clock says {told:%Y-%m-%d %H:%M:%S} UTC, this "
        f"machine's {after:%Y-%m-%d %H:%M:%S} UTC"
    )
    if abs(off_s) <= CLOCK_GRACE_S:
        return ok("clock", f"{sentence}: they agree.", **facts)
    facts["difference"] = f"{off_s:+,.0f} s"
    if abs(off_s) > OTHER_TIME_S:
        sentence += ": another day, as a simulated gateway has, or one of the clocks is wrong"
    return warning(
        "clock",
        f"{sentence}. The check goes by the gateway's.",
        "Have this machine's clock set by NTP; the schedule waits for moments by it."
        if abs(off_s) <= OTHER_TIME_S
        else "Nothing to do for a simulated gateway; else set this machine's date and time zone.",
        **facts,
    )


async def account(check: CheckContext) -> StepResult:
    """What the account has, and whether its values are ready."""
    if check.not_compared:
        return failed("account", check.not_compared, remedy_of(check.not_compared))
    told = check.account
    ready = check.probe.account_ready(told.code)
    held = {s: q for s, q in told.positions.items() if q}
    facts = {
        "net_liquidation": f"{told.net_liquidation:,.2f} {told.currency}",
        "cash": f"{told.cash:,.2f} {told.currency}",
        "positions": len(held),
        "AccountReady": ready or "not told",
    }
    sentence = (
        f"{told.net_liquidation:,.2f} {told.currency}, of which {told.cash:,.2f} are cash; "
        f"{len(held)} position{'' if len(held) == 1 else 's'} held"
    )
    if told.net_liquidation <= 0:
        return failed(
            "account",
            f"{sentence}. An account without value trades nothing.",
            "Reset the paper account in IB's Client Portal, or wait until its values are ready.",
            **facts,
        )
    if ready == "false":
        return warning(
            "account",
            f"{sentence}; AccountReady is false: the values may be out of date.",
            NOT_READY,
            **facts,
        )
    return ok("account", f"{sentence}.", **facts)


async def data(check: CheckContext) -> StepResult:
    """Choose the symbol, and see whether its prices are live, delayed, frozen or missing."""
    mark = len(check.probe.heard)
    check.instrument = await _choose(check)
    symbol = check.instrument.symbol
    quotes = await check.engine.broker.quotes([check.instrument])
    check.quote = quotes[symbol]
    heard = check.probe.since(mark, DATA_CODES)
    codes = [h.code for h in heard]
    said = "; ".join(f"{c}: {meaning(c)}" for c in dict.fromkeys(codes))
    quote = check.quote
    facts = {
        "symbol": symbol,
        "bid": quote.bid or "none",
        "ask": quote.ask or "none",
        "last": quote.last or "none",
        "codes": ", ".join(map(str, dict.fromkeys(codes))),
    }
    told = f" IB says {said}." if said else ""
    if quote.last is None:
        return failed("data", f"There is no price of {symbol}.{told}", remedy(codes), **facts)
    if quote.delayed:
        allowed = bool(getattr(check.engine.gate.checks.get("delayed_data"), "allow", True))
        verdict = "allows" if allowed else "refuses"
        return warning(
            "data",
            f"Prices of {symbol} are DELAYED: the last is {quote.last}.{told} The gate {verdict} "
            "orders on them.",
            remedy([*codes, 10167]),
            **facts,
        )
    return _live(check, told, codes, facts)


def _live(check: CheckContext, told: str, codes: list[int], facts: dict[str, Any]) -> StepResult:
    """The result for prices that are said to be live; old ones are not."""
    instrument, last = check.traded()
    time = check.quote.time if check.quote else None
    age = None if time is None else check.engine.clock.now() - time
    if age is None or age > OLD_PRICE or codes:
        since = "has no time" if age is None else f"is {age.total_seconds():,.0f} s old"
        return warning(
            "data",
            f"The last price of {instrument.symbol}, {last}, {since}.{told} Prices may be frozen, "
            "or the stock is halted.",
            remedy(codes)
            or "Look at the stock in IB's Client Portal; check with another --symbol.",
            **facts,
        )
    return ok("data", f"Live prices of {instrument.symbol}: the last is {last}.", **facts)


async def _choose(check: CheckContext) -> Instrument:
    """The symbol given, else the first of the settings' whose exchange is open and of which the
    account holds nothing and works no order; where all are held, the first."""
    now = check.engine.clock.now()
    known = [name for name, calendar in candidates(check.settings, check.symbol)
             if is_open_for_check(calendar, now)]  # fmt: skip
    if check.symbol:
        return (await check.engine.broker.qualify([check.symbol]))[check.symbol]
    listed = await check.probe.listed(known)
    if not listed:
        raise BrokerError(
            f"The gateway knows none of {', '.join(known)}; give a stock with --symbol."
        )
    worked = {order.symbol for order in await check.engine.broker.held_orders()}
    held = {s for s, q in check.account.positions.items() if q}
    free = [s for s in listed if s not in held | worked]
    return listed[(free or list(listed))[0]]


async def history(check: CheckContext) -> StepResult:
    """One request of daily bars, and from it the size that the settings would trade."""
    instrument, _ = check.traded()
    loop = asyncio.get_running_loop()
    began = loop.time()
    bars = await check.probe.daily_bars(
        instrument,
        check.engine.clock.now(),
        Pacing(check.settings.pacing_path),
        check.settings.gateway.history_timeout_s,
    )
    took_s = loop.time() - began
    if bars.empty:
        return failed(
            "history",
            f"The gateway has no daily bars of {instrument.symbol}.",
            "Check its market data subscription: IB serves history by the same permissions.",
        )
    known = check.liquidity = _liquidity(instrument.symbol, bars)
    if known:
        check.engine.daily_volume[instrument.symbol] = Decimal(str(known[1]))
    return _bars_result(check, len(bars), took_s, known)


def _bars_result(
    check: CheckContext, rows: int, took_s: float, known: tuple[float, float] | None
) -> StepResult:
    """The history in words: how long it took, and how liquid the symbol is."""
    instrument, last = check.traded()
    volume = Decimal(str(known[1])) if known else ZERO
    value = instrument.notional(volume, last)
    facts = {"bars": rows, "seconds": f"{took_s:.1f}", "daily_volume": f"{volume:,.0f}"}
    sentence = (
        f"{rows} daily bars of {instrument.symbol} in {took_s:.1f} s; about {volume:,.0f} shares "
        "trade in a day"
    )
    if rows < FEW_BARS or value < LIQUID_VALUE:
        why = "a short history" if rows < FEW_BARS else "little trade"
        return warning(
            "history",
            f"{sentence}: {why} for a check.",
            "Give a more liquid stock with --symbol.",
            **facts,
        )
    if took_s > SLOW_HISTORY_S:
        return warning(
            "history",
            f"{sentence}: slow, as IB's data farm may have been asleep.",
            "Raise history_timeout_s in [gateway] of hydra.toml where sessions meet time-outs.",
            **facts,
        )
    return ok("history", f"{sentence}.", **facts)


def _liquidity(symbol: str, bars: pd.DataFrame) -> tuple[float, float] | None:
    """A day's volatility in bps and volume, as a session reckons them."""
    wide = {name: bars[[name]].rename(columns={name: symbol}) for name in FIELDS}
    told = Bars(wide["open"], wide["high"], wide["low"], wide["close"], wide["volume"])
    return liquidity_of(told).at_row(symbol, -1)


async def find_size(check: CheckContext) -> None:
    """The size that the settings would trade of the check's symbol: NAV × weight / price."""
    instrument, last = check.traded()
    engine, told = check.engine, check.account
    await engine.learn_rates([instrument])
    rate = engine.rates_of([instrument])[instrument.symbol]
    volume = engine.daily_volume.get(instrument.symbol)
    held = abs(told.positions.get(instrument.symbol, ZERO))
    price = instrument.notional(ONE, last) * rate
    inputs = SizeInputs(
        told.net_liquidation,
        largest_weight(check.settings),
        price,
        held * price,
        engine.portfolio(told).gross,
        volume,
        impact_limit(check, check.liquidity) if check.liquidity else None,
    )
    check.size = configured_size(inputs, instrument, engine.gate.checks)


def largest_weight(settings: Settings) -> Decimal:
    """The largest weight that the sizings of the jobs give, by their `max_weight`; that of the
    default sizing where there is no job."""
    jobs = [dict(table.get("parameters", {})) for table in settings.jobs.values()] or [{}]
    weights = []
    for parameters in jobs:
        name = parameters.get("sizing", "vol_target")
        sizing = wiring.build_sizing(settings, name, parameters.get("sizing_parameters", {}))
        weights.append(Decimal(str(getattr(sizing, "max_weight", 1.0))))
    return max(weights)


async def what_if(check: CheckContext) -> StepResult:
    """What the gateway would ask for an order of the configured size."""
    await find_size(check)
    if reason := check.why_not("size"):
        return warning(
            "what-if", f"Nothing to ask for: {reason}.", "See the limits in hydra.toml."
        )
    assert check.size is not None
    instrument, last = check.traded()
    mark = len(check.probe.heard)
    request = check.orders.request(instrument, check.size.quantity, last)
    answer = await check.probe.what_if(request, check.timeout_s)
    facts: dict[str, Any] = {
        "quantity": f"{check.size.quantity:,}",
        "bounded_by": check.size.bound,
        "value": f"{request.notional:,.2f} {instrument.currency}",
    }
    size = f"{check.size.quantity:,} {instrument.symbol}, the most that the settings would trade"
    if answer is None or answer.initial is None or answer.equity is None:
        heard = check.probe.since(mark)
        return warning(
            "what-if",
            f"The gateway gives no margin for {size}."
            + "".join(f" It says {h.code}: {h.text}" for h in heard),
            remedy(h.code for h in heard)
            or "A session asks for margins only above [risk.free_margin] ask_above, and trades on "
            "its own estimate without them.",
            **facts,
        )
    currency = check.account.currency
    facts |= {"initial_margin": f"{answer.initial:,.2f} {currency}"}
    facts |= {"equity": f"{answer.equity:,.2f} {currency}"}
    charge = "no commission told, which is usual"
    if answer.commission is not None:
        charge = f"commission {answer.commission:,.2f} {answer.commission_currency}".rstrip()
    sentence = (
        f"With {size}, the account would need {answer.initial:,.2f} {currency} of its "
        f"{answer.equity:,.2f} as initial margin; {charge}."
    )
    if answer.initial > answer.equity:
        return warning(
            "what-if",
            sentence + " That is more than there is.",
            "Lower max_weight of the sizing, or [risk.position_weight] limit_weight.",
            **facts,
        )
    return ok("what-if", sentence, **facts)


def impact_limit(check: CheckContext, known: tuple[float, float]) -> Decimal:
    """The units whose impact the settings allow one trade to have."""
    limits = wiring.trade_limits(check.settings, cost_model(check.settings.costs_path))
    return limits.largest_trade(*known)
