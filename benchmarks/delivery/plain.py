"""A shop of any size that a plan always has something to do for: a past random test in which e-mail worked on everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from liftwright import settings, wiring
from liftwright.domain.campaign import Campaign
from liftwright.flow import intake, walk
from liftwright.ports import Deps

NOW = datetime(2026, 11, 2, 14, 0, tzinfo=UTC)
"""Nine on a Monday morning in New York."""
SITE = "plain-shoes.example"
GOAL = "Sell more shoes over the next two weeks by e-mail"
WAVES = (75, 40)
"""Days before now at which the past test's e-mails went out."""
BOUGHT, BOUGHT_UNTREATED, AMOUNT = 0.5, 0.1, 60.0
"""Share who ordered within three days, with an e-mail and without, and for how much."""


@contextmanager
def opened(home: Path, people: int, *, now: Callable[[], datetime] = lambda: NOW) -> Iterator[Deps]:
    """The workspace of a shop of so many people, on SQLite, with the scripted model."""
    values = {
        "home": home,
        "margin": {"rate": 0.4, "floor": 0.0},
        "channels": {"email": {"unit_cost": "0.002", "capacity_per_day": people}},
        "limits": {"max_discount": 0.2, "contacts_per_week": 3},
        "sender": {
            "domains": [SITE],
            "name": "Plain Shoes Ltd",
            "from_email": f"shop@{SITE}",
            "address": "5 Plain Road, New York, NY 10001",
            "unsubscribe_url": f"https://{SITE}/unsubscribe",
        },
    }
    with wiring.opened(settings.parse(values), now=now) as deps:
        yield deps


def furnish(deps: Deps, people: int, scratch: Path) -> None:
    """Import its files."""
    scratch.mkdir(parents=True, exist_ok=True)
    for name, columns in {"customers": _customers(people), **_past(people)}.items():
        path = scratch / f"{name}.csv"
        pa_csv.write_csv(pa.table(columns), path)
        intake.import_file(path, declared=name, deps=deps)
    brand = scratch / "brand.md"
    brand.write_text("# Brand\n\nWe write short and plainly. Our shoes are made in Portugal.\n", encoding="utf-8")
    intake.import_file(brand, declared="documents", deps=deps)


def planned(deps: Deps, goal: str = GOAL) -> Campaign:
    """A plan that waits for its approval; SystemExit where the goal led to none."""
    campaign = asyncio.run(walk.start(goal, deps=deps))
    if campaign.status != "awaiting_approval":
        raise SystemExit(f"The shop has no plan: {campaign.status}. {campaign.stop_reason or campaign.question}")
    return campaign


def _customers(people: int) -> dict[str, Any]:
    ids = _ids(people)
    return {
        "customer_id": ids,
        "email": [f"{customer_id.lower()}@example.test" for customer_id in ids],
        "first_name": [f"First{number}" for number in range(people)],
        "birth_date": ["1980-05-05"] * people,
        "country": ["US"] * people,
        "region": ["NY"] * people,
        "time_zone": ["America/New_York"] * people,
        "created_at": [(NOW - timedelta(days=400)).isoformat()] * people,
        "consent_email": ["granted"] * people,
    }


def _past(people: int) -> dict[str, dict[str, Any]]:
    luck, ids = np.random.default_rng(3), np.asarray(_ids(people), dtype=object)
    tests, orders = [], []
    for wave in WAVES:
        at = NOW - timedelta(days=wave)
        treated = luck.random(people) < 0.5
        buys = luck.random(people) < np.where(treated, BOUGHT, BOUGHT_UNTREATED)
        tests += [
            (who, at.isoformat(), "email" if is_in else "control", "email" if is_in else None)
            for who, is_in in zip(ids, treated, strict=True)
        ]
        orders += [(who, (at + timedelta(days=3)).isoformat()) for who in ids[buys]]
    who, at_, arm, channel = zip(*tests, strict=True)
    buyer, when = zip(*orders, strict=True)
    return {
        "treatments": {
            "customer_id": who,
            "treated_at": at_,
            "arm": arm,
            "channel": channel,
            "offer": ["none" if each else None for each in channel],
            "propensity": [0.5] * len(who),
        },
        "events": {"customer_id": buyer, "type": ["purchase"] * len(buyer), "occurred_at": when, "amount": [AMOUNT] * len(buyer)},
    }


def _ids(people: int) -> list[str]:
    return [f"C{number:07d}" for number in range(1, people + 1)]
