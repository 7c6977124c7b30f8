"""What a contact is expected to change, per person and action: the fitted models of one run and their versions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.agents.bench import experience, watched
from liftwright.agents.bench.data import OUTCOME_DAYS, Data
from liftwright.agents.bench.experience import NAME, Experience, Memory
from liftwright.audience.quality import leakage
from liftwright.domain.errors import DataError
from liftwright.scoring import answers, history, propensity, uplift
from liftwright.scoring import card as cards

Floats = npt.NDArray[np.float64]
UNTESTED_SHARE = 0.05
"""Without a randomised history: the assumed extra share of a person's buying chance that a contact adds. Stated in every such plan."""
FEWEST_BUYERS = 50
"""With fewer buyers in the last window the past rate is used for everybody."""
LADDER = ("orders", "margin", "visits")
"""Outcomes to rank people by, the least noisy one that is made of margin first; each is then valued in margin."""


@dataclass(frozen=True)
class Effects:
    """Expected extra margin per person and action of a first touch over the outcome window, major units, with standard errors.

    `ranked_by` is the outcome whose ranking is used, "" when nothing can rank people and everybody has the average effect.
    """

    values: Floats
    errors: Floats
    average_errors: Floats
    ranked_by: str
    is_tested: bool


class Scores:
    """Uplift where there is randomised history, else a calibrated propensity with a stated assumption.

    `pins`: the model ids of a plan that is computed again; then exactly these versions are used, and no other model. Without pins, a
    model that was switched off is not used. `learns` False: as if no campaign had ever run; nothing is kept in the registry then.
    """

    def __init__(self, data: Data, *, pins: Sequence[str] | None = None, learns: bool = True) -> None:
        self.data = data
        self.experience = Experience(data)
        self._pins = None if pins is None else dict(map(_named, pins))
        self._learns = learns
        self._used: dict[str, str] = {}

    @cached_property
    def effects(self) -> Effects:
        """Effects in the order of `data.ids` and `data.actions`; without any model where a feature contract is broken.

        What campaigns taught scales the effects that are expected to help; those that are expected to harm stay.
        """
        is_measured = "margin" in self.outcomes and not self._is_off("uplift") and not self.data.contract_findings
        found = self._measured() if is_measured else self._assumed()
        if self.memory is None or not self.memory.realised.factors:
            return found
        factor = np.where(found.values > 0.0, self.memory.factors(self.data.segments, self.data.actions), 1.0)
        return replace(found, values=found.values * factor, errors=found.errors * factor)

    @cached_property
    def memory(self) -> Memory | None:
        """What closed campaigns taught; None before the first, when it is switched off, and for a cold start."""
        if not self._learns or self._is_off(NAME) or (self._pins is None and not self.experience.digest):
            return None
        found: Memory = self._kept(NAME, read=experience.from_parameters, fit=self.experience.learn)
        return found

    @cached_property
    def cold_start(self) -> Scores:
        """The same without anything that campaigns taught."""
        return Scores(self.data, learns=False)

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes of LADDER that the randomised history knows of enough people; none without one."""
        rows = self.data.rows
        return () if rows is None else tuple(outcome for outcome in LADDER if uplift.is_recorded(rows, outcome))

    @cached_property
    def buy_chance(self) -> Floats:
        """Chance of an order within the outcome window without any contact, per person."""
        model = self.chance_model
        return np.asarray(model.chance(self.data.features), dtype=np.float64) if model is not None else self._past_rate()

    @cached_property
    def order_revenue(self) -> Floats:
        """Expected amount of an order per person: their own average shrunk to everybody's, major units."""
        value, orders = self.data.feature("value_365"), self.data.feature("orders_365")
        overall = float(value.sum() / orders.sum()) if orders.sum() > 0 else self._history_order()
        return np.asarray((value + 3.0 * overall) / (orders + 3.0), dtype=np.float64)

    @cached_property
    def redeemed(self) -> dict[str, float]:
        """By offer, the share of orders within the window that get its discount; 1 where the history does not tell."""
        discounts = {offer.name: offer.discount for offer in self.data.offers if offer.discount > 0}
        rows, rate = self.data.rows, self.data.deps.settings.margin.rate
        return dict.fromkeys(discounts, 1.0) if rows is None else history.redeemed(rows, discounts, margin_rate=rate)

    @property
    def versions(self) -> tuple[str, ...]:
        """Ids (NAME@VERSION) of every model a plan of this run stands on."""
        _ = self.effects, self.buy_chance
        return tuple(sorted(self._used.values()))

    def model(self, outcome: str) -> Any:
        """The uplift model for an outcome, looked for first along how people answer."""
        known = self.answers

        def fit() -> uplift.UpliftModel:
            more = known.columns if known is not None else ()
            names = (*self.feature_names, *more)
            return uplift.fit(self._rows_answered, outcome=outcome, feature_names=names, seed=self.data.seed, leading=more)

        return self._kept(f"uplift_{outcome}", read=uplift.from_parameters, fit=fit)

    @cached_property
    def answers(self) -> answers.Answers | None:
        """The model of how people answer; None when it is switched off or there is no randomised history."""
        rows = self.data.rows
        if rows is None or self._is_off("answers"):
            return None
        found: answers.Answers = self._kept(
            "answers",
            read=answers.from_parameters,
            fit=lambda: answers.fit(rows, feature_names=self.feature_names, seed=self.data.seed, touches=self._touches()),
        )
        return found

    def _touches(self) -> pa.Table | None:
        return None if self.memory is None else self.experience.touches

    @cached_property
    def _rows_answered(self) -> pa.Table:
        """The past opportunities with the chances of answers."""
        assert self.data.rows is not None
        return self.data.rows if self.answers is None else self.answers.extend(self.data.rows)

    @cached_property
    def features(self) -> pa.Table:
        """The features of everybody now with the chances of their answers: what uplift models see."""
        return self.data.features if self.answers is None else self.answers.extend(self.data.features)

    def _kept(self, name: str, *, read: Callable[[Any], Any], fit: Callable[[], Any]) -> Any:
        """The pinned version of a model; else the current one if it was fitted on this run's data today; else a new one, which is kept.

        Raises DataError when the pinned version is not in the registry.
        """
        if not self._learns:
            return fit()
        models, pinned = self.data.deps.models, (self._pins or {}).get(name)
        stored = models.load(name, pinned)
        if stored is None and pinned is not None:
            raise DataError(
                "MODEL-GONE",
                f"The plan was made with {name}@{pinned}, which is not in the registry.",
                next_step="Restore the database it was made in, or plan again.",
            )
        key = self._key(name)
        if stored is not None and (pinned is not None or stored[1].get("fitted_on") == key):
            self._used[name] = stored[0].model_id
            return read(stored[1]["model"])
        fitted = fit()
        parameters = {"fitted_on": key, "model": fitted.parameters()}
        if watched.is_watched(name):
            features = self.features if name.startswith("uplift") else self.data.features
            parameters |= watched.remembered(watched.seen(name, fitted, self.data, features=features))
        version = models.save(cards.dated(fitted.card(), at=self.data.as_of), parameters, now=self.data.as_of)
        self._used[name] = f"{name}@{version}"
        return fitted

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the feature columns."""
        return tuple(name for name in self.data.features.column_names if name != "customer_id")

    def _is_off(self, model: str) -> bool:
        if self._pins is not None:
            return not any(name.startswith(model) for name in self._pins)
        return any(card.model.startswith(model) and not card.is_used for card in self.data.deps.models.cards())

    def _key(self, name: str) -> str:
        data, learnt = self.data, "" if self._is_off(NAME) else self.experience.digest
        parts = f"{name}|{data.snapshot.snapshot_id}|{data.as_of.date().isoformat()}|{data.seed}|{data.deps.settings.digest}"
        return hashlib.sha256((f"{parts}|{learnt}" if learnt else parts).encode()).hexdigest()

    def _measured(self) -> Effects:
        margin = self.model("margin")
        average = np.asarray(margin.average_errors(self.data.actions), dtype=np.float64)
        for outcome in self.outcomes:
            model = margin if outcome == "margin" else self.model(outcome)
            if model.ranking == "found":
                values, errors = self._valued(model, margin)
                return Effects(values, errors, average, outcome, True)
        values, errors = self._valued(margin, margin)
        return Effects(values, errors, average, "", True)

    def _valued(self, model: Any, margin: Any) -> tuple[Floats, Floats]:
        """Effects of a model in margin, major units: orders at what an order of this person earns, visits at what all actions earned per visit."""
        actions = self.data.actions
        values, errors = model.predict(self.features, actions)
        if model.outcome == "margin":
            return values, errors
        if model.outcome == "orders":
            return self._orders_valued(values, errors)
        extra = sum(model.average(action) for action in actions)
        rate = max(sum(margin.average(action) for action in actions), 0.0) / extra if extra > 1e-12 else 0.0
        return values * rate, errors * rate

    def _orders_valued(self, values: Floats, errors: Floats) -> tuple[Floats, Floats]:
        """Extra orders earn rate less discount; orders that would have come anyway lose the discount where they redeem it."""
        discounts = {offer.name: offer.discount for offer in self.data.offers}
        offers = [action.partition(":")[2] for action in self.data.actions]
        given = np.array([discounts.get(offer, 0.0) for offer in offers])
        earns = self.order_revenue[:, None] * (self.data.deps.settings.margin.rate - given)[None, :]
        lost = given * np.array([self.redeemed.get(offer, 1.0) for offer in offers])
        subsidy = (self.buy_chance * self.order_revenue)[:, None] * lost[None, :]
        return values * earns - subsidy, errors * np.abs(earns)

    def _assumed(self) -> Effects:
        worth = self.buy_chance * self.order_revenue * self.data.deps.settings.margin.rate * UNTESTED_SHARE
        values = np.repeat(worth[:, None], len(self.data.actions), axis=1)
        errors = values.copy()
        return Effects(values, errors, errors.mean(axis=0), "", False)

    @cached_property
    def trained_chance(self) -> propensity.PropensityModel | None:
        """The model of the chance to buy, from the registry when this run's data has been fitted before; None without enough buyers."""
        if not self.can_learn_chance:
            return None
        start = self.data.as_of - timedelta(days=OUTCOME_DAYS)
        found: propensity.PropensityModel = self._kept(
            "propensity",
            read=propensity.from_parameters,
            fit=lambda: propensity.fit(
                self._without_leaks(self.data.features_at(start), self._bought), self._bought, seed=self.data.seed
            ),
        )
        return found

    @property
    def can_learn_chance(self) -> bool:
        """Whether enough people bought in the last window."""
        return self.data.tables.get("events") is not None and int(self._bought.sum()) >= FEWEST_BUYERS

    def _without_leaks(self, features: pa.Table, bought: npt.NDArray[np.bool_]) -> pa.Table:
        """The features without columns of the customer file that know the outcome: the file is of today, the outcome of before."""
        own = [name for name in features.column_names[1:] if name.partition("_is_")[0] in self.data.people.column_names]
        return features.drop_columns([leak.column for leak in leakage.find(features.select(own), bought)])

    @cached_property
    def _bought(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.data.recent_outcomes["orders"].to_numpy()) > 0

    @cached_property
    def chance_model(self) -> propensity.PropensityModel | None:
        """The model of the chance to buy in use; None when it is switched off or its features cannot be trusted."""
        return None if self._is_off("propensity") or self.data.contract_findings else self.trained_chance

    def _past_rate(self) -> Floats:
        rows = self.data.rows
        if rows is not None:
            control = np.asarray(rows["action"].to_pylist(), dtype=object) == "control"
            orders = np.asarray(rows["y_orders"].to_numpy(zero_copy_only=False), dtype=np.float64)[control]
            rate = float(np.nanmean(orders > 0)) if len(orders) else 0.0
        else:
            rate = 0.0
        return np.full(len(self.data.ids), rate)

    def _history_order(self) -> float:
        rows = self.data.rows
        if rows is None:
            return 0.0
        revenue = np.nansum(np.asarray(rows["y_revenue"].to_numpy(zero_copy_only=False), dtype=np.float64))
        orders = np.nansum(np.asarray(rows["y_orders"].to_numpy(zero_copy_only=False), dtype=np.float64))
        return float(revenue / orders) if orders > 0 else 0.0


def _named(pin: str) -> tuple[str, str | None]:
    """Name and version of a model id; ids of early plans (NAME:DIGEST) name no version of the registry."""
    name, _, version = pin.partition("@")
    return name.partition(":")[0], version or None
