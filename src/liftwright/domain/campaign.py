"""One run from goal to lessons, and the sends it is made of."""

from __future__ import annotations

from typing import Any, Literal

from liftwright.domain.base import AwareDatetime, Value
from liftwright.domain.goal import Goal
from liftwright.domain.profile import Channel

CampaignStatus = Literal[
    "planning",
    "needs_answer",
    "blocked",
    "infeasible",
    "awaiting_approval",
    "rejected",
    "expired",
    "running",
    "paused",
    "stopped",
    "finished",
]
SendState = Literal["planned", "leased", "sending", "sent", "failed", "unknown", "suppressed", "cancelled"]
REPLANNED = "the rest of the flight was planned again"
"""The reason of a send that was cancelled because a later solution of the flight does without it."""
TRANSITIONS: dict[str, frozenset[str]] = {
    "planning": frozenset({"needs_answer", "blocked", "infeasible", "awaiting_approval", "stopped"}),
    "needs_answer": frozenset({"planning", "blocked", "stopped"}),
    "blocked": frozenset({"planning", "stopped"}),
    "infeasible": frozenset({"planning", "stopped"}),
    "awaiting_approval": frozenset({"planning", "rejected", "expired", "running", "blocked", "infeasible", "stopped"}),
    "rejected": frozenset(),
    "expired": frozenset(),
    "running": frozenset({"paused", "stopped", "finished"}),
    "paused": frozenset({"running", "stopped", "finished"}),
    "stopped": frozenset(),
    "finished": frozenset(),
}


class Campaign(Value):
    """The row that says where a goal stands. The LangGraph thread id of its planning graph is `campaign_id`."""

    campaign_id: str
    goal: Goal
    status: CampaignStatus
    created_at: AwareDatetime
    question: str | None = None
    plan_hash: str | None = None
    revision: int = 0
    seed: int = 0
    model: str = "scripted"
    stopped_by: str | None = None
    stop_reason: str | None = None


class Send(Value):
    """One planned delivery and its state. `idem_key` is unique: campaign, person, channel, wave."""

    send_id: str
    idem_key: str
    campaign_id: str
    plan_hash: str
    customer_id: str
    wave: int
    channel: Channel
    offer: str
    discount: float
    variant_id: str
    send_at: AwareDatetime
    priority: int
    cost: float
    state: SendState = "planned"
    attempts: int = 0
    lease_until: AwareDatetime | None = None
    provider_id: str | None = None
    sent_at: AwareDatetime | None = None
    reason: str = ""


SEND_FIELDS = tuple(Send.model_fields)


class JournalEntry(Value):
    """One line of the tamper-evident log. `entry_hash` = SHA-256 of the RFC 8785 form of every other field."""

    seq: int
    prev_hash: str
    at: AwareDatetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    entry_hash: str


class Sealed(Value):
    """A seal that was just made: the journal's length and last hash, and the file that holds it."""

    seq: int
    entry_hash: str
    file: str


class Examined(Value):
    """What a look at the whole journal found.

    `first_bad`: the first entry that does not hold, or is not what a seal says; `sealed`: up to which entry a seal vouches for it; `seals`:
    how many seals hold; `bad_seal`: the first line of the seal file that does not.
    """

    ok: bool
    entries: int
    first_bad: int | None = None
    sealed: int = 0
    seals: int = 0
    bad_seal: int | None = None
    says: str = ""


class Snapshot(Value):
    """An immutable state of the data: which Parquet files make up each table. `rows` counts rows per table."""

    snapshot_id: str
    created_at: AwareDatetime
    files: dict[str, tuple[str, ...]]
    rows: dict[str, int]
    sources: tuple[str, ...] = ()
