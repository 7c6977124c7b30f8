"""Which texts may compete, and which only look good."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.bandit_watch import admit, lures

TEXTS = ("a", "b", "c", "d")


@given(
    left=st.integers(0, 20_000),
    had=st.dictionaries(st.sampled_from(TEXTS), st.floats(0, 5_000)),
    orders=st.integers(0, 200),
    started=st.sets(st.sampled_from(TEXTS)),
)
def test_what_is_open_can_be_tested_in_what_is_left_and_what_has_started_goes_on(
    left: int, had: dict[str, float], orders: int, started: set[str]
) -> None:
    found = admit(TEXTS, left=left, exposures=had, orders=orders, started=sorted(started))
    assert sorted((*found.open, *found.waiting)) == list(TEXTS)
    assert started <= set(found.open)
    assert found.open
    new = [text for text in found.open if text not in started]
    if len(new) > (0 if started else 1):
        before = started or {TEXTS[0]}
        needed = sum(max(found.least - had.get(text, 0.0), 0.0) for text in before)
        needed += found.least * len([text for text in new if text not in before])
        assert needed <= left


def test_a_text_that_cannot_be_told_apart_in_time_waits_and_says_why() -> None:
    found = admit(("a", "b", "c"), left=3_000)
    assert (found.open, found.waiting) == (("a", "b"), ("c",))
    assert "c waits" in found.says
    assert "1,250" in found.says
    assert admit(("a", "b", "c"), left=10_000).says == ""


def test_the_more_people_buy_the_fewer_contacts_a_text_needs() -> None:
    assert admit(("a", "b"), left=100, exposures={"a": 100.0}, orders=50, started=("a",)).waiting == ()
    assert admit(("a", "b"), left=100, exposures={"a": 100.0}, orders=1, started=("a",)).waiting == ("b",)


def test_much_clicked_and_little_earned_is_named_and_only_that() -> None:
    luck = np.random.default_rng(0)
    clicked = {"bait": luck.random(4_000) < 0.2, "plain": luck.random(4_000) < 0.05}
    earned = {"bait": 20.0 * (luck.random(4_000) < 0.01), "plain": 20.0 * (luck.random(4_000) < 0.04)}
    (lure,) = lures(clicked, earned)
    assert lure.text == "bait"
    assert lure.clicks[0] > 0.1
    assert lure.margin[1] < -0.3
    assert "more often" in lure.says
    good = {"bait": earned["plain"], "plain": earned["bait"]}
    assert lures(clicked, good) == ()
    assert lures({"bait": clicked["bait"]}, {"bait": earned["bait"]}) == ()


def test_a_handful_of_orders_accuses_nobody() -> None:
    clicked = {"bait": np.ones(100), "plain": np.zeros(100)}
    earned = {"bait": np.zeros(100), "plain": np.r_[np.full(5, 20.0), np.zeros(95)]}
    assert lures(clicked, earned) == ()
