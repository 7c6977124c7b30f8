"""Who is held out, and what that lets the test see."""

from __future__ import annotations

import hashlib
import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.measurement.holdout import arms, assigned, draws, globally_held, is_left_of_draw, quarter_salts, strata
from liftwright.measurement.power import detectable, holdout_share

IDS = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=60, unique=True)


@given(ids=IDS, share=st.floats(0, 1), salt=st.text(max_size=8))
def test_a_persons_arm_depends_on_nobody_else_and_on_no_order(ids: list[str], share: float, salt: str) -> None:
    together = dict(zip(ids, arms(ids, salt=salt, share=share), strict=True))
    backwards = dict(zip(ids[::-1], arms(ids[::-1], salt=salt, share=share), strict=True))
    assert together == backwards
    assert all(arms([name], salt=salt, share=share)[0] == held for name, held in together.items())


@given(ids=IDS, small=st.floats(0, 1), large=st.floats(0, 1))
def test_a_larger_share_only_adds_people_to_the_holdout(ids: list[str], small: float, large: float) -> None:
    few, many = (arms(ids, salt="s", share=share) for share in sorted((small, large)))
    assert not (few & ~many).any()


def test_the_draw_is_the_published_hash() -> None:
    expected = int.from_bytes(hashlib.sha256(b"salt:c1").digest()[:8], "big") / 2**64
    assert draws(["c1"], salt="salt")[0] == expected


def test_shares_are_met_and_two_salts_draw_independently() -> None:
    ids = [f"c{i}" for i in range(50_000)]
    first, second = (arms(ids, salt=salt, share=0.1) for salt in ("a", "b"))
    assert first.mean() == pytest.approx(0.1, abs=0.005)
    assert (first & second).mean() == pytest.approx(0.01, abs=0.002)
    assert not arms(ids, salt="a", share=0.0).any()
    assert arms(ids, salt="a", share=1.0).all()


STRATA = st.lists(st.integers(0, 4), min_size=1, max_size=60)


@given(which=STRATA, share=st.floats(0, 1), salt=st.text(max_size=8))
def test_every_stratum_gives_its_share_to_within_one_person(which: list[int], share: float, salt: str) -> None:
    held = arms([f"c{n}" for n in range(len(which))], salt=salt, share=share, strata=which)
    for stratum in set(which):
        mine = held[np.array(which) == stratum]
        assert abs(mine.sum() - share * len(mine)) < 1.0 + 1e-9


LOST = st.sets(st.integers(0, 59), max_size=5)


@given(which=STRATA, salt=st.text(max_size=8), shares=st.tuples(st.floats(0.01, 0.5), st.floats(0.01, 0.4)), lost=LOST)
def test_a_draw_is_known_again_when_people_were_erased_since(
    which: list[int], salt: str, shares: tuple[float, float], lost: set[int]
) -> None:
    names, ids = {"holdout": shares[0], "usual": shares[1]}, [f"c{n}" for n in range(len(which))]
    drawn = assigned(ids, salt=salt, shares=names, strata=which)
    left = [n for n in range(len(ids)) if n not in lost]
    people, found, strata_left = [ids[n] for n in left], [drawn[n] for n in left], [which[n] for n in left]
    assert is_left_of_draw(people, found, salt=salt, shares=names, strata=strata_left, gone=len(ids) - len(left))


@pytest.mark.parametrize("gone", [0, 1, 3])
def test_people_moved_between_arms_are_noticed_although_somebody_was_erased(gone: int) -> None:
    shares, ids, which = {"holdout": 0.2}, [f"c{n}" for n in range(100)], [n % 4 for n in range(100)]
    drawn = list(assigned(ids, salt="s", shares=shares, strata=which))
    one, other = drawn.index("holdout"), drawn.index("treated")

    def is_drawn(arms: list[str]) -> bool:
        return is_left_of_draw(ids[gone:], arms[gone:], salt="s", shares=shares, strata=which[gone:], gone=gone)

    swapped, all_held, renamed = drawn[:], ["holdout"] * 100, ["x", *drawn[1:]] if gone == 0 else [*drawn[:-1], "x"]
    swapped[one], swapped[other] = swapped[other], swapped[one]
    if one >= gone and other >= gone:
        assert not is_drawn(swapped)
    assert is_drawn(drawn)
    assert not is_drawn(all_held)
    assert not is_drawn(renamed)


