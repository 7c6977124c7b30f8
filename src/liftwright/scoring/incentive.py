"""Who needs an offer to buy: the chance without one, and the extra orders it brings, from past tests that drew offers at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import norm

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import ModelCard
from liftwright.scoring import card as cards
from liftwright.scoring import classifier, uplift
from liftwright.scoring.design import CONTROL, Floats

FEWEST = 200
"""Contacts with and without an offer, each, below which nothing is known."""
SURE = 0.9
"""How sure "needs" and "buys anyway" have to be (one-sided)."""
_CHANNEL = "contact_is_"
WORTH_HAVING = 0.01
"""Extra orders per contact below which an offer changes nothing that matters."""


@dataclass(frozen=True)
class IncentiveModel:
    """`plain`: chance to buy when contacted without an offer. `extra`: orders that each channel:offer adds to such a contact."""

    plain: classifier.Classifier
    extra: uplift.UpliftModel
    data: dict[str, Any]

    @cached_property
    def version(self) -> str:
        """Digest of the parameters."""
        return cards.version("incentive", self.parameters())

    def needs(self, features: pa.Table, action: str) -> pa.Table:
        """Per person: chance_without, extra_orders, its standard error, and need ("needs", "buys anyway", "unknown") for a channel:offer.

        "needs": the offer adds orders with 90 % certainty. "buys anyway": with 90 % certainty it adds less than one in a hundred.
        """
        known = action in self.extra.layout.actions
        placed = self._on_channel(features, action.partition(":")[0])
        extra = self.extra.effects(placed, [action])[:, 0]
        error = self.extra.standard_errors(placed, [action])[:, 0]
        z = float(norm.ppf(SURE))
        need = np.full(features.num_rows, "unknown", dtype=object)
        if known:
            need[extra + z * error < WORTH_HAVING] = "buys anyway"
            need[extra - z * error > 0.0] = "needs"
        unknown = np.full(features.num_rows, np.nan)
        return pa.table(
            {
                "chance_without": self.plain.chance(features),
                "extra_orders": pa.array(extra if known else unknown, from_pandas=True),
                "standard_error": pa.array(error if known else unknown, from_pandas=True),
                "need": pa.array(need.tolist(), pa.string()),
            }
        )

    def _on_channel(self, features: pa.Table, channel: str) -> pa.Table:
        for name in self.extra.scale.names:
            if name.startswith(_CHANNEL):
                value = float(name == _CHANNEL + channel)
                features = features.append_column(name, pa.array(np.full(features.num_rows, value)))
        return features

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back an equal model."""
        return {"plain": self.plain.parameters(), "extra": self.extra.parameters(), "data": self.data}

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        plain = {f"chance_without_{name}": value for name, value in self.plain.quality.items()}
        return cards.card_of(
            "incentive",
            self.version,
            optimises="orders that an offer adds to a contact that would have been made anyway",
            data=self.data,
            quality={**plain, "ranking": self.extra.ranking, "extra_orders": self.data["average_extra_orders"]},
            breaks_when=(
                "offers were given to chosen people and not drawn at random",
                "an offer is deeper than those of the past tests, or on another channel",
                "people have learned to wait for offers",
            ),
        )


def from_parameters(parameters: Mapping[str, Any]) -> IncentiveModel:
    """The model whose `parameters()` these are."""
    return IncentiveModel(
        plain=classifier.from_parameters(parameters["plain"]),
        extra=uplift.from_parameters(parameters["extra"]),
        data=dict(parameters["data"]),
    )


def fit(rows: pa.Table | None, *, feature_names: Sequence[str], seed: int) -> IncentiveModel:
    """Fit on `history.training_rows`. Raises DataError INCENTIVE-UNKNOWN without enough randomised contacts with and without an offer.

    Only offers are compared whose channel was also used without one. The control is a contact without offer, on any channel; the
    channel itself is a feature, so that a channel's own effect is not taken for that of its offers.
    """
    contacts = _contacts(rows) if rows is not None else None
    if contacts is None or min(_split(contacts)) < FEWEST:
        says = (
            "no past test drew offers at random" if contacts is None else "too few contacts were drawn with or without an offer"
        )
        raise DataError(
            "INCENTIVE-UNKNOWN",
            f"Who needs an offer is not known: {says}.",
            next_step="Run a test in which a share of the contacts carries no offer.",
        )
    names = [*feature_names, *(name for name in contacts.column_names if name.startswith(_CHANNEL))]
    extra = uplift.fit(contacts, outcome="orders", feature_names=names, seed=seed)
    plain = contacts.filter(pc.equal(contacts["action"], CONTROL))
    bought = np.asarray(plain["y_orders"].to_numpy(), dtype=np.float64) > 0
    chance = classifier.fit(plain, bought, names=list(feature_names), ids=plain["customer_id"].to_pylist(), seed=seed)
    errors = extra.average_errors(extra.layout.actions).tolist()
    averages = {a: {"mid": extra.average(a), "standard_error": e} for a, e in zip(extra.layout.actions, errors, strict=True)}
    return IncentiveModel(
        plain=chance,
        extra=extra,
        data={
            "contacts_without": plain.num_rows,
            "contacts_with": contacts.num_rows - plain.num_rows,
            "average_extra_orders": averages,
        },
    )


def _contacts(rows: pa.Table) -> pa.Table | None:
    """Contacts only; the action of one without offer becomes the control, its propensity that given a contact on the same day."""
    actions = np.asarray(rows["action"].to_pylist(), dtype=object)
    orders = np.asarray(rows["y_orders"].to_numpy(zero_copy_only=False), dtype=np.float64)
    channel = np.array([str(action).partition(":")[0] for action in actions], dtype=object)
    is_plain = np.array([str(action).partition(":")[2] in ("", "none") for action in actions]) & (actions != CONTROL)
    both = {str(c) for c in set(channel[is_plain])} & {str(c) for c in set(channel[~is_plain & (actions != CONTROL)])}
    kept = np.isin(channel, sorted(both)) & (actions != CONTROL) & np.isfinite(orders)
    if not kept.any():
        return None
    share = _contact_share(rows["at"].to_numpy().astype("datetime64[D]").astype(np.int64), actions)
    propensity = np.minimum(np.asarray(rows["propensity"].to_numpy(), dtype=np.float64) / share, 1.0)
    rows = rows.set_column(rows.column_names.index("propensity"), "propensity", pa.array(propensity))
    names = pa.array(np.where(is_plain, CONTROL, actions).tolist(), pa.string())
    rows = rows.set_column(rows.column_names.index("action"), "action", names)
    for each in sorted(both):
        rows = rows.append_column(_CHANNEL + each, pa.array((channel == each).astype(np.float64)))
    return rows.filter(pa.array(kept)).combine_chunks()


def _contact_share(day: Any, actions: Any) -> Floats:
    """Share of each row's day that was contacted."""
    _, wave = np.unique(day, return_inverse=True)
    treated = np.bincount(wave, weights=(actions != CONTROL).astype(np.float64))
    return np.asarray(treated[wave] / np.bincount(wave)[wave]).clip(1e-9)


def _split(contacts: pa.Table) -> tuple[int, int]:
    plain = int(pc.sum(pc.equal(contacts["action"], CONTROL)).as_py() or 0)
    return plain, contacts.num_rows - plain
