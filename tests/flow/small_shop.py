"""A very small shop for tests of the hallway: real store, lake, rules and library; channels that write down every delivery."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from liftwright import wiring
from liftwright.domain.delivery import Delivery, Receipt
from liftwright.domain.learning import Found
from liftwright.domain.profile import Channel
from liftwright.library import DiskLibrary
from liftwright.ports import Deps
from liftwright.settings import LimitSettings, Settings
from liftwright.store.approvals import SqlApprovals
from liftwright.store.campaigns import SqlCampaigns
from liftwright.store.engine import migrate, open_engine
from liftwright.store.journal import SqlJournal
from liftwright.store.lake import ParquetLake
from liftwright.store.ledger import SqlLedger
from liftwright.store.lessons import SqlLessons
from liftwright.store.locks import SqlLocks
from liftwright.store.models import SqlModels
from liftwright.store.notices import SqlNotices
from liftwright.store.requests import SqlRequests
from liftwright.store.sharing import SqlSharing
from liftwright.store.talks import SqlTalks
from liftwright.store.traces import SqlTraces
from liftwright.store.users import SqlUsers
from liftwright.store.visits import SqlVisits

MONDAY = datetime(2026, 11, 2, 14, 0, tzinfo=UTC)
"""Nine in the morning in New York."""
PEOPLE = 40


@dataclass
class Clock:
    """A clock that a test sets."""

    at: datetime = MONDAY

    def __call__(self) -> datetime:
        return self.at

    def on(self, **later: float) -> None:
        self.at += timedelta(**later)


@dataclass
class Recorder:
    """A channel that appends each effect to a file, durably. An idempotent one has one effect per send however often it is called."""

    channel: Channel
    is_idempotent: bool
    file: Path
    takes_ahead: timedelta = timedelta(0)
    refuses: set[str] = field(default_factory=set)

    def deliver(self, batch: Sequence[Delivery], *, now: datetime) -> list[Receipt]:
        receipts = []
        for delivery in batch:
            send_id = delivery.send.send_id
            if delivery.send.customer_id in self.refuses:
                receipts.append(Receipt(send_id=send_id, outcome="failed", reason="refused"))
                continue
            if not (self.is_idempotent and send_id in effects(self.file)):
                self._write(f"{send_id} {delivery.send.customer_id} {self.channel} {now.isoformat()}\n")
            receipts.append(Receipt(send_id=send_id, outcome="sent", provider_id=f"p-{send_id}"))
        return receipts

    def _write(self, line: str) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def effects(file: Path) -> list[str]:
    """Ids of sends that had an effect, in order, repeats included."""
    return [line.split()[0] for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


class Notebook:
    """A memory in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.is_broken = False

    def remember(self, kind: Any, item_id: str, text: str, metadata: Mapping[str, str]) -> None:
        if self.is_broken:
            raise OSError("the disk is full")
        self.kept[item_id] = text

    def search(self, kind: Any, query: str, *, limit: int = 5) -> list[Found]:
        return [Found(item_id, text, {}, 0.0) for item_id, text in list(self.kept.items())[:limit]]


def open_shop(home: Path, *, database_url: str | None = None, now: Any = None) -> Deps:
    """Everything wired by hand; `effects.log` in the home is what left the house."""
    settings = Settings(home=home, database_url=database_url, limits=LimitSettings(contacts_per_week=3))
    engine = open_engine(home, database_url)
    migrate(engine)
    log = home / "effects.log"
    lake = ParquetLake(home, engine)
    return Deps(
        settings=settings,
        now=now or Clock(),
        model=None,  # type: ignore[arg-type]
        lake=lake,
        campaigns=SqlCampaigns(engine),
        approvals=SqlApprovals(engine),
        users=SqlUsers(engine),
        ledger=SqlLedger(engine),
        journal=SqlJournal(engine),
        notices=SqlNotices(engine),
        requests=SqlRequests(engine),
        talks=SqlTalks(engine),
        visits=SqlVisits(engine),
        sharing=SqlSharing(engine),
        traces=SqlTraces(engine, lake, home / "keys"),
        lessons=SqlLessons(engine),
        models=SqlModels(engine),
        locks=SqlLocks(engine, home),
        memory=Notebook(),
        library=DiskLibrary(),
        channels={"email": Recorder("email", True, log), "sms": Recorder("sms", False, log)},
        checkpointer=wiring.checkpointer(settings),
    )


def close(deps: Deps) -> None:
    """Give every connection back."""
    deps.ledger._engine.dispose()  # type: ignore[attr-defined]


def furnish(deps: Deps, *, people: int = PEOPLE, source: str = "first") -> None:
    """Import the customers and a little of their past."""
    ids = [f"C{number:06d}" for number in range(1, people + 1)]
    customers = pa.table(
        {
            "customer_id": ids,
            "email": [f"{i.lower()}@example.test" for i in ids],
            "phone": [f"+1212555{number:04d}" for number in range(1, people + 1)],
            "first_name": ["Ada"] * people,
            "birth_date": ["1980-05-05"] * people,
            "country": ["US"] * people,
            "region": ["NY"] * people,
            "time_zone": ["America/New_York"] * people,
            "consent_email": ["granted"] * people,
            "consent_sms": ["granted"] * people,
        }
    )
    deps.lake.add(
        {"customers": customers, "events": happened(ids[0], "visit", MONDAY - timedelta(days=30))}, source=source, now=MONDAY
    )


def happened(customer_id: str, kind: str, at: datetime, *, channel: str | None = None, amount: float | None = None) -> pa.Table:
    """One event as a table."""
    moment = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "event_id": pa.array([f"{customer_id}:{kind}:{at.isoformat()}"], pa.string()),
            "customer_id": pa.array([customer_id], pa.string()),
            "type": pa.array([kind], pa.string()),
            "occurred_at": pa.array([at], moment),
            "channel": pa.array([channel], pa.string()),
            "amount": pa.array([amount], pa.float64()),
        }
    )
