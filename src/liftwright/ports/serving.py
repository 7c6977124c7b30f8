"""What is kept for whoever is served by pages and programs: talks, visits, requests done once, links, notices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from liftwright.domain.notice import Notice, NoticeOutcome
from liftwright.domain.request import Answer, Taken
from liftwright.domain.sharing import SharedLink
from liftwright.domain.talk import TalkEvent, TalkKind
from liftwright.domain.visit import VisitEvent

if TYPE_CHECKING:
    pass


class Notices(Protocol):
    """Who is told what of approvals that wait: one row for one thing told to one receiver."""

    def plan(self, notices: Sequence[Notice]) -> int:
        """Write down what is not there yet, by `notice_id`; returns how many rows are new."""

    def of(self, approval_id: str) -> list[Notice]: ...
    def claim(self, *, now: datetime, worker: str, seconds: int = 300) -> Notice | None:
        """The next that is due, as `sending` and with an attempt counted; also one whose worker has held it for too long."""

    def settle(
        self,
        notice_id: str,
        outcome: NoticeOutcome,
        *,
        now: datetime,
        worker: str,
        reason: str = "",
        due_at: datetime | None = None,
    ) -> bool:
        """Write down how a try ended; `planned` needs a new `due_at`. False when this worker holds it no longer."""


class Visits(Protocol):
    """Visitors: what they did in a session, and what was chosen for them until the night takes it to the lake."""

    def saw(self, customer_id: str, event_id: str, event: VisitEvent) -> bool:
        """Keep what a visitor did; False when an event of this id is there already."""

    def events(self, customer_ids: Collection[str], *, since: datetime) -> list[VisitEvent]: ...
    def forget_events(self, *, before: datetime) -> int: ...
    def chose(self, choice: Mapping[str, Any]) -> bool:
        """Keep a choice of JSON values; False when its `decision_id` is there already."""

    def choices(self) -> list[dict[str, Any]]: ...
    def in_lake(self, decision_ids: Sequence[str]) -> None:
        """Take away choices that are in the lake now."""

    def stamp(self) -> tuple[int, ...]:
        """Numbers, of which one changes with whatever a visitor's answer depends on: data, models, what the journal says."""


class Sharing(Protocol):
    """Links to one campaign's report for people outside, by the SHA-256 of their tokens; `find` finds also one that holds no more."""

    def add(self, link: SharedLink, digest: str) -> None: ...
    def find(self, digest: str) -> SharedLink | None: ...
    def of(self, campaign_id: str) -> list[SharedLink]: ...
    def revoke(self, campaign_id: str, link_id: str, *, by: str, now: datetime) -> bool: ...


class Requests(Protocol):
    """Requests that are done once however often they are sent; see `store.requests`."""

    def take(self, request_id: str, *, asked: str, now: datetime, customer_id: str | None = None) -> Taken: ...
    def answered(self, request_id: str, *, token: str, answer: Answer) -> bool: ...
    def free(self, request_id: str, *, token: str) -> None: ...


class Talks(Protocol):
    """Conversations, as events that are only ever added: what a page shows is a view on them."""

    def add(self, talk_id: str, kind: TalkKind, payload: Mapping[str, Any], *, at: datetime) -> int:
        """Write an event down; returns its number in the talk, from 1, without gaps."""

    def since(self, talk_id: str, after: int = 0) -> list[TalkEvent]: ...
    def reached(self, talk_ids: Collection[str]) -> dict[str, int]:
        """The last number of each of these talks, in one look; a talk without events is left out."""

    def latest(self, *, limit: int = 20) -> list[TalkEvent]:
        """The first event of the talks that were begun last, newest first."""
