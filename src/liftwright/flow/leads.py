"""Lead scores with reasons, as a table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from liftwright.flow import seen, training
from liftwright.ports import Deps
from liftwright.scoring import lead

OFF = "lead scoring is stopped: leads are in the order in which they came, newest first"


def score(*, only_open: bool = False, deps: Deps) -> pa.Table:
    """Every lead (or only those that are not closed), best first: lead_id, score, chance, expected_revenue, reason_1 to reason_3.

    Trains the model first when there is none. When it is switched off or blocked there are no scores, everybody has the past share of closings,
    and the newest lead comes first. Raises DataError without leads or without enough closed ones.
    """
    leads = seen.leads(deps)
    if deps.models.load("lead") is None:
        training.train("lead", deps=deps)
    stored = deps.models.load("lead")
    assert stored is not None
    card, parameters = stored
    model = lead.from_parameters(parameters["model"])
    if only_open:
        leads = leads.filter(pa.array(~lead.closed(leads, as_of=deps.now())[1]))
    if not card.is_used:
        return _unscored(leads, float(model.model.quality["base_rate"]))
    return model.scores(leads).sort_by([("score", "descending"), ("chance", "descending"), ("lead_id", "ascending")])


def _unscored(leads: pa.Table, share: float) -> pa.Table:
    order = (
        [("created_at", "descending"), ("lead_id", "ascending")]
        if "created_at" in leads.column_names
        else [("lead_id", "ascending")]
    )
    count = leads.num_rows
    empty = pa.nulls(count, pa.float64())
    return pa.table(
        {
            "lead_id": leads.sort_by(order)["lead_id"].cast(pa.string()),
            "score": empty,
            "chance": pa.array(np.full(count, share)),
            "expected_revenue": empty,
            "reason_1": pa.array([OFF] * count, pa.string()),
            "reason_2": pa.array([""] * count, pa.string()),
            "reason_3": pa.array([""] * count, pa.string()),
        }
    )
