"""The structure of effects: what an action is made of, and who is in which fold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
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
