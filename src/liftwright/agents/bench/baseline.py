"""What people do when they are left alone."""

from __future__ import annotations

import numpy as np

from liftwright.agents.bench.data import Data


def baseline(data: Data, metric: str) -> tuple[float, float]:
    """Mean and standard deviation per person of a metric without contact over the outcome window."""
    if data.rows is not None:
        control = np.asarray(data.rows["action"].to_pylist(), dtype=object) == "control"
        values = np.asarray(data.rows[f"y_{metric}"].to_numpy(zero_copy_only=False), dtype=np.float64)[control]
    else:
        values = np.asarray(data.recent_outcomes[metric].to_numpy(zero_copy_only=False), dtype=np.float64)
    values = values[np.isfinite(values)]
    return (float(values.mean()), float(values.std())) if len(values) else (0.0, 0.0)
