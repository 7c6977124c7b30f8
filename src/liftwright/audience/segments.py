"""Six groups of people that campaigns are remembered by: how long ago they bought, and whether they answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from liftwright.audience.features.declared import NEVER_DAYS

Floats = npt.NDArray[np.float64]
RECENT_DAYS = 60.0
"""An order within so many days makes somebody a recent buyer."""
SEGMENTS = tuple(f"{stage}, {answers}" for stage in ("recent", "lapsed", "no buyer") for answers in ("answering", "quiet"))


def segments(recency_days: Floats, clicks: Floats) -> npt.NDArray[np.object_]:
    """The segment of each person, one of SEGMENTS: from days since the last order and clicks of the last half year."""
    stage = np.where(recency_days <= RECENT_DAYS, 0, np.where(recency_days < NEVER_DAYS, 2, 4))
    return np.asarray(np.array(SEGMENTS, dtype=object)[stage + (clicks <= 0)], dtype=object)
