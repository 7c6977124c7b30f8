"""A column that knows the outcome is found whatever its type; one that merely helps is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience.quality import leakage

ROWS = 2_000


def _honest(seed: int, rows: int = ROWS) -> tuple[pa.Table, np.ndarray]:
    """Columns known in time, some quite telling, some with gaps, some named like what is known late."""
    rng = np.random.default_rng(seed)
    trait = rng.normal(size=rows)
    happened = rng.random(rows) < 1 / (1 + np.exp(1.0 - 1.2 * trait))
    table = pa.table(
        {
            "visits": np.round(5 + 2 * trait + rng.normal(size=rows)),
            "source": np.array(["a", "b", "c"])[np.digitize(trait + rng.normal(size=rows), [-0.5, 0.5])],
            "age": pa.array(rng.integers(18, 80, rows).astype(float), mask=rng.random(rows) < 0.4),
            "status": np.array(["x", "y"])[rng.integers(0, 2, rows)],
            "opted_in": rng.random(rows) < 0.5,
            "code": [f"k{n}" for n in range(rows)],
        }
    )
    return table, happened


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_columns_known_in_time_raise_no_alarm(seed: int) -> None:
    table, happened = _honest(seed)
    assert leakage.find(table, happened) == ()


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from(["text", "number", "date", "filled", "flag", "hand"]))
def test_a_column_written_afterwards_is_found_by_itself(seed: int, how: str) -> None:
    table, happened = _honest(seed)
    rng = np.random.default_rng([seed, 2])
    knows = happened ^ (rng.random(ROWS) < 0.04)
    worked_on = rng.random(ROWS) < np.where(happened, 0.8, 0.25)
    column = {
        "text": pa.array(np.where(knows, "signed", "lost")),
        "number": pa.array(rng.normal(size=ROWS) + 5 * knows),
        "date": pa.array(np.where(knows, 20_000, 10_000), pa.int32()).cast(pa.date32()),
        "filled": pa.array(["contract"] * ROWS, mask=~(happened & (rng.random(ROWS) < 0.3))),
        "flag": pa.array(knows),
        "hand": pa.array(np.where(happened ^ (rng.random(ROWS) < 0.12), "hot", "cold"), mask=~worked_on),
    }[how]
    assert [leak.column for leak in leakage.find(table.append_column("late", column), happened)] == ["late"]


def test_a_name_alone_is_no_proof_and_neither_is_a_weak_column() -> None:
    table, happened = _honest(1)
    rng = np.random.default_rng(5)
    weak = np.where(happened ^ (rng.random(ROWS) < 0.25), "called", "mailed")
    assert leakage.find(table.append_column("contact", pa.array(weak)), happened) == ()
    (found,) = leakage.find(table.append_column("last_contact", pa.array(weak)), happened)
    assert found.column == "last_contact"
    assert "overwritten" in found.says


def test_too_few_rows_or_outcomes_say_nothing() -> None:
    table, happened = _honest(2, rows=leakage.FEWEST_ROWS - 1)
    assert leakage.find(table.append_column("late", pa.array(happened)), happened) == ()
    table, happened = _honest(2)
    rare = np.arange(ROWS) < leakage.FEWEST_OF_EACH - 1
    assert leakage.find(table.append_column("late", pa.array(rare)), rare) == ()


def test_skipped_columns_are_not_judged_and_lengths_must_agree() -> None:
    table, happened = _honest(3)
    assert leakage.find(table.append_column("late", pa.array(happened)), happened, skip=("late",)) == ()
    with pytest.raises(ValueError, match="outcomes for"):
        leakage.find(table, happened[:-1])


def test_ten_thousand_columns_are_judged_and_no_chance_winner_among_them() -> None:
    rng = np.random.default_rng(4)
    happened = rng.random(400) < 0.3
    table = pa.table({f"x{n}": rng.normal(size=400) for n in range(10_000)}).append_column("late", pa.array(happened))
    assert [leak.column for leak in leakage.find(table, happened)] == ["late"]
