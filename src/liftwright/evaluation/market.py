"""The main job against people who react: import, plan, approve, run day by day, measure, learn, and start the next campaign.

The product meets the market only through files: it imports what the market writes and the market reads the action files that the
worker drops. The truth is asked for at the end and shown beside the product's own figures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from liftwright import settings as settings_file
from liftwright import wiring
from liftwright.domain.approval import DecisionKind
from liftwright.domain.campaign import Campaign
from liftwright.domain.errors import ApprovalError
from liftwright.flow import adapt, deciding, dispatch, intake, learn, shown, walk
from liftwright.ports import Deps, Progress

if TYPE_CHECKING:
    from liftwright.world.market import Market
    from liftwright.world.parameters import ChannelSet

FIRST_DAY = date(2026, 3, 2)
"""The simulated Monday on which the first campaign starts."""
WORK_HOURS = (6, 20)
"""UTC hours of each simulated day at which the worker runs; the drop file takes a day's actions ahead."""
BATCH = 5_000
"""Sends the demo's worker takes at once."""
SETTLING_DAYS = 10
"""Days after the last send in which delayed orders still come in before a campaign is closed."""
GOALS = (
    "I want to sell more shoes over the next {days} days, 30k budget, keep margin above 35%",
    "Sell more shoes again over the next {days} days, budget 30k, keep the margin above 35%",
)
IMPORTED = ("customers", "events", "treatments", "products", "prices", "evidence", "documents")


@dataclass
class Clock:
    """The simulated moment; everything wired with it acts at that time."""

    at: datetime

    def __call__(self) -> datetime:
        """The moment, aware, UTC."""
        return self.at

    def set(self, day: date, hour: int = 0) -> None:
        """Move to an hour of a day."""
        self.at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def bring_in(
    home: Path,
    *,
    customers: int,
    channels: ChannelSet,
    seed: int,
    starts_on: date,
    now: Callable[[], datetime],
    progress: Progress,
) -> tuple[Market, Deps, dict[str, int]]:
    """Draw a market, write its settings and files into the workspace `home` and import them, as any customer would.

    Returns the market, the open workspace, and how many rows of each table came in.
    """
    market, values = drawn(home, customers=customers, channels=channels, seed=seed, starts_on=starts_on, progress=progress)
    deps = wiring.build(settings_file.parse(values | {"home": home}), now=now, progress=progress)
    return market, deps, imported(market, deps=deps)


def drawn(
    home: Path, *, customers: int, channels: ChannelSet, seed: int, starts_on: date, progress: Progress
) -> tuple[Market, dict[str, Any]]:
    """Draw a market and write the settings that fit it into the workspace `home`; returns both."""
    progress("market", f"draws {customers:,} people and a year of their life (seed {seed})")
    market = wiring.market(customers=customers, seed=seed, starts_on=starts_on, channels=channels)
    values = market.settings() | {"seed": seed}
    home.mkdir(parents=True, exist_ok=True)
    (home / "liftwright.toml").write_text(as_toml(values), encoding="utf-8")
    return market, values


def imported(market: Market, *, deps: Deps) -> dict[str, int]:
    """Write a market's files into the workspace and import them; returns how many rows of each table came in."""
    files, rows = market.files(deps.settings.home / "market"), {}
    for table in IMPORTED:
        result = intake.import_file(files[table], declared=table, mapping=None, dry_run=False, deps=deps)
        rows[table] = sum(result.tables.values())
        deps.progress("import", f"{table}: {rows[table]:,} rows")
    return rows


