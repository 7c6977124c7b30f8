"""A lead's score is about closed revenue, knows no column from after the outcome, and says why in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.domain.errors import DataError
from liftwright.scoring import calibration, lead, leakage

NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)


def _leads(count: int = 1500, *, seed: int = 0, **columns: Any) -> tuple[pa.Table, np.ndarray]:
    """Leads whose source and minutes on the site matter, and whose amount depends on their size."""
    rng = np.random.default_rng(seed)
    source = rng.choice(["search", "friend", "fair"], count, p=[0.6, 0.2, 0.2])
    minutes, size = rng.gamma(2.0, 5.0, count), rng.integers(1, 50, count)
    logit = -2.0 + 1.5 * (source == "friend") + 0.12 * minutes
    won = rng.random(count) < 1 / (1 + np.exp(-logit))
    table = {
        "lead_id": [f"L{n:05d}" for n in range(count)],
        "created_at": pa.array([START + timedelta(minutes=30 * n) for n in range(count)], pa.timestamp("us", tz="UTC")),
        "outcome": np.where(won, "won", "lost").tolist(),
        "amount": pa.array([100.0 * s if w else None for s, w in zip(size, won, strict=True)], pa.float64()),
        "source": source.tolist(),
        "minutes": pa.array(np.where(rng.random(count) < 0.1, np.nan, minutes), from_pandas=True),
        "size": size,
        "remark": [f"called {n} times" for n in range(count)],
        **columns,
    }
    return pa.table(table), won


def test_scores_rank_fresh_leads_by_what_they_bring() -> None:
    model = lead.fit(_leads(seed=1)[0], as_of=NOW, seed=0)
    fresh, won = _leads(seed=2)
    scored = model.scores(fresh)
    score, expected = scored["score"].to_numpy(), scored["expected_revenue"].to_numpy()
    paid = np.where(won, 100.0 * fresh["size"].to_numpy(), 0.0)
    top = np.argsort(-score)[:300]
    assert ((score >= 0) & (score <= 100)).all()
    assert paid[top].mean() > 1.6 * paid.mean()
    assert expected.mean() == pytest.approx(paid.mean(), rel=0.15)
    assert calibration.auc(scored["chance"].to_numpy(), won) > 0.7
    assert model.encoding.sources["source_is_friend"] == "source"
    assert "remark" not in set(model.encoding.sources.values())


def test_reasons_are_in_words_about_the_columns_of_the_file() -> None:
    model = lead.fit(_leads()[0], as_of=NOW, seed=0)
    keen, _ = _leads(3, source=["friend", "search", "unheard of"], minutes=pa.array([45.0, 0.0, None]))
    first, cold, odd = (row for row in model.scores(keen).to_pylist())
    assert {first["reason_1"], first["reason_2"]} >= {"source is friend, which raises the chance to close"}
    assert any(cold[f"reason_{n}"] == "minutes is 0, which lowers the chance to close" for n in (1, 2))
    assert "minutes is missing" in " ".join(odd[f"reason_{n}"] for n in (1, 2, 3))


@pytest.mark.parametrize("rows", [1500, 3000])
def test_the_same_leads_give_the_same_model_and_it_comes_back_from_json(rows: int) -> None:
    leads, _ = _leads(rows)
    one, two = (lead.fit(leads, as_of=NOW, seed=3) for _ in range(2))
    again = lead.from_parameters(json.loads(json.dumps(one.parameters())))
    assert one.version == two.version == again.version
    assert again.scores(leads).equals(one.scores(leads))


def _planted(won: np.ndarray, *, seed: int = 0) -> dict[str, Any]:
    """Columns as sales teams and exports leave them behind."""
    rng = np.random.default_rng(seed)
    ended = [START + timedelta(days=80 + int(n)) for n in rng.integers(0, 20, len(won))]
    return {
        "invoice": pa.array([f"I{n}" if w else None for n, w in enumerate(won)], pa.string()),
        "tags": np.where(rng.random(len(won)) < 0.9, np.where(won, "signed", "no budget"), "ringing").tolist(),
        "lead_quality": np.where(rng.random(len(won)) < 0.75, np.where(won, "high", "low"), "unsure").tolist(),
        "last_activity": np.where(rng.random(len(won)) < 0.45, np.where(won, "call", "mail"), "visit").tolist(),
        "deal_size": np.where(won, 50.0, 0.0) + rng.random(len(won)),
        "signed_at": pa.array([at if w else None for at, w in zip(ended, won, strict=True)], pa.timestamp("us", tz="UTC")),
        "closed_at": pa.array(ended, pa.timestamp("us", tz="UTC")),
        "updated_at": pa.array([at + timedelta(hours=1) for at in ended], pa.timestamp("us", tz="UTC")),
    }


def test_every_planted_leak_is_found_and_no_honest_column_is_accused() -> None:
    _, won = _leads()
    leads, won = _leads(**_planted(won))
    found = {leak.column: leak for leak in lead.leaky_columns(leads, won)}
    assert set(found) == {"invoice", "tags", "lead_quality", "last_activity", "deal_size", "signed_at", "updated_at"}
    assert found["invoice"].sign == "filled"
    assert found["deal_size"].sign == "decides"
    assert found["updated_at"].sign == "late"
    model = lead.fit(leads, as_of=NOW, seed=0)
    assert set(model.encoding.sources.values()) == {"source", "minutes", "size"}
    assert set(model.card().data["dropped_columns"]) == set(found)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.5), st.integers(2, 60))
def test_columns_that_know_nothing_are_never_accused(seed: int, rate: float, levels: int) -> None:
    rng = np.random.default_rng(seed)
    happened = rng.random(1200) < rate
    table = pa.table(
        {
            "last_visit": rng.choice([f"v{n}" for n in range(levels)], 1200),
            "status": pa.array([None if n < 300 else "x" for n in rng.integers(0, 1200, 1200)], pa.string()),
            "number": rng.standard_normal(1200),
            "flag": rng.random(1200) < 0.01,
            "nothing": pa.nulls(1200, pa.string()),
        }
    )
    assert leakage.leaky_columns(table, happened) == []


def test_too_few_outcomes_accuse_nobody_and_teach_nothing() -> None:
    leads, won = _leads(30)
    assert leakage.leaky_columns(leads.select(["outcome"]), won & (np.cumsum(won) < 5)) == []
    with pytest.raises(DataError) as refused:
        lead.fit(leads.slice(0, 8), as_of=NOW, seed=0)
    assert refused.value.code == "LEAD-FEW"
    with pytest.raises(DataError):
        lead.fit(leads.drop_columns(["outcome"]), as_of=NOW, seed=0)


def test_a_meeting_is_no_win_and_a_young_lead_is_not_lost() -> None:
    leads = pa.table(
        {
            "lead_id": ["a", "b", "c", "d", "e"],
            "outcome": ["Won ", "meeting", "lost", "won", None],
            "amount": [50.0, None, None, 0.0, None],
            "created_at": pa.array([START, START, NOW - timedelta(days=1), START, START], pa.timestamp("us", tz="UTC")),
            "closed_at": pa.array([START + timedelta(days=9), None, None, START, None], pa.timestamp("us", tz="UTC")),
        }
    )
    won, is_closed = lead.closed(leads, as_of=NOW)
    assert won.tolist() == [True, False, False, False, False]
    assert is_closed.tolist() == [True, False, False, True, False]


def test_identity_outcome_and_consent_never_become_features() -> None:
    leads, _ = _leads(200)
    more = leads.append_column("consent_email", pa.array(["denied"] * 200)).append_column(
        "email", pa.array(["a@b.example"] * 200)
    )
    assert lead.features(more) == ["source", "minutes", "size", "remark"]


def test_hostile_columns_are_survived() -> None:
    odd = {
        'a,"b":[c]': np.random.default_rng(0).choice(["{x}", "[y]", "z:"], 1500).tolist(),
        "infinite": np.where(np.arange(1500) % 7 == 0, np.inf, 1.0),
        "constant": np.ones(1500),
        "dates": pa.array([START.date()] * 1500),
        "blank": [""] * 1500,
    }
    leads, _ = _leads(**odd)
    model = lead.fit(leads, as_of=NOW, seed=0)
    assert np.isfinite(model.chance(leads)).all()
    assert np.isfinite(model.chance(leads.select(["lead_id"]))).all()
    texts = leads.set_column(leads.column_names.index("size"), "size", leads["size"].cast(pa.string()))
    assert np.isfinite(model.chance(texts)).all()


def test_without_amounts_the_chance_alone_decides() -> None:
    leads, _ = _leads(600)
    scored = lead.fit(leads.drop_columns(["amount"]), as_of=NOW, seed=0).scores(leads)
    assert scored["expected_revenue"].null_count == 600
    assert (np.diff(scored["score"].to_numpy()[np.argsort(scored["chance"].to_numpy())]) >= 0).all()
