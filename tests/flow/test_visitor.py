"""A visitor now: scores of the night, rules of this moment, what was done a moment ago, and a holdout of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import plain_shop
from liftwright.domain.errors import DataError
from liftwright.flow import desk, gate, nightly, sheet, visitor, visits
from liftwright.flow.fresh import newest
from liftwright.ports import Deps
from liftwright.settings import ExperimentSettings


@pytest.fixture
def clock() -> list[datetime]:
    return [plain_shop.NOW]


def _open(home: Path, clock: list[datetime], **changes: Any) -> Deps:
    deps = plain_shop.open_shop(plain_shop.copy_of(plain_shop.furnished(), home), now=lambda: clock[0], **changes)
    names = {"product_id": ["p1", "p2", "p3"], "name": ["Runner", "Racer", "Boot"], "category": ["Running", "Running", "Hiking"]}
    deps.lake.add({"products": pa.table(names)}, source="products", now=clock[0])
    return deps


@pytest.fixture
def shop(tmp_path: Path, clock: list[datetime]) -> Iterator[Deps]:
    deps = _open(tmp_path / "shop", clock, experiment=ExperimentSettings(visitor_holdout=0.0))
    yield deps
    plain_shop.close(deps)


@pytest.fixture
def held(tmp_path: Path, clock: list[datetime]) -> Iterator[Deps]:
    deps = _open(tmp_path / "held", clock, experiment=ExperimentSettings(visitor_holdout=0.3))
    yield deps
    plain_shop.close(deps)


PEOPLE = [plain_shop.name_of(number) for number in range(1, 61)]


def _bring(deps: Deps, **columns: list[Any]) -> None:
    rows = len(columns["customer_id"])
    at = pa.array([deps.now() - timedelta(minutes=5)] * rows, pa.timestamp("us", tz="UTC"))
    deps.lake.add({"events": pa.table({**columns, "occurred_at": at})}, source=f"more-{columns}", now=deps.now())


def test_what_rules_say_here_is_what_the_gate_says_of_everybody(shop: Deps) -> None:
    answers = [visitor.next_action(person, deps=shop) for person in PEOPLE]
    channels = sorted({o["action"].partition(":")[0] for o in answers[0]["options"]} - {"control"})
    said = gate.judged(PEOPLE, channels, newest(shop), at=shop.now(), deps=shop)
    for answer in answers:
        for option in answer["options"]:
            if option["action"] != "control":
                verdict = said[answer["person"], option["action"].partition(":")[0]]
                forbids = set() if verdict.outcome in gate.PERMITTED else set(verdict.rules)
                assert forbids == set(option["blocked_by"]) - {"margin floor", "no value"}


def test_an_opt_out_that_was_imported_counts_at_the_next_visit(shop: Deps) -> None:
    first = visitor.next_action("C000002", deps=shop)
    assert any(option["allowed"] for option in first["options"] if option["action"] != "control")
    _bring(shop, customer_id=["C000002"], type=["opt_out"])
    after = visitor.next_action("C000002", deps=shop)
    assert all("SUPPRESSED" in option["blocked_by"] for option in after["options"] if option["action"] != "control")


def test_what_a_visitor_just_did_is_known_in_the_same_session_and_in_no_other(shop: Deps) -> None:
    for product in ("p1", "p2", "p3"):
        visitor.saw("C000002", session=f"s-{product}", kind="page_view", product_id=product, deps=shop)
        shown = visitor.next_action("C000002", session=f"s-{product}", deps=shop)["content"]
        assert shown[0]["product_id"] == product
        assert "looked at in this session" in shown[0]["reasons"]
    quiet = visitor.next_action("C000002", session="other", deps=shop)["content"]
    assert not any("session" in reason for each in quiet for reason in each["reasons"])


def test_a_purchase_a_moment_ago_is_a_fact_for_rules_in_every_session(shop: Deps) -> None:
    before = _days(shop)
    visitor.saw("C000002", session="s", kind="purchase", deps=shop)
    assert _days(shop) == 0 != before


def _days(deps: Deps) -> Any:
    done = deps.visits.events(["C000002"], since=deps.now() - visitor.SESSION)
    events = [visitor.momentary.Event(event.type, None, event.occurred_at) for event in done]
    (facts,) = desk.at(deps).facts("C000002", ["email"], contacts=[], events=events, at=deps.now())
    return facts["days_since_purchase"]


def test_the_same_event_counts_once_and_what_nobody_knows_is_refused(shop: Deps) -> None:
    again = [visitor.saw("C000002", session="s", kind="click", event_id="e1", deps=shop)["new"] for _ in range(2)]
    assert again == [True, False]
    assert len(shop.visits.events(["C000002"], since=shop.now())) == 1
    with pytest.raises(DataError, match="no person"):
        visitor.saw("nobody", session="s", kind="click", deps=shop)
    with pytest.raises(DataError, match="no product"):
        visitor.saw("C000002", session="s", kind="click", product_id="../../etc", deps=shop)


def test_the_holdout_is_always_the_same_people_and_gets_nothing_of_our_choosing(held: Deps) -> None:
    answers = {person: visitor.next_action(person, session="s", deps=held) for person in PEOPLE}
    out = {person for person, answer in answers.items() if answer["arm"] == "holdout"}
    assert out == {person for person in PEOPLE if visitor.is_held(person, deps=held)}
    assert 0 < len(out) < len(PEOPLE)
    for person in out:
        visitor.saw(person, session="s", kind="page_view", product_id="p3", deps=held)
        answer = visitor.next_action(person, session="s", deps=held)
        assert (answer["action"], answer["offer"], answer["propensity"]) == ("control", None, 1.0)
        assert not any("session" in reason for each in answer["content"] for reason in each["reasons"])
    kept = visits.choices(deps=held).to_pylist()
    assert {row["customer_id"] for row in kept if row["subject"] == visits.HELD_BACK} == out


def test_the_night_takes_choices_to_the_lake_once_and_forgets_sessions(shop: Deps, clock: list[datetime]) -> None:
    for person in PEOPLE[:5]:
        visitor.next_action(person, deps=shop)
    visitor.saw("C000002", session="s", kind="click", deps=shop)
    assert len(shop.visits.choices()) == 5
    clock[0] += timedelta(hours=25)
    nightly.refresh(deps=shop)
    assert shop.visits.choices() == []
    assert shop.visits.events(["C000002"], since=clock[0] - timedelta(days=9)) == []
    assert visits.choices(deps=shop).num_rows == 5


def test_killed_between_lake_and_table_no_choice_is_lost_or_counted_twice(shop: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    for person in PEOPLE[:3]:
        visitor.next_action(person, deps=shop)

    def killed(ids: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shop.visits, "in_lake", killed)
        with pytest.raises(KeyboardInterrupt):
            visits.to_lake(deps=shop)
    assert visits.choices(deps=shop).num_rows == 3
    assert visits.to_lake(deps=shop) == 3
    assert visits.choices(deps=shop).num_rows == 3


def test_scores_are_those_of_the_last_night_and_made_anew_when_a_model_is_switched_off(shop: Deps) -> None:
    nightly.refresh(deps=shop)
    night = visitor.next_action("C000002", deps=shop)["pins"]
    kept = sheet.newest(shop)
    _bring(shop, customer_id=["C000003"], type=["click"])
    assert visitor.next_action("C000002", deps=shop)["pins"] == night
    (model, *_) = [name.partition("@")[0] for name in night["models"] if name.startswith("uplift")]
    shop.models.switch(model, "off", by="ann", now=shop.now())
    assert sheet.newest(shop) is None, "scores of a model that was switched off are not used"
    after = visitor.next_action("C000002", deps=shop)["pins"]
    assert not any(name.startswith("uplift") for name in after["models"])
    assert sheet.newest(shop) != kept


def test_scores_of_two_days_ago_are_made_anew(shop: Deps, clock: list[datetime]) -> None:
    visitor.next_action("C000002", deps=shop)
    clock[0] += sheet.LASTS + timedelta(minutes=1)
    assert sheet.newest(shop) is None
    visitor.next_action("C000002", deps=shop)
    made = sheet.newest(shop)
    assert made is not None
    assert made.at == clock[0]


def test_somebody_who_came_after_the_night_gets_nothing_yet_and_is_told_why(shop: Deps) -> None:
    visitor.next_action("C000002", deps=shop)
    shop.lake.add({"customers": pa.table({"customer_id": ["Z1"], "country": ["US"]})}, source="late", now=shop.now())
    answer = visitor.next_action("Z1", deps=shop)
    assert (answer["arm"], answer["action"]) == ("none", "control")
    assert "not scored yet" in answer["says"]


def test_while_somebody_else_makes_the_scores_a_visitor_does_not_wait(shop: Deps) -> None:
    with desk._scoring:
        answer = visitor.next_action("C000002", deps=shop)
    assert answer["action"] == "control"
    assert visitor.next_action("C000002", deps=shop)["arm"] == "treated"
