"""A program that calls the API: a client on a copy of a workspace, users with keys, and refusals checked for their form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

import plain_shop
from liftwright.api.app import create
from liftwright.domain.approval import KeyScope
from liftwright.flow import people
from liftwright.ports import Deps

Call = Callable[..., tuple[TestClient, Deps]]
LATER = timedelta(hours=1)


class Ticks:
    """A clock in seconds that a test sets."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def opened(home: Path, *, ticks: Ticks | None = None, **settings: Any) -> tuple[TestClient, Deps]:
    """A client of the API on a workspace, without limits of how often unless `settings` say some."""
    server = plain_shop.VALUES["server"] | settings.pop("server", {"requests_per_minute": 0})
    deps = plain_shop.open_shop(home, now=lambda: plain_shop.NOW + LATER, server=server, **settings)
    return TestClient(create(lambda: deps, clock=ticks or Ticks()), base_url="http://shop.test"), deps


def staff(deps: Deps, **roles: list[str]) -> None:
    """Add an admin `ada`, and users by name with their roles."""
    for name, held in {"ada": ["admin"], **roles}.items():
        people.put(name, roles=held, is_active=True, by="ada", deps=deps)


def key(deps: Deps, name: str, *scopes: KeyScope) -> dict[str, str]:
    """The header that shows a new key of a user."""
    made = deps.users.new_key(name, by="ada", now=deps.now(), lasts=timedelta(days=1), scopes=scopes)
    return {"Authorization": f"Bearer {made}"}


def refused(answer: Any, status: int, title: str) -> None:
    """Check that an answer is this problem and no other."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["title"], body["status"]) == (title, status)
    assert body["detail"]
    assert body["next_step"]
