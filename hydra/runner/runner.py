"""The runner's decisions: at each tick, what is begun, what was missed, what has died.

A tick looks at the clock, the journal and the run processes, and acts; it keeps nothing that it
could not find again, so a runner that was killed goes on where it was. Each due moment of a job
ends as exactly one first run or one recorded miss: the journal's keys see to that, also with two
runners. Beginning a run is journalled before its process starts.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from hydra.clock import Clock, Sessions, WallClock
from hydra.config import Settings
from hydra.domain.events import (
    Event,
    Recorded,
    RunEnded,
    RunMissed,
    RunRequested,
    RunStarted,
    Warned,
)
from hydra.errors import JournalReplaced
from hydra.journal.journal import Journal
from hydra.runner.beat import read_beat
from hydra.runner.history import KINDS, Attempt, History, Slot
from hydra.runner.jobs import Job
from hydra.runner.lease import Lease, holder
from hydra.runner.notebook import make_private
from hydra.runner.redact import Redactor, own_secrets, without_secrets
from hydra.runner.schedule import Due
from hydra.runner.trade import kernel_environment, lease_path
from hydra.runner.worker import Assignment

log = logging.getLogger("hydra.runner")

KEPT = timedelta(days=60)
"""How far back due moments are remembered and misses recorded."""
NEARLY = timedelta(seconds=5)
"""So long before a moment is over, it is given up: the next tick may come too late for it."""
A_WEEK = timedelta(days=7)
WISH = timedelta(minutes=10)
"""How long a request to run a job holds while no runner is there to answer it."""
OVERTIME_S = 60.0
"""How much longer than its own limit a run's process may live, should its own watch be hung."""
RETRIED = frozenset({"failed", "died", "hung", "timeout", "stopped"})
GONE = "Its process ended without saying how."


@dataclass
class Child:
    """A run's process that was begun here; its lease is held by the process itself."""

    run: str
    process: subprocess.Popen[bytes]
    overdue_at: float


@dataclass(frozen=True)
class Start:
    """A run that is to begin: its name, job, trigger, and the due moment if it has one."""

    run: str
    job: Job
    trigger: str
    due: Due | None


