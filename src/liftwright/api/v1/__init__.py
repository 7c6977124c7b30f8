"""The JSON API, version 1: campaigns, decisions, approvals, the journal, visitors."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from liftwright.api.buckets import Buckets
from liftwright.api.v1 import campaigns, decisions, describing, lists, visitors
from liftwright.api.v1.door import Door
from liftwright.ports import Deps


def mount(app: FastAPI, deps: Callable[[], Deps], buckets: Buckets) -> None:
    """Add every route of the API to the application, and the document that describes them."""
    door = Door(deps, buckets)
    for room in (campaigns, decisions, lists, visitors):
        app.include_router(room.routes(door))
    describing.describe(app)
