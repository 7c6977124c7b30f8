"""What campaigns taught goes on as far as it held: thin cells borrow, certain ones stay, nothing counts as certain for the next campaign."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.priors import HALF_LIFE_DAYS, MOST_WEIGHT, Belief, Cell, Shown, capped, posterior

CELLS = [Cell(*names) for names in itertools.product(("email", "sms", "push"), ("recent", "lapsed"), ("none", "save10"))]
BELIEF = Belief(scale=1.0, mean=3.0)


def shown(campaign: str, effects: np.ndarray, error: float, age: float = 0.0) -> list[Shown]:
    """Every cell measured by itself."""
    return [Shown(campaign, {cell: 1.0}, float(value), error, age) for cell, value in zip(CELLS, effects, strict=True)]


def test_without_any_estimate_nothing_is_claimed() -> None:
    found = posterior([], CELLS, belief=BELIEF)
    assert (found.means == 0).all()
    assert (found.errors > 1).all()


def test_a_cell_nobody_measured_borrows_from_its_channel() -> None:
    effects = np.array([2.0 if cell.channel == "email" else 0.5 for cell in CELLS])
    told = [each for each in shown("c1", effects, 0.1) if CELLS[0] not in each.cells]
    found = posterior(told, CELLS, belief=BELIEF)
    rest = found.means[[cell.channel != "email" for cell in CELLS]]
    assert found.means[0] > rest.max() + 0.5
    assert found.errors[0] > found.errors[1:].max()


def test_learned_cells_are_nearer_to_the_truth_than_the_new_campaign_alone() -> None:
    ours, alone = [], []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        parts = [dict.fromkeys({cell[place] for cell in CELLS}) for place in range(3)]
        for part in parts:
            part.update({name: generator.normal(0, 0.3) for name in sorted(part)})
        truth = np.array([1 + sum(part[name] for part, name in zip(parts, cell, strict=True)) for cell in CELLS])
        told: list[Shown] = []
        for name in ("c1", "c2", "c3", "now"):
            own = truth + generator.normal(0, 0.2, len(CELLS))
            seen = own + generator.normal(0, 0.5, len(CELLS))
            told += shown(name, seen, 0.5)
        ours.append(np.mean((posterior(told, CELLS, belief=BELIEF, campaign="now").means - own) ** 2))
        alone.append(np.mean((seen - own) ** 2))
    assert np.mean(ours) ** 0.5 < 0.62 * np.mean(alone) ** 0.5


def test_a_second_campaign_is_never_foretold_with_certainty() -> None:
    sure = posterior(shown("c1", np.ones(len(CELLS)), 1e-3), CELLS, belief=BELIEF)
    assert (sure.errors > 0.049).all()


def test_old_estimates_fade() -> None:
    new, old = (
        posterior(shown("c1", np.full(len(CELLS), 2.0), 1.0, age), CELLS[:1], belief=BELIEF) for age in (0, 8 * HALF_LIFE_DAYS)
    )
    assert abs(old.means[0]) < abs(new.means[0])
    assert old.errors[0] > new.errors[0]
    assert shown("c", np.ones(len(CELLS)), 1.0, HALF_LIFE_DAYS)[0].aged_error == pytest.approx(2**0.5)


def test_an_estimate_of_several_cells_speaks_of_their_mean() -> None:
    both = Shown("c1", {CELLS[0]: 0.5, CELLS[1]: 0.5}, 2.0, 0.01)
    found = posterior([both], CELLS[:2], belief=BELIEF)
    assert found.means.mean() == pytest.approx(2.0, abs=0.1)
    assert found.means[0] == pytest.approx(found.means[1])


@given(people=st.lists(st.floats(1, 1e5), min_size=1, max_size=6), new=st.floats(100, 1e6))
def test_what_was_learned_weighs_at_most_a_tenth_of_the_new_campaign(people: list[float], new: float) -> None:
    told = [replace(each, people=size) for each, size in zip(shown("c", np.ones(len(CELLS)), 0.3), people, strict=False)]
    found = capped(told, people=new)
    worth = sum(each.people * (before.error / each.error) ** 2 for each, before in zip(found, told, strict=True))
    assert worth == pytest.approx(min(sum(people), MOST_WEIGHT * new))
    assert all(each.error >= before.error for each, before in zip(found, told, strict=True))


@given(order=st.permutations(range(len(CELLS))))
def test_the_order_of_estimates_does_not_matter(order: list[int]) -> None:
    told = shown("c1", np.linspace(0, 2, len(CELLS)), 0.4)
    one, other = (posterior(each, CELLS, belief=BELIEF) for each in (told, [told[place] for place in order]))
    assert one.means == pytest.approx(other.means, abs=1e-3)
