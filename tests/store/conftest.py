"""An engine on each database, the store's classes on it, and the objects its tests keep there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from liftwright.domain.approval import ApprovalRequest, Decision
from liftwright.domain.campaign import Campaign, Send
from liftwright.domain.evidence import Interval
from liftwright.domain.experiment import Detectable, Experiment
from liftwright.domain.goal import Goal, Objective
from liftwright.domain.money import Money
from liftwright.domain.plan import AssignmentSummary, Audience, Decisions, Envelope, Forecast, Pins, Plan
from liftwright.store.approvals import SqlApprovals
from liftwright.store.campaigns import SqlCampaigns
from liftwright.store.engine import open_engine
from liftwright.store.journal import SqlJournal
from liftwright.store.ledger import SqlLedger

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The test runs on SQLite and on PostgreSQL."""
    opened = open_engine(Path(), database_url)
    yield opened
    opened.dispose()


@dataclass(frozen=True)
class Store:
    """The store on one database, and short ways to get a campaign where a test begins."""

    engine: Engine
    url: str
    campaigns: SqlCampaigns
    approvals: SqlApprovals
    ledger: SqlLedger
    journal: SqlJournal

    def planned(self, campaign_id: str = "c1", *, revision: int = 1) -> Plan:
        """A campaign with a plan that waits for approval."""
        if campaign_id not in [campaign.campaign_id for campaign in self.campaigns.all()]:
            self.campaigns.create(a_campaign(campaign_id))
            self.campaigns.update(campaign_id, status="awaiting_approval")
        plan = a_plan(campaign_id, revision=revision)
        self.campaigns.save_plan(plan, by="planner", at=NOW, changes={})
        return plan

    def asked(self, campaign_id: str = "c1", *, revision: int = 1, **changes: Any) -> ApprovalRequest:
        """The same, with the approval asked for."""
        plan = self.planned(campaign_id, revision=revision)
        return self.approvals.request(an_approval(plan, **changes))

    def approved(self, campaign_id: str = "c1", *, revision: int = 1, **changes: Any) -> ApprovalRequest:
        """The same, approved by anna an hour later."""
        return self.approvals.decide(a_decision(self.asked(campaign_id, revision=revision, **changes)))

    def launched(self, sends: list[Send], campaign_id: str = "c1") -> ApprovalRequest:
        """The same, with these sends in the ledger."""
        approval = self.approved(campaign_id)
        assert self.launch(approval, sends) == len(sends)
        return approval

    def launch(self, approval: ApprovalRequest, sends: list[Send], *, now: datetime = NOW + timedelta(hours=2)) -> int:
        """Launch against the plan as it is stored."""
        return self.ledger.launch(
            approval_id=approval.approval_id, plan_hash=lambda: self.stored_hash(approval), sends=sends, now=now
        )

    def stored_hash(self, approval: ApprovalRequest) -> str:
        """The hash of the plan rows as they are now."""
        plan = self.campaigns.plan(approval.campaign_id, approval.revision)
        assert plan is not None
        return plan.plan_hash

    def states(self, campaign_id: str = "c1") -> dict[str, str]:
        """send_id to state."""
        table = self.ledger.sends(campaign_id)
        return dict(zip(table["send_id"].to_pylist(), table["state"].to_pylist(), strict=True))


@pytest.fixture
def store(engine: Engine, database_url: str) -> Store:
    """The store's classes on one database."""
    return Store(engine, database_url, SqlCampaigns(engine), SqlApprovals(engine), SqlLedger(engine), SqlJournal(engine))


def a_campaign(campaign_id: str = "c1", **changes: Any) -> Campaign:
    """A campaign at its very start."""
    goal = Goal(text="More margin in November", asked_at=NOW)
    return Campaign(**{"campaign_id": campaign_id, "goal": goal, "status": "planning", "created_at": NOW, "seed": 7, **changes})


