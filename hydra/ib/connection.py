"""Logging on to a gateway: a free client id of our range, a paper account, bounded waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ib_async import IB
from ib_async.ib import StartupFetch

from hydra.config import Gateway
from hydra.errors import (
    BrokerError,
    ClientIdInUse,
    GatewayUnreachable,
    NotPaperAccount,
    ReadOnlyGateway,
    unknown,
)
from hydra.ib.codes import CLIENT_ID_IN_USE, is_read_only

PAPER_PREFIXES = ("DU", "DF")
"""Paper account codes begin so: DU for individuals, DF for advisors' master accounts."""
LIVE_PORTS = frozenset({4001, 4003, 7496})
"""IB's own ports for live trading: gateway, its container, and TWS."""
FETCH = StartupFetch.POSITIONS | StartupFetch.ORDERS_OPEN
"""What a logon fetches: the reconciliation asks for the account, executions and ended orders."""
DATA_FETCH = StartupFetch.POSITIONS
"""The same for who sends no orders: a read-only gateway tells nobody of orders."""


async def connect(settings: Gateway, to_trade: bool = True) -> IB:
    """A connected client; raises `GatewayUnreachable`, `ReadOnlyGateway` when it is to trade and
    the gateway takes no orders, `ClientIdInUse` when no id of our range is free, or
    `NotPaperAccount` and `BrokerError` for its accounts, after logging off.

    Tries the client ids of our range one after the other: an id that is in use (error 326) is
    held by another notebook, or by a socket that the gateway has not given up yet.
    """
    if settings.port in LIVE_PORTS:
        raise NotPaperAccount(
            f"Port {settings.port} is one of IB's live ports; paper trading uses 4002, or 4004 "
            "between containers. Nothing was sent."
        )
    first, count = settings.client_id, settings.client_ids
    for client_id in range(first, first + count):
        ib = await _log_on(settings, client_id, FETCH if to_trade else DATA_FETCH)
        if ib is not None:
            return _with_paper_account(ib, settings)
    raise ClientIdInUse(
        f"All client ids from {first} to {first + count - 1} are in use at "
        f"{settings.host}:{settings.port}; close a notebook, or set client_id in [gateway]."
    )


def log_off(ib: IB) -> None:
    """Close the connection, also one that the other side has reset already."""
    with suppress(OSError):
        ib.disconnect()


async def connect_as(settings: Gateway, client_id: int, pauses: Sequence[float]) -> IB:
    """A client connected under just that id, asked for again after each pause, in seconds.

    A gateway keeps an id for some moments after its program has gone. Raises `ClientIdInUse` when
    it is in use after the last pause, too, and as `connect` does.
    """
    for pause in (0.0, *pauses):
        await asyncio.sleep(pause)
        ib = await _log_on(settings, client_id)
        if ib is not None:
            return _with_paper_account(ib, settings)
    raise ClientIdInUse(
        f"Client id {client_id} is in use at {settings.host}:{settings.port}: the program that "
        "placed the order is connected, and IB lets no other id end it."
    )


@dataclass
class _Answers:
    """What the gateway said against a logon, as (code, text), and whether that ends it."""

    said: list[tuple[int, str]] = field(default_factory=list)
    final: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, _number: int, code: int, text: str, _contract: object) -> None:
        """Note a word of the gateway; 326 and the read-only 321 leave nothing to wait for."""
        if 2100 <= code < 2200:  # the state of its data farms
            return
        self.said.append((code, text))
        if code == CLIENT_ID_IN_USE or is_read_only(code, text):
            self.final.set()

    @property
    def is_taken(self) -> bool:
        """Whether the client id is in use."""
        return any(code == CLIENT_ID_IN_USE for code, _ in self.said)

    @property
    def sentence(self) -> str:
        """All of it, for people; empty for nothing."""
        return "; ".join(f"error {code}, {text}" for code, text in self.said)


