"""A visitor's choice is logged with its chances, and what came of choices changes later ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import plain_shop
from liftwright.flow import decided, nightly, visitor, visits
from liftwright.ports import Deps

ACTIONS = ("email:none",)


@pytest.fixture
def clock() -> list[datetime]:
    return [plain_shop.NOW]


@pytest.fixture
def shop(tmp_path: Path, clock: list[datetime]) -> Iterator[Deps]:
    deps = plain_shop.open_shop(plain_shop.copy_of(plain_shop.furnished(), tmp_path / "shop"), now=lambda: clock[0])
    yield deps
    plain_shop.close(deps)


def _row(person: str, at: datetime, chosen: str) -> dict[str, Any]:
    return {
        "decision_id": f"{person}:{at.isoformat()}",
        "customer_id": person,
        "subject": visits.SUBJECT,
        "decided_at": at,
        "eligible": ["control", *ACTIONS],
        "chances": [0.5, 0.5],
        "chosen": chosen,
        "propensity": 0.5,
        "policy": decided.policy(visits.MODEL),
        "seed": 0,
        "features": [1.0, 0.0, 0.0, 0.0],
        "expected": 0.0,
    }


def _past(deps: Deps, best: str) -> None:
    """Everybody visited three weeks ago and was given something at random; who got `best` bought."""
    at = plain_shop.NOW - timedelta(days=21)
    luck = np.random.default_rng(2)
    names = ["control", *ACTIONS]
    people = [plain_shop.name_of(number) for number in range(1, plain_shop.PEOPLE + 1)]
    chosen = [names[place] for place in luck.integers(0, 2, len(people))]
    digest = decided.keep([_row(person, at, name) for person, name in zip(people, chosen, strict=True)], deps=deps)
    deps.journal.append(at=at, actor="liftwright", action=visits.DECIDED, subject=visits.SUBJECT, detail={"log": digest})
    buyers = [person for person, name in zip(people, chosen, strict=True) if name == best]
    events = pa.table(
        {
            "customer_id": buyers,
            "type": ["purchase"] * len(buyers),
            "occurred_at": pa.array([at + timedelta(days=1)] * len(buyers), pa.timestamp("us", tz="UTC")),
            "amount": [80.0] * len(buyers),
        }
    )
    deps.lake.add({"events": events}, source=f"bought-{best}", now=plain_shop.NOW)


def test_a_choice_is_logged_with_what_was_open_its_chance_versions_and_seed(shop: Deps) -> None:
    data = visitor.next_action("C000001", deps=shop)
    again = visitor.next_action("C000001", deps=shop)
    assert again == data
    (row,) = visits.choices(deps=shop).to_pylist()
    assert row["chosen"] == data["action"]
    assert row["propensity"] == data["propensity"]
    allowed = {option["action"] for option in data["options"] if option["allowed"]}
    assert set(row["eligible"]) == allowed
    assert sum(row["chances"]) == pytest.approx(1.0)
    assert row["versions"][0] == data["pins"]["snapshot"]
    entries = shop.journal.entries(subject=visits.SUBJECT)
    assert "C000001" not in str([entry.detail for entry in entries]), "the journal knows nobody's name"


def test_a_few_choices_teach_nothing(shop: Deps) -> None:
    visitor.next_action("C000001", deps=shop)
    assert nightly.refresh(deps=shop)["visits"] == {"choices": 1, "learned": False, "version": None}


@pytest.mark.parametrize("best", ["email:none", "control"])
def test_what_earlier_visitors_bought_decides_what_later_ones_get(shop: Deps, best: str) -> None:
    _past(shop, best)
    done = nightly.refresh(deps=shop)["visits"]
    assert (done["choices"], done["learned"]) == (plain_shop.PEOPLE, True)
    answers = [visitor.next_action(plain_shop.name_of(number), deps=shop) for number in range(1, 40, 2)]
    open_to = [each for each in answers if best in {o["action"] for o in each["options"] if o["allowed"]}]
    got = sum(each["action"] == best for each in open_to)
    assert got >= 0.7 * len(open_to) > 0
    assert all(0 < each["propensity"] <= 1 for each in answers)


def test_switched_off_it_is_not_asked(shop: Deps) -> None:
    _past(shop, "control")
    nightly.refresh(deps=shop)
    before = visitor.next_action("C000001", deps=shop)
    shop.models.switch(visits.MODEL, "off", by="ann", now=plain_shop.NOW)
    after = visitor.next_action("C000001", deps=shop)
    assert before["action"] == "control"
    assert after["action"] != "control" or after["randomised"]
