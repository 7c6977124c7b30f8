"""Requests that are to be done once however often they are sent."""

from __future__ import annotations

from typing import Literal

from liftwright.domain.base import Value


class Answer(Value):
    """What was answered: enough to answer it again."""

    status: int
    media_type: str
    body: str


class Taken(Value):
    """What comes of a request that was sent under a key of its sender.

    new: do it, and hand `token` back with the answer. again: it was done, with `answer`. busy: it is being done. other: under this key
    something else was asked.
    """

    state: Literal["new", "again", "busy", "other"]
    token: str = ""
    answer: Answer | None = None
