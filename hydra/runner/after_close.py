"""After the close somebody asks once what has filled since the last run: tomorrow it is not told.

Exits of a bracket and orders that a run left working may fill when nobody listens any more, and IB
tells of executions on their own day only.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta

from hydra import wiring
from hydra.clock import Sessions
from hydra.config import Settings
from hydra.errors import HydraError
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal

log = logging.getLogger("hydra.runner")

AFTER = timedelta(minutes=5)
"""So long after the close the last executions have been told."""
UNTIL = timedelta(hours=3)
"""Before the exchange's midnight in any case."""


class AfterClose:
    """Catches up once for each session that has left something open; `look` is called often."""

    def __init__(self, settings: Settings) -> None:
        """Nothing was looked at yet."""
        self.settings = settings
        self.sessions = Sessions(settings.trading.calendar)
        self._done: date | None = None

    async def look(self, now: datetime) -> bool:
        """Catch up if it is time to (`now` is the market's); whether that was done.

        A gateway that is away is asked again with the next look.
        """
        session = self.sessions.last_completed(now)
        since = now - self.sessions.closes(session)
        if session == self._done or not AFTER <= since <= UNTIL:
            return False
        if not self.settings.journal_path.is_file() or not _is_open(self._state()):
            self._done = session
            return False
        try:
            found = await wiring.catch_up(self.settings)
        except HydraError as problem:
            log.error("after the close of %s: %s", session, problem)
            return False
        self._done = session
        log.info("after the close of %s: %s new fills", session, found.fills)
        return True

    def _state(self) -> State:
        with Journal.read_only(self.settings.journal_path) as journal:
            return fold(journal.read())


def _is_open(state: State) -> bool:
    """Whether something may have filled, or was not charged, that nobody heard of."""
    return bool(state.working or state.unknown or state.uncharged)
