"""A lead's score is about closed revenue, knows no column from after the outcome, and says why in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from liftwright.domain.errors import DataError
from liftwright.domain.readiness import Leak
from liftwright.scoring import calibration, lead

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


def test_a_leaking_column_is_left_out_and_named_on_the_card() -> None:
    leads, won = _leads()
    leads = leads.append_column("invoice", pa.array(["sent" if w else None for w in won]))
    leak = Leak(column="invoice", sign="filled", says="it is filled in 100% of the rows with the outcome", auc=1.0)
    model = lead.fit(leads, as_of=NOW, seed=0, leaks=[leak])
    assert set(model.encoding.sources.values()) == {"source", "minutes", "size"}
    assert model.card().data["dropped_columns"] == {"invoice": leak.says}
    assert lead.from_parameters(json.loads(json.dumps(model.parameters()))).dropped == (leak,)


def test_too_few_outcomes_teach_nothing() -> None:
    leads, _ = _leads(30)
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
