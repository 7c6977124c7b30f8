"""May the arms be compared at all: their sizes against the plan, who was lost on the way, and who was contacted against it."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import betaln
from scipy.stats import chi2

from liftwright.domain.evidence import Health
from liftwright.measurement.estimate import difference

SRM_BOUND = 0.001
CONTAMINATION_BOUND = 0.05
"""From this share of contacted people in the holdout on, nothing can be concluded."""
CONCENTRATION = 50.0
"""How strongly the mixture of `lost_ratio` believes in the planned share; smaller finds gross losses sooner, larger finds fine ones."""
TESTS = 3
"""P-values that `health` takes the smallest of, each multiplied by their number (Bonferroni)."""


def sample_ratio(treated: int, holdout: int, share: float) -> float | None:
    """Chi-square p-value of the arm sizes against the planned holdout share; None when there is nobody or nothing to compare.

    For sizes that are settled once, such as the drawing; for counts that grow while one looks see `lost_ratio`.
    """
    people = treated + holdout
    if people == 0 or not 0.0 < share < 1.0:
        return None
    expected = people * share
    statistic = (holdout - expected) ** 2 / expected + (holdout - expected) ** 2 / (people - expected)
    return float(chi2.sf(statistic, 1))


def lost_ratio(treated: int, holdout: int, share: float) -> float | None:
    """A p-value that is valid however often one looks: are people who can no longer be analysed lost from both arms alike?

    The inverse of the likelihood ratio of a beta mixture around the planned share against the share itself (Lindon and Malek 2022).
    """
    if treated + holdout == 0 or not 0.0 < share < 1.0:
        return None
    prior = CONCENTRATION * share, CONCENTRATION * (1.0 - share)
    mixture = betaln(prior[0] + holdout, prior[1] + treated) - betaln(*prior)
    plain = holdout * math.log(share) + treated * math.log1p(-share)
    return min(1.0, math.exp(min(plain - mixture, 0.0)))


def health(
    audience: pa.Table, *, share: float, delivered: Collection[str] = (), lost: Collection[str] = (), late_data: int = 0
) -> Health:
    """Whether the figures of a campaign may be believed.

    audience: customer_id, arm, is_selected. share: planned holdout share. delivered: people with a delivered send. lost: people of the
    audience who cannot be analysed any more. srm_p: the smallest p-value of drawn people, of selected people, and of lost people,
    times three.
    """
    is_holdout = np.asarray(pc.equal(audience["arm"], "holdout"))
    selected = np.asarray(pc.fill_null(audience["is_selected"], False))
    held = set(audience.filter(pa.array(is_holdout))["customer_id"].to_pylist())
    gone = np.asarray(pc.is_in(audience["customer_id"], value_set=pa.array(sorted(lost), pa.string())))
    sizes = [(int((~is_holdout & mask).sum()), int((is_holdout & mask).sum())) for mask in (is_holdout | True, selected, gone)]
    found = [sample_ratio(*sizes[0], share), sample_ratio(*sizes[1], share), lost_ratio(*sizes[2], share)]
    known = [value for value in found if value is not None]
    wrong = len(held & set(delivered))
    return Health(
        srm_p=min(1.0, TESTS * min(known)) if known else None,
        contamination=wrong,
        contaminated_share=wrong / len(held) if held else 0.0,
        lost=int(gone.sum()),
        late_data=late_data,
    )


def prior_gap(audience: pa.Table) -> float | None:
    """p-value of the difference in what the two arms spent before (prior_value) among people selected; None where nobody spent or an arm is empty.

    audience: customer_id, arm (treated or holdout), is_selected, prior_value.
    """
    chosen = audience.filter(pc.fill_null(audience["is_selected"], False))
    if "prior_value" not in chosen.column_names:
        return None
    spent, held = np.nan_to_num(np.asarray(chosen["prior_value"].to_numpy())), np.asarray(pc.equal(chosen["arm"], "holdout"))
    return difference(spent[~held], spent[held], metric="prior_value").p_value


def is_believable(health: Health) -> bool:
    """Whether anything may be decided on these arms."""
    has_sizes = health.srm_p is None or health.srm_p >= SRM_BOUND
    return has_sizes and health.contaminated_share <= CONTAMINATION_BOUND