@given(which=STRATA, salt=st.text(max_size=8), seed=st.integers(0, 99))
def test_with_strata_an_arm_depends_on_no_order(which: list[int], salt: str, seed: int) -> None:
    ids = [f"c{n}" for n in range(len(which))]
    order = np.random.default_rng(seed).permutation(len(ids))
    mixed = assigned([ids[n] for n in order], salt=salt, shares=SHARES, strata=np.array(which)[order])
    assert dict(zip(ids, assigned(ids, salt=salt, shares=SHARES, strata=which), strict=True)) == {
        ids[n]: arm for n, arm in zip(order, mixed, strict=True)
    }


SHARES = {"holdout": 0.2, "random": 0.1}


def test_everybodys_chance_of_an_arm_is_its_share_over_all_salts() -> None:
    ids, which = [f"c{n}" for n in range(23)], [n % 3 for n in range(23)]
    runs = np.array([assigned(ids, salt=f"s{n}", shares=SHARES, strata=which) for n in range(4000)])
    for arm, share in SHARES.items():
        assert np.abs((runs == arm).mean(axis=0) - share).max() < 4.5 * math.sqrt(share * (1 - share) / 4000)


@given(st.floats(0, 0.4), st.floats(0, 0.4))
def test_an_arm_on_request_takes_nobody_out_of_the_holdout(one: float, two: float) -> None:
    ids = [f"c{n}" for n in range(60)]
    alone = assigned(ids, salt="s", shares={"holdout": one})
    beside = assigned(ids, salt="s", shares={"holdout": one, "random": two})
    assert ((alone == "holdout") == (beside == "holdout")).all()


@pytest.mark.parametrize("shares", [{"holdout": 1.0}, {"holdout": 0.6, "usual": 0.4}, {"holdout": -0.1}])
def test_arms_that_leave_nobody_to_treat_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="leave people to treat"):
        assigned(["a"], salt="s", shares=shares)


def test_strata_are_equal_groups_of_people_who_are_alike_in_both_numbers() -> None:
    rng = np.random.default_rng(1)
    effect, spending = rng.random(1000), rng.random(1000)
    which = strata(effect, spending, groups=(5, 4))
    assert (np.bincount(which) == 50).all()
    for stratum in range(20):
        mine = which == stratum
        assert np.ptp(effect[mine]) < 0.25
        assert np.ptp(spending[mine]) < 0.35


def test_a_stratified_draw_makes_the_arms_alike() -> None:
    ids, spending = [f"c{n}" for n in range(2000)], np.random.default_rng(2).lognormal(3, 1, 2000)
    which = strata(spending, groups=(20,))
    gaps = {
        name: np.std([_gap(spending, arms(ids, salt=f"s{n}", share=0.1, strata=given_)) for n in range(200)])
        for name, given_ in (("hash", None), ("stratified", which))
    }
    assert gaps["stratified"] < 0.6 * gaps["hash"]


def _gap(values: np.ndarray, held: np.ndarray) -> float:
    return float(values[~held].mean() - values[held].mean())


def test_the_global_holdout_is_fixed_for_a_quarter_and_drawn_anew_in_the_next() -> None:
    ids = [f"c{n}" for n in range(20_000)]
    first = globally_held(ids, salts=quarter_salts(date(2026, 10, 1), date(2026, 10, 1), salt="s"), share=0.05)
    last = globally_held(ids, salts=quarter_salts(date(2026, 12, 31), date(2026, 12, 31), salt="s"), share=0.05)
    after = globally_held(ids, salts=quarter_salts(date(2027, 1, 1), date(2027, 1, 1), salt="s"), share=0.05)
    over = globally_held(ids, salts=quarter_salts(date(2026, 12, 20), date(2027, 1, 9), salt="s"), share=0.05)
    assert (first == last).all()
    assert first.mean() == pytest.approx(0.05, abs=0.005)
    assert (first & after).mean() == pytest.approx(0.0025, abs=0.0015)
    assert (over == (first | after)).all()


