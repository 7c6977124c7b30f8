"""What waits for approval, and the journal."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from liftwright.api.v1 import describing, paging
from liftwright.api.v1.door import Door
from liftwright.domain.campaign import JournalEntry
from liftwright.flow import shown

RISKIEST_FIRST = {"high": 0, "medium": 1, "low": 2}
WAITING = {
    **{"approval_id": "a-1", "campaign_id": "c-20261102-1a2b3c", "plan_hash": "sha256:…", "risk": "medium"},
    **{"due_at": "2026-11-05T14:00:00+00:00", "asked_by": "mia", "needs": ["approver"]},
}
ENTRY = {
    **{
        "seq": 2,
        "prev_hash": "…",
        "at": "2026-11-02T14:00:00Z",
        "actor": "leo",
        "action": "signed",
        "subject": "c-20261102-1a2b3c",
    },
    **{"detail": {}, "entry_hash": "…"},
}


def _due(row: dict[str, Any]) -> paging.Place:
    """Where a waiting approval stands: riskiest first, then soonest due."""
    return (RISKIEST_FIRST[row["risk"]], row["due_at"], row["approval_id"])


def _number(entry: JournalEntry) -> paging.Place:
    return (entry.seq,)


def routes(door: Door) -> APIRouter:
    """GET /v1/approvals, /v1/journal, /v1/journal/verify."""
    router = APIRouter(prefix="/v1")

    @router.get("/approvals", tags=["decisions"], responses=describing.answers([WAITING], *describing.READS, is_list=True))
    def list_approvals(
        request: Request, response: Response, limit: paging.Limit = paging.USUAL, cursor: paging.Cursor = ""
    ) -> list[dict[str, Any]]:
        """What waits and is not overdue, riskiest first, a page at a time."""
        after = paging.read(cursor, like=(0, "", ""))
        every = sorted(shown.approvals_json(deps=door.enter(request, "read")), key=_due)
        found = paging.part(every, by=_due, after=after, limit=limit)
        return paging.point_on(response, request, found, by=_due, limit=limit)

    @router.get("/journal", tags=["journal"], responses=describing.answers([ENTRY], *describing.READS, is_list=True))
    def list_journal(
        request: Request, response: Response, limit: paging.Limit = paging.USUAL, cursor: paging.Cursor = ""
    ) -> list[dict[str, Any]]:
        """Entries of the journal, newest first, a page at a time."""
        before = paging.read(cursor, like=(0,))
        now = door.enter(request, "read")
        found = now.journal.page(limit=limit + 1, before=None if before is None else min(max(before[0], 0), 2**62))
        return [each.model_dump(mode="json") for each in paging.point_on(response, request, found, by=_number, limit=limit)]

    @router.get("/journal/verify", tags=["journal"], responses=describing.answers({"ok": True, "entries": 12}, *describing.READS))
    def verify_journal(request: Request) -> dict[str, Any]:
        """Whether the chain of the journal holds, and where it is broken first if it does not."""
        ok, entries, first_bad = door.enter(request, "read").journal.verify()
        return {"ok": ok, "entries": entries} | ({"first_bad": first_bad} if first_bad is not None else {})

    return router
