"""The watch over models: what has moved stops scores, makes campaigns ask, and trains again only with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import plain_shop
from liftwright.agents.bench import watched
from liftwright.domain.errors import ConfigError
from liftwright.flow import adapt, current, deciding, nightly, training, trust, watching
from liftwright.ports import Deps

STAMP = pa.timestamp("us", tz="UTC")


@dataclass
class Flying:
    """A running campaign on the plain shop and its clock."""

    deps: Deps
    campaign_id: str
    at: datetime

    def events(self, source: str, people: list[str], kind: str, at: datetime, amount: float | None = None) -> None:
        rows = len(people)
        events = {
            "event_id": [f"{source}-{number}" for number in range(rows)],
            "customer_id": people,
            "type": [kind] * rows,
            "occurred_at": pa.array([at] * rows, STAMP),
            "amount": pa.array([amount] * rows, pa.float64()),
        }
        self.deps.lake.add({"events": pa.table(events)}, source=source, now=at)

    def everybody_visits(self) -> None:
        """A tracking fault: every visit is written twenty times, for everybody."""
        people = [plain_shop.name_of(number) for number in range(1, plain_shop.PEOPLE + 1)] * 20
        self.events("flood", people, "visit", self.at - timedelta(hours=24))

    def one_text_sells(self) -> None:
        sent = self.deps.ledger.sends(self.campaign_id, states=("sent",)).to_pylist()
        text = min(row["variant_id"] for row in sent)
        people = [row["customer_id"] for row in sent if row["variant_id"] == text][:15]
        self.events("sold", people, "purchase", self.at - timedelta(hours=2), amount=80.0)

    def texts(self) -> Counter[str]:
        return Counter(self.deps.ledger.sends(self.campaign_id, states=("planned",))["variant_id"].to_pylist())

    def journal(self, action: str, subject: str) -> list[dict[str, Any]]:
        return [dict(entry.detail) for entry in self.deps.journal.entries(subject=subject) if entry.action == action]


@pytest.fixture
def flying(tmp_path: Path) -> Iterator[Flying]:
    """A day after the first sends."""
    home, campaign = plain_shop.launched()
    at = plain_shop.NOW + timedelta(days=1, hours=6)
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "home"), now=lambda: made.at)
    made = Flying(deps, campaign.campaign_id, at)
    yield made
    plain_shop.close(deps)


async def test_a_tick_acts_while_its_models_are_well_and_asks_while_they_drift(flying: Flying) -> None:
    deps, before = flying.deps, flying.texts()
    flying.one_text_sells()
    flying.everybody_visits()
    done = nightly.refresh(deps=deps)
    assert done["drift"]["uplift_orders"] == "block"
    (lowered,) = flying.journal("autonomy.lowered", flying.campaign_id)
    assert (lowered["approved"], lowered["level"]) == ("controlled", "semi_autonomous")
    assert "stability index" in lowered["says"][0]
    seen = await adapt.tick(flying.campaign_id, deps=deps)
    assert flying.texts() == before
    assert "resplit" not in {action.kind for action in seen.actions}
    waiting = deps.approvals.pending(flying.campaign_id)
    assert waiting is not None
    assert "go on at the level controlled" in waiting.title
    assert [action.after["asks"] for action in seen.actions if action.rule == trust.KIND.upper()] == [trust.KIND]
    await deciding.decide("approve", flying.campaign_id, plan_hash=waiting.plan_hash, by="ann", deps=deps)
    flying.at += timedelta(days=1)
    again = await adapt.tick(flying.campaign_id, deps=deps)
    assert "resplit" in {action.kind for action in again.actions}
    assert flying.texts() != before
    assert flying.journal("autonomy.restored", flying.campaign_id)
    assert deps.journal.verify()[0]


async def test_the_same_day_without_drift_is_acted_on(flying: Flying) -> None:
    flying.one_text_sells()
    nightly.refresh(deps=flying.deps)
    seen = await adapt.tick(flying.campaign_id, deps=flying.deps)
    assert "resplit" in {action.kind for action in seen.actions}
    assert flying.deps.approvals.pending(flying.campaign_id) is None
    assert not flying.journal("autonomy.lowered", flying.campaign_id)


async def test_an_answer_of_no_keeps_the_level_low_and_is_not_asked_again(flying: Flying) -> None:
    flying.everybody_visits()
    nightly.refresh(deps=flying.deps)
    waiting = flying.deps.approvals.pending(flying.campaign_id)
    assert waiting is not None
    await deciding.decide(
        "reject", flying.campaign_id, plan_hash=waiting.plan_hash, by="ann", reason="look first", deps=flying.deps
    )
    await adapt.tick(flying.campaign_id, deps=flying.deps)
    assert flying.deps.approvals.pending(flying.campaign_id) is None
    plan = plain_shop.plan_of(flying.deps, flying.campaign_id)
    assert not trust.may(plan, "choose_variant", deps=flying.deps)
    assert trust.may(plan, "stop_campaign", deps=flying.deps)


def test_a_model_that_is_overdue_lowers_the_level_without_any_watch(flying: Flying) -> None:
    plan = plain_shop.plan_of(flying.deps, flying.campaign_id)
    assert not trust.standing(plan, deps=flying.deps).is_lowered
    flying.at += timedelta(days=31)
    now = trust.standing(plan, deps=flying.deps)
    assert (now.level, set(now.conditions.values())) == ("semi_autonomous", {"overdue"})
    assert not trust.may(plan, "choose_variant", deps=flying.deps)


def test_a_block_stops_the_scoring_and_says_what_it_would_have_spoiled(flying: Flying) -> None:
    deps = flying.deps
    assert current.scored(deps).scored.effects.is_tested
    flying.everybody_visits()
    done = nightly.refresh(deps=deps)
    assert "uplift_orders" in {card.model for card in deps.models.cards() if card.state == "blocked"}
    assert not current.scored(deps).scored.effects.is_tested
    assert any("who is contacted" in says for says in done["stopped"])
    assert {finding.rule for finding in watched.stopped(deps)} == {"MODEL-DRIFT"}
    assert done["retrained"] == []


def test_a_block_ends_by_itself_when_the_data_is_as_it_was(flying: Flying) -> None:
    deps = flying.deps
    deps.models.switch("uplift_orders", "blocked", by="liftwright", now=flying.at)
    assert not current.scored(deps).scored.effects.is_tested
    watching.watch(deps=deps)
    assert {card.state for card in deps.models.cards()} == {"on"}
    assert current.scored(deps).scored.effects.is_tested


def test_a_report_can_be_computed_again_from_what_the_journal_says(flying: Flying) -> None:
    flying.everybody_visits()
    watching.watch(deps=flying.deps)
    (kept,) = flying.journal("model.watched", "uplift_orders")
    snapshot = flying.deps.lake.snapshot()
    assert snapshot is not None
    assert (kept["snapshot"], kept["level"], kept["rows"]) == (snapshot.snapshot_id, "block", plain_shop.PEOPLE)
    (again,) = (report for report in watching.drifted("uplift_orders", deps=flying.deps))
    assert again["version"] == kept["version"]
    assert [signal for signal in again["signals"] if signal["is_beyond"]] == kept["signals"]
    first = kept["signals"][0]
    assert first["value"] > first["bound"] > 0
    assert first["rows"] == plain_shop.PEOPLE


def test_a_person_who_trains_a_blocked_model_puts_it_back_to_work(flying: Flying) -> None:
    flying.everybody_visits()
    nightly.refresh(deps=flying.deps)
    training.train("uplift", deps=flying.deps)
    assert {card.state for card in flying.deps.models.cards()} == {"on"}
    assert watching.watch(deps=flying.deps)[0]["level"] != "block"
    assert current.scored(flying.deps).scored.effects.is_tested


def test_a_model_that_a_person_switched_off_is_neither_blocked_nor_released(flying: Flying) -> None:
    flying.deps.models.switch("uplift_orders", "off", by="ann", now=flying.at)
    flying.everybody_visits()
    nightly.refresh(deps=flying.deps)
    card = next(card for card in flying.deps.models.cards() if card.model == "uplift_orders")
    assert card.state == "off"


def _report(deps: Deps, model: str = "uplift_orders", **more: Any) -> dict[str, Any]:
    (report,) = watching.drifted(model, deps=deps)
    return {**report, **more}


def test_training_is_due_by_age_by_new_outcomes_and_by_a_wrong_calibration_never_by_a_shift(flying: Flying) -> None:
    deps = flying.deps
    assert watching.due([_report(deps)], deps=deps) == {}
    more = _report(deps, labels=130, trained_labels=100)
    assert "130 outcomes" in watching.due([more], deps=deps)["uplift"]
    assert watching.due([_report(deps, labels=119, trained_labels=100)], deps=deps) == {}
    off = {"kind": "calibration", "is_beyond": True, "level": "alarm", "says": "orders: 90 where 60 were expected"}
    assert "calibration" in watching.due([_report(deps, signals=[off])], deps=deps)["uplift"]
    shift = {"kind": "input", "is_beyond": True, "level": "alarm", "says": "visits moved"}
    assert watching.due([_report(deps, signals=[shift])], deps=deps) == {}
    flying.at += timedelta(days=31)
    assert "overdue" in watching.due([_report(deps)], deps=deps)["uplift"]


def test_the_night_trains_what_is_due_says_why_and_the_new_version_is_in_force(
    flying: Flying, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = flying.deps
    old = current.versions(deps)
    assert nightly.refresh(deps=deps)["retrained"] == []
    assert current.versions(deps) == old
    monkeypatch.setattr(watching, "NEW_LABELS", 1.0)
    done = nightly.refresh(deps=deps)
    assert {each["model"] for each in done["retrained"]} >= {"uplift_orders", "uplift_margin"}
    assert all("outcomes to learn from" in each["because"] for each in done["retrained"])
    assert all(version in (current.versions(deps) or ()) for version in done["models"])
    assert current.versions(deps) != old


def test_every_model_of_the_registry_is_watched_and_only_those(flying: Flying) -> None:
    training.train(deps=flying.deps)
    watched_models = {report["model"] for report in watching.drifted(deps=flying.deps)}
    assert watched_models == {card.model for card in flying.deps.models.cards()}
    assert {"uplift_orders", "answers", "affinity", "send_time"} <= watched_models
    with pytest.raises(ConfigError, match="to watch"):
        watching.drifted("weather", deps=flying.deps)
