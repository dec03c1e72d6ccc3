"""What trading cost, beside what was predicted, and the cost model that it teaches.

The notebook 05_post_trade shows this; the rows are those of `hydra fills --costs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from hydra.costs.calibration import Calibration, Sample, agreement_of, calibrate, predicted_bps
from hydra.costs.liquidity import Liquidity
from hydra.costs.model import CostModel
from hydra.domain.events import Recorded
from hydra.errors import BadParameter
from hydra.execution.cost_file import write_costs
from hydra.journal.cost_rows import COST_KINDS, Row, cost_rows, cost_totals, samples_of, symbols_of
from hydra.journal.journal import Journal

GROUPED = [
    "fills", "measured", "delay_bps", "spread_bps", "impact_bps", "total_bps", "predicted_bps",
    "error_bps", "total", "commission", "currency",
]  # fmt: skip
MONEY = ["notional", "delay", "spread", "impact", "total", "commission", "predicted_commission"]
ALL = [*GROUPED[:-1], "predicted_commission", "notional", "delay", "spread", "impact", "currency"]


def traded_records(journal: Path) -> list[Recorded]:
    """The events that costs are made of; none while there is no journal yet."""
    if not journal.is_file():
        return []
    with Journal.read_only(journal) as opened:
        return list(opened.read(kinds=COST_KINDS))


@dataclass(frozen=True, eq=False)
class PostTrade:
    """Costs of the fills in `records` against `model`; `liquidity` is of the instruments traded.

    `fitted_until` is the last fill that `model` was fitted to, if any: later ones it has not seen.
    Money is in the instrument's currency, paying up is positive, bps are of the decision price.
    """

    records: Sequence[Recorded]
    model: CostModel
    liquidity: Liquidity | None
    fitted_until: datetime | None = None

    @property
    def summary(self) -> str:
        """How much there is to see, in one sentence."""
        if not self.rows:
            return "Nothing has been traded yet, so there are no costs to show."
        measured = sum(row["arrival_mid"] is not None for row in self.rows)
        return (
            f"{len(self.rows)} fills of {', '.join(symbols_of(self.records))}; {measured} have a "
            f"market at arrival. Predicted by costs: {self.model}."
        )

    @cached_property
    def rows(self) -> list[Row]:
        """One row for each fill, as `hydra.journal.cost_rows` makes them."""
        return cost_rows(self.records, self.model, self.liquidity)

    @cached_property
    def samples(self) -> list[Sample]:
        """The orders that a model can be held against."""
        return samples_of(self.records, self.liquidity)[0] if self.liquidity else []

    @cached_property
    def left_out(self) -> pd.DataFrame | str:
        """How many orders no model can be held against, by the reason."""
        reasons = samples_of(self.records, self.liquidity)[1] if self.liquidity else []
        if not reasons:
            return "There are none."
        counts = pd.Series(reasons, dtype=object).value_counts()
        return pd.DataFrame({"orders": counts.rename_axis("reason")})

    def totals(self, by: str = "") -> pd.DataFrame:
        """Costs added up by strategy, symbol, algo or hour, or (in more figures) all of them."""
        shown = GROUPED if by else ALL
        table = pd.DataFrame(cost_totals(self.rows, by), columns=[by, *shown]).set_index(by)
        money = {name: table[name].astype(float).round(2) for name in shown if name in MONEY}
        return table.assign(**money)

    def figure(self, by: str) -> Any:
        """Delay beside spread and impact by one grouping, in bps, as one plotly figure."""
        from hydra.research._figures import costs_by

        return costs_by(self.totals(by), by, self.summary if not self.rows else "")

    @cached_property
    def calibration(self) -> Calibration | str:
        """The model that these orders teach, or the sentence that says why they teach none."""
        try:
            return calibrate(self.samples, self.model.commission)
        except BadParameter as problem:
            return str(problem)

    @property
    def fitted(self) -> pd.DataFrame | str:
        """The fitted model's figures by instrument, or the sentence that says why not."""
        fitted = self.calibration
        if isinstance(fitted, str):
            return fitted
        rows = [
            {
                "symbol": symbol,
                "fills": fills,
                "half_spread_bps": fitted.model.half_spread_of(symbol),
                "impact_coefficient": fitted.model.impact_coefficient,
            }
            for symbol, fills in fitted.fills_of.items()
        ]
        return pd.DataFrame(rows).set_index("symbol")

    @property
    def models(self) -> dict[str, CostModel]:
        """The models to compare by name: the one in use, and the one fitted to these orders."""
        fitted = self.calibration
        found = {"in use": self.model}
        return found if isinstance(fitted, str) else {**found, "fitted to these": fitted.model}

    @property
    def agreements(self) -> pd.DataFrame:
        """Bias, root mean square error and correlation of each model over these orders, in bps.

        A model in use that was fitted is held against the later orders by themselves, too.
        """
        found = {name: _compared(model, self.samples) for name, model in self.models.items()}
        if self.fitted_until:
            unseen = [s for s in self.samples if s.time > self.fitted_until]
            found["in use, on later orders"] = _compared(self.model, unseen)
        return pd.DataFrame(found).T

    @property
    def predictions(self) -> pd.DataFrame:
        """One row for each order: what it cost, and what each model predicts, in bps."""
        return pd.DataFrame(
            [
                {
                    "symbol": sample.symbol,
                    "time": sample.time,
                    "quantity": sample.quantity,
                    "actual": sample.execution_bps,
                    **{name: predicted_bps(m, sample) for name, m in self.models.items()},
                }
                for sample in self.samples
            ],
            columns=["symbol", "time", "quantity", "actual", *self.models],
        )

    def figure_predicted(self) -> Any:
        """Predicted against actual, one point an order, as one plotly figure."""
        from hydra.research._figures import predicted_against_actual

        names = list(self.models)
        said = "" if self.samples else "No order can be held against a model yet."
        return predicted_against_actual(self.predictions, names, said)

    def write(self, path: Path) -> str:
        """Write the calibrated model where the next backtest reads it; says what became of it."""
        if isinstance(self.calibration, str):
            return f"Nothing was written. {self.calibration}"
        write_costs(path, self.calibration)
        return f"Written to {path}; the next backtest's costs: {self.calibration.model}."


def _compared(model: CostModel, samples: Sequence[Sample]) -> dict[str, Any]:
    agreement = agreement_of(model, samples)
    return {
        "costs": str(model),
        "orders": agreement.orders,
        "fills": agreement.fills,
        "bias_bps": _rounded(agreement.bias_bps),
        "rmse_bps": _rounded(agreement.rmse_bps),
        "correlation": _rounded(agreement.correlation),
        "is_calibrated": agreement.is_calibrated,
    }


def _rounded(figure: float | None) -> float | str:
    return "–" if figure is None else round(figure, 3)
