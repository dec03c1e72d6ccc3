"""`hydra realism`: list what is known of real gateways, or compare a recording with ours."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from hydra.gateway.comparison import KINDS, TOLERANCE_S, compare, lacking
from hydra.gateway.errors import GatewayError
from hydra.gateway.ledger import listing, load_ledger, page
from hydra.gateway.options import OptionParser
from hydra.gateway.recording import load_recording
from hydra.gateway.replaying import replay


def _tolerance(text: str) -> float:
    seconds = float(text) if text.replace(".", "", 1).isdecimal() else -1.0
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is no tolerance; give 0 to 3600 seconds")
    return seconds


def _parser() -> OptionParser:
    parser = OptionParser(
        prog="hydra realism",
        description="Without FILE: list the known behaviours of real gateways. With FILE: replay "
        "a recording against the simulated gateway and list the differences (then 1).",
    )
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated market")
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        default=TOLERANCE_S,
        metavar="SECONDS",
        help="by which a first answer may come sooner or later (default 5)",
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the list as Markdown")
    return parser


def main(argv: list[str] | None = None) -> int:
    """0 without differences, 1 with some, 2 with one sentence for a file that is bad."""
    parser = _parser()
    arguments = parser.parse_all(argv)
    if arguments.file is not None and arguments.page is not None:
        parser.error("--page is of the ledger; give it without FILE")
    try:
        if arguments.file is not None:
            return _compare(arguments.file, arguments.seed, arguments.tolerance)
        ledger = load_ledger()
        if arguments.page is not None:
            arguments.page.write_text(page(ledger), encoding="utf-8")
        else:
            _say("\n".join(listing(ledger)).strip())
    except (GatewayError, OSError, UnicodeDecodeError) as problem:
        sys.stderr.write(f"{arguments.file or 'hydra realism'}: {problem}\n")
        return 2
    return 0


def _compare(file: Path, seed: int, tolerance_s: float) -> int:
    recorded = load_recording(file.read_text(encoding="utf-8"))
    found = compare(recorded, replay(recorded, seed), tolerance_s)
    for kind in KINDS:
        for difference in found:
            if difference.kind == kind:
                _say(str(difference))
    apart = lacking(recorded)
    if apart:
        _say("Not compared, because the server version does not have them:")
        for name in apart:
            _say(f"  {name}")
    count = Counter(difference.kind for difference in found)
    told = ", ".join(f"{count[kind]} {kind}" for kind in KINDS if count[kind])
    _say(f"{len(found)} differences{': ' + told if told else ''}.")
    return 1 if found else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
