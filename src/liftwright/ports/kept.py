"""What is kept in the workspace: rows, files, locks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from liftwright.domain.approval import ApprovalRequest, Decision, Holder, KeyScope, Signature, User
from liftwright.domain.campaign import (
    SEND_FIELDS,
    Campaign,
    CampaignStatus,
    Examined,
    JournalEntry,
    Sealed,
    Send,
    SendState,
    Snapshot,
)
from liftwright.domain.evidence import Action, Lesson, ModelCard, ModelState, Report
from liftwright.domain.learning import CellStatistics, Remembered
from liftwright.domain.plan import Plan
from liftwright.domain.profile import Channel, Erased, Identifiers

if TYPE_CHECKING:
    import pyarrow as pa


class Lake(Protocol):
    """Immutable Parquet. A digest is over content, so the same rows always have the same digest."""

    def put(self, table: pa.Table) -> str: ...
    def get(self, digest: str) -> pa.Table: ...
    def present(self, digest: str) -> str: ...
    def add(self, tables: Mapping[str, pa.Table], *, source: str, now: datetime) -> Snapshot:
        """A new snapshot = the latest one plus these rows; adding a `source` digest a second time returns the snapshot that has it."""

    def snapshot(self, snapshot_id: str | None = None) -> Snapshot | None: ...
    def read(self, snapshot: Snapshot) -> dict[str, pa.Table]:
        """All tables of a snapshot: customers with the latest row per customer_id, events without repeated rows."""


class Campaigns(Protocol):
    """Campaigns and their plan revisions."""

    def create(self, campaign: Campaign) -> None: ...
    def get(self, campaign_id: str) -> Campaign: ...
    def all(self) -> list[Campaign]: ...
    def update(self, campaign_id: str, *, status: CampaignStatus | None = None, **fields: Any) -> Campaign: ...
    def save_plan(self, plan: Plan, *, by: str, at: datetime, changes: Mapping[str, Any]) -> None: ...
    def plan(self, campaign_id: str, revision: int | None = None) -> Plan | None: ...
    def revisions(self, campaign_id: str) -> list[dict[str, Any]]: ...
    def record_action(self, campaign_id: str, action: Action) -> None: ...
    def actions(self, campaign_id: str) -> list[Action]: ...
    def save_report(self, report: Report, *, at: datetime) -> None: ...
    def last_report(self, campaign_id: str) -> Report | None: ...


class Approvals(Protocol):
    """Approval rows: unique per thread and hash, compare-and-set from pending."""

    def request(self, approval: ApprovalRequest) -> ApprovalRequest:
        """Insert, or return the row that already asks for this thread and hash; older pending rows of the campaign become superseded."""

    def get(self, approval_id: str) -> ApprovalRequest: ...
    def pending(self, campaign_id: str) -> ApprovalRequest | None: ...
    def waiting(self) -> list[ApprovalRequest]: ...
    def decided(self, *, most: int = 50) -> list[ApprovalRequest]:
        """Rows that somebody decided, the newest decision first."""

    def decide(self, decision: Decision) -> ApprovalRequest:
        """Pending to decided in one compare-and-set, with the decision row and a journal entry; ApprovalError when someone was first."""

    def decision(self, approval_id: str) -> Decision | None: ...
    def decisions(self, campaign_id: str) -> list[Decision]: ...
    def mark_resumed(self, approval_id: str, *, at: datetime) -> None: ...
    def decided_not_resumed(self) -> list[ApprovalRequest]: ...
    def expire(self, *, now: datetime) -> list[ApprovalRequest]: ...
    def approved(self, campaign_id: str) -> ApprovalRequest | None: ...
    def revoke(self, approval_id: str, *, by: str, reason: str, now: datetime) -> ApprovalRequest: ...


Names = Sequence[str] | None
LeaseOutcome = Literal["sent", "failed", "unknown", "suppressed", "delayed"]


class Users(Protocol):
    """Who may act under which name; empty in a workspace for one."""

    def all(self) -> list[User]: ...
    def get(self, name: str) -> User | None: ...
    def put(self, name: str, *, roles: Sequence[str], is_active: bool, by: str, now: datetime, email: str | None = None) -> User:
        """Add or change a user; `email`: None leaves the address as it is, "" takes it away."""

    def new_key(
        self, name: str, *, by: str, now: datetime, lasts: timedelta, prefix: str = "lw_", scopes: Sequence[KeyScope] = ()
    ) -> str: ...
    def revoke_keys(self, name: str, *, by: str, now: datetime, only: str = "") -> int: ...
    def holder(self, key: str, *, now: datetime) -> Holder | None:
        """Whose a key is that holds now, if its user is active."""

    def have_keys(self) -> bool:
        """Whether any user ever got a key: then only they look."""

    def holding(self, *, now: datetime) -> list[str]:
        """Active users with a key, or a session, for all uses that holds now, by name."""

    def sign(self, signature: Signature) -> None:
        """Put a name under a pending approval, once; ApprovalError where it is too late for that."""

    def signatures(self, approval_id: str) -> list[Signature]: ...


class Ledger(Protocol):
    """Every planned send and its state; the only place sends come from."""

    def launch(self, *, approval_id: str, plan_hash: Callable[[], str], sends: Iterable[Send], now: datetime) -> int:
        """In ONE transaction: re-read the approval (approved, not expired, not launched), recompute the hash from stored rows, compare, insert sends, mark launched, journal. Returns sends inserted (0 when already launched); ApprovalError otherwise."""

    def lease(
        self,
        *,
        now: datetime,
        worker: str,
        limit: int,
        seconds: int = 60,
        ahead: Mapping[Channel, datetime] | None = None,
        only: str | None = None,
    ) -> list[Send]:
        """Take due sends of running campaigns. `ahead`: channels taken before their moment, and until which. `only`: of one campaign."""

    def mark(self, send_ids: Sequence[str], state: SendState, *, now: datetime, worker: str, **fields: Any) -> list[str]:
        """Move sends that this worker still holds; returns the ids moved."""

    def settle(
        self,
        results: Mapping[str, tuple[LeaseOutcome, str]],
        *,
        now: datetime,
        worker: str,
        delayed_to: Mapping[str, datetime] | None = None,
    ) -> None: ...
    def release_expired(self, *, now: datetime, idempotent_channels: frozenset[Channel]) -> dict[str, int]:
        """Leased and not started: back to planned. In `sending` when the lease ran out: planned again on an idempotent channel, else `unknown`."""

    def sends(
        self, campaign_id: str | None = None, *, states: Sequence[SendState] = (), columns: Sequence[str] = SEND_FIELDS
    ) -> pa.Table: ...
    def counts(self, campaign_id: str) -> dict[str, int]: ...
    def cancel_planned(
        self, campaign_id: str, *, reason: str, now: datetime, customer_ids: Names = None, offer: str = "", send_ids: Names = None
    ) -> int: ...
    def recall(self, reasons: Mapping[str, str], *, now: datetime) -> int:
        """Handed over for a later moment and taken back: send id to reason. Returns how many became cancelled."""

    def choose_variants(self, campaign_id: str, variants: Mapping[str, str]) -> int:
        """Give sends that are still planned another text: send id to variant id. Returns how many were changed."""

    def replace(
        self,
        campaign_id: str,
        *,
        planned: Collection[str],
        sends: Sequence[Send],
        now: datetime,
        detail: Mapping[str, Any],
        entry: str = "campaign.replanned",
    ) -> dict[str, int]:
        """Plan `sends` instead of the planned ones (ids); counts those added, changed and cancelled. Only while the campaign runs.

        A person's wave stays as it is where a send of it is not among `planned` any more, was tried, or was cancelled for any other
        reason than an earlier call of this. Where anything changed the journal gets `entry` with `detail` in the same transaction.
        """

    def contacts_since(self, since: datetime, *, customer_ids: Sequence[str] | None = None) -> pa.Table:
        """customer_id, channel, send_at, state of every send planned or sent at or after `since`, over all campaigns (for caps), or of `customer_ids`."""

    def contacts_of(self, customer_ids: Sequence[str], *, since: datetime) -> list[tuple[str, datetime, SendState]]:
        """(channel, moment, state) of what `contacts_since` says of a few people."""


class Journal(Protocol):
    """Append-only hash chain. `action`: only actions that begin so; `page`: newest first; see `store.journal`."""

    def append(self, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> JournalEntry: ...
    def entries(self, *, subject: str | None = None, action: str = "") -> list[JournalEntry]: ...
    def page(
        self, *, before: int | None = None, after: int | None = None, subject: str = "", action: str = "", limit: int = 100
    ) -> list[JournalEntry]: ...
    def verify(self) -> tuple[bool, int, int | None]:
        """(ok, number of entries, sequence number of the first bad entry)."""

    def seal(self, *, at: datetime, is_due: bool = True) -> Sealed | None:
        """Sign, in a file outside the database, how the journal ends now; see `store.journal`."""

    def examine(self, *, seals: Path | None = None, public_key: str | None = None) -> Examined: ...
    def public_key(self) -> str: ...
    def change_key(self, *, at: datetime) -> str: ...


class Traces(Protocol):
    """What is kept about one person outside the journal, to be handed out or erased; see `store.traces`."""

    def pseudonym(self, value: str) -> str: ...
    def find(self, who: Identifiers) -> dict[str, pa.Table]:
        """Their rows of every file in the lake, by its digest, and of the ledger as `sends`."""

    def erase(self, who: Identifiers, *, by: str, reason: str, now: datetime) -> Erased: ...
    def are_erased(self, values: Sequence[str | None]) -> list[bool]: ...


class Lessons(Protocol):
    """Lesson rows and the statistics they stand on: the numbers, by key. Text search is Memory's."""

    def save(self, lesson: Lesson) -> None: ...
    def find(self, *, now: datetime, scope: Mapping[str, str] | None = None, with_retired: bool = False) -> list[Lesson]: ...
    def retire(self, lesson_id: str, *, reason: str, by: str, now: datetime) -> Lesson: ...
    def keep_statistics(self, rows: Sequence[CellStatistics], *, now: datetime) -> None: ...
    def statistics(self, *, now: datetime, **keys: str) -> Remembered: ...


class Models(Protocol):
    """The registry of fitted models: JSON parameters under a version that is the digest of their content."""

    def save(self, card: ModelCard, parameters: Mapping[str, Any], *, now: datetime) -> str: ...
    def load(self, model: str, version: str | None = None) -> tuple[ModelCard, dict[str, Any]] | None: ...
    def cards(self) -> list[ModelCard]: ...
    def versions(self) -> list[ModelCard]:
        """The card of every version, the current one of each model first."""

    def switch(self, model: str, state: ModelState, *, by: str, now: datetime, reason: str = "") -> None: ...


class Locks(Protocol):
    """One holder per name across processes; a dead holder's lock falls free."""

    def hold(self, name: str) -> AbstractContextManager[None]: ...
