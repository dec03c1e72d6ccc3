"""Requests that name an account: what the gateway refuses before a statement is made.

Texts are those that were recorded, where one was: `Invalid account code` for a request of profit
and loss (deephaven-ib #50, pysystemtrade #1036), with the code for account updates (qtpylib #79),
and for a third summary "Maximum number of account summary requests exceeded". That a cancelled
summary makes room is what that text says; one report of a gateway where it did not is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway.layout import Request
from hydra.gateway.venue import Venue

MOST_SUMMARIES = 2  # IB's page on account summaries: two at a time
ALL_ACCOUNTS = "All"
NO_ACCOUNT = (435, "You must specify an account.")  # IB's message codes
TOO_MANY = (
    322,
    "Error processing request.-'Q' : cause - Maximum number of account summary requests exceeded; "
    "desubscribe to previous request first",
)

Refusal = tuple[int, int, str]  # id, code, text

_UNKNOWN = "Error validating request.-'{}' : cause - Invalid account code"
# Requests with a number of their own, and the letters of the recorded texts (unknown: bN).
_LETTERS: Mapping[type[Request], str] = MappingProxyType(
    {
        ask.ReqPnL: "ci",
        ask.ReqPnLSingle: "cq",
        ask.ReqPositionsMulti: "bN",
        ask.ReqAccountUpdatesMulti: "bN",
    }
)


class AccountCodes:
    """Knows the accounts and who follows which summaries."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._summaries: set[tuple[int, int]] = set()  # client and request number

    def refusal(self, client_id: int, request: Request) -> Refusal | None:
        """Why `request` is not answered, or None; a summary that is answered is remembered."""
        if isinstance(request, ask.ReqAccountSummary):
            return self._refused_summary(client_id, request)
        if isinstance(request, ask.CancelAccountSummary):
            self._summaries.discard((client_id, request.reqId))
            return None
        return self._refused_code(request)

    def forget(self, client_id: int) -> None:
        """A client left, and its summaries with it."""
        self._summaries = {key for key in self._summaries if key[0] != client_id}

    def _refused_code(self, request: Any) -> Refusal | None:
        code = getattr(request, "account", "")
        if not code or code in self._venue.accounts:
            return None
        if isinstance(request, ask.ReqAccountUpdates):
            return -1, 321, f"{_UNKNOWN.format('bh')} '{code}'."
        letter = _LETTERS.get(type(request))
        return None if letter is None else (request.reqId, 321, _UNKNOWN.format(letter))

    def _refused_summary(self, client_id: int, request: ask.ReqAccountSummary) -> Refusal | None:
        if request.group != ALL_ACCOUNTS:
            # Groups belong to advisors, and this user is none; the words are unknown.
            cause = f"There is no account group {request.group!r}; ask for {ALL_ACCOUNTS}"
            return request.reqId, 321, f"Error validating request.-'bN' : cause - {cause}"
        key = (client_id, request.reqId)
        own = {other for other in self._summaries if other[0] == client_id}
        if key not in own and len(own) >= MOST_SUMMARIES:
            return request.reqId, *TOO_MANY
        self._summaries.add(key)
        return None
