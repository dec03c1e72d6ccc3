"""What the risk gate is told of the moment, from the journal's state, the account, the quotes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from hydra.clock import Sessions
from hydra.domain.orders import OrderRequest
from hydra.domain.portfolio import Portfolio
from hydra.domain.quotes import Quote
from hydra.errors import UnknownName
from hydra.execution.broker import Account
from hydra.journal.fold import State
from hydra.journal.held import books_of, traffic_of
from hydra.risk._base import ZERO, Context, SessionTimes


@dataclass(frozen=True)
class SessionsAt(Mapping[str, SessionTimes]):
    """By calendar, the session that `now` lies in or before; reckoned when it is asked for."""

    now: datetime

    def __getitem__(self, calendar: str) -> SessionTimes:
        """Raises `KeyError` for a calendar that there is not."""
        try:
            return session_times(calendar, self.now)
        except UnknownName as problem:
            raise KeyError(calendar) from problem

    def __iter__(self) -> Iterator[str]:
        """No calendar is listed: all may be asked for."""
        return iter(())

    def __len__(self) -> int:
        """The number of those listed."""
        return 0


@lru_cache(maxsize=64)
def session_times(calendar: str, now: datetime) -> SessionTimes:
    """The session on at `now` (aware), else the next one, with its bounds."""
    sessions = Sessions(calendar)
    session = sessions.session_at(now)
    return SessionTimes(session, sessions.opens(session), sessions.closes(session))


def sold_short(requests: Iterable[OrderRequest], state: State) -> frozenset[str]:
    """Symbols that one of the requests would sell short, by what has filled: of those the broker
    is asked how many shares can be borrowed."""
    held = state.positions
    sold = ((r.instrument.symbol, r.quantity) for r in requests if r.quantity < 0)
    return frozenset(s for s, quantity in sold if held.get(s, ZERO) + quantity < 0)


def context_of(
    state: State,
    account: Account,
    now: datetime,
    portfolio: Portfolio,
    quotes: Mapping[str, Quote],
) -> Context:
    """The gate's view: `portfolio` is what is expected once all working orders have filled.

    Connection, comparison, volumes and margins are left for the engine to add.
    """
    return Context(
        now=now,
        account=account.code,
        port=account.port,
        currency=account.currency,
        portfolio=portfolio,
        quotes={s: q.last for s, q in quotes.items()},
        quoted_at={s: q.time for s, q in quotes.items()},
        bids={s: q.bid for s, q in quotes.items()},
        asks={s: q.ask for s, q in quotes.items()},
        delayed=frozenset(s for s, q in quotes.items() if q.delayed),
        trading_halts=frozenset(s for s, q in quotes.items() if q.halted),
        shortable={s: q.shortable for s, q in quotes.items() if q.shortable is not None},
        halted=state.halted,
        sessions=SessionsAt(now),
        books=books_of(state, account.marks, portfolio),
        held=state.positions,
        traffic=traffic_of(state),
        contested={symbol: known.reason for symbol, known in state.contested.items()},
        unbacked=state.unbacked,
    )
