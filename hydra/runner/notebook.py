"""One notebook run: strict parameters in, an executed notebook with its HTML and record out."""

from __future__ import annotations

import ast
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hydra.errors import BadParameter, ConfigError, RunFailed, UnknownName, unknown
from hydra.plugins import convert

KERNEL = "python3"
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
) -> Run:
    """Execute the notebook into `folder`, which must not exist; never raises for a failing cell.

    The executed notebook is saved even when a cell fails. `environment` is added to what the
    kernel inherits; the kernel works in the notebook's own folder.
    """
    parameters = typed_parameters(notebook, parameters)
    folder = _new_folder(folder)
    started, clock = datetime.now(UTC), time.monotonic()
    with _environment(environment):
        error = _execute(notebook, folder / "notebook.ipynb", parameters)
    _save_html(folder)
    run = Run(folder.name, folder, round(time.monotonic() - clock, 3), error)
    record = {
        "notebook": notebook.name,
        "parameters": parameters,
        "started": started.isoformat(),
        "seconds": run.seconds,
        "error": run.error,
    }
    (folder / "run.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return run


def _execute(notebook: Path, target: Path, parameters: Mapping[str, Any]) -> str:
    import papermill
    from nbclient.exceptions import DeadKernelError

    try:
        papermill.execute_notebook(
            str(notebook),
            str(target),
            parameters=dict(parameters),
            kernel_name=KERNEL,
            language="python",
            progress_bar=False,
            log_output=False,
            cwd=str(notebook.parent),
            extra_arguments=["--IPKernelApp.log_level=50"],  # its words are in the notebook
        )
    except papermill.PapermillExecutionError as problem:
        return f"{problem.ename}: {problem.evalue}"
    except DeadKernelError as problem:
        return f"DeadKernelError: {problem}"
    return ""


def _save_html(folder: Path) -> None:
    from nbconvert import HTMLExporter

    executed = folder / "notebook.ipynb"
    if executed.is_file():
        exporter = HTMLExporter(**COMPLETE)  # type: ignore[no-untyped-call]  # no types
        html, _ = exporter.from_filename(str(executed))
        (folder / "notebook.html").write_text(html, encoding="utf-8")


def _new_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True)
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
