"""One notebook run: strict parameters in, an executed notebook with its HTML and record out."""

from __future__ import annotations

import ast
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.errors import BadParameter, ConfigError, RunFailed, UnknownName, unknown
from hydra.plugins import convert
from hydra.runner.redact import Redactor, own_secrets

if TYPE_CHECKING:
    from hydra.runner.kernel_watch import KernelWatch

KERNEL = "python3"
NOTEBOOK = "notebook.ipynb"
PAGE = "notebook.html"
RECORD = "run.json"
ORDER = "order.json"
"""What a run's process is told to do; a folder that has it was made for that run."""
WELL, FAILED = "well", "failed"
COMPLETE = {"embed_images": True, "mathjax_url": "", "require_js_url": "", "mermaid_js_url": ""}
"""A saved page must be whole without a network, and must tell no server that it was opened."""


@dataclass(frozen=True)
class Run:
    """The record of a run: `folder` holds notebook.ipynb, notebook.html and run.json."""

    name: str
    folder: Path
    seconds: float
    error: str
    """Empty for a run that ended well, else "ErrorName: text" of the cell that failed."""
    outcome: str = WELL
    """well, failed, timeout, hung, died or stopped."""

    @property
    def failed(self) -> bool:
        """Whether a cell raised, or the kernel died."""
        return bool(self.error)


def template_parameters(notebook: Path) -> dict[str, Any]:
    """Names and defaults of the cell tagged `parameters`; they must be plain literals.

    Raises `ConfigError` for a notebook without such a cell, or with code in it.
    """
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if "parameters" in cell["metadata"].get("tags", []):
            return _literals("".join(cell["source"]), notebook)
    raise ConfigError(f"{notebook} has no cell tagged 'parameters', so it takes none.")


