"""Who is told what: the journal's events → short messages, sent through apprise.

The server sends them while it follows the journal, so a run that died is told like any other. The
same sentence is sent once in a while, no more than so many an hour, and what could not be sent is
tried again.
"""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hydra.config import EVENTS, Alerts
from hydra.domain.events import (
    BreakerTripped,
    Event,
    Halted,
    NavMarked,
    OrderRefused,
    Reconciled,
    Recorded,
    Resumed,
    RunEnded,
    RunMissed,
    RunStarted,
    SessionEnded,
    SplitApplied,
)
from hydra.errors import ConfigError, UnknownName, unknown
from hydra.journal.journal import Journal
from hydra.runner.notebook import write_whole
from hydra.runner.redact import Redactor
from hydra.runner.resets import check_windows
from hydra.runner.schedule import DAYS

log = logging.getLogger("hydra.alerts")

AN_HOUR = timedelta(hours=1)
KINDS: tuple[type[Event], ...] = (
    RunStarted, RunEnded, RunMissed, BreakerTripped, Halted, Resumed, OrderRefused, SessionEnded,
    NavMarked, Reconciled, SplitApplied,
)  # fmt: skip
SHORTEST_PART = 8
"""Shorter parts of an address are words such as a host's."""
TRIES = 5
"""How often a message is tried before it is given up, with the log's word for it."""


@dataclass(frozen=True)
class Alert:
    """One message: what it is about (one of `config.EVENTS`), its title and its sentence."""

    topic: str
    title: str
    text: str


@dataclass
class Writer:
    """Events → alerts; knows which job a run belongs to and the last value of the account."""

    _runs: dict[str, RunStarted] = field(default_factory=dict)
    _mark: NavMarked | None = None

    def alerts(self, records: Iterable[Recorded]) -> Iterator[Alert]:
        """One alert for each event that somebody may want to know of."""
        for record in records:
            alert = self._alert(record.event)
            if alert:
                yield alert

    def _alert(self, event: Event) -> Alert | None:
        if isinstance(event, RunStarted):
            self._runs[event.run] = event
        elif isinstance(event, NavMarked):
            self._mark = event
        step = STEPS.get(type(event))
        return step(self, event) if step else None

    def run_ended(self, event: RunEnded) -> Alert | None:
        """A run that did not end well."""
        begun = self._runs.pop(event.run, None)
        if event.outcome == "well":
            return None
        name = (begun.job or begun.strategy) if begun else event.run
        return Alert("run_failed", f"Run {event.outcome}: {name}", f"{event.run}: {event.reason}")

    def run_missed(self, event: RunMissed) -> Alert:
        """A run that did not take place."""
        due = f"{event.due:%Y-%m-%d %H:%M} UTC"
        return Alert("run_missed", f"Run missed: {event.job}", f"It was due {due}. {event.reason}")

    def breaker(self, event: BreakerTripped) -> Alert:
        """A circuit breaker."""
        return Alert("breaker", f"Circuit breaker {event.breaker} tripped", event.sentence)

    def halted(self, event: Halted) -> Alert:
        """A halt."""
        return Alert("halt", "Trading is halted", f"{event.reason} ({event.by})")

    def resumed(self, event: Resumed) -> Alert:
        """The end of a halt."""
        return Alert("halt", "Trading is resumed", f"{event.reason} ({event.by})")

    def refused(self, event: OrderRefused) -> Alert:
        """An order that the gate refused; by its checks, so that a basket is told once."""
        request = event.refusal.request
        checks = ", ".join(sorted({o.check for o in event.refusal.objections}))
        said = " ".join(o.sentence for o in event.refusal.objections)
        title = f"Orders refused by {checks}: {request.strategy}, {request.session}"
        return Alert("refusal", title, said)

    def compared(self, event: Reconciled) -> Alert | None:
        """Positions of ours that changed without an execution."""
        if not event.contested:
            return None
        said = " ".join(known.reason for known in event.contested.values())
        return Alert("positions", f"Positions contested: {', '.join(event.contested)}", said)

    def split(self, event: SplitApplied) -> Alert:
        """A split that the books have followed."""
        ratio = f"{event.numerator}:{event.denominator}"
        return Alert("positions", f"{event.symbol} was split {ratio}", event.evidence)

    def session(self, event: SessionEnded) -> Alert:
        """The summary at the end of a session."""
        value = f", NAV {self._mark.nav:,.2f}" if self._mark else ""
        text = f"{event.orders} orders, {event.refusals} refused, {event.fills} fills{value}."
        return Alert("session", f"Session {event.session} of {event.strategy}", text)