def test_a_share_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        arms(["a"], salt="s", share=1.5)


def test_the_detectable_effect_of_a_textbook_test() -> None:
    found = detectable(treated=1000, holdout=1000, mean=10.0, sd=5.0)
    assert found.absolute == pytest.approx(2.8016 * 5.0 * math.sqrt(2 / 1000), rel=1e-4)
    assert found.relative == pytest.approx(found.absolute / 10.0)
    assert detectable(treated=1000, holdout=1000, mean=10.0, sd=5.0, looks=14).absolute == pytest.approx(1.1 * found.absolute)
    assert detectable(treated=1000, holdout=0, mean=10.0, sd=5.0).absolute == math.inf
    assert detectable(treated=10, holdout=10, mean=0.0, sd=5.0).relative is None


@given(treated=st.integers(10, 10**6), holdout=st.integers(10, 10**6), power=st.floats(0.5, 0.99))
def test_more_people_detect_less_and_more_power_needs_more(treated: int, holdout: int, power: float) -> None:
    base = detectable(treated=treated, holdout=holdout, mean=1.0, sd=3.0, power=power).absolute
    assert detectable(treated=2 * treated, holdout=holdout, mean=1.0, sd=3.0, power=power).absolute < base
    assert detectable(treated=treated, holdout=holdout, mean=1.0, sd=3.0, power=min(power + 0.005, 0.995)).absolute > base


def test_the_smallest_sufficient_share_is_chosen_and_priced() -> None:
    found = holdout_share(people=200_000, mean=0.5, sd=4.0, expected_lift=0.10)
    assert found.is_measurable
    assert found.detectable.absolute <= 0.08
    smaller = detectable(
        treated=round(200_000 * (1 - found.share + 0.05)), holdout=round(200_000 * (found.share - 0.05)), mean=0.5, sd=4.0
    )
    assert found.share == 0.15
    assert smaller.absolute > 0.08
    assert found.cost == pytest.approx(0.15 * 200_000 * 0.10)


def test_the_house_decides_how_much_may_be_held_out_and_the_price_of_more_is_said() -> None:
    found = holdout_share(people=20_000, mean=0.5, sd=2.0, expected_lift=0.15, most=0.10)
    assert (found.is_measurable, found.share) == (False, 0.10)
    assert "with 15%, which would cost about 450.00" in found.says
    assert f"{0.10 * 20_000 * 0.15:,.2f}" in found.says
    more = holdout_share(people=20_000, mean=0.5, sd=2.0, expected_lift=0.15, most=0.20)
    assert (more.is_measurable, more.share, more.cost) == (True, 0.15, pytest.approx(450.0))


@given(st.integers(1, 50), st.floats(0.01, 0.9))
def test_a_handful_of_people_still_has_a_figure(people: int, share: float) -> None:
    found = holdout_share(people=people, mean=0.5, sd=4.0, expected_lift=0.1, default=share, most=share)
    assert math.isfinite(found.detectable.absolute)
    assert not found.is_measurable


def test_the_holdout_never_falls_below_what_the_house_sets() -> None:
    assert holdout_share(people=10**7, mean=0.5, sd=4.0, expected_lift=0.5, default=0.1).share == 0.1


def test_a_test_that_cannot_see_the_effect_says_so_before_launch() -> None:
    found = holdout_share(people=500, mean=0.5, sd=4.0, expected_lift=0.10)
    assert (found.is_measurable, found.share) == (False, 0.10)
    assert found.says.startswith("Not measurable at this size")
    assert not holdout_share(people=10**6, mean=0.5, sd=4.0, expected_lift=0.0).is_measurable


@pytest.mark.slow
def test_the_stated_power_is_what_a_simulation_finds() -> None:
    rng = np.random.default_rng(3)
    effect = detectable(treated=1800, holdout=200, mean=0.0, sd=1.0).absolute
    treated = rng.normal(effect, 1.0, (3000, 1800)).mean(axis=1)
    holdout = rng.normal(0.0, 1.0, (3000, 200)).mean(axis=1)
    z = (treated - holdout) / math.sqrt(1 / 1800 + 1 / 200)
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.03)
