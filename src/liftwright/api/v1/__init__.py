"""The JSON API, version 1: campaigns, decisions, approvals, the journal, talks, visitors."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from liftwright.api.buckets import Buckets
from liftwright.api.v1 import campaigns, decisions, describing, lists, talking, visitors
from liftwright.api.v1.door import Door
from liftwright.api.watch import Watch
from liftwright.ports import Deps


def mount(app: FastAPI, deps: Callable[[], Deps], watch: Watch, buckets: Buckets) -> None:
    """Add every route of the API to the application, and the document that describes them."""
    door = Door(deps, buckets)
    for room in (campaigns, decisions, lists, visitors):
        app.include_router(room.routes(door))
    app.include_router(talking.routes(door, watch))
    describing.describe(app)