STEPS: dict[type[Event], Callable[[Writer, Any], Alert | None]] = {
    RunEnded: Writer.run_ended,
    RunMissed: Writer.run_missed,
    BreakerTripped: Writer.breaker,
    Halted: Writer.halted,
    Resumed: Writer.resumed,
    OrderRefused: Writer.refused,
    SessionEnded: Writer.session,
    Reconciled: Writer.compared,
    SplitApplied: Writer.split,
}
"""What is told of each kind of event."""


@dataclass
class Outbox:
    """Messages on their way: chosen, de-duplicated, no more than so many an hour."""

    settings: Alerts
    queue: deque[tuple[Alert, int]] = field(default_factory=deque)
    _told: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    _sent: deque[datetime] = field(default_factory=deque)
    _left_out: int = 0

    def add(self, alert: Alert, now: datetime) -> None:
        """Take a message, unless nobody wants it or it was taken a while ago."""
        if alert.topic not in self.settings.events:
            return
        repeat = timedelta(seconds=self.settings.repeat_s)
        self._told = {k: at for k, at in self._told.items() if now - at < repeat}
        key = (alert.topic, alert.title, "" if alert.topic == "refusal" else alert.text)
        if key not in self._told:
            self._told[key] = now
            self.queue.append((alert, 0))

    def due(self, now: datetime) -> list[tuple[Alert, int]]:
        """What may be sent now; what goes beyond the hour's limit is counted and left out."""
        while self._sent and now - self._sent[0] > AN_HOUR:
            self._sent.popleft()
        waiting = []
        while self.queue:  # somebody may add to it meanwhile
            waiting.append(self.queue.popleft())
        room = max(self.settings.limit_per_hour - len(self._sent), 0)
        chosen, surplus = waiting[:room], waiting[room:]
        self._left_out += len(surplus)
        if self._left_out and not surplus and chosen:
            said = f"{self._left_out} messages were left out within the last hour."
            chosen.append((Alert("runner", "Many alerts", said), 0))
            self._left_out = 0
        self._sent.extend([now] * len(chosen))
        return chosen

    def again(self, alert: Alert, tries: int) -> None:
        """Put back what could not be sent."""
        if tries + 1 < TRIES:
            self.queue.append((alert, tries + 1))
        else:
            log.error("an alert could not be sent in %d tries: %s", TRIES, alert.title)


