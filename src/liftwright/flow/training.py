"""Training of the scoring models on the newest data, and whether they still see what they were trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.agents.bench import Bench
from liftwright.agents.bench.data import OUTCOME_DAYS
from liftwright.audience.quality import leakage
from liftwright.domain.errors import ConfigError, DataError
from liftwright.domain.evidence import ModelCard
from liftwright.flow.fresh import newest
from liftwright.flow.visitor import scored
from liftwright.ports import Deps
from liftwright.scoring import affinity, drift, incentive, lead, lifetime, propensity
from liftwright.scoring import card as cards

FEWEST = drift.FEWEST


def train(model: str | None = None, *, deps: Deps) -> list[dict[str, Any]]:
    """Train one model, or all that the data allows: `{"model", "version", "trained", "because"}` each. A switched-off model stays off.

    Raises ConfigError for an unknown name, and DataError when the one model asked for cannot be learned from the data.
    """
    if model is not None and model not in TRAINERS:
        raise ConfigError("MODEL-UNKNOWN", f"There is no model '{model}'.", next_step=f"Train one of: {', '.join(TRAINERS)}.")
    done: list[dict[str, Any]] = []
    for name in TRAINERS if model is None else (model,):
        deps.progress("training", name)
        try:
            made = TRAINERS[name](deps)
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


def train_due(*, deps: Deps) -> list[dict[str, Any]]:
    """Train every model in the registry whose month is over."""
    today = deps.now().date()
    due = {card.model for card in deps.models.cards() if cards.overdue(card, on=today)}
    wanted = [name for name in TRAINERS if any(model == name or model.startswith(f"{name}_") for model in due)]
    return [done for name in wanted for done in _tried(name, deps)]


def _tried(name: str, deps: Deps) -> list[dict[str, Any]]:
    try:
        return train(name, deps=deps)
    except DataError as error:
        return [{"model": name, "version": None, "trained": False, "because": error.says}]


def drifted(model: str | None = None, *, deps: Deps) -> list[dict[str, Any]]:
    """Per model the signals of drift since its training, inputs, output and calibration, each with its bound.

    `{"model", "version", "drifted", "signals": [{"kind", "subject", "value", "bound", "is_beyond", "says"}], "because"}`; `because` says
    why nothing could be compared. Raises ConfigError for a model that does not watch its drift.
    """
    if model is not None and model not in WATCHED:
        raise ConfigError(
            "MODEL-DRIFT", f"The drift of '{model}' is not watched.", next_step=f"Ask for one of: {', '.join(WATCHED)}."
        )
    found = []
    for name in WATCHED if model is None else (model,):
        stored = deps.models.load(name)
        if stored is None:
            continue
        try:
            signals, because = WATCHED[name](stored[0], stored[1]["model"], deps), ""
        except DataError as error:
            signals, because = [], error.says
        moved = any(signal.is_beyond for signal in signals)
        rows = [asdict(signal) for signal in signals]
        found.append({"model": name, "version": stored[0].version, "drifted": moved, "signals": rows, "because": because})
    return found


def _keep(made: Any, deps: Deps) -> tuple[ModelCard, str]:
    card = cards.dated(made.card(), at=deps.now())
    return card, deps.models.save(card, {"model": made.parameters()}, now=deps.now())


def _bench(deps: Deps) -> Bench:
    return scored(deps, newest(deps).snapshot.snapshot_id)


def _propensity(deps: Deps) -> list[tuple[ModelCard, str]]:
    bench = _bench(deps)
    model = bench.scored.trained_chance
    if model is None:
        raise DataError(
            "PROPENSITY-FEW", "Too few people bought in the last two weeks.", next_step="Import more events, then train again."
        )
    return [(model.card(), model.version)]


def _uplift(deps: Deps) -> list[tuple[ModelCard, str]]:
    bench = _bench(deps)
    if not bench.scored.outcomes:
        raise DataError("UPLIFT-NONE", "There is no randomised history.", next_step="Import past tests as treatments.")
    models = [bench.scored.model(outcome) for outcome in bench.scored.outcomes]
    return [(model.card(), model.version) for model in models]


def _affinity(deps: Deps) -> list[tuple[ModelCard, str]]:
    return [_keep(affinity.fit(contacts(_bench(deps), deps)), deps)]


def contacts(bench: Bench, deps: Deps) -> pa.Table:
    """Past contacts and whether each was answered. Raises DataError without any."""
    treatments = bench.data.tables.get("treatments")
    if treatments is None or "channel" not in treatments.column_names:
        raise DataError("AFFINITY-FEW", "No past contact has a channel.", next_step="Import past contacts as treatments.")
    return affinity.answered(treatments, bench.data.tables.get("events"), as_of=deps.now())


def _lifetime(deps: Deps) -> list[tuple[ModelCard, str]]:
    events = _bench(deps).data.tables.get("events")
    if events is None:
        raise DataError("LIFETIME-FEW", "There are no orders.", next_step="Import purchases as events.")
    orders = lifetime.orders_of(events, margin_rate=deps.settings.margin.rate)
    return [_keep(lifetime.fit(orders, as_of=deps.now(), seed=deps.settings.seed), deps)]


def _incentive(deps: Deps) -> list[tuple[ModelCard, str]]:
    bench = _bench(deps)
    made = incentive.fit(bench.data.rows, feature_names=bench.scored.feature_names, seed=deps.settings.seed)
    return [_keep(made, deps)]


def _lead(deps: Deps) -> list[tuple[ModelCard, str]]:
    return [_keep(lead_model(leads(deps), as_of=deps.now(), seed=deps.settings.seed), deps)]


def lead_model(table: pa.Table, *, as_of: datetime, seed: int) -> lead.LeadModel:
    """A lead model of a leads table that learned from no column that knows the outcome; nobody has to say which those are."""
    won, is_closed = lead.closed(table, as_of=as_of)
    known = table.filter(pa.array(is_closed))
    times = {name: known[name] for name in ("created_at", "closed_at") if name in known.column_names}
    leaks = leakage.find(known.select(lead.features(known)), won[is_closed], **times)
    return lead.fit(table, as_of=as_of, seed=seed, leaks=leaks)


def leads(deps: Deps) -> pa.Table:
    """The newest leads. Raises DataError when none were imported."""
    tables = newest(deps).tables
    if "leads" not in tables or not tables["leads"].num_rows:
        raise DataError("LEAD-NONE", "There are no leads.", next_step="Run: liftwright import FILE --as leads.")
    return tables["leads"]


TRAINERS: Mapping[str, Callable[[Deps], list[tuple[ModelCard, str]]]] = {
    "propensity": _propensity,
    "uplift": _uplift,
    "affinity": _affinity,
    "lifetime": _lifetime,
    "incentive": _incentive,
    "lead": _lead,
}


def _propensity_drift(card: ModelCard, parameters: Mapping[str, Any], deps: Deps) -> list[drift.Signal]:
    model, data = propensity.from_parameters(parameters), _bench(deps).data
    before = data.features_at(data.as_of - timedelta(days=OUTCOME_DAYS))
    bought = np.asarray(data.recent_outcomes["orders"].to_numpy()) > 0
    return [*model.model.drifted(data.features), drift.calibration(model.chance(before), bought)]


def _lead_drift(card: ModelCard, parameters: Mapping[str, Any], deps: Deps) -> list[drift.Signal]:
    model, table = lead.from_parameters(parameters), leads(deps)
    trained_on = card.data.get("trained_on")
    if trained_on and table["created_at"].null_count < table.num_rows:
        is_new = np.array([at is not None and at.date().isoformat() > trained_on for at in table["created_at"].to_pylist()])
        table = table.filter(pa.array(is_new))
    if table.num_rows < FEWEST:
        raise DataError("LEAD-DRIFT", f"Only {table.num_rows} leads came in since the training.", next_step="Look again later.")
    found = model.model.drifted(model.encoding.apply(table))
    won, is_closed = lead.closed(table, as_of=deps.now())
    if int(is_closed.sum()) >= FEWEST:
        found.append(drift.calibration(model.chance(table)[is_closed], won[is_closed]))
    return found


WATCHED: Mapping[str, Callable[[ModelCard, Mapping[str, Any], Deps], list[drift.Signal]]] = {
    "propensity": _propensity_drift,
    "lead": _lead_drift,
}
