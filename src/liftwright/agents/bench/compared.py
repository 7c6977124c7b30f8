"""The people of a plan, both arms alike: who is chosen or would be, and what each would get first. What is measured later rests on it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.agents.bench.data import Data

Mask = npt.NDArray[np.bool_]
NO_CONTACT_PAYS = "no contact pays"
"""The reason of people without a single option worth its price."""


def people(
    data: Data,
    ids: npt.NDArray[np.object_],
    held: Mask,
    where: npt.NDArray[np.int64],
    *,
    would: pa.Table,
    candidates: pa.Table,
) -> pa.Table:
    """Everybody eligible: arm, whether they are chosen or would be, and what they would get, the same in both arms.

    where: places of the eligible among `data.ids`.
    """
    best = candidates.group_by("customer_id").aggregate([("value", "max")])
    value = dict(zip(best["customer_id"].to_pylist(), best["value_max"].to_pylist(), strict=True))
    flights = _flights(would)
    got = [flights.get(str(customer)) for customer in ids]
    selected = np.array([flight is not None for flight in got], dtype=bool)
    reasons = np.where(
        selected, "worth a contact", np.where([c in value for c in ids], "worth less than the limits allow", NO_CONTACT_PAYS)
    )
    return pa.table(
        {
            "customer_id": pa.array(ids, pa.string()),
            "arm": pa.array(np.where(held, "holdout", "treated"), pa.string()),
            "is_selected": pa.array(selected),
            "predicted_value": pa.array([float(value.get(c, 0.0)) for c in ids], pa.float64()),
            "reason": pa.array(reasons, pa.string()),
            "prior_value": pa.array(data.feature("value_90")[where], pa.float64()),
            "segment": pa.array(data.segments[where], pa.string()),
            "first_channel": pa.array([None if flight is None else flight[0] for flight in got], pa.string()),
            "first_offer": pa.array([None if flight is None else flight[1] for flight in got], pa.string()),
            "expected": pa.array([0.0 if flight is None else flight[2] for flight in got], pa.float64()),
        }
    )


def _flights(would: pa.Table) -> dict[str, tuple[str, str, float]]:
    """By person the channel and offer of the first touch, and the extra margin expected of all of them after discounts."""
    found: dict[str, tuple[str, str, float]] = {}
    columns = (would[name].to_pylist() for name in ("customer_id", "channel", "offer", "term_margin", "term_incentive"))
    for customer, channel, offer, margin, incentive in zip(*columns, strict=True):
        first = found.get(customer, (channel, offer, 0.0))
        found[customer] = (first[0], first[1], first[2] + margin + incentive)
    return found
