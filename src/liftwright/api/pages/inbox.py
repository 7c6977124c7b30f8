"""Approvals: what waits, riskiest first; what was put off, what was decided, and equal small ones together."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages import arriving
from liftwright.api.pages.site import Site, Visitor, back, campaign
from liftwright.domain.errors import ApprovalError, LiftwrightError
from liftwright.flow import deciding, shown, signing
from liftwright.flow import inbox as inboxes
from liftwright.ports import Deps

SHOWS = ("waiting", "mine", "snoozed", "done")
FEWEST = 2
"""Equal low-risk questions from which they can be decided together."""


def routes(site: Site) -> APIRouter:
    """GET /approvals, GET and POST /approvals/group, POST /approvals/snooze."""
    router = APIRouter()

    @router.get("/approvals")
    def inbox(request: Request, show: str = "waiting", words: str = "", risk: str = "") -> Response:
        visitor = site.inside(request)
        mark = arriving.mark(visitor.deps)  # before the rows: what comes while they are read is news
        put_off = inboxes.put_off(by=visitor.name, deps=visitor.deps)
        rows = [_with_facts(row, visitor.deps) for row in shown.approvals_json(deps=visitor.deps) if _is_meant(row, words, risk)]
        awake = [row for row in rows if row["approval_id"] not in put_off]
        values: dict[str, Any] = {
            "show": show if show in SHOWS else SHOWS[0],
            "rows": awake,
            "mine": [row for row in awake if visitor.name in row["could"]],
            "asleep": [row | {"until": put_off[row["approval_id"]]} for row in rows if row["approval_id"] in put_off],
            "done": inboxes.decided(deps=visitor.deps),
            "groups": _groups(awake),
            "open": inboxes.open_questions(deps=visitor.deps),
            "over": inboxes.ran_out(deps=visitor.deps),
            "asked": {"words": words, "risk": risk},
            "mark": mark,
        }
        return site.page(request, "approvals.html", title="Approvals", **values)

    @router.post("/approvals/snooze")
    async def snooze(request: Request) -> Response:
        visitor, fields = await site.form(request)
        inboxes.snooze(
            str(fields.get("approval", "")),
            until=str(fields.get("until", "")),
            by=visitor.name,
            deps=visitor.deps,
        )
        return back("/approvals" if fields.get("until") == inboxes.WAKE else "/approvals?show=snoozed")

    _together(site, router)
    return router


def _is_meant(row: dict[str, Any], words: str, risk: str) -> bool:
    """Whether a row is of a risk (any, where none is named) and has all of these words in it."""
    said = " ".join(str(row[name]) for name in ("title", "campaign_id", "trigger", "asked_by", "needs")).lower()
    return risk in ("", row["risk"]) and all(word in said for word in words.lower().split())


def _with_facts(row: dict[str, Any], deps: Deps) -> dict[str, Any]:
    """A row with the plan it is about: people, cost, level of autonomy, findings to look at; and who could sign it."""
    plan = deps.campaigns.plan(row["campaign_id"])
    assert plan is not None, "what waits has a plan"
    looks = [finding for finding in plan.findings if finding.severity in ("needs_approval", "warn")]
    could = [user.name for user, _ in signing.able(deps.approvals.get(row["approval_id"]), deps=deps)]
    facts = {"could": could, "people": plan.audience.selected, "cost": plan.forecast.cost.as_json(), "level": plan.autonomy_level}
    return row | facts | {"looks": len(looks)}


def _together(site: Site, router: APIRouter) -> None:
    """Equal low-risk questions, looked at together and decided one by one with the same word."""

    @router.get("/approvals/group")
    def group(request: Request, trigger: str = "") -> Response:
        visitor = site.inside(request)
        return site.page(request, "approvals_group.html", **_group(trigger, visitor), told=None)

    @router.post("/approvals/group")
    async def decide(request: Request) -> Response:
        visitor, fields = await site.form(request)
        trigger, kind, reason = (str(fields.get(name, "")).strip() for name in ("trigger", "kind", "reason"))
        if kind not in ("approve", "reject") or (kind == "reject" and not reason):
            says = "That is no decision, or it lacks its reason."
            raise ApprovalError("APPROVAL-KIND", says, next_step="Go back and say both.")
        rows = {row["approval_id"]: row for row in _groups(shown.approvals_json(deps=visitor.deps)).get(trigger, [])}
        wanted = [str(each).partition(" ") for each in fields.getlist("chosen")]
        by = visitor.acting(fields)
        told = [
            await _decided(rows.get(name), plan_hash, kind=kind, by=by, reason=reason, visitor=visitor)
            for name, _, plan_hash in wanted
        ]
        return site.page(request, "approvals_group.html", **_group(trigger, visitor), told=told)


def _group(trigger: str, visitor: Visitor) -> dict[str, Any]:
    """A group as its page shows it, each with the figures of its plan."""
    rows = _groups(shown.approvals_json(deps=visitor.deps)).get(trigger, [])
    return {
        "title": "Decide together",
        "trigger": trigger,
        "rows": [row | {"c": campaign(row["campaign_id"], visitor.deps)} for row in rows],
    }


async def _decided(
    row: dict[str, Any] | None, plan_hash: str, *, kind: Any, by: str, reason: str, visitor: Visitor
) -> dict[str, str]:
    """One decision of many, and how it went; what is no longer of the group is left alone."""
    if row is None:
        return {"title": "A question", "campaign_id": "", "says": "Not done: it is not among the low-risk ones any more."}
    try:
        await deciding.decide(kind, row["campaign_id"], plan_hash=plan_hash, by=by, reason=reason, deps=visitor.deps)
    except LiftwrightError as error:
        return {"title": row["title"], "campaign_id": row["campaign_id"], "says": f"Not done: {error.says} {error.next_step}"}
    return {"title": row["title"], "campaign_id": row["campaign_id"], "says": f"{kind}: done."}


def _groups(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Low-risk questions by what triggered them, where there are several."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["risk"] == "low":
            found.setdefault(row["trigger"], []).append(row)
    return {trigger: some for trigger, some in found.items() if len(some) >= FEWEST}
