"""The command line: parse, call, print. Bad input ends with one sentence and code 2."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.progress import Progress
from rich.table import Table

from hydra import __version__
from hydra.errors import BadParameter, HydraError, RunFailed, unknown

if TYPE_CHECKING:
    from hydra.config import Settings
    from hydra.domain.events import Event
    from hydra.replay.run import Replay
    from hydra.runner.demo import Day, DemoResult
    from hydra.runner.service import Service

app = typer.Typer(
    name="hydra",
    help="Research trading strategies and paper-trade them on Interactive Brokers.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# A pipe has no width; a table cut to a guessed one would lose figures.
out = Console(width=None if sys.stdout.isatty() else 160, emoji=False)
err = Console(stderr=True, emoji=False)

COSTS_HIDDEN = (
    "strategy", "hour", "delay", "spread", "impact", "notional", "currency",
    "predicted_commission", "exec_id", "order_ref",
)  # fmt: skip
TOTALS_HIDDEN = ("delay", "spread", "impact", "predicted_commission")
"""Columns of the costs that only the JSON has; the tables would be too wide."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Set a parameter; repeatable."),
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 0, 1 (a check or a run failed) or 2 (bad input)."""
    # As an exception, a termination ends what we started (a gateway, a lab) on its way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        app(args=arguments)
    except HydraError as problem:
        err.print(f"hydra: {problem}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option("--data", help="Data folder, instead of HYDRA_DATA_DIR.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Research trading strategies and paper-trade them on Interactive Brokers."""
    context.obj = data
    if version:
        out.print(__version__, highlight=False)
        raise typer.Exit
    if context.invoked_subcommand is None:
        out.print(context.get_help(), markup=False, highlight=False)


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", help="Where the demo writes.")] = Path("demo"),
    sessions: Annotated[int, typer.Option(min=1, max=30, help="Sessions to trade.")] = 5,
) -> None:
    """Paper-trade consecutive sessions on the built-in gateway, then hold the books together."""
    from hydra.runner.demo import run_demo

    _say(f"Trading {sessions} exchange sessions on the simulated gateway (real prices, TWS wire).")
    result = run_demo(_settings(context), folder, sessions, _print_day)
    _print_demo(result)
    raise typer.Exit(0 if result.ok else 1)


@app.command()
def trade(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A strategy's name; see `hydra list`.")],
    parameter: Parameters = None,
    as_json: Json = False,
) -> None:
    """Run one paper session now: the notebook 03_paper_session through papermill."""
    from hydra.runner.trade import check_before_start, is_expected, session_parameters
    from hydra.runner.trade import trade as run_session

    settings = _settings(context)
    parameters = session_parameters(settings, strategy, _pairs(parameter or []))
    time = check_before_start(settings, parameters)
    with err.status("the paper session runs in its own kernel"):
        run = run_session(settings, parameters, at=time)
    record = {"run": str(run.folder), "seconds": run.seconds, "error": run.error}
    if as_json:
        _print_json(record)
    else:
        _say(f"{'failed' if run.failed else 'done'} in {run.seconds:.1f} s; record: {run.folder}")
    if run.failed and not is_expected(run):
        _say(run.error)
        raise typer.Exit(1)
    if run.failed:
        raise RunFailed(run.error.partition(": ")[2] or run.error)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def gateway(context: typer.Context) -> None:
    """Run the simulated IB Gateway (--host --port --control-port --start --speed --seed …)."""
    from hydra.gateway.__main__ import main as run_gateway

    raise typer.Exit(run_gateway(list(context.args)))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def realism(context: typer.Context) -> None:
    """List what real gateways are known to do, or replay a recording (FILE) and compare."""
    from hydra.gateway.realism_command import main as run_realism

    raise typer.Exit(run_realism(list(context.args)))


CostsOption = Annotated[
    str,
    typer.Option(
        help="default or calibrated (by 05_post_trade); unset: calibrated once there is one."
    ),
]