@dataclass
class Runner:
    """One schedule; `tick` is all it does. One thread."""

    settings: Settings
    jobs: Mapping[str, Job]
    clock: Clock = field(default_factory=WallClock)
    """The market's: a simulated gateway lives in another year."""
    spawn: Callable[[Settings, Assignment, int], subprocess.Popen[bytes]] | None = None
    gateway_is_there: Callable[[], bool] = lambda: True
    """What is due while it is not waits like one whose strategy is busy: IB's nightly reset takes
    two hours, and a run that begins in it fails."""

    def __post_init__(self) -> None:
        """Read the journal and the last runner's sign of life."""
        with suppress(OSError):  # each run says what is wrong with it
            make_private(self.settings.runs_dir)
        self.journal = Journal.open(self.settings.journal_path)
        self.history = History()
        self.children: dict[str, Child] = {}
        self._waiting: dict[Slot, str] = {}
        """What is due and could not begin yet, and why."""
        self.started = datetime.now(UTC)
        self.began = self.clock.now()
        self.next_dues: dict[str, datetime | None] = dict.fromkeys(self.jobs)
        self._redactor = Redactor(own_secrets())
        self._follow()
        self.history.requests = [r for r in self.history.requests if self._is_open(r)]
        self._from = {name: self._since(name) for name in self.jobs}

    def tick(self) -> None:
        """Act on what has changed since the last tick; raises `JournalError` and `OSError` kinds,
        and can be called again then, but for `JournalReplaced`."""
        self.journal.check_file()
        now = self.clock.now()
        self._follow()
        self._end_dead_runs()
        self._follow()
        for name, job in self.jobs.items():
            self._look_at(name, job, now)
        self._retry(now)
        self._answer(now)

    def take_jobs(self, jobs: Mapping[str, Job]) -> None:
        """Go on with other jobs, from now on; a run that goes on keeps what it began with.

        What was due by the old ones is settled first: a moment that waits for its strategy while
        its job goes away, or gets another timetable, is a miss.
        """
        now = self.clock.now()
        for name, job in self.jobs.items():
            if name not in jobs or jobs[name].timetable != job.timetable:
                self._settle_before_a_change(name, job, now)
        kept = {
            name: self._from[name]
            for name, job in jobs.items()
            if name in self.jobs and self.jobs[name].timetable == job.timetable
        }
        self.next_dues = {name: self.next_dues[name] if name in kept else None for name in jobs}
        self._from = {name: kept.get(name, now) for name in jobs}
        self.jobs = jobs

    def note(self, text: str) -> None:
        """Leave a sentence in the journal."""
        self._append(Warned(0, text))

    def _settle_before_a_change(self, name: str, job: Job, now: datetime) -> None:
        self._look_at(name, job, now)
        for due in job.timetable.dues(self._from[name], now):
            if not self.history.settled((name, due.at)):
                self._miss(job, due, "Its job was changed before the run could begin.")

    def stop(self, reason: str) -> None:
        """Tell every run that was begun here to stop, wait for it, kill what does not."""
        for child in self.children.values():
            with suppress(ProcessLookupError):
                child.process.terminate()
        for child in self.children.values():
            try:
                child.process.wait(self.settings.runner.stop_s)
            except subprocess.TimeoutExpired:
                _kill(child.process.pid)
                child.process.wait()
            with suppress(JournalReplaced):  # it was said already, and the run ends it itself
                self._append(RunEnded(child.run, "stopped", reason, self._age(child.run)))
        self.children.clear()
        self.journal.close()

    # What is due

    def _look_at(self, name: str, job: Job, now: datetime) -> None:
        """Settle every due moment up to now: begin the newest where that is allowed."""
        following = self.next_dues[name]
        if following and now < following < now + A_WEEK and self._from[name] <= now:
            return
        self._mind_a_leap(name, now)
        dues = list(job.timetable.dues(self._from[name], now))
        dues = [due for due in dues if not self.history.settled((name, due.at))]
        for due in dues[:-1]:
            self._miss(job, due, self._why_missed(due, "It was overtaken by the next one."))
        if not dues or self._settle(job, dues[-1], now):
            self._from[name] = max(now, self._from[name])
        coming = job.timetable.coming(self._from[name], 1)
        self.next_dues[name] = coming[0].at if coming else None

    def _mind_a_leap(self, name: str, now: datetime) -> None:
        """A clock that leaps by months is another market's: nothing was due in between."""
        leap = now - self._from[name]
        if leap > KEPT or leap < -A_WEEK:
            self._append(
                Warned(
                    0,
                    f"The market's clock went from {self._from[name]:%Y-%m-%d %H:%M} to "
                    f"{now:%Y-%m-%d %H:%M} UTC; job {name} goes on from there.",
                )
            )
            self._from[name] = now

    def _settle(self, job: Job, due: Due, now: datetime) -> bool:
        """Begin or miss; False while the strategy is busy, or the gateway away, and there is still
        time."""
        on_time = (now - due.at).total_seconds() <= job.grace_s
        in_session = now < due.until
        if not on_time and not (job.late == "session" and in_session):
            waited_for = self._waiting.pop((job.name, due.at), "")
            asleep = "The machine was asleep or too busy."
            self._miss(job, due, waited_for or self._why_missed(due, asleep))
            return True
        name = f"{due.at:%Y%m%dT%H%M%SZ}-{job.name}"
        start = Start(name, job, "schedule" if on_time else "late", due)
        busy = self._away(job) or self._begin(start)
        grace = due.at + timedelta(seconds=job.grace_s)
        last = max(grace, due.until) if job.late == "session" else grace
        if busy and now + NEARLY > last:
            self._miss(job, due, busy)
            return True
        if busy:
            self._waiting[job.name, due.at] = busy
        else:
            self._waiting.pop((job.name, due.at), None)
        return not busy

    def _away(self, job: Job) -> str:
        """A sentence while a job that trades would find no gateway; else empty."""
        return "The gateway was away." if job.strategy and not self.gateway_is_there() else ""

    def _why_missed(self, due: Due, otherwise: str) -> str:
        return "No runner was running." if due.at <= self.began else otherwise

    def _miss(self, job: Job, due: Due, reason: str) -> None:
        self._append(RunMissed(job.name, job.strategy, due.session, due.at, reason))
        self.history.missed.add((job.name, due.at))

    def _since(self, name: str) -> datetime:
        """From when on a job's due moments are ours to settle.

        A runner before us wrote down what it had ahead; of a job that it did not know, nothing
        was due. Without its word the journal's last settled moment counts.
        """
        beat, last = read_beat(self.settings), self.history.last_due(name)
        ahead = beat.jobs.get(name) if beat else None
        if beat and name not in beat.jobs:
            return self.began
        since = ahead - timedelta(seconds=1) if ahead else last or self.began
        return min(max(since, self.began - KEPT), self.began)

    # Runs

    def _begin(self, start: Start) -> str:
        """Begin a run in its own process; a sentence while another run of its strategy goes on."""
        path = lease_path(self.settings, start.job.lease)
        lease = Lease.take(path)
        if lease is None:
            other = (holder(path) or {}).get("run", "another run")
            return f"{start.job.lease} was still running, as {other}."
        try:
            order = self._order(start)
            if self._append(order_event(order, self._redactor)) is not None:
                self._launch(order, lease)
        finally:
            lease.close()
        return ""

    def _launch(self, order: Assignment, lease: Lease) -> None:
        try:
            order.note(self.settings.runs_dir / order.run, self._redactor)
            process = (self.spawn or spawn_worker)(self.settings, order, lease.descriptor)
        except OSError as problem:
            reason = f"The run could not be begun: {problem}."
            self._append(RunEnded(order.run, "failed", reason, 0.0))
            return
        lease.say(run=order.run, pid=process.pid)
        overdue = _monotonic() + order.timeout_s + OVERTIME_S
        self.children[order.run] = Child(order.run, process, overdue)
        log.info("run %s began as process %d", order.run, process.pid)

    def _order(self, start: Start) -> Assignment:
        job, due, now = start.job, start.due, self.clock.now()
        session = due.session if due else Sessions(job.calendar).session_at(now)
        return Assignment(
            run=start.run,
            job=job.name,
            strategy=job.strategy,
            notebook=job.notebook,
            trigger=start.trigger,
            session=session.isoformat(),
            due=due.at.isoformat() if due else None,
            parameters=dict(job.parameters),
            data_dir=str(self.settings.data.dir.resolve()),
            ahead_s=(now - datetime.now(UTC)).total_seconds(),
            timeout_s=job.timeout_s,
            hung_s=job.hung_s,
        )

    def _end_dead_runs(self) -> None:
        """Journal the end of every run whose process is gone and did not do so itself."""
        for run, child in list(self.children.items()):
            code = child.process.poll()
            if code is not None:
                del self.children[run]
                self._append(RunEnded(run, "died", _how_it_died(code), self._age(run)))
            elif _monotonic() > child.overdue_at:
                _kill(child.process.pid)
                reason = "The run's process outlived its time and was killed."
                self._append(RunEnded(run, "timeout", reason, self._age(run)))
        for run, attempt in list(self.history.running.items()):
            if run not in self.children and not self._is_held(attempt):
                self._append(RunEnded(run, "died", GONE, self._age(run)))

    def _is_held(self, attempt: Attempt) -> bool:
        """Whether some process still has the lease under which the run began."""
        key = attempt.begun.strategy or f"job-{attempt.begun.job}"
        held = holder(lease_path(self.settings, key))
        return held is not None and held.get("run", attempt.begun.run) == attempt.begun.run

    def _age(self, run: str) -> float:
        """Seconds since the run began, by the machine's clock; 0 when that is unknown."""
        folder = self.settings.runs_dir / run
        with suppress(OSError):
            return max(round(datetime.now(UTC).timestamp() - folder.stat().st_ctime, 3), 0.0)
        return 0.0

    # Retries and requests

    def _retry(self, now: datetime) -> None:
        for slot, tries in self.history.failed():
            job, last = self.jobs.get(slot[0]), tries[-1]
            if job is None or not may_retry(job, tries) or last.ended_at is None:
                continue
            if self._away(job):
                continue
            due = next(job.timetable.dues(slot[1] - timedelta(seconds=1), slot[1]), None)
            ready = last.ended_at + timedelta(seconds=job.retry_after_s)
            if due and ready <= now < due.until:
                name = f"{slot[1]:%Y%m%dT%H%M%SZ}-{job.name}-{len(tries) + 1}"
                self._begin(Start(name, job, "retry", due))

    def _answer(self, now: datetime) -> None:
        """Begin what somebody asked for, or say in the journal why not."""
        requests, self.history.requests = self.history.requests, []
        for record in requests:
            event = record.event
            if not isinstance(event, RunRequested) or record.seq in self.history.answered:
                continue
            job = self.jobs.get(event.job)
            refusal = f"There is no job {event.job}." if job is None else ""
            if job:
                name = f"{now:%Y%m%dT%H%M%SZ}-{job.name}-request-{record.seq}"
                refusal = self._begin(Start(name, job, "request", None))
            if refusal and job and self._is_ending(job) and self._is_open(record):
                self.history.requests.append(record)
            elif refusal:
                said = f"The request {record.seq} by {event.by} to run {event.job} was refused"
                self._append(Warned(0, f"{said}: {refusal}"))

    def _is_ending(self, job: Job) -> bool:
        """Whether the run that has the job's lease has ended, all but its process."""
        held = holder(lease_path(self.settings, job.lease))
        return held is None or held.get("run") not in self.history.running

    def _is_open(self, request: Recorded) -> bool:
        """Whether a request waits for its answer: no other, and one of long ago is no wish now."""
        is_recent = datetime.now(UTC) - request.recorded < WISH
        return is_recent and request.seq not in self.history.answered

    # The journal

    def _follow(self) -> None:
        self.history.take(self.journal.read(after=self.history.seq, kinds=KINDS))

    def _append(self, event: Event) -> int | None:
        return self.journal.append(event, self.clock.now())


