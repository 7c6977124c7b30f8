"""What a closed lead brings: the mean amount, or a ridge regression on its features when that is better out of fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.scoring.calibration import Bools
from liftwright.scoring.design import Floats, Scale, folds_of

FEWEST = 100
"""With fewer known amounts everybody is expected to bring the mean."""
CAP_QUANTILE = 0.99
_FOLDS, _RIDGE = 5, 30.0


@dataclass(frozen=True)
class Worth:
    """Amount per row in major units: `mean`, and with `slopes` more or less by features; 1 when no amount is known."""

    mean: float
    scale: Scale
    slopes: tuple[float, ...]
    lowest: float
    highest: float
    says: str

    @property
    def is_unknown(self) -> bool:
        """Whether no amount was ever seen, so that a worth of 1 only counts closings."""
        return not self.says.startswith("expected amount")

    def of(self, table: pa.Table) -> Floats:
        """Expected amount per row, inside the range that was seen."""
        if not self.slopes:
            return np.full(table.num_rows, self.mean)
        return np.asarray(np.clip(self.mean + self.scale.apply(table) @ np.array(self.slopes), self.lowest, self.highest))

    @classmethod
    def fit(cls, table: pa.Table, amounts: Floats, *, won: Bools, ids: Sequence[str], seed: int) -> Worth:
        """Learn from the won rows whose amount is known; amounts above the 99th percentile count as that."""
        used = won & np.isfinite(amounts) & (amounts > 0)
        empty = Scale.fit(table, [])
        if not used.any():
            return cls(1.0, empty, (), 1.0, 1.0, "amounts are not known: the chance to close decides alone")
        y = np.minimum(amounts[used], np.quantile(amounts[used], CAP_QUANTILE))
        mean, lowest, highest = float(y.mean()), float(y.min()), float(y.max())
        flat = cls(mean, empty, (), lowest, highest, f"expected amount {mean:,.2f} for everybody")
        if len(y) < FEWEST:
            return flat
        mine = table.filter(pa.array(used))
        scale = Scale.fit(mine, table.column_names)
        z, fold = scale.apply(mine), folds_of([i for i, one in zip(ids, used, strict=True) if one], count=_FOLDS, seed=seed)
        gain = _gain(z, y, fold)
        if gain.mean() <= gain.std() / np.sqrt(len(gain)):
            return flat
        return cls(
            mean, scale, tuple(_slopes(z, y).tolist()), lowest, highest, f"expected amount {mean:,.2f} on average, by features"
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "mean": self.mean, "scale": self.scale.as_json(), "slopes": list(self.slopes),
            "lowest": self.lowest, "highest": self.highest, "says": self.says,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Worth:
        """The worth whose `as_json` this is."""
        return cls(**{**data, "scale": Scale.from_json(data["scale"]), "slopes": tuple(data["slopes"])})


def _gain(z: Floats, y: Floats, fold: Any) -> Floats:
    """Per row, how much smaller the squared error of the regression is than that of the mean, out of fold."""
    gain = np.zeros(len(y))
    for each in range(_FOLDS):
        rest, mine = fold != each, fold == each
        usual = y[rest].mean()
        found = np.clip(usual + z[mine] @ _slopes(z[rest], y[rest]), y.min(), y.max())
        gain[mine] = (y[mine] - usual) ** 2 - (y[mine] - found) ** 2
    return gain


def _slopes(z: Floats, y: Floats) -> Floats:
    centred = z - z.mean(axis=0)
    found: Floats = np.linalg.solve(centred.T @ centred + _RIDGE * np.eye(z.shape[1]), centred.T @ (y - y.mean()))
    return found