async def log_on(ib: IB, settings: Gateway, client_id: int, fetch: StartupFetch) -> bool:
    """Connect `ib` under that id; False when the id is in use. Raises `OSError` or `TimeoutError`
    as the socket does, `ReadOnlyGateway`, and `GatewayUnreachable` for whatever else.

    ib_async goes on waiting when the gateway answers 326 and hangs up, or refuses a request with
    321, so the attempt is raced against that answer. However it ends, by a cancellation too, no
    socket is left behind that would keep the id.
    """
    answers = _Answers()
    ib.errorEvent += answers.hear
    attempt = asyncio.ensure_future(
        ib.connectAsync(
            settings.host,
            settings.port,
            clientId=client_id,
            timeout=settings.timeout_s,
            account=settings.account,
            fetchFields=fetch,
            raiseSyncErrors=True,
        )
    )
    in_use = asyncio.ensure_future(answers.final.wait())
    is_on = False
    try:
        await asyncio.wait({attempt, in_use}, return_when=asyncio.FIRST_COMPLETED)
        is_on = _has_succeeded(attempt)
    finally:
        in_use.cancel()
        ib.errorEvent -= answers.hear
        if not is_on:
            attempt.add_done_callback(lambda _: log_off(ib))
            attempt.cancel()
    if is_on:
        return True
    problem = (await asyncio.gather(attempt, return_exceptions=True))[0]
    await asyncio.sleep(0)  # lets the closed transport report before it is collected
    if answers.is_taken:
        return False
    if any(is_read_only(*one) for one in answers.said):
        raise ReadOnlyGateway(
            f"The gateway at {settings.host}:{settings.port} is read-only ({answers.sentence}), "
            "so nothing can be traded on it. Set READ_ONLY_API to no where the gateway runs in "
            'its container, else clear "Read-Only API" in its settings (API, Settings).'
        )
    if is_half_way(problem):
        raise GatewayUnreachable(_half_way(settings, problem, answers))
    if isinstance(problem, OSError | TimeoutError):
        raise problem
    reason = f": {problem}" if isinstance(problem, Exception) else "."
    raise GatewayUnreachable(f"The logon ended without a result{reason}") from problem


def is_half_way(problem: object) -> bool:
    """Whether the gateway took the logon and then left requests of it unanswered, which ib_async
    lists."""
    return isinstance(problem, ConnectionError) and isinstance((*problem.args, "")[0], list)


def _half_way(settings: Gateway, problem: object, answers: _Answers) -> str:
    listed = problem.args[0] if isinstance(problem, ConnectionError) else ()
    unanswered = ", ".join(str(one).removesuffix(" request timed out") for one in listed)
    said = f" It said: {answers.sentence}." if answers.said else ""
    return (
        f"The gateway at {settings.host}:{settings.port} takes the logon and then does not tell "
        f"of {unanswered} within {settings.timeout_s:g} s.{said} It may be starting, or its "
        "settings (API, Settings) keep it from answering; timeout_s in [gateway] is the time-out."
    )


def _has_succeeded(attempt: asyncio.Future[IB]) -> bool:
    return attempt.done() and not attempt.cancelled() and attempt.exception() is None


async def _log_on(settings: Gateway, client_id: int, fetch: StartupFetch = FETCH) -> IB | None:
    """A connected client, or None when the client id is in use."""
    ib = IB()
    ib.RaiseRequestErrors = True
    try:
        return ib if await log_on(ib, settings, client_id, fetch) else None
    except (OSError, TimeoutError) as problem:
        raise GatewayUnreachable(_unreachable(settings, problem)) from problem


def _with_paper_account(ib: IB, settings: Gateway) -> IB:
    """The client, when its account can be told and none on offer is live: a global cancel reaches
    every account of a login."""
    offered = ib.managedAccounts()
    try:
        check_accounts(offered, settings)
    except BrokerError:
        log_off(ib)
        raise
    return ib


def check_accounts(offered: Sequence[str], settings: Gateway) -> None:
    """Raise unless the login trades paper accounts only, and one of them is meant.

    Raises `GatewayUnreachable` for none at all, which is a logon that ended half-way,
    `NotPaperAccount` for a live one, and `BrokerError` for one that is not there or not named.
    """
    where, wanted = f"The gateway at {settings.host}:{settings.port}", settings.account
    if not offered:  # it went away in the middle of the logon
        raise GatewayUnreachable(f"{where} ended the logon half-way.")
    if wanted and wanted not in offered:
        raise BrokerError(unknown("account at the gateway", wanted, offered))
    live = [code for code in offered if not code.startswith(PAPER_PREFIXES)]
    if live:
        raise NotPaperAccount(
            f"{where} trades account {', '.join(live)}, which is not a paper account (its code "
            "must begin with DU or DF), and a cancellation of all orders would reach it; log the "
            "gateway on as a paper user. Nothing was sent."
        )
    if len(offered) > 1 and not wanted:
        raise BrokerError(
            f"{where} offers the accounts {', '.join(offered)}; name the one to trade with "
            "account in [gateway] of hydra.toml. Nothing was sent."
        )


def _unreachable(settings: Gateway, problem: Exception) -> str:
    silent = isinstance(problem, TimeoutError)
    what = f"accepts and then says nothing for {settings.timeout_s:g} s" if silent else "is closed"
    return (
        f"No gateway at {settings.host}:{settings.port}: the port {what}. Start the simulated one "
        "with `hydra gateway`, or set HYDRA_GATEWAY_HOST and HYDRA_GATEWAY_PORT."
    )


def quiet_library() -> None:
    """Keep ib_async's own log lines out of notebooks: what matters comes to us as events."""
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
