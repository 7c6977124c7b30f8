"""A campaign that contradicts earlier ones makes both doubtful; the one after it says who was right. False numbers do not last."""

from __future__ import annotations

import numpy as np

from liftwright.planning.disputes import EVERY_CHANNEL, settle, subject_of
from liftwright.planning.priors import Belief, Cell, Shown, posterior

CELLS = [Cell(channel, segment, "none") for channel in ("email", "sms") for segment in ("recent", "lapsed", "never")]
BELIEF = Belief(scale=1.0, mean=3.0)


def campaign(name: str, age: float, *, email: float = 1.0, sms: float = 1.0, error: float = 0.2, seed: int = 0) -> list[Shown]:
    """A measured campaign whose channels have these effects."""
    noise = np.random.default_rng([seed, int(age)]).normal(0, error / 2, len(CELLS))
    size = {"email": email, "sms": sms}
    return [
        Shown(name, {cell: 1.0}, size[cell.channel] + float(off), error, age, source=f"{name}:{cell.channel}")
        for cell, off in zip(CELLS, noise, strict=True)
    ]


def test_campaigns_that_agree_all_count() -> None:
    told = [*campaign("c1", 90), *campaign("c2", 45), *campaign("c3", 0)]
    found = settle(told, belief=BELIEF)
    assert (found.says, found.set_aside) == ((), ())
    assert sorted(each.source for each in found.active) == sorted(each.source for each in told)
    assert {each.error for each in found.active} == {0.2}


def test_a_contradiction_makes_both_sides_doubtful_and_leaves_other_channels_alone() -> None:
    found = settle([*campaign("c1", 90), *campaign("c2", 45), *campaign("turn", 0, email=-1.0)], belief=BELIEF)
    (says,) = found.says
    assert says.startswith("email: turn contradicts c1 and c2")
    assert found.set_aside == ()
    errors = {channel: {each.error for each in found.active if subject_of(each) == channel} for channel in ("email", "sms")}
    assert min(errors["email"]) > 1.5
    assert errors["sms"] == {0.2}


def test_a_market_that_turned_is_believed_after_its_second_campaign() -> None:
    told = [*campaign("c1", 90), *campaign("c2", 60), *campaign("turn", 30, email=-1.0), *campaign("again", 0, email=-1.0)]
    found = settle(told, belief=BELIEF)
    assert set(found.set_aside) == {"c1:email", "c2:email"}
    assert "email: c1 and c2 is set aside, contradicted by again" in found.says
    means = dict(zip(CELLS, posterior(found.active, CELLS, belief=BELIEF).means, strict=True))
    assert max(value for cell, value in means.items() if cell.channel == "email") < -0.7
    assert min(value for cell, value in means.items() if cell.channel == "sms") > 0.7


def test_a_false_campaign_is_set_aside_by_the_next_true_one() -> None:
    told = [*campaign("c1", 90), *campaign("c2", 60), *campaign("false", 30, email=4.0, error=0.05), *campaign("c3", 0)]
    found = settle(told, belief=BELIEF)
    assert set(found.set_aside) == {"false:email"}
    means = dict(zip(CELLS, posterior(found.active, CELLS, belief=BELIEF).means, strict=True))
    assert all(0.7 < value < 1.3 for value in means.values())


def test_a_campaign_too_noisy_to_say_settles_nothing() -> None:
    told = [*campaign("c1", 90), *campaign("turn", 30, email=-1.0), *campaign("vague", 0, error=30.0)]
    found = settle(told, belief=BELIEF)
    assert found.set_aside == ()
    assert len(found.says) == 1
    assert len(found.active) == len(told)


def test_an_estimate_over_channels_is_about_all_of_them() -> None:
    assert subject_of(Shown("c", {CELLS[0]: 0.5, CELLS[-1]: 0.5}, 1.0, 1.0)) == EVERY_CHANNEL


def test_nothing_in_nothing_out() -> None:
    assert settle([], belief=BELIEF).active == ()
