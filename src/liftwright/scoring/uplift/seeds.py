"""Seed lists for look-alike audiences: the people a contact earns most with, not those who buy most."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
from scipy.stats import norm

from liftwright.domain.errors import DataError
from liftwright.scoring.design import Floats

FEWEST = 100
"""Fewer people make no seed list that a network accepts, and would say too much about each."""
SURE = 0.9


def seed_list(customer_ids: Sequence[str], worth: Floats, errors: Floats, *, excluded: Collection[str], size: int) -> pa.Table:
    """The top `size` people by the expected extra margin of a contact, as customer_id, rank, extra_margin.

    worth, errors: (people,) expected extra margin of a contact (uplift x margin of an order, major units) and its standard error.
    `excluded`: the holdout, who must not be touched by any means, and known buyers, who need no advertising. Only people whose effect
    is above zero with 90 % certainty are taken, so a list may be shorter than asked. Raises DataError SEEDS-FEW when it would be
    shorter than 100.
    """
    barred = set(excluded)
    ids = np.asarray(customer_ids, dtype=object)
    is_open = np.array([customer not in barred for customer in ids], dtype=bool)
    able = np.flatnonzero(is_open & (worth - float(norm.ppf(SURE)) * errors > 0.0))
    if min(len(able), size) < FEWEST:
        raise DataError(
            "SEEDS-FEW",
            f"Only {len(able):,} people are surely moved by a contact; a seed list needs {FEWEST}.",
            next_step="Run a larger randomised test first, or advertise without a seed list.",
        )
    order = able[np.lexsort((ids[able].astype(str), -worth[able]))][:size]
    return pa.table(
        {
            "customer_id": pa.array(ids[order].tolist(), pa.string()),
            "rank": pa.array(np.arange(1, len(order) + 1)),
            "extra_margin": pa.array(worth[order]),
        }
    )
