"""Options of a command of the gateway: what is not one is named with the nearest that there is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn


class OptionParser(argparse.ArgumentParser):
    """An argument parser whose refusals are one sentence on standard error, with exit code 2."""

    def parse_all(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """The values of all arguments; ends the program for one that is not known."""
        values, unknown = self.parse_known_args(arguments)
        if unknown:
            given = unknown[0].partition("=")[0]
            options = [name for name in self._option_string_actions if name.startswith("--")]
            near = get_close_matches(given, options, 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else f"`{self.prog} --help` lists them."
            self.error(f"{given} is no option; {hint}")
        return values

    def error(self, message: str) -> NoReturn:
        """End the program with the message alone: no usage stands before it."""
        self.exit(2, f"{self.prog}: {message}\n")
