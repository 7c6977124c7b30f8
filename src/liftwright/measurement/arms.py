"""What each arm of a campaign did, the arms on request included, and how each compares with the holdout."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.figures import ArmResult, Interval
from liftwright.measurement import queries
from liftwright.measurement.estimate import BURN_IN, difference, outcomes_in_smaller_arm


def results(
    audience: pa.Table, outcomes: pa.Table, *, costs: Mapping[str, float], level: float, critical: float | None
) -> tuple[ArmResult, ...]:
    """Every arm among the people selected, or who would have been, the treated one first and the holdout last.

    audience: customer_id, arm, is_selected. outcomes: customer_id, orders, revenue, margin. costs: by person, what deliveries to them
    cost; a person with an entry was reached. critical: |z| of a look before the end.
    """
    chosen = audience.filter(pc.fill_null(audience["is_selected"], False))
    names = sorted(set(chosen["arm"].to_pylist()), key=lambda name: (name == "holdout", name != "treated", name))
    people = {name: chosen.filter(pc.equal(chosen["arm"], name))["customer_id"].combine_chunks() for name in names}
    mine = {name: outcomes.filter(pc.is_in(outcomes["customer_id"], value_set=ids)) for name, ids in people.items()}
    found = []
    for name, table in mine.items():
        reached = [costs[person] for person in people[name].to_pylist() if person in costs]
        sums = {column: float(pc.sum(table[column]).as_py() or 0.0) for column in ("orders", "revenue", "margin")}
        found.append(
            ArmResult(
                arm=name,
                people=len(people[name]),
                reached=len(reached),
                buyers=int(pc.sum(pc.greater(table["orders"], 0)).as_py() or 0),
                **sums,
                contact_cost=sum(reached),
                gain=None if name == "holdout" else _gain(table, mine.get("holdout"), level=level, critical=critical),
                query=queries.arm(name),
            )
        )
    return tuple(found)


def _gain(arm: pa.Table, holdout: pa.Table | None, *, level: float, critical: float | None) -> Interval | None:
    """Margin per person above the holdout's; None before enough people of both have ordered."""
    if holdout is None or outcomes_in_smaller_arm(arm["orders"].to_numpy(), holdout["orders"].to_numpy()) < BURN_IN:
        return None
    margins = (np.asarray(table["margin"].to_numpy(), dtype=np.float64) for table in (arm, holdout))
    found = difference(*margins, metric="margin", level=level, critical=critical)
    if found.low is None or found.mid is None or found.high is None:
        return None
    return Interval(low=found.low, mid=found.mid, high=found.high, level=level)
