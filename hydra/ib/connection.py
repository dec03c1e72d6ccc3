"""Logging on to a gateway: a free client id of our range, a paper account, bounded waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from ib_async import IB
from ib_async.ib import StartupFetch

from hydra.config import Gateway
from hydra.errors import (
    BrokerError,
    ClientIdInUse,
    GatewayUnreachable,
    NotPaperAccount,
    unknown,
)
from hydra.ib.codes import CLIENT_ID_IN_USE

PAPER_PREFIXES = ("DU", "DF")
FETCH = StartupFetch.POSITIONS | StartupFetch.ORDERS_OPEN
"""What a logon fetches: the reconciliation asks for the account, executions and ended orders."""


async def connect(settings: Gateway) -> IB:
    """A connected client; raises `GatewayUnreachable`, `ClientIdInUse` when none of our range is
    free, or `NotPaperAccount` after logging off.

    Tries the client ids of our range one after the other: an id that is in use (error 326) is
    held by another notebook, or by a socket that the gateway has not given up yet.
    """
    first, count = settings.client_id, settings.client_ids
    for client_id in range(first, first + count):
        ib = await _log_on(settings, client_id)
        if ib is not None:
            return _with_paper_account(ib, settings)
    raise ClientIdInUse(
        f"All client ids from {first} to {first + count - 1} are in use at "
        f"{settings.host}:{settings.port}; close a notebook, or set client_id in [gateway]."
    )


def paper_accounts(ib: IB) -> list[str]:
    """The accounts on offer that are paper accounts."""
    return [a for a in ib.managedAccounts() if a.startswith(PAPER_PREFIXES)]


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


async def log_on(ib: IB, settings: Gateway, client_id: int, fetch: StartupFetch) -> bool:
    """Connect `ib` under that id; False when the id is in use. Raises `OSError` or `TimeoutError`
    as the socket does, and `GatewayUnreachable` for whatever else.

    ib_async goes on waiting when the gateway answers 326 and hangs up, so the attempt is raced
    against that answer. However it ends, by a cancellation too, no socket is left behind that
    would keep the id.
    """
    taken = asyncio.Event()
    ib.errorEvent += lambda _id, code, _text, _contract: _note(code, taken)
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
    in_use = asyncio.ensure_future(taken.wait())
    is_on = False
    try:
        await asyncio.wait({attempt, in_use}, return_when=asyncio.FIRST_COMPLETED)
        is_on = _has_succeeded(attempt)
    finally:
        in_use.cancel()
        if not is_on:
            attempt.add_done_callback(lambda _: log_off(ib))
            attempt.cancel()
    if is_on:
        return True
    problem = (await asyncio.gather(attempt, return_exceptions=True))[0]
    await asyncio.sleep(0)  # lets the closed transport report before it is collected
    if taken.is_set():
        return False
    if isinstance(problem, OSError | TimeoutError):
        raise problem
    reason = f": {problem}" if isinstance(problem, Exception) else "."
    raise GatewayUnreachable(f"The logon ended without a result{reason}") from problem


def _has_succeeded(attempt: asyncio.Future[IB]) -> bool:
    return attempt.done() and not attempt.cancelled() and attempt.exception() is None


async def _log_on(settings: Gateway, client_id: int) -> IB | None:
    """A connected client, or None when the client id is in use."""
    ib = IB()
    ib.RaiseRequestErrors = True
    try:
        return ib if await log_on(ib, settings, client_id, FETCH) else None
    except (OSError, TimeoutError) as problem:
        raise GatewayUnreachable(_unreachable(settings, problem)) from problem


def _note(code: int, taken: asyncio.Event) -> None:
    if code == CLIENT_ID_IN_USE:
        taken.set()


def _with_paper_account(ib: IB, settings: Gateway) -> IB:
    offered, paper = ib.managedAccounts(), paper_accounts(ib)
    wanted = settings.account
    if not offered:  # it went away in the middle of the logon
        log_off(ib)
        raise GatewayUnreachable(
            f"The gateway at {settings.host}:{settings.port} ended the logon half-way."
        )
    if wanted and wanted not in offered:
        log_off(ib)
        raise BrokerError(unknown("account at the gateway", wanted, offered))
    if (wanted and wanted not in paper) or not paper:
        log_off(ib)
        named = wanted or ", ".join(offered) or "none"
        raise NotPaperAccount(
            f"The gateway at {settings.host}:{settings.port} trades account {named}, which is not "
            "a paper account (its code must begin with DU or DF); nothing was sent."
        )
    return ib


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
