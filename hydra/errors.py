"""Every error that HYDRA raises on purpose, and the one sentence each of them carries.

::

    HydraError                    the command line prints it and ends with exit code 2
    ├── UnknownName               a plug-in, parameter, key or symbol that does not exist
    ├── BadParameter              the right name with a value of the wrong type or range
    ├── ConfigError               hydra.toml, .env or a HYDRA_* variable is wrong
    ├── BarsError                 bars that break a rule; names the row
    ├── JournalError              the journal cannot be used: nothing trades
    │   ├── JournalNewer          it was written by a newer version
    │   ├── JournalReplaced       its file was deleted, moved or replaced while it was open
    │   └── JournalUnwritable     its folder is read-only, its disk is full, or it is locked
    ├── BrokerError               the gateway, or what it said
    │   ├── GatewayUnreachable    nothing answers there, or it answers and says nothing
    │   ├── ReadOnlyGateway       it takes no orders, by its own settings
    │   ├── NotPaperAccount       the account is not a paper account
    │   ├── UnknownInstrument     the gateway knows no such contract
    │   └── NotReconciled         journal and broker disagree, so nothing is sent
    └── RunFailed                 a notebook run ended with an error; says where it lies
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class HydraError(Exception):
    """Base of all errors that a person can understand and mend; its text is one sentence."""


class UnknownName(HydraError):
    """A name that is not among those that exist."""


class BadParameter(HydraError):
    """A value of the wrong type or outside its range."""


class ConfigError(HydraError):
    """A settings source is wrong; the text names the source, the key and what is allowed."""


class BarsError(HydraError):
    """Bars break a rule; the text names the symbol, the row and the rule."""


class JournalError(HydraError):
    """The journal cannot be used; nothing may trade until it can."""


class JournalNewer(JournalError):
    """The journal was written by a newer version of HYDRA."""


class JournalReplaced(JournalError):
    """The journal's file is no longer the one that was opened; what is written would be lost."""


class JournalUnwritable(JournalError):
    """The journal's file or folder cannot be written."""


class BrokerError(HydraError):
    """The gateway refused, or said something that cannot be acted on."""


class GatewayUnreachable(BrokerError):
    """Nothing answers at the gateway's address, or it accepts and then says nothing."""


class ClientIdInUse(BrokerError):
    """Every client id that was tried is held by another connection (error 326)."""


class ReadOnlyGateway(BrokerError):
    """The gateway refuses whatever has to do with orders (error 321, Read-Only API)."""


class NotPaperAccount(BrokerError):
    """The gateway's account is not a paper account (its code does not begin with DU or DF)."""


class UnknownInstrument(BrokerError):
    """The gateway has no security definition for what was asked."""


class NotReconciled(BrokerError):
    """The journal and the broker disagree, or were not compared yet."""


class RunFailed(HydraError):
    """A notebook run ended with an error; the text says which and where its record lies."""


def nearest(given: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that `given` most likely meant, or None when nothing is near."""
    names = {name.lower(): name for name in allowed}
    matches = get_close_matches(given.lower(), names, n=1, cutoff=0.5)
    return names[matches[0]] if matches else None


def unknown(kind: str, given: str, allowed: Iterable[str]) -> str:
    """One sentence for a misspelt name: what was given, the nearest valid one, all valid ones.

    >>> unknown("strategy", "sma_cros", ["sma_cross", "ts_momentum"])
    "There is no strategy 'sma_cros'; did you mean 'sma_cross'? Known: sma_cross, ts_momentum."
    """
    names = sorted(allowed)
    guess = nearest(given, names)
    hint = f"; did you mean {guess!r}?" if guess else "."
    known = ", ".join(names) if names else "none"
    return f"There is no {kind} {given!r}{hint} Known: {known}."
