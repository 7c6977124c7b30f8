"""Signing in and out. With users: name and key open a session of 12 hours. Without: a name, taken as it is."""

from __future__ import annotations

import secrets
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import SecretStr

from liftwright.api.limits import SESSION
from liftwright.api.pages.site import DAYS_90, NAME, VISIT, Site, back, keep
from liftwright.domain.errors import ApprovalError, ConfigError
from liftwright.flow import people
from liftwright.flow.signing import SESSION_LASTS

REFUSED = "This name and key let nobody in. An admin makes a key: liftwright users key NAME."
"""Said of unknown names, wrong keys and keys that are for programs alike: strangers learn no names."""


def signed_in(request: Request, name: str, session: str, to: str) -> Response:
    """On to a page with a new session; what the browser had before, whoever set it, counts no more."""
    response = back(to)
    keep(response, request, SESSION, f"{name}:{session}", lasts=int(SESSION_LASTS.total_seconds()))
    keep(response, request, VISIT, secrets.token_urlsafe(24), lasts=DAYS_90)
    return response


def routes(site: Site) -> APIRouter:
    """GET and POST /sign-in, POST /sign-out."""
    router = APIRouter()

    @router.get("/sign-in")
    def ask(request: Request, to: str = "/") -> Response:
        return site.page(request, "sign_in.html", title="Sign in", to=to, refused="")

    @router.post("/sign-in")
    async def enter(request: Request) -> Response:
        visitor, fields = await site.form(request, by_strangers=True)
        name, to = str(fields.get("name", "")).strip(), str(fields.get("to", "/"))
        if not visitor.has_users:
            response = back(to)
            keep(response, request, NAME, name[: people.LONGEST_NAME], lasts=DAYS_90)
            return response
        shown = visitor.deps.settings.model_copy(update={"key": SecretStr(str(fields.get("key", "")))})
        try:
            session = people.sign_in(name, deps=replace(visitor.deps, settings=shown))
        except (ApprovalError, ConfigError):
            return site.page(request, "sign_in.html", status=401, title="Sign in", to=to, refused=REFUSED)
        return signed_in(request, name, session, to)

    @router.post("/sign-out")
    async def leave(request: Request) -> Response:
        visitor, _ = await site.form(request, by_strangers=True)
        if visitor.has_users and visitor.name:
            people.sign_out(visitor.name, deps=visitor.deps)
        response = back("/sign-in")
        for name in (SESSION, NAME):
            response.delete_cookie(name, path="/")
        return response

    return router
