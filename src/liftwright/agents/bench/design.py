"""The design of a campaign's experiment: its arms, how large they are and why, what it can find, when it stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liftwright.agents.bench import arms, goal_findings, solving
from liftwright.agents.bench.audience import allowed_channels, measured_as
from liftwright.agents.bench.baseline import baseline
from liftwright.agents.bench.data import OUTCOME_DAYS, Data
from liftwright.agents.bench.scores import Scores
from liftwright.agents.bench.values import Eligible
from liftwright.domain.experiment import AskedArm, AskedShare, Experiment, StopRule, Usual
from liftwright.domain.goal import Objective
from liftwright.measurement import power, stopping
from liftwright.planning import treatments

GUARDRAILS = {"complaint": 0.003, "opt_out": 0.02}
"""Greatest allowed share of contacted people who complain or opt out, above what the holdout shows."""
ADJUST_WHEN = (
    "a person opts out: their remaining touches are cancelled",
    "a text does better than another: its share grows, never below 5 %",
    "before each later wave: the rest is solved again for the people chosen here, on what they did since",
)
UNTESTED_HOLDOUT = 0.20
"""Least share held out where no randomised history tells what a contact brings: this campaign's holdout starts one."""


@dataclass(frozen=True)
class Expected:
    """The people whom a contact pays for, and what it is expected to bring one of them in the unit of the metric: `mean` and `sd` are
    of a person's outcome without contact."""

    people: int
    lift: float
    mean: float
    sd: float


def design(
    data: Data,
    scores: Scores,
    objective: Objective,
    found: Eligible,
    *,
    campaign_id: str,
    share: float | None,
    asked: Sequence[AskedArm] = (),
) -> Experiment:
    """Arms drawn over everybody eligible, with the smallest effect the comparison can find among those whom a contact pays for.

    share: held out; None = large enough to find what is expected, within what the house allows. asked: arms on request.
    """
    ids = data.deps.lake.get(found.digest)["customer_id"].to_pylist()
    where = np.searchsorted(data.ids.astype(str), np.asarray(ids, dtype=str))
    expected, looks = _expected(data, scores, objective, where), max(objective.days, 1)
    beside = _beside(data, asked)
    choice = _choice(data, expected, share, looks=looks, others=sum(each.share for each in beside))
    first = Experiment(
        salt=f"{campaign_id}:{data.seed}",
        holdout_share=choice.share,
        primary_metric=measured_as(objective),
        mde=choice.detectable,
        looks=looks,
        method="difference in means by assignment, pooled variance, O'Brien-Fleming looks",
        treated=len(ids),
        holdout=0,
        stop_rules=_stop_rules(data, scores, objective),
        adjust_when=ADJUST_WHEN,
        note=choice.says,
        strata=len(np.unique(arms.strata(scores, where))),
        arms=beside,
        usual=_usual(data) if "usual" in asked else None,
        global_holdout=arms.global_holdout(data, objective),
        expected=round(expected.lift, 6),
        forgone=round(choice.cost, 2),
        is_measurable=choice.is_measurable,
    )
    return _counted(first, arms.drawn(data, scores, found.digest, first))


def _stop_rules(data: Data, scores: Scores, objective: Objective) -> tuple[StopRule, ...]:
    return stopping.planned(
        budget=float(objective.budget.amount) if objective.budget is not None else None,
        margin_floor=data.deps.settings.margin.floor or None,
        guardrails=GUARDRAILS,
        goal=goal_findings.target_margin(data, scores, objective),
    )


def _counted(experiment: Experiment, drawn: arms.Drawn) -> Experiment:
    return experiment.model_copy(update={name: int(drawn.of(name).sum()) for name in ("treated", "holdout")})


def _usual(data: Data) -> Usual:
    return Usual.model_validate(data.deps.settings.experiment.usual.model_dump())


def _beside(data: Data, asked: Sequence[AskedArm]) -> tuple[AskedShare, ...]:
    settings = data.deps.settings.experiment
    shares = {"random": settings.random_share, "usual": settings.usual_share}
    return tuple(AskedShare(arm=arm, share=shares[arm]) for arm in dict.fromkeys(asked))


def _choice(data: Data, expected: Expected, share: float | None, *, looks: int, others: float) -> power.ShareChoice:
    """The share held out and what it can find. A share that was asked for is taken as it is; then the choice only says what it means."""
    usual = data.deps.settings.limits.holdout_share
    least = share if share is not None else usual if data.rows is not None else max(usual, UNTESTED_HOLDOUT)
    return power.holdout_share(
        people=expected.people,
        mean=expected.mean,
        sd=expected.sd,
        expected_lift=expected.lift,
        looks=looks,
        default=least,
        others=others,
        most=least if share is not None else max(least, data.deps.settings.experiment.most_holdout),
    )


def _expected(data: Data, scores: Scores, objective: Objective, where: npt.NDArray[np.int64]) -> Expected:
    """What a first touch is expected to bring the people whom one pays for by a channel they may be contacted by; everybody eligible
    and nothing where it pays for nobody. Later touches would add to it and limits take from it, so it is a plain guess before solving.
    """
    economics = solving.economics_of(data, scores, objective, where)
    open_to = allowed_channels(data, objective)
    worth = np.zeros(len(where))
    effect = np.zeros(len(where))
    for place, action in enumerate(data.actions):
        channel, offer = treatments.action_parts(action)
        if channel not in open_to:
            continue
        mine = scores.effects.values[where, place]
        value = sum(
            treatments.terms(mine, channel=channel, offer=offer, wave=1, economics=economics).values(), np.zeros(len(mine))
        )
        value = np.where(data.allowed[channel][where] & treatments.keeps_floor(offer, economics=economics), value, 0.0)
        effect, worth = np.where(value > worth, mine, effect), np.maximum(value, worth)
    pays = worth > 0
    metric = measured_as(objective)
    mean, sd = baseline(data, metric)
    scale = objective.days / OUTCOME_DAYS
    lift = float(effect[pays].mean()) * _per_margin(data, scores, metric) if pays.any() else 0.0
    return Expected(people=int(pays.sum()) or len(where), lift=max(lift, 0.0), mean=mean * scale, sd=sd * scale**0.5)


def _per_margin(data: Data, scores: Scores, metric: str) -> float:
    """How much of a metric goes with one unit of extra margin, by what people do without a contact; nothing where that is unknown."""
    margin, usual = baseline(data, "margin")[0], baseline(data, metric)[0]
    return 1.0 if metric == "margin" else usual / margin if margin > 0 else 0.0
