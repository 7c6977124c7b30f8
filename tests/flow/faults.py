"""A running campaign in the small shop, and one fault for each stop rule to plant in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import small_shop
import stand_ins
from small_shop import Clock

from liftwright.channels.file_drop import FileDrop
from liftwright.domain.evidence import Action
from liftwright.domain.experiment import StopRule
from liftwright.domain.plan import Plan
from liftwright.domain.treatment import Offer
from liftwright.flow import adapt, deciding, dispatch, fresh, walk
from liftwright.ports import Deps

PEOPLE = 160
EVIDENCE = {"statistic", "bound", "look", "data_hash"}


@dataclass
class Flight:
    """A running campaign whose first touch has been taken and whose second stands in the drop file of a later day."""

    shop: Deps
    clock: Clock
    campaign_id: str
    treated: list[str]
    held: list[str]
    second_at: datetime

    @property
    def plan(self) -> Plan:
        plan = self.shop.campaigns.plan(self.campaign_id)
        assert plan is not None
        return plan

    @property
    def status(self) -> str:
        return self.shop.campaigns.get(self.campaign_id).status

    def happen(self, people: list[str], kind: str, *, amount: float | None = None, margin: float | None = None) -> None:
        """The same event for each of these people, a different amount for each."""
        events = [
            small_shop.happened(person, kind, self.clock.at, amount=None if amount is None else amount + number % 7)
            for number, person in enumerate(people)
        ]
        table = pa.concat_tables(events)
        if margin is not None:
            table = table.append_column("margin", pc.multiply(table["amount"], margin))
        self.shop.lake.add({"events": table}, source=f"{kind}{people[0]}{len(people)}", now=self.clock.at)

    async def tick(self, *, minutes: int = 60) -> list[Action]:
        """What one more look did."""
        self.clock.on(minutes=minutes)
        before = self.shop.campaigns.actions(self.campaign_id)
        await adapt.tick(self.campaign_id, deps=self.shop)
        return [action for action in self.shop.campaigns.actions(self.campaign_id) if action not in before]

    def leaves(self) -> int:
        """Second touches that executors would carry out after all: in the file of their day and not recalled."""
        for hours in (12, 12, 36):
            self.clock.on(hours=hours)
            dispatch.drain(deps=self.shop, worker="w")
        folder = self.shop.settings.home / "outbox" / "actions"
        gone = {row for path in folder.glob("*.cancelled.csv") for row in _ids(path)}
        return len([row for row in _ids(folder / f"{self.second_at:%Y-%m-%d}.csv") if row not in gone])

    def entries(self, action: str) -> list[dict[str, Any]]:
        return [entry.detail for entry in self.shop.journal.entries(subject=self.campaign_id) if entry.action == action]


def _ids(path: Path) -> list[str]:
    return [line.split(",")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]] if path.exists() else []


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str, clock: Clock, cast: stand_ins.Cast) -> Iterator[Deps]:
    """A shop with drop files and enough people to measure something."""
    deps = small_shop.open_shop(tmp_path, now=clock)
    small_shop.furnish(deps, people=PEOPLE)
    home = deps.settings.home
    yield replace(deps, channels={"email": FileDrop("email", home), "sms": FileDrop("sms", home)})
    small_shop.close(deps)


Ready = Callable[..., Any]
on_time = stand_ins._row


def _late(person: str, wave: int, starts_on: Any, text: Any) -> dict[str, Any]:
    """The second touch on the afternoon of the last day, by when an effect may be judged."""
    return {
        **on_time(person, wave, starts_on, text),
        "send_on": starts_on + timedelta(days=6 * (wave - 1)),
        "hour": 10 + 6 * (wave - 1),
    }


@pytest.fixture
def ready(house: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Ready:
    """A flight under these rules; `allows`: what its approval allows to do without asking. Where there is a budget, it is one for a
    hundred contacts, and the second touches are not handed over yet; where the effect is judged, they come late."""
    made = stand_ins.StandInBench.plan

    def offering(self: stand_ins.StandInBench, **parts: Any) -> Plan:
        return made(self, **parts).model_copy(update={"offers": (Offer(name="none"), Offer(name="save10", stock=3))})

    monkeypatch.setattr(stand_ins.StandInBench, "plan", offering)
    texts = (stand_ins.TEXTS[0], stand_ins.TEXTS[1].model_copy(update={"offer": "save10"}))
    monkeypatch.setattr(stand_ins, "TEXTS", texts)

    async def start(*wanted: StopRule, allows: tuple[str, ...] = ("stop_campaign", "reduce_sends")) -> Flight:
        names = {each.name for each in wanted}
        is_tight, is_long = "budget" in names, bool(names & {"futility", "goal_reached"})
        if is_long:
            monkeypatch.setattr(stand_ins, "_row", _late)
        monkeypatch.setattr(stand_ins, "RULES", wanted)
        monkeypatch.setattr(stand_ins, "ALLOWS", allows)
        campaign = await walk.start("Sell more, cheaper" if is_tight else "Sell more", deps=house)
        await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=house)
        clock.on(hours=2)
        dispatch.drain(deps=house, worker="w")
        second_at = max(house.ledger.sends(campaign.campaign_id)["send_at"].to_pylist())
        clock.at = second_at - timedelta(hours=23)
        if not is_tight:
            dispatch.drain(deps=house, worker="w")
        plan = house.campaigns.plan(campaign.campaign_id)
        assert plan is not None
        treated, held = fresh.arms(plan.audience.digest, house)
        return Flight(house, clock, campaign.campaign_id, sorted(treated), sorted(held), second_at)

    return start


def rule(name: str, bound: float, *, acts: bool = True) -> StopRule:
    """A stop rule."""
    return StopRule(name=name, statistic="s", bound=bound, says=f"{name} says so.", acts=acts)


def spent(flight: Flight) -> None:
    """Nothing to plant: the first touch cost more than the bound."""


def opted_out(flight: Flight) -> None:
    flight.happen(flight.treated[:40], "opt_out")


def uneven(flight: Flight) -> None:
    """A newer customer file gives people who were held out the e-mail of people who were contacted: nobody knows who did what."""
    shared = {person: number // 2 for number, person in enumerate(flight.held[:32])}
    shared |= {person: number for number, person in enumerate(flight.treated[:16])}
    customers = pa.table(
        {"customer_id": sorted(shared), "email": [f"same{shared[person]}@example.test" for person in sorted(shared)]}
    )
    flight.shop.lake.add({"customers": customers}, source="newer", now=flight.clock.at)


def hopeless(flight: Flight) -> None:
    """Just before the second touch the people held out have bought more than those contacted."""
    flight.clock.at = flight.second_at - timedelta(hours=2)
    flight.happen(flight.treated[:100], "purchase", amount=20.0)
    flight.happen(flight.held[:35], "purchase", amount=60.0)


def won(flight: Flight) -> None:
    """People who were contacted buy, and many more of them than of those held out."""
    flight.happen(flight.treated[:110], "purchase", amount=90.0)
    flight.happen(flight.held[:26], "purchase", amount=5.0)


def sold_cheap(flight: Flight) -> None:
    """Orders of people who were contacted leave a tenth of the price."""
    flight.happen(flight.treated[:110], "purchase", amount=90.0, margin=0.1)
    flight.happen(flight.held[:26], "purchase", amount=60.0, margin=0.4)


def sold_out(flight: Flight) -> None:
    """The offer of the second touch is redeemed more often than there is stock: by people a third of whom have had it already."""
    flight.clock.on(hours=8)
    sends = flight.shop.ledger.sends(flight.campaign_id)
    offered = sends.filter(pc.equal(sends["offer"], "save10"))["customer_id"].to_pylist()
    flight.happen(sorted(offered)[:5], "purchase", amount=20.0)
