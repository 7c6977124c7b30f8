"""How far a person's effect is off the average, by a candidate that is not the ridge: calibrated, with errors and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liftwright.domain.evidence import Reason
from liftwright.scoring.design import Floats, Scale
from liftwright.scoring.uplift.chance import Chance
from liftwright.scoring.uplift.segments import Segments
from liftwright.scoring.uplift.trees import Trees

Scorer = Segments | Trees | Chance
KINDS: Mapping[str, type[Segments] | type[Trees] | type[Chance]] = {
    "segments": Segments, "S": Trees, "X": Trees, "DR": Trees, "propensity": Chance
}  # fmt: skip


@dataclass(frozen=True)
class Deviation:
    """`scorer` less its mean `centre` (actions,) times the calibration `slope`. `share`: how often each action was tried."""

    learner: str
    scorer: Scorer
    centre: Floats
    share: Floats
    slope: float
    slope_error: float

    def of(self, z: Floats, columns: Sequence[int | None]) -> tuple[Floats, Floats]:
        """(rows, columns) differences to the average effect and their standard errors; None stands for an action never tried."""
        score = self.scorer.score(z) - self.centre
        error = self.scorer.error(z) if isinstance(self.scorer, Segments) else np.abs(score) * self.slope_error
        picked = [self._column(each, columns) for each in (self.slope * score, error)]
        return picked[0], picked[1]

    def _column(self, values: Floats, columns: Sequence[int | None]) -> Floats:
        found = [values @ self.share if column is None else values[:, column] for column in columns]
        return np.stack(found, axis=1) if found else np.zeros((len(values), 0))

    def reasons(self, z: Floats, column: int, *, row: Mapping[str, float], scale: Scale, unit: str) -> list[Reason]:
        """Of one person: the group, or the three features that matter most; what is left over comes last, so that all add up."""
        if isinstance(self.scorer, Segments):
            return self.scorer.reasons(z, column, scale=scale, unit=unit)
        told = strongest(self.slope * self.scorer.contributions(z, column), row=row, scale=scale, unit=unit)
        rest = float(self.of(z, [column])[0][0, 0]) - sum(reason.effect for reason in told)
        return [*told, Reason(feature="everything else", effect=rest, says=f"everything else together changes it by {rest:+.4f}")]

    def as_json(self) -> dict[str, Any]:
        """Plain values and LightGBM texts."""
        return {
            "learner": self.learner,
            "scorer": self.scorer.as_json(),
            "centre": self.centre.tolist(),
            "share": self.share.tolist(),
            "slope": self.slope,
            "slope_error": self.slope_error,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Deviation:
        return cls(
            learner=data["learner"],
            scorer=KINDS[data["learner"]].from_json(data["scorer"]),
            centre=np.array(data["centre"]),
            share=np.array(data["share"]),
            slope=float(data["slope"]),
            slope_error=float(data["slope_error"]),
        )


def strongest(parts: Floats, *, row: Mapping[str, float], scale: Scale, unit: str) -> list[Reason]:
    """The three features with the largest parts (features,) in the effect on the person of `row`, in words."""
    order = sorted(range(len(parts)), key=lambda j: (-abs(parts[j]), scale.names[j]))[:3]
    found = []
    for name, effect in ((scale.names[j], float(parts[j])) for j in order if parts[j] != 0.0):
        usual = scale.mean_of(name)
        turn = "raises" if effect > 0 else "lowers"
        is_ = f"{name.replace('_', ' ')} is {float(row.get(name, usual)):,.4g} (usual {usual:,.4g})"
        found.append(
            Reason(feature=name, effect=effect, says=f"{is_}, which {turn} the expected extra {unit} by {abs(effect):.4f}")
        )
    return found
