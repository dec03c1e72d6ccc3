"""Compares two recordings of one conversation: what a real gateway said, and the simulated one.

Messages are compared by what they are about: a request, an order, the account. Within that, their
order counts, except for streams, of which each kind of message is compared once. What must differ
(permanent ids, executions, prices, sizes, times) is compared by its form: empty, 0, a number, a
text of such letters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

from hydra.gateway.plain import REQUEST_NAMES, RESPONSE_NAMES, gated_names
from hydra.gateway.recording import GREETING, UNREADABLE, Entry, Recording

Kind = Literal["missing", "extra", "order", "name", "field", "code", "timing"]
KINDS: tuple[Kind, ...] = ("missing", "extra", "order", "name", "field", "code", "timing")
TOLERANCE_S = 5.0  # by which an answer may come sooner or later

# What distinguishes messages of one name.
_MARKS: Mapping[str, tuple[str, ...]] = {
    "orderStatus": ("status",),
    "error": ("code",),
    "tickPrice": ("tickType",),
    "tickSize": ("tickType",),
    "tickString": ("tickType",),
    "tickGeneric": ("tickType",),
    "tickOptionComputation": ("tickType",),
    "accountValue": ("key", "currency"),
    "accountUpdateMulti": ("key", "currency"),
    "accountSummary": ("tag", "currency"),
}
_STREAM_NAMES = """
    tickPrice tickSize tickString tickGeneric tickOptionComputation tickByTick realTimeBar
    historicalDataUpdate accountValue accountUpdateMulti portfolioValue accountUpdateTime pnL
    pnLSingle marketDepth marketDepthL2 tickNews newsBulletin
"""
_STREAMED = frozenset(_STREAM_NAMES.split())
_ABOUT = {
    "accountValue": "account updates",
    "portfolioValue": "account updates",
    "accountUpdateTime": "account updates",
    "accountDownloadEnd": "account updates",
    "position": "positions",
    "positionEnd": "positions",
    "managedAccounts": "connection",
    "nextValidId": "connection",
    "completedOrder": "completed orders",
    "completedOrdersEnd": "completed orders",
}
# What differs between two markets, books and days, and is compared by its form.
_FORM_NAMES = """
    permId parentPermId execId time date timestamp start end refDate price size open high low
    close volume wap count bid ask bidSize askSize midpoint avgFillPrice lastFillPrice avgPrice
    commission minCommission maxCommission realizedPNL value marketPrice marketValue averageCost
    unrealizedPNL avgCost daily unrealized realized completedTime impliedVol delta optPrice
    pvDividend gamma vega theta undPrice mask attribMask exchange conditions sessions expirations
    strikes tradingHours liquidHours text accounts account orderRef initMarginBefore
    maintMarginBefore equityWithLoanBefore initMarginChange maintMarginChange equityWithLoanChange
    initMarginAfter maintMarginAfter equityWithLoanAfter mktCapPrice familyCode bboExchange
"""
_BY_FORM = frozenset(_FORM_NAMES.split())
_BY_FORM_IN = {"nextValidId": frozenset({"orderId"})}
_NUMBER = re.compile(r"-?\d+(\.\d+)?(E[+-]?\d+)?\Z")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the simulated gateway does otherwise; both sides are texts."""

    kind: Kind
    about: str
    what: str
    recorded: str = ""
    simulated: str = ""

    def __str__(self) -> str:
        told = f"{self.kind}: {self.about}: {self.what}"
        if not (self.recorded or self.simulated):
            return told
        return f"{told}: recorded {self.recorded or 'nothing'}, simulated " + (
            self.simulated or "nothing"
        )


def compare(
    recorded: Recording, simulated: Recording, tolerance_s: float = TOLERANCE_S
) -> list[Difference]:
    """Every difference of what gateways said, by what it is about, in the recording's order.

    Fields that a recording leaves out are not compared.
    """
    ours, theirs = _Conversation.of(simulated), _Conversation.of(recorded)
    found: list[Difference] = []
    for about in dict.fromkeys([*theirs.said, *ours.said]):
        left, right = theirs.said.get(about, []), ours.said.get(about, [])
        found += _sequences(about, left, right)
        found += _streams(about, left, right)
        found += _timing(about, theirs, ours, tolerance_s)
    return found


def lacking(recording: Recording) -> list[str]:
    """By message that was recorded: its fields that its server version does not have yet."""
    versions = {
        entry.connection: int(entry.fields["version"])
        for entry in recording.entries
        if entry.message == GREETING
    }
    told: dict[str, None] = {}
    for entry in recording.entries:
        names = REQUEST_NAMES if entry.sender == "client" else RESPONSE_NAMES
        if entry.message in names and entry.connection in versions:
            version = versions[entry.connection]
            for name, since in gated_names(names[entry.message], version):
                told[f"{entry.message}.{name} (since {since}; this is {version})"] = None
    return list(told)


@dataclass
class _Conversation:
    """What a gateway said, by what it is about, and when it was asked."""

    said: dict[str, list[Entry]] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, recording: Recording) -> _Conversation:
        conversation = cls()
        orders: set[tuple[int, str]] = set()
        executions: dict[tuple[int, str], str] = {}
        for entry in recording.entries:
            if entry.message == "placeOrder":
                orders.add((entry.connection, entry.fields.get("orderId", "")))
            about = _about(entry, orders, executions)
            if entry.message == "executionDetails":
                executions[entry.connection, entry.fields.get("execId", "")] = about
            if entry.sender == "client":
                conversation.asked.setdefault(about, entry.at)
            elif entry.message != UNREADABLE:
                conversation.said.setdefault(about, []).append(entry)
        return conversation


