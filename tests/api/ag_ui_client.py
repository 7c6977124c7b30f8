"""A client that reads our AG-UI streams as the protocol's own package does, and knows in which order its events may come."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ag_ui.core import Event
from pydantic import BaseModel, TypeAdapter

EVENT: TypeAdapter[Any] = TypeAdapter(Event)


class Told(NamedTuple):
    """One server-sent event: its id ("" where it has none) and its data."""

    id: str
    data: dict[str, Any]


def told(body: str) -> list[Told]:
    """The events of a stream; comments and waiting times are left out. Every event is one the protocol's package knows, to the last field."""
    found = []
    for block in body.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            found.append(Told(fields.get("id", ""), json.loads(fields["data"])))
            known(found[-1].data)
    return found


def known(data: dict[str, Any]) -> None:
    """Fails when the package does not know the event or a field of it."""
    _nothing_unknown(EVENT.validate_python(data))


def _nothing_unknown(value: Any) -> None:
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{type(value).__name__}: {value.model_extra}"
        for name in type(value).model_fields:
            _nothing_unknown(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            _nothing_unknown(item)


def must_be_a_run(events: list[dict[str, Any]]) -> None:
    """Fails when events are not one whole run in an order the protocol allows."""
    kinds = [each["type"] for each in events]
    assert kinds[0] == "RUN_STARTED"
    assert kinds[-1] in ("RUN_FINISHED", "RUN_ERROR")
    assert sum(kind.startswith("RUN_") for kind in kinds) == 2
    steps: set[str] = set()
    message = ""
    for each in events:
        kind = each["type"]
        if kind == "STEP_STARTED":
            assert each["stepName"] not in steps
            steps.add(each["stepName"])
        elif kind == "STEP_FINISHED":
            steps.remove(each["stepName"])
        elif kind == "TEXT_MESSAGE_START":
            assert not message
            message = each["messageId"]
        elif kind.startswith("TEXT_MESSAGE"):
            assert each["messageId"] == message
            message = "" if kind == "TEXT_MESSAGE_END" else message
        elif kind == "RUN_FINISHED":
            assert not steps
            assert not message
            assert each["runId"] == events[0]["runId"]
