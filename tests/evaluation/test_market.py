"""The main job against simulated people: what was approved is what was sent, nobody of the holdout is touched, the truth stays outside."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from liftwright.domain.errors import ApprovalError
from liftwright.domain.plan import Plan
from liftwright.evaluation import market
from liftwright.evaluation.market import IMPORTED, MarketRun
from liftwright.flow import export, in_force, untouchable

pytestmark = pytest.mark.slow
CUSTOMERS, DAYS, SEED = 6_000, 5, 3
"""Below about 4,000 people the market's randomised history shows no effect that is sure enough to pay, and the plan is to do nothing."""
REPORT = {
    "campaign_id", "status", "approved_hash", "plan_hash", "sends", "lift", "incremental_margin", "verdict", "health", "guardrails",
    "actions", "policy_violations", "lessons", "narrative",
}  # fmt: skip
TRUE_WORDS = ("share_of_oracle", "persuadable", "sleeping_dog", "lost_cause", "sure_thing", "oracle")


class Played:
    """One played campaign: what it printed, what it said on the way, and the workspace it left."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.asked: list[tuple[str, str]] = []
        self.said: list[tuple[str, str]] = []
        self.run = MarketRun(
            home=home,
            customers=CUSTOMERS,
            days=DAYS,
            campaigns=1,
            seed=SEED,
            approve=self.approve,
            progress=lambda who, what: self.said.append((who, what)),
        )
        self.data: dict[str, Any] = asyncio.run(self.run.play())
        (self.campaign,) = self.data["campaigns"]
        plan = self.run.deps.campaigns.plan(self.campaign["campaign_id"])
        assert plan is not None
        self.plan: Plan = plan

    def approve(self, title: str, plan_hash: str) -> bool:
        self.asked.append((title, plan_hash))
        return True

    def dropped(self) -> list[dict[str, str]]:
        """Every row of every action file that no notice beside it recalls."""
        actions = self.home / "outbox" / "actions"
        recalled = {row["send_id"] for path in actions.glob("*.cancelled.csv") for row in _imported(path)}
        rows = [row for path in sorted(actions.glob("????-??-??.csv")) for row in _imported(path)]
        return [row for row in rows if row["send_id"] not in recalled]

    def holdout(self) -> set[str]:
        """Those of the audience, whose arms are the ones that the plan's salt and share draw within its strata."""
        audience = self.run.deps.lake.get(self.plan.audience.digest)
        assert untouchable.is_drawn(self.plan.experiment, audience, gone=0)
        arms = zip(audience["customer_id"].to_pylist(), audience["arm"].to_pylist(), strict=True)
        return {name for name, arm in arms if arm == "holdout"}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Played once."""
    return Played(tmp_path_factory.mktemp("market") / "home")


def test_what_was_approved_is_what_ran(played: Played) -> None:
    (_, asked), *changes = played.asked
    assert all(title.startswith("Add ") for title, _ in changes), "nothing else has to be asked for"
    assert played.campaign["approved_hash"] == played.campaign["plan_hash"] == played.plan.plan_hash == asked
    assert played.campaign["sends"]["duplicates"] == 0
    assert played.campaign["policy_violations"] == 0
    assert played.plan.assignment.violations == 0


def test_the_printed_json_is_complete(played: Played) -> None:
    data = json.loads(json.dumps(played.data))
    assert {"model", "campaigns", "baselines", "seconds"} <= set(data)
    assert data["model"] == "scripted"
    assert REPORT | {"goal", "forecast", "truth"} <= set(played.campaign)
    assert {"incremental_margin", "share_of_oracle"} <= set(played.campaign["truth"])
    assert set(played.campaign["forecast"]["incremental_margin"]) == {"low", "mid", "high", "level"}
    for found in (played.campaign["lift"], played.campaign["incremental_margin"]):
        assert {"low", "mid", "high", "level"} <= set(found)
        assert found["low"] <= found["mid"] <= found["high"]
    assert data["baselines"]
    for name, rival in data["baselines"].items():
        assert set(rival) >= {"incremental_margin", "share_of_oracle"}, name
        assert rival["share_of_oracle"] <= 1.0, name
    assert played.campaign["narrative"]
    assert played.campaign["verdict"] in ("win", "harm", "futile", "inconclusive", "invalid")


def test_nobody_of_the_holdout_is_in_any_action_file(played: Played) -> None:
    rows, held = played.dropped(), played.holdout()
    assert rows
    assert held
    assert not {row["customer_id"] for row in rows} & held
    assert len({row["send_id"] for row in rows}) == len(rows) == played.campaign["sends"]["delivered"]


def test_only_what_was_planned_or_planned_again_left_the_house(played: Played) -> None:
    deps, campaign_id = played.run.deps, played.campaign["campaign_id"]
    tables: list[Any] = [export.export(campaign_id, "assignment", deps=deps)]
    entries = [
        entry for entry in deps.journal.entries(subject=campaign_id) if entry.action in (in_force.REPLANNED, in_force.ADDED)
    ]
    assert {entry.action for entry in entries} >= {in_force.REPLANNED}
    tables += [deps.lake.get(entry.detail["rows"]) for entry in entries]
    may = {(row["customer_id"], row["channel"], row["offer"]) for table in tables for row in table.to_pylist()}
    assert {(row["customer_id"], row["channel"], row["offer"]) for row in played.dropped()} <= may
    assert played.campaign["sends"]["planned"] >= played.campaign["sends"]["delivered"]


def test_every_send_went_to_somebody_who_could_be_asked(played: Played) -> None:
    consent = {row["customer_id"]: row for row in _imported(played.home / "market" / "customers.csv")}
    denied = [row for row in played.dropped() if consent[row["customer_id"]].get(f"consent_{row['channel']}") == "denied"]
    assert denied == []


def test_the_truth_is_in_no_file_the_product_read_and_in_no_row_it_kept(played: Played) -> None:
    for path in (played.home / "market").iterdir():
        assert path.stem in IMPORTED or path.stem == "brand" or path.stem.startswith("events-"), path
    kept = json.dumps(played.plan.manifest(), default=str) + json.dumps(
        [entry.detail for entry in played.run.deps.journal.entries()], default=str
    )
    assert not [word for word in TRUE_WORDS if word in kept]


def test_the_journal_holds_and_lessons_were_kept(played: Played) -> None:
    assert played.run.deps.journal.verify()[0]
    assert played.campaign["lessons"]
    assert {lesson.campaign_id for lesson in played.run.deps.lessons.find(now=played.run.clock())} == {
        played.campaign["campaign_id"]
    }


def test_the_agents_steps_appear_as_they_happen(played: Played) -> None:
    who = [name for name, _ in played.said]
    for name in ("market", "import", "marketer", "strategist", "channel_planner", "compliance_reviewer", "day", "learn"):
        assert name in who
    assert who.count("day") > DAYS


def refusing(home: Path, *, customers: int) -> MarketRun:
    """A run whose approver says no."""
    return MarketRun(
        home=home,
        customers=customers,
        days=DAYS,
        campaigns=1,
        seed=SEED,
        approve=lambda title, plan_hash: False,
        progress=lambda who, what: None,
    )


def test_an_approver_who_says_no_ends_it_with_nothing_sent(tmp_path: Path) -> None:
    run = refusing(tmp_path / "home", customers=CUSTOMERS)
    with pytest.raises(ApprovalError) as refused:
        asyncio.run(run.play())
    assert refused.value.code == "DEMO-REJECTED"
    assert not list((tmp_path / "home" / "outbox").rglob("*.csv"))
    assert run.deps.ledger.sends().num_rows == 0


def test_a_goal_that_no_plan_can_reach_ends_the_demo_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market, "GOALS", ("Sell more shoes over the next {days} days with voice calls, 30k budget",))
    with pytest.raises(ApprovalError) as refused:
        asyncio.run(refusing(tmp_path / "home", customers=300).play())
    assert refused.value.code == "DEMO-NO-PLAN"
    assert "300 people the goal ended as infeasible" in refused.value.says
    assert "--customers" in refused.value.next_step


def _imported(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
