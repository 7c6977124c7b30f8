"""The watch over every model: whether it still sees what it saw when it was trained, says the same, and is right; and what follows.

A block stops the model's scoring until what it sees is back, or a person has trained it again or switched it on. What is found makes a training
due only where new outcomes or a wrong calibration say so, never a shift of the inputs alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from liftwright.agents.bench import watched
from liftwright.domain.errors import ConfigError, DataError
from liftwright.domain.evidence import ModelCard
from liftwright.flow import came, current, seen
from liftwright.flow.fresh import newest
from liftwright.ports import Deps
from liftwright.scoring import card as cards
from liftwright.scoring import drift

NEW_LABELS = 1.2
"""A training is due when this many times as many outcomes are there to learn from."""


def drifted(model: str | None = None, *, deps: Deps) -> list[dict[str, Any]]:
    """Per model in the registry the signals of drift since its training, most serious first.

    `{"model", "version", "drifted", "level", "decides", "snapshot", "watched_at", "labels", "trained_labels", "signals": [{"kind", "subject",
    "statistic", "value", "bound", "rows", "level", "is_beyond", "says", "measures"}], "because"}`; `because` says why nothing could be
    compared. `model` may be the name of a trainer (uplift). Raises ConfigError for a model that is not in the registry.
    """
    held = [card for card in deps.models.cards() if watched.is_watched(card.model)]
    known = [card for card in held if model is None or model in (card.model, watched.trainer_of(card.model))]
    if model is not None and not known:
        names = ", ".join(card.model for card in held) or "none was trained yet"
        raise ConfigError(
            "MODEL-DRIFT",
            f"There is no model '{model}' to watch.",
            next_step=f"In the registry: {names}. See liftwright model train.",
        )
    return [_watched(card.model, card.version, deps) for card in known]


def watch(*, deps: Deps) -> list[dict[str, Any]]:
    """Watch every current model and every version a running campaign stands on, write it down, block and release. Returns all reports."""
    reports = drifted(deps=deps)
    held = {(report["model"], report["version"]) for report in reports}
    reports += [_watched(name, version, deps) for name, version in _flown(deps) if (name, version) not in held]
    for report in reports:
        deps.journal.append(
            at=deps.now(), actor="liftwright", action="model.watched", subject=report["model"], detail=_evidence(report)
        )
        if (report["model"], report["version"]) in held and not report["because"]:
            _follow(report, deps)
    return reports


def due(reports: Iterable[Mapping[str, Any]], *, deps: Deps) -> dict[str, str]:
    """By trainer, why it is due: the month is over, new outcomes, a wrong calibration, or never trained.

    A blocked model waits for a person, unless outcomes say that what it sees is real: then its calibration is off too.
    """
    found = _never_trained(deps)
    state = {card.model_id: card for card in deps.models.cards()}
    for report in reports:
        card = state.get(f"{report['model']}@{report['version']}")
        reason = "" if card is None else _reason(report, card, deps.now().date())
        if reason:
            found.setdefault(watched.trainer_of(report["model"]), reason)
    return found


def why_due(card: ModelCard, *, deps: Deps) -> str:
    """Why the next night will train a model again, by the last watch over it; "" when it will not."""
    watches = [entry for entry in deps.journal.entries(subject=card.model) if entry.action == "model.watched"]
    mine = [entry.detail for entry in watches if entry.detail["version"] == card.version]
    return _reason(mine[-1] if mine else {"signals": []}, card, deps.now().date())


def _watched(name: str, version: str, deps: Deps) -> dict[str, Any]:
    """The report on one version."""
    stored = deps.models.load(name, version)
    signals: Sequence[drift.Signal] = ()
    because, labels, rows = "", None, 0
    kept = {} if stored is None else stored[1]
    if stored is None or "reference" not in kept:
        because = f"{name} was trained before its drift was watched; train it again."
    else:
        trained_on = stored[0].data.get("trained_on")
        day = date.fromisoformat(trained_on) if trained_on else None
        try:
            now = seen.today(name, kept["model"], day, deps)
            outcome = came.since(name, kept["model"], day, deps) if day else drift.Came()
            rows, labels = now.table.num_rows, now.labels
            signals = _signals(drift.Reference.from_json(kept["reference"]), now, outcome)
            because = "" if signals else "There is not enough to compare yet."
        except DataError as error:
            because = error.says
    return {
        "model": name,
        "version": version,
        "drifted": any(signal.is_beyond for signal in signals),
        "level": drift.worst(signals),
        "decides": watched.decides(name),
        "snapshot": newest(deps).snapshot.snapshot_id,
        "watched_at": deps.now().isoformat(),
        "rows": rows,
        "labels": labels,
        "trained_labels": kept.get("labels"),
        "signals": [{**asdict(signal), "is_beyond": signal.is_beyond} for signal in signals],
        "because": because,
    }


def _signals(reference: drift.Reference, now: drift.Seen, outcome: drift.Came) -> list[drift.Signal]:
    found = reference.watch(now.table, now.outputs)
    found += [drift.observed_over_expected(batches, subject=subject) for subject, batches in outcome.batches.items()]
    return drift.ordered([*found, *outcome.shown])


def _evidence(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as the journal keeps it: everything that moved and every calibration, with what it was judged on."""
    kept = [signal for signal in report["signals"] if signal["is_beyond"] or signal["kind"] == "calibration"]
    return {**report, "compared": len(report["signals"]), "signals": kept}


def _follow(report: Mapping[str, Any], deps: Deps) -> None:
    """Block a model in use, or release it. A model that a person switched off is left alone; send times are never stopped."""
    stored = deps.models.load(report["model"])
    state = stored[0].state if stored else "off"
    is_blocked = report["level"] == "block" and report["model"] != "send_time"
    if is_blocked and state == "on":
        deps.models.switch(report["model"], "blocked", by="liftwright", now=deps.now())
    elif not is_blocked and state == "blocked":
        deps.models.switch(report["model"], "on", by="liftwright", now=deps.now())


def _flown(deps: Deps) -> list[tuple[str, str]]:
    """(model, version) that running campaigns stand on and the registry knows."""
    running = [campaign for campaign in deps.campaigns.all() if campaign.status == "running"]
    plans = [deps.campaigns.plan(campaign.campaign_id, campaign.revision) for campaign in running]
    ids = sorted({pin for plan in plans if plan for pin in plan.pins.models if "@" in pin})
    known = {card.model_id for card in deps.models.versions()}
    return [(name, version) for name, _, version in (pin.partition("@") for pin in ids) if f"{name}@{version}" in known]


def _reason(report: Mapping[str, Any], card: ModelCard, today: date) -> str:
    wrong = [signal["says"] for signal in report["signals"] if signal["kind"] == "calibration" and signal["is_beyond"]]
    if wrong:
        return f"its calibration is off: {wrong[0]}"
    late = cards.overdue(card, on=today)
    if late or card.state == "blocked":
        return late if card.state != "blocked" else ""
    labels, before = report.get("labels"), report.get("trained_labels")
    if labels and before and labels >= NEW_LABELS * before:
        return f"there are {labels:,} outcomes to learn from; it learned from {before:,}"
    return ""


def _never_trained(deps: Deps) -> dict[str, str]:
    """Trainers of what scores everybody whose models do not exist although the data would allow them."""
    held = {watched.trainer_of(card.model) for card in deps.models.cards()}
    if not held & {"propensity", "uplift"}:
        return {}
    scored = current.bench(deps).scored
    can = {"propensity": scored.can_learn_chance, "uplift": bool(scored.outcomes)}
    return {name: "it was never trained, and the data allows it now" for name, able in can.items() if able and name not in held}
