"""A kernel under watch: the whole run's time, a kernel that gives no sign of life, a wish to stop.

papermill runs in the main thread and waits for the kernel; this watches from a thread of its own
and ends the kernel, first kindly, then not. What it did is its verdict.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.utils import merge_kwargs, remove_args

ENGINE = "hydra"
LOOK_S = 0.25
KIND_S = 10.0
"""How long an interrupted cell may take to end, before its kernel is killed."""
OUTPUT_S = 120
"""How long papermill waits for a cell's last output; a busy machine needs more than its 4 s."""


@dataclass(frozen=True)
class Limits:
    """How long a run may take as a whole, and its kernel give no sign of life."""

    timeout_s: float = 24 * 3600.0
    hung_s: float = 120.0


@dataclass(frozen=True)
class Verdict:
    """Why the watch ended the kernel: timeout, hung or stopped, and one sentence."""

    outcome: str
    reason: str


class KernelWatch:
    """Watches the kernel of one run; a context manager around papermill's call."""

    current: KernelWatch | None = None
    """The watch that the engine reports to: one run a process and thread of papermill's."""

    def __init__(self, limits: Limits) -> None:
        """Nothing is watched before the context is entered."""
        self.limits = limits
        self.verdict: Verdict | None = None
        self.client: Any = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="kernel-watch", daemon=True)
        self._began = time.monotonic()
        self._alive = self._began
        self._killing_at: float | None = None

    def __enter__(self) -> Self:
        """Watch from here on."""
        KernelWatch.current = self
        self._began = self._alive = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Watch no longer."""
        KernelWatch.current = None
        self._over.set()
        self._thread.join()

    def stop(self, reason: str) -> None:
        """End the run as soon as it can be: its cell is interrupted, its notebook saved."""
        self._end(Verdict("stopped", reason))

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            now = time.monotonic()
            if self.verdict is None:
                self._judge(now)
            elif self._killing_at is not None and now >= self._killing_at:
                self._signal(signal.SIGKILL)
                self._killing_at = now + KIND_S

    def _judge(self, now: float) -> None:
        if now - self._began > self.limits.timeout_s:
            limit = self.limits.timeout_s
            self._end(Verdict("timeout", f"The run took longer than {limit:g} s and was ended."))
            return
        if self.client is None or self._is_beating():
            self._alive = now
        elif now - self._alive > self.limits.hung_s:
            limit = self.limits.hung_s
            sentence = f"The kernel gave no sign of life for {limit:g} s and was killed."
            self._end(Verdict("hung", sentence), kindly=False)

    def _is_beating(self) -> bool:
        """A dead kernel counts as beating: papermill notices that within a second by itself."""
        channel = getattr(self.client.kc, "_hb_channel", None) if self.client.kc else None
        if channel is None or not channel.is_alive():
            return True
        return bool(channel.is_beating())

    def _end(self, verdict: Verdict, *, kindly: bool = True) -> None:
        if self.verdict is None:
            self.verdict = verdict
            self._signal(signal.SIGINT if kindly else signal.SIGKILL)
            self._killing_at = time.monotonic() + KIND_S

    def _signal(self, number: int) -> None:
        """To the kernel's whole group, so that what it has started ends with it."""
        provisioner = getattr(getattr(self.client, "km", None), "provisioner", None)
        process = getattr(provisioner, "process", None)
        if process is None or process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(os.getpgid(process.pid), number)
            else:
                os.kill(process.pid, number)


class WatchedEngine(NBClientEngine):  # type: ignore[misc]  # papermill has no types
    """papermill's own engine, with the client shown to the watch."""

    @classmethod
    def execute_managed_notebook(  # noqa: PLR0913 — papermill's signature
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the notebook and let the watch see its kernel."""
        given = remove_args(["input_path", "timeout", "startup_timeout"], **kwargs)
        client = PapermillNotebookClient(
            nb_man,
            **merge_kwargs(
                given,
                timeout=None,  # the whole run has its time, no cell has its own
                startup_timeout=start_timeout,
                iopub_timeout=OUTPUT_S,
                kernel_name=kernel_name,
            ),
        )
        if KernelWatch.current:
            KernelWatch.current.client = client
        return client.execute()


papermill_engines.register(ENGINE, WatchedEngine)
