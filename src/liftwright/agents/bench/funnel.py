"""From everybody who may be contacted to those who are: how many each step leaves out."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from liftwright.agents.bench import compared
from liftwright.agents.bench.solving import Solved
from liftwright.agents.bench.values import Eligible
from liftwright.domain.plan import FunnelStep


def chosen_steps(found: Eligible, solved: Solved) -> tuple[FunnelStep, ...]:
    """The funnel from eligible to selected: whom no contact pays for, who is held out, whom the limits or the lot left out."""
    people, rows, draws = solved.people, solved.solution.rows, solved.solution.draws
    ids = people["customer_id"]
    left = ~np.asarray(pc.is_in(ids, value_set=rows["customer_id"].combine_chunks()))
    arm = np.asarray(people["arm"].to_pylist(), dtype=object)
    idle = np.asarray(pc.equal(people["reason"], compared.NO_CONTACT_PAYS))
    unlucky = np.asarray(pc.is_in(ids, value_set=draws["customer_id"].combine_chunks()))
    parts = [
        ("without people it does not move", "past test", idle)
        if found.needs_effect
        else ("no contact that is likely to help pays for itself", "expected margin", idle),
        ("held out to measure the effect", "holdout", arm == "holdout"),
        ("business as usual leaves them out", "arm on request", arm == "usual"),
        ("others are worth more within the limits", "limits", ~unlucky),
        ("drawn to get nothing, so that the next plan can learn", "randomised share", np.ones(len(arm), dtype=bool)),
    ]
    steps, count = [], len(arm)
    for step, rule, mask in parts:
        out = left & mask
        left, count = left & ~mask, count - int(out.sum())
        if rule != "arm on request" or out.any():
            steps.append(FunnelStep(step=step, rule=rule, removed=int(out.sum()), left=count))
    return tuple(steps)


def paying(found: Eligible, solved: Solved) -> int:
    """Of the people who may be contacted, for how many some contact is worth its price: cost, fatigue and sureness counted."""
    return found.count - int(pc.sum(pc.equal(solved.people["reason"], compared.NO_CONTACT_PAYS)).as_py() or 0)
