"""The structure of effects: what an action is made of, and who is in which fold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.scoring.design import CLIP, Layout, Scale, folds_of


def test_an_action_is_any_contact_its_channel_its_offer_and_itself() -> None:
    layout = Layout(("email:none", "email:save10", "sms:none"), 2)
    assert layout.groups == ("any", "channel email", "channel sms", "offer save10")
    row = layout.stack("email:save10")[0]
    names = [*layout.groups, *layout.actions]
    assert {name for name, value in zip(names, row[: layout.mains], strict=True) if value} == {
        "any",
        "channel email",
        "offer save10",
        "email:save10",
    }
    assert layout.size == layout.mains + 4 * 2


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_scaled_features_are_bounded_and_survive_json(values: list[float]) -> None:
    table = pa.table({"x": values})
    scale = Scale.fit(table, ["x"])
    scaled = scale.apply(table)
    assert np.isfinite(scaled).all()
    assert (np.abs(scaled) <= CLIP).all()
    assert (Scale.from_json(scale.as_json()).apply(table) == scaled).all()


def test_constant_features_are_dropped_and_missing_ones_count_as_average() -> None:
    scale = Scale.fit(pa.table({"a": [1.0, 2.0], "b": [3.0, 3.0]}), ["a", "b"])
    assert scale.names == ("a",)
    assert scale.apply(pa.table({"other": [1.0]})).tolist() == [[0.0]]


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=30), st.integers(0, 5))
def test_a_person_is_in_one_fold_whatever_the_order(ids: list[str], seed: int) -> None:
    fold = folds_of(ids, count=5, seed=seed)
    by_person = {name: set(fold[np.array(ids) == name]) for name in set(ids)}
    assert all(len(folds) == 1 for folds in by_person.values())
    assert (folds_of(ids[::-1], count=5, seed=seed) == fold[::-1]).all()


def test_the_levels_of_one_text_share_the_weight_of_one_feature() -> None:
    rng = np.random.default_rng(0)
    level = rng.integers(0, 4, 4000)
    table = pa.table({"x": rng.standard_normal(4000)} | {f"region_is_{n}": (level == n).astype(np.float64) for n in range(4)})
    spread = Scale.fit(table, table.column_names).apply(table).var(axis=0)
    assert np.isclose(spread[0], 1.0, rtol=0.01)
    assert np.allclose(spread[1:].sum(), 1.0, rtol=0.01)


def test_counts_and_amounts_count_on_the_log_scale_and_flags_and_signed_numbers_do_not() -> None:
    table = pa.table({"flag": [0.0, 1.0, 0.0], "orders": [0.0, 1.0, 7.0], "change": [-5.0, 5.0, 9.0]})
    assert Scale.fit(table, table.column_names).logs == {"orders"}


def test_slopes_of_one_channel_are_held_tighter_than_shared_ones() -> None:
    layout = Layout(("email:none", "sms:save10"), 3)
    penalties = layout.penalties(10.0, 100.0, 3000.0)
    slopes = penalties[layout.mains :].reshape(len(layout.groups), 3)
    assert penalties[0] < penalties[1] == 10.0
    assert (slopes[0] == 100.0).all()
    assert (slopes[1:] == 3000.0).all()


def test_features_beside_leading_ones_count_a_tenth_and_keep_their_unit() -> None:
    table = pa.table({"lead": [0.0, 1.0], "rest": [0.0, 1.0]})
    plain, led = Scale.fit(table, ["lead", "rest"]), Scale.fit(table, ["lead", "rest"], leading=["lead"])
    assert led.apply(table)[:, 0] == pytest.approx(plain.apply(table)[:, 0])
    assert led.apply(table)[:, 1] == pytest.approx(0.1 * plain.apply(table)[:, 1])
    assert led.value_of(1, led.apply(table)[1, 1]) == pytest.approx(1.0)
    assert Scale.from_json(led.as_json()) == led
