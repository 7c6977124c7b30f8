"""The small shop and its stand-in agents for tests of the hallway."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))
sys.path.insert(0, str(Path(__file__).parents[1] / "agents"))
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import small_shop
import stand_ins
from faults import house, ready  # noqa: F401 (fixtures)


@pytest.fixture
def clock() -> small_shop.Clock:
    """A clock at nine on a Monday morning in New York."""
    return small_shop.Clock()


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> stand_ins.Cast:
    """Agents that answer at once."""
    cast = stand_ins.Cast()
    stand_ins.put_in(cast, monkeypatch.setattr)
    monkeypatch.setattr(stand_ins.StandInBench, "findings", ())
    return cast


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str, clock: small_shop.Clock, cast: stand_ins.Cast) -> Iterator[Any]:
    """A furnished shop on SQLite."""
    deps = small_shop.open_shop(tmp_path, now=clock)
    small_shop.furnish(deps)
    yield deps
    small_shop.close(deps)


@pytest.fixture
def any_shop(tmp_path: Path, database_url: str, clock: small_shop.Clock, cast: stand_ins.Cast) -> Iterator[Any]:
    """A furnished shop on SQLite, then on PostgreSQL."""
    deps = small_shop.open_shop(tmp_path, database_url=database_url, now=clock)
    small_shop.furnish(deps)
    yield deps
    small_shop.close(deps)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    """What one test read is not another's."""
    yield
    from liftwright.flow import fresh

    fresh._kept.clear()
    fresh._arms.clear()
