"""Rules: looked up, one with its tests, tried on a text; waivers asked for, approved and taken back."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, back
from liftwright.compliance import waivers
from liftwright.domain.profile import CHANNELS
from liftwright.flow import rulebook, waiving
from liftwright.ports import Deps


def routes(site: Site) -> APIRouter:
    """GET /policies (`scope`, `severity`, `text`, `since`), GET /policies/{rule}; POST /policies/try, waive, approve and revoke."""
    router = APIRouter()

    @router.get("/policies")
    def every(request: Request, scope: str = "", severity: str = "", text: str = "", since: str = "") -> Response:
        deps = site.inside(request).deps
        values: dict[str, Any] = {
            "rules": rulebook.found(scope=scope, severity=severity, text=text, deps=deps),
            "asked": {"scope": scope, "severity": severity, "text": text, "since": since},
            "since": rulebook.since(since.strip(), deps=deps) if since.strip() else None,
        }
        return site.page(request, "policies.html", title="Policies", **values, **_always(deps))

    @router.get("/policies/{rule_id}")
    def one(request: Request, rule_id: str) -> Response:
        deps = site.inside(request).deps
        found = rulebook.one(rule_id, deps=deps)
        return site.page(request, "policy.html", title=f"Rule {rule_id}", one=found, **_always(deps))

    @router.post("/policies/try")
    async def try_text(request: Request) -> Response:
        """Shown at once: nothing is kept of it, so there is no page it could lead to."""
        visitor, fields = await site.form(request)
        given = {name: str(fields.get(name, "")) for name in ("text", "subject", "channel", "country")}
        found = rulebook.tried(deps=visitor.deps, **given)
        shown = [finding.model_dump(mode="json") for finding in found]
        values = {"given": given, "findings": shown, **_always(visitor.deps)}
        return site.page(request, "policy_try.html", title="A text tried", **values)

    _waiving(site, router)
    return router


def _waiving(site: Site, router: APIRouter) -> None:
    """Forms about waivers; each leads to the page of the rule it is about."""

    @router.post("/policies/waive")
    async def ask(request: Request) -> Response:
        visitor, fields = await site.form(request)
        days = str(fields.get("days", ""))
        made = waiving.ask(
            str(fields.get("rule", "")),
            campaign_id=str(fields.get("campaign", "")).strip() or None,
            reason=str(fields.get("reason", "")),
            days=int(days) if days.isascii() and days.isdigit() and len(days) < 4 else 0,
            by=visitor.acting(fields),
            deps=visitor.deps,
        )
        return _to(made.rule)

    @router.post("/policies/approve")
    async def approve(request: Request) -> Response:
        visitor, fields = await site.form(request)
        made = waiving.approve(str(fields.get("waiver", "")), by=visitor.acting(fields), deps=visitor.deps)
        return _to(made.rule)

    @router.post("/policies/revoke")
    async def revoke(request: Request) -> Response:
        visitor, fields = await site.form(request)
        made = waiving.revoke(str(fields.get("waiver", "")), by=visitor.acting(fields), deps=visitor.deps)
        return _to(made.rule)


def _to(rule_id: str) -> Response:
    return back(f"/policies/{quote(rule_id, safe='')}#waivers")


def _always(deps: Deps) -> dict[str, Any]:
    """What every page of rules speaks of."""
    return {
        "bundle": deps.library.policies(),
        "waivers": waiving.every(deps=deps),
        "now": deps.now(),
        "house": waivers.HOUSE,
        "longest": waivers.LONGEST_DAYS,
        "scopes": rulebook.SCOPES,
        "severities": rulebook.SEVERITIES,
        "channels": CHANNELS,
        "country": deps.settings.country,
    }
