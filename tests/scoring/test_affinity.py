"""Channel rates follow what people did themselves; machine opens and machine clicks say nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.domain.errors import DataError
from liftwright.scoring import affinity

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=120)


def _treatments(*rows: tuple[str, str, int]) -> pa.Table:
    at = pa.array([START + timedelta(days=day) for _, _, day in rows], pa.timestamp("us", tz="UTC"))
    arms = ["control" if channel == "control" else "treated" for _, channel, _ in rows]
    channels = pa.array([None if c == "control" else c for _, c, _ in rows], pa.string())
    return pa.table(
        {"customer_id": pa.array([r[0] for r in rows], pa.string()), "treated_at": at, "arm": arms, "channel": channels}
    )


def _events(*rows: tuple[str, str, str | None, float, bool]) -> pa.Table:
    at = pa.array([START + timedelta(days=day) for _, _, _, day, _ in rows], pa.timestamp("us", tz="UTC"))
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 5
    texts = {name: pa.array(columns[place], pa.string()) for place, name in enumerate(("customer_id", "type", "channel"))}
    return pa.table({**texts, "occurred_at": at, "is_machine": pa.array(columns[4], pa.bool_())})


def _answers(treatments: pa.Table, events: pa.Table | None) -> list[bool]:
    return affinity.answered(treatments, events, as_of=NOW)["answered"].to_pylist()


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        (("a", "click", "email", 12, False), True),
        (("a", "click", "sms", 12, False), False),
        (("a", "click", "email", 12, True), False),
        (("a", "email_open", "email", 12, False), False),
        (("a", "purchase", None, 12, False), True),
        (("a", "purchase", None, 18, False), False),
        (("a", "click", "email", 9, False), False),
        (("b", "click", "email", 12, False), False),
    ],
)
def test_what_answers_a_contact(event: tuple[str, str, str | None, float, bool], counts: bool) -> None:
    assert _answers(_treatments(("a", "email", 10)), _events(event)) == [counts]


def test_a_purchase_answers_only_the_last_contact_before_it() -> None:
    both = _treatments(("a", "email", 10), ("a", "sms", 12))
    assert _answers(both, _events(("a", "purchase", None, 13, False))) == [False, True]
    assert _answers(both, None) == [False, False]


def test_control_and_contacts_that_may_still_be_answered_are_left_out() -> None:
    rows = affinity.answered(_treatments(("a", "control", 10), ("a", "email", 116), ("b", "email", 20)), None, as_of=NOW)
    assert rows["customer_id"].to_pylist() == ["b"]


def _contacts(people: int, each: int, *, spread: float, seed: int = 0) -> tuple[pa.Table, np.ndarray]:
    rng = np.random.default_rng(seed)
    rate = np.clip(0.15 + spread * rng.standard_normal(people), 0.01, 0.95)
    person = np.repeat(np.arange(people), each)
    at = np.tile(np.arange(each), people) * 86_400_000_000
    table = pa.table(
        {
            "customer_id": [f"P{n}" for n in person],
            "channel": ["email"] * len(person),
            "at": at,
            "answered": rng.random(len(person)) < rate[person],
        }
    )
    return table, rate


def test_rates_are_between_what_a_person_did_and_what_is_usual_and_closer_to_the_truth_than_either() -> None:
    contacts, truth = _contacts(800, 12, spread=0.12)
    model = affinity.fit(contacts)
    people = [f"P{n}" for n in range(800)]
    found = model.rates(contacts, people=people, channels=["email"])[:, 0]
    raw = contacts["answered"].to_numpy(zero_copy_only=False).reshape(800, 12).mean(axis=1)
    usual = model.usual["email"]
    assert ((found >= np.minimum(raw, usual) - 1e-12) & (found <= np.maximum(raw, usual) + 1e-12)).all()
    assert ((found - truth) ** 2).mean() < 0.9 * min(((raw - truth) ** 2).mean(), ((usual - truth) ** 2).mean())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 500))
def test_where_people_do_not_differ_hardly_anything_is_made_of_it(seed: int) -> None:
    contacts, _ = _contacts(300, 6, spread=0.0, seed=seed)
    model = affinity.fit(contacts)
    found = model.rates(contacts, people=[f"P{n}" for n in range(300)], channels=["email"])
    assert found.std() < 0.03


def test_unknown_channels_and_people_and_the_way_through_json() -> None:
    contacts, _ = _contacts(100, 6, spread=0.1)
    model = affinity.fit(contacts)
    again = affinity.from_parameters(json.loads(json.dumps(model.parameters())))
    assert again.version == model.version
    found = again.rates(contacts, people=["P1", "nobody"], channels=["email", "fax"])
    assert found[1, 0] == pytest.approx(model.usual["email"])
    assert np.isnan(found[:, 1]).all()
    assert "no uplift" in model.card().optimises


def test_too_few_contacts_are_refused() -> None:
    with pytest.raises(DataError) as refused:
        affinity.fit(_contacts(5, 6, spread=0.1)[0])
    assert refused.value.code == "AFFINITY-FEW"
