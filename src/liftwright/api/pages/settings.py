"""Settings: who may act and with which keys, and where each channel leads. Users are changed here; channels in liftwright.toml."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright import wiring
from liftwright.api.pages.site import Site, Visitor, back
from liftwright.domain.approval import KeyScope
from liftwright.domain.errors import ConfigError
from liftwright.flow import people, signing

SCOPES: dict[KeyScope, str] = {
    "read": "look at everything",
    "plan": "ask goals and answer questions",
    "decide": "decide and stop",
    "visitors": "serve visitors",
}


def routes(site: Site) -> APIRouter:
    """GET /settings, /settings/channels; POST /settings/first, /settings/users, /settings/keys, /settings/keys/revoke."""
    router = APIRouter()

    @router.get("/settings")
    def users(request: Request) -> Response:
        site.inside(request)
        return _users(site, request)

    @router.get("/settings/channels")
    def channels(request: Request) -> Response:
        settings = site.inside(request).deps.settings
        return site.page(request, "settings_channels.html", title="Channels", settings=settings, ways=wiring.ways(settings))

    _changes(site, router)
    _keys(site, router)
    return router


def _changes(site: Site, router: APIRouter) -> None:
    """Users added and changed. What was typed wrongly is shown again beside what is wrong with it."""

    @router.post("/settings/first")
    async def begin(request: Request) -> Response:
        visitor, fields = await site.form(request)
        name, email = str(fields.get("name", "")).strip(), str(fields.get("email", "")).strip()
        try:
            if fields.get("sure") != "yes":
                raise ConfigError("USER-SURE", "Nothing was done: it was not confirmed.", next_step="Tick that you have read it.")
            key = people.begin(name, email=email, deps=visitor.deps)
        except ConfigError as error:
            return _users(site, request, refused=error, given={"name": name, "email": email})
        site.look_again(request)
        return _users(site, request, made={"name": name, "key": key, "scopes": []})

    @router.post("/settings/users")
    async def put(request: Request) -> Response:
        visitor, fields = await site.form(request)
        _must_have_users(visitor)
        roles = [str(role) for role in fields.getlist("role")]
        given = {name: str(fields.get(name, "")).strip() for name in ("name", "email", "new")}
        is_active, is_new = fields.get("active") == "yes", given["new"] == "yes"
        values: dict[str, Any] = {"roles": roles, "is_active": is_active, "email": given["email"], "is_new": is_new}
        try:
            people.put(given["name"], by=visitor.name, deps=visitor.deps, **values)
        except ConfigError as error:
            return _users(site, request, refused=error, given=given | {"roles": roles, "is_active": is_active})
        return back("/settings")


def _keys(site: Site, router: APIRouter) -> None:
    """Keys made, which is the only time they are seen, and ended."""

    @router.post("/settings/keys")
    async def make(request: Request) -> Response:
        visitor, fields = await site.form(request)
        _must_have_users(visitor)
        name, scopes = str(fields.get("name", "")), cast("list[KeyScope]", [str(each) for each in fields.getlist("scope")])
        key = people.new_key(name, by=visitor.name, scopes=scopes, deps=visitor.deps)
        return _users(site, request, made={"name": name, "key": key, "scopes": scopes})

    @router.post("/settings/keys/revoke")
    async def revoke(request: Request) -> Response:
        visitor, fields = await site.form(request)
        _must_have_users(visitor)
        people.revoke_keys(str(fields.get("name", "")), by=visitor.name, deps=visitor.deps)
        return back("/settings")


def _must_have_users(visitor: Visitor) -> None:
    if not visitor.has_users:
        raise ConfigError(
            "USER-FIRST", "This workspace has no users yet.", next_step="Add the first one, an admin, on /settings."
        )


def _users(
    site: Site,
    request: Request,
    *,
    made: dict[str, Any] | None = None,
    refused: ConfigError | None = None,
    given: dict[str, Any] | None = None,
) -> Response:
    """The page of users; `made` a key that is seen now and never again, `refused` what was wrong with `given`."""
    visitor = site.visitor(request)
    deps, admins = visitor.deps, people.admins(deps=visitor.deps)
    values: dict[str, Any] = {
        "users": deps.users.all() if not visitor.needs_sign_in else [],
        "roles": deps.library.policies().autonomy["roles"],
        "admins": admins,
        "is_admin": visitor.has_users and visitor.name in admins,
        "scopes": SCOPES,
        "ends_at": deps.now() + signing.KEY_LASTS,
        "days": signing.KEY_LASTS // timedelta(days=1),
        "notify": deps.settings.notify,
        "made": made,
        "refused": refused,
        "given": {"name": "", "email": "", "new": "", "roles": [], "is_active": True} | (given or {}),
    }
    return site.page(request, "settings.html", status=422 if refused else 200, title="Settings", **values)
