"""The people of a plan, both arms alike: who is chosen or would be, and what each would get first. What is measured later rests on it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench import arms
from liftwright.agents.bench.covariates import covariates
from liftwright.agents.bench.data import Data
from liftwright.agents.bench.scores import Scores

NO_CONTACT_PAYS = "no contact pays"
"""The reason of people without a single option worth its price."""


def people(data: Data, scores: Scores, drawn: arms.Drawn, *, would: pa.Table, candidates: pa.Table) -> pa.Table:
    """Everybody eligible: arm, whether they are chosen or would be, and what they would get, the same in both arms."""
    ids, where = drawn.ids, drawn.where
    best = candidates.group_by("customer_id").aggregate([("value", "max")])
    flights = _flights(would)
    asked = pa.array(ids, pa.string())
    place = pc.index_in(asked, value_set=best["customer_id"].combine_chunks())
    flight = pc.index_in(asked, value_set=flights["customer_id"].combine_chunks())
    selected = pc.is_valid(flight)
    reason = pc.if_else(pc.is_valid(place), "worth less than the limits allow", NO_CONTACT_PAYS)
    return pa.table(
        {
            "customer_id": asked,
            "arm": pa.array(drawn.arm, pa.string()),
            "stratum": pa.array(drawn.stratum, pa.int64()),
            "is_selected": selected,
            "predicted_value": pc.fill_null(best["value_max"].take(place), 0.0),
            "reason": pc.if_else(selected, "worth a contact", reason),
            **{name: pa.array(values[where], pa.float64()) for name, values in covariates(data, scores, data.features).items()},
            "segment": pa.array(data.segments[where], pa.string()),
            "first_channel": flights["channel_first"].take(flight),
            "first_offer": flights["offer_first"].take(flight),
            "expected": pc.fill_null(flights["gain_sum"].take(flight), 0.0),
        }
    ).combine_chunks()


def _flights(would: pa.Table) -> pa.Table:
    """By person the channel and offer of the first touch, and the extra margin expected of all of them after discounts (`gain_sum`)."""
    gain = pc.add(would["term_margin"], would["term_incentive"])
    ordered = would.select(["customer_id", "wave", "channel", "offer"]).append_column("gain", gain)
    ordered = ordered.sort_by([("customer_id", "ascending"), ("wave", "ascending")])
    return ordered.group_by("customer_id", use_threads=False).aggregate(
        [("channel", "first"), ("offer", "first"), ("gain", "sum")]
    )
