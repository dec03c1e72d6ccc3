"""`python -m hydra.gateway`: serve the simulated gateway until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path

from hydra.gateway.attributes import listed
from hydra.gateway.clock import Calendar
from hydra.gateway.control import LOOPBACK_NAMES
from hydra.gateway.errors import GatewayError, SettingsError
from hydra.gateway.exchange import FIRST_SESSION, ExchangeSettings
from hydra.gateway.faults import SCENARIOS, Fault, parse_script
from hydra.gateway.hours import ALWAYS_OPEN
from hydra.gateway.listing import parse_universe
from hydra.gateway.options import OptionParser
from hydra.gateway.realism import BEHAVIOURS, chosen
from hydra.gateway.server import (
    ANSWER_MS,
    HISTORY_MS,
    GatewayServer,
    GatewaySettings,
    serve,
    wall_time,
)
from hydra.gateway.times import epoch


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port; give 0 (any free one) to 65535")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date such as 2012-10-01") from None


def _milliseconds(text: str) -> int:
    if not text.isdecimal() or int(text) > 600_000:
        raise argparse.ArgumentTypeError(f"{text} is no time; give 0 to 600000 milliseconds")
    return int(text)


def _scale(text: str) -> float:
    scale = float(text) if text.replace(".", "", 1).isdecimal() else -1.0
    if not 0 <= scale <= 100:
        raise argparse.ArgumentTypeError(f"{text} is no scale; give 0 to 100")
    return scale


def _speed(text: str) -> float:
    speed = float(text) if text.replace(".", "", 1).isdecimal() else -1.0
    if not 0 <= speed < 1e9:
        raise argparse.ArgumentTypeError(
            f"{text} is no speed; give 0 (stepped by command) or simulated seconds a second"
        )
    return speed


def _cash(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and amount >= 0):
        raise argparse.ArgumentTypeError(f"{text} is no amount of cash such as 1000000")
    return amount


def _account(text: str) -> str:
    """Account codes; U… plays a live account, for clients that must refuse to trade on one."""
    for code in text.split(","):
        if not (code.isascii() and code.isalnum() and code.startswith(("DU", "DF", "U"))):
            raise argparse.ArgumentTypeError(f"{code!r} is no account code such as DU1234567")
    return text


def _universe(text: str) -> str:
    """The text of a universe file that can be read."""
    try:
        written = Path(text).read_text(encoding="utf-8")
        parse_universe(written)
    except (OSError, UnicodeDecodeError, SettingsError) as reason:
        raise argparse.ArgumentTypeError(f"{text}: {reason}") from None
    return written


def _text(text: str) -> str:
    try:
        return Path(text).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {reason}") from None


def _faults(text: str) -> tuple[Fault, ...]:
    """The script in a file, or the shipped scenario of that name."""
    path = Path(text)
    shipped = SCENARIOS / f"{text}.toml"
    chosen = shipped if not path.exists() and shipped.exists() else path
    try:
        return tuple(parse_script(chosen.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as reason:
        names = sorted(one.stem for one in SCENARIOS.glob("*.toml"))
        near = get_close_matches(text, names, 1, 0.4) or names
        raise argparse.ArgumentTypeError(
            f"{text} cannot be read ({reason}) and is no scenario; there is {', '.join(near)}"
        ) from None
    except SettingsError as reason:
        raise argparse.ArgumentTypeError(f"{text}: {reason}") from None


def _behaviour(text: str) -> str:
    try:
        chosen([text])
    except SettingsError as reason:
        raise argparse.ArgumentTypeError(str(reason)) from None
    return text


def _add_behaviour(parser: OptionParser) -> None:
    """The options of how it behaves towards its clients, and how long it takes."""
    parser.add_argument(
        "--real",
        type=_behaviour,
        action="append",
        default=[],
        metavar="NAME",
        help="how it is set up (repeatable), all, or trading (all that let orders through): "
        + ", ".join(BEHAVIOURS),
    )
    parser.add_argument(
        "--master-client-id", type=int, metavar="ID", help="who hears of all clients' orders"
    )
    parser.add_argument(
        "--answer-ms", type=_milliseconds, default=ANSWER_MS, help="that answers take"
    )
    parser.add_argument(
        "--history-ms",
        type=_milliseconds,
        default=HISTORY_MS,
        help="that answers about history take",
    )
    parser.add_argument(
        "--fast", action="store_true", help="answers take no time; all else is as always"
    )
    parser.add_argument(
        "--no-pacing", action="store_true", help="no limit of messages and of historical requests"
    )
    parser.add_argument(
        "--wall-scale", type=_scale, default=1.0, help="of other wall seconds, as of pacing"
    )


def _parser() -> OptionParser:
    parser = OptionParser(
        prog="hydra gateway", description="A simulated Interactive Brokers gateway."
    )
    parser.add_argument("--host", default="127.0.0.1", help="where clients connect")
    parser.add_argument("--port", type=_port, default=4002, help="0 takes any free port")
    parser.add_argument("--control-port", type=_port, default=4012, help="on the loopback only")
    parser.add_argument("--start", type=_day, default=FIRST_SESSION, help="first session")
    parser.add_argument(
        "--now",
        action="store_true",
        help="the market stands at the wall's time and is always open, on Sundays too",
    )
    parser.add_argument("--speed", type=_speed, default=1.0, help="0 is stepped by command")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same prices")
    parser.add_argument("--faults", type=_faults, default=(), help="TOML file or scenario name")
    parser.add_argument("--account", type=_account, default="DU1234567", help="its code, or A,B")
    parser.add_argument("--state", type=Path, help="the books are resumed from it and kept in it")
    parser.add_argument("--universe", type=_universe, help="TOML of further listings")
    parser.add_argument("--ticks", type=_text, help="CSV of trades to replay")
    parser.add_argument("--latency", type=int, default=0, help="seconds that orders take")
    parser.add_argument("--cash", type=_cash, default=Decimal(1_000_000), help="in USD")
    _add_behaviour(parser)
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="record clients of --upstream, a paper account"
    )
    parser.add_argument("--upstream", metavar="HOST:PORT", help="of --record, on the loopback")
    parser.add_argument("--yes", action="store_true", help="keep what --record shows, unasked")
    parser.add_argument(
        "--attributes", action="store_true", help="list what is done with each field of an order"
    )
    parser.add_argument("--ready-file", type=Path, help="written as JSON when it listens")
    parser.add_argument("--until-eof", action="store_true", help="end when stdin is closed")
    parser.add_argument("--json", action="store_true", help="print one line of JSON when ready")
    return parser


def _always_open_session() -> date:
    """The session of now on a market that is always open: a new one begins at 17:00 New York."""
    return Calendar(ALWAYS_OPEN).latest(epoch(wall_time())).day


def _check_now(arguments: argparse.Namespace) -> None:
    """With --now the wall's clock decides: raises SettingsError for what would set another."""
    defaults = {"start": FIRST_SESSION, "speed": 1.0, "state": None, "ticks": None}
    for name, default in defaults.items():
        if arguments.now and getattr(arguments, name) != default:
            raise SettingsError(
                f"--now takes no --{name}: the market stands at the wall's time, is always open "
                f"and keeps no state; leave out --{name}, or give --start DATE without --now"
            )


