"""Makes the small shop beside the tests importable by its plain name, and opens it in a browser without scripts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from browsing import PAGE, Open, Waiting
from calling import Call, opened

import plain_shop
from liftwright.api.app import create
from liftwright.flow import adapt
from liftwright.ports import Deps


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Open]:
    """A client that asks for pages, on a copy of a workspace."""
    made: list[tuple[TestClient, Deps]] = []

    def over(home: Path) -> tuple[TestClient, Deps]:
        deps = plain_shop.open_shop(
            plain_shop.copy_of(home, tmp_path / f"home{len(made)}"), now=lambda: plain_shop.NOW + timedelta(hours=1)
        )
        made.append((TestClient(create(lambda: deps), headers=PAGE, base_url="http://shop.test"), deps))
        return made[-1]

    yield over
    for client, deps in made:
        client.close()
        plain_shop.close(deps)


@pytest.fixture
def measured(tmp_path: Path) -> Iterator[Waiting]:
    """A client, and a campaign on its ninth day: everybody of the goal's people bought or not, two looks were taken."""
    home, campaign = plain_shop.launched()
    clock = [plain_shop.NOW + timedelta(days=4)]
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "measured"), now=lambda: clock[0])
    arms = deps.lake.get(plain_shop.plan_of(deps, campaign.campaign_id).audience.digest).to_pylist()
    chosen = [row for row in arms if row["is_selected"]]
    buyers = [row["customer_id"] for n, row in enumerate(chosen) if row["arm"] == "treated" or n % 2]
    moment = pa.timestamp("us", tz="UTC")
    events = {
        "customer_id": buyers,
        "type": ["purchase"] * len(buyers),
        "occurred_at": pa.array([plain_shop.NOW + timedelta(days=2)] * len(buyers), moment),
        "amount": [60.0 + n % 7 for n in range(len(buyers))],
    }
    deps.lake.add({"events": pa.table(events)}, source="bought", now=clock[0])
    asyncio.run(adapt.tick(campaign.campaign_id, deps=deps))
    clock[0] = plain_shop.NOW + timedelta(days=9)
    asyncio.run(adapt.tick(campaign.campaign_id, deps=deps))
    client = TestClient(create(lambda: deps), headers=PAGE, base_url="http://shop.test")
    yield client, deps, campaign
    client.close()
    plain_shop.close(deps)


@pytest.fixture
def waiting(browse: Open) -> Waiting:
    """A client, and the campaign that waits for approval."""
    home, campaign = plain_shop.planned()
    return *browse(home), campaign


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Call]:
    """A client of the API on a copy of a workspace; see `calling.opened`."""
    made: list[tuple[TestClient, Deps]] = []

    def over(home: Path, **more: Any) -> tuple[TestClient, Deps]:
        made.append(opened(plain_shop.copy_of(home, tmp_path / f"called{len(made)}"), **more))
        return made[-1]

    yield over
    for client, deps in made:
        client.close()
        plain_shop.close(deps)
