"""The arms of a campaign, drawn over everybody eligible before anyone is chosen, and who is out of reach of every campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.agents.bench.covariates import covariates
from liftwright.agents.bench.data import Data
from liftwright.agents.bench.scores import Scores
from liftwright.domain.experiment import Experiment, GlobalHoldout
from liftwright.domain.goal import Objective
from liftwright.measurement import holdout
from liftwright.planning.postage import LETTER

Mask = npt.NDArray[np.bool_]
FEWEST = 200
"""With fewer people than this the hash alone draws the arms."""
GLOBAL = "global holdout"
"""The rule by which the funnel leaves people of the global holdout out."""
NO_CONTACT_PAYS = "no contact pays"
"""The reason of people without a single option worth its price."""
GROUPS = (5, 4)
"""Groups by what a contact is expected to bring, and within each by what people are expected to spend anyway."""


@dataclass(frozen=True)
class Drawn:
    """Everybody eligible, in the order of their ids: `arm` by name, and the `stratum` it was drawn in."""

    ids: npt.NDArray[np.object_]
    where: npt.NDArray[np.int64]
    arm: npt.NDArray[np.object_]
    stratum: npt.NDArray[np.int64]

    def of(self, name: str) -> Mask:
        """Who is in this arm."""
        return np.asarray(self.arm == name, dtype=bool)


def drawn(data: Data, scores: Scores, digest: str, experiment: Experiment) -> Drawn:
    """The arms of the people whose ids the lake keeps under `digest`."""
    ids = np.asarray(data.deps.lake.get(digest)["customer_id"].to_pylist(), dtype=object)
    where = np.searchsorted(data.ids.astype(str), ids.astype(str))
    stratum = strata(scores, where)
    arm = holdout.assigned(list(ids), salt=experiment.salt, shares=experiment.shares, strata=given(stratum))
    return Drawn(ids, where, arm, stratum)


def strata(scores: Scores, where: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The stratum of the people at `where`: alike in predicted effect, which decides who is chosen, and in predicted spending, which
    decides how much they bring either way. All the same below FEWEST people."""
    values = scores.effects.values
    if len(where) < FEWEST or not values.size:
        return np.zeros(len(where), dtype=np.int64)
    spending = (scores.buy_chance * scores.order_revenue)[where]
    return holdout.strata(values[where].max(axis=1), spending, groups=GROUPS)


def given(stratum: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """The strata as the draw takes them: none where there is only one."""
    return stratum if len(np.unique(stratum)) > 1 else None


def global_holdout(data: Data, objective: Objective) -> GlobalHoldout | None:
    """The global holdout of every quarter this flight touches; None where the workspace keeps none."""
    settings = data.deps.settings.experiment
    if settings.global_holdout <= 0:
        return None
    first = min(data.as_of.date(), objective.starts_on)
    salts = holdout.quarter_salts(first, objective.ends_on, salt=settings.salt)
    found = GlobalHoldout(share=settings.global_holdout, salts=salts)
    return found.model_copy(update={"people": int(untouchable(data.ids.tolist(), found).sum())})


def touchable(data: Data, where: npt.NDArray[np.int64], allowed: Mapping[str, Mask], experiment: Experiment) -> dict[str, Mask]:
    """Who of the people at `where` may be contacted by channel, without letters to households of the global holdout."""
    found = dict(allowed)
    if experiment.global_holdout is not None and LETTER in found:
        found[LETTER] = found[LETTER] & ~untouchable(data.households[where].tolist(), experiment.global_holdout)
    return found


def untouchable(ids: Sequence[str], found: GlobalHoldout | None) -> Mask:
    """Which of these people (or households) the global holdout keeps out."""
    return holdout.globally_held(ids, salts=found.salts if found else (), share=found.share if found else 0.0)


def people(data: Data, scores: Scores, drawn: Drawn, would: set[str], table: pa.Table) -> pa.Table:
    """The table of the audience: everybody eligible with their arm, whether a contact is (or would be) worth it, and why.

    would: who is chosen at the prices of the plan, whatever their arm. table: every option with its value.
    """
    ids = drawn.ids
    best = table.group_by("customer_id").aggregate([("value", "max")])
    value = dict(zip(best["customer_id"].to_pylist(), best["value_max"].to_pylist(), strict=True))
    selected = np.array([customer in would for customer in ids], dtype=bool)
    reasons = np.where(
        selected, "worth a contact", np.where([c in value for c in ids], "worth less than the limits allow", NO_CONTACT_PAYS)
    )
    return pa.table(
        {
            "customer_id": pa.array(ids, pa.string()),
            "arm": pa.array(drawn.arm, pa.string()),
            "stratum": pa.array(drawn.stratum, pa.int64()),
            "is_selected": pa.array(selected),
            "predicted_value": pa.array([float(value.get(c, 0.0)) for c in ids], pa.float64()),
            "reason": pa.array(reasons, pa.string()),
            **{
                name: pa.array(values[drawn.where], pa.float64())
                for name, values in covariates(data, scores, data.features).items()
            },
        }
    )
