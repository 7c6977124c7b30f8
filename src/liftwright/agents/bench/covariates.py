"""What is known of a person before a campaign that an outcome may be adjusted for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.agents.bench.data import Data
from liftwright.agents.bench.scores import Scores

Floats = npt.NDArray[np.float64]


def covariates(data: Data, scores: Scores, features: pa.Table) -> dict[str, Floats]:
    """By column of the audience's table, each covariate of everybody from features as of some moment, major units.

    prior_value: spent in the last 90 days. predicted_spend: predicted margin of a window without contact, where there is a model.
    """
    known = {name: np.asarray(features[name].to_numpy(), dtype=np.float64) for name in features.column_names[1:]}
    found = {"prior_value": known.get("value_90", np.zeros(len(data.ids)))}
    model = scores.chance_model
    if model is not None:
        value, orders = known["value_365"], known["orders_365"]
        overall = float(value.sum() / orders.sum()) if orders.sum() > 0 else 0.0
        order = (value + 3.0 * overall) / (orders + 3.0)
        found["predicted_spend"] = np.asarray(model.chance(features)) * order * data.deps.settings.margin.rate
    return found
