"""How much and how often: bodies that are too large and callers that ask too often are refused before anything reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from liftwright.api import problems
from liftwright.api.buckets import Allowed, Buckets
from liftwright.domain.errors import DataError, LiftwrightError
from liftwright.settings.serving import ServerSettings

MOST_BODY = 1_000_000
MOST_UPLOAD = 200_000_000
"""Bytes of a request, and of one that brings a file, form around it not counted."""
UPLOADS = ("/data", "/data/look")
SESSION = "lw_session"
SIGN_IN, SHARED, VISITORS = "/sign-in", "/shared/", "/v1/visitors/"
KEY = "liftwright.key"
"""Where in a request's scope the digest of the key it shows stands."""


class Limits:
    """ASGI middleware. `/static` costs nothing; a stream of events counts once, when it is opened."""

    def __init__(self, app: ASGIApp, *, buckets: Buckets, settings: Callable[[], ServerSettings]) -> None:
        self._app, self._buckets, self._settings = app, buckets, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 413 or 429."""
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        told, refused = self._rate(scope, headers)
        most = MOST_UPLOAD + MOST_BODY if scope["path"] in UPLOADS else MOST_BODY
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            refused = refused or DataError("REQUEST-NUL", "An address holds a NUL character.", next_step="Leave it out.")
        length = headers.get("content-length", "0")
        if refused is None and (not length.isdecimal() or len(length) > 15 or int(length) > most):
            refused = too_large(most)
        if refused is not None:
            await problems.of(refused, headers=told)(scope, receive, send)
            return

        async def with_rate(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            await send(message)

        await self._app(scope, _bounded(receive, most), with_rate)

    def _rate(self, scope: Scope, headers: Headers) -> tuple[dict[str, str], LiftwrightError | None]:
        """Headers that say where a caller stands, and why they may not, if so."""
        settings, address = self._settings(), (scope.get("client") or ("nowhere", 0))[0]
        scope[KEY] = _key(headers)
        told: dict[str, str] = {}
        name, quota = "requests", settings.requests_per_minute
        if scope["path"].startswith(VISITORS):
            name, quota = "visitors", settings.visitor_requests_per_minute
        if quota:
            caller = f"{name} {self._buckets.caller(scope[KEY], address)}"
            allowed = self._buckets.take(caller, per_minute=quota)
            told = _told(name, quota, allowed)
            if not allowed.is_allowed:
                return told, _too_often(allowed)
        door, per_minute = _door(scope, settings)
        if per_minute:
            allowed = self._buckets.take(f"{door} {self._buckets.caller(None, address)}", per_minute=per_minute)
            if not allowed.is_allowed:
                return _told(door, per_minute, allowed), _too_often(allowed)
        return told, None


def _door(scope: Scope, settings: ServerSettings) -> tuple[str, int]:
    """The door at which a secret can be guessed that a request comes to, and how often an address may in a minute, right or wrong."""
    path = scope["path"]
    if path.startswith(SHARED):
        return "links", settings.links_per_minute
    is_attempt = path.startswith(f"{SIGN_IN}/oidc/") or (path == SIGN_IN and scope["method"] == "POST")
    return ("sign-ins", settings.sign_ins_per_minute) if is_attempt else ("", 0)


def too_large(most: int) -> DataError:
    """The refusal of a body of more bytes than that."""
    says = f"The request is larger than {most // 1_000_000} MB."
    return DataError("REQUEST-SIZE", says, next_step="Send less; import large files with: liftwright import FILE --as TABLE.")


def _bounded(receive: Receive, most: int) -> Receive:
    """The same body, refused where it gets longer than it said or than it may be."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise too_large(most)
        return message

    return bounded


def _key(headers: Headers) -> str | None:
    """The digest of the key a request shows: as a bearer, or in the cookie of a session."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        try:
            session = SimpleCookie(headers.get("cookie", "")).get(SESSION)
        except CookieError:
            session = None
        key = session.value.rpartition(":")[2] if session is not None else ""
    return digest(key.strip()) if key.strip() else None


def digest(key: str) -> str:
    """Under which a key is known to the buckets."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _told(name: str, quota: int, allowed: Allowed) -> dict[str, str]:
    told = {
        "ratelimit-policy": f'"{name}";q={quota};w=60',
        "ratelimit": f'"{name}";r={allowed.left};t={allowed.wait}',
    }
    return told if allowed.is_allowed else told | {"retry-after": str(max(1, allowed.wait))}


def _too_often(allowed: Allowed) -> LiftwrightError:
    next_step = f"Try again in {max(1, allowed.wait)} seconds."
    return LiftwrightError("RATE", "That was asked too often in a minute.", next_step=next_step)
