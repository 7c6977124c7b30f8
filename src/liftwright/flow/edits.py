"""What a person may change on a plan (`--set PATH=VALUE`), parsed and typed. Anything else is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from liftwright.domain.base import Value
from liftwright.domain.errors import GoalError
from liftwright.domain.experiment import ASKED_ARMS, AskedArm
from liftwright.domain.goal import Brief, Objective
from liftwright.domain.money import Money
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.domain.treatment import NO_OFFER
from liftwright.settings import Settings


class Edits(Value):
    """Changes to a plan; None or empty = as the agents proposed. `exclude` adds people phrases to those already left out."""

    budget: Money | None = None
    ends_on: date | None = None
    touches: int | None = None
    channels: tuple[Channel, ...] = ()
    offers: tuple[str, ...] = ()
    holdout_share: float | None = None
    arms: tuple[AskedArm, ...] = ()
    exclude: tuple[str, ...] = ()

    def then(self, later: Edits) -> Edits:
        """These edits, overwritten by later ones; exclusions add up."""
        kept = {name: value for name, value in later if value not in (None, ())}
        exclude = tuple(dict.fromkeys((*self.exclude, *later.exclude)))
        return self.model_copy(update={**kept, "exclude": exclude})

    def overrides(self) -> dict[str, Any]:
        """Path to plain value, only of what was changed."""
        plain = {
            "objective.budget": self.budget and self.budget.as_json(),
            "objective.ends_on": self.ends_on and self.ends_on.isoformat(),
            "limits.touches": self.touches,
            "channels": list(self.channels),
            "offers": list(self.offers),
            "experiment.holdout_share": self.holdout_share,
            "experiment.arms": list(self.arms),
            "audience.exclude": list(self.exclude),
        }
        return {path: value for path, value in plain.items() if value not in (None, [])}

    def brief(self, brief: Brief) -> Brief:
        """The brief with the edited objective; GoalError when the new dates cannot be."""
        objective = brief.objective
        if objective is None:
            return brief
        changes: dict[str, Any] = {}
        if self.budget is not None:
            changes["budget"] = self.budget
        if self.ends_on is not None:
            if self.ends_on < objective.starts_on:
                raise wrong("objective.ends_on", str(self.ends_on), f"a date from {objective.starts_on} on")
            changes["ends_on"] = self.ends_on
        if not changes:
            return brief
        return brief.model_copy(update={"objective": Objective.model_validate({**dict(objective), **changes})})


def parse(changes: Mapping[str, Any], *, settings: Settings) -> Edits:
    """Read `{path: value}`; values may be text. Raises GoalError naming the allowed paths, or what the value should look like."""
    if not changes:
        raise GoalError("EDIT-EMPTY", "The edit changes nothing.", next_step=f"Set one of: {', '.join(PATHS)}.")
    edits = Edits()
    for path, value in changes.items():
        reader = _READERS.get(path)
        if reader is None:
            raise GoalError(
                "EDIT-PATH", f"'{path}' cannot be edited on a plan.", next_step=f"Paths that can: {', '.join(PATHS)}."
            )
        edits = edits.then(reader(value, settings))
    return edits


def wrong(path: str, value: object, wanted: str) -> GoalError:
    """The error for a value that does not fit its path."""
    return GoalError("EDIT-VALUE", f"'{value}' does not fit {path}.", next_step=f"Give {wanted}.")


def _budget(value: Any, settings: Settings) -> Edits:
    if isinstance(value, Mapping):
        value = f"{value.get('amount')} {value.get('currency')}"
    found = re.fullmatch(r"\s*\$?\s*([\d,]{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]{3})?\s*", str(value))
    currency = ((found and found.group(2)) or settings.currency).upper()
    if found is None or currency != settings.currency:
        raise wrong("objective.budget", value, f"an amount in {settings.currency}, for example 2500")
    return Edits(budget=Money.of(found.group(1).replace(",", ""), settings.currency))


def _ends_on(value: Any, settings: Settings) -> Edits:
    try:
        return Edits(ends_on=date.fromisoformat(str(value).strip()))
    except ValueError as error:
        raise wrong("objective.ends_on", value, "a date such as 2026-12-31") from error


def _touches(value: Any, settings: Settings) -> Edits:
    found = re.fullmatch(r"\s*(\d{1,2})\s*", str(value))
    if found is None or not 1 <= int(found.group(1)) <= 30:
        raise wrong("limits.touches", value, "a whole number of touches per person from 1 to 30")
    return Edits(touches=int(found.group(1)))


def _words(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, (list, tuple)) else str(value).split(",")
    return tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))


def _channels(value: Any, settings: Settings) -> Edits:
    names = _words(value)
    if not names or any(name not in CHANNELS for name in names):
        raise wrong("channels", value, f"one or more of {', '.join(CHANNELS)}, separated by commas")
    return Edits(channels=names)


def _offers(value: Any, settings: Settings) -> Edits:
    names = _words(value)
    known = (NO_OFFER, *settings.offers)
    if not names or any(name not in known for name in names):
        raise wrong("offers", value, f"one or more of {', '.join(known)}, separated by commas")
    return Edits(offers=names)


def _holdout(value: Any, settings: Settings) -> Edits:
    text = str(value).strip()
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError as error:
        raise wrong("experiment.holdout_share", value, "a share such as 0.2 or 20%") from error
    if not 0.01 <= share <= 0.9:
        raise wrong("experiment.holdout_share", value, "a share from 0.01 to 0.9: without a holdout nothing is measured")
    return Edits(holdout_share=share)


def arms(value: Any, settings: Settings) -> Edits:
    """Arms on request; GoalError for another name."""
    names = _words(value)
    wanted = tuple(arm for arm in ASKED_ARMS if arm in names)
    if not names or len(wanted) < len(names):
        raise wrong("experiment.arms", value, f"one or more of {', '.join(ASKED_ARMS)}, separated by commas")
    return Edits(arms=wanted)


def _exclude(value: Any, settings: Settings) -> Edits:
    names = _words(value)
    if not names:
        raise wrong("audience.exclude", value, "people in words, for example 'recent buyers'")
    return Edits(exclude=names)


_READERS: dict[str, Callable[[Any, Settings], Edits]] = {
    "objective.budget": _budget,
    "objective.ends_on": _ends_on,
    "limits.touches": _touches,
    "channels": _channels,
    "offers": _offers,
    "experiment.holdout_share": _holdout,
    "experiment.arms": arms,
    "audience.exclude": _exclude,
}
PATHS: tuple[str, ...] = tuple(_READERS)
