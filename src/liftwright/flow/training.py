"""Training of the scoring models on the newest data: when a person asks, and at night when there is a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from liftwright.agents.bench import Bench, watched
from liftwright.audience.quality import leakage
from liftwright.domain.errors import ConfigError, DataError
from liftwright.domain.evidence import ModelCard
from liftwright.flow import current, seen
from liftwright.ports import Deps
from liftwright.scoring import affinity, drift, incentive, lead, lifetime, send_time
from liftwright.scoring import card as cards


def train(model: str | None = None, *, deps: Deps) -> list[dict[str, Any]]:
    """Train one model, or all that the data allows: `{"model", "version", "trained", "because"}` each.

    A model that a person switched off stays off; one that the watch blocked is used again, because what it learned is of today. Raises
    ConfigError for an unknown name, and DataError when the one model asked for cannot be learned from the data.
    """
    if model is not None and model not in TRAINERS:
        raise ConfigError("MODEL-UNKNOWN", f"There is no model '{model}'.", next_step=f"Train one of: {', '.join(TRAINERS)}.")
    done: list[dict[str, Any]] = []
    for name in TRAINERS if model is None else (model,):
        deps.progress("training", name)
        try:
            made = _trained(name, deps)
        except DataError as error:
            if model is not None:
                raise
            done.append({"model": name, "version": None, "trained": False, "because": error.says})
            continue
        for card, version in made:
            deps.journal.append(
                at=deps.now(), actor="liftwright", action="model.trained", subject=card.model, detail={"version": version}
            )
            done.append({"model": card.model, "version": version, "trained": True, "because": ""})
    return done


def train_due(reasons: Mapping[str, str], *, deps: Deps) -> list[dict[str, Any]]:
    """Train the models that are due, by name of the trainer; what cannot be learned is said and left as it is.

    `because` is the reason for the training, or why it did not succeed.
    """
    done: list[dict[str, Any]] = []
    for name, reason in reasons.items():
        try:
            done += [{**each, "because": reason} for each in train(name, deps=deps)]
        except DataError as error:
            done.append({"model": name, "version": None, "trained": False, "because": error.says})
    return done


def _trained(name: str, deps: Deps) -> list[tuple[ModelCard, str]]:
    """Blocked models of this trainer are let go first, for they may be needed to train; on failure they are blocked again."""
    blocked = [card.model for card in deps.models.cards() if watched.trainer_of(card.model) == name and card.state == "blocked"]
    for model in blocked:
        deps.models.switch(model, "on", by="liftwright", now=deps.now())
    try:
        return TRAINERS[name](deps)
    except DataError:
        for model in blocked:
            deps.models.switch(model, "blocked", by="liftwright", now=deps.now())
        raise


def _keep(made: Any, view: drift.Seen, deps: Deps) -> list[tuple[ModelCard, str]]:
    card = cards.dated(made.card(), at=deps.now())
    return [(card, deps.models.save(card, {"model": made.parameters(), **watched.remembered(view)}, now=deps.now()))]


def _current(names: tuple[str, ...], deps: Deps) -> list[tuple[ModelCard, str]]:
    """Cards of models that a bench has just fitted and kept."""
    return [(card, card.version) for card in deps.models.cards() if card.model in names]


def _bench(deps: Deps) -> Bench:
    return current.bench(deps)


def _propensity(deps: Deps) -> list[tuple[ModelCard, str]]:
    if _bench(deps).scored.trained_chance is None:
        raise DataError(
            "PROPENSITY-FEW", "Too few people bought in the last two weeks.", next_step="Import more events, then train again."
        )
    return _current(("propensity",), deps)


def _uplift(deps: Deps) -> list[tuple[ModelCard, str]]:
    scored = _bench(deps).scored
    if not scored.outcomes:
        raise DataError("UPLIFT-NONE", "There is no randomised history.", next_step="Import past tests as treatments.")
    for outcome in scored.outcomes:
        scored.model(outcome)
    return _current(tuple(f"uplift_{outcome}" for outcome in scored.outcomes), deps)


def _affinity(deps: Deps) -> list[tuple[ModelCard, str]]:
    return _keep(affinity.fit(seen.contacts(_bench(deps), deps)), seen.of_contacts(deps), deps)


def _lifetime(deps: Deps) -> list[tuple[ModelCard, str]]:
    made = lifetime.fit(seen.past_orders(_bench(deps), deps), as_of=deps.now(), seed=deps.settings.seed)
    return _keep(made, seen.of_orders(made.parameters(), deps), deps)


def _incentive(deps: Deps) -> list[tuple[ModelCard, str]]:
    bench = _bench(deps)
    made = incentive.fit(bench.data.rows, feature_names=bench.scored.feature_names, seed=deps.settings.seed)
    return _keep(made, seen.of_bench("incentive", made.parameters(), deps), deps)


def _lead(deps: Deps) -> list[tuple[ModelCard, str]]:
    made = lead_model(seen.leads(deps), as_of=deps.now(), seed=deps.settings.seed)
    return _keep(made, seen.of_leads(made.parameters(), deps), deps)


def lead_model(table: pa.Table, *, as_of: datetime, seed: int) -> lead.LeadModel:
    """A lead model of a leads table that learned from no column that knows the outcome; nobody has to say which those are."""
    won, is_closed = lead.closed(table, as_of=as_of)
    known = table.filter(pa.array(is_closed))
    times = {name: known[name] for name in ("created_at", "closed_at") if name in known.column_names}
    leaks = leakage.find(known.select(lead.features(known)), won[is_closed], **times)
    return lead.fit(table, as_of=as_of, seed=seed, leaks=leaks)


def _send_time(deps: Deps) -> list[tuple[ModelCard, str]]:
    view = seen.of_hours(deps, days=send_time.WINDOW_DAYS)
    if view.labels < drift.FEWEST:
        raise DataError(
            "SEND-TIME-FEW",
            "Hardly anybody was seen in the last months.",
            next_step="Import visits, clicks or purchases as events.",
        )
    return _keep(send_time.UsualHours.of(view.table["hour"].to_pylist()), view, deps)


TRAINERS: Mapping[str, Callable[[Deps], list[tuple[ModelCard, str]]]] = {
    "propensity": _propensity,
    "uplift": _uplift,
    "affinity": _affinity,
    "lifetime": _lifetime,
    "incentive": _incentive,
    "lead": _lead,
    "send_time": _send_time,
}
