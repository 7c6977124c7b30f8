"""Signing in at a provider of the workspace's own: there and back. It says who somebody is; who may come in is still a user here."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from liftwright.api.oidc import Asked, Provider
from liftwright.api.pages.signing_in import signed_in
from liftwright.api.pages.site import VISIT, Site, keep, kept
from liftwright.domain.errors import ApprovalError, ConfigError
from liftwright.flow import people
from liftwright.ports import Deps

ATTEMPT = "lw_attempt"
BACK = "/sign-in/oidc/callback"
LASTS = 600
"""Seconds an attempt may take."""


def routes(site: Site) -> APIRouter:
    """GET /sign-in/oidc and its callback."""
    router = APIRouter()

    @router.get("/sign-in/oidc")
    def go(request: Request, to: str = "/") -> Response:
        visitor = site.visitor(request)
        secret = secrets.token_urlsafe(32)
        there = _provider(visitor.deps, request).authorize(Asked.of(secret, visitor.visit))
        response = RedirectResponse(there, status_code=303)
        keep(response, request, VISIT, visitor.visit, lasts=LASTS)
        keep(response, request, ATTEMPT, f"{secret}:{to[:1000]}", lasts=LASTS)
        return response

    @router.get(BACK)
    def come_back(request: Request, code: str = "", state: str = "") -> Response:
        visitor = site.visitor(request)
        secret, _, to = kept(request, ATTEMPT).partition(":")
        asked = Asked.of(secret, request.cookies.get(VISIT, ""))
        try:
            if not secret or not code or not asked.is_answered_by(state):
                raise ApprovalError(
                    "SIGN-IN-OTHER", "That is no answer to what this browser asked.", next_step="Begin again on the sign-in page."
                )
            name = _provider(visitor.deps, request).name(code, asked)
            by = visitor.deps.settings.oidc.issuer
            response = signed_in(request, name, people.vouched_for(name, by=by, deps=visitor.deps), to)
        except ApprovalError as error:
            response = site.page(request, "sign_in.html", status=401, title="Sign in", to="/", refused=error.says)
        response.delete_cookie(ATTEMPT, path="/")
        return response

    return router


def _provider(deps: Deps, request: Request) -> Provider:
    """The provider of the settings. Raises ConfigError where there is none."""
    settings = deps.settings.oidc
    if not settings.issuer or not settings.client_id:
        raise ConfigError("OIDC-UNKNOWN", "Nobody signs in elsewhere here.", next_step="Set `[oidc] issuer` and `client_id`.")
    host = request.headers.get("host", "")
    return Provider(settings, redirect_uri=f"{request.url.scheme}://{host}{BACK}")
