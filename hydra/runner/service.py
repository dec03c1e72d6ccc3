"""The runner at work: APScheduler calls its tick, its beat, the gateway's pulse, the alerts.

Everything runs in one event loop: that of `hydra runner`, or of a thread beside the Jupyter
server. One runner at a time works on a data folder; another one waits until it is gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hydra.config import Settings
from hydra.errors import HydraError, JournalReplaced
from hydra.ib.pulse import Health, Pulse
from hydra.runner.after_close import AfterClose
from hydra.runner.alerts import Alerting, addresses, secrets_of
from hydra.runner.beat import EVERY_S, read_beat, write_beat
from hydra.runner.jobs_file import JobsFile, described
from hydra.runner.lease import Lease, holder
from hydra.runner.market_clock import FollowedClock
from hydra.runner.redact import Redactor, own_secrets
from hydra.runner.resets import is_reset
from hydra.runner.retention import remove_old_runs
from hydra.runner.runner import Runner
from hydra.timetable import timetable

log = logging.getLogger("hydra.runner")

TICK_S = 1.0
LEARN_S = 30.0
STILL = timedelta(seconds=10)
"""A schedule that did nothing for so long stands still."""
SIMULATED_PROBE_S = 2.0
FIRST_LOOK_S = 15.0
"""How long the schedule waits for a gateway to tell its time before it goes by our own."""


@dataclass
class Service:
    """A schedule, its gateway's pulse and its alerts; `run` works until `stop`."""

    settings: Settings
    with_runner: bool = True
    say: Callable[[str], None] = log.info
    pulse: Pulse = field(init=False)
    problem: str = ""
    """Why the schedule is not at work, in one sentence; empty while it is."""

    def __post_init__(self) -> None:
        """Nothing is opened before `run`."""
        self.pulse = Pulse(self.settings.gateway)
        self.clock = FollowedClock()
        self._after_close = AfterClose(self.settings)
        self._jobs_file = JobsFile(self.settings)
        self._jobs_problem = ""
        self._fatal: JournalReplaced | None = None
        self.runner: Runner | None = None
        self._alerting: Alerting | None = None
        self._lease: Lease | None = None
        self._voice: Lease | None = None
        self._started = datetime.now(UTC)
        self._stopping = asyncio.Event()
        self._ticked_at: datetime | None = None
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._down_since: datetime | None = None
        self._told_down = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Work until `stop` is called; raises `HydraError` for settings that cannot be used, and
        `JournalReplaced` once it was told: then nothing more is written."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        self._loop = asyncio.get_running_loop()
        self._alerting = self._make_alerting()
        scheduler = AsyncIOScheduler(timezone=UTC)
        for work, seconds in self._work():
            scheduler.add_job(
                work, "interval", seconds=seconds, max_instances=1, coalesce=True,
                misfire_grace_time=None, next_run_time=datetime.now(UTC),
            )  # fmt: skip
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that is skipped is none
        scheduler.start()
        try:
            await self._stopping.wait()
        finally:
            scheduler.shutdown(wait=False)
            if self._fatal:
                await self._tell()
            self._end()
        if self._fatal:
            raise self._fatal

    def stop(self) -> None:
        """End `run`; may be called from another thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    @property
    def health(self) -> Health:
        """What was seen of the gateway last."""
        return self.pulse.health

    def _work(self) -> list[tuple[Callable[[], Any], float]]:
        work: list[tuple[Callable[[], Any], float]] = [(self._look, TICK_S), (self._tell, TICK_S)]
        if self.with_runner:
            work += [(self._tick, TICK_S), (self._beat, EVERY_S), (self._tidy, 3600.0)]
            work += [(self._learn, LEARN_S)]
        return work

    async def _look(self) -> None:
        """Ask the gateway, a simulated one often, for its clock leaps."""
        now = datetime.now(UTC)
        quick = self.clock.is_simulated or not self.pulse.health.handshake
        quick = quick or self.clock.is_in_doubt
        pause = SIMULATED_PROBE_S if quick else self.settings.runner.probe_s
        if now - self._looked_at < timedelta(seconds=pause):
            return
        self._looked_at = now
        health = await self.pulse.look()
        if health.handshake and health.market and (said := self.clock.set(health.market)):
            log.warning("%s", said)
        self._mind_the_gateway(health, now)

    def _mind_the_gateway(self, health: Health, now: datetime) -> None:
        if self._alerting is None:
            return
        if health.handshake and health.fresh:
            if self._told_down:
                self._alerting.tell("gateway", "The gateway is back", f"{now:%H:%M} UTC", now)
            self._down_since, self._told_down = None, False
            return
        self._down_since = self._down_since or now
        away = (now - self._down_since).total_seconds()
        alerts = self.settings.alerts
        if (
            not self._told_down
            and away >= alerts.gateway_down_s
            and not is_reset(alerts.reset_windows, now)
        ):
            since = f"since {self._down_since:%Y-%m-%d %H:%M} UTC"
            self._alerting.tell("gateway", f"The gateway is away {since}", health.sentence, now)
            self._told_down = True

    async def _tick(self) -> None:
        try:
            if self._fatal or (self.runner is None and not self._make_runner()):
                return
            if self.runner:
                self._follow_jobs(self.runner)
                if not self.clock.is_in_doubt:  # a second look will tell what the time is
                    self.runner.tick()
                self._ticked_at = datetime.now(UTC)
            self._settle("")
        except JournalReplaced as problem:
            self._settle(str(problem))
            self._fatal = problem
            self._stopping.set()
        except (HydraError, OSError) as problem:
            self._settle(str(problem))

    def _follow_jobs(self, runner: Runner) -> None:
        """Take the jobs of hydra.toml when it has changed; one that cannot be used changes
        nothing, and that is said."""
        try:
            jobs = self._jobs_file.look()
        except HydraError as problem:
            if str(problem) != self._jobs_problem:
                self._jobs_problem = str(problem)
                self._say_of_jobs(runner, "The jobs stay as they were", str(problem))
            return
        if jobs is None:
            return
        self._jobs_problem = ""
        if said := described(runner.jobs, jobs):
            runner.take_jobs(jobs)
            runner.note(said)
            self.say(said)

    def _say_of_jobs(self, runner: Runner, title: str, problem: str) -> None:
        log.error("%s: %s", title.lower(), problem)
        self.say(f"{title}: {problem}")
        runner.note(f"{title}: {problem}")
        if self._alerting:
            self._alerting.tell("runner", title, problem, datetime.now(UTC))

    def _settle(self, problem: str) -> None:
        """Say a problem once, when it comes, and to those who get alerts."""
        if problem and problem != self.problem:
            log.error("the schedule stands still: %s", problem)
            self.say(problem)
            if self._alerting:
                now = datetime.now(UTC)
                self._alerting.tell("runner", "The schedule stands still", problem, now)
        self.problem = problem

    def _make_runner(self) -> bool:
        """Whether the schedule is ours; jobs are read and checked, then the market's time."""
        if self._lease is None:
            path = self.settings.data.dir / "leases" / "_runner.lock"
            self._lease = Lease.take(path)
            if self._lease is None:
                other = (holder(path) or {}).get("pid", "?")
                self._settle(f"Another runner, process {other}, works on this data folder.")
                return False
            import os

            self._lease.say(pid=os.getpid())
        jobs = self._jobs_file.read()
        waited = (datetime.now(UTC) - self._started).total_seconds()
        if not self.clock.is_known and waited < FIRST_LOOK_S:
            return False
        if not self.clock.is_known and (beat := read_beat(self.settings)):
            self.clock.assume(beat.ahead)
        self.runner = Runner(self.settings, jobs, self.clock, gateway_is_there=self._is_there)
        self.say(f"The schedule has {len(jobs)} jobs.")
        return True

    def _is_there(self) -> bool:
        """Whether a session that begins now finds the gateway, and it finds the exchange."""
        return self.pulse.health.handshake and self.pulse.health.is_up

    async def _learn(self) -> None:
        """After the close: what has filled since anybody listened."""
        if self.runner is None or not self.pulse.health.handshake or self.clock.is_in_doubt:
            return
        try:
            await self._after_close.look(self.clock.now())
        except (HydraError, OSError) as problem:
            log.error("after the close: %s", problem)

    async def _beat(self) -> None:
        """Say that the schedule lives; one that stands still is as good as none."""
        is_still = self._ticked_at is None or datetime.now(UTC) - self._ticked_at > STILL
        if self.runner is None or is_still:
            return
        try:
            write_beat(self.settings, self._started, self.runner.next_dues, self.clock.ahead)
        except OSError as problem:
            self._settle(f"The sign of life cannot be written: {problem}.")

    async def _tidy(self) -> None:
        if self.runner is None:
            return
        running = self.runner.history.running
        for name in remove_old_runs(self.settings.runs_dir, self.settings.runner, running):
            log.info("removed the folder of run %s", name)
        self.runner.history.forget(self.clock.now() - timedelta(days=60))
        timetable.cache_clear()  # a calendar reaches a year ahead of when it was made

    async def _tell(self) -> None:
        alerting = self._alerting
        if alerting is None or not alerting.is_on or not self._may_tell():
            return
        now = datetime.now(UTC)
        try:
            if not self.clock.is_simulated:  # a simulated gateway wants no login
                alerting.remind(now)
            await asyncio.to_thread(alerting.follow, now)
            await asyncio.to_thread(alerting.send, now)
        except (HydraError, OSError) as problem:
            log.error("alerts: %s", problem)

    def _may_tell(self) -> bool:
        """Whether it is on us to tell: a server and a runner beside it do not both."""
        if self._voice is None and self._alerting:
            self._voice = Lease.take(self.settings.data.dir / "leases" / "_alerts.lock")
            self._alerting.begin()  # what was told meanwhile is not told again
        return self._voice is not None

    def _make_alerting(self) -> Alerting:
        alerts = self.settings.alerts
        redactor = Redactor({*own_secrets(), *secrets_of(addresses(alerts))})
        place = self.settings.data.dir / "alerts.json"
        return Alerting(alerts, self.settings.journal_path, place, redactor)

    def _end(self) -> None:
        if self.runner:
            self.runner.stop("The runner was stopped.")
        self.pulse.close()
        for lease in (self._lease, self._voice):
            if lease:
                lease.close()
