"""A reference tells what has moved, how seriously, and is silent about what has not."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.scoring import drift
from liftwright.scoring.drift.sketch import NumberSketch, TextSketch

ROWS = 4_000


def _people(seed: int, rows: int = ROWS) -> dict[str, np.ndarray]:
    draws = np.random.default_rng(seed)
    gone = draws.random(rows) < 0.2
    return {
        "normal": draws.normal(5.0, 2.0, rows),
        "skewed": np.exp(1.5 * draws.normal(size=rows)),
        "count": draws.poisson(0.2, rows).astype(np.float64),
        "partly": np.where(gone, np.nan, draws.normal(size=rows)),
        "tier_is_gold": (draws.random(rows) < 0.3).astype(np.float64),
        "source": draws.choice(["mail", "shop", "search"], rows, p=[0.5, 0.3, 0.2]).astype(object),
    }


def _table(columns: dict[str, np.ndarray]) -> pa.Table:
    return pa.table({name: pa.array(values.tolist(), from_pandas=True) for name, values in columns.items()})


@pytest.fixture(scope="module")
def reference() -> drift.Reference:
    people = _people(1)
    return drift.Reference.fit(_table(people), list(people), {"chance": np.random.default_rng(2).beta(2, 30, ROWS)})


def _levels(reference: drift.Reference, people: dict[str, np.ndarray], score: np.ndarray | None = None) -> dict[str, str]:
    found = reference.watch(_table(people), {} if score is None else {"chance": score})
    return {signal.subject: signal.level for signal in found if signal.is_beyond}


def test_people_like_those_of_the_training_are_no_signal(reference: drift.Reference) -> None:
    for seed in range(3, 8):
        assert _levels(reference, _people(seed), np.random.default_rng(seed).beta(2, 30, ROWS)) == {}


@pytest.mark.parametrize(("shift", "level"), [(0.2, "warn"), (0.45, "alarm"), (0.9, "block")])
def test_a_shift_is_as_serious_as_it_is_large(reference: drift.Reference, shift: float, level: str) -> None:
    people = _people(9)
    people["normal"] = people["normal"] + 2.0 * shift
    assert _levels(reference, people) == {"normal": level}


def test_a_move_too_small_to_matter_is_none_however_sure(reference: drift.Reference) -> None:
    many = _people(10, rows=200_000)
    many["normal"] = many["normal"] + 2.0 * 0.06
    (signal,) = (s for s in reference.watch(_table(many), {}) if s.subject == "normal")
    assert signal.measures["chance"] < 1e-3
    assert signal.level == "ok"


def test_a_move_that_chance_explains_is_none_however_large() -> None:
    people = _people(1)
    reference = drift.Reference.fit(_table(people), ["normal"], {})
    (signal,) = reference.watch(_table({"normal": _people(12, rows=60)["normal"] + 0.4}), {})
    assert abs(signal.measures["shift"]) > 0.1
    assert signal.level == "ok"
    assert reference.watch(_table({"normal": people["normal"][:49]}), {}) == []


def test_counts_that_are_mostly_nought_and_yes_or_no_are_told_apart_too(reference: drift.Reference) -> None:
    draws = np.random.default_rng(13)
    people = _people(14)
    people["count"] = draws.poisson(0.4, ROWS).astype(np.float64)
    people["tier_is_gold"] = (draws.random(ROWS) < 0.42).astype(np.float64)
    assert set(_levels(reference, people)) == {"count", "tier_is_gold"}


def test_values_that_stay_away_are_found_and_a_column_that_is_gone_blocks(reference: drift.Reference) -> None:
    people = _people(15)
    people["partly"] = np.where(np.random.default_rng(1).random(ROWS) < 0.3, np.nan, people["partly"])
    found = [s for s in reference.watch(_table(people), {}) if s.is_beyond]
    assert {(s.kind, s.subject) for s in found} >= {("missing", "partly")}
    del people["normal"]
    gone = [s for s in reference.watch(_table(people), {}) if s.subject == "normal"]
    assert [(s.kind, s.level) for s in gone] == [("missing", "block")]


def test_new_values_of_a_text_column_are_found_encoded_or_not(reference: drift.Reference) -> None:
    people = _people(16)
    people["source"][:400] = "billboard"
    people["tier_is_platinum"] = (np.arange(ROWS) < 400).astype(np.float64)
    found = {(s.kind, s.subject) for s in reference.watch(_table(people), {}) if s.is_beyond}
    assert ("category", "source") in found
    assert ("category", "tier_is_platinum") in found


def test_scores_that_moved_are_an_output_signal(reference: drift.Reference) -> None:
    score = np.random.default_rng(17).beta(2, 20, ROWS)
    found = [s for s in reference.watch(_table(_people(18)), {"chance": score}) if s.is_beyond]
    assert [(s.kind, s.subject) for s in found] == [("output", "chance")]


def test_a_reference_survives_json_and_stays_small(reference: drift.Reference) -> None:
    text = json.dumps(reference.as_json(), allow_nan=False)
    again = drift.Reference.from_json(json.loads(text))
    assert again == reference
    assert len(text) < 2_500 * 7


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=300))
@settings(max_examples=80, deadline=None)
def test_any_column_is_at_no_distance_from_its_own_sketch(values: list[float | None]) -> None:
    column = np.array([np.nan if value is None else value for value in values])
    sketch = NumberSketch.of(column)
    moved = sketch.compare(column, rows=len(column))
    if moved is not None:
        assert (moved.largest, moved.stability, moved.chance) == pytest.approx((0.0, 0.0, 1.0), abs=1e-6)
    assert sketch.compare_missing(column, rows=len(column)).largest == pytest.approx(0.0, abs=1e-6)


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=300))
@settings(max_examples=80, deadline=None)
def test_any_texts_are_at_no_distance_from_their_own_sketch(values: list[str | None]) -> None:
    sketch = TextSketch.of(values)
    moved = sketch.compare(values, rows=len(values))
    assert moved.largest == pytest.approx(0.0, abs=1e-6)
    assert moved.chance == pytest.approx(1.0, abs=1e-3)
    assert sketch.compare_new(values, rows=len(values)).largest == pytest.approx(0.0, abs=1e-6)