def _about(
    entry: Entry,
    orders: set[tuple[int, str]],
    executions: Mapping[tuple[int, str], str],
) -> str:
    """What a message is about, in words."""
    at, fields = entry.connection, entry.fields
    prefix = f"connection {at}, "
    number = fields.get("reqId", "-1")
    if entry.message == "commissionReport":
        return executions.get((at, fields.get("execId", "")), prefix + "commissions")
    if entry.message in _ABOUT:
        return prefix + _ABOUT[entry.message]
    if "orderId" in fields and (entry.message != "executionDetails" or number == "-1"):
        return f"{prefix}order {fields['orderId']}"
    if number != "-1":
        word = "order" if (at, number) in orders else "request"
        return f"{prefix}{word} {number}"
    return prefix + ("connection" if entry.message in {"error", GREETING} else entry.message)


def _signature(entry: Entry) -> str:
    marks = [str(entry.fields.get(name, "")) for name in _MARKS.get(entry.message, ())]
    return " ".join([entry.message, *filter(None, marks)])


def _sequences(about: str, left: list[Entry], right: list[Entry]) -> Iterator[Difference]:
    """What is missing, extra, out of order or different in what is no stream."""
    left = [entry for entry in left if entry.message not in _STREAMED]
    right = [entry for entry in right if entry.message not in _STREAMED]
    names, others = [_signature(e) for e in left], [_signature(e) for e in right]
    if names != others and Counter(names) == Counter(others):
        yield Difference("order", about, "order of messages", _told(names), _told(others))
        left.sort(key=_signature)
        right.sort(key=_signature)
        names, others = sorted(names), sorted(others)
    for tag, i, j, k, m in SequenceMatcher(None, names, others, autojunk=False).get_opcodes():
        if tag == "equal":
            for one, other in zip(left[i:j], right[k:m], strict=True):
                yield from _fields(about, one, other)
        else:
            yield from _replaced(about, left[i:j], right[k:m])


def _replaced(about: str, left: list[Entry], right: list[Entry]) -> Iterator[Difference]:
    if [e.message for e in left] == [e.message for e in right]:
        for one, other in zip(left, right, strict=True):
            kind: Kind = "code" if one.message == "error" else "field"
            yield Difference(kind, about, one.message, _signature(one), _signature(other))
        return
    for entry in left:
        yield Difference("missing", about, _signature(entry))
    for entry in right:
        yield Difference("extra", about, _signature(entry))


def _streams(about: str, left: list[Entry], right: list[Entry]) -> Iterator[Difference]:
    recorded = {_signature(e): e for e in reversed(left) if e.message in _STREAMED}
    simulated = {_signature(e): e for e in reversed(right) if e.message in _STREAMED}
    for name, entry in reversed(recorded.items()):
        if name in simulated:
            yield from _fields(about, entry, simulated[name])
        else:
            yield Difference("missing", about, name)
    for name in reversed(simulated):
        if name not in recorded:
            yield Difference("extra", about, name)


def _fields(about: str, one: Entry, other: Entry) -> Iterator[Difference]:
    where = f"{about}, {_signature(one)}"
    yield from _trees(where, one.message, "", one.fields, other.fields)


def _trees(
    where: str, message: str, path: str, one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[Difference]:
    for name, value in one.items():
        full = f"{path}{name}"
        if name not in other:
            yield Difference("name", where, f"{full} is not there")
        elif message != "error" or name != "text":
            yield from _values(where, message, full, value, other[name])


def _values(where: str, message: str, path: str, one: Any, other: Any) -> Iterator[Difference]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        yield from _trees(where, message, f"{path}.", one, other)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            told = f"{len(one)} rows", f"{len(other)} rows"
            yield Difference("field", where, path, *told)
        for row, its in zip(one[:1], other[:1], strict=False):
            yield from _values(where, message, path, row, its)
    elif _role(message, path, one) != _role(message, path, other):
        yield Difference("field", where, path, repr(one), repr(other))


def _role(message: str, path: str, value: Any) -> Any:
    """What of a value is compared."""
    name = path.rpartition(".")[2]
    if not isinstance(value, str):
        return value
    if name in _BY_FORM or name in _BY_FORM_IN.get(message, ()):
        return form(value)
    return _plain_number(value)


def _plain_number(text: str) -> str:
    """0.0 and 0 are one number."""
    return text.rstrip("0").rstrip(".") if _NUMBER.match(text) and "." in text else text


def form(text: str) -> str:
    """A text's form: empty, 0, a number, unset, or its letters with every digit as 9."""
    if not _NUMBER.match(text):
        return re.sub(r"\d+", "9", text)
    number = abs(float(text))
    if number > 1e300 or text == "2147483647":
        return "unset"
    if len(text) in {8, 10} and text.isdecimal():
        return f"{len(text)} digits"
    return "number" if number else "0"


def _timing(
    about: str, theirs: _Conversation, ours: _Conversation, tolerance_s: float
) -> Iterator[Difference]:
    asked = theirs.asked.get(about)
    if asked is None or about not in theirs.said or about not in ours.said:
        return
    took = theirs.said[about][0].at - asked
    takes = ours.said[about][0].at - ours.asked.get(about, asked)
    if abs(took - takes) > tolerance_s:
        yield Difference("timing", about, "first answer after", f"{took:.1f} s", f"{takes:.1f} s")


def _told(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 9 else ", ".join([*names[:8], "…"])
