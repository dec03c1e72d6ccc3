"""Taking the account's word where journal and account disagree and no execution tells why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.config import Settings
from hydra.controls import reconciled_engine
from hydra.domain.events import EpochBegun, PositionAdopted
from hydra.errors import BadParameter
from hydra.execution.adoption import Decision, adoption_of
from hydra.journal.fold import fold
from hydra.journal.journal import Journal


def contested_rows(settings: Settings) -> list[dict[str, Any]]:
    """One row a contested position, by the journal: `symbol`, `journal`, `account`, `what`."""
    with Journal.read_only(settings.journal_path) as journal:
        state = fold(journal.read())
    return [
        {
            "symbol": symbol,
            "journal": known.expected,
            "account": known.told,
            "what": "its strategies open nothing" if not known.backed else "no order in it leaves",
        }
        for symbol, known in sorted(state.contested.items())
    ]


async def adopt(settings: Settings, symbols: Sequence[str], decision: Decision) -> list[str]:
    """Compare with the account once more, and take its word for `symbols` (none: all contested).

    Returns sentences. Raises `BadParameter` when nothing is contested (any more), `UnknownName`
    for a symbol that is not; then nothing was changed.
    """
    with Journal.open(settings.journal_path) as journal:
        async with reconciled_engine(settings, journal) as engine:
            state, account = engine.state, engine.account
            if not state.contested or account is None:
                raise BadParameter(
                    "Journal and account agree, or every difference is external: nothing is "
                    "contested, so there is nothing to adopt."
                )
            chosen = symbols or sorted(state.contested)
            events = [adoption_of(state, account, symbol, decision) for symbol in chosen]
            with journal.together():
                for event in events:
                    engine.record(event)
            await engine.reconcile()
    return [_sentence(event) for event in events]


def _sentence(event: PositionAdopted) -> str:
    books = ", ".join(f"{who} holds {units:,f}" for who, units in event.holdings.items())
    rest = f", {event.external:,f} are external" if event.external else ""
    return f"{event.symbol}: {books or 'no strategy holds it'}{rest}."


async def begin_epoch(settings: Settings, reason: str, by: str) -> list[str]:
    """Begin the books anew: what the account holds belongs to no strategy, and peak and opening
    NAV count from the next mark. Raises `BadParameter` without a reason or while orders work."""
    if not reason.strip():
        raise BadParameter("A new epoch needs a reason; give one in a few words.")
    with Journal.open(settings.journal_path) as journal:
        working = fold(journal.read()).working
        if working:
            raise BadParameter(
                f"{len(working)} orders of ours still work ({', '.join(sorted(working)[:3])}); "
                "cancel them first: `hydra cancel --all`."
            )
        async with reconciled_engine(settings, journal) as engine:
            engine.record(EpochBegun(reason, by))
            await engine.reconcile()
            mark = await engine.mark()
    return [
        f"A new epoch has begun: {reason}.",
        f"No strategy holds anything; the account is worth {mark.nav:,.2f}.",
    ]