def order_event(order: Assignment, redactor: Redactor) -> RunStarted:
    """The beginning of a run as the journal takes it, without secrets."""
    begun = order.begun
    return RunStarted(**{**vars(begun), "parameters": redactor.plain(begun.parameters)})


def spawn_worker(settings: Settings, order: Assignment, lease: int) -> subprocess.Popen[bytes]:
    """A run's process in a session of its own, holding the lease; may raise `OSError`."""
    environment = {**without_secrets(os.environ), **kernel_environment(settings)}
    process = subprocess.Popen(
        [sys.executable, "-m", "hydra.runner.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=settings.toml.parent if settings.toml else Path.cwd(),
        pass_fds=(lease,),
        start_new_session=True,
    )
    stdin: IO[bytes] = process.stdin  # type: ignore[assignment]  # it is a pipe
    with suppress(BrokenPipeError), stdin:
        stdin.write(order.text().encode())
    return process


def may_retry(job: Job, tries: list[Attempt]) -> bool:
    """Only what failed, not too often, and nothing that may have traded without reconciling."""
    last = tries[-1].ended
    harmless = job.reconciles_first or not any(attempt.placed for attempt in tries)
    return bool(last and last.outcome in RETRIED and len(tries) <= job.retries and harmless)


def _how_it_died(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return f"Its process was ended by {signal.Signals(-code).name}."
    return GONE


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _monotonic() -> float:
    return time.monotonic()