def _settings(arguments: argparse.Namespace) -> GatewaySettings:
    return GatewaySettings(
        host=arguments.host,
        port=arguments.port,
        control_port=arguments.control_port,
        speed=arguments.speed,
        faults=arguments.faults,
        state=arguments.state,
        survives_kill=True,
        answer_ms=arguments.answer_ms,
        history_ms=arguments.history_ms,
        is_fast=arguments.fast,
        paces=not arguments.no_pacing,
        wall_scale=arguments.wall_scale,
        keeps_wall_time=arguments.now,
        exchange=ExchangeSettings(
            start=_always_open_session() if arguments.now else arguments.start,
            seed=arguments.seed,
            account=arguments.account,
            cash=arguments.cash,
            universe=arguments.universe or "",
            latency_s=arguments.latency,
            ticks=arguments.ticks or "",
            real=frozenset(arguments.real),
            master_client_id=arguments.master_client_id,
            is_always_open=arguments.now,
        ),
    )


def _announce(server: GatewayServer, arguments: argparse.Namespace) -> None:
    account = server.exchange.venue.account.code
    ready = {
        "host": server.host,
        "port": server.port,
        "control_port": server.control_port,
        "account": account,
    }
    sentence = (
        f"The simulated gateway listens on {server.host}:{server.port} for account {account}; "
        f"its control port is 127.0.0.1:{server.control_port}; Ctrl-C ends it."
    )
    if server.host not in LOOPBACK_NAMES:
        sys.stderr.write(
            f"Warning: {server.host} is not the loopback; whoever reaches it can trade here.\n"
        )
    if arguments.ready_file:
        written = arguments.ready_file.with_suffix(".part")
        written.write_text(json.dumps(ready), encoding="utf-8")
        written.replace(arguments.ready_file)
    sys.stdout.write((json.dumps(ready) if arguments.json else sentence) + "\n")
    sys.stdout.flush()


async def _show(server: GatewayServer, arguments: argparse.Namespace) -> None:
    """The live status, where a person looks at a terminal."""
    if arguments.json or not sys.stdout.isatty():
        return
    from rich.console import Console  # a tenth of a second that a test's gateway does not need

    from hydra.gateway.screen import show

    await show(server, Console())


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_eof:  # whoever started us is gone, even when it was killed outright
        loop.add_reader(0, lambda: None if os.read(0, 1024) else stop.set())
    async with await serve(_settings(arguments)) as server:
        gc.freeze()  # what is listed stays: the collector need not look at it again and again
        # What start-up made stays for ever, and messages hold no cycles: seldom look for garbage.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        _announce(server, arguments)
        shown = asyncio.create_task(_show(server, arguments))
        await stop.wait()
        shown.cancel()


def _record(arguments: argparse.Namespace) -> int:
    """Record a gateway instead of serving; raises SettingsError without both options."""
    if arguments.record is None or arguments.upstream is None:
        raise SettingsError("--record FILE and --upstream HOST:PORT are given together")
    from hydra.gateway.recorder import record  # a served gateway does not need it

    return record(
        arguments.record, arguments.upstream, arguments.host, arguments.port, yes=arguments.yes
    )


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM (then 0); 2 with one sentence for what cannot be served."""
    arguments = _parser().parse_all(argv)
    if arguments.attributes:
        sys.stdout.writelines(f"{line}\n" for line in listed())
        return 0
    try:
        if arguments.record or arguments.upstream or arguments.yes:
            return _record(arguments)
        _check_now(arguments)
        asyncio.run(_run(arguments))
    except (GatewayError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
