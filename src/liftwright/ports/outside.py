"""What the workspace reaches out to: memory by similarity, channels, the library on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from liftwright.domain.delivery import Delivery, Receipt
from liftwright.domain.learning import Found, MemoryKind
from liftwright.domain.notice import Telling, Told
from liftwright.domain.policy import PolicyBundle
from liftwright.domain.profile import Channel
from liftwright.domain.prompt import Prompt


class Memory(Protocol):
    """Lessons, brand documents and past copy, found by similarity of text."""

    def remember(self, kind: MemoryKind, item_id: str, text: str, metadata: Mapping[str, str]) -> None: ...
    def search(self, kind: MemoryKind, query: str, *, limit: int = 5) -> list[Found]: ...


class ChannelAdapter(Protocol):
    """Delivers a batch. `is_idempotent`: delivering the same send_id again has no second effect.

    `takes_ahead`: how long before its moment a send is handed over; more than nothing only where the executor keeps `send_at` itself.
    """

    channel: Channel
    is_idempotent: bool
    takes_ahead: timedelta

    def deliver(self, batch: Sequence[Delivery], *, now: datetime) -> list[Receipt]: ...


@runtime_checkable
class Recalls(Protocol):
    """A channel whose executor keeps `send_at` itself and can be told to skip what it was handed."""

    def recall(self, send_ids: Sequence[str], *, reason: str, now: datetime) -> dict[str, str]:
        """Tell the executor to skip these; send id to the place (a file's name) where it stands. Telling twice is telling once."""


@runtime_checkable
class Forgets(Protocol):
    """A channel that keeps files with people in them."""

    def forget(self, send_ids: Sequence[str]) -> int:
        """Take these sends out of every file; returns how many rows went."""


class Notifier(Protocol):
    """Tells one receiver that an approval waits. `is_idempotent`: telling the same again has no second effect."""

    is_idempotent: bool

    def tell(self, telling: Telling, *, now: datetime) -> Told: ...


class Library(Protocol):
    """prompts/, policies/ and evals/ from disk, typed and hashed."""

    def prompt(self, name: str) -> Prompt: ...
    def policies(self) -> PolicyBundle: ...
    def templates(self) -> dict[str, Any]: ...


Progress = Callable[[str, str], None]
"""Called with (who, what) as agents and long steps go on."""
