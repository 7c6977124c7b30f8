"""The review of one plan, drawn from the plan and never from a model's prose, and the four decisions."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from liftwright.api.pages import editing, one_person, revisions
from liftwright.api.pages.site import Site, Visitor, back, campaign
from liftwright.compliance import waivers
from liftwright.domain.approval import ApprovalRequest, DecisionKind
from liftwright.domain.errors import ApprovalError, LiftwrightError
from liftwright.domain.plan import Plan
from liftwright.flow import asking, deciding, signing, waiving
from liftwright.ports import Deps

ORDER = ("block", "needs_approval", "warn", "info")
DECISIONS: dict[str, DecisionKind] = {"approve": "approve", "edit": "edit", "reject": "reject", "respond": "respond"}
BECAUSE = (
    "",
    "the wrong people",
    "too expensive for what it brings",
    "the offer gives too much away",
    "a text is not how we speak, or not true",
    "the wrong time",
    "too many messages",
    "it cannot be measured well enough",
)
"""Why plans are rejected, to choose from; the first is for one's own words."""


def routes(site: Site) -> APIRouter:
    """GET and POST /approvals/{campaign}."""
    router = APIRouter()

    @router.get("/approvals/{campaign_id}")
    def review(request: Request, campaign_id: str, since: int = 0, person: str = "") -> Response:
        visitor = site.inside(request)
        return _review(site, request, campaign_id, visitor, since=since, person=person)

    @router.post("/approvals/{campaign_id}")
    async def decide(request: Request, campaign_id: str) -> Response:
        visitor, fields = await site.form(request)
        asked = visitor.deps.approvals.pending(campaign_id)
        try:
            if fields.get("kind") == "preview":
                preview = await _preview(campaign_id, fields, visitor.deps)
                return _review(site, request, campaign_id, visitor, preview=preview, given=fields)
            await _decide(campaign_id, fields, asked, visitor)
        except LiftwrightError as error:
            status = 409 if isinstance(error, ApprovalError) else 422
            kept = _kept(asked, visitor.deps)
            return _review(site, request, campaign_id, visitor, status=status, error=error, kept=kept, given=fields)
        return back(f"/approvals/{campaign_id}")

    return router


async def _decide(campaign_id: str, fields: FormData, asked: ApprovalRequest | None, visitor: Visitor) -> None:
    """One of the four decisions. Raises ApprovalError for what is none, or lacks its reason or the cost that must be typed once more."""
    kind, reason = DECISIONS.get(str(fields.get("kind", ""))), str(fields.get("reason", "")).strip()
    because = str(fields.get("because", ""))
    if kind == "reject" and because in BECAUSE[1:]:
        reason = f"{because}: {reason}" if reason else because
    if kind is None or (kind == "reject" and not reason):
        says = "That is no decision, or it lacks its reason."
        raise ApprovalError("APPROVAL-KIND", says, next_step="Go back and say both.")
    plan = visitor.deps.campaigns.plan(campaign_id)
    if kind == "approve" and plan is not None and _must_retype(asked, visitor):
        _check_retyped(str(fields.get("retyped", "")), plan)
    await deciding.decide(
        kind,
        campaign_id,
        plan_hash=str(fields.get("plan_hash", "")),
        by=visitor.acting(fields),
        reason=reason,
        changes=editing.changes(fields, plan) if kind == "edit" and plan is not None else None,
        deps=visitor.deps,
    )


def _check_retyped(text: str, plan: Plan) -> None:
    """Raises ApprovalError unless the text is the contact cost of the plan."""
    if text.replace(",", "").split()[:1] != [str(plan.forecast.cost.amount)]:
        says = f"The risk is high, and what was typed is not the contact cost, {plan.forecast.cost}."
        raise ApprovalError("APPROVAL-RETYPE", says, next_step="Read the figures once more, and type it.")


async def _preview(campaign_id: str, fields: FormData, deps: Deps) -> dict[str, Any]:
    """What an edit would bring, solved again and not saved. Raises GoalError where it cannot be, or changes nothing."""
    plan = deps.campaigns.plan(campaign_id)
    return await asyncio.to_thread(asking.whatif, campaign_id, editing.changes(fields, plan) if plan else {}, deps=deps)