def a_plan(campaign_id: str = "c1", *, revision: int = 1, touches: int = 2, model: str = "scripted") -> Plan:
    """A small plan; another `touches` gives another hash."""
    return Plan(
        campaign_id=campaign_id,
        revision=revision,
        objective=Objective(metric="incremental_margin", starts_on=date(2026, 11, 2), ends_on=date(2026, 11, 15)),
        assumptions=(),
        audience=Audience(population=100, eligible=80, selected=50, holdout=8, funnel=(), digest=DIGEST),
        experiment=Experiment(
            salt="s", holdout_share=0.1, primary_metric="margin", mde=Detectable(absolute=0.5), method="t", treated=72, holdout=8
        ),
        offers=(),
        variants=(),
        assignment=_assignment(touches),
        forecast=Forecast(incremental_margin=Interval(low=1, mid=2, high=3), cost=Money(minor=100, currency="USD")),
        decisions=Decisions(
            likely_buyers="a",
            persuadables="b",
            excluded="c",
            incentive={},
            channels={"email": touches},
            success_metric="margin",
            adjust_when=(),
            stop_when=(),
        ),
        envelope=Envelope(
            channels=("email",),
            max_total_spend=Money(minor=10000, currency="USD"),
            max_daily_spend=Money(minor=1000, currency="USD"),
            max_audience=50,
            max_discount=0.0,
            allows=(),
            ends_on="2026-11-15",
        ),
        autonomy_level="assistive",
        pins=Pins(snapshot="snap", models=(), policies="p", prompts={}, settings="s", seed=7, version="0.1.0"),
        model=model,
    )


def _assignment(touches: int) -> AssignmentSummary:
    return AssignmentSummary(
        digest=DIGEST,
        candidates=DIGEST,
        limits={"budget": 1000.5, "per_person_cap": 2},
        touches=touches,
        people=50,
        objective=12.25,
        upper_bound=12.5,
        gap=0.02,
        prices={},
        violations=0,
        by_channel={"email": touches},
        by_offer={"none": touches},
    )


def an_approval(plan: Plan, **changes: Any) -> ApprovalRequest:
    """A question about a plan that may be answered for three days."""
    values: dict[str, Any] = {
        "approval_id": f"{plan.campaign_id}-a{plan.revision}",
        "campaign_id": plan.campaign_id,
        "thread_id": plan.campaign_id,
        "plan_hash": plan.plan_hash,
        "revision": plan.revision,
        "title": "November",
        "risk": "low",
        "trigger": "launch",
        "needs": ("marketer",),
        "asked_by": "planner",
        "asked_at": NOW,
        "expires_at": NOW + timedelta(days=3),
    }
    return ApprovalRequest(**{**values, **changes})


def a_decision(approval: ApprovalRequest, **changes: Any) -> Decision:
    """Anna approves, an hour after it was asked."""
    values: dict[str, Any] = {
        "kind": "approve",
        "approval_id": approval.approval_id,
        "plan_hash": approval.plan_hash,
        "by": "anna",
        "at": NOW + timedelta(hours=1),
    }
    return Decision(**{**values, **changes})


def some_sends(plan_hash: str, number: int, *, campaign_id: str = "c1", **changes: Any) -> list[Send]:
    """Sends of one wave, one a person, due one after the other from NOW on, one second apart."""
    return [
        Send(
            **{
                "send_id": f"{campaign_id}-s{i:06}",
                "idem_key": f"{campaign_id}:p{i}:email:0",
                "campaign_id": campaign_id,
                "plan_hash": plan_hash,
                "customer_id": f"p{i}",
                "wave": 0,
                "channel": "email",
                "offer": "none",
                "discount": 0.0,
                "variant_id": "v1",
                "send_at": NOW + timedelta(seconds=i),
                "priority": i + 1,
                "cost": 0.002,
                **changes,
            }
        )
        for i in range(number)
    ]


class SecondProcess:
    """Another process on the same database. It says that it is ready, then acts when told to."""

    def __init__(self, url: str, action: str, **arguments: Any) -> None:
        script = Path(__file__).with_name("second_process.py")
        command = [sys.executable, str(script), url, action, json.dumps(arguments, default=str)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.line() == "ready"

    def go(self) -> None:
        """Let it act."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def line(self) -> str:
        """The next line it says; waits for it."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def result(self) -> Any:
        """What it returned."""
        said, _ = self._process.communicate(timeout=60)
        return json.loads(said.splitlines()[-1])

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def second_process(database_url: str) -> Iterator[Callable[..., SecondProcess]]:
    """Start other processes on the test's database; none outlives the test."""
    started: list[SecondProcess] = []

    def _start(action: str, **arguments: Any) -> SecondProcess:
        started.append(SecondProcess(database_url, action, **arguments))
        return started[-1]

    yield _start
    for process in started:
        process.kill()


@dataclass(frozen=True)
class Make:
    """The functions above, for tests (which cannot import this file)."""

    now: datetime = NOW
    campaign: Callable[..., Campaign] = a_campaign
    plan: Callable[..., Plan] = a_plan
    approval: Callable[..., ApprovalRequest] = an_approval
    decision: Callable[..., Decision] = a_decision
    sends: Callable[..., list[Send]] = some_sends


@pytest.fixture(scope="session")
def make() -> Make:
    """Ways to make what the store keeps."""
    return Make()
