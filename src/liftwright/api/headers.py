"""Headers of every answer: no strangers' code, no frames, no guessing of types; and how long a browser may keep it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"),
        *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
    )
)
SELF_CONTAINED = "default-src 'none'; style-src '{}'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
"""For a page that carries its own style, by the hash of it, and nothing else."""
FOR_EVER = "public, max-age=31536000, immutable"


class Headers:
    """ASGI middleware. Files under /static carry their fingerprint in the address, so they may be kept; nothing else may. A page may
    bring a stricter policy of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and add the headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_static = scope["path"].startswith("/static/") and bool(scope["query_string"])

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", POLICY)
                headers["x-content-type-options"] = "nosniff"
                headers.setdefault("referrer-policy", "same-origin")
                headers["cross-origin-opener-policy"] = "same-origin"
                headers["cache-control"] = FOR_EVER if is_static else "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)
