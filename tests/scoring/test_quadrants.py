"""Who is moved, as counts with what can be known; and the seed lists that follow from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import DataError
from liftwright.scoring import uplift
from liftwright.scoring.uplift import seed_list
from liftwright.scoring.uplift.quadrants import quadrants

MakeRows = Callable[..., pa.Table]
PEOPLE = st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 1)), min_size=1, max_size=50)


@given(PEOPLE)
def test_everybody_is_in_one_quadrant_and_bounds_are_shares(people: list[tuple[float, float, float]]) -> None:
    effects, errors, untreated = (np.array(column) for column in zip(*people, strict=True))
    found = quadrants(effects, errors, untreated, is_yes_or_no=True)
    assert found.persuadable + found.sure_thing + found.lost_cause + found.do_not_disturb == len(people)
    for pair in (found.moved, found.put_off):
        assert pair is not None
        assert 0.0 <= pair[0] <= pair[1] + 1e-12 <= 1.0 + 2e-12
    with_it = np.clip(untreated + effects, 0, 1)
    assert found.moved is not None
    assert found.put_off is not None
    assert found.moved[0] - found.put_off[0] == pytest.approx(float((with_it - untreated).mean()), abs=1e-9)


def test_the_bounds_hold_whatever_people_would_have_done_otherwise() -> None:
    rng = np.random.default_rng(0)
    without, with_it = rng.random(50_000), rng.random(50_000)
    luck = rng.random(50_000)
    for otherwise in (luck, 1 - luck, rng.random(50_000)):
        moved = float(((luck < with_it) & ~(otherwise < without)).mean())
        found = quadrants(with_it - without, np.zeros(50_000), without, is_yes_or_no=True)
        assert found.moved is not None
        assert found.moved[0] - 0.01 <= moved <= found.moved[1] + 0.01


def test_quadrants_stand_on_the_card_only_with_a_ranking(make_rows: MakeRows) -> None:
    with_one = uplift.fit(make_rows(people=3500, average=0.05, spread=0.2), outcome="visits", feature_names=["taste"], seed=0)
    told = with_one.card().quality["quadrants"]
    assert told["persuadable"] > 1000
    assert told["do_not_disturb"] > 1000
    assert f"{told['persuadable']:,} (persuadable)" in told["says"]
    assert "cannot be seen" in told["says"]
    assert 0.0 <= told["moved"][0] < told["moved"][1] <= 1.0
    without = uplift.fit(make_rows(people=3500, average=0.05), outcome="visits", feature_names=["taste"], seed=0)
    assert "quadrants" not in without.card().quality


def test_small_counts_are_not_told() -> None:
    found = quadrants(np.full(7, 0.2), np.full(7, 0.01), np.full(7, 0.3), is_yes_or_no=False)
    assert (found.persuadable, found.moved) == (7, None)
    assert "fewer than 20 (persuadable)" in found.says
    assert "Between" not in found.says


def test_a_seed_list_has_those_a_contact_earns_most_with_and_nobody_of_the_holdout() -> None:
    count = 1000
    ids = [f"C{n:04d}" for n in range(count)]
    rng = np.random.default_rng(1)
    effects, margins = rng.normal(0.02, 0.03, count), rng.gamma(2.0, 10.0, count)
    values, errors = effects * margins, 0.005 * margins
    excluded = set(ids[::3])
    found = seed_list(ids, values, errors, excluded=excluded, size=200)
    worth = dict(zip(ids, values, strict=True))
    kept = found["customer_id"].to_pylist()
    assert len(kept) == 200
    assert not excluded & set(kept)
    assert found["rank"].to_pylist() == list(range(1, 201))
    assert found["extra_margin"].to_pylist() == sorted((worth[customer] for customer in kept), reverse=True)
    sure = {customer for customer, effect in zip(ids, effects, strict=True) if effect - 1.2816 * 0.005 > 0} - excluded
    assert set(kept) <= sure
    assert min(worth[customer] for customer in kept) >= max(worth[customer] for customer in sure - set(kept))
    shuffled = rng.permutation(count)
    again = seed_list([ids[n] for n in shuffled], values[shuffled], errors[shuffled], excluded=excluded, size=200)
    assert again.equals(found)


def test_too_few_people_who_are_surely_moved_make_no_seed_list() -> None:
    ids = [f"C{n}" for n in range(500)]
    with pytest.raises(DataError, match="surely moved"):
        seed_list(ids, np.full(500, 0.01), np.full(500, 0.05), excluded=(), size=200)
