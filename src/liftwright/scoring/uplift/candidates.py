"""The candidates, from the simplest on: their cross-fitted scores, and the one that was chosen learned on all rows."""

from __future__ import annotations

from collections.abc import Callable

from liftwright.scoring.design import Floats, Layout
from liftwright.scoring.uplift import chance, choice, segments, trees
from liftwright.scoring.uplift.deviation import Deviation, Scorer
from liftwright.scoring.uplift.sample import Sample, Scores, cross_fit

SAYS = {
    "segments": "average effects of a few groups of people found in the data",
    "ridge": "a linear model of the effect that lets rarely tried actions borrow from their channel and offer",
    "S": "boosted trees of the outcome that see the action",
    "X": "boosted trees of imputed effects",
    "DR": "boosted trees of doubly robust effects",
    "propensity": "the expected outcome, whatever is done: a ranking, not an effect",
}
"""From the simplest on. Propensity comes last: it is simple, but it is no effect, so it has to be clearly better to be taken."""


def cross_fitted(data: Sample, layout: Layout, *, ridge: Scores, psi: Floats, is_weighed: bool = False) -> dict[str, Scores]:
    """Scores of every candidate that the rows justify, each fold's learned from the others, the simplest first.

    With many actions the ridge comes first: people are judged within an action, and only the ridge is made to compare actions. So it
    does where it alone has seen outcomes weighed by their delay (`is_weighed`).
    """

    def groups(fold: int) -> Callable[[Floats], Floats]:
        others = data.fold != fold
        return segments.learn(levels.where(others), psi[others], data.tried[others], data.share).score

    levels = segments.Levels.cut(data.z)
    found = {
        "segments": cross_fit(data, groups),
        "ridge": ridge,
        "propensity": chance.cross_fitted(data),
        **trees.cross_fitted(data, layout),
    }
    first = ("ridge",) if is_weighed or data.actions > trees.MOST_ACTIONS else ()
    return {name: found[name] for name in dict.fromkeys((*first, *SAYS)) if name in found}


def deviation(name: str, data: Sample, layout: Layout, *, psi: Floats, scores: Scores) -> Deviation:
    """A candidate other than the ridge learned on all rows; trees and propensity are as large as their cross-fitted scores were true."""
    scorer: Scorer
    slope, error = choice.calibration(data, psi, scores.held_out)
    if name == "segments":
        scorer, slope, error = segments.learn(segments.Levels.cut(data.z), psi, data.tried, data.share), 1.0, 0.0
    elif name == "propensity":
        scorer = chance.learn(data)
    else:
        scorer = trees.learn(name, data, layout)
    centre = scorer.score(data.z).mean(axis=0)
    return Deviation(name, scorer, centre, data.share, slope, error)
