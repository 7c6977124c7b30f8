"""Who gets where: one line a route. A route that stands here under no kind fails the tests."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

ROLES = ("campaign_owner", "marketing_lead", "finance", "compliance", "marketer", "approver", "analyst", "admin")
OUTSIDE = ("stranger", "guesser", "switched off", "signed out")
"""Nobody; a made-up key; a user who was switched off; one whose key was revoked."""

ACCESS: dict[tuple[str, str], str] = {
    ("GET", "/openapi.json"): "open",
    ("GET", "/static"): "open",
    ("GET", "/sign-in"): "open",
    ("GET", "/sign-in/oidc"): "open",
    ("GET", "/sign-in/oidc/callback"): "open",
    ("POST", "/sign-in"): "open form",
    ("POST", "/sign-out"): "open form",
    ("GET", "/"): "page",
    ("GET", "/c/{talk_id}"): "page",
    ("GET", "/c/{talk_id}/part"): "part",
    ("GET", "/c/{talk_id}/events"): "part",
    ("GET", "/approvals"): "page",
    ("GET", "/approvals/{campaign_id}"): "page",
    ("GET", "/approvals/group"): "page",
    ("GET", "/approvals/events"): "part",
    ("GET", "/campaigns/{campaign_id}/evidence/{key:path}"): "page",
    ("GET", "/campaigns/{campaign_id}/report.csv"): "page",
    ("GET", "/campaigns/{campaign_id}/report.html"): "page",
    ("GET", "/campaigns/{campaign_id}/report.json"): "page",
    ("GET", "/campaigns/{campaign_id}/share"): "page",
    ("GET", "/glossary"): "page",
    ("GET", "/data/aside/{name}.csv"): "page",
    ("GET", "/evals/{suite}"): "page",
    ("GET", "/evals/{suite}/{case}"): "page",
    ("GET", "/models/{model}"): "page",
    ("GET", "/policies/{rule_id}"): "page",
    ("GET", "/shared/{token}"): "open",
    ("GET", "/shared/{token}/review"): "open",
    ("GET", "/campaigns"): "page",
    ("GET", "/campaigns/{campaign_id}"): "page",
    ("GET", "/explain"): "page",
    ("GET", "/explain/{person}"): "page",
    ("GET", "/data"): "page",
    ("GET", "/models"): "page",
    ("GET", "/policies"): "page",
    ("GET", "/journal"): "page",
    ("GET", "/evals"): "page",
    ("GET", "/settings"): "page",
    ("GET", "/settings/autonomy"): "page",
    ("GET", "/settings/channels"): "page",
    ("POST", "/settings/autonomy"): "form",
    ("POST", "/settings/first"): "form",
    ("POST", "/settings/keys"): "rights form",
    ("POST", "/settings/keys/revoke"): "rights form",
    ("POST", "/settings/users"): "rights form",
    ("POST", "/talks"): "form",
    ("POST", "/c/{talk_id}"): "form",
    ("POST", "/c/{talk_id}/stop"): "form",
    ("POST", "/approvals/{campaign_id}"): "form",
    ("POST", "/campaigns/{campaign_id}"): "form",
    ("POST", "/data"): "form",
    ("POST", "/approvals/group"): "form",
    ("POST", "/approvals/snooze"): "form",
    ("POST", "/campaigns/{campaign_id}/share"): "rights form",
    ("POST", "/campaigns/{campaign_id}/share/revoke"): "rights form",
    ("POST", "/policies/approve"): "rights form",
    ("POST", "/policies/revoke"): "rights form",
    ("POST", "/policies/waive"): "rights form",
    ("POST", "/policies/try"): "form",
    ("POST", "/data/look"): "form",
    ("POST", "/data/keep"): "form",
    ("POST", "/data/sample"): "form",
    ("POST", "/models/{model}"): "rights form",
    ("POST", "/evals/{suite}/baseline"): "rights form",
    ("GET", "/v1/campaigns"): "api",
    ("GET", "/v1/campaigns/{campaign_id}"): "api",
    ("GET", "/v1/campaigns/{campaign_id}/report"): "api",
    ("GET", "/v1/approvals"): "api",
    ("GET", "/v1/journal"): "api",
    ("GET", "/v1/journal/verify"): "api",
    ("POST", "/v1/campaigns"): "api",
    ("POST", "/v1/campaigns/{campaign_id}/again"): "api",
    ("POST", "/v1/campaigns/{campaign_id}/answers"): "api",
    ("POST", "/v1/campaigns/{campaign_id}/decisions"): "api",
    ("POST", "/v1/campaigns/{campaign_id}/stop"): "api",
    ("GET", "/v1/visitors/report"): "api",
    ("POST", "/v1/talks"): "api",
    ("GET", "/v1/talks/{talk_id}/ag-ui"): "api stream",
    ("POST", "/v1/visitors/{customer_id}/next-action"): "api",
    ("POST", "/v1/visitors/{customer_id}/events"): "api",
}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/campaigns": {"goal": "Sell more"},
    "/v1/campaigns/{campaign_id}/answers": {"text": "two weeks"},
    "/v1/campaigns/{campaign_id}/decisions": {"kind": "respond", "plan_hash": "sha256:x", "reason": "why?"},
    "/v1/campaigns/{campaign_id}/stop": {"reason": "enough"},
    "/v1/talks": {"text": "why?"},
    "/v1/visitors/{customer_id}/events": {"session": "s", "type": "click"},
}
NAMED = ("/v1/campaigns", "/v1/talks", "/v1/campaigns/{campaign_id}/decisions", "/v1/campaigns/{campaign_id}/stop")
"""Routes whose body says who acts."""


def every_route(app: FastAPI) -> set[tuple[str, str]]:
    """Method and path of everything the application answers, files of the site under their folder."""
    found: set[tuple[str, str]] = set()
    for context in iter_route_contexts(app.routes):
        methods = set(getattr(context, "methods", None) or {"GET"}) - {"HEAD"}
        found |= {(method, str(context.path)) for method in methods}
    return found


def forms() -> list[str]:
    """Paths of every form of a page."""
    return [path for (method, path), kind in ACCESS.items() if method == "POST" and kind.endswith("form")]
