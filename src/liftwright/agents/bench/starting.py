"""What a plan starts from: the lessons it rests on, and what its contacts are expected to bring with and without them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from liftwright.agents.bench.data import Data
from liftwright.agents.bench.experience import Memory
from liftwright.agents.bench.scores import Scores
from liftwright.agents.bench.solving import DIMINISHING
from liftwright.domain.learning import Start
from liftwright.domain.money import Money
from liftwright.domain.policy import Finding


def start(data: Data, scores: Scores, rows: pa.Table, *, expected: float) -> Start | None:
    """`rows`: the plan's contacts; `expected`: the incremental margin forecast for them. None before the first campaign was closed."""
    memory = scores.memory
    if memory is None or not rows.num_rows:
        return None
    person = np.searchsorted(data.ids.astype(str), np.asarray(rows["customer_id"].to_pylist(), dtype=str))
    channels = np.asarray(rows["channel"].to_pylist(), dtype=str)
    actions = [f"{channel}:{offer}" for channel, offer in zip(channels, rows["offer"].to_pylist(), strict=True)]
    place = np.array([data.actions.index(action) for action in actions])
    less = scores.effects.values[person, place] - scores.cold_start.effects.values[person, place]
    cold = expected - float((less * DIMINISHING ** (rows["wave"].to_numpy() - 1)).sum())
    factor = memory.factors(data.segments[person], data.actions)[np.arange(len(place)), place]
    return Start(
        campaigns=memory.campaigns,
        lessons=memory.lessons,
        touches=memory.touches,
        expected=round(expected, 2),
        cold_start=round(cold, 2),
        factors={str(name): round(float(factor[channels == name].mean()), 4) for name in np.unique(channels)},
        set_aside=memory.realised.says,
        says=_says(memory, expected, cold, data.deps.settings.currency),
    )


def _says(memory: Memory, expected: float, cold: float, currency: str) -> str:
    count = len(memory.campaigns)
    return (
        f"Starts from {count} earlier {'campaign' if count == 1 else 'campaigns'} ({memory.touches:,} contacts and how they were answered,"
        f" {len(memory.realised.used)} measured cells). These contacts are expected to bring {Money.of(expected, currency)};"
        f" without what was learned {Money.of(cold, currency)} would be expected of the same contacts."
    )


def findings(scores: Scores) -> tuple[Finding, ...]:
    """Statistics that are not believed: changed behind the product's back, or contradicted by what was measured later."""
    found = []
    if tampered := scores.experience.tampered:
        found.append(
            Finding(
                rule="MEMORY-TAMPERED",
                severity="warn",
                subject="memory",
                count=len(tampered),
                says=f"{len(tampered)} statistics of earlier campaigns no longer hold what was written; they were left out.",
                fix="Find out who changed the database, and restore it from a backup.",
            )
        )
    if scores.memory is not None:
        found += [
            Finding(
                rule="LESSON-CONTRADICTED",
                severity="warn",
                subject=says.partition(":")[0],
                says=f"What earlier campaigns taught is contradicted: {says}.",
                fix="Nothing has to be done; if you know which one was wrong, retire its lesson: liftwright lessons retire ID.",
            )
            for says in scores.memory.realised.says
        ]
    return tuple(found)
