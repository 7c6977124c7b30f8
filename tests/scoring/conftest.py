"""A made-up randomised history whose true effects are known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

START = datetime(2026, 1, 5, tzinfo=UTC)
MakeRows = Callable[..., pa.Table]


def make(
    *,
    people: int = 6000,
    seed: int = 0,
    average: float = 0.05,
    spread: float = 0.0,
    actions: tuple[str, ...] = ("email:none",),
    waves: int = 1,
) -> pa.Table:
    """Training rows. The effect of every action is `average` plus `spread` times the sign of feature `taste`; visits 0 or 1."""
    rng = np.random.default_rng(seed)
    count = people * waves
    taste, noise = rng.standard_normal(people).repeat(waves), rng.standard_normal(people).repeat(waves)
    chosen = rng.integers(0, len(actions) + 1, count)
    names = np.array(["control", *actions])[chosen]
    effect = np.where(chosen > 0, average + spread * np.sign(taste), 0.0)
    visits = (rng.random(count) < np.clip(0.2 + 0.03 * noise + effect, 0, 1)).astype(np.float64)
    spent = visits * (rng.random(count) < 0.2) * rng.gamma(2.0, 20.0, count)
    return pa.table(
        {
            "customer_id": [f"C{n:06d}" for n in np.arange(people).repeat(waves)],
            "at": pa.array(
                [START + timedelta(days=30 * int(w)) for w in np.tile(np.arange(waves), people)], pa.timestamp("us", tz="UTC")
            ),
            "action": names,
            "propensity": np.full(count, 1 / (len(actions) + 1)),
            "y_margin": 0.4 * spent,
            "y_revenue": spent,
            "y_orders": (spent > 0).astype(np.float64),
            "y_visits": visits,
            "taste": taste,
            "noise": noise,
            "same": np.ones(count),
        }
    )


@pytest.fixture
def make_rows() -> MakeRows:
    """Build training rows with known effects."""
    return make