@dataclass
class MarketRun:
    """`customers` people, `campaigns` goals of `days` days one after the other. `approve(title, plan_hash)` stands for the approver."""

    home: Path
    customers: int
    days: int
    campaigns: int
    seed: int
    approve: Callable[[str, str], bool]
    progress: Progress
    channels: ChannelSet = "four"
    clock: Clock = field(init=False)
    market: Market = field(init=False)
    deps: Deps = field(init=False)

    async def play(self) -> dict[str, Any]:
        """Run everything; returns the shape of `demo --json`."""
        started = time.monotonic()
        self._prepare()
        played = []
        baselines: dict[str, Any] = {}
        for number in range(self.campaigns):
            found, rivals = await self._campaign(number)
            played.append(found)
            baselines = baselines or rivals
        sender = self.deps.settings.sender
        return {
            "model": self.deps.settings.model,
            "sender": f"{sender.name}, {sender.address}: the simulated market's own, from [sender] in the workspace's liftwright.toml",
            "campaigns": played,
            "baselines": baselines,
            "seconds": round(time.monotonic() - started, 1),
        }

    def _prepare(self) -> None:
        """Draw the market and bring its files in, as any customer would."""
        self.clock = Clock(datetime.min)
        self.clock.set(FIRST_DAY)
        self.market, self.deps, _ = bring_in(
            self.home,
            customers=self.customers,
            channels=self.channels,
            seed=self.seed,
            starts_on=FIRST_DAY,
            now=self.clock,
            progress=self.progress,
        )

    async def _campaign(self, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        starts_on = self.market.today
        ends_on = starts_on + timedelta(days=self.days - 1)
        self.clock.set(starts_on, 6)
        goal = GOALS[min(number, len(GOALS) - 1)].format(days=self.days)
        self.progress("marketer", goal)
        campaign = await walk.start(goal, deps=self.deps)
        plan = self.deps.campaigns.plan(campaign.campaign_id)
        if campaign.status != "awaiting_approval" or plan is None:
            raise self._no_plan(campaign)
        await self._decide(campaign.campaign_id)
        actions = await self._fly(campaign.campaign_id, ends_on)
        lessons = await learn.finish(campaign.campaign_id, deps=self.deps)
        self.progress("learn", f"{len(lessons)} lessons")
        return self._result(campaign.campaign_id, goal, actions, starts_on, ends_on)

    def _no_plan(self, campaign: Campaign) -> ApprovalError:
        """Why the demo ends early, in the words of the finding that stopped it."""
        found = shown.plan_json(campaign.campaign_id, deps=self.deps)["findings"]
        why = next((finding["says"] for finding in found if finding["severity"] == "block"), campaign.question or "")
        return ApprovalError(
            "DEMO-NO-PLAN",
            f"In a market of {self.customers:,} people the goal ended as {campaign.status.replace('_', ' ')}. {why}",
            next_step=f"Simulate more people (for example --customers {max(8_000, 2 * self.customers)}) or another --seed.",
        )

    async def _decide(self, campaign_id: str) -> None:
        waiting = self.deps.approvals.pending(campaign_id)
        assert waiting is not None
        if not self.approve(waiting.title, waiting.plan_hash):
            await deciding.decide(
                "reject", campaign_id, plan_hash=waiting.plan_hash, by="you", reason="not approved in the demo", deps=self.deps
            )
            raise ApprovalError(
                "DEMO-REJECTED", "You did not approve the plan.", next_step="Nothing was sent. Run the demo again."
            )
        await deciding.decide("approve", campaign_id, plan_hash=waiting.plan_hash, by="demo approver", deps=self.deps)

    async def _answer(self, campaign_id: str) -> None:
        """Decide what the tick asked, if it asked."""
        waiting = self.deps.approvals.pending(campaign_id)
        if waiting is None:
            return
        kind: DecisionKind = "approve" if self.approve(waiting.title, waiting.plan_hash) else "reject"
        self.progress("approver", f"{kind}: {waiting.title}")
        await deciding.decide(
            kind, campaign_id, plan_hash=waiting.plan_hash, by="demo approver", reason="decided in the demo", deps=self.deps
        )

    async def _fly(self, campaign_id: str, ends_on: date) -> pa.Table:
        """Day by day: the worker drops actions, the market reacts, outcomes come back, the campaign ticks."""
        taken: list[pa.Table] = []
        last = ends_on + timedelta(days=SETTLING_DAYS)
        while self.market.today <= last:
            day = self.market.today
            for hour in WORK_HOURS:
                self.clock.set(day, hour)
                dispatch.drain(deps=self.deps, worker="demo", limit=BATCH)
            actions = self._actions_of(day)
            if actions is not None:
                self.market.act(day, actions)
                taken.append(actions)
            events = self.market.step(day)
            self.clock.set(day + timedelta(days=1), 1)
            self._bring_back(events, day)
            if day <= ends_on and self.deps.campaigns.get(campaign_id).status == "running":
                await adapt.tick(campaign_id, deps=self.deps)
                await self._answer(campaign_id)
            self.progress(
                "day", f"{day}: {0 if actions is None else actions.num_rows:,} actions, {events.num_rows:,} events back"
            )
        return pa.concat_tables(taken) if taken else pa.table({name: [] for name in ("customer_id", "channel", "send_at")})

    def _actions_of(self, day: date) -> pa.Table | None:
        """The day's actions as an executor takes them: without those that were recalled."""
        path = self.home / "outbox" / "actions" / f"{day.isoformat()}.csv"
        if not path.exists():
            return None
        actions = _read(path)
        notice = path.with_suffix(".cancelled.csv")
        if notice.exists():
            actions = actions.filter(pc.invert(pc.is_in(actions["send_id"], value_set=_read(notice)["send_id"].combine_chunks())))
        return actions

    def _bring_back(self, events: pa.Table, day: date) -> None:
        if not events.num_rows:
            return
        path = self.home / "market" / f"events-{day.isoformat()}.parquet"
        pa_parquet.write_table(events, path)
        intake.import_file(path, declared="events", mapping=None, dry_run=False, deps=self.deps)

    def _result(
        self, campaign_id: str, goal: str, actions: pa.Table, starts_on: date, ends_on: date
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The product's report with forecast and truth beside it; and what simple rules would have brought from the same morning."""
        found = self.deps.campaigns.last_report(campaign_id)
        plan = self.deps.campaigns.plan(campaign_id)
        assert found is not None
        assert plan is not None
        contest = wiring.contest(self.market, starts_on=starts_on, ends_on=ends_on, budget=30_000.0)
        worth = self.market.worth(actions, starts_on=starts_on, ends_on=ends_on)
        data = shown.report_json(found) | {
            "goal": goal,
            "forecast": shown.plan_json(campaign_id, deps=self.deps)["forecast"],
            "truth": {
                "incremental_margin": round(worth.incremental_margin, 2),
                "share_of_oracle": contest.share(worth.incremental_margin),
                "oracle": round(contest.oracle, 2),
            },
        }
        return data, contest.as_json()


def _read(path: Path) -> pa.Table:
    """An action file or a recall notice; ids and words stay text."""
    text = ("send_id", "customer_id", "channel", "offer", "variant", "send_at", "campaign_id")
    return pa_csv.read_csv(
        path, convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(text, pa.string()) | {"discount": pa.float64()})
    )


def as_toml(values: Mapping[str, Any], *, table: str = "") -> str:
    """Nested mappings of texts, numbers and booleans as the TOML that `settings.load` reads back."""
    plain = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items() if not isinstance(value, Mapping)
    ]
    nested = [
        as_toml(value, table=f"{table}.{key}" if table else str(key))
        for key, value in values.items()
        if isinstance(value, Mapping)
    ]
    return "".join(([f"\n[{table}]\n"] if table else []) + plain + nested)
