"""Before another policy, model or prompt goes live: what it would have brought in past campaigns, judged by their logged choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from liftwright.domain.errors import DataError, LiftwrightError
from liftwright.flow import logged, text_values
from liftwright.flow.asking import finished
from liftwright.flow.challengers import Challenger, choose, learned_from
from liftwright.flow.logged import Logged
from liftwright.measurement import off_policy
from liftwright.ports import Deps

Floats = npt.NDArray[np.float64]
DELTA = 0.05
"""A challenger may lose at most this share of the logged margin per person, surely, to go live."""
SLOPES = (0.8, 1.25)
"""What the calibration slope of a challenger's chances to buy must lie in."""
LEAST_JUDGED = 0.5
"""Least share of the people it would treat differently whom the log can judge."""
DIFFERENT = 0.05
"""From this difference in chances on, a person is treated differently."""
PARTS = ("reward", "chance", "target", "expected_chosen", "expected_target")


@dataclass(frozen=True)
class Seen:
    """The people of one campaign whom the log can judge: reward, chance and target of what was chosen, and what a model expects."""

    reward: Floats
    chance: Floats
    target: Floats
    expected_chosen: Floats
    expected_target: Floats
    people: int
    differing: int
    judged: int


def prove(
    challenger: Challenger, campaigns: Sequence[str] = (), *, deps: Deps, among: Sequence[str] | None = None
) -> dict[str, Any]:
    """Judge a challenger by these past campaigns, or by every one that is over (of those `among`, if given) and can be used.

    `{"challenger", "verdict": "promote" | "keep" | "worse" | "refused", "says", "campaigns": [{"campaign_id", "people", "differing", "judged",
    "because", "texts": [what each text would have brought alone]}], "gain", "always_valid", "logged", "effective", "max_weight", "calibration_slope"}`; money per person, major units.
    promote: its gain is above 0 and its always-valid interval above what may be lost (DELTA), with calibrated chances. worse: surely worse.
    Raises LiftwrightError where a campaign that was named cannot judge it.
    """
    over = [each.campaign_id for each in deps.campaigns.all() if each.status in ("finished", "stopped")]
    wanted = list(campaigns) or [each for each in over if among is None or each in among]
    told, seen, slopes = [], [], []
    for campaign_id in sorted(wanted):
        row = {"campaign_id": campaign_id, "people": 0, "differing": 0, "judged": 0, "because": "", "texts": []}
        try:
            found, slope, texts = _judged(challenger, campaign_id, deps)
        except LiftwrightError as error:
            if campaigns:
                raise
            told.append(row | {"because": error.says})
            continue
        seen.append(found)
        slopes += [] if slope is None else [slope]
        told.append(row | {"people": found.people, "differing": found.differing, "judged": found.judged, "texts": texts})
    result, slope = pooled(seen), float(np.mean(slopes)) if slopes else None
    verdict, says = ruled(result, slope)
    shown = {name: getattr(result, name) for name in ("decisions", "logged", "effective", "max_weight")}
    intervals = {name: getattr(result, name) for name in ("snips", "doubly_robust", "gain", "always_valid")}
    shown |= {name: None if each is None else each.model_dump() for name, each in intervals.items()}
    return {
        "challenger": challenger.says,
        "verdict": verdict,
        "says": says,
        **shown,
        "calibration_slope": slope,
        "campaigns": told,
    }


def judge(log: Logged, target: Floats, supported: npt.NDArray[np.bool_]) -> Seen:
    """The judged people of one campaign under another policy's chances (people, actions)."""
    rows = np.arange(len(log.people))
    expected = off_policy.cross_fitted(log.features, log.chosen, log.reward, actions=len(log.actions))
    differs = np.abs(target - log.chance).sum(axis=1) / 2.0 > DIFFERENT
    return Seen(
        reward=log.reward[supported],
        chance=log.propensities[supported],
        target=target[rows, log.chosen][supported],
        expected_chosen=expected[rows, log.chosen][supported],
        expected_target=(target * expected).sum(axis=1)[supported],
        people=len(log.people),
        differing=int(differs.sum()),
        judged=int((differs & supported).sum()),
    )


def pooled(seen: Sequence[Seen]) -> off_policy.Evaluation:
    """One evaluation over the judged people of all campaigns; refused where they are too few of those treated differently."""
    if not seen:
        return off_policy.Evaluation(0, 0.0, refusal="no campaign can judge it")
    differing, judged = sum(each.differing for each in seen), sum(each.judged for each in seen)
    if not differing:
        return off_policy.Evaluation(
            sum(each.people for each in seen),
            0.0,
            refusal="it would have chosen the same for everybody, so there is nothing to prove",
        )
    if judged < LEAST_JUDGED * differing:
        says = f"of {differing:,} people it would have treated differently the log can judge {judged:,}; {LEAST_JUDGED:.0%} are needed"
        return off_policy.Evaluation(sum(each.people for each in seen), 0.0, refusal=says)
    parts = {name: np.concatenate([getattr(each, name) for each in seen]) for name in PARTS}
    return off_policy.evaluate(
        parts["reward"],
        propensities=parts["chance"],
        target=parts["target"],
        expected_chosen=parts["expected_chosen"],
        expected_target=parts["expected_target"],
    )


def ruled(found: off_policy.Evaluation, slope: float | None) -> tuple[str, str]:
    """The verdict and its sentence."""
    if found.gain is None or found.always_valid is None:
        return "refused", f"Nothing can be said: {found.refusal}."
    gain, sure = found.gain, found.always_valid
    numbers = f"{gain.mid:+.3f} per person ({sure.low:+.3f} to {sure.high:+.3f}, however often one looks)"
    if sure.high < 0.0:
        return "worse", f"It would surely have brought less: {numbers}."
    if not (sure.low > -DELTA * abs(found.logged) and gain.mid > 0.0):
        return "keep", f"It is not shown to be at least as good: {numbers}."
    if slope is None or not SLOPES[0] <= slope <= SLOPES[1]:
        words = "not known" if slope is None else f"{slope:.2f}"
        return "keep", f"It would have brought {numbers}, but the calibration slope of its chances is {words}."
    return "promote", f"It would have brought {numbers}, and its chances are calibrated (slope {slope:.2f})."


def _judged(challenger: Challenger, campaign_id: str, deps: Deps) -> tuple[Seen, float | None, list[dict[str, Any]]]:
    log = logged.of(campaign_id, deps=deps)
    problem = learned_from(challenger, log.plan, deps=deps)
    if problem:
        raise DataError("PROVE-LEARNED", f"{problem[0].upper()}{problem[1:]}.", next_step="Judge it by a later campaign.")
    chosen = finished(choose(challenger, log.plan, deps=deps))
    target, supported = log.policy(chosen.candidates)
    chance = dict(zip(chosen.bench.data.ids.tolist(), chosen.bench.scored.buy_chance.tolist(), strict=True))
    held, bought = logged.holdout(log.plan, deps=deps)
    known = [person in chance for person in held]
    slope = off_policy.calibration_slope([chance[person] for person in held if person in chance], bought[known])
    return judge(log, target, supported), slope, text_values.values(log.plan, deps=deps)
