"""Makes the small shop beside the tests importable by its plain name, and opens it in a browser without scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from browsing import PAGE, Open, Waiting
from calling import Call, opened

import plain_shop
from liftwright.api.app import create
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
    """A client, and a campaign on its ninth day (`plain_shop.measured`)."""
    home, campaign = plain_shop.measured()
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "measured"), now=lambda: plain_shop.NINTH_DAY)
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