@app.command()
def backtest(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A strategy's name; see `hydra list`.")],
    parameter: Parameters = None,
    symbols: Annotated[str, typer.Option(help="Comma-separated; default: those traded.")] = "",
    sizing: Annotated[str, typer.Option(help="A sizing's name.")] = "vol_target",
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    source: Annotated[
        str, typer.Option("--data-source", help="sample, store, gateway, or a file FILE.csv.")
    ] = "sample",
    costs: CostsOption = "",
    tear_sheet: Annotated[
        Path | None, typer.Option("--html", help="Write a tear sheet to this file, too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Backtest a strategy with costs, decided at the close and filled at the next open."""
    from hydra import wiring
    from hydra.execution.cost_file import cost_model
    from hydra.research.trials import keep_in

    settings = _settings(context)
    keep_in(settings.trials_path)
    model = cost_model(settings.costs_path, costs)
    chosen = wiring.build_strategy(settings, strategy, _pairs(parameter or []))
    sized = wiring.build_sizing(settings, sizing, {})
    wanted = [s.strip() for s in symbols.split(",") if s.strip()] or settings.trading.symbols
    first, last = (start.date() if start else None), (end.date() if end else None)
    origin = wiring.build_source(settings, source)
    bars = asyncio.run(wiring.research_bars(settings, origin, wanted, first, last))
    known = wiring.research_instruments(settings, wanted)
    with err.status("the backtest runs"):
        from hydra.research.backtest import backtest as run_backtest

        gate, limits = wiring.build_gate(settings), wiring.trade_limits(settings, model)
        result = run_backtest(
            chosen, bars, sized, model, instruments=known, gate=gate, limits=limits
        )
    if tear_sheet:
        result.write_html(tear_sheet)
    if as_json:
        _print_json(result.to_dict())
        return
    rows = [{"": str(name), "value": _shown(v)} for name, v in result.statistics.items()]
    rows.append({"": "costs", "value": str(result.costs)})
    _print_rows(f"{strategy} on {', '.join(wanted)}", rows)


@app.command()
def sweep(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A strategy's name; see `hydra list`.")],
    parameter: Annotated[
        list[str],
        typer.Option(
            "-p",
            "--parameter",
            metavar="NAME=VALUES",
            help="Values to try: 2:42 (42 left out), 10:200:10, or 5,10,20; repeatable.",
        ),
    ],
    symbols: Annotated[str, typer.Option(help="Comma-separated; default: those traded.")] = "",
    each: Annotated[
        bool, typer.Option("--each", help="Trade each instrument alone, all in.")
    ] = False,
    sizing: Annotated[str, typer.Option(help="A sizing's name; not for --each.")] = "equal_weight",
    costs: CostsOption = "",
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    source: Annotated[
        str, typer.Option("--data-source", help="sample, store, gateway, or a file FILE.csv.")
    ] = "sample",
    best: Annotated[int, typer.Option(help="So many sets are shown.")] = 10,
    file: Annotated[Path | None, typer.Option(help="Keep the sweep in this Parquet file.")] = None,
    as_json: Json = False,
) -> None:
    """Try many parameter sets, and say of the best what their Sharpe ratios are worth."""
    from hydra import plugins, wiring
    from hydra.execution.cost_file import cost_model
    from hydra.research.sweep import Terms
    from hydra.research.sweep import sweep as run_sweep
    from hydra.research.trials import keep_in

    settings = _settings(context)
    keep_in(settings.trials_path)
    kind = plugins.load("strategies", strategy, wiring.own_root(settings))
    grid = {name: list(_values(name, text)) for name, text in _pairs(parameter).items()}
    wanted = [s.strip() for s in symbols.split(",") if s.strip()] or settings.trading.symbols
    first, last = (start.date() if start else None), (end.date() if end else None)
    origin = wiring.build_source(settings, source)
    bars = asyncio.run(wiring.research_bars(settings, origin, wanted, first, last))
    sized = wiring.build_sizing(settings, sizing, {})
    terms = Terms(each=each, sizing=sized, costs=cost_model(settings.costs_path, costs))
    found = run_sweep(kind, grid, bars, terms, file=file, progress=err.is_terminal)
    rows = found.honest(best).to_dict("records")
    if as_json:
        told = {"sets": len(found.table), "trials": found.trials.sets, "costs": str(terms.costs)}
        _print_json({**told, "best": rows})
        return
    shown = [{str(k): _shown(v) for k, v in row.items()} for row in rows]
    _print_rows(f"{strategy} on {', '.join(wanted)}: the best of {len(found.table):,} sets", shown)
    _say(
        f"{found.trials.sets:,} sets were ever tried on such bars. deflated sharpe: the "
        "probability that a ratio is real after that; overfitting: that choosing the best fails. "
        f"Costs: {terms.costs}."
    )
    if not found.is_whole:
        _say("The sweep was ended early; what is shown is right, and there is more.")


def _values(name: str, text: str) -> Iterator[Any]:
    """The values of one parameter: a range of whole numbers, or a list."""
    parts = text.split(":")
    if len(parts) > 1:
        try:
            yield from range(*(int(part) for part in parts))
        except (TypeError, ValueError) as problem:
            raise BadParameter(
                f"{name} is {text!r}; a range is FIRST:END or FIRST:END:STEP in whole numbers, "
                "such as 2:42."
            ) from problem
        return
    for part in text.split(","):
        yield _value(part.strip())


def _value(text: str) -> Any:
    """A number where it is one, true or false, else the text."""
    known = {"true": True, "false": False}
    if text.lower() in known:
        return known[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@app.command()
def lookahead(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A strategy's name; see `hydra list`.")],
    parameter: Parameters = None,
    symbols: Annotated[str, typer.Option(help="Comma-separated; default: those traded.")] = "",
    source: Annotated[
        str, typer.Option("--data-source", help="sample, store, gateway, or a file FILE.csv.")
    ] = "sample",
) -> None:
    """Does a strategy know the future, or need more of the past than it says? Ends with 1 then."""
    from hydra import wiring
    from hydra.research.lookahead import check_lookahead, check_recursive

    settings = _settings(context)
    chosen = wiring.build_strategy(settings, strategy, _pairs(parameter or []))
    wanted = [s.strip() for s in symbols.split(",") if s.strip()] or settings.trading.symbols
    bars = asyncio.run(wiring.build_source(settings, source).bars(wanted))
    found = [check_lookahead(chosen, bars), check_recursive(chosen, bars)]
    for one in found:
        _say(str(one))
    raise typer.Exit(0 if all(one.ok for one in found) else 1)


@app.command()
def replay(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A strategy's name; see `hydra list`.")],
    start: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"])],
    end: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"])],
    parameter: Parameters = None,
    symbols: Annotated[str, typer.Option(help="Comma-separated; default: those traded.")] = "",
    sizing: Annotated[str, typer.Option(help="A sizing's name.")] = "vol_target",
    seed: Annotated[int, typer.Option(help="Of the simulated gateway's prices within a day.")] = 0,
    report: Annotated[Path, typer.Option(help="The HTML report's file.")] = Path("replay.html"),
    as_json: Json = False,
) -> None:
    """Trade past sessions on a simulated gateway and in a backtest, and explain the difference.

    Ends with 1 when a cent of it is left unexplained.
    """
    import tempfile

    from hydra.replay.run import Wanted
    from hydra.replay.run import replay as run_replay

    wanted = Wanted(
        strategy,
        start.date(),
        end.date(),
        _pairs(parameter or []),
        sizing,
        symbols=tuple(s.strip() for s in symbols.split(",") if s.strip()),
        seed=seed,
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(console=err, transient=True) as bar,
    ):
        task = bar.add_task("sessions", total=None)
        done = asyncio.run(
            run_replay(
                _settings(context),
                wanted,
                Path(folder),
                lambda _, of: bar.update(task, advance=1, total=of),
            )
        )
    done.write_html(report)
    _print_replay(done, report, as_json)
    raise typer.Exit(1 if done.bridge.unexplained >= Decimal("0.01") else 0)


def _print_replay(done: Replay, report: Path, as_json: bool) -> None:
    """The bridge between the replay and the backtest."""
    from hydra.replay._report import parts_table

    bridge, last = done.bridge, done.bridge.sessions.iloc[-1]
    if as_json:
        _print_json(
            {
                "sessions": len(bridge.sessions),
                "replay": last["replay"],
                "backtest": last["backtest"],
                "difference": bridge.difference,
                "parts": {str(k): v for k, v in bridge.totals.items()},
                "unexplained": bridge.unexplained,
                "report": report,
            }
        )
    else:
        rows = [
            {"part": row["part"], "money": f"{row['money']:,.2f}", "what it is": row["what it is"]}
            for row in parts_table(done).to_dict("records")
        ]
        _print_rows(
            f"{done.plan.name}: replay less backtest, {len(bridge.sessions)} sessions", rows
        )
        _say(f"replay {last['replay']:,.2f}, backtest {last['backtest']:,.2f}: {report}")


@app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """The account by the journal: value, cash, positions, halted or not; and the gateway."""
    from hydra.ib.probe import answers
    from hydra.journal.views import status_row, strategy_rows

    settings = _settings(context)
    state = _state(settings)
    row, strategies = status_row(state), strategy_rows(state)
    row["gateway"] = f"{settings.gateway.host}:{settings.gateway.port} " + (
        "answers" if answers(settings.gateway) else "does not answer"
    )
    if as_json:
        _print_json({**row, "strategies": strategies})
        return
    _print_rows("status", [{"": key, "value": _shown(value)} for key, value in row.items()])
    if strategies:
        _print_table("profit by strategy", strategies, as_json)


@app.command()
def positions(context: typer.Context, as_json: Json = False) -> None:
    """What is held, by strategy, at the last marks."""
    from hydra.journal.views import position_rows

    _print_table("positions", position_rows(_state(_settings(context))), as_json)


@app.command()
def orders(context: typer.Context, as_json: Json = False) -> None:
    """Every order and refused request, with what became of it."""
    from hydra.journal.views import ORDER_KINDS, order_rows

    rows = order_rows(_events(_settings(context), ORDER_KINDS))
    _print_table("orders", rows, as_json, hide=("symbol",))


@app.command()
def fills(
    context: typer.Context,
    costs: Annotated[
        bool, typer.Option("--costs", help="Split each fill's cost, beside what was predicted.")
    ] = False,
    by: Annotated[
        str, typer.Option(help="Add the costs up by strategy, symbol, algo or hour.")
    ] = "",
    source: Annotated[
        str,
        typer.Option(
            "--data-source", help="Bars for the predicted impact: sample, gateway, FILE.csv."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Every fill with its commission, and its slippage in bps against the decision price."""
    from hydra.journal.views import FILL_KINDS, fill_rows

    settings = _settings(context)
    if costs or by or source:
        _print_costs(settings, by, source, as_json)
        return
    rows = fill_rows(_events(settings, FILL_KINDS))
    _print_table("fills", rows, as_json, hide=("strategy", "order_ref", "exec_id"))


@app.command()
def report(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A strategy that has traded.")],
    promotion: Annotated[
        bool, typer.Option("--promotion", help="Which gates of paper trading it has passed.")
    ] = False,
    source: Annotated[
        str, typer.Option("--data-source", help="Bars for the cost model: sample, gateway, a CSV.")
    ] = "sample",
    as_json: Json = False,
) -> None:
    """What a strategy gained; with --promotion which gates of paper trading it has passed, and
    then it ends with 1 while one is open."""
    from hydra.journal.views import strategy_rows

    settings = _settings(context)
    state = _state(settings)
    if strategy not in state.sessions:
        raise BadParameter(unknown("strategy in the journal", strategy, sorted(state.sessions)))
    if not promotion:
        mine = [row for row in strategy_rows(state) if row["strategy"] == strategy]
        _print_table(strategy, mine, as_json)
        return
    rows = _promotion(settings, strategy, source)
    if as_json:
        _print_json(rows)
    else:
        shown = [{**row, "holds": "yes" if row["holds"] else "no"} for row in rows]
        _print_table(f"{strategy} on paper", shown, as_json)
    raise typer.Exit(0 if all(row["holds"] for row in rows) else 1)


@app.command()
def halt(
    context: typer.Context,
    reason: Annotated[str, typer.Argument()] = "by hand",
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Close what our strategies hold, too.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Cancel the account's orders that are not ours, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Halt trading and cancel working orders; nothing is sent until `hydra resume`.

    Ends with 1 when something could not be done. Orders of others are left alone, unless one of
    ours cannot be ended without a global cancel: then they are named.
    """
    from hydra import wiring

    stopping = wiring.halt(
        _settings(context), reason, "command line", flatten=flatten, everything=everything
    )
    outcome = asyncio.run(stopping)
    if as_json:
        _print_json(
            {"halted": outcome.journalled, "done": outcome.whole, "said": outcome.sentences}
        )
    else:
        for sentence in outcome.sentences:
            _say(sentence)
    raise typer.Exit(0 if outcome.whole else 1)


@app.command()
def resume(context: typer.Context, reason: Annotated[str, typer.Argument()]) -> None:
    """Lift a halt; a reason is needed and journalled."""
    from hydra import controls

    _say_all(controls.resume(_settings(context), reason, controls.COMMAND_LINE))


@app.command()
def cancel(
    context: typer.Context,
    order_ref: Annotated[str, typer.Argument(help="A working order; see `hydra orders`.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Cancel every working order of ours.")
    ] = False,
) -> None:
    """Cancel one working order, or with --all every one of ours; trading goes on."""
    from hydra import controls

    if bool(order_ref) == everything:
        raise BadParameter("Name one order to cancel, or give --all for every order of ours.")
    settings, by = _settings(context), controls.COMMAND_LINE
    if everything:
        _say_all(asyncio.run(controls.cancel_all(settings, by)))
    else:
        _say_all(asyncio.run(controls.cancel(settings, order_ref, by)))


@app.command()
def switch(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(help="A strategy's name; see `hydra list`.")],
    state: Annotated[str, typer.Argument(metavar="on|off")],
    reason: Annotated[str, typer.Argument()],
) -> None:
    """Switch a strategy off, so that its orders may only reduce, or on again."""
    from hydra import controls

    if state not in ("on", "off"):
        raise BadParameter(f"A strategy is switched 'on' or 'off', not {state!r}.")
    settings, by = _settings(context), controls.COMMAND_LINE
    _say_all(controls.switch(settings, strategy, state == "on", reason, by))


@app.command()
def reconcile(context: typer.Context, as_json: Json = False) -> None:
    """Ask the gateway what happened since anybody listened, and compare. Sends nothing.

    IB tells of executions on their own day only: run this after the close when orders were left
    working (the runner does). Ends with 1 when journal and gateway differ.
    """
    from hydra import wiring

    done = asyncio.run(wiring.catch_up(_settings(context)))
    row = {
        "new_fills": done.fills,
        "working": list(done.working),
        "unknown": list(done.unknown),
        "differences": list(done.differences),
        "nav": done.mark.nav,
        "net_liquidation": done.mark.net_liquidation,
        "agrees": done.agrees,
    }
    if as_json:
        _print_json(row)
    else:
        for name, value in row.items():
            _say(f"{name.replace('_', ' '):16} {_shown(value)}")
    raise typer.Exit(0 if done.agrees else 1)


@app.command()
def adopt(
    context: typer.Context,
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Contested positions; none: list them.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every contested position.")] = False,
    to: Annotated[
        str, typer.Option("--to", help="The strategy that the difference belongs to.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, in a few words.")] = "",
    new_epoch: Annotated[
        bool,
        typer.Option(
            "--new-epoch", help="Begin all books anew, after a reset of the paper account."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Take the account's word for positions that changed without an execution.

    Without a symbol: list them; ends with 1 when there are any. A book that the account still
    backs keeps its units and the rest is external; one that it does not back shrinks to what is
    there. What came or went counts as no profit and no loss.
    """
    from hydra import adopting, controls
    from hydra.execution.adoption import Decision

    settings, by = _settings(context), controls.COMMAND_LINE
    if new_epoch:
        if symbols or everything or to:
            raise BadParameter("--new-epoch is about all books: give it no symbol, --all or --to.")
        _say_all(asyncio.run(adopting.begin_epoch(settings, reason, by)))
    elif symbols or everything:
        decision = Decision(by, reason or "adopted by hand", to)
        _say_all(asyncio.run(adopting.adopt(settings, symbols or (), decision)))
    else:
        rows = adopting.contested_rows(settings)
        _print_table("contested positions", rows, as_json)
        raise typer.Exit(1 if rows else 0)


@app.command()
def runner(context: typer.Context) -> None:
    """Run the schedule of hydra.toml in the foreground, until Ctrl-C."""
    from hydra.runner.jobs import check_jobs, load_jobs
    from hydra.runner.service import Service

    settings = _settings(context)
    jobs = load_jobs(settings)
    if not jobs:
        raise BadParameter("hydra.toml has no job; write a table such as [jobs.at_the_open].")
    check_jobs(settings, jobs)
    asyncio.run(_serve(Service(settings, say=_say)))


@app.command()
def jobs(context: typer.Context, as_json: Json = False) -> None:
    """The schedule's jobs, with the next five times of each in exchange and local time."""
    from hydra.runner.job_rows import job_rows
    from hydra.runner.jobs import check_jobs, load_jobs

    settings = _settings(context)
    found = load_jobs(settings)
    check_jobs(settings, found)
    _print_table("jobs", job_rows(settings, found), as_json, hide=("due",))


@app.command()
def runs(
    context: typer.Context,
    last: Annotated[int, typer.Option(min=1, help="How many, the newest ones.")] = 30,
    as_json: Json = False,
) -> None:
    """What ran, and what the schedule missed; the newest last."""
    from hydra.journal.run_rows import RUN_KINDS, run_rows

    rows = run_rows(_events(_settings(context), RUN_KINDS))[-last:]
    hidden = () if as_json else ("session",)
    _print_table("runs", rows, as_json, hide=hidden)


@app.command()
def breakers(context: typer.Context, as_json: Json = False) -> None:
    """Each circuit breaker: its standing, figure and limit, and the sessions left to wait."""
    from hydra import wiring
    from hydra.clock import WallClock
    from hydra.journal.fold import State

    settings = _settings(context)
    watch = wiring.build_watch(settings)
    state = _state(settings) if settings.journal_path.is_file() else State()
    now = state.told_at or WallClock().now()
    _print_table("breakers", watch.rows(state, now), as_json)


bars_app = typer.Typer(help="The store of bars: load what is missing, list it, look for flaws.")
app.add_typer(bars_app, name="bars")

Kind = Annotated[str, typer.Option(help="trades (as traded) or adjusted (for dividends, too).")]
BarSize = Annotated[str, typer.Option(help='In IB\'s words: "1 day", "1 hour", "5 mins" …')]


@bars_app.command("update")
def bars_update(
    context: typer.Context,
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Symbols; default: those traded.")
    ] = None,
    start: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="Since when.")
    ] = datetime(2000, 1, 1),  # noqa: DTZ001 - a date
    bar_size: BarSize = "1 day",
    kind: Kind = "trades",
    as_json: Json = False,
) -> None:
    """Load from the gateway what the store does not have, within IB's pacing."""
    from hydra import wiring

    settings = _settings_below(context)
    wanted = symbols or list(settings.trading.symbols)
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("requests", total=None)
        done = asyncio.run(
            wiring.update_bars(
                settings,
                wanted,
                start.replace(tzinfo=UTC),
                bar_size,
                kind,
                lambda series, _: bar.update(task, advance=1, description=series.symbol),
            )
        )
    rows = [
        {
            "symbol": one.series.symbol,
            "new_bars": one.new,
            "requests": one.requests,
            "first": one.first,
            "last": one.last,
            "loaded": "anew: the past was adjusted" if one.reloaded else "what was missing",
        }
        for one in done
    ]
    _print_table("bars", rows, as_json)


@bars_app.command("list")
def bars_list(context: typer.Context, as_json: Json = False) -> None:
    """Every series in the store, with its first and last bar; of futures what their contracts make
    together, and how often it rolls."""
    from hydra import wiring
    from hydra.data._chains import stored_futures
    from hydra.data._series import BarFiles

    settings = _settings_below(context)
    files = BarFiles(settings.bars_dir)
    read = [(one, files.read(one).index, 0) for one in files.series()]
    for one, bars in stored_futures(files, wiring.build_products(settings)):
        read.append((one, bars.index, len(bars.contracts[one.symbol].rolls)))
    rows = [
        {
            "symbol": one.symbol,
            "bar_size": one.bar_size,
            "kind": one.kind,
            "source": one.source,
            "bars": len(index),
            "first": index[0].to_pydatetime(),
            "last": index[-1].to_pydatetime(),
            "rolls": rolls or None,
        }
        for one, index, rolls in read
    ]
    _print_table("bars in the store", rows, as_json)


@bars_app.command("check")
def bars_check(
    context: typer.Context,
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Symbols; default: all that are there.")
    ] = None,
    bar_size: BarSize = "1 day",
    kind: Kind = "trades",
    as_json: Json = False,
) -> None:
    """Look for holes, jumps, silence and splits that nobody told of; ends with 1 for any. Of a
    future's series (ES.C) the rolls are told, too."""
    from hydra import wiring
    from hydra.data._chains import checked_series, roll_rows
    from hydra.data._series import BarFiles

    settings = _settings_below(context)
    files = BarFiles(settings.bars_dir)
    known = [s for s in files.series() if (s.bar_size, s.kind) == (bar_size, kind)]
    wanted = symbols or [one.symbol for one in known]
    if not wanted:
        raise BadParameter("The store has no such bars; load some: hydra bars update SYMBOL.")
    found, rolls = checked_series(
        files, wanted, kind, bar_size, wiring.build_products(settings), settings.trading.calendar
    )
    if rolls and not as_json:
        _print_table("rolls", roll_rows(rolls), as_json)
    rows = [
        {"symbol": f.symbol, "what": f.what, "time": f.time, "bars": f.bars, "why": f.sentence}
        for f in found
    ]
    if rows or as_json:
        _print_table("what looks wrong", rows, as_json)
    else:
        _say("Nothing looks wrong.")
    raise typer.Exit(1 if found else 0)


journal_app = typer.Typer(help="Look after the journal: is it whole; write it out as text.")
app.add_typer(journal_app, name="journal")


@journal_app.command("check")
def journal_check(context: typer.Context) -> None:
    """Say whether the journal is whole; ends with 1 when it is not. Only reads."""
    from hydra.journal.check import faults

    path = _journal_path(context)
    found = list(faults(path))
    for sentence in found:
        _say(sentence)
    if not found:
        _say(f"{path} is whole.")
    raise typer.Exit(1 if found else 0)


@journal_app.command("export")
def journal_export(context: typer.Context) -> None:
    """Write every event as one line of JSON to standard output."""
    from hydra.journal.check import export

    for line in export(_journal_path(context)):
        sys.stdout.write(line + "\n")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def lab(context: typer.Context) -> None:
    """JupyterLab on the notebooks; starts the simulated gateway when none answers.

    Further arguments go to JupyterLab, for example --no-browser --port 8080.
    """
    from hydra.runner.lab import run_lab

    raise typer.Exit(run_lab(_settings(context), context.args))


@app.command("list")
def list_plugins(context: typer.Context, as_json: Json = False) -> None:
    """Every plug-in found: strategies, sizing, checks, breakers, algorithms, brokers, data …"""
    from hydra import plugins, wiring

    root_folder = wiring.own_root(_settings(context))
    rows = [
        {
            "folder": folder,
            "name": plugin.name,
            "what": plugin.summary,
            "from": "yours" if plugin.own else "hydra",
        }
        for folder in plugins.KINDS
        for plugin in plugins.find(folder, root_folder).values()
    ]
    _print_table("plug-ins", rows, as_json)


@app.command()
def doctor(
    context: typer.Context,
    paper_check: Annotated[
        bool,
        typer.Option(
            "--paper-check", help="Check your paper account step by step, with small orders."
        ),
    ] = False,
    symbol: Annotated[
        str, typer.Option(help="The stock that --paper-check trades; default: of the settings.")
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Let --paper-check send its orders unasked.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what is wrong with this machine or gateway; ends with 1 when something is."""
    if paper_check:
        _paper_check(_settings(context), symbol, yes=yes, as_json=as_json)
    if symbol or yes:
        given = "--symbol" if symbol else "--yes"
        raise BadParameter(f"{given} belongs to `hydra doctor --paper-check`; give both.")
    from hydra.runner.doctor import findings

    found = asyncio.run(findings(_settings(context)))
    if as_json:
        _print_json([vars(finding) for finding in found])
    else:
        for finding in found:
            mark = "[green]✓[/]" if finding.ok else "[red]✗[/]"
            out.print(mark, finding.what.ljust(12), finding.sentence, highlight=False)
    raise typer.Exit(0 if all(finding.ok for finding in found) else 1)


def _paper_check(settings: Settings, symbol: str, *, yes: bool, as_json: bool) -> None:
    """Check the paper account; ends with 0, 1 (a step failed) or 2 (nothing was sent)."""
    from hydra.paper_check.terminal import check_in_terminal

    told = err if as_json else out
    report, redacted = check_in_terminal(settings, told, symbol=symbol, yes=yes, json=as_json)
    if as_json:
        _print_json(redacted.report(report))
    raise typer.Exit(2 if report.refused else 0 if report.passed else 1)


async def _serve(service: Service) -> None:
    """Work until Ctrl-C or a termination; runs that go on are told to stop, and waited for."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, service.stop)
    await service.run()


def _settings(context: typer.Context) -> Settings:
    from hydra.config import load_settings

    settings = load_settings()
    data: Path | None = context.obj
    return replace(settings, data=replace(settings.data, dir=data.resolve())) if data else settings


def _settings_below(context: typer.Context) -> Settings:
    """The settings of a command of a group: --data was given to the command above it."""
    context.obj = context.obj or (context.parent and context.parent.obj)
    return _settings(context)


def _journal_path(context: typer.Context) -> Path:
    from hydra.journal.journal import Journal

    path = _settings_below(context).journal_path
    Journal.read_only(path).close()  # raises when there is none, or a newer one
    return path


def _state(settings: Settings) -> Any:
    from hydra.journal.fold import fold
    from hydra.journal.journal import Journal

    with Journal.read_only(settings.journal_path) as journal:
        return fold(journal.read())


def _events(settings: Settings, kinds: Iterable[type[Event]]) -> list[Any]:
    from hydra.journal.journal import Journal

    with Journal.read_only(settings.journal_path) as journal:
        return list(journal.read(kinds=kinds))


def _print_costs(settings: Settings, by: str, source: str, as_json: bool) -> None:
    """What the fills cost: a row each and their total, or the totals of each group."""
    from hydra import wiring
    from hydra.execution.cost_file import cost_model
    from hydra.journal.cost_rows import COST_KINDS, cost_rows, cost_totals, symbols_of

    model = cost_model(settings.costs_path)
    records = _events(settings, COST_KINDS)
    liquidity = None
    if source:
        asked = wiring.known_liquidity(settings, source, symbols_of(records))
        liquidity = asyncio.run(asked)
    rows = cost_rows(records, model, liquidity)
    totals = cost_totals(rows, by)
    if as_json:
        found = {"fills": rows, "total": totals} if not by else {f"by_{by}": totals}
        _print_json({"costs": str(model), **found})
        return
    if not by:
        _print_table("fills", [_in_cents(row) for row in rows], False, COSTS_HIDDEN)
    if totals:
        title = f"costs by {by}" if by else "all fills"
        _print_table(title, [_in_cents(row) for row in totals], False, TOTALS_HIDDEN)
    _say(f"predicted by costs: {model}")
    if model.needs_liquidity and not source:
        _say("Its impact depends on volume: name the bars with --data-source to see it predicted.")


def _in_cents(row: Mapping[str, Any]) -> dict[str, Any]:
    """Costs as people read them: bps and money with two places."""
    rounded = {name for name in row if name.endswith("_bps")} | {"total", "notional", "commission"}
    return {
        name: f"{value:,.2f}" if name in rounded and value is not None else value
        for name, value in row.items()
    }


def _promotion(settings: Settings, strategy: str, source: str) -> list[dict[str, Any]]:
    """The gates of paper trading, with the costs held against the model where that can be done."""
    from hydra import wiring
    from hydra.costs.calibration import agreement_of
    from hydra.execution.cost_file import cost_model
    from hydra.journal.cost_rows import samples_of, symbols_of
    from hydra.journal.fold import strategy_of
    from hydra.journal.promotion import promotion_rows

    records, agreement = _events(settings, ()), None
    mine = [r for r in records if strategy_of(r.event.order_ref or strategy) == strategy]
    try:
        liquidity = asyncio.run(wiring.known_liquidity(settings, source, symbols_of(mine)))
        samples = samples_of(mine, liquidity)[0] if liquidity else []
        agreement = agreement_of(cost_model(settings.costs_path), samples)
    except HydraError as problem:
        err.print(f"The costs cannot be held against the model: {problem}", highlight=False)
    return promotion_rows(records, strategy, agreement)


def _pairs(texts: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise BadParameter(f"-p {text!r} is not of the form NAME=VALUE.")
        pairs[name.strip()] = value.strip()
    return pairs


def _print_day(day: Day) -> None:
    outcome = f"[red]{day.run.error}[/]" if day.run.failed else f"NAV {day.nav:,.2f}"
    out.print(
        f"  {day.session}  {day.orders} orders  {day.refusals} refused  {day.fills} fills"
        f"  {outcome}"
        f"  ({day.run.seconds:.1f} s)  {day.run.folder}",
        highlight=False,
        soft_wrap=True,
    )


def _print_demo(result: DemoResult) -> None:
    rows = [
        {
            "held together": finding.what,
            "journal": finding.ours,
            "gateway": finding.theirs,
            "": "agrees" if finding.agrees else "DIFFERS",
        }
        for finding in result.findings
    ]
    _print_rows("the books", rows)
    if not result.ok:
        _say("The demo failed: see the lines above and the notebooks in the run folders.")
        return
    latest = result.days[-1].run.folder
    _say("\nOpen next:")
    _say(f"  {latest / 'notebook.html'}   the last session, as it was executed")
    command = _own_command()
    _say(f"  {command} --data {result.folder} fills      what every order cost")
    _say(f"  {command} --data {result.folder} lab        the notebooks; begin with 00_start_here")


def _own_command() -> str:
    """What a person types to call this program: its path where its name alone is not found."""
    typed = Path(sys.argv[0])
    if typed.name != "hydra" or shutil.which("hydra"):
        return "hydra"
    return os.path.relpath(typed)


def _print_table(
    title: str, rows: list[dict[str, Any]], as_json: bool, hide: Sequence[str] = ()
) -> None:
    """JSON with every column, or a table without those that repeat what another one says."""
    if as_json:
        _print_json(rows)
    elif rows:
        shown = [{k: _shown(v) for k, v in row.items() if k not in hide} for row in rows]
        _print_rows(title, shown)
    else:
        _say(f"no {title}")


def _print_rows(title: str, rows: Sequence[Mapping[str, str]]) -> None:
    """A table; a figure is never cut: where the terminal is too narrow, lines run over instead."""
    if not rows:
        return
    table = _table_of(title, rows, " ")
    if _widths(table).maximum > out.width:  # headings are broken before anything else
        table = _table_of(title, rows, "\n")
    width = max(out.width, _widths(table).minimum)
    out.print(table, highlight=False, markup=False, width=width, crop=False, soft_wrap=False)


def _table_of(title: str, rows: Sequence[Mapping[str, str]], between: str) -> Table:
    """The table, `between` standing between the words of a heading; empty columns are left out."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.pad_edge, table.collapse_padding = False, True
    names = [name for name in rows[0] if any(row[name] not in ("", "–") for row in rows)]
    for name in names:
        figures = all(_is_figure(row[name]) for row in rows)
        words = any(" " in row[name] and not row[name][:1].isdigit() for row in rows)
        table.add_column(
            name.replace("_", between),
            justify="right" if figures else "left",
            min_width=max(map(len, name.split("_"))) if words else _widest(name, rows),
        )
    for row in rows:
        table.add_row(*(row[name] for name in names))
    return table


def _widths(table: Table) -> Measurement:
    return Measurement.get(out, out.options.update(max_width=10_000), table)


def _widest(name: str, rows: Sequence[Mapping[str, str]]) -> int:
    """The longest cell, or word of the heading: neither is ever cut."""
    return max(len(text) for text in (*name.split("_"), *(row[name] for row in rows)))


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, default=_plain, indent=2) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | Path):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 10 else f"{value:,.4f}"
    if isinstance(value, Decimal):
        from hydra.journal.views import decimal_text  # loads numpy, which a halt does without

        return decimal_text(value)
    if isinstance(value, list):
        return "; ".join(str(item) for item in value) or "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items()) or "–"
    return str(value)


def _is_figure(text: str) -> bool:
    bare = text.replace(",", "").lstrip("+-")
    return text == "–" or bare.replace(".", "", 1).isdigit()


def _say_all(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        _say(sentence)


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
