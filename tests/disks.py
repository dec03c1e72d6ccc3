"""A disk that gets full: a small file system of its own where that may be mounted, else a limit
on the size of files."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BALLAST = "ballast"


@dataclass
class Disk:
    """A folder with so much room; `fill` and `empty` take it and give it back."""

    folder: Path

    def fill(self, leave_kb: int = 0) -> None:
        """Take all room but so much."""
        with (self.folder / BALLAST).open("wb") as ballast:
            room = os.statvfs(self.folder)
            spare = leave_kb * 1024 // room.f_bsize
            os.posix_fallocate(ballast.fileno(), 0, max(1, (room.f_bavail - spare) * room.f_bsize))

    def empty(self) -> None:
        """Give the room back."""
        (self.folder / BALLAST).unlink()


@dataclass
class Limited(Disk):
    """The same by what a file may grow to, for this process and those that it starts."""

    def fill(self, leave_kb: int = 0) -> None:
        """No file gets larger than the largest is, and so much; without room none takes a byte."""
        sizes = [path.stat().st_size for path in self.folder.rglob("*") if path.is_file()]
        most = max(sizes, default=0) + leave_kb * 1024 if leave_kb else 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def empty(self) -> None:
        """As before."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Disk]:
    """A disk of that size at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    if refusal():
        disk = Limited(folder)
        try:
            yield disk
        finally:
            disk.empty()
        return
    _mount(folder, kilobytes)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def kind_of_disk() -> str:
    """For the names of tests: why it is a limit, where it is one."""
    return f"a limit on files, for {refusal()[:60]}" if refusal() else "a file system of its own"


def refusal() -> str:
    """Why no file system can be mounted here; empty where one can."""
    global _refusal
    if _refusal is None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                _mount(Path(folder), 64)
                subprocess.run(["umount", folder], check=True)
                _refusal = ""
            except (OSError, subprocess.CalledProcessError) as problem:
                said = getattr(problem, "stderr", "") or str(problem)
                # the same words in every process that collects the tests
                _refusal = " ".join(said.replace(folder, "a folder").split())
    return _refusal


_refusal: str | None = None


def _mount(folder: Path, kilobytes: int) -> None:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
