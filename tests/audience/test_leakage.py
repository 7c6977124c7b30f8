"""A column that knows the outcome is found whatever its type; one that merely helps is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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


@pytest.mark.slow
def test_ten_thousand_columns_are_judged_and_no_chance_winner_among_them() -> None:
    rng = np.random.default_rng(4)
    happened = rng.random(400) < 0.3
    table = pa.table({f"x{n}": rng.normal(size=400) for n in range(10_000)}).append_column("late", pa.array(happened))
    assert [leak.column for leak in leakage.find(table, happened)] == ["late"]


START = datetime(2026, 1, 1, tzinfo=UTC)


def _planted(won: np.ndarray) -> pa.Table:
    """Columns as sales teams and exports leave them behind, and honest ones beside them."""
    rng = np.random.default_rng(0)
    count, stamp = len(won), pa.timestamp("us", tz="UTC")
    ended = [START + timedelta(days=80 + int(n)) for n in rng.integers(0, 20, count)]
    return pa.table(
        {
            "source": rng.choice(["search", "friend", "fair"], count),
            "remark": [f"called {n} times" for n in range(count)],
            "trial_ends_at": pa.array([START + timedelta(days=30)] * count, stamp),
            "invoice": pa.array([f"I{n}" if w else None for n, w in enumerate(won)], pa.string()),
            "tags": np.where(rng.random(count) < 0.9, np.where(won, "signed", "no budget"), "ringing"),
            "lead_quality": np.where(rng.random(count) < 0.75, np.where(won, "high", "low"), "unsure"),
            "mood": np.where(won & (rng.random(count) < 0.35), "delighted", rng.choice(["well", "fine"], count)),
            "letzteAktivität": np.where(won ^ (rng.random(count) < 0.25), "call", "mail"),
            "deal_size": np.where(won, 50.0, 0.0) + rng.random(count),
            "signed_at": pa.array([at if w else None for at, w in zip(ended, won, strict=True)], stamp),
            "updated_at": pa.array([at + timedelta(hours=1) for at in ended], stamp),
            "created_at": pa.array([START] * count, stamp),
            "closed_at": pa.array(ended, stamp),
        }
    )


def test_every_planted_leak_of_a_lead_table_is_found_with_its_sign_and_no_honest_column_is_accused() -> None:
    won = np.random.default_rng(1).random(1_500) < 0.4
    table = _planted(won)
    times = {name: table[name] for name in ("created_at", "closed_at")}
    found = {leak.column: leak.sign for leak in leakage.find(table, won, skip=tuple(times), **times)}
    assert found == {
        "invoice": "filled",
        "tags": "decides",
        "lead_quality": "decides",
        "mood": "settled",
        "letzteAktivität": "kept up to date",
        "deal_size": "decides",
        "signed_at": "filled",
        "updated_at": "late",
    }


def test_a_note_with_a_hundred_wordings_is_judged_by_the_frequent_ones() -> None:
    rng = np.random.default_rng(2)
    won = rng.random(2_000) < 0.4
    note = np.where(won & (rng.random(2_000) < 0.9), "contract", [f"rang {n}" for n in rng.integers(0, 150, 2_000)])
    (found,) = leakage.find(pa.table({"story": note, "code": [f"k{n}" for n in range(2_000)]}), won)
    assert (found.column, found.sign) == ("story", "decides")


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.03, 0.2, 0.5, 0.85]), st.integers(120, 1_500), st.integers(2, 60))
def test_columns_that_know_nothing_are_never_accused_whatever_their_name(seed: int, rate: float, rows: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    happened = rng.random(rows) < rate
    table = pa.table(
        {
            "last_visit": rng.choice([f"v{n}" for n in range(levels)], rows),
            "status": pa.array([None if n < rows / 4 else "x" for n in rng.integers(0, rows, rows)], pa.string()),
            "quality": rng.standard_normal(rows),
            "won": rng.random(rows) < 0.01,
            "nothing": pa.nulls(rows, pa.string()),
        }
    )
    assert leakage.find(table, happened) == ()


def test_a_dormant_segment_of_a_rare_outcome_is_no_leak() -> None:
    """Where few buy at all, that hardly anybody of a large group does is a habit, not knowledge."""
    rng = np.random.default_rng(3)
    segment = rng.choice(["dormant", "new", "loyal"], 20_000, p=[0.5, 0.3, 0.2])
    happened = rng.random(20_000) < np.where(segment == "dormant", 0.004, 0.08)
    assert leakage.find(pa.table({"segment": segment}), happened) == ()
