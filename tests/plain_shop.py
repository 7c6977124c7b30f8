"""A small shop in files, small enough to plan in seconds: 600 people, a year of orders, two randomised e-mail waves that worked.

E-mails bring orders from people who buy women's things, and from nobody else. The files are imported once per test run; every
test works on a copy of that workspace.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from liftwright import settings as settings_file
from liftwright import wiring
from liftwright.domain.campaign import Campaign
from liftwright.domain.plan import Plan
from liftwright.evaluation import market
from liftwright.flow import adapt, deciding, dispatch, intake, people, walk
from liftwright.ports import Deps

NOW = datetime(2026, 11, 2, 14, 0, tzinfo=UTC)
"""Nine on a Monday morning in New York."""
NINTH_DAY = NOW + timedelta(days=9)
PEOPLE = 600
WAVES = (75, 40)
"""Days before now at which the past test's e-mails went out."""
GOAL = "Sell more shoes over the next two weeks by e-mail"
OPEN_GOAL = "Sell more"
"""Says neither until when nor what it may cost."""
VALUES: dict[str, Any] = {
    "margin": {"rate": 0.4, "floor": 0.0},
    "offers": {"save10": {"discount": 0.1, "stock": 200}},
    "limits": {"max_discount": 0.2, "contacts_per_week": 3},
    "server": {"hosts": ["shop.test"]},
    "sender": {
        "name": "Plain Shoes Ltd",
        "address": "5 Plain Road, New York, NY 10001",
        "from_email": "shop@plain-shoes.example",
        "unsubscribe_url": "https://plain-shoes.example/unsubscribe",
        "domains": ["plain-shoes.example"],
    },
}
"""liftwright.toml of the shop."""
BRAND = "# Brand\n\nWe write short and plainly. Our shoes are made in Portugal.\n"


def name_of(number: int) -> str:
    """The customer id of the n-th person, from 1."""
    return f"C{number:06d}"


def customers(*, people: int = PEOPLE) -> dict[str, list[Any]]:
    """The customer file by column; one in ten denied e-mail."""
    numbers = range(1, people + 1)
    return {
        "customer_id": [name_of(n) for n in numbers],
        "email": [f"{name_of(n).lower()}@example.test" for n in numbers],
        "phone": [f"+1212555{n:04d}" for n in numbers],
        "first_name": [f"Firstname{n}" for n in numbers],
        "last_name": [f"Lastname{n}" for n in numbers],
        "birth_date": ["1980-05-05" for _ in numbers],
        "country": ["US" for _ in numbers],
        "region": ["NY" for _ in numbers],
        "time_zone": ["America/New_York" for _ in numbers],
        "created_at": [(NOW - timedelta(days=400)).isoformat() for _ in numbers],
        "consent_email": ["denied" if n % 10 == 0 else "granted" for n in numbers],
        "womens": [n % 2 for n in numbers],
    }


def write_files(directory: Path, *, more_columns: dict[str, list[Any]] | None = None, brand: str = BRAND) -> dict[str, Path]:
    """Every file of the shop, by the name to import it as."""
    directory.mkdir(parents=True, exist_ok=True)
    treatments, events = _past()
    tables = {"customers": customers() | (more_columns or {}), "treatments": treatments, "events": events}
    paths = {name: directory / f"{name}.csv" for name in tables}
    for name, columns in tables.items():
        pa_csv.write_csv(pa.table(columns), paths[name])
    paths["documents"] = directory / "brand.md"
    paths["documents"].write_text(brand, encoding="utf-8")
    return paths


def _past() -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Who got an e-mail and what everybody then did: a treated woman's-wear buyer orders five times as often."""
    luck = np.random.default_rng(3)
    treatments: dict[str, list[Any]] = {
        name: [] for name in ("customer_id", "treated_at", "arm", "channel", "offer", "propensity")
    }
    events: dict[str, list[Any]] = {name: [] for name in ("customer_id", "type", "occurred_at", "amount")}
    for wave in WAVES:
        at = NOW - timedelta(days=wave)
        treated, chance = luck.random(PEOPLE) < 0.5, luck.random(PEOPLE)
        for n in range(PEOPLE):
            is_moved = bool(treated[n]) and (n + 1) % 2 == 1
            row = (name_of(n + 1), at.isoformat(), "email" if treated[n] else "control", "email" if treated[n] else None)
            for name, value in zip(treatments, (*row, "none" if treated[n] else None, 0.5), strict=True):
                treatments[name].append(value)
            happened = [("visit", None, 2)] if chance[n] < 0.5 else []
            happened += [("purchase", 60.0, 3)] if chance[n] < (0.5 if is_moved else 0.1) else []
            for kind, amount, days in happened:
                for name, value in zip(events, (row[0], kind, (at + timedelta(days=days)).isoformat(), amount), strict=True):
                    events[name].append(value)
    return treatments, events