def typed_parameters(notebook: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` held against the notebook's own parameters: names, and types by their defaults."""
    defaults = template_parameters(notebook)
    for name in given:
        if name not in defaults:
            raise UnknownName(unknown(f"parameter of {notebook.name}", name, defaults))
    return {name: _as_default(value, defaults[name], name) for name, value in given.items()}


def run_notebook(
    notebook: Path,
    parameters: Mapping[str, Any],
    folder: Path,
    environment: Mapping[str, str],
    watch: KernelWatch | None = None,
    redactor: Redactor | None = None,
) -> Run:
    """Execute the notebook into `folder`, which must be new or hold no notebook yet.

    Never raises for a cell that fails, a kernel that dies or a disk that is full: see
    `Run.outcome`. The executed notebook is saved after each cell, and nothing is written that the
    redactor has not seen. `environment` is added to what the kernel inherits; the kernel works in
    the notebook's own folder.
    """
    from hydra.runner.kernel_watch import KernelWatch, Limits

    parameters = typed_parameters(notebook, parameters)
    folder = _new_folder(folder.resolve())  # the kernel works elsewhere
    watch = watch or KernelWatch(Limits())
    redactor = (redactor or Redactor(own_secrets())).knowing(parameters)
    started, clock = datetime.now(UTC), time.monotonic()
    with _environment(environment), watch:
        outcome, error = _execute(notebook, folder / NOTEBOOK, parameters, redactor)
    if watch.verdict:
        outcome, error = watch.verdict.outcome, watch.verdict.reason
    outcome, error = _with_html(folder, outcome, error)
    seconds = round(time.monotonic() - clock, 3)
    run = Run(folder.name, folder, seconds, redactor.text(error), outcome)
    save_record(run, notebook.name, redactor.plain(parameters), started)
    return run


def save_record(run: Run, notebook: str, parameters: Mapping[str, Any], started: datetime) -> None:
    """run.json; a disk that takes nothing leaves the run without it, for the journal has it."""
    record = {
        "notebook": notebook,
        "parameters": parameters,
        "started": started.isoformat(),
        "seconds": run.seconds,
        "outcome": run.outcome,
        "error": run.error,
    }
    with suppress(OSError):
        write_whole(run.folder / RECORD, json.dumps(record, indent=2) + "\n")


def make_private(folder: Path) -> None:
    """Make a folder that its owner alone can enter, or take that from others; may raise
    `OSError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (mode := folder.stat().st_mode) & 0o077:
        folder.chmod(mode & 0o700)


def private(path: str, flags: int) -> int:
    """An `opener` of files that their owner alone can read."""
    return os.open(path, flags, 0o600)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that readers see the old one or the new one, never a part, and nobody but
    its owner; may raise."""
    part = path.with_name(f".{path.name}.part")
    try:
        # half a character (a lone surrogate) that a cell has printed is written as its escape
        with open(part, "w", encoding="utf-8", errors="backslashreplace", opener=private) as file:
            file.write(text)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _execute(
    notebook: Path, target: Path, parameters: Mapping[str, Any], redactor: Redactor
) -> tuple[str, str]:
    """The outcome, and what went wrong in "ErrorName: text"."""
    import papermill
    from nbclient.exceptions import DeadKernelError

    from hydra.runner.kernel_watch import ENGINE

    try:
        papermill.execute_notebook(
            str(notebook),
            _redacted(target, redactor),
            parameters=dict(parameters),
            engine_name=ENGINE,
            kernel_name=KERNEL,
            language="python",
            progress_bar=False,
            log_output=False,
            cwd=str(notebook.parent),
            extra_arguments=["--IPKernelApp.log_level=50"],  # its words are in the notebook
        )
    except papermill.PapermillExecutionError as problem:
        return FAILED, f"{problem.ename}: {problem.evalue}"
    except DeadKernelError as problem:
        return "died", f"DeadKernelError: {problem}"
    except OSError as problem:
        return FAILED, f"RunFailed: The executed notebook could not be saved: {problem}."
    except RuntimeError as problem:
        return "died", f"DeadKernelError: {problem}"  # the kernel ended before it was there
    return WELL, ""


def _redacted(target: Path, redactor: Redactor) -> str:
    """An address under which papermill saves through the redactor."""
    from papermill.iorw import LocalHandler, papermill_io

    class Saver(LocalHandler):  # type: ignore[misc]  # papermill has no types
        def write(self, buf: str, path: str) -> None:
            write_whole(target, redactor.notebook(buf))

    scheme = f"hydra-run-{id(redactor):x}://"
    papermill_io.register(scheme, Saver())
    return f"{scheme}{target.name}"


def _with_html(folder: Path, outcome: str, error: str) -> tuple[str, str]:
    """The saved page's; an outcome that was well is so no longer when there is no page."""
    try:
        _save_html(folder)
    except OSError as problem:
        if outcome == WELL:
            return FAILED, f"RunFailed: The run's page could not be saved: {problem}."
    return outcome, error


def _save_html(folder: Path) -> None:
    from nbconvert import HTMLExporter

    executed = folder / NOTEBOOK
    if executed.is_file():
        exporter = HTMLExporter(**COMPLETE)  # type: ignore[no-untyped-call]  # no types
        html, _ = exporter.from_filename(str(executed))
        write_whole(folder / PAGE, html)


def _new_folder(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=(folder / ORDER).is_file())
    except OSError as problem:
        raise RunFailed(f"The run's folder {folder} cannot be made: {problem}.") from problem
    return folder


@contextmanager
def _environment(extra: Mapping[str, str]) -> Iterator[None]:
    """Add variables for the kernel's start and take them back afterwards."""
    before = {name: os.environ.get(name) for name in extra}
    os.environ.update(extra)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _literals(source: str, notebook: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(node, ast.Assign) or not isinstance(target, ast.Name):
            raise ConfigError(_not_plain(notebook, node))
        try:
            values[target.id] = ast.literal_eval(node.value)
        except ValueError as problem:
            raise ConfigError(_not_plain(notebook, node)) from problem
    return values


def _not_plain(notebook: Path, node: ast.stmt) -> str:
    return (
        f"{notebook}: the parameters cell may hold plain literals only, such as lookback = 20; "
        f"its line {node.lineno} is none."
    )


def _as_default(value: Any, default: Any, name: str) -> Any:
    """The value as the type of the notebook's default; lists and tables are taken as JSON text."""
    what = f"parameter {name}"
    if isinstance(default, list | dict):
        return _container(value, default, what)
    if default is None:
        return value
    return convert(value, type(default), what)


def _container(value: Any, default: Any, what: str) -> Any:
    if isinstance(value, type(default)):
        return value
    if isinstance(value, str) and isinstance(default, list) and not value.startswith("["):
        return [item.strip() for item in value.split(",") if item.strip()]
    try:
        parsed = json.loads(value)
    except (TypeError, ValueError):
        parsed = None
    if not isinstance(parsed, type(default)):
        wanted = "a list, such as AAPL,MSFT" if isinstance(default, list) else "a JSON table"
        raise BadParameter(f"{what} is {value!r}; it takes {wanted}.")
    return parsed
