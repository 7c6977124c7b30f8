"""The registry of models for people: cards with what is due, how good a model is in figures, what its last watch found, and its switch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from liftwright.agents.bench import watched
from liftwright.domain.errors import ApprovalError, ConfigError, DataError
from liftwright.domain.evidence import ModelCard, ModelState
from liftwright.flow import signing, watching
from liftwright.ports import Deps
from liftwright.scoring.card import overdue
from liftwright.scoring.send_time import NO_SWITCH

UNSWITCHED = "send_time"
"""The model that has no switch."""
STATES: Mapping[str, ModelState] = {"on": "on", "off": "off"}
"""What a person may switch a model to."""
ENDS = ("low", "mid", "high")


def switch(model: str, state: str, *, by: str, reason: str = "", deps: Deps) -> None:
    """Stop using a model, or use it again; the journal keeps who and why.

    Raises ApprovalError without a name and for a name that is no user's, and ConfigError for a model that is unknown or has no switch, and
    for another state than on and off.
    """
    if not by.strip():
        raise ApprovalError("MODEL-WHO", "Switching a model needs a name.", next_step="Say who switches it.")
    signing.known(by, deps=deps)
    if model == UNSWITCHED:
        raise ConfigError("MODEL-NO-SWITCH", f"{model} {NO_SWITCH}.", next_step="Nothing has to be done.")
    if state not in STATES:
        raise ConfigError("MODEL-STATE", f"A model is not switched '{state[:20]}'.", next_step="Switch it on or off.")
    deps.models.switch(model, STATES[state], by=by.strip(), reason=reason.strip(), now=deps.now())


def card_json(card: ModelCard, *, deps: Deps) -> dict[str, Any]:
    """A card as JSON with `overdue` and `due`: words, or "" where nothing is."""
    late = overdue(card, on=deps.now().date())
    return {**card.model_dump(mode="json"), "overdue": late, "due": watching.why_due(card, deps=deps)}


def listed(*, deps: Deps) -> list[dict[str, Any]]:
    """The current card of every model by name, with `due`, `overdue`, `decides` and `drift`: the last watch over this version, or None."""
    return [_row(card, deps) for card in deps.models.cards()]


def of(model: str, *, deps: Deps) -> dict[str, Any]:
    """One model: a row of `listed` with `figures` (`quality`, read for people), `facts` (`data`, likewise), `says`, `versions`, `switches`
    (who, when, why, newest first) and `has_switch`. Raises DataError for a model that is not in the registry."""
    versions = [card for card in deps.models.versions() if card.model == model]
    if not versions:
        raise DataError("MODEL-UNKNOWN", f"There is no model '{model[:60]}'.", next_step="See the models: liftwright model list.")
    card = versions[0]
    figures = list(_figures(card.quality))
    says = [str(line["text"]) for line in figures if line["what"].split()[-1] == "says"]
    return _row(card, deps) | {
        "figures": [line for line in figures if line["what"].split()[-1] != "says"],
        "facts": list(_figures(card.data)),
        "says": says,
        "versions": [_version(each) for each in versions],
        "switches": _switches(model, deps),
        "has_switch": model != UNSWITCHED,
    }


def _row(card: ModelCard, deps: Deps) -> dict[str, Any]:
    return card_json(card, deps=deps) | {"decides": watched.decides(card.model), "drift": _last_watch(card, deps)}


def _version(card: ModelCard) -> dict[str, Any]:
    return {"version": card.version, "trained_on": card.data.get("trained_on"), "figures": list(_figures(card.quality))[:3]}


def _last_watch(card: ModelCard, deps: Deps) -> dict[str, Any] | None:
    """What the watch wrote down last about this version."""
    found = [entry for entry in deps.journal.entries(subject=card.model) if entry.action == "model.watched"]
    mine = [entry.detail for entry in found if entry.detail.get("version") == card.version]
    return dict(mine[-1]) if mine else None


def _switches(model: str, deps: Deps) -> list[dict[str, Any]]:
    found = [entry for entry in deps.journal.entries(subject=model) if entry.action == "model.switched"]
    return [{"at": entry.at, "by": entry.actor, "reason": "", **entry.detail} for entry in reversed(found)]


def _figures(given: Mapping[str, Any], under: str = "") -> Iterator[dict[str, Any]]:
    """`{"what", "mid", "low", "high", "text"}` for every entry that says something: a figure with its interval, a range, or words in `text`."""
    for key, value in given.items():
        if value is None or (key.endswith(("_low", "_high")) and key.rsplit("_", 1)[0] in given):
            continue
        what = f"{under} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping) and not set(ENDS) <= set(value):
            yield from _figures(value, what)
        else:
            yield {"what": what, "mid": None, "low": None, "high": None, "text": ""} | _read(value, given, key)


def _read(value: Any, given: Mapping[str, Any], key: str) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {end: value[end] for end in ENDS}
    if isinstance(value, bool):
        return {"text": "yes" if value else "no"}
    if isinstance(value, int | float):
        return {"mid": value, "low": given.get(f"{key}_low"), "high": given.get(f"{key}_high")}
    if isinstance(value, list | tuple):
        return {"text": _joined(value) or "none"}
    return {"text": str(value)}


def _joined(values: Any) -> str:
    if len(values) == 2 and all(isinstance(value, float) for value in values):
        return f"{values[0]:.3g} to {values[1]:.3g}"
    return ", ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values)
