"""The best thing to do for one visitor now. Doing nothing is always a candidate and worth 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from liftwright.planning import contextual
from liftwright.planning.treatments import Economics, action_parts, keeps_floor, terms

Floats = npt.NDArray[np.float64]
NOTHING = "control"


@dataclass(frozen=True)
class Option:
    """One thing that could be done: its value and terms in major units, and the rules that forbid it."""

    action: str
    value: float
    terms: dict[str, float]
    blocked_by: tuple[str, ...] = ()

    @property
    def is_allowed(self) -> bool:
        return not self.blocked_by


@dataclass(frozen=True)
class Learned:
    """What came of earlier choices: sums over `actions`, this person's features, and how far an action's worth may be from what the
    models expect of it (`spread`, major units)."""

    sums: contextual.Sums
    actions: tuple[str, ...]
    features: tuple[float, ...]
    spread: float


@dataclass(frozen=True)
class NextAction:
    """The choice, the chance it had of being made, that of every allowed option, and every candidate from best to worst."""

    action: str
    value: float
    terms: dict[str, float]
    propensity: float
    chances: dict[str, float]
    randomised: bool
    options: tuple[Option, ...]
    says: str


def choose(
    *,
    effects: Mapping[str, float],
    economics: Economics,
    blocked_by: Mapping[str, Sequence[str]],
    explore: float = 0.0,
    seed: int = 0,
    already_touched: int = 0,
    learned: Learned | None = None,
) -> NextAction:
    """Pick one action for one person.

    effects: expected extra margin of a first touch by action ("web:save10"). economics: arrays of length 1. blocked_by: by
    action, the rules that forbid it; an action that is missing here is forbidden (fail closed), an empty sequence allows it.
    explore: chance of a uniform draw among the allowed options, doing nothing included. already_touched: touches this flight.
    learned: then the other draws go by the chance of being best, given what came of earlier choices (`contextual`); without it, to the best.
    """
    options = [Option(action=NOTHING, value=0.0, terms={})]
    options += [_option(action, effects[action], economics, blocked_by, already_touched) for action in sorted(effects)]
    options.sort(key=lambda option: (-option.value, option.action != NOTHING, option.action))
    allowed = [option for option in options if option.is_allowed]
    best = allowed[0]
    chance = _chances(allowed, explore=explore, seed=seed, learned=learned)
    place = int(contextual.choose(chance[None, :], seed=seed)[0])
    chosen = allowed[place]
    return NextAction(
        action=chosen.action,
        value=chosen.value,
        terms=chosen.terms,
        propensity=float(chance[place]),
        chances={option.action: float(each) for option, each in zip(allowed, chance, strict=True)},
        randomised=chosen is not best,
        options=tuple(options),
        says=_says(chosen, best, allowed, is_learned=learned is not None),
    )


def _chances(allowed: Sequence[Option], *, explore: float, seed: int, learned: Learned | None) -> Floats:
    """The chance of every allowed option, best expected first."""
    if learned is None:
        chance = np.full(len(allowed), explore / len(allowed))
        chance[0] += 1.0 - explore
        return chance
    known = [learned.actions.index(option.action) for option in allowed]
    expected = np.zeros((1, len(learned.actions)))
    feasible = np.zeros((1, len(learned.actions)), dtype=bool)
    expected[0, known], feasible[0, known] = [option.value for option in allowed], True
    found = contextual.chances(
        learned.sums,
        np.array([learned.features]),
        feasible,
        spread=learned.spread,
        share=explore,
        seed=seed,
        expected=expected,
    )
    return np.asarray(found[0, known])


def _option(action: str, effect: float, economics: Economics, blocked_by: Mapping[str, Sequence[str]], touched: int) -> Option:
    channel, offer = action_parts(action)
    worth = terms(np.array([effect]), channel=channel, offer=offer, wave=touched + 1, economics=economics)
    values = {name: float(column[0]) for name, column in worth.items()}
    blocks = tuple(blocked_by[action]) if action in blocked_by else ("not checked",)
    if not keeps_floor(offer, economics=economics)[0]:
        blocks = (*blocks, "margin floor")
    option = Option(action=action, value=sum(values.values()), terms=values, blocked_by=blocks)
    return option if np.isfinite(option.value) else replace(option, value=-np.inf, blocked_by=(*blocks, "no value"))


def _says(chosen: Option, best: Option, allowed: Sequence[Option], *, is_learned: bool) -> str:
    if chosen is not best and is_learned:
        return f"{chosen.action} was drawn among {len(allowed)} allowed options by what earlier choices brought; {best.action} was expected to earn {best.value:.2f}."
    if chosen is not best:
        return f"{chosen.action} was drawn at random among {len(allowed)} allowed options; {best.action} was expected to earn {best.value:.2f}."
    if chosen.action == NOTHING:
        return "Nothing is done: no allowed action is expected to earn more than it costs."
    return f"{chosen.action} is expected to earn {chosen.value:.2f} more than doing nothing, the most of {len(allowed)} allowed options."
