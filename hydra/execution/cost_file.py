"""The calibrated cost model as a file: what a calibration writes and the next backtest reads.

The file is JSON, replaced as a whole or not at all. One that is torn, from a newer version or not
understood to the last key is refused with one sentence: a backtest never falls back on others.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.costs.calibration import Agreement, Calibration, calibrated_source
from hydra.costs.model import CostModel
from hydra.errors import BadParameter, ConfigError, UnknownName, unknown

VERSION = 1
CHOICES = ("calibrated", "default")
KEYS = {"version", "first", "last", "fills", "model", "agreement"}
MODEL_KEYS = {
    "commission", "half_spread_bps", "impact_bps", "impact_coefficient", "half_spreads_bps",
}  # fmt: skip


def cost_model(path: Path, choice: str = "") -> CostModel:
    """The model to reckon with: `default`, `calibrated`, or where none is chosen the calibrated
    one if there is one. `str(model)` says which it is.

    Raises `UnknownName` for another choice and `ConfigError` when the file is missing or unusable.
    """
    if choice and choice not in CHOICES:
        raise UnknownName(unknown("cost model", choice, CHOICES))
    if choice == "default" or (not choice and not path.exists()):
        return CostModel()
    return read_costs(path).model


def fitted_until(path: Path, choice: str = "") -> datetime | None:
    """The last fill that the model of that choice was fitted to; None for the default one."""
    chosen = cost_model(path, choice)
    return read_costs(path).last if chosen.source else None


def write_costs(path: Path, calibration: Calibration) -> None:
    """Replace the file in one step; raises `ConfigError` when its folder cannot be written."""
    text = json.dumps(_plain(calibration), indent=2, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as problem:
        raise ConfigError(f"The cost model {path} cannot be written: {problem}.") from problem


def read_costs(path: Path) -> Calibration:
    """The calibration in the file; raises `ConfigError` with what is wrong and what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(
            f"The cost model {path} cannot be read ({problem}); the notebook 05_post_trade writes "
            "it, and `hydra backtest --costs default` does without."
        ) from problem
    try:
        return _calibration(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, UnknownName, BadParameter) as problem:
        raise ConfigError(
            f"The cost model {path} cannot be used: {str(problem).rstrip('.')}; calibrate again "
            'with the notebook 05_post_trade (costs = "default" there), delete the file, or use '
            "`hydra backtest --costs default`."
        ) from problem


def _replace(path: Path, text: str) -> None:
    """Durable under another name first, so that a crash leaves the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _plain(calibration: Calibration) -> dict[str, Any]:
    model = {key: getattr(calibration.model, key) for key in sorted(MODEL_KEYS)}
    return {
        "version": VERSION,
        "first": calibration.first.isoformat(),
        "last": calibration.last.isoformat(),
        "fills": calibration.fills_of,
        "model": {**model, "half_spreads_bps": dict(calibration.model.half_spreads_bps)},
        "agreement": asdict(calibration.agreement),
    }


def _calibration(record: Any) -> Calibration:
    if not isinstance(record, Mapping) or not isinstance(record.get("version"), int):
        raise BadParameter("it has no version")
    if record["version"] != VERSION:
        raise BadParameter(f"it is of version {record['version']}, this HYDRA reads {VERSION}.")
    _exactly(record, KEYS, "the file")
    _exactly(record["model"], MODEL_KEYS, "model")
    first, last = (datetime.fromisoformat(record[key]) for key in ("first", "last"))
    if first.tzinfo is None or last.tzinfo is None or first > last:
        raise BadParameter("its first and last fill are not two aware times in order.")
    fills = {str(symbol): int(count) for symbol, count in record["fills"].items()}
    source = calibrated_source(last, sum(fills.values()))
    model = CostModel(**record["model"], source=source)
    return Calibration(model, first, last, Agreement(**record["agreement"]), fills)


def _exactly(table: Any, keys: set[str], where: str) -> None:
    """A key too many or too few is a file that this version does not understand."""
    if set(table) != keys:
        odd = ", ".join(sorted(set(table) ^ keys))
        raise BadParameter(f"{where} should have the keys {', '.join(sorted(keys))}; see {odd}.")
