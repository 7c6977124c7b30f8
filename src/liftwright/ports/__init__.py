"""What the house needs from outside, as Protocols, and `Deps`: all of it in one hand. Only `wiring.py` chooses who fills it.

The language-model port is LangChain's own `BaseChatModel`; it is not wrapped in an interface of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from liftwright.domain.profile import Channel
from liftwright.ports.kept import (
    Approvals,
    Campaigns,
    Journal,
    Lake,
    LeaseOutcome,
    Ledger,
    Lessons,
    Locks,
    Models,
    Names,
    Traces,
    Users,
)
from liftwright.ports.outside import (
    ChannelAdapter,
    Forgets,
    Library,
    Memory,
    Notifier,
    Progress,
    Recalls,
)
from liftwright.ports.serving import Notices, Requests, Sharing, Talks, Visits
from liftwright.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = [
    "Approvals",
    "Campaigns",
    "ChannelAdapter",
    "Deps",
    "Forgets",
    "Journal",
    "Lake",
    "LeaseOutcome",
    "Ledger",
    "Lessons",
    "Library",
    "Locks",
    "Memory",
    "Models",
    "Names",
    "Notices",
    "Notifier",
    "Progress",
    "Recalls",
    "Requests",
    "Sharing",
    "Talks",
    "Traces",
    "Users",
    "Visits",
]


@dataclass(frozen=True)
class Deps:
    """Everything the hallway and the people are handed. Built by `wiring.build`."""

    settings: Settings
    now: Callable[[], datetime]
    model: BaseChatModel
    lake: Lake
    campaigns: Campaigns
    approvals: Approvals
    users: Users
    ledger: Ledger
    journal: Journal
    notices: Notices
    requests: Requests
    talks: Talks
    visits: Visits
    sharing: Sharing
    traces: Traces
    lessons: Lessons
    models: Models
    locks: Locks
    memory: Memory
    library: Library
    channels: Mapping[Channel, ChannelAdapter]
    checkpointer: Callable[[], AbstractAsyncContextManager[Any]]
    notifiers: Callable[[], Mapping[tuple[str, str], Notifier]] = dict
    progress: Progress = lambda who, what: None
