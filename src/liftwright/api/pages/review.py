"""The review of one plan, drawn from the plan and never from a model's prose, and the four decisions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, Visitor, back, campaign
from liftwright.domain.approval import DecisionKind
from liftwright.domain.errors import ApprovalError, LiftwrightError
from liftwright.flow import deciding, differing, signing
from liftwright.ports import Deps

ORDER = ("block", "needs_approval", "warn", "info")
DECISIONS: dict[str, DecisionKind] = {"approve": "approve", "edit": "edit", "reject": "reject", "respond": "respond"}


def routes(site: Site) -> APIRouter:
    """GET and POST /approvals/{campaign}."""
    router = APIRouter()

    @router.get("/approvals/{campaign_id}")
    def review(request: Request, campaign_id: str, since: int = 0) -> Response:
        visitor = site.inside(request)
        return _review(site, request, campaign_id, visitor, since=since)

    _deciding(site, router)
    return router


def _deciding(site: Site, router: APIRouter) -> None:
    """The four decisions."""

    @router.post("/approvals/{campaign_id}")
    async def decide(request: Request, campaign_id: str) -> Response:
        visitor, fields = await site.form(request)
        kind, reason = DECISIONS.get(str(fields.get("kind", ""))), str(fields.get("reason", "")).strip()
        if kind is None or (kind == "reject" and not reason):
            raise ApprovalError(
                "APPROVAL-KIND", "That is no decision, or it lacks its reason.", next_step="Go back and say both."
            )
        by = visitor.name or str(fields.get("by", ""))
        try:
            await deciding.decide(
                kind,
                campaign_id,
                plan_hash=str(fields.get("plan_hash", "")),
                by=by,
                reason=reason,
                changes=_changes(str(fields.get("changes", ""))) if kind == "edit" else None,
                deps=visitor.deps,
            )
        except LiftwrightError as error:
            status = 409 if isinstance(error, ApprovalError) else 422
            return _review(site, request, campaign_id, visitor, status=status, error=error)
        return back(f"/approvals/{campaign_id}")


def _review(
    site: Site,
    request: Request,
    campaign_id: str,
    visitor: Visitor,
    *,
    status: int = 200,
    error: LiftwrightError | None = None,
    since: int = 0,
) -> Response:
    data = campaign(campaign_id, visitor.deps)
    data["findings"] = sorted(data["findings"], key=lambda finding: ORDER.index(finding["severity"]))
    values = {"c": data, "error": error, "sign": _signatures(campaign_id, visitor.deps)}
    values |= _changed(campaign_id, data, since, visitor.deps)
    return site.page(request, "review.html", status=status, title=f"Review of {campaign_id}", **values)


def _changed(campaign_id: str, data: dict[str, Any], since: int, deps: Deps) -> dict[str, Any]:
    """What differs from an earlier revision (the one before, where none is named), word by word, and why each revision was made."""
    revision = data["revision"]
    earlier = since if 0 < since < revision else revision - 1
    old, new = (deps.campaigns.plan(campaign_id, number) if number > 0 else None for number in (earlier, revision))
    asked = [each for each in data["decided"] if each["kind"] in ("edit", "respond")]
    return {
        "since": earlier,
        "changed": differing.word_by_word(old, new) if old is not None and new is not None else (),
        "because": {number: each["reason"] for number, each in enumerate(asked, start=2) if each["reason"]},
    }


def _signatures(campaign_id: str, deps: Deps) -> dict[str, Any] | None:
    """What waits, who signed it, what is missing and who could; None where nothing waits."""
    row = deps.approvals.pending(campaign_id)
    if row is None:
        return None
    return {
        "row": row,
        "needs": signing.needs(row, deps=deps),
        "missing": signing.missing(row, deps=deps),
        "signed": [each.by for each in deps.users.signatures(row.approval_id) if each.plan_hash == row.plan_hash],
        "could": signing.who_could(row, deps=deps) if deps.users.all() else "",
    }


def _changes(text: str) -> dict[str, str]:
    """`path = value` line by line. Raises ApprovalError for a line that is not."""
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        path, sign, value = line.partition("=")
        if not sign or not path.strip():
            says = f"'{line[:60]}' is not PATH = VALUE."
            raise ApprovalError("EDIT-FORM", says, next_step="Write it like objective.budget = 2000, one change a line.")
        found[path.strip()] = value.strip()
    return found
