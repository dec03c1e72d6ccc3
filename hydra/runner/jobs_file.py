"""hydra.toml while the schedule is at work: its jobs are read again whenever the file changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hydra.config import Settings, load_settings, nearest_toml
from hydra.errors import ConfigError, HydraError
from hydra.runner.jobs import Job, check_jobs, load_jobs

AGAIN_LOOKS = 30
"""Looks after which a file that could not be used is tried again: a notebook or a strategy that it
names may have come meanwhile."""
Signature = tuple[str, int, int, int, int]


def present_settings(settings: Settings) -> Settings:
    """The settings as the files say them now, with the gateway, data folder and notebooks that we
    began with, as a run's own process has them; raises `ConfigError`."""
    if settings.toml and not settings.toml.is_file():
        raise ConfigError(f"{settings.toml} is gone.")
    if settings.folder is None:
        return settings
    fresh = load_settings(settings.folder)
    return replace(
        fresh, gateway=settings.gateway, data=settings.data, notebooks=settings.notebooks
    )


class JobsFile:
    """Looks at hydra.toml; `look` is called again and again, and costs one stat."""

    def __init__(self, settings: Settings) -> None:
        """Nothing was read yet."""
        self.settings = settings
        self._seen: Signature | None = None
        self._read: Signature | None = None
        self._is_read = False
        self._failed_looks = 0

    def read(self) -> dict[str, Job]:
        """The checked jobs as they are now; raises `ConfigError` naming the line of a bad one."""
        settings = present_settings(self.settings)
        jobs = load_jobs(settings)
        check_jobs(settings, jobs)
        return jobs

    def look(self) -> dict[str, Job] | None:
        """The jobs when the file has changed and is no longer being written, else None.

        Raises `ConfigError` for a file that cannot be used; it is tried again once it has changed,
        and now and then.
        """
        if self.settings.folder is None:
            return None  # settings that no file was sought for
        last, self._seen = self._seen, _signature(self.settings.folder)
        if self._is_read and (self._seen != last or not self._is_due()):
            return None
        self._read, self._is_read = self._seen, True
        try:
            jobs = self.read()
        except HydraError:
            self._failed_looks = 1
            raise
        self._failed_looks = 0
        return jobs

    def _is_due(self) -> bool:
        if self._seen != self._read:
            return True
        self._failed_looks += self._failed_looks > 0
        return self._failed_looks > AGAIN_LOOKS


def described(old: Mapping[str, Job], new: Mapping[str, Job]) -> str:
    """What is different, in one sentence; empty when nothing is."""
    parts = {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "changed": [name for name in new if name in old and new[name] != old[name]],
    }
    said = [f"{word} {', '.join(sorted(names))}" for word, names in parts.items() if names]
    return f"The jobs of hydra.toml were read again: {'; '.join(said)}." if said else ""


def _signature(folder: Path) -> Signature | None:
    path = nearest_toml(folder)
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    if found is None:
        return None
    return str(path), found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
