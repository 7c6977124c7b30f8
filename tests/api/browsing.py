"""A browser without scripts: forms are filled and sent as the pages have them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from liftwright.domain.campaign import Campaign
from liftwright.ports import Deps

Open = Callable[..., tuple[TestClient, Deps]]
PAGE = {"accept": "text/html"}
Waiting = tuple[TestClient, Deps, Campaign]


def token(client: TestClient, path: str = "/") -> str:
    """The token of the forms on a page."""
    found = re.search(r'name="token" value="(\w+)"', client.get(path).text)
    assert found, path
    return found[1]


def send(client: TestClient, path: str, page: str = "/", **fields: Any) -> Any:
    """Fill a form of a page and send it, as a browser without scripts would."""
    return client.post(path, data={"token": token(client, page), **fields})


def empty(tmp_path: Path) -> Path:
    """A workspace nobody has imported anything into."""
    home = tmp_path / "empty"
    home.mkdir()
    return home
