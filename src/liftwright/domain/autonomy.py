"""Earned autonomy: what a level is held for, what earned it, and what was asked."""

from __future__ import annotations

from liftwright.domain.base import AwareDatetime, Value
from liftwright.domain.experiment import Verdict
from liftwright.domain.figures import Interval
from liftwright.domain.profile import Channel


class Cell(Value):
    """What a level is held for: a class of actions on one channel, in campaigns of one band of spend (policies/autonomy.yaml)."""

    action_class: str
    channel: Channel
    band: str

    @property
    def key(self) -> str:
        """`class/channel/band`, as commands and the journal write it."""
        return f"{self.action_class}/{self.channel}/{self.band}"


class Rung(Value):
    """The level a cell holds at a moment, since when (None: from the start), why, and until when its evidence counts."""

    level: str
    since: AwareDatetime | None = None
    because: str = "where every cell starts"
    until: AwareDatetime | None = None


class Closed(Value):
    """One closed campaign as the ladder sees it. `forecast` and `realised`: incremental margin, major units; `is_powered`: known before
    launch to be large enough for what was expected; `breaches`: kinds of `compliance.ladder.breaches`; `exercised`: kinds of actions it took.
    """

    campaign_id: str
    closed_at: AwareDatetime
    channels: tuple[Channel, ...]
    band: str
    verdict: Verdict
    is_powered: bool
    forecast: Interval | None
    realised: Interval | None
    breaches: tuple[str, ...] = ()
    exercised: tuple[str, ...] = ()


class Drill(Value):
    """One shutdown drill: was anything let through after the stop?"""

    campaign_id: str
    at: AwareDatetime
    passed: bool


class Proposal(Value):
    """A promotion that was asked for: by one step, on the wins named, signed by these people so far."""

    proposal_id: str
    cell: str
    level: str
    to: str
    wins: tuple[str, ...]
    asked_by: str
    asked_at: AwareDatetime
    signed_by: tuple[str, ...] = ()
    answer: str = ""
    """"" while it waits, else promoted or refused."""
