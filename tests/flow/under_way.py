"""A campaign of plain e-mails under way: the first wave is out, it is the eve of the second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

import plain_shop
from liftwright.domain.plan import Plan
from liftwright.flow import reporting
from liftwright.flow.replan import replan
from liftwright.ports import Deps


class Clock:
    """A moment that tests move."""

    def __init__(self) -> None:
        self.at = plain_shop.NOW + timedelta(hours=2)

    def __call__(self) -> datetime:
        """The moment."""
        return self.at


class Flight:
    """A campaign of plain e-mails of which the first wave is out, on the eve of the second."""

    def __init__(self, deps: Deps, campaign_id: str, clock: Clock) -> None:
        self.deps, self.campaign_id, self.clock = deps, campaign_id, clock

    @property
    def plan(self) -> Plan:
        """The approved plan."""
        return plain_shop.plan_of(self.deps, self.campaign_id)

    def sends(self, *states: Any) -> list[dict[str, Any]]:
        """Sends in these states."""
        return list(self.deps.ledger.sends(self.campaign_id, states=states).to_pylist())

    def again(self, plan: Plan | None = None, *, number: int = 2) -> int:
        """Plan the rest again, as the tick does."""
        row, own = reporting.launched(self.campaign_id, self.deps)
        starts_at = reporting.flight(own, row, self.deps)[0]
        return replan(plan or own, number=number, starts_at=starts_at, deps=self.deps)

    def happened(self, people: list[str], kind: str, **more: Any) -> None:
        """An event of each of these people an hour ago."""
        at = self.clock.at - timedelta(hours=1)
        events = {"customer_id": people, "type": [kind] * len(people), "occurred_at": [at] * len(people)}
        events |= {name: [value] * len(people) for name, value in more.items()}
        table = pa.table(events)
        moment = pa.timestamp("us", tz="UTC")
        table = table.set_column(2, "occurred_at", table["occurred_at"].cast(moment))
        self.deps.lake.add({"events": table}, source=f"{kind}-{at.isoformat()}", now=self.clock.at)


def begun(tmp_path: Path) -> Iterator[Flight]:
    """See `Flight`; closed at the end."""
    home, campaign = plain_shop.launched()
    clock = Clock()
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "home"), now=clock)
    waves = sorted({row["wave"]: row["send_at"] for row in deps.ledger.sends(campaign.campaign_id).to_pylist()}.items())
    second = min(row["send_at"] for row in deps.ledger.sends(campaign.campaign_id).to_pylist() if row["wave"] == waves[1][0])
    day = (second - timedelta(days=1)).date()
    clock.at = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    yield Flight(deps, campaign.campaign_id, clock)
    plain_shop.close(deps)