class Alerting:
    """Follows the journal and sends; `follow` and `send` are called again and again."""

    def __init__(self, settings: Alerts, journal: Path, place: Path, redactor: Redactor) -> None:
        """`place` remembers up to where the journal was told, over restarts."""
        check_events(settings)
        self.settings = settings
        self.outbox = Outbox(settings)
        self._urls = addresses(settings)
        self._journal = journal
        self._place = place
        self._redactor = redactor
        self._writer = Writer()
        self._seq: int | None = None
        self._written: int | None = None
        self._reminded: datetime | None = None
        self.begin()

    @property
    def is_on(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._urls)

    def follow(self, now: datetime) -> None:
        """Take what the journal has got since the last call."""
        if not self.is_on or not self._journal.is_file():
            return
        with Journal.read_only(self._journal) as journal:
            if journal.last_seq() < (self._seq or 0):  # it is another journal now
                self._seq = journal.last_seq()
            records = list(journal.read(after=self._seq or 0, kinds=KINDS))
        for alert in self._writer.alerts(records):
            self.outbox.add(alert, now)
        if records:
            self._seq = records[-1].seq

    def tell(self, topic: str, title: str, text: str, now: datetime) -> None:
        """Something that is not in the journal: the gateway, the runner itself, the login."""
        self.outbox.add(Alert(topic, title, text), now)

    def send(self, now: datetime) -> None:
        """Send what is due, to every address; blocks for as long as that takes."""
        if not self.is_on:
            self.outbox.queue.clear()
            return
        for alert, tries in self.outbox.due(now):
            if not self._notify(alert):
                self.outbox.again(alert, tries)
        if not self.outbox.queue and self._seq != self._written:
            write_whole(self._place, json.dumps({"seq": self._seq}) + "\n")
            self._written = self._seq

    def remind(self, now: datetime) -> None:
        """Tell once a week that a real gateway wants its login, where that is wished for."""
        if not self.settings.weekly_login:
            return
        due = last_weekly(self.settings.weekly_login, now)
        if self._reminded is not None and self._reminded < due:
            text = "The session of a real IB Gateway ends on Sunday: log in again, with 2FA."
            self.tell("login", f"Weekly login of {due:%Y-%m-%d}", text, now)
        self._reminded = due

    def _notify(self, alert: Alert) -> bool:
        import apprise

        post = apprise.Apprise()
        for url in self._urls:
            post.add(url)
        text, title = self._redactor.text(alert.text), self._redactor.text(alert.title)
        return bool(post.notify(title=f"HYDRA: {title}", body=text or title))

    def begin(self) -> None:
        """Go on where the journal was told last, by whomever; at its end, if it never was."""
        try:
            self._seq = int(json.loads(self._place.read_text(encoding="utf-8"))["seq"])
        except (OSError, ValueError, KeyError, TypeError):
            if self._seq is None:
                self._seq = self._end_of_journal()

    def _end_of_journal(self) -> int:
        if not self._journal.is_file():
            return 0
        with Journal.read_only(self._journal) as journal:
            return journal.last_seq()


def addresses(settings: Alerts) -> list[str]:
    """Every address of the settings and of their file; raises `ConfigError` for one that apprise
    does not know, without showing it."""
    found = list(settings.urls)
    if not settings.urls_file.is_dir():  # unset, it is the present folder
        try:
            found += settings.urls_file.read_text(encoding="utf-8").split("\n")
        except OSError as problem:
            raise ConfigError(f"[alerts] urls_file cannot be read: {problem}.") from problem
    found = [url.strip() for url in found if url.strip()]
    if found:
        import apprise

        for number, url in enumerate(found, start=1):
            if not apprise.Apprise().add(url):
                raise ConfigError(
                    f"[alerts] address {number} ({url.partition(':')[0][:20]}:…) is none that "
                    "apprise knows; it takes addresses such as tgram://TOKEN/CHAT."
                )
    return found


def secrets_of(urls: Iterable[str]) -> set[str]:
    """The addresses, and of each the parts behind its scheme: an error may name one of them."""
    parts = {part for url in urls for part in re.split(r"[/:@?&=]+", url.partition("://")[2])}
    return {*urls, *(part for part in parts if len(part) >= SHORTEST_PART)}


def check_events(settings: Alerts) -> None:
    """Raise for an event that nobody tells, or a time that is none."""
    for name in settings.events:
        if name not in EVENTS:
            raise ConfigError(f"[alerts] {unknown('event to alert', name, EVENTS)}")
    check_windows(settings.reset_windows)
    if settings.weekly_login:
        _weekly(settings.weekly_login)


def last_weekly(text: str, now: datetime) -> datetime:
    """The last moment, up to now, that a text such as "Sun 12:00 US/Eastern" names."""
    day, hour, minute, zone = _weekly(text)
    local = now.astimezone(zone)
    at = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    at -= timedelta(days=(local.weekday() - day) % 7)
    return at if at <= local else at - timedelta(days=7)


def _weekly(text: str) -> tuple[int, int, int, ZoneInfo]:
    try:
        day, time, zone = text.split()
        if day.lower()[:3] not in DAYS:
            raise UnknownName(unknown("weekday", day, DAYS))
        hour, minute = map(int, time.split(":"))
        datetime(2000, 1, 1, hour, minute)  # noqa: DTZ001 — only to see that there is such a time
        return DAYS.index(day.lower()[:3]), hour, minute, ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError) as problem:
        raise ConfigError(
            f'[alerts] weekly_login is {text!r}; it takes a text such as "Sun 12:00 US/Eastern".'
        ) from problem
