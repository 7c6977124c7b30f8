"""The chance of an order within a window, calibrated. No claim of cause: who is likely to buy, not whom a contact moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import ModelCard, Reason
from liftwright.scoring import card as cards
from liftwright.scoring import classifier, explain
from liftwright.scoring.design import Floats


@dataclass(frozen=True)
class PropensityModel:
    """`chance` of an order per person, from a calibrated classifier."""

    model: classifier.Classifier
    data: dict[str, float]

    @property
    def kind(self) -> str:
        """Logistic or trees, whichever was better out of fold."""
        return self.model.kind

    @property
    def quality(self) -> dict[str, Any]:
        """Of cross-fitted scores."""
        return self.model.quality

    @cached_property
    def version(self) -> str:
        """Digest of the parameters."""
        return cards.version("propensity", self.parameters())

    def chance(self, features: pa.Table) -> Floats:
        """Calibrated chance of an order per row, between 0 and 1."""
        return self.model.chance(features)

    def reasons(self, features: pa.Table, *, count: int = 3) -> tuple[npt.NDArray[np.object_], Floats]:
        """(rows, count) the features that move each person's chance most, and by how much log-odds before calibration."""
        places, effects = explain.top(self.model.contributions(features), count=count)
        return np.array(self.model.names, dtype=object)[places], effects

    def why(self, features_row: Mapping[str, float]) -> list[Reason]:
        """The three features that move this person's chance most, in log-odds before calibration."""
        row = {name: float(features_row.get(name, self.model.usual(name))) for name in self.model.names}
        names, effects = self.reasons(pa.table({name: [value] for name, value in row.items()}))
        return [
            self._reason(name, float(effect), row[name])
            for name, effect in zip(names[0], effects[0], strict=True)
            if effect != 0.0
        ]

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back an equal model."""
        return {**self.model.parameters(), "data": self.data}

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        return cards.card_of(
            "propensity",
            self.version,
            optimises=f"the chance of an order within the outcome window ({self.kind}, calibrated);"
            " it says nothing about what a contact changes",
            data=self.data,
            quality=self.quality,
            breaks_when=(
                "it is read as uplift: likely buyers mostly buy anyway",
                "a feature was filled after the outcome it is to predict",
                "the base rate moves, for example by season or price",
            ),
        )

    def _reason(self, name: str, effect: float, value: float) -> Reason:
        usual, turn = self.model.usual(name), "raises" if effect > 0 else "lowers"
        says = f"{name.replace('_', ' ')} is {value:,.4g} (usual {usual:,.4g}), which {turn} the chance of an order"
        return Reason(feature=name, effect=effect, says=says)


def from_parameters(parameters: Mapping[str, Any]) -> PropensityModel:
    """The model whose `parameters()` these are."""
    return PropensityModel(model=classifier.from_parameters(parameters), data=dict(parameters["data"]))


def fit(features: pa.Table, bought: npt.NDArray[Any], *, seed: int) -> PropensityModel:
    """Fit on features as of the start of a window and on whether each row bought within it.

    Raises DataError with fewer than 10 buyers or 10 others. Same input and seed, same model.
    """
    bought = np.asarray(bought, dtype=bool)
    buyers = int(bought.sum())
    if min(buyers, len(bought) - buyers) < classifier.FEWEST:
        raise DataError(
            "PROPENSITY-FEW",
            f"{buyers} of {len(bought)} people bought; a chance to buy cannot be learned from that.",
            next_step="Import more events, or plan without a propensity.",
        )
    names = [name for name in features.column_names if name != "customer_id"]
    ids = features["customer_id"].to_pylist() if "customer_id" in features.column_names else [str(i) for i in range(len(bought))]
    model = classifier.fit(features, bought, names=names, ids=ids, seed=seed)
    return PropensityModel(model=model, data={"rows": len(bought), "buyers": buyers})
