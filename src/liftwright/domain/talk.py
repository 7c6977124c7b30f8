"""A conversation, written down event by event."""

from __future__ import annotations

from typing import Any, Literal

from liftwright.domain.base import AwareDatetime, Value

TalkKind = Literal["said", "working", "step", "stopping", "reply", "failed"]
"""said: a person's words. working: they are being looked into, and by which campaign. step: an agent or a long step goes on. stopping: somebody wants
it stopped. reply, failed: how it ended."""


class TalkEvent(Value):
    """`seq` counts from 1 within a talk, without gaps."""

    talk_id: str
    seq: int
    at: AwareDatetime
    kind: TalkKind
    payload: dict[str, Any]