def open_shop(
    home: Path,
    *,
    now: Callable[[], datetime] = lambda: NOW,
    model: Any = None,
    model_name: str = "scripted",
    progress: Any = None,
    **more: Any,
) -> Deps:
    """Everything wired on a workspace; `more` are settings besides the shop's own."""
    values = VALUES | more | {"home": home, "model": model_name}
    return wiring.build(settings_file.parse(values), now=now, model=model, progress=progress)


def bring_in(files: dict[str, Path], deps: Deps) -> None:
    """Import every file."""
    for name, path in files.items():
        intake.import_file(path, declared=name, deps=deps)


def close(deps: Deps) -> None:
    """Give every connection back."""
    deps.ledger._engine.dispose()  # type: ignore[attr-defined]


@functools.cache
def furnished() -> Path:
    """A workspace with the shop's files imported, made once; copy it."""
    home = _scratch()
    deps = open_shop(home)
    bring_in(write_files(home / "files"), deps)
    close(deps)
    (home / "liftwright.toml").write_text(market.as_toml(VALUES), encoding="utf-8")
    return home


@functools.cache
def planned() -> tuple[Path, Campaign]:
    """The furnished workspace with one plan waiting for approval, made once; copy it."""
    home = copy_of(furnished(), _scratch())
    deps = open_shop(home)
    campaign = asyncio.run(walk.start(GOAL, deps=deps))
    close(deps)
    assert campaign.status == "awaiting_approval", campaign.stop_reason or campaign.question
    return home, campaign


@contextlib.contextmanager
def waiting(directory: Path, *, now: Callable[[], datetime] = lambda: NOW) -> Iterator[tuple[Deps, str]]:
    """A copy of the planned workspace in `directory`, opened, and its campaign."""
    home, campaign = planned()
    deps = open_shop(copy_of(home, directory / "home"), now=now)
    yield deps, campaign.campaign_id
    close(deps)


def plan_of(deps: Deps, campaign_id: str) -> Plan:
    """The current plan of a campaign that has one."""
    plan = deps.campaigns.plan(campaign_id)
    assert plan is not None
    return plan


@functools.cache
def launched() -> tuple[Path, Campaign]:
    """The planned workspace, approved by Ann, with the first day's sends in the drop file; copy it."""
    before, waiting = planned()
    home = copy_of(before, _scratch())
    deps = open_shop(home, now=lambda: NOW + timedelta(hours=2))
    campaign = asyncio.run(
        deciding.decide("approve", waiting.campaign_id, plan_hash=waiting.plan_hash, by="Ann", reason="go", deps=deps)
    )
    dispatch.drain(deps=deps, worker="test")
    close(deps)
    return home, campaign


@functools.cache
def measured() -> tuple[Path, Campaign]:
    """The launched workspace on the ninth day of its campaign: all whom it treats bought and half of the others, two looks were taken; copy it."""
    before, campaign = launched()
    home, clock = copy_of(before, _scratch()), [NOW + timedelta(days=4)]
    deps = open_shop(home, now=lambda: clock[0])
    arms = deps.lake.get(plan_of(deps, campaign.campaign_id).audience.digest).to_pylist()
    chosen = [row for row in arms if row["is_selected"]]
    buyers = [row["customer_id"] for n, row in enumerate(chosen) if row["arm"] == "treated" or n % 2]
    events = {
        "customer_id": buyers,
        "type": ["purchase"] * len(buyers),
        "occurred_at": pa.array([NOW + timedelta(days=2)] * len(buyers), pa.timestamp("us", tz="UTC")),
        "amount": [60.0 + n % 7 for n in range(len(buyers))],
    }
    deps.lake.add({"events": pa.table(events)}, source="bought", now=clock[0])
    asyncio.run(adapt.tick(campaign.campaign_id, deps=deps))
    clock[0] = NINTH_DAY
    asyncio.run(adapt.tick(campaign.campaign_id, deps=deps))
    close(deps)
    return home, campaign


def _scratch() -> Path:
    """A place for a workspace that goes when the test run ends."""
    folder = tempfile.mkdtemp(prefix="liftwright-shop-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder) / "home"


def copy_of(home: Path, to: Path) -> Path:
    """The same workspace somewhere else."""
    shutil.copytree(home, to)
    return to


def staffed(home: Path, **roles: tuple[str, ...]) -> dict[str, str]:
    """Give a workspace an admin, ada, and users by name with these roles; returns a key of each but ada."""
    deps = open_shop(home)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    for name, held in roles.items():
        people.put(name, roles=list(held), is_active=True, by="ada", deps=deps)
    keys = {name: people.new_key(name, by="ada", deps=deps) for name in roles}
    close(deps)
    return keys