def _must_retype(row: ApprovalRequest | None, visitor: Visitor) -> bool:
    """Whether an approver types the cost once more: the risk is high, and there are no users of whom a second one would have to sign."""
    return row is not None and row.risk == "high" and row.thread_id == row.campaign_id and not visitor.has_users


def _kept(asked: ApprovalRequest | None, deps: Deps) -> ApprovalRequest | None:
    """The row that waited before, where it was decided just now and what follows from it is still to be done."""
    row = deps.approvals.get(asked.approval_id) if asked is not None else None
    return row if row is not None and row.decided_at is not None and row.resumed_at is None else None


def _review(
    site: Site,
    request: Request,
    campaign_id: str,
    visitor: Visitor,
    *,
    status: int = 200,
    error: LiftwrightError | None = None,
    kept: ApprovalRequest | None = None,
    preview: dict[str, Any] | None = None,
    given: FormData | None = None,
    since: int = 0,
    person: str = "",
) -> Response:
    deps = visitor.deps
    data = campaign(campaign_id, deps)
    data["findings"] = sorted(data["findings"], key=lambda finding: ORDER.index(finding["severity"]))
    sign, plan = _signatures(campaign_id, deps), deps.campaigns.plan(campaign_id)
    row = sign["row"] if sign else None
    values: dict[str, Any] = {"c": data, "error": error, "kept": kept, "preview": preview, "sign": sign, "because_of": BECAUSE}
    values |= _rules(data, deps)
    values |= {"is_plan": row is not None and row.thread_id == campaign_id, "must_retype": _must_retype(row, visitor)}
    values["example"] = one_person.example(campaign_id, person, by=visitor.name, deps=deps) if plan is not None else None
    values |= _form(given, plan) | revisions.changed(data, since, deps)
    return site.page(request, "review.html", status=status, title=f"Review of {campaign_id}", **values)


def _form(given: FormData | None, plan: Plan | None) -> dict[str, Any]:
    """The form in which the plan is edited, as somebody filled it or as the plan is."""
    typed = given if given is not None and given.get("kind") in ("edit", "preview") else FormData()
    return {
        "fields": editing.shown(typed, plan) if plan is not None else [],
        "typed": str(typed.get("changes", "")),
        "said": str(typed.get("reason", "")),
    }


def _rules(data: dict[str, Any], deps: Deps) -> dict[str, Any]:
    """How many more rules were asked (None where today's rules are not the plan's), and who could waive each that forbids it."""
    bundle = deps.library.policies()
    rules = {rule.id: rule for rule in bundle.rules}
    is_same = "pins" in data and data["pins"]["policies"] == bundle.digest
    spoke = {finding["rule"] for finding in data["findings"]}
    able = [user.name for user in deps.users.all() if user.is_active and set(user.roles) & set(waiving.MAY_APPROVE)]
    forbid = [finding["rule"] for finding in data["findings"] if finding["severity"] == "block" and finding["rule"] in rules]
    return {
        "passed": len(rules.keys() - spoke) if is_same else None,
        "waivable": {
            rule: f"It can never be waived: {never}."
            if (never := waivers.why_never(rules[rule]))
            else f"A waiver can be asked for; it is approved by somebody else: {', '.join(able) or ' or '.join(waiving.MAY_APPROVE)}."
            for rule in forbid
        },
    }


def _signatures(campaign_id: str, deps: Deps) -> dict[str, Any] | None:
    """What waits, who signed it, what is missing and who could; None where nothing waits."""
    row = deps.approvals.pending(campaign_id)
    if row is None:
        return None
    return {
        "row": row,
        "asked_by": signing.asked_by(row, deps=deps),
        "needs": signing.needs(row, deps=deps),
        "missing": signing.missing(row, deps=deps),
        "signed": [each.by for each in deps.users.signatures(row.approval_id) if each.plan_hash == row.plan_hash],
        "could": signing.who_could(row, deps=deps) if deps.users.all() else "",
    }
